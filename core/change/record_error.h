/*
 * core/change/record_error.h - failures of `bakewatch run`, from the spool into the error database, each
 * once.
 *
 * A record is written to the spool before anything else: {"key", "at", "state": "running" | "failed", and
 * the columns}.  Whoever holds the spool's lock delivers: INTENT, then an INSERT that is guarded by the
 * record's key, then the record is taken out.  It names the database that it is for, by a digest (the text
 * may hold a password): a delivery into another one leaves it.  Killed anywhere in between, the next one sends the same
 * again, and the guard finds it.  A record that is "running" although nobody holds its key's lock any more
 * was left by a run that was killed: it is delivered as that.  With the row, what was killed on
 * the way has its end: its operations in the journal are closed.
 *
 * Thread   the loop's; the spool is read and written on the worker
 */
#ifndef CHANGE_RECORD_ERROR_H
#define CHANGE_RECORD_ERROR_H

#include "core/change/actuator.h"
#include "core/sources/errdb.h"

enum { RUN_PLACE = 17 };
void run_place(const char *db, char out[RUN_PLACE]); /* db: as errdb_open takes it */

struct run_record { /* strings are borrowed */
    const char *key;  /* 32 hex digits */
    const char *place; /* run_place, "" = the first database that comes */
    bool is_running;
    int64_t at_ms;
    const char *service, *environment, *stage, *code, *severity, *message, *stack, *user_impact, *business_impact;
};
void run_record_json(struct buf *out, const struct run_record *r);

struct deliver_spec {
    struct loop *loop;
    struct worker *worker;
    struct actuator *gate;
    struct errdb *db;      /* live, or nothing comes of it */
    const char *state_dir; /* copied */
    const char *place;     /* copied: run_place of db */
    const char *who;       /* copied: "ann@bastion-1" */
    /* Last call; deliver_free is still the owner's.  e: why the rest stays (n_left), or ERR_BUSY: another process delivers. */
    void (*on_end)(void *ctx, size_t n_delivered, size_t n_left, const struct err *e);
    void *ctx;
};
struct deliver;
struct deliver *deliver_new(const struct deliver_spec *spec);
size_t deliver_elsewhere(const struct deliver *d); /* records that are for another database: they stay */
void deliver_free(struct deliver *d); /* no callback after it; NULL is fine */

#endif
