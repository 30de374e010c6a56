/* `errors` without a word lists; with one it does what the word says. */
#include "core/change/resolve_error.h"
#include "core/cli/cmd_errors.h"

#include <stdio.h>

#include "core/base/text.h"
#include "core/cli/schema.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/gather/errors.h"
#include "core/sources/errdb_init.h"

int errors_place_seek(const struct options *o, struct errors_place *out, bool is_wanted, const struct conf_env **env)
{
    const struct conf *conf = setup_conf(o);
    *out = (struct errors_place){ 0 };
    *env = NULL;
    if (!conf || setup_env(o, conf, env))
        return EXIT_USAGE;
    const struct conf_errors *errors = conf_find_errors(conf, *env);
    if (!(out->rules = setup_rules(errors)))
        return EXIT_USAGE;
    struct errors_where w = errors_where(o->errors_db, errors, o->state_dir, is_wanted);
    out->db = w.place;
    out->own_file = w.own_file;
    out->timezone = w.timezone;
    return EXIT_PASS;
}

int errors_place_find(const struct options *o, struct errors_place *out, bool is_wanted)
{
    const struct conf_env *env;
    int rc = errors_place_seek(o, out, is_wanted, &env);
    if (rc || out->db)
        return rc;
    cli_complain("no error database: set errors.db%s%s in the config, or give --errors-db; `errors init --apply` makes a file for a team without a server",
            env ? " of environment " : "", env ? env->name : "");
    errors_place_release(out);
    return EXIT_USAGE;
}

void errors_place_release(struct errors_place *p)
{
    free(p->db);
    triage_rules_free(p->rules);
    *p = (struct errors_place){ 0 };
}

static int usage(void)
{
    cli_complain("errors [-f] [--since TIME|all] [--service NAME] [--severity WORD] [--new]\n"
                 "errors show ID | errors init [--apply] | errors classify [MESSAGE|-] | errors deliver\n"
                 "errors resolve ID --note TEXT | errors reopen|acknowledge|investigated|planned|implemented ID");
    return EXIT_USAGE;
}

/* What --apply would carry out at the place; without a place, what a team shares. */
static int print_schema(const struct options *o)
{
    struct errors_place p;
    const struct conf_env *env;
    int rc = errors_place_seek(o, &p, false, &env);
    if (rc)
        return rc;
    if (!p.db)
        cli_complain("no error database is set: this is for PostgreSQL; --apply without one makes a file for SQLite");
    fputs(p.db && text_starts(p.db, "sqlite://") ? errdb_sqlite_schema : schema_sql, stdout);
    errors_place_release(&p);
    return fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
}

int cmd_errors(const struct options *o, const struct cli_env *env)
{
    static const struct {
        const char *word;
        int (*run)(const struct options *o, const struct errors_place *p);
        int n_args;
    } words[] = { { "show", cmd_errors_show, 1 }, { "init", cmd_errors_init, 0 },
                { "deliver", cmd_errors_deliver, 0 } };
    struct options rest = *o;
    struct errors_place p;
    int (*run)(const struct options *, const struct errors_place *) = o->n_args ? NULL : cmd_errors_list;
    rest.args++;
    rest.n_args--;
    if (o->n_args && text_eq(o->args[0], "classify"))
        return cmd_errors_classify(&rest, env);
    for (size_t i = 0; o->n_args && i < ARRAY_LEN(words); i++) {
        if (text_eq(o->args[0], words[i].word) && rest.n_args == words[i].n_args)
            run = words[i].run;
    }
    for (size_t i = 0; o->n_args && error_verbs[i]; i++) {
        if (text_eq(o->args[0], error_verbs[i])) {
            run = cmd_errors_act;
            rest = *o; /* the verb is an argument of it */
        }
    }
    if (!run)
        return usage();
    if (run == cmd_errors_init && !o->apply)
        return print_schema(o);
    int rc = errors_place_find(o, &p, run == cmd_errors_init);
    if (rc)
        return rc;
    rc = run(&rest, &p);
    errors_place_release(&p);
    return rc;
}
