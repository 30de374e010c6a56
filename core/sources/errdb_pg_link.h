/*
 * core/sources/errdb_pg_link.h - one connection to PostgreSQL on the loop: kept for ever, one statement
 * group at a time, never blocking.
 *
 * Connecting  hosts resolved by core/loop/resolve; LINK_CONNECT_MS for a try, then the next address is
 *             put in front; once all were tried, backoff with jitter up to 2.5 s (60 s when the server
 *             refuses us); PQsocket is asked afresh each turn
 * Sending     one simple-protocol string; when it leaves a transaction open (it failed), ROLLBACK is
 *             sent before the answer is delivered: behind a pooler it would hold a server connection
 * Loss        a deadline that passes without a byte, or an error on the socket: the connection is dropped
 * Errors      server's errors come with their SQLSTATE in the answer, its text in one line
 * Thread      the loop's; callbacks may send, but not close the link
 */
#ifndef SOURCES_ERRDB_PG_LINK_H
#define SOURCES_ERRDB_PG_LINK_H

#include <libpq-fe.h>

#include "core/loop/loop.h"

enum { LINK_CONNECT_MS = 5000, LINK_RESULTS = 8 };

struct pg_answer {
    struct err e; /* ERR_OK: every statement of the group was carried out */
    char sqlstate[6];
    bool is_lost; /* the connection went: whether it was carried out is not known */
    PGresult *rows[LINK_RESULTS]; /* of the statements that gave rows, in order */
    size_t n;
    bool is_committed; /* COMMIT was answered with COMMIT */
};

struct pg_link_spec {
    const char *place; /* copied */
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx); /* a try failed, or the connection was lost: see pg_link_state */
    void (*on_notify)(void *ctx);
    void (*on_notice)(void *ctx, const char *text); /* NULL = the log */
    void *ctx;
};

struct pg_link;
MUST_USE enum err_code pg_link_new(struct loop *l, const struct pg_link_spec *spec, struct pg_link **out,
                                   struct err *e);
void pg_link_free(struct pg_link *k); /* no callback after it; NULL is fine */
void pg_link_retry(struct pg_link *k); /* it waits: try now */
/* Connected and idle: something can be sent. */
bool pg_link_is_idle(const struct pg_link *k);
bool pg_link_is_up(const struct pg_link *k);
void pg_link_send(struct pg_link *k, const char *sql, int64_t deadline_ms,
                  void (*on_answer)(void *ctx, const struct pg_answer *a), void *ctx);

struct pg_link_state {
    struct err e;       /* of the last failure; ERR_OK once connected */
    int64_t retry_ms;   /* story clock; TIME_NONE = not waiting */
    bool has_more;      /* other addresses are tried before it waits */
    const char *source; /* "postgresql ops@db-1:5432/ops" */
    uint64_t statements;
};
struct pg_link_state pg_link_state(const struct pg_link *k);
int pg_link_backend_pid(const struct pg_link *k);
const char *pg_link_server_encoding(const struct pg_link *k); /* "" = not known */

#endif
