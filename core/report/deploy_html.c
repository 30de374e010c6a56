/*
 * The report as one HTML file: no script, no font, nothing from elsewhere.  Graphs are SVG; a gap in the
 * measurements is a gap in the line.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/errors.h"
#include "core/report/deploy_parts.h"
#include "core/report/verdict.h"

enum { GRAPH_WIDTH = 480, GRAPH_HEIGHT = 110, GRAPH_TOP = 18 };

static const char style[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Deployment report</title>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:66em;padding:0 1em;color:#222;background:#fff}\n"
    "table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}td,th{text-align:left;padding:.25em .6em;"
    "border-bottom:1px solid #ddd;vertical-align:top}\n"
    ".word{display:inline-block;padding:.2em .7em;font-weight:bold;color:#fff;background:#666}\n"
    ".PASS{background:#0072B2}.WATCH{background:#B07400}.ROLL{background:#B03A00}.FIRED{color:#B03A00;font-weight:bold}\n"
    "figure{display:inline-block;margin:0 1em 1em 0}figcaption{font-size:13px}svg{background:#f6f6f6}\n"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}td,th{border-color:#444}svg{background:#222}}\n"
    "</style></head><body>\n";

static void add(struct buf *out, const char *s)
{
    struct buf clean = BUF_INIT(64 * 1024);
    text_clean(&clean, s, strnlen(s, 4096));
    for (const char *c = buf_str(&clean); *c; c++) {
        const char *entity = *c == '<' ? "&lt;" : *c == '>' ? "&gt;" : *c == '&' ? "&amp;" : *c == '"' ? "&quot;" : NULL;
        if (entity)
            buf_adds(out, entity);
        else
            buf_addc(out, *c);
    }
    buf_release(&clean);
}

static void cells(struct buf *out, const char *tag, const char *const *texts, size_t n)
{
    buf_adds(out, "<tr>");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "<%s>", tag);
        add(out, texts[i]);
        buf_addf(out, "</%s>", tag);
    }
    buf_adds(out, "</tr>\n");
}

/* ---- graphs ---- */

static double highest(const float *v, size_t n, double limit)
{
    double most = isnan(limit) ? 0 : limit * 1.1;
    for (size_t i = 0; i < n; i++)
        most = v[i] > most ? (double)v[i] : most;
    return most > 0 ? most : 1;
}

static double y_of(double v, double most)
{
    return GRAPH_TOP + (GRAPH_HEIGHT - GRAPH_TOP) * (1 - v / most);
}

static void line(struct buf *out, const float *v, size_t n, double most)
{
    bool is_down = false; /* the pen */
    buf_adds(out, "<path fill=\"none\" stroke=\"#0072B2\" stroke-width=\"1.5\" d=\"");
    for (size_t i = 0; i < n; i++) {
        if (!isnan(v[i]))
            buf_addf(out, "%c%.1f %.1f", is_down ? 'L' : 'M', (double)i * GRAPH_WIDTH / (double)n, y_of(v[i], most));
        is_down = !isnan(v[i]);
    }
    buf_adds(out, "\"/>");
}

static void graph(struct buf *out, const struct tracks *all, const struct track *t, const float *v, double limit, double scale,
                  const char *what)
{
    double most = highest(v, all->n_points, limit);
    buf_addf(out, "<figure><svg width=\"%d\" height=\"%d\" role=\"img\">", GRAPH_WIDTH, GRAPH_HEIGHT);
    if (t->deployed_ms > all->from_ms) {
        double x = (double)(t->deployed_ms - all->from_ms) / (double)all->step_ms * GRAPH_WIDTH / (double)all->n_points;
        buf_addf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\" stroke=\"#888\"/><text x=\"%.1f\" y=\"12\" font-size=\"11\" "
                      "fill=\"#888\">deploy</text>", x, x, GRAPH_HEIGHT, x + 3);
    }
    if (!isnan(limit))
        buf_addf(out, "<line x1=\"0\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#D55E00\" stroke-dasharray=\"4 3\"/>", GRAPH_WIDTH,
                 y_of(limit, most), y_of(limit, most));
    line(out, v, all->n_points, most);
    buf_addf(out, "</svg><figcaption>%s, top %.4g", what, most * scale);
    if (!isnan(limit))
        buf_addf(out, ", limit %.4g", limit * scale);
    buf_adds(out, "</figcaption></figure>\n");
}

