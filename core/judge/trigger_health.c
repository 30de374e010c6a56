/*
 * Probes that fail one after the other.
 *
 * The observer's guard: a failure is pending until something proves that we could ask.  With a link that is
 * an answer of the API server; without one, a round in which not every probed workload failed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/judge/judge_internal.h"
#include "core/judge/proportion.h"

enum { FINE, NONE, SOME, BREACH, BEFORE, OFTEN, OFTEN_BEFORE };
enum { ROUND_MS = 15000, PROBED_MS = 60000, SHARE_SLOTS = 20, SHARE_LEAST = 20, ROUND_MOST = 1000 };
static const double OFTEN_SHARE = 0.05, Z = 1.645, CHANCE = 0.001;

/* ---- what comes ---- */

static void count(struct probe *p, int64_t limit, int64_t at_ms)
{
    struct sample seen = { .series = p->series, .at_ms = p->last_ms };
    for (int64_t i = 0; i < p->pending && i < ROUND_MOST; i++)
        course_probe(&p->subject->course, &seen, true);
    beat_note(&p->subject->beats[TRIGGER_HEALTH], &seen);
    p->failures += p->pending;
    p->pending = 0;
    p->most = p->failures > p->most ? p->failures : p->most;
    if (p->failures > limit && p->crossed_ms == TIME_NONE)
        p->crossed_ms = at_ms;
}

static struct probe *take_pending(struct judge *j)
{
    struct probe *p = j->pending;
    if (p) {
        j->pending = p->next_pending;
        p->is_pending = false;
    }
    return p;
}

void probes_prove(struct judge *j, int64_t at_ms)
{
    for (struct probe *p; (p = take_pending(j));) {
        if (p->pending)
            count(p, (int64_t)j->limits.v[CONF_FAILURES], at_ms);
    }
}

void probes_forget(struct judge *j)
{
    for (struct probe *p; (p = take_pending(j));)
        p->pending = 0;
}

void probe_take(struct judge *j, struct probe *p, const struct sample *sample)
{
    struct subject *s = p->subject;
    bool is_ok = sample->code == PROBE_OK;
    s->probed_ms = sample->at_ms;
    s->has_round_ok |= is_ok;
    s->has_round_failed |= !is_ok;
    if (!is_ok && j->lost_ms != TIME_NONE)
        return; /* unseen: as if it had not been asked */
    p->last_ms = sample->at_ms;
    if (is_ok) {
        p->failures = p->pending = 0;
        p->crossed_ms = TIME_NONE;
        course_probe(&s->course, sample, false);
        beat_note(&s->beats[TRIGGER_HEALTH], sample);
        return;
    }
    p->code = sample->code;
    snprintf(p->reason, sizeof p->reason, "%s", sample->text);
    p->pending++;
    if (!p->is_pending) {
        p->is_pending = true;
        p->next_pending = j->pending;
        j->pending = p;
    }
}

void probes_ticked(struct subject *s)
{
    for (struct probe *p = s->probes; p; p = p->next)
        p->most = 0;
}

void probes_round(struct judge *j, int64_t now_ms)
{
    size_t known = 0, heard = 0, failed = 0;
    for (const struct subject *s = j->subjects; s; s = s->hh.next) {
        if (s->probed_ms == TIME_NONE || now_ms - s->probed_ms > PROBED_MS)
            continue;
        known++;
        heard += s->has_round_ok || s->has_round_failed;
        failed += s->has_round_failed && !s->has_round_ok;
    }
    if (!known || (heard < known && now_ms - j->round_ms < ROUND_MS))
        return;
    j->is_blind = known > 1 && heard > 1 && failed == heard;
    if (j->is_blind)
        probes_forget(j);
    else
        probes_prove(j, now_ms);
    j->round_ms = now_ms;
    for (struct subject *s = j->subjects; s; s = s->hh.next)
        s->has_round_ok = s->has_round_failed = false;
}

/* ---- the state ---- */

static int64_t most_of(const struct probe *p)
{
    return p->most > p->failures ? p->most : p->failures;
}

static const struct probe *worst(const struct subject *s)
{
    const struct probe *w = s->probes;
    for (const struct probe *p = s->probes; p; p = p->next) {
        if (most_of(p) > most_of(w))
            w = p;
    }
    return w;
}

static struct share lately(const struct bake_state *b, int64_t now_ms)
{
    int64_t now = course_slot_of(now_ms), from = course_slot_of(b->deployed_ms) + 1;
    return course_probes(&b->subject->course, from > now + 1 - SHARE_SLOTS ? from : now + 1 - SHARE_SLOTS, now + 1);
}

