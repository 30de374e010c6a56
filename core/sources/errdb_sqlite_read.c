#include "core/sources/errdb_sqlite_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/sources/errdb_decode.h"

enum { SQL_ROOM = 16 * 1024, RECORD_FIELDS = 2000 };
/* Numbers from there on are milliseconds: as seconds that would be the year 5138. */
static const int64_t MS_FROM = INT64_C(100000000000), MS_MOST = INT64_C(6300000000000000);

/* ---- the connection ---- */

struct sqlite_reader *sqlite_reader_new(const char *path)
{
    struct sqlite_reader *r = x_calloc(1, sizeof *r);
    atomic_init(&r->refs, 1);
    r->path = x_strdup(path);
    return r;
}

struct sqlite_reader *sqlite_reader_ref(struct sqlite_reader *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void sqlite_reader_close(struct sqlite_reader *r)
{
    sqlite3_close(r->db);
    r->db = NULL;
}

void sqlite_reader_unref(struct sqlite_reader *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    sqlite_reader_close(r);
    free(r->path);
    free(r);
}

enum err_code sqlite_fail(sqlite3 *db, const char *path, struct err *e)
{
    int code = sqlite3_extended_errcode(db), sys = sqlite3_system_errno(db);
    enum err_code as = ERR_IO;
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        as = ERR_BUSY;
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_TOOBIG:
        as = ERR_PARSE;
        break;
    case SQLITE_CANTOPEN:
        as = sys == ENOENT ? ERR_NOTFOUND : sys == EACCES ? ERR_FORBIDDEN : ERR_IO;
        break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        as = ERR_FORBIDDEN;
    }
    bool has_sys = sys && ((code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_IOERR);
    return err_set(e, as, code, "%s: %s", path, has_sys ? strerror(sys) : sqlite3_errmsg(db));
}

/* The file is somebody else's: no code of its own is run beyond what an INSERT must (its triggers).
 * */
enum err_code sqlite_open_file(const char *path, int flags, int busy_ms, sqlite3 **out,
                               struct err *e)
{
    sqlite3 *db = NULL;
    struct stat st;
    if (stat(path, &st))
        return err_set(e,
                       errno == ENOENT   ? ERR_NOTFOUND
                       : errno == EACCES ? ERR_FORBIDDEN
                                         : ERR_IO,
                       errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) /* to open a pipe would be to wait */
        return err_set(e, ERR_PARSE, 0, "%s: is no regular file", path);
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK) {
        enum err_code rc = sqlite_fail(db, path, e);
        sqlite3_close(db);
        return rc;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_timeout(db, busy_ms);
    *out = db;
    return ERR_OK;
}

static enum err_code prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **out,
                             struct err *e)
{
    return sqlite3_prepare_v2(db, sql, -1, out, NULL) == SQLITE_OK ? ERR_OK
                                                                   : sqlite_fail(db, path, e);
}

enum err_code sqlite_find_shape(sqlite3 *db, const char *path, struct sqlite_shape *out,
                                struct err *e)
{
    struct sqlite_shape s = { .missing = (1u << N_COLUMNS) - 1 };
    sqlite3_stmt *q = NULL;
    int step, n_step_columns = 0;
    bool is_any = false;
    enum err_code rc =
        prepare(db, path,
                "SELECT 0, name, dflt_value FROM pragma_table_info('deployment_errors') UNION ALL"
                " SELECT 1, name, NULL FROM pragma_table_info('deployment_error_steps')"
                " WHERE lower(name) IN ('error_id', 'step', 'by', 'at', 'note')",
                &q, e);
    if (rc)
        return rc;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(q, 1);
        is_any |= !sqlite3_column_int(q, 0);
        n_step_columns += sqlite3_column_int(q, 0);
        for (int c = 0; c < N_COLUMNS && !sqlite3_column_int(q, 0); c++) {
            if (text_eq_fold(name, error_column_names[c]))
                s.missing &= ~(1u << c);
        }
        if (!sqlite3_column_int(q, 0) && text_eq_fold(name, error_column_names[COLUMN_TIMESTAMP]))
            s.is_ours = text_eq((const char *)sqlite3_column_text(q, 2), SQLITE_OWN_TIME);
    }
    if (step != SQLITE_DONE)
        rc = sqlite_fail(db, path, e);
    else if (!is_any)
        rc = err_set(e, ERR_NOTFOUND, 0, "%s: there is no table deployment_errors in it", path);
    else if (s.missing & 1u << COLUMN_ID)
        rc = err_set(e, ERR_PARSE, 0, "%s: the table deployment_errors has no column id", path);
    sqlite3_finalize(q);
    s.has_steps = n_step_columns == 5;
    if (!rc)
        *out = s;
    return rc;
}

