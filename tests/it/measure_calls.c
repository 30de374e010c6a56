/*
 * The measuring sources on a loop of their own, for the tests: what they put is printed, a line of JSON each.
 *
 *   measure_calls CONFIG NAME:PORT ...      workloads deployment.apps/shop/NAME with a Service NAME
 *
 * CONFIG's first environment says what is measured; what goes through the API server goes to that of KUBECONFIG.
 * Lines on stdin: "now" asks all at once, "baseline FROM_MS TO_MS" asks for one; the end of stdin ends it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/base/text.h"
#include "core/sources/alerts.h"
#include "core/sources/metrics.h"
#include "core/sources/probe.h"
#include "core/sources/prom.h"

static struct loop *loop;
static struct conf *conf;
static struct workloads *ws;
static struct kube *kube;
static struct probe *probe;
static struct metrics *metrics;
static struct prom *prom;
static struct alerts *alerts;
static bool is_over;

static void add_number(struct buf *b, double v)
{
    if (isnan(v))
        buf_adds(b, "null");
    else
        buf_addf(b, "%.10g", v);
}

static void print_sample(const char *how, const struct sample *s)
{
    static const char *const kinds[] = { "", "conf", "link", "deploy", "rollout", "probe", "check", "requests", "latency", "p95",
                                         "gauge", "rows", "alert", "mark" };
    struct buf b = BUF_INIT(64 * 1024);
    const struct series *l = s->series;
    buf_addf(&b, "{\"%s\":\"%s\",\"io_ms\":%" PRId64 ",\"at_ms\":%" PRId64 ",\"span_ms\":%" PRId64 ",\"code\":%d,\"series\":%u,\"subject\":",
             how, kinds[l->kind], clock_io_ms(), s->at_ms, s->span_ms, s->code, l->id);
    json_quote(&b, l->subject);
    buf_adds(&b, ",\"name\":");
    json_quote(&b, l->name);
    buf_addf(&b, ",\"source\":\"%s\",\"outcome\":\"%s\",\"text\":", l->source,
             l->kind == SAMPLE_PROBE   ? probe_outcome_name((enum probe_outcome)s->code)
             : l->kind == SAMPLE_CHECK ? check_outcome_name((enum check_outcome)s->code)
                                       : "");
    json_quote(&b, s->text);
    buf_adds(&b, ",\"v\":[");
    for (size_t i = 0; i < s->n; i++) {
        buf_adds(&b, i ? "," : "");
        add_number(&b, s->v[i]);
    }
    buf_adds(&b, "],\"bounds\":[");
    for (size_t i = 0; i < l->n_bounds; i++)
        buf_addf(&b, "%s%.10g", i ? "," : "", l->bounds[i]);
    printf("%s]}\n", buf_str(&b));
    fflush(stdout);
    buf_release(&b);
}

static void put(void *ctx, struct sample *s)
{
    (void)ctx;
    s->at_ms = clock_story_ms();
    print_sample("sample", s);
}

static void put_old(void *ctx, struct sample *s)
{
    (void)ctx;
    print_sample("old", s);
}

static void print_health(struct source_health h)
{
    struct buf b = BUF_INIT(4096);
    buf_addf(&b, "{\"health\":\"%s\",\"state\":\"%s\",\"objects\":%" PRId64 ",\"preset\":\"%s\",\"cause\":\"%s\",\"text\":", h.name,
             source_state_name(h.state), h.objects, prom ? prom_preset(prom) : "", h.cause ? h.cause : "");
    json_quote(&b, h.text);
    printf("%s}\n", buf_str(&b));
    fflush(stdout);
    buf_release(&b);
}

static void on_probe(void *ctx) { (void)ctx; if (probe) print_health(probe_health(probe)); }
static void on_metrics(void *ctx) { (void)ctx; if (metrics) print_health(metrics_health(metrics)); }
static void on_prom(void *ctx) { (void)ctx; if (prom) print_health(prom_health(prom)); }
static void on_alerts(void *ctx) { (void)ctx; if (alerts) print_health(alerts_health(alerts)); }

static const char *subject_of(void *ctx, const char *service, const char *ns)
{
    (void)ctx;
    return targets_subject(ws, &conf->envs[0], service, ns);
}

static void on_baseline(void *ctx, const struct err *e)
{
    (void)ctx;
    struct buf b = BUF_INIT(4096);
    buf_adds(&b, "{\"baseline\":");
    json_quote(&b, e->code ? e->text : "ok");
    printf("%s}\n", buf_str(&b));
    fflush(stdout);
    buf_release(&b);
}

static int want(void *ctx, short *events)
{
    (void)ctx;
    *events = 1; /* POLLIN */
    return STDIN_FILENO;
}

