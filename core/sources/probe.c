/*
 * Each target has a timer on a grid of its own: the grid moves on whatever happens to the answer, so a
 * service that drips delays nobody, itself included.  A probe has nine tenths of its interval at most.
 */
#include "core/sources/probe.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sources/health_decode.h"
#include "core/sources/probe_judge.h"
#include "core/sources/web.h"

struct one { /* a target */
    struct probe *p;
    struct target t; /* its strings are ours */
    struct loop_timer due;
    int64_t due_ms, sent_ms; /* io clock */
    struct http_req *http;
    struct kube_req *kube;
    struct http_times before; /* of the answers that redirected */
    int n_redirects;
    int outcome; /* enum probe_outcome; -1 = not asked yet */
    char text[SAMPLE_TEXT];
    bool is_kept; /* by the targets that are being set */
};

struct probe {
    struct loop *loop;
    struct probe_spec spec;
    struct one **items; /* by subject */
    size_t n, n_left, n_outcome[N_PROBE_OUTCOMES];
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[SAMPLE_TEXT];
};

static void send_probe(struct one *o, const char *url);

/* ---- how we are doing ---- */

static void set_state(struct probe *p)
{
    size_t unseen = p->n_outcome[PROBE_UNSEEN], ok = p->n_outcome[PROBE_OK], asked = unseen;
    const struct one *bad = NULL;
    for (int i = 0; i < PROBE_UNSEEN; i++)
        asked += p->n_outcome[i];
    for (size_t i = 0; i < p->n && !bad; i++) {
        int outcome = p->items[i]->outcome;
        if (outcome > PROBE_OK && (outcome == PROBE_UNSEEN) == (unseen > 0))
            bad = p->items[i];
    }
    enum source_state s = !asked                ? SOURCE_WAITING
                          : unseen < asked      ? SOURCE_LIVE
                          : p->proved_ms == TIME_NONE ? SOURCE_FAILED
                                                : SOURCE_STALE;
    char text[SAMPLE_TEXT] = "";
    if (!p->n)
        snprintf(text, sizeof text, "no workload has a Service with a port to ask");
    else if (bad)
        snprintf(text, sizeof text, "%zu of %zu %s: %.60s: %.120s", unseen ? unseen : asked - ok, p->n,
                 unseen ? "could not be asked" : "fail", bad->t.name, bad->text);
    if (s == p->state && text_eq(text, p->text))
        return;
    if (s != p->state)
        p->since_ms = clock_story_ms();
    p->state = s;
    snprintf(p->text, sizeof p->text, "%s", text);
    if (p->spec.on_state)
        p->spec.on_state(p->spec.ctx);
}

struct source_health probe_health(const struct probe *p)
{
    return (struct source_health){ .name = "probes", .state = p->state, .since_ms = p->since_ms, .proved_ms = p->proved_ms,
                                   .retry_ms = TIME_NONE, .text = p->text, .objects = (int64_t)p->n };
}

/* ---- an answer ---- */

static void put(struct one *o, struct sample s, enum sample_kind kind, const char *name)
{
    struct sample_sink *sink = o->p->spec.sink;
    s.series = series_intern(sink->series, &(struct series){ .kind = kind, .subject = o->t.subject, .name = name,
                                                             .source = "probe" });
    sink->put(sink->ctx, &s);
}

static void put_checks(struct one *o, const struct health_body *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct health_row *row = &b->rows[i];
        put(o, (struct sample){ .code = row->outcome, .v = { row->value, row->limit }, .n = 2, .text = row->text },
            SAMPLE_CHECK, row->name);
    }
}

