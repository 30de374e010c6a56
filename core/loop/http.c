#include "core/loop/http.h"

#include <ctype.h>
#include <errno.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <utlist.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/loop/http_internal.h"

enum { HEADER_BYTES = 64 * 1024, USER_TIMEOUT_MS = 15000, RETRY_LEAST_MS = 1000, RETRY_MOST_MS = 60000 };
#define IDLE_MOST_S 55L

struct http_req {
    struct loop *loop;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    struct http_spec spec; /* callbacks and limits only: its strings are gone after http_start */
    struct loop_timer idle;
    int64_t last_byte_ms;
    struct buf body;
    size_t header_bytes;
    int status;
    int64_t retry_after_ms;
    bool is_throttled, was_idle;
    bool has_excess; /* bytes came after the end of the body */
    int socket_errno; /* of a socket that could not be made: curl calls it "couldn't connect" */
    struct err e; /* set by a callback that ended the transfer */
    char curl_text[CURL_ERROR_SIZE];
    struct http_req *next, *prev;
};

static struct http_req *all;         /* the loop is one thread */
static struct http_totals totals;

struct http_totals http_totals(const struct loop *l)
{
    (void)l;
    return totals;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct http_req *r = ctx;
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    r->socket_errno = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int set_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKOPT_OK;
    int on = 1, idle = 10, every = 3, count = 3, timeout = USER_TIMEOUT_MS;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    return CURL_SOCKOPT_OK;
}

/* "120" or an HTTP date; anything else is as if it were not there. */
static int64_t parse_retry_after(const char *v, size_t n)
{
    char text[64];
    int64_t ms;
    while (n && isspace((unsigned char)*v))
        v++, n--;
    while (n && isspace((unsigned char)v[n - 1]))
        n--;
    if (!n || n >= sizeof text)
        return 0;
    memcpy(text, v, n);
    text[n] = '\0';
    int64_t secs;
    if (text_to_int(text, n, 0, INT32_MAX, &secs)) {
        ms = secs * 1000;
    } else if (strspn(text, "0123456789") == n) { /* longer than we count */
        ms = RETRY_MOST_MS;
    } else {
        time_t when = curl_getdate(text, NULL);
        if (when < 0)
            return 0;
        ms = (int64_t)when * 1000 - clock_story_ms();
    }
    return ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms;
}

static bool header_is(const char *p, size_t n, const char *name, const char **value, size_t *value_n)
{
    size_t m = strlen(name);
    if (n <= m || p[m] != ':' || strncasecmp(p, name, m) != 0)
        return false;
    *value = p + m + 1;
    *value_n = n - m - 1;
    return true;
}

/* The status line and headers are here; after a 1xx others follow. */
static void head_ended(struct http_req *r)
{
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || r->status)
        return;
    r->status = (int)status;
    r->last_byte_ms = clock_io_ms();
    if (r->spec.on_head)
        r->spec.on_head(r->spec.ctx, r->status);
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct http_req *r = ctx;
    n *= size;
    r->header_bytes += n;
    if (r->header_bytes > HEADER_BYTES) {
        err_set(&r->e, ERR_LIMIT, 0, "more than %d bytes of headers", HEADER_BYTES);
        return 0;
    }
    if (n <= 2 && !(r->spec.is_strict && n < 2)) { /* the blank line: a watch of a quiet kind has nothing else to say for minutes */
        head_ended(r);
        return n;
    }
    if (r->spec.is_strict && (n < 2 || p[n - 2] != '\r')) {
        err_set(&r->e, ERR_PARSE, 0, "a line of the head does not end with CR LF");
        return 0;
    }
    const char *v;
    size_t v_n;
    if (header_is(p, n, "Retry-After", &v, &v_n))
        r->retry_after_ms = parse_retry_after(v, v_n);
    else if (header_is(p, n, "X-Kubernetes-PF-FlowSchema-UID", &v, &v_n))
        r->is_throttled = true;
    return n;
}

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
    struct http_req *r = ctx;
    n *= size;
    totals.bytes_in += n;
    r->last_byte_ms = clock_io_ms();
    if (r->spec.on_body && r->status == 200)
        return r->spec.on_body(r->spec.ctx, p, n, &r->e) ? 0 : n;
    if (!buf_add(&r->body, p, n)) {
        err_set(&r->e, ERR_LIMIT, 0, "the answer is larger than %zu bytes", r->body.cap);
        return 0;
    }
    return n;
}

