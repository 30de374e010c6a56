#include "core/sources/errdb_init.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sources/errdb_sqlite_read.h"

const char errdb_sqlite_schema[] =
    "-- The error table in an SQLite file.  Times are text in UTC; steps as in the schema of PostgreSQL.\n"
    "CREATE TABLE IF NOT EXISTS deployment_errors (\n"
    "    id INTEGER PRIMARY KEY,\n"
    "    timestamp TEXT DEFAULT (" SQLITE_OWN_TIME "),\n"
    "    service_name TEXT,\n"
    "    environment TEXT,\n"
    "    deployment_stage TEXT,\n"
    "    error_code TEXT,\n"
    "    severity TEXT,\n"
    "    error_message TEXT,\n"
    "    stack_trace TEXT,\n"
    "    user_impact TEXT,\n"
    "    business_impact TEXT,\n"
    "    resolution_notes TEXT,\n"
    "    resolved_at TEXT,\n"
    "    resolved_by TEXT\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS deployment_error_steps (\n"
    "    error_id INTEGER NOT NULL,\n"
    "    step TEXT NOT NULL,\n"
    "    by TEXT NOT NULL,\n"
    "    at TEXT NOT NULL,\n"
    "    note TEXT\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS deployment_error_steps_error ON deployment_error_steps (error_id);\n"
    "PRAGMA journal_mode=WAL;\n";

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
        sqlite3_exec(db, errdb_sqlite_schema, NULL, NULL, NULL))
        rc = err_set(e, ERR_IO, sqlite3_errcode(db), "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc;
}
