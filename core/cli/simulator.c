#include "core/cli/simulator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/dir.h"
#include "core/base/json.h"
#include "core/base/text.h"

enum { READY_MS = 10000, GONE_MS = 3000, READY_BYTES = 16 * 1024, MOST_ARGS = 32,
       MOST_TMP = 77 /* a socket's path has 107 bytes, and ours is below it */ };
extern char **environ;

/* Beside us (a build tree), below our prefix (wherever it was installed to), where it was meant to be. */
static char *program(void)
{
    static const char *const places[] = { "bakewatch-sim", "../libexec/bakewatch/bakewatch-sim" };
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(places); i++) {
        self[n] = '\0';
        char *path = x_asprintf("%.*s/%s", (int)(strrchr(self, '/') - self), self, places[i]);
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return x_strdup(LIBEXECDIR "/bakewatch/bakewatch-sim");
}

static enum err_code spawn(struct simulator *s, const char *path, const char *const *args, struct err *e)
{
    const char *argv[MOST_ARGS + 6] = { path, "--with-parent", "--own-dir", "--dir", s->dir };
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    for (size_t i = 0; args[i] && i < MOST_ARGS; i++)
        argv[5 + i] = args[i];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return err_set(e, ERR_IO, errno, "pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0); /* ctrl-c and ctrl-z are for us: it goes on until we say so */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    int rc = posix_spawn(&s->pid, path, &files, &attr, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(in[0]);
    close(out[1]);
    s->in_fd = in[1];
    s->out_fd = out[0];
    if (rc)
        return err_set(e, rc == ENOENT ? ERR_NOTFOUND : ERR_IO, rc, "%s: %s", path, strerror(rc));
    return ERR_OK;
}

enum got { GOT_LINE, GOT_END, GOT_LATE };

/* Reads up to a line's end, or, without `line`, up to the end of all. */
static enum got read_until(int fd, int64_t ms, struct buf *line)
{
    int64_t until = clock_io_ms() + ms;
    char c[512];
    for (int64_t left; (left = until - clock_io_ms()) > 0;) {
        struct pollfd p = { fd, POLLIN, 0 };
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(fd, c, sizeof c);
        if (n <= 0 || (line && !buf_add(line, c, (size_t)n)))
            return GOT_END;
        if (line && memchr(c, '\n', (size_t)n))
            return GOT_LINE;
    }
    return GOT_LATE;
}

static enum err_code wait_ready(struct simulator *s, struct err *e)
{
    struct buf line = BUF_INIT(READY_BYTES);
    struct json_span doc;
    bool is_ready = read_until(s->out_fd, READY_MS, &line) == GOT_LINE;
    if (is_ready && !json_check(buf_str(&line), line.len, &doc, e)) {
        s->kubeconfig = json_str(json_get(doc, "kubeconfig"), &s->arena, 512);
        s->config = json_str(json_get(doc, "config"), &s->arena, 512);
        const char *db = json_str(json_get(doc, "errors_db"), &s->arena, 512);
        s->errors_db = db && db[0] == '/' ? arena_printf(&s->arena, "sqlite://%s", db) : db;
        s->control = json_str(json_get(doc, "control"), &s->arena, 512);
    }
    buf_release(&line);
    if (!s->kubeconfig || !s->config || !s->errors_db || !s->control)
        return err_set(e, ERR_IO, 0, "the simulator did not start"); /* its stderr, which is ours, says why */
    return ERR_OK;
}

int simulator_list(void)
{
    char *path = program();
    execl(path, path, "--list", (char *)NULL);
    fprintf(stderr, "bakewatch: %s: %s\n", path, strerror(errno));
    free(path);
    return 1;
}

enum err_code simulator_start(struct simulator *s, const char *const *args, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    *s = (struct simulator){ .in_fd = -1, .out_fd = -1, .pid = -1 };
    if (!tmp || tmp[0] != '/' || strlen(tmp) > MOST_TMP)
        tmp = "/tmp";
    snprintf(s->dir, sizeof s->dir, "%s/bakewatch-demo-XXXXXX", tmp);
    if (!mkdtemp(s->dir))
        return err_set(e, ERR_IO, errno, "%s: %s", s->dir, strerror(errno));
    char *path = program();
    if (spawn(s, path, args, e) || wait_ready(s, e))
        simulator_stop(s);
    free(path);
    return e->code;
}

void simulator_stop(struct simulator *s)
{
    /* In the console the keeper is its parent, not we: the end of its stdout is its end, and after that the
     * number is anybody's. */
    if (s->pid > 0 && s->out_fd >= 0 && read_until(s->out_fd, 1, NULL) == GOT_LATE)
        kill(s->pid, SIGTERM);
    if (s->in_fd >= 0)
        close(s->in_fd);
    if (s->out_fd >= 0 && s->pid > 0 && read_until(s->out_fd, GONE_MS, NULL) == GOT_LATE)
        kill(s->pid, SIGKILL);
    if (s->out_fd >= 0)
        close(s->out_fd);
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0);
    dir_remove(s->dir);
    arena_release(&s->arena);
    s->pid = -1;
}
