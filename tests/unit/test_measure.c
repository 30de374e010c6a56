/* The decoders of what is measured: health bodies, answers of Prometheus, pages of /metrics, alerts. */
#include "tests/unit/unit.h"

#include <math.h>

#include "core/base/text.h"
#include "core/sources/alerts_decode.h"
#include "core/sources/health_decode.h"
#include "core/sources/metrics_decode.h"
#include "core/sources/probe_judge.h"
#include "core/sources/prom_decode.h"

static struct arena arena;

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static bool is(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-9 * (1 + fabs(b));
}

/* ---- health ---- */

static void health_bodies(void **state)
{
    static const struct {
        const char *type, *body;
        bool is_known, is_broken;
        enum check_outcome outcome;
        const char *rows; /* "NAME OUTCOME VALUE/LIMIT TEXT;" each */
    } rows[] = {
        { "application/health+json",
          "{\"status\":\"pass\",\"checks\":{\"database:pool\":[{\"status\":\"warn\",\"observedValue\":18,\"limit\":20}],"
          "\"payment:reachable\":[{\"status\":\"fail\",\"output\":\"no connection\"},{\"status\":\"pass\"}]}}",
          true, false, CHECK_PASS,
          "database:pool warn 18/20 ;payment:reachable fail nan/nan no connection;payment:reachable#2 pass nan/nan ;" },
        { "application/json", "{\"status\":\"UP\"}", true, false, CHECK_PASS, "" },
        { "application/vnd.spring-boot.actuator.v3+json",
          "{\"status\":\"DOWN\",\"components\":{\"db\":{\"status\":\"DOWN\",\"details\":{\"error\":\"java.net.X: refused\"}},"
          "\"disk\":{\"status\":\"UP\",\"details\":{\"free\":1}},"
          "\"brokers\":{\"status\":\"UP\",\"components\":{\"a\":{\"status\":\"OUT_OF_SERVICE\"},\"b\":{\"status\":\"UNKNOWN\"}}}}}",
          true, false, CHECK_FAIL,
          "db fail nan/nan java.net.X: refused;disk pass nan/nan ;brokers/a fail nan/nan ;brokers/b warn nan/nan ;" },
        { "", "{\"status\":\"UP\",\"details\":{\"db\":{\"status\":\"UP\"}}}", true, false, CHECK_PASS, "db pass nan/nan ;" },
        { "text/plain", "[+]ping ok\n[-]etcd failed: reason withheld\r\nhealthz check failed\n", true, false, CHECK_FAIL,
          "ping pass nan/nan ;etcd fail nan/nan failed: reason withheld\r;" },
        { "text/plain", "[+]ping ok", true, false, CHECK_PASS, "ping pass nan/nan ;" },
        { "text/plain", "ok", false, false, CHECK_PASS, "" },
        { "text/plain", "", false, false, CHECK_PASS, "" },
        { "text/html", "<html>[-]no</html>", false, false, CHECK_PASS, "" },
        { "application/json", "", false, true, CHECK_PASS, "" },
        { "application/health+json", "{\"status\":\"pa", false, true, CHECK_PASS, "" },
        { "text/plain", "{not json", false, false, CHECK_PASS, "" },
        { "application/json", "{\"status\":200}", false, false, CHECK_PASS, "" },
        { "application/json", "[]", false, false, CHECK_PASS, "" },
        { "application/json", "{\"status\":\"fail\",\"checks\":{\"x\":[{\"status\":\"pass\",\"observedValue\":1e308}],\"y\":7,\"z\":[[]]}}",
          true, false, CHECK_FAIL, "x pass nan/nan ;" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct health_body b;
        struct buf got = BUF_INIT(4096);
        health_decode(rows[i].type, rows[i].body, strlen(rows[i].body), &arena, &b);
        for (size_t k = 0; k < b.n; k++)
            buf_addf(&got, "%s %s %g/%g %s;", b.rows[k].name, check_outcome_name(b.rows[k].outcome), b.rows[k].value,
                     b.rows[k].limit, b.rows[k].text);
        if (b.is_known != rows[i].is_known || !b.broken == rows[i].is_broken || b.outcome != rows[i].outcome ||
            !text_eq(buf_str(&got), rows[i].rows))
            fail_msg("%s: known %d, broken %s, %s, rows %s", rows[i].body, b.is_known, b.broken ? b.broken : "no",
                     check_outcome_name(b.outcome), buf_str(&got));
        buf_release(&got);
    }
}

static void health_has_caps(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024 * 1024);
    struct health_body b;
    buf_adds(&text, "{\"status\":\"pass\",\"checks\":{");
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "%s\"n%0300d\":[{\"status\":\"pass\",\"output\":\"%0600d\"}]", i ? "," : "", i, i);
    buf_adds(&text, "}}");
    health_decode("application/json", buf_str(&text), text.len, &arena, &b);
    assert_int_equal(b.n, HEALTH_ROWS);
    assert_int_equal(b.n_left, 36);
    assert_true(strlen(b.rows[0].name) < SERIES_NAME && strlen(b.rows[0].text) < SAMPLE_TEXT);
    buf_release(&text);
}

