/* The part of the configuration that is about smoke checks: HTTP steps one after the other. */
#include <string.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE" };
enum { READING_METHODS = 3 };

bool conf_step_reads(const struct conf_step *s)
{
    for (size_t i = 0; i < READING_METHODS; i++) {
        if (text_eq(s->method, methods[i]))
            return true;
    }
    return false;
}

/* NAME: VALUE pairs.  A value of null is NULL: "it is there". */
static const struct conf_pair *read_pairs(struct conf_reader *r, const struct yaml_node *n, const char *what, size_t *count)
{
    if (n->kind != YAML_MAP || n->n > CONF_PAIRS) {
        conf_bad(r, n, n->kind == YAML_MAP ? "%s holds at most %d entries" : "%s must be a mapping", what, CONF_PAIRS);
        return NULL;
    }
    struct conf_pair *pairs = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *pairs);
    for (size_t i = 0; i < n->n; i++) {
        pairs[i].name = arena_strdup(&r->c->arena, n->keys[i]->text);
        if (!yaml_is_null(n->items[i]))
            pairs[i].value = conf_text(r, n->items[i], what);
        if (strpbrk(pairs[i].name, "\r\n") || (pairs[i].value && strpbrk(pairs[i].value, "\r\n")))
            conf_bad(r, n->items[i], "%s: a line break cannot stand here", what);
    }
    *count = n->n;
    return pairs;
}

static int64_t read_span(struct conf_reader *r, const struct yaml_node *n, const char *what, int64_t least_ms)
{
    int64_t ms = 0;
    const char *s = conf_text(r, n, what);
    if (s && (!text_to_span_ms(s, &ms) || ms < least_ms))
        conf_bad(r, n, "%s: \"%.40s\" is not a time like 30s or 5m, %d s at least", what, s, (int)(least_ms / 1000));
    return ms;
}

static void read_expect(struct conf_reader *r, struct conf_step *s, const struct yaml_node *n)
{
    int64_t status = 0;
    const char *text = conf_text(r, n, "expect");
    if (text && !text_to_int(text, strlen(text), 100, 599, &status))
        conf_bad(r, n, "expect: \"%.40s\" is no status of HTTP", text);
    s->expect = (int)status;
}

static bool is_url(const char *url)
{
    return text_starts(url, "http://") || text_starts(url, "https://");
}

static void read_step_key(struct conf_reader *r, struct conf_step *s, const struct yaml_node *key, const struct yaml_node *v)
{
    static const char *const known[] = { "name", "method", "url", "headers", "body", "token_file", "bearer", "expect", "json",
                                         "save", "timeout" };
    const struct {
        const char *name;
        const char **to;
    } texts[] = { { "name", &s->name }, { "url", &s->url }, { "body", &s->body }, { "token_file", &s->token_file },
                  { "bearer", &s->bearer } };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (text_eq(key->text, texts[i].name)) {
            *texts[i].to = conf_text(r, v, texts[i].name);
            return;
        }
    }
    if (text_eq(key->text, "method")) {
        int m = conf_choice(r, v, "method", methods, ARRAY_LEN(methods));
        s->method = m < 0 ? "GET" : methods[m];
    } else if (text_eq(key->text, "headers")) {
        s->headers = read_pairs(r, v, "headers", &s->n_headers);
    } else if (text_eq(key->text, "json")) {
        s->json = read_pairs(r, v, "json", &s->n_json);
    } else if (text_eq(key->text, "save")) {
        s->save = read_pairs(r, v, "save", &s->n_save);
    } else if (text_eq(key->text, "expect")) {
        read_expect(r, s, v);
    } else if (text_eq(key->text, "timeout")) {
        s->timeout_ms = read_span(r, v, "timeout", 1000);
    } else {
        conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
}

static void read_step(struct conf_reader *r, struct conf_step *s, const struct yaml_node *map)
{
    *s = (struct conf_step){ .method = "GET", .expect = 200, .timeout_ms = 10000 };
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "a step is a mapping like {url: \"https://shop.example/api/orders/1\", expect: 200}");
        return;
    }
    for (size_t i = 0; i < map->n; i++)
        read_step_key(r, s, map->keys[i], map->items[i]);
    if (!s->url || !is_url(s->url) || strpbrk(s->url, " \r\n\t"))
        conf_bad(r, map, "a step has a url that begins with http:// or https://");
    if (s->bearer && s->token_file)
        conf_bad(r, map, "bearer and token_file: one of them must go");
    if (!s->name)
        s->name = s->url ? s->url : "";
}

static void read_steps(struct conf_reader *r, struct conf_smoke *s, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || !n->n || n->n > CONF_STEPS) {
        conf_bad(r, n, "steps is a list of 1 to %d steps", CONF_STEPS);
        return;
    }
    struct conf_step *steps = arena_alloc(&r->c->arena, n->n * sizeof *steps);
    for (size_t i = 0; i < n->n; i++) {
        read_step(r, &steps[i], n->items[i]);
        s->changes |= !conf_step_reads(&steps[i]);
    }
    s->steps = steps;
    s->n_steps = n->n;
}

/* What runs by itself must not change a production system, and says so where it changes another. */
static void check_schedule(struct conf_reader *r, const struct conf_env *env, const struct conf_smoke *s, const struct yaml_node *map)
{
    if (!s->every_ms || !s->changes)
        return;
    if (!s->writes)
        conf_bad(r, map, "smoke \"%.60s\" has steps that write: with `every` it needs `writes: true`", s->name);
    else if (env->class == CONF_PRODUCTION || env->class == CONF_CLASS_UNKNOWN)
        conf_bad(r, map, "smoke \"%.60s\" writes: with `every` it needs a class of staging or development", s->name);
}

static void read_smoke(struct conf_reader *r, const struct conf_env *env, struct conf_smoke *s, const struct yaml_node *map)
{
    static const char *const known[] = { "name", "service", "every", "writes", "steps" };
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "a smoke check is a mapping like {name: orders, steps: [...]}");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "name"))
            s->name = conf_text(r, v, "name");
        else if (text_eq(key->text, "service"))
            s->service = conf_text(r, v, "service");
        else if (text_eq(key->text, "every"))
            s->every_ms = read_span(r, v, "every", 5000);
        else if (text_eq(key->text, "steps"))
            read_steps(r, s, v);
        else if (text_eq(key->text, "writes")) {
            if (!yaml_bool(v, &s->writes))
                conf_bad(r, v, "writes must be true or false");
        } else
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
    if (!s->name || !s->name[0])
        conf_bad(r, map, "a smoke check has a name");
    if (!s->n_steps)
        conf_bad(r, map, "a smoke check has steps");
    if (s->name)
        check_schedule(r, env, s, map);
}

void conf_read_smokes(struct conf_reader *r, struct conf_env *env, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || n->n > CONF_SMOKES) {
        conf_bad(r, n, n->kind == YAML_SEQ ? "smoke holds at most %d checks" : "smoke must be a list of checks", CONF_SMOKES);
        return;
    }
    struct conf_smoke *list = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *list);
    for (size_t i = 0; i < n->n; i++)
        read_smoke(r, env, &list[i], n->items[i]);
    env->smokes = list;
    env->n_smokes = n->n;
}
