/*
 * core/gather/measure.h - what measures the services of a place: probes, Prometheus, Alertmanager; which
 * addresses are asked, and whose a label is.
 *
 * Thread   the loop's      Owns   copies the spec, borrows what it points to
 */
#ifndef GATHER_MEASURE_H
#define GATHER_MEASURE_H

#include "core/conf/conf.h"
#include "core/model/ident.h"
#include "core/model/sample.h"
#include "core/model/workload.h"
#include "core/sources/kube.h"

enum { MEASURE_SOURCES = 4 };

struct gather_measure_spec {
    struct loop *loop;
    struct kube *kube;
    const struct conf_env *env; /* NULL = nothing is configured */
    const char *const *namespaces; /* n = 0: all */
    size_t n_namespaces;
    const char *demo;           /* the simulator's configuration: a file; NULL = no demo */
    int64_t pace;               /* of the story clock */
    struct sample_sink *sink;
    /* What was before, from a source's memory, with its own time, oldest first; then on_ready, also when there is
     * nothing: from now on it is live.  Once the workloads have been seen. */
    int64_t past_ms;            /* so far back; 0 = nothing is asked for */
    void (*put_past)(void *ctx, struct sample *s);
    void (*on_ready)(void *ctx);
    void (*on_state)(void *ctx);
    void *ctx;
};

struct gather_measure;
struct gather_measure *gather_measure_new(const struct gather_measure_spec *spec);
void gather_measure_free(struct gather_measure *m); /* NULL is fine */
void gather_measure_see(struct gather_measure *m, const struct workloads *ws); /* new addresses are asked within a second */
void gather_measure_now(struct gather_measure *m);
unsigned gather_measure_triggers(const struct gather_measure *m); /* 1u << enum trigger_kind: these have a source */
size_t gather_measure_health(const struct gather_measure *m, struct source_health out[MEASURE_SOURCES]);

#endif