/* ---- what an answer says of the service ---- */

#define STATUS(code, message) \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message "\",\"code\":" code "}"

static void whose_fault_it_is(void **state)
{
    static const struct {
        struct probe_answer a;
        enum probe_outcome is;
        const char *says;
    } rows[] = {
        { { .status = 200, .type = "text/plain", .body = "ok" }, PROBE_OK, "" },
        { { .status = 204 }, PROBE_OK, "" },
        { { .status = 503, .body = "down" }, PROBE_BAD_STATUS, "answers 503" },
        { { .status = 302, .redirect = "http://x/login" }, PROBE_BAD_STATUS, "answers 302, to http://x/login" },
        { { .status = 200, .body = "{\"status\":\"fail\",\"checks\":{\"db\":[{\"status\":\"fail\",\"output\":\"refused\"}]}}" },
          PROBE_BAD_BODY, "db fail: refused" },
        { { .status = 200, .body = "{\"status\":\"fail\"}" }, PROBE_BAD_BODY, "the body says that it fails" },
        { { .status = 503, .body = "{\"status\":\"fail\",\"checks\":{\"db\":[{\"status\":\"fail\"}]}}" }, PROBE_BAD_STATUS,
          "answers 503: db fail" },
        { { .status = 200, .body = "{\"status\":\"warn\",\"checks\":{\"a\":[{\"status\":\"pass\"}],\"db\":[{\"status\":\"warn\"}]}}" },
          PROBE_OK, "db warn" },
        { { .status = 200, .type = "application/json", .body = "{" }, PROBE_BAD_BODY, "no JSON" },
        /* through the API server */
        { { .is_api = true, .status = 503, .body = STATUS("503", "no endpoints available for service \\\"orders\\\"") },
          PROBE_NO_ENDPOINT, "no endpoints available" },
        { { .is_api = true, .status = 404, .body = STATUS("404", "services \\\"orders\\\" not found") }, PROBE_UNSEEN, "not found" },
        { { .is_api = true, .status = 403, .body = STATUS("403", "services \\\"orders\\\" is forbidden") }, PROBE_UNSEEN, "forbidden" },
        { { .is_api = true, .status = 500, .body = STATUS("500", "etcdserver: no leader") }, PROBE_UNSEEN, "etcdserver" },
        { { .is_api = true, .status = 503,
            .body = STATUS("503", "error trying to reach service: dial tcp 10.0.0.7:80: connect: connection refused") },
          PROBE_REFUSED, "connection refused" },
        { { .is_api = true, .status = 503, .body = "Error trying to reach service: 'dial tcp 10.0.0.7:80: i/o timeout'" },
          PROBE_TIMEOUT, "i/o timeout" },
        { { .is_api = true, .status = 502, .body = "error trying to reach service: EOF" }, PROBE_FAILED, "EOF" },
        { { .is_api = true, .status = 503, .body = "the service's own words" }, PROBE_BAD_STATUS, "answers 503" },
        { { .is_api = true, .status = 404, .body = "404 page not found" }, PROBE_BAD_STATUS, "answers 404" },
        { { .is_api = true, .status = 404, .body = "{\"kind\":\"Status\"}" }, PROBE_BAD_STATUS, "answers 404" },
        { { .is_api = true, .status = 200, .body = STATUS("200", "fine") }, PROBE_OK, "" },
        { { .is_api = true, .e = { ERR_NET, 7, "Failed to connect: Connection refused" } }, PROBE_UNSEEN, "refused" },
        { { .is_api = true, .e = { ERR_TIMEOUT, 28, "Operation timed out" } }, PROBE_TIMEOUT, "timed out" },
        { { .is_api = true, .e = { ERR_AUTH, 0, "plugin failed" } }, PROBE_UNSEEN, "plugin" },
        /* directly */
        { { .e = { ERR_NET, 7, "Failed to connect: Connection refused" } }, PROBE_REFUSED, "refused" },
        { { .e = { ERR_NET, 6, "Could not resolve host: x" } }, PROBE_DNS, "resolve" },
        { { .e = { ERR_NET, 60, "SSL certificate problem" } }, PROBE_TLS_FAILED, "SSL" },
        { { .e = { ERR_NET, 52, "Empty reply from server" } }, PROBE_FAILED, "Empty" },
        { { .e = { ERR_NET, 7, "Failed to connect: Network is unreachable" } }, PROBE_UNSEEN, "unreachable" },
        { { .e = { ERR_TIMEOUT, 28, "Operation timed out" } }, PROBE_TIMEOUT, "timed out" },
        { { .e = { ERR_LIMIT, 0, "the answer is larger than 262144 bytes" }, .body = "xxxx" }, PROBE_BAD_BODY, "larger" },
        { { .e = { ERR_LIMIT, 0, "more than 65536 bytes of headers" } }, PROBE_FAILED, "headers" },
        { { .e = { ERR_LIMIT, 24, "no socket: Too many open files" } }, PROBE_UNSEEN, "no socket" },
        { { .is_ours = true, .e = { ERR_AUTH, 2, "/token: No such file" } }, PROBE_UNSEEN, "/token" },
    };
    static const struct conf_probe how = { .expect = { { 200, 299 } }, .n_expect = 1 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe_answer a = rows[i].a;
        struct health_body b;
        char text[SAMPLE_TEXT];
        a.type = a.type ? a.type : "";
        a.body = a.body ? a.body : "";
        a.body_n = strlen(a.body);
        health_decode(a.type, a.body, a.body_n, &arena, &b);
        enum probe_outcome o = probe_judge(&a, &how, &b, text, sizeof text);
        if (o != rows[i].is || !strstr(text, rows[i].says) || (!rows[i].says[0] && text[0]))
            fail_msg("row %zu: %s \"%s\"", i, probe_outcome_name(o), text);
    }
}

