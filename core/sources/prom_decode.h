/*
 * core/sources/prom_decode.h - the answer of Prometheus' /api/v1/query to rows.  Pure: no sockets, no clock.
 *
 * Shape    {"status":"success","data":{"resultType":"vector","result":[{"metric":{...},"value":[t,"v"]}]}}, or a
 *          "matrix" with "values":[[t,"v"],...] (of query_range); an error gives the server's own words
 * Limits   PROM_ROWS rows (PROM_POINTS of a matrix), more are left out; PROM_LABEL bytes of a label
 * Values   one that is not finite or is below 0 is as if it was not there
 * Errors   ERR_PARSE no such answer; ERR_SERVER the server says that it failed
 * Thread   any        Owns   rows lie in `a`
 * Source   prometheus.io/docs/prometheus/latest/querying/api
 */
#ifndef SOURCES_PROM_DECODE_H
#define SOURCES_PROM_DECODE_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/err.h"

enum { PROM_ROWS = 20000, PROM_POINTS = 2000000, PROM_LABEL = 200 };

struct prom_row {
    const char *ns, *service; /* "" = it has no such label */
    double le;                /* seconds; NAN = no such label, INFINITY = "+Inf" */
    double value;
    int64_t at_ms;
};
struct prom_rows {
    struct prom_row *items; /* by time, ns, service, le */
    size_t n;
};

MUST_USE enum err_code prom_decode(const char *body, size_t n, const char *service_label, const char *namespace_label,
                                   struct arena *a, struct prom_rows *out, struct err *e);

/* Of one service's rows (all of the same ns and service, by rising le, counts up to it): counts by bucket, the last
 * one of what is longer than every bound; bounds in ms.  At most `most` bounds: those that lie closest together are
 * merged first, so that the shape stays.  0 = no histogram. */
size_t prom_buckets(const struct prom_row *rows, size_t n, size_t most, double *bounds, double *counts);

#endif
