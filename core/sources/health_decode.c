#include "core/sources/health_decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

/* The words of both formats, case-folded. */
static bool outcome_of(struct json_span status, enum check_outcome *out)
{
    static const struct {
        const char *word;
        enum check_outcome outcome;
    } words[] = { { "pass", CHECK_PASS }, { "ok", CHECK_PASS },     { "up", CHECK_PASS },   { "healthy", CHECK_PASS },
                  { "warn", CHECK_WARN }, { "unknown", CHECK_WARN }, { "degraded", CHECK_WARN },
                  { "fail", CHECK_FAIL }, { "error", CHECK_FAIL },   { "down", CHECK_FAIL }, { "out_of_service", CHECK_FAIL },
                  { "unhealthy", CHECK_FAIL } };
    for (size_t i = 0; json_kind(status) == JSON_STRING && i < ARRAY_LEN(words); i++) {
        if (strlen(words[i].word) == status.n - 2 && strncasecmp(words[i].word, status.p + 1, status.n - 2) == 0) {
            *out = words[i].outcome;
            return true;
        }
    }
    return false;
}

static void copy(char *to, size_t room, struct json_span v)
{
    struct arena a = { 0 };
    const char *s = json_str(v, &a, room - 1);
    text_clean_to(to, room, s ? s : "", s ? strlen(s) : 0);
    arena_release(&a);
}

static double number(struct json_span v)
{
    char text[40];
    if (json_kind(v) != JSON_NUMBER || v.n >= sizeof text)
        return NAN;
    memcpy(text, v.p, v.n);
    text[v.n] = '\0';
    double d = strtod(text, NULL);
    return isfinite(d) ? d : (double)NAN;
}

static struct health_row *row_of(struct health_body *b, const char *name, size_t n)
{
    if (b->n == HEALTH_ROWS)
        return NULL;
    struct health_row *r = &b->rows[b->n++];
    *r = (struct health_row){ .value = NAN, .limit = NAN };
    text_clean_to(r->name, sizeof r->name, name, n);
    return r;
}

/* "checks": {"database:pool": [{"status": "pass", "observedValue": 3, "limit": 20, "output": "..."}]} */
static void read_checks(struct health_body *b, struct json_span checks)
{
    struct json_iter it = json_each(checks);
    while (it.is_object && json_next(&it)) {
        struct json_span one = it.value;
        struct json_iter list = json_each(one);
        bool is_list = json_kind(one) == JSON_ARRAY;
        while (is_list ? json_next(&list) : true) {
            enum check_outcome outcome;
            struct json_span v = is_list ? list.value : one;
            bool is_row = json_kind(v) == JSON_OBJECT && outcome_of(json_get(v, "status"), &outcome);
            struct health_row *r = is_row ? row_of(b, it.key.p, it.key.n) : NULL;
            if (r) {
                r->outcome = outcome;
                r->value = number(json_get(v, "observedValue"));
                r->limit = number(json_get(v, "limit"));
                copy(r->text, sizeof r->text, json_get(v, "output"));
            }
            if (!is_list)
                break;
        }
    }
}

static void read_details(struct health_row *r, struct json_span details)
{
    static const char *const said[] = { "error", "message", "description" };
    for (size_t i = 0; i < ARRAY_LEN(said) && !r->text[0]; i++)
        copy(r->text, sizeof r->text, json_get(details, said[i]));
    r->value = number(json_get(details, "active"));
    r->limit = number(json_get(details, "max"));
}

/* "components": {"db": {"status": "UP", "details": {...}, "components": {...}}} */
static void read_components(struct health_body *b, struct json_span components, const char *above, int depth)
{
    struct json_iter it = json_each(components);
    while (it.is_object && json_next(&it)) {
        char name[HEALTH_NAME];
        enum check_outcome outcome;
        snprintf(name, sizeof name, "%.40s%s%.*s", above, above[0] ? ":" : "", (int)(it.key.n < 60 ? it.key.n : 60), it.key.p);
        struct json_span below = json_get(it.value, "components");
        if (below.p && depth < HEALTH_DEPTH) {
            read_components(b, below, name, depth + 1);
            continue;
        }
        struct health_row *r = outcome_of(json_get(it.value, "status"), &outcome) ? row_of(b, name, strlen(name)) : NULL;
        if (!r)
            continue;
        r->outcome = outcome;
        read_details(r, json_get(it.value, "details"));
    }
}

static void read_json(struct health_body *b, struct json_span doc)
{
    if (json_kind(doc) != JSON_OBJECT || !outcome_of(json_get(doc, "status"), &b->status))
        return;
    b->is_known = true;
    read_checks(b, json_get(doc, "checks"));
    read_components(b, json_get(doc, "components"), "", 1);
}

/* "[+]ping ok" and "[-]etcd failed: reason withheld" */
static void read_lines(struct health_body *b, const char *s, size_t n)
{
    for (const char *end = s + n, *line = s; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = stop ? (size_t)(stop - line) : (size_t)(end - line);
        if (len > 3 && line[0] == '[' && line[2] == ']' && (line[1] == '+' || line[1] == '-')) {
            const char *blank = memchr(line + 3, ' ', len - 3);
            size_t name = blank ? (size_t)(blank - line) - 3 : len - 3;
            struct health_row *r = row_of(b, line + 3, name);
            b->is_known = true;
            if (line[1] == '-')
                b->status = CHECK_FAIL;
            if (r) {
                r->outcome = line[1] == '-' ? CHECK_FAIL : CHECK_PASS;
                if (blank && line[1] == '-')
                    text_clean_to(r->text, sizeof r->text, blank + 1, len - 4 - name);
            }
        }
        line += len + 1;
    }
}

void health_decode(const char *body, size_t n, struct health_body *out)
{
    struct json_span doc;
    *out = (struct health_body){ .status = CHECK_PASS };
    if (n && body[0] == '{' && !json_check(body, n, &doc, NULL))
        read_json(out, doc);
    else if (n && memchr(body, '[', n < 4096 ? n : 4096))
        read_lines(out, body, n);
}
