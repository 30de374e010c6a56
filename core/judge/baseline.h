/*
 * core/judge/baseline.h - what a workload was like before its deploy, frozen when the deploy is seen.  Pure.
 *
 * Empty     a time without requests, or with too few of them, is no baseline: `n` is 0 and `problem` says why
 * Noise     real traffic scatters more than coins do.  `*_spread` is by how much, from blocks of two minutes
 *           (1 = as coins; never less): counts are divided by it before they are tested
 * Limit     a p95 of `ratio` times that before, and `delta` more at the least.  It is counted, not interpolated:
 *           at the bucket's bound that is nearest to it, how many may be slower is how many would be if all took
 *           so many times as long as before.  (Where the bound is the limit itself, that is 5 %.)
 * Thread    any
 */
#ifndef JUDGE_BASELINE_H
#define JUDGE_BASELINE_H

#include "core/judge/course.h"

struct baseline {
    int64_t from_ms, to_ms; /* what of it had data; equal: nothing had */
    double requests, failed, error_spread; /* requests 0: none */
    const char *error_problem, *latency_problem; /* why there is none; NULL */
    double latency_n;       /* requests with a latency; 0: none */
    double slow[SAMPLE_VALUES], bounds[SAMPLE_VALUES - 1];
    size_t n_bounds;
    double p95_ms, low_ms, high_ms; /* NAN; low..high: of blocks of two minutes, where most of them lie */
    float p95s[TRACK_POINTS];       /* of a source without counts */
    size_t n_p95s;
    double probes, probes_failed;
};

struct latency_limit {
    bool is_known;
    double p95_ms;      /* where it fires */
    size_t bound;       /* of the course, and what it is */
    double bound_ms;
    double share;       /* more than so many slower than the bound fire */
    double watch_share; /* half the way there: worth a look */
    double slow, n;     /* requests over the bound before the deploy */
    double spread;
};

/* From the slots that lie in [deploy - span, deploy) as a whole. */
void baseline_freeze(struct baseline *b, const struct course *c, int64_t deploy_ms, int64_t span_ms, double least_n);
/* Where latency fires, by the bounds that the course has now. */
struct latency_limit baseline_limit(const struct baseline *b, const struct course *c, double ratio, double delta_ms);
size_t baseline_bound(const double *bounds, size_t n, double ms); /* nearest by ratio; SIZE_MAX: none */

#endif
