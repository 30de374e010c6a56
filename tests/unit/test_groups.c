/* Errors counted: exact through changes and drops, judged against a deploy, whatever the clocks say. */
#include "tests/unit/unit.h"

#include <math.h>
#include <time.h>

#include "core/judge/groups.h"
#include "core/judge/poisson.h"

#define MIN   INT64_C(60000)
#define HOUR  (60 * MIN)
#define NOW   INT64_C(1790000000000)

static struct groups *g;
static struct errors *es;
static int64_t deployed_ms;
static int n_asked;

static struct groups_place place(void *ctx, const char *service)
{
    (void)ctx;
    n_asked++;
    return (struct groups_place){ strcmp(service, "lone") == 0 ? NULL : "shop/Deployment/pay", deployed_ms };
}

static void fill_at(int64_t now_ms, int64_t look_from_ms)
{
    if (es)
        section_unref(&es->section);
    es = errors_new(0);
    n_asked = 0;
    groups_fill(g, es, now_ms, look_from_ms, place, NULL);
}

static struct error_row row_of(uint64_t fingerprint, enum severity s)
{
    struct error_row r = { .fingerprint = fingerprint, .severity = s, .local_ms = TIME_NONE,
                           .resolved_local_ms = TIME_NONE, .received_ms = NOW,
                           .nulls = 1u << COLUMN_RESOLVED_AT };
    r.service = "pay";
    r.code = "NET-1";
    r.message = "refused 7";
    return r;
}

static void add(uint64_t fingerprint, enum severity s, int64_t at_ms, int n)
{
    struct error_row r = row_of(fingerprint, s);
    r.local_ms = at_ms;
    for (int i = 0; i < n; i++)
        groups_add(g, &r, at_ms);
}

static const struct error_group *group(uint64_t fingerprint)
{
    size_t i = groups_index(g, fingerprint);
    return i < es->n_groups ? &es->groups[i] : NULL;
}

static int begin(void **state)
{
    (void)state;
    g = groups_new();
    deployed_ms = TIME_NONE;
    return 0;
}

static int end(void **state)
{
    (void)state;
    groups_free(g);
    if (es)
        section_unref(&es->section);
    es = NULL;
    return 0;
}

static void poisson(void **state)
{
    (void)state;
    static const struct {
        int64_t k;
        double lambda, tail;
    } rows[] = { /* made with 60 decimal digits */
        { 1, 0.5, 3.934693402873666e-01 }, { 5, 1, 3.659846827343712e-03 }, { 5, 5, 5.595067149347875e-01 },
        { 22, 10, 6.996505123348293e-04 }, { 30, 10, 2.509951201527908e-07 }, { 100, 80, 1.710831303513312e-02 },
        { 100, 150, 9.999940754596646e-01 }, { 1000, 900, 5.499022657117829e-04 },
        { 3, 0.001, 1.665417166527808e-10 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double p = poisson_tail(rows[i].k, rows[i].lambda);
        if (fabs(p - rows[i].tail) > 1e-9 * rows[i].tail)
            fail_msg("P(X >= %d | %g) is %.15e", (int)rows[i].k, rows[i].lambda, p);
    }
    assert_true(poisson_tail(0, 3) == 1 && poisson_tail(-1, 3) == 1);
    assert_true(poisson_tail(1, 0) == 0 && poisson_tail(1, -1) == 0 && poisson_tail(1, NAN) == 0);
    assert_true(poisson_tail(100000, 1) == 0);
    assert_true(poisson_tail(1, 1e5) == 1);
    /* across the border to the approximation: mean 1e6 + 3 and + 5 standard deviations */
    assert_true(fabs(poisson_tail(1003000, 1e6 + 1) / 0.0013529 - 1) < 0.02);
    assert_true(poisson_tail(2000000, 1.5e6) < 1e-100 && poisson_tail(1500000, 2e6) > 0.999);
}

static void counts_and_minutes(void **state)
{
    (void)state;
    struct error_row open = row_of(1, SEVERITY_HIGH), done = row_of(1, SEVERITY_LOW);
    open.local_ms = NOW - 2 * MIN;
    done.local_ms = done.resolved_local_ms = NOW - 90 * MIN;
    groups_add(g, &open, NOW - 2 * MIN);
    groups_add(g, &open, NOW - 2 * MIN);
    groups_add(g, &done, NOW - 90 * MIN);
    add(2, SEVERITY_CRITICAL, NOW, 1);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->n_groups, 2);
    assert_int_equal(es->minutes[ERROR_MINUTES - 3][SEVERITY_HIGH], 2);
    assert_int_equal(es->minutes[ERROR_MINUTES - 1][SEVERITY_CRITICAL], 1);
    assert_true(es->minutes_from_ms % MIN == 0 && NOW - es->minutes_from_ms < HOUR);
    int64_t sum = 0;
    for (int i = 0; i < ERROR_MINUTES; i++) {
        for (int s = 0; s < N_SEVERITIES; s++)
            sum += es->minutes[i][s];
    }
    assert_int_equal(sum, 3); /* the one of 90 minutes ago is not in the last 60 */
    const struct error_group *one = group(1);
    assert_int_equal(one->count, 3);
    assert_int_equal(one->n_open, 2);
    assert_int_equal(one->severity, SEVERITY_HIGH);
    assert_true(one->first_ms == NOW - 90 * MIN && one->last_ms == NOW - 2 * MIN);
    assert_string_equal(one->message, "refused <n>");
    assert_string_equal(one->service, "pay");
    assert_string_equal(one->workload, "shop/Deployment/pay");
    assert_string_equal(one->id, "0000000000000001");
    assert_true(one->per_minute > 0.39 && one->per_minute <= 0.5);
    assert_int_equal(one->novelty, NOVELTY_UNKNOWN);
    assert_int_equal(n_asked, 1);
    assert_true(groups_index(g, 99) == SIZE_MAX);
    /* dropped: counted, but not among those that are held; deleted: never was */
    groups_remove(g, &open, NOW - 2 * MIN, true);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->count, 3);
    assert_int_equal(group(1)->n_open, 1);
    groups_remove(g, &open, NOW - 2 * MIN, false);
    groups_remove(g, &done, NOW - 90 * MIN, false);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->count, 1);
    assert_int_equal(group(1)->n_open, 0);
    assert_int_equal(es->minutes[ERROR_MINUTES - 3][SEVERITY_HIGH], 1);
    fill_at(NOW, TIME_NONE);
}

