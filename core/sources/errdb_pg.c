#include "core/sources/errdb_pg_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"

static bool is_due(int64_t since_io_ms, int64_t period_ms)
{
    return since_io_ms == TIME_NONE || clock_io_ms() - since_io_ms >= period_ms;
}

void errdb_pg_tell(struct errdb_pg *db)
{
    if (db->spec.on_state)
        db->spec.on_state(db->spec.feed.ctx);
}

static void set_state(struct errdb_pg *db, enum source_state s, const char *text)
{
    if (s != db->state) {
        db->state = s;
        db->since_ms = clock_story_ms();
        log_put(LOG_INFO, "errors", "%s%s%s", source_state_name(s), *text ? ": " : "", text);
    }
    snprintf(db->text, sizeof db->text, "%s", text);
}

static bool was_live(const struct errdb_pg *db)
{
    return db->proved_ms != TIME_NONE;
}

void errdb_pg_proved(struct errdb_pg *db)
{
    db->proved_ms = clock_story_ms();
    set_state(db, SOURCE_LIVE, "");
}

void errdb_pg_say(struct errdb_pg *db, const char *notice)
{
    snprintf(db->notice, sizeof db->notice, "%s", notice);
    db->notice_io_ms = clock_io_ms();
    log_put(LOG_WARN, "errors", "%s", notice);
}

/* ---- failures ---- */

static void explain(const struct errdb_pg *db, const struct err *e, const char *sqlstate, char *out,
                    size_t room)
{
    if (text_eq(sqlstate, "42P01"))
        snprintf(out, room, "no table deployment_errors in database %s (bakewatch errors init makes it)",
                 db->shape.database);
    else if (text_eq(sqlstate, "55P03"))
        snprintf(out, room, "the table is locked by another transaction");
    else if (text_eq(sqlstate, "57014"))
        snprintf(out, room, "the server was too slow: %s", e->text);
    else if (text_eq(sqlstate, "42501"))
        snprintf(out, room, "not allowed: %s", e->text);
    else
        snprintf(out, room, "%s", e->text);
}

void errdb_pg_failed(struct errdb_pg *db, const struct err *e, const char *sqlstate)
{
    char text[sizeof db->text];
    bool is_busy = e->code == ERR_BUSY || e->code == ERR_TIMEOUT;
    bool is_encoding = text_eq(sqlstate, "22021") || text_eq(sqlstate, "22P05");
    explain(db, e, sqlstate, text, sizeof text);
    if (!is_encoding || db->is_raw)
        set_state(db, was_live(db)                 ? SOURCE_STALE /* what we hold is old, whatever the reason */
                      : text_eq(sqlstate, "42501") ? SOURCE_FORBIDDEN
                      : text_eq(sqlstate, "42P01") ? SOURCE_ABSENT
                      : is_busy                     ? SOURCE_WAITING
                                                    : SOURCE_FAILED,
                  text);
    db->n_ids = db->n_asked = 0;
    db->fetching_for = NULL;
    db->is_looked &= is_busy || is_encoding;
    db->is_paused = true;
    loop_timer_set(db->loop, &db->pause, is_encoding && !db->is_raw ? 0 : is_busy ? 1000 : 3000);
    db->is_raw |= is_encoding; /* what the server cannot convert is taken as it is */
    errdb_pg_tell(db);
}

static void on_pause(void *ctx)
{
    struct errdb_pg *db = ctx;
    db->is_paused = false;
    if (db->has_first) {
        db->is_ticked = true;
        db->tail.is_active = false;
    }
    errdb_pg_run(db);
}

static void on_up(void *ctx)
{
    struct errdb_pg *db = ctx;
    errdb_pg_up(db);
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

static void on_down(void *ctx)
{
    struct errdb_pg *db = ctx;
    struct pg_link_state s = pg_link_state(db->link);
    errdb_pg_lost(db);
    set_state(db, was_live(db) ? SOURCE_STALE : s.has_more ? SOURCE_WAITING : SOURCE_FAILED, s.e.text);
    errdb_pg_tell(db);
}

static void on_notify(void *ctx)
{
    struct errdb_pg *db = ctx;
    if (!db->has_first || db->is_paused)
        return;
    int64_t since = clock_io_ms() - db->tail_io_ms;
    loop_timer_set(db->loop, &db->tick, since < 200 ? 200 - since : 0); /* a storm is one hint */
}

static void on_tick(void *ctx)
{
    struct errdb_pg *db = ctx;
    db->is_ticked = true;
    if (is_due(db->rate_io_ms, 10000)) {
        uint64_t n = pg_link_state(db->link).statements;
        if (db->rate_io_ms != TIME_NONE)
            db->rate = (double)(n - db->rate_statements) * 1000.0 /
                       (double)(clock_io_ms() - db->rate_io_ms);
        db->rate_statements = n;
        db->rate_io_ms = clock_io_ms();
    }
    errdb_pg_run(db);
}

/* ---- the zone of times without one ---- */

static void zone_words(int64_t ms, char out[32])
{
    int64_t m = (ms < 0 ? -ms : ms) / 60000;
    if (ms)
        snprintf(out, 32, "UTC%c%02" PRId64 ":%02" PRId64, ms < 0 ? '-' : '+', m / 60, m % 60);
    else
        snprintf(out, 32, "UTC");
}

static bool parse_offset(const char *s, int64_t *out_ms)
{
    int64_t h, m = 0;
    if (text_eq_fold(s, "UTC") || text_eq(s, "Z")) {
        *out_ms = 0;
        return true;
    }
    if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':' || !text_to_int(s + 1, 2, 0, 15, &h) ||
        !text_to_int(s + 4, 2, 0, 59, &m))
        return false;
    *out_ms = (h * 3600000 + m * 60000) * (*s == '-' ? -1 : 1);
    return true;
}

