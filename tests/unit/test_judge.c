/* The judge: each trigger's rule, the observer's guard, the word and the end of the window. */
#include "tests/unit/unit.h"

#include "tests/unit/judge.h"

static const struct quarter well = { .n = 300 };

static void begin(struct rig *r, unsigned required)
{
    rig_begin(r);
    require(r, required);
}

/* ---- health ---- */

static void the_fourth_failure_fires(void **state)
{
    (void)state;
    static const struct {
        const char *probes; /* each 5 s: . ok, x refused, u unseen, - nothing; L: the link is found lost, R: it answers */
        enum trigger_state ends;
        bool fired;
        int count;
    } t[] = {
        { ".....", TRIGGER_OK, false, 0 },          { "....x", TRIGGER_OK, false, 1 },
        { "...xx", TRIGGER_WATCH, false, 2 },       { "..xxx", TRIGGER_WATCH, false, 3 },
        { ".xxxx", TRIGGER_FIRED, true, 4 },        { ".xxxuuux", TRIGGER_FIRED, true, 4 },
        { ".xxxuuu", TRIGGER_WATCH, false, 3 },     { ".xxx.xxx.xxx.", TRIGGER_WATCH, false, 0 },
        { ".xxLxxxxxxx", TRIGGER_NO_DATA, false, 2 }, { ".xxLxxxxRx", TRIGGER_WATCH, false, 3 },
        { ".xxLxxxxRxx", TRIGGER_FIRED, true, 4 },  { "xxxx....", TRIGGER_FIRED, true, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct rig r;
        begin(&r, 1u << TRIGGER_HEALTH);
        quarters(&r, WEB, 8, well);
        deploy(&r, WEB, r.now_ms);
        bool fired = false, is_up = true;
        for (const char *p = t[i].probes; *p; p++) {
            is_up = *p == 'L' ? false : *p == 'R' ? true : is_up;
            if (*p == 'L' || *p == 'R') {
                link_is(&r, is_up);
                continue;
            }
            if (*p != '-')
                probe(&r, WEB, *p == '.' ? PROBE_OK : *p == 'x' ? PROBE_REFUSED : PROBE_UNSEEN);
            if (is_up)
                link_is(&r, true);
            advance(&r, 5000);
            fired |= trigger_of(&r, TRIGGER_HEALTH)->state == TRIGGER_FIRED;
        }
        const struct trigger *h = trigger_of(&r, TRIGGER_HEALTH);
        if (h->state != t[i].ends || fired != t[i].fired || h->count != t[i].count)
            fail_msg("%s: %s, %d, %s", t[i].probes, trigger_state_name(h->state), (int)h->count, h->rule);
        rig_end(&r);
    }
}

static void failures_wait_for_a_proof(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, 1u << TRIGGER_HEALTH);
    quarters(&r, WEB, 8, well);
    deploy(&r, WEB, r.now_ms);
    for (int i = 0; i < 4; i++) {
        probe(&r, WEB, PROBE_TIMEOUT);
        advance(&r, 5000);
    }
    assert_int_equal(trigger_of(&r, TRIGGER_HEALTH)->state, TRIGGER_OK);
    assert_true(says(trigger_of(&r, TRIGGER_HEALTH), "not yet proven"));
    link_is(&r, true);
    advance(&r, 5000);
    assert_int_equal(trigger_of(&r, TRIGGER_HEALTH)->state, TRIGGER_FIRED);
    rig_end(&r);
}

