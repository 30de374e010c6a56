#include "core/sim/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"

enum { COLUMNS = 9 };

struct waiting {
    char *columns[COLUMNS]; /* NULL = NULL */
};

struct rows {
    sqlite3 *db;
    sqlite3_stmt *insert;
    bool is_open; /* a transaction */
    PGconn *pg;
    bool is_connected, is_making, is_asking,
        is_writing;                  /* is_writing: not all is with the kernel yet */
    PostgresPollingStatusType wants; /* while it connects */
    struct waiting *queue;
    size_t n, room;
    char error[224];
};

static const char table[] =
    "CREATE TABLE IF NOT EXISTS deployment_errors (id INTEGER PRIMARY KEY, timestamp TEXT DEFAULT "
    "(strftime('%Y-%m-%d %H:%M:%f','now')), service_name TEXT, environment TEXT, deployment_stage "
    "TEXT, error_code TEXT, "
    "severity TEXT, error_message TEXT, stack_trace TEXT, user_impact TEXT, business_impact TEXT, "
    "resolution_notes TEXT, "
    "resolved_at TEXT, resolved_by TEXT);"
    "CREATE TABLE IF NOT EXISTS deployment_error_steps (error_id INTEGER NOT NULL, step TEXT NOT "
    "NULL, by TEXT NOT NULL, "
    "at TEXT NOT NULL, note TEXT);"
    "CREATE INDEX IF NOT EXISTS deployment_error_steps_error ON deployment_error_steps (error_id);"
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;";

static const char insert_sqlite[] =
    "INSERT INTO deployment_errors (timestamp, service_name, environment, deployment_stage, "
    "error_code, severity, error_message, "
    "stack_trace, user_impact, business_impact) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/* As in conf/schema.sql, which has more; whoever may not make it has it already. */
static const char table_pg[] =
    "CREATE TABLE IF NOT EXISTS deployment_errors (id SERIAL PRIMARY KEY, timestamp TIMESTAMP "
    "DEFAULT "
    "CURRENT_TIMESTAMP, service_name VARCHAR(100), environment VARCHAR(50), deployment_stage "
    "VARCHAR(100), error_code VARCHAR(50), severity VARCHAR(20), error_message TEXT, stack_trace "
    "TEXT, "
    "user_impact TEXT, business_impact TEXT, resolution_notes TEXT, resolved_at TIMESTAMP, "
    "resolved_by VARCHAR(100))";

/* timestamp has no zone: it is the server's, as with DEFAULT CURRENT_TIMESTAMP. */
static const char insert_pg[] =
    "INSERT INTO deployment_errors (timestamp, service_name, environment, deployment_stage, "
    "error_code, severity, error_message, "
    "stack_trace, user_impact, business_impact) VALUES ($1::timestamptz::timestamp, $2, "
    "'production', $3, $4, $5, $6, $7, $8, $9)";

static char *time_text(int64_t ms, char out[48])
{
    char whole[CLOCK_TEXT];
    clock_format_rfc3339(ms, whole);
    whole[10] = ' ';
    snprintf(out, 48, "%.19s.%03d", whole, (int)((ms % 1000 + 1000) % 1000));
    return out;
}

static void fail(struct rows *r, const char *text)
{
    text_clean_to(r->error, sizeof r->error, text, strcspn(text, "\n"));
}

enum err_code rows_open_sqlite(const char *path, struct rows **out, struct err *e)
{
    struct rows *r = x_calloc(1, sizeof *r);
    int fd =
        open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600); /* others may not read errors */
    enum err_code rc = ERR_OK;
    if (fd < 0)
        rc = err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    else if (close(fd) || sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE, NULL) ||
             sqlite3_busy_timeout(r->db, 2000) || sqlite3_exec(r->db, table, NULL, NULL, NULL) ||
             sqlite3_prepare_v2(r->db, insert_sqlite, -1, &r->insert, NULL))
        rc = err_set(e, ERR_IO, sqlite3_errcode(r->db), "%s: %s", path, sqlite3_errmsg(r->db));
    if (rc)
        rows_free(r);
    else
        *out = r;
    if (rc && fd >= 0) /* made, and of no use */
        unlink(path);
    return rc;
}

static void on_notice(void *ctx, const char *text)
{
    (void)ctx; /* "the table exists already" is no news */
    (void)text;
}

enum err_code rows_open_pg(const char *uri, struct rows **out, struct err *e)
{
    struct rows *r = x_calloc(1, sizeof *r);
    r->pg = x_must(PQconnectStart(uri));
    r->wants = PGRES_POLLING_WRITING;
    PQsetNoticeProcessor(r->pg, on_notice, NULL);
    if (PQstatus(r->pg) == CONNECTION_BAD) {
        char text[200];
        text_clean_to(text, sizeof text, PQerrorMessage(r->pg),
                      strcspn(PQerrorMessage(r->pg), "\n"));
        rows_free(r);
        return err_set(e, ERR_NET, 0, "--errors-db: %s", text);
    }
    *out = r;
    return ERR_OK;
}