static void changes(void **state)
{
    (void)state;
    struct error_row a = row_of(1, SEVERITY_HIGH), b = a;
    a.local_ms = b.local_ms = NOW - 5 * MIN;
    groups_add(g, &a, NOW - 5 * MIN);
    b.resolved_local_ms = NOW;
    groups_change(g, &a, &b, NOW - 5 * MIN);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->count, 1);
    assert_int_equal(group(1)->n_open, 0);
    assert_true(group(1)->first_ms == NOW - 5 * MIN);
    /* another message, severity and time: another group and another minute */
    struct error_row c = b;
    c.fingerprint = 2;
    c.severity = SEVERITY_CRITICAL;
    c.local_ms = NOW - 9 * MIN;
    c.resolved_local_ms = TIME_NONE;
    groups_change(g, &b, &c, NOW - 9 * MIN);
    fill_at(NOW, TIME_NONE);
    assert_null(group(1));
    assert_int_equal(group(2)->count, 1);
    assert_int_equal(es->minutes[ERROR_MINUTES - 6][SEVERITY_HIGH], 0);
    assert_int_equal(es->minutes[ERROR_MINUTES - 10][SEVERITY_CRITICAL], 1);
    groups_change(g, NULL, &b, NOW);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->n_groups, 1);
}

static void a_zone_learned_late(void **state)
{
    (void)state;
    struct error_row zoned = row_of(1, SEVERITY_LOW), none = row_of(1, SEVERITY_LOW);
    zoned.is_zoned = true;
    zoned.local_ms = NOW - MIN;
    none.received_ms = NOW - 2 * MIN;
    add(1, SEVERITY_HIGH, NOW + 2 * HOUR - 3 * MIN, 4); /* local time, zone not known yet */
    groups_add(g, &zoned, NOW - MIN);
    groups_add(g, &none, TIME_NONE);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->minutes[ERROR_MINUTES - 4][SEVERITY_HIGH], 0);
    groups_shift(g, -2 * HOUR);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->minutes[ERROR_MINUTES - 4][SEVERITY_HIGH], 4);
    assert_int_equal(es->minutes[ERROR_MINUTES - 2][SEVERITY_LOW], 1);
    assert_int_equal(es->minutes[ERROR_MINUTES - 3][SEVERITY_LOW], 1);
    assert_true(group(1)->first_ms == NOW - 3 * MIN && group(1)->last_ms == NOW - MIN);
    /* an edited time is looked for where the zone has moved it */
    struct error_row before = row_of(1, SEVERITY_HIGH), after = before;
    before.local_ms = NOW + 2 * HOUR - 3 * MIN;
    after.local_ms = before.local_ms - 7 * MIN;
    groups_change(g, &before, &after, NOW - 10 * MIN);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->minutes[ERROR_MINUTES - 4][SEVERITY_HIGH], 3);
    assert_int_equal(es->minutes[ERROR_MINUTES - 11][SEVERITY_HIGH], 1);
}

