/*
 * core/cli/wait.h - a command that waits on a loop: its signals, its --timeout, its exit code.
 *
 * Thread   main; SIGINT and SIGTERM are blocked and read, SIGPIPE is ignored
 */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include "core/cli/cli.h"
#include "core/loop/worker.h"

struct wait {
    struct loop *loop;
    struct worker *worker;
    int rc; /* -1 = goes on; whoever sets it ends the wait */
    int signal_fd;
    struct loop_watch signals;
    struct loop_timer timeout;
};
/* False: said why on stderr. */
bool wait_open(struct wait *w, const struct options *o);
int wait_run(struct wait *w); /* until rc is set: it */
void wait_close(struct wait *w); /* what runs on its loop is closed before */

#endif
