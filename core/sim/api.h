/*
 * core/sim/api.h - the Kubernetes API of the simulated cluster, as far as bakewatch asks it.
 *
 *   api.c          what is asked for, by whom, and may they; discovery, reviews, single objects
 *   api_list.c     lists: pages with tokens, metadata only, selectors
 *   api_watch.c    watches: events, bookmarks, 410
 *   api_patch.c    PATCH of a workload, DELETE of a pod
 *   api_pod.c      logs, metrics.k8s.io, the proxy to a Service
 *   prom.c         /prometheus/api/v1, over the same numbers
 *
 * Errors are Status objects, with the codes and reasons of kube-apiserver 1.20.
 *
 * Limits   API_PAGES lists whose further pages can be asked for, API_PAGE_MS each
 * Thread   one       Owns   the pages
 */
#ifndef SIM_API_H
#define SIM_API_H

#include "core/sim/selector.h"
#include "core/sim/server.h"

enum { API_PAGES = 64, API_PAGE_MS = 300000, API_PARTS = 32 };

struct api_page { /* a list whose further pages may come */
    uint64_t number, rv;
    int64_t at_ms; /* io clock */
    struct sim_text **items;
    size_t n;
    bool has_selector;
};
struct api {
    struct world *world;
    struct api_page pages[API_PAGES];
    uint64_t next_page;
    int64_t bookmark_ms; /* between two bookmarks of a watch, on the io clock */
};

struct api_call { /* a request, taken apart */
    struct api *api;
    const struct request *q;
    struct reply *out;
    char text[2048]; /* of the path; parts lie in it */
    const char *parts[API_PARTS];
    size_t n;
    const char *group, *version, *ns, *resource, *name, *sub; /* "" = absent */
    size_t rest;                                              /* parts after sub */
    enum sim_kind kind;                                       /* N_SIM_KINDS: none of ours */
};

server_answer_fn api_answer; /* ctx is a struct api */
void api_release(struct api *a);
void api_forget(struct api *a); /* a compaction: pages and changes up to now are gone */

/* ---- for the files of the API alone ---- */

void api_fail(struct api_call *c, int code, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
bool api_selectors(struct api_call *c, struct selector *labels,
                   struct selector *fields);                /* false: has failed */
void api_object(struct buf *out, const struct sim_text *t); /* with kind and apiVersion */
void api_list(struct api_call *c);
void api_watch(struct api_call *c);
void api_patch(struct api_call *c);
void api_delete(struct api_call *c);
void api_log(struct api_call *c);
void api_metrics(struct api_call *c);
void api_proxy(struct api_call *c);
void api_prometheus(struct api_call *c);

#endif
