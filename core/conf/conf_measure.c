/*
 * The part of an environment that is about measuring: Prometheus, Alertmanager, thresholds and links;
 * conf_probes.c has health and metrics.
 *
 * A number that cannot be meant is refused here, with its place and what to write instead: a threshold
 * of 0, of nothing or of 1e308 would make a verdict that never fires, or always.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

const char *const conf_presets[] = { "http-server", "http-server-status", "micrometer", "opentelemetry", "istio",
                                     "nginx-ingress", "traefik", NULL };

static const char *const queries[N_QUERIES] = { "requests", "errors", "latency", "p95", "cpu", "memory", "saturation" };

const char *conf_query_name(enum conf_query q)
{
    return (size_t)q < N_QUERIES ? queries[q] : "?";
}

/* ---- values ---- */

const char *conf_clean_text(struct conf_reader *r, const struct yaml_node *n, const char *what)
{
    const char *s = conf_text(r, n, what);
    if (s && strlen(s) > MEASURE_TEXT) {
        conf_bad(r, n, "%s holds at most %d bytes", what, MEASURE_TEXT);
        return NULL;
    }
    for (const char *p = s; p && *p; p++) {
        if (iscntrl((unsigned char)*p)) {
            conf_bad(r, n, "%s: a control character cannot stand here", what);
            return NULL;
        }
    }
    return s;
}

double conf_span(struct conf_reader *r, const struct yaml_node *n, const char *what, int64_t least_ms, int64_t most_ms)
{
    int64_t ms;
    const char *s = conf_text(r, n, what);
    if (!s)
        return NAN;
    bool has_unit = s[0] && isalpha((unsigned char)s[strlen(s) - 1]);
    if (!has_unit || !text_to_span_ms(s, &ms) || ms < least_ms || ms > most_ms) {
        bool is_small = least_ms < 1000;
        conf_bad(r, n, "%s: \"%.40s\" is not a time like %s, from %d %s to %d s", what, s,
                 is_small ? "200ms" : "30s or 5m", (int)(is_small ? least_ms : least_ms / 1000),
                 is_small ? "ms" : "s", (int)(most_ms / 1000));
        return NAN;
    }
    return (double)ms;
}

bool conf_check_url(struct conf_reader *r, const struct yaml_node *n, const char *what, const char *url)
{
    const char *host = url;
    if (!text_skip(&host, "http://") && !text_skip(&host, "https://"))
        conf_bad(r, n, "%s must begin with http:// or https://", what);
    else if (!host[strspn(host, "/?:")] || strchr("/?:#", host[0]))
        conf_bad(r, n, "%s names no host", what);
    else if (memchr(host, '@', strcspn(host, "/?#"))) /* never repeated: it may be a password */
        conf_bad(r, n, "%s holds a user or password: use basic_file or token_file", what);
    else if (strpbrk(url, " #\"<>\\^`|"))
        conf_bad(r, n, "%s holds a blank or another character that no URL has", what);
    else
        return true;
    return false;
}

void conf_check_fields(struct conf_reader *r, const struct yaml_node *n, const char *what, const char *text,
                       const char *const *fields, size_t n_fields)
{
    for (const char *p = text; (p = strchr(p, '{'));) {
        char name[32] = "";
        size_t len = strcspn(++p, "{}");
        bool is_known = false;
        if (len < sizeof name)
            memcpy(name, p, len);
        for (size_t i = 0; i < n_fields; i++)
            is_known |= p[len] == '}' && text_eq(name, fields[i]);
        if (!is_known) {
            const char *near = text_nearest(name, fields, n_fields);
            conf_bad(r, n, "%s: {%.31s} is none of its fields%s%s%s", what, name, near ? ", did you mean {" : "",
                     near ? near : "", near ? "}?" : "");
            return;
        }
    }
}

/* A number or a per cent, above `over` and at most `most`; NAN and an error otherwise. */
static double number(struct conf_reader *r, const struct yaml_node *n, const char *what, double over, double most,
                     const char *like)
{
    const char *s = conf_text(r, n, what);
    char *end;
    if (!s)
        return NAN;
    double v = strtod(s, &end);
    bool is_number = end != s && strspn(s, "0123456789.") == (size_t)(end - s);
    if (is_number && text_eq(end, "%"))
        v /= 100;
    else if (*end)
        is_number = false;
    if (!is_number || !(v > over) || !(v <= most)) {
        conf_bad(r, n, "%s: \"%.40s\" is not a number above %g and up to %g, like %s", what, s, over, most, like);
        return NAN;
    }
    return v;
}

