#include "core/store/history_write.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/store/frame.h"
#include "core/store/history.h"
#include "core/store/pack.h"

enum { SLUG = 40, PRUNE_MS = 60000, PRUNE_ROWS = 500, PRUNE_STEP_MS = 600000 };

struct history_file {
    char *state_dir, *place;
    int64_t keep_ms, keep_bytes;
    struct statedir dir; /* STATE/history */
    char name[SLUG + 32];
    struct recording rec; /* db NULL: not open */
    int lock;             /* of whoever records; -1 = not ours */
    int64_t run;
    struct arena arena;
    struct series *series; /* all of this console, for the next run */
    size_t n_series, n_written;
    struct frame_writer *frames;
    struct recording_range range;
    bool has_range, must_prune;
    int64_t pruned_ms; /* io clock */
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

/* "prod-eu-https-10-0-0-1-6443-1f0e...": what a person knows it by, and what makes it unlike any other. */
static void name_of(const char *place, char *out, size_t room)
{
    uint64_t hash = frame_hash(place, strlen(place));
    size_t n = 0;
    for (const char *s = place; *s && n < SLUG; s++) {
        bool is_plain = isalnum((unsigned char)*s) && (unsigned char)*s < 0x80;
        if (is_plain || (n && out[n - 1] != '-'))
            out[n++] = is_plain ? *s : '-';
    }
    snprintf(out + n, room - n, "%s%016llx", n && out[n - 1] != '-' ? "-" : "", (unsigned long long)hash);
}

struct history_file *history_file_new(const char *state_dir, const char *place, int64_t keep_ms, int64_t keep_bytes)
{
    struct history_file *f = x_calloc(1, sizeof *f);
    f->state_dir = state_dir ? x_strdup(state_dir) : NULL;
    f->place = x_strdup(place);
    f->keep_ms = keep_ms;
    f->keep_bytes = keep_bytes;
    f->lock = -1;
    f->pruned_ms = INT64_MIN / 2;
    f->frames = frame_writer_new();
    name_of(place, f->name, sizeof f->name);
    return f;
}

static void leave(struct history_file *f)
{
    sqlite3_close(f->rec.db);
    f->rec.db = NULL;
    f->run = 0;
    f->n_written = 0;
    f->has_range = false;
    frame_writer_reset(f->frames);
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

void history_file_free(struct history_file *f)
{
    if (!f)
        return;
    leave(f);
    frame_writer_free(f->frames);
    arena_release(&f->arena);
    free(f->series);
    free(f->rec.place);
    free(f->state_dir);
    free(f->place);
    free(f);
}

int64_t history_file_run(const struct history_file *f)
{
    return f->run;
}

/* ---- opening ---- */

static enum err_code put_place(struct history_file *f, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(f->rec.db, "INSERT OR IGNORE INTO meta VALUES ('place', ?)", &q, e);
    if (rc)
        return rc;
    sqlite3_bind_text(q, 1, f->place, -1, SQLITE_STATIC);
    rc = db_step(q) == SQLITE_DONE ? ERR_OK : db_fail(f->rec.db, e);
    sqlite3_finalize(q);
    return rc;
}

static enum err_code open_file(struct history_file *f, struct err *e)
{
    struct statedir state;
    char path[1100];
    const struct db_kind kind = { f->name, RECORDING_APP, recording_migrations, recording_n_migrations };
    enum err_code rc;
    if (f->rec.db)
        return ERR_OK;
    if ((rc = statedir_find(f->state_dir, env_of, &state, e)))
        return rc;
    snprintf(path, sizeof path, "%s/history", state.path);
    if ((rc = statedir_find(path, env_of, &f->dir, e)))
        return rc;
    if (f->dir.is_read_only)
        return err_set(e, ERR_IO, EROFS, "%s: cannot be written to", path);
    if ((rc = db_open(&f->dir, &kind, &f->rec.db, e)))
        return rc;
    /* A batch that a power cut takes is a gap of seconds; an fsync a flush is wear all day. */
    if ((!f->dir.is_network && (rc = db_exec(f->rec.db, "PRAGMA synchronous=NORMAL", e))) || (rc = put_place(f, e)))
        leave(f);
    return rc;
}

struct recording *history_file_read(struct history_file *f, struct err *e)
{
    return open_file(f, e) ? NULL : &f->rec;
}

/* At once or not at all: whoever records does so for hours. */
static bool take_lock(struct history_file *f)
{
    char path[1200];
    if (f->lock >= 0)
        return true;
    snprintf(path, sizeof path, "%s/%s.recorder", f->dir.path, f->name);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        fd = -1;
    }
    f->lock = fd;
    return fd >= 0;
}

/* ---- writing ---- */

static enum err_code done(struct history_file *f, sqlite3_stmt *q, struct err *e)
{
    enum err_code rc = db_step(q) == SQLITE_DONE ? ERR_OK : db_fail(f->rec.db, e);
    sqlite3_finalize(q);
    return rc;
}

static enum err_code begin_run(struct history_file *f, int64_t now_ms, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(f->rec.db, "INSERT INTO run (begun_ms, version) VALUES (?, ?)", &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, now_ms);
    sqlite3_bind_text(q, 2, VERSION, -1, SQLITE_STATIC);
    if (!(rc = done(f, q, e)))
        f->run = sqlite3_last_insert_rowid(f->rec.db);
    int64_t newest = TIME_NONE; /* the courses of before are on record already */
    if (!rc &&
        !(rc = db_int(f->rec.db, "SELECT coalesce(max(at_ms), -9223372036854775807 - 1) FROM track", &newest, e)))
        frame_writer_since(f->frames, newest);
    return rc;
}

static enum err_code write_series(struct history_file *f, const struct series *s, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(f->rec.db, "INSERT OR IGNORE INTO series VALUES (?, ?, ?, ?, ?, ?, ?)", &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, f->run);
    sqlite3_bind_int64(q, 2, s->id);
    sqlite3_bind_int(q, 3, (int)s->kind);
    sqlite3_bind_text(q, 4, s->subject, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, s->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 6, s->source, -1, SQLITE_STATIC);
    sqlite3_bind_blob(q, 7, s->bounds, (int)(s->n_bounds * sizeof *s->bounds), SQLITE_STATIC);
    return done(f, q, e);
}

/* Kept here for as long as the console runs: another run needs them all again. */
static void learn_series(struct history_file *f, struct history_flush *x)
{
    for (size_t i = 0; i < x->n_series; i++) {
        struct series s = x->series[i];
        s.subject = arena_strdup(&f->arena, s.subject);
        s.name = arena_strdup(&f->arena, s.name);
        s.source = arena_strdup(&f->arena, s.source);
        if (!(f->n_series & (f->n_series - 1)))
            f->series = x_realloc(f->series, (f->n_series ? 2 * f->n_series : 1) * sizeof *f->series);
        f->series[f->n_series++] = s;
    }
    x->n_series = 0; /* a second try must not learn them again */
}

static enum err_code write_batch(struct history_file *f, const struct history_flush *x, struct err *e)
{
    sqlite3_stmt *q = NULL;
    struct buf packed = BUF_INIT(x->samples.out.len + 64);
    enum err_code rc =
        db_prepare(f->rec.db, "INSERT INTO batch (run, from_ms, to_ms, n, data) VALUES (?, ?, ?, ?, ?)", &q, e);
    if (rc)
        return rc;
    pack_squeeze(&packed, buf_str(&x->samples.out), x->samples.out.len);
    sqlite3_bind_int64(q, 1, f->run);
    sqlite3_bind_int64(q, 2, x->from_ms);
    sqlite3_bind_int64(q, 3, x->to_ms);
    sqlite3_bind_int64(q, 4, (int64_t)x->samples.n);
    sqlite3_bind_blob(q, 5, packed.data, (int)packed.len, SQLITE_STATIC);
    rc = done(f, q, e);
    buf_release(&packed);
    return rc;
}

static enum err_code write_frame(struct history_file *f, struct snap *s, int64_t at_ms, struct err *e)
{
    struct frame_bytes b = { 0 };
    sqlite3_stmt *q = NULL;
    enum err_code rc = ERR_OK;
    frame_write(f->frames, s, at_ms, &b);
    if (b.frame.len &&
        !(rc = db_prepare(f->rec.db, "INSERT INTO frame (run, at_ms, is_key, data) VALUES (?, ?, ?, ?)", &q, e))) {
        sqlite3_bind_int64(q, 1, f->run);
        sqlite3_bind_int64(q, 2, at_ms);
        sqlite3_bind_int(q, 3, b.is_key);
        sqlite3_bind_blob(q, 4, b.frame.data, (int)b.frame.len, SQLITE_STATIC);
        rc = done(f, q, e);
    }
    frame_bytes_release(&b);
    return rc;
}

struct tracks_to {
    struct history_file *f;
    struct err *e;
    enum err_code rc;
};

static bool put_track(void *ctx, int64_t at_ms, const struct buf *packed)
{
    struct tracks_to *to = ctx;
    sqlite3_stmt *q = NULL;
    if ((to->rc = db_prepare(to->f->rec.db, "INSERT INTO track (at_ms, data) VALUES (?, ?)", &q, to->e)))
        return false;
    sqlite3_bind_int64(q, 1, at_ms);
    sqlite3_bind_blob(q, 2, packed->data, (int)packed->len, SQLITE_STATIC);
    to->rc = done(to->f, q, to->e);
    return !to->rc;
}

static enum err_code write_tracks(struct history_file *f, struct snap *s, struct err *e)
{
    struct tracks_to to = { f, e, ERR_OK };
    frame_write_tracks(f->frames, s, put_track, &to);
    return to.rc;
}

/* ---- pruning ---- */

static enum err_code cut(struct history_file *f, const char *sql, int64_t before_ms, int *n, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(f->rec.db, sql, &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, before_ms);
    sqlite3_bind_int(q, 2, PRUNE_ROWS);
    rc = done(f, q, e);
    *n += rc ? 0 : sqlite3_changes(f->rec.db);
    return rc;
}

/* Some rows a flush, so that a day's worth never stands in anybody's way.  A frame builds on the key frame
 * before it, so that one stays a while longer. */
static enum err_code cut_before(struct history_file *f, int64_t before_ms, struct err *e)
{
    int n = 0;
    enum err_code rc;
    if ((rc = cut(f,
                  "DELETE FROM batch WHERE id IN (SELECT id FROM batch WHERE to_ms < ?1 AND from_ms < ?1 ORDER BY "
                  "from_ms"
                  " LIMIT ?2)",
                  before_ms, &n, e)) ||
        (rc = cut(f, "DELETE FROM frame WHERE id IN (SELECT id FROM frame WHERE is_key = 0 AND at_ms < ? LIMIT ?)",
                  before_ms - 2 * HISTORY_KEY_MS, &n, e)) ||
        (rc = cut(f, "DELETE FROM frame WHERE id IN (SELECT id FROM frame WHERE is_key = 1 AND at_ms < ? LIMIT ?)",
                  before_ms - 2 * HISTORY_KEY_MS, &n, e)) ||
        (rc = cut(f, "DELETE FROM track WHERE id IN (SELECT id FROM track WHERE at_ms < ? LIMIT ?)", before_ms, &n,
                  e)) ||
        (rc = db_exec(f->rec.db,
                      "DELETE FROM series WHERE run < (SELECT run FROM batch ORDER BY id LIMIT 1);"
                      "DELETE FROM run WHERE id < (SELECT run FROM batch ORDER BY id LIMIT 1)",
                      e)))
        return rc;
    f->must_prune = n >= PRUNE_ROWS; /* there may be more */
    f->has_range = false;
    return ERR_OK;
}

static enum err_code prune(struct history_file *f, struct history_flush *x, struct err *e)
{
    int64_t pages = 0, spare = 0, size = 0, oldest = INT64_MAX;
    int64_t before_ms = x->to_ms - f->keep_ms;
    enum err_code rc;
    if ((rc = db_int(f->rec.db, "PRAGMA page_count", &pages, e)) ||
        (rc = db_int(f->rec.db, "PRAGMA freelist_count", &spare, e)) ||
        (rc = db_int(f->rec.db, "PRAGMA page_size", &size, e)))
        return rc;
    x->bytes = (pages - spare) * size;
    bool is_over = x->bytes > f->keep_bytes;
    if (!is_over && !f->must_prune && clock_io_ms() - f->pruned_ms < PRUNE_MS)
        return ERR_OK;
    f->pruned_ms = clock_io_ms();
    if ((rc = db_int(f->rec.db, "SELECT coalesce(min(from_ms), 9223372036854775807) FROM batch", &oldest, e)))
        return rc;
    if (is_over && oldest < x->to_ms && before_ms < oldest + PRUNE_STEP_MS)
        before_ms = oldest + PRUNE_STEP_MS;
    if (oldest >= before_ms && !f->must_prune)
        return ERR_OK;
    return cut_before(f, before_ms, e);
}

/* ---- a flush ---- */

static enum err_code write_all(struct history_file *f, struct history_flush *x, struct err *e)
{
    enum err_code rc = db_exec(f->rec.db, "BEGIN IMMEDIATE", e);
    if (!rc && !f->run)
        rc = begin_run(f, x->to_ms, e);
    for (; !rc && f->n_written < f->n_series; f->n_written++)
        rc = write_series(f, &f->series[f->n_written], e);
    if (!rc)
        rc = write_batch(f, x, e);
    for (size_t i = 0; !rc && i < x->n_snaps; i++)
        if (!(rc = write_frame(f, x->snaps[i].snap, x->snaps[i].at_ms, e)))
            rc = write_tracks(f, x->snaps[i].snap, e);
    if (!rc)
        rc = prune(f, x, e);
    return rc ? rc : db_exec(f->rec.db, "COMMIT", e);
}

static enum err_code set_range(struct history_file *f, struct history_flush *x, struct err *e)
{
    enum err_code rc = ERR_OK;
    if (f->has_range && f->lock >= 0)
        recording_range_add(&f->range, x->from_ms, x->to_ms);
    else if (!(rc = recording_range(&f->rec, &f->range, e)))
        f->has_range = true;
    x->range = f->range;
    return rc;
}

void history_file_write(struct history_file *f, struct history_flush *x)
{
    x->e = (struct err){ 0 };
    learn_series(f, x);
    enum err_code rc = open_file(f, &x->e);
    x->is_elsewhere = !rc && !take_lock(f);
    if (!rc && !x->is_elsewhere)
        rc = write_all(f, x, &x->e);
    if (!rc)
        rc = set_range(f, x, &x->e);
    if (rc)
        leave(f);
}
