/*
 * One record in full, and changes.  A call waits for the connection, then goes before all reading; once
 * it is sent its answer decides, and when that is lost a change is UNKNOWN: the same call again settles
 * it, because every change is guarded by what it wants to find.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/sources/errdb_pg_internal.h"

enum { WAIT_MS = 10000 };

struct pg_call {
    struct errdb_pg *db;
    struct pg_call *prev, *next;
    bool is_begun, is_sent, is_cancelled;
    struct loop_timer deadline; /* the next turn; then, until it is sent, how long it may wait */
    int64_t id;
    struct arena arena;
    struct errdb_change change;
    void (*on_record)(void *ctx, const struct errdb_record *r); /* NULL: a change */
    void (*on_result)(void *ctx, const struct errdb_result *r);
    void *ctx;
};

static void free_call(struct pg_call *c)
{
    DL_DELETE(c->db->calls, c);
    loop_timer_stop(c->db->loop, &c->deadline);
    arena_release(&c->arena);
    free(c);
}

/* The call is gone before its owner hears of it: it may start another. */
static void give_record(struct pg_call *c, const struct errdb_record *r)
{
    void (*fn)(void *, const struct errdb_record *) = c->is_cancelled ? NULL : c->on_record;
    void *ctx = c->ctx;
    free_call(c);
    if (fn)
        fn(ctx, r);
}

static void give_result(struct pg_call *c, const struct errdb_result *r)
{
    void (*fn)(void *, const struct errdb_result *) = c->is_cancelled ? NULL : c->on_result;
    void *ctx = c->ctx;
    free_call(c);
    if (fn)
        fn(ctx, r);
}

static void give_failure(struct pg_call *c, const struct err *e, enum errdb_outcome outcome)
{
    if (c->on_record)
        give_record(c, &(struct errdb_record){ .e = *e });
    else
        give_result(c, &(struct errdb_result){ .outcome = outcome, .e = *e });
}

static void on_deadline(void *ctx)
{
    struct pg_call *c = ctx;
    struct err e;
    if (!c->is_begun) {
        c->is_begun = true;
        loop_timer_set(c->db->loop, &c->deadline, WAIT_MS);
        errdb_pg_run(c->db);
        return;
    }
    err_set(&e, ERR_TIMEOUT, 0, "no connection to the error database%s%s", *c->db->text ? ": " : "",
            c->db->text);
    give_failure(c, &e, OUTCOME_FAILED);
}

static struct pg_call *new_call(struct errdb_pg *db, void *ctx)
{
    struct pg_call *c = x_calloc(1, sizeof *c);
    c->db = db;
    c->ctx = ctx;
    c->deadline = (struct loop_timer){ .fn = on_deadline, .ctx = c };
    loop_timer_set(db->loop, &c->deadline, 0);
    DL_APPEND(db->calls, c);
    return c;
}

/* ---- one record ---- */

static void on_record(void *ctx, const struct pg_answer *a)
{
    struct pg_call *c = ctx;
    struct errdb_pg *db = c->db;
    struct err e = a->e;
    size_t n = db->shape.n_columns;
    if (!e.code && (a->n != 1 || PQnfields(a->rows[0]) != (int)(1 + 2 * n)))
        err_set(&e, ERR_PARSE, 0, "the server's answer has another shape than the question");
    if (!e.code && !PQntuples(a->rows[0]))
        err_set(&e, ERR_NOTFOUND, 0, "no row %" PRId64 " in deployment_errors", c->id);
    if (e.code) {
        give_failure(c, &e, OUTCOME_FAILED);
        errdb_pg_run(db);
        return;
    }
    struct errdb_field *fields = x_calloc(n + 1, sizeof *fields);
    for (size_t i = 0; i < n; i++) {
        int64_t whole = 0;
        int at = (int)(1 + 2 * i);
        (void)pg_int(a->rows[0], 0, at, &whole);
        fields[i] = (struct errdb_field){
            .name = db->shape.columns[i].name,
            .value = PQgetisnull(a->rows[0], 0, at + 1) ? NULL : PQgetvalue(a->rows[0], 0, at + 1),
            .n = (size_t)PQgetlength(a->rows[0], 0, at + 1),
        };
        fields[i].is_cut = whole > (int64_t)fields[i].n;
    }
    give_record(c, &(struct errdb_record){ .fields = fields, .n = n });
    free(fields);
    errdb_pg_run(db);
}

void *errdb_pg_fetch(void *impl, int64_t id, void (*on_done)(void *ctx, const struct errdb_record *r),
                     void *ctx)
{
    struct pg_call *c = new_call(impl, ctx);
    c->id = id;
    c->on_record = on_done;
    return c;
}

/* ---- changes ---- */

static void say_who(struct errdb_result *r, const struct pg_call *c, const PGresult *now)
{
    char when[CLOCK_TEXT] = "", by[132];
    int64_t ms;
    struct pg_how how = errdb_pg_how(c->db);
    const char *verb = c->change.act == ERRDB_STEP ? error_step_name(c->change.step) : "resolved";
    if (errdb_decode_time(PQgetvalue(now, 0, 0), (size_t)PQgetlength(now, 0, 0), &ms)) {
        bool is_utc = c->change.act == ERRDB_STEP || pg_is_zoned(&how);
        clock_format_rfc3339(ms - (is_utc ? 0 : c->db->zone_ms), when);
    }
    text_clean_to(by, sizeof by, PQgetvalue(now, 0, 1), (size_t)PQgetlength(now, 0, 1));
    snprintf(r->text, sizeof r->text, "%s by %s%s%s", verb, *by ? by : "somebody", *when ? " at " : "",
             when);
}

