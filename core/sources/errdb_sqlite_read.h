/*
 * core/sources/errdb_sqlite_read.h - the file of an SQLite error table, read a page at a time.
 *
 * Reads    a connection that is opened read-only and never makes a file; each page is one
 *          statement, so one transaction: a writer waits for none of them
 * Types    SQLite columns hold what was put in them.  A time is text ("YYYY-MM-DD HH:MM:SS[.fff]",
 *          with 'T', with an offset or 'Z'), or a number of seconds since 1970 (over 1e11:
 *          milliseconds).  A row whose id is no integer is passed over
 * Limits   ERRDB_PAGE rows a page; texts are cut in SQL to what errors.h keeps
 * Errors   ERR_NOTFOUND no file or no table, ERR_FORBIDDEN, ERR_PARSE no database or no usable
 *          column id, ERR_BUSY locked for SQLITE_READ_BUSY_MS, or another file is there and is to
 *          be looked at first, ERR_IO.  But for ERR_BUSY the connection is closed then
 * Thread   the worker's, but sqlite_reader_ref and _unref (any)
 */
#ifndef SOURCES_ERRDB_SQLITE_READ_H
#define SOURCES_ERRDB_SQLITE_READ_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "core/sources/errdb.h"

enum { SQLITE_READ_BUSY_MS = 1000, SQLITE_STEPS_MOST = 40000 };

/* The default of the time in the table that we make; a table that has it is known by it. */
#define SQLITE_OWN_TIME "strftime('%Y-%m-%d %H:%M:%f','now')"

struct sqlite_shape {
    unsigned missing; /* 1u << COLUMN_... */
    bool has_steps;
    bool is_ours; /* made by errdb_sqlite_init: its times are UTC */
};

struct sqlite_reader {
    atomic_int refs;
    char *path;
    /* the worker's */
    sqlite3 *db; /* NULL = closed */
    bool is_new; /* no look has been at it yet */
    dev_t dev; /* of the file that is open: another one may have been put in its place */
    ino_t ino;
    int64_t version; /* PRAGMA data_version when rows were last asked for */
    struct sqlite_shape shape;
    uint64_t statements;
};
struct sqlite_reader *sqlite_reader_new(const char *path);
struct sqlite_reader *sqlite_reader_ref(struct sqlite_reader *r);
void sqlite_reader_unref(struct sqlite_reader *r);
void sqlite_reader_close(struct sqlite_reader *r); /* the next look opens it anew */

struct sqlite_look {
    bool is_reopened; /* it was closed, or another file is there now */
    bool has_moved; /* somebody has committed since the last look, or it is reopened */
    bool is_empty;
    int64_t top; /* highest id, when it has moved */
    struct sqlite_shape shape;
};
MUST_USE enum err_code sqlite_look(struct sqlite_reader *r, struct sqlite_look *out, struct err *e);

struct sqlite_page {
    bool is_down; /* ids below `from`, the highest first; else above it, the lowest first */
    int64_t from;
    int64_t zone_ms; /* for a row that has one time with a zone and one without */
    struct error_row *rows[ERRDB_PAGE];
    size_t n;
};
MUST_USE enum err_code sqlite_read_page(struct sqlite_reader *r, struct sqlite_page *p,
                                        struct err *e);

/* Those of n ascending ids that are not in the table, to the front; *n becomes how many. */
MUST_USE enum err_code sqlite_read_gone(struct sqlite_reader *r, int64_t *ids, size_t *n,
                                        struct err *e);

struct sqlite_step {
    int64_t id;
    struct error_done steps[N_STEPS];
};
struct sqlite_steps { /* ascending ids */
    struct arena arena;
    struct sqlite_step *of;
    size_t n;
};
MUST_USE enum err_code sqlite_read_steps(struct sqlite_reader *r, int64_t from_id, int64_t zone_ms,
                                         struct sqlite_steps *out, struct err *e);
void sqlite_steps_release(struct sqlite_steps *s);
/* N_STEPS of them, or NULL. */
const struct error_done *sqlite_steps_find(const struct sqlite_steps *s, int64_t id);

/* Fields and their bytes live in `a`. */
MUST_USE enum err_code sqlite_read_record(struct sqlite_reader *r, int64_t id, struct arena *a,
                                          struct errdb_field **out, size_t *n, struct err *e);

/* What the writer needs too. */
enum err_code sqlite_fail(sqlite3 *db, const char *path, struct err *e);
MUST_USE enum err_code sqlite_open_file(const char *path, int flags, int busy_ms, sqlite3 **out,
                                        struct err *e);
MUST_USE enum err_code sqlite_find_shape(sqlite3 *db, const char *path, struct sqlite_shape *out,
                                         struct err *e);

enum sqlite_time { /* from TIME_IS_ZONED on it is UTC */
    TIME_IS_NULL, TIME_IS_LOCAL, TIME_IS_LOCAL_T, TIME_IS_ZONED, TIME_IS_SECONDS, TIME_IS_MS
};
/* A value of a time column: how it is written, and when that is, read as if it were UTC. */
enum sqlite_time sqlite_column_time(sqlite3_stmt *q, int column, int64_t *out_ms);
/* What is written as `t` says, as a row has it whose own time is_zoned. */
int64_t sqlite_time_as(bool is_zoned, enum sqlite_time t, int64_t ms, int64_t zone_ms);
bool sqlite_parse_zone(const char *s, int64_t *out_ms); /* "UTC", "+02:00", "-03:30" */

#endif
