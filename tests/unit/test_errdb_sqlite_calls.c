/* One record of an SQLite error table in full, and changes of it, each guarded and done once. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/errdb_sqlite.h"

/* ---- records ---- */

static struct {
    bool is_done;
    enum err_code code;
    char text[1000], error[224];
    size_t big_n;
    bool big_is_cut;
} record;

static void on_record(void *ctx, const struct errdb_record *r)
{
    (void)ctx;
    record.is_done = true;
    record.code = r->e.code;
    snprintf(record.error, sizeof record.error, "%s", r->e.text);
    for (size_t i = 0; i < r->n; i++) {
        size_t used = strlen(record.text);
        const struct errdb_field *f = &r->fields[i];
        if (f->n > 1000) {
            record.big_n = f->n;
            record.big_is_cut = f->is_cut;
        }
        snprintf(record.text + used, sizeof record.text - used, "%s=%.20s/%zu ", f->name,
                 f->value ? f->value : "NULL", f->n);
    }
}

static void a_record_is_whole(void **state)
{
    (void)state;
    open_writer(path);
    sql("CREATE TABLE deployment_errors (note, id INTEGER PRIMARY KEY, \"mine too\", stack_trace)");
    sql("INSERT INTO deployment_errors VALUES ('a' || char(0) || 'b', 5, NULL, printf('%.*c', 70000000, 's'))");
    open_db(24 * HOUR, NULL, false);
    memset(&record, 0, sizeof record);
    errdb_fetch(db, 5, on_record, NULL); /* before anything else was read */
    TURN_UNTIL(record.is_done);
    assert_int_equal(record.code, ERR_OK);
    assert_string_equal(record.text, "note=a/3 id=5/1 mine too=NULL/0 stack_trace=ssssssssssssssssssss/67108860 ");
    assert_true(record.big_is_cut && record.big_n == ERRDB_RECORD - 4);
    memset(&record, 0, sizeof record);
    errdb_fetch(db, 6, on_record, NULL);
    TURN_UNTIL(record.is_done);
    assert_int_equal(record.code, ERR_NOTFOUND);
    assert_non_null(strstr(record.error, "no error 6"));
    TURN_UNTIL(errdb_state(db).is_synced && n_of[FEED_NEW] == 1);
}

/* ---- changes ---- */

static struct errdb_result result;
static bool is_result;

static void on_result(void *ctx, const struct errdb_result *r)
{
    (void)ctx;
    result = *r;
    is_result = true;
}

static enum errdb_outcome change(const struct errdb_change *c)
{
    is_result = false;
    errdb_write(db, c, on_result, NULL);
    TURN_UNTIL(is_result);
    return result.outcome;
}

