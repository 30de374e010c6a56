/*
 * One table of flags serves parsing, help and the man page.  getopt_long permutes, so flags stand
 * anywhere; the first word that is no flag is the command.
 */
#include "core/cli/cli.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/cli/flags.h"
#include "core/cli/say.h"

enum { MOST_LIST = 32 };

/* In the order of the help. */
const struct flag flags[] = {
    { 'n', "namespace", "NS", "console demo watch status doctor", "namespaces to watch: repeat, or join with ','" },
    { 'A', "all-namespaces", NULL, "console demo watch status doctor", "all namespaces" },
    { 'o', "output", "FORMAT", "demo watch replay smoke status errors journal doctor", "table, wide, json, ndjson or name" },
    { 'w', "watch", NULL, "status", "status: print again whenever it changes" },
    { 'e', "environment", "NAME", "all", "an environment of the config" },
    { 0, "config", "FILE", "all", "this config file instead of the user's" },
    { 0, "state-dir", "DIR", "all", "the folder of the journal" },
    { 0, "kubeconfig", "FILE", "cluster", "this kubeconfig alone" },
    { 0, "context", "NAME", "cluster", "context of the kubeconfig" },
    { 0, "cluster", "NAME", "cluster", "cluster of the kubeconfig" },
    { 0, "user", "NAME", "cluster", "user of the kubeconfig" },
    { 's', "server", "URL", "cluster", "address of the API server" },
    { 0, "as", "USER", "cluster", "impersonate this user" },
    { 0, "as-group", "GROUP", "cluster", "impersonate this group: repeat for more" },
    { 0, "as-uid", "UID", "cluster", "impersonate this uid" },
    { 0, "token", "TOKEN", "cluster", "bearer token (seen by others in ps: prefer a file)" },
    { 0, "certificate-authority", "FILE", "cluster", "CA of the API server" },
    { 0, "insecure-skip-tls-verify", NULL, "cluster", "do not check the server's certificate" },
    { 0, "tls-server-name", "NAME", "cluster", "name that the certificate must have" },
    { 0, "disable-compression", NULL, "cluster", "do not ask for compressed lists" },
    { 0, "proxy-url", "URL", "cluster", "http://, https:// or socks5:// proxy" },
    { 0, "request-timeout", "TIME", "cluster", "limit of one request: 5s, 1m; 0 = 32s" },
    { 0, "timeout", "TIME", "all", "limit of the whole command (exit 124)" },
    { 0, "no-headers", NULL, "status errors journal", "no header line in tables" },
    { 0, "origin", NULL, "config", "config show: where each value comes from" },
    { 0, "pre", NULL, "doctor", "doctor: without the network" },
    { 'f', "follow", NULL, "errors", "errors: go on for ever" },
    { 0, "since", "TIME", "errors watch", "errors: as far back as 30m, 24h (as without it), or all; watch: the deploy was so long ago" },
    { 0, "window", "TIME", "watch demo", "watch: how long a deploy is watched (30m, or what the config says)" },
    { 0, "fail-on", "WORD", "watch demo", "watch: exit 1 also when it ends as WATCH (watch), or only for ROLL BACK (fail)" },
    { 0, "format", "NAME", "report", "report: markdown, json or html" },
    { 0, "report", "FILE", "watch demo", "watch: write the report there at the end: .md, .html or .json" },
    { 0, "new", NULL, "errors", "errors -f: only what comes from now on" },
    { 0, "errors-db", "PLACE", "console watch errors run doctor", "this error database (passwords belong into ~/.pgpass)" },
    { 0, "apply", NULL, "errors", "errors init: carry it out" },
    { 0, "code", "CODE", "errors", "errors: the error code" },
    { 0, "severity", "WORD", "errors", "errors: this severity and worse; classify: the word" },
    { 0, "service", "NAME", "errors run", "the service's name" },
    { 0, "note", "TEXT", "errors", "errors resolve: what was done" },
    { 0, "confirm", "WORD", "errors", "the answer to the question that a change asks" },
    { 0, "stage", "STAGE", "run", "run: the deployment stage" },
    { 0, "env", "NAME", "run", "run: the environment in the row" },
    { 0, "impact", "TEXT", "run", "run: what it means for users" },
    { 0, "business-impact", "TEXT", "run", "run: what it means for the business" },
    { 0, "read-only", NULL, "console errors run smoke", "refuse every change, whatever is armed" },
    { 0, "write", NULL, "console errors smoke", "armed from the start: changes are possible, each after a question" },
    { 0, "theme", "NAME", "console demo", "default, light, cvd, mono or high-contrast" },
    { 0, "ascii", NULL, "console demo", "no characters but ASCII on the screen" },
    { 0, "no-color", NULL, "console demo", "no colours" },
    { 0, "mouse", NULL, "console demo", "use the mouse" },
    { 0, "scenario", "NAME", "demo", "which story (`bakewatch demo --scenario help` lists them)" },
    { 0, "speed", "X", "demo", "how many times as fast as real time; 0 = it stands until it is told" },
    { 0, "seed", "N", "demo", "of what is left to chance: the same number, the same story" },
    { 0, "headless", NULL, "demo", "no screen: what changes, as a line of JSON each" },
    { 0, "log-file", "FILE", "all", "our own log" },
    { 0, "log-level", "LEVEL", "all", "debug, info, warn or error" },
    { 'h', "help", NULL, "all", "help" },
    { 'V', "version", NULL, "all", "version" },
    { 0 },
};

