#include "core/sources/probe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/sources/health_decode.h"

enum { MARGIN_MS = 100, MOST_HEADERS = 32, TOKEN_BYTES = 64 * 1024 };

struct target {
    struct probes *p;
    char *subject, *name, *where;
    const struct series *series;
    struct loop_timer due;
    struct http_req *req;
    struct kube_req *kube_req;
    int64_t began_ms, next_ms; /* io clock */
    int64_t checked_ms;        /* story clock; TIME_NONE */
    uint64_t checks;           /* digest of the rows that were said last */
    bool is_kept;              /* probes_set: it stays */
};

struct probes {
    struct probe_spec spec;
    struct target **targets;
    size_t n;
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[SAMPLE_TEXT];
};

static void set_state(struct probes *p, enum source_state s, const char *text)
{
    bool is_news = s != p->state;
    if (is_news)
        p->since_ms = clock_story_ms();
    p->state = s;
    snprintf(p->text, sizeof p->text, "%s", text);
    if (is_news)
        p->spec.on_state(p->spec.ctx);
}

/* ---- what an answer means ---- */

static bool is_expected(int status, int expect)
{
    return expect ? status == expect : status >= 200 && status < 300;
}

static enum probe_outcome of_status(int status, int expect, char *text)
{
    if (is_expected(status, expect))
        return PROBE_OK;
    if (expect)
        snprintf(text, SAMPLE_TEXT, "answers %d, %d was expected", status, expect);
    else
        snprintf(text, SAMPLE_TEXT, "answers %d", status);
    return PROBE_BAD_STATUS;
}

/* "error trying to reach service: dial tcp 10.0.0.1:8080: connect: connection refused" */
static enum probe_outcome of_reach(const char *message)
{
    static const struct {
        const char *words;
        enum probe_outcome outcome;
    } known[] = { { "connection refused", PROBE_REFUSED }, { "no endpoints available", PROBE_NO_ENDPOINT },
                  { "i/o timeout", PROBE_TIMEOUT },        { "deadline exceeded", PROBE_TIMEOUT },
                  { "no such host", PROBE_DNS },           { "x509", PROBE_TLS_FAILED },
                  { "tls:", PROBE_TLS_FAILED },            { "no route to host", PROBE_REFUSED } };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strstr(message, known[i].words))
            return known[i].outcome;
    }
    return PROBE_FAILED;
}

enum probe_outcome probe_of_proxy(int status, const char *body, size_t n, const struct err *e, int expect, char *text)
{
    struct json_span doc;
    struct arena a = { 0 };
    text[0] = '\0';
    if (!status) {
        snprintf(text, SAMPLE_TEXT, "the API server did not answer: %.180s", e->text);
        return PROBE_UNSEEN;
    }
    bool is_status = status >= 400 && n && body[0] == '{' && !json_check(body, n, &doc, NULL) &&
                     json_str_is(json_get(doc, "kind"), "Status") && json_str_is(json_get(doc, "apiVersion"), "v1");
    if (!is_status) /* the service's own words */
        return of_status(status, expect, text);
    const char *message = json_str(json_get(doc, "message"), &a, SAMPLE_TEXT - 1);
    enum probe_outcome outcome = PROBE_UNSEEN;
    text_clean_to(text, SAMPLE_TEXT, message ? message : "", message ? strlen(message) : 0);
    if (status == 404)
        outcome = PROBE_NO_ENDPOINT;
    else if (status >= 500 && (strstr(text, "reach service") || strstr(text, "no endpoints")))
        outcome = of_reach(text);
    arena_release(&a);
    return outcome;
}

static enum probe_outcome of_error(const struct err *e)
{
    static const struct {
        const char *cause;
        enum probe_outcome outcome;
    } known[] = { { "name unknown", PROBE_DNS }, { "refused", PROBE_REFUSED }, { "no way there", PROBE_REFUSED },
                  { "TLS", PROBE_TLS_FAILED },   { "timeout", PROBE_TIMEOUT } };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_eq(http_cause(e), known[i].cause))
            return known[i].outcome;
    }
    return PROBE_FAILED;
}

/* ---- samples ---- */

static uint64_t digest(const struct health_body *b)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a, of what a person would call a change */
    for (size_t i = 0; i < b->n; i++) {
        for (const char *c = b->rows[i].name; *c; c++)
            h = (h ^ (unsigned char)*c) * 1099511628211u;
        h = (h ^ (unsigned)b->rows[i].outcome) * 1099511628211u;
    }
    return h;
}

static void put_checks(struct target *t, const struct health_body *b)
{
    struct sample_sink *sink = t->p->spec.sink;
    int64_t now = clock_story_ms();
    uint64_t d = digest(b);
    if (d == t->checks && t->checked_ms != TIME_NONE && now - t->checked_ms < CHECK_MS)
        return;
    t->checks = d;
    t->checked_ms = now;
    for (size_t i = 0; i < b->n; i++) {
        const struct health_row *r = &b->rows[i];
        struct series like = { .kind = SAMPLE_CHECK, .subject = t->subject, .name = r->name, .source = "probe" };
        struct sample s = { .series = series_intern(sink->series, &like), .code = (int32_t)r->outcome, .n = 2, .text = r->text };
        s.v[0] = r->value;
        s.v[1] = r->limit;
        sink->put(sink->ctx, &s);
    }
}

