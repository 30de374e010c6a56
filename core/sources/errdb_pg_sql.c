#include "core/sources/errdb_pg_sql.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/errdb.h"

enum { STATEMENT_MS = 4000, LOCK_MS = 2000, OVERLAP = 1000, OVERLAP_BLIND = 200, RECORD_CHARS = 1 << 20,
       RECORD_STATEMENT_MS = 50000 };

#define TABLE "deployment_errors"

/* ---- words ---- */

void pg_sql_literal(struct buf *out, const char *s)
{
    size_t left = strlen(s);
    buf_adds(out, "E'");
    while (left) {
        int32_t cp;
        size_t n = text_decode(s, left, &cp);
        if (*s == '\'' || *s == '\\')
            buf_addf(out, "%c%c", *s, *s);
        else if (n)
            buf_add(out, s, n);
        else
            buf_adds(out, "\xEF\xBF\xBD");
        s += n ? n : 1;
        left -= n ? n : 1;
    }
    buf_addc(out, '\'');
}

void pg_sql_name(struct buf *out, const char *s)
{
    buf_addc(out, '"');
    for (; *s; s++)
        buf_addf(out, *s == '"' ? "\"\"" : "%c", *s);
    buf_addc(out, '"');
}

void pg_sql_column(struct buf *out, enum error_column c)
{
    pg_sql_name(out, error_column_names[c]);
}

void pg_sql_begin(struct buf *out, const char *mode, bool is_raw, int statement_ms)
{
    buf_addf(out,
             "BEGIN ISOLATION LEVEL READ COMMITTED %s;SET LOCAL statement_timeout=%d;"
             "SET LOCAL lock_timeout=%d;SET LOCAL datestyle='ISO, YMD';SET LOCAL timezone='UTC';"
             "SET LOCAL client_encoding='%s';",
             mode, statement_ms ? statement_ms : STATEMENT_MS, LOCK_MS, is_raw ? "SQL_ASCII" : "UTF8");
}

static void begin(struct buf *out, const struct pg_how *h)
{
    pg_sql_begin(out, "READ ONLY", h->is_raw, 0);
}

bool pg_int(const PGresult *r, int row, int column, int64_t *out)
{
    return !PQgetisnull(r, row, column) &&
           text_to_int(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column), INT64_MIN,
                       INT64_MAX, out);
}

/* ---- columns of a row ---- */

static bool is_type(const struct pg_shape *s, enum error_column c, const char *type)
{
    return text_eq(s->types[c], type);
}

bool pg_is_zoned(const struct pg_how *h)
{
    return is_type(h->shape, COLUMN_TIMESTAMP, "timestamptz") ||
           (h->zone == ZONE_NAME && is_type(h->shape, COLUMN_TIMESTAMP, "timestamp"));
}

/* Both times of a row in the same way: as UTC when `timestamp` comes as UTC, else in the table's zone. */
void pg_sql_time(struct buf *out, const struct pg_how *h, enum error_column c)
{
    bool is_zoned = is_type(h->shape, c, "timestamptz"), is_plain = is_type(h->shape, c, "timestamp");
    if (is_plain && h->zone == ZONE_NAME) {
        pg_sql_column(out, c);
        buf_adds(out, " AT TIME ZONE ");
        pg_sql_literal(out, h->shape->zone_name);
    } else if (is_plain && pg_is_zoned(h)) {
        buf_addc(out, '(');
        pg_sql_column(out, c);
        buf_addf(out, "-interval '%" PRId64 " milliseconds') AT TIME ZONE 'UTC'", h->zone_ms);
    } else if (is_zoned && !pg_is_zoned(h)) {
        buf_addc(out, '(');
        pg_sql_column(out, c);
        buf_addf(out, " AT TIME ZONE 'UTC')+interval '%" PRId64 " milliseconds'", h->zone_ms);
    } else {
        pg_sql_column(out, c);
        buf_adds(out, is_plain || is_zoned ? "" : "::text");
    }
}

static void add_columns(struct buf *out, const struct pg_how *h)
{
    buf_adds(out, h->shape->has_xmin ? "id,xmin::text," : "id,NULL::text,");
    buf_adds(out, h->shape->types[COLUMN_STACK] ? "octet_length(stack_trace::text)" : "NULL::int");
    for (int c = COLUMN_TIMESTAMP; c < N_COLUMNS; c++) {
        buf_addc(out, ',');
        if (!h->shape->types[c])
            buf_adds(out, "NULL::text");
        else if (c == COLUMN_TIMESTAMP || c == COLUMN_RESOLVED_AT)
            pg_sql_time(out, h, (enum error_column)c);
        else {
            buf_adds(out, "left(");
            pg_sql_column(out, (enum error_column)c);
            buf_addf(out, "::text,%d)", errdb_column_chars((enum error_column)c));
        }
        buf_addf(out, " AS c%d", c); /* "AT TIME ZONE" and left() have no names of their own */
    }
}

/* ---- statements ---- */

/* OFFSET 0: the planner must not take it apart, or the snapshot is asked for once a row. */
static void add_head(struct buf *out, const struct pg_how *h, const char *more)
{
    buf_addf(out,
             "SELECT s.w,s.x,s.now,s.top%s FROM (SELECT %s AS w,%s AS x,"
             "(extract(epoch FROM clock_timestamp())*1000)::bigint AS now,"
             "(SELECT max(id) FROM " TABLE ")::bigint AS top OFFSET 0) s ",
             more,
             h->shape->has_watermark ? "pg_snapshot_xmin(pg_current_snapshot())::text" : "NULL",
             h->shape->has_watermark ? "pg_snapshot_xmax(pg_current_snapshot())::text" : "NULL");
}

