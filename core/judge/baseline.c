#include "core/judge/baseline.h"

#include <math.h>
#include <string.h>

#include "core/judge/proportion.h"

enum { BLOCK = 8 /* slots: two minutes */, BLOCKS_LEAST = 5, BLOCKS = TRACK_POINTS / BLOCK, SPAN_LEAST_MS = 120000 };
static const double BAD_LEAST = 5; /* below so many bad ones their scatter says nothing */
static const double MARGIN = 1.25; /* a bound is no nearer to the p95 than this */

/* By how much blocks scatter more than a binomial would: Pearson's chi-square over its degrees of freedom. */
static double spread_of(const struct share *blocks, size_t n)
{
    double x = 0, all = 0, chi = 0;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        x += blocks[i].x;
        all += blocks[i].n;
    }
    double p = all > 0 ? x / all : 0;
    if (x < BAD_LEAST || p >= 1)
        return 1;
    for (size_t i = 0; i < n; i++) {
        double off = blocks[i].x - blocks[i].n * p, var = blocks[i].n * p * (1 - p);
        if (blocks[i].n < 1)
            continue;
        chi += off * off / var;
        used++;
    }
    if (used < BLOCKS_LEAST)
        return 1;
    chi /= (double)used - 1;
    return chi > 1 ? chi : 1;
}

/* The blocks of [from, to) from its end on; the rest is left out. */
static size_t blocks_of(int64_t from, int64_t to, int64_t begins[BLOCKS])
{
    size_t n = 0;
    for (; n < BLOCKS && to - BLOCK >= from; to -= BLOCK)
        begins[n++] = to - BLOCK;
    return n;
}

static double slow_above(const struct baseline *b, double ms)
{
    double below = 0, above = b->latency_n;
    for (size_t i = 0; i < b->n_bounds; i++) {
        if (ms <= b->bounds[i])
            return above - (above - b->slow[i]) * (ms - below) / (b->bounds[i] - below);
        above = b->slow[i];
        below = b->bounds[i];
    }
    return above;
}

static void freeze_band(struct baseline *b, const struct course *c, const int64_t *begins, size_t n)
{
    float p[BLOCKS];
    double slow[SAMPLE_VALUES];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (course_sum(c, begins[i], begins[i] + BLOCK, slow) >= 1)
            p[have++] = (float)course_p95_of(slow, c->bounds, c->n_bounds);
    }
    for (size_t i = 0; i < b->n_p95s && !have; i++) { /* of a source without counts */
        b->low_ms = !i || (double)b->p95s[i] < b->low_ms ? (double)b->p95s[i] : b->low_ms;
        b->high_ms = !i || (double)b->p95s[i] > b->high_ms ? (double)b->p95s[i] : b->high_ms;
    }
    for (size_t i = 0; i < have; i++) {
        b->low_ms = !i || (double)p[i] < b->low_ms ? (double)p[i] : b->low_ms;
        b->high_ms = !i || (double)p[i] > b->high_ms ? (double)p[i] : b->high_ms;
    }
}

static const char *problem_of(double n, double watched_ms, double least_n)
{
    return !(watched_ms > 0)           ? "nothing was measured before the deploy"
           : watched_ms < SPAN_LEAST_MS ? "less than 2 min were measured before the deploy"
           : n < least_n                ? "too few requests before the deploy"
                                        : NULL;
}

static void freeze_span(struct baseline *b, const struct course *c, int64_t from, int64_t to)
{
    b->from_ms = b->to_ms = to * TRACK_STEP_MS;
    for (int64_t no = from; no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        if (s && (s->requests_ms > 0 || s->latency_ms > 0 || s->p95 > 0)) {
            b->from_ms = no * TRACK_STEP_MS;
            return;
        }
    }
}

void baseline_freeze(struct baseline *b, const struct course *c, int64_t deploy_ms, int64_t span_ms, double least_n)
{
    int64_t to = course_slot_of(deploy_ms), from = to - span_ms / TRACK_STEP_MS, begins[BLOCKS];
    *b = (struct baseline){ .p95_ms = NAN, .low_ms = NAN, .high_ms = NAN, .error_spread = 1 };
    size_t n_blocks = blocks_of(from, to, begins);
    struct share blocks[BLOCKS], all = course_failed(c, from, to);
    freeze_span(b, c, from, to);
    b->error_problem = problem_of(all.n, all.watched_ms, least_n);
    if (!b->error_problem) {
        b->requests = all.n;
        b->failed = all.x;
        for (size_t i = 0; i < n_blocks; i++)
            blocks[i] = course_failed(c, begins[i], begins[i] + BLOCK);
        b->error_spread = spread_of(blocks, n_blocks);
    }
    double n = course_sum(c, from, to, b->slow);
    b->latency_problem = problem_of(n, course_slow(c, from, to, 0).watched_ms, least_n);
    b->n_p95s = course_p95s(c, from, to, b->p95s, TRACK_POINTS);
    if (!b->latency_problem) {
        b->latency_n = n;
        b->n_bounds = c->n_bounds;
        memcpy(b->bounds, c->bounds, sizeof b->bounds);
        b->p95_ms = course_p95_of(b->slow, b->bounds, b->n_bounds);
    } else if (b->n_p95s) {
        b->p95_ms = median_of(b->p95s, b->n_p95s);
    }
    freeze_band(b, c, begins, b->latency_problem ? 0 : n_blocks);
    all = course_probes(c, from, to);
    b->probes = all.n;
    b->probes_failed = all.x;
}

size_t baseline_bound(const double *bounds, size_t n, double ms, double least_ms)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (bounds[i] < least_ms)
            continue;
        if (best == SIZE_MAX || fabs(log(bounds[i] / ms)) < fabs(log(bounds[best] / ms)))
            best = i;
    }
    return best;
}

struct latency_limit baseline_limit(const struct baseline *b, const struct course *c, double ratio, double delta_ms)
{
    struct latency_limit l = { .spread = 1 };
    if (!(b->latency_n > 0) || !(b->p95_ms > 0) || !c->n_bounds)
        return l;
    double with_delta = b->p95_ms + delta_ms, wanted = b->p95_ms * ratio;
    double near = b->p95_ms * (ratio < MARGIN ? ratio : MARGIN);
    l.wanted_ms = wanted > with_delta ? wanted : with_delta;
    l.bound = baseline_bound(c->bounds, c->n_bounds, l.wanted_ms, near > with_delta ? near : with_delta);
    if (l.bound == SIZE_MAX)
        return l;
    l.is_known = true;
    l.limit_ms = c->bounds[l.bound];
    l.slow = slow_above(b, l.limit_ms);
    l.n = b->latency_n;
    int64_t begins[BLOCKS];
    struct share blocks[BLOCKS];
    size_t n = blocks_of(course_slot_of(b->from_ms), course_slot_of(b->to_ms), begins);
    for (size_t i = 0; i < n; i++)
        blocks[i] = course_slow(c, begins[i], begins[i] + BLOCK, l.bound);
    l.spread = spread_of(blocks, n);
    return l;
}
