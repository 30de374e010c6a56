/*
 * core/gather/bake.h - the watch over the deploys: what is measured and seen becomes samples, the judge
 * folds them, and its verdict becomes sections.
 *
 * Every sample goes the same way, whoever took it: stamped with a time that never goes back, put to the
 * history, put to the judge.  What the history holds of this place is put to the judge first, in the same
 * order: a console that was killed goes on where it was.
 *
 * Thread   the loop's      Owns   copies nothing of the spec but the pointers; they outlive it
 */
#ifndef GATHER_BAKE_H
#define GATHER_BAKE_H

#include "core/loop/loop.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/sample.h"
#include "core/model/verdict.h"
#include "core/model/workload.h"

struct gather_bake_spec {
    struct loop *loop;
    int64_t pace;               /* of the story clock: 1 at least */
    double conf[N_CONF_VALUES]; /* CONF_REQUIRED is ours */
    void (*on_sample)(void *ctx, const struct sample *s); /* to be kept; may be NULL */
    void (*on_tick)(void *ctx);                           /* time to gather_bake_see; may be NULL */
    void (*on_verdict)(void *ctx);                        /* it says something else now */
    void *ctx;
};

struct gather_bake;
struct gather_bake *gather_bake_new(const struct gather_bake_spec *spec);
void gather_bake_free(struct gather_bake *b); /* NULL is fine */

/* What was before: in its order, and before gather_bake_begin.  It is not kept: who has it, has kept it. */
void gather_bake_recall(struct gather_bake *b, const struct sample *s);
struct series_set *gather_bake_series(struct gather_bake *b);
void gather_bake_begin(struct gather_bake *b);
bool gather_bake_has_begun(const struct gather_bake *b);
/* Where the sources put what they measure; what comes before gather_bake_begin is let go. */
struct sample_sink *gather_bake_sink(struct gather_bake *b);
/* Triggers that have a source now: 1u << enum trigger_kind. */
void gather_bake_require(struct gather_bake *b, unsigned triggers);

/* What is seen and current just now; NULL = it is not.  Cheap when nothing of it has changed. */
void gather_bake_see(struct gather_bake *b, const struct workloads *ws, const struct errors *es);
void gather_bake_link(struct gather_bake *b, bool is_up); /* the API server answered; or the link is lost */
void gather_bake_mark(struct gather_bake *b, const char *subject, const char *text);
bool gather_bake_is_open(const struct gather_bake *b, const char *subject); /* its immediate window is */
/* A window by hand, which began at at_ms; subject "" = for every workload that has none open. */
void gather_bake_open(struct gather_bake *b, const char *subject, int64_t at_ms);

struct verdict *gather_bake_verdict(const struct gather_bake *b); /* new sections */
struct tracks *gather_bake_tracks(const struct gather_bake *b);

#endif
