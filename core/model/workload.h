/*
 * core/model/workload.h - workloads, their revisions and pods, and events.
 *
 * Made by  core/sources/kube_view from what kube_decode kept
 * Units    _ms: story clock, UTC; TIME_NONE = absent.  cpu in millicores, memory in bytes, -1 = unknown
 * Limits   every string was capped when decoded (see kube_decode.h); not yet cleaned for a screen
 * Thread   immutable once published; atomic reference counts
 * Owns     a workload owns one reference of each of its pods and events
 */
#ifndef MODEL_WORKLOAD_H
#define MODEL_WORKLOAD_H

#include "core/base/clock.h"
#include "core/model/snap.h"

/* How bad a row is, worst last, so that sorting puts problems first. */
enum health { HEALTH_OK, HEALTH_PROGRESS, HEALTH_UNKNOWN, HEALTH_WARN, HEALTH_FAIL };

enum container_state { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_TERMINATED, CONTAINER_UNKNOWN };

struct container {
    const char *name, *image;
    const char *reason, *message; /* of the present state; "" = none */
    enum container_state state;
    bool is_init, is_ready;
    int64_t restarts;
    int64_t exit_code; /* of the present or, when not terminated, the last termination */
    int64_t since_ms;  /* start of the present state where the API says it */
    const char *last_reason; /* of the last termination, "" = none */
    int64_t last_finished_ms;
};

struct pod {
    atomic_int refs;
    struct arena arena;
    const char *ns, *name, *uid, *resource_version;
    const char *owner_uid, *owner_kind, *owner_name; /* the controller; "" = none */
    const char *hash;  /* pod-template-hash or controller-revision-hash */
    const char *node, *phase;
    const char *status;  /* as kubectl's STATUS column says it */
    const char *problem; /* in words, with the cause; "" = nothing wrong */
    const char *problem_key; /* the reason alone ("CrashLoopBackOff"), for counting */
    enum health health;
    int64_t created_ms, deleted_ms, ready_since_ms;
    bool is_ready;
    int ready_containers, n_app_containers;
    int64_t restarts, last_restart_ms;
    struct container *containers; /* init containers first */
    size_t n_containers;
};

struct usage {
    int64_t cpu_millis, memory_bytes; /* -1 = unknown */
};

struct event {
    atomic_int refs;
    struct arena arena;
    const char *ns, *name, *uid;
    const char *object_kind, *object_name, *object_uid;
    const char *reason, *message, *from;
    bool is_warning;
    int64_t count;
    int64_t first_ms, last_ms;
};

enum workload_kind { WORKLOAD_DEPLOYMENT, WORKLOAD_STATEFULSET, WORKLOAD_DAEMONSET };

/* States of `status -o json`; core/judge/rollout decides. */
enum rollout_state {
    ROLLOUT_PROGRESSING,
    ROLLOUT_COMPLETE,
    ROLLOUT_FAILED,
    ROLLOUT_PAUSED,
    ROLLOUT_ONDELETE,
};

struct rollout {
    enum rollout_state state;
    const char *message; /* the line of `kubectl rollout status` */
};

/* A ReplicaSet of a Deployment, or a ControllerRevision of a StatefulSet or DaemonSet. */
struct revision {
    int64_t number; /* 0 = unknown */
    const char *name, *uid, *hash;
    const char *images; /* of all containers, joined by ", " */
    const char *cause;  /* kubernetes.io/change-cause, "" = none */
    int64_t created_ms;
    int64_t desired, ready; /* -1 = this kind does not say */
    bool is_current;
};

/* A port of a Service that selects its pods: where it can be asked. */
struct endpoint {
    const char *service, *port_name; /* port_name "" = it has none */
    const char *target;              /* targetPort: a number, or the name of a container's port */
    int port;
    bool is_headless;                /* without an address of its own */
};

/* What the kubelet asks, of the first container that has such a probe. */
struct http_check {
    const char *path, *port; /* port: a number or a name; path "" = there is none */
    bool is_tls;
};

struct workload {
    atomic_int refs;
    struct arena arena;
    enum workload_kind kind;
    const char *ns, *name, *uid;
    const char *id; /* "deployment.apps/shop/policy-api": the row's identity */
    int64_t created_ms;
    int64_t generation, observed_generation;
    int64_t desired, ready, updated, available, replicas; /* available -1 = the API does not say */
    bool is_paused;
    int64_t revision;      /* 0 = unknown */
    const char *image;     /* of the first container */
    const char *image_tag; /* after the last ':' or the start of its digest */
    int64_t deployed_ms;   /* the current template is in force since */
    int64_t restarts;      /* of its pods' containers since deployed_ms */
    struct rollout rollout;
    enum health health;
    const char *problem; /* the worst thing about it in words; "" = nothing wrong */
    bool pods_unknown;   /* we may not see pods: pods, restarts and problem say nothing */
    struct usage total; /* over pods */
    const char *hpa;      /* "2-10 now 3, cpu 71%/80%", "" = none */
    const char *services; /* names, joined by ", " */
    const struct endpoint *endpoints; /* their TCP ports; a Service's stand together */
    size_t n_endpoints;
    struct http_check readiness, liveness;
    const char *app;      /* label app.kubernetes.io/name, "" = none */
    const char *owner;    /* "Helm openpolicy", "Argo CD", "Flux", "" = nobody known */
    struct revision *revisions; /* newest first */
    size_t n_revisions;
    struct pod **pods; /* by name */
    struct usage *usage; /* of each of pods; NULL = metrics are not served */
    size_t n_pods;
    struct event **events; /* of it, its ReplicaSets and its pods; newest first, EVENTS_SHOWN at most */
    size_t n_events;
};

enum { EVENTS_SHOWN = 100, EVENTS_KEPT = 5000 };

struct workloads {
    struct section section;
    struct workload **items; /* by namespace, kind, name */
    size_t n;
    size_t n_health[HEALTH_FAIL + 1];
    bool is_synced; /* every list that we may read has been read once */
    const char *const *notices; /* namespaces that do not exist, then what we cannot see; a line each */
    size_t n_notices, n_absent;
    int64_t n_pods;
};

struct events {
    struct section section;
    struct event **items; /* newest first */
    size_t n;
    int64_t dropped; /* older ones that the cap let go */
};

struct workload *workload_new(void); /* zero-filled, 1 ref, strings "" , times TIME_NONE, sums -1 */
struct workload *workload_ref(struct workload *w);
void workload_unref(struct workload *w);
struct pod *pod_new(void);
struct pod *pod_ref(struct pod *p);
void pod_unref(struct pod *p);
struct event *event_new(void);
struct event *event_ref(struct event *ev);
void event_unref(struct event *ev);

struct workloads *workloads_new(size_t n); /* room for n items, which it takes as they are put in */
struct events *events_new(size_t n);

const char *workload_kind_name(enum workload_kind k);     /* "Deployment" */
const char *workload_kind_resource(enum workload_kind k); /* "deployment.apps": as -o name prints */
const char *workload_kind_short(enum workload_kind k);    /* "deploy", "sts", "ds" */
const char *health_name(enum health h);                   /* "ok", "progress", ... */
const char *rollout_state_name(enum rollout_state s);     /* "complete", ... */

#endif
