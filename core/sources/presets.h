/*
 * core/sources/presets.h - the common names of what servers count, and the queries made of them.  Pure.
 *
 * Fields of a query   $by      the labels that name a service: "service, namespace"
 *                     $range   how far back an increase looks: "60s"
 *                     $in      matchers for our namespaces, "" = all; stands last in { }
 * Thread   any       Source   the exporters' own documentation, named at each row
 */
#ifndef SOURCES_PRESETS_H
#define SOURCES_PRESETS_H

#include "core/base/buf.h"
#include "core/conf/measure.h"

struct preset {
    const char *name;       /* as conf_presets has it */
    const char *requests;   /* a counter */
    const char *status;     /* its label that holds the status of HTTP */
    const char *buckets;    /* of a histogram; NULL = there is none */
    const char *p95;        /* a selector of ready-made quantiles; NULL */
    const char *also;       /* matchers that every query needs: "reporter=\"destination\"," */
    double unit_ms;         /* of what the histogram counts in */
    const char *service_label, *namespace_label;
    const char *cpu_s, *memory_bytes;      /* a counter, a gauge; NULL */
    const char *pool_used, *pool_most;     /* gauges; their ratio is the saturation; NULL */
};
extern const struct preset
    presets[]; /* in the order of conf_presets, which is the order of asking; ends with a NULL name */
const struct preset *preset_find(const char *name); /* NULL = none */

/* The query of the preset with its $fields; false: it has none of that kind.  QUERY_REQUESTS's
 * presence query, which finds out whether a server has these series at all: preset_presence. */
bool preset_query(const struct preset *p, enum conf_query q, struct buf *out);
void preset_presence(const struct preset *p, struct buf *out);
/* Puts the $fields in.  by: "service, namespace". */
void preset_fill(const char *query, const char *by, const char *in, int64_t range_ms, struct buf *out);

#endif
