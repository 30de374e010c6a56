/*
 * core/cli/setup.h - from flags and our config to what gather needs: one place for the precedence
 * flag > environment variable > user's file > system's file.
 *
 * Errors   an exit code; prints them itself
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "core/cli/cli.h"
#include "core/conf/conf.h"
#include "core/gather/gather.h"
#include "core/judge/triage.h"
#include "core/store/statedir.h"

/* The console can do with the errors alone: without any kubeconfig, when there is an error database. */
enum setup_need { NEED_CLUSTER, NEED_CLUSTER_OR_ERRORS };
/* The strings that *spec borrows live until the program ends. */
int setup_gather(const struct options *o, enum setup_need need, struct gather_spec *spec);
/* The same with its context put into the overrides of the command line. */
int setup_place(const struct options *o, const struct conf_env **env, struct kube_overrides *kube);
/* Loads the config once; prints every error.  NULL: there were errors (exit EXIT_USAGE). */
const struct conf *setup_conf(const struct options *o);
/* The state folder; prints why it is not the usual one, or why there is none. */
int setup_state(const struct options *o, struct statedir *out);
/* The environment by name (-e); else the one whose context is the one that we would use; else NULL. */
int setup_env(const struct options *o, const struct conf *conf, const struct conf_env **out);
/* "ann@bastion-1": who is at the keys, for the journal and resolved_by. */
const char *setup_who(void);
/* The rules of an environment's errors (NULL = ours alone); the caller frees.  NULL: the error is
 * printed (exit EXIT_USAGE). */
struct triage_rules *setup_rules(const struct conf_errors *errors);

#endif
