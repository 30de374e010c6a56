#include "core/store/recording_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/model/verdict.h"
#include "core/store/frame.h"
#include "core/store/history.h"
#include "core/store/sample_pack.h"

enum { CHUNK_BYTES = 256 * 1024, CHUNK_BATCHES = 256, NEIGHBOUR_MS = 3600000 };

const char *const recording_migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE run (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, version TEXT NOT NULL) STRICT;"
    "CREATE TABLE series (run INTEGER NOT NULL, id INTEGER NOT NULL, kind INTEGER NOT NULL, subject TEXT NOT NULL,"
    " name TEXT NOT NULL, source TEXT NOT NULL, bounds BLOB NOT NULL, PRIMARY KEY (run, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE batch (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT"
    " NULL, n INTEGER NOT NULL, data BLOB NOT NULL) STRICT;"
    "CREATE INDEX batch_time ON batch (from_ms, to_ms);"
    "CREATE TABLE frame (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, at_ms INTEGER NOT NULL, is_key INTEGER NOT"
    " NULL, data BLOB NOT NULL) STRICT;"
    "CREATE INDEX frame_time ON frame (is_key, at_ms);"
    "CREATE TABLE track (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, data BLOB NOT NULL) STRICT;"
    "CREATE INDEX track_time ON track (at_ms)",
};
const int recording_n_migrations = ARRAY_LEN(recording_migrations);

static enum err_code end(struct recording *r, sqlite3_stmt *q, int step, struct err *e)
{
    enum err_code rc = step == SQLITE_DONE || step == SQLITE_ROW ? ERR_OK : db_fail(r->db, e);
    sqlite3_finalize(q);
    return rc;
}

enum err_code recording_read_place(struct recording *r, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(r->db, "SELECT value FROM meta WHERE key = 'place'", &q, e);
    if (rc)
        return rc;
    int step = db_step(q);
    const char *place = step == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    free(r->place);
    r->place = x_strdup(place ? place : "");
    return end(r, q, step, e);
}

enum err_code recording_open(const char *path, struct recording **out, struct err *e)
{
    struct statedir dir = { .path = "." };
    char name[256];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t len = strlen(base), folder = slash ? (size_t)(slash - path) : 0;
    if (!text_ends(base, ".db") || len - 3 >= sizeof name || folder >= sizeof dir.path)
        return err_set(e, ERR_USAGE, 0, "%s: a recording is a file NAME.db", path);
    snprintf(name, sizeof name, "%.*s", (int)len - 3, base);
    if (slash)
        snprintf(dir.path, sizeof dir.path, "%.*s", folder ? (int)folder : 1, path);
    char real[4096];
    if (realpath(dir.path, real) && strlen(real) < sizeof dir.path) /* SQLite follows no link on the way */
        strcpy(dir.path, real);
    dir.is_read_only = access(dir.path, W_OK) != 0;
    const struct db_kind kind = { name, RECORDING_APP, recording_migrations, recording_n_migrations };
    struct recording *r = x_calloc(1, sizeof *r);
    enum err_code rc = db_open_to_read(&dir, &kind, &r->db, e);
    if (!rc && (rc = recording_read_place(r, e)))
        err_at(e, "%s", path);
    if (rc) {
        recording_close(r);
        return rc;
    }
    *out = r;
    return ERR_OK;
}

void recording_close(struct recording *r)
{
    if (!r)
        return;
    sqlite3_close(r->db);
    free(r->place);
    free(r);
}

const char *recording_place(const struct recording *r)
{
    return r->place;
}

/* ---- what was recorded ---- */

static void add_gap(struct recording_range *out, int64_t from_ms, int64_t until_ms)
{
    if (out->n_gaps == RECORDING_GAPS) {
        memmove(out->gaps, out->gaps + 1, (RECORDING_GAPS - 1) * sizeof *out->gaps);
        out->n_gaps--;
    }
    out->gaps[out->n_gaps++] = (struct recording_gap){ from_ms, until_ms };
}

void recording_range_add(struct recording_range *out, int64_t from_ms, int64_t to_ms)
{
    if (out->from_ms == TIME_NONE)
        out->from_ms = out->to_ms = from_ms;
    if (from_ms - out->to_ms > RECORDING_GAP_MS)
        add_gap(out, out->to_ms, from_ms);
    if (to_ms > out->to_ms)
        out->to_ms = to_ms;
}

