/* Which time somebody means. */
#include "tests/unit/unit.h"

#include "core/base/clock.h"
#include "tui/past.h"

static int64_t at(const char *rfc3339)
{
    int64_t ms = 0;
    assert_true(clock_parse_rfc3339(rfc3339, strlen(rfc3339), &ms));
    return ms;
}

static void times(void **state)
{
    static const struct {
        const char *text, *is; /* NULL: no time */
        int zone_h;
    } rows[] = {
        { "14:02", "2026-11-24T14:02:00Z", 0 },
        { "14:02:10", "2026-11-24T14:02:10Z", 0 },
        { "14:02Z", "2026-11-24T14:02:00Z", 2 },
        { "16:02", "2026-11-24T14:02:00Z", 2 },
        { "23:59", "2026-11-23T23:59:00Z", 0 }, /* it was yesterday */
        { "00:10", "2026-11-23T22:10:00Z", 2 },
        { "15:31", "2026-11-23T15:31:00Z", 0 },
        { "00:00", "2026-11-24T00:00:00Z", 0 },
        { "14:30:00", "2026-11-24T14:30:00Z", 0 },
        { "-10m", "2026-11-24T14:20:00Z", 0 },
        { "-1h30m", "2026-11-24T13:00:00Z", 0 },
        { "-90", "2026-11-24T14:28:30Z", 0 },
        { "T+5:30", "2026-11-24T14:05:30Z", 0 },
        { "t+5", "2026-11-24T14:05:00Z", 0 },
        { "T-1:00", "2026-11-24T13:59:00Z", 0 },
        { "T+0", "2026-11-24T14:00:00Z", 0 },
        { "T+90:00", "2026-11-24T15:30:00Z", 0 },
        { "T+1:05:30", "2026-11-24T15:05:30Z", 0 },
        { "deploy", "2026-11-24T14:00:05Z", 0 },
        { "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z", 0 },
        { "2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z", 0 },
        { "", NULL, 0 },
        { "noon", NULL, 0 },
        { "24:00", NULL, 0 },
        { "14:60", NULL, 0 },
        { "14", NULL, 0 },
        { "T", NULL, 0 },
        { "T5", NULL, 0 },
        { "T+", NULL, 0 },
        { "T+5:", NULL, 0 },
        { "T+5:99", NULL, 0 },
        { "-", NULL, 0 },
        { "-10x", NULL, 0 },
        { "14:02:10:1", NULL, 0 },
        { ":02", NULL, 0 },
        { "14:-2", NULL, 0 },
        { "T+99999999999999999999", NULL, 0 },
        { "Z", NULL, 0 },
        { "14:02ZZ", NULL, 0 },
        { "14:02:10 and a very long text after it", NULL, 0 },
    };
    int64_t now = at("2026-11-24T14:30:00Z"), deployed = at("2026-11-24T14:00:00Z"), got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        got = 0;
        bool is_time = past_parse(rows[i].text, now, deployed, rows[i].zone_h * 3600000, &got);
        if (is_time != (rows[i].is != NULL) || (is_time && got != at(rows[i].is)))
            fail_msg("\"%s\": %d, %lld", rows[i].text, is_time, (long long)got);
    }
    assert_false(past_parse("deploy", now, TIME_NONE, 0, &got));
    assert_false(past_parse("T+5", now, TIME_NONE, 0, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(times) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
