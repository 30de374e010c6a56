#include "core/conf/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

const struct conf_field conf_fields[] = {
    { "environments.NAME.class", "production|staging|development", "unknown",
      "how careful the console is, and the colour of its strip" },
    { "environments.NAME.context", "text", "the current context", "context of the kubeconfig" },
    { "environments.NAME.namespaces", "list of names", "the context's namespace",
      "namespaces to watch" },
    { "environments.NAME.read_only", "true|false", "true", "refuse every change until armed" },
    { "environments.NAME.errors.db", "postgresql://... or sqlite:///PATH", "none",
      "where the table deployment_errors is" },
    { "environments.NAME.errors.service", "name", "none",
      "instead of db: a service of ~/.pg_service.conf, which keeps the password out of here" },
    { "environments.NAME.errors.timezone", "name or +HH:MM", "measured",
      "zone of the table's times, which have none" },
    { "environments.NAME.errors.rules", "list of {match: REGEX, category} or {code: PREFIX, category}",
      "our own rules alone", "which category an error has; the first that matches, before our own" },
    { "environments.NAME.services.NAME", "[KIND/]NAME", "the workload of the same name",
      "which workload a service_name of the table is" },
    { "environments.NAME.health.path", "/PATH", "of the readiness probe, else /healthz", "probes: `health: {}` turns them on" },
    { "environments.NAME.health.port", "number or name", "the first that speaks HTTP", "port of the Service" },
    { "environments.NAME.health.via", "api|direct", "api", "through the API server's proxy of Services, or by url" },
    { "environments.NAME.health.url", "http://{service}.{namespace}.svc:{port}{path}", "none", "where a service is, for via: direct" },
    { "environments.NAME.health.every", "time", "5s", "each service is asked so often" },
    { "environments.NAME.health.timeout", "time", "3s", "at most as long as every" },
    { "environments.NAME.health.expect", "status, class, or a list of them", "2xx", "what is well" },
    { "environments.NAME.health.headers", "{NAME: VALUE}", "none", "sent with each probe" },
    { "environments.NAME.health.token_file, basic_file", "path", "none", "bearer token, or user:password; read again each time" },
    { "environments.NAME.health.follow_redirects", "true|false", "false", "to another host without headers and token" },
    { "environments.NAME.health.tls", "{ca_file, server_name, insecure}", "the system's", "of https" },
    { "environments.NAME.health.services.NAME", "off, or the keys of health", "as all", "of one workload or Service" },
    { "environments.NAME.metrics", "the keys of health", "none; path /metrics, every 15s",
      "the services' own counters, where no Prometheus has them" },
    { "environments.NAME.prometheus.url", "http://... or https://...", "none", "of its API, with the path before /api/v1" },
    { "environments.NAME.prometheus.preset", "http-server, http-server-status, micrometer, opentelemetry, istio, nginx-ingress, traefik",
      "found by asking", "how the series are called" },
    { "environments.NAME.prometheus.queries.KIND", "PromQL with $by, $range, $in", "the preset's",
      "requests, errors, latency, p95 (ms), cpu (millicores), memory, saturation (ratio); "" = not asked" },
    { "environments.NAME.prometheus.service_label, namespace_label", "label", "the preset's", "what says whose a series is" },
    { "environments.NAME.prometheus.every, range", "time", "15s, 1m", "how often, and how far back an increase looks" },
    { "environments.NAME.prometheus.token_file, basic_file, headers, tls", "as of health", "none", "" },
    { "environments.NAME.alertmanager.url", "http://... or https://...", "none", "whose active alerts are marked" },
    { "environments.NAME.alertmanager.service_label, namespace_label, every", "as of prometheus", "the usual ones, 15s", "" },
    { "environments.NAME.thresholds.failures", "number", "3", "more failed probes in a row fire" },
    { "environments.NAME.thresholds.latency_ratio, latency_delta", "number, time", "1.5, 20ms", "p95 against the time before" },
    { "environments.NAME.thresholds.error_share", "number or per cent", "5%", "of the requests" },
    { "environments.NAME.thresholds.slo", "time", "200ms", "for p95" },
    { "environments.NAME.thresholds.extended, baseline, warmup", "time", "24h, 30m, 90s", "windows" },
    { "environments.NAME.thresholds.coverage", "number or per cent", "90%", "of the window that must have been watched" },
    { "environments.NAME.window", "time", "30m", "the immediate window after a deploy" },
    { "environments.NAME.links", "list of {name, url}", "none", "with {service}, {namespace}, {revision}, {version}, {from_ms}, {to_ms}" },
    { "environments.NAME.smoke", "list of {name, service, every, writes, steps}", "none",
      "HTTP steps with assertions, run by `smoke` and by their schedule" },
    { "notify", "list of {on, command} or {on, url, token_file}", "none", "who is told when the verdict changes" },
    { "errors", "like environments.NAME.errors", "none", "where no environment is chosen" },
    { "keys.KEY", "command line", "conf/default.keys", "what a key does" },
    { "theme", "name", "default", "default, light, cvd, mono, high-contrast, or a file's name" },
    { "log.level", "debug|info|warn|error", "info", "what our own log keeps" },
    { "log.file", "path", "none", "write our own log there" },
    { NULL, NULL, NULL, NULL },
};

