/* Which address of a workload is asked, whose a label is, and what becomes of the answers of one round. */
#include "tests/unit/unit.h"

#include <math.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/sources/kube_view_build.h"
#include "core/sources/presets.h"
#include "core/sources/prom_emit.h"
#include "core/sources/targets.h"

static struct workloads *ws;
static struct conf *conf;

static struct workload *add(const char *ns, const char *name, const struct endpoint *endpoints, size_t n)
{
    struct workload *w = workload_new();
    w->ns = ns;
    w->name = name;
    w->id = arena_printf(&w->arena, "deployment.apps/%s/%s", ns, name);
    w->endpoints = endpoints;
    w->n_endpoints = n;
    ws->items[ws->n++] = w;
    return w;
}

static int begin(void **state)
{
    static const struct endpoint orders[] = { { "orders-headless", "http", "http", 80, true }, { "orders", "grpc", "9000", 9000, false },
                                              { "orders", "http", "web-port", 8080, false }, { "orders", "admin", "9090", 9090, false } };
    static const struct endpoint pay[] = { { "payment", "", "8080", 80, false } }, two[] = { { "dup", "", "80", 80, false } };
    static const struct endpoint secure[] = { { "secure", "https", "https", 443, false } };
    struct err e = { 0 };
    static const char text[] = "environments:\n  e:\n    services: {pay-alias: deployment/pay}\n    health: {}\n"
                               "    metrics: {port: admin, services: {pay: {port: 80}, x: off}}\n  d:\n"
                               "    health: {url: \"https://{service}.{namespace}.svc:{port}{path}\", services: {orders: off}}\n";
    (void)state;
    ws = workloads_new(10);
    add("shop", "orders", orders, 4)->app = "order-app";
    add("shop", "pay", pay, 1);
    add("shop", "worker", NULL, 0);
    add("shop", "dup", NULL, 0);
    add("test", "dup", two, 1);
    add("shop", "secure", secure, 1)->readiness = (struct http_check){ "/ready", "https", true };
    add("shop", "ready", two, 1)->readiness = (struct http_check){ "/ready?full", "80", false };
    return conf_parse("c", text, sizeof text - 1, &conf, NULL, &e);
}

static int end(void **state)
{
    (void)state;
    conf_free(conf);
    section_unref(&ws->section);
    return 0;
}

static const char *line_of(const struct target_list *t, const char *subject)
{
    static char line[600];
    for (size_t i = 0; i < t->n; i++) {
        if (text_ends(t->items[i].subject, subject)) {
            snprintf(line, sizeof line, "%s %s", t->items[i].name, t->items[i].url ? t->items[i].url : t->items[i].api_path);
            return line;
        }
    }
    return "none";
}

static void addresses(void **state)
{
    struct target_list t;
    (void)state;
    targets_make(ws, conf->envs[0].measure.health, &t);
    assert_string_equal(line_of(&t, "shop/orders"), "orders:8080/healthz /api/v1/namespaces/shop/services/http:orders:8080/proxy/healthz");
    assert_string_equal(line_of(&t, "shop/pay"), "payment:80/healthz /api/v1/namespaces/shop/services/http:payment:80/proxy/healthz");
    assert_string_equal(line_of(&t, "shop/secure"), "secure:443/ready /api/v1/namespaces/shop/services/https:secure:443/proxy/ready");
    assert_string_equal(line_of(&t, "shop/ready"), "dup:80/ready?full /api/v1/namespaces/shop/services/http:dup:80/proxy/ready?full");
    assert_string_equal(line_of(&t, "shop/worker"), "none");
    targets_release(&t);
    targets_make(ws, conf->envs[0].measure.metrics, &t);
    assert_string_equal(line_of(&t, "shop/orders"), "orders:9090/metrics /api/v1/namespaces/shop/services/http:orders:9090/proxy/metrics");
    assert_string_equal(line_of(&t, "shop/pay"), "payment:80/metrics /api/v1/namespaces/shop/services/http:payment:80/proxy/metrics");
    assert_string_equal(line_of(&t, "shop/secure"), "none"); /* it has no such port */
    targets_release(&t);
    targets_make(ws, conf->envs[1].measure.health, &t);
    assert_string_equal(line_of(&t, "shop/orders"), "none");
    assert_string_equal(line_of(&t, "shop/pay"), "payment.shop.svc:80/healthz https://payment.shop.svc:80/healthz");
    targets_release(&t);
    targets_make(ws, NULL, &t);
    assert_int_equal(t.n, 0);
    targets_release(&t);
}

