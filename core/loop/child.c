#include "core/loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"

enum { OUT, ERR_OUT, EXIT, N_WATCHES };

struct child {
    struct loop *loop;
    pid_t pid;
    int fds[N_WATCHES]; /* stdout, stderr, pidfd; -1 = closed */
    struct slot {
        struct child *child;
        int which;
    } slots[N_WATCHES];
    struct loop_watch watches[N_WATCHES];
    struct loop_timer deadline;
    struct buf bytes[2];
    bool is_cut, is_timeout, is_dead;
    int wait_status;
    void (*on_done)(void *ctx, const struct child_result *r);
    void *ctx;
};

static void release(struct child *c)
{
    for (int i = 0; i < N_WATCHES; i++) {
        loop_watch_remove(c->loop, &c->watches[i]);
        if (c->fds[i] >= 0)
            close(c->fds[i]);
    }
    loop_timer_stop(c->loop, &c->deadline);
    buf_release(&c->bytes[OUT]);
    buf_release(&c->bytes[ERR_OUT]);
    free(c);
}

static void finish_if_done(struct child *c)
{
    /* A grandchild may hold the pipes open: once the child is dead, what is there is all we take. */
    if (!c->is_dead)
        return;
    struct child_result r = {
        .is_timeout = c->is_timeout,
        .exit_code = WIFEXITED(c->wait_status) ? WEXITSTATUS(c->wait_status)
                                               : 128 + WTERMSIG(c->wait_status),
        .out = buf_str(&c->bytes[OUT]), .out_n = c->bytes[OUT].len,
        .err_text = buf_str(&c->bytes[ERR_OUT]), .err_n = c->bytes[ERR_OUT].len,
        .is_cut = c->is_cut,
    };
    c->on_done(c->ctx, &r);
    release(c);
}

static void drain(struct child *c, int which)
{
    char bytes[8192];
    for (int rounds = 0; rounds < 64; rounds++) { /* a flood must not hold the loop */
        ssize_t n = read(c->fds[which], bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close(c->fds[which]);
            c->fds[which] = -1;
            return;
        }
        size_t room = c->bytes[which].cap - c->bytes[which].len;
        c->is_cut |= which == OUT && (size_t)n > room;
        buf_add(&c->bytes[which], bytes, (size_t)n < room ? (size_t)n : room);
    }
}

static int want(void *ctx, short *events)
{
    struct slot *s = ctx;
    *events = POLLIN;
    return s->child->fds[s->which];
}

static void ready(void *ctx, int fd, short revents)
{
    struct slot *s = ctx;
    struct child *c = s->child;
    (void)fd;
    (void)revents;
    if (s->which != EXIT) {
        drain(c, s->which);
        return;
    }
    pid_t pid = waitpid(c->pid, &c->wait_status, WNOHANG);
    if (pid != c->pid && !(pid < 0 && errno == ECHILD)) /* ECHILD: somebody else took its status; it is over all the same */
        return;
    c->is_dead = true;
    kill(-c->pid, SIGKILL); /* whatever it left behind in its group */
    for (int i = OUT; i <= ERR_OUT; i++) {
        if (c->fds[i] >= 0)
            drain(c, i);
    }
    finish_if_done(c);
}

static void on_deadline(void *ctx)
{
    struct child *c = ctx;
    c->is_timeout = true;
    kill(-c->pid, SIGKILL);
}

static int spawn(const struct child_spec *spec, int out, int err_out, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, out, 1);
    posix_spawn_file_actions_adddup2(&fa, err_out, 2);
    posix_spawnattr_init(&at);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                      POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    int rc = posix_spawnp(pid, spec->argv[0], &fa, &at, (char *const *)(uintptr_t)spec->argv,
                          (char *const *)(uintptr_t)spec->env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    return rc;
}

enum err_code child_start(struct loop *l, const struct child_spec *spec, struct child **out,
                          struct err *e)
{
    int o[2], r[2];
    pid_t pid = 0;
    if (pipe2(o, O_CLOEXEC))
        return err_set(e, ERR_IO, errno, "pipe: %s", strerror(errno));
    if (pipe2(r, O_CLOEXEC)) {
        int saved = errno;
        close(o[0]);
        close(o[1]);
        return err_set(e, ERR_IO, saved, "pipe: %s", strerror(saved));
    }
    int rc = spawn(spec, o[1], r[1], &pid);
    close(o[1]);
    close(r[1]);
    int pidfd = rc ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (rc || pidfd < 0) {
        if (!rc) {
            rc = errno;
            kill(-pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        close(o[0]);
        close(r[0]);
        return err_set(e, ERR_IO, rc, "cannot run %s: %s", spec->argv[0], strerror(rc));
    }
    fcntl(o[0], F_SETFL, O_NONBLOCK);
    fcntl(r[0], F_SETFL, O_NONBLOCK);
    struct child *c = x_calloc(1, sizeof *c);
    c->loop = l;
    c->pid = pid;
    c->fds[OUT] = o[0];
    c->fds[ERR_OUT] = r[0];
    c->fds[EXIT] = pidfd;
    c->bytes[OUT] = BUF_INIT(spec->out_cap);
    c->bytes[ERR_OUT] = BUF_INIT(spec->err_cap);
    c->on_done = spec->on_done;
    c->ctx = spec->ctx;
    for (int i = 0; i < N_WATCHES; i++) {
        c->slots[i] = (struct slot){ c, i };
        c->watches[i] = (struct loop_watch){ .want = want, .ready = ready, .ctx = &c->slots[i] };
        loop_watch_add(l, &c->watches[i]);
    }
    c->deadline = (struct loop_timer){ .fn = on_deadline, .ctx = c };
    loop_timer_set(l, &c->deadline, spec->deadline_ms);
    *out = c;
    return ERR_OK;
}

void child_kill(struct child *c)
{
    if (!c)
        return;
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0); /* killed: this returns at once */
    release(c);
}
