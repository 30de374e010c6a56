/* An SQLite error table with a second writer: every row once, whatever happens to the file. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/sources/errdb_init.h"
#include "tests/unit/errdb_sqlite.h"

/* ---- reading ---- */

static void each_change_is_told(void **state)
{
    (void)state;
    made(ROWS(3, 1));
    open_db(24 * HOUR, NULL, false);
    assert_false(errdb_state(db).is_synced);
    assert_int_equal(errdb_state(db).health.state, SOURCE_WAITING);
    TURN_UNTIL(has_state(SOURCE_LIVE, "") && errdb_state(db).is_synced);
    assert_int_equal(n_of[FEED_NEW], 3);
    assert_int_equal(n_fresh, 0);
    assert_string_equal(row(2)->message, "m2");
    assert_int_equal(row(2)->severity, SEVERITY_HIGH);
    assert_int_equal(errdb_state(db).look_from_ms, TIME_NONE);
    sql(ROWS(2, 4));
    TURN_UNTIL(n_of[FEED_NEW] == 5);
    assert_int_equal(n_fresh, 2);
    assert_true(llabs(clock_story_ms() - row(5)->received_ms) < MINUTE);
    sql("UPDATE deployment_errors SET resolved_at = '2026-11-24 10:00:00', resolved_by = 'ann' WHERE id = 2");
    TURN_UNTIL(n_of[FEED_UPDATE] == 1);
    assert_true(last_had_before);
    assert_string_equal(row(2)->resolved_by, "ann");
    assert_int_equal(row(2)->resolved_local_ms, 1795514400000);
    sql("DELETE FROM deployment_errors WHERE id IN (1, 5)");
    TURN_UNTIL(n_of[FEED_DELETE] == 2);
    settle();
    assert_int_equal(n_of[FEED_NEW], 5);
    assert_int_equal(n_of[FEED_UPDATE], 1);
    assert_int_equal(errfeed_count(errdb_feed(db)), 3);
    assert_int_equal(errdb_state(db).health.objects, 3);
}

/* Nobody hurries it here: the table is looked at about once a second, by one statement. */
static void it_polls_by_itself(void **state)
{
    (void)state;
    made(ROWS(3, 1));
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    uint64_t sent = errdb_state(db).statements;
    int64_t began = clock_mono_ms();
    while (errdb_state(db).statements < sent + 2)
        loop_turn(loop, 5000);
    int64_t took = clock_mono_ms() - began;
    assert_int_equal(errdb_state(db).statements, sent + 2);
    assert_true(took >= 1000); /* two statements, a second apart */
    sql(ROWS(1, 4));
    while (n_of[FEED_NEW] < 4)
        loop_turn(loop, 5000);
    assert_int_equal(n_fresh, 1);
}