void errdb_pg_set_zone(struct errdb_pg *db)
{
    char words[32], measured[32], differs[80] = "";
    struct pg_how how;
    if (db->zone == ZONE_SERVER && db->measured_ms != TIME_NONE)
        db->zone = ZONE_MEASURED;
    if (db->zone == ZONE_MEASURED)
        db->zone_ms = db->measured_ms;
    if (db->zone == ZONE_SERVER || db->zone == ZONE_NAME)
        db->zone_ms = db->shape.zone_name_ms;
    how = errdb_pg_how(db);
    zone_words(db->zone_ms, words);
    zone_words(db->measured_ms == TIME_NONE ? 0 : db->measured_ms, measured);
    if (db->measured_ms != TIME_NONE && db->measured_ms != db->zone_ms)
        snprintf(differs, sizeof differs, "; the last %" PRId64 " rows say %s", db->zone_rows, measured);
    if (db->zone != ZONE_NAME && db->is_looked && pg_is_zoned(&how))
        snprintf(db->zone_text, sizeof db->zone_text, "UTC (the column has a zone)");
    else if (db->zone == ZONE_MEASURED)
        snprintf(db->zone_text, sizeof db->zone_text, "%s (measured from %" PRId64 " rows)", words,
                 db->zone_rows);
    else if (db->zone == ZONE_OFFSET)
        snprintf(db->zone_text, sizeof db->zone_text, "%s (config%s)", words, differs);
    else if (db->zone == ZONE_NAME)
        snprintf(db->zone_text, sizeof db->zone_text, "%s (config)", db->spec.timezone);
    else if (db->is_looked)
        snprintf(db->zone_text, sizeof db->zone_text, "%s (the server's %s, not measured yet)", words,
                 db->shape.zone_name);
}

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before)
{
    struct errdb_pg *db = ctx;
    if (db->spec.feed.on_event)
        db->spec.feed.on_event(db->spec.feed.ctx, ev, row, before);
}

static void on_zone(void *ctx, int64_t zone_ms, int n_rows)
{
    struct errdb_pg *db = ctx;
    db->measured_ms = zone_ms;
    db->zone_rows = n_rows;
    errdb_pg_set_zone(db);
    if (db->spec.feed.on_zone)
        db->spec.feed.on_zone(db->spec.feed.ctx, zone_ms, n_rows);
}

/* ---- the ops ---- */

static void op_close(void *impl)
{
    struct errdb_pg *db = impl;
    loop_timer_stop(db->loop, &db->tick);
    loop_timer_stop(db->loop, &db->pause);
    pg_link_free(db->link);
    errdb_pg_calls_free(db);
    errfeed_free(db->feed);
    pg_shape_release(&db->shape);
    arena_release(&db->steps_arena);
    free(db->steps);
    free(db->ids);
    free(db->held);
    free((char *)(uintptr_t)db->spec.timezone);
    free(db);
}

static void op_retry(void *impl)
{
    struct errdb_pg *db = impl;
    pg_link_retry(db->link);
    if (db->is_paused)
        loop_timer_set(db->loop, &db->pause, 0);
}

/* A connection that slept proves itself by its answer to the tail within the deadline. */
static void op_doubt(void *impl)
{
    struct errdb_pg *db = impl;
    if (was_live(db) && db->state == SOURCE_LIVE)
        set_state(db, SOURCE_STALE, "was suspended: asking");
    if (db->has_first)
        loop_timer_set(db->loop, &db->tick, 0);
    op_retry(db);
    errdb_pg_tell(db);
}

static int64_t sequence_percent(const struct errdb_pg *db)
{
    int64_t last = db->shape.sequence_last > db->top ? db->shape.sequence_last : db->top;
    return db->is_looked && db->shape.id_most && last >= 0 ? last * 100 / db->shape.id_most : -1;
}