static void our_own_link_down_fires_nothing(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, 1u << TRIGGER_HEALTH);
    quarters(&r, WEB, 8, well);
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 2, well);
    for (int i = 0; i < 3; i++) {
        probe(&r, WEB, PROBE_TIMEOUT);
        advance(&r, 5000);
    }
    link_is(&r, false);
    for (int i = 0; i < 24; i++) {
        probe(&r, WEB, PROBE_TIMEOUT);
        advance(&r, 5000);
    }
    const struct bake *b = bake_of(&r, WEB);
    assert_int_equal(b->word, VERDICT_NO_DATA);
    assert_int_equal(b->first_rollback_ms, TIME_NONE);
    assert_true(r.v->observer_lost_ms != TIME_NONE);
    quarters(&r, WEB, 4, well);
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_PASS);
    assert_int_equal(r.v->observer_lost_ms, TIME_NONE);
    size_t n = 0;
    for (size_t i = 0; i < r.v->n_marks; i++)
        n += r.v->marks[i].kind == MARK_LINK && r.v->marks[i].until_ms > r.v->marks[i].at_ms;
    assert_int_equal(n, 1);
    rig_end(&r);
}

static void without_a_link_all_failing_is_unseen(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct rig r;
        begin(&r, 1u << TRIGGER_HEALTH);
        for (int i = 0; i < 60; i++) {
            bool is_bad = i >= 24;
            if (i == 24)
                deploy(&r, WEB, r.now_ms);
            probe(&r, WEB, is_bad ? PROBE_REFUSED : PROBE_OK);
            advance(&r, 1000);
            probe(&r, API, is_bad && both ? PROBE_REFUSED : PROBE_OK);
            advance(&r, 4000);
        }
        assert_int_equal(trigger_of(&r, TRIGGER_HEALTH)->state, both ? TRIGGER_NO_DATA : TRIGGER_FIRED);
        rig_end(&r);
    }
}

static void a_service_that_failed_before_is_named(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, 1u << TRIGGER_HEALTH);
    quarters(&r, WEB, 8, (struct quarter){ .n = 300, .probe = PROBE_REFUSED });
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 8, (struct quarter){ .n = 300, .probe = PROBE_REFUSED });
    const struct trigger *h = trigger_of(&r, TRIGGER_HEALTH);
    assert_int_equal(h->state, TRIGGER_WATCH);
    assert_true(h->is_preexisting && says(h, "pre-existing"));
    rig_end(&r);
}

/* ---- errors and latency ---- */

static void shares_are_tested(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct quarter before, after; /* n 0 before: no baseline */
        int quarters;
        enum trigger_kind kind;
        enum trigger_state ends;
        bool is_preexisting;
    } t[] = {
        { "well", { .n = 300 }, { .n = 300 }, 40, TRIGGER_ERRORS, TRIGGER_OK, false },
        { "10 % fail", { .n = 300 }, { .n = 300, .failed = 30 }, 20, TRIGGER_ERRORS, TRIGGER_FIRED, false },
        { "10 % fail, for two minutes", { .n = 300 }, { .n = 300, .failed = 30 }, 8, TRIGGER_ERRORS, TRIGGER_WATCH, false },
        { "5.1 % fail", { .n = 300 }, { .n = 30, .failed = 1.55 }, 20, TRIGGER_ERRORS, TRIGGER_WATCH, false },
        { "one of 19", { .n = 300 }, { .n = 1, .failed = 1 }, 19, TRIGGER_ERRORS, TRIGGER_OK, false },
        { "6 % before and after", { .n = 300, .failed = 18 }, { .n = 300, .failed = 18 }, 40, TRIGGER_ERRORS, TRIGGER_WATCH, true },
        { "6 % before, 20 % after", { .n = 300, .failed = 18 }, { .n = 300, .failed = 60 }, 40, TRIGGER_ERRORS, TRIGGER_FIRED, false },
        { "10 % fail, no baseline", { .n = 0 }, { .n = 300, .failed = 30 }, 20, TRIGGER_ERRORS, TRIGGER_FIRED, false },
        { "as fast as before", { .n = 300, .slow = 2 }, { .n = 300, .slow = 2 }, 40, TRIGGER_LATENCY, TRIGGER_OK, false },
        { "10 % slower than 150 ms", { .n = 300, .slow = 2 }, { .n = 300, .slow = 30 }, 40, TRIGGER_LATENCY, TRIGGER_FIRED, false },
        { "not yet armed", { .n = 300, .slow = 2 }, { .n = 300, .slow = 30 }, 7, TRIGGER_LATENCY, TRIGGER_OK, false },
        { "few and slow", { .n = 300, .slow = 2 }, { .n = 1, .slow = 1 }, 25, TRIGGER_LATENCY, TRIGGER_OK, false },
        { "slow, no baseline", { .n = 0 }, { .n = 300, .slow = 30 }, 40, TRIGGER_LATENCY, TRIGGER_OK, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct rig r;
        begin(&r, 1);
        struct quarter before = t[i].before;
        before.no_counts = before.n == 0;
        quarters(&r, WEB, 120, before);
        deploy(&r, WEB, r.now_ms);
        quarters(&r, WEB, t[i].quarters, t[i].after);
        const struct trigger *x = trigger_of(&r, t[i].kind);
        if (x->state != t[i].ends || x->is_preexisting != t[i].is_preexisting)
            fail_msg("%s: %s: %s", t[i].what, trigger_state_name(x->state), x->rule);
        if (before.no_counts)
            assert_true(says(x, "no baseline"));
        rig_end(&r);
    }
}

