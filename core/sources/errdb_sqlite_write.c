#include "core/sources/errdb_sqlite_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/sources/errdb_sqlite_read.h"

enum { SQL_ROOM = 16 * 1024, MOMENT = 40 };

struct change { /* one under way */
    const char *path;
    int64_t zone_ms;
    const struct errdb_change *is;
    sqlite3 *db;
    struct sqlite_shape shape;
    struct errdb_result *out;
};

static const char *text_of(const char *s)
{
    return s ? s : "";
}

static bool has(const struct change *c, enum error_column column)
{
    return !(c->shape.missing & 1u << column);
}

/* Sets the outcome; false, for `return failed(...)`. */
static bool failed(struct change *c)
{
    c->out->outcome = OUTCOME_FAILED;
    sqlite_fail(c->db, c->path, &c->out->e);
    return false;
}

static bool refuse_missing(struct change *c)
{
    c->out->outcome = OUTCOME_FAILED;
    err_set(&c->out->e, ERR_NOTFOUND, 0, "no row %" PRId64 " in deployment_errors", c->is->id);
    return false;
}

static bool prepare(struct change *c, const char *sql, sqlite3_stmt **q)
{
    return sqlite3_prepare_v2(c->db, sql, -1, q, NULL) == SQLITE_OK || failed(c);
}

static bool run(struct change *c, const char *sql)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(c);
}

/* Steps a statement that changes rows, and ends it; *n is how many. */
static bool apply(struct change *c, sqlite3_stmt *q, int *n)
{
    bool ok = sqlite3_step(q) == SQLITE_DONE || failed(c);
    *n = ok ? sqlite3_changes(c->db) : 0;
    sqlite3_finalize(q);
    return ok;
}

/* A moment as the table has its times. */
static void bind_moment(sqlite3_stmt *q, int at, int64_t ms, enum sqlite_time style,
                        int64_t zone_ms)
{
    char text[CLOCK_TEXT], moment[MOMENT];
    if (style == TIME_IS_SECONDS || style == TIME_IS_MS) {
        sqlite3_bind_int64(q, at, style == TIME_IS_MS ? ms : ms / 1000);
        return;
    }
    bool is_zoned = style == TIME_IS_ZONED;
    int64_t shown = is_zoned ? ms : ms + zone_ms;
    clock_format_rfc3339(shown, text);
    text[strlen(text) - 1] = '\0';
    if (style != TIME_IS_LOCAL_T && !is_zoned)
        text[10] = ' ';
    snprintf(moment, sizeof moment, "%s.%03d%s", text, (int)((shown % 1000 + 1000) % 1000),
             is_zoned ? "Z" : "");
    sqlite3_bind_text(q, at, moment, -1, SQLITE_TRANSIENT);
}

/* ---- resolve and reopen ---- */

struct now { /* what the row is like */
    enum sqlite_time style, resolved_is;
    int64_t resolved_ms; /* as the reader has it in resolved_local_ms */
    char by[132]; /* cleaned */
    bool is_ours; /* resolved by who asks now, with the same note */
};

static bool is_ours(const struct change *c, sqlite3_stmt *q)
{
    const char *by = text_of((const char *)sqlite3_column_text(q, 2)), *note = text_of(c->is->note);
    const char *notes = text_of((const char *)sqlite3_column_text(q, 3));
    return (!has(c, COLUMN_RESOLVED_BY) || text_eq(by, text_of(c->is->by))) &&
           (!has(c, COLUMN_NOTES) || text_ends(notes, note));
}

static bool look_at_row(struct change *c, struct now *now)
{
    struct buf sql = BUF_INIT(SQL_ROOM);
    sqlite3_stmt *q = NULL;
    buf_addf(&sql, "SELECT %s, resolved_at, %s, %s FROM deployment_errors WHERE id = ?",
             has(c, COLUMN_TIMESTAMP) ? "\"timestamp\"" : "NULL",
             has(c, COLUMN_RESOLVED_BY) ? "resolved_by" : "NULL",
             has(c, COLUMN_NOTES) ? "resolution_notes" : "NULL");
    bool ok = prepare(c, buf_str(&sql), &q);
    buf_release(&sql);
    if (!ok)
        return false;
    sqlite3_bind_int64(q, 1, c->is->id);
    int step = sqlite3_step(q);
    if (step == SQLITE_ROW) {
        int64_t at;
        now->style = sqlite_column_time(q, 0, &at);
        now->resolved_is = sqlite_column_time(q, 1, &now->resolved_ms);
        const char *by = text_of((const char *)sqlite3_column_text(q, 2));
        text_clean_to(now->by, sizeof now->by, by, strlen(by));
        now->is_ours = is_ours(c, q);
        if (now->style == TIME_IS_NULL)
            now->style = now->resolved_is;
        now->resolved_ms = sqlite_time_as(now->style >= TIME_IS_ZONED, now->resolved_is,
                                          now->resolved_ms, c->zone_ms);
    } else {
        ok = step == SQLITE_DONE ? refuse_missing(c) : failed(c);
    }
    sqlite3_finalize(q);
    return ok;
}

