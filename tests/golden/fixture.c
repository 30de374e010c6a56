#include "tests/golden/fixture.h"

#include <stdio.h>
#include <string.h>

#include "core/model/doc.h"

static const int64_t now = (int64_t)FIXTURE_NOW_S * 1000;

const char *fixture_name(enum fixture f)
{
    static const char *const names[] = { "empty", "waiting", "calm", "trouble", "stale", "forbidden",
                                         "refused", "hostile" };
    return names[f];
}

static struct pod *pod(const char *name, const char *hash, enum health h, const char *problem)
{
    struct pod *p = pod_new();
    struct arena *a = &p->arena;
    p->ns = "shop";
    p->name = p->uid = arena_strdup(a, name);
    p->hash = hash;
    p->node = "node-1";
    p->phase = p->status = "Running";
    p->problem = problem;
    p->problem_key = problem[0] ? "CrashLoopBackOff" : "";
    p->health = h;
    p->created_ms = now - 720000;
    p->is_ready = h == HEALTH_OK;
    p->n_app_containers = 1;
    p->ready_containers = p->is_ready;
    p->restarts = h == HEALTH_FAIL ? 3 : 0;
    p->n_containers = 1;
    p->containers = arena_alloc(a, sizeof *p->containers);
    p->containers[0] = (struct container){ .name = "app", .image = "registry.example/app:1.9.0", .reason = "",
                                           .message = "", .last_reason = "", .state = CONTAINER_RUNNING,
                                           .is_ready = p->is_ready, .since_ms = now - 720000,
                                           .restarts = p->restarts, .last_finished_ms = TIME_NONE };
    return p;
}

static struct workload *workload(enum workload_kind kind, const char *name, enum health h,
                                 const char *problem)
{
    struct workload *w = workload_new();
    struct arena *a = &w->arena;
    w->kind = kind;
    w->ns = "shop";
    w->name = w->uid = arena_strdup(a, name);
    w->id = arena_printf(a, "%s/shop/%s", workload_kind_resource(kind), name);
    w->desired = w->updated = w->available = w->replicas = 3;
    w->ready = h == HEALTH_FAIL ? 2 : 3;
    w->revision = 42;
    w->image = "registry.example/app:1.9.0";
    w->image_tag = "1.9.0";
    w->created_ms = now - 86400000;
    w->deployed_ms = now - 720000;
    w->rollout.state = h == HEALTH_FAIL ? ROLLOUT_PROGRESSING : ROLLOUT_COMPLETE;
    w->rollout.message = arena_printf(a, h == HEALTH_FAIL
                                             ? "Waiting for deployment \"%s\" rollout to finish: 1 out of 3 new replicas have been updated..."
                                             : "deployment \"%s\" successfully rolled out", name);
    w->health = h;
    w->problem = arena_strdup(a, problem);
    w->restarts = h == HEALTH_FAIL ? 3 : 0;
    w->hpa = "2-10 now 3, cpu 71%/80%";
    w->services = "policy-api";
    w->owner = "Helm openpolicy";
    w->n_revisions = 2;
    w->revisions = arena_alloc(a, 2 * sizeof *w->revisions);
    w->revisions[0] = (struct revision){ .number = 42, .name = "rs-new", .uid = "rs-new", .hash = "new",
                                         .images = "registry.example/app:1.9.0", .cause = "", .created_ms = now - 720000,
                                         .desired = 1, .ready = 0, .is_current = true };
    w->revisions[1] = (struct revision){ .number = 41, .name = "rs-old", .uid = "rs-old", .hash = "old",
                                         .images = "registry.example/app:1.8.3", .cause = "release 1.8.3",
                                         .created_ms = now - 86400000, .desired = 2, .ready = 2 };
    w->n_pods = 2;
    w->pods = arena_alloc(a, 2 * sizeof *w->pods);
    w->pods[0] = pod("app-new-1", "new", h, problem);
    w->pods[1] = pod("app-old-1", "old", HEALTH_OK, "");
    return w;
}

static struct event *event(const char *reason, const char *message, bool is_warning, int64_t ago_s)
{
    struct event *ev = event_new();
    ev->ns = "shop";
    ev->name = ev->uid = arena_printf(&ev->arena, "%s-%d", reason, (int)ago_s);
    ev->object_kind = "Pod";
    ev->object_name = "app-new-1";
    ev->object_uid = "app-new-1";
    ev->reason = arena_strdup(&ev->arena, reason);
    ev->message = arena_strdup(&ev->arena, message);
    ev->is_warning = is_warning;
    ev->count = is_warning ? 4 : 1;
    ev->last_ms = now - ago_s * 1000;
    return ev;
}

static struct ident *ident(enum fixture f)
{
    static const char *const one[] = { "shop" };
    struct ident *id = section_new(sizeof *id, NULL);
    id->environment = f == FIXTURE_CALM ? "" : "prod";
    id->class = f == FIXTURE_CALM ? ENV_UNKNOWN : ENV_PRODUCTION;
    id->context = "eks-1";
    id->cluster = id->user = id->server = "";
    id->as = "";
    id->read_only = true;
    id->namespaces = one;
    id->n_namespaces = 1;
    return id;
}