static void the_objective_alone_is_watch(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct rig r;
        begin(&r, 1);
        for (int i = 0; i < 200; i++) {
            bool is_slow = before || i > 120;
            if (i == 120)
                deploy(&r, WEB, r.now_ms);
            /* 180 ms, then 210: no 50 % more, but over 200 */
            put_at(&r, SAMPLE_LATENCY, WEB, "", 0, 15000, (const double[]){ 0, 0, 0, 100, is_slow ? 150 : 196, is_slow ? 50 : 4, 0, 0 }, 8, "");
            rollout(&r, WEB, ROLLOUT_COMPLETE, 4, 0, 0, TIME_NONE);
            advance(&r, 15000);
        }
        const struct trigger *x = trigger_of(&r, TRIGGER_LATENCY);
        assert_int_equal(x->state, before ? TRIGGER_OK : TRIGGER_WATCH);
        assert_true(x->is_preexisting == before);
        assert_true(says(x, before ? "pre-existing" : "ms"));
        rig_end(&r);
    }
}

static void a_p95_without_counts_is_judged_slowly(void **state)
{
    (void)state;
    static const struct {
        double before, after;
        enum trigger_state ends;
    } t[] = { { 100, 105, TRIGGER_OK }, { 100, 170, TRIGGER_FIRED }, { 100, 140, TRIGGER_OK }, { 8, 13, TRIGGER_OK }, { 8, 40, TRIGGER_FIRED } };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct rig r;
        begin(&r, 1);
        for (int k = 0; k < 200; k++) {
            double base = k <= 120 ? t[i].before : t[i].after;
            if (k == 120)
                deploy(&r, WEB, r.now_ms);
            p95(&r, WEB, base * (1 + 0.02 * (k % 7 - 3)));
            rollout(&r, WEB, ROLLOUT_COMPLETE, 4, 0, 0, TIME_NONE);
            advance(&r, 15000);
        }
        const struct trigger *x = trigger_of(&r, TRIGGER_LATENCY);
        if (x->state != t[i].ends)
            fail_msg("%g to %g: %s", t[i].before, t[i].after, x->rule);
        rig_end(&r);
    }
}

/* Two minutes are once; it must last. */
static void one_bad_stretch_is_not_enough(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, 1);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 60, well);
    quarters(&r, WEB, 8, (struct quarter){ .n = 300, .failed = 60 });
    const struct trigger *x = trigger_of(&r, TRIGGER_ERRORS);
    assert_int_equal(x->state, TRIGGER_WATCH);
    assert_int_equal(x->count, 1);
    quarters(&r, WEB, 8, (struct quarter){ .n = 300, .failed = 60 });
    assert_int_equal(trigger_of(&r, TRIGGER_ERRORS)->state, TRIGGER_FIRED);
    rig_end(&r);
}

