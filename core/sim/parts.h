/*
 * core/sim/parts.h - what the parts of the world call of one another, and nobody else.
 *
 * objects.c     documents of new objects            deployment.c  Deployments: rollouts, conditions
 * replicaset.c  ReplicaSets, and pods of any owner  sets.c        StatefulSets and DaemonSets
 * hpa.c         HorizontalPodAutoscalers            steps.c       what a story tells to happen
 * hash.c        templates as short names
 */
#ifndef SIM_PARTS_H
#define SIM_PARTS_H

#include "core/sim/world.h"

#define REVISION       "deployment.kubernetes.io/revision"
#define REVISION_PAST  "deployment.kubernetes.io/revision-history"
#define DESIRED        "deployment.kubernetes.io/desired-replicas"
#define MOST_REPLICAS  "deployment.kubernetes.io/max-replicas"
#define CHANGE_CAUSE   "kubernetes.io/change-cause"
#define HASH_LABEL     "pod-template-hash"
#define REVISION_LABEL "controller-revision-hash"

enum { DAY_MS = 86400000 };

/* objects.c */
cJSON *object_template(const struct sim_service *sv, const char *tag);
cJSON *object_workload(const struct world *w, const struct sim_service *sv, const char *tag,
                       const char *cause);
void object_platform(struct world *w); /* namespaces, nodes */
void object_around(struct world *w,
                   const struct sim_service *sv); /* Service, HorizontalPodAutoscaler */
void object_age(cJSON *doc, int64_t created_ms);

/* hash.c */
uint64_t hash_tree(const cJSON *t); /* the same for the same meaning: order of keys, empties */
void hash_template(const cJSON *tmpl, char out[11]);

/* deployment.c */
void deployment_sync(struct world *w, uint64_t id, uint64_t arg);
void deployment_settle(struct world *w, struct sim_object *dep,
                       const struct sim_service *sv); /* up, with its past */
/* replicaset.c */
void replicaset_sync(struct world *w, uint64_t id, uint64_t arg);
struct sim_object *replicaset_add(struct world *w, struct sim_object *dep, const cJSON *tmpl,
                                  int64_t replicas, int64_t revision, const char *cause);
void replicaset_settle(struct world *w,
                       struct sim_object *rs); /* its pods are there, ready since long */
/* sets.c */
void set_sync(struct world *w, uint64_t id, uint64_t arg);
void set_settle(struct world *w, struct sim_object *set, const struct sim_service *sv);
/* hpa.c */
void hpa_tick(struct world *w, uint64_t id, uint64_t arg);
/* steps.c */
void steps_begin(struct world *w);

#endif
