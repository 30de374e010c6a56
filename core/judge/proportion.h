/*
 * core/judge/proportion.h - is a share, or a course of numbers, worse than it was?  Pure.
 *
 * Counts may be fractions: those of busy noise are divided by its overdispersion before they come here.
 * Errors   none: no number, or a share of nothing, is the answer that alarms nobody (0 or p = 1)
 * Limits   counts up to 1e9; MANN_WHITNEY_MOST numbers a side, more are not looked at
 * Thread   any
 */
#ifndef JUDGE_PROPORTION_H
#define JUDGE_PROPORTION_H

#include <stddef.h>

enum { MANN_WHITNEY_MOST = 256 };

/* Lower bound of Wilson's interval for x of n; z = 1.645: one-sided 95 %. */
double wilson_lower(double x, double n, double z);
/* Fisher's exact test, one-sided: the chance to see x of n or worse when it is as x0 of n0. */
double fisher_worse(double x, double n, double x0, double n0);
/* Mann and Whitney, one-sided, normal approximation with ties: the chance that `now` lies so high
 * above `before` by luck. */
double mann_whitney_higher(const float *now, size_t n, const float *before, size_t n0);
double median_of(const float *v, size_t n); /* NAN of none; looks at MANN_WHITNEY_MOST */

#endif
