/*
 * core/report/errors.h - rows of deployment_errors as lines: JSON objects, and a table.  Pure.
 *
 * JSON     one object without a line break: "event", "id", then every column of the table by its name
 *          (null = NULL), times in UTC as RFC 3339; "cut" when a text is longer than what is held,
 *          "stack_trace_bytes", "category", "fingerprint".  An interface, documented in bakewatch(1):
 *          members are added, never renamed
 * Table    text is cleaned; a row is one line
 * Zone     zone_ms is what a zoneless time is ahead of UTC
 * Thread   any
 */
#ifndef REPORT_ERRORS_H
#define REPORT_ERRORS_H

#include "core/base/buf.h"
#include "core/model/errors.h"

int64_t error_row_at_ms(const struct error_row *r, int64_t zone_ms);       /* UTC; TIME_NONE */
int64_t error_row_resolved_ms(const struct error_row *r, int64_t zone_ms); /* UTC; TIME_NONE */
bool error_row_is_open(const struct error_row *r);
void errors_json_row(struct buf *out, const char *event, const struct error_row *r, int64_t zone_ms);
/* event "" = a column less; is_wide: whole messages, and the columns that a narrow table leaves out. */
void errors_table_head(struct buf *out, bool has_event, bool is_wide);
void errors_table_row(struct buf *out, const char *event, const struct error_row *r, int64_t zone_ms,
                      bool is_wide);

#endif