static enum trigger_state by_share(struct bake_state *b, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_HEALTH];
    const struct baseline *base = &b->baseline;
    struct share s = lately(b, now_ms);
    w->value = s.n > 0 ? s.x / s.n : NAN;
    w->n = (int64_t)s.n;
    if (s.n < SHARE_LEAST || !(wilson_lower(s.x, s.n, Z) > OFTEN_SHARE))
        return TRIGGER_OK;
    w->is_preexisting = wilson_lower(base->probes_failed, base->probes, Z) > OFTEN_SHARE &&
                        fisher_worse(s.x, s.n, base->probes_failed, base->probes) > CHANCE;
    w->why = w->is_preexisting ? OFTEN_BEFORE : OFTEN;
    return TRIGGER_WATCH;
}

enum trigger_state health_judge(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_HEALTH];
    const struct probe *p = worst(b->subject);
    int64_t limit = (int64_t)l->v[CONF_FAILURES];
    w->is_preexisting = false;
    w->baseline = b->baseline.probes > 0 ? b->baseline.probes_failed / b->baseline.probes : NAN;
    w->threshold = (double)limit + 1;
    w->limit = limit + 1;
    w->count = p ? most_of(p) : 0;
    w->why = FINE;
    enum trigger_state often = by_share(b, now_ms);
    if (!p || !beat_is_fresh(&b->subject->beats[TRIGGER_HEALTH], now_ms)) {
        w->why = NONE;
        return TRIGGER_NO_DATA;
    }
    bool is_old = p->crossed_ms != TIME_NONE && p->crossed_ms <= b->deployed_ms;
    if (w->count > limit && (is_old || w->is_preexisting)) {
        w->is_preexisting = true;
        w->why = BEFORE;
        return TRIGGER_WATCH;
    }
    if (w->count > limit) {
        w->why = BREACH;
        return TRIGGER_FIRED;
    }
    if (w->count >= 2 || w->count == limit) {
        w->why = SOME;
        return TRIGGER_WATCH;
    }
    return often;
}

/* ---- words ---- */

static const char *reason_of(const struct probe *p)
{
    return p->reason[0] ? p->reason : probe_outcome_name((enum probe_outcome)p->code);
}

static void say_health(const struct watched *w, const struct probe *p, struct saying *s)
{
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    int n = (int)w->count, limit = (int)w->limit;
    switch (w->why) {
    case SOME:
        say_rule(s, "%d of %d probes in a row failed: %s", n, limit, reason_of(p));
        break;
    case BREACH:
        say_rule(s, "%d probes in a row failed, more than %d: %s", n, limit - 1, reason_of(p));
        break;
    case BEFORE:
        say_rule(s, "%d probes in a row failed, pre-existing: it failed before the deploy: %s", n, reason_of(p));
        break;
    case OFTEN:
        say_rule(s, "%s of the last %d probes failed, never more than %d in a row", percent_text(w->value, a),
                 (int)w->n, limit - 1);
        break;
    case OFTEN_BEFORE:
        say_rule(s, "%s of the last %d probes failed, pre-existing: %s before the deploy", percent_text(w->value, a),
                 (int)w->n, percent_text(w->baseline, c));
        break;
    default:
        say_rule(s, "health: %d of %d failures in a row", n, limit);
    }
}

void health_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s)
{
    const struct watched *w = &b->triggers[TRIGGER_HEALTH];
    const struct baseline *base = &b->baseline;
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    const struct probe *p = worst(b->subject);
    say_health(w, p, s);
    for (p = b->subject->probes; p && s->n < VERDICT_EVIDENCE - 6; p = p->next)
        say(s, p->series->name, "%d in a row failed%s%s, last asked %s ago%s", (int)p->failures,
            p->failures ? ": " : "", p->failures ? reason_of(p) : "", span_text(now_ms - p->last_ms, a),
            p->pending ? "; more, not yet proven to be no fault of our link" : "");
    say(s, "limit", "more than %d in a row of one probe", (int)w->limit - 1);
    if (w->n)
        say(s, "lately", "%s of %d failed in 5 min; often is surely over 5 %%", percent_text(w->value, a), (int)w->n);
    if (base->probes > 0)
        say(s, "baseline", "%.0f of %.0f failed (%s) before the deploy", base->probes_failed, base->probes,
            percent_text(base->probes_failed / base->probes, c));
    say_refused(s, l, CONF_FAILURES, "failures in a row");
}
