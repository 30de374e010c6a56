/*
 * core/cli/cli.h - the command line: one table of commands, one table of flags, exit codes.
 *
 * Help, completion and the man page's lists print these tables.  One file a subcommand.
 *
 * Errors   a command returns an exit code; it prints its own errors to stderr
 * Thread   main
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/conf/kubeconfig.h"

enum exit_code {
    EXIT_PASS = 0,
    EXIT_FAIL = 1,      /* verdict: roll back; doctor: a check failed */
    EXIT_USAGE = 2,     /* usage or configuration */
    EXIT_NO_DATA = 3,   /* inconclusive */
    EXIT_CONNECT = 4,   /* cannot connect or not authorised */
    EXIT_ROLLBACK = 5,  /* a rollback was attempted and failed */
    EXIT_TIMEOUT = 124, /* --timeout */
    EXIT_INTERRUPT = 130,
};

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME, OUTPUT_NDJSON };

/* All flags of all commands, parsed; a command's row in the table says which it takes. */
struct options {
    struct kube_overrides kube;   /* --kubeconfig --context --cluster --user -s/--server --as ... */
    const char *const *namespaces; /* -n, may be repeated or a list joined by ',' */
    size_t n_namespaces;
    bool all_namespaces;          /* -A */
    int64_t request_timeout_ms;   /* 0 = none given */
    int64_t timeout_ms;           /* --timeout of a whole command; 0 = none */
    enum output output;
    bool is_output_set, no_headers, watch, origin, pre, help, version;
    const char *config_file;      /* --config */
    const char *state_dir;        /* --state-dir */
    const char *environment;      /* -e/--environment: a name under environments */
    const char *code, *severity, *service; /* of an error; NULL = not said */
    const char *note, *confirm;   /* of a change */
    const char *stage, *row_environment, *impact, *business_impact; /* run: what a row says */
    const char *errors_db;        /* --errors-db: instead of the config's */
    const char *format;           /* report: --format; NULL = Markdown */
    const char *fail_on, *report; /* watch: --fail-on, --report; NULL = not said */
    int64_t window_ms;            /* --window; 0 = the config's */
    const char *since;            /* --since: a span, or "all" */
    bool follow, is_new, apply;   /* errors: -f, --new, --apply */
    const char *log_file, *log_level;
    bool read_only, write, ascii, no_color, mouse;
    const char *theme;
    const char *scenario, *speed, *seed; /* demo: handed to the simulator, which checks them */
    const char *demo_control;            /* demo: the simulator's control socket; NULL = no demo */
    const char *demo_config;             /* and its configuration */
    bool headless;
    const char *const *args; /* what is left after the command's name */
    int n_args;
};

/* What only main.c may know: handed in so that cli includes no tui. */
struct conf;
struct cli_env {
    int (*console)(const struct options *o);      /* bare `bakewatch` */
    int (*check_conf)(const struct conf *c);      /* keys and theme: prints what is wrong, EXIT_USAGE */
    void (*print_keys)(void);                     /* the key and command tables, for `help keys` */
};

int cli_main(int argc, char **argv, const struct cli_env *env);

struct command {
    const char *name, *args, *summary;
    int (*run)(const struct options *o, const struct cli_env *env);
    const char *examples;
};
extern const struct command commands[]; /* ends with a NULL name; core/cli/commands.c */

int cmd_run(const struct options *o, const struct cli_env *env);
int cmd_status(const struct options *o, const struct cli_env *env);
int cmd_journal(const struct options *o, const struct cli_env *env);
int cmd_config(const struct options *o, const struct cli_env *env);
int cmd_errors(const struct options *o, const struct cli_env *env);
int cmd_errors_classify(const struct options *o, const struct cli_env *env); /* args: after `classify` */
int cmd_replay(const struct options *o, const struct cli_env *env);
int cmd_report(const struct options *o, const struct cli_env *env);
int cmd_smoke(const struct options *o, const struct cli_env *env);
int cmd_watch(const struct options *o, const struct cli_env *env);
int cmd_demo(const struct options *o, const struct cli_env *env);
int cmd_doctor(const struct options *o, const struct cli_env *env);
int cmd_version(const struct options *o, const struct cli_env *env);
int cmd_help(const struct options *o, const struct cli_env *env);

#endif