/* ---- rollout and rows ---- */

static void rollouts_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int state;
        double ready, crashed, restarts;
        int for_s;
        enum trigger_state ends;
    } t[] = {
        { "done", ROLLOUT_COMPLETE, 4, 0, 0, 60, TRIGGER_OK },
        { "rolling out", ROLLOUT_PROGRESSING, 3, 0, 0, 300, TRIGGER_OK },
        { "for too long", ROLLOUT_PROGRESSING, 3, 0, 0, 660, TRIGGER_WATCH },
        { "deadline", ROLLOUT_FAILED, 3, 0, 0, 5, TRIGGER_FIRED },
        { "one pod restarted once", ROLLOUT_COMPLETE, 4, 1, 1, 60, TRIGGER_WATCH },
        { "and is well for long", ROLLOUT_COMPLETE, 4, 1, 1, 780, TRIGGER_OK },
        { "three restarts", ROLLOUT_PROGRESSING, 3, 2, 3, 5, TRIGGER_FIRED },
        { "can not start", ROLLOUT_PROGRESSING, 3, 1, 0, 90, TRIGGER_FIRED },
        { "can not start, for 30 s", ROLLOUT_PROGRESSING, 3, 1, 0, 30, TRIGGER_WATCH },
        { "a pod is short", ROLLOUT_COMPLETE, 3, 0, 0, 60, TRIGGER_WATCH },
        { "a pod is short for some seconds", ROLLOUT_COMPLETE, 3, 0, 0, 10, TRIGGER_OK },
        { "paused", ROLLOUT_PAUSED, 4, 0, 0, 10, TRIGGER_WATCH },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct rig r;
        begin(&r, 1);
        deploy(&r, WEB, r.now_ms);
        int64_t crash = t[i].crashed > 0 ? r.now_ms : TIME_NONE;
        for (int at = 0; at <= t[i].for_s; at += 5) {
            rollout(&r, WEB, t[i].state, t[i].ready, t[i].crashed, t[i].restarts, crash);
            advance(&r, 5000);
        }
        const struct trigger *x = trigger_of(&r, TRIGGER_ROLLOUT);
        if (x->state != t[i].ends)
            fail_msg("%s: %s: %s", t[i].what, trigger_state_name(x->state), x->rule);
        rig_end(&r);
    }
}

static void rows_are_watch_at_most(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, 1);
    deploy(&r, WEB, r.now_ms);
    for (int i = 0; i < 8; i++) {
        put_at(&r, SAMPLE_ROWS, WEB, "", 0, 0, (const double[]){ 50, 3, 60 }, 3, "");
        rollout(&r, WEB, ROLLOUT_COMPLETE, 4, 0, 0, TIME_NONE);
        advance(&r, 15000);
    }
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_WATCH);
    assert_int_equal(bake_of(&r, WEB)->decides, TRIGGER_ROWS);
    rig_end(&r);
}

/* ---- the word ---- */

static const unsigned all_required = 1u << TRIGGER_ROLLOUT | 1u << TRIGGER_HEALTH | 1u << TRIGGER_LATENCY | 1u << TRIGGER_ERRORS;

static void the_word_of_a_good_bake(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, all_required);
    assert_null(bake_of(&r, WEB));
    assert_int_equal(r.v->word, VERDICT_NONE);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    int64_t at = r.now_ms;
    for (int i = 0; i < 119; i++) {
        quarter(&r, WEB, well);
        const struct bake *b = bake_of(&r, WEB);
        if (b->word != VERDICT_PASS || !r.v->is_so_far || b->window_word)
            fail_msg("after %d s: %s: %s", (int)(r.now_ms - at) / 1000, verdict_name(b->word), b->rule);
    }
    quarters(&r, WEB, 2, well);
    const struct bake *b = bake_of(&r, WEB);
    assert_int_equal(b->window_word, VERDICT_PASS);
    assert_int_equal(b->phase, BAKE_EXTENDED);
    assert_false(r.v->is_so_far);
    assert_string_equal(r.v->lacks, "on 4 of 5: no errors db");
    assert_string_equal(b->name, "shop/web");
    assert_true(b->baseline_n > 30000 && b->baseline_p95_ms > 75 && b->baseline_p95_ms < 100);
    rig_end(&r);
}

