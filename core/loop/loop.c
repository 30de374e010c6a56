#include "core/loop/loop.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/loop/http_internal.h"

enum { WATCHES = 64 };

struct loop {
    CURLM *multi;
    int wake_fd;
    struct loop_watch *watches;
    struct loop_timer *timers; /* unsorted: there are dozens, not thousands */
};

enum err_code loop_new(struct loop **out, struct err *e)
{
    struct loop *l = x_calloc(1, sizeof *l);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0) {
        int saved = errno;
        free(l);
        return err_set(e, ERR_IO, saved, "eventfd: %s", strerror(saved));
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(l->multi = curl_multi_init())) {
        close(l->wake_fd);
        free(l);
        return err_set(e, ERR_NET, 0, "libcurl does not start");
    }
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 16L);
    *out = l;
    return ERR_OK;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    http_cancel_all(l->multi);
    curl_multi_cleanup(l->multi);
    close(l->wake_fd);
    free(l);
}

int loop_wake_fd(const struct loop *l)
{
    return l->wake_fd;
}

void *loop_curl(const struct loop *l)
{
    return l->multi;
}

void loop_watch_add(struct loop *l, struct loop_watch *w)
{
    DL_APPEND(l->watches, w);
}

void loop_watch_remove(struct loop *l, struct loop_watch *w)
{
    if (!w->prev)
        return;
    DL_DELETE(l->watches, w);
    w->next = w->prev = NULL;
}

bool loop_timer_is_set(const struct loop_timer *t)
{
    return t->prev != NULL;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    if (!t->prev)
        return;
    DL_DELETE(l->timers, t);
    t->next = t->prev = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms)
{
    loop_timer_stop(l, t);
    t->due_ms = clock_io_ms() + (delay_ms > 0 ? delay_ms : 0);
    DL_APPEND(l->timers, t);
}

static struct loop_timer *first_due(struct loop *l)
{
    struct loop_timer *best = NULL, *t;
    DL_FOREACH(l->timers, t) {
        if (!best || t->due_ms < best->due_ms)
            best = t;
    }
    return best;
}

static void run_timers(struct loop *l)
{
    int64_t now = clock_io_ms(); /* once: a timer that sets itself to 0 waits for the next turn */
    for (struct loop_timer *t; (t = first_due(l)) && t->due_ms <= now;) {
        loop_timer_stop(l, t);
        t->fn(t->ctx);
    }
}

void loop_turn(struct loop *l, int64_t at_most_ms)
{
    struct curl_waitfd fds[WATCHES + 1] = { { .fd = l->wake_fd, .events = CURL_WAIT_POLLIN } };
    struct loop_watch *asked[WATCHES + 1], *w;
    unsigned n = 1;
    DL_FOREACH(l->watches, w) {
        short events = 0;
        int fd = n <= WATCHES ? w->want(w->ctx, &events) : -1;
        if (fd < 0)
            continue;
        asked[n] = w;
        fds[n++] = (struct curl_waitfd){ .fd = fd, .events = events };
    }
    struct loop_timer *due = first_due(l);
    int64_t wait = at_most_ms;
    if (due && due->due_ms - clock_io_ms() < wait)
        wait = due->due_ms - clock_io_ms();
    curl_multi_poll(l->multi, fds, n, wait < 0 ? 0 : (int)wait, NULL);

    uint64_t drained;
    (void)!read(l->wake_fd, &drained, sizeof drained);
    int running;
    curl_multi_perform(l->multi, &running);
    http_finish_ready(l->multi);
    for (unsigned i = 1; i < n; i++) {
        if (!fds[i].revents)
            continue;
        DL_FOREACH(l->watches, w) { /* an earlier callback may have removed it */
            if (w == asked[i])
                break;
        }
        if (w)
            w->ready(w->ctx, fds[i].fd, fds[i].revents);
    }
    run_timers(l);
}
