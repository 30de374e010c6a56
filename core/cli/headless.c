#include "core/cli/headless.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"

static int follow(struct snap_slot *slot, int signal_fd, int64_t deadline_ms, headless_look *look, void *ctx)
{
    for (;;) {
        struct pollfd fds[] = { { slot->wake_fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
        int64_t left = deadline_ms ? deadline_ms - clock_io_ms() : -1;
        if (deadline_ms && left <= 0) {
            cli_complain("--timeout is over");
            return EXIT_TIMEOUT;
        }
        if (poll(fds, 2, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
            return EXIT_FAIL;
        if (fds[1].revents)
            return EXIT_INTERRUPT;
        uint64_t drained;
        (void)!read(slot->wake_fd, &drained, sizeof drained);
        struct snap *s = snap_acquire(slot);
        int rc = s ? look(ctx, s) : -1;
        snap_unref(s);
        if (rc >= 0)
            return rc;
    }
}

int headless_run(struct gather_spec *spec, int64_t timeout_ms, headless_look *look, void *ctx)
{
    struct snap_slot slot;
    struct gather *g;
    struct err e = { 0 };
    sigset_t set;
    int rc = EXIT_FAIL;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snap_slot_init(&slot, wake_fd);
    spec->slot = &slot;
    if (gather_start(spec, &g, &e)) {
        cli_complain("%s", e.text);
    } else {
        rc = follow(&slot, signal_fd, timeout_ms ? clock_io_ms() + timeout_ms : 0, look, ctx);
        gather_stop(g);
    }
    snap_slot_release(&slot);
    close(wake_fd);
    close(signal_fd);
    return rc;
}
