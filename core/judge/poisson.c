/*
 * The tail is summed from its largest term on: upwards from k where k is over the mean, else one less the
 * sum downwards from k - 1.  Either way the terms fall, so the sum ends after a few standard deviations.
 */
#include "core/judge/poisson.h"

#include <math.h>

static const double EXACT_MOST = 1e6;

static double term(double k, double lambda)
{
    int sign;
    return exp(k * log(lambda) - lambda - lgamma_r(k + 1, &sign));
}

/* Wilson and Hilferty: the cube root of a gamma variable is nearly normal. */
static double approximate(double k, double lambda)
{
    double z = (cbrt(lambda / k) - (1 - 1 / (9 * k))) * 3 * sqrt(k);
    return 0.5 * erfc(-z / sqrt(2));
}

double poisson_tail(int64_t k, double lambda)
{
    if (k <= 0)
        return 1;
    if (!(lambda > 0))
        return 0;
    double at = (double)k, sum = 0;
    if (at > EXACT_MOST || lambda > EXACT_MOST)
        return approximate(at, lambda);
    if (at > lambda) {
        for (double t = term(at, lambda); t > sum * 1e-17; t *= lambda / ++at)
            sum += t;
        return sum;
    }
    at--;
    for (double t = term(at, lambda); t > sum * 1e-17 && at >= 0; t *= at-- / lambda)
        sum += t;
    return sum < 1 ? 1 - sum : 0;
}
