/*
 * The report as Markdown, and as JSON.  HTML is in deploy_html.c: the same parts in the same order.
 */
#include "core/report/deploy.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/report/deploy_parts.h"
#include "core/report/verdict.h"

/* A cell of a Markdown table, and plain text: one line, nothing that Markdown would take for its own. */
static void add(struct buf *out, const char *s)
{
    struct buf clean = BUF_INIT(64 * 1024);
    text_clean(&clean, s, strnlen(s, 4096));
    for (const char *c = buf_str(&clean); *c; c++) {
        if (strchr("\\`*_{}[]<>|#", *c))
            buf_addc(out, '\\');
        buf_addc(out, *c);
    }
    buf_release(&clean);
}

static void row(struct buf *out, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_adds(out, i ? " | " : "| ");
        add(out, cells[i]);
    }
    buf_adds(out, " |\n");
}

static void head(struct buf *out, const char *title, const char *const *names, size_t n)
{
    buf_addf(out, "\n## %s\n\n", title);
    row(out, names, n);
    for (size_t i = 0; i < n; i++)
        buf_adds(out, "|---");
    buf_adds(out, "|\n");
}

static void markdown_bakes(struct buf *out, const struct verdict *v)
{
    static const char *const names[] = { "workload", "version", "deployed", "verdict", "reason" };
    char when[CLOCK_TEXT];
    head(out, "Workloads", names, ARRAY_LEN(names));
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        row(out, (const char *[]){ b->name, b->what, clock_format_rfc3339(b->deployed_ms, when), verdict_name(b->word), b->rule },
            ARRAY_LEN(names));
    }
}

static void markdown_evidence(struct buf *out, const struct bake *b)
{
    char text[160];
    buf_adds(out, "\n### ");
    add(out, b->name);
    buf_adds(out, "\n\n");
    for (int i = 0; i < N_TRIGGERS; i++) {
        const struct trigger *t = &b->triggers[i];
        if (t->state == TRIGGER_NO_DATA && !t->is_required)
            continue;
        buf_addf(out, "- **%s %s**%s: ", trigger_name(t->kind), trigger_state_name(t->state),
                 t->is_preexisting ? " (pre-existing)" : "");
        add(out, t->rule[0] ? t->rule : "nothing came");
        if (t->source[0])
            buf_addf(out, " (%s", t->source);
        if (t->source[0] && isfinite(t->coverage))
            buf_addf(out, ", watched %.0f %%", t->coverage * 100);
        buf_adds(out, t->source[0] ? ")\n" : "\n");
        for (size_t k = 0; k < t->n_evidence; k++) {
            buf_adds(out, "  - ");
            add(out, t->evidence[k].label);
            buf_adds(out, ": ");
            add(out, t->evidence[k].text);
            buf_addc(out, '\n');
        }
    }
    buf_adds(out, "- baseline: ");
    add(out, report_baseline(b, text));
    buf_addc(out, '\n');
}

static void markdown_marks(struct buf *out, const struct verdict *v)
{
    static const char *const names[] = { "time", "what", "workload", "text" };
    char when[CLOCK_TEXT];
    head(out, "Timeline", names, ARRAY_LEN(names));
    for (size_t i = 0; i < v->n_marks; i++) {
        const struct mark *m = &v->marks[i];
        row(out, (const char *[]){ clock_format_rfc3339(m->at_ms, when), mark_kind_name(m->kind), report_short(m->subject), m->text },
            ARRAY_LEN(names));
    }
}

static void markdown_courses(struct buf *out, const struct tracks *t)
{
    static const char *const names[] = { "workload", "p95 before, ms", "p95 after, ms", "errors before", "errors after", "requests/s" };
    if (!t || !t->n)
        return;
    head(out, "Performance", names, ARRAY_LEN(names));
    for (size_t i = 0; i < t->n; i++) {
        struct report_course c = report_course(t, &t->items[i]);
        char cells[5][24];
        report_number(cells[0], c.p95_before, 1, "");
        report_number(cells[1], c.p95_after, 1, "");
        report_number(cells[2], c.errors_before, 100, " %");
        report_number(cells[3], c.errors_after, 100, " %");
        report_number(cells[4], c.requests, 1, "");
        row(out, (const char *[]){ report_short(t->items[i].subject), cells[0], cells[1], cells[2], cells[3], cells[4] },
            ARRAY_LEN(names));
    }
}

