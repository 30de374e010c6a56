/*
 * core/sources/prom.h - a Prometheus (or Thanos, Mimir, ... behind the same API): requests, failed ones and
 * latencies of all services, each by one query.
 *
 * Window   a query asks for the increase over `range`; each round's share of it is what counts, so that a request is
 *          counted once in all, spread over the rounds that see it.  A scrape each quarter of the range is enough
 * Round    all queries at once; its samples are put when all have answered.  The next one begins on time or not at
 *          all.  A failed query gives no samples: silence is for the judge to see
 * Samples  SAMPLE_REQUESTS and SAMPLE_LATENCY, or SAMPLE_P95 where only that is asked; source "prometheus"
 * Limits   PROM_BODY bytes an answer
 * Thread   the loop's      Owns   borrows the spec's strings
 */
#ifndef SOURCES_PROM_H
#define SOURCES_PROM_H

#include "core/loop/http.h"
#include "core/model/ident.h"
#include "core/model/sample.h"

enum { PROM_BODY = 8 * 1024 * 1024, PROM_PAST_BODY = 64 * 1024 * 1024, PROM_TIMEOUT_MS = 10000 };
enum prom_query { PROM_REQUESTS, PROM_ERRORS, PROM_BUCKETS, PROM_P95, N_PROM_QUERIES };

/* PromQL with $by (the labels) and $range; NULL = not asked. */
struct prom_queries {
    const char *of[N_PROM_QUERIES];
    double le_unit_s; /* of buckets and p95: 1, or 0.001 where they are in milliseconds */
};
const struct prom_queries *prom_preset(const char *name); /* NULL = none of that name */
extern const char *const prom_presets[];                  /* ends with NULL */

struct prom_spec {
    struct loop *loop;
    const char *url;            /* "https://prometheus.example.org/prefix" */
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *token_file;     /* read again for each round; NULL = none */
    struct http_tls tls;
    const struct prom_queries *queries;
    const char *service_label, *namespace_label; /* "" = there is no namespace's */
    int64_t every_ms;           /* real time */
    int64_t step_ms, range_ms;  /* story time: between rounds, and of $range */
    struct sample_sink *sink;
    const char *(*subject_of)(void *ctx, const char *ns, const char *service); /* the workload's id; NULL = nobody's */
    void (*on_state)(void *ctx);
    void *ctx;
};

struct prom;
/* The time before, from the server's memory: the same queries by query_range, a step apart.  Each sample goes to
 * `put` with its own time, oldest first; then `done`, also when there was nothing or it failed (logged).  Once, and
 * before the first round, which begins when it is done. */
struct prom_past {
    int64_t from_ms, to_ms; /* story clock */
    void (*put)(void *ctx, struct sample *s);
    void (*done)(void *ctx);
    void *ctx;
};
/* With a past: nothing but that is asked until it is there. */
struct prom *prom_new(const struct prom_spec *spec, const struct prom_past *past); /* past may be NULL */
void prom_free(struct prom *p); /* NULL is fine */
void prom_now(struct prom *p);
struct source_health prom_health(const struct prom *p); /* "prometheus"; objects: services seen */

#endif
