/*
 * core/sim/options.h - the command line of bakewatch-sim.
 *
 * Errors   ERR_USAGE with what is wrong
 * Thread   any       Owns   nothing: texts are argv's
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct sim_options {
    const char *scenario, *story, *dir, *event_log, *errors_db;
    int64_t seed, port, deployments, pods, events_per_s;
    double speed; /* 0 = stepped */
    bool has_parent, owns_dir, has_noise, wants_help, wants_list;
};
extern const char sim_usage[];
MUST_USE enum err_code sim_options_parse(int argc, char **argv, struct sim_options *out,
                                         struct err *e);

#endif
