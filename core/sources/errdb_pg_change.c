/*
 * Changes as SQL.  Each is one transaction with its guard inside the statement, and a SELECT after it
 * that says what there is now: so the answer tells "done", "somebody else did" and "no such row" apart
 * without a second question.
 */
#include "core/sources/errdb_pg_sql.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/text.h"

#define TABLE "deployment_errors"

/* A moment (an expression of type timestamptz) as this column holds it. */
static void add_moment(struct buf *out, const struct pg_how *h, enum error_column c, const char *moment)
{
    const char *type = h->shape->types[c];
    if (text_eq(type, "timestamptz")) {
        buf_adds(out, moment);
        return;
    }
    buf_addf(out, "(%s AT TIME ZONE ", moment);
    if (h->zone == ZONE_NAME)
        pg_sql_literal(out, h->shape->zone_name);
    else
        buf_addf(out, "'UTC'+interval '%" PRId64 " milliseconds'", h->zone_ms);
    buf_adds(out, text_eq(type, "timestamp") ? ")" : ")::text");
}

static void add_cut(struct buf *out, const char *s, int chars)
{
    pg_sql_literal(out, s);
    if (chars)
        buf_addf(out, "::varchar(%d)", chars); /* an explicit cast cuts; an assignment would fail */
}

static bool has(const struct pg_how *h, enum error_column c)
{
    return h->shape->types[c] != NULL;
}

/* What was written before stays. */
static void add_note(struct buf *out, const struct pg_how *h, const char *note)
{
    if (!*note || !has(h, COLUMN_NOTES))
        return;
    buf_adds(out, ",resolution_notes=CASE WHEN coalesce(resolution_notes::text,'')='' THEN ");
    pg_sql_literal(out, note);
    buf_adds(out, " ELSE resolution_notes||E'\\n'||");
    pg_sql_literal(out, note);
    buf_adds(out, " END");
}

/* resolved_at (as a row has it), resolved_by, and whether both are as we would have made them. */
static void add_after(struct buf *out, const struct pg_how *h, const struct errdb_change *c)
{
    buf_adds(out, "SELECT ");
    pg_sql_time(out, h, COLUMN_RESOLVED_AT);
    if (has(h, COLUMN_RESOLVED_BY)) {
        buf_adds(out, ",left(resolved_by::text,128),coalesce(resolved_by::text=");
        add_cut(out, c->by, 100);
    } else {
        buf_adds(out, ",NULL,coalesce(true");
    }
    if (*c->note && has(h, COLUMN_NOTES)) {
        buf_adds(out, " AND right(resolution_notes::text,length(");
        pg_sql_literal(out, c->note);
        buf_adds(out, "))=");
        pg_sql_literal(out, c->note);
    }
    buf_addf(out, ",false) FROM " TABLE " WHERE id='%" PRId64 "'::bigint;COMMIT", c->id);
}

static void add_resolve(struct buf *out, const struct pg_how *h, const struct errdb_change *c)
{
    buf_adds(out, "UPDATE " TABLE " SET resolved_at=");
    add_moment(out, h, COLUMN_RESOLVED_AT, "clock_timestamp()");
    if (has(h, COLUMN_RESOLVED_BY)) {
        buf_adds(out, ",resolved_by=");
        add_cut(out, c->by, 100);
    }
    add_note(out, h, c->note);
    buf_addf(out, " WHERE id='%" PRId64 "'::bigint AND resolved_at IS NULL RETURNING id;", c->id);
    add_after(out, h, c);
}

static void add_reopen(struct buf *out, const struct pg_how *h, const struct errdb_change *c)
{
    buf_addf(out, "UPDATE " TABLE " SET resolved_at=NULL%s",
             has(h, COLUMN_RESOLVED_BY) ? ",resolved_by=NULL" : "");
    add_note(out, h, c->note);
    buf_addf(out, " WHERE id='%" PRId64 "'::bigint AND floor(extract(epoch FROM ", c->id);
    if (c->is_raw_time)
        buf_adds(out, "resolved_at");
    else
        pg_sql_time(out, h, COLUMN_RESOLVED_AT);
    buf_addf(out, ")*1000)::bigint='%" PRId64 "'::bigint RETURNING id;", c->resolved_local_ms);
    add_after(out, h, c);
}

static void add_step(struct buf *out, const struct errdb_change *c)
{
    const char *step = error_step_name(c->step);
    buf_addf(out,
             "INSERT INTO deployment_error_steps(error_id,step,\"by\",at,note) SELECT '%" PRId64
             "'::bigint,'%s',",
             c->id, step);
    add_cut(out, c->by, 100);
    buf_adds(out, ",clock_timestamp(),");
    pg_sql_literal(out, c->note);
    buf_addf(out,
             " WHERE EXISTS (SELECT FROM " TABLE " WHERE id='%" PRId64
             "'::bigint) ON CONFLICT (error_id,step) DO NOTHING RETURNING error_id;"
             "SELECT at,left(\"by\",128),coalesce(\"by\"=",
             c->id);
    add_cut(out, c->by, 100);
    buf_adds(out, " AND note=");
    pg_sql_literal(out, c->note);
    buf_addf(out,
             ",false) FROM deployment_error_steps WHERE error_id='%" PRId64
             "'::bigint AND step='%s';COMMIT",
             c->id, step);
}

