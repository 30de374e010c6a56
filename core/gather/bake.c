/*
 * What is seen (workloads, rows) is no stream: of it a sample is made when it changes, and each
 * HEARTBEAT_MS again, because silence must mean that nobody looked.  Times are the story's; timers run by
 * real time, faster by the story's pace.
 */
#include "core/gather/bake.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/judge/judge.h"

enum { HEARTBEAT_MS = 15000, USAGE_GAP_MS = 120000, LEAST_TICK_MS = 200, PAST_MS = 24 * 3600000 };

struct seen { /* what was said of a workload last */
    char *id;
    struct workload *w;  /* as it was looked at last: what is the same one has not changed; a reference, NULL */
    int64_t deployed_ms; /* of its template; a server says it in seconds: two may have the same */
    char what[64];       /* its image */
    int64_t since_ms;    /* its window's begin: that, or by hand */
    bool is_by_hand;
    int64_t said_ms, usage_ms, rows_ms;
    double rollout[N_ROLLOUT_VALUES], crashed_at_ms;
    double rows[3], count[3]; /* as in SAMPLE_ROWS: said, and counted since */
    enum rollout_state state;
    uint64_t look;
    char problem[SAMPLE_TEXT];
    UT_hash_handle hh;
};

struct gather_bake {
    struct gather_bake_spec spec;
    struct judge *judge;
    struct series_set *series;
    struct sample_sink sink;
    struct loop_timer tick;
    struct seen *seen;
    struct seen **order; /* of the last look: the workloads of most looks stand in the same places */
    size_t n_order;
    bool has_begun;
    unsigned required;
    int64_t at_ms;             /* of the newest sample or tick: time does not go back */
    uint64_t version;          /* that was told of */
    uint64_t errors_version, looks;
};

static int64_t now_of(struct gather_bake *b)
{
    int64_t now = clock_story_ms();
    return b->at_ms = now > b->at_ms ? now : b->at_ms;
}

static void tell(struct gather_bake *b)
{
    uint64_t version = judge_version(b->judge);
    if (version == b->version)
        return;
    b->version = version;
    b->spec.on_verdict(b->spec.ctx);
}

static void put(void *ctx, struct sample *s)
{
    struct gather_bake *b = ctx;
    if (!b->has_begun)
        return;
    s->at_ms = now_of(b);
    if (b->spec.on_sample)
        b->spec.on_sample(b->spec.ctx, s);
    judge_put(b->judge, s);
}

static const struct series *series_of(struct gather_bake *b, enum sample_kind kind, const char *subject, const char *name,
                                      const char *source)
{
    return series_intern(b->series, &(struct series){ .kind = kind, .subject = subject, .name = name, .source = source });
}

static void put_conf(struct gather_bake *b)
{
    struct sample s = { .series = series_of(b, SAMPLE_CONF, "", "thresholds", "config"), .n = N_CONF_VALUES, .text = "" };
    memcpy(s.v, b->spec.conf, sizeof b->spec.conf);
    s.v[CONF_REQUIRED] = b->required;
    put(b, &s);
}

static void put_deploy(struct gather_bake *b, const char *subject, const char *what, int64_t revision, int64_t at_ms, bool by_hand)
{
    struct sample s = { .series = series_of(b, SAMPLE_DEPLOY, subject, "", by_hand ? "operator" : "kubernetes"),
                        .n = N_DEPLOY_VALUES, .text = what };
    s.v[DEPLOY_AT] = (double)at_ms;
    s.v[DEPLOY_REVISION] = (double)revision;
    s.v[DEPLOY_BY_HAND] = by_hand;
    put(b, &s);
}

/* ---- workloads ---- */

static const struct revision *current(const struct workload *w)
{
    for (size_t i = 0; i < w->n_revisions; i++) {
        if (w->revisions[i].is_current)
            return &w->revisions[i];
    }
    return NULL;
}

/* Of the template that is in force: it died, or it can not start. */
static bool is_crashed(const struct workload *w, const struct revision *r, const struct pod *p)
{
    if (r && r->hash[0] && !text_eq(p->hash, r->hash))
        return false;
    if (p->health == HEALTH_FAIL)
        return true;
    for (size_t i = 0; i < p->n_containers; i++) {
        const struct container *c = &p->containers[i];
        bool is_since = w->deployed_ms == TIME_NONE || c->last_finished_ms == TIME_NONE || c->last_finished_ms >= w->deployed_ms;
        if (c->restarts > 0 && is_since && c->last_reason[0] && !text_eq(c->last_reason, "Completed"))
            return true;
    }
    return false;
}

