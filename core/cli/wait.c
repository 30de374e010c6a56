#include "core/cli/wait.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/cli/say.h"

static int want(void *ctx, short *events)
{
    *events = POLLIN;
    return ((struct wait *)ctx)->signal_fd;
}

static void on_signal(void *ctx, int fd, short revents)
{
    (void)fd;
    (void)revents;
    ((struct wait *)ctx)->rc = EXIT_INTERRUPT;
}

static void on_timeout(void *ctx)
{
    cli_complain("--timeout is over");
    ((struct wait *)ctx)->rc = EXIT_TIMEOUT;
}

bool wait_open(struct wait *w, const struct options *o)
{
    struct err e = { 0 };
    sigset_t set;
    *w = (struct wait){ .rc = -1, .signal_fd = -1 };
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (w->signal_fd < 0 || loop_new(&w->loop, &e) || worker_new(w->loop, "errors", &w->worker, &e)) {
        cli_complain("%s", e.code ? e.text : "signalfd does not work here");
        wait_close(w);
        return false;
    }
    w->signals = (struct loop_watch){ .want = want, .ready = on_signal, .ctx = w };
    loop_watch_add(w->loop, &w->signals);
    w->timeout = (struct loop_timer){ .fn = on_timeout, .ctx = w };
    if (o->timeout_ms)
        loop_timer_set(w->loop, &w->timeout, o->timeout_ms);
    return true;
}

int wait_run(struct wait *w)
{
    while (w->rc < 0)
        loop_turn(w->loop, 60000);
    return w->rc;
}

void wait_close(struct wait *w)
{
    if (w->worker)
        worker_free(w->worker);
    loop_free(w->loop);
    if (w->signal_fd >= 0)
        close(w->signal_fd);
}