/* ---- how a server is asked ---- */

static void read_headers(struct conf_reader *r, struct conf_server *s, const struct yaml_node *map)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (map->kind != YAML_MAP || map->n > MEASURE_HEADERS) {
        conf_bad(r, map,
                 map->kind == YAML_MAP ? "headers holds at most %d headers"
                                       : "headers must be a mapping like {X-Scope-OrgID: shop}",
                 MEASURE_HEADERS);
        return;
    }
    const char **lines = arena_alloc(&r->c->arena, (map->n + 1) * sizeof *lines);
    s->n_headers = 0;
    for (size_t i = 0; i < map->n; i++) {
        const char *name = map->keys[i]->text, *value = conf_clean_text(r, map->items[i], "the value of a header");
        if (!name[0] || name[strspn(name, token)])
            conf_bad(r, map->keys[i], "\"%.40s\" is not the name of a header", name);
        else if (value)
            lines[s->n_headers++] = arena_printf(&r->c->arena, "%s: %s", name, value);
    }
    s->headers = lines;
}

static void read_tls(struct conf_reader *r, struct conf_tls *t, const struct yaml_node *map)
{
    static const char *const known[] = { "ca_file", "server_name", "insecure" };
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "tls must be a mapping like {ca_file: /etc/ssl/ca.crt}");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "ca_file")) {
            t->ca_file = conf_clean_text(r, v, "tls.ca_file");
        } else if (text_eq(key->text, "server_name")) {
            t->server_name = conf_clean_text(r, v, "tls.server_name");
            if (t->server_name && !text_is_dns1123_subdomain(t->server_name))
                conf_bad(r, v, "tls.server_name: \"%.60s\" is not the name of a host", t->server_name);
        } else if (text_eq(key->text, "insecure")) {
            if (!yaml_bool(v, &t->is_insecure))
                conf_bad(r, v, "tls.insecure must be true or false");
        } else {
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
        }
    }
}

bool conf_read_server_key(struct conf_reader *r, struct conf_server *s, const char *key, const struct yaml_node *v)
{
    if (text_eq(key, "headers"))
        read_headers(r, s, v);
    else if (text_eq(key, "tls"))
        read_tls(r, &s->tls, v);
    else if (text_eq(key, "token_file"))
        s->token_file = conf_clean_text(r, v, "token_file");
    else if (text_eq(key, "basic_file"))
        s->basic_file = conf_clean_text(r, v, "basic_file");
    else
        return false;
    return true;
}

/* Of a whole server: its URL may have a path before that of the API. */
static void read_url(struct conf_reader *r, struct conf_server *s, const struct yaml_node *v, const char *what)
{
    const char *url = conf_clean_text(r, v, what);
    if (!url || !conf_check_url(r, v, what, url))
        return;
    if (strchr(url, '?')) {
        conf_bad(r, v, "%s ends before a '?': what is asked is ours to add", what);
        return;
    }
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    s->url = arena_strndup(&r->c->arena, url, n);
}

static void check_server(struct conf_reader *r, const struct conf_server *s, const struct yaml_node *map,
                         const char *what)
{
    if (!yaml_get(map, "url"))
        conf_bad(r, map, "%s has a url", what);
    if (s->token_file && s->basic_file)
        conf_bad(r, yaml_get(map, "basic_file"), "token_file and basic_file: one of them must go");
}

static void read_label(struct conf_reader *r, const struct yaml_node *v, const char *what, bool may_be_empty,
                       const char **out)
{
    const char *s = conf_clean_text(r, v, what);
    bool is_name = s && (s[0] ? !isdigit((unsigned char)s[0]) : may_be_empty);
    for (const char *p = s; p && *p; p++)
        is_name = is_name && (isalnum((unsigned char)*p) || *p == '_');
    if (s && !is_name)
        conf_bad(r, v, "%s: \"%.60s\" is not the name of a label", what, s);
    *out = s;
}

/* ---- sections ---- */

static void read_queries(struct conf_reader *r, struct conf_prometheus *p, const struct yaml_node *map)
{
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "queries must be a mapping like {requests: \"sum by ($by) (increase(hits[$range]))\"}");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        size_t q = 0;
        while (q < N_QUERIES && !text_eq(map->keys[i]->text, queries[q]))
            q++;
        if (q == N_QUERIES)
            conf_unknown_key(r, map->keys[i], queries, N_QUERIES);
        else
            p->queries[q] = conf_clean_text(r, map->items[i], queries[q]);
    }
}

