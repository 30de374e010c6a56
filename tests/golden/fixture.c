#include "tests/golden/fixture.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

#include "core/model/doc.h"
#include "core/model/errors.h"
#include "core/model/plan.h"

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
    w->app = "";
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
    id->armed_until_io_ms = TIME_NONE;
    id->write_ban = "";
    id->read_only = true;
    id->namespaces = one;
    id->n_namespaces = 1;
    return id;
}

static struct sources *sources(enum fixture f)
{
    struct sources *s = section_new(sizeof *s, NULL);
    bool is_old = f == FIXTURE_STALE, is_refused = f == FIXTURE_REFUSED, is_waiting = f == FIXTURE_WAITING;
    s->n = 4;
    s->rows = arena_alloc(&s->section.arena, 4 * sizeof *s->rows);
    enum source_state st = is_refused ? SOURCE_FAILED : is_old ? SOURCE_STALE : is_waiting ? SOURCE_WAITING : SOURCE_LIVE;
    for (size_t i = 0; i < s->n; i++)
        s->rows[i] = (struct source_health){
            .name = i == 0 ? "api" : i == 1 ? "pods shop" : i == 2 ? "metrics" : "errors", .state = st, .since_ms = now - 11000,
            .proved_ms = is_refused || is_waiting ? TIME_NONE : now - 12000, .retry_ms = is_old ? now + 2000 : TIME_NONE,
            .cause = is_refused || is_old ? "refused" : "",
            .text = is_refused || is_old ? "Failed to connect to 10.0.0.1 port 6443: Connection refused" : "",
            .objects = i == 1 ? 6 : -1, .audit_ms = i == 1 ? 52000 : 0 };
    if (f == FIXTURE_FORBIDDEN) {
        s->rows[3] = (struct source_health){ .name = "errors", .state = SOURCE_UNSET, .since_ms = now, .proved_ms = TIME_NONE,
                                             .retry_ms = TIME_NONE, .objects = -1, .text = "set errors.db in the config" };
        s->rows[1].state = SOURCE_FORBIDDEN;
        s->rows[1].text = "forbidden: User \"me\" cannot list resource \"pods\"";
    }
    s->worst = st;
    s->lost_ms = is_old || is_refused ? now - 11000 : TIME_NONE;
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

static void error(struct errors *es, int64_t id, enum severity s, const char *service, const char *code,
                  const char *message, int64_t ago_s, bool is_open, size_t group)
{
    static const enum error_due dues[] = { DUE_RESPONSE, DUE_INVESTIGATION, DUE_INVESTIGATION, DUE_INVESTIGATION, DUE_INVESTIGATION };
    struct error_row *r = error_row_new();
    struct error_item *it = &es->items[es->n++];
    r->id = id;
    r->severity = s;
    r->severity_text = s == SEVERITY_OTHER ? "weird" : severity_name(s);
    r->category = s == SEVERITY_CRITICAL ? CATEGORY_NETWORK : CATEGORY_CONFIGURATION;
    r->service = service;
    r->environment = "prod";
    r->stage = "verify";
    r->code = code;
    r->message = message;
    r->local_ms = now - ago_s * 1000;
    if (!is_open) {
        r->nulls &= ~(1u << COLUMN_RESOLVED_AT);
        r->resolved_local_ms = now - 60000;
        r->resolved_by = "bob@bastion-1";
    }
    *it = (struct error_item){ .row = r, .at_ms = r->local_ms, .resolved_ms = r->resolved_local_ms,
                               .due = is_open ? dues[s] : DUE_NOTHING, .workload = "", .group = group,
                               .due_ms = is_open ? r->local_ms + (s == SEVERITY_CRITICAL ? 300000 : 3600000) : TIME_NONE };
    if (text_eq(service, "policy-api"))
        it->workload = "deployment.apps/shop/policy-api";
}

static struct errors *errors(enum fixture f)
{
    static const char *const notices[] = { "the server's clock is 12s ahead of ours" };
    static struct error_open open[] = { { "deployment.apps/shop/policy-api", { 2, 1, 0, 0, 0 } } };
    static const int64_t deploys[] = { (int64_t)FIXTURE_NOW_S * 1000 - 720000 };
    static struct error_done steps[N_STEPS];
    static char giant[256 * 1024];
    struct errors *es = errors_new(8);
    for (int i = 0; i < N_STEPS; i++)
        steps[i] = (struct error_done){ .at_ms = TIME_NONE, .by = "", .note = "" };
    steps[STEP_ACKNOWLEDGED] = (struct error_done){ now - 30000, "ann@bastion-1", "", true };
    es->is_synced = true;
    es->source = "postgresql ops@db-1:5432/ops";
    es->zone_text = "UTC (config)";
    es->skew_ms = TIME_NONE;
    es->minutes_from_ms = now - 59 * 60000;
    if (f == FIXTURE_EMPTY)
        return es;
    struct error_group *g = es->groups = arena_alloc(&es->section.arena, 2 * sizeof *g);
    es->n_groups = 2;
    g[0] = (struct error_group){ .id = "00000000000000a1", .fingerprint = 0xa1, .service = "policy-api", .code = "NET-104",
                                 .message = "connection refused to <addr>", .workload = "deployment.apps/shop/policy-api",
                                 .severity = SEVERITY_CRITICAL, .category = CATEGORY_NETWORK, .count = 12, .n_open = 2,
                                 .first_ms = now - 600000, .last_ms = now - 20000, .per_minute = 2.4, .novelty = NOVELTY_NEW,
                                 .deployed_ms = now - 720000, .after = 12 };
    g[1] = (struct error_group){ .id = "00000000000000a2", .fingerprint = 0xa2, .service = "scrapers", .code = "CFG-7",
                                 .message = "missing environment variable <str>", .workload = "", .severity = SEVERITY_HIGH,
                                 .category = CATEGORY_CONFIGURATION, .count = 3, .n_open = 1, .first_ms = now - 86000000,
                                 .last_ms = now - 200000, .per_minute = 0.2, .novelty = NOVELTY_KNOWN, .deployed_ms = TIME_NONE };
    if (f == FIXTURE_HOSTILE) {
        memset(giant, 'y', sizeof giant - 1);
        memcpy(giant, "\033]52;c;cHduZWQ=\a\033[2J", 21);
        error(es, 9, SEVERITY_CRITICAL, "\033[31mred\u202Egpj.exe", "\xc2\x9b" "1m", giant, 20, true, 0);
        error(es, 8, SEVERITY_OTHER, "\u4e2d\u6587\u670d\u52a1", "\xff\xc0\xaf", "tab\tbell\a\u200b\u200d cr\r lf\n", 40, true, 1);
        return es;
    }
    bool bad = f != FIXTURE_CALM;
    error(es, 7, SEVERITY_CRITICAL, "policy-api", "NET-104", "connection refused to 10.0.3.17:5432 after 3 tries", 20, bad, 0);
    error(es, 6, SEVERITY_CRITICAL, "policy-api", "NET-104", "connection refused to 10.0.3.18:5432 after 3 tries", 400, bad, 0);
    error(es, 5, SEVERITY_HIGH, "scrapers", "CFG-7", "missing environment variable \"DATABASE_URL\"", 200, bad, 1);
    error(es, 4, SEVERITY_LOW, "mystery", "", "retrying", 3000, false, SIZE_MAX);
    es->items[0].steps = steps;
    es->total = 5000;
    es->n_open[SEVERITY_CRITICAL] = bad ? 2 : 0;
    es->n_open[SEVERITY_HIGH] = bad;
    es->by_workload = open;
    es->n_by_workload = bad;
    es->deploys_ms = deploys;
    es->n_deploys = 1;
    es->notices = notices;
    es->n_notices = bad;
    for (int i = 0; i < 12; i++)
        es->minutes[ERROR_MINUTES - 1 - i][i % 3 ? SEVERITY_HIGH : SEVERITY_CRITICAL] = bad ? (uint32_t)(13 - i) : 0;
    return es;
}

static struct plan *plan(enum fixture f)
{
    static const struct plan_line lines[] = {
        { PLAN_PLAIN, "CRITICAL NET-104  connection refused to 10.0.3.17:5432 after 3 tries" },
        { PLAN_BEFORE, "resolved_at: NULL" }, { PLAN_AFTER, "resolved_by: ann@bastion-1" },
        { PLAN_AFTER, "resolution_notes: \033[31mred\u202E and \t tab" }, { PLAN_WARNING, "the zone is not certain" } };
    static const enum plan_state states[] = { [FIXTURE_EMPTY] = PLAN_MAKING,   [FIXTURE_WAITING] = PLAN_RUNNING,
                                              [FIXTURE_CALM] = PLAN_READY,     [FIXTURE_TROUBLE] = PLAN_READY,
                                              [FIXTURE_STALE] = PLAN_UNKNOWN,  [FIXTURE_FORBIDDEN] = PLAN_REFUSED,
                                              [FIXTURE_REFUSED] = PLAN_FAILED, [FIXTURE_HOSTILE] = PLAN_DONE };
    struct plan *p = section_new(sizeof *p, NULL);
    p->request = 1;
    p->state = states[f];
    p->verb = "resolve";
    p->target = "error 7 of policy-api";
    p->word = f == FIXTURE_TROUBLE ? "policy-api" : "";
    p->lines = lines;
    p->n_lines = ARRAY_LEN(lines);
    p->text = f == FIXTURE_FORBIDDEN ? "resolved by bob@bastion-1 at 2026-11-24T10:00:00Z" : "";
    return p;
}

struct snap *fixture_new(enum fixture f)
{
    struct snap *s = snap_new(NULL);
    snap_set(s, SECTION_IDENT, ident(f));
    snap_set(s, SECTION_SOURCES, sources(f));
    if (f != FIXTURE_WAITING && f != FIXTURE_REFUSED) {
        snap_set(s, SECTION_WORKLOADS, workloads(f));
        snap_set(s, SECTION_EVENTS, events(f));
        snap_set(s, SECTION_VERDICT, fixture_verdict(f));
        snap_set(s, SECTION_TRACKS, fixture_tracks(f));
    }
    if (f != FIXTURE_WAITING && f != FIXTURE_REFUSED && f != FIXTURE_FORBIDDEN)
        snap_set(s, SECTION_ERRORS, errors(f));
    snap_set(s, SECTION_DOC, doc(f));
    snap_set(s, SECTION_PLAN, plan(f));
    return s;
}
