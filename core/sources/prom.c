#include "core/sources/prom.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/sources/prom_decode.h"

enum { QUERY_BYTES = 16 * 1024, MOST_HEADERS = 32, TOKEN_BYTES = 64 * 1024 };

const char *const prom_presets[] = { "http", "micrometer", "opentelemetry", "istio", "nginx-ingress", "traefik", NULL };

#define PRESET(unit, total, failed, bucket)                                                                        \
    { { "sum by ($by) (increase(" total "[$range]))", "sum by ($by) (increase(" failed "[$range]))",         \
        "sum by ($by, le) (increase(" bucket "[$range]))", NULL }, unit }
static const struct prom_queries presets[] = {
    PRESET(1, "http_requests_total", "http_requests_total{code=~\"5..\"}", "http_request_duration_seconds_bucket"),
    PRESET(1, "http_server_requests_seconds_count", "http_server_requests_seconds_count{status=~\"5..\"}", "http_server_requests_seconds_bucket"),
    PRESET(1, "http_server_request_duration_seconds_count", "http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"}",
           "http_server_request_duration_seconds_bucket"),
    PRESET(0.001, "istio_requests_total{reporter=\"destination\"}", "istio_requests_total{reporter=\"destination\",response_code=~\"5..\"}",
           "istio_request_duration_milliseconds_bucket{reporter=\"destination\"}"),
    PRESET(1, "nginx_ingress_controller_requests", "nginx_ingress_controller_requests{status=~\"5..\"}",
           "nginx_ingress_controller_request_duration_seconds_bucket"),
    PRESET(1, "traefik_service_requests_total", "traefik_service_requests_total{code=~\"5..\"}", "traefik_service_request_duration_seconds_bucket"),
};

const struct prom_queries *prom_preset(const char *name)
{
    for (size_t i = 0; prom_presets[i]; i++) {
        if (text_eq(prom_presets[i], name))
            return &presets[i];
    }
    return NULL;
}

struct asked {
    struct prom *p;
    struct http_req *req;
    struct arena arena;
    struct prom_rows rows;
};

struct prom {
    struct prom_spec spec;
    struct prom_past past; /* to_ms TIME_NONE: it is done, or was not asked for */
    int64_t at_ms;         /* of the samples that are put just now; TIME_NONE: the sink's time */
    struct loop_timer due;
    struct asked asked[N_PROM_QUERIES];
    size_t n_waiting;
    struct err e;      /* of this round: the first that failed */
    int64_t next_ms;   /* io clock */
    enum source_state state;
    int64_t since_ms, proved_ms, objects;
    char text[224], cause[24];
};

static void set_state(struct prom *p, enum source_state s, const struct err *e)
{
    bool is_news = s != p->state || strcmp(p->text, e ? e->text : "") != 0;
    if (s != p->state)
        p->since_ms = clock_story_ms();
    p->state = s;
    snprintf(p->text, sizeof p->text, "%s", e ? e->text : "");
    snprintf(p->cause, sizeof p->cause, "%s", e ? http_cause(e) : "");
    if (is_news)
        p->spec.on_state(p->spec.ctx);
}

/* ---- a round's samples ---- */

static bool is_same(const struct prom_row *a, const struct prom_row *b)
{
    return strcmp(a->ns, b->ns) == 0 && strcmp(a->service, b->service) == 0;
}

static const struct prom_row *find(const struct prom_rows *rows, const struct prom_row *like)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (is_same(&rows->items[i], like))
            return &rows->items[i];
    }
    return NULL;
}

static double share(const struct prom *p)
{
    return (double)p->spec.step_ms / (double)p->spec.range_ms;
}

static void put(struct prom *p, struct sample *s)
{
    s->at_ms = p->at_ms;
    if (p->at_ms != TIME_NONE)
        p->past.put(p->past.ctx, s);
    else
        p->spec.sink->put(p->spec.sink->ctx, s);
}

static void put_requests(struct prom *p)
{
    const struct prom_rows *all = &p->asked[PROM_REQUESTS].rows, *failed = &p->asked[PROM_ERRORS].rows;
    p->objects = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct prom_row *r = &all->items[i], *bad = find(failed, r);
        const char *subject = p->spec.subject_of(p->spec.ctx, r->ns, r->service);
        if (!subject)
            continue;
        struct series like = { .kind = SAMPLE_REQUESTS, .subject = subject, .name = r->service, .source = "prometheus" };
        struct sample s = { .series = series_intern(p->spec.sink->series, &like), .span_ms = p->spec.step_ms, .n = 2, .text = "" };
        s.v[0] = r->value * share(p);
        s.v[1] = bad ? fmin(bad->value, r->value) * share(p) : 0;
        put(p, &s);
        p->objects++;
    }
}