static struct sources *sources(enum fixture f)
{
    struct sources *s = section_new(sizeof *s, NULL);
    bool is_old = f == FIXTURE_STALE, is_refused = f == FIXTURE_REFUSED, is_waiting = f == FIXTURE_WAITING;
    s->n = 3;
    s->rows = arena_alloc(&s->section.arena, 3 * sizeof *s->rows);
    enum source_state st = is_refused ? SOURCE_FAILED : is_old ? SOURCE_STALE : is_waiting ? SOURCE_WAITING : SOURCE_LIVE;
    for (size_t i = 0; i < s->n; i++)
        s->rows[i] = (struct source_health){
            .name = i == 0 ? "api" : i == 1 ? "pods shop" : "metrics", .state = st, .since_ms = now - 11000,
            .proved_ms = is_refused || is_waiting ? TIME_NONE : now - 12000, .retry_ms = is_old ? now + 2000 : TIME_NONE,
            .text = is_refused || is_old ? "Failed to connect to 10.0.0.1 port 6443: Connection refused" : "",
            .objects = i == 1 ? 6 : -1, .audit_ms = i == 1 ? 52000 : 0 };
    if (f == FIXTURE_FORBIDDEN) {
        s->rows[1].state = SOURCE_FORBIDDEN;
        s->rows[1].text = "forbidden: User \"me\" cannot list resource \"pods\"";
    }
    s->worst = st;
    s->lost_ms = is_old ? now - 11000 : TIME_NONE;
    s->oldest_proof_ms = is_refused || is_waiting ? TIME_NONE : now - 12000;
    s->requests_per_s = 0.4;
    return s;
}

static struct workloads *workloads(enum fixture f)
{
    static const char *const notices[] = { "cannot see pods in shop: forbidden (needs get, list and watch on pods)" };
    static char giant[1024 * 1024];
    struct workloads *ws = workloads_new(4);
    bool bad = f == FIXTURE_TROUBLE || f == FIXTURE_STALE;
    ws->is_synced = true;
    if (f == FIXTURE_HOSTILE) {
        memset(giant, 'x', sizeof giant - 1);
        memcpy(giant, "\033]0;pwned\a\033[2J\r\n", 16);
        ws->items[ws->n++] = workload(WORKLOAD_DEPLOYMENT, "\033[31mred\xc2\x9b" "1m\u202Egpj.exe", HEALTH_FAIL, giant);
        ws->items[ws->n++] = workload(WORKLOAD_STATEFULSET, "\u4e2d\u6587\u670d\u52a1-\u4e2d\u6587\u670d\u52a1-\u4e2d\u6587", HEALTH_WARN, "\xff\xc0\xaf\u200b\u200d");
        ws->items[ws->n++] = workload(WORKLOAD_DAEMONSET, "e\u0301\u0302\u0303\u0304\U0001F600\u00e9", HEALTH_OK, "");
    } else if (f != FIXTURE_EMPTY) {
        ws->items[ws->n++] = workload(WORKLOAD_DEPLOYMENT, "scrapers", HEALTH_OK, "");
        ws->items[ws->n++] = workload(WORKLOAD_DEPLOYMENT, "policy-api", bad ? HEALTH_FAIL : HEALTH_OK,
                                      bad ? "CrashLoopBackOff: app exited 1 (Error), 3 restarts (1 of 2 pods)" : "");
        ws->items[ws->n++] = workload(WORKLOAD_STATEFULSET, "db", bad ? HEALTH_WARN : HEALTH_OK,
                                      bad ? "2 restarts since the deploy" : "");
    }
    for (size_t i = 0; i < ws->n; i++) {
        ws->n_health[ws->items[i]->health]++;
        ws->items[i]->pods_unknown = f == FIXTURE_FORBIDDEN;
    }
    if (f == FIXTURE_FORBIDDEN) {
        ws->notices = notices;
        ws->n_notices = 1;
    }
    return ws;
}

static struct events *events(enum fixture f)
{
    struct events *evs = events_new(3);
    if (f == FIXTURE_EMPTY)
        return evs;
    evs->items[evs->n++] = event("BackOff", f == FIXTURE_HOSTILE ? "\033[2Jgone\a\n\u202Etxt" : "Back-off restarting failed container", true, 30);
    evs->items[evs->n++] = event("Started", "Started container app", false, 700);
    return evs;
}

static struct doc *doc(enum fixture f)
{
    static const char *const lines[] = { "  spec:", "-   image: app:1.8.3", "+   image: app:1.9.0", "  \033[31mred\033[0m \t tab" };
    struct doc *d = section_new(sizeof *d, NULL);
    d->request = 1;
    d->kind = DOC_DIFF;
    d->state = f == FIXTURE_REFUSED ? DOC_FAILED : f == FIXTURE_WAITING ? DOC_LOADING : DOC_READY;
    d->title = "diff shop: rs-old -> rs-new";
    d->error = "not found: replicasets.apps \"rs-new\" not found";
    d->lines = lines;
    d->n = f == FIXTURE_EMPTY ? 0 : 4;
    d->at_ms = now;
    return d;
}

struct snap *fixture_new(enum fixture f)
{
    struct snap *s = snap_new(NULL);
    snap_set(s, SECTION_IDENT, ident(f));
    snap_set(s, SECTION_SOURCES, sources(f));
    if (f != FIXTURE_WAITING && f != FIXTURE_REFUSED) {
        snap_set(s, SECTION_WORKLOADS, workloads(f));
        snap_set(s, SECTION_EVENTS, events(f));
    }
    snap_set(s, SECTION_DOC, doc(f));
    return s;
}
