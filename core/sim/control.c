#include "core/sim/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
    int fd; /* -1 = none */
    struct buf in;
    bool is_waiting; /* for its answer: nothing more is read */
    bool is_following;
};

struct control {
    int fd;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    control_fn *fn;
    void *ctx;
    struct client clients[CONTROL_CLIENTS];
};

enum err_code control_new(const char *path, control_fn *fn, void *ctx, struct control **out,
                          struct err *e)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof at.sun_path)
        return err_set(e, ERR_USAGE, 0, "%s: a socket's path has at most %zu bytes", path,
                       sizeof at.sun_path - 1);
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool is_bound = fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof at);
    umask(before);
    if (!is_bound || listen(fd, CONTROL_CLIENTS)) {
        err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    struct control *c = x_calloc(1, sizeof *c);
    c->fd = fd;
    strcpy(c->path, path);
    c->fn = fn;
    c->ctx = ctx;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        c->clients[i] = (struct client){ .fd = -1, .in = BUF_INIT(CONTROL_LINE) };
    *out = c;
    return ERR_OK;
}

static void leave(struct client *cl)
{
    if (cl->fd >= 0)
        close(cl->fd);
    buf_release(&cl->in);
    *cl = (struct client){ .fd = -1, .in = BUF_INIT(CONTROL_LINE) };
}

void control_free(struct control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        leave(&c->clients[i]);
    close(c->fd);
    unlink(c->path);
    free(c);
}

size_t control_want(const struct control *c, struct pollfd *out, size_t room)
{
    size_t n = 0;
    if (room)
        out[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
    for (int i = 0; i < CONTROL_CLIENTS && n < room; i++) {
        if (c->clients[i].fd >= 0)
            out[n++] = (struct pollfd){ .fd = c->clients[i].fd,
                                        .events = c->clients[i].is_waiting ? 0 : POLLIN };
    }
    return n;
}

static void write_line(struct client *cl, const char *text)
{
    char line[4096];
    int n = snprintf(line, sizeof line, "%.4000s\n", text);
    /* A line is short: a reader that does not even take that is not waited for. */
    if (cl->fd >= 0 && send(cl->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
        leave(cl);
}

void control_answer(struct control *c, int who, const char *answer)
{
    struct client *cl = &c->clients[who];
    if (!cl->is_waiting) /* it has gone, and its place is another's */
        return;
    write_line(cl, answer);
    cl->is_waiting = false;
}

void control_follow(struct control *c, int who)
{
    c->clients[who].is_following = true;
}

void control_tell(struct control *c, const char *line)
{
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        if (c->clients[i].is_following)
            write_line(&c->clients[i], line);
    }
}

static void obey(struct control *c, int who)
{
    struct client *cl = &c->clients[who];
    char *end;
    while (cl->fd >= 0 && !cl->is_waiting && cl->in.len &&
           (end = memchr(cl->in.data, '\n', cl->in.len))) {
        char line[CONTROL_LINE + 1];
        size_t n = (size_t)(end - cl->in.data);
        snprintf(line, sizeof line, "%.*s", (int)(n && end[-1] == '\r' ? n - 1 : n), cl->in.data);
        buf_drop_front(&cl->in, n + 1);
        struct buf answer = BUF_INIT(4000);
        cl->is_waiting = true;
        if (c->fn(c->ctx, who, line, &answer))
            control_answer(c, who, buf_str(&answer));
        buf_release(&answer);
    }
}

static void hear(struct control *c, int who)
{
    struct client *cl = &c->clients[who];
    char part[CONTROL_LINE];
    ssize_t n = recv(cl->fd, part, sizeof part, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        (n > 0 && !buf_add(&cl->in, part, (size_t)n)))
        leave(cl);
    else
        obey(c, who);
}

static void welcome(struct control *c)
{
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < CONTROL_CLIENTS; i++) {
        if (c->clients[i].fd < 0) {
            c->clients[i].fd = fd;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

void control_serve(struct control *c, const struct pollfd *fds, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (!fds[k].revents)
            continue;
        if (fds[k].fd == c->fd) {
            welcome(c);
            continue;
        }
        for (int i = 0; i < CONTROL_CLIENTS; i++) {
            struct client *cl = &c->clients[i];
            if (cl->fd != fds[k].fd)
                continue;
            if (cl->is_waiting && fds[k].revents & (POLLHUP | POLLERR))
                leave(cl);
            else if (!cl->is_waiting)
                hear(c, i);
        }
    }
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        obey(c, i); /* what had to wait for the answer before it */
}
