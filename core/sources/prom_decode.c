#include "core/sources/prom_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

static bool number(struct json_span v, double *out)
{
    struct arena a = { 0 };
    char *end, *s = json_str(v, &a, 63);
    *out = s ? strtod(s, &end) : 0;
    bool ok = s && end != s && !*end;
    arena_release(&a);
    return ok;
}

static const char *label(struct json_span metric, const char *name, struct arena *a)
{
    const char *s = name[0] ? json_str(json_get(metric, name), a, PROM_LABEL) : NULL;
    return s ? s : "";
}

static int by_key(const void *x, const void *y)
{
    const struct prom_row *a = x, *b = y;
    int d = (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
    if (!d)
        d = strcmp(a->ns, b->ns);
    if (!d)
        d = strcmp(a->service, b->service);
    return d ? d : (a->le > b->le) - (a->le < b->le);
}

static void fail(struct json_span doc, struct err *e)
{
    char clean[160];
    struct arena a = { 0 };
    const char *s = json_str(json_get(doc, "error"), &a, 400);
    text_clean_to(clean, sizeof clean, s ? s : "without a word", s ? strlen(s) : 14);
    arena_release(&a);
    err_set(e, ERR_SERVER, 0, "Prometheus says: %s", clean);
}

/* [t, "v"] */
static bool take_point(struct json_span point, struct prom_row *out)
{
    struct json_iter pair = json_each(point);
    char text[32];
    if (!json_next(&pair) || json_kind(pair.value) != JSON_NUMBER || pair.value.n >= sizeof text)
        return false;
    memcpy(text, pair.value.p, pair.value.n);
    text[pair.value.n] = '\0';
    double t = strtod(text, NULL);
    if (!(t >= 0 && t < 1e11) || !json_next(&pair) || !number(pair.value, &out->value))
        return false;
    out->at_ms = (int64_t)(t * 1000);
    return isfinite(out->value) && out->value >= 0;
}

/* One series: a point, or many. */
static void take(struct json_span series, const char *service_label, const char *namespace_label, struct arena *a, size_t most,
                 struct prom_rows *out)
{
    struct json_span metric = json_get(series, "metric"), le = json_get(metric, "le"), values = json_get(series, "values");
    struct prom_row row = { .le = NAN };
    if (json_kind(metric) != JSON_OBJECT || (le.p && (!number(le, &row.le) || isnan(row.le) || row.le <= 0)))
        return;
    row.ns = label(metric, namespace_label, a);
    row.service = label(metric, service_label, a);
    if (!row.service[0])
        return;
    if (!values.p) {
        if (out->n < most && take_point(json_get(series, "value"), &row))
            out->items[out->n++] = row;
        return;
    }
    struct json_iter it = json_each(values);
    while (out->n < most && json_next(&it)) {
        if (take_point(it.value, &row))
            out->items[out->n++] = row;
    }
}

static size_t count_points(struct json_span result, size_t cap)
{
    size_t n = 0;
    struct json_iter it = json_each(result);
    while (n < cap && json_next(&it)) {
        struct json_span values = json_get(it.value, "values");
        struct json_iter points = json_each(values);
        for (n += !values.p; values.p && n < cap && json_next(&points);)
            n++;
    }
    return n;
}

enum err_code prom_decode(const char *body, size_t n, const char *service_label, const char *namespace_label, struct arena *a,
                          struct prom_rows *out, struct err *e)
{
    struct json_span doc;
    struct prom_rows rows = { 0 };
    if (json_check(body, n, &doc, e))
        return err_at(e, "the answer of Prometheus");
    if (json_str_is(json_get(doc, "status"), "error")) {
        fail(doc, e);
        return e->code;
    }
    struct json_span data = json_get(doc, "data"), result = json_get(data, "result");
    bool is_matrix = json_str_is(json_get(data, "resultType"), "matrix");
    if ((!is_matrix && !json_str_is(json_get(data, "resultType"), "vector")) || json_kind(result) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, 0, "the answer of Prometheus is no vector");
    size_t most = count_points(result, is_matrix ? PROM_POINTS : PROM_ROWS);
    rows.items = arena_alloc(a, (most + 1) * sizeof *rows.items);
    struct json_iter it = json_each(result);
    while (json_next(&it))
        take(it.value, service_label, namespace_label, a, most, &rows);
    qsort(rows.items, rows.n, sizeof *rows.items, by_key);
    *out = rows;
    return ERR_OK;
}

/* Drops the bound whose neighbours are nearest to each other; its count goes to the next one. */
static size_t merge_one(double *bounds, double *counts, size_t n)
{
    size_t at = 0;
    double least = INFINITY;
    for (size_t i = 0; i + 1 < n; i++) {
        double ratio = bounds[i + 1] / bounds[i];
        if (ratio < least) {
            least = ratio;
            at = i;
        }
    }
    counts[at + 1] += counts[at];
    memmove(&bounds[at], &bounds[at + 1], (n - at - 1) * sizeof *bounds);
    memmove(&counts[at], &counts[at + 1], (n - at) * sizeof *counts);
    return n - 1;
}

size_t prom_buckets(const struct prom_row *rows, size_t n, size_t most, double *bounds, double *counts)
{
    double all_bounds[256], all_counts[257], below = 0, total = NAN;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(rows[i].le) || (i && rows[i].le <= rows[i - 1].le)) /* none, or one twice */
            continue;
        double more = rows[i].value > below ? rows[i].value - below : 0; /* extrapolation may bend it a little */
        if (isinf(rows[i].le)) {
            total = rows[i].value;
            all_counts[k] = more;
        } else if (k < 256) {
            all_bounds[k] = rows[i].le * 1000;
            all_counts[k++] = more;
        }
        below = rows[i].value > below ? rows[i].value : below;
    }
    if (!k || isnan(total))
        return 0;
    while (k > most)
        k = merge_one(all_bounds, all_counts, k);
    memcpy(bounds, all_bounds, k * sizeof *bounds);
    memcpy(counts, all_counts, (k + 1) * sizeof *counts);
    return k;
}