static void take_line(char *line)
{
    const char *p = line;
    struct prom_baseline b = { .put = put_old, .on_done = on_baseline };
    if (text_eq(line, "now")) {
        if (probe)
            probe_now(probe);
        if (metrics)
            metrics_now(metrics);
        if (prom)
            prom_now(prom);
        if (alerts)
            alerts_now(alerts);
    } else if (text_skip(&p, "baseline ") && sscanf(p, "%" SCNd64 " %" SCNd64, &b.from_ms, &b.to_ms) == 2 && prom) {
        prom_baseline(prom, &b);
    }
}

static void ready(void *ctx, int fd, short revents)
{
    static char text[1000];
    static size_t n;
    ssize_t got = read(fd, text + n, sizeof text - n - 1);
    (void)ctx;
    (void)revents;
    if (got <= 0) {
        is_over = true;
        return;
    }
    n += (size_t)got;
    text[n] = '\0';
    for (char *nl; (nl = strchr(text, '\n'));) {
        *nl++ = '\0';
        take_line(text);
        n -= (size_t)(nl - text);
        memmove(text, nl, n + 1);
    }
}

static void make_workloads(int n, char **a)
{
    ws = workloads_new((size_t)n);
    for (int i = 0; i < n; i++) {
        struct workload *w = workload_new();
        char *colon = strchr(a[i], ':');
        struct endpoint *ep = arena_alloc(&w->arena, sizeof *ep);
        w->ns = "shop";
        w->name = arena_strndup(&w->arena, a[i], (size_t)(colon - a[i]));
        w->id = arena_printf(&w->arena, "deployment.apps/shop/%s", w->name);
        w->desired = 1;
        *ep = (struct endpoint){ w->name, "http", "http", (int)strtol(colon + 1, NULL, 10), false };
        w->endpoints = ep;
        w->n_endpoints = 1;
        ws->items[ws->n++] = w;
    }
}

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void make_kube(void)
{
    static struct kube_target target;
    struct kube_overrides none = { 0 };
    struct kubeconfig *k;
    struct err e = { 0 };
    if (!getenv("KUBECONFIG") || kubeconfig_load(&none, env_of, &k, NULL, &e))
        return;
    if (!kubeconfig_resolve(k, &none, env_of, &target, NULL, &e))
        kube = kube_new(loop, &target, 0);
    kubeconfig_free(k);
}

static void begin(const struct conf_measure *m, struct sample_sink *sink, int64_t pace)
{
    struct target_list t;
    if (m->health) {
        probe = probe_new(loop, &(struct probe_spec){ .sink = sink, .kube = kube, .pace = pace, .on_state = on_probe });
        targets_make(ws, m->health, &t);
        probe_set_targets(probe, &t);
        targets_release(&t);
    }
    if (m->metrics) {
        metrics = metrics_new(loop, &(struct probe_spec){ .sink = sink, .kube = kube, .pace = pace, .on_state = on_metrics });
        targets_make(ws, m->metrics, &t);
        metrics_set_targets(metrics, &t);
        targets_release(&t);
    }
    if (m->prometheus)
        prom = prom_new(loop, &(struct prom_spec){ .conf = m->prometheus, .namespaces = conf->envs[0].namespaces,
                                                   .n_namespaces = conf->envs[0].n_namespaces, .pace = pace, .sink = sink,
                                                   .subject_of = subject_of, .on_state = on_prom });
    if (m->alertmanager)
        alerts = alerts_new(loop, &(struct alerts_spec){ .conf = m->alertmanager, .pace = pace, .sink = sink,
                                                         .subject_of = subject_of, .on_state = on_alerts });
}

int main(int n, char **a)
{
    struct buf all = BUF_INIT(64 * 1024);
    struct err e = { 0 };
    struct loop_watch in = { want, ready, NULL, NULL, NULL };
    const char *pace = getenv("PACE");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (n < 2 || conf_load(a[1], env_of, &conf, &all, &e) || !conf->n_envs || loop_new(&loop, &e)) {
        fprintf(stderr, "measure_calls: %s\n", n < 2 ? "CONFIG NAME:PORT ..." : buf_str(&all));
        return 2;
    }
    struct sample_sink sink = { series_set_new(), put, NULL };
    make_workloads(n - 2, a + 2);
    make_kube();
    begin(&conf->envs[0].measure, &sink, pace ? strtol(pace, NULL, 10) : 1);
    loop_watch_add(loop, &in);
    while (!is_over)
        loop_turn(loop, 1000);
    loop_watch_remove(loop, &in);
    probe_free(probe);
    metrics_free(metrics);
    prom_free(prom);
    alerts_free(alerts);
    kube_free(kube);
    loop_free(loop);
    section_unref(&ws->section);
    series_set_free(sink.series);
    conf_free(conf);
    buf_release(&all);
    return 0;
}
