/* PostgreSQL's text to rows; rows to lines. */
#include "tests/unit/unit.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/report/errors.h"
#include "core/sources/errdb_decode.h"

static const char *const plain[ERRDB_VALUES] = {
    "42", "1001", "7", "2026-11-24 10:00:00.25", "web", "prod", "Building", "NET-1", "HIGH", "no route",
    "at x.c:1", "all", "sales", "seen", "2026-11-24 11:00:00", "bob",
};

static void values(struct errdb_value v[ERRDB_VALUES], const char *const texts[ERRDB_VALUES])
{
    for (int i = 0; i < ERRDB_VALUES; i++)
        v[i] = (struct errdb_value){ texts[i], texts[i] ? strlen(texts[i]) : 0 };
}

static void times(void **state)
{
    static const struct {
        const char *s;
        int64_t ms; /* INT64_MIN = none */
    } rows[] = {
        { "1970-01-01 00:00:00", 0 },
        { "2026-11-24 10:00:00", 1795514400000 },
        { "2026-11-24 10:00:00.123456", 1795514400123 },
        { "2026-11-24T10:00:00Z", 1795514400000 },
        { "2026-11-24 10:00:00+00", 1795514400000 },
        { "2026-11-24 12:00:00+02", 1795514400000 },
        { "2026-11-24 15:45:00+05:45", 1795514400000 },
        { "2026-11-24 00:30:00-09:30", 1795514400000 },
        { "2026-11-24", 1795478400000 },
        { "1969-12-31 23:59:59.5", -500 },
        { "0001-01-01 00:00:00", -62135596800000 },
        { "0001-01-01 00:00:00 BC", -62167219200000 },
        { "0044-03-15 10:00:00+00 BC", -63517788000000 },
        { "infinity", INT64_MIN }, { "-infinity", INT64_MIN }, { "294276-12-31 23:59:59", INT64_MIN },
        { "", INT64_MIN }, { "2026-13-01", INT64_MIN }, { "2026-11-24 10:00:00.", INT64_MIN },
        { "2026-11-24 10:00:00 x", INT64_MIN }, { "2026-11-24 1", INT64_MIN }, { "yesterday", INT64_MIN },
        { "2026-11-24 10:00:00+2", INT64_MIN }, { "2026-11-24 10:00:00+25", INT64_MIN },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = INT64_MIN;
        bool ok = errdb_decode_time(rows[i].s, strlen(rows[i].s), &ms);
        if (ok != (rows[i].ms != INT64_MIN) || (ok && ms != rows[i].ms))
            fail_msg("%s: %d %lld", rows[i].s, ok, (long long)ms);
    }
}

static void a_row(void **state)
{
    struct errdb_value v[ERRDB_VALUES];
    struct error_row *r;
    (void)state;
    values(v, plain);
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    assert_int_equal(r->id, 42);
    assert_int_equal(r->stamp, 1001);
    assert_int_equal(r->stack_bytes, 7);
    assert_int_equal(r->local_ms, 1795514400250);
    assert_int_equal(r->resolved_local_ms, 1795518000000);
    assert_string_equal(r->service, "web");
    assert_string_equal(r->stage, "Building");
    assert_string_equal(r->message, "no route");
    assert_string_equal(r->resolved_by, "bob");
    assert_int_equal(r->nulls, 0);
    assert_false(r->is_cut);
    uint64_t hash = r->hash;
    error_row_unref(r);
    v[1].p = "1002"; /* another version of the same content */
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    assert_int_equal(r->hash, hash);
    error_row_unref(r);
    v[13] = (struct errdb_value){ "", 0 }; /* empty and NULL are two contents */
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    uint64_t empty = r->hash;
    error_row_unref(r);
    v[13] = (struct errdb_value){ NULL, 0 };
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    assert_int_not_equal(r->hash, empty);
    assert_int_equal(r->nulls, 1u << COLUMN_NOTES);
    error_row_unref(r);
}

