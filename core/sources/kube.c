#include "core/sources/kube.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/sources/kube_auth.h"

enum { MOST_HEADERS = 64 };
/* The ceiling of today's kubectl is 50 a second: a console must not be what an API server notices. */
enum { REQUESTS_S = 50, REQUESTS_BURST = 100 };

struct kube_req {
    struct kube *kube;
    struct kube_spec spec;
    char *path, *accept, **extra; /* extra: headers of the service behind the proxy */
    struct http_req *http; /* NULL while it waits for credentials */
    bool retried;          /* once after a 401 */
    uint64_t stamp, tls_stamp; /* of the credentials that it went with */
    struct kube_req *next, *prev;
};

struct kube {
    struct loop *loop;
    const struct kube_target *t;
    int64_t timeout_ms;
    struct kube_auth *auth;
    char *base;       /* what goes before the path in a URL */
    char *connect_to; /* for tls-server-name */
    char *host;       /* "Host: ..." to go with it */
    const char *proxy, *no_proxy;
    bool is_loopback;
    struct kube_req *reqs;
    double allowance; /* requests that may begin now */
    int64_t allowed_ms;
    struct loop_timer pump; /* starts what waits: requests are never begun from within kube_request */
};

static void pump(void *ctx);

static void on_ready(void *ctx)
{
    struct kube *k = ctx;
    loop_timer_set(k->loop, &k->pump, 0);
}

/* "https://host:port/prefix" into its parts; the kubeconfig reader has checked the shape. */
static void split(const char *server, char host[256], char port[8], const char **prefix)
{
    const char *p = strstr(server, "://");
    p = p ? p + 3 : server;
    size_t n = strcspn(p, "/");
    *prefix = p + n;
    const char *colon = memchr(p, ']', n) ? memchr(memchr(p, ']', n), ':', n) : memchr(p, ':', n);
    if (colon && colon >= p + n)
        colon = NULL;
    size_t host_n = colon ? (size_t)(colon - p) : n;
    snprintf(host, 256, "%.*s", (int)host_n, p);
    snprintf(port, 8, "%.*s", colon ? (int)(p + n - colon - 1) : 0, colon ? colon + 1 : "");
    if (!port[0])
        snprintf(port, 8, "%s", text_starts(server, "http:") ? "80" : "443");
}

static const char *env_either(const char *upper, const char *lower)
{
    const char *v = getenv(upper);
    if (!v || !v[0])
        v = getenv(lower);
    return v && v[0] ? v : NULL;
}

/* As Go does it: proxy-url is for every host; without one the variable of the scheme (ALL_PROXY is none of
 * them), never for the loopback, and not for what NO_PROXY names. */
static void choose_proxy(struct kube *k)
{
    k->proxy = k->t->proxy_url;
    if (k->proxy || k->is_loopback)
        return;
    k->proxy = k->t->is_tls ? env_either("HTTPS_PROXY", "https_proxy") : env_either("HTTP_PROXY", "http_proxy");
    k->no_proxy = env_either("NO_PROXY", "no_proxy");
}

struct kube *kube_new(struct loop *l, const struct kube_target *t, int64_t request_timeout_ms)
{
    struct kube *k = x_calloc(1, sizeof *k);
    char host[256], port[8];
    const char *prefix;
    k->loop = l;
    k->t = t;
    k->timeout_ms = request_timeout_ms ? request_timeout_ms : KUBE_REQUEST_MS;
    k->auth = kube_auth_new(l, t, on_ready, k);
    k->pump = (struct loop_timer){ .fn = pump, .ctx = k };
    split(t->server, host, port, &prefix);
    k->is_loopback = text_eq(host, "localhost") || text_starts(host, "127.") || text_eq(host, "[::1]");
    k->allowance = REQUESTS_BURST;
    k->allowed_ms = clock_io_ms();
    choose_proxy(k);
    if (t->tls_server_name) {
        /* curl takes SNI and the name to verify from the URL: the URL gets that name, the
         * connection goes to the real host, and the Host header says what the server expects. */
        k->base = x_asprintf("https://%s:%s%s", t->tls_server_name, port, prefix);
        k->connect_to = x_asprintf("%s:%s:%s:%s", t->tls_server_name, port, host, port);
        k->host = x_asprintf("Host: %s:%s", host, port);
    } else {
        k->base = x_strdup(t->server);
    }
    return k;
}

const struct kube_target *kube_target_of(const struct kube *k)
{
    return k->t;
}

static void free_req(struct kube_req *r)
{
    DL_DELETE(r->kube->reqs, r);
    free(r->path);
    free(r->accept);
    for (size_t i = 0; i < r->spec.n_headers; i++)
        free(r->extra[i]);
    free(r->extra);
    free(r);
}

