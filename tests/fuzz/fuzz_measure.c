/* What servers that measure answer.  The first byte says whose: h health ("TYPE\nBODY"), p Prometheus, m two
 * pages of /metrics apart by byte 0, a Alertmanager.  Nothing that is no number may come out. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/sources/alerts_decode.h"
#include "core/sources/metrics_decode.h"
#include "core/sources/probe_judge.h"
#include "core/sources/prom_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void put(void *ctx, struct sample *s)
{
    (void)ctx;
    assert(s->n <= SAMPLE_VALUES && s->series->n_bounds < SAMPLE_VALUES && s->text);
    for (size_t i = 0; i < s->n; i++)
        assert(s->v[i] >= 0 && s->v[i] <= 1e20);
    for (size_t i = 0; i < s->series->n_bounds; i++)
        assert(s->series->bounds[i] > (i ? s->series->bounds[i - 1] : 0) && s->series->bounds[i] <= PROM_MOST);
    if (s->series->kind == SAMPLE_REQUESTS)
        assert(s->v[1] <= s->v[0]);
}

static const char *subject_of(void *ctx, const char *service, const char *ns)
{
    (void)ctx;
    (void)ns;
    return service;
}

static void health(const char *p, size_t n)
{
    static const struct conf_probe how = { .expect = { { 200, 299 } }, .n_expect = 1 };
    const char *nl = memchr(p, '\n', n);
    char type[64] = "", text[SAMPLE_TEXT];
    struct arena arena = { 0 };
    struct health_body b;
    if (!nl || (size_t)(nl - p) >= sizeof type)
        return;
    memcpy(type, p, (size_t)(nl - p));
    char *body = x_strndup(nl + 1, n - (size_t)(nl - p) - 1);
    struct probe_answer a = { .type = type, .body = body, .body_n = strlen(body), .is_api = true };
    health_decode(a.type, a.body, a.body_n, &arena, &b);
    assert(b.n <= HEALTH_ROWS);
    for (size_t i = 0; i < b.n; i++)
        assert(strlen(b.rows[i].name) < SERIES_NAME && strlen(b.rows[i].text) < SAMPLE_TEXT && !isinf(b.rows[i].value));
    for (a.status = 200; a.status < 600; a.status += 101)
        assert(probe_judge(&a, &how, &b, text, sizeof text) < N_PROBE_OUTCOMES);
    free(body);
    arena_release(&arena);
}

static void prometheus(const char *p, size_t n)
{
    struct prom_round r = { .unit_ms = 1000, .range_ms = 60000, .requests_ms = 15000, .latency_ms = 60000 };
    struct series_set *ss = series_set_new();
    struct prom_way way = { ss, subject_of, NULL, put, NULL };
    struct arena arena = { 0 };
    for (int q = 0; q < N_QUERIES; q++) /* the same answer to every question */
        r.has[q] = prom_decode(p, n, "service", "namespace", &arena, &r.answers[q], NULL) == ERR_OK;
    size_t strangers;
    prom_emit_live(&r, &way, &strangers);
    prom_emit_range(&r, &way, 0, 600000);
    arena_release(&arena);
    series_set_free(ss);
}

static void metrics(const char *p, size_t n)
{
    const char *nul = memchr(p, '\0', n);
    size_t first = nul ? (size_t)(nul - p) : n, skip = nul ? first + 1 : n;
    struct metrics_page a, b;
    struct metrics_increase in;
    if (metrics_decode(p, first, &a, NULL))
        return;
    if (!metrics_decode(p + skip, n - skip, &b, NULL)) {
        if (metrics_between(&a, &b, &in))
            assert(in.requests >= in.failed && in.failed >= 0 && in.requests <= 1e20);
        metrics_page_release(&b);
    }
    metrics_page_release(&a);
}

static void alerts(const char *p, size_t n)
{
    struct arena arena = { 0 };
    struct alert_rows rows;
    if (!alerts_decode(p, n, &arena, &rows, NULL)) {
        for (size_t i = 0; i < rows.n; i++)
            assert(rows.rows[i].name[0] && strlen(alert_label(&rows.rows[i], "service", &arena)) < SERIES_SUBJECT);
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct {
        char mode;
        void (*run)(const char *p, size_t n);
    } modes[] = { { 'h', health }, { 'p', prometheus }, { 'm', metrics }, { 'a', alerts } };
    for (size_t i = 0; n && i < ARRAY_LEN(modes); i++) {
        if ((char)data[0] == modes[i].mode)
            modes[i].run((const char *)data + 1, n - 1);
    }
    return 0;
}
