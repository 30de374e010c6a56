/*
 * Two runs of queries, each one query after the other over a connection that is kept: the live one by its
 * timer, the baseline when it is asked for.  Which preset a server has is found out once, by counting the
 * series of each in turn; a server that has none is asked again from time to time.
 */
#include "core/sources/prom.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/sources/kube.h"
#include "core/sources/presets.h"
#include "core/sources/prom_emit.h"
#include "core/sources/web.h"

enum { QUERY_BYTES = 16 * 1024, ABSENT_MS = 60000 };

struct run {
    struct prom *p;
    struct loop_timer start;
    struct http_req *req;
    bool is_active, is_range;
    int q;            /* the query under way */
    struct arena arena;
    struct prom_round round;
    struct err e;     /* the first that went wrong, with its query's name */
    size_t n_series;
    char warning[160];
};

struct prom {
    struct loop *loop;
    struct prom_spec spec;
    char *in; /* "namespace=~\"shop|pay\"" without the label; "" = all */
    const struct preset *preset;
    bool is_settled;  /* the preset is known, or none is needed */
    size_t candidate; /* while it is not */
    struct run live, base;
    struct prom_baseline asked;
    int64_t requests_ms, latency_ms; /* story clock, of the last that was put; TIME_NONE */
    enum source_state state;
    int64_t since_ms, proved_ms, retry_ms;
    int64_t n_series;
    char text[224];
    const char *cause;
};

static void run_next(struct run *r);

static int64_t every_ms(const struct prom *p)
{
    int64_t ms = p->spec.conf->every_ms / (p->spec.pace > 1 ? p->spec.pace : 1);
    return ms > 250 ? ms : 250;
}

static const char *service_label(const struct prom *p)
{
    return p->spec.conf->service_label ? p->spec.conf->service_label : p->preset ? p->preset->service_label : "service";
}

static const char *namespace_label(const struct prom *p)
{
    return p->spec.conf->namespace_label ? p->spec.conf->namespace_label
           : p->preset                   ? p->preset->namespace_label
                                         : "namespace";
}

static void set_state(struct prom *p, enum source_state s, const char *text, const char *cause)
{
    bool is_news = s != p->state || !text_eq(text, p->text);
    if (s != p->state)
        p->since_ms = clock_story_ms();
    if (s != p->state && text[0])
        log_put(LOG_INFO, "prometheus", "%s: %s", source_state_name(s), text);
    p->state = s;
    p->cause = cause;
    snprintf(p->text, sizeof p->text, "%s", text);
    if (is_news && p->spec.on_state)
        p->spec.on_state(p->spec.ctx);
}

static void set_failed(struct prom *p, const struct err *e)
{
    enum source_state s = e->code == ERR_AUTH || e->code == ERR_FORBIDDEN ? SOURCE_FORBIDDEN
                          : e->code == ERR_NOTFOUND                      ? SOURCE_ABSENT
                          : p->proved_ms == TIME_NONE                    ? SOURCE_FAILED
                                                                         : SOURCE_STALE;
    set_state(p, s, e->text, http_cause(e));
}

/* ---- queries ---- */

/* Who has queries of his own for what counts has no preset, unless he names one. */
static bool needs_preset(const struct conf_prometheus *c)
{
    return !c->preset && !c->queries[QUERY_REQUESTS] && !c->queries[QUERY_LATENCY] && !c->queries[QUERY_P95];
}

static void add_in(const struct prom *p, const char *label, struct buf *out)
{
    if (label[0] && p->in[0])
        buf_addf(out, "%s=~\"%s\"", label, p->in);
}

static bool query_text(const struct prom *p, const struct preset *preset, int q, bool is_presence, struct buf *out)
{
    struct buf text = BUF_INIT(QUERY_BYTES), by = BUF_INIT(1024), in = BUF_INIT(QUERY_BYTES);
    const char *own = is_presence ? NULL : p->spec.conf->queries[q], *ns = namespace_label(p);
    bool has = own ? own[0] != '\0' : false;
    if (own)
        buf_adds(&text, own);
    else if (is_presence)
        preset_presence(preset, &text);
    else if (preset)
        has = preset_query(preset, (enum conf_query)q, &text);
    if (is_presence && !p->spec.conf->namespace_label)
        ns = preset->namespace_label;
    add_in(p, ns, &in);
    buf_addf(&by, "%s%s%s", service_label(p), ns[0] ? ", " : "", ns);
    preset_fill(buf_str(&text), buf_str(&by), buf_str(&in), p->spec.conf->range_ms, out);
    buf_release(&text);
    buf_release(&by);
    buf_release(&in);
    return has || is_presence;
}