static const char *value(const char *text)
{
    static char out[300];
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(writer, text, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const char *s = (const char *)sqlite3_column_text(q, 0);
    snprintf(out, sizeof out, "%s", s ? s : "NULL");
    sqlite3_finalize(q);
    return out;
}

#define KEY "0123456789abcdef0123456789abcdef"

static void resolved_and_reopened_with_a_guard(void **state)
{
    (void)state;
    struct errdb_change c = { .act = ERRDB_RESOLVE, .id = 2, .key = KEY, .by = "ann", .note = "restarted" };
    made(ROWS(3, 1));
    sql("UPDATE deployment_errors SET resolution_notes = 'seen' WHERE id = 2");
    open_db(24 * HOUR, "+02:00", false);
    TURN_UNTIL(errdb_state(db).is_synced && has_state(SOURCE_LIVE, ""));
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    assert_string_equal(value("SELECT resolved_by || '/' || resolution_notes FROM deployment_errors WHERE id = 2"),
                        "ann/seen\nrestarted");
    assert_string_equal(value("SELECT abs(julianday(resolved_at) - julianday('now', '+2 hours')) < 0.001"
                              " AND resolved_at LIKE '____-__-__ __:__:__.___' FROM deployment_errors WHERE id = 2"), "1");
    assert_true(!strncmp(result.text, "resolved by ann at 20", 21));
    TURN_UNTIL(n_of[FEED_UPDATE] == 1); /* and it comes back as a row */
    char first[300];
    strcpy(first, value("SELECT resolved_at FROM deployment_errors WHERE id = 2"));
    assert_int_equal(change(&c), OUTCOME_APPLIED); /* the same again: nothing more happens */
    assert_string_equal(value("SELECT resolved_at FROM deployment_errors WHERE id = 2"), first);
    assert_string_equal(value("SELECT resolution_notes FROM deployment_errors WHERE id = 2"), "seen\nrestarted");
    c.by = "bob";
    assert_int_equal(change(&c), OUTCOME_REFUSED);
    assert_true(!strncmp(result.text, "resolved by ann at 20", 21));
    c.id = 99;
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_int_equal(result.e.code, ERR_NOTFOUND);

    struct errdb_change r = { .act = ERRDB_REOPEN, .id = 2, .key = KEY, .by = "bob", .note = "again",
                              .resolved_local_ms = row(2)->resolved_local_ms + 1 };
    assert_int_equal(change(&r), OUTCOME_REFUSED); /* resolved anew meanwhile */
    r.resolved_local_ms--;
    assert_int_equal(change(&r), OUTCOME_APPLIED);
    assert_string_equal(value("SELECT ifnull(resolved_at, '-') || ifnull(resolved_by, '-') || resolution_notes"
                              " FROM deployment_errors WHERE id = 2"), "--seen\nrestarted\nagain");
    assert_int_equal(change(&r), OUTCOME_APPLIED); /* it is open, as wanted */
}

static void times_are_written_as_the_table_has_them(void **state)
{
    (void)state;
    open_writer(path);
    sql("CREATE TABLE deployment_errors (id INTEGER PRIMARY KEY, timestamp, resolved_at);"
        "INSERT INTO deployment_errors VALUES (1, 1795514400, NULL), (2, 1795514400123, NULL),"
        " (3, '2026-11-24T10:00:00Z', NULL), (4, '2026-11-24T10:00:00', NULL), (5, NULL, NULL)");
    open_db(24 * HOUR, "+02:00", false);
    static const char *const checks[] = {
        "SELECT typeof(resolved_at) = 'integer' AND abs(resolved_at - unixepoch()) < 60 FROM deployment_errors WHERE id = 1",
        "SELECT typeof(resolved_at) = 'integer' AND abs(resolved_at / 1000 - unixepoch()) < 60 FROM deployment_errors WHERE id = 2",
        "SELECT resolved_at LIKE '%T%Z' AND abs(julianday(resolved_at) - julianday()) < 0.001 FROM deployment_errors WHERE id = 3",
        "SELECT resolved_at LIKE '%T%' AND resolved_at NOT LIKE '%Z' AND abs(julianday(resolved_at) - julianday('now', '+2 hours'))"
        " < 0.001 FROM deployment_errors WHERE id = 4",
        "SELECT resolved_at LIKE '____-__-__ __:__:__.___' FROM deployment_errors WHERE id = 5",
    };
    for (int i = 0; i < 5; i++) {
        struct errdb_change c = { .act = ERRDB_RESOLVE, .id = i + 1, .key = KEY, .by = "ann", .note = "" };
        assert_int_equal(change(&c), OUTCOME_APPLIED);
        if (strcmp(value(checks[i]), "1") != 0)
            fail_msg("%s", checks[i]);
        assert_int_equal(change(&c), OUTCOME_APPLIED);
    }
}

static void steps_are_written_once(void **state)
{
    (void)state;
    struct errdb_change c = { .act = ERRDB_STEP, .id = 2, .key = KEY, .by = "ann", .note = "", .step = STEP_PLANNED };
    made(ROWS(3, 1));
    open_db(24 * HOUR, NULL, false);
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_non_null(strstr(result.e.text, "no table deployment_error_steps"));
    sql("CREATE TABLE deployment_error_steps (error_id, step, by, at, note)");
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    TURN_UNTIL(errdb_steps(db, 2));
    assert_true(llabs(errdb_steps(db, 2)[STEP_PLANNED].at_ms - clock_story_ms()) < MINUTE);
    c.by = "bob";
    assert_int_equal(change(&c), OUTCOME_REFUSED);
    assert_true(!strncmp(result.text, "planned by ann at 20", 20));
    c.id = 44;
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_string_equal(value("SELECT count(*) FROM deployment_error_steps"), "1");
}

static void a_failure_is_recorded_once(void **state)
{
    (void)state;
    struct errdb_change c = { .act = ERRDB_RECORD_ERROR, .key = KEY, .at_ms = 1795514400000, .service = "web",
                              .environment = "prod", .stage = "deploy", .code = "NET-1", .severity = "HIGH",
                              .message = "it's \"broken\"", .stack = "line 1\nline 2", .user_impact = "",
                              .business_impact = "" };
    made(ROWS(3, 1));
    sql("INSERT INTO deployment_errors (id, stack_trace) VALUES (4, 'not in the first line\n" KEY "')");
    open_db(24 * HOUR, "+02:00", false);
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    assert_int_equal(result.id, 5);
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    assert_int_equal(result.id, 5);
    assert_string_equal(value("SELECT count(*) FROM deployment_errors"), "5");
    assert_string_equal(value("SELECT timestamp || '|' || service_name || '|' || deployment_stage || '|' || error_message || '|'"
                              " || stack_trace || '|' || ifnull(user_impact, '-') FROM deployment_errors WHERE id = 5"),
                        "2026-11-24 12:00:00.000|web|deploy|it's \"broken\"|bakewatch " KEY "\nline 1\nline 2|-");
    TURN_UNTIL(errfeed_find(errdb_feed(db), 5));
    assert_string_equal(row(5)->message, "it's \"broken\"");
    c.key = "ffffffffffffffffffffffffffffffff";
    c.stack = "bakewatch run ffffffffffffffffffffffffffffffff";
    assert_int_equal(change(&c), OUTCOME_APPLIED);
    assert_string_equal(value("SELECT stack_trace FROM deployment_errors WHERE id = 6"), c.stack);
    sql("CREATE TRIGGER no BEFORE INSERT ON deployment_errors BEGIN SELECT raise(IGNORE); END");
    c.key = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_non_null(strstr(result.e.text, "not taken"));
}

static void what_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    struct errdb_change c = { .act = ERRDB_RESOLVE, .id = 1, .key = KEY, .by = "ann", .note = "" };
    open_db(24 * HOUR, NULL, false);
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_int_equal(result.e.code, ERR_NOTFOUND);
    assert_int_equal(access(path, F_OK), -1);
    made(ROWS(1, 1));
    sql("BEGIN IMMEDIATE");
    assert_int_equal(change(&c), OUTCOME_FAILED);
    assert_int_equal(result.e.code, ERR_BUSY);
    sql("COMMIT");
    assert_int_equal(change(&c), OUTCOME_APPLIED);
}

static void no_callback_after_the_end(void **state)
{
    (void)state;
    made(ROWS(2000, 1));
    for (int turns = 0; turns < 12; turns++) { /* ends at another moment each time */
        open_db(-1, NULL, false);
        for (int i = 0; i < turns; i++)
            loop_turn(loop, 2);
        memset(&record, 0, sizeof record);
        errdb_fetch(db, 1, on_record, NULL);
        struct errdb_call *gone = errdb_fetch(db, 2, on_record, NULL);
        errdb_cancel(gone);
        if (turns % 2)
            loop_turn(loop, 1);
        bool was_done = record.is_done;
        int events = n_of[FEED_NEW], states = n_states;
        errdb_close(db);
        db = NULL;
        for (int i = 0; i < 5; i++)
            loop_turn(loop, 2);
        assert_int_equal(record.is_done, was_done);
        assert_int_equal(n_of[FEED_NEW], events);
        assert_int_equal(n_states, states);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_whole), TEST(resolved_and_reopened_with_a_guard),
        TEST(times_are_written_as_the_table_has_them), TEST(steps_are_written_once),
        TEST(a_failure_is_recorded_once), TEST(what_cannot_be_written_is_a_failure),
        TEST(no_callback_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