static void novelty(void **state)
{
    (void)state;
    static const struct {
        int before, after; /* rows in the hour before the deploy, and in the 30 minutes since */
        int64_t looked;    /* before the deploy */
        enum novelty novelty;
    } rows[] = {
        { 0, 1, HOUR, NOVELTY_NEW },      { 0, 500, HOUR, NOVELTY_NEW },   { 0, 1, 29 * MIN, NOVELTY_UNKNOWN },
        { 0, 1, 31 * MIN, NOVELTY_NEW },  { 10, 0, HOUR, NOVELTY_KNOWN },  { 10, 5, HOUR, NOVELTY_KNOWN },
        { 10, 10, HOUR, NOVELTY_KNOWN },  { 10, 14, HOUR, NOVELTY_MORE },  { 100, 105, HOUR, NOVELTY_MORE },
        { 100, 99, HOUR, NOVELTY_KNOWN }, { 1, 4, HOUR, NOVELTY_KNOWN },   { 1, 5, HOUR, NOVELTY_MORE },
        { 2, 5, HOUR, NOVELTY_KNOWN },    { 2, 6, HOUR, NOVELTY_MORE },    { 10, 14, 10 * MIN, NOVELTY_UNKNOWN },
    };
    deployed_ms = NOW - NOW % MIN - 30 * MIN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int k = 0; k < rows[i].before; k++)
            add(i + 1, SEVERITY_HIGH, deployed_ms - HOUR + MIN + k * 58 * MIN / rows[i].before, 1);
        for (int k = 0; k < rows[i].after; k++)
            add(i + 1, SEVERITY_HIGH, deployed_ms + k * 29 * MIN / rows[i].after, 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fill_at(deployed_ms + 30 * MIN, deployed_ms - rows[i].looked);
        const struct error_group *one = group(i + 1);
        if (one->novelty != rows[i].novelty || (rows[i].looked == HOUR && one->before != rows[i].before) ||
            one->after != rows[i].after)
            fail_msg("row %zu: \"%s\", %d before, %d after", i, novelty_name(one->novelty), (int)one->before,
                     (int)one->after);
        assert_true(one->deployed_ms == deployed_ms);
    }
}

static void novelty_at_the_edges(void **state)
{
    (void)state;
    add(1, SEVERITY_HIGH, NOW - 26 * HOUR, 1);
    add(1, SEVERITY_HIGH, NOW - MIN, 50);
    add(2, SEVERITY_HIGH, NOW - MIN, 50);
    deployed_ms = NOW - 25 * HOUR; /* longer ago than minutes are kept */
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->novelty, NOVELTY_UNKNOWN); /* its bake is over */
    assert_int_equal(group(2)->novelty, NOVELTY_UNKNOWN);
    deployed_ms = NOW - 23 * HOUR;
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->novelty, NOVELTY_MORE);
    assert_int_equal(group(2)->novelty, NOVELTY_NEW);
    fill_at(NOW, NOW - 23 * HOUR);
    assert_int_equal(group(2)->novelty, NOVELTY_UNKNOWN);
    deployed_ms = NOW + MIN; /* the cluster's clock is ahead */
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->novelty, NOVELTY_KNOWN);
    deployed_ms = NOW - MIN - 1; /* seen once, a moment before the deploy: not new */
    add(3, SEVERITY_HIGH, NOW - MIN - 2, 1);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(2)->novelty, NOVELTY_NEW);
    assert_int_equal(group(3)->novelty, NOVELTY_KNOWN);
    deployed_ms = TIME_NONE;
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(2)->novelty, NOVELTY_UNKNOWN);
}

