/* What is sent next, for ever: at rest one statement group a tick, whatever else is due in its place. */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sources/errdb_pg_internal.h"

static bool is_due(int64_t since_io_ms, int64_t period_ms)
{
    return since_io_ms == TIME_NONE || clock_io_ms() - since_io_ms >= period_ms;
}

struct pg_how errdb_pg_how(const struct errdb_pg *db)
{
    return (struct pg_how){ .shape = &db->shape, .zone = db->zone, .zone_ms = db->zone_ms,
                            .is_raw = db->is_raw };
}

void errdb_pg_up(struct errdb_pg *db)
{
    db->is_looked = db->is_listening = db->is_paused = false;
    loop_timer_stop(db->loop, &db->pause);
    db->is_raw = text_eq(pg_link_server_encoding(db->link), "SQL_ASCII");
    if (!db->has_first)
        return;
    db->must_check = db->is_ticked = true; /* deletes, and whether it is the same table */
    errdb_pg_scan_start(db, &db->full);
    db->is_full_urgent = db->full.is_active;
}

void errdb_pg_lost(struct errdb_pg *db)
{
    db->n_ids = db->n_asked = 0;
    db->fetching_for = NULL;
    db->tail.is_active = db->full.is_active = false;
    db->is_listening = false;
    loop_timer_stop(db->loop, &db->pause);
}

/* ---- what is there ---- */

static void take_shape(struct errdb_pg *db, struct pg_shape *s)
{
    struct err e;
    pg_shape_release(&db->shape);
    db->shape = *s;
    db->look_io_ms = clock_io_ms();
    db->skew_ms = s->now_ms - (db->sent_story_ms + clock_story_ms()) / 2;
    errfeed_skew(db->feed, db->skew_ms);
    db->is_pooled = s->pid != pg_link_backend_pid(db->link);
    const char *id = s->types[COLUMN_ID];
    if (!s->is_found) {
        err_set(&e, ERR_NOTFOUND, 0, "no table");
        errdb_pg_failed(db, &e, "42P01");
        return;
    }
    if (!id || (!s->id_most && !text_eq(id, "int8"))) {
        err_set(&e, ERR_SERVER, 0, "deployment_errors has no column id of whole numbers (%s)",
                id ? id : "none");
        errdb_pg_failed(db, &e, "");
        return;
    }
    db->is_looked = true;
    if (db->has_first && *s->system && *db->system && !text_eq(s->system, db->system))
        errdb_pg_is_elsewhere(db);
    else if (db->has_first && *s->timeline && *db->timeline && !text_eq(s->timeline, db->timeline))
        errdb_pg_is_forked(db);
    if (*s->timeline)
        memcpy(db->timeline, s->timeline, sizeof db->timeline);
    memcpy(db->system, s->system, sizeof db->system);
    errdb_pg_set_zone(db);
}

static void on_look(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    struct pg_shape s;
    struct err e = a->e;
    if (a->is_lost)
        return;
    if (!e.code && !pg_look_decode((const PGresult *const *)a->rows, a->n, &s))
        err_set(&e, ERR_PARSE, 0, "the server's answer cannot be read");
    if (e.code) {
        errdb_pg_failed(db, &e, a->sqlstate);
        return;
    }
    take_shape(db, &s);
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

static void look(struct errdb_pg *db)
{
    struct buf sql = BUF_INIT(PG_SQL);
    db->sent_io_ms = clock_io_ms();
    db->sent_story_ms = clock_story_ms();
    pg_sql_look(&sql, db->zone == ZONE_NAME ? db->spec.timezone : "");
    pg_link_send(db->link, buf_str(&sql), ANSWER_MS, on_look, db);
    buf_release(&sql);
}

/* ---- notifications: a hint, and only where they can arrive ---- */

static void on_listen(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    db->is_listening = !a->e.code;
    if (a->is_lost)
        return;
    db->shape.has_notify = db->is_listening; /* refused: not asked for again */
    db->is_ticked = true; /* what was said before we listened */
    errdb_pg_run(db);
}

static bool wants_listen(const struct errdb_pg *db)
{
    return db->shape.has_notify && !db->is_listening && !db->is_pooled && !db->shape.is_replica &&
           !db->spec.is_once;
}

/* ---- steps of the process ---- */

static uint64_t hash_answer(const PGresult *r)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (int i = 0; i < PQntuples(r); i++) {
        for (int j = 0; j < PQnfields(r); j++) {
            const char *p = PQgetvalue(r, i, j);
            for (int k = 0; k <= PQgetlength(r, i, j); k++)
                h = (h ^ (unsigned char)p[k]) * UINT64_C(1099511628211);
        }
    }
    return h;
}

static bool find_step(const char *name, enum error_step *out)
{
    for (int s = 0; s < N_STEPS; s++) {
        if (text_eq_fold(name, error_step_name((enum error_step)s))) {
            *out = (enum error_step)s;
            return true;
        }
    }
    return false;
}

