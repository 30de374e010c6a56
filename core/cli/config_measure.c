#include "core/cli/config_measure.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct printing {
    const struct config_printer *p;
    const struct conf_env *env;
    const char *section; /* "health.services.web" */
    int line;            /* 0 = the default */
};

static void show(const struct printing *x, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void show(const struct printing *x, const char *key, const char *fmt, ...)
{
    char name[400], value[4200];
    struct conf_origin from = { x->line ? x->env->origin.file : NULL, x->line, 1 };
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    snprintf(name, sizeof name, "environments.%.100s.%.120s%s%s", x->env->name, x->section, key[0] ? "." : "", key);
    x->p->show(x->p->ctx, name, value, from);
}

static void show_text(const struct printing *x, const char *key, const char *value)
{
    if (value)
        show(x, key, "%s", value);
}

static void show_ms(const struct printing *x, const char *key, int64_t ms)
{
    if (ms % 1000)
        show(x, key, "%" PRId64 "ms", ms);
    else
        show(x, key, "%" PRId64 "s", ms / 1000);
}

static void show_server(const struct printing *x, const struct conf_server *s)
{
    show_text(x, "url", s->url);
    show_text(x, "token_file", s->token_file);
    show_text(x, "basic_file", s->basic_file);
    for (size_t i = 0; i < s->n_headers; i++) {
        char key[80];
        snprintf(key, sizeof key, "headers.%.*s", (int)strcspn(s->headers[i], ":"), s->headers[i]);
        show(x, key, "***"); /* it may be a key */
    }
    show_text(x, "tls.ca_file", s->tls.ca_file);
    show_text(x, "tls.server_name", s->tls.server_name);
    if (s->tls.is_insecure)
        show(x, "tls.insecure", "true");
}

static void show_probe(const struct printing *x, const struct conf_probe *p)
{
    struct buf expect = BUF_INIT(200);
    if (p->is_off) {
        show(x, "", "off");
        return;
    }
    show(x, "path", "%s", p->path ? p->path : "of the readiness probe, else /healthz");
    show_text(x, "port", p->port);
    show(x, "via", "%s", p->via == CONF_VIA_API ? "api" : "direct");
    show_ms(x, "every", p->every_ms);
    show_ms(x, "timeout", p->timeout_ms);
    for (size_t i = 0; i < p->n_expect; i++) {
        const struct conf_status *s = &p->expect[i];
        if (s->from == s->to)
            buf_addf(&expect, "%s%d", i ? ", " : "", s->from);
        else
            buf_addf(&expect, "%s%dxx", i ? ", " : "", s->from / 100);
    }
    show(x, "expect", "%s", buf_str(&expect));
    if (p->follows_redirects)
        show(x, "follow_redirects", "true");
    show_server(x, &p->server);
    buf_release(&expect);
}

static void show_probes(struct printing x, const struct conf_probes *p, const char *name)
{
    char section[200];
    if (!p)
        return;
    x.section = name;
    x.line = p->line;
    show_probe(&x, &p->all);
    for (size_t i = 0; i < p->n_services; i++) {
        snprintf(section, sizeof section, "%s.services.%.100s", name, p->services[i].service);
        x.section = section;
        show_probe(&x, &p->services[i].probe);
    }
}

static void show_prometheus(struct printing x, const struct conf_prometheus *p)
{
    if (!p)
        return;
    x.section = "prometheus";
    x.line = p->line;
    show_server(&x, &p->server);
    show(&x, "preset", "%s", p->preset ? p->preset : "found by asking");
    show_ms(&x, "every", p->every_ms);
    show_ms(&x, "range", p->range_ms);
    show_text(&x, "service_label", p->service_label);
    show_text(&x, "namespace_label", p->namespace_label);
    for (int q = 0; q < N_QUERIES; q++) {
        char key[40];
        snprintf(key, sizeof key, "queries.%s", conf_query_name((enum conf_query)q));
        show_text(&x, key, p->queries[q]);
    }
}

static void show_alertmanager(struct printing x, const struct conf_alertmanager *a)
{
    if (!a)
        return;
    x.section = "alertmanager";
    x.line = a->line;
    show_server(&x, &a->server);
    show_ms(&x, "every", a->every_ms);
    show_text(&x, "service_label", a->service_label);
    show_text(&x, "namespace_label", a->namespace_label);
}

static void show_thresholds(struct printing x, const struct conf_thresholds *t)
{
    const struct {
        const char *key;
        double v;
        bool is_time;
    } rows[] = { { "failures", t->failures, false },      { "latency_ratio", t->latency_ratio, false },
                 { "latency_delta", t->latency_delta_ms, true }, { "error_share", t->error_share, false },
                 { "slo", t->slo_ms, true },               { "window", t->window_ms, true },
                 { "extended", t->extended_ms, true },     { "baseline", t->baseline_ms, true },
                 { "warmup", t->warmup_ms, true },         { "coverage", t->coverage, false } };
    x.section = "thresholds";
    x.line = x.env->origin.line;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (isnan(rows[i].v))
            continue;
        if (rows[i].is_time)
            show_ms(&x, rows[i].key, (int64_t)rows[i].v);
        else
            show(&x, rows[i].key, "%g", rows[i].v);
    }
}

void config_show_measure(const struct config_printer *p, const struct conf_env *env)
{
    const struct conf_measure *m = &env->measure;
    struct printing x = { p, env, "links", env->origin.line };
    show_probes(x, m->health, "health");
    show_probes(x, m->metrics, "metrics");
    show_prometheus(x, m->prometheus);
    show_alertmanager(x, m->alertmanager);
    show_thresholds(x, &m->thresholds);
    for (size_t i = 0; i < m->n_links; i++)
        show(&x, m->links[i].name, "%s", m->links[i].url);
}
