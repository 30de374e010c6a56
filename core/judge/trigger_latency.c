/*
 * The p95 against that before the deploy, as a share of requests slower than a limit; and the objective.
 *
 * Judged from a while after the last new pod was ready: cold caches and just-in-time compilers are slow.  A
 * source that has only a p95 and no counts is judged by its medians, Mann and Whitney, and three times.
 */
#include <math.h>
#include <string.h>

#include "core/judge/judge_internal.h"
#include "core/judge/proportion.h"

enum { FINE, NONE, WARMING, FEW, NO_BASELINE, OVER, SLOWER, BREACH, OBJECTIVE, OBJECTIVE_BEFORE,
       P95_FINE, P95_OVER, P95_BREACH };
enum { P95_LEAST = 5, P95_SLOTS = 40 /* ten minutes */, P95_TIMES = 3 };
static const int64_t FEW_MS = 600000, NEVER_COMPLETE_MS = 600000, NO_ROLLOUT_MS = 60000;
static const double TAIL = 0.05, P95_CHANCE = 0.001, Z = 1.645;

static struct share slow(const struct bake_state *b, int64_t from, int64_t to)
{
    return course_slow(&b->subject->course, from, to, b->limit.bound);
}

/* Once: a pod that comes and goes later does not disarm it. */
static void arm(struct bake_state *b, double warmup_ms, int64_t now_ms)
{
    const struct rollout_seen *r = &b->subject->rollout;
    int64_t ready = r->complete_ms != TIME_NONE ? r->ready_ms : TIME_NONE;
    if (ready == TIME_NONE && r->at_ms == TIME_NONE)
        ready = b->deployed_ms + NO_ROLLOUT_MS;
    if (ready == TIME_NONE && now_ms - b->deployed_ms >= NEVER_COMPLETE_MS)
        ready = b->deployed_ms + NEVER_COMPLETE_MS - (int64_t)warmup_ms;
    if (ready == TIME_NONE)
        return;
    ready = ready > b->deployed_ms ? ready : b->deployed_ms;
    if (now_ms >= ready + (int64_t)warmup_ms)
        b->armed_ms = ready + (int64_t)warmup_ms;
}

static void take_limit(struct bake_state *b, const struct limits *l)
{
    const struct course *c = &b->subject->course;
    if (b->n_limit_bounds == c->n_bounds &&
        !memcmp(b->limit_bounds, c->bounds, c->n_bounds * sizeof *c->bounds))
        return;
    double spread = b->limit.is_known ? b->limit.spread : 1; /* other bounds: the blocks before are gone */
    b->limit = baseline_limit(&b->baseline, c, l->v[CONF_LATENCY_RATIO], l->v[CONF_LATENCY_DELTA]);
    b->limit.spread = b->limit.spread > spread ? b->limit.spread : spread;
    b->n_limit_bounds = c->n_bounds;
    memcpy(b->limit_bounds, c->bounds, sizeof b->limit_bounds);
}

/* The objective, where the limit is kept. */
static enum trigger_state objective(struct bake_state *b, const struct limits *l, int64_t from, int64_t now)
{
    struct watched *w = &b->triggers[TRIGGER_LATENCY];
    const struct course *c = &b->subject->course;
    size_t bound = baseline_bound(c->bounds, c->n_bounds, l->v[CONF_SLO]);
    if (bound == SIZE_MAX)
        return TRIGGER_OK;
    struct share s = course_slow(c, from > now - 19 ? from : now - 19, now + 1, bound);
    if (s.n < l->v[CONF_LEAST_N] || !(wilson_lower(s.x / b->limit.spread, s.n / b->limit.spread, Z) > TAIL))
        return TRIGGER_OK;
    w->is_preexisting = b->baseline.p95_ms > l->v[CONF_SLO];
    w->why = w->is_preexisting ? OBJECTIVE_BEFORE : OBJECTIVE;
    return w->is_preexisting ? TRIGGER_OK : TRIGGER_WATCH;
}

static enum trigger_state by_counts(struct bake_state *b, const struct limits *l, int64_t now_ms, bool is_new)
{
    struct watched *w = &b->triggers[TRIGGER_LATENCY];
    struct test *t = &w->test;
    int64_t from = course_slot_of(b->armed_ms - 1) + 1, now = course_slot_of(now_ms);
    take_limit(b, l);
    struct test_of of = { .sum = slow, .threshold = b->limit.is_known ? b->limit.share : TAIL,
                          .watch = b->limit.is_known ? b->limit.watch_share : TAIL, .least_n = l->v[CONF_LEAST_N],
                          .x0 = b->limit.slow,
                          .n0 = b->limit.n, .spread = b->limit.spread };
    if (is_new)
        test_run(b, &of, from, now, t); /* without a limit it counts the requests all the same */
    w->n = (int64_t)llround(t->long_n);
    w->count = b->limit.is_known ? t->breaches : 0;
    w->limit = 2;
    w->threshold = b->limit.is_known ? b->limit.p95_ms : NAN;
    if (t->long_n < of.least_n) {
        w->why = FEW;
        return now_ms - b->armed_ms > FEW_MS ? TRIGGER_NO_DATA : TRIGGER_OK;
    }
    w->why = b->limit.is_known ? FINE : NO_BASELINE;
    if (b->limit.is_known && t->breaches == 2) {
        w->why = BREACH;
        return TRIGGER_FIRED;
    }
    if (b->limit.is_known && (t->is_over || t->is_long_over)) {
        w->is_calm = !t->is_over;
        w->why = t->is_over ? OVER : SLOWER;
        return TRIGGER_WATCH;
    }
    return objective(b, l, from, now);
}

