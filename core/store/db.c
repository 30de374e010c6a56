#include "core/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { PATH_ROOM = 1200, TRY_MS = 5 };

static void path_of(const struct statedir *dir, const char *name, const char *ending, char *out)
{
    snprintf(out, PATH_ROOM, "%s/%s%s", dir->path, name, ending);
}

/* The system's reason.  SQLite does not keep that of a failed commit, but errno still has it: those
 * that only a disk gives are believed. */
static int reason(sqlite3 *db, int saved)
{
    int sys = sqlite3_system_errno(db);
    bool is_disk =
        saved == ENOSPC || saved == EDQUOT || saved == EFBIG || saved == EIO || saved == EROFS;
    return sys ? sys : is_disk ? saved : 0;
}

enum err_code db_fail(sqlite3 *db, struct err *e)
{
    int sys = reason(db, errno), code = sqlite3_extended_errcode(db), primary = code & 0xFF;
    enum err_code as = primary == SQLITE_BUSY || primary == SQLITE_LOCKED      ? ERR_BUSY
                       : primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT ? ERR_PARSE
                                                                               : ERR_IO;
    bool has_sys =
        sys && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL);
    return err_set(e, as, code, "%s%s%s", sqlite3_errmsg(db), has_sys ? ": " : "",
                   has_sys ? strerror(sys) : "");
}

enum err_code db_exec(sqlite3 *db, const char *sql, struct err *e)
{
    errno = 0;
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : db_fail(db, e);
}

int db_step(sqlite3_stmt *q)
{
    errno = 0;
    return sqlite3_step(q);
}

enum err_code db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e)
{
    return sqlite3_prepare_v2(db, sql, -1, out, NULL) == SQLITE_OK ? ERR_OK : db_fail(db, e);
}

enum err_code db_int(sqlite3 *db, const char *sql, int64_t *out, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(db, sql, &q, e);
    if (!rc && db_step(q) == SQLITE_ROW)
        *out = sqlite3_column_int64(q, 0);
    else if (!rc)
        rc = db_fail(db, e);
    sqlite3_finalize(q);
    return rc;
}

enum err_code db_sync_dir(const struct statedir *dir, struct err *e)
{
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || (fsync(fd) && errno != EINVAL) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return rc ? err_set(e, ERR_IO, rc, "%s: %s", dir->path, strerror(rc)) : ERR_OK;
}

enum err_code db_lock(const struct statedir *dir, const char *name, int *out, struct err *e)
{
    char path[PATH_ROOM];
    path_of(dir, name, ".lock", path);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    int64_t until = clock_mono_ms() + DB_BUSY_MS;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        int saved = errno;
        if (saved == EINTR || (saved == EWOULDBLOCK && clock_mono_ms() < until)) {
            poll(NULL, 0, TRY_MS);
            continue;
        }
        close(fd);
        return err_set(e, saved == EWOULDBLOCK ? ERR_BUSY : ERR_IO, saved, "%s: %s", path,
                       saved == EWOULDBLOCK ? "another bakewatch holds it" : strerror(saved));
    }
    *out = fd;
    return ERR_OK;
}

/* Makes an empty file if there is none.  mknod, because it opens nothing: see the header. */
static enum err_code make_file(const struct statedir *dir, const char *path, struct err *e)
{
    struct stat st;
    if (mknod(path, S_IFREG | 0600, 0) == 0)
        return db_sync_dir(dir, e);
    if (errno != EEXIST)
        return err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    if (lstat(path, &st))
        return err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_PARSE, 0, "%s: is no regular file", path);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_PARSE, 0, "%s: belongs to somebody else", path);
    if (st.st_mode & 077)
        return err_set(e, ERR_PARSE, 0, "%s: is open to others: chmod 600 it", path);
    return ERR_OK;
}

