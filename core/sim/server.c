#include "core/sim/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/text.h"

enum { BLOCK = 64 * 1024, PENDING = 16 * 1024 * 1024, IDLE_S = 120 };

struct call { /* a request under way */
    struct server *server;
    struct buf body;
    bool is_too_large;
};

struct open_stream {
    struct server *server;
    struct stream *stream;
    struct MHD_Connection *connection;
    struct buf pending;
    size_t sent;
    bool is_suspended, is_over, is_cut, may_wait;
    struct open_stream *next, *prev;
};

struct server {
    struct MHD_Daemon *daemon; /* NULL: down */
    int port, held_fd;         /* held_fd: down, and nobody else takes the port */
    char token[SERVER_TOKEN];
    server_answer_fn *fn;
    void *ctx;
    struct open_stream *streams;
    bool is_due; /* libmicrohttpd has something to do at once */
};

const char *request_query(const struct request *r, const char *key)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, key);
}

bool request_flag(const struct request *r, const char *key)
{
    const char *v = request_query(r, key);
    return v && (text_eq(v, "true") || text_eq(v, "1"));
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    const char *v = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    return v ? v : "";
}

/* ---- streams ---- */

static void resume(struct open_stream *o)
{
    if (!o->is_suspended)
        return;
    o->is_suspended = false;
    o->server->is_due = true;
    MHD_resume_connection(o->connection);
}

static ssize_t on_read(void *cls, uint64_t pos, char *out, size_t most)
{
    struct open_stream *o = cls;
    (void)pos;
    if (o->is_cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (o->sent == o->pending.len && !o->is_over) {
        buf_clear(&o->pending);
        o->sent = 0;
        o->is_over = !o->stream->more(o->stream, &o->pending);
    }
    size_t n = o->pending.len - o->sent;
    if (!n && o->is_over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!n) {
        if (o->may_wait) {
            o->is_suspended = true;
            MHD_suspend_connection(o->connection);
        }
        return 0;
    }
    n = n < most ? n : most;
    memcpy(out, o->pending.data + o->sent, n);
    o->sent += n;
    return (ssize_t)n;
}

static void on_read_end(void *cls)
{
    struct open_stream *o = cls;
    DL_DELETE(o->server->streams, o);
    o->stream->release(o->stream);
    buf_release(&o->pending);
    free(o);
}

static struct MHD_Response *open_stream(struct server *s, struct MHD_Connection *c,
                                        const struct reply *r)
{
    struct open_stream *o = x_calloc(1, sizeof *o);
    o->server = s;
    o->stream = r->stream;
    o->connection = c;
    o->pending = BUF_INIT(PENDING);
    o->may_wait = r->stream_bytes < 0;
    DL_APPEND(s->streams, o);
    return x_must(MHD_create_response_from_callback(r->stream_bytes < 0 ? MHD_SIZE_UNKNOWN
                                                                        : (uint64_t)r->stream_bytes,
                                                    BLOCK, on_read, o, on_read_end));
}

/* ---- requests ---- */

static bool is_token(const struct server *s, const char *p, size_t n, enum server_role *role)
{
    static const struct {
        const char *suffix;
        enum server_role role;
    } roles[] = { { "", ROLE_ADMIN }, { ".viewer", ROLE_VIEWER }, { ".nopods", ROLE_NOPODS } };
    size_t len = strlen(s->token);
    if (n < len || memcmp(p, s->token, len) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (n - len == strlen(roles[i].suffix) && memcmp(p + len, roles[i].suffix, n - len) == 0) {
            *role = roles[i].role;
            return true;
        }
    }
    return false;
}

/* Who asks; false: with a token that is none.  *path loses the token. */
static bool identify(const struct server *s, struct MHD_Connection *c, const char **path,
                     enum server_role *role)
{
    const char *auth = header(c, "Authorization");
    size_t n = **path == '/' ? strcspn(*path + 1, "/") : 0;
    *role = ROLE_ANONYMOUS;
    if (n && is_token(s, *path + 1, n, role)) {
        *path += 1 + n;
        return true;
    }
    return !auth[0] || (text_skip(&auth, "Bearer ") && is_token(s, auth, strlen(auth), role));
}

static enum MHD_Result send_reply(struct server *s, struct MHD_Connection *c, struct reply *r)
{
    struct MHD_Response *m;
    if (r->stream) {
        m = open_stream(s, c, r);
    } else {
        size_t n = r->body.len;
        m = x_must(MHD_create_response_from_buffer(n, buf_take(&r->body), MHD_RESPMEM_MUST_FREE));
    }
    MHD_add_response_header(m, "Content-Type", r->type ? r->type : "application/json");
    MHD_add_response_header(m, "Cache-Control", "no-cache, private");
    enum MHD_Result ok = MHD_queue_response(c, (unsigned)r->status, m);
    MHD_destroy_response(m);
    return ok;
}

static void refuse(struct reply *r, int status, const char *reason, const char *message)
{
    r->status = status;
    buf_addf(&r->body,
             "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
             "\"message\":\"%s\","
             "\"reason\":\"%s\",\"code\":%d}\n",
             message, reason, status);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **per_call)
{
    struct server *s = cls;
    struct call *call = *per_call;
    (void)version;
    if (!call) {
        *per_call = call = x_calloc(1, sizeof *call);
        call->server = s;
        call->body = BUF_INIT(SERVER_BODY);
        return MHD_YES;
    }
    if (*data_n) { /* what is too much is read and dropped, so that the answer can be heard */
        call->is_too_large |= !buf_add(&call->body, data, *data_n);
        *data_n = 0;
        return MHD_YES;
    }
    struct reply r = { .status = 200, .body = BUF_INIT(PENDING), .stream_bytes = -1 };
    struct request q = { .connection = c,
                         .method = method,
                         .path = url,
                         .accept = header(c, "Accept"),
                         .content_type = header(c, "Content-Type"),
                         .body = buf_str(&call->body),
                         .body_n = call->body.len };
    if (!identify(s, c, &q.path, &q.role))
        refuse(&r, 401, "Unauthorized", "Unauthorized");
    else if (call->is_too_large)
        refuse(&r, 413, "RequestEntityTooLarge", "Request entity too large: limit is 1048576");
    else
        s->fn(s->ctx, &q, &r);
    enum MHD_Result ok = send_reply(s, c, &r);
    buf_release(&r.body);
    return ok;
}

static void on_end(void *cls, struct MHD_Connection *c, void **per_call,
                   enum MHD_RequestTerminationCode why)
{
    struct call *call = *per_call;
    (void)cls;
    (void)c;
    (void)why;
    if (!call)
        return;
    buf_release(&call->body);
    free(call);
    *per_call = NULL;
}

/* ---- life ---- */

static int bind_port(int port, struct err *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) &&
        !bind(fd, (struct sockaddr *)&at, sizeof at))
        return fd;
    err_set(e, ERR_IO, errno, "127.0.0.1:%d: %s", port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static enum err_code start(struct server *s, int fd, struct err *e)
{
    struct sockaddr_in at;
    socklen_t n = sizeof at;
    if (listen(fd, 128) || getsockname(fd, (struct sockaddr *)&at, &n)) {
        err_set(e, ERR_IO, errno, "listen: %s", strerror(errno));
        close(fd);
        return ERR_IO;
    }
    s->port = ntohs(at.sin_port);
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(SERVER_HEADER + BLOCK),
        MHD_OPTION_END);
    if (s->daemon)
        return ERR_OK;
    close(fd);
    return err_set(e, ERR_IO, 0, "libmicrohttpd does not start");
}