static enum err_code send_query(struct run *r, const char *query,
                                void (*on_done)(void *ctx, const struct http_result *h), struct err *e)
{
    const struct prom *p = r->p;
    struct buf url = BUF_INIT(4 * QUERY_BYTES);
    buf_addf(&url, "%s/api/v1/query%s?query=", p->spec.conf->server.url, r->is_range ? "_range" : "");
    text_escape_url(&url, query);
    if (r->is_range)
        buf_addf(&url, "&start=%" PRId64 ".%03d&end=%" PRId64 ".%03d&step=%" PRId64, (p->asked.from_ms) / 1000,
                 (int)(p->asked.from_ms % 1000), p->asked.to_ms / 1000, (int)(p->asked.to_ms % 1000),
                 p->spec.conf->range_ms / 1000);
    struct web_spec spec = { .server = &p->spec.conf->server, .url = buf_str(&url), .accept = "application/json",
                             .total_ms = PROM_TIMEOUT_MS, .body_cap = PROM_BODY, .on_done = on_done, .ctx = r };
    enum err_code rc =
        url.over ? err_set(e, ERR_LIMIT, 0, "the query is too long") : web_get(p->loop, &spec, &r->req, e);
    buf_release(&url);
    return rc;
}

/* An answer without an error of the way, to series. */
static enum err_code decode(struct run *r, const struct http_result *h, struct prom_answer *out, struct err *e)
{
    if (h->e.code) {
        *e = h->e;
        return e->code;
    }
    enum err_code rc = prom_decode(h->body, h->body_n, service_label(r->p), namespace_label(r->p), &r->arena, out, e);
    if (rc == ERR_PARSE && h->status != 200)
        rc = web_status(h->status, e);
    return rc;
}

/* ---- a run ---- */

static void run_begin(struct run *r)
{
    arena_release(&r->arena);
    r->arena = (struct arena){ 0 };
    r->round = (struct prom_round){ 0 };
    r->e = (struct err){ 0 };
    r->warning[0] = '\0';
    r->n_series = 0;
    r->q = -1;
    r->is_active = true;
}

static void run_over(struct run *r)
{
    r->is_active = false;
    arena_release(&r->arena);
    r->arena = (struct arena){ 0 };
    if (!r->is_range)
        loop_timer_set(r->p->loop, &r->start, every_ms(r->p));
}

static int64_t span_since(int64_t last_ms, int64_t now_ms, int64_t range_ms)
{
    int64_t span = last_ms == TIME_NONE ? range_ms : now_ms - last_ms;
    return span <= 0 || span > range_ms ? range_ms : span;
}

static void base_end(struct run *r, const struct err *e)
{
    struct prom_baseline asked = r->p->asked;
    run_over(r);
    loop_timer_set(r->p->loop, &r->p->live.start, 0);
    asked.on_done(asked.ctx, e);
}

static void live_end(struct run *r, const struct prom_way *way)
{
    struct prom *p = r->p;
    int64_t now = clock_story_ms();
    bool has_any = false;
    for (int q = 0; q < N_QUERIES; q++)
        has_any |= r->round.has[q];
    r->round.requests_ms = span_since(p->requests_ms, now, r->round.range_ms);
    r->round.latency_ms = span_since(p->latency_ms, now, r->round.range_ms);
    size_t strangers = 0, ours = has_any ? prom_emit_live(&r->round, way, &strangers) : 0;
    if (ours && r->round.has[QUERY_REQUESTS] && r->round.has[QUERY_ERRORS])
        p->requests_ms = now;
    if (ours && r->round.has[QUERY_LATENCY])
        p->latency_ms = now;
    p->n_series = (int64_t)r->n_series;
    if (has_any) {
        char text[224] = "";
        p->proved_ms = now;
        if (r->e.code)
            snprintf(text, sizeof text, "%s", r->e.text);
        else if (r->warning[0])
            snprintf(text, sizeof text, "it warns: %s", r->warning);
        else if (!r->n_series)
            snprintf(text, sizeof text, "no series: does it scrape these services, and is service_label right?");
        else if (strangers)
            snprintf(text, sizeof text, "%zu of its services are none of ours", strangers);
        set_state(p, SOURCE_LIVE, text, "");
    } else if (r->e.code) {
        set_failed(p, &r->e);
    }
    run_over(r);
}