static void answered(struct one *o, const struct probe_answer *a)
{
    struct probe *p = o->p;
    struct arena arena = { 0 };
    struct health_body body;
    char text[SAMPLE_TEXT];
    health_decode(a->type, a->body, a->body_n, &arena, &body);
    enum probe_outcome outcome = probe_judge(a, o->t.how, &body, text, sizeof text);
    if (o->outcome >= 0)
        p->n_outcome[o->outcome]--;
    p->n_outcome[outcome]++;
    o->outcome = (int)outcome;
    snprintf(o->text, sizeof o->text, "%s%s%s", probe_outcome_name(outcome), text[0] ? ": " : "", text);
    if (outcome != PROBE_UNSEEN)
        p->proved_ms = clock_story_ms();
    if (outcome != PROBE_UNSEEN && !a->e.code)
        put_checks(o, &body);
    struct http_times t = a->times;
    put(o, (struct sample){ .code = (int32_t)outcome, .text = text, .n = N_PROBE_VALUES,
                            .v = { [PROBE_TOTAL] = o->before.total + t.total, [PROBE_CONNECT] = o->before.connect + t.connect,
                                   [PROBE_TLS] = o->before.tls + t.tls, [PROBE_FIRST_BYTE] = o->before.total + t.first_byte,
                                   [PROBE_STATUS] = a->status } },
        SAMPLE_PROBE, o->t.name);
    arena_release(&arena);
    set_state(p);
}

static void unseen(struct one *o, const struct err *e)
{
    answered(o, &(struct probe_answer){ .e = *e, .is_ours = true, .body = "", .type = "" });
}

static void on_http(void *ctx, const struct http_result *r)
{
    struct one *o = ctx;
    o->http = NULL;
    bool is_redirect = !r->e.code && r->status >= 300 && r->status < 400 && r->redirect;
    if (is_redirect && o->t.how->follows_redirects && o->n_redirects < PROBE_REDIRECTS) {
        o->n_redirects++;
        o->before.total += r->times.total;
        o->before.connect += r->times.connect;
        o->before.tls += r->times.tls;
        char *to = x_strdup(r->redirect);
        send_probe(o, to);
        free(to);
        return;
    }
    answered(o, &(struct probe_answer){ .e = r->e, .status = r->status, .type = r->type, .body = r->body, .body_n = r->body_n,
                                        .times = r->times, .redirect = r->redirect });
}

static void on_kube(void *ctx, const struct kube_result *r)
{
    struct one *o = ctx;
    o->kube = NULL;
    bool is_answer = r->status && r->e.native == r->status; /* a status of HTTP is no error here */
    answered(o, &(struct probe_answer){ .e = is_answer || !r->e.code ? (struct err){ 0 } : r->e, .status = r->status, .is_api = true,
                                        .type = r->type ? r->type : "", .body = r->body ? r->body : "",
                                        .body_n = r->body_n, .times = r->times });
}

/* ---- a question ---- */

static int64_t period(const struct one *o)
{
    int64_t ms = o->t.how->every_ms / (o->p->spec.pace > 1 ? o->p->spec.pace : 1);
    return ms > 100 ? ms : 100;
}

static int64_t left_ms(const struct one *o)
{
    int64_t most = period(o) * 9 / 10, timeout = o->t.how->timeout_ms < most ? o->t.how->timeout_ms : most;
    return o->sent_ms + timeout - clock_io_ms();
}

static void send_probe(struct one *o, const char *url)
{
    struct err e = { 0 };
    int64_t left = left_ms(o);
    struct web_spec spec = { .server = &o->t.how->server, .url = url, .accept = "application/health+json, application/json, */*",
                             .is_bare = !web_same_origin(url, o->t.url), .is_probe = true, .total_ms = left > 1 ? left : 1,
                             .body_cap = PROBE_BODY, .on_done = on_http, .ctx = o };
    if (web_get(o->p->loop, &spec, &o->http, &e))
        unseen(o, &e);
}