static void markdown_errors(struct buf *out, const struct errors *es)
{
    static const char *const names[] = { "severity", "code", "service", "rows", "open", "", "message" };
    char count[24], open[24];
    if (!es || !es->n_groups)
        return;
    head(out, "Errors", names, ARRAY_LEN(names));
    for (size_t i = 0; i < es->n_groups && i < REPORT_GROUPS; i++) {
        const struct error_group *g = &es->groups[i];
        report_number(count, (double)g->count, 1, "");
        report_number(open, (double)g->n_open, 1, "");
        row(out, (const char *[]){ severity_name(g->severity), g->code, g->service, count, open, novelty_name(g->novelty), g->message },
            ARRAY_LEN(names));
    }
    if (es->n_groups > REPORT_GROUPS)
        buf_addf(out, "\n%zu more groups of errors.\n", es->n_groups - REPORT_GROUPS);
}

static void markdown(struct buf *out, const struct report_parts *p)
{
    char when[CLOCK_TEXT], place[600];
    buf_adds(out, "# Deployment report\n\n");
    if (!p->verdict) {
        buf_adds(out, "**NO DATA**: nothing was judged.\n");
        return;
    }
    buf_addf(out, "**%s%s** ", verdict_name(p->verdict->word), p->verdict->word == VERDICT_PASS && p->verdict->is_so_far ? " so far" : "");
    add(out, p->verdict->rule);
    if (p->verdict->lacks[0]) {
        buf_adds(out, " (");
        add(out, p->verdict->lacks);
        buf_addc(out, ')');
    }
    buf_adds(out, "\n\n");
    add(out, report_place(p, place, sizeof place));
    buf_addf(out, ", as of %s\n", clock_format_rfc3339(p->now_ms, when));
    markdown_bakes(out, p->verdict);
    buf_adds(out, "\n## Evidence\n");
    for (size_t i = 0; i < p->verdict->n_bakes; i++)
        markdown_evidence(out, &p->verdict->bakes[i]);
    markdown_marks(out, p->verdict);
    markdown_courses(out, p->tracks);
    markdown_errors(out, p->errors);
}

static void json(struct buf *out, const struct report_parts *p)
{
    char when[CLOCK_TEXT], place[600];
    buf_addf(out, "{\"schema\":\"bakewatch/report/v1\",\"time\":\"%s\",\"place\":", clock_format_rfc3339(p->now_ms, when));
    json_quote(out, report_place(p, place, sizeof place));
    buf_adds(out, ",\"verdict\":");
    if (p->verdict)
        verdict_json(out, p->verdict);
    else
        buf_adds(out, "null");
    buf_adds(out, ",\"errors\":[");
    for (size_t i = 0; p->errors && i < p->errors->n_groups && i < REPORT_GROUPS; i++) {
        const struct error_group *g = &p->errors->groups[i];
        const char *const members[][2] = { { "severity", severity_name(g->severity) }, { "code", g->code }, { "service", g->service },
                                           { "novelty", novelty_name(g->novelty) },    { "workload", g->workload },
                                           { "message", g->message } };
        buf_addf(out, "%s{\"count\":%" PRId64 ",\"open\":%" PRId64, i ? "," : "", g->count, g->n_open);
        for (size_t k = 0; k < ARRAY_LEN(members); k++) {
            buf_addf(out, ",\"%s\":", members[k][0]);
            json_quote(out, members[k][1]);
        }
        buf_addc(out, '}');
    }
    buf_adds(out, "]}\n");
}

void report_deploy(struct buf *out, const struct snap *s, int64_t now_ms, enum report_format format)
{
    struct report_parts p = { .verdict = (const struct verdict *)s->sections[SECTION_VERDICT],
                              .tracks = (const struct tracks *)s->sections[SECTION_TRACKS],
                              .errors = (const struct errors *)s->sections[SECTION_ERRORS],
                              .ident = (const struct ident *)s->sections[SECTION_IDENT],
                              .now_ms = now_ms };
    if (format == REPORT_JSON)
        json(out, &p);
    else if (format == REPORT_HTML)
        report_html(out, &p);
    else
        markdown(out, &p);
}
