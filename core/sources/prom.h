/*
 * core/sources/prom.h - the HTTP API of a Prometheus, or of what answers like one.
 *
 * Each round asks one instant query a kind, for all services together, one after the other, and then
 * puts SAMPLE_REQUESTS, SAMPLE_LATENCY, SAMPLE_P95 (of services without buckets) and SAMPLE_GAUGE.
 * The queries look back over `range`, rounds come more often: of each increase the part is put that
 * belongs to the time since the last round, so that sums over time are right.
 *
 * Never    a value that is NaN, infinite, negative or above PROM_MOST; a count of failures when that
 *          query failed; a histogram without its +Inf
 * Limits   PROM_BODY bytes of answer, PROM_SERIES series, PROM_POINTS points of a baseline
 * Thread   the loop's      Owns   copies nothing of the configuration: it outlives it
 * Source   Prometheus, HTTP API; Debian 12's 2.42
 */
#ifndef SOURCES_PROM_H
#define SOURCES_PROM_H

#include "core/conf/measure.h"
#include "core/loop/loop.h"
#include "core/model/ident.h"
#include "core/model/sample.h"

enum { PROM_BODY = 16 * 1024 * 1024, PROM_SERIES = 100000, PROM_POINTS = 2000000, PROM_TIMEOUT_MS = 10000 };
#define PROM_MOST 1e15

struct prom_spec {
    const struct conf_prometheus *conf;
    const char *const *namespaces; /* asked for; n = 0: all.  Copied */
    size_t n_namespaces;
    int64_t pace;
    struct sample_sink *sink;
    /* Whose series is it?  NULL = nobody's.  ns "" = it does not say. */
    const char *(*subject_of)(void *ctx, const char *service, const char *ns);
    void (*on_state)(void *ctx); /* may be NULL */
    void *ctx;
};

struct prom;
struct prom *prom_new(struct loop *l, const struct prom_spec *spec);
void prom_free(struct prom *p); /* no callback after it; NULL is fine */
void prom_now(struct prom *p);
struct source_health prom_health(const struct prom *p); /* objects: series of the last round */
const char *prom_preset(const struct prom *p);          /* in use; "" = none yet, or own queries alone */

/* What was between two times, by range queries: put gets the samples with their own at_ms, oldest
 * first, then on_done comes once (e->code: what there was is put all the same).  It ends where the live
 * samples after it begin, which wait for it: what was put live before it is not to be used beside it.
 * One at a time: a second call while one is under way ends the first with ERR_CANCELLED. */
struct prom_baseline {
    int64_t from_ms, to_ms;
    void (*put)(void *ctx, struct sample *s);
    void (*on_done)(void *ctx, const struct err *e);
    void *ctx;
};
void prom_baseline(struct prom *p, const struct prom_baseline *b);

#endif
