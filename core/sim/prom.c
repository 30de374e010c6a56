/*
 * /prometheus/api/v1: what a Prometheus would say that scrapes all the simulated services each
 * SAMPLE_MS. Series have the labels namespace, service, job and version; counters are those of
 * /metrics.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/api.h"
#include "core/sim/promql.h"
#include "core/sim/traffic.h"

enum { POINTS_MOST = 11000 };
enum part {
    PART_CODE,
    PART_BUCKET = 10,
    PART_INF = 40,
    PART_COUNT,
    PART_SUM,
    PART_CPU,
    PART_POOL,
    PART_POOL_MOST,
    PART_UP
};

static const char *const metrics[] = { "http_requests_total",
                                       "http_request_duration_seconds_bucket",
                                       "http_request_duration_seconds_count",
                                       "http_request_duration_seconds_sum",
                                       "process_cpu_seconds_total",
                                       "db_pool_connections_in_use",
                                       "db_pool_connections_max",
                                       "up" };

static struct prom_series *add(const struct world *w, const struct sim_service *sv,
                               const char *metric, const void *what, int part, struct arena *a,
                               struct prom_vector *out)
{
    struct prom_series *s = prom_add(out, a);
    prom_set(s, "__name__", metric);
    prom_set(s, "namespace", w->story.ns);
    prom_set(s, "service", sv->name);
    prom_set(s, "job", sv->name);
    s->what = what;
    s->part = part;
    return s;
}

static void find_flow(const struct world *w, const struct sim_service *sv, const struct flow *f,
                      const char *metric, struct arena *a, struct prom_vector *out)
{
    static const char *const codes[] = { "200", "500", "503" };
    struct prom_series *s;
    if (text_eq(metric, "http_requests_total")) {
        for (int c = 0; c < N_FLOW_CODES; c++) {
            s = add(w, sv, metric, f, PART_CODE + c, a, out);
            prom_set(s, "version", f->version->tag);
            prom_set(s, "method", "GET");
            prom_set(s, "code", codes[c]);
        }
    } else if (text_eq(metric, "http_request_duration_seconds_bucket")) {
        for (int b = 0; b <= TRAFFIC_BUCKETS; b++) {
            s = add(w, sv, metric, f, b < TRAFFIC_BUCKETS ? PART_BUCKET + b : PART_INF, a, out);
            prom_set(s, "version", f->version->tag);
            prom_set(s, "le",
                     b < TRAFFIC_BUCKETS ? arena_printf(a, "%g", traffic_bounds[b]) : "+Inf");
        }
    } else {
        static const struct {
            const char *metric;
            enum part part;
        } plain[] = { { "http_request_duration_seconds_count", PART_COUNT },
                      { "http_request_duration_seconds_sum", PART_SUM },
                      { "process_cpu_seconds_total", PART_CPU } };
        for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
            if (text_eq(metric, plain[i].metric))
                prom_set(add(w, sv, metric, f, plain[i].part, a, out), "version", f->version->tag);
        }
    }
}

static void find(void *ctx, const char *metric, struct arena *a, struct prom_vector *out)
{
    const struct world *w = ctx;
    for (size_t i = 0; i < w->story.n_services; i++) {
        const struct sim_service *sv = &w->story.services[i];
        const struct traffic *t = &w->traffic[i];
        for (size_t k = 0; k < t->n_flows; k++)
            find_flow(w, sv, t->flows[k], metric, a, out);
        if (text_eq(metric, "up"))
            add(w, sv, metric, t, PART_UP, a, out);
        else if (sv->has_database && text_eq(metric, "db_pool_connections_in_use"))
            add(w, sv, metric, t, PART_POOL, a, out);
        else if (sv->has_database && text_eq(metric, "db_pool_connections_max"))
            add(w, sv, metric, t, PART_POOL_MOST, a, out);
    }
}

static double value_of(const struct prom_series *s, uint64_t sample)
{
    const struct traffic *t = s->what;
    const struct flow_numbers *f = &((const struct flow *)s->what)->past[sample % TRAFFIC_SAMPLES];
    switch (s->part) {
    case PART_UP:
        return t->up_past[sample % TRAFFIC_SAMPLES];
    case PART_POOL:
        return floor(fmin(t->pool_past[sample % TRAFFIC_SAMPLES], POOL_MOST));
    case PART_POOL_MOST:
        return POOL_MOST;
    case PART_INF:
    case PART_COUNT:
        return floor(f->count);
    case PART_SUM:
        return f->sum;
    case PART_CPU:
        return f->cpu_s;
    default:
        return floor(s->part >= PART_BUCKET ? f->bucket[s->part - PART_BUCKET] : f->code[s->part]);
    }
}

static size_t read_samples(void *ctx, const struct prom_series *s, int64_t from_ms, int64_t to_ms,
                           struct prom_point *out, size_t room)
{
    const struct world *w = ctx;
    uint64_t n = traffic_samples(w), i = n > TRAFFIC_SAMPLES ? n - TRAFFIC_SAMPLES : 0;
    bool is_flow = s->part < PART_POOL;
    size_t many = 0;
    if (is_flow && ((const struct flow *)s->what)->first > i)
        i = ((const struct flow *)s->what)->first;
    for (; i < n && many < room; i++) {
        int64_t at = traffic_sample_ms(w, i);
        if (at > from_ms && at <= to_ms)
            out[many++] = (struct prom_point){ at, value_of(s, i) };
    }
    return many;
}

/* ---- answers ---- */