static void say_resolved(struct change *c, const struct now *now)
{
    char at[CLOCK_TEXT] = "an unknown time";
    if (now->resolved_ms != TIME_NONE)
        clock_format_rfc3339(
            now->style >= TIME_IS_ZONED ? now->resolved_ms : now->resolved_ms - c->zone_ms, at);
    snprintf(c->out->text, sizeof c->out->text, "resolved by %s at %s",
             now->by[0] ? now->by : "somebody", at);
}

/* What was written in the notes before stays. */
static bool update(struct change *c, bool is_resolve, const struct now *now)
{
    struct buf sql = BUF_INIT(SQL_ROOM);
    sqlite3_stmt *q = NULL;
    int n;
    const char *note = text_of(c->is->note);
    buf_adds(&sql, "UPDATE deployment_errors SET resolved_at = ?1");
    if (has(c, COLUMN_RESOLVED_BY))
        buf_adds(&sql, ", resolved_by = ?2");
    if (has(c, COLUMN_NOTES) && note[0])
        buf_adds(&sql, ", resolution_notes = CASE WHEN ifnull(resolution_notes, '') = '' THEN ?3"
                       " ELSE resolution_notes || char(10) || ?3 END");
    buf_addf(&sql, " WHERE id = ?4 AND resolved_at IS %sNULL", is_resolve ? "" : "NOT ");
    bool ok = prepare(c, buf_str(&sql), &q);
    buf_release(&sql);
    if (!ok)
        return false;
    if (is_resolve) {
        bind_moment(q, 1, clock_story_ms(), now->style, c->zone_ms);
        sqlite3_bind_text(q, 2, text_of(c->is->by), -1, SQLITE_STATIC);
    }
    sqlite3_bind_text(q, 3, note, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, c->is->id);
    if (!apply(c, q, &n))
        return false;
    c->out->outcome = n == 1 ? OUTCOME_APPLIED : OUTCOME_FAILED;
    if (n != 1)
        err_set(&c->out->e, ERR_SERVER, 0, "the row was not changed (a trigger of the table?)");
    return n == 1;
}

static bool resolve_or_reopen(struct change *c)
{
    struct now now = { 0 };
    bool is_resolve = c->is->act == ERRDB_RESOLVE;
    if (!has(c, COLUMN_RESOLVED_AT)) {
        c->out->outcome = OUTCOME_FAILED;
        err_set(&c->out->e, ERR_NOTFOUND, 0, "deployment_errors has no column resolved_at");
        return false;
    }
    if (!look_at_row(c, &now))
        return false;
    bool is_open = now.resolved_is == TIME_IS_NULL;
    if (is_resolve ? is_open : !is_open && now.resolved_ms == c->is->resolved_local_ms) {
        if (!update(c, is_resolve, &now) || !look_at_row(c, &now))
            return false;
    } else {
        c->out->outcome = (is_resolve ? now.is_ours : is_open) ? OUTCOME_APPLIED : OUTCOME_REFUSED;
    }
    if (now.resolved_is != TIME_IS_NULL)
        say_resolved(c, &now);
    return true;
}

/* ---- a step of the process ---- */

static bool is_row_there(struct change *c)
{
    sqlite3_stmt *q = NULL;
    if (!prepare(c, "SELECT 1 FROM deployment_errors WHERE id = ?", &q))
        return false;
    sqlite3_bind_int64(q, 1, c->is->id);
    int step = sqlite3_step(q);
    bool ok = step == SQLITE_ROW || (step == SQLITE_DONE ? refuse_missing(c) : failed(c));
    sqlite3_finalize(q);
    return ok;
}