/* Text from a file may be anybody's: no SQL of its own is run, and it cannot be broken from SQL. */
static enum err_code open_sqlite(const char *uri, int flags, sqlite3 **out, struct err *e)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(uri, &db, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX, NULL);
    if (rc != SQLITE_OK) {
        enum err_code code = db_fail(db, e);
        sqlite3_close(db);
        return code;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    /* A file that turns out not to be ours must not take in a WAL when it is closed. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(db, DB_BUSY_MS);
    *out = db;
    return ERR_OK;
}

/* *version: 0 = empty. */
static enum err_code check(sqlite3 *db, const struct db_kind *kind, int64_t *version, struct err *e)
{
    int64_t id = 0, n = 0;
    enum err_code rc;
    if ((rc = db_int(db, "PRAGMA application_id", &id, e)) ||
        (rc = db_int(db, "PRAGMA user_version", version, e)) ||
        (rc = db_int(db, "SELECT count(*) FROM sqlite_schema", &n, e)))
        return rc;
    if (id != kind->application_id && (n || id || *version))
        return err_set(e, ERR_PARSE, 0, "is a database of something else; it is left alone");
    if (*version > kind->n_migrations)
        return err_set(e, ERR_PARSE, 0,
                       "was made by a newer bakewatch (version %lld); it is left alone",
                       (long long)*version);
    return ERR_OK;
}

static enum err_code migrate(sqlite3 *db, const struct db_kind *kind, int64_t version,
                             struct err *e)
{
    char sql[160];
    enum err_code rc = db_exec(db, "BEGIN IMMEDIATE", e);
    for (int64_t v = version; !rc && v < kind->n_migrations; v++)
        rc = db_exec(db, kind->migrations[v], e);
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             (int)kind->application_id, kind->n_migrations);
    if (!rc)
        rc = db_exec(db, sql, e);
    if (rc)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* Only of a file that is ours.  What recovery found in a WAL may never have reached the disk (the
 * fsync that failed is how its writer died): it is written out anew. */
static enum err_code set_up(sqlite3 *db, const struct statedir *dir, const struct db_kind *kind,
                            int64_t version, struct err *e)
{
    enum err_code rc;
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    rc = dir->is_network ? db_exec(db, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", e)
                         : db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", e);
    if (!rc && version < kind->n_migrations)
        rc = migrate(db, kind, version, e);
    if (!rc && !dir->is_network &&
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) &&
        (sqlite3_errcode(db) & 0xFF) != SQLITE_BUSY)
        rc = db_fail(db, e);
    return rc;
}

enum err_code db_open(const struct statedir *dir, const struct db_kind *kind, sqlite3 **out,
                      struct err *e)
{
    char path[PATH_ROOM];
    int64_t version = 0;
    sqlite3 *db = NULL;
    int lock = -1;
    path_of(dir, kind->name, ".db", path);
    enum err_code rc = db_lock(dir, kind->name, &lock, e);
    if (rc)
        return rc;
    if (!(rc = make_file(dir, path, e))) {
        if ((rc = open_sqlite(path, SQLITE_OPEN_READWRITE, &db, e)) ||
            (rc = check(db, kind, &version, e)) || (rc = set_up(db, dir, kind, version, e)))
            err_at(e, "%s", path);
    }
    close(lock);
    if (rc) {
        sqlite3_close(db);
        return rc;
    }
    *out = db;
    return ERR_OK;
}

/* In a read-only folder SQLite can make no -shm: without a WAL the file is all there is. */
static void uri_of(const char *path, bool is_immutable, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "file:");
    for (const char *s = path; *s && n + 4 < room; s++) {
        if (*s == '?' || *s == '#' || *s == '%')
            n += (size_t)snprintf(out + n, room - n, "%%%02x", (unsigned char)*s);
        else
            out[n++] = *s;
    }
    snprintf(out + n, room - n, "%s", is_immutable ? "?immutable=1" : "");
}

enum err_code db_open_to_read(const struct statedir *dir, const struct db_kind *kind, sqlite3 **out,
                              struct err *e)
{
    char path[PATH_ROOM], wal[PATH_ROOM], uri[3 * PATH_ROOM];
    struct stat st;
    int64_t version = 0;
    sqlite3 *db = NULL;
    path_of(dir, kind->name, ".db", path);
    path_of(dir, kind->name, ".db-wal", wal);
    if (lstat(path, &st))
        return err_set(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "%s: %s", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode)) /* to open a pipe would be to wait */
        return err_set(e, ERR_PARSE, 0, "%s: is no regular file", path);
    bool is_immutable = dir->is_read_only && (lstat(wal, &st) || st.st_size == 0);
    uri_of(path, is_immutable, uri, sizeof uri);
    enum err_code rc = open_sqlite(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, &db, e);
    if (rc || (rc = check(db, kind, &version, e))) {
        err_at(e, "%s", path);
        sqlite3_close(db);
        return rc;
    }
    if (!version) {
        sqlite3_close(db);
        return err_set(e, ERR_NOTFOUND, 0, "%s: is empty", path);
    }
    *out = db;
    return ERR_OK;
}
