/*
 * core/gather/cluster.h - everything that talks to one API server: client, link, watches, view.
 *
 * Made anew for another context or other namespaces; gather's own file keeps the pace and publishes.
 * Thread   the loop's
 */
#ifndef GATHER_CLUSTER_H
#define GATHER_CLUSTER_H

#include "core/gather/gather.h"
#include "core/sources/kube_doc.h"
#include "core/sources/kube_view.h"

struct cluster;
struct cluster_spec {
    const struct kube_target *target; /* borrowed */
    const char *const *namespaces;    /* borrowed; n = 0: all of them */
    size_t n_namespaces;
    int64_t request_timeout_ms;
    bool workloads_only;
    void (*on_data)(void *ctx);   /* objects have changed */
    void (*on_health)(void *ctx); /* a source's state has changed */
    void (*on_link)(void *ctx, bool is_up); /* the server has answered just now; the link is lost; may be NULL */
    void *ctx;
};
struct cluster *cluster_new(struct loop *l, const struct cluster_spec *spec);
void cluster_free(struct cluster *c);
void cluster_refresh(struct cluster *c); /* try everything that waits */
void cluster_ask_link(struct cluster *c); /* is it there, now? */
void cluster_doubt(struct cluster *c);   /* suspended: nothing is proved any more */
bool cluster_is_synced(const struct cluster *c);
struct kube *cluster_kube(struct cluster *c);
struct kube_view *cluster_view(struct cluster *c);
/* A new section, with room for CLUSTER_MORE_ROWS of somebody else's: rows of their own, which make nothing of
 * the cluster old.  Without a cluster: one row that says why there is none. */
enum { CLUSTER_MORE_ROWS = 8 };
struct sources *cluster_sources(struct cluster *c);
struct sources *cluster_no_sources(const char *why);
void cluster_sources_add(struct sources *s, struct source_health h); /* copies the strings */
/* What is not there (the first n_absent) and what we may not see, a line each; valid until the next call. */
size_t cluster_notices(struct cluster *c, const char *const **out, size_t *n_absent);
size_t cluster_known_namespaces(struct cluster *c, const char *const **out);

#endif