void conf_bad(struct conf_reader *r, const struct yaml_node *n, const char *fmt, ...)
{
    char what[160], text[224];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(text, sizeof text, "%s:%d:%d: %s", r->file, n->line, n->col, what);
    if (r->all)
        buf_addf(r->all, "%s\n", text);
    if (!r->failed)
        err_set(r->first, ERR_CONFIG, 0, "%s", text);
    r->failed = true;
}

void conf_unknown_key(struct conf_reader *r, const struct yaml_node *key, const char *const *known,
                        size_t n)
{
    const char *near = text_nearest(key->text, known, n);
    conf_bad(r, key, "unknown key \"%.60s\"%s%s%s", key->text, near ? ", did you mean \"" : "",
        near ? near : "", near ? "\"?" : "");
}

const char *conf_text(struct conf_reader *r, const struct yaml_node *n, const char *what)
{
    const char *s = yaml_text(n);
    if (!s)
        conf_bad(r, n, "%s must be text", what);
    return s ? arena_strdup(&r->c->arena, s) : NULL;
}

int conf_choice(struct conf_reader *r, const struct yaml_node *n, const char *what,
                  const char *const *words, size_t n_words)
{
    const char *s = yaml_text(n);
    for (size_t i = 0; s && i < n_words; i++) {
        if (text_eq(s, words[i]))
            return (int)i;
    }
    const char *near = s ? text_nearest(s, words, n_words) : NULL;
    conf_bad(r, n, "%s: \"%.40s\" is none of its values%s%s%s", what, s ? s : "",
        near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return -1;
}

struct conf_origin conf_origin(const struct conf_reader *r, const struct yaml_node *n)
{
    return (struct conf_origin){ r->file, n->line, n->col };
}

static void read_namespaces(struct conf_reader *r, struct conf_env *env, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || n->n > CONF_LIST) {
        conf_bad(r, n, n->kind == YAML_SEQ ? "namespaces holds at most %d names"
                                      : "namespaces must be a list like [openpolicy]", CONF_LIST);
        return;
    }
    const char **list = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *list);
    env->n_namespaces = 0;
    for (size_t i = 0; i < n->n; i++) {
        const char *s = conf_text(r, n->items[i], "a namespace");
        if (s && !text_is_dns1123_label(s))
            conf_bad(r, n->items[i], "\"%.60s\" is not the name of a namespace", s);
        else if (s)
            list[env->n_namespaces++] = s;
    }
    env->namespaces = list;
}

const char *conf_class_name(enum conf_class c)
{
    static const char *const names[] = { "", "development", "staging", "production" };
    return (size_t)c < ARRAY_LEN(names) ? names[c] : "";
}

