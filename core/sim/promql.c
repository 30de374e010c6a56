#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/sim/promql.h"

#include <math.h>
#include <pcre2.h>
#include <string.h>

#include "core/base/text.h"

enum { POINTS = 1024, MATCH_LIMIT = 10000 };

struct prom_series *prom_add(struct prom_vector *v, struct arena *a)
{
    if (v->n == v->room) {
        size_t room = v->room ? v->room * 2 : 16;
        struct prom_series *more = arena_alloc(a, room * sizeof *more);
        if (v->n)
            memcpy(more, v->items, v->n * sizeof *more);
        v->items = more;
        v->room = room;
    }
    if (v->n == PROMQL_SERIES) { /* the last place is written over, and that is said */
        v->is_full = true;
        v->n--;
    }
    v->items[v->n] = (struct prom_series){ 0 };
    return &v->items[v->n++];
}

void prom_set(struct prom_series *s, const char *name, const char *value)
{
    size_t i = s->n;
    if (s->n == PROMQL_LABELS)
        return;
    for (; i && strcmp(s->labels[i - 1].name, name) > 0; i--)
        s->labels[i] = s->labels[i - 1];
    s->labels[i] = (struct prom_label){ name, value };
    s->n++;
}

const char *prom_get(const struct prom_series *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        if (text_eq(s->labels[i].name, name))
            return s->labels[i].value;
    }
    return "";
}

static void prom_drop(struct prom_series *s, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!text_eq(s->labels[i].name, name))
            s->labels[kept++] = s->labels[i];
    }
    s->n = kept;
}

static bool same_labels(const struct prom_series *a, const struct prom_series *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        if (!text_eq(a->labels[i].name, b->labels[i].name) ||
            !text_eq(a->labels[i].value, b->labels[i].value))
            return false;
    }
    return a->n == b->n;
}

/* ---- selecting ---- */

static bool is_match(const struct prom_matcher *m, pcre2_code *re, const char *value)
{
    if (!re)
        return (m->op == MATCH_EQ) == text_eq(value, m->value);
    pcre2_match_context *c = x_must(pcre2_match_context_create(NULL));
    pcre2_match_data *d = x_must(pcre2_match_data_create(1, NULL));
    pcre2_set_match_limit(c, MATCH_LIMIT);
    bool is_there = pcre2_match(re, (PCRE2_SPTR)value, strlen(value), 0, 0, d, c) >= 0;
    pcre2_match_data_free(d);
    pcre2_match_context_free(c);
    return is_there == (m->op == MATCH_RE);
}

static enum err_code keep_matching(struct prom_vector *v, const struct prom_matcher *m,
                                   struct err *e)
{
    pcre2_code *re = NULL;
    size_t kept = 0;
    if (m->op == MATCH_RE || m->op == MATCH_NOT_RE) {
        char *whole = x_asprintf("^(?:%s)$", m->value);
        PCRE2_SIZE at;
        int code;
        re = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED, PCRE2_DOLLAR_ENDONLY, &code,
                           &at, NULL);
        free(whole);
        if (!re)
            return err_set(e, ERR_PARSE, 0, "error parsing regexp: %.80s", m->value);
    }
    for (size_t i = 0; i < v->n; i++) {
        if (is_match(m, re, prom_get(&v->items[i], m->label)))
            v->items[kept++] = v->items[i];
    }
    v->n = kept;
    pcre2_code_free(re);
    return ERR_OK;
}

static enum err_code select_series(const struct prom_node *n, const struct prom_source *src,
                                   struct arena *a, struct prom_vector *out, struct err *e)
{
    struct prom_vector v = { 0 };
    src->find(src->ctx, n->metric, a, &v);
    for (size_t i = 0; i < n->n_matchers; i++) {
        if (keep_matching(&v, &n->matchers[i], e))
            return ERR_PARSE;
    }
    *out = v;
    return ERR_OK;
}

static void newest_values(struct prom_vector *v, const struct prom_source *src, int64_t at_ms)
{
    struct prom_point points[POINTS];
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t n = src->read(src->ctx, &v->items[i], at_ms - PROMQL_BACK_MS, at_ms, points, POINTS);
        if (!n)
            continue;
        v->items[kept] = v->items[i];
        v->items[kept++].value = points[n - 1].value;
    }
    v->n = kept;
}

/* extrapolatedRate: the samples do not reach the ends of the range; how far beyond may one assume
 * the same? */
static double extrapolate(const struct prom_point *p, size_t n, int64_t from_ms, int64_t to_ms)
{
    double increase = p[n - 1].value - p[0].value,
           sampled = (double)(p[n - 1].at_ms - p[0].at_ms) / 1000;
    for (size_t i = 1; i < n; i++) { /* a counter that starts anew */
        if (p[i].value < p[i - 1].value)
            increase += p[i - 1].value;
    }
    double start = (double)(p[0].at_ms - from_ms) / 1000,
           end = (double)(to_ms - p[n - 1].at_ms) / 1000;
    double average = sampled / (double)(n - 1), most = average * 1.1, whole = sampled;
    if (increase > 0 && p[0].value >= 0 && sampled * (p[0].value / increase) < start)
        start = sampled * (p[0].value / increase);
    whole += start < most ? start : average / 2;
    whole += end < most ? end : average / 2;
    return sampled > 0 ? increase * whole / sampled : 0;
}

static void rates(struct prom_vector *v, const struct prom_node *n, const struct prom_source *src,
                  int64_t at_ms)
{
    struct prom_point points[POINTS];
    int64_t from = at_ms - n->left->range_ms;
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t many = src->read(src->ctx, &v->items[i], from, at_ms, points, POINTS);
        if (many < 2)
            continue;
        double x = extrapolate(points, many, from, at_ms);
        v->items[kept] = v->items[i];
        prom_drop(&v->items[kept], "__name__");
        v->items[kept++].value = n->is_increase ? x : x * 1000 / (double)n->left->range_ms;
    }
    v->n = kept;
}

