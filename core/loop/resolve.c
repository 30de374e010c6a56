/*
 * getaddrinfo cannot be stopped and may hang for half a minute.  So each name gets a detached thread
 * and an object that the two sides share by counting: whoever lets go last frees it.  A cancel is
 * letting go; it never waits, and neither does the end of the program.  Rejected: one resolver thread
 * with a queue (one dead name server would hold up the names behind it), pthread_cancel (glibc's
 * resolver holds locks).
 */
#include "core/loop/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct shared { /* the thread writes r, then done; nobody else does */
    atomic_int refs;
    atomic_bool done;
    int fd;
    char *host;
    struct resolved r;
};

struct resolve {
    struct loop *loop;
    struct shared *shared;
    struct loop_watch watch;
    struct loop_timer deadline;
    struct err e; /* what the deadline delivers */
    void (*on_done)(void *ctx, const struct resolved *r);
    void *ctx;
};

static void unref(struct shared *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    close(s->fd);
    free(s->host);
    free(s);
}

static bool is_known(const struct resolved *r, const char *address)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->addresses[i], address) == 0)
            return true;
    }
    return false;
}

static void look_up(const char *host, struct resolved *r)
{
    struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int rc = getaddrinfo(host, NULL, &want, &list);
    if (rc) {
        err_set(&r->e, ERR_NET, rc, "cannot resolve %s: %s", host,
                rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return;
    }
    for (struct addrinfo *a = list; a && r->n < RESOLVE_ADDRESSES; a = a->ai_next) {
        char text[sizeof r->addresses[0]];
        if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) &&
            !is_known(r, text))
            memcpy(r->addresses[r->n++], text, sizeof text);
    }
    freeaddrinfo(list);
    if (!r->n)
        err_set(&r->e, ERR_NET, 0, "%s has no address", host);
}

static void *thread(void *arg)
{
    struct shared *s = arg;
    look_up(s->host, &s->r);
    atomic_store(&s->done, true);
    (void)!write(s->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    unref(s);
    return NULL;
}

static int want(void *ctx, short *events)
{
    struct resolve *r = ctx;
    *events = POLLIN;
    return r->shared->fd;
}

static void finish(struct resolve *r, const struct resolved *result)
{
    void (*on_done)(void *, const struct resolved *) = r->on_done;
    void *ctx = r->ctx;
    struct shared *s = r->shared;
    r->shared = NULL;
    resolve_cancel(r);
    on_done(ctx, result);
    if (s)
        unref(s);
}

static void ready(void *ctx, int fd, short revents)
{
    struct resolve *r = ctx;
    (void)fd;
    (void)revents;
    if (atomic_load(&r->shared->done))
        finish(r, &r->shared->r);
}

static void on_deadline(void *ctx)
{
    struct resolve *r = ctx;
    finish(r, &(struct resolved){ .e = r->e });
}

/* Signals belong to the threads that wait for them. */
static int start_thread(struct shared *s)
{
    pthread_t t;
    pthread_attr_t at;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&at);
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t, &at, thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&at);
    return rc;
}

struct resolve *resolve_start(struct loop *l, const char *host,
                              void (*on_done)(void *ctx, const struct resolved *r), void *ctx)
{
    struct resolve *r = x_calloc(1, sizeof *r);
    *r = (struct resolve){ .loop = l, .on_done = on_done, .ctx = ctx };
    r->watch = (struct loop_watch){ .want = want, .ready = ready, .ctx = r };
    r->deadline = (struct loop_timer){ .fn = on_deadline, .ctx = r };
    err_set(&r->e, ERR_TIMEOUT, 0, "cannot resolve %s: no answer in %d s", host, RESOLVE_MS / 1000);
    struct shared *s = x_calloc(1, sizeof *s);
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->host = x_strdup(host);
    atomic_init(&s->refs, 2);
    int rc = s->fd < 0 ? errno : start_thread(s);
    if (rc) {
        err_set(&r->e, ERR_IO, rc, "cannot resolve %s: %s", host, strerror(rc));
        if (s->fd >= 0)
            close(s->fd);
        free(s->host);
        free(s);
        loop_timer_set(l, &r->deadline, 0);
        return r;
    }
    r->shared = s;
    loop_watch_add(l, &r->watch);
    loop_timer_set(l, &r->deadline, RESOLVE_MS);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    if (!r)
        return;
    loop_watch_remove(r->loop, &r->watch);
    loop_timer_stop(r->loop, &r->deadline);
    if (r->shared)
        unref(r->shared);
    free(r);
}