static enum err_code ask(struct sqlite_reader *r, const char *sql, sqlite3_stmt **out,
                         struct err *e)
{
    r->statements++;
    enum err_code rc = prepare(r->db, r->path, sql, out, e);
    if (rc)
        sqlite_reader_close(r);
    return rc;
}

/* The end of a statement whose last step was not a row.  A lock is waited for, all else opens anew.
 * */
static enum err_code finish(struct sqlite_reader *r, sqlite3_stmt *q, int step, struct err *e)
{
    enum err_code rc =
        step == SQLITE_DONE || step == SQLITE_ROW ? ERR_OK : sqlite_fail(r->db, r->path, e);
    sqlite3_finalize(q);
    if (rc && rc != ERR_BUSY)
        sqlite_reader_close(r);
    return rc;
}

/* data_version moves when another connection commits, and never for a file that was put elsewhere.
 * */
static enum err_code open_if_needed(struct sqlite_reader *r, struct err *e)
{
    struct stat st = { 0 };
    if (r->db && (stat(r->path, &st) || st.st_ino != r->ino || st.st_dev != r->dev))
        sqlite_reader_close(r);
    if (r->db)
        return ERR_OK;
    enum err_code rc =
        sqlite_open_file(r->path, SQLITE_OPEN_READONLY, SQLITE_READ_BUSY_MS, &r->db, e);
    if (rc)
        return rc;
    if (stat(r->path, &st) == 0) {
        r->ino = st.st_ino;
        r->dev = st.st_dev;
    }
    r->is_new = true;
    return ERR_OK;
}

static enum err_code go_on(struct sqlite_reader *r, struct err *e)
{
    enum err_code rc = open_if_needed(r, e);
    return rc || !r->is_new ? rc
                            : err_set(e, ERR_BUSY, 0, "%s: another file is there now", r->path);
}

static enum err_code look_at_table(struct sqlite_reader *r, struct sqlite_look *l, struct err *e)
{
    sqlite3_stmt *q = NULL;
    enum err_code rc = sqlite_find_shape(r->db, r->path, &r->shape, e);
    if (rc) {
        sqlite_reader_close(r);
        return rc;
    }
    if ((rc = ask(r, "SELECT max(id) FROM deployment_errors WHERE typeof(id) = 'integer'", &q, e)))
        return rc;
    int step = sqlite3_step(q);
    l->is_empty = step == SQLITE_ROW && sqlite3_column_type(q, 0) == SQLITE_NULL;
    l->top = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    return finish(r, q, step, e);
}

/* The version is taken before the rows are read: what comes in between is seen by the next look. */
enum err_code sqlite_look(struct sqlite_reader *r, struct sqlite_look *out, struct err *e)
{
    struct sqlite_look l = { 0 };
    sqlite3_stmt *q = NULL;
    enum err_code rc = open_if_needed(r, e);
    if (rc || (rc = ask(r, "PRAGMA data_version", &q, e)))
        return rc;
    int step = sqlite3_step(q);
    int64_t version = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    if ((rc = finish(r, q, step, e)))
        return rc;
    l.is_reopened = r->is_new;
    l.has_moved = r->is_new || version != r->version;
    if (l.has_moved && (rc = look_at_table(r, &l, e)))
        return rc;
    r->version = version;
    r->is_new = false;
    l.shape = r->shape;
    *out = l;
    return ERR_OK;
}

/* ---- rows ---- */

static bool has_zone(const char *s, size_t n)
{
    for (size_t i = 10; i < n; i++) {
        if (s[i] == 'Z' || s[i] == '+' || s[i] == '-')
            return true;
    }
    return false;
}

