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
         "  0    all is well\n"
         "  1    a check failed\n"
         "  2    wrong usage or configuration\n"
         "  3    not enough data to say\n"
         "  4    cannot connect, or not allowed\n"
         "  124  --timeout was over\n"
         "  130  interrupted");
}

static void print_flags(void)
{
    puts("Flags");
    for (const struct flag *f = flags; f->name; f++) {
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
        print_flags();
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
        printf("  %-30s %s\n", left, c->summary);
    }
    putchar('\n');
    print_flags();
    puts("\nbakewatch help COMMAND, help keys and help exit-codes say more; so does man bakewatch.");
    return EXIT_PASS;
}