/* *is_done: the step is there already, and the outcome is set. */
static bool look_at_step(struct change *c, bool *is_done)
{
    sqlite3_stmt *q = NULL;
    if (!prepare(
            c,
            "SELECT \"by\", note, at FROM deployment_error_steps WHERE error_id = ? AND step = ?",
            &q))
        return false;
    sqlite3_bind_int64(q, 1, c->is->id);
    sqlite3_bind_text(q, 2, error_step_name(c->is->step), -1, SQLITE_STATIC);
    int step = sqlite3_step(q);
    bool ok = step == SQLITE_ROW || step == SQLITE_DONE || failed(c);
    if (step == SQLITE_ROW) {
        char at[CLOCK_TEXT] = "an unknown time", clean[132];
        int64_t ms;
        const char *by = text_of((const char *)sqlite3_column_text(q, 0));
        bool is_same =
            text_eq(by, text_of(c->is->by)) &&
            text_eq(text_of((const char *)sqlite3_column_text(q, 1)), text_of(c->is->note));
        enum sqlite_time t = sqlite_column_time(q, 2, &ms);
        if (ms != TIME_NONE)
            clock_format_rfc3339(t >= TIME_IS_ZONED ? ms : ms - c->zone_ms, at);
        snprintf(c->out->text, sizeof c->out->text, "%s by %s at %s", error_step_name(c->is->step),
                 text_clean_to(clean, sizeof clean, by, strlen(by)), at);
        c->out->outcome = is_same ? OUTCOME_APPLIED : OUTCOME_REFUSED;
        *is_done = true;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool add_step(struct change *c)
{
    sqlite3_stmt *q = NULL;
    bool is_done = false;
    int n;
    if (!c->shape.has_steps) {
        c->out->outcome = OUTCOME_FAILED;
        err_set(&c->out->e, ERR_NOTFOUND, 0, "no table deployment_error_steps in %s", c->path);
        return false;
    }
    if (!is_row_there(c) || !look_at_step(c, &is_done))
        return false;
    if (is_done)
        return true;
    if (!prepare(c,
                 "INSERT INTO deployment_error_steps (error_id, step, \"by\", at, note) VALUES (?, "
                 "?, ?, ?, ?)",
                 &q))
        return false;
    sqlite3_bind_int64(q, 1, c->is->id);
    sqlite3_bind_text(q, 2, error_step_name(c->is->step), -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, text_of(c->is->by), -1, SQLITE_STATIC);
    bind_moment(q, 4, clock_story_ms(), TIME_IS_ZONED, 0);
    sqlite3_bind_text(q, 5, text_of(c->is->note), -1, SQLITE_STATIC);
    return apply(c, q, &n) && look_at_step(c, &is_done);
}

/* ---- a failure of ours as a row ---- */

/* *id: the row whose stack trace has the key in its first line, above `from`; 0 = none.  *top:
 * highest id. */
static bool find_key(struct change *c, int64_t from, int64_t *id, int64_t *top)
{
    sqlite3_stmt *q = NULL;
    if (!prepare(
            c,
            "SELECT ifnull((SELECT id FROM deployment_errors WHERE id > ?1 AND typeof(id) = "
            "'integer' AND"
            " instr(substr(stack_trace, 1, 512), ?2) BETWEEN 1 AND"
            " instr(substr(stack_trace, 1, 512) || char(10), char(10)) LIMIT 1), 0),"
            " ifnull((SELECT max(id) FROM deployment_errors WHERE typeof(id) = 'integer'), ?1)",
            &q))
        return false;
    sqlite3_bind_int64(q, 1, from);
    sqlite3_bind_text(q, 2, c->is->key, -1, SQLITE_STATIC);
    bool ok = sqlite3_step(q) == SQLITE_ROW || failed(c);
    *id = ok ? sqlite3_column_int64(q, 0) : 0;
    *top = ok ? sqlite3_column_int64(q, 1) : from;
    sqlite3_finalize(q);
    return ok;
}

static bool newest_style(struct change *c, enum sqlite_time *out)
{
    sqlite3_stmt *q = NULL;
    int64_t ms;
    *out = TIME_IS_LOCAL;
    if (!has(c, COLUMN_TIMESTAMP))
        return true;
    if (!prepare(c,
                 "SELECT \"timestamp\" FROM deployment_errors WHERE \"timestamp\" IS NOT NULL "
                 "ORDER BY id DESC LIMIT 1",
                 &q))
        return false;
    int step = sqlite3_step(q);
    if (step == SQLITE_ROW)
        *out = sqlite_column_time(q, 0, &ms);
    bool ok = step == SQLITE_ROW || step == SQLITE_DONE || failed(c);
    sqlite3_finalize(q);
    return ok;
}

static void add_stack(struct buf *out, const struct errdb_change *c)
{
    const char *stack = text_of(c->stack), *at = strstr(stack, c->key);
    if (!at || (size_t)(at - stack) >= strcspn(stack, "\n"))
        buf_addf(out, "bakewatch %s\n", c->key);
    buf_adds(out, stack);
}

static bool insert(struct change *c)
{
    const struct errdb_change *is = c->is;
    const struct {
        enum error_column column;
        const char *value;
    } texts[] = {
        { COLUMN_SERVICE, is->service },
        { COLUMN_ENVIRONMENT, is->environment },
        { COLUMN_STAGE, is->stage },
        { COLUMN_CODE, is->code },
        { COLUMN_SEVERITY, is->severity },
        { COLUMN_MESSAGE, is->message },
        { COLUMN_USER_IMPACT, is->user_impact },
        { COLUMN_BUSINESS_IMPACT, is->business_impact },
    };
    struct buf names = BUF_INIT(SQL_ROOM), values = BUF_INIT(SQL_ROOM),
               stack = BUF_INIT(ERRDB_RECORD);
    sqlite3_stmt *q = NULL;
    enum sqlite_time style;
    int n = 0;
    buf_addf(&names, "INSERT INTO deployment_errors (stack_trace%s",
             has(c, COLUMN_TIMESTAMP) ? ", \"timestamp\"" : "");
    buf_adds(&values, has(c, COLUMN_TIMESTAMP) ? ") VALUES (?1, ?2" : ") VALUES (?1");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!has(c, texts[i].column) || !text_of(texts[i].value)[0])
            continue;
        buf_addf(&names, ", %s", error_column_names[texts[i].column]);
        buf_addf(&values, ", ?%zu", i + 3);
    }
    buf_addf(&names, "%s)", buf_str(&values));
    add_stack(&stack, is);
    bool ok = newest_style(c, &style) && prepare(c, buf_str(&names), &q);
    for (size_t i = 0; ok && i < ARRAY_LEN(texts); i++)
        sqlite3_bind_text(q, (int)i + 3, text_of(texts[i].value), -1,
                          SQLITE_STATIC); /* no place: no harm */
    if (ok) {
        sqlite3_bind_text(q, 1, buf_str(&stack), (int)stack.len, SQLITE_STATIC);
        if (has(c, COLUMN_TIMESTAMP))
            bind_moment(q, 2, is->at_ms, style, c->zone_ms);
        ok = apply(c, q, &n);
    }
    buf_release(&names);
    buf_release(&values);
    buf_release(&stack);
    return ok;
}

