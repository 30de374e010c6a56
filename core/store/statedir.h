/*
 * core/store/statedir.h - the folder of what we must not lose: $XDG_STATE_HOME/bakewatch (else
 * ~/.local/state/bakewatch); when that cannot be used, /var/tmp/bakewatch-UID, and that is said.  A
 * folder that was asked for by --state-dir is used or is an error: nothing is kept where nobody
 * looks for it.
 *
 * Checked  ours, 0700, no symbolic link, writable; whether it lies on a network filesystem
 *          (statfs), and then whether files can be locked there
 * Errors   ERR_IO with what is wrong and where, ERR_LIMIT for a path that is too long
 * Thread   any, blocks: before the loop, or on the worker
 */
#ifndef STORE_STATEDIR_H
#define STORE_STATEDIR_H

#include <stdbool.h>

#include "core/base/err.h"

struct statedir {
    char path[1024]; /* absolute, without symbolic links */
    bool is_network; /* SQLite: journal_mode=DELETE, synchronous=EXTRA */
    bool is_read_only; /* --state-dir only: what is there can be read, nothing can be kept */
    char notice[224]; /* "" or why it is not the usual place */
};
/* `wanted` is --state-dir or NULL. */
MUST_USE enum err_code statedir_find(const char *wanted, const char *(*env)(const char *name),
                                     struct statedir *out, struct err *e);

#endif
