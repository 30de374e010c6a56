/*
 * core/sources/errdb_sqlite_call.h - one record read in full, or one change, of an SQLite error table: each a
 * job of the worker.
 *
 * Errors   ERR_BUSY when the worker takes no job: said in the next turn
 * Thread   the loop's      Owns   calls copy what they are given; they borrow loop, worker and reader
 */
#ifndef SOURCES_ERRDB_SQLITE_CALL_H
#define SOURCES_ERRDB_SQLITE_CALL_H

#include "core/sources/errdb_internal.h"
#include "core/sources/errdb_sqlite_read.h"

struct sqlite_call;
struct sqlite_calls { /* those under way */
    struct loop *loop;
    struct worker *worker;
    struct sqlite_reader *reader;
    void (*on_written)(void *ctx); /* before the answer of a change is given on */
    void *ctx;
    struct sqlite_call *list;
};
void sqlite_calls_end(struct sqlite_calls *calls); /* cancels all of them */
struct sqlite_call *sqlite_calls_fetch(struct sqlite_calls *calls, int64_t id,
                                       void (*on_done)(void *ctx, const struct errdb_record *r), void *ctx);
struct sqlite_call *sqlite_calls_write(struct sqlite_calls *calls, int64_t zone_ms, const struct errdb_change *change,
                                       void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx);
void sqlite_call_cancel(struct sqlite_call *c); /* no callback after it; what runs is let finish */

#endif
