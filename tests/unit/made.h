/* tests/unit/made.h - snapshots of a made-up platform, for tests and figures of the history: n workloads with pods,
 * windows, courses, events, errors and sources, all of which move with the time they are made for. */
#ifndef UNIT_MADE_H
#define UNIT_MADE_H

#include <math.h>

#include "core/base/clock.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/verdict.h"
#include "core/model/workload.h"

static uint64_t made_seed = 88172645463325252u;
static inline double made_random(void) /* [0, 1) */
{
    made_seed ^= made_seed << 13, made_seed ^= made_seed >> 7, made_seed ^= made_seed << 17;
    return (double)(made_seed >> 11) / 9007199254740992.0;
}

/* Lognormal about `median`, in whole microseconds as curl measures. */
static inline double made_ms(double median)
{
    double u = made_random() + 1e-12, v = made_random();
    return floor(median * exp(0.5 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)) * 1000) / 1000;
}

static inline struct pod *made_pod(const char *ns, const char *of, int i, bool is_bad, int64_t now_ms)
{
    struct pod *p = pod_new();
    struct arena *a = &p->arena;
    p->ns = arena_strdup(a, ns);
    p->hash = "7d9f8b6c5d";
    p->name = arena_printf(a, "%s-%s-%05x", of, p->hash, i * 7919);
    p->uid = arena_printf(a, "%08x-0000-4000-8000-%012x", i * 40503, i * 7 + 1);
    p->node = arena_printf(a, "ip-10-0-%d-%d.eu-central-1.compute.internal", i % 8, i * 13 % 256);
    p->phase = "Running";
    p->status = is_bad ? "CrashLoopBackOff" : "Running";
    p->problem = is_bad ? "CrashLoopBackOff: exit 1, back-off 40s" : "";
    p->problem_key = is_bad ? "CrashLoopBackOff" : "";
    p->health = is_bad ? HEALTH_FAIL : HEALTH_OK;
    p->created_ms = now_ms - 3600000;
    p->ready_since_ms = now_ms - 3500000;
    p->is_ready = !is_bad;
    p->ready_containers = !is_bad;
    p->n_app_containers = p->n_containers = 1;
    p->restarts = is_bad ? 3 : 0;
    p->containers = arena_alloc(a, sizeof *p->containers);
    p->containers[0] = (struct container){ .name = "app",
                                           .image = "registry.example.net/shop/app:2.15.0",
                                           .reason = "",
                                           .message = "",
                                           .last_reason = is_bad ? "Error" : "",
                                           .state = CONTAINER_RUNNING,
                                           .is_ready = !is_bad,
                                           .since_ms = now_ms - 3500000,
                                           .last_finished_ms = TIME_NONE };
    return p;
}

static inline struct workload *made_workload(int i, int n_pods, bool is_bad, int64_t began_ms)
{
    struct workload *w = workload_new();
    struct arena *a = &w->arena;
    w->ns = "shop";
    w->name = arena_printf(a, "service-%03d", i);
    w->uid = arena_printf(a, "aaaaaaaa-0000-4000-8000-%012d", i);
    w->id = arena_printf(a, "deployment.apps/shop/service-%03d", i);
    w->created_ms = began_ms - 86400000;
    w->generation = w->observed_generation = 7;
    w->desired = w->updated = w->replicas = n_pods;
    w->ready = w->available = n_pods - is_bad;
    w->revision = 7;
    w->image = "registry.example.net/shop/app:2.15.0";
    w->image_tag = "2.15.0";
    w->deployed_ms = began_ms;
    w->restarts = is_bad ? 3 : 0;
    w->rollout = (struct rollout){ is_bad ? ROLLOUT_PROGRESSING : ROLLOUT_COMPLETE,
                                   is_bad ? "waiting for 1 of 5 updated replicas" : "successfully rolled out" };
    w->health = is_bad ? HEALTH_FAIL : HEALTH_OK;
    w->problem = is_bad ? "1 pod CrashLoopBackOff" : "";
    w->services = w->name;
    w->owner = "Helm shop";
    w->app = w->name;
    w->revisions = arena_alloc(a, 2 * sizeof *w->revisions);
    for (; w->n_revisions < 2; w->n_revisions++)
        w->revisions[w->n_revisions] =
            (struct revision){ .number = 7 - (int64_t)w->n_revisions,
                               .name = arena_printf(a, "%s-%zu", w->name, w->n_revisions),
                               .uid = arena_printf(a, "bbbbbbbb-%zu-%d", w->n_revisions, i),
                               .hash = "7d9f8b6c5d",
                               .images = w->image,
                               .cause = "",
                               .created_ms = began_ms,
                               .desired = n_pods,
                               .ready = n_pods,
                               .is_current = !w->n_revisions };
    w->pods = arena_alloc(a, ((size_t)n_pods + 1) * sizeof *w->pods);
    for (int p = 0; p < n_pods; p++)
        w->pods[w->n_pods++] = made_pod(w->ns, w->name, i * 1000 + p, is_bad && !p, began_ms + 3600000);
    return w;
}

