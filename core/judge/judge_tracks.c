/* The courses that are drawn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/judge/judge_internal.h"

/* Most workloads have most rows empty: these are one, `none`. */
static const float *kept(struct arena *a, const float row[TRACK_POINTS], const float *none)
{
    for (size_t i = 0; i < TRACK_POINTS; i++) {
        if (!isnan(row[i]))
            return memcpy(arena_alloc(a, TRACK_POINTS * sizeof *row), row, TRACK_POINTS * sizeof *row);
    }
    return none;
}

static void fill_track(const struct subject *s, int64_t first, struct track *t, struct arena *a, const float *none)
{
    float p95[TRACK_POINTS], errors[TRACK_POINTS], rate[TRACK_POINTS], cpu[TRACK_POINTS], probe[TRACK_POINTS];
    const struct course *c = &s->course;
    for (int64_t i = 0; i < TRACK_POINTS; i++) {
        const struct course_slot *at = course_at(c, first + i);
        double slow[SAMPLE_VALUES];
        p95[i] = errors[i] = rate[i] = probe[i] = NAN;
        cpu[i] = course_cpu_at(c, first + i);
        if (!at)
            continue;
        p95[i] = at->p95;
        if (at->latency_ms > 0 && course_sum(c, first + i, first + i + 1, slow) >= 1)
            p95[i] = (float)course_p95_of(slow, c->bounds, c->n_bounds);
        errors[i] = at->requests > 0 ? at->failed / at->requests : NAN;
        rate[i] = at->requests_ms > 0 ? at->requests * 1000 / at->requests_ms : NAN;
        probe[i] = at->probes_timed ? at->probe_ms / at->probes_timed : NAN;
    }
    *t = (struct track){ .subject = arena_strdup(a, s->id), .p95_ms = kept(a, p95, none),
                         .error_share = kept(a, errors, none), .requests_per_s = kept(a, rate, none),
                         .cpu_millis = kept(a, cpu, none), .probe_ms = kept(a, probe, none),
                         .band_low_ms = NAN, .band_high_ms = NAN, .limit_ms = NAN, .deployed_ms = TIME_NONE };
    const struct bake_state *b = s->bake;
    if (!b)
        return;
    t->deployed_ms = b->deployed_ms;
    t->band_low_ms = b->baseline.low_ms;
    t->band_high_ms = b->baseline.high_ms;
    t->limit_ms = b->limit.is_known ? b->limit.p95_ms : b->triggers[TRIGGER_LATENCY].threshold;
}

static int by_subject(const void *x, const void *y)
{
    return strcmp(((const struct track *)x)->subject, ((const struct track *)y)->subject);
}

struct tracks *judge_tracks(const struct judge *j)
{
    struct tracks *t = section_new(sizeof *t, NULL);
    int64_t last = j->tick_ms > 0 ? course_slot_of(j->tick_ms) : 0, first = last - TRACK_POINTS + 1;
    t->items = arena_alloc(&t->section.arena, (j->n_subjects + 1) * sizeof *t->items);
    t->from_ms = first * TRACK_STEP_MS;
    t->step_ms = TRACK_STEP_MS;
    t->n_points = TRACK_POINTS;
    t->error_limit = j->limits.v[CONF_ERROR_SHARE];
    float *none = arena_alloc(&t->section.arena, TRACK_POINTS * sizeof *none);
    for (size_t i = 0; i < TRACK_POINTS; i++)
        none[i] = NAN;
    for (const struct subject *s = j->subjects; s; s = s->hh.next) {
        if (s->course.slots || (s->bake && s->course.cpu))
            fill_track(s, first, &t->items[t->n++], &t->section.arena, none);
    }
    qsort(t->items, t->n, sizeof *t->items, by_subject);
    return t;
}
