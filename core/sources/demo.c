#include "core/sources/demo.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/json.h"

struct demo {
    struct loop *loop;
    struct loop_watch watch;
    int fd;
    struct buf in;
    struct demo_state state;
    struct err error;
    void (*on_state)(void *ctx);
    void *ctx;
};

/* A JSON number that may have a fraction; speeds are 0 to 10,000. */
static bool speed_of(struct json_span v, double *out)
{
    char text[32], *end;
    if (json_kind(v) != JSON_NUMBER || v.n >= sizeof text)
        return false;
    memcpy(text, v.p, v.n);
    text[v.n] = '\0';
    *out = strtod(text, &end);
    return !*end && *out >= 0 && *out <= 10000;
}

enum err_code demo_decode(const char *line, size_t n, struct demo_now *out, struct err *e)
{
    struct demo_now now = { 0 };
    struct json_span doc;
    struct buf caption = BUF_INIT(DEMO_CAPTION - 1);
    if (json_check(line, n, &doc, e))
        return e->code;
    bool ok = json_int(json_get(doc, "now_ms"), &now.now_ms) && json_int(json_get(doc, "zero_ms"), &now.zero_ms) &&
              json_int(json_get(doc, "length_ms"), &now.length_ms) &&
              speed_of(json_get(doc, "speed"), &now.speed) && json_str_add(json_get(doc, "caption"), &caption);
    snprintf(now.caption, sizeof now.caption, "%s", buf_str(&caption));
    buf_release(&caption);
    const int64_t most = (int64_t)1 << 52; /* far from any overflow of what is computed with it */
    if (!ok || now.now_ms < 0 || now.now_ms > most || now.zero_ms < 0 || now.zero_ms > most ||
        now.length_ms < 0 || now.length_ms > most)
        return err_set(e, ERR_PARSE, 0, "the simulator wrote a line without now_ms, zero_ms, length_ms, speed and caption");
    *out = now;
    return ERR_OK;
}

static void fail(struct demo *s, const char *what)
{
    err_set(&s->error, ERR_IO, errno, "%s", what);
    close(s->fd);
    s->fd = -1;
    clock_follow(clock_story_ms(), clock_io_ms(), 1); /* what is shown goes on growing old */
    s->on_state(s->ctx);
}

static bool take_line(struct demo *s, const char *line, size_t n)
{
    struct demo_now now;
    struct err e = { 0 };
    if (demo_decode(line, n, &now, &e)) {
        fail(s, e.text);
        return false;
    }
    clock_follow(now.now_ms, clock_io_ms(), now.speed);
    s->state.zero_ms = now.zero_ms;
    s->state.speed = now.speed;
    s->state.end_ms = now.zero_ms + now.length_ms;
    memcpy(s->state.caption, now.caption, sizeof now.caption);
    s->on_state(s->ctx);
    return true;
}

static int want(void *ctx, short *events)
{
    struct demo *s = ctx;
    *events = POLLIN;
    return s->fd;
}

static void ready(void *ctx, int fd, short revents)
{
    struct demo *s = ctx;
    char bytes[DEMO_LINE];
    (void)revents;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        fail(s, "the simulator has ended");
        return;
    }
    if (!buf_add(&s->in, bytes, (size_t)n)) {
        fail(s, "the simulator wrote a line without an end");
        return;
    }
    for (char *end; s->fd >= 0 && s->in.len && (end = memchr(s->in.data, '\n', s->in.len));) {
        size_t line = (size_t)(end - s->in.data);
        if (take_line(s, s->in.data, line))
            buf_drop_front(&s->in, line + 1);
    }
}

static int dial(const char *path)
{
    static const char hello[] = "follow\n";
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof a.sun_path)
        return errno = ENAMETOOLONG, -1;
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&a, sizeof a) ||
                    write(fd, hello, sizeof hello - 1) != (ssize_t)sizeof hello - 1)) {
        close(fd);
        return -1;
    }
    return fd;
}

struct demo *demo_new(struct loop *l, const char *path, void (*on_state)(void *ctx), void *ctx)
{
    struct demo *s = x_calloc(1, sizeof *s);
    s->loop = l;
    s->in = BUF_INIT(2 * DEMO_LINE);
    s->state.zero_ms = s->state.end_ms = TIME_NONE;
    s->on_state = on_state;
    s->ctx = ctx;
    s->fd = dial(path);
    if (s->fd < 0)
        err_set(&s->error, ERR_IO, errno, "%s: %s", path, strerror(errno));
    s->watch = (struct loop_watch){ .want = want, .ready = ready, .ctx = s };
    loop_watch_add(l, &s->watch);
    return s;
}

void demo_free(struct demo *s)
{
    if (!s)
        return;
    loop_watch_remove(s->loop, &s->watch);
    if (s->fd >= 0)
        close(s->fd);
    buf_release(&s->in);
    free(s);
}

struct demo_state demo_state_of(const struct demo *s)
{
    struct demo_state st = s->state;
    st.text = s->error.text;
    return st;
}
