#include "core/sources/prom_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

enum { LABEL = 256 };

/* A string or a number as a double; false: it is none. */
static bool number_of(struct json_span v, double *out)
{
    char text[64], *end;
    bool is_text = json_kind(v) == JSON_STRING;
    size_t n = is_text ? v.n - 2 : v.n;
    if ((!is_text && json_kind(v) != JSON_NUMBER) || !n || n >= sizeof text)
        return false;
    memcpy(text, is_text ? v.p + 1 : v.p, n);
    text[n] = '\0';
    if (text_eq(text, "+Inf") || text_eq(text, "Inf") || text_eq(text, "-Inf")) {
        *out = text[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    *out = strtod(text, &end);
    return !*end && strspn(text, "0123456789+-.eE") == n;
}

/* [1435781430.781, "1"]; false: nothing to be told. */
static bool value_of(struct json_span pair, struct prom_value *out)
{
    struct json_iter it = json_each(pair);
    double at, v;
    if (json_kind(pair) != JSON_ARRAY || !json_next(&it) || !number_of(it.value, &at) || !json_next(&it) ||
        !number_of(it.value, &v))
        return false;
    if (!(fabs(at) < 1e11) || !(v >= 0 && v <= PROM_MOST))
        return false;
    *out = (struct prom_value){ (int64_t)llround(at * 1000), v };
    return true;
}

struct decoding {
    const char *service_label, *namespace_label;
    struct arena *a;
    size_t n_points, room;
};

static void decode_labels(const struct decoding *d, struct json_span metric, struct prom_row *row)
{
    struct json_span m[3];
    json_members(metric, 3,
                 (const char *const[]){ d->service_label, d->namespace_label[0] ? d->namespace_label : "\n", "le" },
                 m);
    const char *service = json_str(m[0], d->a, LABEL), *ns = json_str(m[1], d->a, LABEL);
    row->service = service ? service : "";
    row->ns = ns ? ns : "";
    if (!number_of(m[2], &row->le))
        row->le = NAN;
}

static enum err_code decode_values(struct decoding *d, struct json_span series, struct prom_row *row, struct err *e)
{
    struct json_span one = json_get(series, "value"), many = json_get(series, "values");
    struct json_iter it = json_each(many);
    size_t n = one.p ? 1 : 0;
    while (json_next(&it))
        n++;
    d->n_points += n;
    if (d->n_points > PROM_POINTS)
        return err_set(e, ERR_LIMIT, 0, "more than %d points", PROM_POINTS);
    struct prom_value *values = arena_alloc(d->a, (n + 1) * sizeof *values);
    row->values = values;
    if (one.p && value_of(one, &values[0]))
        row->n = 1;
    it = json_each(many);
    while (json_next(&it)) {
        struct prom_value v;
        if (value_of(it.value, &v) && (!row->n || v.at_ms > values[row->n - 1].at_ms))
            values[row->n++] = v;
    }
    return ERR_OK;
}

static enum err_code decode_rows(struct decoding *d, struct json_span result, struct prom_answer *out, struct err *e)
{
    struct json_iter it = json_each(result);
    size_t n = 0;
    while (json_next(&it))
        n++;
    if (n > PROM_SERIES)
        return err_set(e, ERR_LIMIT, 0, "more than %d series", PROM_SERIES);
    out->rows = arena_alloc(d->a, (n + 1) * sizeof *out->rows);
    it = json_each(result);
    while (json_next(&it)) {
        struct prom_row row = { 0 };
        decode_labels(d, json_get(it.value, "metric"), &row);
        if (decode_values(d, it.value, &row, e))
            return ERR_LIMIT;
        if (row.n)
            out->rows[out->n++] = row;
    }
    return ERR_OK;
}

static enum err_code decode_data(struct decoding *d, struct json_span data, struct prom_answer *out, struct err *e)
{
    struct json_span m[2], type, result;
    json_members(data, 2, (const char *const[]){ "resultType", "result" }, m);
    type = m[0];
    result = m[1];
    if (json_str_is(type, "scalar")) {
        struct prom_value *v = arena_alloc(d->a, sizeof *v);
        out->rows = arena_alloc(d->a, sizeof *out->rows);
        if (value_of(result, v))
            out->rows[out->n++] = (struct prom_row){ .service = "", .ns = "", .le = NAN, .values = v, .n = 1 };
        return ERR_OK;
    }
    if ((!json_str_is(type, "vector") && !json_str_is(type, "matrix")) || json_kind(result) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, 0, "the answer is no vector and no matrix");
    return decode_rows(d, result, out, e);
}

enum err_code prom_decode(const char *body, size_t n, const char *service_label, const char *namespace_label,
                          struct arena *a, struct prom_answer *out, struct err *e)
{
    struct decoding d = { service_label, namespace_label, a, 0, 0 };
    struct prom_answer answer = { .warning = "" };
    struct json_span doc, m[4];
    if (json_check(body, n, &doc, e))
        return err_at(e, "no answer of Prometheus");
    json_members(doc, 4, (const char *const[]){ "status", "data", "error", "warnings" }, m);
    if (json_str_is(m[0], "error")) {
        char *said = json_str(m[2], a, 160), clean[200];
        return err_set(e, ERR_SERVER, 0, "%s",
                       text_clean_to(clean, sizeof clean, said ? said : "", said ? strlen(said) : 0));
    }
    if (!json_str_is(m[0], "success"))
        return err_set(e, ERR_PARSE, 0, "no answer of Prometheus: it has no status");
    struct json_iter it = json_each(m[3]);
    const char *warning = json_next(&it) ? json_str(it.value, a, 160) : NULL;
    if (decode_data(&d, m[1], &answer, e))
        return e ? e->code : ERR_PARSE;
    if (warning)
        answer.warning = warning;
    *out = answer;
    return ERR_OK;
}

/* ---- histograms ---- */

static int by_le(const void *a, const void *b)
{
    double x = ((const struct bucket *)a)->le, y = ((const struct bucket *)b)->le;
    return (x > y) - (x < y);
}

/* Rising bounds, rising counts; what has one bound (series that differ in another label) is one. */
static size_t tidy(struct bucket *b, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) { /* a bound below 0 says nothing of a time; what it counts is in the next one too */
        if ((b[i].le > 0) && b[i].count >= 0 && b[i].count <= PROM_MOST)
            b[kept++] = b[i];
    }
    n = kept;
    qsort(b, n, sizeof *b, by_le);
    kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept && !(b[i].le > b[kept - 1].le))
            b[kept - 1].count += b[i].count;
        else
            b[kept++] = b[i];
    }
    for (size_t i = 1; i < kept; i++) {
        if (b[i].count < b[i - 1].count)
            b[i].count = b[i - 1].count;
    }
    return kept;
}

bool histogram_make(struct bucket *b, size_t n, double unit_ms, struct histogram *out)
{
    *out = (struct histogram){ 0 };
    n = tidy(b, n);
    if (n < 2 || !isinf(b[n - 1].le))
        return false;
    size_t finite = n - 1, want = finite < SAMPLE_VALUES - 1 ? finite : SAMPLE_VALUES - 1;
    double before = 0;
    for (size_t i = 0; i < want; i++) {
        const struct bucket *at = &b[want == finite ? i : (i + 1) * finite / want - 1];
        double bound = at->le * unit_ms;
        if (!(bound <= PROM_MOST) || (out->n_bounds && !(bound > out->bounds[out->n_bounds - 1])))
            continue;
        out->bounds[out->n_bounds] = bound;
        out->counts[out->n_bounds++] = at->count - before;
        before = at->count;
    }
    out->total = b[n - 1].count;
    out->counts[out->n_bounds] = out->total - before;
    return out->n_bounds > 0;
}