static void nothing_but_an_id(void **state)
{
    struct errdb_value v[ERRDB_VALUES] = { { "1", 1 } };
    struct error_row *r;
    struct buf line = BUF_INIT(65536);
    (void)state;
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    assert_int_equal(r->nulls, (1u << N_COLUMNS) - 2);
    assert_int_equal(r->local_ms, TIME_NONE);
    assert_string_equal(r->stack, "");
    errors_json_row(&line, "new", r, 0);
    struct json_span doc;
    assert_int_equal(json_check(buf_str(&line), line.len, &doc, NULL), ERR_OK);
    assert_int_equal(json_kind(json_get(doc, "timestamp")), JSON_NULL);
    assert_int_equal(json_kind(json_get(doc, "resolved_by")), JSON_NULL);
    buf_release(&line);
    error_row_unref(r);
}

static void long_texts_are_cut_at_a_code_point(void **state)
{
    struct errdb_value v[ERRDB_VALUES];
    static char message[ERROR_TEXT + 8];
    struct error_row *r;
    int32_t cp;
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        memset(message, 'a', lead);
        for (size_t i = lead; i + 4 < sizeof message; i += 4)
            memcpy(message + i, "\xF0\x9F\x98\x80", 5);
        values(v, plain);
        v[ERRDB_LEAD + COLUMN_MESSAGE - 1] = (struct errdb_value){ message, strlen(message) };
        assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
        size_t n = strlen(r->message);
        assert_true(r->is_cut);
        assert_in_range(n, ERROR_TEXT - 3, ERROR_TEXT);
        assert_int_equal(text_decode(r->message + n - 4, 4, &cp), 4);
        error_row_unref(r);
    }
}

static void what_is_no_row(void **state)
{
    struct errdb_value v[ERRDB_VALUES];
    struct error_row *r = NULL;
    struct err e;
    static const char *const bad[] = { "x", "", "99999999999999999999", "1 " };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (int at = 0; at < 3; at++) {
            values(v, plain);
            v[at] = (struct errdb_value){ bad[i], strlen(bad[i]) };
            assert_int_equal(errdb_decode_row(v, false, &r, &e), ERR_PARSE);
            assert_null(r);
        }
    }
    values(v, plain);
    v[0].p = NULL;
    assert_int_equal(errdb_decode_row(v, false, &r, &e), ERR_PARSE);
}

static void a_line_of_a_table(void **state)
{
    struct errdb_value v[ERRDB_VALUES];
    struct error_row *r;
    struct buf out = BUF_INIT(65536);
    (void)state;
    values(v, plain);
    v[ERRDB_LEAD + COLUMN_MESSAGE - 1] = (struct errdb_value){ "a\x1b[31m\nb", 8 };
    v[ERRDB_LEAD + COLUMN_SEVERITY - 1] = (struct errdb_value){ "Sev-Zero!", 9 };
    assert_int_equal(errdb_decode_row(v, false, &r, NULL), ERR_OK);
    r->severity = SEVERITY_OTHER;
    errors_table_head(&out, true, false);
    errors_table_row(&out, "new", r, 2 * 3600000, false);
    assert_string_equal(buf_str(&out),
        "EVENT  ID         TIME                 SEVERITY SERVICE              CODE           STATE     MESSAGE\n"
        "new    42         2026-11-24T08:00:00Z Sev-Zero web                  NET-1          resolved  a\u241b[31m\u23ceb\n");
    buf_clear(&out);
    r->is_zoned = true;
    errors_json_row(&out, "update", r, 2 * 3600000);
    assert_non_null(strstr(buf_str(&out), "\"timestamp\":\"2026-11-24T10:00:00Z\""));
    assert_non_null(strstr(buf_str(&out), "{\"event\":\"update\",\"id\":42,"));
    buf_release(&out);
    error_row_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times), cmocka_unit_test(a_row), cmocka_unit_test(nothing_but_an_id),
        cmocka_unit_test(long_texts_are_cut_at_a_code_point), cmocka_unit_test(what_is_no_row),
        cmocka_unit_test(a_line_of_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