static void drop_first(struct rows *r)
{
    for (int i = 0; i < COLUMNS; i++)
        free(r->queue[0].columns[i]);
    memmove(r->queue, r->queue + 1, --r->n * sizeof *r->queue);
}

void rows_free(struct rows *r)
{
    if (!r)
        return;
    while (r->n)
        drop_first(r);
    free(r->queue);
    if (r->insert)
        sqlite3_finalize(r->insert);
    sqlite3_close(r->db);
    if (r->pg)
        PQfinish(r->pg);
    free(r);
}

static void write_sqlite(struct rows *r, const struct error_row *row)
{
    char at[48];
    const struct row_spec *s = row->spec;
    const char *const values[] = { time_text(row->at_ms, at),
                                   row->service,
                                   row->environment,
                                   s->stage,
                                   s->code,
                                   s->severity,
                                   s->message,
                                   s->stack,
                                   s->user_impact,
                                   s->business_impact };
    if (!r->is_open)
        r->is_open = sqlite3_exec(r->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        sqlite3_bind_text(r->insert, (int)i + 1, values[i], -1, SQLITE_TRANSIENT);
    if (sqlite3_step(r->insert) != SQLITE_DONE)
        fail(r, sqlite3_errmsg(r->db));
    sqlite3_reset(r->insert);
}

static void queue_pg(struct rows *r, const struct error_row *row)
{
    char at[48], with_zone[56];
    const struct row_spec *s = row->spec;
    snprintf(with_zone, sizeof with_zone, "%s+00", time_text(row->at_ms, at));
    const char *const values[COLUMNS] = { with_zone, row->service,   s->stage,
                                          s->code,   s->severity,    s->message,
                                          s->stack,  s->user_impact, s->business_impact };
    if (r->n == ROWS_WAITING) {
        fail(r, "too many rows wait for the database");
        return;
    }
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->queue = x_realloc(r->queue, r->room * sizeof *r->queue);
    }
    struct waiting *q = &r->queue[r->n++];
    for (int i = 0; i < COLUMNS; i++)
        q->columns[i] = values[i] ? x_strdup(values[i]) : NULL;
}

void rows_add(struct rows *r, const struct error_row *row)
{
    if (r->db)
        write_sqlite(r, row);
    else
        queue_pg(r, row);
}

/* The next of the queue, when nothing is under way. */
static void ask(struct rows *r)
{
    if (!r->is_connected || r->is_asking || !r->n)
        return;
    if (!PQsendQueryParams(r->pg, insert_pg, COLUMNS, NULL,
                           (const char *const *)r->queue[0].columns, NULL, NULL, 0)) {
        fail(r, PQerrorMessage(r->pg));
        return;
    }
    r->is_asking = true;
    r->is_writing = PQflush(r->pg) == 1;
}

void rows_flush(struct rows *r)
{
    if (r->is_open && sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        fail(r, sqlite3_errmsg(r->db));
    r->is_open = false;
    if (r->pg)
        ask(r);
}

bool rows_is_idle(const struct rows *r)
{
    return r->db || (!r->n && !r->is_asking) || PQstatus(r->pg) == CONNECTION_BAD;
}

const char *rows_error(const struct rows *r)
{
    return r->error;
}

int rows_want(const struct rows *r, short *events)
{
    if (!r->pg || PQstatus(r->pg) == CONNECTION_BAD)
        return -1;
    bool is_out = r->is_connected ? r->is_writing : r->wants == PGRES_POLLING_WRITING;
    *events = r->is_connected ? (short)(POLLIN | (is_out ? POLLOUT : 0))
              : is_out        ? POLLOUT
                              : POLLIN;
    return PQsocket(r->pg);
}

void rows_serve(struct rows *r)
{
    PGresult *answer;
    if (!r->pg)
        return;
    if (!r->is_connected) {
        r->wants = PQconnectPoll(r->pg);
        if (r->wants == PGRES_POLLING_FAILED)
            fail(r, PQerrorMessage(r->pg));
        if (r->wants != PGRES_POLLING_OK)
            return;
        r->is_connected = PQsetnonblocking(r->pg, 1) == 0;
        r->is_making = r->is_asking = PQsendQuery(r->pg, table_pg) == 1;
    }
    if (!PQconsumeInput(r->pg))
        fail(r, PQerrorMessage(r->pg));
    r->is_writing = PQflush(r->pg) == 1;
    while (r->is_asking && !PQisBusy(r->pg)) {
        answer = PQgetResult(r->pg);
        if (!answer) {
            if (!r->is_making)
                drop_first(r);
            r->is_asking = r->is_making = false;
            break;
        }
        if (PQresultStatus(answer) != PGRES_COMMAND_OK && !r->is_making)
            fail(r, PQresultErrorMessage(answer));
        PQclear(answer);
    }
    ask(r);
}
