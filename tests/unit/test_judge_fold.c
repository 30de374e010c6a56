/* The fold itself: bad input, time that jumps, the same samples in other portions, deploys, marks, tracks. */
#include "tests/unit/unit.h"

#include "tests/unit/judge.h"

static const struct quarter well = { .n = 300 };
static const unsigned all_required = 1u << TRIGGER_ROLLOUT | 1u << TRIGGER_HEALTH | 1u << TRIGGER_LATENCY | 1u << TRIGGER_ERRORS;

static void impossible_thresholds_are_refused(void **state)
{
    (void)state;
    static const enum conf_value which[] = { CONF_FAILURES, CONF_LATENCY_RATIO, CONF_LATENCY_DELTA, CONF_ERROR_SHARE, CONF_SLO,
                                             CONF_LEAST_N, CONF_WARMUP, CONF_WINDOW, CONF_EXTENDED, CONF_BASELINE, CONF_COVERAGE };
    static const double bad[] = { -1, NAN, 1e308, -INFINITY, INFINITY };
    for (size_t i = 0; i < ARRAY_LEN(which); i++) {
        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
            struct rig r;
            rig_begin(&r);
            conf(&r, which[i], bad[k]);
            quarters(&r, WEB, 120, well);
            deploy(&r, WEB, r.now_ms);
            quarters(&r, WEB, 122, well);
            const struct bake *b = bake_of(&r, WEB);
            if (b->window_word != VERDICT_PASS || b->first_rollback_ms != TIME_NONE || b->window_end_ms - b->deployed_ms != 1800000)
                fail_msg("threshold %d as %g: %s: %s", which[i], bad[k], verdict_name(b->window_word), b->rule);
            if (which[i] == CONF_ERROR_SHARE)
                assert_true(says(&b->triggers[TRIGGER_ERRORS], "can not be"));
            if (which[i] == CONF_LATENCY_RATIO)
                assert_true(says(&b->triggers[TRIGGER_LATENCY], "can not be"));
            if (which[i] == CONF_FAILURES)
                assert_true(says(&b->triggers[TRIGGER_HEALTH], "can not be"));
            rig_end(&r);
        }
    }
}

static void zero_as_a_threshold_is_refused(void **state)
{
    (void)state;
    static const enum conf_value which[] = { CONF_FAILURES, CONF_LATENCY_RATIO, CONF_ERROR_SHARE, CONF_SLO, CONF_LEAST_N, CONF_WINDOW };
    for (size_t i = 0; i < ARRAY_LEN(which); i++) {
        struct rig r;
        rig_begin(&r);
        conf(&r, which[i], 0);
        quarters(&r, WEB, 120, well);
        deploy(&r, WEB, r.now_ms);
        quarters(&r, WEB, 40, well);
        assert_int_equal(bake_of(&r, WEB)->word, VERDICT_PASS);
        rig_end(&r);
    }
}

static void bad_samples_are_as_if_they_had_not_come(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    require(&r, all_required);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    for (int i = 0; i < 60; i++) {
        requests(&r, WEB, -500, 100); /* a counter that began anew */
        requests(&r, WEB, 10, 1e308);
        requests(&r, WEB, NAN, NAN);
        requests(&r, WEB, 5, 10);
        latency(&r, WEB, -100, 0, 50);
        latency(&r, WEB, NAN, 0, INFINITY);
        p95(&r, WEB, 0);
        p95(&r, WEB, -5);
        p95(&r, WEB, 1e308);
        put_at(&r, SAMPLE_REQUESTS, WEB, "", 0, -5, (const double[]){ 100, 100 }, 2, "");
        put_at(&r, SAMPLE_REQUESTS, WEB, "", 0, 15000, NULL, 0, "");
        put_at(&r, SAMPLE_PROBE, WEB, WEB, 99, 0, NULL, 0, "");
        put_at(&r, SAMPLE_PROBE, WEB, WEB, -1, 0, NULL, 0, "");
        put_at(&r, SAMPLE_ROLLOUT, WEB, "", 77, 0, NULL, 0, "");
        put_at(&r, SAMPLE_ROWS, WEB, "", 0, 0, (const double[]){ NAN, -1, 0 }, 3, "");
        put_at(&r, SAMPLE_LINK, "", "", 0, 0, (const double[]){ NAN }, 1, "");
        put_at(&r, SAMPLE_DEPLOY, WEB, "", 0, 0, (const double[]){ NAN }, 1, "x");
        put_at(&r, SAMPLE_DEPLOY, "", "", 0, 0, (const double[]){ (double)r.now_ms }, 1, "x");
        quarter(&r, WEB, well);
    }
    const struct bake *b = bake_of(&r, WEB);
    if (b->word != VERDICT_PASS)
        fail_msg("%s: %s", verdict_name(b->word), b->rule);
    assert_string_equal(b->what, "2.0.0");
    rig_end(&r);
}

