/*
 * The loop's side: what to read next.  The worker's side (errdb_sqlite_read.c) reads it.
 *
 *   look -> first page -> older pages -> check -> rest -> look (moved?) -> pass -> check ...
 *
 * One job is under way at a time; the next is chosen from what the last one found.  A pass reads
 * the last ERRDB_WINDOW ids, and all that came since the last pass; a full one, at most once a
 * minute and never for more than a twentieth of the time, reads as far back as was ever read: a row
 * that is resolved long after it was written is an update of an old id.  A check finds which of the
 * held rows are gone.
 *
 * Rejected: the update hook (sees its own connection alone), inotify (blind on network disks),
 * a transaction kept open (holds up the writers' checkpoint).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/sources/errdb_internal.h"
#include "core/sources/errdb_sqlite_call.h"
#include "core/sources/errdb_sqlite_read.h"

enum {
    POLL_MS = 1000, FULL_MS = 60000, FULL_SHARE = 20, STALE_MS = 15000, SLACK_MS = 14 * 3600000
};

enum what { READ_LOOK, READ_FIRST, READ_OLDER, READ_PASS, READ_CHECK };

struct read { /* a job; what is above the line is set before it starts */
    struct errdb_sqlite *db; /* the loop's thread only */
    struct sqlite_reader *reader;
    enum what what;
    bool is_forced; /* look: as if it had moved */
    int64_t *ids; /* check: the held ones; then those that are gone */
    size_t n_ids;
    int64_t steps_from;

    struct err e;
    struct sqlite_look look;
    struct sqlite_page page;
    struct sqlite_steps steps;
    uint64_t statements;
};

struct errdb_sqlite {
    struct loop *loop;
    struct worker *worker;
    struct sqlite_reader *reader;
    struct errfeed *feed;
    struct feed_hooks hooks;
    void (*on_state)(void *ctx);
    int64_t back_ms;
    bool is_once, is_zone_given, is_ours; /* ours: the table is one that we make, whose times are UTC */
    struct loop_timer timer;
    struct backoff backoff;
    uint64_t job; /* 0 = none */
    struct sqlite_calls calls;

    bool is_synced, is_from_beginning, owes_pass, owes_full;
    int64_t floor; /* lowest id that was read */
    int64_t cursor;
    int64_t fresh_above; /* ids above it are new since the last pass */
    bool is_full, is_after_gap; /* of this pass */
    int64_t pass_began_ms, full_due_ms; /* io clock */

    struct errdb_state state;
    struct sqlite_steps steps;
    char source[256], text[300], zone_text[80], zone_note[160];
};

static void start(struct errdb_sqlite *db, enum what what);

/* ---- state ---- */

static void tell(struct errdb_sqlite *db)
{
    db->state.health.objects = (int64_t)errfeed_count(db->feed);
    if (db->on_state)
        db->on_state(db->hooks.ctx);
}

static void set_health(struct errdb_sqlite *db, enum source_state s, const char *text)
{
    if (db->state.health.state != s)
        db->state.health.since_ms = clock_story_ms();
    db->state.health.state = s;
    snprintf(db->text, sizeof db->text, "%s", text);
}

static void rest(struct errdb_sqlite *db, int64_t ms)
{
    db->state.health.retry_ms = TIME_NONE;
    if (!db->is_once)
        loop_timer_set(db->loop, &db->timer, ms);
}

static void proved(struct errdb_sqlite *db)
{
    backoff_reset(&db->backoff);
    db->state.health.proved_ms = clock_story_ms();
    set_health(db, SOURCE_LIVE, db->zone_note);
}

static enum source_state first_failure(const struct err *e)
{
    bool has_file = e->code == ERR_NOTFOUND && !e->native; /* no errno: it is the table */
    return e->code == ERR_FORBIDDEN ? SOURCE_FORBIDDEN : has_file ? SOURCE_ABSENT : SOURCE_FAILED;
}

