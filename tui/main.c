/*
 * The composition root: the one file that may include everything.
 */
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/gather/gather.h"
#include "panels/panels.h"
#include "tui/app.h"
#include "tui/embedded.h"
#include "tui/keeper.h"
#include "tui/term.h"
#include "tui/theme.h"

enum { MOST_COMMANDS = 256 };
static int64_t started_ms;

static int complain(const struct err *e)
{
    cli_complain("%s", e->text);
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

static bool is_command(const char *name, const char **list, size_t *n)
{
    for (const struct cmd *c = app_commands; c->name; c++) {
        if (*n < MOST_COMMANDS)
            list[(*n)++] = c->name;
    }
    for (const struct panel_ops *const *p = all_panels; *p; p++) {
        for (const struct cmd *c = (*p)->cmds; c && c->name && *n < MOST_COMMANDS; c++)
            list[(*n)++] = c->name;
    }
    for (size_t i = 0; i < *n; i++) {
        if (text_eq(list[i], name))
            return true;
    }
    return false;
}

/* What the config says of keys and theme, held against what the console has. */
static int check_conf(const struct conf *conf)
{
    int code = EXIT_PASS;
    struct err e = { 0 };
    struct theme theme;
    for (size_t i = 0; i < conf->n_keys; i++) {
        const struct conf_key *k = &conf->keys[i];
        const char *list[MOST_COMMANDS];
        char name[64];
        size_t n = 0;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(k->line, " "), k->line);
        if (is_command(name, list, &n))
            continue;
        const char *near = text_nearest(name, list, n);
        cli_complain("%s:%d:%d: key %s: no command \"%s\"%s%s%s", k->origin.file, k->origin.line, k->origin.col,
                     k->key, name, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        code = EXIT_USAGE;
    }
    if (conf->theme && theme_load(conf->theme, &theme, &e)) {
        cli_complain("%s:%d:%d: %s", conf->theme_origin.file, conf->theme_origin.line, conf->theme_origin.col, e.text);
        code = EXIT_USAGE;
    }
    return code;
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
    if (o->log_file || conf->log_file || (!(xdg && *xdg) && !(home && *home)))
        return;
    char *path = xdg && *xdg ? x_asprintf("%s/bakewatch/bakewatch.log", xdg)
                             : x_asprintf("%s/.local/state/bakewatch/bakewatch.log", home);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    struct err e = { 0 };
    if (log_open(path, &e))
        log_put(LOG_WARN, "log", "%s", e.text);
    free(path);
}

static int console(const struct options *o)
{
    struct gather_spec spec;
    struct snap_slot slot;
    struct keymap keys = { 0 };
    struct gather *g;
    struct err e = { 0 };
    int code = EXIT_PASS, rc = setup_gather(o, NEED_CLUSTER_OR_ERRORS, &spec);
    const struct conf *conf = rc ? NULL : setup_conf(o);
    if (rc || (rc = check_conf(conf)) || (rc = load_keys(conf, &keys)))
        return rc;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        cli_complain("the console needs a terminal; `bakewatch status` prints without one");
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
    static const struct cli_env env = { .console = console, .check_conf = check_conf, .print_keys = print_keys };
    started_ms = clock_io_ms();
    signal(SIGCHLD, SIG_DFL); /* a parent that ignores it would leave us without our children's ends */
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
