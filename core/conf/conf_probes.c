/* The parts of an environment that name addresses of each service: health and metrics. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

enum { LEAST_EVERY_MS = 1000, MOST_EVERY_MS = 600000, LEAST_TIMEOUT_MS = 100 };

const struct conf_probe *conf_probe_of(const struct conf_probes *p, const char *workload, const char *service)
{
    for (size_t i = 0; i < p->n_services; i++) {
        if (text_eq(p->services[i].service, workload) || text_eq(p->services[i].service, service))
            return &p->services[i].probe;
    }
    return &p->all;
}

/* 200, 2xx, or a list of them. */
static bool add_expect(struct conf_probe *p, const char *s)
{
    int64_t status;
    if (!s || p->n_expect == MEASURE_EXPECT)
        return false;
    if (strlen(s) == 3 && s[0] >= '1' && s[0] <= '5' && text_eq_fold(s + 1, "xx"))
        p->expect[p->n_expect++] = (struct conf_status){ (s[0] - '0') * 100, (s[0] - '0') * 100 + 99 };
    else if (text_to_int(s, strlen(s), 100, 599, &status))
        p->expect[p->n_expect++] = (struct conf_status){ (int)status, (int)status };
    else
        return false;
    return true;
}

static void read_expect(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *n)
{
    bool is_good = n->kind == YAML_SCALAR || (n->kind == YAML_SEQ && n->n);
    p->n_expect = 0;
    if (n->kind == YAML_SCALAR)
        is_good = add_expect(p, yaml_text(n));
    for (size_t i = 0; n->kind == YAML_SEQ && i < n->n; i++)
        is_good = is_good && add_expect(p, yaml_text(n->items[i]));
    if (!is_good)
        conf_bad(r, n, "expect is a status like 200, a class like 2xx, or a list of up to %d of them", MEASURE_EXPECT);
}

static void read_path(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *n)
{
    const char *path = conf_clean_text(r, n, "path");
    if (path && (path[0] != '/' || strpbrk(path, " #\"<>\\^`|{}")))
        conf_bad(r, n, "path begins with '/' and holds no blank, like /healthz");
    p->path = path;
}

static void read_port(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *n)
{
    int64_t port;
    const char *s = conf_clean_text(r, n, "port");
    bool is_name = s && text_is_dns1123_label(s) && strlen(s) <= 15 && s[strspn(s, "0123456789")];
    if (s && !is_name && !text_to_int(s, strlen(s), 1, 65535, &port))
        conf_bad(r, n, "port: \"%.40s\" is neither a number up to 65535 nor the name of a port", s);
    p->port = s;
}

static void read_probe_url(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *n)
{
    static const char *const fields[] = { "service", "namespace", "port", "path" };
    const char *url = conf_clean_text(r, n, "url");
    if (url && conf_check_url(r, n, "url", url))
        conf_check_fields(r, n, "url", url, fields, ARRAY_LEN(fields));
    p->server.url = url;
}

