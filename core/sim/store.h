/*
 * core/sim/store.h - the objects of the simulated cluster, each with its text as the API serves it,
 * and what has changed lately.
 *
 * Shape    doc is the object without kind and apiVersion (as items of a list are); every change
 * gets the next resourceVersion and a new text.  A text is counted: lists and watches keep the one
 * they serve, however the object moves on Limits   STORE_RING changes a kind are remembered: who
 * asks for older ones has to list again Log      one line a change: virtual ms, resourceVersion,
 * ADDED/MODIFIED/DELETED, kind ns/name, uid Thread   one       Owns   its objects; an object is
 * gone after store_remove
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <stdio.h>
#include <uthash.h>

#include "core/base/json.h"
#include "core/sim/rand.h"
#include "core/sim/tree.h"

enum sim_kind {
    SIM_NAMESPACE,
    SIM_NODE,
    SIM_DEPLOYMENT,
    SIM_REPLICASET,
    SIM_STATEFULSET,
    SIM_DAEMONSET,
    SIM_REVISION,
    SIM_POD,
    SIM_HPA,
    SIM_SERVICE,
    SIM_EVENT,
    SIM_JOB,
    N_SIM_KINDS
};
enum { STORE_RING = 8192 };

struct sim_kind_info {
    const char *group, *version;    /* "apps", "v1"; "" is the core */
    const char *resource, *kind;    /* "deployments", "Deployment" */
    const char *one, *abbreviation; /* "deployment", "deploy": kubectl's words */
    bool is_namespaced;
};
extern const struct sim_kind_info sim_kinds[N_SIM_KINDS];
const char *sim_api_version(enum sim_kind kind); /* "apps/v1" */

struct sim_text {
    unsigned refs;
    enum sim_kind kind;
    const char *ns, *name;
    size_t n, meta_at, meta_n; /* where "metadata" is */
    char bytes[];
};
struct sim_text *sim_text_ref(struct sim_text *t);
void sim_text_unref(struct sim_text *t); /* NULL is fine */
struct json_span sim_text_span(const struct sim_text *t);

struct pod_state;
struct sim_object {
    uint64_t id;
    enum sim_kind kind;
    char *ns, *name, *key; /* "ns/name" */
    char uid[37];
    uint64_t rv;
    int64_t created_ms;
    cJSON *doc;
    struct sim_text *text;
    struct pod_state *pod; /* pods: core/sim/kubelet.h */
    bool is_due;           /* its controller will look at it */
    struct sim_object *owner, *children, *next,
        *prev; /* owned objects, in the order of their birth */
    UT_hash_handle by_key, by_id;
};

enum sim_verb { SIM_ADDED, SIM_MODIFIED, SIM_DELETED };
struct sim_change {
    uint64_t rv;
    enum sim_verb verb;
    struct sim_text *text;
};

struct sim_store {
    struct sim_object *of[N_SIM_KINDS]; /* uthash by key, in the order of their birth */
    struct sim_object *ids;
    struct sim_object **sorted[N_SIM_KINDS]; /* by key; NULL = to be made again */
    struct sim_change *ring[N_SIM_KINDS];    /* change i lies at i % STORE_RING */
    uint64_t n_changes[N_SIM_KINDS];         /* since ever */
    uint64_t gone_rv;                        /* changes up to it are forgotten */
    uint64_t rv, next_id;
    struct sim_rand *rand;
    const int64_t *now_ms;
    FILE *log; /* NULL = none */
};

void store_init(struct sim_store *s, struct sim_rand *rand, const int64_t *now_ms);
void store_release(struct sim_store *s);
/* Takes doc; fills in name, uid, times.  owner may be NULL. */
struct sim_object *store_add(struct sim_store *s, enum sim_kind kind, const char *ns,
                             const char *name, struct sim_object *owner, cJSON *doc);
void store_changed(struct sim_store *s, struct sim_object *o);
void store_remove(struct sim_store *s, struct sim_object *o);
struct sim_object *store_find(const struct sim_store *s, enum sim_kind kind, const char *ns,
                              const char *name);
struct sim_object *store_by_id(const struct sim_store *s, uint64_t id); /* NULL: it is gone */
size_t store_count(const struct sim_store *s, enum sim_kind kind);
struct sim_object *const *store_sorted(struct sim_store *s,
                                       enum sim_kind kind); /* store_count of them */
/* The first change that is newer than rv; false: some of those are forgotten. */
bool store_after(const struct sim_store *s, enum sim_kind kind, uint64_t rv, uint64_t *index);
void store_forget(struct sim_store *s); /* all changes up to now, as a compaction does */

char *sim_time(int64_t ms, char out[32]); /* whole seconds, as metav1.Time has them */

#endif
