#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/flags.h"
#include "core/cli/say.h"

int cmd_version(const struct options *o, const struct cli_env *env)
{
    (void)o;
    (void)env;
    printf("bakewatch %s (%s)\n", VERSION, curl_version());
    return EXIT_PASS;
}

static void print_exit_codes(void)
{
    puts("Exit codes\n"
         "  0    done; what was found is in the output: `status` ends with 0 also when a rollout has failed\n"
         "  1    doctor and verify: a check failed; elsewhere: it could not be done\n"
         "  2    wrong usage or configuration; a workload, a namespace or a row that is not there\n"
         "  3    not enough data to say\n"
         "  4    cannot connect, or not allowed\n"
         "  124  --timeout was over\n"
         "  130  interrupted\n"
         "run ends as its command ends.");
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p++) {
        if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
            return true;
    }
    return false;
}

static bool is_for_cluster(const char *command)
{
    return has_word("console status doctor", command);
}

/* Those that `command` reads; NULL = all there are. */
static void print_flags(const char *command)
{
    puts("Flags");
    for (const struct flag *f = flags; f->name; f++) {
        bool is_own = !command || has_word(f->of, command);
        bool is_of_console = command && text_eq(command, "console") &&
                             (text_eq(f->of, "all") || text_eq(f->of, "cluster"));
        if (!is_own && !is_of_console)
            continue;
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", f->letter ? '-' : ' ', f->letter ? f->letter : ' ',
                 f->letter ? ", " : "  ", f->name, f->arg ? " " : "", f->arg ? f->arg : "");
        printf("  %-34s %s\n", left, f->help);
    }
}

static int print_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (!text_eq(c->name, name))
            continue;
        printf("bakewatch %s %s\n  %s\n", c->name, c->args, c->summary);
        if (c->examples[0])
            printf("\nExamples\n%s", c->examples);
        putchar('\n');
        print_flags(name);
        printf("\nFlags of every command (--environment, --config, --log-file%s, ...): bakewatch help flags\n",
               is_for_cluster(name) ? "), and kubectl's for the cluster (--context, --kubeconfig" : "");
        return EXIT_PASS;
    }
    cli_complain("no help for \"%s\"", name);
    return EXIT_USAGE;
}

int cmd_help(const struct options *o, const struct cli_env *env)
{
    if (o->n_args && text_eq(o->args[0], "exit-codes")) {
        print_exit_codes();
        return EXIT_PASS;
    }
    if (o->n_args && text_eq(o->args[0], "flags")) {
        print_flags(NULL);
        return EXIT_PASS;
    }
    if (o->n_args && text_eq(o->args[0], "keys") && env->print_keys) {
        env->print_keys();
        return EXIT_PASS;
    }
    if (o->n_args)
        return print_command(o->args[0]);
    puts("bakewatch - watch a deployment bake\n\n"
         "Examples\n"
         "  bakewatch                      open the console on the current context, read-only\n"
         "  bakewatch -n openpolicy        the same, on one namespace\n"
         "  bakewatch status -o json       one look, for scripts\n"
         "  bakewatch doctor               what is set up, and what is missing\n\n"
         "Commands");
    for (const struct command *c = commands; c->name; c++) {
        char left[48];
        snprintf(left, sizeof left, "%s %s", c->name, c->args);
        printf("  %-30s%s%s\n", left, strlen(left) > 30 ? "\n                                 " : " ", c->summary);
    }
    putchar('\n');
    print_flags("console");
    puts("\nbakewatch help COMMAND, help flags, help keys and help exit-codes say more; so does man bakewatch.");
    return EXIT_PASS;
}
