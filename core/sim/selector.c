#include "core/sim/selector.h"

#include <ctype.h>
#include <string.h>

#include "core/base/text.h"

enum { VALUES = 64 };

void selector_release(struct selector *s)
{
    arena_release(&s->arena);
    *s = (struct selector){ 0 };
}

static void skip_space(const char **p)
{
    while (**p == ' ')
        ++*p;
}

static char *word(struct arena *a, const char **p)
{
    skip_space(p);
    size_t n = 0;
    while ((*p)[n] && (isalnum((unsigned char)(*p)[n]) || strchr("-._/", (*p)[n])))
        n++;
    char *w = arena_strndup(a, *p, n);
    *p += n;
    skip_space(p);
    return w;
}

static bool parse_set(struct arena *a, const char **p, struct selector_term *t)
{
    if (!text_skip(p, "("))
        return false;
    t->values = arena_alloc(a, VALUES * sizeof *t->values);
    do {
        if (t->n == VALUES)
            return false;
        t->values[t->n++] = word(a, p);
    } while (text_skip(p, ","));
    return text_skip(p, ")");
}

static bool parse_term(struct arena *a, const char **p, struct selector_term *t)
{
    skip_space(p);
    bool is_not = text_skip(p, "!");
    t->key = word(a, p);
    if (!t->key[0])
        return false;
    t->op = is_not ? SELECT_ABSENT : SELECT_EXISTS;
    if (is_not || !**p || **p == ',')
        return true;
    if (text_skip(p, "in ") || text_skip(p, "in(")) {
        *p -= (*p)[-1] == '(';
        skip_space(p);
        t->op = SELECT_IN;
        return parse_set(a, p, t);
    }
    if (text_skip(p, "notin ") || text_skip(p, "notin(")) {
        *p -= (*p)[-1] == '(';
        skip_space(p);
        t->op = SELECT_NOTIN;
        return parse_set(a, p, t);
    }
    t->op = text_skip(p, "!=") ? SELECT_NOTIN : SELECT_IN;
    if (t->op == SELECT_IN && !text_skip(p, "==") && !text_skip(p, "="))
        return false;
    t->values = arena_alloc(a, sizeof *t->values);
    t->values[t->n++] = word(a, p);
    return true;
}

enum err_code selector_parse(const char *text, struct selector *out, struct err *e)
{
    struct selector s = { 0 };
    const char *p = text ? text : "";
    enum err_code rc = ERR_OK;
    if (strlen(p) > SELECTOR_BYTES)
        return err_set(e, ERR_PARSE, 0, "a selector of more than %d bytes", SELECTOR_BYTES);
    while (*p && !rc) {
        const char *from = p;
        if (s.n == SELECTOR_TERMS || !parse_term(&s.arena, &p, &s.terms[s.n++]) ||
            (*p && !text_skip(&p, ",")))
            rc = err_set(e, ERR_PARSE, 0, "unable to parse requirement: %.80s", from);
    }
    if (rc)
        selector_release(&s);
    else
        *out = s;
    return rc;
}

static bool holds(const struct selector_term *t, struct json_span v)
{
    bool is_there = json_kind(v) == JSON_STRING, is_in = false;
    for (size_t i = 0; i < t->n && !is_in; i++)
        is_in = is_there ? json_str_is(v, t->values[i]) : false;
    switch (t->op) {
    case SELECT_IN:
        return is_in;
    case SELECT_NOTIN:
        return !is_in;
    case SELECT_EXISTS:
        return is_there;
    case SELECT_ABSENT:
        return !is_there;
    }
    return false;
}

bool selector_has_labels(const struct selector *s, struct json_span object)
{
    if (!s->n)
        return true;
    struct json_span labels = json_path(object, "metadata.labels");
    for (size_t i = 0; i < s->n; i++) {
        if (!holds(&s->terms[i], json_get(labels, s->terms[i].key)))
            return false;
    }
    return true;
}

bool selector_has_fields(const struct selector *s, struct json_span object)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!holds(&s->terms[i], json_path(object, s->terms[i].key)))
            return false;
    }
    return true;
}