static void the_worst_first(void **state)
{
    (void)state;
    deployed_ms = NOW - 10 * MIN;
    add(1, SEVERITY_CRITICAL, NOW - 20 * MIN, 1);                    /* known, critical */
    add(2, SEVERITY_LOW, NOW - 5 * MIN, 1);                         /* new, low */
    add(3, SEVERITY_HIGH, NOW - 5 * MIN, 1);                        /* new, high */
    add(4, SEVERITY_LOW, NOW - 20 * MIN, 1);
    add(4, SEVERITY_LOW, NOW - 5 * MIN, 40);                        /* more, low */
    add(5, SEVERITY_CRITICAL, NOW - 15 * MIN, 1);                   /* known, critical, later */
    add(6, SEVERITY_HIGH, NOW - 4 * MIN, 1);                        /* new, high, later */
    fill_at(NOW, TIME_NONE);
    static const uint64_t order[] = { 6, 3, 2, 4, 5, 1 };
    assert_int_equal(es->n_groups, ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_int_equal(es->groups[i].fingerprint, order[i]);
        assert_int_equal(groups_index(g, order[i]), i);
    }
}

static void too_many_groups(void **state)
{
    (void)state;
    struct error_row done = row_of(1, SEVERITY_HIGH);
    for (uint64_t i = 3; i <= ERROR_GROUPS; i++)
        add(i << 24, SEVERITY_HIGH, NOW - HOUR - (int64_t)i, 1); /* older, but open */
    done.resolved_local_ms = done.local_ms = NOW - 1;
    done.fingerprint = 2;
    groups_add(g, &done, NOW - 1);
    done.fingerprint = 1;
    groups_add(g, &done, NOW - 2);
    add(1 << 20, SEVERITY_HIGH, NOW - 3 * HOUR, 1);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->n_groups, ERROR_GROUPS);
    assert_null(group(1)); /* the least recent of those without open rows */
    assert_non_null(group(2));
    assert_non_null(group(1 << 20));
    done.fingerprint = 3; /* resolved and older than all: no room is made for it */
    groups_add(g, &done, NOW - 9 * HOUR);
    fill_at(NOW, TIME_NONE);
    assert_null(group(3));
    assert_non_null(group(2));
    /* its rows go without harm; what comes again is not taken for new */
    groups_remove(g, &done, NOW - 9 * HOUR, false);
    done.fingerprint = 1;
    groups_remove(g, &done, NOW - 2, true);
    deployed_ms = NOW - MIN;
    add(1, SEVERITY_HIGH, NOW, 1);
    add(UINT64_C(7777) << 24, SEVERITY_HIGH, NOW, 1);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->novelty, NOVELTY_UNKNOWN);
    assert_int_equal(group(UINT64_C(7777) << 24)->novelty, NOVELTY_NEW);
    /* times far ahead are no reason to stay for ever */
    for (uint64_t i = 0; i < ERROR_GROUPS; i++)
        add((i + 2000) << 24, SEVERITY_HIGH, NOW + 900 * 24 * HOUR, 1);
    struct error_row late = row_of(UINT64_C(9999) << 24, SEVERITY_HIGH);
    late.received_ms = late.local_ms = NOW + MIN;
    groups_add(g, &late, NOW + MIN);
    fill_at(NOW + MIN, TIME_NONE);
    assert_non_null(group(UINT64_C(9999) << 24));
}

static void strange_times(void **state)
{
    (void)state;
    static const int64_t times[] = { INT64_MAX, INT64_MIN + 1, 0, -1, NOW + 400 * 24 * HOUR, TIME_NONE, NOW };
    struct error_row r = row_of(1, SEVERITY_HIGH);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        r.local_ms = times[i];
        groups_add(g, &r, times[i]);
        r.received_ms = NOW - (int64_t)i * MIN; /* our clock is set back */
    }
    groups_shift(g, HOUR);
    groups_shift(g, -HOUR);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(1)->count, ARRAY_LEN(times));
    assert_int_equal(es->minutes[ERROR_MINUTES - 1][SEVERITY_HIGH], 1);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        r.local_ms = times[i];
        groups_remove(g, &r, times[i], false);
    }
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->n_groups, 0);
    r = row_of(2, SEVERITY_HIGH); /* no time at all */
    r.received_ms = TIME_NONE;
    groups_add(g, &r, TIME_NONE);
    deployed_ms = NOW - MIN;
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(2)->count, 1);
    assert_int_equal(group(2)->novelty, NOVELTY_UNKNOWN);
    /* many distinct minutes, in the wrong order: bounded, and what is recent is kept */
    for (int64_t i = 0; i < 5000; i++)
        add(3, SEVERITY_LOW, NOW - i * MIN, 1);
    for (int64_t i = 0; i < 5000; i++)
        add(3, SEVERITY_LOW, NOW + 400 * 24 * HOUR + i * MIN, 1);
    for (int64_t i = 0; i < 4600; i++)
        add(4, SEVERITY_MEDIUM, NOW + 2300 * MIN - i * MIN, 1);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(group(3)->count, 10000);
    assert_int_equal(group(4)->count, 4600);
    for (int i = 0; i < ERROR_MINUTES; i++) {
        assert_int_equal(es->minutes[i][SEVERITY_LOW], 1);
        assert_int_equal(es->minutes[i][SEVERITY_MEDIUM], 1);
    }
}

