/*
 * The composition root: the one file that may include everything.
 */
#include <stdio.h>

#include "core/cli/cli.h"

static int console(const struct options *o)
{
    (void)o;
    fputs("no console yet\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct cli_env env = { .console = console };
    return cli_main(argc, argv, &env);
}
