/*
 * Plays a scene: a text file of what a person does and sees, against a program under a pty.
 *
 *   size ROWS COLS             before start
 *   env NAME=VALUE             for what is started
 *   start COMMAND...           $NAME is replaced from the environment
 *   keys KEYS                  "jj<enter><esc><c-z><f5><down>"
 *   paste TEXT                 as a bracketed paste; \n is a line's end
 *   raw BYTES                  bytes, with \e and \xHH
 *   flood N BYTES              the same N times
 *   press KEYS TEXT            KEYS, and again each half second, until TEXT is on the screen; "a|b" are
 *                              pressed in turn
 *   wait TEXT [within MS]      until the screen shows it (default 10 s)
 *   gone TEXT [within MS]      until it does not
 *   never TEXT                 it has not been in the raw output so far (\e, \xHH)
 *   resize ROWS COLS
 *   storm N                    N resizes through all sizes from 1x1 to 200x500
 *   random N                   N random bytes as keys
 *   signal NAME                to what was started;  console NAME: to its child (the console)
 *   sh COMMAND                 must exit with 0
 *   stall | unstall | hangup
 *   exit CODE [within MS]      it ends with this code ("*": any), and no process of its session is left;
 *                              after a hangup it has used less than a second of a core since
 *   sane [within MS]           the terminal is as it was before
 *   memory mark | memory KIB   the console's memory has grown by no more than that since the mark
 *   idle MS CPU% BYTES         over MS it uses no more of a core and writes no more bytes a second
 *   measure NAME TEXT          ms until TEXT is there since the last keys, or the end of the last sh
 *   latency N                  N times "?" until the help is there and "q" until it is gone; prints
 *                              the median and the 99th percentile
 *   dump                       prints the screen
 *   picture FILE [light]       the screen as SVG
 *   record FILE | record off   a recording of what comes
 *
 * Waits are for states with generous limits; nothing sleeps.  Prints "1 passed, 0 failed, 0 skipped".
 */
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/text.h"
#include "tests/pty/picture.h"
#include "tests/pty/process.h"
#include "tests/pty/screen.h"

enum { LIMIT_MS = 10000, MOST_ARGS = 64 };

static struct screen *screen;
static int rows = 24, cols = 80, line_number;
static const char *file;
static int64_t last_act_ms;

static void show_screen(FILE *to)
{
    struct buf text = BUF_INIT(4 * 1024 * 1024);
    if (screen)
        screen_text(screen, &text);
    fprintf(to, "%s", buf_str(&text));
    fflush(to); /* somebody may be waiting for it */
    buf_release(&text);
}

static void fail(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
static void fail(const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    printf("%s:%d: %s\n", file, line_number, what);
    show_screen(stdout);
    printf("0 passed, 1 failed, 0 skipped\n");
    screen_free(screen);
    exit(1);
}

/* "... within 500" at the end of an argument. */
static int64_t take_limit(char *arg)
{
    char *w = strstr(arg, " within ");
    int64_t ms = LIMIT_MS;
    if (w) {
        ms = atoll(w + 8);
        *w = '\0';
    }
    return ms;
}

static bool shows(const char *text)
{
    struct buf b = BUF_INIT(4 * 1024 * 1024);
    screen_text(screen, &b);
    bool found = strstr(buf_str(&b), text) != NULL;
    buf_release(&b);
    return found;
}

static void wait_for(char *arg, bool wanted)
{
    int64_t until = screen_now_ms() + take_limit(arg);
    while (shows(arg) != wanted) {
        if (screen_now_ms() > until)
            fail("\"%s\" is %s", arg, wanted ? "not on the screen" : "still on the screen");
        screen_pump(screen, 20);
    }
}

static void measure(char *arg)
{
    char *text = strchr(arg, ' ');
    if (!text)
        fail("measure NAME TEXT");
    *text++ = '\0';
    int64_t until = screen_now_ms() + take_limit(text);
    while (!shows(text)) {
        if (screen_now_ms() > until)
            fail("\"%s\" did not come", text);
        screen_pump(screen, 1);
    }
    printf("measured %s %lld ms\n", arg, (long long)(screen_now_ms() - last_act_ms));
}

static const struct {
    const char *name, *bytes;
} special[] = {
    { "enter", "\r" }, { "esc", "\033" }, { "tab", "\t" }, { "s-tab", "\033[Z" }, { "bs", "\177" },
    { "space", " " }, { "up", "\033[A" }, { "down", "\033[B" }, { "right", "\033[C" },
    { "left", "\033[D" }, { "home", "\033[H" }, { "end", "\033[F" }, { "pgup", "\033[5~" },
    { "pgdn", "\033[6~" }, { "f1", "\033OP" }, { "f2", "\033OQ" }, { "f5", "\033[15~" },
    { "delete", "\033[3~" },
};

static void type_keys(const char *s)
{
    while (*s) {
        const char *end = *s == '<' && s[1] ? strchr(s, '>') : NULL;
        if (!end) {
            screen_type(screen, s++, 1);
            continue;
        }
        bool known = false;
        size_t n = (size_t)(end - s - 1);
        if (n == 3 && s[1] == 'c' && s[2] == '-') {
            screen_type(screen, (char[]){ (char)(s[3] & 0x1F) }, 1);
            known = true;
        }
        for (size_t i = 0; i < ARRAY_LEN(special) && !known; i++) {
            if (strlen(special[i].name) == n && strncmp(special[i].name, s + 1, n) == 0) {
                screen_type(screen, special[i].bytes, strlen(special[i].bytes));
                known = true;
            }
        }
        if (!known)
            fail("no key %.*s", (int)n + 2, s);
        s = end + 1;
    }
}

static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] == 'e')
            *to++ = '\033', s++;
        else if (s[0] == '\\' && s[1] == 'n')
            *to++ = '\n', s++;
        else if (s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) && isxdigit((unsigned char)s[3])) {
            *to++ = (char)strtol((char[]){ s[2], s[3], '\0' }, NULL, 16);
            s += 3;
        } else
            *to++ = *s;
    }
    *to = '\0';
}

