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

/* ---- the noise ---- */

struct heard {
    uint64_t hash;
    double requests, failures, probes, probes_failed;
    int64_t from_ms, to_ms;
};

static void hear(void *ctx, const struct sample *s)
{
    struct heard *h = ctx;
    for (size_t i = 0; i < s->n; i++) {
        double v = s->v[i] == s->v[i] ? s->v[i] : -1;
        h->hash = (h->hash ^ (uint64_t)(int64_t)v ^ s->series->id) * 0x100000001b3U;
    }
    h->to_ms = s->at_ms;
    h->from_ms = h->from_ms ? h->from_ms : s->at_ms;
    h->requests += s->series->kind == SAMPLE_REQUESTS ? s->v[0] : 0;
    h->failures += s->series->kind == SAMPLE_REQUESTS ? s->v[1] : 0;
    h->probes += s->series->kind == SAMPLE_PROBE;
    h->probes_failed += s->series->kind == SAMPLE_PROBE && s->code != PROBE_OK;
}

static struct heard listen(uint64_t seed, bool has_noise)
{
    struct heard h = { 0 };
    struct played p;
    struct play_options o = { .story = "good-release", .seed = seed, .has_noise = has_noise, .rps_least = 10, .rps_most = 10,
                              .put = hear, .ctx = &h };
    assert_true(play(&o, &p));
    return h;
}

static void noise_is_the_seeds_and_of_its_size(void **state)
{
    (void)state;
    struct heard a = listen(5, true), b = listen(5, true), c = listen(6, true), plain = listen(5, false);
    assert_true(a.hash == b.hash && a.hash != c.hash);
    assert_true(plain.probes_failed == 0);
    double part = a.probes_failed / a.probes, rate = a.requests / (double)(a.to_ms - a.from_ms) * 1000 / 7;
    if (part < 0.015 || part > 0.025 || rate < 7.5 || rate > 12.5)
        fail_msg("%.3f of the probes fail, %.1f requests a second", part, rate);
    assert_true(a.failures / a.requests > 0.001 && a.failures / a.requests < 0.004);
}

static void the_link_is_lost_and_comes_back(void **state)
{
    (void)state;
    struct play_options o = { .story = "observer-lost", .seed = 1 };
    struct played p;
    assert_true(play(&o, &p));
    assert_true(p.was[VERDICT_NO_DATA] && p.was[VERDICT_PASS] && !p.was[VERDICT_ROLLBACK]);
}

static void opened_late_it_does_not_pass_without_data(void **state)
{
    (void)state;
    struct play_options o = { .story = "bad-release", .seed = 1, .is_late = true };
    struct played p;
    assert_true(play(&o, &p));
    assert_int_equal(p.word, VERDICT_ROLLBACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_end_as_they_should),
        cmocka_unit_test(noise_is_the_seeds_and_of_its_size),
        cmocka_unit_test(the_link_is_lost_and_comes_back),
        cmocka_unit_test(opened_late_it_does_not_pass_without_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
