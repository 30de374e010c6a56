/*
 * core/sources/metrics_decode.h - a page of /metrics to the few counters that we rate.  Pure.
 *
 * Prometheus' text format and OpenMetrics.  The names are those of the first preset whose counter of
 * requests, with its status, is on the page; the presets of proxies (from "istio" on) speak of others and
 * are not looked for.  A line that is none is left out.
 *
 * Limits   METRICS_SERIES series of interest (more: ERR_LIMIT), METRICS_LINE bytes a line (longer: left out)
 * Errors   ERR_PARSE: no line of it is a metric
 * Thread   any       Owns   a page owns its series: metrics_page_release
 * Source   prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0
 */
#ifndef SOURCES_METRICS_DECODE_H
#define SOURCES_METRICS_DECODE_H

#include "core/sources/presets.h"
#include "core/sources/prom_decode.h"

enum { METRICS_SERIES = 20000, METRICS_LINE = 64 * 1024, METRICS_LABELS = 64 };

enum metrics_role { METRICS_OK, METRICS_FAILED, METRICS_BUCKET };
struct metrics_series {
    uint64_t key; /* of its name and labels */
    enum metrics_role role;
    double le; /* METRICS_BUCKET; the histogram's unit */
    double value;
};
struct metrics_page {
    const struct preset *preset; /* NULL: none was found, and there are no series */
    struct metrics_series *series; /* by key */
    size_t n, room;
    double started_s;  /* process_start_time_seconds: which process has answered; NAN */
    double saturation; /* of its pool; NAN */
};

MUST_USE enum err_code metrics_decode(const char *body, size_t n, struct metrics_page *out, struct err *e);
void metrics_page_release(struct metrics_page *p);

/* What came between two pages of one process.  A series that is new has counted from 0.  False: a
 * counter fell (or the preset is another one): nothing can be said of what was between. */
struct metrics_increase {
    double requests, failed;
    bool has_requests;
    struct histogram latency;
    bool has_latency;
};
bool metrics_between(const struct metrics_page *before, const struct metrics_page *after, struct metrics_increase *out);

#endif
