/* The story clock against a wall clock that somebody sets: clock_gettime is ours here. */
#include "tests/unit/unit.h"

#include <time.h>

#include "core/base/clock.h"

static int64_t boot_ms = 1000000, wall_ms = 1795514400000;

int clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t ms = id == CLOCK_REALTIME ? wall_ms : boot_ms;
    *t = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    return 0;
}

static void pass(int64_t ms)
{
    boot_ms += ms;
    wall_ms += ms;
}

static void it_goes_as_the_wall_does(void **state)
{
    (void)state;
    assert_int_equal(clock_story_ms(), wall_ms);
    pass(5000);
    assert_int_equal(clock_story_ms(), wall_ms);
    for (int i = 0; i < 1000; i++) { /* the wall is a second a minute too fast: NTP slews it back */
        pass(60000);
        wall_ms -= 1000;
        assert_int_equal(clock_story_ms(), wall_ms);
    }
    assert_int_equal(clock_wall_ahead_ms(), 0);
}

static void a_jump_moves_nothing(void **state)
{
    static const int64_t jumps[] = { 3600000, -3600000, 86400000, -86400000, 3600000, 5000 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        int64_t before = clock_story_ms();
        wall_ms += jumps[i];
        pass(100);
        assert_int_equal(clock_story_ms(), before + 100);
        pass(3600000);
        assert_int_equal(clock_story_ms(), before + 3600100);
        assert_int_equal(clock_wall_ahead_ms(), jumps[i]);
        wall_ms -= jumps[i]; /* and is set back again */
        assert_int_equal(clock_story_ms(), wall_ms);
        assert_int_equal(clock_wall_ahead_ms(), 0);
    }
}

/* A suspend is time that has passed: both clocks know of it. */
static void a_suspend_is_no_jump(void **state)
{
    (void)state;
    pass(8 * 3600000);
    assert_int_equal(clock_story_ms(), wall_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_goes_as_the_wall_does), cmocka_unit_test(a_jump_moves_nothing),
                                        cmocka_unit_test(a_suspend_is_no_jump) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
