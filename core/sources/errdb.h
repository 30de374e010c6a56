/*
 * core/sources/errdb.h - one table deployment_errors, wherever it is: PostgreSQL (errdb_pg.c) or SQLite
 * (errdb_sqlite.c), read for ever and written to on request.
 *
 * Place    "postgresql://..." or a conninfo string ("host=db dbname=ops"), "service=ops"; or
 *          "sqlite:///abs/path", "sqlite://rel/path"
 * Reading  the first page at once, older pages until back_ms, then a tail, for ever, through restarts,
 *          failovers and schema changes.  PostgreSQL: the xmin watermark in pages, a full scan after each
 *          reconnect and once a minute where the table is small enough; a LISTEN only on a direct
 *          connection.  SQLite: when its data_version moves
 * Load     at rest at most one cheap statement a second; no session-level SET, ever
 * Secrets  passwords are masked in every text and in the log
 * Thread   the loop's (SQLite works on the worker)
 * Source   reliability.md section 3; PostgreSQL manual: libpq-async, functions-info, sql-notify
 */
#ifndef SOURCES_ERRDB_H
#define SOURCES_ERRDB_H

#include "core/loop/worker.h"
#include "core/model/ident.h"
#include "core/sources/errfeed.h"

enum { ERRDB_PAGE = 500, ERRDB_WINDOW = 10000, ERRDB_FULL_ROWS = 5000000, ERRDB_RECORD = 64 * 1024 * 1024 };

struct errdb;
struct errdb_spec {
    const char *place;    /* copied */
    const char *timezone; /* of the zoneless columns: an IANA name (PostgreSQL), "UTC" or "+02:00"; NULL = measure */
    const struct triage_rules *rules; /* borrowed */
    int64_t back_ms;      /* look back so far: 24 h; 0 = the first page is enough; -1 = the whole table */
    bool is_once;         /* read first and older pages, then rest: no tail */
    struct feed_hooks feed;
    void (*on_state)(void *ctx); /* anything of struct errdb_state may have changed; ctx is feed.ctx */
};
/* ERR_CONFIG for a place that cannot be read as one; whatever comes later is in the state. */
MUST_USE enum err_code errdb_open(struct loop *l, struct worker *w, const struct errdb_spec *spec,
                                  struct errdb **out, struct err *e);
void errdb_close(struct errdb *db); /* no hook after it; NULL is fine */
void errdb_retry(struct errdb *db); /* it waits: try now */
void errdb_doubt(struct errdb *db); /* suspended: prove the connection */

struct errdb_state { /* borrowed strings, until the next turn */
    struct source_health health; /* name "errors" */
    bool is_synced;       /* the first page is there, and the older ones that were asked for */
    const char *source;   /* "postgresql ops@db-1:5432/ops" */
    int64_t zone_ms;
    const char *zone_text;
    int64_t skew_ms;      /* TIME_NONE = not known */
    int64_t look_from_ms; /* we have looked back to there; TIME_NONE = to the table's beginning */
    bool has_steps, has_notify, is_pooled, is_replica, may_miss;
    unsigned missing;     /* 1u << COLUMN_...: columns that the table does not have */
    int64_t held_back_ms; /* the tail waits for a transaction that began then; TIME_NONE = it does not */
    int64_t full_scan_ms; /* story clock of the last full scan; TIME_NONE = none */
    int64_t sequence_percent; /* of a 32-bit id that is used up; -1 = not known */
    uint64_t steps_version; /* rises when errdb_steps has something new */
    bool is_zone_sure;    /* from the config, or measured */
    uint64_t statements;  /* sent so far */
};
struct errdb_state errdb_state(const struct errdb *db);
const struct errfeed *errdb_feed(const struct errdb *db);
/* Steps of the process that are known for an error, N_STEPS of them, or NULL. */
const struct error_done *errdb_steps(const struct errdb *db, int64_t id);

/* One record in full: every column of the table, ours or not, as text. */
struct errdb_field {
    const char *name, *value; /* value NULL = NULL */
    size_t n;
    bool is_cut;
};
struct errdb_record {
    struct err e; /* ERR_NOTFOUND: no such row */
    const struct errdb_field *fields;
    size_t n;
};
struct errdb_call;
struct errdb_call *errdb_fetch(struct errdb *db, int64_t id,
                               void (*on_done)(void *ctx, const struct errdb_record *r), void *ctx);

/* ---- changes: core/change/actuator.c alone calls this (make layers looks) ---- */

enum errdb_act { ERRDB_RESOLVE, ERRDB_REOPEN, ERRDB_STEP, ERRDB_RECORD_ERROR };
struct errdb_change { /* strings are copied */
    enum errdb_act act;
    int64_t id;             /* of the error, but for RECORD_ERROR */
    const char *key;        /* of the operation, 32 hex digits: what makes a repeat harmless */
    const char *by, *note;
    enum error_step step;
    int64_t resolved_local_ms; /* REOPEN: as we saw it */
    bool is_raw_time;       /* that was read from a record: as it stands in the column */
    /* RECORD_ERROR */
    int64_t at_ms;
    const char *service, *environment, *stage, *code, *severity, *message, *stack, *user_impact,
        *business_impact;
};
enum errdb_outcome {
    OUTCOME_APPLIED,  /* done by us, now or by an earlier sending of the same key */
    OUTCOME_REFUSED,  /* the row is not as it was when this was planned: `text` says who and when */
    OUTCOME_FAILED,   /* nothing was changed, for sure: e says why */
    OUTCOME_UNKNOWN,  /* the answer was lost: call again with the same change, it settles it */
};
struct errdb_result {
    enum errdb_outcome outcome;
    struct err e;
    char text[224]; /* "resolved by bob at 2026-11-24T10:00:00Z" */
    int64_t id;     /* RECORD_ERROR: the new row's */
};
/* One guarded statement in one transaction.  RESOLVE: only an open row; resolved_at is computed in the
 * table's zone by the statement.  A row that is already as wanted, by us and with the same note: APPLIED.
 * RECORD_ERROR: under an advisory lock of the key, and only if no row has the key in its stack trace's
 * first line. */
struct errdb_call *errdb_write(struct errdb *db, const struct errdb_change *c,
                               void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx);
void errdb_cancel(struct errdb_call *c); /* no callback after it; what was sent may still be applied; NULL is fine */

#endif
