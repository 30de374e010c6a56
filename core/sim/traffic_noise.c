/*
 * Traffic as it is in real life: single requests, each with a lognormal latency; a service's level goes up and
 * down, from one 15 s to the next with memory (a first-order autoregression); rate and latency swing over the
 * day.  All of it follows from the seed, the service's name and the second: what looks at it changes nothing,
 * and a story without noise draws none of it.
 *
 * Of the variance of a latency's logarithm the level has LEVEL squared, the single request the rest.
 */
#include <math.h>
#include <string.h>

#include "core/sim/traffic.h"

#define LEVEL 0.2 /* a p95 of 15 s scatters by 20 % */
#define Z95   1.6449
#define DAY_S 86400

static uint64_t key_of(const struct world *w, const struct sim_service *sv, uint64_t salt)
{
    return sim_mix(w->seed ^ sim_hash(sv->name, strlen(sv->name)), salt);
}

/* Standard normal, from two numbers of a key. */
static double normal(uint64_t key)
{
    double u = 1 - sim_unit(sim_mix(key, 1)), v = sim_unit(sim_mix(key, 2));
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static double swing(const struct world *w)
{
    double phase = sim_unit(sim_mix(w->seed, 77)), day = (double)(w->now_ms / 1000 % DAY_S) / DAY_S;
    return 1 + w->story.noise.swing * sin(2 * M_PI * (day + phase));
}

double traffic_noise_rps(const struct world *w, const struct sim_service *sv)
{
    const struct story_noise *n = &w->story.noise;
    double rate = (double)sv->rps;
    if (n->rps_most)
        rate = (double)n->rps_least *
               pow((double)n->rps_most / (double)n->rps_least, sim_unit(key_of(w, sv, 3)));
    return rate * swing(w);
}

void traffic_noise_level(const struct world *w, struct traffic *t, const struct sim_service *sv)
{
    double memory = w->story.noise.autocorrelation;
    if (w->now_ms % SAMPLE_MS)
        return;
    t->level = memory * t->level +
               LEVEL * sqrt(1 - memory * memory) * normal(key_of(w, sv, 1000 + (uint64_t)(w->now_ms / SAMPLE_MS)));
}

/* By multiplication of uniforms below 30, else the nearest of a normal. */
static int64_t poisson(struct sim_rand *r, double mean)
{
    if (mean > 30) {
        int64_t n = llround(mean + sqrt(mean) * normal(sim_rand_next(r)));
        return n > 0 ? n : 0;
    }
    double limit = exp(-mean), p = 1;
    int64_t n = -1;
    do {
        p *= 1 - sim_unit(sim_rand_next(r));
        n++;
    } while (p > limit);
    return n;
}

void traffic_noise_second(const struct world *w, const struct traffic *t, const struct sim_service *sv,
                          struct flow *f, double rate, double p95_ms, double errors)
{
    struct sim_rand r;
    const double sigma = w->story.noise.sigma, single = sqrt(sigma * sigma - LEVEL * LEVEL);
    double mu = log(p95_ms / 1000 * swing(w)) - Z95 * sigma + t->level, upto[TRAFFIC_BUCKETS];
    int64_t in[TRAFFIC_BUCKETS + 1] = { 0 };
    sim_rand_seed(&r, key_of(w, sv, (uint64_t)w->now_ms) ^ sim_hash(f->version->tag, strlen(f->version->tag)));
    for (size_t b = 0; b < TRAFFIC_BUCKETS; b++)
        upto[b] = 0.5 * erfc(-(log(traffic_bounds[b]) - mu) / single / M_SQRT2);
    int64_t n = poisson(&r, rate), bad = poisson(&r, (double)n * errors), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double u = sim_unit(sim_rand_next(&r));
        size_t b = 0;
        while (b < TRAFFIC_BUCKETS && u > upto[b])
            b++;
        in[b]++;
    }
    for (size_t b = 0; b < TRAFFIC_BUCKETS; b++)
        f->now.bucket[b] += (double)(sum += in[b]);
    bad = bad < n ? bad : n;
    f->now.count += (double)n;
    f->now.sum += (double)n * exp(mu + single * single / 2);
    f->now.code[FLOW_ERROR] += (double)bad;
    f->now.code[FLOW_OK] += (double)(n - bad);
    f->now.cpu_s += (double)n * 0.0045;
}