enum sqlite_time sqlite_column_time(sqlite3_stmt *q, int column, int64_t *out_ms)
{
    int type = sqlite3_column_type(q, column);
    *out_ms = TIME_NONE;
    if (type == SQLITE_NULL)
        return TIME_IS_NULL;
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
        double v = sqlite3_column_double(q, column);
        bool is_ms = v >= (double)MS_FROM || v <= -(double)MS_FROM;
        if (v < (double)MS_MOST && v > -(double)MS_MOST)
            *out_ms = type == SQLITE_INTEGER ? sqlite3_column_int64(q, column) * (is_ms ? 1 : 1000)
                                             : (int64_t)(v * (is_ms ? 1 : 1000));
        return is_ms ? TIME_IS_MS : TIME_IS_SECONDS;
    }
    const char *s = (const char *)sqlite3_column_text(q, column);
    size_t n = s ? (size_t)sqlite3_column_bytes(q, column) : 0;
    if (!s || !errdb_decode_time(s, n, out_ms))
        *out_ms = TIME_NONE;
    return has_zone(s ? s : "", n) ? TIME_IS_ZONED
           : n > 10 && s[10] == 'T' ? TIME_IS_LOCAL_T
                                    : TIME_IS_LOCAL;
}

static bool is_utc(enum sqlite_time t)
{
    return t >= TIME_IS_ZONED;
}

bool sqlite_parse_zone(const char *s, int64_t *out_ms)
{
    int64_t h, m;
    *out_ms = 0;
    if (text_eq_fold(s, "UTC") || text_eq(s, "Z"))
        return true;
    if ((s[0] != '+' && s[0] != '-') || strlen(s) != 6 || s[3] != ':' ||
        !text_to_int(s + 1, 2, 0, 14, &h) || !text_to_int(s + 4, 2, 0, 59, &m))
        return false;
    *out_ms = (h * 60 + m) * (s[0] == '-' ? -60000 : 60000);
    return true;
}

/* In the order of errdb_decode_row, and behind it the lengths of what is cut: a change there is
 * one. */
static void add_columns(struct buf *sql, unsigned missing)
{
    static const enum error_column long_ones[] = { COLUMN_MESSAGE, COLUMN_USER_IMPACT,
                                                   COLUMN_BUSINESS_IMPACT, COLUMN_NOTES };
    buf_adds(sql, "SELECT id, NULL, ");
    buf_adds(sql, missing & 1u << COLUMN_STACK ? "NULL" : "length(CAST(stack_trace AS BLOB))");
    for (int c = COLUMN_TIMESTAMP; c < N_COLUMNS; c++) {
        const char *name = error_column_names[c];
        if (missing & 1u << c)
            buf_adds(sql, ", NULL");
        else if (c == COLUMN_TIMESTAMP || c == COLUMN_RESOLVED_AT)
            buf_addf(sql,
                     ", CASE WHEN typeof(\"%s\") IN ('text', 'blob') THEN substr(CAST(\"%s\" AS "
                     "TEXT), 1, %d)"
                     " ELSE \"%s\" END",
                     name, name, ERROR_NAME, name);
        else
            buf_addf(sql, ", substr(CAST(\"%s\" AS TEXT), 1, %d)", name,
                     errdb_column_chars((enum error_column)c));
    }
    buf_adds(sql, ", ''");
    for (size_t i = 0; i < ARRAY_LEN(long_ones); i++) {
        if (!(missing & 1u << long_ones[i]))
            buf_addf(sql, " || ifnull(length(\"%s\"), '') || ','",
                     error_column_names[long_ones[i]]);
    }
    buf_adds(sql, " FROM deployment_errors WHERE typeof(id) = 'integer' AND id ");
}