enum err_code server_new(int port, const char *token, server_answer_fn *fn, void *ctx,
                         struct server **out, struct err *e)
{
    struct server *s = x_calloc(1, sizeof *s);
    int fd = bind_port(port, e);
    s->fn = fn;
    s->ctx = ctx;
    s->held_fd = -1;
    text_clean_to(s->token, sizeof s->token, token, strlen(token));
    if (fd < 0 || start(s, fd, e)) {
        free(s);
        return e ? e->code : ERR_IO;
    }
    *out = s;
    return ERR_OK;
}

static void stop(struct server *s)
{
    struct open_stream *o;
    if (!s->daemon)
        return;
    DL_FOREACH (s->streams, o) { /* none may be suspended when it ends */
        o->is_cut = true;
        resume(o);
    }
    MHD_run(s->daemon);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    stop(s);
    if (s->held_fd >= 0)
        close(s->held_fd);
    free(s);
}

int server_port(const struct server *s)
{
    return s->port;
}

enum err_code server_set_up(struct server *s, bool is_up, struct err *e)
{
    if (is_up == (s->daemon != NULL))
        return ERR_OK;
    if (!is_up) {
        stop(s);
        s->held_fd = bind_port(s->port, e);
        return s->held_fd < 0 ? ERR_IO : ERR_OK;
    }
    int fd = s->held_fd >= 0 ? s->held_fd : bind_port(s->port, e);
    s->held_fd = -1;
    return fd < 0 ? ERR_IO : start(s, fd, e);
}

size_t server_want(struct server *s, struct pollfd *out, size_t room, int64_t *wait_ms)
{
    MHD_UNSIGNED_LONG_LONG ms;
    struct open_stream *o;
    size_t n = 0;
    if (!s->daemon || room < 1)
        return 0;
    out[n++] =
        (struct pollfd){ .fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                         .events = POLLIN };
    if (s->is_due)
        *wait_ms = 0;
    else if (MHD_get_timeout(s->daemon, &ms) == MHD_YES && (int64_t)ms < *wait_ms)
        *wait_ms = (int64_t)ms;
    int64_t now = clock_io_ms();
    DL_FOREACH (s->streams, o) {
        if (!o->is_suspended)
            continue;
        int64_t left =
            o->stream->deadline_ms == INT64_MAX ? INT64_MAX : o->stream->deadline_ms - now;
        *wait_ms = left < *wait_ms ? left : *wait_ms;
        if (n < room) /* nobody else sees that its reader has gone */
            out[n++] = (struct pollfd){ .fd = MHD_get_connection_info(
                                                  o->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                                                  ->connect_fd,
                                        .events = POLLRDHUP };
    }
    *wait_ms = *wait_ms < 0 ? 0 : *wait_ms;
    return n;
}

void server_serve(struct server *s, const struct pollfd *fds, size_t n)
{
    struct open_stream *o;
    if (!s->daemon)
        return;
    int64_t now = clock_io_ms();
    DL_FOREACH (s->streams, o) {
        if (!o->is_suspended)
            continue;
        int fd =
            MHD_get_connection_info(o->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        for (size_t i = 1; i < n; i++)
            o->is_cut |= fds[i].fd == fd && fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR);
        if (o->is_cut || now >= o->stream->deadline_ms)
            resume(o);
    }
    s->is_due = false;
    MHD_run(s->daemon);
}

void server_poke(struct server *s)
{
    struct open_stream *o;
    DL_FOREACH (s->streams, o)
        resume(o);
}
