/* The section that is shown: everything in words, as of the last tick. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/judge/judge_internal.h"

static void fill_trigger(const struct judge *j, const struct bake_state *b, enum trigger_kind k, struct trigger *out,
                         struct arena *a)
{
    const struct watched *w = &b->triggers[k];
    const struct beat *beat = &b->subject->beats[k];
    struct saying s = { .arena = a };
    trigger_says(b, k, &j->limits, j->tick_ms, &s);
    *out = (struct trigger){
        .kind = k, .state = w->state, .is_required = bake_requires(b, &j->limits, k), .is_preexisting = w->is_preexisting,
        .rule = arena_strdup(a, s.rule), .source = arena_strdup(a, beat->source), .since_ms = w->since_ms,
        .sampled_ms = beat->source[0] ? beat->last_ms : TIME_NONE, .n = w->n, .count = w->count, .limit = w->limit,
        .value = k == TRIGGER_LATENCY ? latency_p95(b, j->tick_ms) : w->value, .baseline = w->baseline,
        .threshold = w->threshold, .coverage = bake_coverage(b, k, j->tick_ms), .n_evidence = s.n,
    };
    struct evidence *e = arena_alloc(a, (s.n + 1) * sizeof *e);
    memcpy(e, s.evidence, s.n * sizeof *e);
    out->evidence = e;
}

static void fill_bake(const struct judge *j, const struct bake_state *b, struct bake *out, struct arena *a)
{
    char rule[JUDGE_RULE];
    const struct baseline *base = &b->baseline;
    bake_says(b, &j->limits, j->tick_ms, rule);
    *out = (struct bake){
        .subject = arena_strdup(a, b->subject->id), .name = arena_strdup(a, bake_name(b)),
        .what = arena_strdup(a, b->what), .revision = b->revision, .deployed_ms = b->deployed_ms,
        .window_end_ms = b->window_end_ms, .extended_end_ms = b->extended_end_ms, .is_by_hand = b->is_by_hand,
        .phase = b->phase, .word = b->word, .window_word = b->window_word, .word_since_ms = b->word_since_ms,
        .first_rollback_ms = b->first_rollback_ms, .decides = b->decides, .rule = arena_strdup(a, rule),
        .baseline_from_ms = base->from_ms, .baseline_to_ms = base->to_ms,
        .baseline_n = llround(base->latency_n > base->requests ? base->latency_n : base->requests),
        .baseline_p95_ms = base->p95_ms,
        .baseline_error_share = base->requests > 0 ? base->failed / base->requests : NAN,
        .baseline_source = arena_strdup(a, b->subject->beats[base->requests > 0 ? TRIGGER_ERRORS
                                                                                 : TRIGGER_LATENCY].source),
    };
    for (int k = 0; k < N_TRIGGERS; k++)
        fill_trigger(j, b, (enum trigger_kind)k, &out->triggers[k], a);
}

static int worst_first(const void *x, const void *y)
{
    const struct bake *a = x, *b = y;
    if (a->word != b->word)
        return a->word > b->word ? -1 : 1;
    if (a->deployed_ms != b->deployed_ms)
        return a->deployed_ms > b->deployed_ms ? -1 : 1;
    return strcmp(a->subject, b->subject);
}

static void fill_lacks(const struct judge *j, struct verdict *v)
{
    static const char *const names[N_TRIGGERS] = { "no rollout", "no probes", "no p95", "no error rate",
                                                    "no errors db" };
    char text[160] = "";
    size_t at = 0;
    int have = 0;
    for (int k = 0; k < N_TRIGGERS; k++) {
        bool is_there = false;
        for (size_t i = 0; i < j->n_bakes && !is_there; i++)
            is_there = j->bakes[i]->subject->beats[k].source[0];
        have += is_there;
        if (!is_there)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? ", " : "", names[k]);
    }
    v->lacks = "";
    if (j->n_bakes && have < N_TRIGGERS)
        v->lacks = arena_printf(&v->section.arena, "on %d of %d: %s", have, N_TRIGGERS, text);
}

static void fill_marks(const struct judge *j, struct verdict *v)
{
    uint64_t n = j->n_marks < VERDICT_MARKS ? j->n_marks : VERDICT_MARKS;
    struct mark *m = arena_alloc(&v->section.arena, (n + 1) * sizeof *m);
    for (uint64_t i = 0; i < n; i++) {
        const struct kept_mark *k = &j->marks[(j->n_marks - n + i) % VERDICT_MARKS];
        m[i] = (struct mark){ k->kind, k->at_ms, k->until_ms, arena_strdup(&v->section.arena, k->subject),
                              arena_strdup(&v->section.arena, k->text), k->word, k->state };
        for (uint64_t at = i; at && m[at].at_ms < m[at - 1].at_ms; at--) { /* nearly in order: a deploy found late */
            struct mark swap = m[at];
            m[at] = m[at - 1];
            m[at - 1] = swap;
        }
    }
    v->marks = m;
    v->n_marks = n;
}

static void fill_checks(const struct judge *j, struct verdict *v)
{
    struct arena *a = &v->section.arena;
    struct check *c = arena_alloc(a, (j->n_checks + 1) * sizeof *c);
    for (size_t i = 0; i < j->n_checks; i++) {
        const struct kept_check *k = j->checks[i];
        c[i] = (struct check){ arena_strdup(a, k->series->subject), arena_strdup(a, k->series->name),
                               arena_strdup(a, k->text), k->outcome, k->value, k->limit, k->at_ms };
    }
    v->checks = c;
    v->n_checks = j->n_checks;
}

struct verdict *judge_verdict(const struct judge *j)
{
    struct verdict *v = section_new(sizeof *v, NULL);
    struct arena *a = &v->section.arena;
    size_t n = 0;
    v->bakes = arena_alloc(a, (j->n_bakes + 1) * sizeof *v->bakes);
    for (size_t i = 0; i < j->n_bakes; i++) {
        if (j->bakes[i]->word == VERDICT_NONE) /* no tick has seen it yet */
            continue;
        fill_bake(j, j->bakes[i], &v->bakes[n++], a);
        v->is_so_far |= j->bakes[i]->phase == BAKE_IMMEDIATE;
    }
    qsort(v->bakes, n, sizeof *v->bakes, worst_first);
    v->n_bakes = n;
    v->word = n ? v->bakes[0].word : VERDICT_NONE;
    v->rule = n ? arena_printf(a, "%s: %s", v->bakes[0].name, v->bakes[0].rule) : "no deploy in the last 24 h";
    v->judged_ms = j->tick_ms;
    v->observer_lost_ms = j->lost_ms;
    fill_lacks(j, v);
    fill_marks(j, v);
    fill_checks(j, v);
    return v;
}
