/*
 * core/loop/worker.h - a thread beside the loop for what may block: SQLite, names.
 *
 * Jobs run one after the other in the order of worker_do; `done` is called on the loop's thread.
 * A job that is cancelled before it begins is not run; one that runs is let finish, and its `done`
 * is not called: `drop` is, on either thread, to free what the job held.
 *
 * Thread   the loop's, but for `work` itself        Owns   the job's ctx until done or drop
 * Limits   WORKER_JOBS waiting jobs; worker_do then refuses
 */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H

#include "core/loop/loop.h"

enum { WORKER_JOBS = 1000 };

struct worker;
MUST_USE enum err_code worker_new(struct loop *l, const char *name, struct worker **out,
                                  struct err *e);
/* Runs what is waiting unless it may be dropped, waits for the thread, calls no `done`.  Not from
 * within a `done`.  NULL is fine. */
void worker_free(struct worker *w);

struct worker_job {
    void (*work)(void *ctx); /* the worker's thread */
    void (*done)(void *ctx); /* the loop's thread */
    void (*drop)(void *ctx); /* instead of done: cancelled, or at the end; may be NULL */
    void *ctx;
    bool must_run; /* worker_free runs it first: the journal */
};
/* 0 = refused, nothing is called; else a number for worker_cancel. */
uint64_t worker_do(struct worker *w, const struct worker_job *job);
void worker_cancel(struct worker *w, uint64_t job); /* fine when it is over */

#endif
