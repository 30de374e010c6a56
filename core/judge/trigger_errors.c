/* The share of requests that fail. */
#include <math.h>

#include "core/judge/judge_internal.h"

enum { FINE, NONE, FEW, OVER, LONG, BEFORE, BREACH };
static const int64_t FEW_MS = 600000; /* after so long too few requests are no data */

static struct share failed(const struct bake_state *b, int64_t from, int64_t to)
{
    return course_failed(&b->subject->course, from, to);
}

static enum trigger_state over(struct watched *w, const struct baseline *base, double threshold)
{
    bool was_bad = base->requests > 0 && base->failed > base->requests * threshold;
    struct test *t = &w->test;
    if (t->breaches == 2) {
        w->why = BREACH;
        return TRIGGER_FIRED;
    }
    if (!t->is_over && !(t->long_lower > threshold)) {
        w->why = FINE;
        return TRIGGER_OK;
    }
    w->is_preexisting = was_bad;
    w->is_calm = !t->is_over;
    w->why = was_bad ? BEFORE : t->is_over ? OVER : LONG;
    return TRIGGER_WATCH;
}

enum trigger_state errors_judge(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_ERRORS];
    const struct baseline *base = &b->baseline;
    struct test_of of = { .sum = failed, .threshold = l->v[CONF_ERROR_SHARE],
                          .watch = l->v[CONF_ERROR_SHARE], .least_n = l->v[CONF_LEAST_N],
                          .x0 = base->failed, .n0 = base->requests, .spread = base->error_spread };
    w->threshold = of.threshold;
    w->baseline = base->requests > 0 ? base->failed / base->requests : NAN;
    if (!beat_is_fresh(&b->subject->beats[TRIGGER_ERRORS], now_ms)) {
        w->why = NONE;
        return TRIGGER_NO_DATA;
    }
    if (w->tested_ms != b->subject->beats[TRIGGER_ERRORS].last_ms)
        test_run(b, &of, course_slot_of(b->deployed_ms) + 1, course_slot_of(now_ms), &w->test);
    w->tested_ms = b->subject->beats[TRIGGER_ERRORS].last_ms;
    w->is_preexisting = false;
    w->n = (int64_t)llround(w->test.long_n);
    w->count = w->test.breaches;
    w->limit = 2;
    w->value = w->test.n > 0 ? w->test.x / w->test.n : NAN;
    if (w->test.long_n < of.least_n) {
        w->why = FEW;
        return now_ms - b->deployed_ms > FEW_MS ? TRIGGER_NO_DATA : TRIGGER_OK;
    }
    return over(w, base, of.threshold);
}

static void say_errors(const struct watched *w, const struct limits *l, struct saying *s)
{
    char value[CLOCK_TEXT], limit[CLOCK_TEXT], span[CLOCK_TEXT], before[CLOCK_TEXT];
    const struct test *t = &w->test;
    percent_text(w->value, value);
    percent_text(w->threshold, limit);
    percent_text(w->baseline, before);
    span_text(t->span_ms, span);
    switch (w->why) {
    case FEW:
        say_rule(s, "errors: %.0f requests since the deploy, no verdict below %.0f", t->long_n, l->v[CONF_LEAST_N]);
        break;
    case BEFORE:
        say_rule(s, "errors %s > %s, pre-existing: %s before the deploy", value, limit, before);
        break;
    case LONG:
        say_rule(s, "errors %s since the deploy (%.0f of %.0f), %s in the last %s",
                 percent_text(t->long_x / t->long_n, before), t->long_x, t->long_n, value, span);
        break;
    case OVER:
        say_rule(s, "errors %s of %.0f in %s, limit %s: not sure yet, %d of 2", value, t->n, span, limit, t->breaches);
        break;
    case BREACH:
        say_rule(s, "errors %s > %s (%.0f of %.0f in %s), 2 of 2", value, limit, t->x, t->n, span);
        break;
    default:
        if (t->n > 0)
            say_rule(s, "errors %s of %.0f in %s, limit %s", value, t->n, span, limit);
        else
            say_rule(s, "errors: no request in the last %s", span);
    }
}

void errors_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s)
{
    const struct watched *w = &b->triggers[TRIGGER_ERRORS];
    const struct baseline *base = &b->baseline;
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    (void)now_ms;
    say_errors(w, l, s);
    say_test(s, &w->test, "failed");
    say(s, "limit", "%s, surely, in two parts that follow each other", percent_text(l->v[CONF_ERROR_SHARE], a));
    if (base->requests > 0) {
        say(s, "baseline", "%.0f of %.0f failed (%s) before the deploy", base->failed, base->requests,
            percent_text(base->failed / base->requests, a));
        say_chance(s, w->test.chance, base->error_spread);
    } else {
        say(s, "no baseline", "%s: the limit alone decides",
            base->error_problem ? base->error_problem : "nothing was measured before the deploy");
    }
    say(s, "least", "%.0f requests, or nothing is said; NO DATA after %s of too few", l->v[CONF_LEAST_N],
        span_text(FEW_MS, c));
    say_refused(s, l, CONF_ERROR_SHARE, "error share");
}
