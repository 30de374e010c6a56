/*
 * core/sources/kube_audit.h - proof that a watch is not silently blind.
 *
 * Up to WATCH_AUDIT_FULL objects: a metadata-only list each WATCH_AUDIT_MS, (uid, resourceVersion)
 * compared with what is held.  Above: a list of one each time, whose remainingItemCount gives the
 * count, and the metadata list so seldom that all audits stay under 1 % of the list's bytes a
 * minute, but once an hour at least.  A difference that the watch does not settle within
 * WATCH_GRACE_MS means that it is blind.
 *
 * Thread   the loop's
 */
#ifndef SOURCES_KUBE_AUDIT_H
#define SOURCES_KUBE_AUDIT_H

#include "core/loop/loop.h"
#include "core/sources/kube.h"

struct kube_watch;
struct kube_audit;
struct kube_audit *kube_audit_new(struct loop *l, struct kube *k, struct kube_watch *w,
                                  void (*on_blind)(void *ctx, const char *why),
                                  void (*on_proved)(void *ctx)); /* ctx is w */
void kube_audit_free(struct kube_audit *a);
void kube_audit_start(struct kube_audit *a);  /* the watch is open: the next audit in a period */
void kube_audit_reset(struct kube_audit *a); /* a list has just been read */
int64_t kube_audit_period_ms(const struct kube_audit *a); /* of the metadata list */

#endif
