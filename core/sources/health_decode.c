#include "core/sources/health_decode.h"

#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

enum { COMPONENT_DEPTH = 4 };
#define MOST 1e15

/* The words of the draft, its aliases, and those of Spring; false: none of them. */
static bool outcome_of(struct json_span v, enum check_outcome *out)
{
    static const struct {
        const char *word;
        enum check_outcome is;
    } words[] = { { "pass", CHECK_PASS },     { "ok", CHECK_PASS },       { "up", CHECK_PASS },
                  { "healthy", CHECK_PASS },  { "warn", CHECK_WARN },     { "warning", CHECK_WARN },
                  { "unknown", CHECK_WARN },  { "degraded", CHECK_WARN }, { "fail", CHECK_FAIL },
                  { "error", CHECK_FAIL },    { "down", CHECK_FAIL },     { "out_of_service", CHECK_FAIL },
                  { "unhealthy", CHECK_FAIL } };
    char word[24] = "";
    if (json_kind(v) != JSON_STRING || v.n - 2 >= sizeof word)
        return false;
    memcpy(word, v.p + 1, v.n - 2);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_eq_fold(word, words[i].word)) {
            *out = words[i].is;
            return true;
        }
    }
    return false;
}

static double number_of(struct json_span v)
{
    char text[64];
    if (json_kind(v) != JSON_NUMBER || v.n >= sizeof text)
        return NAN;
    memcpy(text, v.p, v.n);
    text[v.n] = '\0';
    double d = strtod(text, NULL);
    return fabs(d) <= MOST ? d : NAN;
}

static const char *text_of(struct json_span v, struct arena *a)
{
    const char *s = json_str(v, a, SAMPLE_TEXT - 1);
    return s ? s : "";
}

static void add(struct health_body *b, struct health_row row)
{
    if (b->n < HEALTH_ROWS)
        b->rows[b->n++] = row;
    else
        b->n_left++;
}

/* A key of the body, decoded: escapes stay as they are written. */
static const char *key_of(const struct json_iter *it, struct arena *a)
{
    return arena_strndup(a, it->key.p, it->key.n < SERIES_NAME - 1 ? it->key.n : SERIES_NAME - 1);
}

/* {"database:pool": [{...}, {...}]}: several of one name get numbers. */
static void decode_checks(struct json_span checks, struct arena *a, struct health_body *out)
{
    struct json_iter it = json_each(checks);
    while (json_next(&it)) {
        const char *name = key_of(&it, a);
        struct json_iter one = json_each(it.value);
        bool is_list = json_kind(it.value) == JSON_ARRAY;
        for (int i = 1; is_list ? json_next(&one) : i == 1; i++) {
            struct json_span c = is_list ? one.value : it.value;
            struct health_row row = { .name = i == 1 ? name : arena_printf(a, "%.100s#%d", name, i),
                                      .text = text_of(json_get(c, "output"), a),
                                      .value = number_of(json_get(c, "observedValue")),
                                      .limit = number_of(json_get(c, "limit")) };
            if (json_kind(c) == JSON_OBJECT && outcome_of(json_get(c, "status"), &row.outcome))
                add(out, row);
        }
    }
}

static void decode_components(struct json_span all, const char *above, int depth, struct arena *a,
                              struct health_body *out)
{
    struct json_iter it = json_each(all);
    while (json_next(&it)) {
        struct json_span details = json_get(it.value, "details"), below = json_get(it.value, "components");
        struct health_row row = { .name = key_of(&it, a), .value = NAN, .limit = NAN };
        if (above)
            row.name = arena_printf(a, "%.*s/%.*s", SERIES_NAME / 2 - 1, above, SERIES_NAME / 2 - 1, row.name);
        row.text = text_of(json_get(details, "error"), a);
        if (json_kind(it.value) != JSON_OBJECT || !outcome_of(json_get(it.value, "status"), &row.outcome))
            continue;
        if (json_kind(below) == JSON_OBJECT && depth < COMPONENT_DEPTH)
            decode_components(below, row.name, depth + 1, a, out); /* its own state is the worst of them */
        else
            add(out, row);
    }
}

static void decode_json(struct json_span doc, struct arena *a, struct health_body *out)
{
    struct json_span m[4];
    json_members(doc, 4, (const char *const[]){ "status", "checks", "components", "details" }, m);
    if (json_kind(doc) != JSON_OBJECT || !outcome_of(m[0], &out->outcome))
        return;
    out->is_known = true;
    decode_checks(m[1], a, out);
    decode_components(m[2].p ? m[2] : m[3], NULL, 0, a, out);
}

/* "[-]etcd failed: reason withheld" */
static void decode_lines(const char *p, size_t n, struct arena *a, struct health_body *out)
{
    for (const char *end = p + n; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        if (len > 3 && p[0] == '[' && p[2] == ']' && (p[1] == '+' || p[1] == '-')) {
            size_t name = 3;
            while (name < len && p[name] != ' ' && p[name] != '\r')
                name++;
            bool is_good = p[1] == '+';
            size_t rest = is_good ? len : name + (name < len);
            size_t most = len - rest < SAMPLE_TEXT - 1 ? len - rest : SAMPLE_TEXT - 1;
            struct health_row row = { arena_strndup(a, p + 3, name - 3 < SERIES_NAME - 1 ? name - 3 : SERIES_NAME - 1),
                                      arena_strndup(a, p + rest, most), is_good ? CHECK_PASS : CHECK_FAIL, NAN, NAN };
            if (row.name[0])
                add(out, row);
            out->is_known = true;
            if (!is_good)
                out->outcome = CHECK_FAIL;
        }
        p += len + 1;
    }
}

void health_decode(const char *type, const char *body, size_t n, struct arena *a, struct health_body *out)
{
    struct json_span doc;
    struct err e = { 0 };
    size_t at = 0;
    *out = (struct health_body){ .outcome = CHECK_PASS };
    while (at < n && strchr(" \t\r\n", body[at]) && body[at])
        at++;
    bool is_json = strcasestr(type, "json") != NULL, looks_json = at < n && body[at] == '{';
    if (is_json || looks_json) {
        if (json_check(body, n, &doc, &e) == ERR_OK)
            decode_json(doc, a, out);
        else if (is_json)
            out->broken = n ? "the body is no JSON" : "the body is empty";
    } else {
        decode_lines(body, n, a, out);
    }
}