static void no_data_is_never_pass(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct quarter after;
        int bad, good; /* quarters of a minute: so, then well */
        enum verdict_word during, window;
    } t[] = {
        { "nothing but the rollout", { .no_probes = true, .no_counts = true }, 121, 0, VERDICT_NO_DATA, VERDICT_NO_DATA },
        { "no probes", { .n = 300, .no_probes = true }, 121, 0, VERDICT_NO_DATA, VERDICT_NO_DATA },
        { "no rollout", { .n = 300, .no_rollout = true }, 121, 0, VERDICT_NO_DATA, VERDICT_NO_DATA },
        { "counts stop for ten minutes", { .no_counts = true }, 40, 81, VERDICT_NO_DATA, VERDICT_NO_DATA },
        { "counts stop for one minute", { .no_counts = true }, 4, 117, VERDICT_NO_DATA, VERDICT_PASS },
        { "no request at all", { .n = 0 }, 121, 0, VERDICT_NO_DATA, VERDICT_NO_DATA },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct rig r;
        begin(&r, all_required);
        quarters(&r, WEB, 120, well);
        deploy(&r, WEB, r.now_ms);
        quarters(&r, WEB, t[i].bad, t[i].after);
        if (bake_of(&r, WEB)->word != t[i].during)
            fail_msg("%s: %s", t[i].what, verdict_name(bake_of(&r, WEB)->word));
        quarters(&r, WEB, t[i].good, well);
        const struct bake *b = bake_of(&r, WEB);
        if (b->window_word != t[i].window || b->first_rollback_ms != TIME_NONE)
            fail_msg("%s: at the end %s: %s", t[i].what, verdict_name(b->window_word), b->rule);
        rig_end(&r);
    }
}

static void the_verdict_follows_back(void **state)
{
    (void)state;
    struct rig r;
    begin(&r, all_required);
    quarters(&r, WEB, 120, well);
    deploy(&r, WEB, r.now_ms);
    quarters(&r, WEB, 40, (struct quarter){ .n = 300, .failed = 60 });
    const struct bake *b = bake_of(&r, WEB);
    assert_int_equal(b->word, VERDICT_ROLLBACK);
    assert_int_equal(b->decides, TRIGGER_ERRORS);
    quarters(&r, WEB, 12, (struct quarter){ .no_counts = true });
    assert_int_equal(bake_of(&r, WEB)->word, VERDICT_ROLLBACK); /* nothing seen heals nothing */
    quarters(&r, WEB, 40, well);
    b = bake_of(&r, WEB);
    if (b->triggers[TRIGGER_ERRORS].state == TRIGGER_FIRED)
        fail_msg("%s", b->triggers[TRIGGER_ERRORS].rule);
    assert_true(b->first_rollback_ms != TIME_NONE);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fourth_failure_fires),
        cmocka_unit_test(failures_wait_for_a_proof),
        cmocka_unit_test(our_own_link_down_fires_nothing),
        cmocka_unit_test(without_a_link_all_failing_is_unseen),
        cmocka_unit_test(a_service_that_failed_before_is_named),
        cmocka_unit_test(shares_are_tested),
        cmocka_unit_test(one_bad_stretch_is_not_enough),
        cmocka_unit_test(the_objective_alone_is_watch),
        cmocka_unit_test(a_p95_without_counts_is_judged_slowly),
        cmocka_unit_test(rollouts_are_judged),
        cmocka_unit_test(rows_are_watch_at_most),
        cmocka_unit_test(the_word_of_a_good_bake),
        cmocka_unit_test(no_data_is_never_pass),
        cmocka_unit_test(the_verdict_follows_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
