#include "tests/bench/play.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/text.h"
#include "core/judge/rollout.h"
#include "core/sim/kubelet.h"
#include "core/sim/traffic.h"

enum { START_S = 1767607200, SECOND = 1000, PROBE_MS = 5000, SCRAPE_MS = 15000, BEFORE_MS = 1800000, LATE_MS = 180000 };

struct counters {
    double all, failed, bucket[TRAFFIC_BUCKETS], count;
};

struct watch_naive { /* what the naive rules keep: a minute's counts, a baseline p95, failures in a row */
    struct counters minute_from, base_from;
    double base_p95;
    int failures;
};

struct service {
    struct sim_service *sv;
    char subject[96], name[96];
    const struct series *probe, *requests, *latency, *rollout, *deploy, *rows;
    struct counters last;
    int64_t scraped_ms;
    char tag[64];
    struct sample said; /* the rollout, last */
    double n_critical, n_rows;
    bool is_deployed;
    int64_t deployed_ms, crash_ms;
    struct watch_naive naive;
};

struct run {
    const struct play_options *o;
    struct played *out;
    struct world w;
    struct judge *j;
    struct series_set *set;
    const struct series *link, *conf;
    struct service s[PLAY_SERVICES];
    size_t n;
    bool is_up;
    int64_t down_ms;
    struct service *deployed;
};

/* ---- samples ---- */

static void put(struct run *r, struct sample *s)
{
    s->at_ms = r->w.now_ms;
    s->text = s->text ? s->text : "";
    if (r->o->put)
        r->o->put(r->o->ctx, s);
    judge_put(r->j, s);
}

static const struct series *series(struct run *r, enum sample_kind kind, const struct service *s, const char *name,
                                   const char *source)
{
    struct series like = { .kind = kind, .subject = s ? s->subject : "", .name = name, .source = source };
    if (kind == SAMPLE_LATENCY) {
        like.n_bounds = TRAFFIC_BUCKETS;
        for (size_t i = 0; i < TRAFFIC_BUCKETS; i++)
            like.bounds[i] = round(traffic_bounds[i] * 1e6) / 1e3;
    }
    return series_intern(r->set, &like);
}

static void put_probe(struct run *r, struct service *s)
{
    struct buf body = BUF_INIT(256 * 1024);
    bool is_ok = traffic_healthz(&r->w, s->sv, &body) == 200;
    buf_release(&body);
    struct sample p = { .series = s->probe, .n = 1, .v = { 12 }, .code = is_ok ? PROBE_OK : PROBE_BAD_STATUS };
    if (!is_ok)
        p.text = "HTTP 503";
    if (!r->is_up) {
        p.code = r->w.now_ms - r->down_ms < 10000 ? PROBE_TIMEOUT : PROBE_UNSEEN;
        p.text = "no answer within 2 s";
    }
    put(r, &p);
    s->naive.failures = p.code == PROBE_OK || p.code == PROBE_UNSEEN ? 0 : s->naive.failures + 1;
    if (s == r->deployed && s->naive.failures >= 3)
        r->out->naive.probes = true;
}

static void read_counters(const struct run *r, const struct service *s, struct counters *c)
{
    const struct traffic *t = traffic_of(&r->w, s->sv);
    *c = (struct counters){ 0 };
    for (size_t i = 0; i < t->n_flows; i++) { /* as /metrics says it, in whole numbers */
        const struct flow_numbers *f = &t->flows[i]->now;
        c->all += floor(f->code[FLOW_OK]) + floor(f->code[FLOW_ERROR]) + floor(f->code[FLOW_GONE]);
        c->failed += floor(f->code[FLOW_ERROR]) + floor(f->code[FLOW_GONE]);
        c->count += floor(f->count);
        for (size_t b = 0; b < TRAFFIC_BUCKETS; b++)
            c->bucket[b] += floor(f->bucket[b]);
    }
}

static double p95_of(const struct counters *from, const struct counters *to)
{
    double all = to->count - from->count, below = 0, low = 0;
    for (size_t b = 0; b < TRAFFIC_BUCKETS && all > 0; b++) {
        double upto = to->bucket[b] - from->bucket[b];
        if (upto >= 0.95 * all)
            return low + (traffic_bounds[b] - low) * (upto > below ? (0.95 * all - below) / (upto - below) : 1);
        below = upto;
        low = traffic_bounds[b];
    }
    return all > 0 ? low : NAN;
}

