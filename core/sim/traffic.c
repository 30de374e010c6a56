#include "core/sim/traffic.h"

#include <math.h>
#include <string.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/parts.h"

#define SIGMA 0.5 /* of the logarithm of a latency */
#define Z95   1.6449

const double traffic_bounds[TRAFFIC_BUCKETS] = { .005, .01, .025, .05, .075, .1,  .15, .2,
                                                 .3,   .4,  .5,   .75, 1,    2.5, 5 };

struct count_of { /* pods of one version */
    struct sim_version *version;
    int64_t ready, running;
};

void traffic_init(struct world *w)
{
    w->traffic = x_calloc(w->story.n_services + 1, sizeof *w->traffic);
}

void traffic_release(struct world *w)
{
    for (size_t i = 0; w->traffic && i < w->story.n_services; i++) {
        for (size_t k = 0; k < w->traffic[i].n_flows; k++)
            free(w->traffic[i].flows[k]);
    }
    for (size_t i = 0; i < w->story.n_services; i++) {
        struct sim_service *sv = &w->story.services[i];
        for (size_t k = 0; k < sv->n_versions; k++) {
            free(sv->versions[k]->owed);
            free(sv->versions[k]->written);
        }
    }
    free(w->traffic);
    w->traffic = NULL;
}

const struct traffic *traffic_of(const struct world *w, const struct sim_service *sv)
{
    return &w->traffic[sv - w->story.services];
}

struct sim_object *traffic_workload(const struct world *w, const struct sim_service *sv)
{
    return store_find(&w->store, sv->kind, w->story.ns, sv->name);
}

static int64_t begin_ms(const struct world *w)
{
    return w->start_ms - WORLD_BEFORE_MS;
}

uint64_t traffic_samples(const struct world *w)
{
    return w->now_ms < begin_ms(w) ? 0 : (uint64_t)((w->now_ms - begin_ms(w)) / SAMPLE_MS);
}

int64_t traffic_sample_ms(const struct world *w, uint64_t sample)
{
    return begin_ms(w) + ((int64_t)sample + 1) * SAMPLE_MS;
}

/* ---- pods by version ---- */

static void count_pods(const struct sim_object *of, struct count_of *counts, size_t *n)
{
    const struct sim_object *o;
    DL_FOREACH (of->children, o) {
        size_t i = 0;
        if (o->kind == SIM_REPLICASET)
            count_pods(o, counts, n);
        if (o->kind != SIM_POD || !o->pod->version || o->pod->is_deleted)
            continue;
        while (i < *n && counts[i].version != o->pod->version)
            i++;
        if (i == *n && *n < TRAFFIC_FLOWS)
            counts[(*n)++] = (struct count_of){ .version = o->pod->version };
        if (i == *n)
            continue;
        counts[i].ready += o->pod->is_ready;
        counts[i].running += o->pod->stage == POD_RUNNING || o->pod->stage == POD_BACKOFF;
    }
}

static struct flow *flow_of(struct world *w, struct traffic *t, const struct sim_version *v)
{
    for (size_t i = 0; i < t->n_flows; i++) {
        if (t->flows[i]->version == v)
            return t->flows[i];
    }
    if (t->n_flows == TRAFFIC_FLOWS)
        return t->flows[TRAFFIC_FLOWS - 1];
    struct flow *f = x_calloc(1, sizeof *f);
    f->version = v;
    f->first = traffic_samples(w);
    t->flows[t->n_flows++] = f;
    return f;
}

/* ---- one second ---- */

/* Uncertain by `part`, the same for the same second. */
static double noise(const struct world *w, const char *what, double part)
{
    uint64_t second = (uint64_t)(w->now_ms / 1000);
    return 1 + part * (2 * sim_unit(sim_mix(w->seed ^ sim_hash(what, strlen(what)), second)) - 1);
}

static double grown(const struct world *w, const struct sim_version *v)
{
    int64_t age = v->first_ms == TIME_NONE ? 0 : w->now_ms - v->first_ms - v->late_ms;
    if (age < 0)
        return 0;
    return v->creep_ms && age < v->creep_ms ? (double)age / (double)v->creep_ms : 1;
}

struct weather { /* what the steps do to a service */
    double slow, errors;
};

static struct weather weather_of(const struct world *w, const struct sim_service *sv)
{
    struct weather x = { 1, 0 };
    for (size_t i = 0; i < w->n_effects; i++) {
        const struct effect *f = &w->effects[i];
        if ((f->service && f->service != sv) || w->now_ms < f->from_ms || w->now_ms >= f->until_ms)
            continue;
        x.slow *= f->slow;
        x.errors += f->errors;
    }
    for (size_t i = 0; i < sv->n_needs; i++) {
        if (world_is_down(w, sv->needs[i])) {
            x.slow *= 2.2;
            x.errors += 0.25;
        }
    }
    return x;
}

