#include "core/sources/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sources/asker.h"
#include "core/sources/metrics_decode.h"

struct process { /* one that answered */
    struct metrics_page page; /* its last */
    int64_t at_ms;            /* story clock */
    bool is_doubtful;         /* two are known by one start: not rated */
};
struct scraped { /* of a target */
    struct process *processes;
    size_t n;
    bool is_asked;
    char trouble[160]; /* "" = rated */
};

struct metrics {
    struct probe_spec spec;
    struct asker *asker;
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[SAMPLE_TEXT];
};

/* ---- how we are doing ---- */

static void set_state(struct metrics *m)
{
    size_t n = asker_count(m->asker), n_asked = 0, n_bad = 0;
    char text[SAMPLE_TEXT] = "";
    for (size_t i = 0; i < n; i++) {
        void *state;
        const struct target *t = asker_at(m->asker, i, &state);
        const struct scraped *s = state;
        n_asked += s->is_asked;
        if (s->is_asked && s->trouble[0] && !n_bad++)
            snprintf(text, sizeof text, "%.60s: %.120s", t->name, s->trouble);
    }
    if (n_bad > 1)
        snprintf(text + strlen(text), sizeof text - strlen(text), " (and %zu more of %zu)", n_bad - 1, n);
    if (!n)
        snprintf(text, sizeof text, "no workload has a Service with a port to ask");
    enum source_state st = !n_asked                    ? SOURCE_WAITING
                           : n_bad < n_asked           ? SOURCE_LIVE
                           : m->proved_ms == TIME_NONE ? SOURCE_FAILED
                                                       : SOURCE_STALE;
    if (st == m->state && text_eq(text, m->text))
        return;
    if (st != m->state)
        m->since_ms = clock_story_ms();
    m->state = st;
    snprintf(m->text, sizeof m->text, "%s", text);
    if (m->spec.on_state)
        m->spec.on_state(m->spec.ctx);
}

struct source_health metrics_health(const struct metrics *m)
{
    return (struct source_health){ .name = "service metrics",
                                   .state = m->state,
                                   .since_ms = m->since_ms,
                                   .proved_ms = m->proved_ms,
                                   .retry_ms = TIME_NONE,
                                   .text = m->text,
                                   .objects = (int64_t)asker_count(m->asker) };
}

/* ---- an answer ---- */

static void put(struct metrics *m, const struct target *t, struct sample s, struct series like)
{
    struct sample_sink *sink = m->spec.sink;
    like.subject = t->subject;
    like.source = "metrics";
    s.text = "";
    s.series = series_intern(sink->series, &like);
    sink->put(sink->ctx, &s);
}

static void put_increase(struct metrics *m, const struct target *t, const struct metrics_increase *in, int64_t span_ms)
{
    struct series like = { .kind = SAMPLE_LATENCY, .name = "latency", .n_bounds = in->latency.n_bounds };
    struct sample s = { .span_ms = span_ms, .n = in->latency.n_bounds + 1 };
    if (in->has_requests)
        put(m, t, (struct sample){ .span_ms = span_ms, .v = { in->requests, in->failed }, .n = 2 },
            (struct series){ .kind = SAMPLE_REQUESTS, .name = "requests" });
    if (!in->has_latency)
        return;
    memcpy(like.bounds, in->latency.bounds, sizeof in->latency.bounds);
    memcpy(s.v, in->latency.counts, sizeof in->latency.counts);
    put(m, t, s, like);
}

static bool same_process(double a, double b)
{
    return (isnan(a) && isnan(b)) || !(a < b || a > b);
}

/* The place of the process that has answered; a new one takes that of the oldest when all are taken. */
static struct process *process_of(struct scraped *s, double started_s)
{
    struct process *oldest = NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct process *p = &s->processes[i];
        if (isnan(p->page.started_s) == isnan(started_s) && same_process(p->page.started_s, started_s))
            return p;
        if (!oldest || p->at_ms < oldest->at_ms)
            oldest = p;
    }
    if (s->n < METRICS_PROCESSES) {
        s->processes = x_realloc(s->processes, (s->n + 1) * sizeof *s->processes);
        oldest = &s->processes[s->n++];
    } else {
        metrics_page_release(&oldest->page);
    }
    *oldest = (struct process){ .at_ms = TIME_NONE };
    return oldest;
}

