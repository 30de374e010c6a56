#include "core/sources/metrics_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

enum { PRESETS_OF_SERVICES = 4 };

struct label {
    const char *name, *value; /* value: as it is written, between its quotes */
    size_t name_n, value_n;
};
struct line {
    const char *name;
    size_t name_n;
    struct label labels[METRICS_LABELS];
    size_t n;
    const char *key; /* name and labels, as they are written */
    size_t key_n;
    double value;
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':' ||
           c == '.';
}

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* {a="x",b="y\"z",}; NULL: it is none. */
static const char *read_labels(const char *p, const char *end, struct line *l)
{
    for (p = skip_blank(p, end); p < end && *p != '}';) {
        struct label one = { .name = p };
        while (p < end && is_name_char(*p))
            p++;
        one.name_n = (size_t)(p - one.name);
        p = skip_blank(p, end);
        if (!one.name_n || p >= end || *p++ != '=')
            return NULL;
        p = skip_blank(p, end);
        if (p >= end || *p++ != '"')
            return NULL;
        for (one.value = p; p < end && *p != '"'; p++)
            p += *p == '\\' && p + 1 < end;
        if (p >= end || l->n == METRICS_LABELS)
            return NULL;
        one.value_n = (size_t)(p++ - one.value);
        l->labels[l->n++] = one;
        p = skip_blank(p, end);
        if (p < end && *p == ',')
            p = skip_blank(p + 1, end);
        else if (p < end && *p != '}')
            return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static bool number(const char *p, size_t n, double *out)
{
    char text[64], *stop;
    if (!n || n >= sizeof text)
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    *out = strtod(text, &stop); /* it takes +Inf and NaN as the format has them */
    return !*stop && !strpbrk(text, "xXpP");
}

static bool read_line(const char *p, const char *end, struct line *l)
{
    *l = (struct line){ .name = p, .key = p };
    while (p < end && is_name_char(*p))
        p++;
    l->name_n = (size_t)(p - l->name);
    if (!l->name_n)
        return false;
    p = skip_blank(p, end);
    if (p < end && *p == '{' && !(p = read_labels(p + 1, end, l)))
        return false;
    l->key_n = (size_t)(p - l->key);
    p = skip_blank(p, end);
    const char *value = p;
    while (p < end && *p != ' ' && *p != '\t' && *p != '\r')
        p++;
    return number(value, (size_t)(p - value), &l->value);
}

static bool is_named(const struct line *l, const char *name)
{
    return name && strlen(name) == l->name_n && memcmp(name, l->name, l->name_n) == 0;
}

static const struct label *find_label(const struct line *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strlen(name) == l->labels[i].name_n && memcmp(name, l->labels[i].name, l->labels[i].name_n) == 0)
            return &l->labels[i];
    }
    return NULL;
}

static uint64_t key_of(const struct line *l)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < l->key_n; i++)
        h = (h ^ (unsigned char)l->key[i]) * 1099511628211u;
    return h;
}

static enum err_code add(struct metrics_page *p, struct metrics_series s, struct err *e)
{
    if (!(s.value >= 0 && s.value <= PROM_MOST))
        return ERR_OK;
    if (p->n == METRICS_SERIES)
        return err_set(e, ERR_LIMIT, 0, "more than %d series", METRICS_SERIES);
    if (p->n == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->series = x_realloc(p->series, p->room * sizeof *p->series);
    }
    p->series[p->n++] = s;
    return ERR_OK;
}

struct reading {
    struct metrics_page *page;
    double used, most;
    size_t n_metrics;
};

/* A page that has both kinds of status has one of them in each series. */
static void look_for_preset(struct reading *r, const struct line *l)
{
    for (size_t i = 0; i < PRESETS_OF_SERVICES; i++) {
        const struct preset *p = &presets[i];
        if (r->page->preset && r->page->preset <= p)
            return;
        if (is_named(l, p->requests) && find_label(l, p->status))
            r->page->preset = p;
    }
}

