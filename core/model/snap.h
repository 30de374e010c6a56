/*
 * core/model/snap.h - what the gather thread publishes and the UI thread paints.
 *
 * A snapshot is a set of reference-counted sections, immutable once published.  New data makes one
 * new section; the others are re-referenced.  A source that fails makes no new data section: only
 * SECTION_SOURCES changes, and the last good rows stay.
 *
 * Thread   gather makes and publishes; any thread may ref and unref (atomic counts)
 * Owns     a snapshot owns one reference of each of its sections
 */
#ifndef MODEL_SNAP_H
#define MODEL_SNAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

enum section_id {
    SECTION_IDENT,     /* struct ident, model/ident.h */
    SECTION_SOURCES,   /* struct sources, model/ident.h */
    SECTION_WORKLOADS, /* struct workloads, model/workload.h */
    SECTION_EVENTS,    /* struct events, model/workload.h */
    SECTION_DOC,       /* struct doc, model/doc.h */
    SECTION_ERRORS,    /* struct errors, model/errors.h */
    SECTION_PLAN,      /* struct plan, model/plan.h */
    SECTION_VERDICT,   /* struct verdict, model/verdict.h */
    SECTION_TRACKS,    /* struct tracks, model/verdict.h */
    N_SECTIONS,
    /* Not carried by a snapshot, but panels may say that they read them: */
    SECTION_CLOCK = 16, /* repaint when the shown second changes */
    SECTION_LOG,        /* repaint when our own log has grown */
};

/* The head of every section struct.  `arena` holds what the section points to and is its own; what
 * is big is shared below the section and dropped by `drop`. */
struct section {
    atomic_int refs;
    uint64_t version; /* rises with every new section of this id: "did it move?" */
    struct arena arena;
    void (*drop)(struct section *s); /* releases what the section shares; may be NULL */
};

/* `size` is that of the whole struct, whose first member is a struct section; zero-filled, 1 ref. */
void *section_new(size_t size, void (*drop)(struct section *));
struct section *section_ref(struct section *s);
void section_unref(struct section *s); /* NULL is fine */

struct snap {
    atomic_int refs;
    uint64_t seq;
    struct section *sections[N_SECTIONS]; /* NULL: never had any; of the past: it was not recorded then */
    int64_t past_ms;                      /* the time that it shows; TIME_NONE: it is live */
    int64_t asked_ms;                     /* of the past: for which it was asked; past_ms lies within what is recorded */
    char why[160];                        /* of the past, when there is nothing: why; "" */
};

struct snap *snap_new(const struct snap *before); /* shares all sections of `before` (may be NULL) */
void snap_set(struct snap *s, enum section_id id, void *section); /* takes the reference */
struct snap *snap_ref(struct snap *s);
void snap_unref(struct snap *s); /* NULL is fine */

/* Two pointers under a lock; readers are woken through an eventfd, whose wake-ups coalesce. */
struct snap_slot {
    pthread_mutex_t mu;
    struct snap *live;
    struct snap *past; /* what somebody who looks at the past has asked for; NULL = nobody does */
    int wake_fd; /* eventfd of the reader, -1 = nobody to wake */
};

void snap_slot_init(struct snap_slot *slot, int wake_fd);
void snap_slot_release(struct snap_slot *slot);
void snap_publish(struct snap_slot *slot, struct snap *s); /* takes s */
void snap_publish_past(struct snap_slot *slot, struct snap *s); /* the same; NULL: nobody looks there any more */
struct snap *snap_acquire(struct snap_slot *slot);         /* NULL before the first one */
struct snap *snap_acquire_past(struct snap_slot *slot);    /* NULL: there is none */

#endif
