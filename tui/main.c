/*
 * The composition root: the one file that may include everything.
 */
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/setup.h"
#include "core/gather/gather.h"
#include "panels/panels.h"
#include "tui/app.h"
#include "tui/embedded.h"
#include "tui/keeper.h"
#include "tui/term.h"

static int64_t started_ms;

static int complain(const struct err *e)
{
    fprintf(stderr, "bakewatch: %s\n", e->text);
    return EXIT_USAGE;
}

static int load_keys(const struct conf *conf, struct keymap *keys)
{
    struct err e = { 0 };
    if (keymap_parse(keys, "conf/default.keys", embedded_keys, &e))
        return complain(&e);
    for (size_t i = 0; conf && i < conf->n_keys; i++)
        keymap_set(keys, conf->keys[i].key, conf->keys[i].line);
    return EXIT_PASS;
}

static bool wants_ascii(void)
{
    const char *term = getenv("TERM");
    return !text_eq(nl_langinfo(CODESET), "UTF-8") ||
           (term && (text_eq(term, "linux") || text_starts(term, "vt") || text_eq(term, "dumb")));
}

/* The log of a console goes to the state folder unless flags or config say where. */
static void open_default_log(const struct options *o, const struct conf *conf)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char dir[900], path[1000];
    if (o->log_file || conf->log_file || (!(xdg && *xdg) && !(home && *home)))
        return;
    snprintf(dir, sizeof dir, "%s%s", xdg && *xdg ? xdg : home, xdg && *xdg ? "" : "/.local");
    mkdir(dir, 0700);
    if (!(xdg && *xdg)) {
        strcat(dir, "/state");
        mkdir(dir, 0700);
    }
    snprintf(path, sizeof path, "%s/bakewatch", dir);
    mkdir(path, 0700);
    strcat(path, "/bakewatch.log");
    struct err e = { 0 };
    if (log_open(path, &e))
        log_put(LOG_WARN, "log", "%s", e.text);
}

static int console(const struct options *o)
{
    struct gather_spec spec;
    struct snap_slot slot;
    struct keymap keys = { 0 };
    struct gather *g;
    struct err e = { 0 };
    int code = EXIT_PASS, rc = setup_gather(o, &spec);
    const struct conf *conf = rc ? NULL : setup_conf(o);
    if (rc || (rc = load_keys(conf, &keys)))
        return rc;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fputs("bakewatch: the console needs a terminal; `bakewatch status` prints without one\n", stderr);
        return EXIT_USAGE;
    }
    keeper_start(term_leave_string); /* only the child comes back */
    open_default_log(o, conf);
    const char *no_color = getenv("NO_COLOR");
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snap_slot_init(&slot, fd);
    spec.slot = &slot;
    if (gather_start(&spec, &g, &e))
        return complain(&e);
    help_attach(&keys, app_commands);
    bool is_mono = o->no_color || (no_color && *no_color);
    struct app_env env = {
        .slot = &slot, .cmdq = gather_commands(g), .snap_fd = fd, .panels = all_panels,
        .theme = o->theme ? o->theme : is_mono ? "mono" : conf->theme ? conf->theme : "default",
        .keymap = &keys, .ascii = o->ascii || wants_ascii(), .no_color = is_mono, .mouse = o->mouse,
        .started_ms = started_ms,
    };
    enum err_code err = app_run(&env, &code, &e);
    gather_stop(g);
    snap_slot_release(&slot);
    close(fd);
    keymap_release(&keys);
    return err ? complain(&e) : code;
}

static void print_keys(void)
{
    struct keymap keys = { 0 };
    if (load_keys(NULL, &keys) == EXIT_PASS)
        help_print(&keys, app_commands);
    keymap_release(&keys);
}

int main(int argc, char **argv)
{
    static const struct cli_env env = { .console = console, .print_keys = print_keys };
    started_ms = clock_io_ms();
    /* One arena, grown in large steps: that of a second thread grows by a system call each 4 KiB,
     * and a list of 10,000 pods took a fifth longer. */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 1024 * 1024);
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    int rc = cli_main(argc, argv, &env);
    log_close();
    return rc;
}
