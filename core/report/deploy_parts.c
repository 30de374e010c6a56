#include "core/report/deploy_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/ident.h"

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of what is known of [from, to). */
static double median(const float *v, size_t from, size_t to)
{
    float known[TRACK_POINTS];
    size_t n = 0;
    for (size_t i = from; i < to && n < TRACK_POINTS; i++) {
        if (!isnan(v[i]))
            known[n++] = v[i];
    }
    if (!n)
        return NAN;
    qsort(known, n, sizeof *known, by_size);
    return n % 2 ? (double)known[n / 2] : ((double)known[n / 2 - 1] + (double)known[n / 2]) / 2;
}

struct report_course report_course(const struct tracks *all, const struct track *t)
{
    size_t n = all->n_points, at = 0;
    if (t->deployed_ms > all->from_ms)
        at = (size_t)((t->deployed_ms - all->from_ms) / all->step_ms);
    at = at < n ? at : n;
    return (struct report_course){ median(t->p95_ms, 0, at), median(t->p95_ms, at, n), median(t->error_share, 0, at),
                                   median(t->error_share, at, n), median(t->requests_per_s, at, n) };
}

const char *report_short(const char *subject)
{
    const char *slash = strchr(subject, '/');
    return slash ? slash + 1 : subject;
}

char *report_baseline(const struct bake *b, char out[160])
{
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    if (!b->baseline_n) {
        snprintf(out, 160, "none: nothing was measured before the deploy");
        return out;
    }
    snprintf(out, 160, "%" PRId64 " requests from %s to %s (%.40s)", b->baseline_n, clock_format_rfc3339(b->baseline_from_ms, from),
             clock_format_rfc3339(b->baseline_to_ms, to), b->baseline_source);
    return out;
}

char *report_place(const struct report_parts *p, char *out, size_t room)
{
    const struct ident *id = p->ident;
    if (!id)
        snprintf(out, room, "unknown place");
    else
        snprintf(out, room, "%s%s%.100scontext %.200s, %s%.200s", id->is_demo ? "DEMO, " : "", id->environment,
                 id->environment[0] ? ", " : "", id->context, id->all_namespaces ? "all namespaces" : "namespace ",
                 id->all_namespaces || !id->n_namespaces ? "" : id->namespaces[0]);
    return out;
}

char *report_number(char out[24], double v, double scale, const char *unit)
{
    if (isnan(v))
        snprintf(out, 24, "-");
    else
        snprintf(out, 24, "%.*f%.8s", v * scale < 10 && v * scale != floor(v * scale) ? 1 : 0, v * scale, unit);
    return out;
}