void kube_free(struct kube *k)
{
    if (!k)
        return;
    while (k->reqs)
        kube_cancel(k->reqs);
    loop_timer_stop(k->loop, &k->pump);
    kube_auth_free(k->auth);
    free(k->base);
    free(k->connect_to);
    free(k->host);
    free(k);
}

void kube_cancel(struct kube_req *r)
{
    if (!r)
        return;
    http_cancel(r->http);
    free_req(r);
}

static void fail(struct kube_req *r, const struct err *e)
{
    struct kube_result res = { .e = *e, .body = "", .type = "" };
    struct kube_spec spec = r->spec;
    free_req(r);
    spec.on_done(spec.ctx, &res);
}

/* The server's Status message, or the first words of whatever it said instead. */
static void explain(const struct http_result *h, char out[160])
{
    struct json_span doc;
    struct buf b = BUF_INIT(KUBE_BODY);
    if (json_check(h->body, h->body_n, &doc, NULL) == ERR_OK &&
        json_str_add(json_get(doc, "message"), &b))
        text_clean_to(out, 160, b.data ? b.data : "", b.len);
    else
        text_clean_to(out, 160, h->body, h->body_n < 300 ? strcspn(h->body, "\n") : 120);
    buf_release(&b);
}

static void judge_status(const struct http_result *h, struct err *e)
{
    static const struct {
        int status;
        enum err_code code;
        const char *words;
    } known[] = {
        { 401, ERR_AUTH, "credentials rejected" }, { 403, ERR_FORBIDDEN, "forbidden" },
        { 404, ERR_NOTFOUND, "not found" },        { 410, ERR_GONE, "expired" },
        { 429, ERR_BUSY, "throttled by the cluster" },
    };
    char said[160];
    explain(h, said);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].status == h->status) {
            err_set(e, known[i].code, h->status, "%s%s%s", known[i].words, said[0] ? ": " : "", said);
            return;
        }
    }
    err_set(e, h->status >= 500 ? ERR_SERVER : ERR_PARSE, h->status, "HTTP %d%s%s", h->status,
            said[0] ? ": " : "", said);
}

static void on_http_done(void *ctx, const struct http_result *h)
{
    struct kube_req *r = ctx;
    r->http = NULL;
    if (!h->e.code && h->status == 401 && !r->retried && kube_auth_reject(r->kube->auth, r->stamp)) {
        r->retried = true;
        on_ready(r->kube);
        return;
    }
    struct kube_result res = { .e = h->e, .status = h->status, .retry_after_ms = h->retry_after_ms,
                               .body = h->body, .body_n = h->body_n,
                               .is_throttled = h->is_throttled, .times = h->times, .type = h->type };
    if (!h->e.code && (h->status < 200 || h->status > 299))
        judge_status(h, &res.e);
    struct kube_spec spec = r->spec;
    free_req(r);
    spec.on_done(spec.ctx, &res);
}

static void on_http_head(void *ctx, int status)
{
    struct kube_req *r = ctx;
    if (status == 200 && r->spec.on_head)
        r->spec.on_head(r->spec.ctx);
}

static enum err_code on_http_body(void *ctx, const char *p, size_t n, struct err *e)
{
    struct kube_req *r = ctx;
    return r->spec.on_body(r->spec.ctx, p, n, e);
}

struct headers {
    char *lines[MOST_HEADERS];
    size_t n;
    bool is_bad; /* one would have brought a second header with it, or there are too many */
};

static void add_header(struct headers *h, char *line)
{
    if (h->n == MOST_HEADERS || strpbrk(line, "\r\n")) {
        h->is_bad = true;
        free(line);
    } else {
        h->lines[h->n++] = line;
    }
}

static void make_headers(struct kube_req *r, struct headers *h)
{
    const struct kube_target *t = r->kube->t;
    add_header(h, x_asprintf("Accept: %s", r->accept ? r->accept : "application/json"));
    add_header(h, x_strdup("User-Agent: bakewatch/" VERSION));
    const char *auth = kube_auth_header(r->kube->auth);
    if (auth)
        add_header(h, x_strdup(auth));
    if (r->kube->host)
        add_header(h, x_strdup(r->kube->host));
    for (size_t i = 0; i < r->spec.n_headers; i++)
        add_header(h, x_strdup(r->extra[i]));
    if (!t->as)
        return;
    /* over plain http too, as `kubectl --as` does through `kubectl proxy` */
    add_header(h, x_asprintf("Impersonate-User: %s", t->as));
    if (t->as_uid)
        add_header(h, x_asprintf("Impersonate-Uid: %s", t->as_uid));
    for (size_t i = 0; i < t->n_as_groups; i++)
        add_header(h, x_asprintf("Impersonate-Group: %s", t->as_groups[i]));
    for (size_t i = 0; i < t->n_as_extra; i++) {
        struct buf key = BUF_INIT(1024);
        text_escape_url(&key, t->as_extra[i].name);
        add_header(h, x_asprintf("Impersonate-Extra-%s: %s", buf_str(&key), t->as_extra[i].value));
        buf_release(&key);
    }
}

