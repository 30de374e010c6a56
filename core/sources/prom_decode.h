/*
 * core/sources/prom_decode.h - answers of Prometheus' query API, and histograms made of them.  Pure.
 *
 * Shape    a vector is one point a series, a matrix several, a scalar one series without labels
 * Values   NaN, infinities, stale markers, negative numbers and those above PROM_MOST are left out
 * Errors   ERR_SERVER what the server calls an error, in its words; ERR_PARSE no such answer;
 *          ERR_LIMIT more than PROM_SERIES series or PROM_POINTS points
 * Thread   any       Owns   all lies in `a`
 * Source   Prometheus, HTTP API: "Expression query result formats"
 */
#ifndef SOURCES_PROM_DECODE_H
#define SOURCES_PROM_DECODE_H

#include "core/base/json.h"
#include "core/model/sample.h"
#include "core/sources/prom.h"

struct prom_value {
    int64_t at_ms;
    double v;
};
struct prom_row {
    const char *service, *ns; /* "" = the label is not there */
    double le;                /* NAN = the label is not there, or is no number */
    const struct prom_value *values; /* by time */
    size_t n;
};
struct prom_answer {
    struct prom_row *rows;
    size_t n;
    const char *warning; /* the first; "" = none */
};

MUST_USE enum err_code prom_decode(const char *body, size_t n, const char *service_label, const char *namespace_label,
                                   struct arena *a, struct prom_answer *out, struct err *e);

/* Buckets of one service at one time: cumulative counts, in any order; of one `le` twice the sum.
 * False: there is no +Inf, or nothing else. */
struct bucket {
    double le, count; /* le in the histogram's unit */
};
struct histogram {
    double bounds[SAMPLE_VALUES - 1], counts[SAMPLE_VALUES]; /* ms; not cumulative, the last above all bounds */
    size_t n_bounds;
    double total;
};
/* Sorts b; counts that fall as le rises (increases are extrapolated one by one) are held; more bounds
 * than a sample has are thinned evenly. */
bool histogram_make(struct bucket *b, size_t n, double unit_ms, struct histogram *out);

#endif