static void rollout_of(const struct workload *w, struct seen *seen, int64_t now_ms, double v[N_ROLLOUT_VALUES])
{
    const struct revision *r = current(w);
    int64_t crashed = 0, ready_ms = TIME_NONE;
    for (size_t i = 0; i < w->n_pods; i++) {
        crashed += is_crashed(w, r, w->pods[i]);
        if (w->pods[i]->is_ready && w->pods[i]->ready_since_ms > ready_ms)
            ready_ms = w->pods[i]->ready_since_ms;
    }
    if (crashed && isnan(seen->crashed_at_ms))
        seen->crashed_at_ms = (double)now_ms;
    v[ROLLOUT_READY] = (double)w->ready;
    v[ROLLOUT_DESIRED] = (double)w->desired;
    v[ROLLOUT_UPDATED] = (double)w->updated;
    v[ROLLOUT_CRASHED] = w->pods_unknown ? NAN : (double)crashed;
    v[ROLLOUT_CRASHED_AT] = seen->crashed_at_ms;
    v[ROLLOUT_READY_AT] = ready_ms == TIME_NONE ? NAN : (double)ready_ms;
    v[ROLLOUT_RESTARTS] = (double)w->restarts;
}

static struct seen *seen_of(struct gather_bake *b, const char *id)
{
    struct seen *s;
    HASH_FIND_STR(b->seen, id, s);
    if (s)
        return s;
    s = x_calloc(1, sizeof *s);
    s->id = x_strdup(id);
    s->deployed_ms = s->since_ms = s->said_ms = s->usage_ms = s->rows_ms = TIME_NONE;
    s->crashed_at_ms = NAN;
    HASH_ADD_KEYPTR(hh, b->seen, s->id, strlen(s->id), s);
    return s;
}

static void forget(struct gather_bake *b, struct seen *s)
{
    HASH_DEL(b->seen, s);
    if (s->w)
        workload_unref(s->w);
    free(s->id);
    free(s);
}

static bool is_due(int64_t said_ms, int64_t now_ms)
{
    return said_ms == TIME_NONE || now_ms - said_ms >= HEARTBEAT_MS;
}

static bool is_baking(const struct seen *s, int64_t now_ms)
{
    return s->since_ms != TIME_NONE && now_ms - s->since_ms < PAST_MS;
}

static void see_deploy(struct gather_bake *b, const struct workload *w, struct seen *seen, int64_t now_ms)
{
    bool is_same = w->deployed_ms == seen->deployed_ms && strncmp(w->image_tag, seen->what, sizeof seen->what - 1) == 0;
    if (w->deployed_ms == TIME_NONE || is_same)
        return;
    seen->deployed_ms = w->deployed_ms;
    snprintf(seen->what, sizeof seen->what, "%s", w->image_tag);
    if (seen->is_by_hand && w->deployed_ms < seen->since_ms) /* that is newer */
        return;
    seen->is_by_hand = false;
    seen->since_ms = w->deployed_ms;
    seen->crashed_at_ms = NAN;
    seen->said_ms = seen->rows_ms = TIME_NONE; /* what is seen of it is said at once */
    if (is_baking(seen, now_ms))
        put_deploy(b, w->id, w->image_tag, w->revision, w->deployed_ms, false);
}

static void see_rollout(struct gather_bake *b, const struct workload *w, struct seen *seen, int64_t now_ms)
{
    bool is_silent = seen->said_ms != TIME_NONE && !(is_baking(seen, now_ms) && is_due(seen->said_ms, now_ms));
    if (is_silent && seen->w == w)
        return;
    struct sample s = { .series = series_of(b, SAMPLE_ROLLOUT, w->id, "", "kubernetes"), .code = (int32_t)w->rollout.state,
                        .n = N_ROLLOUT_VALUES };
    rollout_of(w, seen, now_ms, s.v);
    bool is_same = memcmp(s.v, seen->rollout, sizeof seen->rollout) == 0 && w->rollout.state == seen->state &&
                   strncmp(w->problem, seen->problem, sizeof seen->problem - 1) == 0;
    if (is_same && is_silent)
        return;
    memcpy(seen->rollout, s.v, sizeof seen->rollout);
    seen->state = w->rollout.state;
    seen->said_ms = now_ms;
    snprintf(seen->problem, sizeof seen->problem, "%s", w->problem);
    s.text = seen->problem;
    put(b, &s);
}

