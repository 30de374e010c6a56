/*
 * core/sources/kube_decode.h - JSON of Kubernetes objects to the few fields that we keep.  Pure.
 *
 * Limits   KEEP_TEXT bytes of any message, KEEP_NAME of any name; longer is cut at a code point.
 *          POD_CONTAINERS containers of a pod, SERVICE_PORTS ports of a Service
 * Errors   ERR_PARSE when metadata.name or metadata.uid is missing.  Never partial
 * Thread   any        Owns   a kept object owns its arena (or is the model's own counted struct)
 * Source   Kubernetes API reference; kubectl's printers for the STATUS of a pod
 */
#ifndef SOURCES_KUBE_DECODE_H
#define SOURCES_KUBE_DECODE_H

#include "core/base/json.h"
#include "core/judge/rollout.h"
#include "core/model/workload.h"

enum { KEEP_TEXT = 512, KEEP_NAME = 256, POD_CONTAINERS = 64, SERVICE_PORTS = 16 };

enum kube_kind {
    KIND_DEPLOYMENT, KIND_STATEFULSET, KIND_DAEMONSET, KIND_REPLICASET, KIND_REVISION, KIND_POD,
    KIND_HPA, KIND_SERVICE, KIND_EVENT, KIND_JOB, KIND_NODE, N_KINDS
};

struct kube_selector { /* matchLabels only, as Services have them: "k=v" sorted */
    const char *const *pairs;
    size_t n;
};

/* One kept object of any kind.  pod and event are the model's counted structs. */
struct kube_object {
    struct arena arena;
    enum kube_kind kind;
    const char *ns, *name, *uid, *rv;
    const char *owner_uid, *owner_kind, *owner_name; /* the controller, "" = none */
    int64_t created_ms;
    struct pod *pod;
    struct event *event;
    struct rollout_facts facts;         /* workloads */
    bool is_paused;
    const char *image, *images;         /* workloads, ReplicaSets, ControllerRevisions */
    const char *managed_by;             /* "Helm openpolicy", ... */
    const char *app;                    /* workloads: label app.kubernetes.io/name */
    const char *hash, *cause;           /* ReplicaSets, ControllerRevisions */
    const char *current_hash;           /* StatefulSets: status.updateRevision */
    int64_t revision;                   /* 0 = none */
    int64_t desired, ready;
    struct kube_selector labels;        /* of the pod template (workloads), selector (Services) */
    const char *target_kind, *target_name, *text; /* HPA: what it scales, and its line; Job, Node: what is wrong */
    const struct endpoint *endpoints;   /* Services: their TCP ports */
    size_t n_endpoints;
    struct http_check readiness, liveness; /* workloads */
    bool is_bad;                        /* Job failed, Node not ready */
    bool is_reused;                     /* ReplicaSets: an undo brought it back */
    int64_t written_ms;                 /* ControllerRevisions; workloads: the pod template; TIME_NONE */
};

MUST_USE enum err_code kube_decode(enum kube_kind kind, struct json_span obj,
                                   struct kube_object **out, struct err *e);
void kube_object_free(struct kube_object *o); /* NULL is fine */

/* metadata.uid and metadata.resourceVersion into fixed room: for audits and bookmarks. */
bool kube_decode_identity(struct json_span obj, char uid[64], char rv[64]);

MUST_USE enum err_code kube_decode_pod(struct json_span metadata, struct json_span spec,
                                       struct json_span status, struct pod **out, struct err *e);

/* A number of replicas, restarts, ...: 0 to 2^31-1, whatever was written; sums of them cannot overflow. */
int64_t kube_decode_count(struct json_span v, int64_t otherwise);

struct kube_usage { /* metrics.k8s.io PodMetrics */
    char ns[KEEP_NAME], pod[KEEP_NAME];
    int64_t cpu_millis, memory_bytes;
};
MUST_USE enum err_code kube_decode_usage(struct json_span obj, struct kube_usage *out, struct err *e);
/* "250m", "1", "128974848", "123Mi", "1500000n": scaled to 1/1000; false when it is no quantity. */
bool kube_parse_quantity(const char *s, size_t n, int64_t *milli);

#endif