static void read_prometheus(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *map)
{
    static const char *const known[] = { "url", "preset", "token_file", "basic_file", "headers", "tls", "queries",
                                         "service_label", "namespace_label", "every", "range" };
    struct conf_prometheus *p = arena_alloc(&r->c->arena, sizeof *p);
    double every = 15000, range = 60000;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "url")) {
            read_url(r, &p->server, v, "prometheus.url");
        } else if (text_eq(key->text, "preset")) {
            int c = conf_choice(r, v, "preset", conf_presets, 7);
            p->preset = c < 0 ? NULL : conf_presets[c];
        } else if (text_eq(key->text, "queries")) {
            read_queries(r, p, v);
        } else if (text_eq(key->text, "service_label")) {
            read_label(r, v, "service_label", false, &p->service_label);
        } else if (text_eq(key->text, "namespace_label")) {
            read_label(r, v, "namespace_label", true, &p->namespace_label);
        } else if (text_eq(key->text, "every")) {
            every = conf_span(r, v, "every", 5000, 300000);
        } else if (text_eq(key->text, "range")) {
            range = conf_span(r, v, "range", 15000, 600000);
        } else if (!conf_read_server_key(r, &p->server, key->text, v)) {
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
        }
    }
    check_server(r, &p->server, map, "prometheus");
    if (every > range)
        conf_bad(r, map, "every is longer than range: what lies between would be lost");
    p->every_ms = isnan(every) ? 0 : (int64_t)every;
    p->range_ms = isnan(range) ? 0 : (int64_t)range;
    p->line = map->line;
    m->prometheus = p;
}

static void read_alertmanager(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *map)
{
    static const char *const known[] = { "url", "token_file", "basic_file", "headers", "tls", "service_label",
                                         "namespace_label", "every" };
    struct conf_alertmanager *a = arena_alloc(&r->c->arena, sizeof *a);
    double every = 15000;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "url"))
            read_url(r, &a->server, v, "alertmanager.url");
        else if (text_eq(key->text, "service_label"))
            read_label(r, v, "service_label", false, &a->service_label);
        else if (text_eq(key->text, "namespace_label"))
            read_label(r, v, "namespace_label", true, &a->namespace_label);
        else if (text_eq(key->text, "every"))
            every = conf_span(r, v, "every", 5000, 300000);
        else if (!conf_read_server_key(r, &a->server, key->text, v))
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
    check_server(r, &a->server, map, "alertmanager");
    a->every_ms = isnan(every) ? 0 : (int64_t)every;
    a->line = map->line;
    m->alertmanager = a;
}

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static void read_thresholds(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *map)
{
    struct conf_thresholds *t = &m->thresholds;
    const struct {
        const char *key;
        double *to;
        double over, most; /* a time: least and most, in ms */
        const char *like;  /* NULL = it is a time */
    } keys[] = {
        { "failures", &t->failures, 0, 100, "3" },
        { "latency_ratio", &t->latency_ratio, 1.05, 100, "1.5" },
        { "latency_delta", &t->latency_delta_ms, 1, 10 * MINUTE, NULL },
        { "error_share", &t->error_share, 0.0001, 0.99, "0.05 or 5%" },
        { "slo", &t->slo_ms, 1, 10 * MINUTE, NULL },
        { "window", &t->window_ms, MINUTE, 24 * HOUR, NULL },
        { "extended", &t->extended_ms, MINUTE, 168.0 * HOUR, NULL },
        { "baseline", &t->baseline_ms, 5 * MINUTE, HOUR, NULL },
        { "warmup", &t->warmup_ms, SECOND, HOUR, NULL },
        { "coverage", &t->coverage, 0, 1, "0.9 or 90%" },
    };
    const char *known[ARRAY_LEN(keys)];
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        size_t k = 0;
        for (size_t j = 0; j < ARRAY_LEN(keys); j++)
            known[j] = keys[j].key;
        while (k < ARRAY_LEN(keys) && !text_eq(key->text, keys[k].key))
            k++;
        if (k == ARRAY_LEN(keys))
            conf_unknown_key(r, key, known, ARRAY_LEN(keys));
        else if (keys[k].like)
            *keys[k].to = number(r, v, key->text, keys[k].over, keys[k].most, keys[k].like);
        else
            *keys[k].to = conf_span(r, v, key->text, (int64_t)keys[k].over, (int64_t)keys[k].most);
    }
    if (t->failures > floor(t->failures))
        conf_bad(r, yaml_get(map, "failures"),
                 "failures is a whole number: more than so many failed probes in a row fire");
}

