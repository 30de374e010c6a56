/*
 * `smoke` runs the checks of the environment's config and says how each step went.  What changes something is
 * asked for by --write, like everything else that does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/change/smoke.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/cli/wait.h"

struct smoking {
    const struct options *o;
    const struct conf_env *env;
    struct wait wait;
    struct actuator *gate;
    struct smoke *now;
    struct loop_timer next;
    size_t at, said; /* the check, and its steps that were said */
    int worst;
};

static bool is_asked(const struct smoking *k, const struct conf_smoke *c)
{
    for (int i = 0; i < k->o->n_args; i++) {
        if (text_eq(k->o->args[i], c->name))
            return true;
    }
    return !k->o->n_args;
}

static void say(const struct smoking *k, const struct conf_smoke *c, const struct conf_step *s, const struct smoke_step *st)
{
    struct buf out = BUF_INIT(64 * 1024);
    const char *outcome = st->outcome == PROBE_OK ? "ok" : st->outcome == PROBE_UNSEEN ? "not run" : "FAILED";
    if (k->o->output == OUTPUT_NDJSON) {
        const char *const members[][2] = { { "check", c->name }, { "step", s->name }, { "outcome", outcome },
                                           { "reason", st->outcome == PROBE_OK ? "" : probe_outcome_name(st->outcome) },
                                           { "text", st->text } };
        buf_addf(&out, "{\"type\":\"smoke\",\"status\":%d,\"took_ms\":%" PRId64, st->status, st->took_ms);
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
            buf_addf(&out, ",\"%s\":", members[i][0]);
            json_quote(&out, members[i][1]);
        }
        buf_addc(&out, '}');
    } else {
        char name[120], text[300];
        text_clean_to(name, sizeof name, s->name, strlen(s->name));
        text_clean_to(text, sizeof text, st->text, strlen(st->text));
        buf_addf(&out, "%-20.60s %-40s %-7s %5" PRId64 " ms%s%s", c->name, name, outcome, st->took_ms, text[0] ? "  " : "", text);
    }
    puts(buf_str(&out));
    buf_release(&out);
}

static void on_step(void *ctx)
{
    struct smoking *k = ctx;
    const struct conf_smoke *c = &k->env->smokes[k->at];
    const struct smoke_step *steps = smoke_steps(k->now);
    for (; k->said < c->n_steps && steps[k->said].is_over; k->said++) {
        int rc = steps[k->said].outcome == PROBE_OK ? EXIT_PASS : steps[k->said].outcome == PROBE_UNSEEN ? EXIT_NO_DATA : EXIT_FAIL;
        say(k, c, &c->steps[k->said], &steps[k->said]);
        k->worst = rc == EXIT_FAIL || !k->worst ? rc : k->worst;
    }
    if (!smoke_is_over(k->now))
        return;
    k->at++;
    loop_timer_set(k->wait.loop, &k->next, 0); /* the check cannot be freed from within */
}

static void begin(void *ctx)
{
    struct smoking *k = ctx;
    smoke_free(k->now);
    k->now = NULL;
    k->said = 0;
    while (k->at < k->env->n_smokes && !is_asked(k, &k->env->smokes[k->at]))
        k->at++;
    if (k->at == k->env->n_smokes) {
        k->wait.rc = k->worst;
        return;
    }
    struct smoke_spec spec = { .loop = k->wait.loop, .gate = k->gate, .conf = &k->env->smokes[k->at], .on_step = on_step, .ctx = k };
    k->now = smoke_start(&spec);
}

static int check_names(const struct smoking *k)
{
    for (int i = 0; i < k->o->n_args; i++) {
        size_t at = 0;
        while (at < k->env->n_smokes && !text_eq(k->env->smokes[at].name, k->o->args[i]))
            at++;
        if (at == k->env->n_smokes) {
            cli_complain("no smoke check \"%s\" in the environment %s", k->o->args[i], k->env->name);
            return EXIT_USAGE;
        }
    }
    if (!k->env->n_smokes)
        cli_complain("the environment %s has no smoke checks: see `smoke:` in conf/config.yaml", k->env->name);
    return k->env->n_smokes ? EXIT_PASS : EXIT_USAGE;
}

int cmd_smoke(const struct options *o, const struct cli_env *env)
{
    struct smoking k = { .o = o };
    const struct conf *conf = setup_conf(o);
    char where[200];
    (void)env;
    if (!conf || setup_env(o, conf, &k.env))
        return EXIT_USAGE;
    if (!k.env) {
        cli_complain("smoke: which environment? -e NAME, or one of the config whose context is in use");
        return EXIT_USAGE;
    }
    if (check_names(&k) || !wait_open(&k.wait, o))
        return EXIT_USAGE;
    snprintf(where, sizeof where, "%s, class %s", k.env->name, conf_class_name(k.env->class));
    struct actuator_spec gate = { .loop = k.wait.loop, .worker = k.wait.worker, .state_dir = o->state_dir, .who = setup_who(),
                                  .where = where, .ban = o->read_only ? "--read-only was given" : "", .is_armed = o->write };
    k.gate = actuator_new(&gate);
    k.next = (struct loop_timer){ .fn = begin, .ctx = &k };
    loop_timer_set(k.wait.loop, &k.next, 0);
    int rc = wait_run(&k.wait);
    smoke_free(k.now);
    actuator_free(k.gate);
    wait_close(&k.wait);
    return rc;
}