enum err_code recording_range(struct recording *r, struct recording_range *out, struct err *e)
{
    sqlite3_stmt *q = NULL;
    struct recording_range range = { .from_ms = TIME_NONE, .to_ms = TIME_NONE };
    enum err_code rc =
        db_prepare(r->db, "SELECT from_ms, to_ms FROM batch ORDER BY from_ms", &q, e); /* the index alone */
    int step = SQLITE_DONE;
    while (!rc && (step = db_step(q)) == SQLITE_ROW)
        recording_range_add(&range, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
    if (rc || (rc = end(r, q, step, e)))
        return rc;
    *out = range;
    return ERR_OK;
}

bool recording_has(const struct recording_range *r, int64_t at_ms)
{
    if (r->from_ms == TIME_NONE || at_ms < r->from_ms || at_ms > r->to_ms)
        return false;
    for (size_t i = 0; i < r->n_gaps; i++) {
        if (at_ms > r->gaps[i].from_ms && at_ms < r->gaps[i].until_ms)
            return false;
    }
    return true;
}

/* ---- samples ---- */

static const char *column_text(struct arena *a, sqlite3_stmt *q, int i)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    return arena_strdup(a, s ? s : "");
}

/* Series that were added since the last chunk: a console may be recording. */
static enum err_code read_series(struct recording *r, struct chunk *c, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(r->db,
                                  "SELECT id, kind, subject, name, source, bounds FROM series WHERE run = ? AND"
                                  " id > ? ORDER BY id",
                                  &q, e);
    int step = SQLITE_DONE;
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, c->run);
    sqlite3_bind_int64(q, 2, c->series_after);
    while ((step = db_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0), series_kind = sqlite3_column_int64(q, 1);
        if (id < 1 || id > RECORDING_SERIES)
            break;
        c->series = x_realloc(c->series, (c->n_series + 1) * sizeof *c->series);
        struct series *s = &c->series[c->n_series++];
        *s = (struct series){ .id = (uint32_t)id,
                              .subject = column_text(&c->arena, q, 2),
                              .name = column_text(&c->arena, q, 3),
                              .source = column_text(&c->arena, q, 4) };
        /* a kind that a newer console has is nobody's here: 0 */
        s->kind = series_kind > 0 && series_kind < N_SAMPLE_KINDS ? (enum sample_kind)series_kind : 0;
        const void *bounds = sqlite3_column_blob(q, 5);
        size_t n = (size_t)sqlite3_column_bytes(q, 5);
        s->n_bounds = n / sizeof *s->bounds <= ARRAY_LEN(s->bounds) ? n / sizeof *s->bounds : 0;
        if (s->n_bounds)
            memcpy(s->bounds, bounds, s->n_bounds * sizeof *s->bounds);
        c->series_after = s->id;
    }
    return end(r, q, step, e);
}

static void add_batch(struct chunk *c, sqlite3_stmt *q, size_t *bytes)
{
    struct buf out = BUF_INIT(SAMPLE_BATCH);
    if (pack_expand(&out, sqlite3_column_blob(q, 3), (size_t)sqlite3_column_bytes(q, 3), NULL)) {
        c->n_broken++;
    } else {
        void *copy = memcpy(arena_alloc(&c->arena, out.len + 1), buf_str(&out), out.len);
        c->batches[c->n_batches++] = (struct chunk_batch){ copy, out.len };
        *bytes += out.len;
    }
    buf_release(&out);
}

/* Where to begin.  Ids are the order, not times: the clock may have been set back a little meanwhile.  A batch
 * speaks for seconds; NEIGHBOUR_MS is enough to find the one that a time is in. */
static enum err_code find_first(struct recording *r, struct chunk *c, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = db_prepare(r->db, "SELECT min(id) FROM batch WHERE from_ms > ? AND to_ms >= ?", &q, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, c->from_ms > NEIGHBOUR_MS ? c->from_ms - NEIGHBOUR_MS : INT64_MIN);
    sqlite3_bind_int64(q, 2, c->from_ms);
    int step = db_step(q);
    c->is_last = step == SQLITE_ROW && sqlite3_column_type(q, 0) == SQLITE_NULL;
    c->after = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) - 1 : 0;
    return end(r, q, step, e);
}

