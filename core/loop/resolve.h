/*
 * core/loop/resolve.h - a host name to addresses, without blocking the loop: getaddrinfo on a thread
 * of its own for each name, so that one that hangs holds up nobody else (nor the end of the program).
 *
 * Limits   RESOLVE_ADDRESSES addresses; RESOLVE_MS, then ERR_TIMEOUT
 * Errors   ERR_NET with the resolver's words
 * Thread   the loop's; on_done is never called from within resolve_start
 */
#ifndef LOOP_RESOLVE_H
#define LOOP_RESOLVE_H

#include "core/loop/loop.h"

enum { RESOLVE_ADDRESSES = 8, RESOLVE_MS = 10000 };

struct resolved {
    struct err e;
    char addresses[RESOLVE_ADDRESSES][64]; /* numeric, in the resolver's order */
    size_t n;
};
struct resolve;
struct resolve *resolve_start(struct loop *l, const char *host,
                              void (*on_done)(void *ctx, const struct resolved *r), void *ctx);
void resolve_cancel(struct resolve *r); /* no callback after it; NULL is fine */

#endif
