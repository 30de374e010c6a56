/*
 * What a simulated service says of itself: /healthz as application/health+json, /metrics as
 * Prometheus reads it, and its pods' use of CPU and memory.  The answers are those of the Service
 * as a whole, not of one pod: they are the sums that a Prometheus would make of all its pods.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/traffic.h"

static const char *worse(const char *a, const char *b)
{
    return text_eq(a, "fail") || text_eq(b, "fail")   ? "fail"
           : text_eq(a, "warn") || text_eq(b, "warn") ? "warn"
                                                      : "pass";
}

static const struct sim_version *newest(const struct traffic *t)
{
    return t->n_flows ? t->flows[t->n_flows - 1]->version : NULL;
}

static bool flakes(const struct world *w, const struct sim_service *sv)
{
    uint64_t second = (uint64_t)(w->now_ms / 1000);
    double chance = sv->usual.flake;
    if (w->story.noise.is_on && w->story.noise.flake > chance)
        chance = w->story.noise.flake;
    for (size_t i = 0; i < sv->n_versions; i++) {
        if (sv->versions[i]->first_ms != INT64_MIN && sv->versions[i]->flake > chance)
            chance = sv->versions[i]->flake;
    }
    return sim_unit(sim_mix(w->seed ^ sim_hash(sv->name, strlen(sv->name)), second)) < chance;
}

static void add_check(struct buf *out, const char *name, const char *type, const char *status,
                      const char *time)
{
    buf_addf(out, ",\"%s\":[{\"componentType\":\"%s\",\"status\":\"%s\",\"time\":\"%s\"", name,
             type, status, time);
}

int traffic_healthz(const struct world *w, const struct sim_service *sv, struct buf *out)
{
    const struct traffic *t = traffic_of(w, sv);
    const struct sim_version *v = newest(t);
    char at[32];
    struct buf checks = BUF_INIT(64 * 1024);
    const char *status = t->ready ? "pass" : "fail";
    sim_time(w->now_ms, at);
    if (flakes(w, sv))
        status = "fail";
    if (sv->has_database) {
        double used = t->pool > POOL_MOST ? POOL_MOST : t->pool;
        const char *s = used >= POOL_MOST ? "fail" : used > POOL_MOST * 0.85 ? "warn" : "pass";
        status = worse(status, text_eq(s, "fail") ? "warn" : s); /* slow, and still there */
        add_check(&checks, "database:pool", "datastore", s, at);
        buf_addf(&checks, ",\"observedValue\":%d,\"observedUnit\":\"connections\",\"limit\":%d}]",
                 (int)used, POOL_MOST);
    }
    for (size_t i = 0; i < sv->n_needs; i++) {
        char name[96];
        bool is_down = world_is_down(w, sv->needs[i]);
        text_clean_to(name, sizeof name, sv->needs[i], strlen(sv->needs[i]));
        status = is_down ? "fail" : status;
        struct buf key = BUF_INIT(200);
        buf_addf(&key, "%s:reachable", name);
        add_check(&checks, buf_str(&key), "component", is_down ? "fail" : "pass", at);
        buf_addf(&checks, "%s}]", is_down ? ",\"output\":\"no connection within 2 s\"" : "");
        buf_release(&key);
    }
    buf_addf(out,
             "{\"status\":\"%s\",\"version\":\"1\",\"releaseId\":\"%s\",\"serviceId\":\"%s\","
             "\"description\":\"health of %s\","
             "\"checks\":{%s}}\n",
             status, v ? v->tag : "", sv->name, sv->name, checks.len ? buf_str(&checks) + 1 : "");
    buf_release(&checks);
    return text_eq(status, "fail") ? 503 : 200;
}

void traffic_metrics(const struct world *w, const struct sim_service *sv, struct buf *out)
{
    static const char *const codes[] = { "200", "500", "503" };
    const struct traffic *t = traffic_of(w, sv);
    buf_adds(out,
             "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n");
    for (size_t i = 0; i < t->n_flows; i++) {
        for (int c = 0; c < N_FLOW_CODES; c++)
            buf_addf(out,
                     "http_requests_total{service=\"%s\",version=\"%s\",method=\"GET\",code=\"%s\"}"
                     " %.0f\n",
                     sv->name, t->flows[i]->version->tag, codes[c],
                     floor(t->flows[i]->now.code[c]));
    }
    buf_adds(out, "# HELP http_request_duration_seconds How long it took.\n# TYPE "
                  "http_request_duration_seconds histogram\n");
    for (size_t i = 0; i < t->n_flows; i++) {
        const struct flow *f = t->flows[i];
        for (size_t b = 0; b < TRAFFIC_BUCKETS; b++)
            buf_addf(out,
                     "http_request_duration_seconds_bucket{service=\"%s\",version=\"%s\",le=\"%g\"}"
                     " %.0f\n",
                     sv->name, f->version->tag, traffic_bounds[b], floor(f->now.bucket[b]));
        buf_addf(out,
                 "http_request_duration_seconds_bucket{service=\"%s\",version=\"%s\",le=\"+Inf\"} "
                 "%.0f\n",
                 sv->name, f->version->tag, floor(f->now.count));
        buf_addf(out, "http_request_duration_seconds_sum{service=\"%s\",version=\"%s\"} %.3f\n",
                 sv->name, f->version->tag, f->now.sum);
        buf_addf(out, "http_request_duration_seconds_count{service=\"%s\",version=\"%s\"} %.0f\n",
                 sv->name, f->version->tag, floor(f->now.count));
    }
    if (sv->has_database)
        buf_addf(
            out,
            "# TYPE db_pool_connections_in_use gauge\ndb_pool_connections_in_use{service=\"%s\"} "
            "%d\n"
            "# TYPE db_pool_connections_max gauge\ndb_pool_connections_max{service=\"%s\"} %d\n",
            sv->name, (int)(t->pool > POOL_MOST ? POOL_MOST : t->pool), sv->name, POOL_MOST);
    buf_addf(out,
             "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n"
             "# TYPE process_resident_memory_bytes "
             "gauge\nprocess_resident_memory_bytes{service=\"%s\"} %.0f\n"
             "# TYPE process_open_fds gauge\nprocess_open_fds{service=\"%s\"} %d\n",
             (double)w->start_ms / 1000, sv->name, 96.0 * 1048576 + t->rps * 65536, sv->name, 20 + (int)t->pool);
}

bool traffic_pod_usage(const struct world *w, const struct sim_object *pod, struct buf *out)
{
    const struct pod_state *p = pod->pod;
    char at[32];
    if (p->stage != POD_RUNNING)
        return false;
    int64_t age_s = (w->now_ms - p->started_ms) / 1000;
    int64_t milli = p->service ? (int64_t)traffic_of(w, p->service)->cpu_millis : 40;
    int64_t memory = (110 + (int64_t)(p->number % 17) + (age_s < 600 ? age_s / 20 : 30)) * 1048576;
    buf_addf(out,
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"creationTimestamp\":\"%s\"},"
             "\"timestamp\":\"%s\","
             "\"window\":\"30s\",\"containers\":[{\"name\":\"%s\",\"usage\":{\"cpu\":\"%" PRId64
             "m\",\"memory\":\"%" PRId64 "Ki\"}}]}",
             pod->name, pod->ns, sim_time(w->now_ms, at), at, p->name,
             milli + (int64_t)(sim_mix(p->number, (uint64_t)(w->now_ms / 15000)) % 9),
             memory / 1024);
    return true;
}