static enum err_code take(struct reading *r, const struct line *l, struct err *e)
{
    const struct preset *p = r->page->preset;
    const struct label *status, *le;
    struct metrics_series s = { .key = key_of(l), .value = l->value };
    if (is_named(l, "process_start_time_seconds") && l->value > 0 && l->value < PROM_MOST)
        r->page->started_s = l->value;
    if (!p)
        return ERR_OK;
    if (is_named(l, p->requests) && (status = find_label(l, p->status))) {
        s.role = status->value_n == 3 && status->value[0] == '5' ? METRICS_FAILED : METRICS_OK;
        return add(r->page, s, e);
    }
    if (is_named(l, p->buckets) && (le = find_label(l, "le")) && number(le->value, le->value_n, &s.le) &&
        !isnan(s.le)) {
        s.role = METRICS_BUCKET;
        return add(r->page, s, e);
    }
    if (is_named(l, p->pool_used) && l->value >= 0)
        r->used += l->value;
    else if (is_named(l, p->pool_most) && l->value >= 0)
        r->most += l->value;
    return ERR_OK;
}

static enum err_code each_line(struct reading *r, const char *body, size_t n, bool is_second, struct err *e)
{
    for (const char *p = body, *end = body + n; p < end;) {
        struct line l;
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        if (*p != '#' && stop - p <= METRICS_LINE && read_line(p, stop, &l)) {
            r->n_metrics++;
            if (!is_second)
                look_for_preset(r, &l);
            else if (take(r, &l, e))
                return ERR_LIMIT;
        }
        p = stop + 1;
    }
    return ERR_OK;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct metrics_series *)a)->key, y = ((const struct metrics_series *)b)->key;
    return (x > y) - (x < y);
}

enum err_code metrics_decode(const char *body, size_t n, struct metrics_page *out, struct err *e)
{
    struct metrics_page page = { .started_s = NAN, .saturation = NAN };
    struct reading r = { .page = &page };
    enum err_code rc = each_line(&r, body, n, false, e);
    if (!rc && !r.n_metrics)
        rc = err_set(e, ERR_PARSE, 0, "no line of it is a metric");
    if (!rc)
        rc = each_line(&r, body, n, true, e);
    if (rc) {
        metrics_page_release(&page);
        return rc;
    }
    if (r.most > 0 && r.most < PROM_MOST && r.used < PROM_MOST)
        page.saturation = r.used / r.most;
    if (page.n)
        qsort(page.series, page.n, sizeof *page.series, by_key);
    *out = page;
    return ERR_OK;
}

void metrics_page_release(struct metrics_page *p)
{
    free(p->series);
    *p = (struct metrics_page){ .started_s = NAN, .saturation = NAN };
}

/* The increase of each series of `after`, in `after`'s order; false: one fell. */
static bool increases(const struct metrics_page *before, const struct metrics_page *after, double *out)
{
    for (size_t i = 0, k = 0; i < after->n; i++) {
        const struct metrics_series *s = &after->series[i];
        while (k < before->n && before->series[k].key < s->key)
            k++;
        bool was_there = k < before->n && before->series[k].key == s->key;
        out[i] = s->value - (was_there ? before->series[k].value : 0);
        if (out[i] < 0)
            return false;
    }
    return true;
}

bool metrics_between(const struct metrics_page *before, const struct metrics_page *after, struct metrics_increase *out)
{
    *out = (struct metrics_increase){ 0 };
    if (!after->preset || before->preset != after->preset)
        return false;
    double *grown = x_calloc(after->n + 1, sizeof *grown);
    struct bucket *buckets = x_calloc(after->n + 1, sizeof *buckets);
    size_t n_buckets = 0;
    bool is_good = increases(before, after, grown);
    for (size_t i = 0; is_good && i < after->n; i++) {
        const struct metrics_series *s = &after->series[i];
        if (s->role == METRICS_BUCKET) {
            buckets[n_buckets++] = (struct bucket){ s->le, grown[i] };
            continue;
        }
        out->has_requests = true;
        out->requests += grown[i];
        out->failed += s->role == METRICS_FAILED ? grown[i] : 0;
    }
    out->has_latency = is_good && histogram_make(buckets, n_buckets, after->preset->unit_ms, &out->latency);
    free(grown);
    free(buckets);
    return is_good;
}
