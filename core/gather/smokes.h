/*
 * core/gather/smokes.h - the smoke checks of an environment: when it is asked for, and by their schedule.
 *
 * A check that tells of a workload (its `service`) is a sample of that workload's health: a SAMPLE_PROBE named
 * "smoke NAME", so that its failures count like those of a probe.  One that may not be run says nothing.
 *
 * Limits   one run of a check at a time
 * Thread   the loop's      Owns   borrows all of the spec
 */
#ifndef GATHER_SMOKES_H
#define GATHER_SMOKES_H

#include "core/change/actuator.h"
#include "core/conf/conf.h"
#include "core/model/cmdq.h"
#include "core/model/sample.h"
#include "core/model/workload.h"

struct gather_smokes_spec {
    struct loop *loop;
    struct actuator *gate;
    const struct conf_env *env;
    struct sample_sink *sink;
    int64_t pace; /* of the story clock */
    void (*on_doc)(void *ctx);
    void *ctx;
};

struct gather_smokes;
struct gather_smokes *gather_smokes_new(const struct gather_smokes_spec *spec);
void gather_smokes_free(struct gather_smokes *g); /* NULL is fine */
void gather_smokes_see(struct gather_smokes *g, const struct workloads *ws); /* which workload is a service? */
/* CMD_DOC_OPEN of DOC_SMOKE: name "" = a list of them, else runs it. */
void gather_smokes_open(struct gather_smokes *g, const struct cmd_msg *m);
void gather_smokes_close(struct gather_smokes *g);
struct doc *gather_smokes_doc(const struct gather_smokes *g); /* a new reference; NULL = none is open */

#endif
