/* core/cli/doctor_measure.h - doctor's look at a Prometheus and an Alertmanager: asked once. */
#ifndef CLI_DOCTOR_MEASURE_H
#define CLI_DOCTOR_MEASURE_H

#include "core/cli/cli.h"
#include "core/conf/conf.h"

/* What it says is in `text`.  ERR_NOTFOUND: none is set.  *is_warning: it is there, and something is not as it
 * should be. */
MUST_USE enum err_code doctor_prometheus(const struct options *o, const struct conf_env *env, char *text, size_t room,
                                         bool *is_warning);
MUST_USE enum err_code doctor_alertmanager(const struct options *o, const struct conf_env *env, char *text,
                                           size_t room);
MUST_USE enum err_code doctor_probes(const struct conf_env *env, char *text,
                                     size_t room); /* what is set: nothing is asked */

#endif
