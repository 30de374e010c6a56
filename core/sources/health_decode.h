/*
 * core/sources/health_decode.h - the body of a health endpoint to rows.  Pure: no sockets, no clock.
 *
 * Shape    application/health+json (status, checks), Spring Boot Actuator (status, components, nested), and
 *          lines of "[+]name ok" and "[-]name failed: reason".  Anything else is no body that we know: fine
 * Limits   HEALTH_ROWS rows, HEALTH_NAME and HEALTH_TEXT bytes, components HEALTH_DEPTH deep; more is left out
 * Errors   none: bytes that are not one of the shapes give is_known = false
 * Thread   any        Owns   nothing: the result is flat
 */
#ifndef SOURCES_HEALTH_DECODE_H
#define SOURCES_HEALTH_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/model/sample.h"

enum { HEALTH_ROWS = 64, HEALTH_NAME = 96, HEALTH_TEXT = 160, HEALTH_DEPTH = 3 };

struct health_row {
    char name[HEALTH_NAME], text[HEALTH_TEXT];
    enum check_outcome outcome;
    double value, limit; /* NAN = not said */
};
struct health_body {
    bool is_known;
    enum check_outcome status; /* of the whole */
    struct health_row rows[HEALTH_ROWS];
    size_t n;
};

void health_decode(const char *body, size_t n, struct health_body *out);

#endif
