#include <ctype.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sim/promql.h"

struct parser {
    const char *text, *p;
    struct arena *a;
    struct err *e;
    int depth;
    bool is_bad, wants_range; /* wants_range: rate( has just been read */
};

static struct prom_node *wrong(struct parser *q, const char *what)
{
    if (!q->is_bad)
        err_set(q->e, ERR_PARSE, 0, "1:%zu: parse error: %s", (size_t)(q->p - q->text) + 1, what);
    q->is_bad = true;
    return NULL;
}

static bool take(struct parser *q, const char *word)
{
    while (isspace((unsigned char)*q->p))
        q->p++;
    return text_skip(&q->p, word);
}

static char *name(struct parser *q)
{
    size_t n = 0;
    take(q, "");
    while (isalnum((unsigned char)q->p[n]) || q->p[n] == '_' || (n && q->p[n] == ':'))
        n++;
    if (!n || isdigit((unsigned char)*q->p))
        return NULL;
    char *s = arena_strndup(q->a, q->p, n);
    q->p += n;
    return s;
}

static char *quoted(struct parser *q)
{
    take(q, "");
    char end = *q->p;
    size_t n = 0;
    if (end != '"' && end != '\'')
        return NULL;
    char *s = arena_alloc(q->a, strlen(q->p) + 1);
    for (q->p++; *q->p && *q->p != end; q->p++) {
        if (*q->p == '\\' && q->p[1])
            q->p++;
        s[n++] = *q->p;
    }
    return *q->p++ ? s : (q->p--, (char *)NULL);
}

static struct prom_node *new_node(struct parser *q, enum prom_kind kind)
{
    struct prom_node *n = arena_alloc(q->a, sizeof *n);
    n->kind = kind;
    return n;
}

static bool matcher(struct parser *q, struct prom_matcher *m)
{
    static const struct {
        const char *sign;
        enum prom_match op;
    } ops[] = { { "=~", MATCH_RE }, { "!~", MATCH_NOT_RE }, { "!=", MATCH_NE }, { "=", MATCH_EQ } };
    size_t i = 0;
    m->label = name(q);
    while (m->label && i < ARRAY_LEN(ops) && !take(q, ops[i].sign))
        i++;
    if (!m->label || i == ARRAY_LEN(ops))
        return false;
    m->op = ops[i].op;
    m->value = quoted(q);
    return m->value != NULL;
}

static int64_t range(struct parser *q)
{
    int64_t ms = 0;
    size_t n = strcspn(q->p, "]");
    char *s = arena_strndup(q->a, q->p, n);
    if (!q->p[n] || !text_to_span_ms(s, &ms) || isdigit((unsigned char)(n ? s[n - 1] : '0')) ||
        ms <= 0) {
        wrong(q, "a duration such as 2m is wanted in [ ]");
        return 0;
    }
    q->p += n + 1;
    return ms;
}

static struct prom_node *selector(struct parser *q, const char *metric)
{
    struct prom_node *n = new_node(q, PROM_SELECT);
    n->metric = metric;
    if (take(q, "{")) {
        while (!take(q, "}")) {
            if (n->n_matchers == PROMQL_LABELS || !matcher(q, &n->matchers[n->n_matchers++]))
                return wrong(q, "unexpected text in label matching");
            if (!take(q, ",") && !take(q, "}"))
                return wrong(q, "unexpected text in label matching, expected \",\" or \"}\"");
            if (q->p[-1] == '}')
                break;
        }
    }
    if (take(q, "["))
        n->range_ms = range(q);
    return q->is_bad ? NULL : n;
}

static struct prom_node *expr(struct parser *q);

static bool labels(struct parser *q, struct prom_node *n)
{
    if (!take(q, "("))
        return false;
    while (!take(q, ")")) {
        char *s = name(q);
        if (!s || n->n_by == PROMQL_LABELS)
            return false;
        n->by[n->n_by++] = s;
        take(q, ",");
    }
    return true;
}

static struct prom_node *aggregate(struct parser *q, char op)
{
    struct prom_node *n = new_node(q, PROM_AGGREGATE);
    bool is_before = take(q, "by");
    n->op = op;
    if (is_before && !labels(q, n))
        return wrong(q, "labels are wanted in by ( )");
    if (!take(q, "("))
        return wrong(q, "unexpected end of aggregation, expected \"(\"");
    n->left = expr(q);
    if (!q->is_bad && !take(q, ")"))
        return wrong(q, "unclosed left parenthesis");
    if (!q->is_bad && !is_before && take(q, "by") && !labels(q, n))
        return wrong(q, "labels are wanted in by ( )");
    return q->is_bad ? NULL : n;
}