static void free_req(struct http_req *r)
{
    DL_DELETE(all, r);
    loop_timer_stop(r->loop, &r->idle);
    curl_multi_remove_handle(loop_curl(r->loop), r->easy);
    curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->headers);
    curl_slist_free_all(r->connect_to);
    buf_release(&r->body);
    free(r);
}

static enum err_code code_of(CURLcode c)
{
    switch (c) {
    case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY: return ERR_LIMIT; /* libcurl 7.88 says so of a header line over its 100 KiB */
    default: return ERR_NET;
    }
}

const char *http_cause(const struct err *e)
{
    static const struct {
        int curl;
        const char *word;
    } words[] = { { CURLE_COULDNT_RESOLVE_HOST, "name unknown" }, { CURLE_COULDNT_RESOLVE_PROXY, "proxy unknown" },
                  { CURLE_PROXY, "proxy" }, { CURLE_COULDNT_CONNECT, "no way there" },
                  { CURLE_SSL_CONNECT_ERROR, "TLS" }, { CURLE_PEER_FAILED_VERIFICATION, "TLS" },
                  { CURLE_SSL_CERTPROBLEM, "TLS" }, { CURLE_SSL_CACERT_BADFILE, "TLS" }, { CURLE_SSL_CIPHER, "TLS" },
                  { CURLE_SSL_ISSUER_ERROR, "TLS" }, { CURLE_GOT_NOTHING, "cut off" },
                  { CURLE_RECV_ERROR, "cut off" }, { CURLE_SEND_ERROR, "cut off" }, { CURLE_PARTIAL_FILE, "cut off" } };
    if (e->code == ERR_TIMEOUT)
        return "timeout";
    if (strstr(e->text, "refused"))
        return "refused";
    for (size_t i = 0; i < ARRAY_LEN(words) && e->code == ERR_NET; i++) {
        if (e->native == words[i].curl)
            return words[i].word;
    }
    return "";
}

/* libcurl says how long it took and "Couldn't connect to server"; the system says why. */
static void set_curl_error(struct http_req *r, CURLcode c, struct err *e)
{
    const char *text = r->curl_text[0] ? r->curl_text : curl_easy_strerror(c), *after = strstr(text, " after ");
    long native = 0;
    if (c == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &native);
    if (c == CURLE_OUT_OF_MEMORY)
        err_set(e, ERR_LIMIT, (int)c, "a header line is larger than 100 KiB");
    else if (native && after)
        err_set(e, code_of(c), (int)c, "%.*s: %s", (int)(after - text), text, strerror((int)native));
    else
        err_set(e, code_of(c), (int)c, "%s", text);
}

/* libcurl reads what the length says and drops the rest; it tells nobody but its own log. */
static int on_curl_log(CURL *easy, curl_infotype type, char *text, size_t n, void *ctx)
{
    static const char word[] = "Excess found";
    struct http_req *r = ctx;
    (void)easy;
    if (type == CURLINFO_TEXT && memmem(text, n, word, sizeof word - 1))
        r->has_excess = true;
    return 0;
}

static double ms_of(CURL *easy, CURLINFO what)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, what, &us);
    return (double)us / 1000;
}

static struct http_times times_of(CURL *easy)
{
    return (struct http_times){ ms_of(easy, CURLINFO_NAMELOOKUP_TIME_T), ms_of(easy, CURLINFO_CONNECT_TIME_T),
                                ms_of(easy, CURLINFO_APPCONNECT_TIME_T), ms_of(easy, CURLINFO_STARTTRANSFER_TIME_T),
                                ms_of(easy, CURLINFO_TOTAL_TIME_T) };
}

static char *text_info(CURL *easy, CURLINFO what)
{
    char *s = NULL;
    curl_easy_getinfo(easy, what, &s);
    return s ? x_strndup(s, strnlen(s, 4096)) : NULL;
}

static void finish(struct http_req *r, CURLcode c)
{
    struct http_result res = { .e = r->e, .retry_after_ms = r->retry_after_ms,
                               .is_throttled = r->is_throttled };
    long status = 0;
    curl_off_t wire = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    res.status = (int)status;
    res.wire_bytes = (uint64_t)wire;
    res.body = buf_str(&r->body);
    res.body_n = r->body.len;
    res.times = times_of(r->easy);
    char *redirect = text_info(r->easy, CURLINFO_REDIRECT_URL), *type = text_info(r->easy, CURLINFO_CONTENT_TYPE);
    res.redirect = redirect;
    res.type = type ? type : "";
    if (c == CURLE_COULDNT_CONNECT && (r->socket_errno == EMFILE || r->socket_errno == ENFILE))
        err_set(&res.e, ERR_LIMIT, r->socket_errno, "no socket: %s (see ulimit -n)", strerror(r->socket_errno));
    else if (c != CURLE_OK && res.e.code == ERR_OK)
        set_curl_error(r, c, &res.e);
    else if (r->has_excess && res.e.code == ERR_OK)
        err_set(&res.e, ERR_PARSE, 0, "more came than Content-Length says");
    struct http_spec spec = r->spec;
    struct buf body = r->body; /* lives until on_done returns, which may start a new request */
    r->body = (struct buf){ 0 };
    free_req(r);
    spec.on_done(spec.ctx, &res);
    buf_release(&body);
    free(redirect);
    free(type);
}

