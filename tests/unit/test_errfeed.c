/* The feed: each version once, exact counts, the newest held, and when nothing may be believed. */
#include "tests/unit/unit.h"

#include "core/base/clock.h"
#include "core/sources/errfeed.h"

enum { MOST = 40000 };

struct seen {
    enum feed_event ev;
    int64_t id;
    bool has_before;
};
static struct {
    struct seen list[MOST];
    size_t n;
    int64_t zone_ms;
    int zone_rows, n_zones;
} the;
static struct triage_rules *rules;
static struct errfeed *f;

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before)
{
    assert_ptr_equal(ctx, &the);
    assert_true(the.n < MOST);
    the.list[the.n++] = (struct seen){ ev, row->id, before != NULL };
}

static void on_zone(void *ctx, int64_t zone_ms, int n_rows)
{
    (void)ctx;
    the.zone_ms = zone_ms;
    the.zone_rows = n_rows;
    the.n_zones++;
}

static int set_up(void **state)
{
    struct feed_hooks hooks = { on_event, on_zone, &the };
    (void)state;
    memset(&the, 0, sizeof the);
    the.zone_ms = TIME_NONE;
    f = errfeed_new(rules, &hooks);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    errfeed_free(f);
    return 0;
}

static struct error_row *make(int64_t id, uint64_t stamp, const char *severity, const char *message)
{
    struct error_row *r = error_row_new();
    r->id = id;
    r->stamp = stamp;
    r->nulls = 1u << COLUMN_RESOLVED_AT;
    r->severity_text = arena_strdup(&r->arena, severity);
    r->message = arena_strdup(&r->arena, message);
    r->hash = 1469598103934665603u;
    for (const char *p = message; *p; p++)
        r->hash = (r->hash ^ (unsigned char)*p) * 1099511628211u;
    return r;
}

static struct error_row *resolved(struct error_row *r)
{
    r->nulls = 0;
    r->resolved_local_ms = 1;
    r->hash++;
    return r;
}

static void put(int64_t id, uint64_t stamp, const char *message)
{
    errfeed_put(f, make(id, stamp, "high", message));
}

static void expect(size_t i, enum feed_event ev, int64_t id, bool has_before)
{
    assert_true(i < the.n);
    assert_int_equal(the.list[i].ev, ev);
    assert_int_equal(the.list[i].id, id);
    assert_int_equal(the.list[i].has_before, has_before);
}

static void each_version_once(void **state)
{
    (void)state;
    put(7, 100, "a");
    put(7, 100, "a");
    put(7, 101, "a"); /* the same row rewritten (repack, VACUUM FULL): no news */
    assert_int_equal(the.n, 1);
    expect(0, FEED_NEW, 7, false);
    assert_true(errfeed_has(f, 7, 101));
    assert_false(errfeed_has(f, 7, 100));
    assert_false(errfeed_has(f, 7, 0));
    assert_false(errfeed_has(f, 8, 101));
    put(7, 102, "b");
    assert_int_equal(the.n, 2);
    expect(1, FEED_UPDATE, 7, true);
    assert_string_equal(errfeed_find(f, 7)->message, "b");
    assert_int_equal(errfeed_find(f, 7)->severity, SEVERITY_HIGH); /* judged */
}

static void without_stamps_the_hash_decides(void **state)
{
    (void)state;
    put(1, 0, "a");
    put(1, 0, "a");
    assert_int_equal(the.n, 1);
    put(1, 0, "b");
    assert_int_equal(the.n, 2);
    expect(1, FEED_UPDATE, 1, true);
}

static void counts_are_exact(void **state)
{
    (void)state;
    errfeed_put(f, make(1, 1, "fatal", "a"));
    errfeed_put(f, make(2, 1, "high", "b"));
    errfeed_put(f, make(3, 1, "high", "c"));
    errfeed_put(f, resolved(make(3, 2, "high", "c")));
    errfeed_put(f, make(2, 2, "low", "b2"));
    struct feed_totals t = errfeed_totals(f);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.n_open[SEVERITY_CRITICAL], 1);
    assert_int_equal(t.n_open[SEVERITY_HIGH], 0);
    assert_int_equal(t.n_open[SEVERITY_LOW], 1);
    errfeed_delete(f, 1);
    errfeed_delete(f, 1);
    t = errfeed_totals(f);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.n_open[SEVERITY_CRITICAL], 0);
    expect(the.n - 1, FEED_DELETE, 1, true);
    put(1, 9, "again"); /* an id that is given out again is a new row */
    expect(the.n - 1, FEED_NEW, 1, false);
}

static void the_newest_are_held(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= ERRORS_KEPT + 2; id++)
        put(id, 5, "a");
    assert_int_equal(errfeed_count(f), ERRORS_KEPT);
    assert_int_equal(errfeed_at(f, 0)->id, 3);
    assert_int_equal(errfeed_top(f), ERRORS_KEPT + 2);
    expect(the.n - 1, FEED_DROP, 2, false);
    assert_null(errfeed_find(f, 1));
    size_t before = the.n;
    put(1, 5, "a"); /* delivered, though not held */
    assert_int_equal(the.n, before);
    assert_true(errfeed_has(f, 1, 5));
    errfeed_put(f, resolved(make(1, 6, "high", "a"))); /* updated: an update, not a new row, and still not held */
    expect(before, FEED_UPDATE, 1, false);
    assert_int_equal(the.n, before + 1); /* it was not held before, so it is not dropped */
    assert_int_equal(errfeed_totals(f).n, ERRORS_KEPT + 2);
    assert_int_equal(errfeed_totals(f).n_open[SEVERITY_HIGH], ERRORS_KEPT + 1);
    assert_int_equal(errfeed_count(f), ERRORS_KEPT);
}

