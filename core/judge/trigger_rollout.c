/*
 * The rollout's own state: its deadline, and pods of the new template that crash.
 *
 * One pod that restarted once is no release to take back; three restarts are, and so is a pod that has not
 * come up for a minute while the rollout is short of pods.
 */
#include <math.h>
#include <string.h>

#include "core/judge/judge_internal.h"
#include "core/model/workload.h"

enum { FINE, NONE, DEADLINE, LOOPS, STUCK, CRASHED, HEALED, SHORT, SLOW, ROLLING, STOPPED, WAITING, ONDELETE };
enum { RESTARTS = 3 };
static const int64_t STUCK_MS = 60000, CALM_MS = 600000, SHORT_MS = 30000, SLOW_MS = 600000;

static enum trigger_state crashes(struct watched *w, const struct rollout_seen *r, int64_t now_ms)
{
    double crashed = r->v[ROLLOUT_CRASHED], at = r->v[ROLLOUT_CRASHED_AT];
    bool is_short = r->v[ROLLOUT_READY] < r->v[ROLLOUT_DESIRED];
    bool is_recent = r->restart_ms != TIME_NONE && now_ms - r->restart_ms < CALM_MS;
    if (!(crashed >= 1))
        return TRIGGER_OK;
    if (r->v[ROLLOUT_RESTARTS] >= RESTARTS && (is_recent || is_short)) {
        w->why = LOOPS;
        return TRIGGER_FIRED;
    }
    if (is_short && at > 0 && (double)now_ms - at >= (double)STUCK_MS && r->short_since_ms != TIME_NONE &&
        now_ms - r->short_since_ms >= STUCK_MS) {
        w->why = STUCK;
        return TRIGGER_FIRED;
    }
    if (is_short || is_recent || (at > 0 && (double)now_ms - at < (double)CALM_MS)) {
        w->why = CRASHED;
        return TRIGGER_WATCH;
    }
    w->why = HEALED;
    return TRIGGER_OK;
}

enum trigger_state rollout_judge_tick(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_ROLLOUT];
    const struct rollout_seen *r = &b->subject->rollout;
    (void)l;
    w->count = r->at_ms == TIME_NONE || isnan(r->v[ROLLOUT_RESTARTS]) ? 0 : (int64_t)r->v[ROLLOUT_RESTARTS];
    w->limit = RESTARTS;
    w->value = r->v[ROLLOUT_READY];
    w->threshold = r->v[ROLLOUT_DESIRED];
    w->baseline = NAN;
    w->why = NONE;
    if (!beat_is_fresh(&b->subject->beats[TRIGGER_ROLLOUT], now_ms))
        return TRIGGER_NO_DATA;
    w->why = WAITING;
    if (r->at_ms == TIME_NONE || r->at_ms < b->deployed_ms)
        return TRIGGER_OK; /* what was seen was the one before; it gets stale */
    w->why = DEADLINE;
    if (r->state == ROLLOUT_FAILED)
        return TRIGGER_FIRED;
    w->why = FINE;
    enum trigger_state s = crashes(w, r, now_ms);
    if (w->why != FINE)
        return s;
    if (r->state == ROLLOUT_PAUSED) {
        w->why = STOPPED;
        return TRIGGER_WATCH;
    }
    if (r->state == ROLLOUT_PROGRESSING && r->complete_ms == TIME_NONE) {
        w->why = now_ms - b->deployed_ms > SLOW_MS ? SLOW : ROLLING;
        return w->why == SLOW ? TRIGGER_WATCH : TRIGGER_OK;
    }
    if (r->short_since_ms != TIME_NONE && now_ms - r->short_since_ms >= SHORT_MS) {
        w->why = SHORT;
        return TRIGGER_WATCH;
    }
    w->why = r->state == ROLLOUT_ONDELETE ? ONDELETE : FINE;
    return TRIGGER_OK;
}

static int count_of(double v) /* of what is not known: 0 */
{
    return v > 0 && v < 1e9 ? (int)v : 0;
}

static void say_seen(const struct bake_state *b, struct saying *s)
{
    const struct rollout_seen *r = &b->subject->rollout;
    const double *v = r->v;
    char a[CLOCK_TEXT];
    say(s, "ready", "%d of %d, %d of the new template", count_of(v[ROLLOUT_READY]), count_of(v[ROLLOUT_DESIRED]),
        count_of(v[ROLLOUT_UPDATED]));
    say(s, "crashed", "%d new pods; %d restarts since the deploy, %d fire", count_of(v[ROLLOUT_CRASHED]),
        count_of(v[ROLLOUT_RESTARTS]), RESTARTS);
    if (v[ROLLOUT_CRASHED_AT] > 0)
        say(s, "first crash", "%s", since_text(b, (int64_t)v[ROLLOUT_CRASHED_AT], a));
    if (r->complete_ms != TIME_NONE)
        say(s, "complete", "%s", since_text(b, r->complete_ms, a));
    if (r->problem[0])
        say(s, "problem", "%s", r->problem);
    say(s, "rule", "the deadline fires; so do 3 restarts, or a crashed pod while pods lack for 60 s");
}

void rollout_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s)
{
    const struct watched *w = &b->triggers[TRIGGER_ROLLOUT];
    const struct rollout_seen *r = &b->subject->rollout;
    const double *v = r->v;
    const char *why = r->problem[0] ? ": " : "";
    char a[CLOCK_TEXT];
    int restarts = (int)w->count, ready = count_of(v[ROLLOUT_READY]), desired = count_of(v[ROLLOUT_DESIRED]),
        updated = count_of(v[ROLLOUT_UPDATED]), crashed = count_of(v[ROLLOUT_CRASHED]);
    (void)l;
    switch (w->why) {
    case WAITING:
        say_rule(s, "rollout: deployed just now, not seen yet");
        break;
    case DEADLINE:
        say_rule(s, "the rollout has failed, %d of %d ready%s%s", ready, desired, why, r->problem);
        break;
    case LOOPS:
        say_rule(s, "%d new pods crash again and again, %d restarts (%d fire)%s%s", crashed, restarts, RESTARTS, why,
                 r->problem);
        break;
    case STUCK:
        say_rule(s, "%d new pods do not come up, %d of %d ready for %s%s%s", crashed, ready, desired,
                 span_text(now_ms - r->short_since_ms, a), why, r->problem);
        break;
    case CRASHED:
        say_rule(s, "%d new pods crashed, %d restarts (%d fire)%s%s", crashed, restarts, RESTARTS, why, r->problem);
        break;
    case HEALED:
        say_rule(s, "%d of %d ready; %d restarts, none for 10 min", ready, desired, restarts);
        break;
    case SHORT:
        say_rule(s, "only %d of %d ready for %s%s%s", ready, desired, span_text(now_ms - r->short_since_ms, a), why,
                 r->problem);
        break;
    case SLOW:
        say_rule(s, "still rolling out after %s, %d of %d updated%s%s", span_text(now_ms - b->deployed_ms, a), updated,
                 desired, why, r->problem);
        break;
    case ROLLING:
        say_rule(s, "rolling out, %d of %d updated, %d ready", updated, desired, ready);
        break;
    case STOPPED:
        say_rule(s, "the rollout is paused, %d of %d updated", updated, desired);
        break;
    case ONDELETE:
        say_rule(s, "%d of %d ready; pods change when they are deleted", ready, desired);
        break;
    default:
        say_rule(s, "rolled out, %d of %d ready", ready, desired);
    }
    if (r->at_ms != TIME_NONE)
        say_seen(b, s);
}