static int64_t look_from(const struct errdb_pg *db)
{
    if (db->spec.back_ms < 0)
        return TIME_NONE;
    if (db->spec.back_ms > 0)
        return clock_story_ms() - db->spec.back_ms;
    const struct error_row *oldest = errfeed_count(db->feed) ? errfeed_at(db->feed, 0) : NULL;
    if (!oldest || oldest->local_ms == TIME_NONE)
        return TIME_NONE;
    return oldest->local_ms - (oldest->is_zoned ? 0 : db->zone_ms);
}

static void op_state(const void *impl, struct errdb_state *out)
{
    const struct errdb_pg *db = impl;
    struct pg_link_state link = pg_link_state(db->link);
    bool has_notice = *db->notice && !is_due(db->notice_io_ms, NOTICE_MS);
    bool is_held_back = db->stuck_ms != TIME_NONE && clock_story_ms() - db->stuck_ms >= HELD_BACK_MS;
    *out = (struct errdb_state){
        .health = { .name = "errors", .state = db->state, .since_ms = db->since_ms,
                    .proved_ms = db->proved_ms, .retry_ms = link.retry_ms,
                    .text = *db->text ? db->text : has_notice ? db->notice : "",
                    .objects = errfeed_totals(db->feed).n,
                    .audit_ms = errdb_pg_is_small(db) ? FULL_MS : 0, .requests_per_s = db->rate },
        .is_synced = db->has_first && !db->is_backing,
        .source = link.source,
        .zone_ms = db->zone_ms,
        .zone_text = db->zone_text,
        .skew_ms = db->skew_ms,
        .look_from_ms = look_from(db),
        .has_steps = db->shape.has_steps, .has_notify = db->is_listening, .is_pooled = db->is_pooled,
        .is_replica = db->shape.is_replica,
        .may_miss = db->is_looked && (!db->shape.has_watermark || !errdb_pg_is_small(db)),
        .missing = db->shape.missing,
        .held_back_ms = is_held_back ? db->stuck_ms : TIME_NONE,
        .full_scan_ms = db->full_story_ms,
        .sequence_percent = sequence_percent(db),
        .steps_version = db->steps_hash,
        .is_zone_sure = db->zone != ZONE_SERVER || (db->is_looked && pg_is_zoned(&(struct pg_how){ .shape = &db->shape })),
        .statements = link.statements,
    };
}

static const struct errfeed *op_feed(const void *impl)
{
    return ((const struct errdb_pg *)impl)->feed;
}

static const struct error_done *op_steps(const void *impl, int64_t id)
{
    const struct errdb_pg *db = impl;
    size_t lo = 0, hi = db->n_steps;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (db->steps[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < db->n_steps && db->steps[lo].id == id ? db->steps[lo].done : NULL;
}

static const struct errdb_ops ops = {
    .close = op_close, .retry = op_retry, .doubt = op_doubt, .state = op_state, .feed = op_feed,
    .steps = op_steps, .fetch = errdb_pg_fetch, .write = errdb_pg_write, .cancel = errdb_pg_cancel,
};

enum err_code errdb_pg_open(struct loop *l, struct worker *w, const struct errdb_spec *spec,
                            const struct errdb_ops **out_ops, void **impl, struct err *e)
{
    struct errdb_pg *db = x_calloc(1, sizeof *db);
    struct pg_link_spec link = { .place = spec->place, .on_up = on_up, .on_down = on_down,
                                 .on_notify = on_notify, .ctx = db };
    struct feed_hooks hooks = { .on_event = on_event, .on_zone = on_zone, .ctx = db };
    (void)w;
    if (pg_link_new(l, &link, &db->link, e)) {
        free(db);
        return ERR_CONFIG;
    }
    db->loop = l;
    db->spec = *spec;
    db->spec.place = NULL; /* the link has it */
    db->spec.timezone = spec->timezone ? x_strdup(spec->timezone) : NULL;
    db->feed = errfeed_new(spec->rules, &hooks);
    db->tick = (struct loop_timer){ .fn = on_tick, .ctx = db };
    db->pause = (struct loop_timer){ .fn = on_pause, .ctx = db };
    db->ids = x_calloc(ERRORS_KEPT, sizeof *db->ids);
    db->held = x_calloc(ERRORS_KEPT, sizeof *db->held);
    db->measured_ms = db->skew_ms = db->stuck_ms = db->full_story_ms = db->proved_ms = TIME_NONE;
    db->tail_io_ms = db->full_io_ms = db->check_io_ms = db->steps_io_ms = db->look_io_ms = TIME_NONE;
    db->behind_io_ms = db->rate_io_ms = db->notice_io_ms = TIME_NONE;
    db->full.chunk = CHUNK_FIRST;
    db->page_rows = ERRDB_PAGE;
    db->since_ms = clock_story_ms();
    if (spec->timezone)
        db->zone = parse_offset(spec->timezone, &db->zone_ms) ? ZONE_OFFSET : ZONE_NAME;
    errdb_pg_set_zone(db);
    *out_ops = &ops;
    *impl = db;
    return ERR_OK;
}
