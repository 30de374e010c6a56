/* Bytes -> samples -> two judges: one of them is run now and then between the samples.  Both must say the same,
 * and neither PASS without data. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/judge/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SAMPLES = 4000 };

struct bytes {
    const uint8_t *p, *end;
};

static unsigned next(struct bytes *b)
{
    return b->p < b->end ? *b->p++ : 0;
}

static double value(struct bytes *b)
{
    static const double odd[] = { NAN, INFINITY, -INFINITY, -1, 1e308, -0.0, 1e9, 5e-324 };
    unsigned v = next(b);
    return v < 248 ? v : odd[v - 248];
}

static int64_t step(unsigned v)
{
    static const int64_t odd[] = { -1000, 3600000, 86400000, INT64_C(1) << 40, INT64_C(1) << 61, INT64_MIN / 4, 1, 777 };
    return v < 248 ? (int64_t)(v % 8) * 5000 / 2 : odd[v - 248];
}

static void check(const struct verdict *v)
{
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        assert(b->word != VERDICT_NONE && b->rule[0]);
        for (int k = 0; k < N_TRIGGERS; k++) {
            const struct trigger *t = &b->triggers[k];
            assert(t->coverage >= 0 && t->coverage <= 1 && t->rule[0] && t->n_evidence <= VERDICT_EVIDENCE);
            assert(t->state != TRIGGER_FIRED || b->word == VERDICT_ROLLBACK);
            if (t->is_required && (b->word == VERDICT_PASS || b->word == VERDICT_WATCH))
                assert(t->state != TRIGGER_NO_DATA && t->sampled_ms != TIME_NONE &&
                       v->judged_ms - t->sampled_ms <= 1200000);
        }
    }
}

static void compare(const struct judge *a, const struct judge *b)
{
    struct verdict *x = judge_verdict(a), *y = judge_verdict(b);
    check(x);
    assert(x->word == y->word && !strcmp(x->rule, y->rule) && x->n_bakes == y->n_bakes && x->n_marks == y->n_marks);
    for (size_t i = 0; i < x->n_bakes; i++) {
        for (int k = 0; k < N_TRIGGERS; k++)
            assert(x->bakes[i].triggers[k].state == y->bakes[i].triggers[k].state &&
                   !strcmp(x->bakes[i].triggers[k].rule, y->bakes[i].triggers[k].rule));
    }
    section_unref(&x->section);
    section_unref(&y->section);
}

/* Kind, workload, time, code, span, number of values, values. */
static void one(struct bytes *b, struct series_set *set, int64_t *now, struct sample *s)
{
    static const char *const subjects[] = { "deployment.apps/shop/web", "deployment.apps/shop/api", "", "x" };
    unsigned head = next(b);
    struct series like = { .kind = (enum sample_kind)(head % N_SAMPLE_KINDS), .subject = subjects[head / 16 % 4],
                           .name = head & 64 ? "one" : "cpu", .source = "fuzz" };
    for (size_t i = 0; like.kind == SAMPLE_LATENCY && i < (head & 128 ? 3u : 7u); i++) {
        like.bounds[i] = (double)(i + 1) * (head & 128 ? 100 : 37);
        like.n_bounds++;
    }
    int64_t by = step(next(b));
    if (__builtin_add_overflow(*now, by, now))
        *now = INT64_C(1767607200000);
    unsigned code = next(b), span = next(b);
    *s = (struct sample){ .series = series_intern(set, &like), .at_ms = *now, .code = (int32_t)(code % 12) - 1,
                          .span_ms = span < 250 ? (int64_t)span * 500 : step(span), .text = "why" };
    s->n = like.kind == SAMPLE_LATENCY ? like.n_bounds + 1 : next(b) % 13;
    for (size_t i = 0; i < s->n; i++)
        s->v[i] = value(b);
    if (like.kind == SAMPLE_DEPLOY && s->n)
        s->v[0] = s->v[0] < 128 ? (double)*now - s->v[0] * 10000 : s->v[0];
    if (like.kind == SAMPLE_CONF && s->n > 1) { /* all as usual but one */
        size_t which = (size_t)code % N_CONF_VALUES;
        double v = s->v[0];
        sample_conf_defaults(s->v);
        s->v[which] = v;
        s->n = N_CONF_VALUES;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes b = { data, data + n };
    struct judge *whole = judge_new(), *parts = judge_new();
    struct series_set *set = series_set_new();
    int64_t now = INT64_C(1767607200000), last = now;
    for (int i = 0; i < SAMPLES && b.p < b.end; i++) {
        struct sample s;
        one(&b, set, &now, &s);
        if (i % 3 == 0 && s.at_ms > last && s.at_ms < INT64_C(250000000000000)) {
            judge_run(parts, last + (s.at_ms - last) / 3);
            judge_run(parts, last + (s.at_ms - last) / 2);
        }
        judge_put(whole, &s);
        judge_put(parts, &s);
        if (s.at_ms > last && s.at_ms < INT64_C(250000000000000))
            last = s.at_ms;
    }
    judge_run(whole, last + 60000);
    judge_run(parts, last + 1);
    judge_run(parts, last + 60000);
    compare(whole, parts);
    struct tracks *t = judge_tracks(whole);
    assert(t->n <= 4);
    section_unref(&t->section);
    judge_free(whole);
    judge_free(parts);
    series_set_free(set);
    return 0;
}