/* ---- Prometheus ---- */

static void answers_of_prometheus(void **state)
{
    static const struct {
        const char *body;
        enum err_code rc;
        const char *rows; /* "SERVICE/NS LE V@T V@T;" or the error's words */
    } rows[] = {
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
          "{\"metric\":{\"service\":\"a\",\"ns\":\"x\",\"le\":\"+Inf\"},\"value\":[1435781451.781,\"1.5\"]},"
          "{\"metric\":{},\"value\":[1,\"0\"]}]}}", ERR_OK, "a/x inf 1.5@1435781451781;/ nan 0@1000;" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"service\":\"a\",\"le\":\"0.1\"},"
          "\"values\":[[1,\"2\"],[61,\"NaN\"],[121,\"3\"],[121,\"9\"],[61,\"8\"]]}]}}", ERR_OK, "a/ 0.1 2@1000 3@121000;" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"7\"]}}", ERR_OK, "/ nan 7@1000;" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
          "{\"metric\":{\"service\":\"a\"},\"value\":[1,\"NaN\"]},{\"metric\":{\"service\":\"b\"},\"value\":[1,\"+Inf\"]},"
          "{\"metric\":{\"service\":\"c\"},\"value\":[1,\"-1\"]},{\"metric\":{\"service\":\"d\"},\"value\":[1,\"1e308\"]},"
          "{\"metric\":{\"service\":\"e\"},\"value\":[1e300,\"1\"]},{\"metric\":{\"service\":\"f\"},\"value\":[1]},"
          "{\"metric\":{\"service\":\"g\"},\"value\":\"x\"},{\"metric\":{\"service\":\"h\"}},{\"metric\":7,\"value\":[1,\"0x10\"]},"
          "{\"metric\":{\"service\":\"i\"},\"value\":[1,\"1e\"]},{\"metric\":{\"service\":\"j\"},\"value\":[1,\"\"]}]}}", ERR_OK, "" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]},\"warnings\":[\"w\"]}", ERR_OK, "" },
        { "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:1: parse error\"}", ERR_SERVER, "1:1: parse error" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"x\"]}}", ERR_PARSE, "no vector" },
        { "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":{}}}", ERR_PARSE, "no vector" },
        { "{\"status\":\"success\"}", ERR_PARSE, "no vector" },
        { "{}", ERR_PARSE, "no status" },
        { "<html>", ERR_PARSE, "no answer of Prometheus" },
        { "", ERR_PARSE, "no answer of Prometheus" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct prom_answer a = { 0 };
        struct err e = { 0 };
        struct buf got = BUF_INIT(4096);
        enum err_code rc = prom_decode(rows[i].body, strlen(rows[i].body), "service", "ns", &arena, &a, &e);
        for (size_t k = 0; !rc && k < a.n; k++) {
            buf_addf(&got, "%s/%s %g", a.rows[k].service, a.rows[k].ns, a.rows[k].le);
            for (size_t v = 0; v < a.rows[k].n; v++)
                buf_addf(&got, " %g@%lld", a.rows[k].values[v].v, (long long)a.rows[k].values[v].at_ms);
            buf_addc(&got, ';');
        }
        if (rc != rows[i].rc || (rc ? !strstr(e.text, rows[i].rows) : !text_eq(buf_str(&got), rows[i].rows)))
            fail_msg("row %zu: %s %s %s", i, err_name(rc), e.text, buf_str(&got));
        buf_release(&got);
    }
}