static void read_env(struct conf_reader *r, struct conf_env *env, const struct yaml_node *map)
{
    static const char *const known[] = { "class", "context", "namespaces", "read_only",
                                         "errors", "services", "smoke", "health", "metrics", "prometheus",
                                         "alertmanager", "thresholds", "window", "links" };
    static const char *const classes[] = { "development", "staging", "production" };
    conf_read_measure(r, &env->measure, map);
    if (yaml_is_null(map))
        return;
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "environment \"%.60s\" must be a mapping", env->name);
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "class")) {
            int c = conf_choice(r, v, "class", classes, ARRAY_LEN(classes));
            env->class = c < 0 ? CONF_CLASS_UNKNOWN : (enum conf_class)(c + 1);
        } else if (text_eq(key->text, "context")) {
            env->context = conf_text(r, v, "context");
        } else if (text_eq(key->text, "namespaces")) {
            read_namespaces(r, env, v);
        } else if (text_eq(key->text, "read_only")) {
            if (!yaml_bool(v, &env->read_only))
                conf_bad(r, v, "read_only must be true or false");
        } else if (text_eq(key->text, "errors")) {
            env->errors = conf_read_errors(r, key, v);
        } else if (text_eq(key->text, "services")) {
            conf_read_services(r, env, v);
        } else if (!text_eq(key->text, "smoke") && !conf_measure_has(key->text)) {
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
        }
    }
    if (!yaml_is_null(yaml_get(map, "smoke"))) /* last: what it may do is a question of the class */
        conf_read_smokes(r, env, yaml_get(map, "smoke"));
}

static void read_envs(struct conf_reader *r, const struct yaml_node *map)
{
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "environments must be a mapping of names");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i];
        struct conf_env *env = NULL;
        for (size_t j = 0; j < r->c->n_envs && !env; j++) {
            if (text_eq(r->c->envs[j].name, key->text))
                env = &r->c->envs[j];
        }
        if (!env && r->c->n_envs == CONF_ENVS) {
            conf_bad(r, key, "more than %d environments", CONF_ENVS);
            return;
        }
        if (!env)
            env = &r->c->envs[r->c->n_envs++];
        *env = (struct conf_env){ .name = arena_strdup(&r->c->arena, key->text), .read_only = true,
                                  .origin = conf_origin(r, key) };
        read_env(r, env, map->items[i]);
    }
}

static void read_keys(struct conf_reader *r, const struct yaml_node *map)
{
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "keys must be a mapping of keys to commands");
        return;
    }
    struct conf_key *keys = arena_alloc(&r->c->arena, (r->c->n_keys + map->n + 1) * sizeof *keys);
    if (r->c->n_keys)
        memcpy(keys, r->c->keys, r->c->n_keys * sizeof *keys);
    for (size_t i = 0; i < map->n; i++) {
        const char *line = conf_text(r, map->items[i], "the command of a key");
        if (line)
            keys[r->c->n_keys++] = (struct conf_key){
                arena_strdup(&r->c->arena, map->keys[i]->text), line, conf_origin(r, map->keys[i]) };
    }
    r->c->keys = keys;
}

static void read_log(struct conf_reader *r, const struct yaml_node *map)
{
    static const char *const known[] = { "level", "file" };
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "log must be a mapping");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "level")) {
            int l = conf_choice(r, v, "log.level", levels, ARRAY_LEN(levels));
            r->c->log_level = l < 0 ? NULL : levels[l];
            r->c->log_level_origin = conf_origin(r, key);
        } else if (text_eq(key->text, "file")) {
            r->c->log_file = conf_text(r, v, "log.file");
            r->c->log_file_origin = conf_origin(r, key);
        } else {
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
        }
    }
}