static const char *version_of(const struct pg_how *h)
{
    return h->shape->has_xmin ? "xmin::text" : "NULL::text";
}

static void add_is_new(struct buf *out, const struct pg_how *h, uint64_t w)
{
    uint32_t xid = (uint32_t)w;
    if (h->shape->has_watermark) /* 0 to 2 are no transactions */
        buf_addf(out, " AND age(xmin) BETWEEN 0 AND age('%" PRIu32 "'::xid)", xid < 3 ? 3 : xid);
}

void pg_sql_keys(struct buf *out, const struct pg_how *h, const struct pg_keys *k)
{
    begin(out, h);
    add_head(out, h, k->chunk ? ",c.last,c.n,e.id,e.v" : ",NULL,NULL,e.id,e.v");
    if (k->chunk)
        buf_addf(out,
                 "CROSS JOIN (SELECT max(id) AS last,count(*) AS n FROM (SELECT id FROM " TABLE
                 " WHERE id > '%" PRId64 "'::bigint ORDER BY id LIMIT %" PRId64 ") k) c ",
                 k->floor, k->chunk);
    buf_addf(out, "LEFT JOIN LATERAL (SELECT id,%s AS v FROM " TABLE " WHERE id > ", version_of(h));
    if (k->chunk)
        buf_addf(out, "'%" PRId64 "'::bigint AND id <= c.last", k->floor);
    else
        buf_addf(out, "greatest('%" PRId64 "'::bigint,least(s.top,'%" PRId64 "'::bigint)-%d)", k->floor,
                 k->top_before,
                 h->shape->has_watermark ? ERRDB_WINDOW : h->shape->has_xmin ? OVERLAP : OVERLAP_BLIND);
    add_is_new(out, h, k->w);
    buf_addf(out, " ORDER BY id LIMIT %d) e ON true;COMMIT", ERRDB_PAGE);
}

void pg_sql_page(struct buf *out, const struct pg_how *h, int64_t before, int n)
{
    begin(out, h);
    add_head(out, h, ",e.*");
    buf_adds(out, "LEFT JOIN LATERAL (SELECT ");
    add_columns(out, h);
    buf_addf(out,
             " FROM " TABLE " WHERE id < '%" PRId64
             "'::bigint ORDER BY id DESC LIMIT %d) e ON true;COMMIT",
             before, n);
}

static void add_ids(struct buf *out, const int64_t *ids, size_t n)
{
    buf_adds(out, " WHERE id = ANY('{");
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%" PRId64, i ? "," : "", ids[i]);
    buf_adds(out, "}'::bigint[])");
}

void pg_sql_held(struct buf *out, const struct pg_how *h, const int64_t *ids, size_t n)
{
    begin(out, h);
    add_head(out, h, ",e.id,e.v");
    buf_addf(out, "LEFT JOIN LATERAL (SELECT id,%s AS v FROM " TABLE, version_of(h));
    add_ids(out, ids, n);
    buf_adds(out, " ORDER BY id) e ON true;COMMIT");
}

void pg_sql_rows(struct buf *out, const struct pg_how *h, const int64_t *ids, size_t n)
{
    begin(out, h);
    buf_adds(out, "SELECT ");
    add_columns(out, h);
    buf_adds(out, " FROM " TABLE);
    add_ids(out, ids, n);
    buf_adds(out, " ORDER BY id;COMMIT");
}

void pg_sql_steps(struct buf *out, const struct pg_how *h, int64_t from_id)
{
    begin(out, h);
    buf_addf(out,
             "SELECT error_id,left(step,%d),left(\"by\",%d),(extract(epoch FROM at)*1000)::bigint,"
             "left(note,%d) FROM deployment_error_steps WHERE error_id >= '%" PRId64
             "'::bigint ORDER BY error_id,step LIMIT %d;COMMIT",
             ERROR_NAME, ERROR_NAME, ERROR_TEXT, from_id, PG_STEPS_MOST);
}

void pg_sql_record(struct buf *out, const struct pg_how *h, int64_t id)
{
    const struct pg_shape *s = h->shape;
    pg_sql_begin(out, "READ ONLY", h->is_raw, RECORD_STATEMENT_MS); /* sending it counts */
    buf_adds(out, "SELECT s.n");
    for (size_t i = 0; i < s->n_columns; i++) {
        buf_adds(out, ",octet_length(e.");
        pg_sql_name(out, s->columns[i].name);
        buf_addf(out, "::text),CASE WHEN s.n <= %d THEN e.", ERRDB_RECORD);
        pg_sql_name(out, s->columns[i].name);
        buf_adds(out, "::text ELSE left(e.");
        pg_sql_name(out, s->columns[i].name);
        buf_addf(out, "::text,%d) END", (int)(RECORD_CHARS * 14 / (s->n_columns > 14 ? s->n_columns : 14)));
    }
    buf_addf(out, " FROM " TABLE " e CROSS JOIN LATERAL (SELECT 0::bigint");
    for (size_t i = 0; i < s->n_columns; i++) {
        buf_adds(out, "+coalesce(octet_length(e.");
        pg_sql_name(out, s->columns[i].name);
        buf_adds(out, "::text),0)");
    }
    buf_addf(out, " AS n) s WHERE e.id = '%" PRId64 "'::bigint LIMIT 1;COMMIT", id);
}