static void refuse(struct api_call *c, const char *text)
{
    c->out->status = 400;
    buf_clear(&c->out->body);
    buf_adds(&c->out->body, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":");
    json_quote(&c->out->body, text);
    buf_adds(&c->out->body, "}");
}

static void add_value(struct buf *b, int64_t at_ms, double v)
{
    char text[40];
    if (isnan(v) || isinf(v)) {
        snprintf(text, sizeof text, "%s", isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
    } else {
        snprintf(text, sizeof text, "%.15g", v);
        if (strtod(text, NULL) < v || strtod(text, NULL) > v)
            snprintf(text, sizeof text, "%.17g", v);
    }
    buf_addf(b, "[%" PRId64 ".%03d,\"%s\"]", at_ms / 1000, (int)(at_ms % 1000), text);
}

static void add_labels(struct buf *b, const struct prom_series *s)
{
    buf_adds(b, "{\"metric\":{");
    for (size_t i = 0; i < s->n; i++) {
        buf_adds(b, i ? "," : "");
        json_quote(b, s->labels[i].name);
        buf_addc(b, ':');
        json_quote(b, s->labels[i].value);
    }
    buf_addc(b, '}');
}

/* Seconds with a fraction, or RFC 3339. */
static bool time_of(struct api_call *c, const char *key, int64_t otherwise, int64_t *out)
{
    const char *s = request_query(c->q, key);
    char *end;
    *out = otherwise;
    if (!s)
        return otherwise != TIME_NONE;
    double v = strtod(s, &end);
    if (end != s && !*end && v > -1e11 && v < 1e11) {
        *out = (int64_t)llround(v * 1000);
        return true;
    }
    return clock_parse_rfc3339(s, strlen(s), out);
}

static void query(struct api_call *c, const struct prom_node *n, const struct prom_source *src)
{
    struct buf *b = &c->out->body;
    struct arena a = { 0 };
    struct prom_vector v = { 0 };
    struct err e = { 0 };
    int64_t at;
    if (!time_of(c, "time", c->api->world->now_ms, &at)) {
        refuse(c, "invalid parameter \"time\"");
        return;
    }
    if (promql_eval(n, src, at, &a, &v, &e)) {
        refuse(c, e.text);
    } else if (v.is_scalar) {
        buf_adds(b, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":");
        add_value(b, at, v.items[0].value);
        buf_adds(b, "}}");
    } else {
        buf_adds(b, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
        for (size_t i = 0; i < v.n; i++) {
            buf_adds(b, i ? "," : "");
            add_labels(b, &v.items[i]);
            buf_adds(b, ",\"value\":");
            add_value(b, at, v.items[i].value);
            buf_addc(b, '}');
        }
        buf_adds(b, "]}}");
    }
    arena_release(&a);
}

struct line { /* of a matrix */
    char *labels;
    struct buf values;
};

static struct line *line_of(struct line **lines, size_t *n, const struct prom_series *s)
{
    struct buf key = BUF_INIT(8192);
    add_labels(&key, s);
    size_t i = 0;
    while (i < *n && !text_eq((*lines)[i].labels, buf_str(&key)))
        i++;
    if (i == *n) {
        *lines = x_realloc(*lines, (*n + 1) * sizeof **lines);
        (*lines)[(*n)++] = (struct line){ x_strdup(buf_str(&key)), BUF_INIT(1024 * 1024) };
    }
    buf_release(&key);
    return &(*lines)[i];
}

static void query_range(struct api_call *c, const struct prom_node *n,
                        const struct prom_source *src)
{
    struct buf *b = &c->out->body;
    struct line *lines = NULL;
    struct err e = { 0 };
    size_t n_lines = 0;
    int64_t start, end, step;
    bool is_good = time_of(c, "start", TIME_NONE, &start) && time_of(c, "end", TIME_NONE, &end);
    const char *step_text = request_query(c->q, "step");
    if (!is_good || !step_text ||
        (!text_to_span_ms(step_text, &step) && !time_of(c, "step", TIME_NONE, &step)) ||
        step <= 0 || end < start) {
        refuse(c, "invalid parameter \"start\", \"end\" or \"step\"");
        return;
    }
    if ((end - start) / step > POINTS_MOST) {
        refuse(c, "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                  "query resolution (?step=XX)");
        return;
    }
    for (int64_t at = start; at <= end && !e.code; at += step) {
        struct arena a = { 0 };
        struct prom_vector v = { 0 };
        if (promql_eval(n, src, at, &a, &v, &e) == ERR_OK) {
            for (size_t i = 0; i < v.n; i++) {
                struct line *l = line_of(&lines, &n_lines, &v.items[i]);
                if (l->values.len)
                    buf_addc(&l->values, ',');
                add_value(&l->values, at, v.items[i].value);
            }
        }
        arena_release(&a);
    }
    buf_adds(b, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (size_t i = 0; i < n_lines; i++) {
        buf_addf(b, "%s%s,\"values\":[%s]}", i ? "," : "", lines[i].labels,
                 buf_str(&lines[i].values));
        free(lines[i].labels);
        buf_release(&lines[i].values);
    }
    free(lines);
    buf_adds(b, "]}}");
    if (e.code)
        refuse(c, e.text);
}

static void answer_query(struct api_call *c, bool is_range)
{
    struct prom_source src = { find, read_samples, c->api->world };
    const char *text = request_query(c->q, "query");
    struct arena a = { 0 };
    struct prom_node *n = NULL;
    struct err e = { 0 };
    if (!text || !text[0]) {
        refuse(c, "invalid parameter \"query\": 1:1: parse error: no expression found in input");
    } else if (promql_parse(text, &a, &n, &e)) {
        char *all = x_asprintf("invalid parameter \"query\": %s", e.text);
        refuse(c, all);
        free(all);
    } else if (is_range) {
        query_range(c, n, &src);
    } else {
        query(c, n, &src);
    }
    arena_release(&a);
}

void api_prometheus(struct api_call *c)
{
    struct buf *b = &c->out->body;
    const char *last = c->n ? c->parts[c->n - 1] : "";
    bool is_v1 = c->n >= 4 && text_eq(c->parts[1], "api") && text_eq(c->parts[2], "v1");
    if (!text_eq(c->q->method, "GET")) {
        c->out->status = 405;
    } else if (is_v1 && c->n == 4 && (text_eq(last, "query") || text_eq(last, "query_range"))) {
        answer_query(c, text_eq(last, "query_range"));
    } else if (is_v1 && c->n == 5 && text_eq(c->parts[3], "status") && text_eq(last, "buildinfo")) {
        buf_adds(b, "{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\",\"revision\":"
                    "\"bakewatch-sim\",\"branch\":\"HEAD\","
                    "\"buildUser\":\"\",\"buildDate\":\"19700101-00:00:00\",\"goVersion\":\"\"}}");
    } else if (is_v1 && c->n == 6 && text_eq(c->parts[3], "label") &&
               text_eq(c->parts[4], "__name__") && text_eq(last, "values")) {
        buf_adds(b, "{\"status\":\"success\",\"data\":[");
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
            buf_addf(b, "%s\"%s\"", i ? "," : "", metrics[i]);
        buf_adds(b, "]}");
    } else if (c->n == 3 && text_eq(c->parts[1], "-") &&
               (text_eq(last, "ready") || text_eq(last, "healthy"))) {
        c->out->type = "text/plain; charset=utf-8";
        buf_adds(b, "Prometheus Server is Ready.\n");
    } else {
        c->out->type = "text/plain; charset=utf-8";
        c->out->status = 404;
        buf_adds(b, "404 page not found\n");
    }
}