struct answer {
    enum probe_outcome outcome;
    double total_ms, connect_ms, tls_ms, first_byte_ms;
    int status;
    char text[SAMPLE_TEXT];
};

static void finish(struct target *t, struct answer *a, const char *body, size_t n)
{
    struct probes *p = t->p;
    struct health_body health = { 0 };
    if (a->outcome != PROBE_UNSEEN)
        health_decode(body, n, &health);
    if (a->outcome == PROBE_OK && health.is_known && health.status == CHECK_FAIL) {
        a->outcome = PROBE_BAD_BODY;
        snprintf(a->text, sizeof a->text, "its body says that it fails");
    }
    for (size_t i = 0; a->outcome != PROBE_OK && i < health.n; i++) { /* the reason, where the body has one */
        size_t used = strlen(a->text);
        if (health.rows[i].outcome == CHECK_FAIL && used + 8 < sizeof a->text)
            snprintf(a->text + used, sizeof a->text - used, "%s%.60s %.60s", used ? ", " : "", health.rows[i].name, health.rows[i].text);
    }
    struct sample s = { .series = t->series, .code = (int32_t)a->outcome, .n = N_PROBE_VALUES, .text = a->text };
    s.v[PROBE_TOTAL] = a->total_ms;
    s.v[PROBE_CONNECT] = a->connect_ms;
    s.v[PROBE_TLS] = a->tls_ms;
    s.v[PROBE_FIRST_BYTE] = a->first_byte_ms;
    s.v[PROBE_STATUS] = a->status;
    p->spec.sink->put(p->spec.sink->ctx, &s);
    put_checks(t, &health);
    if (a->outcome == PROBE_UNSEEN) {
        set_state(p, p->proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, a->text);
        return;
    }
    p->proved_ms = clock_story_ms();
    set_state(p, SOURCE_LIVE, "");
}

static double since(const struct target *t)
{
    return (double)(clock_io_ms() - t->began_ms);
}

static void on_kube(void *ctx, const struct kube_result *r)
{
    struct target *t = ctx;
    struct answer a = { .total_ms = since(t), .connect_ms = NAN, .tls_ms = NAN, .first_byte_ms = NAN, .status = r->status };
    t->kube_req = NULL;
    if (!r->status && r->e.code == ERR_TIMEOUT) { /* the service, or the way to it: the guard knows the link's state */
        a.outcome = PROBE_TIMEOUT;
        snprintf(a.text, sizeof a.text, "no answer within %d ms", (int)t->p->spec.timeout_ms);
    } else {
        a.outcome = probe_of_proxy(r->status, r->body ? r->body : "", r->body_n, &r->e, t->p->spec.expect, a.text);
    }
    finish(t, &a, r->body ? r->body : "", r->body_n);
}

static double ms_of(int64_t us)
{
    return us ? (double)us / 1000 : (double)NAN;
}

static void on_http(void *ctx, const struct http_result *r)
{
    struct target *t = ctx;
    struct answer a = { .total_ms = ms_of(r->total_us), .connect_ms = ms_of(r->connect_us), .tls_ms = ms_of(r->tls_us),
                        .first_byte_ms = ms_of(r->first_byte_us), .status = r->status };
    t->req = NULL;
    if (r->e.code) {
        a.outcome = of_error(&r->e);
        snprintf(a.text, sizeof a.text, "%.200s", r->e.text);
    } else {
        a.outcome = of_status(r->status, t->p->spec.expect, a.text);
    }
    finish(t, &a, r->body, r->body_n);
}

/* ---- requests ---- */

static bool read_token(const struct probes *p, char *header, size_t room, char *text)
{
    FILE *f = fopen(p->spec.token_file, "re");
    size_t used = (size_t)snprintf(header, room, "Authorization: Bearer ");
    size_t n = f ? fread(header + used, 1, room - used - 1, f) : 0;
    if (!f)
        snprintf(text, SAMPLE_TEXT, "token_file %.120s: %s", p->spec.token_file, strerror(errno));
    else
        fclose(f);
    header[used + n] = '\0';
    header[used + strcspn(header + used, " \t\r\n")] = '\0';
    return f != NULL;
}

