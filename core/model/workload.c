#include "core/model/workload.h"

static bool is_last(atomic_int *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void one_more(atomic_int *refs)
{
    atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

struct pod *pod_new(void)
{
    struct pod *p = x_calloc(1, sizeof *p);
    atomic_init(&p->refs, 1);
    p->ns = p->name = p->uid = p->resource_version = "";
    p->owner_uid = p->owner_kind = p->owner_name = p->hash = "";
    p->node = p->phase = p->status = p->problem = p->problem_key = "";
    p->created_ms = p->deleted_ms = p->ready_since_ms = p->last_restart_ms = TIME_NONE;
    return p;
}

struct pod *pod_ref(struct pod *p)
{
    one_more(&p->refs);
    return p;
}

void pod_unref(struct pod *p)
{
    if (!p || !is_last(&p->refs))
        return;
    arena_release(&p->arena);
    free(p);
}

struct event *event_new(void)
{
    struct event *ev = x_calloc(1, sizeof *ev);
    atomic_init(&ev->refs, 1);
    ev->ns = ev->name = ev->uid = ev->object_kind = ev->object_name = ev->object_uid = "";
    ev->reason = ev->message = ev->from = "";
    ev->first_ms = ev->last_ms = TIME_NONE;
    return ev;
}

struct event *event_ref(struct event *ev)
{
    one_more(&ev->refs);
    return ev;
}

void event_unref(struct event *ev)
{
    if (!ev || !is_last(&ev->refs))
        return;
    arena_release(&ev->arena);
    free(ev);
}

struct workload *workload_new(void)
{
    struct workload *w = x_calloc(1, sizeof *w);
    atomic_init(&w->refs, 1);
    w->ns = w->name = w->uid = w->id = w->image = w->image_tag = w->problem = "";
    w->hpa = w->services = w->owner = w->app = w->rollout.message = "";
    w->readiness = w->liveness = (struct http_check){ "", "", false };
    w->created_ms = w->deployed_ms = TIME_NONE;
    w->total = (struct usage){ -1, -1 };
    return w;
}

struct workload *workload_ref(struct workload *w)
{
    one_more(&w->refs);
    return w;
}

void workload_unref(struct workload *w)
{
    if (!w || !is_last(&w->refs))
        return;
    for (size_t i = 0; i < w->n_pods; i++)
        pod_unref(w->pods[i]);
    for (size_t i = 0; i < w->n_events; i++)
        event_unref(w->events[i]);
    arena_release(&w->arena);
    free(w);
}

static void workloads_drop(struct section *s)
{
    struct workloads *ws = (struct workloads *)s;
    for (size_t i = 0; i < ws->n; i++)
        workload_unref(ws->items[i]);
}

struct workloads *workloads_new(size_t n)
{
    struct workloads *ws = section_new(sizeof *ws, workloads_drop);
    ws->items = arena_alloc(&ws->section.arena, n * sizeof *ws->items);
    return ws;
}

static void events_drop(struct section *s)
{
    struct events *evs = (struct events *)s;
    for (size_t i = 0; i < evs->n; i++)
        event_unref(evs->items[i]);
}

struct events *events_new(size_t n)
{
    struct events *evs = section_new(sizeof *evs, events_drop);
    evs->items = arena_alloc(&evs->section.arena, n * sizeof *evs->items);
    return evs;
}

static const struct {
    const char *name, *resource, *brief;
} kinds[] = {
    [WORKLOAD_DEPLOYMENT] = { "Deployment", "deployment.apps", "deploy" },
    [WORKLOAD_STATEFULSET] = { "StatefulSet", "statefulset.apps", "sts" },
    [WORKLOAD_DAEMONSET] = { "DaemonSet", "daemonset.apps", "ds" },
};

const char *workload_kind_name(enum workload_kind k)
{
    return kinds[k].name;
}

const char *workload_kind_resource(enum workload_kind k)
{
    return kinds[k].resource;
}

const char *workload_kind_short(enum workload_kind k)
{
    return kinds[k].brief;
}

const char *health_name(enum health h)
{
    static const char *const names[] = { "ok", "progress", "unknown", "warn", "fail" };
    return (size_t)h < ARRAY_LEN(names) ? names[h] : "?";
}

const char *rollout_state_name(enum rollout_state s)
{
    static const char *const names[] = { "progressing", "complete", "failed", "paused", "ondelete" };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}
