#include "tui/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_S = 2 };
static int pipe_read = -1;
static bool has_shell = true; /* somebody above us in our session */

int keeper_fd(void)
{
    return pipe_read;
}

static void restore(const struct termios *saved, bool has_termios, const char *leave)
{
    char path[64];
    int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    snprintf(path, sizeof path, "/proc/self/fd/%d", STDOUT_FILENO);
    int fd = isatty(STDOUT_FILENO) ? open(path, flags) : open("/dev/tty", flags);
    if (fd >= 0) {
        (void)!write(fd, leave, strlen(leave));
        close(fd);
    }
    if (has_termios)
        tcsetattr(STDIN_FILENO, TCSANOW, saved);
}

/* Waits for the child; passes on what asks for an end, and insists when it is not heard. */
static int wait_for(pid_t child, const sigset_t *set)
{
    int status;
    bool is_asked = false;
    for (;;) {
        struct timespec grace = { GRACE_S, 0 };
        int sig = is_asked ? sigtimedwait(set, NULL, &grace) : sigwaitinfo(set, NULL);
        if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGQUIT) {
            kill(child, sig == SIGQUIT ? SIGTERM : sig);
            is_asked = true;
        } else if (sig < 0 && errno == EAGAIN) {
            kill(child, SIGKILL);
        }
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) { /* the demo's simulator is one, too */
            if (pid == child)
                return status;
        }
    }
}

void keeper_start(const char *leave)
{
    struct termios saved;
    bool has_termios = tcgetattr(STDIN_FILENO, &saved) == 0;
    int fds[2];
    sigset_t set, old;
    has_shell = getpid() != getsid(0) && getsid(getppid()) == getsid(0);
    if (pipe2(fds, O_CLOEXEC))
        return; /* without a keeper the console still works */
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        close(fds[0]);
        close(fds[1]);
        sigprocmask(SIG_SETMASK, &old, NULL);
        return;
    }
    if (child == 0) {
        close(fds[1]);
        pipe_read = fds[0];
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) /* it died before prctl */
            _exit(1);
        sigprocmask(SIG_SETMASK, &old, NULL);
        return;
    }
    close(fds[0]);
    signal(SIGTTOU, SIG_IGN); /* tcsetattr from the background must not stop us */
    int status = wait_for(child, &set);
    bool was_clean = WIFEXITED(status);
    if (!was_clean)
        restore(&saved, has_termios, leave);
    else if (has_termios)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    if (was_clean)
        _exit(WEXITSTATUS(status));
    int sig = WTERMSIG(status);
    dprintf(STDERR_FILENO, "bakewatch: the console was ended by signal %d (%s)\n", sig, strsignal(sig));
    _exit(128 + sig);
}

bool keeper_can_stop(void)
{
    return has_shell;
}

void keeper_stop_group(void)
{
    kill(0, SIGSTOP);
}
