/*
 * core/sources/errdb_decode.h - what PostgreSQL answers to struct error_row.  Pure: no sockets, no clock.
 *
 * Shape    values as libpq's text format gives them: id, version (xmin), bytes of the whole stack
 *          trace, then the columns from COLUMN_TIMESTAMP on, in the order of enum error_column;
 *          DateStyle ISO, TimeZone UTC.  A NULL is NULL, as is a column that the table lacks
 * Text     cut at a code point where it is longer than errors.h allows, and flagged; bytes that are no
 *          UTF-8 stay as they are: the screen and json_quote make them harmless
 * Times    "infinity", what is no time and years over 200,000 are TIME_NONE without being NULL
 * Errors   ERR_PARSE for an id, version or length that is no number.  Never partial
 * Thread   any        Owns  the row is the caller's
 * Source   PostgreSQL manual, "Date/Time Output"
 */
#ifndef SOURCES_ERRDB_DECODE_H
#define SOURCES_ERRDB_DECODE_H

#include "core/model/errors.h"

enum { ERRDB_VALUES = 2 + N_COLUMNS };
enum { ERRDB_LEAD = 3 }; /* values before COLUMN_TIMESTAMP */

struct errdb_value {
    const char *p; /* NULL = NULL */
    size_t n;
};
/* is_zoned: the row's times are UTC, whatever their text says. */
MUST_USE enum err_code errdb_decode_row(const struct errdb_value v[ERRDB_VALUES], bool is_zoned,
                                        struct error_row **out, struct err *e);
/* "2026-11-24 10:00:00.25", with or without "+02", "T", "BC".  False: no time in our range. */
bool errdb_decode_time(const char *s, size_t n, int64_t *out_ms);
/* The most of a column that is asked for, in characters: one more than we keep, so that a cut shows. */
int errdb_column_chars(enum error_column c);

#endif