/* What was under way begins anew: the next look is as if the table had moved. */
static void fail(struct errdb_sqlite *db, const struct err *e)
{
    int64_t now = clock_story_ms(), delay = backoff_next_ms(&db->backoff);
    struct source_health *h = &db->state.health;
    bool was_live = h->state == SOURCE_LIVE || h->state == SOURCE_STALE;
    db->owes_pass = true;
    if (e->code == ERR_BUSY && h->state == SOURCE_LIVE && now - h->proved_ms < STALE_MS)
        set_health(db, SOURCE_LIVE, e->text);
    else
        set_health(db, was_live ? SOURCE_STALE : first_failure(e), e->text);
    loop_timer_set(db->loop, &db->timer, delay); /* also of a single reading: until it is done */
    h->retry_ms = now + delay;
    tell(db);
}

static void say_zone(struct errdb_sqlite *db, int64_t zone_ms, const char *why)
{
    db->state.is_zone_sure = !text_eq(why, "assumed");
    int64_t minutes = (zone_ms < 0 ? -zone_ms : zone_ms) / 60000;
    db->state.zone_ms = zone_ms;
    if (minutes)
        snprintf(db->zone_text, sizeof db->zone_text, "UTC%c%02d:%02d (%s)",
                 zone_ms < 0 ? '-' : '+', (int)(minutes / 60), (int)(minutes % 60), why);
    else
        snprintf(db->zone_text, sizeof db->zone_text, "UTC (%s)", why);
}

static void on_zone(void *ctx, int64_t zone_ms, int n_rows)
{
    struct errdb_sqlite *db = ctx;
    char why[48];
    if (db->is_ours) /* a failure that was delivered late would make a zone of its delay */
        return;
    snprintf(why, sizeof why, "measured from %d rows", n_rows);
    say_zone(db, zone_ms, why);
    if (db->hooks.on_zone)
        db->hooks.on_zone(db->hooks.ctx, zone_ms, n_rows);
}

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before)
{
    struct errdb_sqlite *db = ctx;
    if (db->hooks.on_event)
        db->hooks.on_event(db->hooks.ctx, ev, row, before);
}

/* ---- what the jobs have found ---- */

/* Enough of the older pages?  The zone is not known for sure yet: half a day more does no harm. */
static bool is_far_enough(const struct errdb_sqlite *db, const struct sqlite_page *p)
{
    if (db->is_from_beginning || db->back_ms == 0)
        return true;
    int64_t limit = clock_story_ms() - db->back_ms - SLACK_MS;
    for (size_t i = 0; i < p->n && db->back_ms > 0; i++) {
        if (p->rows[i]->local_ms != TIME_NONE && p->rows[i]->local_ms < limit)
            return true;
    }
    return false;
}

static void put_rows(struct errdb_sqlite *db, struct sqlite_page *p, bool is_tail)
{
    int64_t now = clock_story_ms();
    for (size_t i = 0; i < p->n; i++) { /* ascending, whichever way the page goes */
        struct error_row *row = p->rows[p->is_down ? p->n - 1 - i : i];
        row->received_ms = now;
        row->is_fresh = is_tail && !db->is_after_gap && row->id > db->fresh_above;
        errfeed_put(db->feed, row);
    }
    p->n = 0;
}

static void took_older(struct errdb_sqlite *db, struct sqlite_page *p)
{
    db->is_from_beginning = p->n < ERRDB_PAGE;
    bool is_enough = is_far_enough(db, p);
    int64_t oldest = TIME_NONE;
    if (p->n) {
        db->floor = db->cursor = p->rows[p->n - 1]->id;
        const struct error_row *last = p->rows[p->n - 1];
        oldest = last->local_ms == TIME_NONE ? TIME_NONE
                 : last->is_zoned            ? last->local_ms
                                             : last->local_ms - db->state.zone_ms;
    }
    db->state.look_from_ms = db->is_from_beginning ? TIME_NONE : oldest;
    put_rows(db, p, false);
    if (!is_enough) {
        tell(db);
        start(db, READ_OLDER);
        return;
    }
    if (db->is_from_beginning)
        db->floor = INT64_MIN;
    db->is_synced = true;
    db->owes_pass = false;
    db->fresh_above = errfeed_top(db->feed);
    start(db, READ_CHECK);
}

