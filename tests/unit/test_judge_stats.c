/* The statistics under the judge, against values that others have computed, and the course they count in. */
#include "tests/unit/unit.h"

#include "tests/unit/judge.h"
#include "core/judge/baseline.h"
#include "core/judge/proportion.h"

static void is_near(double got, double wanted, double part)
{
    if (!(fabs(got - wanted) <= fabs(wanted) * part))
        fail_msg("%.10g, not %.10g", got, wanted);
}

static void wilson(void **state)
{
    (void)state;
    /* So many errors are needed before the share is surely over 5 %. */
    static const struct {
        int n, x;
    } t[] = { { 20, 3 }, { 50, 6 }, { 100, 9 }, { 200, 16 }, { 500, 34 }, { 1000, 62 } };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        assert_true(wilson_lower(t[i].x, t[i].n, 1.645) > 0.05);
        assert_false(wilson_lower(t[i].x - 1, t[i].n, 1.645) > 0.05);
    }
    is_near(wilson_lower(10, 100, 1.645), 0.06079, 2e-3);
    static const double bad[][2] = { { 0, 0 }, { 0, 10 }, { -1, 10 }, { 11, 10 }, { 1, -1 }, { NAN, 10 }, { 1, NAN } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_true(wilson_lower(bad[i][0], bad[i][1], 1.645) == 0);
}

