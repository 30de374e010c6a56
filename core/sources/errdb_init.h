/*
 * core/sources/errdb_init.h - makes the table and what belongs to it.  PostgreSQL: one transaction with the
 * given SQL, looked at before and after.
 *
 * Limits   INIT_MS; locks are waited for 5 s
 * Errors   ERR_CONFIG for a place that is no PostgreSQL; what the server says; nothing is half done
 * Thread   the loop's; on_done is never called from within errdb_init_start
 */
#ifndef SOURCES_ERRDB_INIT_H
#define SOURCES_ERRDB_INIT_H

#include <stdbool.h>

#include "core/loop/loop.h"

enum { INIT_MS = 600000 };

struct errdb_done_init {
    struct err e;
    const char *source;  /* "postgresql ops@db-1:5432/ops" */
    const char *text;    /* a line a thing: "made: table deployment_errors", "there: ...", "missing: ..." */
    const char *notices; /* of the server, a line each */
};
struct errdb_init;
MUST_USE enum err_code errdb_init_start(struct loop *l, const char *place, const char *sql,
                                        void (*on_done)(void *ctx, const struct errdb_done_init *d),
                                        void *ctx, struct errdb_init **out, struct err *e);
void errdb_init_free(struct errdb_init *i); /* after on_done too; no callback after it; NULL is fine */

/* The same in an SQLite file, which is made (0600) when it is not there.  Blocks: before a loop. */
extern const char errdb_sqlite_schema[]; /* that it carries out */
MUST_USE enum err_code errdb_sqlite_init(const char *path, bool *made, struct err *e);

#endif