/* bad: the one that is broken; -1 = none. */
static inline struct workloads *made_workloads(int n, int n_pods, int bad, int64_t began_ms)
{
    struct workloads *ws = workloads_new((size_t)n);
    for (int i = 0; i < n; i++) {
        struct workload *w = ws->items[ws->n++] = made_workload(i, n_pods, i == bad, began_ms);
        w->total = (struct usage){ (int64_t)(made_random() * 1000), (int64_t)(2e8 + made_random() * 1e7) };
        ws->n_health[w->health]++;
        ws->n_pods += n_pods;
    }
    ws->is_synced = true;
    return ws;
}

static inline struct events *made_events(int64_t now_ms, int64_t every_ms, size_t n)
{
    struct events *evs = events_new(n);
    for (int64_t at = now_ms / every_ms * every_ms; evs->n < n; at -= every_ms) {
        struct event *ev = evs->items[evs->n++] = event_new();
        int i = (int)(at / every_ms % 20);
        ev->ns = "shop";
        ev->uid = arena_printf(&ev->arena, "cccccccc-%lld", (long long)at);
        ev->name = arena_printf(&ev->arena, "service-%03d.17%llx", i, (long long)at);
        ev->object_kind = "Deployment";
        ev->object_name = arena_printf(&ev->arena, "service-%03d", i);
        ev->object_uid = arena_printf(&ev->arena, "aaaaaaaa-0000-4000-8000-%012d", i);
        ev->reason = "ScalingReplicaSet";
        ev->message = "Scaled up replica set service-7d9f8b6c5d to 3 from 2";
        ev->from = "deployment-controller";
        ev->count = 1;
        ev->first_ms = ev->last_ms = at;
    }
    return evs;
}

static inline struct errors *made_errors(int64_t now_ms, int64_t every_ms, size_t n)
{
    struct errors *es = errors_new(n);
    struct arena *a = &es->section.arena;
    for (int64_t at = now_ms / every_ms * every_ms; es->n < n; at -= every_ms) {
        struct error_item *it = &es->items[es->n++];
        struct error_row *r = it->row = error_row_new();
        r->id = at / every_ms;
        r->local_ms = it->at_ms = at;
        it->resolved_ms = it->due_ms = TIME_NONE;
        r->service = arena_printf(&r->arena, "service-%03d", (int)(r->id % 20));
        r->code = "PAYMENT_TIMEOUT";
        r->severity_text = "HIGH";
        r->severity = SEVERITY_HIGH;
        r->message =
            arena_printf(&r->arena, "payment %lld was not confirmed by the provider within 30 s", (long long)r->id);
        r->fingerprint = (uint64_t)(r->id % 20) + 1;
        it->workload = arena_printf(a, "deployment.apps/shop/service-%03d", (int)(r->id % 20));
    }
    es->groups = arena_alloc(a, 20 * sizeof *es->groups);
    for (; es->n_groups < 20; es->n_groups++)
        es->groups[es->n_groups] =
            (struct error_group){ .fingerprint = es->n_groups + 1,
                                  .id = arena_printf(a, "%016zx", es->n_groups + 1),
                                  .service = arena_printf(a, "service-%03zu", es->n_groups),
                                  .code = "PAYMENT_TIMEOUT",
                                  .message = "payment # was not confirmed by the provider within # s",
                                  .severity = SEVERITY_HIGH,
                                  .workload = arena_printf(a, "deployment.apps/shop/service-%03zu", es->n_groups),
                                  .count = now_ms / every_ms,
                                  .n_open = 10,
                                  .first_ms = now_ms - 3600000,
                                  .last_ms = now_ms / every_ms * every_ms,
                                  .per_minute = 1,
                                  .deployed_ms = TIME_NONE };
    es->is_synced = true;
    es->total = now_ms / every_ms;
    es->minutes_from_ms = now_ms / 60000 * 60000;
    es->zone_text = "UTC (config)";
    es->source = "postgresql ops@db-1:5432/ops";
    return es;
}

