#include "core/judge/baseline.h"

#include <math.h>
#include <string.h>

#include "core/judge/proportion.h"

enum { BLOCK = 8 /* slots: two minutes */, BLOCKS_LEAST = 5, BLOCKS = TRACK_POINTS / BLOCK, SPAN_LEAST_MS = 120000 };
static const double BAD_LEAST = 5; /* below so many bad ones their scatter says nothing */
static const double SHARE_LEAST = 0.01, SHARE_MOST = 0.5; /* of a limit: beyond these a bucket says too little */

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

/* Requests slower than `ms`: between two bounds a straight line of logarithms, as tails are. */
static double slow_above(const struct baseline *b, double ms)
{
    double below = 0, above = b->latency_n;
    for (size_t i = 0; i < b->n_bounds; i++) {
        if (ms <= b->bounds[i]) {
            double part = below > 0 ? log(ms / below) / log(b->bounds[i] / below) : ms / b->bounds[i];
            return below > 0 && b->slow[i] > 0 ? above * pow(b->slow[i] / above, part)
                                               : above - (above - b->slow[i]) * part;
        }
        above = b->slow[i];
        below = b->bounds[i];
    }
    return above;
}

/* The share over `bound_ms` if all took `ratio` times as long. */
static double share_at(const struct baseline *b, double bound_ms, double ratio)
{
    double share = slow_above(b, bound_ms / ratio) / b->latency_n;
    return share < SHARE_LEAST ? SHARE_LEAST : share > SHARE_MOST ? SHARE_MOST : share;
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

size_t baseline_bound(const double *bounds, size_t n, double ms)
{
    size_t best = n ? 0 : SIZE_MAX;
    for (size_t i = 1; i < n; i++) {
        if (fabs(log(bounds[i] / ms)) < fabs(log(bounds[best] / ms)))
            best = i;
    }
    return best;
}

struct latency_limit baseline_limit(const struct baseline *b, const struct course *c, double ratio, double delta_ms)
{
    struct latency_limit l = { .spread = 1 };
    if (!(b->latency_n > 0) || !(b->p95_ms > 0) || !c->n_bounds)
        return l;
    double with_delta = 1 + delta_ms / b->p95_ms;
    ratio = ratio > with_delta ? ratio : with_delta;
    l.is_known = true;
    l.p95_ms = b->p95_ms * ratio;
    l.bound = baseline_bound(c->bounds, c->n_bounds, l.p95_ms);
    l.bound_ms = c->bounds[l.bound];
    l.share = share_at(b, l.bound_ms, ratio);
    l.watch_share = share_at(b, l.bound_ms, (1 + ratio) / 2);
    l.slow = slow_above(b, l.bound_ms);
    l.n = b->latency_n;
    int64_t begins[BLOCKS];
    struct share blocks[BLOCKS];
    size_t n = blocks_of(course_slot_of(b->from_ms), course_slot_of(b->to_ms), begins);
    for (size_t i = 0; i < n; i++)
        blocks[i] = course_slow(c, begins[i], begins[i] + BLOCK, l.bound);
    l.spread = spread_of(blocks, n);
    return l;
}
