/*
 * core/sources/health_decode.h - what the body of a health endpoint says.  Pure.
 *
 *   application/health+json   {"status":"pass","checks":{"database:pool":[{"status":"pass",
 *                             "observedValue":3,"limit":20,"output":"..."}]}}
 *   Spring Boot Actuator      {"status":"UP","components":{"db":{"status":"UP","details":{...}}}}, or
 *                             "details" as Boot 2.0 has it; components in components: "db/pool"
 *   Kubernetes                lines "[+]ping ok", "[-]etcd failed: reason withheld"
 *
 * Anything else says nothing: is_known is false, and the status of HTTP alone counts.  A body whose
 * type is JSON and that is none is said to be so in `broken`.
 *
 * Shape    outcome: of the whole, as the body itself says it; rows in the order of the body
 * Limits   HEALTH_ROWS rows, names and texts cut to SERIES_NAME and SAMPLE_TEXT, cleaned by nobody
 * Errors   none: a value that is no number is NAN
 * Thread   any       Owns   the rows live in `a`
 * Source   draft-inadarei-api-health-check; Spring Boot reference, "Health Information"
 */
#ifndef SOURCES_HEALTH_DECODE_H
#define SOURCES_HEALTH_DECODE_H

#include <stdbool.h>

#include "core/base/arena.h"
#include "core/model/sample.h"

enum { HEALTH_ROWS = 64 };

struct health_row {
    const char *name, *text; /* text "" = nothing said */
    enum check_outcome outcome;
    double value, limit; /* NAN = not said */
};
struct health_body {
    bool is_known;
    const char *broken; /* why it can not be read; NULL = it can, or need not be */
    enum check_outcome outcome;
    struct health_row rows[HEALTH_ROWS];
    size_t n, n_left; /* n_left: more that were not kept */
};

/* type: the Content-Type, "" = not said. */
void health_decode(const char *type, const char *body, size_t n, struct arena *a, struct health_body *out);

#endif