static void a_jump_of_time_is_a_gap_and_fires_nothing(void **state)
{
    (void)state;
    static const int64_t jumps[] = { 60000, 300000, 3600000, INT64_C(86400000) * 3650, INT64_C(1) << 60, -3600000, INT64_MIN / 2 };
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        struct rig r;
        rig_begin(&r);
        require(&r, all_required);
        conf(&r, CONF_EXTENDED, 7 * 24 * 3600000.0);
        quarters(&r, WEB, 120, well);
        deploy(&r, WEB, r.now_ms);
        quarters(&r, WEB, 20, well);
        probe(&r, WEB, PROBE_REFUSED);
        link_is(&r, true);
        int64_t before = r.now_ms;
        r.now_ms += jumps[i];
        quarters(&r, WEB, 20, well);
        r.now_ms = before > r.now_ms ? before : r.now_ms;
        const struct bake *b = bake_of(&r, WEB);
        if (b && b->first_rollback_ms != TIME_NONE)
            fail_msg("a jump of %lld ms: %s", (long long)jumps[i], b->rule);
        size_t gaps = 0;
        for (size_t k = 0; k < r.v->n_marks; k++)
            gaps += r.v->marks[k].kind == MARK_GAP;
        assert_int_equal(gaps, jumps[i] > 0 && jumps[i] < INT64_C(1) << 50);
        rig_end(&r);
    }
}

static void a_gap_is_shown_and_counters_go_on(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    require(&r, 1u << TRIGGER_HEALTH);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 4, well);
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            r.now_ms += 120000; /* killed, and started again */
        probe(&r, WEB, PROBE_REFUSED);
        link_is(&r, true);
        advance(&r, 5000);
        assert_int_equal(trigger_of(&r, TRIGGER_HEALTH)->state == TRIGGER_FIRED, i == 3);
    }
    rig_end(&r);
}

/* ---- portions ---- */

static void play_all(struct rig *r)
{
    require(r, all_required);
    quarters(r, WEB, 120, well);
    deploy(r, WEB, r->now_ms - 3000);
    quarters(r, WEB, 10, well);
    quarters(r, WEB, 30, (struct quarter){ .n = 300, .failed = 40, .slow = 40 });
    advance(r, 1800000 + 777);
    quarters(r, WEB, 30, (struct quarter){ .n = 40, .failed = 1, .probe = PROBE_TIMEOUT });
    deploy(r, API, r->now_ms - 60000);
    quarters(r, API, 130, well);
}

static void assert_same(const struct verdict *a, const struct verdict *b)
{
    assert_int_equal(a->word, b->word);
    assert_string_equal(a->rule, b->rule);
    assert_int_equal(a->judged_ms, b->judged_ms);
    assert_int_equal(a->n_bakes, b->n_bakes);
    assert_int_equal(a->n_marks, b->n_marks);
    for (size_t i = 0; i < a->n_marks; i++) {
        assert_string_equal(a->marks[i].text, b->marks[i].text);
        assert_int_equal(a->marks[i].at_ms, b->marks[i].at_ms);
    }
    for (size_t i = 0; i < a->n_bakes; i++) {
        for (int k = 0; k < N_TRIGGERS; k++) {
            const struct trigger *x = &a->bakes[i].triggers[k], *y = &b->bakes[i].triggers[k];
            assert_string_equal(x->rule, y->rule);
            assert_int_equal(x->since_ms, y->since_ms);
            assert_true(x->coverage == y->coverage);
            assert_int_equal(x->n_evidence, y->n_evidence);
            for (size_t e = 0; e < x->n_evidence; e++)
                assert_string_equal(x->evidence[e].text, y->evidence[e].text);
        }
    }
}

