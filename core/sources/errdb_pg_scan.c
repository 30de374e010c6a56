/*
 * Rounds of keys.  A round lists (id, xmin) of the versions that the last round could not have seen,
 * fetches those that the feed does not have, page after page, and only when all of it is there does its
 * first page's watermark become the next round's.  Whatever fails in between is simply asked for again.
 *
 * What must not be believed: a table whose highest id went down, a server whose watermark did, or whose
 * timeline is another.  The check of what is held decides: none of it there in the same version = another
 * table.  After a failover the same transaction numbers may stand for other rows: no version counts, what
 * is held is read again, and the full scan begins FORK_XIDS transactions back.
 */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sources/errdb_pg_internal.h"

struct head {
    uint64_t w, xmax;
    int64_t now, top;
    bool has_top;
};

static bool take_head(struct errdb_pg *db, const PGresult *r, struct head *out)
{
    int64_t w = 0, xmax = 0;
    *out = (struct head){ 0 };
    if (PQnfields(r) < SQL_HEAD || PQntuples(r) < 1 || !pg_int(r, 0, SQL_NOW, &out->now) ||
        (db->shape.has_watermark && (!pg_int(r, 0, SQL_W, &w) || !pg_int(r, 0, SQL_XMAX, &xmax))))
        return false;
    out->has_top = pg_int(r, 0, SQL_TOP, &out->top);
    out->w = (uint64_t)w;
    out->xmax = (uint64_t)xmax;
    db->top = out->top;
    db->skew_ms = out->now - (db->sent_story_ms + clock_story_ms()) / 2;
    errfeed_skew(db->feed, db->skew_ms);
    if (out->w == out->xmax || out->w != db->stuck_w)
        db->stuck_ms = out->w == out->xmax ? TIME_NONE : clock_story_ms();
    db->stuck_w = out->w;
    return true;
}

static void send(struct errdb_pg *db, struct buf *sql,
                 void (*on_answer)(void *ctx, const struct pg_answer *a))
{
    db->sent_io_ms = clock_io_ms();
    db->sent_story_ms = clock_story_ms();
    pg_link_send(db->link, buf_str(sql), ANSWER_MS, on_answer, db);
    buf_release(sql);
}

/* True: there is an answer of the wanted width.  A lost connection is dealt with in on_down. */
static bool is_good(struct errdb_pg *db, const struct pg_answer *a, int n_fields)
{
    struct err e = a->e;
    if (a->is_lost)
        return false;
    if (!e.code && (a->n != 1 || PQnfields(a->rows[0]) != n_fields))
        err_set(&e, ERR_PARSE, 0, "the server's answer has another shape than the question");
    if (e.code)
        errdb_pg_failed(db, &e, a->sqlstate);
    return !e.code;
}

static void misread(struct errdb_pg *db)
{
    struct err e;
    err_set(&e, ERR_PARSE, 0, "the server's answer cannot be read");
    errdb_pg_failed(db, &e, "");
}

bool errdb_pg_is_small(const struct errdb_pg *db)
{
    return db->shape.rows < ERRDB_FULL_ROWS;
}

/* ---- another table? ---- */

static void replaced(struct errdb_pg *db, const char *why)
{
    errdb_pg_say(db, why);
    errfeed_forget(db->feed);
    db->has_first = db->is_backing = db->must_check = db->has_top_fallen = db->has_forked = false;
    db->tail.is_active = db->full.is_active = false;
    db->fetching_for = NULL;
    db->n_ids = db->n_asked = 0;
    db->stuck_ms = db->behind_io_ms = TIME_NONE;
}

void errdb_pg_is_elsewhere(struct errdb_pg *db)
{
    replaced(db, "another database server: its rows are read anew");
}

void errdb_pg_is_forked(struct errdb_pg *db)
{
    db->must_check = db->has_forked = true;
    db->tail.is_active = db->full.is_active = false;
}

/* True: something went back.  The check of what is held is next. */
static bool has_fallen(struct errdb_pg *db, const struct head *h)
{
    db->has_top_fallen = errfeed_totals(db->feed).n && (!h->has_top || h->top < errfeed_top(db->feed));
    if (h->w < db->tail.w)
        errdb_pg_is_forked(db);
    if (db->has_top_fallen) {
        db->must_check = true;
        db->tail.is_active = db->full.is_active = false;
    }
    if (db->must_check)
        return true;
    db->behind_io_ms = TIME_NONE;
    return false;
}

