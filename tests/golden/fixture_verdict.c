/* The verdict and the courses of a fixture: made by hand, so that a panel's test depends on no judge. */
#include "tests/golden/fixture.h"

#include <math.h>

#include "core/model/sample.h"
#include "core/model/verdict.h"

static const int64_t now = (int64_t)FIXTURE_NOW_S * 1000;

static void trigger(struct bake *b, enum trigger_kind k, enum trigger_state s, const char *rule)
{
    static const struct evidence lines[] = { { "failed", "31 of 500 (6.2 %) in 2 min" }, { "lower bound", "4.7 % (Wilson, 95 %)" } };
    b->triggers[k] = (struct trigger){
        .kind = k, .state = s, .is_required = k != TRIGGER_HEALTH || s != TRIGGER_NO_DATA, .rule = rule,
        .source = s == TRIGGER_NO_DATA ? "" : "prometheus", .since_ms = now - 125000,
        .sampled_ms = s == TRIGGER_NO_DATA ? TIME_NONE : now - 4000, .n = 500, .coverage = 0.97,
        .evidence = lines, .n_evidence = k == TRIGGER_ERRORS ? 2 : 0 };
}

static void bake(struct bake *b, const char *subject, const char *name, enum verdict_word word, const char *rule)
{
    bool is_bad = word == VERDICT_ROLLBACK;
    *b = (struct bake){ .subject = subject, .name = name, .what = "1.9.0", .revision = 42, .deployed_ms = now - 720000,
                        .window_end_ms = now + 1080000, .extended_end_ms = now + 85680000, .word = word,
                        .word_since_ms = now - 125000, .first_rollback_ms = is_bad ? now - 125000 : TIME_NONE,
                        .decides = TRIGGER_ERRORS, .rule = rule, .baseline_from_ms = now - 2520000,
                        .baseline_to_ms = now - 720000, .baseline_n = is_bad ? 54000 : 0,
                        .baseline_p95_ms = is_bad ? 140 : (double)NAN, .baseline_error_share = is_bad ? 0.004 : (double)NAN,
                        .baseline_source = is_bad ? "prometheus" : "" };
    trigger(b, TRIGGER_ROLLOUT, is_bad ? TRIGGER_WATCH : TRIGGER_OK, is_bad ? "1 of 3 pods crashed" : "complete");
    trigger(b, TRIGGER_HEALTH, word == VERDICT_NO_DATA ? TRIGGER_NO_DATA : TRIGGER_OK, "0 of 4 probes failed");
    b->triggers[TRIGGER_HEALTH].is_required = word == VERDICT_NO_DATA;
    trigger(b, TRIGGER_LATENCY, TRIGGER_OK, "p95 146 ms (n=1,240), usual 140 ms, limit 210 ms");
    trigger(b, TRIGGER_ERRORS, is_bad ? TRIGGER_FIRED : TRIGGER_OK, rule);
    trigger(b, TRIGGER_ROWS, is_bad ? TRIGGER_WATCH : TRIGGER_OK, is_bad ? "2 CRITICAL open since the deploy" : "none since the deploy");
}

