/*
 * core/sim/traffic.h - requests to the simulated services: how many, how fast, how many fail; what
 * /healthz and /metrics say of it, and the rows of deployment_errors that come of it.
 *
 * Model    requests are spread over the ready pods; each version has its share of errors and a
 *          lognormal latency with its p95.  A story's `noise` draws single requests instead of
 * shares: traffic_noise.c.  Counters are sums over virtual time, so that two
 * readers at one instant see the same Shape    one flow a service and version that was ever
 * deployed; a sample of all each SAMPLE_MS Limits   TRAFFIC_FLOWS a service (an undo comes back to
 * its old one); TRAFFIC_SAMPLES kept Thread   the world's
 */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include "core/sim/world.h"

enum {
    TRAFFIC_FLOWS = 12,
    TRAFFIC_BUCKETS = 15,
    TRAFFIC_SAMPLES = 360,
    SAMPLE_MS = 15000,
    POOL_MOST = 20
};
extern const double traffic_bounds[TRAFFIC_BUCKETS];             /* seconds, rising */
enum flow_code { FLOW_OK, FLOW_ERROR, FLOW_GONE, N_FLOW_CODES }; /* 200, 500, 503 */

struct flow_numbers {
    double code[N_FLOW_CODES], bucket[TRAFFIC_BUCKETS], count,
        sum; /* bucket: cumulative, as Prometheus has it */
    double cpu_s;
};
struct flow {
    const struct sim_version *version;
    struct flow_numbers now;
    struct flow_numbers past[TRAFFIC_SAMPLES]; /* sample i lies at i % TRAFFIC_SAMPLES */
    uint64_t first;                            /* its first sample */
};
struct traffic {
    struct flow *flows[TRAFFIC_FLOWS];
    size_t n_flows;
    double rps, errors, p95_ms, cpu_millis,
        pool; /* of this second: per service; CPU and pool per pod */
    int64_t ready, pods;
    double pool_past[TRAFFIC_SAMPLES], up_past[TRAFFIC_SAMPLES];
    double level; /* with noise: of the logarithm of its latencies, for these 15 s */
};

void traffic_init(struct world *w);
void traffic_release(struct world *w);
void traffic_second(struct world *w); /* each WORLD_TICK_MS */
const struct traffic *traffic_of(const struct world *w, const struct sim_service *sv);
uint64_t
traffic_samples(const struct world *w); /* so many were taken; the last at traffic_sampled_ms */
int64_t traffic_sample_ms(const struct world *w, uint64_t sample);
/* With noise: the rate of a service, its level for this second, and a second's requests of one version. */
double traffic_noise_rps(const struct world *w, const struct sim_service *sv);
void traffic_noise_level(const struct world *w, struct traffic *t, const struct sim_service *sv);
void traffic_noise_second(const struct world *w, const struct traffic *t, const struct sim_service *sv,
                          struct flow *f, double rate, double p95_ms, double errors);
struct sim_object *traffic_workload(const struct world *w, const struct sim_service *sv);

/* What the service says at its own addresses; returns the HTTP status. */
int traffic_healthz(const struct world *w, const struct sim_service *sv, struct buf *out);
void traffic_metrics(const struct world *w, const struct sim_service *sv, struct buf *out);
/* PodMetrics of metrics.k8s.io; false: the pod does not run. */
bool traffic_pod_usage(const struct world *w, const struct sim_object *pod, struct buf *out);

#endif