static void took_pass(struct errdb_sqlite *db, struct sqlite_page *p)
{
    bool is_last = p->n < ERRDB_PAGE;
    if (p->n)
        db->cursor = p->rows[p->n - 1]->id;
    put_rows(db, p, true);
    if (!is_last) {
        start(db, READ_PASS);
        return;
    }
    db->fresh_above = errfeed_top(db->feed);
    if (db->is_full) {
        int64_t now = clock_io_ms(), took = now - db->pass_began_ms;
        db->state.full_scan_ms = clock_story_ms();
        db->full_due_ms = now + (took * FULL_SHARE > FULL_MS ? took * FULL_SHARE : FULL_MS);
        db->owes_full = false;
    }
    start(db, READ_CHECK);
}

static void took_check(struct errdb_sqlite *db, struct read *r)
{
    for (size_t i = 0; i < r->n_ids; i++)
        errfeed_delete(db->feed, r->ids[i]);
    sqlite_steps_release(&db->steps);
    db->steps = r->steps;
    db->state.steps_version++;
    r->steps = (struct sqlite_steps){ 0 };
    db->owes_pass = false;
    db->state.is_synced = true; /* steps included: whoever reads once has all then */
    proved(db);
    rest(db, POLL_MS);
    tell(db);
}

/* Lower bound of a pass: the window, all that came after the last pass, nothing that was never
 * asked for. */
static int64_t pass_from(const struct errdb_sqlite *db, int64_t top)
{
    int64_t lowest = db->floor == INT64_MIN ? INT64_MIN : db->floor - 1;
    int64_t window = top < INT64_MIN + ERRDB_WINDOW ? INT64_MIN : top - ERRDB_WINDOW;
    int64_t from = window < db->fresh_above ? window : db->fresh_above;
    return db->is_full || from < lowest ? lowest : from;
}

static void took_look(struct errdb_sqlite *db, const struct sqlite_look *l)
{
    db->state.has_steps = l->shape.has_steps;
    db->state.missing = l->shape.missing;
    db->is_ours = l->shape.is_ours && !db->is_zone_given;
    if (db->is_ours)
        say_zone(db, 0, "own table");
    if (!db->is_synced) {
        db->cursor = INT64_MAX;
        db->is_after_gap = false;
        start(db, READ_FIRST);
        return;
    }
    if (!l->has_moved) {
        proved(db);
        rest(db, POLL_MS);
        tell(db);
        return;
    }
    if (l->is_empty)
        errfeed_forget(db->feed);
    else if (l->top < errfeed_top(db->feed))
        errfeed_forget_above(db->feed, l->top); /* SQLite gives those ids out again */
    if (errfeed_top(db->feed) < db->fresh_above)
        db->fresh_above = l->is_empty ? 0 : l->top;
    db->is_after_gap = l->is_reopened;
    db->is_full = l->is_reopened || clock_io_ms() >= db->full_due_ms;
    db->owes_full = true; /* until a full pass has seen this change */
    db->pass_began_ms = clock_io_ms();
    db->cursor = pass_from(db, l->is_empty ? 0 : l->top);
    start(db, READ_PASS);
}

/* ---- jobs ---- */

static void read_free(void *ctx)
{
    struct read *r = ctx;
    for (size_t i = 0; i < r->page.n; i++)
        error_row_unref(r->page.rows[i]);
    sqlite_steps_release(&r->steps);
    sqlite_reader_unref(r->reader);
    free(r->ids);
    free(r);
}

