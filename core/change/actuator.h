/*
 * core/change/actuator.h - the only gate to cluster, database or host: nothing outside is changed but
 * through it.
 *
 *   begin   refused in read-only mode (an act that is one by being typed needs no arming), and without a
 *           journal; the operation is held by a lock file of ours
 *   INTENT  is durable in the journal before `send` is called; then SENT is, and only then the bytes go
 *   answer  APPLIED, REFUSED or UNKNOWN is journalled, then CLOSED; an UNKNOWN is answered once more when
 *           it has been settled
 *
 * Arming is an entry of the journal too: who may change things, from when, for how long; and so is its end.
 * An act by being typed arms nothing: its own entries say all.  When the journal cannot be written, changes
 * are off and `ban` says why; arming again tries it again.
 *
 * Errors   ERR_FORBIDDEN read-only, with what to do; ERR_IO no journal
 * Thread   the loop's; the journal is written on the worker
 */
#ifndef CHANGE_ACTUATOR_H
#define CHANGE_ACTUATOR_H

#include <stdbool.h>

#include "core/loop/worker.h"
#include "core/model/entry.h"

struct actuator_spec { /* strings are copied */
    struct loop *loop;
    struct worker *worker;
    const char *state_dir; /* --state-dir, NULL = the usual place */
    const char *who;       /* "ann@bastion-1" */
    const char *where;     /* "prod (production), context eks-1" */
    const char *ban;       /* why nothing may be changed here, whatever is armed; "" = it may */
    bool is_armed;         /* from the start and until the end */
    void (*on_change)(void *ctx); /* rights have changed; may be NULL */
    void *ctx;
};

struct actuator;
struct actuator *actuator_new(const struct actuator_spec *spec);
void actuator_free(struct actuator *a); /* what has begun is journalled as far as it got; NULL is fine */
void actuator_move(struct actuator *a, const char *where, const char *ban); /* another context: read-only again */

void actuator_arm(struct actuator *a, int64_t ms); /* answers by on_change: armed, or a ban */
void actuator_disarm(struct actuator *a);
struct actuator_rights {
    bool read_only;
    int64_t until_io_ms; /* armed: io clock; TIME_NONE = until the end */
    const char *ban;  /* "" = arming is possible; valid until the next turn */
};
struct actuator_rights actuator_rights(const struct actuator *a);

struct act;
struct act_end {
    enum entry_state state; /* APPLIED, REFUSED, or UNKNOWN when nobody could settle it */
    struct err e;           /* before anything was sent: the journal's error */
    const char *text;       /* of the answer; borrowed */
};
struct act_spec { /* strings are copied */
    const char *action, *target, *detail;
    bool is_typed;
    void (*send)(void *ctx, struct act *act); /* now; the answer comes by act_answer */
    void (*on_end)(void *ctx, const struct act_end *end); /* last call, the act is gone after it */
    void *ctx;
};
MUST_USE enum err_code act_begin(struct actuator *a, const struct act_spec *spec, struct act **out, struct err *e);
const char *act_key(const struct act *act); /* of the operation: 32 hex digits */
void act_answer(struct act *act, enum entry_state state, const char *text);
void act_leave(struct act *act); /* no callback after it; the operation stays open in the journal; NULL is fine */

#endif
