/*
 * One bake: opened by a deploy with a baseline of what was before it, judged at each tick.
 *
 * Coverage is the share of its time in which a trigger had fresh data.  A deploy that is found late was not
 * watched until then, but for what is known all the same: the rollout's state tells of its past (restarts,
 * conditions), and counts may have come for the time before.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/judge/judge_internal.h"

static const struct {
    enum trigger_state (*judge)(struct bake_state *b, const struct limits *l, int64_t now_ms);
    void (*says)(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);
} kinds[N_TRIGGERS] = {
    [TRIGGER_ROLLOUT] = { rollout_judge_tick, rollout_says },
    [TRIGGER_HEALTH] = { health_judge, health_says },
    [TRIGGER_LATENCY] = { latency_judge, latency_says },
    [TRIGGER_ERRORS] = { errors_judge, errors_says },
    [TRIGGER_ROWS] = { rows_judge, rows_says },
};

const char *bake_name(const struct bake_state *b)
{
    const char *slash = strchr(b->subject->id, '/');
    return slash ? slash + 1 : b->subject->id;
}

void bake_free(struct bake_state *b)
{
    if (b)
        free(b->what);
    free(b);
}

bool bake_requires(const struct bake_state *b, const struct limits *l, enum trigger_kind k)
{
    bool is_set = k == TRIGGER_ROLLOUT || (unsigned)l->v[CONF_REQUIRED] & 1u << k;
    return is_set && (b->subject->beats[k].source[0] || !(l->measured & 1u << k));
}

double bake_coverage(const struct bake_state *b, enum trigger_kind k, int64_t now_ms)
{
    int64_t all = now_ms - b->deployed_ms;
    double share = all > 0 ? (double)b->triggers[k].covered_ms / (double)all : 1;
    return share < 1 ? share : 1;
}

/* ---- words ---- */

void trigger_says(const struct bake_state *b, enum trigger_kind k, const struct limits *l, int64_t now_ms,
                  struct saying *s)
{
    const struct watched *w = &b->triggers[k];
    const struct beat *beat = &b->subject->beats[k];
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    kinds[k].says(b, l, now_ms, s);
    if (!beat->source[0])
        say_rule(s, "%s: nothing measures it", trigger_name(k));
    else if (!beat_is_fresh(beat, now_ms))
        say_rule(s, "%s: nothing seen for %s", trigger_name(k), span_text(now_ms - beat->last_ms, a));
    size_t n = strlen(s->rule);
    if (w->state != w->raw && w->state == TRIGGER_FIRED && w->raw == TRIGGER_NO_DATA)
        snprintf(s->rule + n, sizeof s->rule - n, "; it had fired, and nothing was seen since");
    else if (w->state != w->raw && w->calm_ms != TIME_NONE)
        snprintf(s->rule + n, sizeof s->rule - n, "; %s, better for %s", trigger_state_name(w->state),
                 span_text(now_ms - w->calm_ms, a));
    if (beat->source[0])
        say(s, "source", "%s, %s ago; stale after %s", beat->source, span_text(now_ms - beat->last_ms, a),
            span_text(beat_stale_ms(beat), c));
    else
        say(s, "source", "none");
    say(s, "watched", "%s of the time since the deploy", percent_text(bake_coverage(b, k, now_ms), a));
}

void bake_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, char rule[JUDGE_RULE])
{
    struct saying s = { 0 };
    char a[CLOCK_TEXT], c[CLOCK_TEXT];
    trigger_says(b, b->decides, l, now_ms, &s);
    const struct rollout_seen *r = &b->subject->rollout;
    bool is_all = r->complete_ms != TIME_NONE && r->short_since_ms == TIME_NONE;
    if (b->word == VERDICT_PASS)
        snprintf(rule, JUDGE_RULE, "%s: %.290s", is_all ? "all is well" : "nothing wrong yet", s.rule);
    else if (b->is_uncovered)
        snprintf(rule, JUDGE_RULE, "%s was watched %s of the window, less than %s", trigger_name(b->decides),
                 percent_text(bake_coverage(b, b->decides, now_ms), a), percent_text(l->v[CONF_COVERAGE], c));
    else
        snprintf(rule, JUDGE_RULE, "%s", s.rule);
}

/* ---- the word ---- */

static bool find_state(const struct bake_state *b, const struct limits *l, enum trigger_state state, bool required,
                       enum trigger_kind *out)
{
    bool found = false;
    for (int k = 0; k < N_TRIGGERS; k++) {
        const struct watched *w = &b->triggers[k];
        if (w->state != state || (required && !bake_requires(b, l, (enum trigger_kind)k)))
            continue;
        if (!found || w->since_ms < b->triggers[*out].since_ms)
            *out = (enum trigger_kind)k;
        found = true;
    }
    return found;
}

