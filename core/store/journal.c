/*
 * One table, and a file beside it that says how long it is.
 *
 * The database and the head are two files, so one of them is written first: the entry, then the
 * head. A kill between the two leaves a head that is one behind, which proves nothing wrong; the
 * other order would make an honest crash look like a cut tail.  Appends take turns by a flock
 * around both, for a head written by the slower of two consoles must not go back.
 *
 * Rejected: the head inside the database (whoever cuts the tail has it in hand), an entry a file
 * (no transaction over chain and entry), a lock by BEGIN EXCLUSIVE alone (ends before the head is
 * written).
 */
#include "core/store/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/db.h"
#include "core/store/journal_chain.h"

static const char *const migrations[] = {
    "CREATE TABLE entry (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, op TEXT NOT NULL,"
    " state TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, who TEXT NOT NULL,"
    " place TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    "CREATE INDEX entry_op ON entry (op)",
};
const struct db_kind journal_kind = { "journal", 0x62776a6c /* "bwjl" */, migrations,
                                      ARRAY_LEN(migrations) };

struct journal {
    struct statedir dir;
    bool is_to_read;
    sqlite3 *db; /* NULL after an error: opened anew by the next call */
};

/* The hash of entry `seq`, "" when it is not there; *last is the highest. */
static enum err_code look_up(sqlite3 *db, int64_t seq, char hash[ENTRY_HASH], int64_t *last,
                             struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc =
        db_prepare(db,
                   "SELECT coalesce(max(seq), 0), coalesce((SELECT hash FROM entry WHERE"
                   " seq = ?), '') FROM entry",
                   &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, seq);
    if (db_step(q) == SQLITE_ROW) {
        *last = sqlite3_column_int64(q, 0);
        snprintf(hash, ENTRY_HASH, "%s", (const char *)sqlite3_column_text(q, 1));
    } else {
        rc = db_fail(db, e);
    }
    sqlite3_finalize(q);
    return rc;
}

/* Under the lock.  A journal without entries gets its head here, whatever became of the one who
 * made it. */
static enum err_code check_head(struct journal *j, int64_t *out_last, struct err *e)
{
    struct chain_head h = { 0 };
    char hash[ENTRY_HASH] = "";
    int64_t last = 0;
    enum err_code rc = chain_head_read(&j->dir, &h, e), found = ERR_OK;
    if ((rc && rc != ERR_NOTFOUND) || (found = look_up(j->db, h.seq, hash, &last, e)))
        return found ? found : rc;
    *out_last = last;
    if (rc == ERR_NOTFOUND && last == 0) {
        h = (struct chain_head){ .hash = CHAIN_START };
        if ((rc = chain_head_write(&j->dir, &h, e)))
            return rc;
        return db_sync_dir(&j->dir, e);
    }
    static const char more[] = "`bakewatch journal verify` says what to do";
    if (rc == ERR_NOTFOUND)
        return err_set(e, ERR_PARSE, 0, "journal.head is missing: %s", more);
    if (h.seq > last)
        return err_set(e, ERR_PARSE, 0,
                       "it was cut: it ends at %" PRId64 ", journal.head says %" PRId64 ": %s",
                       last, h.seq, more);
    if (strcmp(h.seq ? hash : CHAIN_START, h.hash) != 0)
        return err_set(e, ERR_PARSE, 0, "entry %" PRId64 " is not the one of journal.head: %s",
                       h.seq, more);
    return ERR_OK;
}

static enum err_code open_db(struct journal *j, struct err *e)
{
    if (j->db)
        return ERR_OK;
    return j->is_to_read ? db_open_to_read(&j->dir, &journal_kind, &j->db, e)
                         : db_open(&j->dir, &journal_kind, &j->db, e);
}

static void close_db(struct journal *j)
{
    sqlite3_close(j->db);
    j->db = NULL;
}

static enum err_code open_as(const struct statedir *dir, bool is_to_read, struct journal **out,
                             struct err *e)
{
    struct journal *j = x_calloc(1, sizeof *j);
    j->dir = *dir;
    j->is_to_read = is_to_read;
    enum err_code rc = open_db(j, e);
    if (rc) {
        journal_close(j);
        return rc;
    }
    *out = j;
    return ERR_OK;
}

enum err_code journal_open(const struct statedir *dir, struct journal **out, struct err *e)
{
    struct journal *j;
    int64_t last;
    int lock;
    enum err_code rc = open_as(dir, false, &j, e);
    if (rc)
        return rc;
    if (!(rc = db_lock(dir, journal_kind.name, &lock, e))) {
        if ((rc = check_head(j, &last, e)))
            err_at(e, "%s/journal.db", dir->path);
        close(lock);
    }
    if (rc) {
        journal_close(j);
        return rc;
    }
    *out = j;
    return ERR_OK;
}

enum err_code journal_open_to_read(const struct statedir *dir, struct journal **out, struct err *e)
{
    return open_as(dir, true, out, e);
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    close_db(j);
    free(j);
}

