/*
 * core/sources/prom_emit.h - the answers of one round of queries, put together by service, to samples.
 *
 * Shape    live: each series has one value, now; a baseline: values on a grid of times, oldest first
 * Thread   the loop's      Owns   nothing
 */
#ifndef SOURCES_PROM_EMIT_H
#define SOURCES_PROM_EMIT_H

#include "core/sources/prom_decode.h"

struct prom_round {
    struct prom_answer answers[N_QUERIES];
    bool has[N_QUERIES];  /* asked and answered */
    double unit_ms;       /* of the buckets */
    int64_t range_ms;     /* the increases look back so far */
    int64_t requests_ms, latency_ms; /* live: for so long the samples speak, at most range_ms */
};
struct prom_way { /* to the samples' owner */
    struct series_set *series;
    const char *(*subject_of)(void *ctx, const char *service, const char *ns);
    void *subject_ctx;
    void (*put)(void *ctx, struct sample *s);
    void *put_ctx;
};

/* What a service has: its samples are put.  Returns how many services are ours; the others are nobody's. */
size_t prom_emit_live(const struct prom_round *r, const struct prom_way *w, size_t *n_strangers);
/* As live for each time from first_ms to last_ms, range_ms apart; at_ms is set. */
void prom_emit_range(const struct prom_round *r, const struct prom_way *w, int64_t first_ms, int64_t last_ms);

#endif