static void portions_make_no_difference(void **state)
{
    (void)state;
    struct rig whole;
    rig_begin(&whole);
    play_all(&whole);
    bake_of(&whole, API);
    assert_true(whole.v->n_bakes == 2 && whole.v->n_marks > 6);
    static const int64_t cuts[] = { 333, 1000, 5000, 60000 };
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct rig r;
        rig_begin(&r);
        r.cut_ms = cuts[i];
        play_all(&r);
        bake_of(&r, API);
        assert_same(whole.v, r.v);
        rig_end(&r);
    }
    rig_end(&whole);
}

/* ---- deploys, marks, tracks ---- */

static void deploys_open_windows(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    quarters(&r, WEB, 120, well);
    int64_t first = r.now_ms;
    deploy(&r, WEB, first);
    quarters(&r, WEB, 20, (struct quarter){ .n = 300, .failed = 60 });
    deploy(&r, WEB, first); /* said again */
    deploy(&r, WEB, first - 60000);
    assert_int_equal(bake_of(&r, WEB)->deployed_ms, first);
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_ROLLBACK);
    deploy(&r, WEB, r.now_ms); /* taken back */
    quarters(&r, WEB, 20, well);
    assert_int_equal(bake_of(&r, WEB)->deployed_ms, first + 300000);
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_PASS);
    assert_int_equal(r.v->n_bakes, 1);
    advance(&r, 24 * 3600000);
    quarters(&r, WEB, 1, well);
    assert_null(bake_of(&r, WEB));
    assert_int_equal(r.v->word, VERDICT_NONE);
    deploy(&r, WEB, r.now_ms - 25 * 3600000); /* found, and long over */
    assert_null(bake_of(&r, WEB));
    rig_end(&r);
}

static void a_restored_template_is_the_one_in_force(void **state)
{
    (void)state;
    static const struct {
        int minutes_ago;
        const char *what;
    } deploys[] = { { 5, "2.0.0" }, { 5, "2.0.1" }, { 9, "1.0.0" } }; /* two of one second, and one of before */
    struct rig r;
    rig_begin(&r);
    quarters(&r, WEB, 120, well);
    int64_t begin = r.now_ms;
    for (size_t i = 0; i < ARRAY_LEN(deploys); i++) {
        int64_t at = begin - deploys[i].minutes_ago * 60000;
        put_at(&r, SAMPLE_DEPLOY, WEB, "", 0, 0, (const double[]){ (double)at, 2, 0 }, 3, deploys[i].what);
        quarters(&r, WEB, 1, well);
        const struct bake *b = bake_of(&r, WEB);
        assert_string_equal(b->what, deploys[i].what);
        assert_int_equal(b->deployed_ms, at);
    }
    rig_end(&r);
}

static void a_deploy_found_late_says_so(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    require(&r, all_required);
    int64_t at = r.now_ms;
    r.now_ms += 600000;
    deploy(&r, WEB, at);
    quarters(&r, WEB, 82, (struct quarter){ .n = 300 });
    const struct bake *b = bake_of(&r, WEB);
    assert_int_equal(b->window_word, VERDICT_NO_DATA); /* a third of it was not watched */
    assert_true(says(&b->triggers[TRIGGER_LATENCY], "no baseline"));
    assert_true(b->triggers[TRIGGER_HEALTH].coverage > 0.6 && b->triggers[TRIGGER_HEALTH].coverage < 0.7);
    assert_true(b->triggers[TRIGGER_ROLLOUT].coverage > 0.99); /* its state tells of its past */
    assert_non_null(strstr(b->rule, "watched"));
    quarters(&r, WEB, 500, (struct quarter){ .n = 300 }); /* watched for long, it may pass */
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_PASS);
    assert_int_equal(bake_of(&r, WEB)->window_word, VERDICT_NO_DATA);
    rig_end(&r);
}