static void on_idle(void *ctx)
{
    struct http_req *r = ctx;
    int64_t quiet = clock_io_ms() - r->last_byte_ms;
    if (quiet < r->spec.idle_ms) {
        loop_timer_set(r->loop, &r->idle, r->spec.idle_ms - quiet);
        return;
    }
    err_set(&r->e, ERR_TIMEOUT, 0, "nothing came for %d s", (int)(r->spec.idle_ms / 1000));
    finish(r, CURLE_OPERATION_TIMEDOUT);
}

static void set_blob(CURL *easy, CURLoption opt, const char *pem)
{
    struct curl_blob blob = { .data = (void *)(uintptr_t)pem, .len = strlen(pem),
                              .flags = CURL_BLOB_COPY };
    curl_easy_setopt(easy, opt, &blob);
}

static void set_tls(CURL *easy, const struct http_tls *t)
{
    if (t->ca_pem || t->ca_file) /* that CA alone: libcurl would go on trusting the system's folder */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (t->ca_pem)
        set_blob(easy, CURLOPT_CAINFO_BLOB, t->ca_pem);
    else if (t->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
    if (t->cert_pem && t->key_pem) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, t->cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, t->key_pem);
        curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
        curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
    }
    if (t->is_insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_limits(CURL *easy, const struct http_spec *s)
{
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MOST_S); /* of old certificates none stays for ever */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(s->connect_ms ? s->connect_ms : 10000));
    if (s->total_ms)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)s->total_ms);
    if (s->is_fresh) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (s->want_gzip)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
}

enum err_code http_start(struct loop *l, const struct http_spec *s, struct http_req **out,
                         struct err *e)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return err_set(e, ERR_NET, 0, "libcurl gives no handle");
    struct http_req *r = x_calloc(1, sizeof *r);
    r->loop = l;
    r->easy = easy;
    r->spec = *s;
    r->body = BUF_INIT(s->body_cap ? s->body_cap : 1024 * 1024);
    for (size_t i = 0; i < s->n_headers; i++)
        r->headers = curl_slist_append(r->headers, s->headers[i]);
    if (s->connect_to)
        r->connect_to = curl_slist_append(NULL, s->connect_to);
    set_limits(easy, s);
    set_tls(easy, &s->tls);
    /* A turn of the loop takes up to a hundred of these: small ones keep a long answer from filling it. */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(easy, CURLOPT_URL, s->url);
    if (s->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_n);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, s->body);
    }
    if (text_eq(s->method, "HEAD")) /* no body will come, whatever its length is said to be */
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (s->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, s->method);
    curl_easy_setopt(easy, CURLOPT_PROXY, s->proxy_url ? s->proxy_url : ""); /* "": the environment has no say */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, s->no_proxy ? s->no_proxy : "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, r->connect_to);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->curl_text);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    if (s->is_strict) {
        curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
        curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_curl_log);
        curl_easy_setopt(easy, CURLOPT_DEBUGDATA, r);
    }
    DL_APPEND(all, r);
    r->idle = (struct loop_timer){ .fn = on_idle, .ctx = r };
    r->last_byte_ms = clock_io_ms();
    if (s->idle_ms)
        loop_timer_set(l, &r->idle, s->idle_ms);
    CURLMcode mc = curl_multi_add_handle(loop_curl(l), easy);
    if (mc) {
        free_req(r);
        return err_set(e, ERR_NET, (int)mc, "%s", curl_multi_strerror(mc));
    }
    totals.requests++;
    *out = r;
    return ERR_OK;
}

void http_cancel(struct http_req *r)
{
    if (r)
        free_req(r);
}

void http_finish_ready(CURLM *multi)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        char *p = NULL;
        CURLcode c = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
        finish((struct http_req *)(void *)p, c);
    }
}

void http_cancel_all(CURLM *multi)
{
    struct http_req *r, *next;
    DL_FOREACH_SAFE(all, r, next) {
        if (loop_curl(r->loop) == multi)
            free_req(r);
    }
}