static uint64_t hash_more(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

/* One of a row's two times may have a zone and the other none: both become what the row's own is.
 * */
int64_t sqlite_time_as(bool is_zoned, enum sqlite_time t, int64_t ms, int64_t zone_ms)
{
    if (ms == TIME_NONE || t == TIME_IS_NULL || is_utc(t) == is_zoned)
        return ms;
    return is_zoned ? ms - zone_ms : ms + zone_ms;
}

static enum err_code row_of(sqlite3_stmt *q, int64_t zone_ms, struct error_row **out, struct err *e)
{
    enum { AT = ERRDB_LEAD, RESOLVED_AT = ERRDB_LEAD + COLUMN_RESOLVED_AT - COLUMN_TIMESTAMP };
    struct errdb_value v[ERRDB_VALUES];
    int64_t at, resolved;
    enum sqlite_time at_is = sqlite_column_time(q, AT, &at),
                     resolved_is = sqlite_column_time(q, RESOLVED_AT, &resolved);
    for (int i = 0; i < ERRDB_VALUES; i++) {
        v[i].p = (const char *)sqlite3_column_text(q, i); /* NULL for NULL */
        v[i].n = (size_t)sqlite3_column_bytes(q, i);
    }
    bool is_zoned = is_utc(at_is == TIME_IS_NULL ? resolved_is : at_is);
    enum err_code rc = errdb_decode_row(v, is_zoned, out, e);
    if (rc)
        return rc;
    struct error_row *row = *out;
    row->local_ms = at;
    row->resolved_local_ms = sqlite_time_as(is_zoned, resolved_is, resolved, zone_ms);
    row->hash = hash_more(row->hash, (const char *)sqlite3_column_text(q, ERRDB_VALUES));
    row->stamp = row->hash ? row->hash : 1;
    return ERR_OK;
}

enum err_code sqlite_read_page(struct sqlite_reader *r, struct sqlite_page *p, struct err *e)
{
    struct buf sql = BUF_INIT(SQL_ROOM);
    sqlite3_stmt *q = NULL;
    enum err_code rc = go_on(r, e);
    if (rc)
        return rc;
    add_columns(&sql, r->shape.missing);
    buf_addf(&sql, "%s ? ORDER BY id %s LIMIT %d", p->is_down ? "<" : ">",
             p->is_down ? "DESC" : "ASC", ERRDB_PAGE);
    rc = ask(r, buf_str(&sql), &q, e);
    buf_release(&sql);
    if (rc)
        return rc;
    sqlite3_bind_int64(q, 1, p->from);
    int step = SQLITE_DONE;
    p->n = 0;
    while (p->n < ERRDB_PAGE && (step = sqlite3_step(q)) == SQLITE_ROW) {
        if ((rc = row_of(q, p->zone_ms, &p->rows[p->n], e)))
            break;
        p->n++;
    }
    enum err_code end = finish(r, q, step, rc ? NULL : e);
    rc = rc ? rc : end;
    while (rc && p->n) /* half a page is none */
        error_row_unref(p->rows[--p->n]);
    return rc;
}

enum err_code sqlite_read_gone(struct sqlite_reader *r, int64_t *ids, size_t *n, struct err *e)
{
    sqlite3_stmt *q = NULL;
    size_t gone = 0, at = 0;
    int step = SQLITE_DONE;
    if (!*n)
        return ERR_OK;
    enum err_code rc = go_on(r, e);
    if (rc || (rc = ask(r,
                        "SELECT id FROM deployment_errors WHERE typeof(id) = 'integer' AND"
                        " id BETWEEN ? AND ? ORDER BY id",
                        &q, e)))
        return rc;
    sqlite3_bind_int64(q, 1, ids[0]);
    sqlite3_bind_int64(q, 2, ids[*n - 1]);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0);
        while (at < *n && ids[at] < id)
            ids[gone++] = ids[at++];
        at += at < *n && ids[at] == id;
    }
    rc = finish(r, q, step, e);
    if (rc)
        return rc;
    while (at < *n)
        ids[gone++] = ids[at++];
    *n = gone;
    return ERR_OK;
}

/* ---- steps of the process ---- */

