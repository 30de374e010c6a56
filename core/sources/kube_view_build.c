#include "core/sources/kube_view_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

static int newest_revision_first(const void *a, const void *b)
{
    const struct revision *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int pod_by_name(const void *a, const void *b)
{
    const struct pod *x = *(struct pod *const *)a, *y = *(struct pod *const *)b;
    return strcmp(x->name, y->name);
}

static int newest_event_first(const void *a, const void *b)
{
    const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
    if (x->last_ms != y->last_ms)
        return x->last_ms < y->last_ms ? 1 : -1;
    return strcmp(x->uid, y->uid);
}

/* "registry:5000/team/app:1.2@sha256:..." -> "1.2"; without a tag the digest's start, else "latest". */
static const char *tag_of(struct arena *a, const char *image)
{
    const char *slash = strrchr(image, '/'), *at = strchr(image, '@');
    const char *colon = strchr(slash ? slash : image, ':');
    if (!image[0])
        return "";
    if (colon && (!at || colon < at))
        return arena_strndup(a, colon + 1, at ? (size_t)(at - colon - 1) : strlen(colon + 1));
    if (at)
        return arena_strndup(a, at + 1, strnlen(at + 1, 19));
    return "latest";
}

static void build_revisions(struct workload *w, const struct parts *p)
{
    struct arena *a = &w->arena;
    const struct kube_object *o = p->workload;
    w->revisions = arena_alloc(a, (p->n_revisions + 1) * sizeof *w->revisions);
    for (size_t i = 0; i < p->n_revisions; i++) {
        const struct kube_object *r = p->revisions[i];
        w->revisions[w->n_revisions++] = (struct revision){
            .number = r->revision, .name = arena_strdup(a, r->name), .uid = arena_strdup(a, r->uid),
            .hash = arena_strdup(a, r->hash), .images = arena_strdup(a, r->images),
            .cause = arena_strdup(a, r->cause), .created_ms = r->created_ms,
            .desired = r->desired, .ready = r->ready,
        };
    }
    qsort(w->revisions, w->n_revisions, sizeof *w->revisions, newest_revision_first);
    for (size_t i = 0; i < w->n_revisions; i++) {
        struct revision *r = &w->revisions[i];
        /* A StatefulSet says which revision is current; a Deployment carries the number; of a
         * DaemonSet it is the newest. */
        r->is_current = o->kind == KIND_DEPLOYMENT    ? r->number == o->revision && r->number
                        : o->kind == KIND_STATEFULSET && o->current_hash[0]
                            ? text_eq(r->name, o->current_hash)
                            : i == 0;
        if (r->is_current && !w->revision)
            w->revision = r->number;
    }
}

static bool is_of_revision(const struct pod *pod, const struct revision *r)
{
    return text_eq(pod->hash, r->hash) || text_eq(pod->hash, r->name);
}

static const struct revision *current(const struct workload *w)
{
    for (size_t i = 0; i < w->n_revisions; i++) {
        if (w->revisions[i].is_current)
            return &w->revisions[i];
    }
    return NULL;
}

static int64_t newest_creation(const struct workload *w)
{
    int64_t ms = TIME_NONE;
    for (size_t i = 0; i < w->n_revisions; i++) {
        if (w->revisions[i].created_ms > ms)
            ms = w->revisions[i].created_ms;
    }
    return ms;
}

/*
 * When an undo brought revision r back.  The API does not say it.  It lies between the creation of
 * the newest revision and both the last progress of the Deployment and the last time that someone
 * who writes the pod template wrote anything; and the first pod that was made in between was made
 * for it.  Pods that are older never left: the rollout that was undone did not get to them.
 */
static int64_t undo_time(const struct workload *w, const struct revision *r, const struct kube_object *o, int64_t from)
{
    int64_t to = INT64_MAX;
    if (o->facts.progress_ms >= from)
        to = o->facts.progress_ms;
    if (o->written_ms >= from && o->written_ms < to)
        to = o->written_ms;
    for (size_t i = 0; i < w->n_pods; i++) {
        const struct pod *pod = w->pods[i];
        if (is_of_revision(pod, r) && pod->created_ms >= from && pod->created_ms < to)
            to = pod->created_ms;
    }
    return to == INT64_MAX ? from : to;
}

static void build_deploy_time(struct workload *w, const struct parts *p)
{
    const struct revision *r = current(w);
    int64_t newest = newest_creation(w);
    for (size_t i = 0; r && i < p->n_revisions; i++) {
        const struct kube_object *o = p->revisions[i];
        if (!text_eq(o->uid, r->uid))
            continue;
        if (o->written_ms > r->created_ms) /* newer API servers: to the second */
            w->deployed_ms = o->written_ms;
        else if (o->is_reused || r->created_ms < newest)
            w->deployed_ms = undo_time(w, r, p->workload, newest);
        else
            w->deployed_ms = r->created_ms;
    }
}

static void build_pods(struct workload *w, const struct parts *p)
{
    w->pods = arena_alloc(&w->arena, (p->n_pods + 1) * sizeof *w->pods);
    for (size_t i = 0; i < p->n_pods; i++)
        w->pods[w->n_pods++] = pod_ref(p->pods[i]);
    if (p->usage) { /* keep usage beside its pod while sorting: sums need no order */
        for (size_t i = 0; i < p->n_pods; i++) {
            if (p->usage[i].cpu_millis < 0)
                continue; /* not measured yet: of none, the sum is unknown */
            if (w->total.cpu_millis < 0)
                w->total = (struct usage){ 0, 0 };
            w->total.cpu_millis += p->usage[i].cpu_millis;
            w->total.memory_bytes += p->usage[i].memory_bytes;
        }
        w->usage = arena_alloc(&w->arena, (p->n_pods + 1) * sizeof *w->usage);
    }
    qsort(w->pods, w->n_pods, sizeof *w->pods, pod_by_name);
    for (size_t i = 0; p->usage && i < w->n_pods; i++) {
        for (size_t j = 0; j < p->n_pods; j++) {
            if (p->pods[j] == w->pods[i])
                w->usage[i] = p->usage[j];
        }
    }
    const struct revision *r = current(w);
    for (size_t i = 0; i < w->n_pods; i++) {
        if (!r || is_of_revision(w->pods[i], r))
            w->restarts += w->pods[i]->restarts;
    }
}

static void build_events(struct workload *w, const struct parts *p)
{
    struct event **all = x_calloc(p->n_events + 1, sizeof *all);
    if (p->n_events)
        memcpy(all, p->events, p->n_events * sizeof *all);
    qsort(all, p->n_events, sizeof *all, newest_event_first);
    size_t n = p->n_events < EVENTS_SHOWN ? p->n_events : EVENTS_SHOWN;
    w->events = arena_alloc(&w->arena, (n + 1) * sizeof *w->events);
    for (size_t i = 0; i < n; i++)
        w->events[w->n_events++] = event_ref(all[i]);
    free(all);
}

static void worse(struct workload *w, enum health h, const char *words)
{
    if (h > w->health || (h == w->health && !w->problem[0])) {
        w->health = h;
        w->problem = words;
    }
}

/* The worst pod speaks for all; how many say the same stands behind it. */
static void judge_pods(struct workload *w)
{
    const struct pod *worst = NULL;
    for (size_t i = 0; i < w->n_pods; i++) {
        const struct pod *p = w->pods[i];
        bool is_over = text_eq(p->phase, "Failed") || text_eq(p->phase, "Succeeded");
        if (p->deleted_ms != TIME_NONE || (is_over && w->ready >= w->desired)) /* going anyway; or replaced long since */
            continue;
        bool is_worse = !worst || p->health > worst->health ||
                        (p->health == worst->health && !worst->problem[0] && p->problem[0]);
        if (is_worse && p->health > HEALTH_OK)
            worst = p;
    }
    if (!worst)
        return;
    size_t same = 0;
    for (size_t i = 0; i < w->n_pods; i++)
        same += text_eq(w->pods[i]->problem_key, worst->problem_key);
    const char *words = worst->problem;
    const struct revision *r = current(w);
    bool is_old = r && w->n_revisions > 1 && !is_of_revision(worst, r); /* its image and restarts are not the row's */
    if (words[0] && w->n_pods > 1)
        words = arena_printf(&w->arena, "%s%s (%zu of %zu pods)", is_old ? "old revision: " : "", worst->problem, same, w->n_pods);
    else
        words = arena_strdup(&w->arena, words);
    worse(w, worst->health, words);
}

/* No pod can tell of a pod that was never made: quota, admission, a missing service account. */
static void judge_events(struct workload *w)
{
    for (size_t i = 0; i < w->n_events; i++) {
        const struct event *ev = w->events[i];
        if (ev->is_warning && text_starts(ev->reason, "FailedCreate") &&
            (w->deployed_ms == TIME_NONE || ev->last_ms >= w->deployed_ms)) {
            worse(w, HEALTH_FAIL, arena_printf(&w->arena, "%s: %s", ev->reason, ev->message));
            return;
        }
    }
}

static void judge(struct workload *w, const struct parts *p)
{
    if (w->pods_unknown) /* the counts may look well: what we cannot see is not called well */
        worse(w, HEALTH_UNKNOWN, "pods are not visible to us");
    judge_pods(w);
    bool is_short = w->ready < w->desired || w->updated < w->desired;
    if (is_short)
        judge_events(w);
    if (p->node_problem)
        worse(w, HEALTH_FAIL, arena_strdup(&w->arena, p->node_problem));
    if (is_short && p->job_problem)
        worse(w, HEALTH_WARN, arena_strdup(&w->arena, p->job_problem));
    if (w->rollout.state == ROLLOUT_FAILED)
        worse(w, HEALTH_FAIL, w->rollout.message);
    else if (w->rollout.state == ROLLOUT_PROGRESSING || w->rollout.state == ROLLOUT_PAUSED)
        worse(w, HEALTH_PROGRESS, w->rollout.state == ROLLOUT_PAUSED ? "rollout is paused" : "");
    else if (w->ready < w->desired)
        worse(w, HEALTH_WARN, arena_printf(&w->arena, "%" PRId64 " of %" PRId64 " pods are ready",
                                           w->ready, w->desired));
    if (w->restarts > 0 && w->health < HEALTH_WARN)
        worse(w, HEALTH_WARN, arena_printf(&w->arena, "%" PRId64 " restarts since the deploy",
                                           w->restarts));
}

static struct http_check copy_check(struct arena *a, const struct http_check *c)
{
    return c->path ? (struct http_check){ arena_strdup(a, c->path), arena_strdup(a, c->port), c->is_tls }
                   : (struct http_check){ "", "", false };
}

static void build_services(struct workload *w, const struct parts *p)
{
    struct arena *a = &w->arena;
    struct buf names = BUF_INIT(4096);
    size_t n = 0;
    for (size_t i = 0; i < p->n_services; i++)
        n += p->services[i]->n_endpoints;
    struct endpoint *list = arena_alloc(a, (n + 1) * sizeof *list);
    for (size_t i = 0; i < p->n_services; i++) {
        const struct kube_object *s = p->services[i];
        buf_addf(&names, "%s%s", i ? ", " : "", s->name);
        for (size_t k = 0; k < s->n_endpoints; k++) {
            const struct endpoint *ep = &s->endpoints[k];
            list[w->n_endpoints++] = (struct endpoint){ arena_strdup(a, ep->service), arena_strdup(a, ep->port_name),
                                                        arena_strdup(a, ep->target), ep->port, ep->is_headless };
        }
    }
    w->endpoints = list;
    w->services = arena_strndup(a, buf_str(&names), names.len);
    buf_release(&names);
}

struct workload *kube_build_workload(const struct parts *p)
{
    const struct kube_object *o = p->workload;
    const struct rollout_facts *f = &o->facts;
    struct workload *w = workload_new();
    struct arena *a = &w->arena;
    struct rollout_facts facts = *f;
    w->kind = f->kind;
    w->ns = arena_strdup(a, o->ns);
    w->name = facts.name = arena_strdup(a, o->name);
    w->uid = arena_strdup(a, o->uid);
    w->id = arena_printf(a, "%s/%s/%s", workload_kind_resource(w->kind), w->ns, w->name);
    w->created_ms = o->created_ms;
    w->generation = f->generation;
    w->observed_generation = f->observed_generation;
    w->desired = o->desired;
    w->ready = o->ready;
    w->updated = f->updated;
    w->available = f->available;
    w->replicas = f->kind == WORKLOAD_DAEMONSET ? f->desired_scheduled : f->replicas;
    w->is_paused = o->is_paused;
    w->revision = o->revision;
    w->image = arena_strdup(a, o->image);
    w->image_tag = tag_of(a, w->image);
    w->owner = arena_strdup(a, o->managed_by);
    w->app = arena_strdup(a, o->app);
    w->pods_unknown = p->pods_unknown;
    w->rollout = rollout_judge(&facts, TIME_NONE, a);
    build_revisions(w, p);
    build_pods(w, p);
    build_deploy_time(w, p);
    build_events(w, p);
    if (p->hpa)
        w->hpa = arena_strdup(a, p->hpa->text);
    build_services(w, p);
    w->readiness = copy_check(a, &o->readiness);
    w->liveness = copy_check(a, &o->liveness);
    judge(w, p);
    return w;
}