static void take_steps(struct errdb_pg *db, const PGresult *r)
{
    arena_release(&db->steps_arena);
    db->steps_arena = (struct arena){ 0 };
    free(db->steps);
    db->steps = x_calloc((size_t)PQntuples(r) + 1, sizeof *db->steps);
    db->n_steps = 0;
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t id, at = TIME_NONE;
        enum error_step step;
        if (!pg_int(r, i, 0, &id) || !find_step(PQgetvalue(r, i, 1), &step))
            continue;
        if (!db->n_steps || db->steps[db->n_steps - 1].id != id) {
            db->steps[db->n_steps++].id = id;
            for (int s = 0; s < N_STEPS; s++)
                db->steps[db->n_steps - 1].done[s] = (struct error_done){ TIME_NONE, "", "", false };
        }
        if (!pg_int(r, i, 3, &at))
            continue;
        db->steps[db->n_steps - 1].done[step] = (struct error_done){
            .at_ms = at, .by = arena_strdup(&db->steps_arena, PQgetvalue(r, i, 2)),
            .note = arena_strdup(&db->steps_arena, PQgetvalue(r, i, 4)),
        };
    }
}

static void on_steps(void *ctx, const struct pg_answer *a)
{
    struct errdb_pg *db = ctx;
    if (a->is_lost)
        return;
    if (a->e.code || a->n != 1 || PQnfields(a->rows[0]) != 5) {
        log_put(LOG_WARN, "errors", "deployment_error_steps: %s", a->e.text);
        db->shape.has_steps = false; /* until the next look */
    } else if (hash_answer(a->rows[0]) != db->steps_hash) {
        db->steps_hash = hash_answer(a->rows[0]);
        take_steps(db, a->rows[0]);
    }
    errdb_pg_tell(db);
    errdb_pg_run(db);
}

void errdb_pg_steps_send(struct errdb_pg *db)
{
    struct buf sql = BUF_INIT(PG_SQL);
    struct pg_how how = errdb_pg_how(db);
    db->steps_io_ms = clock_io_ms();
    pg_sql_steps(&sql, &how, errfeed_count(db->feed) ? errfeed_at(db->feed, 0)->id : 0);
    pg_link_send(db->link, buf_str(&sql), ANSWER_MS, on_steps, db);
    buf_release(&sql);
}

/* ---- the order of things ---- */

/* What is due instead of the tail; never twice in a row, so that the tail is at most a tick late. */
static bool send_special(struct errdb_pg *db)
{
    if (is_due(db->look_io_ms, LOOK_MS)) {
        look(db);
    } else if (is_due(db->check_io_ms, HELD_MS)) {
        errdb_pg_check_send(db);
    } else if (db->shape.has_steps && is_due(db->steps_io_ms, STEPS_MS)) {
        errdb_pg_steps_send(db);
    } else if (db->full.is_active) {
        errdb_pg_scan_send(db, &db->full);
    } else if (is_due(db->full_io_ms, FULL_MS) && errdb_pg_is_small(db)) {
        errdb_pg_scan_start(db, &db->full);
        errdb_pg_scan_send(db, &db->full);
    } else {
        return false;
    }
    return true;
}

static void ticked(struct errdb_pg *db)
{
    db->is_ticked = false;
    loop_timer_set(db->loop, &db->tick, db->is_listening ? NOTIFY_TICK_MS : TICK_MS);
    bool may_be_special = !db->was_special && !db->is_full_urgent && !db->is_backing;
    db->was_special = may_be_special && send_special(db);
    if (db->was_special)
        return;
    errdb_pg_scan_start(db, &db->tail);
    errdb_pg_scan_send(db, &db->tail);
}

static void send_listen(struct errdb_pg *db)
{
    pg_link_send(db->link, "LISTEN deployment_errors", ANSWER_MS, on_listen, db);
}

void errdb_pg_run(struct errdb_pg *db)
{
    if (!pg_link_is_idle(db->link))
        return;
    if (db->is_looked && errdb_pg_call_next(db))
        return;
    if (db->is_paused)
        return;
    if (!db->is_looked)
        look(db);
    else if (db->n_ids)
        errdb_pg_rows_send(db);
    else if (db->must_check)
        errdb_pg_check_send(db);
    else if (!db->has_first)
        errdb_pg_page_send(db);
    else if (wants_listen(db))
        send_listen(db);
    else if (db->tail.is_active)
        errdb_pg_scan_send(db, &db->tail);
    else if (db->is_ticked)
        ticked(db);
    else if (db->is_backing)
        errdb_pg_page_send(db);
    else if (db->full.is_active && db->is_full_urgent)
        errdb_pg_scan_send(db, &db->full);
}
