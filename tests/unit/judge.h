/* tests/unit/judge.h - a judge with a clock: what the tests of the judge put into it, in few words. */
#ifndef UNIT_JUDGE_H
#define UNIT_JUDGE_H

#include <math.h>

#include "core/judge/judge.h"
#include "core/model/workload.h"

#define T0  INT64_C(1767607200000)
#define WEB "deployment.apps/shop/web"
#define API "deployment.apps/shop/api"

struct rig {
    struct judge *j;
    struct series_set *set;
    int64_t now_ms, cut_ms; /* cut: the judge is run up to each so many ms, 0 = by samples alone */
    struct verdict *v;
};

static inline void rig_begin(struct rig *r)
{
    *r = (struct rig){ .j = judge_new(), .set = series_set_new(), .now_ms = T0 };
}

static inline void rig_end(struct rig *r)
{
    if (r->v)
        section_unref(&r->v->section);
    judge_free(r->j);
    series_set_free(r->set);
}

static inline void put_at(struct rig *r, enum sample_kind kind, const char *subject, const char *name, int32_t code,
                          int64_t span_ms, const double *v, size_t n, const char *text)
{
    static const char *const sources[N_SAMPLE_KINDS] = {
        "", "config", "kubernetes", "kubernetes", "kubernetes", "probe", "probe", "metrics", "metrics", "prometheus",
        "kubernetes", "errors", "alertmanager", "operator" };
    struct series like = { .kind = kind, .subject = subject, .name = name, .source = sources[kind] };
    if (kind == SAMPLE_LATENCY) {
        static const double bounds[] = { 50, 75, 100, 150, 200, 300, 500 };
        memcpy(like.bounds, bounds, sizeof bounds);
        like.n_bounds = ARRAY_LEN(bounds);
    }
    struct sample s = { .series = series_intern(r->set, &like), .at_ms = r->now_ms, .span_ms = span_ms, .code = code,
                        .n = n, .text = text };
    if (n)
        memcpy(s.v, v, n * sizeof *v);
    judge_put(r->j, &s);
}

static inline void conf(struct rig *r, enum conf_value which, double value)
{
    double v[N_CONF_VALUES];
    sample_conf_defaults(v);
    v[which] = value;
    put_at(r, SAMPLE_CONF, "", "thresholds", 0, 0, v, N_CONF_VALUES, "");
}

static inline void require(struct rig *r, unsigned triggers)
{
    conf(r, CONF_REQUIRED, triggers);
}

static inline void link_is(struct rig *r, bool is_up)
{
    put_at(r, SAMPLE_LINK, "", "", 0, 0, (const double[]){ is_up }, 1, "");
}

static inline void deploy(struct rig *r, const char *subject, int64_t at_ms)
{
    put_at(r, SAMPLE_DEPLOY, subject, "", 0, 0, (const double[]){ (double)at_ms, 7, 0 }, 3, "2.0.0");
}

static inline void rollout(struct rig *r, const char *subject, int32_t state, double ready, double crashed,
                           double restarts, int64_t crashed_ms)
{
    double v[] = { ready, 4, 4, crashed, crashed_ms == TIME_NONE ? NAN : (double)crashed_ms, (double)r->now_ms, restarts };
    put_at(r, SAMPLE_ROLLOUT, subject, "", state, 0, v, N_ROLLOUT_VALUES, "");
}

static inline void probe(struct rig *r, const char *subject, enum probe_outcome o)
{
    put_at(r, SAMPLE_PROBE, subject, subject, o, 0, (const double[]){ 10 }, 1, "");
}

static inline void requests(struct rig *r, const char *subject, double n, double failed)
{
    put_at(r, SAMPLE_REQUESTS, subject, "", 0, 15000, (const double[]){ n, failed }, 2, "");
}

/* fast: up to 75 ms; near: up to 100; slow: 150 to 200. */
static inline void latency(struct rig *r, const char *subject, double fast, double near, double slow)
{
    put_at(r, SAMPLE_LATENCY, subject, "", 0, 15000, (const double[]){ 0, fast, near, 0, slow, 0, 0, 0 }, 8, "");
}

static inline void p95(struct rig *r, const char *subject, double ms)
{
    put_at(r, SAMPLE_P95, subject, "", 0, 0, &ms, 1, "");
}

static inline void advance(struct rig *r, int64_t ms)
{
    int64_t to = r->now_ms + ms;
    for (; r->cut_ms && r->now_ms + r->cut_ms <= to; r->now_ms += r->cut_ms)
        judge_run(r->j, r->now_ms + r->cut_ms);
    r->now_ms = to;
}

static inline const struct bake *bake_of(struct rig *r, const char *subject)
{
    judge_run(r->j, r->now_ms + 1);
    if (r->v)
        section_unref(&r->v->section);
    r->v = judge_verdict(r->j);
    return verdict_bake(r->v, subject);
}

static inline const struct trigger *trigger_of(struct rig *r, enum trigger_kind k)
{
    const struct bake *b = bake_of(r, WEB);
    assert_non_null(b);
    return &b->triggers[k];
}

static inline bool says(const struct trigger *t, const char *words)
{
    bool has = strstr(t->rule, words) != NULL;
    for (size_t i = 0; i < t->n_evidence && !has; i++)
        has = strstr(t->evidence[i].label, words) || strstr(t->evidence[i].text, words);
    return has;
}

/* One quarter of a minute of a service that is well, but for what is asked. */
struct quarter {
    double n, failed, slow;
    enum probe_outcome probe;
    bool no_probes, no_counts, no_rollout, no_link;
};
static inline void quarter(struct rig *r, const char *subject, struct quarter q)
{
    for (int i = 0; i < 3; i++) {
        if (!q.no_probes)
            probe(r, subject, q.probe);
        if (!q.no_link)
            link_is(r, true);
        if (i == 2 && !q.no_counts) {
            requests(r, subject, q.n, q.failed);
            latency(r, subject, (q.n - q.slow) * 0.9, (q.n - q.slow) * 0.1, q.slow);
        }
        if (i == 2 && !q.no_rollout)
            rollout(r, subject, ROLLOUT_COMPLETE, 4, 0, 0, TIME_NONE);
        advance(r, 5000);
    }
}
static inline void quarters(struct rig *r, const char *subject, int n, struct quarter q)
{
    for (int i = 0; i < n; i++)
        quarter(r, subject, q);
}

#endif