/* A standby that lags shows the past for a while: not a reason to forget. */
static bool is_just_behind(struct errdb_pg *db)
{
    if (!db->shape.is_replica)
        return false;
    if (db->behind_io_ms == TIME_NONE) {
        db->behind_io_ms = clock_io_ms();
        errdb_pg_say(db, "this standby is behind what was already seen");
    }
    return clock_io_ms() - db->behind_io_ms < BEHIND_MS;
}

static void want_row(struct errdb_pg *db, int64_t id)
{
    if (db->n_ids < ERRORS_KEPT)
        db->ids[db->n_ids++] = id;
}

/* Both lists ascend.  Rows that are not there any more are deleted, those in another version fetched. */
static void compare(struct errdb_pg *db, const PGresult *r)
{
    int at = 0;
    for (size_t i = 0; i < db->n_held; i++) {
        int64_t id = INT64_MIN, version = 0;
        while (at < PQntuples(r) && (!pg_int(r, at, SQL_HEAD, &id) || id < db->held[i]))
            at++;
        if (at == PQntuples(r) || id != db->held[i]) {
            errfeed_delete(db->feed, db->held[i]);
            continue;
        }
        if (pg_int(r, at, SQL_HEAD + 1, &version) && !errfeed_has(db->feed, id, (uint64_t)version))
            want_row(db, id);
    }
}

static size_t count_same(const struct errdb_pg *db, const PGresult *r)
{
    size_t n = 0;
    int64_t id, version;
    for (int i = 0; i < PQntuples(r); i++) {
        if (pg_int(r, i, SQL_HEAD, &id))
            n += !pg_int(r, i, SQL_HEAD + 1, &version) || errfeed_has(db->feed, id, (uint64_t)version);
    }
    return n;
}

static void settle_fall(struct errdb_pg *db, const struct head *h)
{
    if (db->has_top_fallen)
        errfeed_forget_above(db->feed, h->has_top ? h->top : INT64_MIN);
    if (db->has_forked) {
        errdb_pg_say(db, "the server lost transactions (failover or restore): read again");
        errfeed_doubt(db->feed);
        db->tail.w = h->w;
        db->full.w = h->w > FORK_XIDS ? h->w - FORK_XIDS : 0;
        errdb_pg_scan_start(db, &db->full);
        db->is_full_urgent = db->full.is_active;
    }
    db->has_top_fallen = db->has_forked = false;
    db->tail.top_before = h->has_top ? h->top : 0;
}