static void chunk_clear(struct chunk *c)
{
    arena_release(&c->arena);
    free(c->series);
    c->series = NULL;
    c->batches = NULL;
    c->n_series = c->n_batches = 0;
}

enum err_code recording_chunk(struct recording *r, struct chunk *c, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc;
    int step = SQLITE_DONE;
    size_t bytes = 0;
    int rows = 0;
    chunk_clear(c);
    if (!c->after && ((rc = find_first(r, c, e)) || c->is_last))
        return rc;
    if ((rc =
             db_prepare(r->db, "SELECT id, run, from_ms, data FROM batch WHERE id > ? ORDER BY id LIMIT ?", &q, e)))
        return rc;
    sqlite3_bind_int64(q, 1, c->after);
    sqlite3_bind_int(q, 2, CHUNK_BATCHES);
    c->batches = arena_alloc(&c->arena, CHUNK_BATCHES * sizeof *c->batches);
    while (bytes < CHUNK_BYTES && (step = db_step(q)) == SQLITE_ROW) {
        int64_t run = sqlite3_column_int64(q, 1), from_ms = sqlite3_column_int64(q, 2);
        if (run != c->run && c->n_batches)
            break; /* a chunk is of one run */
        if (from_ms - NEIGHBOUR_MS >= c->to_ms) {
            c->is_last = true;
            break;
        }
        rows++;
        if (run != c->run) {
            c->run = run;
            c->series_after = 0;
        }
        c->after = sqlite3_column_int64(q, 0);
        if (run != c->without_run && from_ms < c->to_ms)
            add_batch(c, q, &bytes);
    }
    c->is_last |= step == SQLITE_DONE && rows < CHUNK_BATCHES;
    if ((rc = end(r, q, step, e)) || !c->n_batches)
        return rc;
    return read_series(r, c, e);
}

void chunk_release(struct chunk *c)
{
    chunk_clear(c);
}

void chunk_series_release(struct chunk_series *cs)
{
    free(cs->by_id);
    *cs = (struct chunk_series){ 0 };
}

static void learn(struct chunk *c, struct chunk_series *cs, struct series_set *ss)
{
    if (cs->run != c->run)
        cs->n = 0;
    cs->run = c->run;
    for (size_t i = 0; i < c->n_series; i++) {
        const struct series *s = &c->series[i];
        if (s->id >= cs->n) {
            size_t n = 2 * s->id + 64;
            cs->by_id = x_realloc(cs->by_id, n * sizeof *cs->by_id);
            memset(cs->by_id + cs->n, 0, (n - cs->n) * sizeof *cs->by_id);
            cs->n = n;
        }
        cs->by_id[s->id] = s->kind ? series_intern(ss, s) : NULL;
    }
}

bool chunk_deliver(struct chunk *c, struct chunk_series *cs, struct series_set *ss,
                   bool (*fn)(void *ctx, const struct sample *s), void *ctx)
{
    struct sample_reader r;
    struct sample s = { 0 };
    learn(c, cs, ss);
    for (size_t i = 0; i < c->n_batches; i++) {
        sample_reader_init(&r, c->batches[i].data, c->batches[i].n);
        for (uint32_t id; sample_reader_next(&r, &s, &id);) {
            s.series = id < cs->n ? cs->by_id[id] : NULL;
            if (s.series && s.at_ms >= c->from_ms && s.at_ms < c->to_ms && !fn(ctx, &s))
                return false;
        }
        c->n_broken += r.in.is_bad;
    }
    return true;
}

enum err_code chunk_end(int64_t n_broken, struct err *e)
{
    return n_broken ? err_set(e, ERR_PARSE, 0, "%lld batches of samples are broken and were left out",
                              (long long)n_broken)
                    : ERR_OK;
}

enum err_code recording_each(struct recording *r, int64_t from_ms, int64_t to_ms, struct series_set *ss,
                             bool (*fn)(void *ctx, const struct sample *s), void *ctx, struct err *e)
{
    struct chunk c = { .from_ms = from_ms, .to_ms = to_ms };
    struct chunk_series known = { 0 };
    enum err_code rc = ERR_OK;
    bool goes_on = true;
    while (goes_on && !c.is_last && !(rc = recording_chunk(r, &c, e)))
        goes_on = chunk_deliver(&c, &known, ss, fn, ctx);
    if (!rc)
        rc = chunk_end(c.n_broken, e);
    chunk_release(&c);
    chunk_series_release(&known);
    return rc;
}