static void start(char *arg)
{
    char *argv[MOST_ARGS];
    size_t n = 0;
    for (char *w; (w = strsep(&arg, " ")) && n < MOST_ARGS - 1;) {
        if (!*w)
            continue;
        argv[n++] = w[0] == '$' ? getenv(w + 1) : w;
        if (!argv[n - 1])
            fail("%s is not set", w);
    }
    argv[n] = NULL;
    screen_free(screen);
    screen = screen_start(rows, cols, argv);
    last_act_ms = screen_now_ms();
}

static int signal_of(const char *name)
{
    static const struct {
        const char *name;
        int sig;
    } list[] = { { "TERM", SIGTERM }, { "HUP", SIGHUP }, { "INT", SIGINT }, { "KILL", SIGKILL },
                 { "SEGV", SIGSEGV }, { "ABRT", SIGABRT }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
                 { "TSTP", SIGTSTP } };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (text_eq(list[i].name, name))
            return list[i].sig;
    }
    fail("no signal %s", name);
}

static double hangup_cpu_s = -1;

static void expect_exit(char *arg)
{
    int64_t until = screen_now_ms() + take_limit(arg);
    int status;
    while (!screen_has_ended(screen, &status)) {
        if (screen_now_ms() > until)
            fail("it has not ended");
        if (!screen_pump(screen, 10))
            usleep(1000); /* its side is closed: only the end is left to come */
    }
    screen_pump(screen, 50);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (!text_eq(arg, "*") && code != atoi(arg))
        fail("it ended with %d", code);
    for (pid_t pid; (pid = process_of_session(screen_pid(screen)));) {
        if (screen_now_ms() > until)
            fail("process %d of it is left", (int)pid);
        usleep(1000);
    }
    if (hangup_cpu_s >= 0 && screen_cpu_s(screen) - hangup_cpu_s > 1)
        fail("it used %.1f s of a core after its terminal was gone", screen_cpu_s(screen) - hangup_cpu_s);
    hangup_cpu_s = -1;
}

static void expect_sane(char *arg)
{
    char copy[64];
    snprintf(copy, sizeof copy, " %s", arg);
    int64_t until = screen_now_ms() + take_limit(copy);
    for (;;) {
        struct buf why = BUF_INIT(1024);
        bool sane = screen_is_sane(screen, &why);
        if (!sane && screen_now_ms() > until)
            fail("%s", buf_str(&why));
        buf_release(&why);
        if (sane)
            return;
        screen_pump(screen, 20);
    }
}