/* False: more than there is room for. */
static bool split_list(const char *s, const char **list, size_t *n)
{
    char *copy = x_strdup(s); /* lives as long as the options: the program */
    for (char *one; (one = strsep(&copy, ","));) {
        if (one[0] && *n == MOST_LIST)
            return false;
        if (one[0])
            list[(*n)++] = one;
    }
    return true;
}

static bool is(const struct flag *f, const char *name)
{
    return strcmp(f->name, name) == 0;
}

static bool set_output(struct options *o, const char *v)
{
    static const char *const names[] = { [OUTPUT_TABLE] = "table", [OUTPUT_WIDE] = "wide",
                                         [OUTPUT_JSON] = "json",   [OUTPUT_YAML] = "yaml",
                                         [OUTPUT_NAME] = "name",   [OUTPUT_NDJSON] = "ndjson" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_eq(names[i], v)) {
            o->output = (enum output)i;
            o->is_output_set = true;
            return true;
        }
    }
    return false;
}

static bool set_texts(struct options *o, const struct flag *f, const char *v)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        { "kubeconfig", &o->kube.kubeconfig }, { "context", &o->kube.context },
        { "cluster", &o->kube.cluster }, { "user", &o->kube.user }, { "server", &o->kube.server },
        { "as", &o->kube.as }, { "as-uid", &o->kube.as_uid }, { "token", &o->kube.token },
        { "certificate-authority", &o->kube.certificate_authority },
        { "tls-server-name", &o->kube.tls_server_name }, { "proxy-url", &o->kube.proxy_url },
        { "config", &o->config_file }, { "state-dir", &o->state_dir }, { "environment", &o->environment },
        { "note", &o->note }, { "confirm", &o->confirm }, { "stage", &o->stage }, { "env", &o->row_environment },
        { "impact", &o->impact }, { "business-impact", &o->business_impact }, { "code", &o->code }, { "errors-db", &o->errors_db }, { "since", &o->since }, { "fail-on", &o->fail_on }, { "report", &o->report }, { "format", &o->format },
        { "severity", &o->severity }, { "service", &o->service },
        { "theme", &o->theme }, { "scenario", &o->scenario }, { "speed", &o->speed }, { "seed", &o->seed }, { "log-file", &o->log_file }, { "log-level", &o->log_level },
    };
    const struct {
        const char *name;
        bool *to;
    } switches[] = {
        { "all-namespaces", &o->all_namespaces }, { "watch", &o->watch },
        { "insecure-skip-tls-verify", &o->kube.insecure_skip_tls_verify },
        { "disable-compression", &o->kube.disable_compression },
        { "follow", &o->follow }, { "new", &o->is_new }, { "apply", &o->apply },
        { "no-headers", &o->no_headers }, { "origin", &o->origin }, { "pre", &o->pre },
        { "read-only", &o->read_only }, { "write", &o->write }, { "ascii", &o->ascii }, { "no-color", &o->no_color },
        { "mouse", &o->mouse }, { "headless", &o->headless }, { "help", &o->help }, { "version", &o->version },
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (is(f, texts[i].name)) {
            *texts[i].to = v;
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        if (is(f, switches[i].name)) {
            *switches[i].to = true;
            return true;
        }
    }
    return false;
}

