/*
 * core/store/db.h - an SQLite file of our own in the state folder: made, checked, migrated.
 *
 * File     0600, made without ever being opened by hand: closing a descriptor of it would drop the
 *          locks that another connection of this process holds (POSIX)
 * Foreign  a file with another application_id, a newer user_version, or that is no database is
 *          refused and left byte for byte as it was, its WAL included
 * Locked   db_lock is a flock on NAME.lock: who opens, migrates or appends is alone; a kill frees
 *          it
 * Errors   ERR_IO with SQLite's words and the system's, ERR_BUSY, ERR_PARSE for a file that is not
 *          ours
 * Thread   one at a time, blocks
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>

#include "core/store/statedir.h"

enum { DB_BUSY_MS = 5000 };

struct db_kind {
    const char *name; /* "journal": NAME.db */
    int32_t application_id;
    const char *const *migrations; /* [i] makes version i + 1 */
    int n_migrations;
};

MUST_USE enum err_code db_open(const struct statedir *dir, const struct db_kind *kind,
                               sqlite3 **out, struct err *e);
/* Writes nothing, not even a lock, into a folder that is read-only; ERR_NOTFOUND when there is no
 * file. */
MUST_USE enum err_code db_open_to_read(const struct statedir *dir, const struct db_kind *kind,
                                       sqlite3 **out, struct err *e);
/* A file descriptor, or -1: not within DB_BUSY_MS.  Closing it unlocks. */
MUST_USE enum err_code db_lock(const struct statedir *dir, const char *name, int *out,
                               struct err *e);

enum err_code db_fail(sqlite3 *db, struct err *e); /* what went wrong last; call it at once */
int db_step(sqlite3_stmt *q); /* sqlite3_step, for db_fail's sake */
MUST_USE enum err_code db_exec(sqlite3 *db, const char *sql, struct err *e);
MUST_USE enum err_code db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e);
MUST_USE enum err_code db_int(sqlite3 *db, const char *sql, int64_t *out,
                              struct err *e); /* one value */
MUST_USE enum err_code db_sync_dir(const struct statedir *dir, struct err *e);

#endif