static void expect_idle(const char *arg)
{
    long ms;
    double most_cpu, most_bytes;
    if (sscanf(arg, "%ld %lf %lf", &ms, &most_cpu, &most_bytes) != 3)
        fail("idle MS CPU%% BYTES");
    pid_t pid = process_child(screen_pid(screen));
    int64_t begin = screen_now_ms();
    double cpu = process_cpu_s(pid);
    uint64_t bytes = screen_bytes(screen);
    while (screen_now_ms() - begin < ms)
        screen_pump(screen, 100);
    double secs = (double)(screen_now_ms() - begin) / 1000;
    double used = (process_cpu_s(pid) - cpu) * 100 / secs;
    double sent = (double)(screen_bytes(screen) - bytes) / secs;
    printf("measured idle %.2f %% of a core, %.0f bytes/s\n", used, sent);
    if (used > most_cpu || sent > most_bytes)
        fail("idle: %.2f %% of a core, %.0f bytes/s", used, sent);
}

static void expect_memory(const char *arg)
{
    static long mark;
    long now = process_memory_kib(process_child(screen_pid(screen)));
    if (!now)
        fail("no memory to read");
    if (text_eq(arg, "mark")) {
        mark = now;
        printf("measured memory %ld KiB\n", now);
        return;
    }
    printf("measured memory %ld KiB, %+ld since the mark\n", now, now - mark);
    if (now - mark > atol(arg))
        fail("memory: %ld KiB more", now - mark);
}

static int by_number(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void latency(int n)
{
    int *us = x_calloc((size_t)n * 2, sizeof *us);
    for (int i = 0; i < n * 2; i++) {
        int64_t begin = now_us();
        type_keys(i % 2 ? "q" : "?");
        while (shows("WHAT IT DOES") == (i % 2 == 1)) {
            if (now_us() - begin > LIMIT_MS * 1000)
                fail("no answer to a key");
            screen_pump(screen, 1);
        }
        us[i] = (int)(now_us() - begin);
    }
    qsort(us, (size_t)n * 2, sizeof *us, by_number);
    printf("measured key-to-paint %.1f ms median, %.1f ms at the 99th percentile\n",
           us[n] / 1000.0, us[n * 2 * 99 / 100] / 1000.0);
    free(us);
}

static void storm(int n)
{
    for (int i = 0; i < n; i++) {
        screen_resize(screen, 1 + (i * 37) % 200, 1 + (i * 91) % 500);
        screen_pump(screen, 0);
    }
}

static void type_random(int n)
{
    unsigned seed = 12345;
    for (int i = 0; i < n; i++) {
        seed = seed * 1103515245u + 12345u;
        char c = (char)(seed >> 16);
        /* ctrl-z and ctrl-c do what they say, and so does q */
        if (c != 26 && c != 3 && c != 'q' && c != ':')
            screen_type(screen, &c, 1);
        if (i % 64 == 0)
            screen_pump(screen, 0);
    }
}

static void expect_never(char *arg)
{
    const struct buf *raw = screen_raw(screen);
    unescape(arg);
    if (memmem(buf_str(raw), raw->len, arg, strlen(arg)))
        fail("it was in the output");
}

static void paste(char *arg)
{
    unescape(arg);
    screen_type(screen, "\033[200~", 6);
    screen_type(screen, arg, strlen(arg));
    screen_type(screen, "\033[201~", 6);
}

static void flood(char *arg)
{
    char *bytes = strchr(arg, ' ');
    int n = atoi(arg);
    if (!bytes || n < 1)
        fail("flood N BYTES");
    unescape(++bytes);
    for (int i = 0; i < n; i++) {
        screen_type(screen, bytes, strlen(bytes));
        if (i % 64 == 0)
            screen_pump(screen, 0);
    }
}

static void press(char *arg)
{
    char *text = strchr(arg, ' ');
    if (!text)
        fail("press KEYS TEXT");
    *text++ = '\0';
    int64_t until = screen_now_ms() + take_limit(text), again = 0;
    for (char *keys = arg; !shows(text);) {
        int64_t now = screen_now_ms();
        if (now > until)
            fail("%s does not bring \"%s\"", arg, text);
        if (now >= again) {
            char turn[256];
            size_t n = strcspn(keys, "|");
            snprintf(turn, sizeof turn, "%.*s", (int)n, keys);
            type_keys(turn);
            keys = keys[n] ? keys + n + 1 : arg;
            again = now + 500;
        }
        screen_pump(screen, 20);
    }
}

static void shell(const char *arg)
{
    last_act_ms = screen_now_ms();
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", arg, (char *)NULL);
        _exit(127);
    }
    int status;
    while (waitpid(pid, &status, WNOHANG) != pid) { /* the screen goes on meanwhile */
        if (!screen || !screen_pump(screen, 5))
            usleep(1000);
    }
    if (status)
        fail("exit %d: %s", WEXITSTATUS(status), arg);
    last_act_ms = screen_now_ms();
}