static void read_root(struct conf_reader *r, const struct yaml_node *root)
{
    static const char *const known[] = { "environments", "errors", "notify", "keys", "theme", "log" };
    if (root->kind != YAML_MAP) {
        conf_bad(r, root, "the configuration is a mapping");
        return;
    }
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml_node *key = root->keys[i], *v = root->items[i];
        if (yaml_is_null(v))
            continue;
        if (text_eq(key->text, "environments"))
            read_envs(r, v);
        else if (text_eq(key->text, "errors"))
            r->c->errors = conf_read_errors(r, key, v);
        else if (text_eq(key->text, "notify"))
            conf_read_notify(r, v);
        else if (text_eq(key->text, "keys"))
            read_keys(r, v);
        else if (text_eq(key->text, "log"))
            read_log(r, v);
        else if (text_eq(key->text, "theme")) {
            r->c->theme = conf_text(r, v, "theme");
            r->c->theme_origin = conf_origin(r, key);
        } else
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
}

static struct conf *new_conf(void)
{
    struct conf *c = x_calloc(1, sizeof *c);
    c->envs = arena_alloc(&c->arena, CONF_ENVS * sizeof *c->envs);
    return c;
}

/* YAML errors end a file: there is nothing to go on with. */
static void add_tree(struct conf_reader *r, enum err_code err, const struct err *one,
                     const struct yaml_node *root)
{
    if (err) {
        if (r->all)
            buf_addf(r->all, "%s\n", one->text);
        if (!r->failed && r->first)
            *r->first = *one;
        r->failed = true;
    } else if (root) {
        read_root(r, root);
    }
}

static enum err_code finish(struct conf_reader *r, struct conf **out)
{
    if (r->failed) {
        conf_free(r->c);
        return ERR_CONFIG;
    }
    *out = r->c;
    return ERR_OK;
}

enum err_code conf_parse(const char *file, const char *s, size_t n, struct conf **out,
                         struct buf *all, struct err *e)
{
    struct err one = { 0 };
    struct yaml_node *root = NULL;
    struct conf_reader r = { .c = new_conf(), .all = all, .first = e };
    r.file = arena_strdup(&r.c->arena, file);
    enum err_code err = n > CONF_BYTES ? err_set(&one, ERR_LIMIT, 0, "%s:1:1: too large", file)
                                       : yaml_parse(&r.c->arena, r.file, s, n, &root, &one);
    add_tree(&r, err, &one, root);
    return finish(&r, out);
}

enum err_code conf_load(const char *file, const char *(*env)(const char *), struct conf **out,
                        struct buf *all, struct err *e)
{
    struct conf_reader r = { .c = new_conf(), .all = all, .first = e };
    struct arena *a = &r.c->arena;
    const char *home = env("HOME"), *xdg = env("XDG_CONFIG_HOME");
    const char *files[2] = { "/etc/bakewatch/config.yaml", NULL };
    if (file)
        files[0] = arena_strdup(a, file);
    else if (xdg && xdg[0] == '/')
        files[1] = arena_printf(a, "%s/bakewatch/config.yaml", xdg);
    else if (home && home[0])
        files[1] = arena_printf(a, "%s/.config/bakewatch/config.yaml", home);
    for (size_t i = 0; i < ARRAY_LEN(files) && files[i]; i++) {
        struct err one = { 0 };
        struct yaml_node *root = NULL;
        enum err_code err = yaml_load(a, files[i], CONF_BYTES, &root, &one);
        if (err == ERR_IO && (one.native == ENOENT || one.native == ENOTDIR) && !file)
            continue;
        r.file = files[i];
        r.c->files[r.c->n_files++] = files[i];
        add_tree(&r, err, &one, root);
    }
    return finish(&r, out);
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    arena_release(&c->arena);
    free(c);
}

const struct conf_env *conf_find_env(const struct conf *c, const char *name, const char *context)
{
    for (size_t i = 0; i < c->n_envs; i++) {
        const struct conf_env *env = &c->envs[i];
        if (name ? text_eq(env->name, name) : context && text_eq(env->context, context))
            return env;
    }
    return NULL;
}
