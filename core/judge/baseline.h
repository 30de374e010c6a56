/*
 * core/judge/baseline.h - what a workload was like before its deploy, frozen when the deploy is seen.  Pure.
 *
 * Empty     a time without requests, or with too few of them, is no baseline: `n` is 0 and `problem` says why
 * Noise     real traffic scatters more than coins do.  `*_spread` is by how much, from blocks of two minutes
 *           (1 = as coins; never less): counts are divided by it before they are tested
 * Threshold the bound of a bucket that is nearest to `ratio` times the p95 and no less than `delta` above it,
 *           so that "p95 is over it" is "more than 5 % are slower", counted and not interpolated
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
    size_t bound;        /* of the course */
    double limit_ms;     /* bounds[bound] */
    double wanted_ms;    /* what was asked for */
    double slow, n;      /* requests over limit_ms before the deploy */
    double spread;
};

/* From the slots that lie in [deploy - span, deploy) as a whole. */
void baseline_freeze(struct baseline *b, const struct course *c, int64_t deploy_ms, int64_t span_ms, double least_n);
/* Where latency fires, by the bounds that the course has now. */
struct latency_limit baseline_limit(const struct baseline *b, const struct course *c, double ratio, double delta_ms);
/* The bound nearest to `ms`, by ratio, and not below `least_ms`; SIZE_MAX: none. */
size_t baseline_bound(const double *bounds, size_t n, double ms, double least_ms);

#endif