/* Minute by minute, a p95 against that of the half hour before. */
static void naive_minute(struct run *r, struct service *s, const struct counters *c)
{
    struct watch_naive *n = &s->naive;
    double all = c->all - n->minute_from.all, p95 = p95_of(&n->minute_from, c);
    if (s->is_deployed && all > 0) {
        r->out->naive.errors |= (c->failed - n->minute_from.failed) / all > 0.05;
        r->out->naive.latency |= p95 > 1.5 * n->base_p95;
    }
    if (!s->is_deployed)
        n->base_p95 = p95_of(&n->base_from, c);
    n->minute_from = *c;
}

static void put_counts(struct run *r, struct service *s, bool is_minute)
{
    struct counters c;
    int64_t span = s->scraped_ms == TIME_NONE ? 0 : r->w.now_ms - s->scraped_ms;
    struct sample p = { .series = s->requests, .n = 2, .span_ms = span };
    struct sample l = { .series = s->latency, .n = TRAFFIC_BUCKETS + 1, .span_ms = span };
    read_counters(r, s, &c);
    if (s->scraped_ms != TIME_NONE) {
        p.v[0] = c.all - s->last.all;
        p.v[1] = c.failed - s->last.failed;
        double below = 0;
        for (size_t b = 0; b <= TRAFFIC_BUCKETS; b++) {
            double upto = b == TRAFFIC_BUCKETS ? c.count - s->last.count : c.bucket[b] - s->last.bucket[b];
            l.v[b] = upto > below ? upto - below : 0;
            below = upto > below ? upto : below;
        }
        put(r, &p);
        put(r, &l);
        if (is_minute)
            naive_minute(r, s, &c);
    } else {
        s->naive.base_from = s->naive.minute_from = c;
    }
    s->last = c;
    s->scraped_ms = r->w.now_ms;
}

/* ---- rollouts ---- */

static void look_at_pods(struct run *r, struct service *s, const struct sim_object *of, struct sample *p)
{
    const struct sim_object *o;
    DL_FOREACH (of->children, o) {
        if (o->kind == SIM_REPLICASET)
            look_at_pods(r, s, o, p);
        const struct pod_state *pod = o->pod;
        if (o->kind != SIM_POD || !pod->version || !text_eq(pod->version->tag, s->tag) || pod->is_deleted)
            continue;
        bool is_bad = pod->has_ended || pod->stage == POD_PULL_BACKOFF || pod->stage == POD_MISCONFIGURED;
        p->v[ROLLOUT_RESTARTS] += (double)pod->restarts;
        p->v[ROLLOUT_CRASHED] += is_bad;
        if (is_bad && s->is_deployed && s->crash_ms == TIME_NONE)
            s->crash_ms = r->w.now_ms;
        if (pod->is_ready && !((double)pod->turned_ms <= p->v[ROLLOUT_READY_AT]))
            p->v[ROLLOUT_READY_AT] = (double)pod->turned_ms;
    }
}

static bool is_deadline_exceeded(const cJSON *doc)
{
    const cJSON *c;
    cJSON_ArrayForEach(c, tree_at(doc, "status.conditions"))
    {
        if (text_eq(tree_str(c, "reason"), "ProgressDeadlineExceeded"))
            return true;
    }
    return false;
}