static void read_key(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *key,
                     const struct yaml_node *v)
{
    static const char *const ways[] = { "api", "direct" };
    static const char *const known[] = {
        "path",       "port", "every", "timeout",          "expect", "headers", "token_file",
        "basic_file", "via",  "url",   "follow_redirects", "tls",    "services"
    };
    if (text_eq(key->text, "path")) {
        read_path(r, p, v);
    } else if (text_eq(key->text, "port")) {
        read_port(r, p, v);
    } else if (text_eq(key->text, "every")) {
        double ms = conf_span(r, v, "every", LEAST_EVERY_MS, MOST_EVERY_MS);
        p->every_ms = isnan(ms) ? p->every_ms : (int64_t)ms;
    } else if (text_eq(key->text, "timeout")) {
        double ms = conf_span(r, v, "timeout", LEAST_TIMEOUT_MS, MOST_EVERY_MS);
        p->timeout_ms = isnan(ms) ? p->timeout_ms : (int64_t)ms;
    } else if (text_eq(key->text, "expect")) {
        read_expect(r, p, v);
    } else if (text_eq(key->text, "via")) {
        int w = conf_choice(r, v, "via", ways, ARRAY_LEN(ways));
        p->via = w < 0 ? p->via : (enum conf_via)w;
    } else if (text_eq(key->text, "url")) {
        read_probe_url(r, p, v);
    } else if (text_eq(key->text, "follow_redirects")) {
        if (!yaml_bool(v, &p->follows_redirects))
            conf_bad(r, v, "follow_redirects must be true or false");
    } else if (!conf_read_server_key(r, &p->server, key->text, v)) {
        conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
}

/* What the API server does not let through is said, not dropped. */
static void check_way(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *map)
{
    const struct conf_server *s = &p->server;
    const struct yaml_node *via = yaml_get(map, "via");
    if (s->url && !via)
        p->via = CONF_VIA_DIRECT;
    if (p->via == CONF_VIA_DIRECT) {
        if (!s->url)
            conf_bad(r, map, "via: direct needs a url like \"http://{service}.{namespace}.svc:{port}{path}\"");
        if (s->token_file && s->basic_file)
            conf_bad(r, map, "token_file and basic_file: one of them must go");
        return;
    }
    const char *what = s->url                                                        ? "url"
                       : s->token_file                                               ? "token_file"
                       : s->basic_file                                               ? "basic_file"
                       : p->follows_redirects                                        ? "follow_redirects"
                       : s->tls.ca_file || s->tls.server_name || s->tls.is_insecure ? "tls"
                                                                                     : NULL;
    if (what)
        conf_bad(r, map, "%s cannot pass the API server's proxy: it needs via: direct and a url", what);
    for (size_t i = 0; i < s->n_headers; i++) {
        const char *h = s->headers[i];
        size_t n = strcspn(h, ":");
        if ((n == 13 && !strncasecmp(h, "Authorization", n)) || (n >= 12 && !strncasecmp(h, "Impersonate-", 12)))
            conf_bad(r, map, "the header %.*s would be the API server's: it needs via: direct and a url", (int)n, h);
    }
}

static void read_probe(struct conf_reader *r, struct conf_probe *p, const struct yaml_node *map)
{
    for (size_t i = 0; i < map->n; i++) {
        if (!text_eq(map->keys[i]->text, "services"))
            read_key(r, p, map->keys[i], map->items[i]);
    }
    if (p->timeout_ms > p->every_ms && !yaml_get(map, "timeout"))
        p->timeout_ms = p->every_ms;
    else if (p->timeout_ms > p->every_ms)
        conf_bad(r, yaml_get(map, "timeout"), "timeout is longer than every: the next one would not be on time");
    check_way(r, p, map);
}

static void read_services(struct conf_reader *r, struct conf_probes *all, const struct yaml_node *map)
{
    if (map->kind != YAML_MAP || map->n > CONF_SERVICES) {
        conf_bad(r, map, map->kind == YAML_MAP ? "services holds at most %d names"
                                               : "services must be a mapping like {web: off, orders: {path: /ready}}",
                 CONF_SERVICES);
        return;
    }
    struct conf_probe_of *list = arena_alloc(&r->c->arena, (map->n + 1) * sizeof *list);
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        bool is_on = true;
        list[i] = (struct conf_probe_of){ arena_strdup(&r->c->arena, key->text), all->all };
        if (!text_is_dns1123_subdomain(key->text))
            conf_bad(r, key, "\"%.60s\" is not the name of a workload or a Service", key->text);
        if (v->kind == YAML_MAP && yaml_get(v, "services"))
            conf_bad(r, yaml_get(v, "services"), "services cannot stand in a service");
        if (yaml_bool(v, &is_on))
            list[i].probe.is_off = !is_on;
        else if (v->kind == YAML_MAP)
            read_probe(r, &list[i].probe, v);
        else if (!yaml_is_null(v))
            conf_bad(r, v, "a service is off, or a mapping like {path: /ready}");
    }
    all->services = list;
    all->n_services = map->n;
}

const struct conf_probes *conf_read_probes(struct conf_reader *r, const struct yaml_node *map,
                                           const struct conf_probe *usual)
{
    struct conf_probes *p = arena_alloc(&r->c->arena, sizeof *p);
    const struct yaml_node *services = yaml_get(map, "services");
    p->all = *usual;
    p->line = map->line;
    read_probe(r, &p->all, map);
    if (!yaml_is_null(services))
        read_services(r, p, services);
    return p;
}