/* False: the value is wrong; says so itself. */
static bool set_flag(struct options *o, const struct flag *f, const char *v,
                     const char **namespaces, const char **groups)
{
    bool ok = true;
    if (set_texts(o, f, v))
        return true;
    if (is(f, "namespace") && !split_list(v, namespaces, &o->n_namespaces))
        return cli_complain("--namespace: at most %d; -A watches all", MOST_LIST), false;
    if (is(f, "as-group") && o->kube.n_as_groups == MOST_LIST)
        return cli_complain("--as-group: at most %d", MOST_LIST), false;
    if (is(f, "as-group"))
        groups[o->kube.n_as_groups++] = v;
    else if (is(f, "output"))
        ok = set_output(o, v);
    else if (is(f, "request-timeout"))
        ok = text_to_span_ms(v, &o->request_timeout_ms);
    else if (is(f, "timeout"))
        ok = text_to_span_ms(v, &o->timeout_ms);
    else if (is(f, "window"))
        ok = text_to_span_ms(v, &o->window_ms) && o->window_ms > 0;
    if (!ok)
        cli_complain("--%s: \"%s\" is not %s", f->name, v,
                     is(f, "output") ? "table, wide, json, ndjson or name" : "a time like 5s or 1m");
    return ok;
}

static int unknown_flag(const char *word)
{
    const char *names[ARRAY_LEN(flags)];
    size_t n = 0;
    char clean[80], name[64];
    while (flags[n].name) {
        names[n] = flags[n].name;
        n++;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + (strlen(word) > 1 ? 2 : 1), "="),
             word + (strlen(word) > 1 ? 2 : 1));
    const char *near = text_starts(word, "--") ? text_nearest(name, names, n) : NULL;
    text_clean_to(clean, sizeof clean, word, strlen(word));
    cli_complain("unknown flag %s%s%s%s\nSee 'bakewatch help'.", clean,
            near ? ", did you mean --" : "", near ? near : "", near ? "?" : "");
    return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const char *namespaces[MOST_LIST], *groups[MOST_LIST]; /* the options point to them */
    struct option longs[ARRAY_LEN(flags)] = { 0 };
    char shorts[2 * ARRAY_LEN(flags) + 2] = ":";
    size_t n = 0, s = 1;
    for (; flags[n].name; n++) {
        longs[n] = (struct option){ flags[n].name, flags[n].arg ? required_argument : no_argument,
                                    NULL, 256 + (int)n };
        if (flags[n].letter) {
            shorts[s++] = flags[n].letter;
            if (flags[n].arg)
                shorts[s++] = ':';
        }
    }
    opterr = 0;
    for (int c, at; at = optind, (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        const struct flag *f = NULL;
        if (c == ':') {
            cli_complain("%s needs a value", argv[optind - 1]);
            return EXIT_USAGE;
        }
        for (size_t i = 0; flags[i].name && !f; i++) {
            if (c == 256 + (int)i || (c == flags[i].letter && c))
                f = &flags[i];
        }
        if (!f)
            return unknown_flag(argv[optind - 1 < at ? at : optind - 1]);
        if (!set_flag(o, f, optarg, namespaces, groups))
            return EXIT_USAGE;
    }
    o->namespaces = namespaces;
    o->kube.as_groups = groups;
    o->args = (const char *const *)(argv + optind);
    o->n_args = argc - optind;
    for (size_t i = 0; i < o->n_namespaces; i++) {
        if (!text_is_dns1123_label(namespaces[i])) {
            cli_complain("--namespace: \"%s\" is not a valid name", namespaces[i]);
            return EXIT_USAGE;
        }
    }
    return EXIT_PASS;
}

static int start_log(const struct options *o)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    struct err e = { 0 };
    for (size_t i = 0; o->log_level && i <= ARRAY_LEN(levels); i++) {
        if (i == ARRAY_LEN(levels)) {
            cli_complain("--log-level is debug, info, warn or error");
            return EXIT_USAGE;
        }
        if (text_eq(levels[i], o->log_level)) {
            log_set_level((enum log_level)i);
            break;
        }
    }
    if (o->log_file && log_open(o->log_file, &e)) {
        cli_complain("%s", e.text);
        return EXIT_USAGE;
    }
    return EXIT_PASS;
}

static const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (text_eq(c->name, name))
            return c;
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[64];
    size_t n = 0;
    char clean[80];
    for (const struct command *c = commands; c->name && n < ARRAY_LEN(names); c++)
        names[n++] = c->name;
    const char *near = text_nearest(word, names, n);
    text_clean_to(clean, sizeof clean, word, strlen(word));
    cli_complain("unknown command \"%s\"%s%s%s\nSee 'bakewatch help'.", clean,
            near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return EXIT_USAGE;
}

int cli_main(int argc, char **argv, const struct cli_env *env)
{
    static struct options o;
    int rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    if (o.version)
        return cmd_version(&o, env);
    if (o.help)
        return cmd_help(&o, env);
    if ((rc = start_log(&o)))
        return rc;
    if (!o.n_args)
        return env->console(&o);
    const struct command *c = find_command(o.args[0]);
    if (!c)
        return unknown_command(o.args[0]);
    o.args++;
    o.n_args--;
    return c->run(&o, env);
}
