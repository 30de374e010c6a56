/*
 * core/change/resolve_group.h - the same change on every row of a group: one plan that names the rows, one
 * confirmation, then one row after the other.
 *
 * Each row is an error_act of its own: planned, hashed, guarded and journalled by itself, so that one which
 * somebody else has changed meanwhile is left alone and said, and a kill between two leaves only whole ones.
 * Rows for which it makes no sense are named and left out of the plan.
 *
 * Word     as for the first row
 * Limits   GROUP_ROWS rows at a time; the plan says how many more there are
 * Thread   the loop's      Owns   copies what it is given; borrows gate, db and worker
 */
#ifndef CHANGE_RESOLVE_GROUP_H
#define CHANGE_RESOLVE_GROUP_H

#include "core/change/resolve_error.h"

enum { GROUP_ROWS = 40 };

struct group_act;
/* spec: of each row; its id and record are not used.  n_all: rows that are wanted, the first n of which these are. */
struct group_act *group_act_new(const struct error_act_spec *spec, const int64_t *ids, size_t n, size_t n_all);
void group_act_free(struct group_act *g); /* what was sent may still be applied; NULL is fine */
enum plan_state group_act_state(const struct group_act *g);
struct plan *group_act_plan(const struct group_act *g, uint64_t request); /* a new section */
void group_act_confirm(struct group_act *g, const char *hash);

#endif