static void on_check(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    struct head h;
    if (!is_good(db, a, SQL_HEAD + 2))
        return;
    if (!take_head(db, a->rows[0], &h)) {
        misread(db);
        return;
    }
    bool is_alarm = db->has_top_fallen || db->has_forked;
    db->must_check = false;
    if (is_alarm && is_just_behind(db)) {
        errdb_pg_run(db);
        return;
    }
    if (is_alarm && db->n_held && !count_same(db, a->rows[0])) {
        replaced(db, "the table was replaced: its rows are read anew");
    } else {
        settle_fall(db, &h);
        compare(db, a->rows[0]);
        db->is_ticked = true;
    }
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

void errdb_pg_check_send(struct errdb_pg *db)
{
    struct buf sql = BUF_INIT(PG_SQL);
    struct pg_how how = errdb_pg_how(db);
    db->check_io_ms = clock_io_ms();
    db->n_held = errfeed_count(db->feed);
    for (size_t i = 0; i < db->n_held; i++)
        db->held[i] = errfeed_at(db->feed, i)->id;
    pg_sql_held(&sql, &how, db->held, db->n_held);
    send(db, &sql, on_check);
}

/* ---- keys ---- */

void errdb_pg_scan_start(struct errdb_pg *db, struct scan *s)
{
    if (s == &db->full) {
        db->full_io_ms = clock_io_ms();
        if (!errdb_pg_is_small(db))
            return; /* too much to ask of the server: may_miss says so */
    }
    s->is_active = s->is_first_page = true;
    s->floor = INT64_MIN;
}

static bool is_past(void *ctx, uint64_t stamp)
{
    const uint64_t *w = ctx;
    return (int32_t)((uint32_t)stamp - (uint32_t)*w) < 0;
}

/* A page and the rows that were new in it are there. */
static void advance(struct errdb_pg *db, struct scan *s)
{
    db->fetching_for = NULL;
    if (!s->is_active)
        return;
    s->floor = s->next_floor;
    s->is_first_page = false;
    if (!s->is_last_page)
        return;
    s->is_active = false;
    s->w = s->w_next;
    s->top_before = s->top;
    if (s == &db->full) {
        db->full_story_ms = clock_story_ms();
        db->is_full_urgent = false;
    }
    uint64_t w = db->tail.w < db->full.w ? db->tail.w : db->full.w;
    if (w)
        errfeed_settle(db->feed, is_past, &w);
}

static void take_keys(struct errdb_pg *db, struct scan *s, const PGresult *r)
{
    int n = PQntuples(r);
    int64_t id = s->floor, version, last = s->floor, chunk_n = 0;
    int n_keys = 0;
    for (int i = 0; i < n; i++) {
        if (!pg_int(r, i, SQL_ID, &id))
            continue;
        n_keys++;
        if (!pg_int(r, i, SQL_VERSION, &version) || !errfeed_has(db->feed, id, (uint64_t)version))
            want_row(db, id);
        last = id;
    }
    s->next_floor = last;
    s->is_last_page = n_keys < ERRDB_PAGE;
    if (s != &db->full || n_keys == ERRDB_PAGE)
        return;
    if (pg_int(r, 0, SQL_LAST, &last))
        s->next_floor = last;
    s->is_last_page = !pg_int(r, 0, SQL_N, &chunk_n) || chunk_n < s->chunk;
    if (clock_io_ms() - db->sent_io_ms < 300 && s->chunk < CHUNK_MOST)
        s->chunk *= 2;
}

static void on_keys(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    struct scan *s = db->fetching_for;
    struct head h;
    if (text_eq(a->sqlstate, "57014") && s == &db->full && s->chunk > CHUNK_LEAST)
        s->chunk /= 2;
    if (!is_good(db, a, SQL_VERSION + 1))
        return;
    if (!take_head(db, a->rows[0], &h)) {
        misread(db);
        return;
    }
    if (has_fallen(db, &h)) {
        db->fetching_for = NULL;
        errdb_pg_run(db);
        return;
    }
    if (s->is_first_page) {
        s->w_next = h.w;
        s->top = h.has_top ? h.top : 0;
    }
    take_keys(db, s, a->rows[0]);
    errdb_pg_proved(db);
    if (!db->n_ids)
        advance(db, s);
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

void errdb_pg_scan_send(struct errdb_pg *db, struct scan *s)
{
    struct buf sql = BUF_INIT(PG_SQL);
    struct pg_how how = errdb_pg_how(db);
    struct pg_keys k = { .floor = s->floor, .top_before = s->top_before, .w = s->w,
                         .chunk = s == &db->full ? s->chunk : 0 };
    if (s == &db->tail && s->is_first_page) {
        int64_t now = clock_io_ms();
        db->is_fresh_round = db->tail_io_ms != TIME_NONE && now - db->tail_io_ms < FRESH_MS;
        db->tail_io_ms = now;
    }
    db->fetching_for = s;
    pg_sql_keys(&sql, &how, &k);
    send(db, &sql, on_keys);
}

/* ---- rows ---- */

/* Large rows on a slow link must not run into the deadline page after page. */
static void adapt_page(struct errdb_pg *db, const struct pg_answer *a)
{
    int64_t took = clock_io_ms() - db->sent_io_ms;
    if (a->e.code == ERR_TIMEOUT || (!a->e.code && took > ANSWER_MS / 4))
        db->page_rows = db->page_rows / 2 > PAGE_LEAST ? db->page_rows / 2 : PAGE_LEAST;
    else if (!a->e.code && took < ANSWER_MS / 20)
        db->page_rows = db->page_rows * 2 < ERRDB_PAGE ? db->page_rows * 2 : ERRDB_PAGE;
}

static bool take_row(struct errdb_pg *db, const PGresult *r, int at, int column, bool is_fresh,
                     int64_t *newest_ms)
{
    struct errdb_value v[ERRDB_VALUES];
    struct pg_how how = errdb_pg_how(db);
    struct error_row *row = NULL;
    struct err e;
    for (int i = 0; i < ERRDB_VALUES; i++)
        v[i] = (struct errdb_value){ PQgetisnull(r, at, column + i) ? NULL : PQgetvalue(r, at, column + i),
                                     (size_t)PQgetlength(r, at, column + i) };
    if (!v[0].p)
        return true; /* an outer join without a row */
    if (errdb_decode_row(v, pg_is_zoned(&how), &row, &e)) {
        log_put(LOG_WARN, "errors", "%s", e.text);
        return false;
    }
    row->received_ms = clock_story_ms();
    row->is_fresh = is_fresh;
    int64_t at_ms = row->local_ms == TIME_NONE || row->is_zoned ? row->local_ms
                                                                : row->local_ms - db->zone_ms;
    if (at_ms > *newest_ms)
        *newest_ms = at_ms;
    errfeed_put(db->feed, row);
    return true;
}

static bool take_rows(struct errdb_pg *db, const PGresult *r, int column, bool is_fresh,
                        int64_t *newest_ms)
{
    int n = PQntuples(r);
    int64_t first = 0, last = 0;
    (void)pg_int(r, 0, column, &first);
    (void)pg_int(r, n - 1, column, &last);
    for (int i = 0; i < n; i++) { /* oldest first, whichever way they come */
        if (!take_row(db, r, first > last ? n - 1 - i : i, column, is_fresh, newest_ms))
            return false;
    }
    return true;
}

static void on_rows(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    int64_t newest = INT64_MIN;
    adapt_page(db, a);
    if (!is_good(db, a, ERRDB_VALUES))
        return;
    bool is_fresh = db->fetching_for == &db->tail && db->is_fresh_round;
    if (PQntuples(a->rows[0]) && !take_rows(db, a->rows[0], 0, is_fresh, &newest)) {
        misread(db);
        return;
    }
    db->n_ids -= db->n_asked;
    memmove(db->ids, db->ids + db->n_asked, db->n_ids * sizeof *db->ids);
    db->n_asked = 0;
    if (!db->n_ids && db->fetching_for)
        advance(db, db->fetching_for);
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

void errdb_pg_rows_send(struct errdb_pg *db)
{
    struct buf sql = BUF_INIT(PG_SQL);
    struct pg_how how = errdb_pg_how(db);
    db->n_asked = db->n_ids < (size_t)db->page_rows ? db->n_ids : (size_t)db->page_rows;
    pg_sql_rows(&sql, &how, db->ids, db->n_asked);
    send(db, &sql, on_rows);
}

/* ---- the first page, and older ones ---- */

static void begin_rounds(struct errdb_pg *db, const struct head *h)
{
    db->has_first = true;
    db->tail.w = db->full.w = h->w;
    db->tail.top_before = h->has_top ? h->top : 0;
    db->full_io_ms = db->check_io_ms = clock_io_ms();
    db->tail_io_ms = clock_io_ms();
    if (!db->spec.is_once)
        loop_timer_set(db->loop, &db->tick, TICK_MS);
}

static void on_page(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    struct head h;
    int64_t newest = INT64_MIN;
    int asked = db->page_rows;
    adapt_page(db, a);
    if (!is_good(db, a, SQL_HEAD + ERRDB_VALUES))
        return;
    const PGresult *r = a->rows[0];
    int n = PQntuples(r);
    if (!take_head(db, r, &h) || !take_rows(db, r, SQL_HEAD, false, &newest)) {
        misread(db);
        return;
    }
    if (!db->has_first)
        begin_rounds(db, &h);
    bool is_old = newest != INT64_MIN && db->spec.back_ms > 0 &&
                  newest < clock_story_ms() - db->spec.back_ms;
    db->is_backing = n == asked && db->spec.back_ms != 0 && !is_old;
    (void)pg_int(r, n - 1, SQL_HEAD, &db->before);
    errdb_pg_proved(db);
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

void errdb_pg_page_send(struct errdb_pg *db)
{
    struct buf sql = BUF_INIT(PG_SQL);
    struct pg_how how = errdb_pg_how(db);
    pg_sql_page(&sql, &how, db->has_first ? db->before : INT64_MAX, db->page_rows);
    send(db, &sql, on_page);
}
