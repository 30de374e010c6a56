/*
 * The index: every held object that has a controller (an event: the object it is about) stands in a
 * bucket of that uid.  A workload's ReplicaSets and ControllerRevisions are its bucket; its pods are
 * its own bucket's and those of its ReplicaSets; events are found in the buckets of all of them.
 * Rejected: an index by label selector, as kubectl does it: it costs a scan of all pods for each
 * workload, and two Deployments whose selectors overlap would each claim the other's pods.
 */
#include "core/sources/kube_view.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/kube_view_build.h"

enum { WATCHES = 512 };

struct bucket { /* children of one uid */
    char *uid;
    struct watch_entry **items;
    size_t n, room;
    UT_hash_handle hh;
};

struct row { /* one workload */
    struct watch_entry *entry;
    struct workload *built; /* NULL = dirty */
    UT_hash_handle hh; /* by uid, the entry's */
};

struct pod_usage {
    char *key; /* "ns/pod" */
    struct usage usage;
    unsigned round;
    UT_hash_handle hh;
};

struct kube_view {
    struct kube_watch *watches[WATCHES];
    bool is_hidden[WATCHES]; /* forbidden, when last looked at */
    size_t n_watches;
    struct bucket *buckets;
    struct row *rows;
    struct row **sorted; /* NULL = a row came or went */
    struct pod_usage *usage;
    unsigned usage_round;
    bool has_usage, is_moved, events_moved;
};

struct kube_view *kube_view_new(void)
{
    struct kube_view *v = x_calloc(1, sizeof *v);
    v->is_moved = v->events_moved = true;
    return v;
}

void kube_view_free(struct kube_view *v)
{
    if (!v)
        return;
    struct bucket *b, *next_b;
    HASH_ITER(hh, v->buckets, b, next_b) {
        HASH_DEL(v->buckets, b);
        free(b->items);
        free(b->uid);
        free(b);
    }
    struct row *r, *next_r;
    HASH_ITER(hh, v->rows, r, next_r) {
        HASH_DEL(v->rows, r);
        workload_unref(r->built);
        free(r);
    }
    struct pod_usage *u, *next_u;
    HASH_ITER(hh, v->usage, u, next_u) {
        HASH_DEL(v->usage, u);
        free(u->key);
        free(u);
    }
    free(v->sorted);
    free(v);
}

void kube_view_attach(struct kube_view *v, struct kube_watch *w)
{
    if (v->n_watches < WATCHES)
        v->watches[v->n_watches++] = w;
}

void kube_view_touch(struct kube_view *v)
{
    v->is_moved = true;
}

static struct bucket *bucket_of(struct kube_view *v, const char *uid)
{
    struct bucket *b = NULL;
    HASH_FIND(hh, v->buckets, uid, strlen(uid), b);
    return b;
}

static void index_add(struct kube_view *v, struct watch_entry *en)
{
    const char *uid = en->obj->owner_uid;
    if (!uid[0])
        return;
    struct bucket *b = bucket_of(v, uid);
    if (!b) {
        b = x_calloc(1, sizeof *b);
        b->uid = x_strdup(uid);
        HASH_ADD_KEYPTR(hh, v->buckets, b->uid, strlen(b->uid), b);
    }
    if (b->n == b->room) {
        b->room = b->room ? b->room * 2 : 4;
        b->items = x_realloc(b->items, b->room * sizeof *b->items);
    }
    b->items[b->n++] = en;
}

static void index_remove(struct kube_view *v, const struct watch_entry *en, const char *uid)
{
    struct bucket *b = bucket_of(v, uid);
    for (size_t i = 0; b && i < b->n; i++) {
        if (b->items[i] == en) {
            b->items[i] = b->items[--b->n];
            break;
        }
    }
    if (b && !b->n) {
        HASH_DEL(v->buckets, b);
        free(b->items);
        free(b->uid);
        free(b);
    }
}

static struct watch_entry *find(struct kube_view *v, enum kube_kind kind, const char *uid)
{
    for (size_t i = 0; i < v->n_watches; i++) {
        if (kube_watch_spec(v->watches[i])->kind != kind)
            continue;
        struct watch_entry *en = kube_watch_find(v->watches[i], uid);
        if (en)
            return en;
    }
    return NULL;
}

static void soil(struct kube_view *v, struct row *r)
{
    workload_unref(r->built);
    r->built = NULL;
    v->is_moved = true;
}

