#include "core/sources/prom_emit.h"

#include <math.h>
#include <string.h>
#include <uthash.h>

#include "core/base/clock.h"
#include "core/base/text.h"

struct group { /* a service */
    char *key; /* "SERVICE\nNAMESPACE" */
    const char *subject;
    double v[N_QUERIES]; /* at the time that is being put; NAN = none */
    struct bucket *buckets;
    size_t n_buckets, room;
    UT_hash_handle hh;
};

struct emitting {
    const struct prom_round *r;
    const struct prom_way *w;
    struct arena arena;
    struct group *groups;
    struct group **of[N_QUERIES]; /* of each row; NULL = nobody's */
    size_t *at[N_QUERIES];        /* the next value of each row */
    size_t n_strangers;
};

static struct group *group_of(struct emitting *x, const struct prom_row *row)
{
    struct group *g;
    char *key = arena_printf(&x->arena, "%s\n%s", row->service, row->ns);
    HASH_FIND_STR(x->groups, key, g);
    if (g)
        return g;
    g = arena_alloc(&x->arena, sizeof *g);
    g->key = key;
    g->subject = row->service[0] ? x->w->subject_of(x->w->subject_ctx, row->service, row->ns) : NULL;
    x->n_strangers += !g->subject;
    HASH_ADD_KEYPTR(hh, x->groups, g->key, strlen(g->key), g);
    return g;
}

static void begin(struct emitting *x, const struct prom_round *r, const struct prom_way *w)
{
    *x = (struct emitting){ .r = r, .w = w };
    for (int q = 0; q < N_QUERIES; q++) {
        const struct prom_answer *a = &r->answers[q];
        x->of[q] = arena_alloc(&x->arena, (a->n + 1) * sizeof(struct group *));
        x->at[q] = arena_alloc(&x->arena, (a->n + 1) * sizeof(size_t));
        for (size_t i = 0; r->has[q] && i < a->n; i++) {
            struct group *g = group_of(x, &a->rows[i]);
            if (!g->subject)
                continue;
            x->of[q][i] = g;
            g->room += q == QUERY_LATENCY;
        }
    }
    for (struct group *g = x->groups; g; g = g->hh.next)
        g->buckets = arena_alloc(&x->arena, (g->room + 1) * sizeof *g->buckets);
}

static void end(struct emitting *x)
{
    HASH_CLEAR(hh, x->groups);
    arena_release(&x->arena);
}

/* The values of one time; at_ms TIME_NONE: of whatever time they are. */
static void gather(struct emitting *x, int64_t at_ms)
{
    for (struct group *g = x->groups; g; g = g->hh.next) {
        for (int q = 0; q < N_QUERIES; q++)
            g->v[q] = NAN;
        g->n_buckets = 0;
    }
    for (int q = 0; q < N_QUERIES; q++) {
        for (size_t i = 0; x->r->has[q] && i < x->r->answers[q].n; i++) {
            const struct prom_row *row = &x->r->answers[q].rows[i];
            struct group *g = x->of[q][i];
            size_t *k = &x->at[q][i];
            while (at_ms != TIME_NONE && *k < row->n && row->values[*k].at_ms < at_ms)
                ++*k;
            if (!g || *k >= row->n || (at_ms != TIME_NONE && row->values[*k].at_ms != at_ms))
                continue;
            double v = row->values[*k].v;
            if (q == QUERY_LATENCY)
                g->buckets[g->n_buckets++] = (struct bucket){ row->le, v };
            else if (q == QUERY_P95 || q == QUERY_SATURATION) /* of several the worst */
                g->v[q] = g->v[q] > v ? g->v[q] : v;
            else
                g->v[q] = isnan(g->v[q]) ? v : g->v[q] + v;
        }
    }
}

static void put(struct emitting *x, const struct group *g, struct sample s, struct series like)
{
    like.subject = g->subject;
    like.source = "prometheus";
    s.text = "";
    s.series = series_intern(x->w->series, &like);
    x->w->put(x->w->put_ctx, &s);
}

static void put_requests(struct emitting *x, const struct group *g, int64_t at_ms, int64_t span_ms)
{
    double requests = g->v[QUERY_REQUESTS], failed = isnan(g->v[QUERY_ERRORS]) ? 0 : g->v[QUERY_ERRORS];
    double share = (double)span_ms / (double)x->r->range_ms;
    if (isnan(requests) || !x->r->has[QUERY_ERRORS])
        return;
    failed = failed > requests ? requests : failed;
    put(x, g, (struct sample){ .at_ms = at_ms, .span_ms = span_ms, .v = { requests * share, failed * share }, .n = 2 },
        (struct series){ .kind = SAMPLE_REQUESTS, .name = "requests" });
}

static bool put_latency(struct emitting *x, struct group *g, int64_t at_ms, int64_t span_ms)
{
    struct histogram h;
    struct sample s = { .at_ms = at_ms, .span_ms = span_ms };
    struct series like = { .kind = SAMPLE_LATENCY, .name = "latency" };
    if (!histogram_make(g->buckets, g->n_buckets, x->r->unit_ms, &h))
        return false;
    s.n = h.n_bounds + 1;
    for (size_t i = 0; i < s.n; i++)
        s.v[i] = h.counts[i] * (double)span_ms / (double)x->r->range_ms;
    memcpy(like.bounds, h.bounds, h.n_bounds * sizeof *h.bounds);
    like.n_bounds = h.n_bounds;
    put(x, g, s, like);
    return true;
}

static void put_all(struct emitting *x, int64_t at_ms, int64_t requests_ms, int64_t latency_ms)
{
    static const struct {
        enum conf_query q;
        const char *name;
    } gauges[] = { { QUERY_CPU, "cpu" }, { QUERY_MEMORY, "memory" }, { QUERY_SATURATION, "saturation" } };
    for (struct group *g = x->groups; g; g = g->hh.next) {
        if (!g->subject)
            continue;
        put_requests(x, g, at_ms, requests_ms);
        if (!put_latency(x, g, at_ms, latency_ms) && !isnan(g->v[QUERY_P95]))
            put(x, g, (struct sample){ .at_ms = at_ms, .v = { g->v[QUERY_P95] }, .n = 1 },
                (struct series){ .kind = SAMPLE_P95, .name = "p95" });
        for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
            if (!isnan(g->v[gauges[i].q]))
                put(x, g, (struct sample){ .at_ms = at_ms, .v = { g->v[gauges[i].q] }, .n = 1 },
                    (struct series){ .kind = SAMPLE_GAUGE, .name = gauges[i].name });
        }
    }
}

size_t prom_emit_live(const struct prom_round *r, const struct prom_way *w, size_t *n_strangers)
{
    struct emitting x;
    begin(&x, r, w);
    gather(&x, TIME_NONE);
    put_all(&x, 0, r->requests_ms, r->latency_ms);
    size_t n = HASH_COUNT(x.groups) - x.n_strangers;
    *n_strangers = x.n_strangers;
    end(&x);
    return n;
}

void prom_emit_range(const struct prom_round *r, const struct prom_way *w, int64_t first_ms, int64_t last_ms)
{
    struct emitting x;
    begin(&x, r, w);
    for (int64_t at = first_ms; at <= last_ms; at += r->range_ms) {
        gather(&x, at);
        put_all(&x, at, r->range_ms, r->range_ms);
    }
    end(&x);
}