static void see_usage(struct gather_bake *b, const struct workload *w, struct seen *seen, int64_t now_ms)
{
    const struct {
        const char *name;
        int64_t value;
    } gauges[] = { { "cpu", w->total.cpu_millis }, { "memory", w->total.memory_bytes } };
    if (!is_due(seen->usage_ms, now_ms))
        return;
    int64_t since = seen->usage_ms == TIME_NONE ? 0 : now_ms - seen->usage_ms;
    int64_t span = since < USAGE_GAP_MS ? since : 0; /* else nobody looked */
    seen->usage_ms = now_ms;
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
        struct sample s = { .series = series_of(b, SAMPLE_GAUGE, w->id, gauges[i].name, "kubernetes"), .span_ms = span,
                            .n = 1, .text = "" };
        s.v[0] = (double)gauges[i].value;
        if (gauges[i].value >= 0)
            put(b, &s);
    }
}

static void see_workload(struct gather_bake *b, struct workload *w, struct seen *seen, int64_t now_ms)
{
    see_deploy(b, w, seen, now_ms);
    see_rollout(b, w, seen, now_ms);
    see_usage(b, w, seen, now_ms);
    if (seen->w == w)
        return;
    if (seen->w)
        workload_unref(seen->w);
    seen->w = workload_ref(w);
}

static void see_workloads(struct gather_bake *b, const struct workloads *ws, int64_t now_ms)
{
    struct seen *seen, *tmp, **order = x_calloc(ws->n + 1, sizeof *order);
    for (size_t i = 0; i < ws->n; i++) {
        struct workload *w = ws->items[i];
        seen = order[i] = i < b->n_order && b->order[i]->w == w ? b->order[i] : seen_of(b, w->id);
        seen->look = b->looks;
        see_workload(b, w, seen, now_ms);
    }
    free(b->order);
    b->order = order;
    b->n_order = ws->n;
    HASH_ITER (hh, b->seen, seen, tmp) { /* a workload that is gone is not kept */
        if (HASH_COUNT(b->seen) == ws->n)
            break;
        if (seen->look == b->looks)
            continue;
        struct sample gone = { .series = series_of(b, SAMPLE_GONE, seen->id, "", "kubernetes"), .text = "" };
        if (is_baking(seen, now_ms))
            put(b, &gone);
        forget(b, seen);
    }
    b->looks++;
}

/* ---- rows of deployment_errors ---- */

static void count_rows(struct gather_bake *b, const struct errors *es)
{
    struct seen *s, *tmp;
    HASH_ITER (hh, b->seen, s, tmp)
        memset(s->count, 0, sizeof s->count);
    for (size_t i = 0; i < es->n; i++) {
        const struct error_item *it = &es->items[i];
        HASH_FIND_STR(b->seen, it->workload, s);
        if (!s || s->since_ms == TIME_NONE || it->at_ms == TIME_NONE || it->at_ms < s->since_ms)
            continue;
        s->count[2]++;
        if (error_is_open(it->row) && it->row->severity <= SEVERITY_HIGH)
            s->count[it->row->severity == SEVERITY_CRITICAL ? 0 : 1]++;
    }
}

static void see_rows(struct gather_bake *b, const struct errors *es, int64_t now_ms)
{
    struct seen *s, *tmp;
    if (es->section.version != b->errors_version)
        count_rows(b, es);
    b->errors_version = es->section.version;
    HASH_ITER (hh, b->seen, s, tmp) {
        bool is_same = memcmp(s->count, s->rows, sizeof s->rows) == 0;
        if (!is_baking(s, now_ms) || (is_same && !is_due(s->rows_ms, now_ms)))
            continue;
        struct sample out = { .series = series_of(b, SAMPLE_ROWS, s->id, "deployment_errors", "errors"),
                              .n = ARRAY_LEN(s->rows), .text = "" };
        memcpy(s->rows, s->count, sizeof s->rows);
        memcpy(out.v, s->rows, sizeof s->rows);
        s->rows_ms = now_ms;
        put(b, &out);
    }
}

void gather_bake_see(struct gather_bake *b, const struct workloads *ws, const struct errors *es)
{
    if (!b->has_begun)
        return;
    int64_t now = now_of(b);
    if (ws)
        see_workloads(b, ws, now);
    if (es && es->is_synced)
        see_rows(b, es, now);
    tell(b);
}

/* ---- what people say ---- */

void gather_bake_link(struct gather_bake *b, bool is_up)
{
    struct sample s = { .series = series_of(b, SAMPLE_LINK, "", "api", "kubernetes"), .n = 1, .text = "" };
    s.v[0] = is_up;
    put(b, &s);
    tell(b);
}

