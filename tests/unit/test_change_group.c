/* The rows of a group, worked by one plan: each by itself, and what is left is said. */
#include "tests/unit/unit.h"

#include "tests/unit/gate.h"

static struct group_act *act_of_three(const char *verb, bool is_production)
{
    static const int64_t ids[] = { 9, 8, 7 };
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = verb, .note = "a note", .by = "ann@here", .is_production = is_production,
                                   .on_change = on_change };
    put_row_as(8, "refused");
    put_row_as(9, "refused");
    return group_act_new(&spec, ids, 3, 5);
}

static void confirm_group(struct group_act *g)
{
    struct plan *p = group_act_plan(g, 1);
    assert_int_equal(p->state, PLAN_READY);
    group_act_confirm(g, p->hash);
    section_unref(&p->section);
}

static bool plan_says(const struct plan *p, const char *text)
{
    bool is_there = strstr(p->target, text) || strstr(p->text, text);
    for (size_t i = 0; i < p->n_lines; i++)
        is_there = is_there || strstr(p->lines[i].text, text);
    return is_there;
}

static void one_plan_names_the_rows_and_does_each(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct group_act *g = act_of_three("resolve", true);
    struct plan *p = group_act_plan(g, 1);
    assert_string_equal(p->word, "payments");
    assert_string_equal(p->target, "3 errors of payments: 9 8 7");
    assert_true(plan_says(p, "9  ") && plan_says(p, "8  ") && plan_says(p, "7  "));
    assert_true(plan_says(p, "resolution_notes: a note"));
    assert_true(plan_says(p, "2 more of this group are not in this plan"));
    section_unref(&p->section);
    group_act_confirm(g, "not the plan's hash");
    assert_int_equal(the.n_writes, 0);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_DONE);
    assert_int_equal(the.n_writes, 3);
    assert_string_not_equal(the.keys[0], the.keys[1]);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED INTENT SENT APPLIED CLOSED INTENT SENT APPLIED CLOSED ");
    group_act_free(g);
}

static void one_that_somebody_was_quicker_with_is_left(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "");
    script(OUTCOME_REFUSED, ERR_OK, "resolved by bob");
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_PARTLY);
    struct plan *p = group_act_plan(g, 1);
    assert_string_equal(p->text, "2 of 3; not 8: resolved by bob");
    section_unref(&p->section);
    group_act_free(g);
    /* and one that has changed since the plan was shown is not even sent */
    the.n_writes = the.n_answers = 0;
    script(OUTCOME_APPLIED, ERR_OK, "");
    g = act_of_three("resolve", false);
    put_row_as(8, "something else now");
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_PARTLY);
    assert_int_equal(the.n_writes, 2);
    group_act_free(g);
}

static void a_lost_answer_holds_up_the_next_row(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_UNKNOWN);
    assert_int_equal(the.n_writes, 1);
    UNTIL(group_act_state(g) == PLAN_DONE);
    assert_int_equal(the.n_writes, 4);
    assert_string_equal(the.keys[0], the.keys[1]);
    group_act_free(g);
}

static void a_group_is_refused_read_only(void **state)
{
    (void)state;
    open_gate("", false);
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    assert_int_equal(group_act_state(g), PLAN_FAILED);
    assert_int_equal(the.n_writes, 0);
    group_act_free(g);
}

static void one_of_several_says_so(void **state)
{
    (void)state;
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = "resolve", .id = 7, .note = "a note", .by = "ann@here", .n_open = 3,
                                   .on_change = on_change };
    struct error_act *a = error_act_new(&spec);
    struct plan *p = error_act_plan(a, 1);
    assert_string_equal(p->target, "error 7 of payments: 1 of 3 of this group");
    assert_true(plan_says(p, "the other 2 of its group stay as they are; :resolve-all does all of them in one plan"));
    section_unref(&p->section);
    error_act_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_plan_names_the_rows_and_does_each),
        TEST(one_that_somebody_was_quicker_with_is_left), TEST(a_lost_answer_holds_up_the_next_row),
        TEST(a_group_is_refused_read_only), TEST(one_of_several_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
