#include "core/judge/proportion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double wilson_lower(double x, double n, double z)
{
    if (!(n > 0) || !(x > 0) || x > n)
        return 0;
    double p = x / n, zz = z * z;
    double low = (p + zz / (2 * n) - z * sqrt(p * (1 - p) / n + zz / (4 * n * n))) / (1 + zz / n);
    return low > 0 ? low : 0;
}

static double log_choose(double n, double k)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

/* The upper tail of the hypergeometric distribution, summed from x on.  Only where x lies above its mean:
 * there the terms fall, so the sum ends soon and cannot begin with a zero. */
double fisher_worse(double x, double n, double x0, double n0)
{
    x = floor(x);
    n = round(n);
    x0 = ceil(x0);
    n0 = round(n0);
    if (!(n > 0) || !(n0 > 0) || !(x >= 0) || !(x0 >= 0) || x > n || x0 > n0 || x * n0 <= x0 * n)
        return 1;
    double bad = x + x0, good = n + n0 - bad, most = n < bad ? n : bad;
    double t = exp(log_choose(bad, x) + log_choose(good, n - x) - log_choose(n + n0, n)), sum = 0;
    for (double k = x; k <= most && t > sum * 1e-16; k++) {
        sum += t;
        t *= (bad - k) * (n - k) / ((k + 1) * (good - n + k + 1));
    }
    return sum < 1 ? sum : 1;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t sorted(float *out, const float *v, size_t n)
{
    n = n < MANN_WHITNEY_MOST ? n : MANN_WHITNEY_MOST;
    if (n)
        memcpy(out, v, n * sizeof *v);
    qsort(out, n, sizeof *out, by_value);
    return n;
}

double median_of(const float *v, size_t n)
{
    float s[MANN_WHITNEY_MOST];
    n = sorted(s, v, n);
    return !n ? NAN : n % 2 ? (double)s[n / 2] : ((double)s[n / 2 - 1] + (double)s[n / 2]) / 2;
}

double mann_whitney_higher(const float *now, size_t n, const float *before, size_t n0)
{
    float a[MANN_WHITNEY_MOST], b[MANN_WHITNEY_MOST];
    n = sorted(a, now, n);
    n0 = sorted(b, before, n0);
    if (!n || !n0)
        return 1;
    double wins = 0, ties = 0, all = (double)(n + n0);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n0; k++)
            wins += a[i] > b[k] ? 1 : a[i] == b[k] ? 0.5 : 0;
    }
    for (size_t i = 0, k = 0; i < n || k < n0;) { /* equal ones, in both together */
        float v = k == n0 || (i < n && a[i] <= b[k]) ? a[i] : b[k];
        double same = 0;
        for (; i < n && a[i] == v; i++)
            same++;
        for (; k < n0 && b[k] == v; k++)
            same++;
        ties += same * same * same - same;
    }
    double both = (double)n * (double)n0;
    double spread = sqrt(both / 12 * (all + 1 - ties / (all * (all - 1))));
    if (!(spread > 0))
        return 1;
    return 0.5 * erfc((wins - both / 2 - 0.5) / spread / sqrt(2));
}