static void send_req(struct kube_req *r)
{
    struct kube *k = r->kube;
    struct headers h = { 0 };
    struct err e = { 0 };
    make_headers(r, &h);
    r->stamp = kube_auth_stamp(k->auth);
    r->tls_stamp = kube_auth_tls_stamp(k->auth);
    char *url = x_asprintf("%s%s", k->base, r->path);
    struct http_spec spec = {
        .url = url,
        .headers = (const char *const *)h.lines,
        .n_headers = h.n,
        .tls = kube_auth_tls(k->auth),
        .proxy_url = k->proxy,
        .no_proxy = k->no_proxy,
        .connect_to = k->connect_to,
        .want_gzip = !r->spec.is_watch && !k->is_loopback && !k->t->disable_compression,
        .total_ms = r->spec.total_ms < 0 ? 0 : r->spec.total_ms ? r->spec.total_ms : k->timeout_ms,
        .idle_ms = r->spec.idle_ms,
        .body_cap = r->spec.body_cap ? r->spec.body_cap : KUBE_BODY,
        .on_head = on_http_head,
        .on_body = r->spec.on_body ? on_http_body : NULL,
        .on_done = on_http_done,
        .ctx = r,
    };
    enum err_code err = h.is_bad /* sent without it, the request would be another one's */
                            ? err_set(&e, ERR_CONFIG, 0, "a token, user or group with a line break in it: nothing is sent")
                            : http_start(k->loop, &spec, &r->http, &e);
    for (size_t i = 0; i < h.n; i++)
        free(h.lines[i]);
    free(url);
    if (err)
        fail(r, &e);
}

/* False: not now; the pump is set for when. */
static bool may_send(struct kube *k)
{
    int64_t now = clock_io_ms();
    k->allowance += (double)(now - k->allowed_ms) * REQUESTS_S / 1000;
    k->allowance = k->allowance > REQUESTS_BURST ? REQUESTS_BURST : k->allowance;
    k->allowed_ms = now;
    if (k->allowance < 1) {
        loop_timer_set(k->loop, &k->pump, 1000 / REQUESTS_S);
        return false;
    }
    k->allowance -= 1;
    return true;
}

/* A watch would go on over its old connection: with new certificates it ends, as if its time were over.
 * A log that is followed (it has no time) stays: it could not go on where it was. */
static void end_old_watches(struct kube *k)
{
    struct kube_req *r;
    do {
        DL_FOREACH(k->reqs, r) {
            if (r->http && r->spec.is_watch && r->spec.total_ms > 0 && r->tls_stamp != kube_auth_tls_stamp(k->auth))
                break;
        }
        if (r) {
            http_cancel(r->http);
            fail(r, &(struct err){ 0 });
        }
    } while (r);
}

static void pump(void *ctx)
{
    struct kube *k = ctx;
    struct err e = { 0 };
    enum auth_state state = kube_auth_prepare(k->auth, &e);
    if (state == AUTH_RUNNING)
        return; /* on_ready comes */
    end_old_watches(k);
    /* A callback may add requests or cancel others: start from the front each time. */
    for (;;) {
        struct kube_req *r;
        DL_FOREACH(k->reqs, r) {
            if (!r->http)
                break;
        }
        if (!r)
            return;
        if (state == AUTH_FAILED)
            fail(r, &e);
        else if (may_send(k))
            send_req(r);
        else
            return;
    }
}

struct kube_req *kube_request(struct kube *k, const struct kube_spec *spec)
{
    struct kube_req *r = x_calloc(1, sizeof *r);
    r->kube = k;
    r->spec = *spec;
    r->path = x_strdup(spec->path);
    r->accept = spec->accept ? x_strdup(spec->accept) : NULL;
    r->extra = x_calloc(spec->n_headers + 1, sizeof *r->extra);
    for (size_t i = 0; i < spec->n_headers; i++)
        r->extra[i] = x_strdup(spec->headers[i]);
    DL_APPEND(k->reqs, r);
    on_ready(k);
    return r;
}

char *kube_path(const char *group, const char *resource, const char *ns, const char *name,
                const char *query)
{
    struct buf b = BUF_INIT(16384);
    buf_adds(&b, group);
    if (ns && ns[0]) {
        buf_adds(&b, "/namespaces/");
        text_escape_url(&b, ns);
    }
    buf_addf(&b, "/%s", resource);
    if (name) {
        buf_addc(&b, '/');
        text_escape_url(&b, name);
    }
    if (query && query[0])
        buf_addf(&b, "?%s", query);
    return buf_take(&b);
}
