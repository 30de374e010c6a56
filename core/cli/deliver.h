/*
 * core/cli/deliver.h - what the spool holds, into the error database, from a command.
 *
 * Waits for the database at most `wait_ms`.  Returns how many records are left (SIZE_MAX: not known) with
 * the reason in *e.
 */
#ifndef CLI_DELIVER_H
#define CLI_DELIVER_H

#include "core/cli/cmd_errors.h"

struct delivered {
    size_t n, left, elsewhere; /* elsewhere: for another database than this one */
    char source[256];          /* as errdb_state names it, without secrets; "" = it was not opened */
    struct err e;
};
struct delivered cli_deliver(const struct options *o, const struct errors_place *p, int64_t wait_ms);

#endif