static void looks_back_as_far_as_asked(void **state)
{
    (void)state;
    made(ROWS(2600, 1));
    open_db(-1, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_int_equal(n_of[FEED_NEW], 2600);
    errdb_close(db);
    memset(n_of, 0, sizeof n_of);

    open_db(0, NULL, false); /* the first page alone, and what comes */
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_int_equal(n_of[FEED_NEW], ERRDB_PAGE);
    assert_true(errdb_state(db).look_from_ms != TIME_NONE);
    sql(ROWS(2, 2601));
    TURN_UNTIL(n_of[FEED_NEW] == ERRDB_PAGE + 2);
    skipped += 2 * MINUTE; /* a full pass is due */
    sql("UPDATE deployment_errors SET severity = 'LOW' WHERE id IN (1, 2602)");
    TURN_UNTIL(n_of[FEED_UPDATE] == 1);
    settle();
    assert_int_equal(n_of[FEED_NEW], ERRDB_PAGE + 2);
    errdb_close(db);
    memset(n_of, 0, sizeof n_of);

    sql("UPDATE deployment_errors SET timestamp = datetime('now', '-3 days') WHERE id <= 1100");
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_int_equal(n_of[FEED_NEW], 4 * ERRDB_PAGE); /* the page in which it goes below, and no more */
}

static void a_burst_is_not_skipped(void **state)
{
    (void)state;
    made(ROWS(10, 1));
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    sql(ROWS(25000, 11)); /* more than the window, in one transaction */
    TURN_UNTIL(n_of[FEED_NEW] >= 25010);
    settle();
    assert_int_equal(n_of[FEED_NEW], 25010);
    for (int i = 1; i <= 25010; i++)
        assert_int_equal(times_new[i], 1);
    assert_int_equal(n_of[FEED_UPDATE], 0);
    assert_int_equal(n_of[FEED_DROP], 25010 - ERRORS_KEPT);
    assert_int_equal(errfeed_totals(errdb_feed(db)).n, 25010);
}

static void an_old_row_is_updated_by_the_full_pass(void **state)
{
    (void)state;
    made(ROWS(12000, 1));
    open_db(-1, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    assert_int_equal(errfeed_totals(errdb_feed(db)).n_open[SEVERITY_HIGH], 12000);
    sql("UPDATE deployment_errors SET resolved_at = CURRENT_TIMESTAMP WHERE id = 7");
    settle();
    assert_int_equal(n_of[FEED_UPDATE], 0); /* below the window, and no full pass is due */
    assert_int_equal(errdb_state(db).full_scan_ms, TIME_NONE);
    skipped += MINUTE;
    TURN_UNTIL(n_of[FEED_UPDATE] == 1); /* without another change */
    assert_int_equal(last[FEED_UPDATE]->id, 7);
    assert_false(last_had_before);
    TURN_UNTIL(errdb_state(db).full_scan_ms != TIME_NONE);
    settle();
    assert_int_equal(n_of[FEED_UPDATE], 1);
    assert_int_equal(n_of[FEED_NEW], 12000);
    assert_int_equal(errfeed_totals(errdb_feed(db)).n_open[SEVERITY_HIGH], 11999);
    uint64_t sent = errdb_state(db).statements; /* and then it is quiet again */
    skipped += 2 * MINUTE;
    TURN_UNTIL(errdb_state(db).statements > sent);
    loop_turn(loop, 0);
    assert_true(errdb_state(db).statements <= sent + 2);
}

static void once_is_once(void **state)
{
    (void)state;
    made(ROWS(600, 1));
    open_db(-1, NULL, true);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    loop_turn(loop, 0);
    uint64_t sent = errdb_state(db).statements;
    sql(ROWS(1, 601));
    for (int i = 0; i < 20; i++) {
        skipped += MINUTE;
        errdb_retry(db);
        loop_turn(loop, 5);
    }
    assert_int_equal(errdb_state(db).statements, sent);
    assert_int_equal(n_of[FEED_NEW], 600);
}

/* ---- what happens to the file ---- */

static void what_is_missing_is_said_and_heals(void **state)
{
    (void)state;
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(has_state(SOURCE_FAILED, "errors.db: No such file or directory"));
    assert_true(errdb_state(db).health.retry_ms > clock_story_ms());
    assert_int_equal(access(path, F_OK), -1); /* reading makes no file */
    open_writer(path);
    sql("CREATE TABLE other (x)");
    TURN_UNTIL(has_state(SOURCE_ABSENT, "there is no table deployment_errors"));
    sql("CREATE TABLE deployment_errors (x)");
    TURN_UNTIL(has_state(SOURCE_FAILED, "has no column id"));
    sql("DROP TABLE deployment_errors;" TABLE ROWS(2, 1));
    TURN_UNTIL(has_state(SOURCE_LIVE, "") && n_of[FEED_NEW] == 2);
    sql("DROP TABLE deployment_errors");
    TURN_UNTIL(has_state(SOURCE_STALE, "there is no table deployment_errors"));
    assert_int_equal(errfeed_count(errdb_feed(db)), 2); /* the last good rows stay */
    sql(TABLE ROWS(3, 1));
    TURN_UNTIL(has_state(SOURCE_LIVE, "") && n_of[FEED_NEW] == 3);
    unlink(path);
    TURN_UNTIL(has_state(SOURCE_STALE, "No such file"));
}

static void no_database_is_said(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "not a database  ", 16), 16);
    close(fd);
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(has_state(SOURCE_FAILED, "file is not a database"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    TURN_UNTIL(has_state(SOURCE_FAILED, "no regular file"));
}

static void another_file_in_its_place(void **state)
{
    (void)state;
    char next[128];
    made(ROWS(4, 1));
    sql("PRAGMA journal_mode = DELETE");
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    snprintf(next, sizeof next, "%s/next.db", dir);
    open_writer(next);
    sql(TABLE ROWS(3, 2));
    sql("UPDATE deployment_errors SET timestamp = (SELECT '2020-01-01 00:00:00'), error_message = 'other' WHERE id = 3");
    sqlite3_close(writer);
    writer = NULL;
    assert_int_equal(rename(next, path), 0);
    TURN_UNTIL(n_of[FEED_DELETE] == 1); /* 1 is gone; 3 is another */
    assert_int_equal(last[FEED_DELETE]->id, 1);
    assert_string_equal(row(3)->message, "other");
    assert_int_equal(n_fresh, 0);
}

static void emptied_and_filled_again(void **state)
{
    (void)state;
    made(ROWS(5, 1));
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    sql("DELETE FROM deployment_errors");
    TURN_UNTIL(n_of[FEED_DELETE] == 5);
    sql(ROWS(2, 1)); /* the same ids: new rows all the same */
    TURN_UNTIL(n_of[FEED_NEW] == 7);
    assert_int_equal(n_fresh, 2);
    assert_int_equal(times_new[1], 2);
    sql("BEGIN; DELETE FROM deployment_errors WHERE id = 2; INSERT INTO deployment_errors (id, error_message) VALUES (2, 'z'); COMMIT");
    TURN_UNTIL(n_of[FEED_UPDATE] == 1);
    assert_int_equal(n_of[FEED_NEW], 7);
}

static void a_lock_is_waited_for(void **state)
{
    (void)state;
    made(ROWS(2, 1));
    sql("PRAGMA journal_mode = DELETE");
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    sql("BEGIN EXCLUSIVE; INSERT INTO deployment_errors (id, error_message) VALUES (3, 'x')");
    TURN_UNTIL(has_state(SOURCE_LIVE, "database is locked"));
    sql("COMMIT");
    TURN_UNTIL(n_of[FEED_NEW] == 3 && has_state(SOURCE_LIVE, "") && !errdb_state(db).health.text[0]);
}

/* The look has seen the change, the pages were kept from it: nobody changes anything after that. */
static void a_pass_that_was_cut_short_is_made_good(void **state)
{
    (void)state;
    made(ROWS(2, 1));
    sql("PRAGMA journal_mode = DELETE");
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced);
    sql(ROWS(8000, 3));
    TURN_UNTIL(n_of[FEED_NEW] > 2);
    sql("BEGIN EXCLUSIVE");
    TURN_UNTIL(has_state(SOURCE_LIVE, "database is locked"));
    sql("ROLLBACK");
    TURN_UNTIL(n_of[FEED_NEW] == 8002);
    settle();
    assert_int_equal(n_of[FEED_NEW] + n_of[FEED_UPDATE], 8002);
}

/* ---- rows of every kind ---- */

static void any_columns_any_bytes(void **state)
{
    (void)state;
    open_writer(path);
    sql("CREATE TABLE deployment_errors (extra INT, severity, error_message, id, \"TIMESTAMP\", stack_trace, resolved_at)");
    sql("INSERT INTO deployment_errors (id, error_message, severity, stack_trace) VALUES"
        " (1, CAST(x'61ff62c328' AS TEXT), 'CRIT', printf('%.*c', 5000000, 's')),"
        " (2, 'before' || char(0) || 'after', NULL, NULL), (3, x'00010203', 7, 1.5), ('four', 'no number', 'LOW', ''),"
        " (NULL, 'no id', 'LOW', ''), (6, printf('%.*c', 3000, 'm'), 'LOW', ''), (-7, char(27) || '[31m', '', '')");
    open_db(-1, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    assert_int_equal(n_of[FEED_NEW], 5);
    assert_int_equal(errdb_state(db).missing & (1u << COLUMN_SERVICE), 1u << COLUMN_SERVICE);
    assert_int_equal(errdb_state(db).missing & (1u << COLUMN_TIMESTAMP), 0);
    assert_string_equal(row(1)->message, "a\xff" "b\xc3(");
    assert_int_equal(row(1)->severity, SEVERITY_CRITICAL);
    assert_int_equal(row(1)->stack_bytes, 5000000);
    assert_int_equal(strlen(row(1)->stack), ERROR_STACK);
    assert_true(row(1)->is_cut);
    assert_string_equal(row(2)->message, "before");
    assert_true(row(2)->nulls & (1u << COLUMN_SEVERITY));
    assert_string_equal(row(3)->severity_text, "7");
    assert_int_equal(strlen(row(6)->message), ERROR_TEXT);
    assert_int_equal(row(-7)->id, -7);
    /* A change behind the cut is a change. */
    sql("UPDATE deployment_errors SET error_message = error_message || 'x' WHERE id = 6");
    TURN_UNTIL(n_of[FEED_UPDATE] == 1);
    sql("UPDATE deployment_errors SET stack_trace = stack_trace || 'x' WHERE id = 1");
    TURN_UNTIL(n_of[FEED_UPDATE] == 2);
    sql("ALTER TABLE deployment_errors ADD COLUMN service_name; UPDATE deployment_errors SET service_name = 'web' WHERE id = 2");
    TURN_UNTIL(n_of[FEED_UPDATE] == 3);
    assert_string_equal(row(2)->service, "web");
    assert_int_equal(errdb_state(db).missing & (1u << COLUMN_SERVICE), 0);
}

static void times_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t ms;
        bool is_zoned;
    } cases[] = {
        { "'2026-11-24 10:00:00'", 1795514400000, false },
        { "'2026-11-24T10:00:00.25'", 1795514400250, false },
        { "'2026-11-24 10:00'", 1795514400000, false },
        { "'2026-11-24'", 1795478400000, false },
        { "'2026-11-24T10:00:00Z'", 1795514400000, true },
        { "'2026-11-24T12:00:00.5+02:00'", 1795514400500, true },
        { "'2026-11-24 06:30:00-0330'", 1795514400000, true },
        { "1795514400", 1795514400000, true },
        { "1795514400.75", 1795514400750, true },
        { "1795514400123", 1795514400123, true },
        { "0", 0, true },
        { "-1", -1000, true },
        { "9223372036854775807", TIME_NONE, true },
        { "1e300", TIME_NONE, true },
        { "'yesterday'", TIME_NONE, false },
        { "''", TIME_NONE, false },
        { "NULL", TIME_NONE, false },
        { "x'ff00'", TIME_NONE, false },
    };
    char text[200];
    open_writer(path);
    sql("CREATE TABLE deployment_errors (id INTEGER PRIMARY KEY, timestamp, resolved_at)");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof text, "INSERT INTO deployment_errors VALUES (%zu, %s, NULL)", i, cases[i].value);
        sql(text);
    }
    sql("INSERT INTO deployment_errors VALUES (100, '2026-11-24T10:00:00Z', '2026-11-24 12:00:01'),"
        " (101, '2026-11-24 12:00:00', '2026-11-24T10:00:01Z')");
    open_db(-1, "+02:00", false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct error_row *r = row((int64_t)i);
        if (r->local_ms != cases[i].ms || r->is_zoned != cases[i].is_zoned)
            fail_msg("%s: %" PRId64 ", zoned %d", cases[i].value, r->local_ms, r->is_zoned);
    }
    /* One time with a zone, one without: both as the row's own is. */
    assert_int_equal(row(100)->resolved_local_ms, 1795514401000);
    assert_int_equal(row(101)->resolved_local_ms, 1795514401000 + 2 * HOUR);
}