/* ---- the past ---- */

/* Is it within what a write speaks for, or between two that are near to each other? */
static enum err_code check_time(struct recording *r, int64_t at_ms, struct err *e)
{
    char sql[300];
    int64_t is_there = 0;
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM (SELECT to_ms AS until FROM batch WHERE from_ms <= %1$lld ORDER BY from_ms DESC "
             "LIMIT 1)"
             " WHERE until >= %1$lld OR %1$lld - until <= %2$d AND coalesce((SELECT min(from_ms) FROM batch WHERE"
             " from_ms > %1$lld), %1$lld) - until <= %2$d",
             (long long)at_ms, RECORDING_GAP_MS);
    enum err_code rc = db_int(r->db, sql, &is_there, e);
    return rc || is_there ? rc : err_set(e, ERR_NOTFOUND, 0, "nothing was recorded at that time");
}

static enum err_code bound(struct recording *r, const char *sql, int64_t a, int64_t b, sqlite3_stmt **out,
                           struct err *e)
{
    enum err_code rc = db_prepare(r->db, sql, out, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(*out, 1, a);
    sqlite3_bind_int64(*out, 2, b);
    return ERR_OK;
}

/* The key frame before it and what has changed since, up to the next one: the clock may have been set back, and
 * a run always begins with one.  One that is older than a key frame may be was not
 * followed by any: then nothing is known of that time. */
static enum err_code read_frames(struct recording *r, struct frame_reader *fr, int64_t at_ms, struct err *e)
{
    sqlite3_stmt *q = NULL;
    int64_t key = 0;
    int step;
    enum err_code rc =
        bound(r,
              "SELECT id FROM frame WHERE is_key = 1 AND at_ms <= ?1 AND at_ms > ?2 ORDER BY at_ms DESC,"
              " id DESC LIMIT 1",
              at_ms, at_ms - HISTORY_KEY_MS - RECORDING_GAP_MS, &q, e);
    if (rc)
        return rc;
    if ((step = db_step(q)) == SQLITE_ROW)
        key = sqlite3_column_int64(q, 0);
    if ((rc = end(r, q, step, e)) || !key)
        return rc;
    if ((rc = bound(
             r,
             "SELECT data FROM frame WHERE id >= ?1 AND at_ms <= ?2 AND (id = ?1 OR is_key = 0) AND id <"
             " coalesce((SELECT min(id) FROM frame WHERE is_key = 1 AND id > ?1), 9223372036854775807) ORDER BY id",
             key, at_ms, &q, e)))
        return rc;
    while (!rc && (step = db_step(q)) == SQLITE_ROW)
        rc = frame_read(fr, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), e);
    enum err_code ended = end(r, q, step, rc ? NULL : e);
    return rc ? rc : ended;
}

static enum err_code read_points(struct recording *r, struct frame_reader *fr, int64_t at_ms, struct err *e)
{
    sqlite3_stmt *q = NULL;
    int step = SQLITE_DONE;
    enum err_code rc = bound(r, "SELECT at_ms, data FROM track WHERE at_ms <= ?1 AND at_ms > ?2 ORDER BY at_ms, id",
                             at_ms - TRACK_STEP_MS, at_ms - TRACK_STEP_MS * (int64_t)(TRACK_POINTS + 1), &q, e);
    while (!rc && (step = db_step(q)) == SQLITE_ROW)
        rc = frame_read_track(fr, sqlite3_column_int64(q, 0), sqlite3_column_blob(q, 1),
                              (size_t)sqlite3_column_bytes(q, 1), e);
    enum err_code ended = end(r, q, step, rc ? NULL : e);
    return rc ? rc : ended;
}

enum err_code recording_past(struct recording *r, int64_t at_ms, struct snap **out, struct err *e)
{
    struct frame_reader *fr = frame_reader_new();
    enum err_code rc;
    if (!(rc = check_time(r, at_ms, e)) && !(rc = read_frames(r, fr, at_ms, e)) &&
        !(rc = read_points(r, fr, at_ms, e)))
        rc = frame_snap(fr, at_ms, out, e);
    frame_reader_free(fr);
    return rc;
}
