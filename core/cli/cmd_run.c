/*
 * `bakewatch run -- COMMAND`: a deployment step whose failure becomes a row of deployment_errors.
 *
 * The command gets our stdin; what it prints goes on at once and its end is kept.  Before it starts, a
 * record "running" is in the spool; its failure replaces that, and only then the database is asked: so a
 * kill at any moment leaves a record, and a database that is away loses none.  Our exit status is the
 * command's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/change/record_error.h"
#include "core/cli/deliver.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/sources/errdb_init.h"
#include "core/store/journal.h"
#include "core/store/spool.h"

enum { TAIL = 64 * 1024, DELIVER_MS = 5000, NOT_STARTED = 127 };

struct running {
    const struct options *o;
    struct statedir dir;
    struct journal *journal;
    struct spool *spool;
    char key[ENTRY_KEY];
    int hold;
    struct errors_place place; /* when has_place */
    bool has_place;
    char place_mark[RUN_PLACE];
    const char *command; /* its first word: what follows may hold secrets */
    const char *environment;
    int64_t begun_ms;
    struct buf tail;  /* the end of what it printed */
    int status;       /* as waitpid has it; -1 = it did not start */
    int start_errno;
};

static void keep(struct running *r, const char *p, size_t n)
{
    if (n > TAIL) {
        p += n - TAIL;
        n = TAIL;
    }
    if (r->tail.len + n > TAIL)
        buf_drop_front(&r->tail, r->tail.len + n - TAIL);
    buf_add(&r->tail, p, n);
}

static void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno == EAGAIN) { /* somebody made it non-blocking */
            poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
            continue;
        }
        if (k < 0) /* whoever read our output is gone: the command goes on all the same */
            return;
        p += k;
        n -= (size_t)k;
    }
}

/* False: this pipe is at its end. */
static bool pass_on(struct running *r, int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    write_all(to, bytes, (size_t)n);
    keep(r, bytes, (size_t)n);
    return true;
}

static pid_t start(struct running *r, int out[2], int err[2], const sigset_t *old)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, old, NULL);
        signal(SIGPIPE, SIG_DFL);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execvp(r->o->args[0], (char *const *)(uintptr_t)r->o->args);
        (void)!write(report[1], &errno, sizeof errno);
        _exit(NOT_STARTED);
    }
    close(report[1]);
    if (pid > 0 && read(report[0], &r->start_errno, sizeof r->start_errno) != sizeof r->start_errno)
        r->start_errno = 0; /* the pipe closed by itself: exec went well */
    close(report[0]);
    return pid;
}

/* Until the command has ended and its pipes are empty.  Signals that ask for an end are its to obey. */
static void follow(struct running *r, pid_t pid, int out, int err, int signals)
{
    struct pollfd fds[] = { { out, POLLIN, 0 }, { err, POLLIN, 0 }, { signals, POLLIN, 0 } };
    bool is_over = false;
    while (!is_over || fds[0].fd >= 0 || fds[1].fd >= 0) {
        /* over, and nothing more comes: somebody whom it left behind holds the pipe open */
        int n = poll(fds, 3, is_over ? 0 : -1);
        if (n == 0 && is_over)
            return;
        struct signalfd_siginfo si;
        while (fds[2].revents && read(signals, &si, sizeof si) == sizeof si) {
            if (si.ssi_signo != SIGCHLD && !(si.ssi_signo == SIGINT && si.ssi_code == SI_KERNEL))
                kill(pid, (int)si.ssi_signo); /* ctrl-c has reached it already */
        }
        if (!is_over && waitpid(pid, &r->status, WNOHANG) == pid)
            is_over = true;
        for (int i = 0; i < 2; i++) {
            if (fds[i].fd >= 0 && fds[i].revents && !pass_on(r, fds[i].fd, i ? STDERR_FILENO : STDOUT_FILENO))
                fds[i].fd = -1;
        }
    }
}

static void run_command(struct running *r)
{
    int out[2], err[2];
    sigset_t set, old;
    r->status = -1;
    if (pipe2(out, O_CLOEXEC))
        return;
    if (pipe2(err, O_CLOEXEC)) {
        close(out[0]);
        close(out[1]);
        return;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGPIPE, SIG_IGN);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t pid = start(r, out, err, &old);
    close(out[1]);
    close(err[1]);
    if (pid > 0)
        follow(r, pid, out[0], err[0], signals);
    close(out[0]);
    close(err[0]);
    close(signals);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* ---- the record ---- */

static const char *or_else(const char *s, const char *otherwise)
{
    return s && s[0] ? s : otherwise;
}

/* Bytes from a program are not always UTF-8, and a text column takes nothing else. */
static void add_text(struct buf *out, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        int32_t cp;
        size_t used = text_decode(p, (size_t)(end - p), &cp);
        if (used && cp)
            buf_add(out, p, used);
        else
            buf_adds(out, "\xEF\xBF\xBD");
        p += used ? used : 1;
    }
}