static void graphs(struct buf *out, const struct tracks *all)
{
    buf_adds(out, "<h2>Performance</h2>\n");
    for (size_t i = 0; i < all->n; i++) {
        const struct track *t = &all->items[i];
        if (isnan(report_course(all, t).requests) && isnan(report_course(all, t).p95_after))
            continue;
        buf_adds(out, "<h3>");
        add(out, report_short(t->subject));
        buf_adds(out, "</h3>\n");
        graph(out, all, t, t->p95_ms, t->limit_ms, 1, "p95, ms");
        graph(out, all, t, t->error_share, all->error_limit, 100, "failed requests, %");
    }
}

/* ---- the parts ---- */

static void evidence(struct buf *out, const struct bake *b)
{
    static const char *const names[] = { "trigger", "state", "rule", "evidence", "watched" };
    char text[160];
    buf_adds(out, "<h3>");
    add(out, b->name);
    buf_addc(out, ' ');
    add(out, b->what);
    buf_addf(out, ": %s</h3>\n<table>", verdict_name(b->word));
    cells(out, "th", names, ARRAY_LEN(names));
    for (int i = 0; i < N_TRIGGERS; i++) {
        const struct trigger *t = &b->triggers[i];
        if (t->state == TRIGGER_NO_DATA && !t->is_required)
            continue;
        buf_addf(out, "<tr><td>%s</td><td class=\"%s\">%s</td><td>", trigger_name(t->kind), trigger_state_name(t->state),
                 trigger_state_name(t->state));
        add(out, t->rule);
        buf_adds(out, "</td><td>");
        for (size_t k = 0; k < t->n_evidence; k++) {
            add(out, t->evidence[k].label);
            buf_adds(out, ": ");
            add(out, t->evidence[k].text);
            buf_adds(out, "<br>");
        }
        if (isfinite(t->coverage))
            buf_addf(out, "</td><td>%.0f %%</td></tr>\n", t->coverage * 100);
        else
            buf_adds(out, "</td><td>-</td></tr>\n");
    }
    buf_adds(out, "</table><p>Baseline: ");
    add(out, report_baseline(b, text));
    buf_adds(out, "</p>\n");
}

static void marks(struct buf *out, const struct verdict *v)
{
    static const char *const names[] = { "time", "what", "workload", "text" };
    char when[CLOCK_TEXT];
    buf_adds(out, "<h2>Timeline</h2>\n<table>");
    cells(out, "th", names, ARRAY_LEN(names));
    for (size_t i = 0; i < v->n_marks; i++) {
        const struct mark *m = &v->marks[i];
        cells(out, "td", (const char *[]){ clock_format_rfc3339(m->at_ms, when), mark_kind_name(m->kind), report_short(m->subject),
                                           m->text }, ARRAY_LEN(names));
    }
    buf_adds(out, "</table>\n");
}

static void groups(struct buf *out, const struct errors *es)
{
    static const char *const names[] = { "severity", "code", "service", "rows", "open", "", "message" };
    char count[24], open[24];
    buf_adds(out, "<h2>Errors</h2>\n<table>");
    cells(out, "th", names, ARRAY_LEN(names));
    for (size_t i = 0; i < es->n_groups && i < REPORT_GROUPS; i++) {
        const struct error_group *g = &es->groups[i];
        report_number(count, (double)g->count, 1, "");
        report_number(open, (double)g->n_open, 1, "");
        cells(out, "td", (const char *[]){ severity_name(g->severity), g->code, g->service, count, open, novelty_name(g->novelty),
                                           g->message }, ARRAY_LEN(names));
    }
    buf_adds(out, "</table>\n");
}

void report_html(struct buf *out, const struct report_parts *p)
{
    char when[CLOCK_TEXT], place[600];
    buf_adds(out, style);
    buf_adds(out, "<h1>Deployment report</h1>\n<p>");
    add(out, report_place(p, place, sizeof place));
    buf_addf(out, ", as of %s</p>\n", clock_format_rfc3339(p->now_ms, when));
    if (!p->verdict) {
        buf_adds(out, "<p><span class=\"word\">NO DATA</span> nothing was judged</p></body></html>\n");
        return;
    }
    buf_addf(out, "<p><span class=\"word %s\">%s%s</span> ", verdict_name(p->verdict->word), verdict_name(p->verdict->word),
             p->verdict->word == VERDICT_PASS && p->verdict->is_so_far ? " so far" : "");
    add(out, p->verdict->rule);
    buf_addc(out, ' ');
    add(out, p->verdict->lacks);
    buf_adds(out, "</p>\n<h2>Evidence</h2>\n");
    for (size_t i = 0; i < p->verdict->n_bakes; i++)
        evidence(out, &p->verdict->bakes[i]);
    if (p->tracks && p->tracks->n)
        graphs(out, p->tracks);
    marks(out, p->verdict);
    if (p->errors && p->errors->n_groups)
        groups(out, p->errors);
    buf_adds(out, "</body></html>\n");
}