/* From an object to the workload above it; at most pod -> ReplicaSet -> Deployment. */
static void soil_above(struct kube_view *v, const char *uid)
{
    for (int steps = 0; uid[0] && steps < 3; steps++) {
        struct row *r = NULL;
        HASH_FIND(hh, v->rows, uid, strlen(uid), r);
        if (r) {
            soil(v, r);
            return;
        }
        struct watch_entry *en = find(v, KIND_REPLICASET, uid);
        if (!en)
            en = find(v, KIND_POD, uid);
        uid = en ? en->obj->owner_uid : "";
    }
}

static void soil_all(struct kube_view *v, const char *ns) /* "" = every namespace */
{
    struct row *r, *next;
    HASH_ITER(hh, v->rows, r, next) {
        if (!ns[0] || text_eq(ns, r->entry->obj->ns))
            soil(v, r);
    }
}

static bool is_workload(enum kube_kind k)
{
    return k == KIND_DEPLOYMENT || k == KIND_STATEFULSET || k == KIND_DAEMONSET;
}

static void change_row(struct kube_view *v, enum watch_change c, struct watch_entry *en)
{
    struct row *r = NULL;
    const char *uid = en->obj->uid;
    HASH_FIND(hh, v->rows, uid, strlen(uid), r);
    if (c == WATCH_REMOVED) {
        if (r) {
            soil(v, r);
            HASH_DEL(v->rows, r);
            free(r);
        }
    } else if (!r) {
        r = x_calloc(1, sizeof *r);
        r->entry = en;
        HASH_ADD_KEYPTR(hh, v->rows, uid, strlen(uid), r);
    } else { /* the key lies in the object, which is a new one */
        soil(v, r);
        HASH_DELETE(hh, v->rows, r);
        HASH_ADD_KEYPTR(hh, v->rows, uid, strlen(uid), r);
    }
    v->is_moved = true;
    if (c != WATCH_CHANGED) {
        free(v->sorted);
        v->sorted = NULL;
    }
}

void kube_view_change(struct kube_view *v, struct kube_watch *w, enum watch_change c,
                      struct watch_entry *en, const struct kube_object *old)
{
    const struct kube_object *o = en->obj;
    (void)w;
    if (c == WATCH_CHANGED && !text_eq(old->owner_uid, o->owner_uid)) {
        index_remove(v, en, old->owner_uid);
        soil_above(v, old->owner_uid);
        index_add(v, en);
    } else if (c == WATCH_ADDED) {
        index_add(v, en);
    } else if (c == WATCH_REMOVED) {
        index_remove(v, en, o->owner_uid);
    }
    switch (o->kind) {
    case KIND_HPA:
    case KIND_SERVICE:
    case KIND_JOB:
        soil_all(v, o->ns);
        break;
    case KIND_NODE:
        if (o->is_bad || (old && old->is_bad))
            soil_all(v, "");
        break;
    case KIND_EVENT:
        v->events_moved = true;
        soil_above(v, o->owner_uid);
        break;
    default:
        if (is_workload(o->kind))
            change_row(v, c, en);
        else
            soil_above(v, o->owner_uid);
        break;
    }
}

void kube_view_watch_state(struct kube_view *v, struct kube_watch *w)
{
    bool is_hidden = kube_watch_health(w).state == SOURCE_FORBIDDEN;
    for (size_t i = 0; i < v->n_watches; i++) {
        if (v->watches[i] != w || v->is_hidden[i] == is_hidden)
            continue;
        v->is_hidden[i] = is_hidden;
        if (kube_watch_spec(w)->kind == KIND_POD)
            soil_all(v, kube_watch_ns(w));
    }
}

/* ---- usage ---- */

void kube_view_usage_begin(struct kube_view *v)
{
    v->usage_round++;
}

void kube_view_usage(struct kube_view *v, const struct kube_usage *u)
{
    char key[2 * KEEP_NAME];
    snprintf(key, sizeof key, "%s/%s", u->ns, u->pod);
    struct pod_usage *p = NULL;
    HASH_FIND_STR(v->usage, key, p);
    if (!p) {
        p = x_calloc(1, sizeof *p);
        p->key = x_strdup(key);
        HASH_ADD_KEYPTR(hh, v->usage, p->key, strlen(p->key), p);
    }
    p->usage = (struct usage){ u->cpu_millis, u->memory_bytes };
    p->round = v->usage_round;
}

