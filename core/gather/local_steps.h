/*
 * core/gather/local_steps.h - steps of the error process that stand only in this console's own store.
 *
 * Thread   the loop's; the store is read on the worker      Owns   copies what it is given, borrows the worker
 */
#ifndef GATHER_LOCAL_STEPS_H
#define GATHER_LOCAL_STEPS_H

#include "core/loop/worker.h"
#include "core/model/errors.h"

struct local_steps;
struct local_steps *local_steps_new(struct worker *w, const char *state_dir, void (*on_read)(void *ctx), void *ctx);
void local_steps_free(struct local_steps *ls); /* NULL is fine */
/* Those of this database; false: another reading is under way, or the worker is full: ask again. */
bool local_steps_read(struct local_steps *ls, const char *source);
void local_steps_put(struct local_steps *ls, int64_t id, enum error_step s, const struct error_done *d);
const struct error_done *local_steps_find(const struct local_steps *ls, int64_t id); /* N_STEPS; NULL = none */

#endif