static void ask_directly(struct target *t)
{
    const struct probe_spec *spec = &t->p->spec;
    const char *headers[MOST_HEADERS + 1];
    size_t n = 0;
    char *token = NULL;
    struct answer a = { .outcome = PROBE_UNSEEN, .total_ms = NAN, .connect_ms = NAN, .tls_ms = NAN, .first_byte_ms = NAN };
    struct err e = { 0 };
    bool ok = true;
    for (; n < spec->n_headers && n < MOST_HEADERS; n++)
        headers[n] = spec->headers[n];
    if (spec->token_file) {
        token = x_malloc(TOKEN_BYTES);
        ok = read_token(t->p, token, TOKEN_BYTES, a.text);
        headers[n++] = token;
    }
    struct http_spec h = { .url = t->where, .headers = headers, .n_headers = n, .tls = spec->tls, .connect_ms = spec->timeout_ms,
                           .total_ms = spec->timeout_ms, .body_cap = PROBE_BODY, .want_gzip = true, .on_done = on_http, .ctx = t };
    if (ok && http_start(spec->loop, &h, &t->req, &e)) {
        ok = false;
        snprintf(a.text, sizeof a.text, "%.200s", e.text);
    }
    if (token)
        explicit_bzero(token, TOKEN_BYTES);
    free(token);
    if (!ok) /* ours, not the service's */
        finish(t, &a, "", 0);
}

static void on_due(void *ctx)
{
    struct target *t = ctx;
    const struct probe_spec *spec = &t->p->spec;
    int64_t now = clock_io_ms();
    t->next_ms = t->next_ms + spec->every_ms > now ? t->next_ms + spec->every_ms : now + spec->every_ms;
    loop_timer_set(spec->loop, &t->due, t->next_ms - now);
    if (t->req || t->kube_req)
        return; /* cannot be: its timeout is below the interval */
    t->began_ms = now;
    if (!spec->kube) {
        ask_directly(t);
        return;
    }
    struct kube_spec k = { .path = t->where, .accept = "*/*", .total_ms = spec->timeout_ms, .on_done = on_kube, .ctx = t };
    t->kube_req = kube_request(spec->kube, &k);
}

/* ---- life ---- */

static void target_free(struct target *t)
{
    loop_timer_stop(t->p->spec.loop, &t->due);
    http_cancel(t->req);
    kube_cancel(t->kube_req);
    free(t->subject);
    free(t->name);
    free(t->where);
    free(t);
}

static struct target *find(const struct probes *p, const struct probe_target *like)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct target *t = p->targets[i];
        if (text_eq(t->subject, like->subject) && text_eq(t->name, like->name) && text_eq(t->where, like->where))
            return p->targets[i];
    }
    return NULL;
}

static struct target *target_new(struct probes *p, const struct probe_target *like)
{
    struct target *t = x_calloc(1, sizeof *t);
    *t = (struct target){ .p = p, .subject = x_strdup(like->subject), .name = x_strdup(like->name), .where = x_strdup(like->where),
                          .checked_ms = TIME_NONE };
    t->series = series_intern(p->spec.sink->series, &(struct series){ .kind = SAMPLE_PROBE, .subject = t->subject, .name = t->name,
                                                                      .source = "probe" });
    t->due = (struct loop_timer){ .fn = on_due, .ctx = t };
    int64_t wait = backoff_random(p->spec.every_ms); /* all of them at one moment would be a load of its own */
    t->next_ms = clock_io_ms() + wait;
    loop_timer_set(p->spec.loop, &t->due, wait);
    return t;
}

void probes_set(struct probes *p, const struct probe_target *targets, size_t n)
{
    struct target **kept = x_calloc(n + 1, sizeof(struct target *));
    size_t n_kept = 0;
    for (size_t i = 0; i < n && n_kept < PROBE_TARGETS; i++) {
        struct target *t = find(p, &targets[i]);
        if (t && t->is_kept)
            continue; /* said twice */
        kept[n_kept] = t ? t : target_new(p, &targets[i]);
        kept[n_kept++]->is_kept = true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (!p->targets[i]->is_kept)
            target_free(p->targets[i]);
    }
    free(p->targets);
    p->targets = kept;
    p->n = n_kept;
    for (size_t i = 0; i < n_kept; i++)
        kept[i]->is_kept = false;
}

void probes_now(struct probes *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!p->targets[i]->req && !p->targets[i]->kube_req)
            loop_timer_set(p->spec.loop, &p->targets[i]->due, 0);
    }
}

struct source_health probes_health(const struct probes *p)
{
    return (struct source_health){ .name = "probes", .state = p->state, .since_ms = p->since_ms, .proved_ms = p->proved_ms,
                                   .retry_ms = TIME_NONE, .text = p->text, .cause = "", .objects = (int64_t)p->n };
}

struct probes *probes_new(const struct probe_spec *spec)
{
    struct probes *p = x_calloc(1, sizeof *p);
    p->spec = *spec;
    if (p->spec.timeout_ms > p->spec.every_ms - MARGIN_MS)
        p->spec.timeout_ms = p->spec.every_ms > 2 * MARGIN_MS ? p->spec.every_ms - MARGIN_MS : p->spec.every_ms / 2;
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->proved_ms = TIME_NONE;
    return p;
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        target_free(p->targets[i]);
    free(p->targets);
    free(p);
}
