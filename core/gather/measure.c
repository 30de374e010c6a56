/*
 * The demo's configuration is the simulator's own, read like any other: its services through its API server, its
 * numbers from its Prometheus.  The user's speaks of another place.
 */
#include "core/gather/measure.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/model/verdict.h"
#include "core/sources/alerts.h"
#include "core/sources/metrics.h"
#include "core/sources/probe.h"
#include "core/sources/prom.h"

enum { TARGETS_MS = 1000 }; /* at most so often: of many workloads one always moves */

struct gather_measure {
    struct gather_measure_spec spec;
    struct conf *own;                 /* the demo's; else NULL */
    const struct conf_env *env;
    const struct conf_measure *conf;  /* NULL: nothing is configured */
    struct probe *probes;             /* each NULL where it is not configured */
    struct metrics *metrics;
    struct prom *prom;
    struct alerts *alerts;
    struct workloads *ws; /* the newest that was seen: a reference; NULL before */
    struct loop_timer retarget;
    int64_t targets_ms; /* by clock_io_ms */
    bool has_begun, is_ready;
};

static const char *subject_of(void *ctx, const char *service, const char *ns)
{
    const struct gather_measure *m = ctx;
    return m->ws ? targets_subject(m->ws, m->env, service, ns) : NULL;
}

static void set_targets(void *ctx)
{
    struct gather_measure *m = ctx;
    struct target_list t = { 0 };
    m->targets_ms = clock_io_ms();
    if (m->probes) {
        targets_make(m->ws, m->conf->health, &t);
        probe_set_targets(m->probes, &t);
        targets_release(&t);
    }
    if (m->metrics) {
        targets_make(m->ws, m->conf->metrics, &t);
        metrics_set_targets(m->metrics, &t);
        targets_release(&t);
    }
}

/* ---- the time before ---- */

static void ready(struct gather_measure *m)
{
    if (m->is_ready)
        return;
    m->is_ready = true;
    m->spec.on_ready(m->spec.ctx);
}

static void on_past(void *ctx, struct sample *s)
{
    struct gather_measure *m = ctx;
    if (!m->is_ready)
        m->spec.put_past(m->spec.ctx, s);
}

static void on_past_done(void *ctx, const struct err *e)
{
    if (e->code)
        log_put(LOG_WARN, "prom", "the time before is not known: %s", e->text);
    ready(ctx);
}

/* A label is somebody's only once the workloads are known: the time before is asked for then. */
static void begin(struct gather_measure *m)
{
    int64_t now = clock_story_ms();
    struct prom_baseline past = { .from_ms = now - m->spec.past_ms, .to_ms = now, .put = on_past, .on_done = on_past_done, .ctx = m };
    m->has_begun = true;
    if (m->prom && m->spec.past_ms)
        prom_baseline(m->prom, &past);
    else
        ready(m);
}

void gather_measure_see(struct gather_measure *m, const struct workloads *ws)
{
    if (m->ws && m->ws->section.version == ws->section.version)
        return;
    if (m->ws)
        section_unref(&m->ws->section);
    m->ws = (struct workloads *)section_ref((struct section *)(uintptr_t)&ws->section);
    int64_t wait = m->targets_ms + TARGETS_MS - clock_io_ms();
    if (wait <= 0 || !m->has_begun)
        set_targets(m);
    else if (!loop_timer_is_set(&m->retarget))
        loop_timer_set(m->spec.loop, &m->retarget, wait);
    if (!m->has_begun)
        begin(m);
}

/* ---- life ---- */

void gather_measure_now(struct gather_measure *m)
{
    if (m->probes)
        probe_now(m->probes);
    if (m->metrics)
        metrics_now(m->metrics);
    if (m->prom)
        prom_now(m->prom);
    if (m->alerts)
        alerts_now(m->alerts);
}

unsigned gather_measure_triggers(const struct gather_measure *m)
{
    unsigned rates = 1u << TRIGGER_LATENCY | 1u << TRIGGER_ERRORS;
    return (m->probes ? 1u << TRIGGER_HEALTH : 0) | (m->prom || m->metrics ? rates : 0);
}

size_t gather_measure_health(const struct gather_measure *m, struct source_health out[MEASURE_SOURCES])
{
    size_t n = 0;
    if (m->probes)
        out[n++] = probe_health(m->probes);
    if (m->metrics)
        out[n++] = metrics_health(m->metrics);
    if (m->prom)
        out[n++] = prom_health(m->prom);
    if (m->alerts)
        out[n++] = alerts_health(m->alerts);
    return n;
}

static void on_state(void *ctx)
{
    struct gather_measure *m = ctx;
    m->spec.on_state(m->spec.ctx);
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static void read_demo(struct gather_measure *m)
{
    struct err e = { 0 };
    if (conf_load(m->spec.demo, no_env, &m->own, NULL, &e))
        log_put(LOG_ERROR, "gather", "%s", e.text);
    else
        m->env = conf_find_env(m->own, "demo", NULL);
}

static void start(struct gather_measure *m)
{
    struct loop *l = m->spec.loop;
    struct probe_spec probe = { .sink = m->spec.sink, .kube = m->spec.kube, .pace = m->spec.pace, .on_state = on_state, .ctx = m };
    struct prom_spec prom = { .conf = m->conf->prometheus, .namespaces = m->spec.namespaces, .n_namespaces = m->spec.n_namespaces,
                              .pace = m->spec.pace, .sink = m->spec.sink, .subject_of = subject_of, .on_state = on_state, .ctx = m };
    struct alerts_spec alerts = { .conf = m->conf->alertmanager, .pace = m->spec.pace, .sink = m->spec.sink, .subject_of = subject_of,
                                  .on_state = on_state, .ctx = m };
    if (m->conf->health)
        m->probes = probe_new(l, &probe);
    if (m->conf->metrics)
        m->metrics = metrics_new(l, &probe);
    if (m->conf->prometheus)
        m->prom = prom_new(l, &prom);
    if (m->conf->alertmanager)
        m->alerts = alerts_new(l, &alerts);
}

struct gather_measure *gather_measure_new(const struct gather_measure_spec *spec)
{
    struct gather_measure *m = x_calloc(1, sizeof *m);
    m->spec = *spec;
    m->retarget = (struct loop_timer){ .fn = set_targets, .ctx = m };
    m->env = spec->env;
    if (spec->demo)
        read_demo(m);
    m->conf = m->env ? &m->env->measure : NULL;
    if (m->conf)
        start(m);
    return m;
}

void gather_measure_free(struct gather_measure *m)
{
    if (!m)
        return;
    loop_timer_stop(m->spec.loop, &m->retarget);
    probe_free(m->probes);
    metrics_free(m->metrics);
    prom_free(m->prom);
    alerts_free(m->alerts);
    if (m->ws)
        section_unref(&m->ws->section);
    conf_free(m->own);
    free(m);
}
