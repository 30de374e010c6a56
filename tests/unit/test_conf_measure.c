/* The configuration of what is measured: what it takes, what it refuses and where. */
#include "tests/unit/unit.h"

#include <math.h>

#include "core/conf/conf.h"
#include "core/sources/presets.h"
#include "core/sources/targets.h"

static struct conf *conf;
static struct buf all;

static enum err_code parse(const char *text)
{
    struct err e = { 0 };
    conf_free(conf);
    conf = NULL;
    all.cap = 65536;
    buf_clear(&all);
    return conf_parse("c.yaml", text, strlen(text), &conf, &all, &e);
}

/* One line below an environment. */
static enum err_code parse_env(const char *line)
{
    char text[2000];
    snprintf(text, sizeof text, "environments:\n  e:\n    %s\n", line);
    return parse(text);
}

static void a_whole_one(void **state)
{
    (void)state;
    assert_int_equal(parse("environments:\n  prod:\n"
                           "    health:\n"
                           "      path: /ready\n      every: 10s\n      timeout: 2s\n      expect: [2xx, 401]\n"
                           "      headers: {X-Probe: \"1\"}\n"
                           "      services:\n"
                           "        web: off\n"
                           "        orders: {url: \"https://{service}.{namespace}.svc:{port}{path}\", token_file: /t,"
                           " follow_redirects: true, tls: {ca_file: /ca, server_name: orders.test}}\n"
                           "        slow: {every: 1s}\n"
                           "    metrics: {}\n"
                           "    prometheus: {url: \"http://prom:9090/prefix/\", preset: micrometer, range: 2m, every: 30s,\n"
                           "      queries: {requests: \"sum by ($by) (x{$in})\", p95: \"\"}, namespace_label: \"\"}\n"
                           "    alertmanager: {url: \"https://am\", basic_file: /b}\n"
                           "    thresholds: {failures: 5, latency_ratio: 2, latency_delta: 30ms, error_share: 2%, slo: 300ms,\n"
                           "      extended: 12h, baseline: 1h, warmup: 2m, coverage: 80%}\n"
                           "    window: 45m\n"
                           "    links: [{name: Grafana, url: \"https://g/d?var={service}&from={from_ms}\"}]\n"
                           "  bare:\n"), ERR_OK);
    const struct conf_measure *m = &conf_find_env(conf, "prod", NULL)->measure;
    const struct conf_probe *p = &m->health->all, *orders = conf_probe_of(m->health, "orders", "");
    assert_string_equal(p->path, "/ready");
    assert_int_equal(p->every_ms, 10000);
    assert_int_equal(p->timeout_ms, 2000);
    assert_int_equal(p->n_expect, 2);
    assert_int_equal(p->expect[0].to, 299);
    assert_int_equal(p->via, CONF_VIA_API);
    assert_string_equal(p->server.headers[0], "X-Probe: 1");
    assert_true(conf_probe_of(m->health, "x", "web")->is_off);
    assert_ptr_equal(conf_probe_of(m->health, "x", "y"), p);
    assert_int_equal(orders->via, CONF_VIA_DIRECT);
    assert_int_equal(orders->every_ms, 10000);
    assert_true(orders->follows_redirects);
    assert_string_equal(orders->server.tls.server_name, "orders.test");
    assert_int_equal(conf_probe_of(m->health, "slow", "")->timeout_ms, 1000); /* no longer than its interval */
    assert_string_equal(m->metrics->all.path, "/metrics");
    assert_string_equal(m->prometheus->server.url, "http://prom:9090/prefix");
    assert_string_equal(m->prometheus->queries[QUERY_P95], "");
    assert_null(m->prometheus->queries[QUERY_CPU]);
    assert_int_equal(m->prometheus->range_ms, 120000);
    assert_string_equal(m->alertmanager->server.basic_file, "/b");
    assert_string_equal(m->links[0].name, "Grafana");
    double v[N_CONF_VALUES];
    targets_thresholds(&m->thresholds, v);
    static const double want[N_CONF_VALUES] = {
        [CONF_REQUIRED] = 1, [CONF_FAILURES] = 5, [CONF_LATENCY_RATIO] = 2, [CONF_LATENCY_DELTA] = 30, [CONF_ERROR_SHARE] = 0.02,
        [CONF_SLO] = 300, [CONF_LEAST_N] = 20, [CONF_WARMUP] = 120000, [CONF_WINDOW] = 2700000, [CONF_EXTENDED] = 43200000,
        [CONF_BASELINE] = 3600000, [CONF_COVERAGE] = 0.8 };
    for (size_t i = 0; i < N_CONF_VALUES; i++) {
        if (fabs(v[i] - want[i]) > 1e-12)
            fail_msg("value %zu is %g, not %g", i, v[i], want[i]);
    }
    m = &conf_find_env(conf, "bare", NULL)->measure;
    assert_null(m->health);
    targets_thresholds(&m->thresholds, v);
    assert_true(v[CONF_FAILURES] > 2.5 && v[CONF_FAILURES] < 3.5);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *line, *says; /* NULL = it is fine */
    } rows[] = {
        { "health: {}", NULL },
        { "health:", NULL },
        { "health: yes", "3:13: health must be a mapping" },
        { "health: {pth: /x}", "3:14: unknown key \"pth\", did you mean \"path\"?" },
        { "health: {path: healthz}", "3:20: path begins with '/'" },
        { "health: {path: \"/a b\"}", "path begins with '/'" },
        { "health: {path: \"/a\\nHost: x\"}", "path: a control character" },
        { "health: {every: 5}", "3:21: every: \"5\" is not a time like 30s or 5m, from 1 s to 600 s" },
        { "health: {every: 0s}", "is not a time" },
        { "health: {every: -5s}", "is not a time" },
        { "health: {every: 1e308s}", "is not a time" },
        { "health: {every: 5s, timeout: 6s}", "3:34: timeout is longer than every" },
        { "health: {expect: 42}", "expect is a status like 200" },
        { "health: {expect: []}", "expect is a status like 200" },
        { "health: {expect: 2xx}", NULL },
        { "health: {expect: 6xx}", "expect is a status like 200" },
        { "health: {headers: {X Y: z}}", "is not the name of a header" },
        { "health: {headers: {X: \"a\\r\\nY: b\"}}", "a control character" },
        { "health: {headers: {Authorization: x}}", "would be the API server's" },
        { "health: {headers: {impersonate-user: x}}", "would be the API server's" },
        { "health: {via: direct}", "via: direct needs a url" },
        { "health: {via: apo}", "did you mean \"api\"?" },
        { "health: {via: api, url: \"http://x\"}", "url cannot pass the API server's proxy" },
        { "health: {token_file: /t}", "token_file cannot pass" },
        { "health: {follow_redirects: true}", "follow_redirects cannot pass" },
        { "health: {tls: {insecure: true}}", "tls cannot pass" },
        { "health: {url: \"http://{service}.{nam}:1\"}", "{nam} is none of its fields" },
        { "health: {url: \"http://{servce}\"}", "did you mean {service}?" },
        { "health: {url: \"http://{service\"}", "none of its fields" },
        { "health: {url: \"ftp://x\"}", "must begin with http:// or https://" },
        { "health: {url: \"http:///x\"}", "names no host" },
        { "health: {url: \"http://u:secret@x/\"}", "holds a user or password" },
        { "health: {url: \"http://x/ y\"}", "holds a blank" },
        { "health: {url: \"http://x\", token_file: /t, basic_file: /b}", "one of them must go" },
        { "health: {url: \"http://x\", tls: {server_name: \"a b\"}}", "is not the name of a host" },
        { "health: {port: 70000}", "is neither a number up to 65535" },
        { "health: {port: http}", NULL },
        { "health: {services: {web: on}}", NULL },
        { "health: {services: {web: 3}}", "a service is off, or a mapping" },
        { "health: {services: {web: {services: {}}}}", "services cannot stand in a service" },
        { "health: {services: {web: {pat: /}}}", "did you mean \"path\"?" },
        { "prometheus: {}", "prometheus has a url" },
        { "prometheus: {url: \"http://x?y=1\"}", "ends before a '?'" },
        { "prometheus: {url: \"http://x\", preset: micromter}", "did you mean \"micrometer\"?" },
        { "prometheus: {url: \"http://x\", queries: {request: x}}", "did you mean \"requests\"?" },
        { "prometheus: {url: \"http://x\", queries: {requests: \"a\\x01b\"}}", "a control character" },
        { "prometheus: {url: \"http://x\", service_label: \"a-b\"}", "is not the name of a label" },
        { "prometheus: {url: \"http://x\", service_label: \"\"}", "is not the name of a label" },
        { "prometheus: {url: \"http://x\", every: 2m, range: 1m}", "every is longer than range" },
        { "alertmanager: {}", "alertmanager has a url" },
        { "thresholds: {failures: 0}", "3:28: failures: \"0\" is not a number above 0 and up to 100, like 3" },
        { "thresholds: {failures: 2.5}", "failures is a whole number" },
        { "thresholds: {failures: -1}", "is not a number" },
        { "thresholds: {failures: 1e308}", "is not a number" },
        { "thresholds: {failures: .nan}", "is not a number" },
        { "thresholds: {failures: NaN}", "is not a number" },
        { "thresholds: {latency_ratio: 1}", "above 1.05 and up to 100" },
        { "thresholds: {latency_ratio: inf}", "is not a number" },
        { "thresholds: {latency_ratio: 0x10}", "is not a number" },
        { "thresholds: {latency_delta: 20}", "is not a time like 200ms, from 1 ms" },
        { "thresholds: {latency_delta: 0ms}", "is not a time" },
        { "thresholds: {error_share: 5}", "like 0.05 or 5%" },
        { "thresholds: {error_share: 100%}", "like 0.05 or 5%" },
        { "thresholds: {error_share: 0%}", "like 0.05 or 5%" },
        { "thresholds: {slo: 1e308}", "is not a time" },
        { "thresholds: {window: 25h}", "is not a time" },
        { "thresholds: {window: 2h, extended: 1h}", "extended is shorter than window" },
        { "thresholds: {baseline: 2h}", "is not a time" },
        { "thresholds: {warmup: 0s}", "is not a time" },
        { "thresholds: {coverage: 0}", "like 0.9 or 90%" },
        { "thresholds: {coverage: 101%}", "like 0.9 or 90%" },
        { "thresholds: {coverge: 1}", "did you mean \"coverage\"?" },
        { "window: 30", "window: \"30\" is not a time" },
        { "window: 30m", NULL },
        { "links: {}", "links must be a list" },
        { "links: [{name: x}]", "a link has a name and a url" },
        { "links: [{name: x, url: \"https://x/{foo}\"}]", "{foo} is none of its fields" },
    };
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum err_code rc = parse_env(rows[i].line);
        if (!rows[i].says && rc)
            bad += printf("%s: %s", rows[i].line, buf_str(&all));
        if (rows[i].says && (!rc || !strstr(buf_str(&all), rows[i].says) || strncmp(buf_str(&all), "c.yaml:3:", 9)))
            bad += printf("%s: says \"%s\"\n", rows[i].line, rc ? buf_str(&all) : "nothing");
        if (strstr(buf_str(&all), "secret"))
            bad += printf("%s: the secret is said\n", rows[i].line);
    }
    assert_int_equal(bad, 0);
}

static void both_windows(void **state)
{
    (void)state;
    assert_int_equal(parse("environments:\n  e:\n    window: 30m\n    thresholds: {window: 30m}\n"), ERR_CONFIG);
    assert_non_null(strstr(buf_str(&all), "window and thresholds.window: one of them must go"));
}

static void the_presets_are_those_of_the_configuration(void **state)
{
    (void)state;
    size_t n = 0;
    for (; conf_presets[n] && presets[n].name; n++)
        assert_string_equal(conf_presets[n], presets[n].name);
    assert_null(conf_presets[n]);
    assert_null(presets[n].name);
}

static int end(void **state)
{
    (void)state;
    conf_free(conf);
    buf_release(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_one), cmocka_unit_test(what_is_refused),
                                        cmocka_unit_test(both_windows),
                                        cmocka_unit_test(the_presets_are_those_of_the_configuration) };
    return cmocka_run_group_tests(tests, NULL, end);
}
