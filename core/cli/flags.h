/* core/cli/flags.h - the one table of flags: parsing, help and the man page's list. */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

struct flag {
    char letter; /* 0 = none */
    const char *name, *arg; /* arg NULL = a switch */
    const char *of;         /* the commands that read it, "console" being none; all; cluster = who talks to one */
    const char *help;
};
extern const struct flag flags[]; /* ends with a NULL name */

#endif