static void read_work(void *ctx)
{
    struct read *r = ctx;
    struct sqlite_reader *reader = r->reader;
    uint64_t before = reader->statements;
    enum err_code rc = ERR_OK;
    switch (r->what) {
    case READ_LOOK:
        if (r->is_forced)
            reader->version = -1;
        rc = sqlite_look(reader, &r->look, &r->e);
        break;
    case READ_FIRST:
    case READ_OLDER:
    case READ_PASS:
        rc = sqlite_read_page(reader, &r->page, &r->e);
        break;
    case READ_CHECK:
        rc = sqlite_read_gone(reader, r->ids, &r->n_ids, &r->e);
        if (!rc && reader->shape.has_steps)
            rc = sqlite_read_steps(reader, r->steps_from, r->page.zone_ms, &r->steps, &r->e);
        break;
    }
    r->e.code = rc;
    r->statements = reader->statements - before;
}

static void read_done(void *ctx)
{
    struct read *r = ctx;
    struct errdb_sqlite *db = r->db;
    db->job = 0;
    db->state.statements += r->statements;
    if (r->e.code) {
        fail(db, &r->e);
    } else if (r->what == READ_LOOK) {
        took_look(db, &r->look);
    } else if (r->what == READ_PASS) {
        took_pass(db, &r->page);
    } else if (r->what == READ_CHECK) {
        took_check(db, r);
    } else {
        if (r->what == READ_FIRST)
            proved(db);
        took_older(db, &r->page);
    }
    read_free(r);
}

static void list_held(struct errdb_sqlite *db, struct read *r)
{
    r->n_ids = errfeed_count(db->feed);
    r->ids = x_calloc(r->n_ids, sizeof *r->ids);
    for (size_t i = 0; i < r->n_ids; i++)
        r->ids[i] = errfeed_at(db->feed, i)->id;
    r->steps_from = r->n_ids ? r->ids[0] : 0;
}

static void start(struct errdb_sqlite *db, enum what what)
{
    struct read *r = x_calloc(1, sizeof *r);
    r->db = db;
    r->reader = sqlite_reader_ref(db->reader);
    r->what = what;
    r->is_forced = db->owes_pass || (db->owes_full && clock_io_ms() >= db->full_due_ms);
    r->page.zone_ms = db->state.zone_ms;
    r->page.from = db->cursor;
    r->page.is_down = what == READ_FIRST || what == READ_OLDER;
    if (what == READ_CHECK)
        list_held(db, r);
    db->job = worker_do(db->worker, &(struct worker_job){
        .work = read_work, .done = read_done, .drop = read_free, .ctx = r });
    if (!db->job) {
        struct err e = { 0 };
        read_free(r);
        err_set(&e, ERR_BUSY, 0, "too much waits for the disk");
        fail(db, &e);
    }
}

static void on_timer(void *ctx)
{
    start(ctx, READ_LOOK);
}

static void look_now(void *impl)
{
    struct errdb_sqlite *db = impl;
    if (loop_timer_is_set(&db->timer)) /* else a job is under way, or all is read */
        loop_timer_set(db->loop, &db->timer, 0);
}

/* ---- fetch and write ---- */

static void *fetch(void *impl, int64_t id, void (*on_done)(void *ctx, const struct errdb_record *r),
                   void *ctx)
{
    struct errdb_sqlite *db = impl;
    return sqlite_calls_fetch(&db->calls, id, on_done, ctx);
}

static void *write_change(void *impl, const struct errdb_change *change,
                          void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx)
{
    struct errdb_sqlite *db = impl;
    return sqlite_calls_write(&db->calls, db->state.zone_ms, change, on_done, ctx);
}

static void cancel(void *call)
{
    sqlite_call_cancel(call);
}

/* ---- the rest of the contract ---- */

static void close_work(void *ctx)
{
    sqlite_reader_close(ctx);
}

