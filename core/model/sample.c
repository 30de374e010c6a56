#include "core/model/sample.h"

#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "core/base/arena.h"

struct interned {
    struct series s;
    char *key;
    UT_hash_handle hh;
};

struct series_set {
    struct arena arena;
    struct interned *by_key;
    struct interned **by_id;
    size_t n;
};

struct series_set *series_set_new(void)
{
    return x_calloc(1, sizeof(struct series_set));
}

void series_set_free(struct series_set *ss)
{
    if (!ss)
        return;
    HASH_CLEAR(hh, ss->by_key);
    free(ss->by_id);
    arena_release(&ss->arena);
    free(ss);
}

static void add_text(char *key, size_t *n, const char *s, size_t cap)
{
    size_t len = strnlen(s, cap);
    memcpy(key + *n, s, len);
    key[*n + len] = '\0';
    *n += len + 1;
}

const struct series *series_intern(struct series_set *ss, const struct series *like)
{
    char key[SERIES_SUBJECT + 2 * SERIES_NAME + sizeof like->bounds + 8];
    size_t n = 0;
    key[n++] = (char)like->kind;
    add_text(key, &n, like->subject, SERIES_SUBJECT - 1);
    add_text(key, &n, like->name, SERIES_NAME - 1);
    add_text(key, &n, like->source, SERIES_NAME - 1);
    size_t n_bounds = like->n_bounds < SAMPLE_VALUES - 1 ? like->n_bounds : SAMPLE_VALUES - 1;
    memcpy(key + n, like->bounds, n_bounds * sizeof *like->bounds);
    n += n_bounds * sizeof *like->bounds;
    struct interned *found;
    HASH_FIND(hh, ss->by_key, key, n, found);
    if (found)
        return &found->s;
    struct interned *new = arena_alloc(&ss->arena, sizeof *new);
    *new = (struct interned){ .s = *like };
    new->s.subject = arena_strndup(&ss->arena, like->subject, strnlen(like->subject, SERIES_SUBJECT - 1));
    new->s.name = arena_strndup(&ss->arena, like->name, strnlen(like->name, SERIES_NAME - 1));
    new->s.source = arena_strndup(&ss->arena, like->source, strnlen(like->source, SERIES_NAME - 1));
    new->s.n_bounds = n_bounds;
    new->key = memcpy(arena_alloc(&ss->arena, n), key, n);
    if (!(ss->n & (ss->n - 1)))
        ss->by_id = x_realloc(ss->by_id, (ss->n ? ss->n * 2 : 1) * sizeof(struct interned *));
    ss->by_id[ss->n++] = new;
    new->s.id = (uint32_t)ss->n;
    HASH_ADD_KEYPTR(hh, ss->by_key, new->key, n, new);
    return &new->s;
}

const struct series *series_by_id(const struct series_set *ss, uint32_t id)
{
    return id && id <= ss->n ? &ss->by_id[id - 1]->s : NULL;
}

size_t series_count(const struct series_set *ss)
{
    return ss->n;
}

void sample_conf_defaults(double v[N_CONF_VALUES])
{
    static const double defaults[N_CONF_VALUES] = {
        [CONF_REQUIRED] = 1, [CONF_FAILURES] = 3, [CONF_LATENCY_RATIO] = 1.5, [CONF_LATENCY_DELTA] = 20,
        [CONF_ERROR_SHARE] = 0.05, [CONF_SLO] = 200, [CONF_LEAST_N] = 20, [CONF_WARMUP] = 90000,
        [CONF_WINDOW] = 30 * 60000.0, [CONF_EXTENDED] = 24 * 3600000.0, [CONF_BASELINE] = 30 * 60000.0,
        [CONF_COVERAGE] = 0.9,
    };
    memcpy(v, defaults, sizeof defaults);
}

const char *probe_outcome_name(enum probe_outcome o)
{
    static const char *const names[] = { "ok", "DNS", "refused", "TLS", "timeout", "status", "body", "no endpoint",
                                         "failed", "unseen" };
    return (size_t)o < ARRAY_LEN(names) ? names[o] : "?";
}

const char *check_outcome_name(enum check_outcome o)
{
    static const char *const names[] = { "pass", "warn", "fail" };
    return (size_t)o < ARRAY_LEN(names) ? names[o] : "?";
}
