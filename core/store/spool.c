#include "core/store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/model/entry.h"
#include "core/store/db.h"

static const char *const migrations[] = {
    "CREATE TABLE record (n INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, json TEXT "
    "NOT NULL)"
    " STRICT;"
    "CREATE TABLE step (source TEXT NOT NULL, id INTEGER NOT NULL, step INTEGER NOT NULL, by TEXT "
    "NOT NULL,"
    " at_ms INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (source, id, step)) STRICT",
};
static const struct db_kind kind = { "spool", 0x62777370 /* "bwsp" */, migrations,
                                     ARRAY_LEN(migrations) };

struct spool {
    struct statedir dir;
    sqlite3 *db; /* NULL after an error: opened anew by the next call */
    int deliver_fd; /* -1 = somebody else delivers, or nobody */
};

static enum err_code open_db(struct spool *s, struct err *e)
{
    return s->db ? ERR_OK : db_open(&s->dir, &kind, &s->db, e);
}

/* After an error the connection is not trusted: an fsync that failed must not be tried again. */
static enum err_code leave(struct spool *s, sqlite3_stmt *q, enum err_code rc, struct err *e)
{
    sqlite3_finalize(q);
    if (!rc)
        return ERR_OK;
    sqlite3_close(s->db);
    s->db = NULL;
    err_at(e, "the spool");
    return rc;
}

enum err_code spool_open(const struct statedir *dir, struct spool **out, struct err *e)
{
    struct spool *s = x_calloc(1, sizeof *s);
    s->dir = *dir;
    s->deliver_fd = -1;
    enum err_code rc = open_db(s, e);
    if (rc) {
        spool_close(s);
        return rc;
    }
    *out = s;
    return ERR_OK;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    if (s->deliver_fd >= 0)
        close(s->deliver_fd);
    free(s);
}

static bool is_key(const char *key)
{
    return strlen(key) == ENTRY_KEY - 1 && strspn(key, "0123456789abcdef") == ENTRY_KEY - 1;
}

/* Full, or not, in the same statement as the insert: two processes cannot both be the last. */
enum err_code spool_put(struct spool *s, const char *key, const char *json, size_t n, struct err *e)
{
    struct json_span doc;
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    if (!is_key(key))
        return err_set(e, ERR_PARSE, 0, "the key of a spooled record is 32 hex digits");
    if (n > SPOOL_BYTES)
        return err_set(e, ERR_LIMIT, 0, "a record of more than %d bytes is not spooled",
                       SPOOL_BYTES);
    if ((rc = json_check(json, n, &doc, e)))
        return rc;
    if (json_kind(doc) != JSON_OBJECT)
        return err_set(e, ERR_PARSE, 0, "a spooled record is one JSON object");
    if ((rc = open_db(s, e)) ||
        (rc = db_prepare(
             s->db,
             "INSERT INTO record (key, json) SELECT ?1, ?2 WHERE"
             " (SELECT count(*) FROM record) < ?3 OR EXISTS (SELECT 1 FROM record WHERE key = ?1)"
             " ON CONFLICT (key) DO UPDATE SET json = excluded.json",
             &q, e)))
        return leave(s, q, rc, e);
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, json, (int)n, SQLITE_STATIC);
    sqlite3_bind_int(q, 3, SPOOL_RECORDS);
    if (db_step(q) != SQLITE_DONE)
        return leave(s, q, db_fail(s->db, e), e);
    bool is_in = sqlite3_changes(s->db) == 1;
    sqlite3_finalize(q);
    return is_in ? ERR_OK
                 : err_set(e, ERR_LIMIT, 0, "the spool is full: %d records wait", SPOOL_RECORDS);
}

enum err_code spool_take_out(struct spool *s, const char *key, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    if ((rc = open_db(s, e)) || (rc = db_prepare(s->db, "DELETE FROM record WHERE key = ?", &q, e)))
        return leave(s, q, rc, e);
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    if (db_step(q) != SQLITE_DONE)
        rc = db_fail(s->db, e);
    return leave(s, q, rc, e);
}

