/* PromQL of the simulator, over series that can be counted on fingers. */
#include "tests/unit/unit.h"

#include <math.h>

#include "core/base/text.h"
#include "core/sim/promql.h"

/* requests{code="200"|"500", service="a"|"b"}: a counter with a sample each 15 s.  hist_bucket: 100 requests,
 * 80 under 0.1, 90 under 0.2, all under 0.4.  gauge: 5. */
static void find(void *ctx, const char *metric, struct arena *a, struct prom_vector *out)
{
    static const char *const services[] = { "a", "b" }, *const codes[] = { "200", "500" }, *const bounds[] = { "0.1", "0.2", "0.4", "+Inf" };
    (void)ctx;
    for (int i = 0; i < 4 && text_eq(metric, "requests"); i++) {
        struct prom_series *s = prom_add(out, a);
        prom_set(s, "__name__", metric);
        prom_set(s, "service", services[i / 2]);
        prom_set(s, "code", codes[i % 2]);
        s->part = i;
    }
    for (int i = 0; i < 4 && text_eq(metric, "hist_bucket"); i++) {
        struct prom_series *s = prom_add(out, a);
        prom_set(s, "__name__", metric);
        prom_set(s, "le", bounds[i]);
        s->part = 10 + i;
    }
    if (text_eq(metric, "gauge")) {
        struct prom_series *s = prom_add(out, a);
        prom_set(s, "__name__", metric);
        s->part = 20;
    }
}

static size_t read_samples(void *ctx, const struct prom_series *s, int64_t from, int64_t to, struct prom_point *out, size_t room)
{
    static const double per_s[] = { 9, 1, 20, 0 }, buckets[] = { 80, 90, 100, 100 };
    size_t n = 0;
    (void)ctx;
    for (int64_t at = 0; at <= 600000 && n < room; at += 15000) {
        if (at > from && at <= to)
            out[n++] = (struct prom_point){ at, s->part < 10 ? per_s[s->part] * (double)at / 1000 : s->part < 20 ? buckets[s->part - 10] : 5 };
    }
    return n;
}

static enum err_code run(const char *query, int64_t at, struct arena *a, struct prom_vector *v, struct err *e)
{
    struct prom_source src = { find, read_samples, NULL };
    struct prom_node *n = NULL;
    enum err_code rc = promql_parse(query, a, &n, e);
    return rc ? rc : promql_eval(n, &src, at, a, v, e);
}

static void values(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        size_t n;
        double first;
    } t[] = {
        { "1 + 2 * 3 - 4 / 2", 1, 5 },
        { "-(2 + 3) * 2", 1, -10 },
        { "gauge", 1, 5 },
        { "gauge * 2 + gauge", 1, 15 },
        { "nothing", 0, 0 },
        { "requests", 4, 9 * 300 },
        { "requests{service=\"b\"}", 2, 20 * 300 },
        { "requests{code!=\"200\",}", 2, 300 },
        { "requests{code=~\"2..|3..\"}", 2, 9 * 300 },
        { "requests{code!~\"2..\",service='b'}", 1, 0 },
        { "rate(requests{code=\"200\",service=\"a\"}[2m])", 1, 9 },
        { "increase(requests{code=\"200\",service=\"a\"}[1m])", 1, 540 },
        { "rate(requests[10s])", 0, 0 },
        { "sum(rate(requests[2m]))", 1, 30 },
        { "sum by (service) (rate(requests[2m]))", 2, 10 },
        { "sum(rate(requests[2m])) by (service)", 2, 10 },
        { "max(rate(requests[2m]))", 1, 20 },
        { "min by (code) (rate(requests[2m]))", 2, 9 },
        { "avg(rate(requests{service=\"a\"}[2m]))", 1, 5 },
        { "count(requests)", 1, 4 },
        { "sum by (service) (rate(requests{code=\"500\"}[2m])) / sum by (service) (rate(requests[2m]))", 2, 0.1 },
        { "histogram_quantile(0.5, hist_bucket)", 1, 0.0625 },
        { "histogram_quantile(0.95, sum by (le) (hist_bucket))", 1, 0.3 },
        { "histogram_quantile(0.9, hist_bucket)", 1, 0.2 },
        { "100 * gauge", 1, 500 },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct arena a = { 0 };
        struct prom_vector v = { 0 };
        struct err e = { 0 };
        if (run(t[i].query, 300000, &a, &v, &e))
            fail_msg("%s: %s", t[i].query, e.text);
        if (v.n != t[i].n || (v.n && fabs(v.items[0].value - t[i].first) > 1e-9))
            fail_msg("%s: %zu, %.12g", t[i].query, v.n, v.n ? v.items[0].value : 0);
        arena_release(&a);
    }
}

static void what_is_old_is_not_there(void **state)
{
    (void)state;
    struct arena a = { 0 };
    struct prom_vector v = { 0 };
    assert_int_equal(run("gauge", 600000 + PROMQL_BACK_MS - 1, &a, &v, NULL), ERR_OK);
    assert_int_equal(v.n, 1);
    assert_int_equal(run("gauge", 600000 + PROMQL_BACK_MS, &a, &v, NULL), ERR_OK);
    assert_int_equal(v.n, 0);
    arena_release(&a);
}

static void wrong_queries(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "(", ")", "1 +", "rate(gauge)", "rate(gauge[0s])", "rate(gauge[5])", "rate(gauge[5m)", "gauge[5m]", "sum(gauge[5m])", "sum gauge",
        "sum by service (gauge)", "foo(gauge)", "gauge{", "gauge{a}", "gauge{a=}", "gauge{a=\"x\" b=\"y\"}", "gauge{a=\"x}", "gauge gauge", "gauge > 3",
        "histogram_quantile(gauge)", "histogram_quantile(x, gauge)", "gauge offset 5m", "{a=\"b\"}", "requests{code=~\"(\"}", "1e", "a:=b", "\"text\"",
        "((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))", "------------------------------1",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena a = { 0 };
        struct prom_vector v = { 0 };
        struct err e = { 0 };
        if (run(bad[i], 300000, &a, &v, &e) != ERR_PARSE || !e.text[0])
            fail_msg("%s", bad[i]);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(values), cmocka_unit_test(what_is_old_is_not_there), cmocka_unit_test(wrong_queries) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
