/*
 * core/report/deploy_parts.h - what the formats of the deployment report share; nobody else includes it.
 *
 * Thread   any       Owns   nothing
 */
#ifndef REPORT_DEPLOY_PARTS_H
#define REPORT_DEPLOY_PARTS_H

#include "core/base/buf.h"
#include "core/model/verdict.h"

enum { REPORT_GROUPS = 50 };

struct errors;
struct ident;
struct report_parts { /* any may be NULL */
    const struct verdict *verdict;
    const struct tracks *tracks;
    const struct errors *errors;
    const struct ident *ident;
    int64_t now_ms;
};

struct report_course { /* medians over the hour before and since the deploy; NAN = none */
    double p95_before, p95_after, errors_before, errors_after, requests;
};
struct report_course report_course(const struct tracks *all, const struct track *t);
const char *report_short(const char *subject); /* "shop/checkout-api" of a workload's id; borrowed */
char *report_baseline(const struct bake *b, char out[160]);
char *report_place(const struct report_parts *p, char *out, size_t room);
char *report_number(char out[24], double v, double scale, const char *unit); /* "-" when not known */
void report_html(struct buf *out, const struct report_parts *p);

#endif