static unsigned seed = 42;

static int random_of(int n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int)(seed >> 8) % n;
}

/* A random walk of additions, changes and removals against counting what is there from nothing. */
static void as_counting_again(void **state)
{
    (void)state;
    enum { ROWS = 300, GROUPS = 20 };
    struct error_row rows[ROWS];
    bool is_in[ROWS] = { false };
    for (int step = 0; step < 20000; step++) {
        int i = random_of(ROWS);
        struct error_row next = row_of((uint64_t)(1 + random_of(GROUPS)), (enum severity)random_of(N_SEVERITIES));
        next.local_ms = NOW - random_of(50) * MIN;
        next.resolved_local_ms = random_of(2) ? TIME_NONE : NOW;
        if (is_in[i] && random_of(3) == 0) {
            groups_remove(g, &rows[i], rows[i].local_ms, false);
            is_in[i] = false;
            continue;
        }
        if (is_in[i])
            groups_change(g, &rows[i], &next, next.local_ms);
        else
            groups_add(g, &next, next.local_ms);
        rows[i] = next;
        is_in[i] = true;
    }
    fill_at(NOW, TIME_NONE);
    int64_t count[GROUPS + 1] = { 0 }, open[GROUPS + 1] = { 0 }, minutes[ERROR_MINUTES][N_SEVERITIES] = { { 0 } };
    for (int i = 0; i < ROWS; i++) {
        if (is_in[i]) {
            count[rows[i].fingerprint]++;
            open[rows[i].fingerprint] += rows[i].resolved_local_ms == TIME_NONE;
            minutes[(rows[i].local_ms - es->minutes_from_ms) / MIN][rows[i].severity]++;
        }
    }
    for (int i = 1; i <= GROUPS; i++) {
        const struct error_group *one = group((uint64_t)i);
        assert_int_equal(one ? one->count : 0, count[i]);
        assert_int_equal(one ? one->n_open : 0, open[i]);
    }
    for (int i = 0; i < ERROR_MINUTES; i++) {
        for (int s = 0; s < N_SEVERITIES; s++)
            assert_int_equal(es->minutes[i][s], minutes[i][s]);
    }
}

static void cost_of_a_flood(void **state)
{
    (void)state;
    struct timespec a, b, c;
    enum { ROWS = 200000 };
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint64_t i = 0; i < ROWS; i++)
        add(i % 700 + 1, SEVERITY_HIGH, NOW - (int64_t)(i % 1440) * MIN, 1);
    clock_gettime(CLOCK_MONOTONIC, &b);
    deployed_ms = NOW - 30 * MIN;
    fill_at(NOW, TIME_NONE);
    clock_gettime(CLOCK_MONOTONIC, &c);
#define US(x, y) ((double)(y.tv_sec - x.tv_sec) * 1e6 + (double)(y.tv_nsec - x.tv_nsec) / 1e3)
    printf("groups: %.2f us a row of known groups, %.0f us to fill 700 groups\n", US(a, b) / ROWS, US(b, c));
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint64_t i = 0; i < 20000; i++)
        add((i + 1000) * UINT64_C(0x9E3779B97F4A7C15), SEVERITY_HIGH, NOW, 1);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("groups: %.2f us a row when each is a group of its own\n", US(a, b) / 20000);
    fill_at(NOW, TIME_NONE);
    assert_int_equal(es->n_groups, ERROR_GROUPS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poisson), T(counts_and_minutes), T(changes), T(a_zone_learned_late), T(novelty),
        T(novelty_at_the_edges), T(the_worst_first), T(too_many_groups), T(strange_times),
        T(as_counting_again), T(cost_of_a_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
