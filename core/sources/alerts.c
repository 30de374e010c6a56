#include "core/sources/alerts.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/sources/alerts_decode.h"
#include "core/sources/web.h"

enum { TIMEOUT_MS = 10000 };

struct firing {
    const struct series *series; /* one alert of one workload; the sink's, and outlives us */
    bool is_seen;                /* by the answer that is being read */
};

struct alerts {
    struct loop *loop;
    struct alerts_spec spec;
    struct loop_timer due;
    struct http_req *req;
    struct firing *firing;
    size_t n;
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[224];
    const char *cause;
};

static void set_state(struct alerts *a, enum source_state s, const char *text, const char *cause)
{
    bool is_news = s != a->state || !text_eq(text, a->text);
    if (s != a->state) {
        a->since_ms = clock_story_ms();
        if (text[0])
            log_put(LOG_INFO, "alertmanager", "%s: %s", source_state_name(s), text);
    }
    a->state = s;
    a->cause = cause;
    snprintf(a->text, sizeof a->text, "%s", text);
    if (is_news && a->spec.on_state)
        a->spec.on_state(a->spec.ctx);
}

static const char *subject_of(struct alerts *a, const struct alert_row *r, struct arena *arena)
{
    static const char *const usual[] = { "service", "deployment", "statefulset", "daemonset", "workload", "app",
                                         "app_kubernetes_io_name", "job" };
    const struct conf_alertmanager *c = a->spec.conf;
    const char *ns_label = c->namespace_label ? c->namespace_label : "namespace";
    const char *ns = ns_label[0] ? alert_label(r, ns_label, arena) : "";
    for (size_t i = 0; i < (c->service_label ? 1 : ARRAY_LEN(usual)); i++) {
        const char *label = alert_label(r, c->service_label ? c->service_label : usual[i], arena);
        const char *subject = label[0] ? a->spec.subject_of(a->spec.ctx, label, ns) : NULL;
        if (subject)
            return subject;
    }
    return "";
}

static void put(struct alerts *a, const struct series *s, bool fires, const char *text)
{
    struct sample one = { .series = s, .code = fires, .text = text };
    a->spec.sink->put(a->spec.sink->ctx, &one);
}

static void see(struct alerts *a, const struct alert_row *r, struct arena *arena)
{
    struct series like = {
        .kind = SAMPLE_ALERT, .subject = subject_of(a, r, arena), .name = r->name, .source = "alertmanager"
    };
    const struct series *s = series_intern(a->spec.sink->series, &like);
    for (size_t i = 0; i < a->n; i++) {
        if (a->firing[i].series == s) {
            a->firing[i].is_seen = true;
            return;
        }
    }
    if (!(a->n & (a->n - 1)))
        a->firing = x_realloc(a->firing, (a->n ? a->n * 2 : 1) * sizeof *a->firing);
    a->firing[a->n++] = (struct firing){ s, true };
    put(a, s, true, r->text);
}

static void take(struct alerts *a, const struct alert_rows *rows, struct arena *arena)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n; i++)
        a->firing[i].is_seen = false;
    for (size_t i = 0; i < rows->n; i++)
        see(a, &rows->rows[i], arena);
    for (size_t i = 0; i < a->n; i++) {
        if (a->firing[i].is_seen || rows->n_left) /* what was left out may be it */
            a->firing[kept++] = a->firing[i];
        else
            put(a, a->firing[i].series, false, "");
    }
    a->n = kept;
}

static void on_done(void *ctx, const struct http_result *h)
{
    struct alerts *a = ctx;
    struct arena arena = { 0 };
    struct alert_rows rows;
    struct err e = h->e;
    char text[224] = "";
    a->req = NULL;
    if (!e.code && h->status != 200)
        web_status(h->status, &e);
    if (!e.code && !alerts_decode(h->body, h->body_n, &arena, &rows, &e)) {
        a->proved_ms = clock_story_ms();
        take(a, &rows, &arena);
        if (rows.n_left)
            snprintf(text, sizeof text, "more than %d alerts: %zu are not looked at", ALERTS_MOST, rows.n_left);
        set_state(a, SOURCE_LIVE, text, "");
    } else {
        set_state(a, e.code == ERR_AUTH || e.code == ERR_FORBIDDEN ? SOURCE_FORBIDDEN
                     : e.code == ERR_NOTFOUND                     ? SOURCE_ABSENT
                     : a->proved_ms == TIME_NONE                  ? SOURCE_FAILED
                                                                  : SOURCE_STALE,
                  e.text, http_cause(&e));
    }
    arena_release(&arena);
}

static void on_due(void *ctx)
{
    struct alerts *a = ctx;
    struct err e = { 0 };
    int64_t every = a->spec.conf->every_ms / (a->spec.pace > 1 ? a->spec.pace : 1);
    loop_timer_set(a->loop, &a->due, every > 250 ? every : 250);
    if (a->req)
        return;
    char *url = x_asprintf("%s/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false",
                           a->spec.conf->server.url);
    struct web_spec spec = { .server = &a->spec.conf->server,
                             .url = url,
                             .accept = "application/json",
                             .total_ms = TIMEOUT_MS,
                             .body_cap = ALERTS_BODY,
                             .on_done = on_done,
                             .ctx = a };
    if (web_get(a->loop, &spec, &a->req, &e))
        set_state(a, a->proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, e.text, "");
    free(url);
}

struct alerts *alerts_new(struct loop *l, const struct alerts_spec *spec)
{
    struct alerts *a = x_calloc(1, sizeof *a);
    a->loop = l;
    a->spec = *spec;
    a->due = (struct loop_timer){ .fn = on_due, .ctx = a };
    a->state = SOURCE_WAITING;
    a->since_ms = clock_story_ms();
    a->proved_ms = TIME_NONE;
    a->cause = "";
    loop_timer_set(l, &a->due, 0);
    return a;
}

void alerts_free(struct alerts *a)
{
    if (!a)
        return;
    http_cancel(a->req);
    loop_timer_stop(a->loop, &a->due);
    free(a->firing);
    free(a);
}

void alerts_now(struct alerts *a)
{
    loop_timer_set(a->loop, &a->due, 0);
}

struct source_health alerts_health(const struct alerts *a)
{
    return (struct source_health){ .name = "alertmanager",
                                   .state = a->state,
                                   .since_ms = a->since_ms,
                                   .proved_ms = a->proved_ms,
                                   .retry_ms = TIME_NONE,
                                   .text = a->text,
                                   .cause = a->cause,
                                   .objects = (int64_t)a->n };
}