static void put_latency(struct prom *p, const struct prom_row *rows, size_t n)
{
    const char *subject = p->spec.subject_of(p->spec.ctx, rows[0].ns, rows[0].service);
    struct series like = { .kind = SAMPLE_LATENCY, .name = rows[0].service, .source = "prometheus" };
    struct sample s = { .span_ms = p->spec.step_ms, .text = "" };
    if (!subject)
        return;
    like.subject = subject;
    like.n_bounds = prom_buckets(rows, n, SAMPLE_VALUES - 1, like.bounds, s.v);
    if (!like.n_bounds)
        return;
    for (size_t i = 0; i < like.n_bounds; i++)
        like.bounds[i] *= p->spec.queries->le_unit_s;
    s.series = series_intern(p->spec.sink->series, &like);
    s.n = like.n_bounds + 1;
    for (size_t i = 0; i < s.n; i++)
        s.v[i] *= share(p);
    put(p, &s);
}

static void put_latencies(struct prom *p)
{
    const struct prom_rows *rows = &p->asked[PROM_BUCKETS].rows;
    for (size_t from = 0, to; from < rows->n; from = to) {
        for (to = from + 1; to < rows->n && is_same(&rows->items[from], &rows->items[to]); to++)
            continue;
        put_latency(p, &rows->items[from], to - from);
    }
}

static void put_p95(struct prom *p)
{
    const struct prom_rows *rows = &p->asked[PROM_P95].rows;
    for (size_t i = 0; i < rows->n; i++) {
        const char *subject = p->spec.subject_of(p->spec.ctx, rows->items[i].ns, rows->items[i].service);
        if (!subject)
            continue;
        struct series like = { .kind = SAMPLE_P95, .subject = subject, .name = rows->items[i].service, .source = "prometheus" };
        struct sample s = { .series = series_intern(p->spec.sink->series, &like), .span_ms = p->spec.step_ms, .n = 1, .text = "" };
        s.v[0] = rows->items[i].value * p->spec.queries->le_unit_s * 1000;
        put(p, &s);
    }
}

static void put_all(struct prom *p)
{
    put_requests(p);
    put_latencies(p);
    put_p95(p);
}

/* Time by time: of each query those rows that are of that time. */
static void put_past(struct prom *p)
{
    struct prom_rows all[N_PROM_QUERIES];
    size_t at[N_PROM_QUERIES] = { 0 };
    for (size_t i = 0; i < N_PROM_QUERIES; i++)
        all[i] = p->asked[i].rows;
    for (;;) {
        p->at_ms = INT64_MAX;
        for (size_t i = 0; i < N_PROM_QUERIES; i++) {
            if (at[i] < all[i].n && all[i].items[at[i]].at_ms < p->at_ms)
                p->at_ms = all[i].items[at[i]].at_ms;
        }
        if (p->at_ms == INT64_MAX)
            break;
        for (size_t i = 0; i < N_PROM_QUERIES; i++) {
            size_t n = 0;
            while (at[i] + n < all[i].n && all[i].items[at[i] + n].at_ms == p->at_ms)
                n++;
            p->asked[i].rows = (struct prom_rows){ all[i].items + at[i], n };
            at[i] += n;
        }
        put_all(p);
    }
    p->at_ms = TIME_NONE;
}

static void clear(struct prom *p)
{
    for (size_t i = 0; i < N_PROM_QUERIES; i++) {
        arena_release(&p->asked[i].arena);
        p->asked[i].rows = (struct prom_rows){ 0 };
    }
}

static void round_over(struct prom *p)
{
    if (p->past.to_ms != TIME_NONE) {
        if (p->e.code)
            log_put(LOG_WARN, "prom", "no baseline: %s", p->e.text);
        else
            put_past(p);
        clear(p);
        p->past.to_ms = TIME_NONE;
        p->next_ms = clock_io_ms();
        loop_timer_set(p->spec.loop, &p->due, 0);
        p->past.done(p->past.ctx);
        return;
    }
    if (p->e.code) {
        set_state(p, p->proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, &p->e);
    } else {
        put_all(p);
        p->proved_ms = clock_story_ms();
        set_state(p, SOURCE_LIVE, NULL);
    }
    clear(p);
}

/* ---- queries ---- */

static void note(struct prom *p, const struct err *e)
{
    if (!p->e.code)
        p->e = *e;
}

static void on_answer(void *ctx, const struct http_result *r)
{
    struct asked *q = ctx;
    struct prom *p = q->p;
    struct err e = r->e;
    q->req = NULL;
    /* A failed query has a body of the same shape, with the reason. */
    if (!e.code && prom_decode(r->body, r->body_n, p->spec.service_label, p->spec.namespace_label, &q->arena, &q->rows, &e) &&
        r->status != 200 && e.code == ERR_PARSE)
        err_set(&e, r->status == 401 || r->status == 403 ? ERR_AUTH : ERR_SERVER, r->status, "Prometheus answers %d", r->status);
    if (e.code)
        note(p, &e);
    if (!--p->n_waiting)
        round_over(p);
}