static void flow_second(struct world *w, struct traffic *t, const struct sim_service *sv,
                        const struct count_of *c, double n, struct weather x)
{
    struct flow *f = flow_of(w, t, c->version);
    double share = c->version->errors *
                       (c->version->late_ms || c->version->creep_ms ? grown(w, c->version) : 1) +
                   x.errors;
    double p95 = (double)c->version->p95_ms * x.slow * noise(w, c->version->tag, 0.06);
    share = share > 1 ? 1 : share * noise(w, sv->name, 0.3);
    if (w->story.noise.is_on) {
        traffic_noise_second(w, t, sv, f, n, (double)c->version->p95_ms * x.slow, share);
        t->errors += share * n;
        t->p95_ms = p95 > t->p95_ms ? p95 : t->p95_ms;
        return;
    }
    double mu = log(p95 / 1000) - Z95 * SIGMA;
    for (size_t b = 0; b < TRAFFIC_BUCKETS; b++)
        f->now.bucket[b] += n * 0.5 * erfc(-(log(traffic_bounds[b]) - mu) / SIGMA / M_SQRT2);
    f->now.count += n;
    f->now.sum += n * exp(mu + SIGMA * SIGMA / 2);
    f->now.code[FLOW_ERROR] += n * share;
    f->now.code[FLOW_OK] += n * (1 - share);
    f->now.cpu_s += n * 0.0045 * sqrt(x.slow);
    t->errors += share * n;
    t->p95_ms = p95 > t->p95_ms ? p95 : t->p95_ms;
    double pool = c->version->pool >= 0
                      ? (double)c->version->pool
                      : 3 + n / (double)(c->ready ? c->ready : 1) * p95 / 1000 * 0.6;
    t->pool = pool > t->pool ? pool : t->pool;
}

static void emit_rows(struct world *w, const char *service, const struct row_spec *rows, size_t n,
                      double *owed, int64_t *written, int64_t since_ms, double size)
{
    for (size_t i = 0; i < n; i++) {
        if (w->now_ms - since_ms < rows[i].after_ms || (rows[i].most && written[i] >= rows[i].most))
            continue;
        owed[i] +=
            size * (double)WORLD_TICK_MS / (double)rows[i].every_ms * noise(w, rows[i].code, 0.4);
        for (; owed[i] >= 1; owed[i] -= 1) {
            struct error_row row = { w->now_ms, service, "production", &rows[i] };
            written[i]++;
            if (w->hooks.on_row)
                w->hooks.on_row(w->hooks.ctx, &row);
        }
    }
}

static void version_rows(struct world *w, const struct sim_service *sv, struct sim_version *v)
{
    if (!v->n_rows || v->first_ms == TIME_NONE)
        return;
    if (!v->owed) {
        v->owed = x_calloc(v->n_rows, sizeof *v->owed);
        v->written = x_calloc(v->n_rows, sizeof *v->written);
    }
    emit_rows(w, sv->name, v->rows, v->n_rows, v->owed, v->written, v->first_ms + v->late_ms,
              grown(w, v));
}

static void service_second(struct world *w, const struct sim_service *sv)
{
    struct traffic *t = &w->traffic[sv - w->story.services];
    struct count_of counts[TRAFFIC_FLOWS];
    size_t n = 0;
    const struct sim_object *workload = traffic_workload(w, sv);
    t->errors = t->p95_ms = t->pool = 0;
    t->ready = t->pods = 0;
    if (workload)
        count_pods(workload, counts, &n);
    for (size_t i = 0; i < n; i++) {
        t->ready += counts[i].ready;
        t->pods += counts[i].running;
        if (counts[i].running)
            version_rows(w, sv, counts[i].version);
    }
    double phase =
        (double)(w->now_ms / 1000 % 900) / 900 * 2 * M_PI + (double)(sv - w->story.services);
    t->rps = (double)sv->rps * (1 + 0.08 * sin(phase)) * noise(w, sv->name, 0.05);
    if (w->story.noise.is_on) {
        t->rps = traffic_noise_rps(w, sv);
        traffic_noise_level(w, t, sv);
    }
    struct weather x = weather_of(w, sv);
    for (size_t i = 0; i < n && t->ready; i++) {
        if (counts[i].ready)
            flow_second(w, t, sv, &counts[i], t->rps * (double)counts[i].ready / (double)t->ready,
                        x);
    }
    if (!t->ready && n) /* nobody is there to answer: whoever stands before them says 503 */
        flow_of(w, t, counts[0].version)->now.code[FLOW_GONE] += t->rps;
    t->errors = t->ready && t->rps > 0 ? t->errors / t->rps : n ? 1 : 0;
    t->cpu_millis = 30 + (t->ready ? t->rps / (double)t->ready * 4.5 * sqrt(x.slow) : 0);
}

static void take_sample(struct world *w)
{
    uint64_t i = traffic_samples(w);
    if (!i || (w->now_ms - begin_ms(w)) % SAMPLE_MS)
        return;
    i--;
    for (size_t s = 0; s < w->story.n_services; s++) {
        struct traffic *t = &w->traffic[s];
        for (size_t k = 0; k < t->n_flows; k++)
            t->flows[k]->past[i % TRAFFIC_SAMPLES] = t->flows[k]->now;
        t->pool_past[i % TRAFFIC_SAMPLES] = t->pool;
        t->up_past[i % TRAFFIC_SAMPLES] = t->ready > 0;
    }
}

void traffic_second(struct world *w)
{
    for (size_t i = 0; i < w->story.n_services; i++)
        service_second(w, &w->story.services[i]);
    for (size_t i = 0; i < w->n_effects; i++) {
        struct effect *f = &w->effects[i];
        if (f->n_rows && w->now_ms >= f->from_ms && w->now_ms < f->until_ms)
            emit_rows(w, f->service->name, f->rows, f->n_rows, f->owed, f->written, f->from_ms, 1);
    }
    take_sample(w);
}