/* One record a statement, copied: fn may take it out, put others in, or close a connection by
 * failing. */
enum err_code spool_each(struct spool *s,
                         bool (*fn)(void *ctx, const char *key, const char *json, size_t n),
                         void *ctx, struct err *e)
{
    int64_t after = 0;
    for (bool is_more = true; is_more;) {
        sqlite3_stmt *q = NULL;
        enum err_code rc;
        if ((rc = open_db(s, e)) ||
            (rc = db_prepare(
                 s->db, "SELECT n, key, json FROM record WHERE n > ? ORDER BY n LIMIT 1", &q, e)))
            return leave(s, q, rc, e);
        sqlite3_bind_int64(q, 1, after);
        int step = db_step(q);
        if (step == SQLITE_DONE)
            return leave(s, q, ERR_OK, e);
        if (step != SQLITE_ROW)
            return leave(s, q, db_fail(s->db, e), e);
        after = sqlite3_column_int64(q, 0);
        char *key = x_strdup((const char *)sqlite3_column_text(q, 1));
        size_t n = (size_t)sqlite3_column_bytes(q, 2);
        char *json = x_malloc(n + 1);
        memcpy(json, sqlite3_column_text(q, 2), n);
        json[n] = '\0';
        sqlite3_finalize(q);
        is_more = fn(ctx, key, json, n);
        free(key);
        free(json);
    }
    return ERR_OK;
}

bool spool_lock(struct spool *s)
{
    char path[1200];
    if (s->deliver_fd >= 0)
        return true;
    snprintf(path, sizeof path, "%s/spool.deliver", s->dir.path);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        fd = -1;
    }
    s->deliver_fd = fd;
    return fd >= 0;
}

enum err_code spool_step_put(struct spool *s, const char *source, int64_t id, enum error_step step,
                             const struct error_done *d, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    if (strlen(source) > ENTRY_TEXT || strlen(d->by) > ENTRY_TEXT || strlen(d->note) > ENTRY_TEXT)
        return err_set(e, ERR_LIMIT, 0, "a text of more than %d bytes is not kept", ENTRY_TEXT);
    if ((rc = open_db(s, e)) ||
        (rc = db_prepare(s->db,
                         "INSERT INTO step (source, id, step, by, at_ms, note)"
                         " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                         &q, e)))
        return leave(s, q, rc, e);
    sqlite3_bind_text(q, 1, source, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, id);
    sqlite3_bind_int(q, 3, (int)step);
    sqlite3_bind_text(q, 4, d->by, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 5, d->at_ms);
    sqlite3_bind_text(q, 6, d->note, -1, SQLITE_STATIC);
    if (db_step(q) != SQLITE_DONE)
        rc = db_fail(s->db, e);
    else if (!sqlite3_changes(s->db))
        rc = err_set(e, ERR_BUSY, 0, "that step is done already (only here)");
    return leave(s, q, rc, e);
}

enum err_code spool_steps(struct spool *s, const char *source,
                          void (*fn)(void *ctx, int64_t id, enum error_step step,
                                     const struct error_done *d),
                          void *ctx, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    int got;
    if ((rc = open_db(s, e)) ||
        (rc = db_prepare(
             s->db,
             "SELECT id, step, at_ms, by, note FROM step WHERE source = ? AND step BETWEEN 0 AND ?"
             " ORDER BY id, step",
             &q, e)))
        return leave(s, q, rc, e);
    sqlite3_bind_text(q, 1, source, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 2, N_STEPS - 1);
    while ((got = db_step(q)) == SQLITE_ROW) {
        struct error_done d = { .at_ms = sqlite3_column_int64(q, 2),
                                .by = (const char *)sqlite3_column_text(q, 3),
                                .note = (const char *)sqlite3_column_text(q, 4),
                                .is_local = true };
        fn(ctx, sqlite3_column_int64(q, 0), (enum error_step)sqlite3_column_int(q, 1), &d);
    }
    if (got != SQLITE_DONE)
        rc = db_fail(s->db, e);
    return leave(s, q, rc, e);
}
