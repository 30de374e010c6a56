/* Every story of the demo, without noise, before the judge: the word at the end, why, and how soon. */
#include "tests/unit/unit.h"

#include "tests/bench/play.h"

static const struct {
    const char *story;
    enum verdict_word word; /* at the window's end */
    int least_s, most_s;    /* of the first ROLL BACK, after the deploy; 0, 0: never */
    enum trigger_kind decides;
} stories[] = {
    { "good-release", VERDICT_PASS, 0, 0, TRIGGER_ROLLOUT },
    { "flaky-probe", VERDICT_PASS, 0, 0, TRIGGER_ROLLOUT },
    { "bad-release", VERDICT_ROLLBACK, 30, 180, TRIGGER_ROLLOUT },
    { "slow-release", VERDICT_ROLLBACK, 150, 900, TRIGGER_LATENCY },
    { "slow-burn", VERDICT_ROLLBACK, 720, 1320, TRIGGER_ERRORS },
    { "dependency-down", VERDICT_PASS, 0, 0, TRIGGER_ROLLOUT },
    { "noisy-neighbour", VERDICT_PASS, 0, 0, TRIGGER_ROLLOUT },
    { "observer-lost", VERDICT_PASS, 0, 0, TRIGGER_ROLLOUT },
};

static void stories_end_as_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
        struct play_options o = { .story = stories[i].story, .seed = 1 };
        struct played p;
        assert_true(play(&o, &p));
        int at = p.rollback_ms == INT64_MIN ? 0 : (int)(p.rollback_ms / 1000);
        print_message("%s: %s, ROLL BACK after %d s, %s: %s\n", o.story, verdict_name(p.word), at, trigger_name(p.decides), p.rule);
        if (p.word != stories[i].word || at < stories[i].least_s || at > stories[i].most_s ||
            (at && p.decides != stories[i].decides))
            fail_msg("%s: %s, ROLL BACK after %d s, decided by %s: %s", o.story, verdict_name(p.word), at,
                     trigger_name(p.decides), p.rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(stories_end_as_they_should) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