static void expand(const struct prom *p, const char *query, struct buf *out)
{
    char range[24];
    snprintf(range, sizeof range, "%ds", (int)(p->spec.range_ms / 1000));
    for (const char *c = query; *c;) {
        if (text_skip(&c, "$range"))
            buf_adds(out, range);
        else if (text_skip(&c, "$by"))
            buf_addf(out, "%s%s%s", p->spec.namespace_label, p->spec.namespace_label[0] ? ", " : "", p->spec.service_label);
        else
            buf_addc(out, *c++);
    }
}

static void escape(struct buf *out, const char *s)
{
    for (const unsigned char *c = (const unsigned char *)s; *c; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-._~", *c);
        if (is_plain)
            buf_addc(out, (char)*c);
        else
            buf_addf(out, "%%%02X", *c);
    }
}

static bool read_token(struct prom *p, char *header, size_t room)
{
    FILE *f = fopen(p->spec.token_file, "re");
    size_t used = (size_t)snprintf(header, room, "Authorization: Bearer "), n = f ? fread(header + used, 1, room - used - 1, f) : 0;
    if (f)
        fclose(f);
    else
        err_set(&p->e, ERR_AUTH, errno, "token_file %.120s: %s", p->spec.token_file, strerror(errno));
    header[used + n] = '\0';
    header[used + strcspn(header + used, " \t\r\n")] = '\0';
    return f != NULL;
}

static void ask(struct prom *p, struct asked *q, const char *query, const char *token)
{
    struct buf text = BUF_INIT(QUERY_BYTES), url = BUF_INIT(4 * QUERY_BYTES);
    const char *headers[MOST_HEADERS + 1];
    size_t n = 0;
    struct err e = { 0 };
    for (; n < p->spec.n_headers && n < MOST_HEADERS; n++)
        headers[n] = p->spec.headers[n];
    if (token)
        headers[n++] = token;
    expand(p, query, &text);
    bool is_past = p->past.to_ms != TIME_NONE;
    buf_addf(&url, "%s/api/v1/%s?query=", p->spec.url, is_past ? "query_range" : "query");
    escape(&url, buf_str(&text));
    if (is_past)
        buf_addf(&url, "&start=%.3f&end=%.3f&step=%d", (double)p->past.from_ms / 1000, (double)p->past.to_ms / 1000,
                 (int)(p->spec.step_ms / 1000));
    struct http_spec spec = { .url = buf_str(&url), .headers = headers, .n_headers = n, .tls = p->spec.tls, .want_gzip = true,
                              .total_ms = PROM_TIMEOUT_MS, .body_cap = is_past ? PROM_PAST_BODY : PROM_BODY, .on_done = on_answer, .ctx = q };
    if (http_start(p->spec.loop, &spec, &q->req, &e))
        note(p, &e);
    else
        p->n_waiting++;
    buf_release(&text);
    buf_release(&url);
}

static void on_due(void *ctx)
{
    struct prom *p = ctx;
    int64_t now = clock_io_ms();
    p->next_ms = p->next_ms + p->spec.every_ms > now ? p->next_ms + p->spec.every_ms : now + p->spec.every_ms;
    loop_timer_set(p->spec.loop, &p->due, p->next_ms - now);
    if (p->n_waiting)
        return;
    p->e = (struct err){ 0 };
    char *token = p->spec.token_file ? x_malloc(TOKEN_BYTES) : NULL;
    if (!token || read_token(p, token, TOKEN_BYTES)) {
        for (size_t i = 0; i < N_PROM_QUERIES; i++) {
            if (p->spec.queries->of[i])
                ask(p, &p->asked[i], p->spec.queries->of[i], token);
        }
    }
    if (token)
        explicit_bzero(token, TOKEN_BYTES);
    free(token);
    if (!p->n_waiting)
        round_over(p);
}

/* ---- life ---- */

struct prom *prom_new(const struct prom_spec *spec, const struct prom_past *past)
{
    struct prom *p = x_calloc(1, sizeof *p);
    p->spec = *spec;
    p->at_ms = p->past.to_ms = TIME_NONE;
    if (past)
        p->past = *past;
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->proved_ms = TIME_NONE;
    p->objects = -1;
    for (size_t i = 0; i < N_PROM_QUERIES; i++)
        p->asked[i].p = p;
    p->due = (struct loop_timer){ .fn = on_due, .ctx = p };
    p->next_ms = clock_io_ms();
    loop_timer_set(spec->loop, &p->due, 0);
    return p;
}

void prom_free(struct prom *p)
{
    if (!p)
        return;
    loop_timer_stop(p->spec.loop, &p->due);
    for (size_t i = 0; i < N_PROM_QUERIES; i++) {
        http_cancel(p->asked[i].req);
        arena_release(&p->asked[i].arena);
    }
    free(p);
}

void prom_now(struct prom *p)
{
    if (!p->n_waiting)
        loop_timer_set(p->spec.loop, &p->due, 0);
}

struct source_health prom_health(const struct prom *p)
{
    return (struct source_health){ .name = "prometheus", .state = p->state, .since_ms = p->since_ms, .proved_ms = p->proved_ms,
                                   .retry_ms = TIME_NONE, .text = p->text, .cause = p->cause, .objects = p->objects };
}
