/* core/cli/cmd_errors.h - what the subcommands of `errors` share. */
#ifndef CLI_CMD_ERRORS_H
#define CLI_CMD_ERRORS_H

#include "core/cli/wait.h"
#include "core/conf/conf.h"
#include "core/judge/triage.h"

struct errors_place { /* where the table is: --errors-db, else the environment's */
    char *db;
    const char *own_file; /* in db: the file of a team without a server; NULL = it is not */
    const char *timezone;
    struct triage_rules *rules;
};
/* An exit code; says why.  is_wanted: without a config the team's own file will do, there or not. */
int errors_place_seek(const struct options *o, struct errors_place *out, bool is_wanted,
                      const struct conf_env **env); /* db NULL = none is set: not an error here */
int errors_place_find(const struct options *o, struct errors_place *out, bool is_wanted);
void errors_place_release(struct errors_place *p);

int cmd_errors_list(const struct options *o, const struct errors_place *p);
int cmd_errors_show(const struct options *o, const struct errors_place *p);
int cmd_errors_act(const struct options *o, const struct errors_place *p); /* args[0]: an error_verbs name */
int cmd_errors_deliver(const struct options *o, const struct errors_place *p);
int cmd_errors_init(const struct options *o, const struct errors_place *p);

#endif