void kube_view_usage_end(struct kube_view *v, const char *ns)
{
    struct pod_usage *p, *next;
    size_t n = strlen(ns);
    HASH_ITER(hh, v->usage, p, next) {
        bool is_elsewhere = n && (strncmp(p->key, ns, n) != 0 || p->key[n] != '/');
        if (p->round == v->usage_round || is_elsewhere)
            continue;
        HASH_DEL(v->usage, p);
        free(p->key);
        free(p);
    }
    v->has_usage = v->usage != NULL;
    soil_all(v, ns);
}

static struct usage usage_of(struct kube_view *v, const struct pod *pod)
{
    char key[2 * KEEP_NAME];
    struct pod_usage *p = NULL;
    snprintf(key, sizeof key, "%s/%s", pod->ns, pod->name);
    HASH_FIND_STR(v->usage, key, p);
    return p ? p->usage : (struct usage){ -1, -1 };
}

/* ---- building ---- */

struct gathered { /* growing lists for struct parts */
    const struct kube_object **revisions, **services;
    struct pod **pods;
    struct event **events;
    struct usage *usage;
    size_t n_revisions, n_services, n_pods, n_events;
};

static void *grow(void *list, size_t n, size_t size)
{
    /* powers of two: room is known from n alone */
    return n & (n - 1) ? list : x_realloc(list, (n ? n * 2 : 1) * size);
}

#define PUSH(list, n, value)                       \
    do {                                           \
        (list) = grow((list), (n), sizeof *(list)); \
        (list)[(n)++] = (value);                   \
    } while (0)

static void take_children(struct kube_view *v, struct gathered *g, const char *uid)
{
    struct bucket *b = bucket_of(v, uid);
    for (size_t i = 0; b && i < b->n; i++) {
        const struct kube_object *o = b->items[i]->obj;
        if (o->kind == KIND_POD) {
            PUSH(g->pods, g->n_pods, o->pod);
            take_children(v, g, o->uid); /* events of the pod */
        } else if (o->kind == KIND_EVENT) {
            PUSH(g->events, g->n_events, o->event);
        } else if (o->kind == KIND_REPLICASET || o->kind == KIND_REVISION) {
            PUSH(g->revisions, g->n_revisions, o);
            take_children(v, g, o->uid);
        }
    }
}

static bool selects(const struct kube_selector *selector, const struct kube_selector *labels)
{
    for (size_t i = 0; i < selector->n; i++) {
        bool has = false;
        for (size_t j = 0; j < labels->n && !has; j++)
            has = text_eq(selector->pairs[i], labels->pairs[j]);
        if (!has)
            return false;
    }
    return selector->n > 0;
}

/* A Job belongs to what is deployed with it when they share the instance or the name label. */
static bool shares_app(const struct kube_selector *a, const struct kube_selector *b)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!text_starts(a->pairs[i], "app.kubernetes.io/instance=") &&
            !text_starts(a->pairs[i], "app.kubernetes.io/name=") && !text_starts(a->pairs[i], "app="))
            continue;
        for (size_t j = 0; j < b->n; j++) {
            if (text_eq(a->pairs[i], b->pairs[j]))
                return true;
        }
    }
    return false;
}

static void take_neighbours(struct kube_view *v, struct gathered *g, struct parts *p)
{
    const struct kube_object *o = p->workload;
    for (size_t i = 0; i < v->n_watches; i++) {
        enum kube_kind kind = kube_watch_spec(v->watches[i])->kind;
        if (kind != KIND_HPA && kind != KIND_SERVICE && kind != KIND_JOB && kind != KIND_NODE)
            continue;
        struct watch_entry *en, *next;
        HASH_ITER(hh, kube_watch_entries(v->watches[i]), en, next) {
            const struct kube_object *x = en->obj;
            if (kind == KIND_NODE && x->is_bad) {
                for (size_t j = 0; j < g->n_pods && !p->node_problem; j++) {
                    if (text_eq(g->pods[j]->node, x->name))
                        p->node_problem = x->text;
                }
            }
            if (kind == KIND_NODE || !text_eq(x->ns, o->ns))
                continue;
            if (kind == KIND_HPA && text_eq(x->target_name, o->name) &&
                text_eq(x->target_kind, workload_kind_name(o->facts.kind)))
                p->hpa = x;
            else if (kind == KIND_SERVICE && selects(&x->labels, &o->labels))
                PUSH(g->services, g->n_services, x);
            else if (kind == KIND_JOB && x->text[0] && shares_app(&x->labels, &o->labels))
                p->job_problem = x->text;
        }
    }
}

