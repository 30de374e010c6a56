#include "core/sources/web.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/text.h"

enum { LINES = MEASURE_HEADERS + 4, CONNECT_MS = 5000 };

enum err_code web_secret(const char *path, struct buf *out, struct err *e)
{
    char bytes[4096];
    struct stat st;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        while ((n = read(fd, bytes, sizeof bytes)) > 0 && buf_add(out, bytes, (size_t)n))
            ;
    } else if (fd >= 0) {
        errno = EINVAL;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set(e, ERR_AUTH, saved, "%s: %s", path, strerror(saved));
    while (out->len && strchr(" \t\r\n", out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    buf_drop_front(out, strspn(buf_str(out), " \t\r\n"));
    if (out->over || !out->len || strpbrk(buf_str(out), "\r\n") || strlen(buf_str(out)) != out->len)
        return err_set(e, ERR_AUTH, 0, "%s: %s", path, out->len ? "holds no single line of text" : "is empty");
    log_secret(buf_str(out));
    return ERR_OK;
}

static enum err_code add_login(const struct conf_server *s, char **line, struct err *e)
{
    struct buf secret = BUF_INIT(WEB_SECRET);
    const char *path = s->token_file ? s->token_file : s->basic_file;
    enum err_code rc = web_secret(path, &secret, e);
    if (!rc && s->token_file) {
        *line = x_asprintf("Authorization: Bearer %s", buf_str(&secret));
    } else if (!rc) {
        unsigned char *coded = x_malloc(secret.len * 4 / 3 + 8);
        EVP_EncodeBlock(coded, (const unsigned char *)secret.data, (int)secret.len);
        log_secret((const char *)coded);
        *line = x_asprintf("Authorization: Basic %s", (const char *)coded);
        free(coded);
    }
    buf_release(&secret);
    return rc;
}

/* "https://host:port/..." -> its host (with brackets), its port; false: it is no such URL. */
static bool take_apart(const char *url, bool *is_tls, char host[256], char port[8], const char **rest)
{
    const char *p = url;
    *is_tls = text_skip(&p, "https://");
    if (!*is_tls && !text_skip(&p, "http://"))
        return false;
    size_t n = strcspn(p, "/?#");
    const char *end = memchr(p, ']', n), *colon = memchr(end ? end : p, ':', end ? n - (size_t)(end - p) : n);
    size_t host_n = colon ? (size_t)(colon - p) : n, port_n = colon ? n - host_n - 1 : 0;
    if (!host_n || host_n >= 256 || port_n >= 8 || memchr(p, '@', n))
        return false;
    memcpy(host, p, host_n);
    host[host_n] = '\0';
    memcpy(port, colon ? colon + 1 : "", port_n);
    port[port_n] = '\0';
    if (!port_n)
        strcpy(port, *is_tls ? "443" : "80");
    *rest = p + n;
    return true;
}

bool web_same_origin(const char *a, const char *b)
{
    char host_a[256], host_b[256], port_a[8], port_b[8];
    bool tls_a, tls_b;
    const char *rest;
    return take_apart(a, &tls_a, host_a, port_a, &rest) && take_apart(b, &tls_b, host_b, port_b, &rest) &&
           tls_a == tls_b && text_eq_fold(host_a, host_b) && text_eq(port_a, port_b);
}

enum err_code web_status(int status, struct err *e)
{
    enum err_code code = status == 401   ? ERR_AUTH
                         : status == 403 ? ERR_FORBIDDEN
                         : status == 404 ? ERR_NOTFOUND
                                         : ERR_SERVER;
    return err_set(e, code, status, "answers %d%s", status, status == 404 ? ": is the path of its url right?" : "");
}

enum err_code web_get(struct loop *l, const struct web_spec *w, struct http_req **out, struct err *e)
{
    static const struct conf_server nobody;
    const struct conf_server *s = w->is_bare ? &nobody : w->server;
    char *own[4] = { 0 }, *url = NULL, *connect_to = NULL, host[256], port[8];
    const char *lines[LINES], *rest;
    size_t n = 0, n_own = 0;
    bool is_tls;
    enum err_code rc = ERR_OK;
    own[n_own++] = x_asprintf("Accept: %s", w->accept);
    own[n_own++] = x_strdup("User-Agent: bakewatch/" VERSION);
    if (s->tls.ca_file && access(s->tls.ca_file, R_OK))
        rc = err_set(e, ERR_AUTH, errno, "%s: %s", s->tls.ca_file, strerror(errno));
    else if (s->token_file || s->basic_file)
        rc = add_login(s, &own[n_own], e);
    n_own += own[n_own] != NULL;
    if (s->tls.server_name && take_apart(w->url, &is_tls, host, port, &rest) && is_tls) {
        /* as core/sources/kube.c: curl takes the name to check from the URL */
        url = x_asprintf("https://%s:%s%s", s->tls.server_name, port, rest);
        connect_to = x_asprintf("%s:%s:%s:%s", s->tls.server_name, port, host, port);
        own[n_own++] = x_asprintf("Host: %s:%s", host, port);
    }
    for (size_t i = 0; i < n_own; i++)
        lines[n++] = own[i];
    for (size_t i = 0; i < s->n_headers; i++)
        lines[n++] = s->headers[i];
    struct http_spec spec = {
        .url = url ? url : w->url, .headers = lines, .n_headers = n, .connect_to = connect_to,
        .tls = { .ca_file = s->tls.ca_file, .is_insecure = s->tls.is_insecure },
        .want_gzip = true, .is_fresh = w->is_probe, .is_strict = w->is_probe,
        .connect_ms = w->total_ms && w->total_ms < CONNECT_MS ? w->total_ms : CONNECT_MS,
        .total_ms = w->total_ms, .body_cap = w->body_cap, .on_done = w->on_done, .ctx = w->ctx,
    };
    if (!rc)
        rc = http_start(l, &spec, out, e);
    for (size_t i = 0; i < n_own; i++)
        free(own[i]);
    free(url);
    free(connect_to);
    return rc;
}
