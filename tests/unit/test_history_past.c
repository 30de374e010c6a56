/* Any time of a history as a snapshot: as it was then, only what was recorded, and the newest question first. */
#include "tests/unit/unit.h"

#include "tests/unit/history.h"
#include "tests/unit/made.h"

struct answer {
    int n;
    int64_t at_ms[8];
    struct snap *snap; /* the last one */
    struct err e;
};

static void answered(void *ctx, int64_t at_ms, struct snap *s, const struct err *why)
{
    struct answer *a = ctx;
    assert_true(a->n < 8);
    a->at_ms[a->n++] = at_ms;
    snap_unref(a->snap);
    a->snap = s;
    a->e = *why;
}

static void ask(struct console *c, int64_t at_ms, struct answer *a)
{
    history_past(c->history, &(struct history_past){ .at_ms = at_ms, .done = answered, .ctx = a });
}

static const struct workloads *past(struct console *c, int64_t at_ms, struct answer *a)
{
    a->n = 0;
    ask(c, at_ms, a);
    while (!a->n)
        loop_turn(c->loop, 1000);
    assert_int_equal(a->at_ms[0], at_ms);
    return a->snap ? (const struct workloads *)a->snap->sections[SECTION_WORKLOADS] : NULL;
}

/* So many frames of 5 s; workload 3 is broken from the 20th on. */
static void show(struct console *c, int n)
{
    for (int i = 0; i < n; i++) {
        struct snap *s = made_snap(10, 2, i < 20 ? -1 : 3, story_ms, begin_ms);
        history_sections(c->history, s, story_ms);
        history_sections(c->history, s, story_ms + 1); /* too soon */
        snap_unref(s);
        story_ms += 4999;
        settle(c);
    }
}

static void any_time_is_shown(void **state)
{
    struct console c;
    struct answer a = { 0 };
    (void)state;
    console_open(&c);
    show(&c, 100);
    assert_int_equal(past(&c, begin_ms + 50000, &a)->n_health[HEALTH_FAIL], 0);
    assert_int_equal(past(&c, begin_ms + 99999, &a)->n_health[HEALTH_FAIL], 0);
    assert_int_equal(past(&c, begin_ms + 100000, &a)->n_health[HEALTH_FAIL], 1);
    assert_int_equal(past(&c, begin_ms + 499999, &a)->n_health[HEALTH_FAIL], 1);
    assert_int_equal(((const struct sources *)a.snap->sections[SECTION_SOURCES])->bytes_in, begin_ms + 495000);
    console_close(&c);

    story_ms += 600000; /* nobody was there for ten minutes, and what was then is not known */
    console_open(&c);
    show(&c, 5);
    assert_null(past(&c, begin_ms + 800000, &a));
    assert_int_equal(a.e.code, ERR_NOTFOUND);
    assert_non_null(past(&c, begin_ms + 499000, &a));
    assert_int_equal(past(&c, begin_ms + 1110000, &a)->n_health[HEALTH_FAIL],
                     0); /* of the new run, not of the old */
    assert_null(past(&c, begin_ms - 60000, &a));
    console_close(&c);
    snap_unref(a.snap);
}

/* What a run wrote after the clock was set back is not mixed into what stood there before. */
static void a_clock_that_goes_back(void **state)
{
    struct console c;
    struct answer a = { 0 };
    (void)state;
    console_open(&c);
    show(&c, 30);
    console_close(&c);
    story_ms = begin_ms - 10000;
    console_open(&c);
    show(&c, 10);
    assert_int_equal(past(&c, begin_ms + 110000, &a)->n_health[HEALTH_FAIL], 1);
    assert_int_equal(((const struct sources *)a.snap->sections[SECTION_SOURCES])->bytes_in, begin_ms + 110000);
    console_close(&c);
    snap_unref(a.snap);
}

/* A key that is held down: of what came meanwhile the newest alone is read. */
static void the_newest_question_counts(void **state)
{
    struct console c;
    struct answer a = { 0 };
    (void)state;
    console_open(&c);
    show(&c, 30);
    for (int i = 20; i > 0; i--)
        ask(&c, begin_ms + i * 5000, &a);
    while (a.n < 2)
        loop_turn(c.loop, 1000);
    loop_turn(c.loop, 10);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.at_ms[0], begin_ms + 100000);
    assert_int_equal(a.at_ms[1], begin_ms + 5000);
    ask(&c, begin_ms + 5000, &a);
    ask(&c, begin_ms + 9000, &a);
    console_close(&c); /* on its way: nothing comes any more */
    assert_int_equal(a.n, 2);
    snap_unref(a.snap);
}

static void broken_rows_are_said(void **state)
{
    struct console c;
    struct answer a = { 0 };
    (void)state;
    console_open(&c);
    show(&c, 30);
    console_close(&c);
    const char *name = file() + strlen(dir.path) + 1;
    state_sql(&dir, name, "UPDATE frame SET data = x'00021001' WHERE at_ms > 1764064850000");
    console_open(&c);
    assert_non_null(past(&c, begin_ms + 50000, &a));
    assert_null(past(&c, begin_ms + 60000, &a));
    assert_int_equal(a.e.code, ERR_PARSE);
    console_close(&c);
    snap_unref(a.snap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_time_is_shown, begin, finish),
        cmocka_unit_test_setup_teardown(a_clock_that_goes_back, begin, finish),
        cmocka_unit_test_setup_teardown(the_newest_question_counts, begin, finish),
        cmocka_unit_test_setup_teardown(broken_rows_are_said, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