static enum trigger_state by_p95(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_LATENCY];
    const struct baseline *base = &b->baseline;
    int64_t now = course_slot_of(now_ms), from = course_slot_of(b->armed_ms - 1) + 1;
    float v[P95_SLOTS];
    from = from > now + 1 - P95_SLOTS ? from : now + 1 - P95_SLOTS;
    size_t n = course_p95s(&b->subject->course, from, now + 1, v, P95_SLOTS);
    double limit = base->p95_ms * l->v[CONF_LATENCY_RATIO], delta = base->p95_ms + l->v[CONF_LATENCY_DELTA];
    bool has_base = base->n_p95s >= P95_LEAST;
    limit = limit > delta ? limit : delta;
    w->n = (int64_t)n;
    w->limit = P95_TIMES;
    w->threshold = has_base ? limit : NAN;
    b->p95_now = (float)median_of(v, n);
    if (n < P95_LEAST) {
        w->why = FEW;
        return now_ms - b->armed_ms > FEW_MS ? TRIGGER_NO_DATA : TRIGGER_OK;
    }
    const struct course_slot *last = course_at(&b->subject->course, now);
    if (now > b->p95_slot && last && last->p95 > 0) { /* a new point: one more evaluation */
        b->p95_slot = now;
        b->p95_chance = has_base ? mann_whitney_higher(v, n, base->p95s, base->n_p95s) : 1;
        b->is_p95_over = has_base && (double)b->p95_now > limit;
        b->p95_streak = b->is_p95_over && b->p95_chance < P95_CHANCE ? b->p95_streak + 1 : 0;
    }
    w->count = b->p95_streak;
    w->why = b->p95_streak >= P95_TIMES ? P95_BREACH : b->is_p95_over ? P95_OVER : P95_FINE;
    if (w->why == P95_FINE && (double)b->p95_now > l->v[CONF_SLO]) {
        w->is_preexisting = base->p95_ms > l->v[CONF_SLO];
        w->why = w->is_preexisting ? OBJECTIVE_BEFORE : OBJECTIVE;
        return w->is_preexisting ? TRIGGER_OK : TRIGGER_WATCH;
    }
    return w->why == P95_BREACH ? TRIGGER_FIRED : w->why == P95_OVER ? TRIGGER_WATCH : TRIGGER_OK;
}

static bool has_counts(const struct bake_state *b, int64_t now_ms)
{
    int64_t now = course_slot_of(now_ms);
    return course_slow(&b->subject->course, now - 19, now + 1, 0).watched_ms > 0;
}

enum trigger_state latency_judge(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_LATENCY];
    w->baseline = b->baseline.p95_ms;
    if (b->armed_ms == TIME_NONE)
        arm(b, l->v[CONF_WARMUP], now_ms);
    if (!beat_is_fresh(&b->subject->beats[TRIGGER_LATENCY], now_ms)) {
        w->why = NONE;
        return TRIGGER_NO_DATA;
    }
    if (b->armed_ms == TIME_NONE) {
        w->why = WARMING;
        return TRIGGER_OK;
    }
    bool is_new = w->tested_ms != b->subject->beats[TRIGGER_LATENCY].last_ms;
    if (!is_new && w->why != FEW && w->why != NONE && w->why != WARMING)
        return w->tested;
    w->tested_ms = b->subject->beats[TRIGGER_LATENCY].last_ms;
    w->is_preexisting = false;
    return w->tested = has_counts(b, now_ms) ? by_counts(b, l, now_ms, is_new) : by_p95(b, l, now_ms);
}

/* ---- words ---- */

double latency_p95(const struct bake_state *b, int64_t now_ms)
{
    double sum[SAMPLE_VALUES];
    const struct course *c = &b->subject->course;
    int64_t now = course_slot_of(now_ms), from = course_slot_of(b->deployed_ms) + 1;
    if (b->armed_ms != TIME_NONE)
        from = course_slot_of(b->armed_ms - 1) + 1;
    if (course_sum(c, from > now - 19 ? from : now - 19, now + 1, sum) >= 1)
        return course_p95_of(sum, c->bounds, c->n_bounds);
    return b->p95_now > 0 ? (double)b->p95_now : NAN;
}