static void run_end(struct run *r)
{
    struct prom *p = r->p;
    struct prom_way way = { .series = p->spec.sink->series,
                            .subject_of = p->spec.subject_of,
                            .subject_ctx = p->spec.ctx };
    r->round.range_ms = p->spec.conf->range_ms;
    r->round.unit_ms = p->preset ? p->preset->unit_ms : 1000;
    if (p->spec.conf->queries[QUERY_LATENCY] && !p->spec.conf->preset)
        r->round.unit_ms = 1000;
    if (r->is_range) {
        struct err e = r->e;
        way.put = p->asked.put;
        way.put_ctx = p->asked.ctx;
        prom_emit_range(&r->round, &way, p->asked.from_ms, p->asked.to_ms);
        base_end(r, &e);
    } else {
        way.put = p->spec.sink->put;
        way.put_ctx = p->spec.sink->ctx;
        live_end(r, &way);
    }
}

static void on_answer(void *ctx, const struct http_result *h)
{
    struct run *r = ctx;
    struct err e = { 0 };
    r->req = NULL;
    struct prom_answer *a = &r->round.answers[r->q];
    enum err_code rc = decode(r, h, a, &e);
    if (!rc) {
        r->round.has[r->q] = true;
        r->n_series += a->n;
        if (!r->warning[0])
            text_clean_to(r->warning, sizeof r->warning, a->warning, strlen(a->warning));
    } else if (!r->e.code) {
        r->e = e;
        err_at(&r->e, "%s", conf_query_name((enum conf_query)r->q));
    }
    /* No way there: the next one would not get through either, and what it cost to wait is lost. */
    if (rc == ERR_NET || rc == ERR_TIMEOUT || rc == ERR_AUTH || rc == ERR_FORBIDDEN || rc == ERR_NOTFOUND)
        run_end(r);
    else
        run_next(r);
}

static void run_next(struct run *r)
{
    struct buf query = BUF_INIT(4 * QUERY_BYTES);
    struct err e = { 0 };
    bool has = false;
    while (!has && ++r->q < N_QUERIES) {
        buf_clear(&query);
        has = query_text(r->p, r->p->preset, r->q, false, &query);
    }
    if (has && send_query(r, buf_str(&query), on_answer, &e)) {
        if (!r->e.code)
            r->e = e;
        has = false;
    }
    buf_release(&query);
    if (!has)
        run_end(r);
}

/* ---- which preset ---- */

static void settle(struct prom *p, const struct preset *preset)
{
    p->preset = preset;
    p->is_settled = true;
    if (p->base.is_active && !p->base.req)
        loop_timer_set(p->loop, &p->base.start, 0);
}

static void try_candidate(struct run *r);
static void on_live(void *ctx);

static void unsettled(struct run *r, const struct err *e)
{
    set_failed(r->p, e);
    run_over(r);
    if (r->p->base.is_active)
        base_end(&r->p->base, e);
}

static void on_presence(void *ctx, const struct http_result *h)
{
    struct run *r = ctx;
    struct prom *p = r->p;
    struct prom_answer a = { 0 };
    struct err e = { 0 };
    r->req = NULL;
    enum err_code rc = decode(r, h, &a, &e);
    if (rc && rc != ERR_SERVER) {
        unsettled(r, &e);
    } else if (!rc && a.n && a.rows[0].values[0].v > 0) {
        settle(p, &presets[p->candidate]);
        run_over(r);
        on_live(r);
    } else {
        p->candidate++;
        try_candidate(r);
    }
}

static void try_candidate(struct run *r)
{
    struct prom *p = r->p;
    struct buf query = BUF_INIT(4 * QUERY_BYTES);
    struct err e = { 0 };
    const struct preset *preset = &presets[p->candidate];
    if (!preset->name) {
        err_set(&e, ERR_NOTFOUND, 0, "it has the series of no preset: set prometheus.queries");
        p->proved_ms = clock_story_ms();
        set_state(p, SOURCE_ABSENT, e.text, "");
        p->candidate = 0;
        run_over(r);
        loop_timer_set(p->loop, &r->start, ABSENT_MS / (p->spec.pace > 1 ? p->spec.pace : 1));
        if (p->base.is_active)
            base_end(&p->base, &e);
        return;
    }
    query_text(p, preset, 0, true, &query);
    if (send_query(r, buf_str(&query), on_presence, &e))
        unsettled(r, &e);
    buf_release(&query);
}