static void add_step(struct sqlite_steps *s, sqlite3_stmt *q, int64_t zone_ms)
{
    int64_t id = sqlite3_column_int64(q, 0), at;
    const char *name = (const char *)sqlite3_column_text(q, 1);
    int step = 0;
    while (step < N_STEPS && !(name && text_eq_fold(name, error_step_name((enum error_step)step))))
        step++;
    if (step == N_STEPS)
        return;
    if (!s->n || s->of[s->n - 1].id != id) {
        s->of[s->n] = (struct sqlite_step){ .id = id };
        for (int i = 0; i < N_STEPS; i++)
            s->of[s->n].steps[i] = (struct error_done){ .at_ms = TIME_NONE, .by = "", .note = "" };
        s->n++;
    }
    struct error_done *d = &s->of[s->n - 1].steps[step];
    enum sqlite_time t = sqlite_column_time(q, 3, &at);
    at = at == TIME_NONE ? 0 : is_utc(t) ? at : at - zone_ms; /* done, even if nobody knows when */
    if (d->at_ms != TIME_NONE && d->at_ms <= at)
        return; /* whoever was first */
    const char *by = (const char *)sqlite3_column_text(q, 2),
               *note = (const char *)sqlite3_column_text(q, 4);
    *d = (struct error_done){ .at_ms = at,
                              .by = arena_strdup(&s->arena, by ? by : ""),
                              .note = arena_strdup(&s->arena, note ? note : "") };
}

enum err_code sqlite_read_steps(struct sqlite_reader *r, int64_t from_id, int64_t zone_ms,
                                struct sqlite_steps *out, struct err *e)
{
    struct sqlite_steps s = { 0 };
    sqlite3_stmt *q = NULL;
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT error_id, substr(step, 1, %d), substr(\"by\", 1, %d), at, substr(note, 1, %d)"
             " FROM deployment_error_steps WHERE error_id >= ? AND typeof(error_id) = 'integer'"
             " ORDER BY error_id LIMIT %d",
             ERROR_NAME, ERROR_NAME, ERROR_TEXT, SQLITE_STEPS_MOST);
    enum err_code rc = go_on(r, e);
    if (rc || (rc = ask(r, sql, &q, e)))
        return rc;
    s.of = x_calloc(SQLITE_STEPS_MOST, sizeof *s.of);
    sqlite3_bind_int64(q, 1, from_id);
    int step;
    while ((step = sqlite3_step(q)) == SQLITE_ROW)
        add_step(&s, q, zone_ms);
    if ((rc = finish(r, q, step, e))) {
        sqlite_steps_release(&s);
        return rc;
    }
    s.of = x_realloc(s.of, (s.n + 1) * sizeof *s.of);
    *out = s;
    return ERR_OK;
}

void sqlite_steps_release(struct sqlite_steps *s)
{
    arena_release(&s->arena);
    free(s->of);
    *s = (struct sqlite_steps){ 0 };
}

const struct error_done *sqlite_steps_find(const struct sqlite_steps *s, int64_t id)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->of[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n && s->of[low].id == id ? s->of[low].steps : NULL;
}

/* ---- one record in full ---- */

enum err_code sqlite_read_record(struct sqlite_reader *r, int64_t id, struct arena *a,
                                 struct errdb_field **out, size_t *out_n, struct err *e)
{
    sqlite3_stmt *q = NULL;
    size_t left = ERRDB_RECORD;
    enum err_code rc = open_if_needed(r, e);
    if (rc ||
        (rc = ask(r,
                  "SELECT * FROM deployment_errors WHERE id = ? AND typeof(id) = 'integer' LIMIT 1",
                  &q, e)))
        return rc;
    sqlite3_bind_int64(q, 1, id);
    int step = sqlite3_step(q), n = sqlite3_column_count(q);
    if (step != SQLITE_ROW) {
        rc = finish(r, q, step, e);
        return rc ? rc
                  : err_set(e, ERR_NOTFOUND, 0, "there is no error %" PRId64 " in %s", id, r->path);
    }
    if (n > RECORD_FIELDS)
        n = RECORD_FIELDS;
    struct errdb_field *fields = arena_alloc(a, (size_t)n * sizeof *fields);
    for (int i = 0; i < n; i++) {
        struct errdb_field *f = &fields[i];
        f->name = arena_strdup(a, sqlite3_column_name(q, i));
        const char *text = (const char *)sqlite3_column_text(q, i);
        size_t bytes = text ? (size_t)sqlite3_column_bytes(q, i) : 0;
        f->is_cut = bytes > left;
        f->n = bytes > left ? left : bytes;
        left -= f->n;
        f->value = text ? arena_strndup(a, text, f->n) : NULL;
    }
    *out = fields;
    *out_n = (size_t)n;
    return finish(r, q, step, e);
}