static inline struct sources *made_sources(int64_t now_ms)
{
    static const char *const names[] = { "api",       "deployments shop", "replicasets shop",
                                         "pods shop", "events shop",      "metrics",
                                         "probe",     "prometheus",       "errors",
                                         "history" };
    struct sources *s = section_new(sizeof *s, NULL);
    s->rows = arena_alloc(&s->section.arena, ARRAY_LEN(names) * sizeof *s->rows);
    for (; s->n < ARRAY_LEN(names); s->n++)
        s->rows[s->n] = (struct source_health){ .name = names[s->n],
                                                .state = SOURCE_LIVE,
                                                .since_ms = now_ms / 86400000 * 86400000,
                                                .proved_ms = now_ms - (int64_t)(made_random() * 5000),
                                                .retry_ms = TIME_NONE,
                                                .text = "",
                                                .objects = 200,
                                                .audit_ms = 60000,
                                                .requests_per_s = made_random() };
    s->worst = SOURCE_LIVE;
    s->oldest_proof_ms = now_ms - 5000;
    s->lost_ms = TIME_NONE;
    s->requests_per_s = 3;
    s->bytes_in = (uint64_t)now_ms;
    return s;
}

static inline void made_trigger(struct arena *a, struct trigger *t, enum trigger_kind kind, int64_t now_ms,
                                int64_t began_ms)
{
    int64_t n = 300 + (int64_t)(made_random() * 200), failed = (int64_t)(made_random() * 9);
    *t = (struct trigger){ .kind = kind,
                           .state = TRIGGER_OK,
                           .is_required = true,
                           .source = "prometheus",
                           .since_ms = began_ms,
                           .sampled_ms = now_ms - 2000,
                           .n = n,
                           .count = failed,
                           .limit = 34,
                           .value = (double)failed / (double)n,
                           .baseline = 0.01,
                           .threshold = 0.05,
                           .coverage = 0.99 + made_random() / 100 };
    t->rule = arena_printf(a, "errors %.1f %% <= 5 %% (%lld of %lld in 2 min), 0 of 2", t->value * 100,
                           (long long)failed, (long long)n);
    struct evidence *ev = arena_alloc(a, 6 * sizeof *ev);
    ev[0] =
        (struct evidence){ "failed", arena_printf(a, "%lld of %lld in 2 min", (long long)failed, (long long)n) };
    ev[1] = (struct evidence){ "lower bound", arena_printf(a, "%.2f %%", t->value * 80) };
    ev[2] = (struct evidence){ "baseline", "9 of 900 in 30 min before the deploy" };
    ev[3] = (struct evidence){ "Fisher", arena_printf(a, "p = %.4f", made_random()) };
    ev[4] = (struct evidence){ "coverage", arena_printf(a, "%.1f %% of the window", t->coverage * 100) };
    ev[5] = (struct evidence){ "source", "prometheus http://prometheus.monitoring:9090" };
    t->evidence = ev;
    t->n_evidence = 6;
}