static void last_line(const struct buf *tail, struct buf *out)
{
    size_t n = tail->len, from;
    while (n && strchr(" \t\r\n", tail->data[n - 1]))
        n--;
    for (from = n; from && tail->data[from - 1] != '\n'; from--)
        ;
    if (n > from)
        add_text(out, tail->data + from, n - from < 500 ? n - from : 500);
}

static void describe_end(const struct running *r, char code[32], char words[200])
{
    if (r->status == -1 || r->start_errno) {
        snprintf(code, 32, "RUN-START");
        snprintf(words, 200, "did not start: %s", strerror(r->start_errno ? r->start_errno : EAGAIN));
    } else if (WIFSIGNALED(r->status)) {
        snprintf(code, 32, "RUN-SIGNAL-%d", WTERMSIG(r->status));
        snprintf(words, 200, "was ended by signal %d (%s)", WTERMSIG(r->status), strsignal(WTERMSIG(r->status)));
    } else {
        snprintf(code, 32, "RUN-EXIT-%d", WEXITSTATUS(r->status));
        snprintf(words, 200, "failed with exit status %d", WEXITSTATUS(r->status));
    }
}

static enum err_code put_record(struct running *r, bool is_running, struct err *e)
{
    struct buf json = BUF_INIT(SPOOL_BYTES), message = BUF_INIT(4096), stack = BUF_INIT(4 * TAIL);
    char code[32] = "", words[200] = "", span[CLOCK_TEXT], when[CLOCK_TEXT];
    const struct options *o = r->o;
    if (is_running) {
        buf_adds(&message, r->command);
    } else {
        describe_end(r, code, words);
        buf_addf(&message, "%s %s", r->command, words);
        size_t n = message.len;
        buf_adds(&message, ": ");
        last_line(&r->tail, &message);
        if (message.len == n + 2)
            message.data[message.len = n] = '\0';
    }
    /* The first line holds the key: the guard of the INSERT looks for it. */
    buf_addf(&stack, "bakewatch run %s: %s %s", r->key, r->command, is_running ? "was begun" : words);
    buf_addf(&stack, ", begun %s, after %s\n", clock_format_rfc3339(r->begun_ms, when),
             clock_format_age(clock_story_ms() - r->begun_ms, span));
    add_text(&stack, buf_str(&r->tail), r->tail.len);
    struct run_record rec = { .key = r->key, .place = r->place_mark, .is_running = is_running, .at_ms = clock_story_ms(),
                              .service = or_else(o->service, ""), .environment = r->environment,
                              .stage = or_else(o->stage, "run"), .code = or_else(o->code, code),
                              .severity = or_else(o->severity, "HIGH"), .message = buf_str(&message),
                              .stack = buf_str(&stack), .user_impact = or_else(o->impact, "not assessed yet"),
                              .business_impact = or_else(o->business_impact, "not assessed yet") };
    run_record_json(&json, &rec);
    enum err_code rc = spool_put(r->spool, r->key, buf_str(&json), json.len, e);
    buf_release(&json);
    buf_release(&message);
    buf_release(&stack);
    return rc;
}

static enum err_code note(struct running *r, enum entry_state s, const char *detail, struct err *e)
{
    struct entry en = { .at_ms = clock_story_ms(), .state = s, .action = "run", .who = setup_who(),
                        .target = or_else(r->o->service, "no service"), .where = or_else(r->environment, "no environment"),
                        .detail = detail };
    snprintf(en.op, sizeof en.op, "%s", r->key);
    return journal_append(r->journal, &en, e);
}

/* ---- all of it ---- */

static const char *env_of(const char *name)
{
    return getenv(name);
}

