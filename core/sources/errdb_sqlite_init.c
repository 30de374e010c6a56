#include "core/sources/errdb_init.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"

/* The process's own table, as SQLite has it.  A timestamp is UTC text; steps as in conf/schema.sql. */
static const char tables[] =
    "CREATE TABLE IF NOT EXISTS deployment_errors (id INTEGER PRIMARY KEY, "
    "timestamp TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')), service_name TEXT, environment TEXT, "
    "deployment_stage TEXT, error_code TEXT, severity TEXT, error_message TEXT, stack_trace TEXT, user_impact TEXT, "
    "business_impact TEXT, resolution_notes TEXT, resolved_at TEXT, resolved_by TEXT);"
    "CREATE TABLE IF NOT EXISTS deployment_error_steps (error_id INTEGER NOT NULL, step TEXT NOT NULL, by TEXT NOT NULL, "
    "at TEXT NOT NULL, note TEXT);"
    "CREATE INDEX IF NOT EXISTS deployment_error_steps_error ON deployment_error_steps (error_id);"
    "PRAGMA journal_mode=WAL;";

enum err_code errdb_sqlite_init(const char *path, bool *made, struct err *e)
{
    sqlite3 *db = NULL;
    struct stat st;
    *made = stat(path, &st) != 0;
    int fd = *made ? open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600) : -1; /* others may not read errors */
    if (*made && fd < 0)
        return err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    enum err_code rc = ERR_OK;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) || sqlite3_busy_timeout(db, 5000) ||
        sqlite3_exec(db, tables, NULL, NULL, NULL))
        rc = err_set(e, ERR_IO, sqlite3_errcode(db), "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc;
}