static void histograms(void **state)
{
    struct histogram h;
    (void)state;
    struct bucket b[] = { { INFINITY, 10 }, { 0.5, 9 }, { 0.1, 4 }, { 0.25, 8 } }; /* out of order */
    assert_true(histogram_make(b, 4, 1000, &h));
    assert_int_equal(h.n_bounds, 3);
    assert_true(is(h.bounds[0], 100) && is(h.bounds[2], 500));
    assert_true(is(h.counts[0], 4) && is(h.counts[1], 4) && is(h.counts[2], 1) && is(h.counts[3], 1) && is(h.total, 10));
    struct bucket falls[] = { { 0.1, 5 }, { 0.2, 4 }, { INFINITY, 6 } }; /* increases are extrapolated one by one */
    assert_true(histogram_make(falls, 3, 1000, &h));
    assert_true(is(h.counts[0], 5) && is(h.counts[1], 0) && is(h.counts[2], 1));
    struct bucket twice[] = { { 0.1, 1 }, { INFINITY, 2 }, { 0.1, 2 }, { INFINITY, 3 } }; /* two versions of one service */
    assert_true(histogram_make(twice, 4, 1000, &h));
    assert_true(is(h.counts[0], 3) && is(h.total, 5));
    struct bucket endless[] = { { 0.1, 1 }, { 0.2, 2 } }; /* without +Inf nobody knows how many were slower */
    assert_false(histogram_make(endless, 2, 1000, &h));
    struct bucket alone[] = { { INFINITY, 2 } };
    assert_false(histogram_make(alone, 1, 1000, &h));
    assert_false(histogram_make(alone, 0, 1000, &h));
    struct bucket odd[] = { { NAN, 1 }, { -1, 1 }, { 0, 1 }, { 0.1, NAN }, { 0.2, -1 }, { 0.3, 1e308 }, { 0.4, 3 }, { INFINITY, 3 } };
    assert_true(histogram_make(odd, 8, 1000, &h));
    assert_true(h.n_bounds == 1 && is(h.bounds[0], 400) && is(h.counts[0], 3));
    struct bucket huge[] = { { 1e308, 1 }, { INFINITY, 2 } };
    assert_false(histogram_make(huge, 2, 1000, &h));
    struct bucket many[70];
    for (int i = 0; i < 70; i++)
        many[i] = (struct bucket){ i == 69 ? INFINITY : (i + 1) * 0.01, i + 1 };
    assert_true(histogram_make(many, 70, 1000, &h));
    double sum = 0;
    for (size_t i = 0; i <= h.n_bounds; i++)
        sum += h.counts[i];
    assert_int_equal(h.n_bounds, SAMPLE_VALUES - 1);
    assert_true(is(sum, 70) && is(h.bounds[30], 690)); /* the last bound stays: what is above it is what was above it */
}

