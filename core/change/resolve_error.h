/*
 * core/change/resolve_error.h - working an error of deployment_errors: acknowledge, investigated, planned,
 * implemented, resolve, reopen.  From the plan that is shown, through the gate, to the answer.
 *
 * The plan is made from the row that is held (or was fetched: a command's row may be an old one) and is
 * refused, with words, when it makes no sense (already resolved, already done).  A row that is one of
 * several of the same error says so.  What is confirmed is what was shown: the hash covers the row's state, the
 * verb, the note and who.  A row that has moved since is not touched: it is shown again.
 *
 * Word     class production: the service's name where it is a clean one, else the id; other classes: y
 * Steps    in the team's table where it exists; else in the console's own store, "only here"
 * Thread   the loop's      Owns   copies what it is given; borrows gate, db and worker
 */
#ifndef CHANGE_RESOLVE_ERROR_H
#define CHANGE_RESOLVE_ERROR_H

#include "core/change/actuator.h"
#include "core/model/plan.h"
#include "core/sources/errdb.h"

struct error_act;
struct error_act_spec { /* strings are copied */
    struct loop *loop;
    struct worker *worker;
    struct actuator *gate;
    struct errdb *db;
    const char *state_dir; /* --state-dir, for steps that stay here */
    const char *verb;      /* an error_verbs name */
    int64_t id;
    const struct errdb_record *record; /* the row as it was fetched; NULL = the one that the feed holds */
    const char *note, *by;
    bool is_production;
    bool is_typed; /* an act by being typed: needs no arming */
    size_t n_open; /* open rows of its group that are held, this one among them; 0 = not known */
    void (*on_change)(void *ctx); /* error_act_plan gives something else now */
    const struct error_done *(*local_steps)(void *ctx, int64_t id); /* known only here; may be NULL */
    void (*on_step)(void *ctx, int64_t id, enum error_step s, const struct error_done *d); /* kept only here */
    void *ctx;
};
extern const char *const error_verbs[]; /* "acknowledge", ..., ends with NULL */

struct error_act *error_act_new(const struct error_act_spec *spec);
void error_act_free(struct error_act *a); /* what was sent may still be applied; NULL is fine */
enum plan_state error_act_state(const struct error_act *a);
struct plan *error_act_plan(const struct error_act *a, uint64_t request); /* a new section */
void error_act_confirm(struct error_act *a, const char *hash); /* of the plan that was shown */

#endif