/* changed: what the change itself gave back; now: what there is after it. */
static void judge(struct errdb_result *r, const struct pg_call *c, const PGresult *changed,
                  const PGresult *now)
{
    bool is_there = PQntuples(now) == 1;
    if (c->change.act == ERRDB_RECORD_ERROR) {
        r->outcome = OUTCOME_APPLIED;
        if (!pg_int(PQntuples(changed) ? changed : now, 0, 0, &r->id)) {
            r->outcome = OUTCOME_FAILED;
            err_set(&r->e, ERR_SERVER, 0, "the row was not taken (a trigger or rule of the table?)");
        }
        return;
    }
    r->outcome = OUTCOME_REFUSED;
    if (!is_there) {
        r->outcome = OUTCOME_FAILED;
        err_set(&r->e, ERR_NOTFOUND, 0, "no row %" PRId64 " in deployment_errors", c->id);
    } else if (PQntuples(changed) == 1 || (c->change.act == ERRDB_REOPEN && PQgetisnull(now, 0, 0)) ||
               (c->change.act != ERRDB_REOPEN && text_eq(PQgetvalue(now, 0, 2), "t"))) {
        r->outcome = OUTCOME_APPLIED;
    }
    if (r->outcome != OUTCOME_FAILED && !PQgetisnull(now, 0, 0))
        say_who(r, c, now);
}

static void on_changed(void *ctx, const struct pg_answer *a)
{
    struct pg_call *c = ctx;
    struct errdb_pg *db = c->db;
    struct errdb_result r = { .e = a->e };
    size_t first = c->change.act == ERRDB_RECORD_ERROR; /* the lock's row is in front */
    if (a->is_lost) {
        r.outcome = OUTCOME_UNKNOWN;
    } else if (a->e.code) {
        r.outcome = OUTCOME_FAILED;
        if (text_eq(a->sqlstate, "42P01") && c->change.act == ERRDB_STEP)
            err_set(&r.e, ERR_NOTFOUND, 0,
                    "no table deployment_error_steps (bakewatch errors init makes it)");
    } else if (!a->is_committed || a->n != first + 2) {
        r.outcome = OUTCOME_FAILED;
        err_set(&r.e, ERR_SERVER, 0, "the transaction was not committed");
    } else {
        judge(&r, c, a->rows[first], a->rows[first + 1]);
    }
    if (r.outcome == OUTCOME_APPLIED && c->change.act == ERRDB_STEP)
        db->steps_io_ms = TIME_NONE; /* read again soon */
    else if (r.outcome == OUTCOME_APPLIED && !c->is_cancelled && db->n_ids < ERRORS_KEPT)
        db->ids[db->n_ids++] = r.id ? r.id : c->id; /* it may lie below the tail's window */
    give_result(c, &r);
    errdb_pg_run(db);
}

static const char *keep(struct pg_call *c, const char *s)
{
    return s ? arena_strdup(&c->arena, s) : "";
}

void *errdb_pg_write(void *impl, const struct errdb_change *change,
                     void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx)
{
    struct pg_call *c = new_call(impl, ctx);
    c->id = change->id;
    c->on_result = on_done;
    c->change = *change;
    const char **texts[] = { &c->change.key, &c->change.by, &c->change.note, &c->change.service,
                             &c->change.environment, &c->change.stage, &c->change.code,
                             &c->change.severity, &c->change.message, &c->change.stack,
                             &c->change.user_impact, &c->change.business_impact };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = keep(c, *texts[i]);
    return c;
}

/* ---- sending ---- */

/* What this table cannot take is said before anything is sent. */
static bool can_take(const struct pg_call *c, struct err *e)
{
    const struct pg_shape *s = &c->db->shape;
    enum errdb_act act = c->change.act;
    if ((act == ERRDB_RESOLVE || act == ERRDB_REOPEN) && !s->types[COLUMN_RESOLVED_AT])
        err_set(e, ERR_NOTFOUND, 0, "deployment_errors has no column resolved_at");
    else if (act == ERRDB_RECORD_ERROR && !s->types[COLUMN_STACK])
        err_set(e, ERR_NOTFOUND, 0, "deployment_errors has no column stack_trace, where the key belongs");
    else if (s->is_replica)
        err_set(e, ERR_FORBIDDEN, 0, "connected to a standby: it takes no changes");
    return !e->code;
}

bool errdb_pg_call_next(struct errdb_pg *db)
{
    struct pg_call *c = db->calls;
    struct err e = { 0 };
    struct buf sql = BUF_INIT(ERRDB_RECORD);
    struct pg_how how = errdb_pg_how(db);
    if (!c)
        return false;
    if (!c->on_record && !can_take(c, &e)) {
        give_failure(c, &e, OUTCOME_FAILED);
        return errdb_pg_call_next(db);
    }
    if (c->on_record)
        pg_sql_record(&sql, &how, c->id);
    else
        pg_sql_change(&sql, &how, &c->change);
    loop_timer_stop(db->loop, &c->deadline);
    if (sql.over) {
        err_set(&e, ERR_LIMIT, 0, "too large for the error database");
        give_failure(c, &e, OUTCOME_FAILED);
    } else {
        c->is_sent = true;
        pg_link_send(db->link, buf_str(&sql), c->on_record ? RECORD_MS : ANSWER_MS,
                     c->on_record ? on_record : on_changed, c);
    }
    buf_release(&sql);
    return true;
}

void errdb_pg_cancel(void *call)
{
    struct pg_call *c = call;
    if (c->is_sent)
        c->is_cancelled = true;
    else
        free_call(c);
}

void errdb_pg_calls_free(struct errdb_pg *db)
{
    while (db->calls)
        free_call(db->calls);
}