/* ---- /metrics ---- */

static struct metrics_page page(const char *text)
{
    struct metrics_page p;
    struct err e = { 0 };
    if (metrics_decode(text, strlen(text), &p, &e))
        fail_msg("%s: %s", text, e.text);
    return p;
}

#define BEGIN "# HELP x y\n# TYPE http_requests_total counter\nprocess_start_time_seconds 1.7e9\n"

static void pages_of_metrics(void **state)
{
    static const struct {
        const char *before, *after, *says; /* "REQUESTS/FAILED [COUNTS]", "fell" */
    } rows[] = {
        { BEGIN "http_requests_total{code=\"200\"} 10\n", BEGIN "http_requests_total{code=\"200\"} 15\n", "5/0" },
        { BEGIN "http_requests_total{code=\"200\"} 10\n", /* the first failure makes its series */
          BEGIN "http_requests_total{code=\"200\"} 15\nhttp_requests_total{code=\"503\"} 2\n", "7/2" },
        { BEGIN "http_requests_total{code=\"200\"} 10\n", BEGIN "http_requests_total{code=\"200\"} 9\n", "fell" },
        { BEGIN "http_requests_total { code = \"200\" , p=\"a\", } 1e1\nhttp_requests_total{p=\"b\",code=\"500\"} 1 1700000000000\n",
          BEGIN "http_requests_total { code = \"200\" , p=\"a\", }  1.2e1\nhttp_requests_total{p=\"b\",code=\"500\"} 4\n", "5/3" },
        { BEGIN "http_requests_total{code=\"200\",p=\"a\\\"}\\\\ \\n\"} 10\n",
          BEGIN "http_requests_total{code=\"200\",p=\"a\\\"}\\\\ \\n\"} 11\n", "1/0" },
        { BEGIN "http_requests_total{code=\"200\"} 10\nhttp_request_duration_seconds_bucket{le=\"0.1\"} 4\n"
          "http_request_duration_seconds_bucket{le=\"+Inf\"} 10\n",
          BEGIN "http_requests_total{code=\"200\"} 20\nhttp_request_duration_seconds_bucket{le=\"0.1\"} 10 # {trace=\"x\"} 0.05\n"
          "http_request_duration_seconds_bucket{le=\"+Inf\"} 20\n# EOF\n", "10/0 6 4" },
        { "http_requests_total{status=\"500\"} 1\n", "http_requests_total{status=\"500\"} 2\n", "1/1" },
        { "http_server_requests_seconds_count{status=\"200\"} 1\n", "http_server_requests_seconds_count{status=\"200\"} 2\n", "1/0" },
        { "http_server_request_duration_seconds_count{http_response_status_code=\"500\"} 1\n",
          "http_server_request_duration_seconds_count{http_response_status_code=\"500\"} 3\n", "2/2" },
        { "http_requests_total{code=\"200\"} NaN\nx 1\n", "http_requests_total{code=\"200\"} 1e308\n", "0/0 none" },
        { "http_requests_total{code=\"200\"} +Inf\nx 1\n", "http_requests_total{code=\"200\"} -1\n", "0/0 none" },
        { "http_requests_total{code=\"200\"} 1\n", "http_server_requests_seconds_count{status=\"200\"} 2\n", "fell" },
        { "http_requests_total 1\n", "http_requests_total 2\n", "fell" }, /* which of them failed is not said */
        { "http_requests_total{code=\"200\"} 0x10\nhttp_requests_total{code=\"200} 1\nhttp_requests_total{code=200} 1\n"
          "http_requests_total{code=\"200\"}\n{} 1\nx 1\n", "x 2\n", "fell" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metrics_page a = page(rows[i].before), b = page(rows[i].after);
        struct metrics_increase in;
        struct buf got = BUF_INIT(1000);
        if (!metrics_between(&a, &b, &in))
            buf_adds(&got, "fell");
        else
            buf_addf(&got, "%g/%g%s", in.requests, in.failed, in.has_requests ? "" : " none");
        for (size_t k = 0; in.has_latency && k <= in.latency.n_bounds; k++)
            buf_addf(&got, " %g", in.latency.counts[k]);
        if (!text_eq(buf_str(&got), rows[i].says))
            fail_msg("row %zu: %s", i, buf_str(&got));
        buf_release(&got);
        metrics_page_release(&a);
        metrics_page_release(&b);
    }
}

static void what_else_a_page_says(void **state)
{
    (void)state;
    struct metrics_page p = page(BEGIN "http_requests_total{code=\"200\"} 1\ndb_pool_connections_in_use 15\ndb_pool_connections_max 20\n");
    assert_true(is(p.started_s, 1.7e9) && is(p.saturation, 0.75));
    metrics_page_release(&p);
    p = page("up 1\n");
    assert_null(p.preset);
    assert_true(isnan(p.started_s) && isnan(p.saturation));
    metrics_page_release(&p);
    struct err e = { 0 };
    assert_int_equal(metrics_decode("<html>\n", 7, &p, &e), ERR_PARSE);
    struct buf many = BUF_INIT(8 * 1024 * 1024);
    for (int i = 0; i <= METRICS_SERIES; i++)
        buf_addf(&many, "http_requests_total{code=\"200\",p=\"%d\"} 1\n", i);
    assert_int_equal(metrics_decode(buf_str(&many), many.len, &p, &e), ERR_LIMIT);
    buf_release(&many);
}

/* ---- alerts ---- */

static void answers_of_alertmanager(void **state)
{
    static const char body[] =
        "[{\"labels\":{\"alertname\":\"Slow\",\"service\":\"orders\"},\"annotations\":{\"description\":\"d\",\"summary\":\"s\"},"
        "\"status\":{\"state\":\"active\"}},{\"labels\":{\"alertname\":\"Off\"},\"status\":{\"state\":\"suppressed\"}},"
        "{\"labels\":{}},7,{\"labels\":{\"alertname\":\"\"}},{\"labels\":{\"alertname\":\"Bare\"}}]";
    struct alert_rows rows;
    struct err e = { 0 };
    (void)state;
    assert_int_equal(alerts_decode(body, sizeof body - 1, &arena, &rows, &e), ERR_OK);
    assert_int_equal(rows.n, 2);
    assert_string_equal(rows.rows[0].name, "Slow");
    assert_string_equal(rows.rows[0].text, "s");
    assert_string_equal(alert_label(&rows.rows[0], "service", &arena), "orders");
    assert_string_equal(alert_label(&rows.rows[0], "app", &arena), "");
    assert_string_equal(rows.rows[1].text, "");
    assert_int_equal(alerts_decode("{}", 2, &arena, &rows, &e), ERR_PARSE);
    assert_int_equal(alerts_decode("", 0, &arena, &rows, &e), ERR_PARSE);
    struct buf many = BUF_INIT(1024 * 1024);
    for (int i = 0; i < ALERTS_MOST + 5; i++)
        buf_addf(&many, "%s{\"labels\":{\"alertname\":\"a%d\"}}", i ? "," : "[", i);
    buf_addc(&many, ']');
    assert_int_equal(alerts_decode(buf_str(&many), many.len, &arena, &rows, &e), ERR_OK);
    assert_true(rows.n == ALERTS_MOST && rows.n_left == 5);
    buf_release(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_bodies), cmocka_unit_test(health_has_caps), cmocka_unit_test(whose_fault_it_is),
        cmocka_unit_test(answers_of_prometheus), cmocka_unit_test(histograms), cmocka_unit_test(pages_of_metrics),
        cmocka_unit_test(what_else_a_page_says), cmocka_unit_test(answers_of_alertmanager) };
    return cmocka_run_group_tests(tests, NULL, end);
}
