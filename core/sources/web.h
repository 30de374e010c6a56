/*
 * core/sources/web.h - GET requests to a server of the configuration, with its headers, secrets and TLS.
 *
 * The token and password files are read for each request: what is rotated is used.  Redirects are not
 * followed here.
 *
 * Errors   ERR_AUTH: the CA's or a secret's file cannot be read, a secret is empty or holds a line break;
 *          else as http_start
 * Limits   WEB_SECRET bytes of a secret
 * Thread   the loop's       Owns   nothing; `server` and `url` are used during the call only
 */
#ifndef SOURCES_WEB_H
#define SOURCES_WEB_H

#include "core/base/buf.h"
#include "core/conf/measure.h"
#include "core/loop/http.h"

enum { WEB_SECRET = 16 * 1024 };

struct web_spec {
    const struct conf_server *server;
    const char *url;       /* whole */
    const char *accept;
    bool is_bare;          /* another host than the server's: no headers, no secrets, the system's TLS */
    bool is_probe;         /* is_fresh and is_strict of core/loop/http.h */
    int64_t total_ms;
    size_t body_cap;
    void (*on_done)(void *ctx, const struct http_result *r);
    void *ctx;
};
MUST_USE enum err_code web_get(struct loop *l, const struct web_spec *spec, struct http_req **out, struct err *e);

/* Of an answer that is not what was asked for: 401 AUTH, 403 FORBIDDEN, 404 NOTFOUND, else SERVER. */
enum err_code web_status(int status, struct err *e);

/* A token or a password from its file, without the blank space around it, into `out` (of WEB_SECRET bytes); our log
 * masks it from then on. */
MUST_USE enum err_code web_secret(const char *path, struct buf *out, struct err *e);

/* Both have the same scheme, host and port. */
bool web_same_origin(const char *a, const char *b);

#endif