static void picture(char *arg)
{
    char *mode = arg + strcspn(arg, " ");
    bool is_light = text_eq(mode, " light");
    *mode = '\0';
    FILE *f = fopen(arg, "we");
    if (!f)
        fail("%s cannot be written", arg);
    picture_svg(screen, is_light, f);
    fclose(f);
}

static void record(const char *arg)
{
    static struct cast *cast;
    cast_close(cast);
    cast = text_eq(arg, "off") ? NULL : cast_open(arg, rows, cols);
    if (!cast && !text_eq(arg, "off"))
        fail("%s cannot be written", arg);
    screen_record(screen, cast);
}

static void act(char *verb, char *arg)
{
    int a = 0, b = 0;
    if (text_eq(verb, "size") && sscanf(arg, "%d %d", &rows, &cols) == 2)
        return;
    if (text_eq(verb, "env")) {
        char *v = strchr(arg, '=');
        *v++ = '\0';
        setenv(arg, v[0] == '$' ? getenv(v + 1) : v, 1);
    } else if (text_eq(verb, "start"))
        start(arg);
    else if (text_eq(verb, "keys")) {
        last_act_ms = screen_now_ms();
        type_keys(arg);
    } else if (text_eq(verb, "paste"))
        paste(arg);
    else if (text_eq(verb, "raw")) {
        unescape(arg);
        screen_type(screen, arg, strlen(arg));
    } else if (text_eq(verb, "flood"))
        flood(arg);
    else if (text_eq(verb, "press"))
        press(arg);
    else if (text_eq(verb, "wait"))
        wait_for(arg, true);
    else if (text_eq(verb, "gone"))
        wait_for(arg, false);
    else if (text_eq(verb, "never"))
        expect_never(arg);
    else if (text_eq(verb, "resize") && sscanf(arg, "%d %d", &a, &b) == 2)
        screen_resize(screen, a, b);
    else if (text_eq(verb, "storm"))
        storm(atoi(arg));
    else if (text_eq(verb, "random"))
        type_random(atoi(arg));
    else if (text_eq(verb, "signal"))
        kill(screen_pid(screen), signal_of(arg));
    else if (text_eq(verb, "console"))
        kill(process_child(screen_pid(screen)), signal_of(arg));
    else if (text_eq(verb, "sh"))
        shell(arg);
    else if (text_eq(verb, "stall") || text_eq(verb, "unstall"))
        screen_stall(screen, verb[0] == 's');
    else if (text_eq(verb, "hangup")) {
        hangup_cpu_s = process_cpu_s(screen_pid(screen)) + process_cpu_s(process_child(screen_pid(screen)));
        screen_hangup(screen);
    }
    else if (text_eq(verb, "exit"))
        expect_exit(arg);
    else if (text_eq(verb, "sane"))
        expect_sane(arg);
    else if (text_eq(verb, "idle"))
        expect_idle(arg);
    else if (text_eq(verb, "memory"))
        expect_memory(arg);
    else if (text_eq(verb, "measure"))
        measure(arg);
    else if (text_eq(verb, "latency"))
        latency(atoi(arg));
    else if (text_eq(verb, "picture"))
        picture(arg);
    else if (text_eq(verb, "record"))
        record(arg);
    else if (text_eq(verb, "dump"))
        show_screen(stdout);
    else
        fail("what is \"%s %s\"?", verb, arg);
}

int main(int argc, char **argv)
{
    char line[4096];
    if (argc != 2) {
        fputs("usage: scene FILE\n", stderr);
        return 2;
    }
    file = argv[1];
    signal(SIGPIPE, SIG_IGN);
    FILE *f = text_eq(file, "-") ? stdin : fopen(file, "r");
    if (!f) {
        perror(file);
        return 2;
    }
    while (fgets(line, sizeof line, f)) {
        line_number++;
        line[strcspn(line, "\n")] = '\0';
        char *verb = line + strspn(line, " ");
        if (!*verb || *verb == '#')
            continue;
        char *arg = verb + strcspn(verb, " ");
        if (*arg)
            *arg++ = '\0';
        act(verb, arg);
    }
    printf("1 passed, 0 failed, 0 skipped\n");
    screen_free(screen);
    return 0;
}