static void rate(struct metrics *m, const struct target *t, struct scraped *s, struct metrics_page *page)
{
    int64_t now = clock_story_ms();
    struct process *p = process_of(s, page->started_s);
    struct metrics_increase in;
    bool is_fresh = p->at_ms != TIME_NONE && now > p->at_ms && now - p->at_ms <= METRICS_OLD_MS;
    bool is_rated = is_fresh && !p->is_doubtful && metrics_between(&p->page, page, &in);
    if (is_rated)
        put_increase(m, t, &in, now - p->at_ms);
    else if (is_fresh && p->page.preset == page->preset && !isnan(page->started_s))
        p->is_doubtful = true;
    if (!isnan(page->saturation))
        put(m, t, (struct sample){ .v = { page->saturation }, .n = 1 },
            (struct series){ .kind = SAMPLE_GAUGE, .name = "saturation" });
    metrics_page_release(&p->page);
    p->page = *page;
    p->at_ms = now;
    if (p->is_doubtful)
        snprintf(s->trouble, sizeof s->trouble,
                 "two processes with one start time: their counters can not be told apart");
}

static void on_answer(void *ctx, const struct target *t, void *state, const struct probe_answer *a)
{
    struct metrics *m = ctx;
    struct scraped *s = state;
    struct metrics_page page;
    struct err e = { 0 };
    char why[SAMPLE_TEXT];
    struct health_body nothing = { 0 };
    s->is_asked = true;
    s->trouble[0] = '\0';
    if (probe_judge(a, t->how, &nothing, why, sizeof why) != PROBE_OK) {
        snprintf(s->trouble, sizeof s->trouble, "%.150s", why);
    } else if (metrics_decode(a->body, a->body_n, &page, &e)) {
        snprintf(s->trouble, sizeof s->trouble, "%.150s", e.text);
    } else if (!page.preset) {
        snprintf(s->trouble, sizeof s->trouble, "it counts no requests under a name that we know");
        metrics_page_release(&page);
    } else if (isnan(page.started_s) && t->n_pods > 1) {
        snprintf(s->trouble, sizeof s->trouble,
                 "%d pods and no process_start_time_seconds: which one answers is not known", (int)t->n_pods);
        metrics_page_release(&page);
    } else {
        m->proved_ms = clock_story_ms();
        rate(m, t, s, &page);
    }
    set_state(m);
}

static void on_drop(void *ctx, void *state)
{
    struct scraped *s = state;
    (void)ctx;
    for (size_t i = 0; i < s->n; i++)
        metrics_page_release(&s->processes[i].page);
    free(s->processes);
}

/* ---- life ---- */

void metrics_set_targets(struct metrics *m, const struct target_list *t)
{
    asker_set(m->asker, t);
    set_state(m);
}

void metrics_now(struct metrics *m)
{
    asker_now(m->asker);
}

struct metrics *metrics_new(struct loop *l, const struct probe_spec *spec)
{
    struct metrics *m = x_calloc(1, sizeof *m);
    m->spec = *spec;
    m->asker = asker_new(l, &(struct asker_spec){ .kube = spec->kube, .pace = spec->pace, .body_cap = METRICS_BODY,
                                                  .accept = "text/plain;version=0.0.4, */*;q=0.1",
                                                  .state_size = sizeof(struct scraped), .on_answer = on_answer,
                                                  .on_drop = on_drop, .ctx = m });
    m->state = SOURCE_WAITING;
    m->since_ms = clock_story_ms();
    m->proved_ms = TIME_NONE;
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    asker_free(m->asker);
    free(m);
}
