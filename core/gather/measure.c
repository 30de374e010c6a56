#include "core/gather/measure.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/verdict.h"
#include "core/sources/probe.h"
#include "core/sources/prom.h"

enum { EVERY_MS = 5000, TIMEOUT_MS = 3000, LEAST_MS = 50, PROM_EVERY_MS = 15000, PROM_RANGE_MS = 60000 };

struct name { /* what a label may call a workload */
    const char *ns, *name, *subject;
};

struct gather_measure {
    struct gather_measure_spec spec;
    struct probes *probes; /* NULL: not configured */
    struct prom *prom;     /* the same */
    char *prom_url;        /* NULL: not configured */
    bool is_started;
    uint64_t version;      /* of the workloads that the targets were made from */
    uint64_t shape;        /* and what of them matters here */
    struct arena arena;    /* of the names */
    struct name *names;
    size_t n_names;
};

static int64_t real(const struct gather_measure *m, int64_t story_ms)
{
    int64_t ms = story_ms / m->spec.pace;
    return ms > LEAST_MS ? ms : LEAST_MS;
}

/* ---- which addresses ---- */

/* The port that speaks HTTP: by its name, else the first. */
static const struct endpoint *http_port(const struct workload *w)
{
    for (size_t i = 0; i < w->n_endpoints; i++) {
        if (text_starts(w->endpoints[i].port_name, "http") || text_eq(w->endpoints[i].port_name, "web"))
            return &w->endpoints[i];
    }
    return w->n_endpoints ? &w->endpoints[0] : NULL;
}

static void set_targets(struct gather_measure *m, const struct workloads *ws)
{
    struct arena a = { 0 };
    struct probe_target *targets = arena_alloc(&a, (ws->n + 1) * sizeof *targets);
    size_t n = 0;
    for (size_t i = 0; i < ws->n; i++) {
        const struct workload *w = ws->items[i];
        const struct endpoint *p = http_port(w);
        if (!p)
            continue;
        const char *scheme = text_starts(p->port_name, "https") || p->port == 443 ? "https:" : "";
        targets[n++] = (struct probe_target){
            .subject = w->id, .name = arena_printf(&a, "%s:%d/healthz", p->service, (int)p->port),
            .where = arena_printf(&a, "/api/v1/namespaces/%s/services/%s%s:%d/proxy/healthz", w->ns, scheme, p->service, (int)p->port) };
    }
    probes_set(m->probes, targets, n);
    arena_release(&a);
}

/* ---- whose label ---- */

static void add_name(struct gather_measure *m, const struct workload *w, const char *name, const char *subject)
{
    if (name[0])
        m->names[m->n_names++] = (struct name){ arena_strdup(&m->arena, w->ns), arena_strdup(&m->arena, name), subject };
}

static void set_names(struct gather_measure *m, const struct workloads *ws)
{
    size_t most = 0;
    for (size_t i = 0; i < ws->n; i++)
        most += 2 + ws->items[i]->n_endpoints;
    arena_release(&m->arena);
    m->names = arena_alloc(&m->arena, (most + 1) * sizeof *m->names);
    m->n_names = 0;
    for (size_t i = 0; i < ws->n; i++) { /* a workload's own names come before those of its Services */
        const char *subject = arena_strdup(&m->arena, ws->items[i]->id);
        add_name(m, ws->items[i], ws->items[i]->name, subject);
        add_name(m, ws->items[i], ws->items[i]->app, subject);
    }
    for (size_t i = 0; i < ws->n; i++) {
        const char *subject = arena_strdup(&m->arena, ws->items[i]->id);
        for (size_t k = 0; k < ws->items[i]->n_endpoints; k++)
            add_name(m, ws->items[i], ws->items[i]->endpoints[k].service, subject);
    }
}

/* A name that two workloads have in different namespaces, without a namespace said, is nobody's. */
static const char *subject_of(void *ctx, const char *ns, const char *service)
{
    const struct gather_measure *m = ctx;
    const char *found = NULL;
    for (size_t i = 0; i < m->n_names; i++) {
        const struct name *n = &m->names[i];
        if (!text_eq_fold(n->name, service) || (ns[0] && !text_eq(n->ns, ns)))
            continue;
        if (ns[0])
            return n->subject;
        if (found && !text_eq(found, n->subject))
            return NULL;
        found = n->subject;
    }
    return found;
}