static void ask(struct one *o)
{
    struct probe *p = o->p;
    if (o->http || o->kube)
        return;
    o->sent_ms = clock_io_ms();
    o->before = (struct http_times){ 0 };
    o->n_redirects = 0;
    if (o->t.url) {
        send_probe(o, o->t.url);
    } else if (p->spec.kube) {
        const struct conf_server *s = &o->t.how->server;
        struct kube_spec spec = { .path = o->t.api_path, .accept = "application/health+json, application/json, */*",
                                  .total_ms = left_ms(o), .body_cap = PROBE_BODY, .headers = s->headers,
                                  .n_headers = s->n_headers, .on_done = on_kube, .ctx = o };
        o->kube = kube_request(p->spec.kube, &spec);
    } else {
        struct err e;
        err_set(&e, ERR_CONFIG, 0, "no cluster to ask through");
        unseen(o, &e);
    }
}

static void on_due(void *ctx)
{
    struct one *o = ctx;
    int64_t now = clock_io_ms(), step = period(o);
    o->due_ms += step;
    if (o->due_ms <= now) /* we were suspended: the grid stays, what is over is over */
        o->due_ms += (now - o->due_ms) / step * step + step;
    loop_timer_set(o->p->loop, &o->due, o->due_ms - now);
    ask(o);
}

/* ---- targets ---- */

static void free_one(struct one *o)
{
    if (o->outcome >= 0)
        o->p->n_outcome[o->outcome]--;
    http_cancel(o->http);
    kube_cancel(o->kube);
    loop_timer_stop(o->p->loop, &o->due);
    free((char *)(uintptr_t)o->t.subject);
    free((char *)(uintptr_t)o->t.name);
    free((char *)(uintptr_t)o->t.url);
    free((char *)(uintptr_t)o->t.api_path);
    free(o);
}

static struct one *new_one(struct probe *p, const struct target *t)
{
    struct one *o = x_calloc(1, sizeof *o);
    uint32_t hash = 2166136261u;
    for (const char *s = t->name; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 16777619u;
    o->p = p;
    o->t = (struct target){ .subject = x_strdup(t->subject), .name = x_strdup(t->name), .url = t->url ? x_strdup(t->url) : NULL,
                            .api_path = t->api_path ? x_strdup(t->api_path) : NULL, .how = t->how, .n_pods = t->n_pods };
    o->outcome = -1;
    o->due = (struct loop_timer){ .fn = on_due, .ctx = o };
    int64_t first = (int64_t)((uint64_t)hash * (uint64_t)period(o) >> 32);
    o->due_ms = clock_io_ms() + first;
    loop_timer_set(p->loop, &o->due, first);
    return o;
}

static struct one *find(struct probe *p, const struct target *t)
{
    for (size_t i = 0; i < p->n; i++) {
        struct one *o = p->items[i];
        if (!o->is_kept && o->t.how == t->how && text_eq(o->t.subject, t->subject) && text_eq(o->t.url, t->url) &&
            text_eq(o->t.api_path, t->api_path))
            return o;
    }
    return NULL;
}

void probe_set_targets(struct probe *p, const struct target_list *t)
{
    struct one **items = x_calloc(t->n + 1, sizeof *items);
    for (size_t i = 0; i < t->n; i++) {
        items[i] = find(p, &t->items[i]);
        if (items[i])
            items[i]->is_kept = true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (!p->items[i]->is_kept)
            free_one(p->items[i]);
    }
    free(p->items);
    p->items = items;
    p->n = t->n;
    for (size_t i = 0; i < t->n; i++) {
        if (!items[i])
            items[i] = new_one(p, &t->items[i]);
        items[i]->is_kept = false;
    }
    set_state(p);
}

void probe_now(struct probe *p)
{
    for (size_t i = 0; i < p->n; i++)
        ask(p->items[i]);
}

struct probe *probe_new(struct loop *l, const struct probe_spec *spec)
{
    struct probe *p = x_calloc(1, sizeof *p);
    p->loop = l;
    p->spec = *spec;
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->proved_ms = TIME_NONE;
    return p;
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free_one(p->items[i]);
    free(p->items);
    free(p);
}