static void fisher(void **state)
{
    (void)state;
    /* By hand: P(X >= x) of the hypergeometric distribution, from exact fractions. */
    static const struct {
        double x, n, x0, n0, p;
    } t[] = {
        { 3, 4, 1, 4, 17.0 / 70 },
        { 4, 4, 0, 4, 1.0 / 70 },
        { 5, 5, 0, 15, 1.0 / 15504 },
        { 1, 10, 0, 10, 0.5 },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        is_near(fisher_worse(t[i].x, t[i].n, t[i].x0, t[i].n0), t[i].p, 1e-9);
    assert_true(fisher_worse(4, 50, 2, 500) < 0.001); /* of the reference */
    assert_true(fisher_worse(3, 50, 2, 500) > 0.001);
    assert_true(fisher_worse(1, 50, 50, 500) == 1);
    assert_true(fisher_worse(6000, 100000, 50000, 1000000) < 1e-9);
    static const double bad[][4] = { { 0, 0, 0, 0 }, { 5, 4, 0, 9 }, { NAN, 4, 1, 9 }, { -1, 4, 1, 9 } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_true(fisher_worse(bad[i][0], bad[i][1], bad[i][2], bad[i][3]) == 1);
}

static void mann_whitney(void **state)
{
    (void)state;
    static const float low[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, high[] = { 21, 22, 23, 24, 25 }, same[] = { 5, 5, 5, 5, 5 };
    double p = mann_whitney_higher(high, 5, low, 12);
    assert_true(p < 0.002 && p > 0.0001); /* exactly 0.00016 */
    assert_true(mann_whitney_higher(low, 12, high, 5) > 0.99);
    assert_true(mann_whitney_higher(same, 5, same, 5) == 1);
    assert_true(mann_whitney_higher(same, 0, low, 12) == 1);
    assert_true(mann_whitney_higher(low, 12, low, 12) > 0.4);
    is_near(median_of(low, 12), 6.5, 1e-9);
    is_near(median_of(low, 5), 3, 1e-9);
    assert_true(isnan(median_of(low, 0)));
}

/* ---- the course and the baseline ---- */

static struct sample counts(const struct series *s, int64_t at_ms, int64_t span_ms, double n, double failed)
{
    return (struct sample){ .series = s, .at_ms = at_ms, .span_ms = span_ms, .n = 2, .v = { n, failed }, .text = "" };
}

static void counts_are_spread_over_their_span(void **state)
{
    (void)state;
    static const struct series of = { .id = 1, .kind = SAMPLE_REQUESTS, .subject = WEB, .name = "", .source = "metrics" };
    struct course c = { 0 };
    int64_t no = course_slot_of(T0);
    struct sample s = counts(&of, T0 + 22500, 15000, 150, 30); /* half of it in slot 0, half in slot 1 */
    assert_true(course_requests(&c, &s));
    is_near(course_failed(&c, no, no + 1).n, 75, 1e-3);
    is_near(course_failed(&c, no + 1, no + 2).x, 15, 1e-3);
    is_near(course_failed(&c, no, no + 2).watched_ms, 15000, 1e-3);
    s = counts(&of, T0 + 24 * 3600000, 24 * 3600000, 1440, 0); /* longer than what is kept: one a minute */
    assert_true(course_requests(&c, &s));
    no = course_slot_of(s.at_ms);
    is_near(course_failed(&c, no - TRACK_POINTS, no).n, 60, 0.01);
    assert_true(course_failed(&c, 0, 2).n == 0);
    static const double bad[][2] = { { -1, 0 }, { 5, -1 }, { 5, 6 }, { NAN, 0 }, { 5, NAN }, { 1e308, 0 }, { INFINITY, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        s = counts(&of, T0 + 24 * 3600000, 15000, bad[i][0], bad[i][1]);
        assert_false(course_requests(&c, &s));
    }
    course_release(&c);
}

static void a_p95_is_as_histogram_quantile_has_it(void **state)
{
    (void)state;
    static const double bounds[] = { 100, 200, 400 };
    static const struct {
        double slow[4], p95; /* above 100, 200, 400; all */
    } t[] = {
        { { 100, 0, 0, 100 }, 195 }, { { 0, 0, 0, 100 }, 95 },   { { 10, 0, 0, 100 }, 150 },
        { { 100, 100, 50, 100 }, 400 }, { { 10, 5, 0, 100 }, 200 },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        is_near(course_p95_of(t[i].slow, bounds, 3), t[i].p95, 1e-9);
    assert_true(isnan(course_p95_of((const double[]){ 0, 0, 0, 0 }, bounds, 3)));
    assert_int_equal(baseline_bound(bounds, 3, 150), 1);
    assert_int_equal(baseline_bound(bounds, 3, 9000), 2);
    assert_int_equal(baseline_bound(bounds, 0, 9000), SIZE_MAX);
}

static void baselines_that_are_empty_are_refused(void **state)
{
    (void)state;
    static const struct series of = { .id = 1, .kind = SAMPLE_REQUESTS, .subject = WEB, .name = "", .source = "metrics" };
    static const struct {
        int quarters;
        double n;
        bool is_there;
    } t[] = { { 0, 100, false }, { 4, 100, false }, { 120, 0, false }, { 120, 0.1, false }, { 120, 100, true } };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct course c = { 0 };
        struct baseline b;
        for (int k = 1; k <= t[i].quarters; k++) {
            struct sample s = counts(&of, T0 + k * 15000, 15000, t[i].n, 0);
            course_requests(&c, &s);
        }
        baseline_freeze(&b, &c, T0 + 120 * 15000, 1800000, 20);
        assert_true((b.requests > 0) == t[i].is_there);
        assert_true((b.error_problem == NULL) == t[i].is_there);
        assert_non_null(b.latency_problem);
        assert_false(baseline_limit(&b, &c, 1.5, 20).is_known);
        course_release(&c);
    }
}

static void scatter_beyond_chance_is_measured(void **state)
{
    (void)state;
    static const struct series of = { .id = 1, .kind = SAMPLE_REQUESTS, .subject = WEB, .name = "", .source = "metrics" };
    for (int wild = 0; wild < 2; wild++) {
        struct course c = { 0 };
        struct baseline b;
        for (int k = 1; k <= 120; k++) { /* 2 % fail; or 0 and 4 % in turn, two minutes each */
            struct sample s = counts(&of, T0 + k * 15000, 15000, 1000, !wild ? 20 : (k - 1) / 8 % 2 ? 40 : 0);
            course_requests(&c, &s);
        }
        baseline_freeze(&b, &c, T0 + 120 * 15000, 1800000, 20);
        assert_true(wild ? b.error_spread > 100 : b.error_spread < 1.01);
        course_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson),
        cmocka_unit_test(fisher),
        cmocka_unit_test(mann_whitney),
        cmocka_unit_test(counts_are_spread_over_their_span),
        cmocka_unit_test(a_p95_is_as_histogram_quantile_has_it),
        cmocka_unit_test(baselines_that_are_empty_are_refused),
        cmocka_unit_test(scatter_beyond_chance_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
