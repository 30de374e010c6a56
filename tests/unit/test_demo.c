/* What the demo's simulator says of its clock, and what else may come on that line. */
#include "tests/unit/unit.h"

#include "core/base/clock.h"
#include "core/sources/demo.h"

static int64_t io_ms;

static int64_t io_now(void)
{
    return io_ms;
}

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool ok;
    } rows[] = {
        { "{\"now_ms\":1764000000000,\"zero_ms\":1,\"length_ms\":1,\"speed\":10,\"caption\":\"x\"}", true },
        { "{\"caption\":\"\",\"more\":[1],\"speed\":0.5,\"zero_ms\":0,\"length_ms\":0,\"now_ms\":0}", true },
        { "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":-1,\"caption\":\"\"}", false },
        { "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":1e9,\"caption\":\"\"}", false },
        { "{\"now_ms\":-1,\"zero_ms\":1,\"length_ms\":1,\"speed\":1,\"caption\":\"\"}", false },
        { "{\"now_ms\":9223372036854775807,\"zero_ms\":1,\"length_ms\":1,\"speed\":1,\"caption\":\"\"}", false },
        { "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":\"1\",\"caption\":\"\"}", false },
        { "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":1,\"caption\":7}", false },
        { "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":1}", false },
        { "error no command follow", false },
        { "", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct demo_now now;
        struct err e = { 0 };
        if ((demo_decode(rows[i].line, strlen(rows[i].line), &now, &e) == ERR_OK) != rows[i].ok)
            fail_msg("%s: %s", rows[i].line, e.text);
        assert_true(rows[i].ok || e.text[0]);
    }
    char big[2 * DEMO_CAPTION + 100]; /* longer than there is room for is an error, not a cut */
    struct demo_now now;
    struct err e = { 0 };
    snprintf(big, sizeof big, "{\"now_ms\":1,\"zero_ms\":1,\"length_ms\":1,\"speed\":1,\"caption\":\"%0*d\"}", DEMO_CAPTION, 0);
    assert_int_not_equal(demo_decode(big, strlen(big), &now, &e), ERR_OK);
}

static void the_story_clock_follows(void **state)
{
    (void)state;
    clock_set(io_now, NULL);
    io_ms = 5000;
    clock_follow(1000000, 4000, 10);
    assert_int_equal(clock_story_ms(), 1010000);
    io_ms = 5100;
    assert_int_equal(clock_story_ms(), 1011000);
    clock_follow(2000000, 5100, 0);
    io_ms = 99999;
    assert_int_equal(clock_story_ms(), 2000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines), cmocka_unit_test(the_story_clock_follows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
