/*
 * The gate and what goes through it, against a database that answers as a script says: lost answers are
 * settled and not guessed, no journal means no change, arming belongs to a place, what is confirmed is
 * what was shown.
 */
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/gate.h"

/* ---- changes ---- */

static void applied(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", true);
    struct plan *p = error_act_plan(a, 1);
    assert_string_equal(p->word, "payments");
    section_unref(&p->section);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_DONE);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED ");
    error_act_free(a);
}

static void a_lost_answer_is_settled(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_FAILED, ERR_NET, "no connection"); /* says nothing of the first sending */
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_UNKNOWN);
    UNTIL(error_act_state(a) == PLAN_DONE);
    assert_int_equal(the.n_writes, 3);
    assert_string_equal(the.keys[0], the.keys[1]);
    assert_string_equal(the.keys[0], the.keys[2]);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN APPLIED CLOSED ");
    error_act_free(a);
}

static void lost_and_refused(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_REFUSED, ERR_OK, "resolved by bob");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_FAILED);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN REFUSED CLOSED ");
    error_act_free(a);
}

/* The journal is cut between SENT and the answer: the change is found out about all the same, and it is
 * said that it could not be taken down; nothing more is possible then. */
static void the_journal_goes_away_in_between(void **state)
{
    char path[128];
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(the.n_writes == 1);
    snprintf(path, sizeof path, "%s/journal.head", the.dir);
    while (mkdir(path, 0700)) /* an entry that is being written may put it back; over a folder it cannot */
        unlink(path);
    UNTIL(error_act_state(a) == PLAN_DONE);
    struct plan *p = error_act_plan(a, 1);
    assert_non_null(strstr(p->text, "the journal could not take it down"));
    section_unref(&p->section);
    UNTIL(actuator_rights(the.gate).read_only);
    assert_true(actuator_rights(the.gate).ban[0] != '\0');
    error_act_free(a);
}

static void no_journal_no_change(void **state)
{
    char path[128];
    (void)state;
    UNTIL(the.changes > 0); /* its arming is written: nobody else is at the file */
    actuator_free(the.gate);
    the.gate = NULL;
    snprintf(path, sizeof path, "%s/journal.db", the.dir);
    FILE *f = fopen(path, "w"); /* what was written so far is gone, and this is no journal */
    assert_non_null(f);
    fputs("something else", f);
    fclose(f);
    open_gate("", true);
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) != PLAN_RUNNING);
    assert_int_equal(the.n_writes, 0);
    assert_int_not_equal(error_act_state(a), PLAN_DONE);
    error_act_free(a);
}

/* On the command line: confirmed by being typed, so nothing is armed for it; what bans, bans. */
static void a_typed_act_arms_nothing(void **state)
{
    (void)state;
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = "resolve", .id = 7, .note = "a note", .by = "ann@here", .is_typed = true,
                                   .on_change = on_change };
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    open_gate("", false);
    spec.gate = the.gate;
    struct error_act *a = error_act_new(&spec);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_DONE);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED "); /* the first is of the world's own gate */
    error_act_free(a);
    open_gate("production", false);
    spec.gate = the.gate;
    a = error_act_new(&spec);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
}

static void read_only(void **state)
{
    (void)state;
    open_gate("", false);
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
    open_gate("--read-only was given", true);
    a = act_of("resolve", false);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
    struct act *act = NULL;
    struct err e = { 0 };
    assert_int_equal(act_begin(the.gate, &(struct act_spec){ .action = "x", .target = "x", .detail = "", .is_typed = true }, &act, &e),
                     ERR_FORBIDDEN);
    assert_int_equal(the.n_writes, 0);
}

static void what_was_shown_is_what_is_sent(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct error_act *a = act_of("resolve", false);
    error_act_confirm(a, "not the plan's hash");
    assert_int_equal(error_act_state(a), PLAN_READY);
    struct plan *p = error_act_plan(a, 1);
    put_row("something else now");
    error_act_confirm(a, p->hash);
    section_unref(&p->section);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    assert_int_equal(the.n_writes, 0);
    error_act_free(a);
}

/* ---- arming ---- */

static void arming_belongs_to_a_place(void **state)
{
    (void)state;
    open_gate("", false);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_move(the.gate, "production", "");
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000); /* and one that is still on its way to the journal */
    actuator_move(the.gate, "elsewhere", "");
    int before = the.changes;
    UNTIL(the.changes > before);
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000);
    actuator_disarm(the.gate);
    before = the.changes;
    UNTIL(the.changes > before);
    assert_true(actuator_rights(the.gate).read_only);
}

static bool add_end(void *ctx, const struct entry *en)
{
    char *out = ctx;
    size_t used = strlen(out);
    snprintf(out + used, 4096 - used, "%s at %s: %s\n", en->action, en->where, en->detail);
    return true;
}

/* Who reads the journal sees when nothing could be changed any more, and why. */
static void the_end_of_an_arming_is_journalled(void **state)
{
    (void)state;
    char got[4096] = "";
    struct journal *j = NULL;
    struct err e = { 0 };
    open_gate("", false);
    actuator_disarm(the.gate); /* nothing to end */
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_disarm(the.gate);
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_move(the.gate, "elsewhere", "");
    actuator_free(the.gate);
    the.gate = NULL;
    worker_free(the.worker); /* writes what is left */
    the.worker = NULL;
    assert_int_equal(journal_open_to_read(&the.state, &j, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 2, add_end, got, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(got, "arm at a test: for 60 s\ndisarm at a test: asked for\narm at a test: for 60 s\n"
                             "disarm at a test: another context\n");
}

static int64_t io_ms, story_ms;
static int64_t fake_io(void)
{
    return io_ms;
}
static int64_t fake_story(void)
{
    return story_ms;
}

static void arming_ends_by_the_clock_that_nobody_sets(void **state)
{
    (void)state;
    io_ms = clock_io_ms();
    story_ms = clock_story_ms();
    open_gate("", false);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    clock_set(fake_io, fake_story);
    story_ms -= 3600000; /* somebody sets the date back an hour */
    io_ms += 70000;
    assert_true(actuator_rights(the.gate).read_only);
    clock_set(NULL, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applied), TEST(a_lost_answer_is_settled), TEST(lost_and_refused),
        TEST(the_journal_goes_away_in_between), TEST(no_journal_no_change),
        TEST(a_typed_act_arms_nothing), TEST(read_only), TEST(what_was_shown_is_what_is_sent),
        TEST(arming_belongs_to_a_place), TEST(the_end_of_an_arming_is_journalled),
        TEST(arming_ends_by_the_clock_that_nobody_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