static void read_links(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *n)
{
    static const char *const known[] = { "name", "url" };
    static const char *const fields[] = { "service", "namespace", "revision", "version", "from_ms", "to_ms" };
    if (n->kind != YAML_SEQ || n->n > MEASURE_LINKS) {
        conf_bad(r, n, n->kind == YAML_SEQ ? "links holds at most %d links" : "links must be a list of {name, url}",
                 MEASURE_LINKS);
        return;
    }
    struct conf_link *list = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *list);
    for (size_t i = 0; i < n->n; i++) {
        const struct yaml_node *map = n->items[i];
        for (size_t k = 0; map->kind == YAML_MAP && k < map->n; k++) {
            if (text_eq(map->keys[k]->text, "name"))
                list[i].name = conf_clean_text(r, map->items[k], "name");
            else if (text_eq(map->keys[k]->text, "url"))
                list[i].url = conf_clean_text(r, map->items[k], "url");
            else
                conf_unknown_key(r, map->keys[k], known, ARRAY_LEN(known));
        }
        if (map->kind != YAML_MAP || !yaml_get(map, "name") || !yaml_get(map, "url"))
            conf_bad(
                r, map,
                "a link has a name and a url, like {name: Grafana, url: \"https://grafana/d/x?var-app={service}\"}");
        else if (list[i].url && conf_check_url(r, yaml_get(map, "url"), "url", list[i].url))
            conf_check_fields(r, yaml_get(map, "url"), "url", list[i].url, fields, ARRAY_LEN(fields));
    }
    m->links = list;
    m->n_links = n->n;
}

static void check_windows(struct conf_reader *r, const struct conf_thresholds *t, const struct yaml_node *env)
{
    double window = isnan(t->window_ms) ? 30 * MINUTE : t->window_ms;
    double extended = isnan(t->extended_ms) ? 24 * HOUR : t->extended_ms;
    if (extended < window)
        conf_bad(r, yaml_get(env, "thresholds") ? yaml_get(env, "thresholds") : env, "extended is shorter than window");
}

static const char *const sections[] = { "health",     "metrics", "prometheus", "alertmanager",
                                        "thresholds", "window",  "links" };

bool conf_measure_has(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (text_eq(key, sections[i]))
            return true;
    }
    return false;
}

/* The mapping of a section; NULL when there is none, or when it is something else. */
static const struct yaml_node *section(struct conf_reader *r, const struct yaml_node *env, const char *name)
{
    const struct yaml_node *n = yaml_get(env, name);
    if (yaml_is_null(n))
        return NULL;
    if (n->kind != YAML_MAP)
        conf_bad(r, n, "%s must be a mapping", name);
    return n->kind == YAML_MAP ? n : NULL;
}

void conf_read_measure(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *env)
{
    static const struct conf_probe health = {
        .every_ms = 5000, .timeout_ms = 3000, .expect = { { 200, 299 } }, .n_expect = 1
    };
    static const struct conf_probe metrics = { .path = "/metrics", .every_ms = 15000, .timeout_ms = 10000,
                                               .expect = { { 200, 200 } }, .n_expect = 1 };
    const struct yaml_node *n;
    m->thresholds = (struct conf_thresholds){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    if ((n = section(r, env, "health")))
        m->health = conf_read_probes(r, n, &health);
    if ((n = section(r, env, "metrics")))
        m->metrics = conf_read_probes(r, n, &metrics);
    if ((n = section(r, env, "prometheus")))
        read_prometheus(r, m, n);
    if ((n = section(r, env, "alertmanager")))
        read_alertmanager(r, m, n);
    if ((n = section(r, env, "thresholds")))
        read_thresholds(r, m, n);
    n = yaml_get(env, "window");
    if (!yaml_is_null(n) && !isnan(m->thresholds.window_ms))
        conf_bad(r, n, "window and thresholds.window: one of them must go");
    else if (!yaml_is_null(n))
        m->thresholds.window_ms = conf_span(r, n, "window", MINUTE, 24 * HOUR);
    check_windows(r, &m->thresholds, env);
    if (!yaml_is_null(yaml_get(env, "links")))
        read_links(r, m, yaml_get(env, "links"));
}
