/*
 * core/sources/kube.h - requests to one API server, with its credentials kept fresh.
 *
 * A request waits while an exec plugin runs; a 401 makes the credentials be read (or the plugin be
 * run) again and the request be sent once more.  Certificates, keys, the CA and the token file are
 * read again when they change on disk; a changed certificate opens new connections.
 *
 * Limits   KUBE_BODY bytes of an answer that is not streamed
 * Errors   see kube_done; an HTTP status of 400 and above becomes an error with the server's own
 *          message (cleaned and cut)
 * Thread   the loop's       Owns   copies what it needs of the target
 */
#ifndef SOURCES_KUBE_H
#define SOURCES_KUBE_H

#include "core/base/json.h"
#include "core/conf/kubeconfig.h"
#include "core/loop/http.h"

enum { KUBE_BODY = 8 * 1024 * 1024, KUBE_REQUEST_MS = 32000, KUBE_PLUGIN_MS = 30000 };

struct kube;
/* `target` is borrowed for the client's life. */
struct kube *kube_new(struct loop *l, const struct kube_target *target, int64_t request_timeout_ms);
void kube_free(struct kube *k); /* cancels what is under way; NULL is fine */
const struct kube_target *kube_target_of(const struct kube *k);

struct kube_result {
    struct err e; /* ERR_OK: HTTP 2xx.  401 AUTH, 403 FORBIDDEN, 404 NOTFOUND, 410 GONE, 429 BUSY, 5xx SERVER */
    int status;   /* 0 without an answer: the server gave no sign of life */
    int64_t retry_after_ms;
    const char *body; /* without on_body; borrowed */
    size_t body_n;
    bool is_throttled;
    struct http_times times;
    const char *type; /* Content-Type, "" = not said */
};

struct kube_spec {
    const char *path;   /* "/api/v1/pods?limit=500" */
    const char *accept; /* NULL = application/json */
    bool is_watch;      /* never compressed */
    int64_t total_ms;   /* 0 = the client's request timeout, -1 = none */
    int64_t idle_ms;
    size_t body_cap;    /* 0 = KUBE_BODY */
    const char *const *headers; /* of the service behind the proxy: "Name: value"; copied */
    size_t n_headers;
    void (*on_head)(void *ctx);  /* 200 came; may be NULL */
    enum err_code (*on_body)(void *ctx, const char *p, size_t n, struct err *e);
    void (*on_done)(void *ctx, const struct kube_result *r); /* last call */
    void *ctx;
};

struct kube_req;
/* Never fails at once: whatever goes wrong comes by on_done, never from within this call. */
struct kube_req *kube_request(struct kube *k, const struct kube_spec *spec);
void kube_cancel(struct kube_req *r); /* no callback after it; NULL is fine; not from on_body */

/* "/api/v1/namespaces/NS/pods" for ("/api/v1", "pods", "NS"); ns "" or NULL = all.  Caller frees. */
char *kube_path(const char *group, const char *resource, const char *ns, const char *name,
                const char *query);

#endif
