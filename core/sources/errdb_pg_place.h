/*
 * core/sources/errdb_pg_place.h - what a place means to libpq: service files, environment and password
 * file taken in, hosts apart so that the loop can resolve them, and our own defaults where nobody said
 * otherwise.
 *
 * Defaults  sslmode=verify-full for a host that is not this machine, with the system's CAs when there
 *           is no ~/.postgresql/root.crt; gssencmode=disable (Kerberos would block the loop); keepalives
 *           10/3/3 s, tcp_user_timeout 10 s; application_name bakewatch; client_encoding UTF8
 * Errors    ERR_CONFIG in libpq's words, without what may be a password
 * Limits    PG_HOSTS hosts
 * Secrets   passwords are registered with log_secret
 * Thread    one at a time; reads small local files
 * Source    PostgreSQL manual, libpq-connect: PQconnectPoll never blocks only when each host has a hostaddr
 */
#ifndef SOURCES_ERRDB_PG_PLACE_H
#define SOURCES_ERRDB_PG_PLACE_H

#include <libpq-fe.h>

#include "core/loop/resolve.h"

enum { PG_HOSTS = 16, PG_PARAMS = 64 };

struct pg_host {
    char *name; /* "" = libpq's own: the local socket */
    char *port; /* "" = the default */
    bool must_resolve;
    char addresses[RESOLVE_ADDRESSES][64];
    size_t n; /* 0 and !must_resolve: a socket, connected to as it is */
};

struct pg_place {
    char *keywords[PG_PARAMS], *values[PG_PARAMS]; /* all but host, hostaddr and port */
    size_t n;
    struct pg_host hosts[PG_HOSTS];
    size_t n_hosts;
};

MUST_USE enum err_code pg_place_check(const char *place, struct err *e); /* can it be read as one? */
MUST_USE enum err_code pg_place_learn(const char *place, struct pg_place *out, struct err *e);
void pg_place_release(struct pg_place *p);
/* Begins to connect to all addresses that are known, in their order, the `first`th (modulo their
 * number, which *n gets) in front.  NULL: out of memory. */
PGconn *pg_place_connect(const struct pg_place *p, size_t first, size_t *n);
/* "postgresql ops@db-1:5432/ops" of a connection (also one that failed). */
char *pg_place_name(const struct pg_place *p, const PGconn *conn);

#endif
