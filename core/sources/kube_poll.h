/*
 * core/sources/kube_poll.h - a list that is polled because it cannot be watched: pod metrics, and
 * the names of the namespaces.
 *
 * Thread   the loop's     Limits  WATCH_ITEM an item
 */
#ifndef SOURCES_KUBE_POLL_H
#define SOURCES_KUBE_POLL_H

#include "core/model/ident.h"
#include "core/sources/kube.h"

struct poll_spec {
    const char *name;     /* in the sources panel; static */
    const char *path;     /* copied */
    const char *accept;   /* NULL = JSON */
    int64_t period_ms;
    void (*on_begin)(void *ctx);
    json_item_fn *on_item;
    void (*on_end)(void *ctx); /* complete */
    void (*on_state)(void *ctx);
    void *ctx;
};

struct kube_poll;
struct kube_poll *kube_poll_new(struct loop *l, struct kube *k, const struct poll_spec *spec);
void kube_poll_free(struct kube_poll *p);
void kube_poll_now(struct kube_poll *p);
struct source_health kube_poll_health(const struct kube_poll *p);

#endif