static struct prom_node *call(struct parser *q, enum prom_kind kind, bool is_increase)
{
    struct prom_node *n = new_node(q, kind);
    char *end;
    n->is_increase = is_increase;
    if (!take(q, "("))
        return wrong(q, "expected \"(\"");
    if (kind == PROM_QUANTILE) {
        take(q, "");
        n->number = strtod(q->p, &end);
        if (end == q->p)
            return wrong(q, "histogram_quantile: a number is wanted first");
        q->p = end;
        if (!take(q, ","))
            return wrong(q, "expected \",\"");
    }
    q->wants_range = kind == PROM_RATE;
    n->left = expr(q);
    if (!q->is_bad && kind == PROM_RATE && (n->left->kind != PROM_SELECT || !n->left->range_ms))
        return wrong(q,
                     "expected type range vector in call to function \"rate\", got instant vector");
    if (!q->is_bad && !take(q, ")"))
        return wrong(q, "unclosed left parenthesis");
    return q->is_bad ? NULL : n;
}

static struct prom_node *primary(struct parser *q)
{
    static const struct {
        const char *name;
        char op;
    } aggregates[] = {
        { "sum", 's' }, { "max", 'M' }, { "min", 'm' }, { "avg", 'a' }, { "count", 'c' }
    };
    char *end;
    if (take(q, "(")) {
        struct prom_node *n = expr(q);
        return q->is_bad || take(q, ")") ? n : wrong(q, "unclosed left parenthesis");
    }
    if (isdigit((unsigned char)*q->p) || *q->p == '.') {
        struct prom_node *n = new_node(q, PROM_NUMBER);
        n->number = strtod(q->p, &end);
        if (end == q->p)
            return wrong(q, "bad number");
        q->p = end;
        return n;
    }
    char *word = name(q);
    if (!word)
        return wrong(q, *q->p ? "unexpected text" : "unexpected end of input");
    for (size_t i = 0; i < ARRAY_LEN(aggregates); i++) {
        if (text_eq(aggregates[i].name, word))
            return aggregate(q, aggregates[i].op);
    }
    if (text_eq(word, "rate") || text_eq(word, "increase"))
        return call(q, PROM_RATE, text_eq(word, "increase"));
    if (text_eq(word, "histogram_quantile"))
        return call(q, PROM_QUANTILE, false);
    if (take(q, "("))
        return wrong(q, "unknown function (this is a simulator, with a part of PromQL)");
    return selector(q, word);
}

static struct prom_node *unary(struct parser *q)
{
    struct prom_node *n;
    bool may_be_range = q->wants_range;
    q->wants_range = false;
    if (++q->depth > PROMQL_DEPTH)
        return wrong(q, "too many levels");
    if (take(q, "-")) {
        struct prom_node *zero = new_node(q, PROM_NUMBER);
        n = new_node(q, PROM_ARITHMETIC);
        n->op = '-';
        n->left = zero;
        n->right = unary(q);
    } else {
        n = primary(q);
    }
    q->depth--;
    if (!q->is_bad && n->kind == PROM_SELECT && n->range_ms && !may_be_range)
        return wrong(q, "a range vector is wanted by rate and increase alone");
    return q->is_bad ? NULL : n;
}

static struct prom_node *chain(struct parser *q, const char *signs,
                               struct prom_node *(*next)(struct parser *q))
{
    struct prom_node *left = next(q);
    while (!q->is_bad) {
        take(q, "");
        if (!*q->p || !strchr(signs, *q->p))
            return left;
        struct prom_node *n = new_node(q, PROM_ARITHMETIC);
        n->op = *q->p++;
        n->left = left;
        n->right = next(q);
        left = n;
    }
    return NULL;
}

static struct prom_node *product(struct parser *q)
{
    return chain(q, "*/", unary);
}

static struct prom_node *expr(struct parser *q)
{
    return chain(q, "+-", product);
}

enum err_code promql_parse(const char *query, struct arena *a, struct prom_node **out,
                           struct err *e)
{
    struct err own = { 0 };
    struct parser q = { .text = query, .p = query, .a = a, .e = e ? e : &own };
    if (strlen(query) > PROMQL_BYTES)
        return err_set(e, ERR_LIMIT, 0, "a query of more than %d bytes", PROMQL_BYTES);
    struct prom_node *n = expr(&q);
    take(&q, "");
    if (!q.is_bad && *q.p)
        wrong(&q, "unexpected text");
    if (q.is_bad)
        return q.e->code;
    *out = n;
    return ERR_OK;
}