void gather_bake_mark(struct gather_bake *b, const char *subject, const char *text)
{
    struct sample s = { .series = series_of(b, SAMPLE_MARK, subject, "", "operator"), .text = text };
    put(b, &s);
    tell(b);
}

static bool is_open(const struct gather_bake *b, const struct seen *s)
{
    return s->since_ms != TIME_NONE && (double)(b->at_ms - s->since_ms) < b->spec.conf[CONF_WINDOW];
}

bool gather_bake_is_open(const struct gather_bake *b, const char *subject)
{
    const struct seen *s;
    HASH_FIND_STR(b->seen, subject, s);
    return s && is_open(b, s);
}

void gather_bake_open(struct gather_bake *b, const char *subject, int64_t at_ms)
{
    struct seen *s, *tmp;
    now_of(b);
    HASH_ITER (hh, b->seen, s, tmp) {
        if (subject[0] ? !text_eq(subject, s->id) : is_open(b, s))
            continue;
        s->since_ms = at_ms;
        s->is_by_hand = true;
        s->said_ms = s->rows_ms = TIME_NONE;
        put_deploy(b, s->id, "", 0, at_ms, true);
    }
    tell(b);
}

void gather_bake_require(struct gather_bake *b, unsigned triggers)
{
    unsigned required = triggers | 1u << TRIGGER_ROLLOUT;
    if (required == b->required)
        return;
    b->required = required; /* said when it begins, if it has not */
    put_conf(b);
    tell(b);
}

/* ---- life ---- */

static void on_tick(void *ctx)
{
    struct gather_bake *b = ctx;
    int64_t wait = JUDGE_TICK_MS / b->spec.pace;
    if (b->spec.on_tick)
        b->spec.on_tick(b->spec.ctx);
    judge_run(b->judge, now_of(b));
    tell(b);
    loop_timer_set(b->spec.loop, &b->tick, wait > LEAST_TICK_MS ? wait : LEAST_TICK_MS);
}

struct gather_bake *gather_bake_new(const struct gather_bake_spec *spec)
{
    struct gather_bake *b = x_calloc(1, sizeof *b);
    b->spec = *spec;
    b->judge = judge_new();
    b->series = series_set_new();
    b->sink = (struct sample_sink){ b->series, put, b };
    b->tick = (struct loop_timer){ .fn = on_tick, .ctx = b };
    b->at_ms = INT64_MIN;
    return b;
}

void gather_bake_recall(struct gather_bake *b, const struct sample *s)
{
    judge_put(b->judge, s);
    b->at_ms = s->at_ms > b->at_ms ? s->at_ms : b->at_ms;
    if (s->series->kind == SAMPLE_DEPLOY && s->n == N_DEPLOY_VALUES) {
        struct seen *seen = seen_of(b, s->series->subject);
        seen->since_ms = (int64_t)s->v[DEPLOY_AT];
        seen->is_by_hand = s->v[DEPLOY_BY_HAND] != 0;
        if (!seen->is_by_hand) {
            seen->deployed_ms = seen->since_ms;
            snprintf(seen->what, sizeof seen->what, "%s", s->text);
        }
        seen->crashed_at_ms = NAN;
    } else if (s->series->kind == SAMPLE_ROLLOUT && s->n == N_ROLLOUT_VALUES) {
        seen_of(b, s->series->subject)->crashed_at_ms = s->v[ROLLOUT_CRASHED_AT];
    }
}

void gather_bake_begin(struct gather_bake *b)
{
    if (b->has_begun)
        return;
    b->has_begun = true;
    b->required |= 1u << TRIGGER_ROLLOUT;
    put_conf(b);
    on_tick(b);
}

bool gather_bake_has_begun(const struct gather_bake *b)
{
    return b->has_begun;
}

void gather_bake_free(struct gather_bake *b)
{
    struct seen *s, *tmp;
    if (!b)
        return;
    loop_timer_stop(b->spec.loop, &b->tick);
    HASH_ITER (hh, b->seen, s, tmp)
        forget(b, s);
    free(b->order);
    judge_free(b->judge);
    series_set_free(b->series);
    free(b);
}

struct series_set *gather_bake_series(struct gather_bake *b)
{
    return b->series;
}

struct sample_sink *gather_bake_sink(struct gather_bake *b)
{
    return &b->sink;
}

struct verdict *gather_bake_verdict(const struct gather_bake *b)
{
    return judge_verdict(b->judge);
}

struct tracks *gather_bake_tracks(const struct gather_bake *b)
{
    return judge_tracks(b->judge);
}