static void labels(void **state)
{
    static const struct {
        const char *label, *ns, *subject; /* NULL = nobody's */
    } rows[] = {
        { "orders", "shop", "shop/orders" }, { "ORDERS", "", "shop/orders" }, { "orders", "test", NULL },
        { "order-app", "shop", "shop/orders" }, { "pay-alias", "", "shop/pay" }, { "payment", "", "shop/pay" },
        { "dup", "", NULL }, { "dup", "test", "test/dup" }, { "orders.shop.svc.cluster.local", "", "shop/orders" },
        { "dup.test", "", "test/dup" }, { "shop-payment-80@kubernetes", "", "shop/pay" }, { "shop-orders-http@kubernetes", "", "shop/orders" },
        { "nobody", "", NULL }, { "", "", NULL }, { "deployment/pay", "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *id = targets_subject(ws, &conf->envs[0], rows[i].label, rows[i].ns);
        if (rows[i].subject ? !id || !text_ends(id, rows[i].subject) : id != NULL)
            fail_msg("%s in %s: %s", rows[i].label, rows[i].ns, id ? id : "nobody's");
    }
}

static void an_object_has_ports_and_checks(void **state)
{
    static const char service[] = "{\"metadata\":{\"name\":\"s\",\"uid\":\"u\"},\"spec\":{\"clusterIP\":\"None\",\"ports\":["
                                  "{\"name\":\"http\",\"port\":80,\"targetPort\":\"web\",\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"},"
                                  "{\"port\":0},{\"port\":8443,\"targetPort\":8443},{\"port\":99}]}}";
    static const char deployment[] = "{\"metadata\":{\"name\":\"d\",\"uid\":\"u\"},\"spec\":{\"template\":{\"spec\":{\"containers\":["
                                     "{\"name\":\"side\"},{\"name\":\"app\",\"readinessProbe\":{\"httpGet\":{\"path\":\"ready\",\"port\":8080}},"
                                     "\"livenessProbe\":{\"httpGet\":{\"path\":\"/live\",\"port\":\"web\",\"scheme\":\"HTTPS\"}}}]}}}}";
    struct kube_object *s, *d;
    struct json_span doc;
    (void)state;
    assert_int_equal(json_check(service, sizeof service - 1, &doc, NULL), ERR_OK);
    assert_int_equal(kube_decode(KIND_SERVICE, doc, &s, NULL), ERR_OK);
    assert_int_equal(json_check(deployment, sizeof deployment - 1, &doc, NULL), ERR_OK);
    assert_int_equal(kube_decode(KIND_DEPLOYMENT, doc, &d, NULL), ERR_OK);
    struct parts parts = { .workload = d, .services = (const struct kube_object *const[]){ s }, .n_services = 1 };
    struct workload *w = kube_build_workload(&parts);
    kube_object_free(s);
    kube_object_free(d);
    assert_int_equal(w->n_endpoints, 3);
    assert_true(w->endpoints[0].port == 80 && w->endpoints[0].is_headless);
    assert_string_equal(w->endpoints[0].target, "web");
    assert_string_equal(w->endpoints[1].target, "8443");
    assert_string_equal(w->endpoints[2].target, "99");
    assert_string_equal(w->services, "s");
    assert_string_equal(w->readiness.path, "/ready");
    assert_string_equal(w->readiness.port, "8080");
    assert_string_equal(w->liveness.port, "web");
    assert_true(w->liveness.is_tls && !w->readiness.is_tls);
    workload_unref(w);
}