static enum err_code insert(struct journal *j, const struct entry *en, struct err *e)
{
    sqlite3_stmt *q = NULL;
    const char *texts[] = { en->op,     entry_state_name(en->state),
                            en->action, en->target,
                            en->who,    en->where,
                            en->detail, en->prev,
                            en->hash };
    enum err_code rc = db_prepare(
        j->db, "INSERT INTO entry (" CHAIN_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)", &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, en->seq);
    sqlite3_bind_int64(q, 2, en->at_ms);
    for (int i = 0; i < (int)ARRAY_LEN(texts); i++)
        sqlite3_bind_text(q, 3 + i, texts[i], -1, SQLITE_STATIC);
    if (db_step(q) != SQLITE_DONE)
        rc = db_fail(j->db, e);
    sqlite3_finalize(q);
    return rc;
}

/* The lock is held.  *en gets its place in the chain. */
static enum err_code append(struct journal *j, struct entry *en, struct err *e)
{
    int64_t last = 0;
    char last_hash[ENTRY_HASH];
    enum err_code rc;
    if ((rc = db_exec(j->db, "BEGIN IMMEDIATE", e)) || (rc = check_head(j, &last, e)) ||
        (rc = look_up(j->db, last, last_hash, &last, e)))
        return rc;
    en->seq = last + 1;
    snprintf(en->prev, ENTRY_HASH, "%s", last ? last_hash : CHAIN_START);
    chain_hash_entry(en, en->hash);
    if ((rc = insert(j, en, e)) || (rc = db_exec(j->db, "COMMIT", e)))
        return rc;
    struct chain_head h = { .seq = en->seq };
    memcpy(h.hash, en->hash, ENTRY_HASH);
    return chain_head_write(&j->dir, &h, e);
}

enum err_code journal_append(struct journal *j, struct entry *en, struct err *e)
{
    const char *texts[] = { en->action, en->target, en->who, en->where, en->detail };
    struct entry next = *en;
    int lock;
    assert(!j->is_to_read && memchr(en->op, 0, ENTRY_KEY));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strlen(texts[i]) > ENTRY_TEXT)
            return err_set(e, ERR_LIMIT, 0, "a text of more than %d bytes is not journalled",
                           ENTRY_TEXT);
    }
    enum err_code rc = open_db(j, e); /* takes the same lock, and lets it go */
    if (!rc && !(rc = db_lock(&j->dir, journal_kind.name, &lock, e))) {
        if ((rc = append(j, &next, e)))
            close_db(j);
        close(lock);
    }
    if (rc) {
        err_at(e, "the journal");
        return rc;
    }
    *en = next;
    return ERR_OK;
}

/* Borrows from the row.  False: *bad says why it is none of ours. */
static bool read_entry(sqlite3_stmt *q, struct entry *en, const char **bad)
{
    const char *texts[CHAIN_HASH + 1];
    for (int i = CHAIN_OP; i <= CHAIN_HASH; i++) {
        texts[i] = (const char *)sqlite3_column_text(q, i);
        if (!texts[i] || strlen(texts[i]) != (size_t)sqlite3_column_bytes(q, i)) {
            *bad = "has a text that is none";
            return false;
        }
    }
    int state = entry_state_parse(texts[CHAIN_STATE]);
    if (strlen(texts[CHAIN_OP]) >= ENTRY_KEY || strlen(texts[CHAIN_PREV]) != ENTRY_HASH - 1 ||
        strlen(texts[CHAIN_HASH]) != ENTRY_HASH - 1 || state < 0) {
        *bad = state < 0 ? "has an unknown state" : "has a key or a hash of the wrong length";
        return false;
    }
    *en = (struct entry){
        .seq = sqlite3_column_int64(q, CHAIN_SEQ),
        .at_ms = sqlite3_column_int64(q, CHAIN_AT),
        .state = (enum entry_state)state,
        .action = texts[CHAIN_ACTION],
        .target = texts[CHAIN_TARGET],
        .who = texts[CHAIN_WHO],
        .where = texts[CHAIN_WHERE],
        .detail = texts[CHAIN_DETAIL],
    };
    snprintf(en->op, ENTRY_KEY, "%s", texts[CHAIN_OP]);
    memcpy(en->prev, texts[CHAIN_PREV], ENTRY_HASH);
    memcpy(en->hash, texts[CHAIN_HASH], ENTRY_HASH);
    return true;
}

/* Every row of q to fn, until it says that it is enough. */
static enum err_code walk(struct journal *j, sqlite3_stmt *q,
                          bool (*fn)(void *ctx, const struct entry *en), void *ctx, struct err *e)
{
    struct entry en;
    const char *bad = NULL;
    int step;
    while ((step = db_step(q)) == SQLITE_ROW) {
        if (!read_entry(q, &en, &bad))
            return err_set(e, ERR_PARSE, 0, "entry %lld %s",
                           (long long)sqlite3_column_int64(q, CHAIN_SEQ), bad);
        if (!fn(ctx, &en))
            return ERR_OK;
    }
    return step == SQLITE_DONE ? ERR_OK : db_fail(j->db, e);
}

