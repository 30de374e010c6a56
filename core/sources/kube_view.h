/*
 * core/sources/kube_view.h - from the objects that the watches hold to the sections that panels show.
 *
 * An object that changes makes its workload dirty; only dirty workloads are built again, and what
 * they share (pods, events) is re-referenced.
 *
 * Thread   the loop's      Owns   its index; the objects stay the watches'
 */
#ifndef SOURCES_KUBE_VIEW_H
#define SOURCES_KUBE_VIEW_H

#include "core/model/workload.h"
#include "core/sources/kube_watch.h"

struct kube_view;
struct kube_view *kube_view_new(void);
void kube_view_free(struct kube_view *v); /* before its watches */
void kube_view_attach(struct kube_view *v, struct kube_watch *w);

/* watch_hooks.on_change */
void kube_view_change(struct kube_view *v, struct kube_watch *w, enum watch_change c,
                      struct watch_entry *en, const struct kube_object *old);
/* watch_hooks.on_state: what we may no longer see is unknown, in every row that showed it. */
void kube_view_watch_state(struct kube_view *v, struct kube_watch *w);
/* One round of metrics.k8s.io in one namespace ("" = all): begin, each pod, end. */
void kube_view_usage_begin(struct kube_view *v);
void kube_view_usage(struct kube_view *v, const struct kube_usage *u);
void kube_view_usage_end(struct kube_view *v, const char *ns);

/* New sections, or NULL when nothing has moved since the last call.  `notices` is copied. */
struct workloads *kube_view_workloads(struct kube_view *v, bool is_synced,
                                      const char *const *notices, size_t n_notices, size_t n_absent);
struct events *kube_view_events(struct kube_view *v);
void kube_view_touch(struct kube_view *v); /* the next call makes a section whatever has moved */

#endif
