/*
 * core/sources/alerts_decode.h - the answer of Alertmanager's /api/v2/alerts.  Pure.
 *
 * Shape    an alert with the state "active"; text: its summary, else its description or message
 * Limits   ALERTS_MOST alerts, the first ones; n_left the others.  Texts are cut, cleaned by nobody
 * Errors   ERR_PARSE: no list.  An entry that is no alert is left out
 * Thread   any       Owns   all lies in `a`
 * Source   Alertmanager, api/v2/openapi.yaml: gettableAlerts
 */
#ifndef SOURCES_ALERTS_DECODE_H
#define SOURCES_ALERTS_DECODE_H

#include "core/base/json.h"
#include "core/sources/alerts.h"

struct alert_row {
    const char *name, *text;
    struct json_span labels; /* alert_label */
};
struct alert_rows {
    struct alert_row *rows;
    size_t n, n_left;
};
MUST_USE enum err_code alerts_decode(const char *body, size_t n, struct arena *a, struct alert_rows *out,
                                     struct err *e);
const char *alert_label(const struct alert_row *r, const char *name, struct arena *a); /* "" = it has none */

#endif