static inline struct verdict *made_verdict(int n, int64_t now_ms, int64_t began_ms)
{
    struct verdict *v = section_new(sizeof *v, NULL);
    struct arena *a = &v->section.arena;
    v->bakes = arena_alloc(a, (size_t)n * sizeof *v->bakes);
    for (int i = 0; i < n; i++) {
        struct bake *b = &v->bakes[v->n_bakes++];
        bool is_over = now_ms >= began_ms + 1800000;
        *b = (struct bake){ .subject = arena_printf(a, "deployment.apps/shop/service-%03d", i),
                            .name = arena_printf(a, "shop/service-%03d", i),
                            .what = "2.15.0",
                            .revision = 7,
                            .deployed_ms = began_ms,
                            .window_end_ms = began_ms + 1800000,
                            .extended_end_ms = began_ms + 86400000,
                            .phase = is_over ? BAKE_EXTENDED : BAKE_IMMEDIATE,
                            .word = VERDICT_PASS,
                            .window_word = is_over ? VERDICT_PASS : VERDICT_NONE,
                            .word_since_ms = began_ms,
                            .first_rollback_ms = TIME_NONE,
                            .rule = "all triggers OK",
                            .baseline_from_ms = began_ms - 1800000,
                            .baseline_to_ms = began_ms,
                            .baseline_n = 900,
                            .baseline_p95_ms = 120.5,
                            .baseline_error_share = 0.01,
                            .baseline_source = "prometheus" };
        for (int t = 0; t < N_TRIGGERS; t++)
            made_trigger(a, &b->triggers[t], (enum trigger_kind)t, now_ms, began_ms);
    }
    struct mark *marks = arena_alloc(a, 2 * sizeof *marks);
    marks[0] = (struct mark){
        .kind = MARK_DEPLOY, .at_ms = began_ms, .until_ms = TIME_NONE, .subject = "", .text = "2.15.0"
    };
    marks[1] = (struct mark){
        .kind = MARK_OPERATOR, .at_ms = began_ms + 60000, .until_ms = TIME_NONE, .subject = "", .text = "canary"
    };
    v->marks = marks;
    v->n_marks = now_ms >= began_ms + 60000 ? 2 : 1;
    v->word = VERDICT_PASS;
    v->is_so_far = true;
    v->rule = "all triggers of 200 workloads OK";
    v->lacks = "";
    v->judged_ms = now_ms;
    v->observer_lost_ms = TIME_NONE;
    return v;
}

static inline struct tracks *made_tracks(int n, int64_t now_ms, int64_t began_ms)
{
    struct tracks *t = section_new(sizeof *t, NULL);
    struct arena *a = &t->section.arena;
    t->step_ms = TRACK_STEP_MS;
    t->n_points = TRACK_POINTS;
    t->error_limit = 0.05;
    t->from_ms = now_ms / TRACK_STEP_MS * TRACK_STEP_MS - (TRACK_POINTS - 1) * TRACK_STEP_MS;
    t->items = arena_alloc(a, (size_t)n * sizeof *t->items);
    for (int i = 0; i < n; i++) {
        float *all = arena_alloc(a, 5 * TRACK_POINTS * sizeof *all);
        for (int p = 0; p < TRACK_POINTS; p++) { /* each point is the same whenever it is made */
            int64_t at = t->from_ms / TRACK_STEP_MS + p;
            for (int c = 0; c < 5; c++)
                all[c * TRACK_POINTS + p] =
                    (float)((double)((uint64_t)(at * 2654435761 + i * 40503 + c * 97) % 100003) / 977.0);
        }
        t->items[t->n++] = (struct track){ .subject = arena_printf(a, "deployment.apps/shop/service-%03d", i),
                                           .p95_ms = all,
                                           .error_share = all + TRACK_POINTS,
                                           .requests_per_s = all + 2 * TRACK_POINTS,
                                           .cpu_millis = all + 3 * TRACK_POINTS,
                                           .probe_ms = all + 4 * TRACK_POINTS,
                                           .band_low_ms = 80,
                                           .band_high_ms = 140,
                                           .limit_ms = 180.75,
                                           .deployed_ms = began_ms };
    }
    return t;
}

/* All of it. */
static inline struct snap *made_snap(int n, int n_pods, int bad, int64_t now_ms, int64_t began_ms)
{
    struct snap *s = snap_new(NULL);
    snap_set(s, SECTION_WORKLOADS, made_workloads(n, n_pods, bad, began_ms));
    snap_set(s, SECTION_EVENTS, made_events(now_ms, 10000, 400));
    snap_set(s, SECTION_ERRORS, made_errors(now_ms, 60000, 600));
    snap_set(s, SECTION_SOURCES, made_sources(now_ms));
    snap_set(s, SECTION_VERDICT, made_verdict(n, now_ms, began_ms));
    snap_set(s, SECTION_TRACKS, made_tracks(n, now_ms, began_ms));
    return s;
}

#endif