static void close_over(void *ctx)
{
    sqlite_reader_unref(ctx);
}

static void close_db(void *impl)
{
    struct errdb_sqlite *db = impl;
    sqlite_calls_end(&db->calls);
    loop_timer_stop(db->loop, &db->timer);
    if (db->job)
        worker_cancel(db->worker, db->job);
    const struct worker_job end = { .work = close_work, .done = close_over, .drop = close_over,
                                    .ctx = db->reader };
    if (!worker_do(db->worker, &end))
        sqlite_reader_unref(db->reader);
    errfeed_free(db->feed);
    sqlite_steps_release(&db->steps);
    free(db);
}

static void get_state(const void *impl, struct errdb_state *out)
{
    const struct errdb_sqlite *db = impl;
    *out = db->state;
    out->health.text = db->text;
    out->zone_text = db->zone_text;
    out->source = db->source;
}

static const struct errfeed *get_feed(const void *impl)
{
    return ((const struct errdb_sqlite *)impl)->feed;
}

static const struct error_done *get_steps(const void *impl, int64_t id)
{
    return sqlite_steps_find(&((const struct errdb_sqlite *)impl)->steps, id);
}

static const struct errdb_ops ops = {
    .close = close_db, .retry = look_now, .doubt = look_now, .state = get_state, .feed = get_feed,
    .steps = get_steps, .fetch = fetch, .write = write_change, .cancel = cancel,
};

enum err_code errdb_sqlite_open(struct loop *l, struct worker *w, const struct errdb_spec *spec,
                                const struct errdb_ops **out_ops, void **impl, struct err *e)
{
    const char *path = spec->place;
    int64_t zone_ms = 0;
    if (!text_skip(&path, "sqlite://") || !path[0])
        return err_set(e, ERR_CONFIG, 0, "\"%s\" names no file: sqlite:///abs/path", spec->place);
    struct errdb_sqlite *db = x_calloc(1, sizeof *db);
    bool is_zone_known = spec->timezone && sqlite_parse_zone(spec->timezone, &zone_ms);
    struct feed_hooks hooks = { .on_event = on_event, .ctx = db };
    hooks.on_zone = is_zone_known ? NULL : on_zone;
    db->loop = l;
    db->worker = w;
    db->reader = sqlite_reader_new(path);
    db->calls = (struct sqlite_calls){ .loop = l, .worker = w, .reader = db->reader, .on_written = look_now, .ctx = db };
    db->feed = errfeed_new(spec->rules, &hooks);
    db->hooks = spec->feed;
    db->on_state = spec->on_state;
    db->back_ms = spec->back_ms;
    db->is_once = spec->is_once;
    db->timer = (struct loop_timer){ .fn = on_timer, .ctx = db };
    db->backoff = (struct backoff){ .first_ms = POLL_MS, .most_ms = 15000 };
    db->full_due_ms = clock_io_ms() + FULL_MS;
    db->state = (struct errdb_state){
        .health = { .name = "errors", .since_ms = clock_story_ms(), .proved_ms = TIME_NONE,
                    .retry_ms = TIME_NONE },
        .skew_ms = TIME_NONE, .look_from_ms = TIME_NONE, .held_back_ms = TIME_NONE,
        .full_scan_ms = TIME_NONE, .sequence_percent = -1,
    };
    snprintf(db->source, sizeof db->source, "sqlite %s", path);
    db->is_zone_given = spec->timezone != NULL;
    say_zone(db, zone_ms, is_zone_known ? "config" : "assumed");
    if (spec->timezone && !is_zone_known)
        snprintf(db->zone_note, sizeof db->zone_note,
                 "timezone \"%.40s\": of an SQLite table it is \"UTC\" or an offset like "
                 "\"+02:00\"; it is measured",
                 spec->timezone);
    loop_timer_set(l, &db->timer, 0);
    *out_ops = &ops;
    *impl = db;
    return ERR_OK;
}
