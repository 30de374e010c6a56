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

/* The strings that *spec borrows live until the program ends. */
int setup_gather(const struct options *o, struct gather_spec *spec);
/* The environment that is in force: by -e, or by the context; its context into o's overrides. */
int setup_env(const struct options *o, const struct conf_env **env, struct kube_overrides *kube);
/* Loads the config once; prints every error.  NULL: there were errors (exit EXIT_USAGE). */
const struct conf *setup_conf(const struct options *o);

#endif