static enum verdict_word word_of(struct bake_state *b, const struct limits *l, enum trigger_kind *decides)
{
    *decides = TRIGGER_ROLLOUT;
    if (find_state(b, l, TRIGGER_FIRED, false, decides))
        return VERDICT_ROLLBACK;
    if (find_state(b, l, TRIGGER_NO_DATA, true, decides))
        return VERDICT_NO_DATA;
    if (find_state(b, l, TRIGGER_WATCH, false, decides))
        return VERDICT_WATCH;
    return VERDICT_PASS;
}

/* A required trigger that was not watched well enough. */
static bool find_uncovered(const struct bake_state *b, const struct limits *l, int64_t now_ms, enum trigger_kind *out)
{
    double least = l->v[CONF_COVERAGE];
    bool found = false;
    for (int k = 0; k < N_TRIGGERS; k++) {
        double c = bake_coverage(b, (enum trigger_kind)k, now_ms);
        if (!bake_requires(b, l, (enum trigger_kind)k) || c >= least)
            continue;
        least = c;
        *out = (enum trigger_kind)k;
        found = true;
    }
    return found;
}

static void end_window(struct judge *j, struct bake_state *b, enum verdict_word word)
{
    char text[JUDGE_RULE];
    b->phase = BAKE_EXTENDED;
    b->window_word = word;
    snprintf(text, sizeof text, "the window of %.200s ends: %s", bake_name(b), verdict_name(word));
    marks_add(j, MARK_WINDOW_END, b->window_end_ms, b->subject->id, text)->word = word;
}

static void set_word(struct judge *j, struct bake_state *b, int64_t now_ms)
{
    enum trigger_kind decides;
    enum verdict_word word = word_of(b, &j->limits, &decides);
    bool is_end = b->phase == BAKE_IMMEDIATE && now_ms >= b->window_end_ms;
    /* Once its window was not watched well enough, it is so until the whole time is; but a deploy that was
     * found after its window has been judged by nobody, and is judged from now on. */
    bool must_cover = is_end || (b->phase == BAKE_EXTENDED && b->was_uncovered && b->found_ms < b->window_end_ms);
    b->is_uncovered = must_cover && (word == VERDICT_PASS || word == VERDICT_WATCH) &&
                      find_uncovered(b, &j->limits, now_ms, &decides);
    if (b->is_uncovered)
        word = VERDICT_NO_DATA;
    if (is_end || (must_cover && word == VERDICT_PASS))
        b->was_uncovered = b->is_uncovered;
    if (is_end)
        end_window(j, b, word);
    enum verdict_word before = b->word;
    b->decides = decides;
    b->word = word;
    if (word == before)
        return;
    char rule[JUDGE_RULE];
    b->word_since_ms = now_ms;
    if (word == VERDICT_ROLLBACK && b->first_rollback_ms == TIME_NONE)
        b->first_rollback_ms = now_ms;
    bake_says(b, &j->limits, now_ms, rule);
    marks_add(j, MARK_VERDICT, now_ms, b->subject->id, rule)->word = word;
}

void bake_tick(struct judge *j, struct bake_state *b, int64_t now_ms)
{
    if (now_ms < b->deployed_ms)
        return;
    for (int k = 0; k < N_TRIGGERS; k++) {
        struct watched *w = &b->triggers[k];
        enum trigger_state before = w->state, raw = kinds[k].judge(b, &j->limits, now_ms);
        watched_step(w, raw, now_ms);
        if (beat_is_fresh(&b->subject->beats[k], now_ms))
            w->covered_ms += JUDGE_TICK_MS;
        if (w->state == before || (before != TRIGGER_FIRED && w->state != TRIGGER_FIRED &&
                                   (before != TRIGGER_OK || w->state != TRIGGER_WATCH)))
            continue;
        struct saying s = { 0 };
        trigger_says(b, (enum trigger_kind)k, &j->limits, now_ms, &s);
        marks_add(j, MARK_TRIGGER, now_ms, b->subject->id, s.rule)->state = w->state;
    }
    probes_ticked(b->subject);
    set_word(j, b, now_ms);
}

/* ---- the beginning ---- */