/* ---- a failure of ours as a row ---- */

static bool has_key(const struct errdb_change *c)
{
    const char *at = strstr(c->stack, c->key);
    return at && (size_t)(at - c->stack) < strcspn(c->stack, "\n");
}

/* Around its time: what was sent before the zone was measured may be hours off. */
static void add_where_key(struct buf *out, const struct pg_how *h, const struct errdb_change *c,
                          const char *moment)
{
    buf_adds(out, " FROM " TABLE " WHERE strpos(split_part(left(stack_trace::text,512),E'\\n',1),");
    pg_sql_literal(out, c->key);
    buf_adds(out, ")>0");
    if (!has(h, COLUMN_TIMESTAMP) || !text_starts(h->shape->types[COLUMN_TIMESTAMP], "timestamp"))
        return;
    buf_adds(out, " AND \"timestamp\" BETWEEN ");
    add_moment(out, h, COLUMN_TIMESTAMP, moment);
    buf_adds(out, "-interval '26 hours' AND ");
    add_moment(out, h, COLUMN_TIMESTAMP, moment);
    buf_adds(out, "+interval '26 hours'");
}

static void add_values(struct buf *names, struct buf *values, const struct pg_how *h,
                       const struct errdb_change *c, const char *moment)
{
    const struct {
        enum error_column column;
        const char *value;
        int chars;
    } texts[] = {
        { COLUMN_SERVICE, c->service, 100 }, { COLUMN_ENVIRONMENT, c->environment, 50 },
        { COLUMN_STAGE, c->stage, 100 }, { COLUMN_CODE, c->code, 50 },
        { COLUMN_SEVERITY, c->severity, 20 }, { COLUMN_MESSAGE, c->message, 0 },
        { COLUMN_USER_IMPACT, c->user_impact, 0 }, { COLUMN_BUSINESS_IMPACT, c->business_impact, 0 },
    };
    buf_adds(names, "stack_trace");
    if (!has_key(c)) {
        buf_adds(values, "E'bakewatch ");
        buf_addf(values, "%s\\n'||", c->key);
    }
    pg_sql_literal(values, c->stack);
    if (has(h, COLUMN_TIMESTAMP)) {
        buf_adds(names, ",\"timestamp\"");
        buf_addc(values, ',');
        add_moment(values, h, COLUMN_TIMESTAMP, moment);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!texts[i].value || !*texts[i].value || !has(h, texts[i].column))
            continue;
        buf_addc(names, ',');
        pg_sql_column(names, texts[i].column);
        buf_addc(values, ',');
        add_cut(values, texts[i].value, texts[i].chars);
    }
}

static void add_record(struct buf *out, const struct pg_how *h, const struct errdb_change *c)
{
    struct buf names = BUF_INIT(PG_SQL), values = BUF_INIT(PG_SQL);
    char moment[64], lock[17] = "";
    snprintf(moment, sizeof moment, "to_timestamp(%" PRId64 "/1000.0)", c->at_ms);
    snprintf(lock, sizeof lock, "%.16s", c->key);
    add_values(&names, &values, h, c, moment);
    buf_addf(out, "SELECT pg_advisory_xact_lock('%" PRId64 "'::bigint);",
             (int64_t)strtoull(lock, NULL, 16));
    buf_addf(out, "INSERT INTO " TABLE "(%s) SELECT ", buf_str(&names));
    buf_adds(out, buf_str(&values));
    buf_adds(out, " WHERE NOT EXISTS (SELECT");
    add_where_key(out, h, c, moment);
    buf_adds(out, ") RETURNING id;SELECT id");
    add_where_key(out, h, c, moment);
    buf_adds(out, " ORDER BY id LIMIT 1;COMMIT");
    out->over |= names.over || values.over;
    buf_release(&names);
    buf_release(&values);
}

void pg_sql_change(struct buf *out, const struct pg_how *h, const struct errdb_change *c)
{
    pg_sql_begin(out, "", false, 0);
    switch (c->act) {
    case ERRDB_RESOLVE:
        add_resolve(out, h, c);
        break;
    case ERRDB_REOPEN:
        add_reopen(out, h, c);
        break;
    case ERRDB_STEP:
        add_step(out, c);
        break;
    case ERRDB_RECORD_ERROR:
        add_record(out, h, c);
        break;
    }
}