static void the_zone_is_set_or_measured(void **state)
{
    (void)state;
    made(ROWS(1, 1));
    open_db(24 * HOUR, "-03:30", false);
    assert_string_equal(errdb_state(db).zone_text, "UTC-03:30 (config)");
    assert_int_equal(errdb_state(db).zone_ms, -210 * MINUTE);
    errdb_close(db);
    open_db(24 * HOUR, "Europe/Berlin", false);
    TURN_UNTIL(has_state(SOURCE_LIVE, "timezone \"Europe/Berlin\": of an SQLite table it is"));
    assert_string_equal(errdb_state(db).zone_text, "UTC (assumed)");
    TURN_UNTIL(errdb_state(db).is_synced && errdb_state(db).health.objects == 1);
    for (int i = 0; i < 4; i++) {
        int before = n_of[FEED_NEW];
        sql("INSERT INTO deployment_errors (timestamp) VALUES (datetime('now', '+120 minutes'))");
        TURN_UNTIL(n_of[FEED_NEW] == before + 1);
    }
    assert_int_equal(errdb_state(db).zone_ms, 2 * HOUR);
    assert_non_null(strstr(errdb_state(db).zone_text, "UTC+02:00 (measured from"));
}

/* A file that we made holds UTC: nobody is warned that it might not, and failures that were delivered late
 * do not make a zone of their delay.  What the config says counts more. */
