/*
 * core/sources/asker.h - a list of targets, each asked on a schedule of its own: what probes and
 * metrics have in common.
 *
 * Schedule a target's first question lies somewhere in its interval, by its name, so that 200 of them
 *          are spread over it; then each interval, whatever the answers do.  One that still waits when
 *          the next is due makes that one be left out; one that was sent has its timeout, nine tenths
 *          of the interval at most
 * Thread   the loop's      Owns   its targets (copied; `how` is borrowed) and the user's state of each
 */
#ifndef SOURCES_ASKER_H
#define SOURCES_ASKER_H

#include "core/sources/kube.h"
#include "core/sources/probe_judge.h"
#include "core/sources/targets.h"

enum { ASKER_REDIRECTS = 5 };

struct asker;
struct asker_spec {
    struct kube *kube;   /* NULL: what goes through it can not be asked */
    int64_t pace;        /* of the story clock: 1 at least */
    size_t body_cap;
    const char *accept;
    bool is_probe;       /* is_probe of core/sources/web.h */
    size_t state_size;   /* of the user's state of a target, zero-filled */
    void (*on_answer)(void *ctx, const struct target *t, void *state, const struct probe_answer *a);
    void (*on_drop)(void *ctx, void *state); /* its target is no more */
    void *ctx;
};

struct asker *asker_new(struct loop *l, const struct asker_spec *spec);
void asker_free(struct asker *k); /* on_drop for each; NULL is fine */
/* A target that was there (subject, address and `how` equal) keeps its schedule and its state. */
void asker_set(struct asker *k, const struct target_list *t);
void asker_now(struct asker *k); /* all of them, at once */
size_t asker_count(const struct asker *k);
const struct target *asker_at(const struct asker *k, size_t i, void **state); /* by subject */

#endif