static void rows_come_in_any_order(void **state)
{
    int64_t ids[] = { 50, -3, 4096, 7, 4095, INT64_MAX, 8, INT64_MIN, -4096, -4097, 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        put(ids[i], 1 + i, "a");
    assert_int_equal(errfeed_count(f), ARRAY_LEN(ids));
    for (size_t i = 1; i < ARRAY_LEN(ids); i++)
        assert_true(errfeed_at(f, i - 1)->id < errfeed_at(f, i)->id);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_true(errfeed_has(f, ids[i], 1 + i));
    assert_int_equal(errfeed_top(f), INT64_MAX);
}

static bool is_below(void *ctx, uint64_t stamp)
{
    return stamp < *(uint64_t *)ctx;
}

static void settled_versions_are_forgotten(void **state)
{
    uint64_t w = 20;
    (void)state;
    for (int64_t id = 1; id <= ERRORS_KEPT + 2; id++)
        put(id, id == 1 ? 10 : 30, "a");
    errfeed_settle(f, is_below, &w);
    assert_false(errfeed_has(f, 1, 10)); /* not held, and cannot come again */
    assert_true(errfeed_has(f, 2, 30));
    assert_true(errfeed_has(f, 3, 30));
    w = 40;
    errfeed_settle(f, is_below, &w);
    assert_false(errfeed_has(f, 2, 30));
    assert_true(errfeed_has(f, 3, 30)); /* held: its row knows */
}

static void doubted_rows_are_told_apart_by_hash(void **state)
{
    (void)state;
    put(1, 10, "a");
    put(2, 10, "b");
    errfeed_doubt(f);
    assert_false(errfeed_has(f, 1, 10));
    put(1, 10, "a");
    assert_int_equal(the.n, 2);
    put(2, 10, "other"); /* the same stamp, given out again for another row */
    expect(2, FEED_UPDATE, 2, true);
    assert_true(errfeed_has(f, 1, 10));
}

static void another_table(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 5; id++)
        put(id, 1, "a");
    errfeed_forget(f);
    for (size_t i = 5; i < 10; i++)
        assert_int_equal(the.list[i].ev, FEED_DELETE);
    assert_int_equal(errfeed_count(f), 0);
    assert_int_equal(errfeed_totals(f).n, 0);
    assert_int_equal(errfeed_totals(f).n_open[SEVERITY_HIGH], 0);
    assert_int_equal(errfeed_top(f), 0);
    put(1, 1, "a");
    expect(10, FEED_NEW, 1, false);
}

static void ids_above_are_given_out_again(void **state)
{
    (void)state;
    for (int64_t id = 4090; id <= 4100; id++)
        put(id, 1, "a");
    errfeed_forget_above(f, 4094);
    assert_int_equal(errfeed_count(f), 5);
    assert_int_equal(errfeed_top(f), 4094);
    assert_int_equal(errfeed_totals(f).n, 5);
    size_t n = the.n;
    put(4095, 1, "a");
    put(4097, 1, "a");
    put(4094, 1, "a");
    assert_int_equal(the.n, n + 2);
    expect(n, FEED_NEW, 4095, false);
    expect(n + 1, FEED_NEW, 4097, false);
    errfeed_forget_above(f, INT64_MIN);
    assert_int_equal(errfeed_totals(f).n, 0);
}

static void fresh(int64_t id, int64_t offset_ms)
{
    struct error_row *r = make(id, 1, "low", "a");
    r->received_ms = 1000000000000;
    r->local_ms = r->received_ms + offset_ms;
    r->is_fresh = true;
    errfeed_put(f, r);
}

static void the_zone_is_measured(void **state)
{
    const int64_t hour = 3600000, minute = 60000;
    (void)state;
    fresh(1, 2 * hour - 300);
    fresh(2, 2 * hour - 9 * minute);
    assert_int_equal(the.n_zones, 0); /* two are not enough */
    fresh(3, -5 * hour);
    fresh(4, 2 * hour + 100); /* its clock is ahead of ours */
    assert_int_equal(the.zone_ms, 2 * hour);
    assert_int_equal(the.zone_rows, 3);
    for (int64_t id = 5; id < 8; id++)
        fresh(id, 5 * hour + 45 * minute - 2000); /* Kathmandu; summer time would be seen in the same way */
    assert_int_equal(the.zone_ms, 5 * hour + 45 * minute);
    for (int64_t id = 8; id < 11; id++)
        fresh(id, -9 * hour - 30 * minute - 1000);
    assert_int_equal(the.zone_ms, -(9 * hour + 30 * minute));
}

static void what_does_not_measure(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 9; id++) {
        struct error_row *r = make(id, 1, "low", "a");
        r->received_ms = 1000000000000;
        r->local_ms = id % 3 == 2 ? 0 : r->received_ms; /* a time of its own, decades ago */
        r->is_fresh = id % 3 != 0;
        r->is_zoned = id % 3 == 1;
        errfeed_put(f, r);
    }
    assert_int_equal(the.n_zones, 0);
}

static int group_up(void **state)
{
    (void)state;
    return triage_rules_new(NULL, 0, &rules, NULL) != ERR_OK;
}

static int group_down(void **state)
{
    (void)state;
    triage_rules_free(rules);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_version_once), TEST(without_stamps_the_hash_decides), TEST(counts_are_exact),
        TEST(the_newest_are_held), TEST(rows_come_in_any_order), TEST(settled_versions_are_forgotten),
        TEST(doubted_rows_are_told_apart_by_hash), TEST(another_table),
        TEST(ids_above_are_given_out_again), TEST(the_zone_is_measured), TEST(what_does_not_measure),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
