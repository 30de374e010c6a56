/* Failures on their way from the spool: each once, and one that is not wanted does not hold up the next. */
#include "tests/unit/unit.h"

#include "core/store/spool.h"
#include "tests/unit/gate.h"

static void on_end(void *ctx, size_t n, size_t left, const struct err *e)
{
    (void)ctx;
    the.is_over = true;
    the.n_delivered += n;
    the.n_left = left;
    the.e = *e;
}

static void spool_record(const char *key, bool is_running)
{
    struct spool *s = NULL;
    struct buf json = BUF_INIT(SPOOL_BYTES);
    struct err e = { 0 };
    struct run_record r = { .key = key, .is_running = is_running, .at_ms = 1, .service = "web", .message = "m", .severity = "HIGH" };
    run_record_json(&json, &r);
    assert_int_equal(spool_open(&the.state, &s, &e), ERR_OK);
    assert_int_equal(spool_put(s, key, buf_str(&json), json.len, &e), ERR_OK);
    spool_close(s);
    buf_release(&json);
}

static void deliver(void)
{
    struct deliver_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir, .who = "ann@here",
                                 .on_end = on_end };
    the.is_over = false;
    struct deliver *d = deliver_new(&spec);
    UNTIL(the.is_over);
    deliver_free(d);
}

#define KEY_A "0000000000000000000000000000000a"
#define KEY_B "0000000000000000000000000000000b"

static void one_that_is_refused_does_not_hold_up_the_next(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    spool_record(KEY_B, false);
    script(OUTCOME_FAILED, ERR_SERVER, "violates check constraint");
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_delivered, 1);
    assert_int_equal(the.n_left, 1);
    assert_int_equal(the.e.code, ERR_SERVER);
    assert_string_equal(the.keys[1], KEY_B);
}

static void away_means_all_stay(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    spool_record(KEY_B, false);
    script(OUTCOME_FAILED, ERR_NET, "no connection");
    deliver();
    assert_int_equal(the.n_writes, 1);
    assert_int_equal(the.n_left, 2);
}

static void a_lost_delivery_is_settled_by_its_key(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    script(OUTCOME_UNKNOWN, ERR_NET, "lost");
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_delivered, 1);
    assert_string_equal(the.keys[0], KEY_A);
    assert_string_equal(the.keys[1], KEY_A);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN APPLIED CLOSED ");
    deliver(); /* nothing is left */
    assert_int_equal(the.n_writes, 2);
}

static void put_entry(struct journal *j, const char *op, const char *action, const char *target)
{
    struct err e = { 0 };
    struct entry en = { .state = ENTRY_INTENT, .action = action, .target = target, .who = "ann@here", .where = "prod", .detail = "" };
    snprintf(en.op, sizeof en.op, "%s", op);
    assert_int_equal(journal_append(j, &en, &e), ERR_OK);
}

static bool add_op(void *ctx, const struct entry *last)
{
    strcat(ctx, last->op + ENTRY_KEY - 2);
    return true;
}

/* The run itself, and a delivery that was cut short, have no end when they were killed; once the row is
 * there, they have.  What belongs to another record is left alone. */
static void what_was_killed_on_the_way_gets_its_end(void **state)
{
    (void)state;
    struct journal *j = NULL;
    struct err e = { 0 };
    char left[64] = "";
    spool_record(KEY_A, true);
    assert_int_equal(journal_open(&the.state, &j, &e), ERR_OK);
    put_entry(j, KEY_A, "run", "web");
    put_entry(j, "0000000000000000000000000000000c", "error-record", "deployment_errors (" KEY_A ")");
    put_entry(j, "0000000000000000000000000000000d", "error-record", "deployment_errors (" KEY_B ")");
    put_entry(j, "0000000000000000000000000000000e", "error-resolve", "deployment_errors/7");
    journal_close(j);
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_delivered, 1);
    assert_int_equal(journal_open_to_read(&the.state, &j, &e), ERR_OK);
    assert_int_equal(journal_orphans(j, add_op, left, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(left, "de");
}

static void who_still_runs_is_left_alone(void **state)
{
    (void)state;
    spool_record(KEY_A, true);
    int hold = journal_hold(&the.state, KEY_A);
    assert_true(hold >= 0);
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_writes, 0);
    journal_release(&the.state, KEY_A, hold); /* killed */
    deliver();
    assert_int_equal(the.n_writes, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_refused_does_not_hold_up_the_next), TEST(away_means_all_stay),
        TEST(a_lost_delivery_is_settled_by_its_key), TEST(what_was_killed_on_the_way_gets_its_end),
        TEST(who_still_runs_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