static bool begin(struct running *r, struct err *e)
{
    unsigned char bytes[16];
    char detail[300];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return err_set(e, ERR_IO, 0, "no random numbers"), false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(r->key + 2 * i, 3, "%02x", bytes[i]);
    snprintf(detail, sizeof detail, "%.200s and %d arguments, stage %.60s", r->o->args[0], r->o->n_args - 1,
             or_else(r->o->stage, "run")); /* arguments may hold secrets */
    if (statedir_find(r->o->state_dir, env_of, &r->dir, e) || journal_open(&r->dir, &r->journal, e) ||
        spool_open(&r->dir, &r->spool, e))
        return false;
    r->hold = journal_hold(&r->dir, r->key);
    r->begun_ms = clock_story_ms();
    return !note(r, ENTRY_INTENT, detail, e) && !put_record(r, true, e);
}

struct search {
    const char *key;
    bool is_found;
};

static bool is_it(void *ctx, const char *key, const char *json, size_t n)
{
    struct search *s = ctx;
    (void)json, (void)n;
    s->is_found = text_eq(key, s->key);
    return !s->is_found;
}

/* Other records are delivered too, and one of those may be what went wrong: ours is looked for. */
static bool still_waits(struct running *r)
{
    struct search s = { .key = r->key };
    struct spool *spool = NULL;
    bool is_read = !spool_open(&r->dir, &spool, NULL) && !spool_each(spool, is_it, &s, NULL);
    spool_close(spool);
    return s.is_found || !is_read;
}

static void deliver(struct running *r)
{
    bool is_made = false; /* a file of our own store, beside the journal */
    struct delivered d = { .n = 0 };
    spool_close(r->spool);
    r->spool = NULL;
    if (!r->has_place) {
        cli_complain("the failure is kept in %s until `bakewatch errors deliver`", r->dir.path);
        return;
    }
    if (!r->place.own_file || !errdb_sqlite_init(r->place.own_file, &is_made, &d.e))
        d = cli_deliver(r->o, &r->place, DELIVER_MS);
    const char *made = is_made ? ", which was made for it" : "";
    if (still_waits(r))
        cli_complain("the failure is kept in %s: %s; `bakewatch errors deliver`, or the next run, tries again",
                     r->dir.path, d.e.text);
    else if (d.e.code)
        cli_complain("the failure is a row in %s%s; an earlier one is still kept in %s: %s", d.source, made, r->dir.path,
                     d.e.text);
    else
        cli_complain("the failure is a row in %s%s", d.source, made);
}

int cmd_run(const struct options *o, const struct cli_env *env)
{
    struct running r = { .o = o, .hold = -1, .tail = BUF_INIT(TAIL) };
    const struct conf_env *in_force = NULL;
    struct err e = { 0 };
    char code[32], words[200];
    (void)env;
    if (!o->n_args) {
        cli_complain("run [--service NAME --stage STAGE --env NAME] -- COMMAND");
        return EXIT_USAGE;
    }
    enum severity known;
    if (o->severity && !severity_parse(o->severity, &known)) {
        cli_complain("run: --severity is critical, high, medium or low");
        return EXIT_USAGE;
    }
    const struct conf *conf = setup_conf(o);
    if (!conf || setup_env(o, conf, &in_force))
        return EXIT_USAGE;
    r.environment = or_else(o->row_environment, in_force ? in_force->name : "");
    r.command = o->args[0];
    r.has_place = !o->read_only && !errors_place_find(o, &r.place, true);
    if (r.has_place)
        run_place(r.place.db, r.place_mark);
    if (o->read_only || !begin(&r, &e)) {
        cli_complain("not run: %s", o->read_only ? "--read-only was given" : e.text);
        return EXIT_USAGE;
    }
    run_command(&r);
    describe_end(&r, code, words);
    if (r.status == -1 || r.start_errno)
        cli_complain("%s %s", r.command, words);
    bool is_good = r.status != -1 && !r.start_errno && WIFEXITED(r.status) && !WEXITSTATUS(r.status);
    bool is_kept = is_good ? !spool_take_out(r.spool, r.key, &e) : !put_record(&r, false, &e);
    if (!is_kept)
        cli_complain("%s %s, and that could not be recorded: %s", r.command, words, e.text);
    if (note(&r, ENTRY_CLOSED, is_good ? "exit status 0" : words, &e))
        cli_complain("the journal could not take down the end: %s", e.text);
    journal_close(r.journal);
    journal_release(&r.dir, r.key, r.hold);
    if (!is_good)
        deliver(&r);
    spool_close(r.spool);
    if (r.has_place)
        errors_place_release(&r.place);
    buf_release(&r.tail);
    if (r.status == -1 || r.start_errno)
        return NOT_STARTED;
    return WIFEXITED(r.status) ? WEXITSTATUS(r.status) : 128 + WTERMSIG(r.status);
}
