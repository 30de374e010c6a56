/*
 * core/sim/server.h - HTTP on loopback for the simulated platform: one thread, no locks.
 *
 * libmicrohttpd is run from our own wait (its epoll descriptor is one of ours), so that requests,
 * virtual time and the control socket never meet.  An answer that has no end yet (a watch, a log)
 * is a stream: its connection is suspended until there is something to say.
 *
 * Access   the first part of a path is the run's token ("/TOKEN/api/v1/pods"), because a client
 * sends no credentials over http; "Authorization: Bearer TOKEN" is as good.  TOKEN.viewer may only
 * read, TOKEN.nopods may not read pods.  No token is system:anonymous: /livez, /readyz and /version
 * Limits   SERVER_BODY bytes of a request's body, SERVER_CONNECTIONS, SERVER_HEADER bytes of a head
 * Thread   one       Owns   the listening socket
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include <poll.h>

#include "core/sim/world.h"

enum {
    SERVER_BODY = 1024 * 1024,
    SERVER_CONNECTIONS = 400,
    SERVER_HEADER = 64 * 1024,
    SERVER_TOKEN = 33
};

enum server_role { ROLE_ANONYMOUS, ROLE_ADMIN, ROLE_VIEWER, ROLE_NOPODS };
struct MHD_Connection;
struct request {
    struct MHD_Connection *connection;
    const char *method, *path;         /* without the token */
    const char *accept, *content_type; /* "" = none */
    enum server_role role;
    const char *body;
    size_t body_n;
};
const char *request_query(const struct request *r, const char *key); /* NULL = absent */
bool request_flag(const struct request *r, const char *key);         /* "true", "1" */

/* A stream is asked for bytes until it has none, then again when the server is poked. */
struct stream {
    /* More bytes into `out` (empty now); false: this was the end. */
    bool (*more)(struct stream *s, struct buf *out);
    void (*release)(struct stream *s); /* frees s */
    int64_t deadline_ms;               /* io clock: ask again then; INT64_MAX = when poked */
};
struct reply {
    int status;
    const char *type;
    struct buf body;
    struct stream *stream; /* instead of the body */
    int64_t stream_bytes;  /* its length, -1 = unknown; a known one is not suspended */
};
typedef void server_answer_fn(void *ctx, const struct request *r, struct reply *out);

struct server;
MUST_USE enum err_code server_new(int port, const char *token, server_answer_fn *fn, void *ctx,
                                  struct server **out, struct err *e);
void server_free(struct server *s); /* NULL is fine */
int server_port(const struct server *s);
/* Down: every connection is cut, new ones are refused; the port stays ours. */
MUST_USE enum err_code server_set_up(struct server *s, bool is_up, struct err *e);
/* What to wait for: writes at most `room` entries.  *wait_ms is lowered to when it must be served.
 */
size_t server_want(struct server *s, struct pollfd *out, size_t room, int64_t *wait_ms);
void server_serve(struct server *s, const struct pollfd *fds, size_t n);
void server_poke(struct server *s); /* the world has moved: streams may have something to say */

#endif
