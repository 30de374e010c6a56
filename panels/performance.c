/*
 * How the workloads do: p95, errors, throughput and CPU, now and as a course with the deploy, the usual band
 * and the limit.  Graphs of the selected one below, where there is room.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/model/verdict.h"
#include "panels/panels.h"
#include "tui/spark.h"
#include "tui/table.h"

enum { SPARK_LEAST = 16, SPARK_MOST = 60, TABLE_COLS = 74, GRAPH_ROWS = 5, GRAPH_LEAST_COLS = 36, RECENT = 4 };

#define ROW ((const struct track *)row)

static const struct tracks *tracks_of(const struct frame *f)
{
    return frame_section(f, SECTION_TRACKS);
}

static const struct workload *workload_of(const struct frame *f, const char *id)
{
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    for (size_t i = 0; ws && i < ws->n; i++) {
        if (text_eq(ws->items[i]->id, id))
            return ws->items[i];
    }
    return NULL;
}

/* The newest of the last points: a scrape may be on its way. */
static double last_of(const float *v, size_t n)
{
    for (size_t i = n; i-- > 0 && n - i <= RECENT;) {
        if (!isnan(v[i]))
            return v[i];
    }
    return NAN;
}

static double newest(const float *v, const struct frame *f)
{
    return last_of(v, tracks_of(f)->n_points);
}

/* ---- the table ---- */

static enum role cell_name(const void *row, const struct frame *f, struct buf *out)
{
    const struct workload *w = workload_of(f, ROW->subject);
    if (w)
        buf_addf(out, "%s", w->name);
    else
        buf_add_most(out, ROW->subject);
    return ROLE_TEXT;
}

/* "-", "3.2", "182%": small numbers with a digit more. */
static void add_number(struct buf *out, double v, bool is_fine, const char *unit)
{
    if (isnan(v))
        buf_adds(out, "-");
    else
        buf_addf(out, "%.*f%s", is_fine && fabs(v) < 10 ? 1 : 0, v, unit);
}

static enum role cell_p95(const void *row, const struct frame *f, struct buf *out)
{
    double v = newest(ROW->p95_ms, f);
    add_number(out, v, false, "");
    return v > ROW->limit_ms ? ROLE_FAIL : v > ROW->band_high_ms ? ROLE_WARN : ROLE_TEXT;
}

static enum role cell_usual(const void *row, const struct frame *f, struct buf *out)
{
    double v = newest(ROW->p95_ms, f), mid = (ROW->band_low_ms + ROW->band_high_ms) / 2;
    if (!isnan(v) && mid > 0)
        buf_addf(out, "%+.0f%%", (v / mid - 1) * 100);
    return v > ROW->limit_ms ? ROLE_FAIL : ROLE_DIM;
}

static enum role cell_errors(const void *row, const struct frame *f, struct buf *out)
{
    double v = newest(ROW->error_share, f);
    add_number(out, v * 100, true, "%");
    return v > tracks_of(f)->error_limit ? ROLE_FAIL : v > tracks_of(f)->error_limit / 5 ? ROLE_WARN : ROLE_TEXT;
}

static enum role cell_requests(const void *row, const struct frame *f, struct buf *out)
{
    add_number(out, newest(ROW->requests_per_s, f), true, "");
    return ROLE_TEXT;
}

static enum role cell_cpu(const void *row, const struct frame *f, struct buf *out)
{
    add_number(out, newest(ROW->cpu_millis, f), false, "m");
    return ROLE_TEXT;
}

static enum role cell_probe(const void *row, const struct frame *f, struct buf *out)
{
    add_number(out, newest(ROW->probe_ms, f), true, "");
    return ROLE_DIM;
}

#define KEY(fn, field)                                                                             \
    static int64_t fn(const void *row, const struct frame *f)                                      \
    {                                                                                              \
        double v = newest(ROW->field, f);                                                          \
        return isnan(v) ? INT64_MAX : -(int64_t)(v * 1000);                                        \
    }
KEY(key_p95, p95_ms)
KEY(key_errors, error_share)
KEY(key_requests, requests_per_s)
KEY(key_cpu, cpu_millis)
KEY(key_probe, probe_ms)

static const char *id_of(const void *row)
{
    return ROW->subject;
}

static size_t count(const void *ctx)
{
    return ctx ? ((const struct tracks *)ctx)->n : 0;
}

static const void *row_at(const void *ctx, size_t i)
{
    return &((const struct tracks *)ctx)->items[i];
}

