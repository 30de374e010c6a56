/*
 * core/loop/http.h - one HTTP/1.1 request on the loop, by libcurl.
 *
 * Limits   64 KiB of headers; body_cap bytes of body (after decompression); line and time limits as asked
 * Errors   on_done gets one of ERR_OK (any HTTP status), ERR_NET, ERR_TIMEOUT, ERR_LIMIT,
 *          ERR_PARSE (is_strict), or whatever on_body returned
 * Thread   the loop's       Owns   everything in the spec is copied, or used only during http_start
 * Source   libcurl 7.88 (Debian 12): HTTP/1.1 only, because its HTTP/2 has faults that later
 *          releases mended
 */
#ifndef LOOP_HTTP_H
#define LOOP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/loop/loop.h"

struct http_tls {
    const char *ca_file, *ca_pem; /* both NULL = the system's */
    const char *cert_pem, *key_pem;
    bool is_insecure;
};

struct http_times { /* ms since the start; 0 = it did not come to that, or an old connection was used */
    double name, connect, tls, first_byte, total;
};

struct http_result {
    struct err e;           /* e.code == ERR_OK: an answer came, whatever its status */
    int status;             /* 0 without an answer */
    int64_t retry_after_ms; /* clamped to 1..60 s; 0 = the server did not say */
    const char *body;       /* without on_body: NUL-terminated; borrowed until on_done returns */
    size_t body_n;
    uint64_t wire_bytes;    /* of the body, as it came */
    bool is_throttled;      /* the API server's priority and fairness answered */
    struct http_times times;
    const char *redirect;   /* where a 3xx points to, as a whole URL; NULL; borrowed as the body */
    const char *type;       /* Content-Type, "" = not said; borrowed as the body */
};

struct http_spec {
    const char *method; /* NULL = GET */
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *body; /* of a POST, PUT or PATCH; copied; NULL = none */
    size_t body_n;
    struct http_tls tls;
    const char *proxy_url;  /* NULL = none: the environment is the caller's to read */
    const char *no_proxy;   /* hosts that are reached without it, as curl has them; NULL = none */
    const char *connect_to; /* curl's "host:port:host:port", NULL = none */
    bool want_gzip;
    bool is_fresh;      /* a connection of its own: what it costs is part of what is measured */
    bool is_strict;     /* lines of the head end with CR LF, and nothing comes after the body */
    int64_t connect_ms; /* 0 = 10 s */
    int64_t total_ms;   /* 0 = no limit */
    int64_t idle_ms;    /* no byte for so long = ERR_TIMEOUT; 0 = no limit */
    size_t body_cap;    /* without on_body; 0 = 1 MiB */
    void (*on_head)(void *ctx, int status); /* may be NULL; before the first byte of body */
    enum err_code (*on_body)(void *ctx, const char *p, size_t n, struct err *e); /* status 200 only;
                               the body of any other status goes into http_result.body */
    void (*on_done)(void *ctx, const struct http_result *r); /* last call; the request is gone after */
    void *ctx;
};

struct http_req;
MUST_USE enum err_code http_start(struct loop *l, const struct http_spec *spec,
                                  struct http_req **out, struct err *e);
void http_cancel(struct http_req *r); /* no callback after it; NULL is fine; not from on_body */

const char *http_cause(const struct err *e); /* "refused", "timeout", "TLS", ...: a word or two; "" = another */

struct http_totals {
    uint64_t requests, bytes_in;
};
struct http_totals http_totals(const struct loop *l);

#endif