static bool are_pods_hidden(const struct kube_view *v, const char *ns)
{
    for (size_t i = 0; i < v->n_watches; i++) {
        struct kube_watch *w = v->watches[i];
        if (kube_watch_spec(w)->kind == KIND_POD &&
            (!kube_watch_ns(w)[0] || text_eq(kube_watch_ns(w), ns)))
            return kube_watch_health(w).state == SOURCE_FORBIDDEN;
    }
    return true;
}

static struct workload *build(struct kube_view *v, const struct row *r)
{
    struct gathered g = { 0 };
    struct parts p = { .workload = r->entry->obj };
    take_children(v, &g, r->entry->obj->uid);
    take_neighbours(v, &g, &p);
    if (v->has_usage) {
        g.usage = x_calloc(g.n_pods + 1, sizeof *g.usage);
        for (size_t i = 0; i < g.n_pods; i++)
            g.usage[i] = usage_of(v, g.pods[i]);
    }
    p.revisions = g.revisions;
    p.n_revisions = g.n_revisions;
    p.pods = g.pods;
    p.usage = g.usage;
    p.n_pods = g.n_pods;
    p.events = g.events;
    p.n_events = g.n_events;
    p.services = g.services;
    p.n_services = g.n_services;
    p.pods_unknown = are_pods_hidden(v, r->entry->obj->ns);
    struct workload *w = kube_build_workload(&p);
    free(g.revisions);
    free(g.services);
    free(g.pods);
    free(g.events);
    free(g.usage);
    return w;
}

static int by_place(const void *a, const void *b)
{
    const struct kube_object *x = (*(struct row *const *)a)->entry->obj;
    const struct kube_object *y = (*(struct row *const *)b)->entry->obj;
    int d = strcmp(x->ns, y->ns);
    if (!d)
        d = (int)x->kind - (int)y->kind;
    return d ? d : strcmp(x->name, y->name);
}

static void sort_rows(struct kube_view *v)
{
    size_t n = 0;
    struct row *r, *next;
    v->sorted = x_calloc(HASH_COUNT(v->rows) + 1, sizeof *v->sorted);
    HASH_ITER(hh, v->rows, r, next)
        v->sorted[n++] = r;
    if (n)
        qsort(v->sorted, n, sizeof *v->sorted, by_place);
}

struct workloads *kube_view_workloads(struct kube_view *v, bool is_synced,
                                      const char *const *notices, size_t n_notices, size_t n_absent)
{
    if (!v->is_moved)
        return NULL;
    v->is_moved = false;
    if (!v->sorted)
        sort_rows(v);
    size_t n = HASH_COUNT(v->rows);
    struct workloads *ws = workloads_new(n);
    struct arena *a = &ws->section.arena;
    for (size_t i = 0; i < n; i++) {
        struct row *r = v->sorted[i];
        if (!r->built)
            r->built = build(v, r);
        ws->items[ws->n++] = workload_ref(r->built);
        ws->n_health[r->built->health]++;
        ws->n_pods += (int64_t)r->built->n_pods;
    }
    ws->is_synced = is_synced;
    const char **copies = arena_alloc(a, (n_notices + 1) * sizeof *copies);
    for (size_t i = 0; i < n_notices; i++)
        copies[i] = arena_strdup(a, notices[i]);
    ws->notices = copies;
    ws->n_notices = n_notices;
    ws->n_absent = n_absent;
    return ws;
}

static int newest_first(const void *a, const void *b)
{
    const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
    if (x->last_ms != y->last_ms)
        return x->last_ms < y->last_ms ? 1 : -1;
    return strcmp(x->uid, y->uid);
}

struct events *kube_view_events(struct kube_view *v)
{
    if (!v->events_moved)
        return NULL;
    v->events_moved = false;
    struct event **all = NULL;
    size_t n = 0;
    int64_t evicted = 0;
    for (size_t i = 0; i < v->n_watches; i++) {
        struct watch_entry *en, *next;
        if (kube_watch_spec(v->watches[i])->kind != KIND_EVENT)
            continue;
        evicted += kube_watch_evicted(v->watches[i]);
        HASH_ITER(hh, kube_watch_entries(v->watches[i]), en, next)
            PUSH(all, n, en->obj->event);
    }
    if (n)
        qsort(all, n, sizeof *all, newest_first);
    size_t kept = n < EVENTS_KEPT ? n : EVENTS_KEPT;
    struct events *evs = events_new(kept + 1);
    for (size_t i = 0; i < kept; i++)
        evs->items[evs->n++] = event_ref(all[i]);
    evs->dropped = (int64_t)(n - kept) + evicted;
    free(all);
    return evs;
}