static void say_latency(const struct bake_state *b, const struct limits *l, double p95, struct saying *s)
{
    const struct watched *w = &b->triggers[TRIGGER_LATENCY];
    const struct test *t = &w->test;
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    int64_t ready = b->subject->rollout.ready_ms;
    if (ready != TIME_NONE && ready < b->deployed_ms) /* a window by hand: its pods are older */
        ready = b->deployed_ms;
    switch (w->why) {
    case WARMING:
        if (b->subject->rollout.complete_ms != TIME_NONE && ready != TIME_NONE)
            say_rule(s, "latency: warming up until %s",
                     since_text(b, ready + (int64_t)l->v[CONF_WARMUP], a));
        else
            say_rule(s, "latency: judged from %s after the last new pod is ready",
                     span_text((int64_t)l->v[CONF_WARMUP], a));
        break;
    case FEW:
        say_rule(s, "latency: %d %s since it is judged (%s), too few yet", (int)w->n,
                 w->limit == 2 ? "requests" : "points", since_text(b, b->armed_ms, a));
        break;
    case NO_BASELINE:
        say_rule(s, "p95 %.0f ms (n=%d), no baseline to compare with", p95, (int)w->n);
        break;
    case OVER:
        say_rule(s, "p95 %.0f ms, before %.0f, limit %.0f: not sure or not lasting yet, %d of 2", p95, w->baseline,
                 w->threshold, t->breaches);
        break;
    case SLOWER:
        say_rule(s, "p95 %.0f ms, before %.0f: surely slower, not surely over the limit of %.0f ms", p95, w->baseline,
                 w->threshold);
        break;
    case BREACH:
        say_rule(s, "p95 %.0f ms > %.0f ms, before %.0f: %s slower than %.0f ms (%.0f of %.0f in %s), 2 of 2", p95,
                 w->threshold, w->baseline, percent_text(t->x / t->n, a), b->limit.bound_ms, t->x, t->n,
                 span_text(t->span_ms, c));
        break;
    case OBJECTIVE:
        say_rule(s, "p95 %.0f ms, over the objective of %.0f ms", p95, l->v[CONF_SLO]);
        break;
    case OBJECTIVE_BEFORE:
        say_rule(s, "p95 %.0f ms, over the objective of %.0f ms, pre-existing: %.0f ms before the deploy", p95,
                 l->v[CONF_SLO], w->baseline);
        break;
    case P95_OVER:
    case P95_BREACH:
        say_rule(s, "p95 %.0f ms > %.0f ms (before %.0f), %d of %d", (double)b->p95_now, w->threshold, w->baseline,
                 b->p95_streak < P95_TIMES ? b->p95_streak : P95_TIMES, P95_TIMES);
        break;
    default:
        say_rule(s, "p95 %.0f ms (n=%d), before %.0f ms, fires at %.0f ms", p95, (int)w->n, w->baseline, w->threshold);
    }
}

static void say_baseline(const struct bake_state *b, struct saying *s)
{
    const struct baseline *base = &b->baseline;
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    if (base->latency_n > 0)
        say(s, "baseline", "p95 %.0f ms of %.0f requests, %.0f to %.0f ms in blocks of 2 min", base->p95_ms,
            base->latency_n, base->low_ms, base->high_ms);
    else if (base->n_p95s)
        say(s, "baseline", "median p95 %.0f ms of %d points, %.0f to %.0f ms", base->p95_ms, (int)base->n_p95s,
            base->low_ms, base->high_ms);
    else
        say(s, "no baseline", "%s: only the objective is judged",
            base->latency_problem ? base->latency_problem : "nothing was measured before the deploy");
    if (b->limit.is_known) {
        say(s, "limit", "p95 %.0f ms: more than %s slower than %.0f ms, the nearest bucket; before it were %s",
            b->limit.p95_ms, percent_text(b->limit.share, a), b->limit.bound_ms,
            percent_text(b->limit.slow / b->limit.n, c));
        say_chance(s, b->triggers[TRIGGER_LATENCY].test.chance, b->limit.spread);
    }
}

void latency_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s)
{
    const struct watched *w = &b->triggers[TRIGGER_LATENCY];
    char a[CLOCK_TEXT];
    say_latency(b, l, latency_p95(b, now_ms), s);
    if (b->armed_ms != TIME_NONE)
        say(s, "judged", "from %s on", since_text(b, b->armed_ms, a));
    say_baseline(b, s);
    if (w->limit == 2 && w->why != NONE && w->why != WARMING)
        say_test(s, &w->test, b->limit.is_known ? "slower than the bucket" : "requests");
    if (w->limit == P95_TIMES)
        say(s, "by chance", "p = %.2g (Mann-Whitney, one-sided; below %g it counts), %d of %d times", b->p95_chance,
            P95_CHANCE, b->p95_streak, P95_TIMES);
    say(s, "objective", "p95 below %.0f ms", l->v[CONF_SLO]);
    say_refused(s, l, CONF_LATENCY_RATIO, "ratio");
    say_refused(s, l, CONF_LATENCY_DELTA, "least difference");
    say_refused(s, l, CONF_SLO, "objective");
    say_refused(s, l, CONF_WARMUP, "warm-up");
}