static void look_at_rollout(struct run *r, struct service *s, struct sample *p)
{
    const struct sim_object *o = traffic_workload(&r->w, s->sv);
    struct arena a = { 0 };
    if (!o)
        return;
    bool is_daemon = s->sv->kind == SIM_DAEMONSET;
    struct rollout_facts f = {
        .kind = s->sv->kind == SIM_DAEMONSET     ? WORKLOAD_DAEMONSET
                : s->sv->kind == SIM_STATEFULSET ? WORKLOAD_STATEFULSET
                                                 : WORKLOAD_DEPLOYMENT,
        .name = s->sv->name,
        .generation = tree_int(o->doc, "metadata.generation", 0),
        .observed_generation = tree_int(o->doc, "status.observedGeneration", 0),
        .spec_replicas = tree_int(o->doc, "spec.replicas", 1),
        .replicas = tree_int(o->doc, "status.replicas", 0),
        .updated = tree_int(o->doc, is_daemon ? "status.updatedNumberScheduled" : "status.updatedReplicas", 0),
        .available = tree_int(o->doc, is_daemon ? "status.numberAvailable" : "status.availableReplicas", 0),
        .ready = tree_int(o->doc, is_daemon ? "status.numberReady" : "status.readyReplicas", 0),
        .desired_scheduled = tree_int(o->doc, "status.desiredNumberScheduled", 0),
        .is_deadline_exceeded = is_deadline_exceeded(o->doc),
        .progress_ms = TIME_NONE,
        .current_revision = tree_str(o->doc, "status.currentRevision"),
        .update_revision = tree_str(o->doc, "status.updateRevision"),
    };
    *p = (struct sample){ .series = s->rollout, .n = N_ROLLOUT_VALUES, .text = "" };
    p->code = rollout_judge(&f, TIME_NONE, &a).state;
    arena_release(&a);
    p->v[ROLLOUT_CRASHED_AT] = p->v[ROLLOUT_READY_AT] = NAN;
    p->v[ROLLOUT_READY] = (double)f.ready;
    p->v[ROLLOUT_DESIRED] = (double)(s->sv->kind == SIM_DAEMONSET ? f.desired_scheduled : f.spec_replicas);
    p->v[ROLLOUT_UPDATED] = (double)f.updated;
    look_at_pods(r, s, o, p);
    if (p->v[ROLLOUT_CRASHED] > 0)
        p->v[ROLLOUT_CRASHED_AT] = (double)s->crash_ms;
    p->text = p->v[ROLLOUT_CRASHED] > 0 ? "a container ends again and again" : "";
}

static void put_rollout(struct run *r, struct service *s, bool is_due)
{
    const struct sim_object *o = traffic_workload(&r->w, s->sv);
    struct sample p;
    const char *tag = o ? world_tag_of(tree_at(o->doc, "spec.template.spec")) : "";
    const char *before = s->tag[0] || !r->o->is_late ? s->tag : s->sv->tag;
    if (before[0] && !text_eq(before, tag)) {
        s->is_deployed = true;
        s->deployed_ms = r->o->is_late ? r->w.start_ms + 60000 : r->w.now_ms;
        r->deployed = s;
        struct sample d = { .series = s->deploy, .text = tag, .n = N_DEPLOY_VALUES,
                            .v = { (double)s->deployed_ms, 2 } };
        put(r, &d);
    }
    snprintf(s->tag, sizeof s->tag, "%.63s", tag);
    look_at_rollout(r, s, &p);
    bool is_new = p.code != s->said.code || memcmp(p.v, s->said.v, sizeof p.v) != 0;
    s->said = p;
    if (is_new || is_due)
        put(r, &p);
    if (is_due) {
        struct sample rows = { .series = s->rows, .n = 3, .v = { s->n_critical, 0, s->n_rows } };
        put(r, &rows);
    }
}

/* ---- the run ---- */

static void on_row(void *ctx, const struct error_row *row)
{
    struct run *r = ctx;
    for (size_t i = 0; i < r->n; i++) {
        if (!text_eq(r->s[i].sv->name, row->service) || !r->s[i].is_deployed)
            continue;
        r->s[i].n_rows++;
        r->s[i].n_critical += text_eq(row->spec->severity, "CRITICAL");
    }
}

static void on_link(void *ctx, bool is_up)
{
    struct run *r = ctx;
    r->is_up = is_up;
    r->down_ms = r->w.now_ms;
}

static void put_all(struct run *r)
{
    int64_t now = r->w.now_ms;
    for (size_t i = 0; i < r->n; i++) {
        if (r->is_up)
            put_rollout(r, &r->s[i], now % SCRAPE_MS == 0);
        if (r->is_up && (now + (int64_t)i * SECOND) % SCRAPE_MS == 0)
            put_counts(r, &r->s[i], (now + (int64_t)i * SECOND) % 60000 == 0);
        if ((now + (int64_t)i * SECOND) % PROBE_MS == 0)
            put_probe(r, &r->s[i]);
    }
    if (now % PROBE_MS || (!r->is_up && now - r->down_ms < 10000))
        return;
    struct sample link = { .series = r->link, .n = 1, .v = { r->is_up } };
    put(r, &link);
}

