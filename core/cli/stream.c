#include "core/cli/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/cli/headless.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/model/ident.h"
#include "core/report/ndjson.h"

enum { OUTPUT_CAP = 256 * 1024 * 1024 };

/* An exit code; below 0: the story goes on. */
static int how_it_ended(const struct snap *s)
{
    const struct ident *id = (const struct ident *)s->sections[SECTION_IDENT];
    if (id && id->is_demo_cut) {
        cli_complain("demo: %s", id->caption);
        return EXIT_FAIL;
    }
    return id && id->story_end_ms != TIME_NONE && clock_story_ms() >= id->story_end_ms ? EXIT_PASS : -1;
}

struct stream {
    struct ndjson *ndjson;
    int signal_fd; /* looked at alone: who runs us reads it */
};

/* Who reads may be slow, or stopped: a signal is heard all the same.  An exit code; below 0: all is written. */
static int put(const struct stream *st, const char *p, size_t n)
{
    while (n) {
        struct pollfd fds[] = { { STDOUT_FILENO, POLLOUT, 0 }, { st->signal_fd, POLLIN, 0 } };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return EXIT_FAIL;
        if (fds[1].revents)
            return EXIT_INTERRUPT;
        if (!fds[0].revents)
            continue;
        ssize_t done = write(STDOUT_FILENO, p, n < PIPE_BUF ? n : PIPE_BUF); /* so much does not block */
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return EXIT_FAIL;
        p += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return -1;
}

static int look(void *ctx, const struct snap *s)
{
    struct stream *st = ctx;
    struct buf out = BUF_INIT(OUTPUT_CAP);
    ndjson_add(st->ndjson, s, clock_story_ms(), &out);
    int rc = put(st, buf_str(&out), out.len);
    buf_release(&out);
    return rc >= 0 ? rc : how_it_ended(s);
}

int stream_run(const struct options *o)
{
    struct gather_spec spec = { 0 };
    int rc = setup_gather(o, NEED_CLUSTER, &spec);
    if (rc)
        return rc;
    sigset_t set; /* blocked while headless_run looks */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    struct stream st = { ndjson_new(), signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
    rc = headless_run(&spec, o->timeout_ms, look, &st);
    ndjson_free(st.ndjson);
    close(st.signal_fd);
    return rc;
}