static void marks_and_checks_are_kept_within_bounds(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    for (int i = 0; i < 2000; i++) {
        char name[32];
        snprintf(name, sizeof name, "check-%d", i);
        put_at(&r, SAMPLE_CHECK, WEB, name, CHECK_WARN, 0, (const double[]){ 19, 20 }, 2, "pool");
        put_at(&r, SAMPLE_MARK, "", "", 0, 0, NULL, 0, "look here");
        put_at(&r, SAMPLE_ALERT, WEB, "HighLatency", i % 2 == 0, 0, NULL, 0, "slow");
        advance(&r, 1000);
    }
    bake_of(&r, WEB);
    assert_int_equal(r.v->n_marks, VERDICT_MARKS);
    assert_true(r.v->n_checks == 2000);
    assert_true(r.v->checks[0].value == 19);
    size_t open = 0, over = 0;
    for (size_t i = 0; i < r.v->n_marks; i++) {
        const struct mark *m = &r.v->marks[i];
        open += m->kind == MARK_ALERT && m->until_ms == TIME_NONE;
        over += m->kind == MARK_ALERT && m->until_ms > m->at_ms;
    }
    assert_true(!open && over > 100);
    rig_end(&r);
}

static void tracks_have_gaps_as_gaps(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 20, (struct quarter){ .no_counts = true });
    quarters(&r, WEB, 20, (struct quarter){ .n = 600, .failed = 6 });
    bake_of(&r, WEB);
    struct tracks *t = judge_tracks(r.j);
    const struct track *k = tracks_find(t, WEB);
    assert_non_null(k);
    size_t last = t->n_points - 2, gap = t->n_points - 30;
    assert_true(fabs((double)k->requests_per_s[last] - 40) < 1 && fabs((double)k->error_share[last] - 0.01) < 0.001);
    assert_true(isnan(k->requests_per_s[gap]) && isnan(k->p95_ms[gap]) && !isnan(k->probe_ms[gap]));
    assert_true(k->band_low_ms > 70 && k->band_high_ms < 101 && k->limit_ms > k->band_high_ms);
    assert_null(tracks_find(t, API));
    section_unref(&t->section);
    rig_end(&r);
}

static void a_day_of_many_folds_quickly(void **state)
{
    (void)state;
    struct rig r;
    rig_begin(&r);
    char id[64];
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "deployment.apps/shop/s%03d", i);
        deploy(&r, id, r.now_ms);
    }
    for (int tick = 0; tick < 720; tick++) { /* an hour: tests/bench/verdict --fold has the day and the figure */
        for (int i = 0; i < 200; i++) {
            snprintf(id, sizeof id, "deployment.apps/shop/s%03d", i);
            probe(&r, id, PROBE_OK);
        }
        link_is(&r, true);
        advance(&r, 5000);
    }
    bake_of(&r, id);
    assert_int_equal(r.v->n_bakes, 200);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_thresholds_are_refused),
        cmocka_unit_test(zero_as_a_threshold_is_refused),
        cmocka_unit_test(bad_samples_are_as_if_they_had_not_come),
        cmocka_unit_test(a_jump_of_time_is_a_gap_and_fires_nothing),
        cmocka_unit_test(a_gap_is_shown_and_counters_go_on),
        cmocka_unit_test(portions_make_no_difference),
        cmocka_unit_test(deploys_open_windows),
        cmocka_unit_test(a_restored_template_is_the_one_in_force),
        cmocka_unit_test(a_deploy_found_late_says_so),
        cmocka_unit_test(marks_and_checks_are_kept_within_bounds),
        cmocka_unit_test(tracks_have_gaps_as_gaps),
        cmocka_unit_test(a_day_of_many_folds_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