enum err_code journal_each(struct journal *j, const char *op, int64_t from_seq,
                           bool (*fn)(void *ctx, const struct entry *en), void *ctx, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    if ((rc = open_db(j, e)) ||
        (rc = db_prepare(j->db,
                         "SELECT " CHAIN_COLUMNS
                         " FROM entry WHERE seq >= ?1 AND (?2 IS NULL OR op = ?2)"
                         " ORDER BY seq",
                         &q, e)))
        return rc;
    sqlite3_bind_int64(q, 1, from_seq);
    sqlite3_bind_text(q, 2, op, -1, SQLITE_STATIC); /* NULL binds NULL */
    rc = walk(j, q, fn, ctx, e);
    sqlite3_finalize(q);
    return rc;
}

enum err_code journal_last(struct journal *j, int64_t *out_seq, struct err *e)
{
    char hash[ENTRY_HASH];
    enum err_code rc = open_db(j, e);
    return rc ? rc : look_up(j->db, 0, hash, out_seq, e);
}

/* ---- operations and who has them ---- */

static bool is_key(const char *op)
{
    size_t n = strnlen(op, ENTRY_KEY);
    return n && n < ENTRY_KEY && strspn(op, "0123456789abcdef") == n;
}

int journal_hold(const struct statedir *dir, const char *op)
{
    char path[1200];
    struct stat ours, there;
    if (!is_key(op))
        return -1;
    snprintf(path, sizeof path, "%s/%s.held", dir->path, op);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            close(fd);
            return -1;
        }
        /* Whoever released it before us has removed the name: then this is a lock on nothing. */
        if (fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev)
            return fd;
        close(fd);
    }
}

void journal_release(const struct statedir *dir, const char *op, int fd)
{
    char path[1200];
    if (fd < 0)
        return;
    snprintf(path, sizeof path, "%s/%s.held", dir->path, op);
    unlink(path); /* while we have it: nobody's but ours */
    close(fd);
}

/* Shared, and on no file of ours: a look neither makes one nor hides the operation from another who looks. */
bool journal_is_held(const struct statedir *dir, const char *op)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s.held", dir->path, op);
    int fd = is_key(op) ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return is_key(op) && errno != ENOENT; /* what cannot be looked at is not taken for free */
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return is_held;
}

struct orphans {
    const struct statedir *dir;
    char (*ops)[ENTRY_KEY];
    size_t n, room;
};

static bool gather_free(void *ctx, const struct entry *last)
{
    struct orphans *o = ctx;
    if (journal_is_held(o->dir, last->op))
        return true;
    if (o->n == o->room) {
        o->room = o->room ? 2 * o->room : 16;
        o->ops = x_realloc(o->ops, o->room * sizeof *o->ops);
    }
    memcpy(o->ops[o->n++], last->op, ENTRY_KEY);
    return true;
}

struct wanted { /* the caller's, who may have had enough */
    bool (*fn)(void *ctx, const struct entry *last);
    void *ctx;
    bool is_enough;
};

static bool hand_on(void *ctx, const struct entry *last)
{
    struct wanted *w = ctx;
    w->is_enough = !w->fn(w->ctx, last);
    return false;
}

/* Twice, because its console may have closed and released it between the row and the look at its lock:
 * what is still open after that is an orphan. */
enum err_code journal_orphans(struct journal *j, bool (*fn)(void *ctx, const struct entry *last),
                              void *ctx, struct err *e)
{
    struct orphans o = { .dir = &j->dir };
    struct wanted w = { .fn = fn, .ctx = ctx };
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    if ((rc = open_db(j, e)) ||
        (rc = db_prepare(j->db,
                         "SELECT " CHAIN_COLUMNS
                         " FROM entry WHERE seq IN (SELECT max(seq) FROM entry"
                         " GROUP BY op HAVING sum(state = 'CLOSED') = 0) ORDER BY seq",
                         &q, e)))
        return rc;
    rc = walk(j, q, gather_free, &o, e);
    sqlite3_finalize(q);
    q = NULL;
    if (!rc)
        rc = db_prepare(j->db,
                        "SELECT " CHAIN_COLUMNS
                        " FROM entry WHERE seq = (SELECT max(seq) FROM entry WHERE op = ?1)"
                        " AND NOT EXISTS (SELECT 1 FROM entry WHERE op = ?1 AND state = 'CLOSED')",
                        &q, e);
    for (size_t i = 0; !rc && !w.is_enough && i < o.n; i++) {
        sqlite3_bind_text(q, 1, o.ops[i], -1, SQLITE_STATIC);
        rc = walk(j, q, hand_on, &w, e);
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
    free(o.ops);
    return rc;
}
