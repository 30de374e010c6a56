/*
 * core/sim/queue.h - what will happen, in the order of virtual time: a binary heap.
 *
 * Two things at one instant happen in the order in which they were added, so that a run can be
 * repeated.  An object is named by its number, never by a pointer: it may be gone by then.
 *
 * Thread   one        Owns   its array
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
typedef void sim_act_fn(struct world *w, uint64_t id, uint64_t arg);

struct sim_due {
    int64_t at_ms;
    uint64_t seq;
    sim_act_fn *fn;
    uint64_t id, arg;
};

struct sim_queue {
    struct sim_due *heap;
    size_t n, room;
    uint64_t next_seq;
};

void sim_queue_release(struct sim_queue *q);
void sim_queue_add(struct sim_queue *q, int64_t at_ms, sim_act_fn *fn, uint64_t id, uint64_t arg);
const struct sim_due *sim_queue_first(const struct sim_queue *q); /* NULL = nothing will happen */
bool sim_queue_take(struct sim_queue *q, struct sim_due *out);

#endif