static const struct column columns[] = {
    { "WORKLOAD", 16, 0, 0, false, cell_name, NULL, NULL },
    { "P95 MS", 6, 7, 0, true, cell_p95, key_p95, NULL },
    { "USUAL", 5, 6, 1, true, cell_usual, NULL, NULL },
    { "ERRORS", 6, 6, 0, true, cell_errors, key_errors, NULL },
    { "REQ/S", 5, 6, 2, true, cell_requests, key_requests, NULL },
    { "CPU", 5, 6, 3, true, cell_cpu, key_cpu, NULL },
    { "PROBE MS", 8, 8, 4, true, cell_probe, key_probe, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, NULL, NULL, NULL, NULL };

/* ---- courses ---- */

static double mark_of(const struct track *t, const struct tracks *all)
{
    return t->deployed_ms == TIME_NONE || t->deployed_ms < all->from_ms
               ? (double)NAN
               : (double)((t->deployed_ms - all->from_ms) / all->step_ms);
}

/* What is seen of the whole hour: the last minutes, a point a column. */
static struct spark recent(const float *v, const struct track *t, const struct tracks *all, int cols)
{
    size_t skip = all->n_points > (size_t)cols ? all->n_points - (size_t)cols : 0;
    return (struct spark){ .v = v + skip, .n = all->n_points - skip, .limit = (double)NAN, .low = (double)NAN,
                           .high = (double)NAN, .mark = mark_of(t, all) - (double)skip, .role = ROLE_PROGRESS };
}

static void draw_sparks(const struct table *t, const struct tracks *all, struct canvas *c, int col, int cols)
{
    int each = cols >= 2 * SPARK_LEAST + 1 ? (cols - 1) / 2 : cols;
    canvas_text(c, 0, col, each, ROLE_HEADER, "P95, 15 S A COLUMN");
    if (each < cols)
        canvas_text(c, 0, col + each + 1, each, ROLE_HEADER, "ERRORS");
    for (size_t i = 0; i + t->top < t->n && (int)i + 1 < c->at.rows; i++) {
        const struct track *row = &all->items[t->order[t->top + i]];
        struct spark p95 = recent(row->p95_ms, row, all, each), errors = recent(row->error_share, row, all, each);
        p95.limit = row->limit_ms;
        errors.limit = all->error_limit;
        spark_draw(c, (struct area){ (int)i + 1, col, 1, each }, &p95);
        if (each < cols)
            spark_draw(c, (struct area){ (int)i + 1, col + each + 1, 1, each }, &errors);
    }
}

struct graph {
    const char *what;
    const float *v;
    double scale; /* of the figures in the title */
    const char *unit;
    const float *requests; /* the sample behind it; NULL = it needs none */
};

/* A part of a title goes there whole or not at all. */
PRINTF_LIKE(3, 4) static void add_fitting(struct buf *b, int cols, const char *fmt, ...)
{
    char text[80];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (text_width(buf_str(b)) + text_width(text) <= cols)
        buf_adds(b, text);
}

static void draw_graph(const struct track *t, const struct tracks *all, const struct graph *g, double limit, double low,
                       double high, struct canvas *c)
{
    struct spark s = recent(g->v, t, all, c->at.cols);
    s.limit = limit;
    s.low = low;
    s.high = high;
    struct buf b = BUF_INIT(256);
    double now = last_of(s.v, s.n);
    buf_addf(&b, "%s ", g->what);
    add_number(&b, now * g->scale, true, g->unit);
    if (g->requests && !isnan(now)) /* a p95 is worth what it was taken from */
        add_fitting(&b, c->at.cols, " (n=%.0f)", last_of(g->requests, all->n_points) * (double)all->step_ms / 1000);
    if (!isnan(limit))
        add_fitting(&b, c->at.cols, "  limit %.4g%s", limit * g->scale, g->unit);
    if (!isnan(high))
        add_fitting(&b, c->at.cols, "  usual up to %.0f%s", high * g->scale, g->unit);
    add_fitting(&b, c->at.cols, "  top %.3g%s", spark_most(&s) * g->scale, g->unit);
    canvas_text(c, 0, 0, -1, now > limit ? ROLE_FAIL : ROLE_HEADER, buf_str(&b));
    buf_release(&b);
    spark_draw(c, (struct area){ 1, 0, c->at.rows - 1, c->at.cols }, &s);
}

static void draw_graphs(const struct track *t, const struct tracks *all, struct canvas *c)
{
    const struct graph graphs[] = { { "p95", t->p95_ms, 1, " ms", t->requests_per_s }, { "errors", t->error_share, 100, " %", NULL },
                                    { "requests", t->requests_per_s, 1, "/s", NULL }, { "CPU", t->cpu_millis, 1, "m", NULL } };
    int across = c->at.cols / GRAPH_LEAST_COLS < 1 ? 1 : c->at.cols / GRAPH_LEAST_COLS < 4 ? 2 : 4;
    int down = (int)ARRAY_LEN(graphs) / across, rows = c->at.rows / down < 3 ? c->at.rows : c->at.rows / down;
    for (int i = 0; i < (int)ARRAY_LEN(graphs); i++) {
        int width = c->at.cols / across;
        struct canvas at = canvas_window(c, (struct area){ i / across * rows, i % across * width + 1, rows - (down > 1), width - 2 });
        if (at.at.rows < 2)
            continue;
        bool is_p95 = i == 0;
        draw_graph(t, all, &graphs[i], is_p95 ? t->limit_ms : i == 1 ? all->error_limit : (double)NAN, is_p95 ? t->band_low_ms : (double)NAN,
                   is_p95 ? t->band_high_ms : (double)NAN, &at);
    }
}

/* ---- the panel ---- */

static int table_rows(const struct tracks *all, int rows)
{
    int full = all ? (int)all->n + 1 : 1;
    if (rows < 2 * GRAPH_ROWS + 1)
        return rows;
    return full < rows / 2 ? full : rows / 2;
}

static int spark_cols(int cols)
{
    int left = cols - TABLE_COLS;
    return left < SPARK_LEAST ? 0 : left > 2 * SPARK_MOST + 1 ? 2 * SPARK_MOST + 1 : left;
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct tracks *all = tracks_of(f);
    size_t over = 0;
    for (size_t i = 0; all && i < all->n; i++)
        over += newest(all->items[i].p95_ms, f) > all->items[i].limit_ms || newest(all->items[i].error_share, f) > all->error_limit;
    if (!all || !all->n)
        buf_adds(out, "nothing is measured");
    else if (over)
        buf_addf(out, "%zu of %zu over a limit", over, all->n);
    else
        buf_addf(out, "%zu workloads, none over a limit", all->n);
    table_describe(state, &ops, out);
}

static int wants(const struct frame *f, int cols)
{
    const struct tracks *all = tracks_of(f);
    (void)cols;
    return all && all->n ? 1 + (int)all->n : 1;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    const struct tracks *all = tracks_of(f);
    table_settle(state, &ops, all, f, all ? all->section.version : 0, table_rows(all, rows), cols - spark_cols(cols));
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct tracks *all = tracks_of(f);
    const struct table *t = state;
    int sparks = spark_cols(c->at.cols), rows = table_rows(all, c->at.rows);
    if (!all || !all->n) {
        canvas_text(c, 0, 1, -1, ROLE_DIM, "set prometheus.url, or health: and metrics:, in the config: see bakewatch help config");
        return;
    }
    struct canvas top = canvas_window(c, (struct area){ 0, 0, rows, c->at.cols });
    struct canvas left = canvas_window(&top, (struct area){ 0, 0, rows, c->at.cols - sparks });
    table_render(t, &ops, all, f, &left, false);
    if (sparks)
        draw_sparks(t, all, &top, c->at.cols - sparks, sparks - 1);
    const struct track *chosen = table_selected(t, &ops, all);
    if (rows >= c->at.rows || !chosen)
        return;
    struct canvas below = canvas_window(c, (struct area){ rows, 0, c->at.rows - rows, c->at.cols });
    draw_graphs(chosen, all, &below);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    return table_nav(state, &ops, tracks_of(f), n, arg);
}

static const struct track *selected(const void *state, const struct frame *f)
{
    return tracks_of(f) ? table_selected(state, &ops, tracks_of(f)) : NULL;
}

static bool has_row(const void *state, const struct frame *f)
{
    return selected(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    table_copy(state, &ops, tracks_of(f), f, out);
}

static void selected_id(const void *state, const struct frame *f, struct buf *out)
{
    const struct track *t = selected(state, f);
    if (t)
        buf_adds(out, t->subject);
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    (void)f;
    return table_locate(state, id);
}

static void release(void *state)
{
    table_release(state);
}

static void open_evidence(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    ui_open(ui, "evidence", selected(state, f)->subject);
}

static void open_workload(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    ui_open(ui, "workload", selected(state, f)->subject);
}

static const struct cmd cmds[] = {
    { "open", "", "the evidence behind the verdict of this workload", true, open_evidence },
    { "workload", "", "open its workload: pods, revisions, events", true, open_workload },
    { 0 },
};

const struct panel_ops performance_panel = {
    .name = "performance", .reads = 1u << SECTION_TRACKS | 1u << SECTION_WORKLOADS, .state_size = sizeof(struct table),
    .cmds = cmds, .title = title, .is_stale = panels_are_stale, .wants = wants, .settle = settle, .render = render, .nav = nav,
    .has_row = has_row, .copy = copy, .selected_id = selected_id, .locate = locate, .release = release,
};
