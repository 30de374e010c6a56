/*
 * core/sim/kubelet.h - pods from their birth to their end: the scheduler, the kubelet and the
 * containers.
 *
 *   PLACING -> CREATING -> RUNNING <-> BACKOFF          from any of them: is_deleted, then gone
 *                    \-> PULL_BACKOFF, MISCONFIGURED
 *
 * Every move has the next number of the pod's `epoch`; what was planned before it does not happen.
 * Thread   the world's      Source   kubelet of Kubernetes 1.20: reasons, messages, back-off 10 s
 * to 5 min
 */
#ifndef SIM_KUBELET_H
#define SIM_KUBELET_H

#include "core/sim/world.h"

enum pod_stage {
    POD_PLACING,
    POD_CREATING,
    POD_PULL_BACKOFF,
    POD_MISCONFIGURED,
    POD_RUNNING,
    POD_BACKOFF
};

struct pod_end {
    int64_t exit_code, started_ms, finished_ms;
    const char *reason;
};

struct pod_state {
    struct sim_version *version; /* NULL: a workload that is none of the story's */
    struct sim_service *service;
    enum pod_stage stage;
    bool is_ready, is_deleted, is_crashing, is_flapping, has_ended;
    uint64_t epoch;
    int64_t began_ms, started_ms, turned_ms; /* the pod, the container, its readiness */
    int64_t restarts, pulls;
    struct pod_end last;
    int64_t node;
    uint64_t number;
    char name[64]; /* of its container */
};

/* A pod of `owner` by its template, not yet placed; on that node when it is, -1 = any. */
struct sim_object *pod_add(struct world *w, struct sim_object *owner, const cJSON *tmpl,
                           const char *name, int64_t node);
/* The same, ready since `since_ms`, on a node: for a platform that has been up for long. */
struct sim_object *pod_add_ready(struct world *w, struct sim_object *owner, const cJSON *tmpl,
                                 const char *name, int64_t node, int64_t since_ms);
void pod_delete(struct world *w,
                struct sim_object *pod); /* it ends within its grace period; again: nothing */
void pod_crash_now(struct world *w, struct sim_object *pod, int64_t exit_code, const char *reason);
void pod_touch(struct world *w, struct sim_object *pod); /* a change that means nothing: load */

#endif