static void credit(struct bake_state *b, int64_t found_ms)
{
    const struct course *c = &b->subject->course;
    int64_t from = course_slot_of(b->deployed_ms), to = course_slot_of(found_ms) + 1;
    b->triggers[TRIGGER_ROLLOUT].covered_ms = b->triggers[TRIGGER_ROWS].covered_ms = found_ms - b->deployed_ms;
    for (int64_t no = to - from > TRACK_POINTS ? to - TRACK_POINTS : from; no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        if (!s)
            continue;
        b->triggers[TRIGGER_HEALTH].covered_ms += s->probes ? TRACK_STEP_MS : 0;
        b->triggers[TRIGGER_ERRORS].covered_ms += (int64_t)s->requests_ms;
        b->triggers[TRIGGER_LATENCY].covered_ms += s->p95 > 0 ? TRACK_STEP_MS : (int64_t)s->latency_ms;
    }
}

static struct bake_state *bake_new(const struct judge *j, struct subject *s, const struct sample *d, int64_t at_ms)
{
    const double *v = j->limits.v;
    struct bake_state *b = x_calloc(1, sizeof *b);
    b->subject = s;
    b->what = x_strndup(d->text, SAMPLE_TEXT);
    b->deployed_ms = at_ms;
    b->found_ms = d->at_ms;
    b->window_end_ms = at_ms + (int64_t)v[CONF_WINDOW];
    b->extended_end_ms = at_ms + (int64_t)v[CONF_EXTENDED];
    b->revision = d->n > DEPLOY_REVISION && d->v[DEPLOY_REVISION] > 0 && d->v[DEPLOY_REVISION] < 1e15
                      ? (int64_t)d->v[DEPLOY_REVISION]
                      : 0;
    b->is_by_hand = d->n > DEPLOY_BY_HAND && d->v[DEPLOY_BY_HAND] > 0;
    b->word_since_ms = d->at_ms;
    b->first_rollback_ms = b->armed_ms = TIME_NONE;
    b->limit.spread = 1;
    baseline_freeze(&b->baseline, &s->course, at_ms, (int64_t)v[CONF_BASELINE], v[CONF_LEAST_N]);
    b->limit = baseline_limit(&b->baseline, &s->course, v[CONF_LATENCY_RATIO], v[CONF_LATENCY_DELTA]);
    b->n_limit_bounds = s->course.n_bounds;
    memcpy(b->limit_bounds, s->course.bounds, sizeof b->limit_bounds);
    for (int k = 0; k < N_TRIGGERS; k++)
        b->triggers[k] = (struct watched){ .since_ms = d->at_ms, .calm_ms = TIME_NONE, .tested_ms = TIME_NONE };
    credit(b, d->at_ms);
    probes_ticked(s);
    return b;
}

static bool make_room(struct judge *j, int64_t deployed_ms)
{
    size_t oldest = 0;
    if (j->n_bakes < JUDGE_BAKES)
        return true;
    for (size_t i = 1; i < j->n_bakes; i++) {
        if (j->bakes[i]->deployed_ms < j->bakes[oldest]->deployed_ms)
            oldest = i;
    }
    if (j->bakes[oldest]->deployed_ms >= deployed_ms)
        return false;
    j->bakes[oldest]->subject->bake = NULL;
    bake_free(j->bakes[oldest]);
    j->bakes[oldest] = j->bakes[--j->n_bakes];
    return true;
}

void bake_open(struct judge *j, struct subject *s, const struct sample *d)
{
    double at = d->n ? d->v[DEPLOY_AT] : NAN;
    if (!(at > 0) || !(at < 1e15))
        return;
    int64_t at_ms = (int64_t)at < d->at_ms ? (int64_t)at : d->at_ms;
    if (s->bake && at_ms <= s->bake->deployed_ms && text_eq(d->text, s->bake->what))
        return; /* another that is older is not refused: a template may have been restored */
    if (d->at_ms - at_ms >= (int64_t)j->limits.v[CONF_EXTENDED] || (!s->bake && !make_room(j, at_ms)))
        return;
    struct bake_state *b = bake_new(j, s, d, at_ms);
    size_t i = 0;
    while (i < j->n_bakes && j->bakes[i]->subject != s)
        i++;
    if (i == j->n_bakes)
        j->n_bakes++;
    bake_free(s->bake);
    j->bakes[i] = s->bake = b;
    struct rollout_seen *r = &s->rollout;
    r->complete_ms = r->ready_ms = r->restart_ms = TIME_NONE;
    if (r->at_ms != TIME_NONE && r->at_ms < at_ms)
        r->short_since_ms = TIME_NONE;
    s->rows[0] = s->rows[1] = s->rows[2] = 0;
    char text[JUDGE_RULE];
    snprintf(text, sizeof text, "%.150s %.150s", bake_name(b), b->is_by_hand ? "by hand" : b->what);
    marks_add(j, MARK_DEPLOY, at_ms, s->id, text);
}
