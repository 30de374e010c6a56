/*
 * core/cli/simulator.h - the demo's simulated platform: a helper program with a folder of its own.
 *
 * It ends when simulator_stop says so, and when this program has ended in any way (end of file on its
 * stdin); the folder goes with it.  The program is found beside our own, below our
 * prefix (../libexec/bakewatch), else in LIBEXECDIR/bakewatch.
 *
 * Errors   ERR_IO, ERR_NOTFOUND, and what the simulator itself says (a story with an error, ...)
 * Thread   main, before others
 */
#ifndef CLI_SIMULATOR_H
#define CLI_SIMULATOR_H

#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/err.h"

struct simulator {
    pid_t pid;
    int in_fd, out_fd; /* the ends of its stdin and stdout that are ours */
    char dir[128];
    struct arena arena;
    const char *kubeconfig, *config, *errors_db, *control;
};

int simulator_list(void); /* becomes the simulator, which lists its stories; returns only when it cannot */
/* `args`: after the program's name, NULL-terminated. */
MUST_USE enum err_code simulator_start(struct simulator *s, const char *const *args, struct err *e);
void simulator_stop(struct simulator *s); /* waits until it has gone */

#endif