struct verdict *fixture_verdict(enum fixture f)
{
    static struct mark marks[] = {
        { MARK_DEPLOY, 0, TIME_NONE, "deployment.apps/shop/policy-api", "1.9.0", VERDICT_NONE, TRIGGER_NO_DATA },
        { MARK_VERDICT, 0, TIME_NONE, "deployment.apps/shop/policy-api", "PASS", VERDICT_PASS, TRIGGER_NO_DATA },
        { MARK_OPERATOR, 0, TIME_NONE, "", "cache flushed", VERDICT_NONE, TRIGGER_NO_DATA },
        { MARK_GAP, 0, 0, "", "nothing was recorded", VERDICT_NONE, TRIGGER_NO_DATA },
        { MARK_VERDICT, 0, TIME_NONE, "deployment.apps/shop/policy-api", "ROLL BACK: errors 6.2 % > 5 %", VERDICT_ROLLBACK, TRIGGER_NO_DATA },
    };
    static const int64_t ago[] = { 720000, 700000, 500000, 400000, 125000 };
    static const struct check checks[] = { { "deployment.apps/shop/policy-api", "database:pool", "", CHECK_WARN, 18, 20, 0 } };
    struct verdict *v = section_new(sizeof *v, NULL);
    bool is_bad = f == FIXTURE_TROUBLE || f == FIXTURE_STALE, is_hostile = f == FIXTURE_HOSTILE;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        marks[i].at_ms = now - ago[i];
    marks[3].until_ms = now - 340000;
    v->bakes = arena_alloc(&v->section.arena, 3 * sizeof *v->bakes);
    v->judged_ms = now;
    v->observer_lost_ms = f == FIXTURE_STALE ? now - 11000 : TIME_NONE;
    v->lacks = is_bad ? "" : "on 3 of 5: no probes, no p95";
    v->rule = "";
    if (f == FIXTURE_EMPTY) {
        v->word = VERDICT_NONE;
        v->lacks = "";
        v->rule = "no deploy in the last 24 hours";
        return v;
    }
    const char *rule = is_hostile ? "errors \033[31m\u202E\xff 6.2 % > 5 %" : is_bad ? "errors 6.2 % > 5 % (31 of 500 in 2 min), 2 of 2" : "no trigger";
    bake(&v->bakes[v->n_bakes++], "deployment.apps/shop/policy-api", is_hostile ? "shop/\033]0;x\a\u4e2d\u6587" : "shop/policy-api",
         is_bad || is_hostile ? VERDICT_ROLLBACK : f == FIXTURE_FORBIDDEN ? VERDICT_NO_DATA : VERDICT_PASS, rule);
    bake(&v->bakes[v->n_bakes++], "deployment.apps/shop/scrapers", "shop/scrapers", VERDICT_PASS, "no trigger");
    v->bakes[1].phase = BAKE_EXTENDED;
    v->bakes[1].deployed_ms = now - 7200000;
    v->bakes[1].window_end_ms = now - 5400000;
    v->word = v->bakes[0].word;
    v->is_so_far = true;
    v->rule = is_bad ? "policy-api: errors 6.2 % > 5 % (31 of 500 in 2 min), 2 of 2" : rule;
    v->marks = marks;
    v->n_marks = ARRAY_LEN(marks);
    v->checks = checks;
    v->n_checks = 1;
    return v;
}

static const float *course(struct arena *a, float base, float swing, float after)
{
    float *v = arena_alloc(a, TRACK_POINTS * sizeof *v);
    for (int i = 0; i < TRACK_POINTS; i++) {
        v[i] = (base + swing * (float)(i % 7) / 6) * (i >= TRACK_POINTS - 48 ? after : 1);
        if (i >= TRACK_POINTS - 28 && i < TRACK_POINTS - 22)
            v[i] = NAN; /* nothing was recorded */
    }
    return v;
}

struct tracks *fixture_tracks(enum fixture f)
{
    static const char *const ids[] = { "deployment.apps/shop/policy-api", "deployment.apps/shop/scrapers", "statefulset.apps/shop/db" };
    struct tracks *t = section_new(sizeof *t, NULL);
    struct arena *a = &t->section.arena;
    bool is_bad = f == FIXTURE_TROUBLE || f == FIXTURE_STALE || f == FIXTURE_HOSTILE;
    t->step_ms = TRACK_STEP_MS;
    t->n_points = TRACK_POINTS;
    t->from_ms = now - (int64_t)TRACK_POINTS * TRACK_STEP_MS;
    t->error_limit = 0.05;
    t->items = arena_alloc(a, ARRAY_LEN(ids) * sizeof *t->items);
    for (; f != FIXTURE_EMPTY && t->n < ARRAY_LEN(ids); t->n++) {
        float after = is_bad && t->n == 0 ? 2 : 1;
        t->items[t->n] = (struct track){
            .subject = ids[t->n], .p95_ms = course(a, 130, 20, after), .error_share = course(a, 0.004f, 0.03f, after),
            .requests_per_s = course(a, 40, 10, 1), .cpu_millis = course(a, 200, 50, after), .probe_ms = course(a, 3, 1, after),
            .band_low_ms = 125, .band_high_ms = 155, .limit_ms = 210, .deployed_ms = now - 720000 };
    }
    return t;
}