static void on_live(void *ctx)
{
    struct run *r = ctx;
    struct prom *p = r->p;
    if (r->is_active || (p->is_settled && p->base.is_active)) /* base_end starts it */
        return;
    run_begin(r);
    if (p->is_settled)
        run_next(r);
    else
        try_candidate(r);
}

static void on_base(void *ctx)
{
    struct run *r = ctx;
    if (!r->is_active || r->req || !r->p->is_settled)
        return;
    struct prom *p = r->p;
    if (p->live.is_active) { /* what it would put overlaps with what comes after us */
        http_cancel(p->live.req);
        p->live.req = NULL;
        run_over(&p->live);
    }
    int64_t live_ms = clock_story_ms() - p->spec.conf->range_ms;
    if (p->asked.to_ms > live_ms) /* the first live samples, which come next, speak for what is after that */
        p->asked.to_ms = live_ms;
    p->requests_ms = p->latency_ms = TIME_NONE;
    if (p->asked.to_ms > p->asked.from_ms) /* the grid ends where the live ones begin */
        p->asked.from_ms += (p->asked.to_ms - p->asked.from_ms) % p->spec.conf->range_ms;
    run_begin(r);
    if (p->asked.to_ms < p->asked.from_ms)
        base_end(r, &r->e); /* nothing was before */
    else
        run_next(r);
}

/* ---- life ---- */

struct prom *prom_new(struct loop *l, const struct prom_spec *spec)
{
    struct prom *p = x_calloc(1, sizeof *p);
    struct buf in = BUF_INIT(QUERY_BYTES);
    p->loop = l;
    p->spec = *spec;
    for (size_t i = 0; i < spec->n_namespaces;
         i++) /* names of namespaces: nothing in them means anything to a regular expression */
        buf_addf(&in, "%s%s", i ? "|" : "", spec->namespaces[i]);
    p->in = buf_take(&in);
    p->spec.namespaces = NULL;
    p->preset = spec->conf->preset ? preset_find(spec->conf->preset) : NULL;
    p->is_settled = !needs_preset(spec->conf);
    p->live = (struct run){ .p = p, .start = { .fn = on_live, .ctx = &p->live } };
    p->base = (struct run){ .p = p, .start = { .fn = on_base, .ctx = &p->base }, .is_range = true };
    p->requests_ms = p->latency_ms = p->proved_ms = TIME_NONE;
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->cause = "";
    loop_timer_set(l, &p->live.start, 0);
    return p;
}

void prom_free(struct prom *p)
{
    struct run *runs[] = { p ? &p->live : NULL, p ? &p->base : NULL };
    for (size_t i = 0; p && i < ARRAY_LEN(runs); i++) {
        http_cancel(runs[i]->req);
        loop_timer_stop(p->loop, &runs[i]->start);
        arena_release(&runs[i]->arena);
    }
    if (p)
        free(p->in);
    free(p);
}

void prom_now(struct prom *p)
{
    if (!p->live.is_active)
        loop_timer_set(p->loop, &p->live.start, 0);
}

void prom_baseline(struct prom *p, const struct prom_baseline *b)
{
    struct prom_baseline before = p->asked;
    bool was_active = p->base.is_active;
    http_cancel(p->base.req);
    p->base.req = NULL;
    p->asked = *b;
    p->asked.from_ms += p->spec.conf->range_ms; /* the first increase begins where we were asked to */
    p->base.is_active = true;
    loop_timer_set(p->loop, &p->base.start, 0);
    if (was_active) {
        struct err e = { 0 };
        err_set(&e, ERR_CANCELLED, 0, "another baseline was asked for");
        before.on_done(before.ctx, &e);
    }
}

struct source_health prom_health(const struct prom *p)
{
    return (struct source_health){ .name = "prometheus",
                                   .state = p->state,
                                   .since_ms = p->since_ms,
                                   .proved_ms = p->proved_ms,
                                   .retry_ms = TIME_NONE,
                                   .text = p->text,
                                   .cause = p->cause,
                                   .objects = p->n_series };
}

const char *prom_preset(const struct prom *p)
{
    return p->preset ? p->preset->name : "";
}