/* Names, Services and ports: what the targets and the names are made from. */
static uint64_t shape_of(const struct workloads *ws)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < ws->n; i++) {
        const struct workload *w = ws->items[i];
        const char *texts[] = { w->id, w->app, w->services };
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            for (const char *c = texts[t]; *c; c++)
                h = (h ^ (unsigned char)*c) * 1099511628211u;
        }
        for (size_t k = 0; k < w->n_endpoints; k++)
            h = (h ^ (uint64_t)w->endpoints[k].port) * 1099511628211u;
    }
    return h;
}

static void start_prom(struct gather_measure *m);

void gather_measure_see(struct gather_measure *m, const struct workloads *ws)
{
    if (ws->section.version == m->version)
        return;
    m->version = ws->section.version;
    uint64_t shape = shape_of(ws);
    if (shape == m->shape)
        return;
    m->shape = shape;
    set_names(m, ws);
    if (m->probes)
        set_targets(m, ws);
    if (m->is_started) /* a label is somebody's only when the workloads are known */
        return;
    m->is_started = true;
    if (m->prom_url)
        start_prom(m);
    else
        m->spec.on_ready(m->spec.ctx);
}

/* ---- life ---- */

void gather_measure_now(struct gather_measure *m)
{
    if (m->probes)
        probes_now(m->probes);
    if (m->prom)
        prom_now(m->prom);
}

unsigned gather_measure_triggers(const struct gather_measure *m)
{
    return (m->probes ? 1u << TRIGGER_HEALTH : 0) | (m->prom_url ? 1u << TRIGGER_LATENCY | 1u << TRIGGER_ERRORS : 0);
}

size_t gather_measure_health(const struct gather_measure *m, struct source_health out[MEASURE_SOURCES])
{
    size_t n = 0;
    if (m->probes)
        out[n++] = probes_health(m->probes);
    if (m->prom)
        out[n++] = prom_health(m->prom);
    return n;
}

static void on_prom_state(void *ctx)
{
    struct gather_measure *m = ctx;
    m->spec.on_state(m->spec.ctx);
}

static void start_probes(struct gather_measure *m)
{
    struct probe_spec spec = { .loop = m->spec.loop, .kube = m->spec.kube, .every_ms = real(m, EVERY_MS),
                               .timeout_ms = m->spec.demo ? TIMEOUT_MS : real(m, TIMEOUT_MS), .sink = m->spec.sink,
                               .on_state = m->spec.on_state, .ctx = m->spec.ctx };
    m->probes = probes_new(&spec);
}

static void on_past(void *ctx, struct sample *sample)
{
    struct gather_measure *m = ctx;
    m->spec.put_past(m->spec.ctx, sample);
}

static void on_past_done(void *ctx)
{
    struct gather_measure *m = ctx;
    m->spec.on_ready(m->spec.ctx);
}

static void start_prom(struct gather_measure *m)
{
    int64_t now = clock_story_ms();
    struct prom_spec spec = { .loop = m->spec.loop, .url = m->prom_url, .queries = prom_preset("http"), .service_label = "service",
                              .namespace_label = "namespace", .every_ms = real(m, PROM_EVERY_MS), .step_ms = PROM_EVERY_MS,
                              .range_ms = PROM_RANGE_MS, .sink = m->spec.sink, .subject_of = subject_of,
                              .on_state = on_prom_state, .ctx = m };
    struct prom_past past = { .from_ms = now - m->spec.past_ms, .to_ms = now, .put = on_past, .done = on_past_done, .ctx = m };
    m->prom = prom_new(&spec, m->spec.past_ms ? &past : NULL);
    if (!m->spec.past_ms)
        m->spec.on_ready(m->spec.ctx);
}

struct gather_measure *gather_measure_new(const struct gather_measure_spec *spec)
{
    struct gather_measure *m = x_calloc(1, sizeof *m);
    m->spec = *spec;
    if (spec->demo) {
        start_probes(m);
        m->prom_url = x_asprintf("%s/prometheus", spec->demo);
    }
    return m;
}

void gather_measure_free(struct gather_measure *m)
{
    if (!m)
        return;
    probes_free(m->probes);
    prom_free(m->prom);
    free(m->prom_url);
    arena_release(&m->arena);
    free(m);
}