/* `top` was the highest id when the whole table had no row with the key: only newer ones can have
 * it. */
static bool record(struct change *c, int64_t top)
{
    int64_t id;
    if (!find_key(c, top, &id, &top))
        return false;
    if (!id && (!insert(c) || !find_key(c, top, &id, &top)))
        return false;
    c->out->id = id;
    c->out->outcome = id ? OUTCOME_APPLIED : OUTCOME_FAILED;
    if (!id)
        err_set(&c->out->e, ERR_SERVER, 0, "the row was not taken (a trigger of the table?)");
    return id != 0;
}

/* Reads the whole table, so it is done before the lock is taken.  False: the outcome is set. */
static bool look_for_key(struct change *c, int64_t *top)
{
    int64_t id;
    if (!has(c, COLUMN_STACK)) {
        c->out->outcome = OUTCOME_FAILED;
        err_set(&c->out->e, ERR_NOTFOUND, 0,
                "deployment_errors has no column stack_trace, where the key belongs");
        return false;
    }
    if (!find_key(c, INT64_MIN, &id, top))
        return false;
    if (id) {
        c->out->id = id;
        c->out->outcome = OUTCOME_APPLIED;
    }
    return !id;
}

/* ---- all of it ---- */

static void commit(struct change *c)
{
    if (sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return;
    failed(c);
    c->out->text[0] = '\0';
    if (c->out->e.code != ERR_BUSY) /* who has a lock keeps us from writing anything */
        c->out->outcome = OUTCOME_UNKNOWN;
    sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

static void work(struct change *c)
{
    int64_t top = INT64_MIN;
    bool ok = false;
    if (sqlite_find_shape(c->db, c->path, &c->shape, &c->out->e)) {
        c->out->outcome = OUTCOME_FAILED;
        return;
    }
    if ((c->is->act == ERRDB_RECORD_ERROR && !look_for_key(c, &top)) || !run(c, "BEGIN IMMEDIATE"))
        return;
    switch (c->is->act) {
    case ERRDB_RESOLVE:
    case ERRDB_REOPEN:
        ok = resolve_or_reopen(c);
        break;
    case ERRDB_STEP:
        ok = add_step(c);
        break;
    case ERRDB_RECORD_ERROR:
        ok = record(c, top);
        break;
    }
    if (ok)
        commit(c);
    else
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

void sqlite_write(const char *path, int64_t zone_ms, const struct errdb_change *change,
                  struct errdb_result *out)
{
    struct change c = { .path = path, .zone_ms = zone_ms, .is = change, .out = out };
    assert(change->act != ERRDB_RECORD_ERROR || text_of(change->key)[0]);
    *out = (struct errdb_result){ .outcome = OUTCOME_FAILED };
    if (sqlite_open_file(path, SQLITE_OPEN_READWRITE, SQLITE_WRITE_BUSY_MS, &c.db, &out->e))
        return;
    work(&c);
    sqlite3_close(c.db);
}