static void note(struct run *r)
{
    struct verdict *v = judge_verdict(r->j);
    const struct bake *b = r->deployed ? verdict_bake(v, r->deployed->subject) : NULL;
    if (b) {
        r->out->was[b->word] = true;
        r->out->last = b->word;
        if (!r->out->quarter && v->judged_ms - b->deployed_ms >= 900000)
            r->out->quarter = b->word;
        r->out->word = b->window_word;
        if (r->out->rollback_ms == TIME_NONE || b->word == VERDICT_ROLLBACK || b->window_word)
            r->out->decides = b->decides;
        if (b->first_rollback_ms != TIME_NONE && r->out->rollback_ms == TIME_NONE) {
            r->out->rollback_ms = b->first_rollback_ms - b->deployed_ms;
            r->out->decides = b->decides;
            snprintf(r->out->rule, sizeof r->out->rule, "%s", b->rule);
        } else if (r->out->rollback_ms == TIME_NONE) {
            snprintf(r->out->rule, sizeof r->out->rule, "%s", b->rule);
        }
    }
    section_unref(&v->section);
}

static void begin(struct run *r)
{
    for (size_t i = 0; i < r->w.story.n_services && i < PLAY_SERVICES; i++) {
        struct service *s = &r->s[r->n++];
        s->sv = &r->w.story.services[i];
        s->scraped_ms = s->crash_ms = TIME_NONE;
        snprintf(s->subject, sizeof s->subject, "%s.apps/%.30s/%.40s", sim_kinds[s->sv->kind].one, r->w.story.ns,
                 s->sv->name);
        snprintf(s->name, sizeof s->name, "%.40s:8080/healthz", s->sv->name);
        s->probe = series(r, SAMPLE_PROBE, s, s->name, "probe");
        s->requests = series(r, SAMPLE_REQUESTS, s, "", "metrics");
        s->latency = series(r, SAMPLE_LATENCY, s, "", "metrics");
        s->rollout = series(r, SAMPLE_ROLLOUT, s, "", "kubernetes");
        s->deploy = series(r, SAMPLE_DEPLOY, s, "", "kubernetes");
        s->rows = series(r, SAMPLE_ROWS, s, "", "errors");
    }
    r->link = series(r, SAMPLE_LINK, NULL, "", "kubernetes");
    r->conf = series(r, SAMPLE_CONF, NULL, "thresholds", "config");
    struct sample conf = { .series = r->conf, .n = N_CONF_VALUES };
    sample_conf_defaults(conf.v);
    conf.v[CONF_REQUIRED] = (1u << N_TRIGGERS) - 1 - (1u << TRIGGER_ROWS);
    put(r, &conf);
}

bool play(const struct play_options *o, struct played *out)
{
    struct story story;
    struct run r = { .o = o, .out = out, .is_up = true };
    struct world_hooks hooks = { .on_row = on_row, .on_link = on_link, .ctx = &r };
    int64_t start = (int64_t)START_S * 1000;
    if (story_parse(o->story, story_embedded(NULL, o->story), story_embedded, NULL, &story, NULL))
        return false;
    if (o->has_noise) {
        story_noise_usual(&story.noise);
        story.noise.rps_least = o->rps_most ? o->rps_least : story.noise.rps_least;
        story.noise.rps_most = o->rps_most ? o->rps_most : story.noise.rps_most;
    }
    *out = (struct played){ .rollback_ms = TIME_NONE, .crash_ms = TIME_NONE };
    r.j = judge_new();
    r.set = series_set_new();
    world_init(&r.w, &story, o->seed, start, &hooks, NULL);
    begin(&r);
    for (int64_t at = start - BEFORE_MS + SECOND; at <= start + PLAY_MINUTES * 60000 && !out->word; at += SECOND) {
        while (!world_run(&r.w, at, 1000000))
            ;
        if (!o->is_late || at > start + LATE_MS)
            put_all(&r);
        if (r.deployed && at % JUDGE_TICK_MS == SECOND) { /* the tick of a second ago is done */
            judge_run(r.j, at);
            note(&r);
        }
    }
    if (r.deployed && r.deployed->crash_ms != TIME_NONE)
        out->crash_ms = r.deployed->crash_ms - r.deployed->deployed_ms;
    world_release(&r.w);
    judge_free(r.j);
    series_set_free(r.set);
    return true;
}
