/*
 * `errors resolve ID --note TEXT`, and the steps of the error process: the console's plan and gate on the
 * command line.  The plan is printed; --confirm WORD answers it, else the question is asked on a terminal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/change/resolve_error.h"
#include "core/cli/cmd_errors.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"

struct acting {
    const struct options *o;
    const char *verb;
    int64_t id;
    const struct conf_env *env;
    struct wait wait;
    struct errdb *db;
    struct actuator *gate;
    struct error_act *act;
    struct errdb_call *fetch;
    bool is_asked; /* the question has been answered */
};

static void print_plan(const struct plan *p)
{
    static const char *const marks[] = { "  ", "- ", "+ ", "! " };
    char clean[400];
    printf("%s %s\n", p->verb, text_clean_to(clean, sizeof clean, p->target, strlen(p->target)));
    for (size_t i = 0; i < p->n_lines; i++)
        printf("%s%s\n", marks[p->lines[i].mark], text_clean_to(clean, sizeof clean, p->lines[i].text,
                                                                strlen(p->lines[i].text)));
    fflush(stdout);
}

/* --confirm says the word (or y); without it the terminal is asked; without one, nothing is done. */
static bool is_confirmed(const struct acting *a, const struct plan *p)
{
    const char *want = p->word[0] ? p->word : "y";
    char id[24], line[PLAN_WORD + 2];
    snprintf(id, sizeof id, "%" PRId64, a->id);
    if (a->o->confirm) {
        if (text_eq(a->o->confirm, want) || (!p->word[0] && text_eq(a->o->confirm, id)))
            return true;
        cli_complain("--confirm %s does not confirm this: it must be %s", a->o->confirm, p->word[0] ? want : id);
        return false;
    }
    if (!isatty(STDIN_FILENO)) {
        cli_complain("nothing was done: give --confirm %s", p->word[0] ? want : id);
        return false;
    }
    printf(p->word[0] ? "Type %s to %s: " : "%s%s? y does it: ", p->word[0] ? want : "", p->verb);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (!text_eq(line, want))
        cli_complain("cancelled: nothing was changed");
    return text_eq(line, want);
}

static void finish(struct acting *a, int rc, const char *text)
{
    if (rc)
        cli_complain("%s", text);
    else
        printf("%s\n", text);
    a->wait.rc = rc;
}

static void on_plan(void *ctx)
{
    struct acting *a = ctx;
    if (!a->act || a->wait.rc >= 0)
        return; /* its first words come before error_act_new returns */
    struct plan *p = error_act_plan(a->act, 1);
    switch (p->state) {
    case PLAN_READY:
        if (a->is_asked)
            break;
        a->is_asked = true;
        print_plan(p);
        if (is_confirmed(a, p))
            error_act_confirm(a->act, p->hash);
        else
            a->wait.rc = EXIT_USAGE;
        break;
    case PLAN_REFUSED:
    case PLAN_FAILED:
    case PLAN_PARTLY:
        finish(a, EXIT_FAIL, p->text);
        break;
    case PLAN_DONE:
        finish(a, EXIT_PASS, p->text);
        break;
    case PLAN_UNKNOWN:
        cli_complain("%s", p->text);
        break;
    case PLAN_MAKING:
    case PLAN_RUNNING:
        break;
    }
    section_unref(&p->section);
}

static void on_record(void *ctx, const struct errdb_record *r)
{
    struct acting *a = ctx;
    a->fetch = NULL;
    if (r->e.code) {
        finish(a, r->e.code == ERR_NOTFOUND ? EXIT_USAGE : EXIT_CONNECT, r->e.text);
        return;
    }
    struct error_act_spec spec = { .loop = a->wait.loop, .worker = a->wait.worker, .gate = a->gate, .db = a->db,
                                   .state_dir = a->o->state_dir, .verb = a->verb, .id = a->id, .record = r,
                                   .note = a->o->note ? a->o->note : "", .by = setup_who(),
                                   .is_production = a->env && a->env->class == CONF_PRODUCTION,
                                   .is_typed = true, .on_change = on_plan, .ctx = a };
    a->act = error_act_new(&spec);
    on_plan(a);
}

static void on_state(void *ctx)
{
    struct acting *a = ctx;
    if (!a->db || a->wait.rc >= 0)
        return;
    struct errdb_state st = errdb_state(a->db);
    if (st.health.state == SOURCE_FAILED || st.health.state == SOURCE_ABSENT || st.health.state == SOURCE_FORBIDDEN)
        finish(a, EXIT_CONNECT, st.health.text);
    else if (st.is_synced && !a->act && !a->fetch)
        a->fetch = errdb_fetch(a->db, a->id, on_record, a);
}

/* Why changes are off, whatever is confirmed; "" = they are not. */
static const char *ban_of(const struct acting *a)
{
    bool is_guarded = a->env && a->env->class == CONF_PRODUCTION && a->env->read_only;
    if (a->o->read_only)
        return "--read-only was given";
    return is_guarded && !a->o->write ? "the environment is production and read_only: give --write" : "";
}

int cmd_errors_act(const struct options *o, const struct errors_place *p)
{
    struct acting a = { .o = o, .verb = o->args[0] };
    struct err e = { 0 };
    char where[200];
    const struct conf *conf = setup_conf(o);
    if (!conf || setup_env(o, conf, &a.env))
        return EXIT_USAGE;
    if (o->n_args != 2 || !text_to_int(o->args[1], strlen(o->args[1]), INT64_MIN, INT64_MAX, &a.id)) {
        cli_complain("errors %s ID: an id is a whole number", a.verb);
        return EXIT_USAGE;
    }
    if (text_eq(a.verb, "resolve") && !(o->note && o->note[0])) {
        cli_complain("errors resolve ID --note TEXT: what was done is what the next one reads");
        return EXIT_USAGE;
    }
    if (!wait_open(&a.wait, o))
        return EXIT_FAIL;
    snprintf(where, sizeof where, "%s%s%s", a.env ? a.env->name : "no environment", a.env ? ", class " : "",
             a.env ? conf_class_name(a.env->class) : "");
    struct actuator_spec gate = { .loop = a.wait.loop, .worker = a.wait.worker, .state_dir = o->state_dir,
                                  .who = setup_who(), .where = where, .ban = ban_of(&a) };
    a.gate = actuator_new(&gate);
    struct errdb_spec spec = { .place = p->db, .timezone = p->timezone, .rules = p->rules, .is_once = true,
                               .feed = { .ctx = &a }, .on_state = on_state };
    int rc = EXIT_USAGE;
    if (errdb_open(a.wait.loop, a.wait.worker, &spec, &a.db, &e)) {
        cli_complain("%s", e.text);
    } else {
        on_state(&a);
        rc = wait_run(&a.wait);
    }
    error_act_free(a.act);
    errdb_cancel(a.fetch);
    errdb_close(a.db);
    actuator_free(a.gate);
    wait_close(&a.wait);
    return rc;
}