/* ---- together ---- */

static struct prom_vector aggregated(const struct prom_node *n, const struct prom_vector *in,
                                     struct arena *a)
{
    struct prom_vector out = { 0 };
    for (size_t i = 0; i < in->n; i++) {
        struct prom_series key = { 0 }, *s = NULL;
        for (size_t k = 0; k < n->n_by; k++) {
            const char *value = prom_get(&in->items[i], n->by[k]);
            if (value[0])
                prom_set(&key, n->by[k], value);
        }
        for (size_t k = 0; k < out.n && !s; k++)
            s = same_labels(&out.items[k], &key) ? &out.items[k] : NULL;
        double x = in->items[i].value;
        if (!s) {
            s = prom_add(&out, a);
            *s = key;
            s->value = n->op == 'M' || n->op == 'm' ? x : 0;
        }
        s->part++;
        s->value = n->op == 'M'   ? fmax(s->value, x)
                   : n->op == 'm' ? fmin(s->value, x)
                                  : s->value + (n->op == 'c' ? 1 : x);
    }
    for (size_t i = 0; n->op == 'a' && i < out.n; i++)
        out.items[i].value /= out.items[i].part;
    return out;
}

struct bucket {
    double bound, count;
};

static int by_bound(const void *a, const void *b)
{
    double x = ((const struct bucket *)a)->bound, y = ((const struct bucket *)b)->bound;
    return x < y ? -1 : x > y;
}

/* promql/quantile.go, bucketQuantile */
static double quantile(double q, struct bucket *b, size_t n)
{
    qsort(b, n, sizeof *b, by_bound);
    if (n < 2 || !isinf(b[n - 1].bound) || !(b[n - 1].count > 0))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double rank = q * b[n - 1].count;
    size_t i = 0;
    while (i < n - 1 && b[i].count < rank)
        i++;
    if (i == n - 1)
        return b[n - 2].bound;
    if (i == 0 && b[0].bound <= 0)
        return b[0].bound;
    double low = i ? b[i - 1].bound : 0, before = i ? b[i - 1].count : 0;
    return low + (b[i].bound - low) * ((rank - before) / (b[i].count - before));
}

static struct prom_vector quantiles(const struct prom_node *n, const struct prom_vector *in,
                                    struct arena *a)
{
    struct prom_vector out = { 0 };
    struct bucket *buckets = arena_alloc(a, (in->n + 1) * sizeof *buckets);
    bool *is_done = arena_alloc(a, in->n + 1);
    for (size_t i = 0; i < in->n; i++) {
        struct prom_series key = in->items[i];
        size_t many = 0;
        if (is_done[i] || !prom_get(&key, "le")[0])
            continue;
        prom_drop(&key, "le");
        prom_drop(&key, "__name__");
        for (size_t k = i; k < in->n; k++) {
            struct prom_series other = in->items[k];
            prom_drop(&other, "le");
            prom_drop(&other, "__name__");
            if (!same_labels(&key, &other))
                continue;
            is_done[k] = true;
            buckets[many++] =
                (struct bucket){ strtod(prom_get(&in->items[k], "le"), NULL), in->items[k].value };
        }
        struct prom_series *s = prom_add(&out, a);
        *s = key;
        s->value = quantile(n->number, buckets, many);
    }
    return out;
}

static double calculate(char op, double a, double b)
{
    return op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
}

/* A number goes with every series; of two vectors those with the same labels go together. */
static struct prom_vector combined(char op, struct prom_vector *l, struct prom_vector *r,
                                   struct arena *a)
{
    struct prom_vector out = { .is_scalar = l->is_scalar && r->is_scalar };
    for (size_t i = 0; i < l->n; i++) {
        for (size_t k = 0; k < r->n; k++) {
            prom_drop(&l->items[i], "__name__");
            prom_drop(&r->items[k], "__name__");
            if (!l->is_scalar && !r->is_scalar && !same_labels(&l->items[i], &r->items[k]))
                continue;
            struct prom_series *s = prom_add(&out, a);
            *s = l->is_scalar ? r->items[k] : l->items[i];
            s->value = calculate(op, l->items[i].value, r->items[k].value);
        }
    }
    return out;
}

enum err_code promql_eval(const struct prom_node *n, const struct prom_source *src, int64_t at_ms,
                          struct arena *a, struct prom_vector *out, struct err *e)
{
    struct prom_vector left = { 0 }, right = { 0 };
    if (n->kind == PROM_NUMBER) {
        *out = (struct prom_vector){ .is_scalar = true };
        prom_add(out, a)->value = n->number;
        return ERR_OK;
    }
    if (n->kind == PROM_SELECT || n->kind == PROM_RATE) {
        if (select_series(n->kind == PROM_RATE ? n->left : n, src, a, &left, e))
            return ERR_PARSE;
        if (n->kind == PROM_RATE)
            rates(&left, n, src, at_ms);
        else
            newest_values(&left, src, at_ms);
        *out = left;
        return ERR_OK;
    }
    if (promql_eval(n->left, src, at_ms, a, &left, e) ||
        (n->right && promql_eval(n->right, src, at_ms, a, &right, e)))
        return ERR_PARSE;
    *out = n->kind == PROM_AGGREGATE  ? aggregated(n, &left, a)
           : n->kind == PROM_QUANTILE ? quantiles(n, &left, a)
                                      : combined(n->op, &left, &right, a);
    return ERR_OK;
}