static void queries(void **state)
{
    struct buf q = BUF_INIT(4096), out = BUF_INIT(4096);
    (void)state;
    assert_true(preset_query(preset_find("istio"), QUERY_ERRORS, &q));
    preset_fill(buf_str(&q), "a, b", "b=~\"x|y\"", 60000, &out);
    assert_string_equal(buf_str(&out), "sum by (a, b) (increase(istio_requests_total{reporter=\"destination\",response_code=~\"5..\","
                                       "b=~\"x|y\"}[60s]))");
    assert_false(preset_query(preset_find("istio"), QUERY_P95, &q));
    assert_null(preset_find("nothing"));
    buf_release(&q);
    buf_release(&out);
}

/* ---- a round of answers ---- */

static struct buf said;

static void put(void *ctx, struct sample *s)
{
    (void)ctx;
    buf_addf(&said, "%s %s@%lld+%lld", s->series->name, s->series->subject, (long long)s->at_ms, (long long)s->span_ms);
    for (size_t i = 0; i < s->n; i++)
        buf_addf(&said, " %g", s->v[i]);
    buf_addc(&said, ';');
}

static const char *subject_of(void *ctx, const char *service, const char *ns)
{
    (void)ctx;
    (void)ns;
    return text_eq(service, "a") ? "A" : text_eq(service, "b") ? "B" : NULL;
}

static void rounds(void **state)
{
    static const struct prom_value one[] = { { 60000, 40 }, { 120000, 60 } }, few[] = { { 60000, 4 }, { 120000, 100 } }, q[] = { { 60000, 70 } };
    static struct prom_row requests[] = { { "a", "", NAN, one, 2 }, { "b", "", NAN, one, 1 }, { "c", "", NAN, one, 1 } };
    static struct prom_row errors[] = { { "a", "", NAN, few, 2 } };
    static struct prom_row buckets[] = { { "a", "", INFINITY, one, 2 }, { "a", "", 0.1, few, 1 } };
    static struct prom_row p95[] = { { "a", "", NAN, q, 1 }, { "b", "", NAN, q, 1 } };
    struct prom_round r = { .unit_ms = 1000, .range_ms = 60000, .requests_ms = 15000, .latency_ms = 60000,
                            .has = { [QUERY_REQUESTS] = true, [QUERY_ERRORS] = true, [QUERY_LATENCY] = true, [QUERY_P95] = true } };
    struct series_set *ss = series_set_new();
    struct prom_way way = { ss, subject_of, NULL, put, NULL };
    (void)state;
    r.answers[QUERY_REQUESTS] = (struct prom_answer){ requests, 3, "" };
    r.answers[QUERY_ERRORS] = (struct prom_answer){ errors, 1, "" };
    r.answers[QUERY_LATENCY] = (struct prom_answer){ buckets, 2, "" };
    r.answers[QUERY_P95] = (struct prom_answer){ p95, 2, "" };
    said = BUF_INIT(4096);
    size_t strangers;
    assert_int_equal(prom_emit_live(&r, &way, &strangers), 2);
    assert_int_equal(strangers, 1); /* c is nobody's */
    assert_string_equal(buf_str(&said), "requests A@0+15000 10 1;latency A@0+60000 4 36;requests B@0+15000 10 0;p95 B@0+0 70;");
    buf_clear(&said);
    prom_emit_range(&r, &way, 60000, 120000);
    assert_string_equal(buf_str(&said), "requests A@60000+60000 40 4;latency A@60000+60000 4 36;requests B@60000+60000 40 0;p95 B@60000+0 70;"
                                        "requests A@120000+60000 60 60;"); /* more failed than were asked: all; no bucket: no latency */
    buf_clear(&said);
    r.has[QUERY_ERRORS] = false; /* how many failed is not known: nothing is said of requests */
    prom_emit_live(&r, &way, &strangers);
    assert_string_equal(buf_str(&said), "latency A@0+60000 4 36;p95 B@0+0 70;");
    buf_release(&said);
    series_set_free(ss);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(addresses), cmocka_unit_test(labels),
                                        cmocka_unit_test(an_object_has_ports_and_checks), cmocka_unit_test(queries),
                                        cmocka_unit_test(rounds) };
    return cmocka_run_group_tests(tests, begin, end);
}