static void our_own_table_is_utc(void **state)
{
    (void)state;
    bool is_made;
    assert_int_equal(errdb_sqlite_init(path, &is_made, &e), ERR_OK);
    assert_true(is_made);
    open_writer(path);
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_true(errdb_state(db).is_zone_sure);
    assert_string_equal(errdb_state(db).zone_text, "UTC (own table)");
    for (int i = 0; i < 4; i++) {
        int before = n_of[FEED_NEW];
        sql("INSERT INTO deployment_errors (timestamp) VALUES (datetime('now', '+120 minutes'))");
        TURN_UNTIL(n_of[FEED_NEW] == before + 1);
    }
    assert_int_equal(errdb_state(db).zone_ms, 0);
    assert_string_equal(errdb_state(db).zone_text, "UTC (own table)");
    errdb_close(db);
    open_db(24 * HOUR, "+02:00", false);
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_string_equal(errdb_state(db).zone_text, "UTC+02:00 (config)");
}

static void places_are_checked(void **state)
{
    (void)state;
    struct errdb_spec spec = { .place = "sqlite://", .rules = rules, .feed = { .on_event = on_event } };
    assert_int_equal(errdb_open(loop, worker, &spec, &db, &e), ERR_CONFIG);
    assert_null(db);
}

static void steps_come_with_the_rows(void **state)
{
    (void)state;
    made(ROWS(3, 1));
    sql("CREATE TABLE deployment_error_steps (error_id, step)"); /* of somebody else: as good as none */
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).is_synced);
    assert_false(errdb_state(db).has_steps);
    errdb_close(db);
    sql("DROP TABLE deployment_error_steps; CREATE TABLE deployment_error_steps (error_id, step, by, at, note)");
    sql("INSERT INTO deployment_error_steps VALUES (2, 'acknowledged', 'ann', '2026-11-24T10:00:00Z', 'mine'),"
        " (2, 'ACKNOWLEDGED', 'bob', '2026-11-24T11:00:00Z', 'late'), (2, 'planned', NULL, NULL, NULL),"
        " (2, 'danced', 'bob', 1, ''), ('x', 'planned', 'bob', 1, '')");
    open_db(24 * HOUR, NULL, false);
    TURN_UNTIL(errdb_state(db).has_steps && errdb_steps(db, 2));
    const struct error_done *d = errdb_steps(db, 2);
    assert_string_equal(d[STEP_ACKNOWLEDGED].by, "ann");
    assert_string_equal(d[STEP_ACKNOWLEDGED].note, "mine");
    assert_int_equal(d[STEP_ACKNOWLEDGED].at_ms, 1795514400000);
    assert_int_equal(d[STEP_INVESTIGATED].at_ms, TIME_NONE);
    assert_int_not_equal(d[STEP_PLANNED].at_ms, TIME_NONE);
    assert_null(errdb_steps(db, 1));
    sql("INSERT INTO deployment_error_steps VALUES (1, 'investigated', 'eve', 1795514400, '')");
    TURN_UNTIL(errdb_steps(db, 1));
    assert_int_equal(errdb_steps(db, 1)[STEP_INVESTIGATED].at_ms, 1795514400000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_change_is_told), TEST(it_polls_by_itself), TEST(looks_back_as_far_as_asked),
        TEST(a_burst_is_not_skipped), TEST(an_old_row_is_updated_by_the_full_pass),
        TEST(once_is_once), TEST(what_is_missing_is_said_and_heals), TEST(no_database_is_said),
        TEST(another_file_in_its_place), TEST(emptied_and_filled_again), TEST(a_lock_is_waited_for),
        TEST(a_pass_that_was_cut_short_is_made_good), TEST(any_columns_any_bytes),
        TEST(times_of_every_kind), TEST(the_zone_is_set_or_measured), TEST(our_own_table_is_utc),
        TEST(places_are_checked), TEST(steps_come_with_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
