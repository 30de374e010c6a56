/*
 * core/sources/errdb_sqlite_write.h - one guarded change of an SQLite error table, as errdb.h has
 * it.
 *
 * How      a connection of its own, BEGIN IMMEDIATE, look, change, COMMIT; waits
 *          SQLITE_WRITE_BUSY_MS for a lock.  The table's own triggers run, as for every writer
 * Times    are written as the table has them: text with or without a zone or 'T', seconds,
 *          milliseconds
 * Lost     a COMMIT that fails for another reason than a lock is UNKNOWN: what was written to the
 *          WAL may come to light when the file is opened anew
 * Thread   the worker's, blocks
 */
#ifndef SOURCES_ERRDB_SQLITE_WRITE_H
#define SOURCES_ERRDB_SQLITE_WRITE_H

#include "core/sources/errdb.h"

enum { SQLITE_WRITE_BUSY_MS = 2000 };

void sqlite_write(const char *path, int64_t zone_ms, const struct errdb_change *c,
                  struct errdb_result *out);

#endif
