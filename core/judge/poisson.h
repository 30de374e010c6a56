/*
 * core/judge/poisson.h - how surprising a count is.  Pure.
 *
 * Errors   none: lambda <= 0 or no number counts as 0
 * Limits   exact to 1e-9 relative up to lambda and k of 1e6, where sums take thousands of steps; beyond
 *          that a normal approximation, good to 1 % of the tail's logarithm
 * Thread   any
 */
#ifndef JUDGE_POISSON_H
#define JUDGE_POISSON_H

#include <stdint.h>

double poisson_tail(int64_t k, double lambda); /* P(X >= k), X ~ Poisson(lambda) */

#endif
