/*
 * core/sim/promql.h - a small, honest part of PromQL: parsed once, evaluated at any instant.  Pure.
 *
 *   metric{a="x", b!="x", c=~"5..", d!~"x"}      the newest sample, at most PROMQL_BACK_MS old
 *   rate(m[2m])  increase(m[2m])                 with Prometheus' extrapolation
 *   sum max min avg count  [by (a, b)] (v)       also written behind the brackets
 *   histogram_quantile(0.95, v)                  + - * / between vectors of equal labels, and
 * numbers
 *
 * Anything else is ERR_PARSE, in words like Prometheus' own.
 *
 * Limits   PROMQL_BYTES of query, PROMQL_DEPTH levels, PROMQL_SERIES series in any vector,
 *          PROMQL_LABELS labels a series
 * Thread   any       Owns   all that is found lies in the arena that is given
 * Source   Prometheus 2.42: promql/functions.go (extrapolatedRate), promql/quantile.go
 */
#ifndef SIM_PROMQL_H
#define SIM_PROMQL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

enum {
    PROMQL_BYTES = 4096,
    PROMQL_DEPTH = 24,
    PROMQL_SERIES = 4096,
    PROMQL_LABELS = 10,
    PROMQL_BACK_MS = 300000
};

struct prom_label {
    const char *name, *value;
};
struct prom_series {
    struct prom_label labels[PROMQL_LABELS]; /* sorted by name; __name__ among them */
    size_t n;
    const void *what; /* the source's */
    int part;
    double value;
};
struct prom_vector {
    struct prom_series *items;
    size_t n, room;
    bool is_scalar; /* one item without labels */
    bool is_full;   /* there would have been more */
};
struct prom_point {
    int64_t at_ms;
    double value;
};
struct prom_source {
    /* Adds every series of that metric, without values. */
    void (*find)(void *ctx, const char *metric, struct arena *a, struct prom_vector *out);
    /* Samples with from < at <= to, oldest first; returns how many, at most `room`. */
    size_t (*read)(void *ctx, const struct prom_series *s, int64_t from_ms, int64_t to_ms,
                   struct prom_point *out, size_t room);
    void *ctx;
};

struct prom_node;
MUST_USE enum err_code promql_parse(const char *query, struct arena *a, struct prom_node **out,
                                    struct err *e);
MUST_USE enum err_code promql_eval(const struct prom_node *n, const struct prom_source *src,
                                   int64_t at_ms, struct arena *a, struct prom_vector *out,
                                   struct err *e);
struct prom_series *prom_add(struct prom_vector *v, struct arena *a); /* zero-filled; never NULL */
void prom_set(struct prom_series *s, const char *name,
              const char *value);                                    /* keeps the order; borrows */
const char *prom_get(const struct prom_series *s, const char *name); /* "" = absent */

/* ---- between promql.c and promql_parse.c ---- */

enum prom_kind {
    PROM_NUMBER,
    PROM_SELECT,
    PROM_RATE,
    PROM_AGGREGATE,
    PROM_QUANTILE,
    PROM_ARITHMETIC
};
enum prom_match { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NOT_RE };
struct prom_matcher {
    const char *label, *value;
    enum prom_match op;
};
struct prom_node {
    enum prom_kind kind;
    double number;
    const char *metric;
    struct prom_matcher matchers[PROMQL_LABELS];
    const char *by[PROMQL_LABELS];
    size_t n_matchers, n_by;
    int64_t range_ms; /* 0 = an instant */
    bool is_increase; /* PROM_RATE: without dividing by the time */
    char op;          /* + - * /; of an aggregate: s M m a c */
    const struct prom_node *left, *right;
};

#endif
