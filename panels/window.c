/*
 * The window: one axis of time with what happened on it, and below it every workload under watch with its
 * triggers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"
#include "tui/table.h"
#include "tui/verdict.h"

enum { AXIS_ROWS = 3, LEAD_PART = 12 /* a part of the window shown before the deploy */ };

#define ROW ((const struct bake *)row)

static const struct verdict *verdict_of(const struct frame *f)
{
    return frame_section(f, SECTION_VERDICT);
}

/* ---- the table ---- */

static enum health health_of(const void *row)
{
    static const enum health of[] = { [VERDICT_NONE] = HEALTH_OK, [VERDICT_PASS] = HEALTH_OK, [VERDICT_WATCH] = HEALTH_WARN,
                                      [VERDICT_NO_DATA] = HEALTH_UNKNOWN, [VERDICT_ROLLBACK] = HEALTH_FAIL };
    return of[ROW->word];
}

static enum role cell_verdict(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, verdict_name(ROW->word));
    return ROW->word == VERDICT_ROLLBACK ? ROLE_FAIL : verdict_role(ROW->word);
}

static enum role cell_name(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->name);
    return ROLE_TEXT;
}

static enum role cell_what(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->is_by_hand ? "by hand" : ROW->what);
    return ROLE_DIM;
}

static enum role cell_clock(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, verdict_minutes(ROW, f->now_ms, text));
    return ROLE_TEXT;
}

static int64_t key_clock(const void *row, const struct frame *f)
{
    (void)f;
    return panel_newest_key(ROW->deployed_ms);
}

static enum role trigger_cell(const struct bake *b, enum trigger_kind k, struct buf *out)
{
    static const char *const words[] = { [TRIGGER_NO_DATA] = "no data", [TRIGGER_OK] = "ok", [TRIGGER_WATCH] = "watch",
                                         [TRIGGER_FIRED] = "FIRED" };
    const struct trigger *t = &b->triggers[k];
    if (t->state == TRIGGER_NO_DATA && !t->is_required && t->sampled_ms == TIME_NONE) {
        buf_adds(out, "-"); /* it has no source */
        return ROLE_DIM;
    }
    buf_adds(out, words[t->state]);
    return trigger_role(t->state);
}

#define TRIGGER_CELL(fn, kind)                                                                     \
    static enum role fn(const void *row, const struct frame *f, struct buf *out)                   \
    {                                                                                              \
        (void)f;                                                                                   \
        return trigger_cell(row, kind, out);                                                       \
    }
TRIGGER_CELL(cell_rollout, TRIGGER_ROLLOUT)
TRIGGER_CELL(cell_health, TRIGGER_HEALTH)
TRIGGER_CELL(cell_latency, TRIGGER_LATENCY)
TRIGGER_CELL(cell_errors, TRIGGER_ERRORS)
TRIGGER_CELL(cell_rows, TRIGGER_ROWS)

static enum role cell_rule(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->rule);
    return ROW->word >= VERDICT_WATCH ? ROLE_TEXT : ROLE_DIM;
}

static const char *id_of(const void *row)
{
    return ROW->subject;
}

static bool is_fault(const void *row)
{
    return ROW->word >= VERDICT_WATCH;
}

static size_t count(const void *ctx)
{
    return ctx ? ((const struct verdict *)ctx)->n_bakes : 0;
}

static const void *row_at(const void *ctx, size_t i)
{
    return &((const struct verdict *)ctx)->bakes[i];
}

static const struct column columns[] = {
    { "VERDICT", 9, 9, 0, false, cell_verdict, NULL, NULL },
    { "WORKLOAD", 16, 40, 0, false, cell_name, NULL, NULL },
    { "VERSION", 8, 16, 4, false, cell_what, NULL, NULL },
    { "WINDOW", 10, 16, 3, false, cell_clock, key_clock, NULL },
    { "ROLLOUT", 7, 7, 2, false, cell_rollout, NULL, NULL },
    { "HEALTH", 7, 7, 2, false, cell_health, NULL, NULL },
    { "LATENCY", 7, 7, 2, false, cell_latency, NULL, NULL },
    { "ERRORS", 7, 7, 2, false, cell_errors, NULL, NULL },
    { "ROWS", 7, 7, 2, false, cell_rows, NULL, NULL },
    { "REASON", 24, 0, 1, false, cell_rule, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, is_fault, NULL, health_of, NULL };

/* ---- the axis ---- */

struct axis {
    int64_t from_ms, to_ms;
    const struct bake *bake;
};

static struct axis axis_of(const struct bake *b, int64_t now_ms)
{
    int64_t end = b->phase == BAKE_IMMEDIATE ? b->window_end_ms : b->phase == BAKE_EXTENDED && now_ms > b->window_end_ms ? now_ms : b->extended_end_ms;
    return (struct axis){ b->deployed_ms - (end - b->deployed_ms) / LEAD_PART, end, b };
}

static int col_of(const struct axis *x, int cols, int64_t ms)
{
    double part = (double)(ms - x->from_ms) / (double)(x->to_ms - x->from_ms > 0 ? x->to_ms - x->from_ms : 1);
    return part < 0 ? -1 : part >= 1 ? cols - 1 : (int)(part * cols);
}

/* Of this bake's own, or of all. */
static bool is_meant(const struct axis *x, const struct mark *m)
{
    return !m->subject[0] || strcmp(m->subject, x->bake->subject) == 0;
}

static void draw_course(const struct frame *f, const struct verdict *v, const struct axis *x, struct canvas *c, int row)
{
    int cols = c->at.cols - 2, now = col_of(x, cols, f->now_ms);
    for (int i = 0; i < cols; i++)
        canvas_text(c, row, 1 + i, 1, i <= now ? ROLE_TEXT : ROLE_DIM, i <= now ? "\xE2\x94\x80" : "\xC2\xB7");
    for (size_t i = 0; i < v->n_marks; i++) { /* from each change of the word on, its colour */
        const struct mark *m = &v->marks[i];
        bool is_span = m->kind == MARK_GAP || m->kind == MARK_LINK;
        if ((m->kind != MARK_VERDICT && !is_span) || !is_meant(x, m))
            continue;
        int from = col_of(x, cols, m->at_ms), to = is_span && m->until_ms != TIME_NONE ? col_of(x, cols, m->until_ms) : now;
        for (int k = from < 0 ? 0 : from; k <= to && k <= now; k++)
            canvas_text(c, row, 1 + k, 1, is_span ? ROLE_UNKNOWN : m->word == VERDICT_ROLLBACK ? ROLE_FAIL : verdict_role(m->word),
                        is_span ? "\xE2\x95\x8C" : "\xE2\x94\x80");
    }
}

static void draw_marks(const struct frame *f, const struct verdict *v, const struct axis *x, struct canvas *c, int row)
{
    static const char *const glyphs[] = { [MARK_DEPLOY] = "D", [MARK_VERDICT] = "", [MARK_TRIGGER] = "",
                                          [MARK_OPERATOR] = "m", [MARK_ALERT] = "a", [MARK_LINK] = "", [MARK_GAP] = "",
                                          [MARK_WINDOW_END] = "|" };
    int cols = c->at.cols - 2;
    for (size_t i = 0; i < v->n_marks; i++) {
        const struct mark *m = &v->marks[i];
        int col = col_of(x, cols, m->at_ms);
        if (col < 0 || m->at_ms > f->now_ms || !is_meant(x, m))
            continue;
        if (m->kind == MARK_VERDICT)
            canvas_text(c, row, 1 + col, 1, m->word == VERDICT_ROLLBACK ? ROLE_FAIL : verdict_role(m->word), verdict_glyph(m->word));
        else if (glyphs[m->kind][0])
            canvas_text(c, row, 1 + col, 1, ROLE_KEY, glyphs[m->kind]);
    }
}

static void draw_axis(const struct frame *f, const struct verdict *v, const struct bake *b, struct canvas *c)
{
    struct axis x = axis_of(b, f->now_ms);
    char from[CLOCK_TEXT], to[CLOCK_TEXT], clock[CLOCK_TEXT];
    draw_course(f, v, &x, c, 0);
    draw_marks(f, v, &x, c, 0);
    panel_time(f, b->deployed_ms, from);
    canvas_textf(c, 1, 1 + col_of(&x, c->at.cols - 2, b->deployed_ms), ROLE_DIM, "%s deploy %s", from, b->what);
    panel_time(f, x.to_ms, to);
    canvas_right(c, 1, 1, c->at.cols - 2, ROLE_DIM, to);
    canvas_textf(c, 2, 1, ROLE_TITLE, "%s %s", b->name, verdict_clock(b, f->now_ms, clock));
    canvas_right(c, 2, 1, c->at.cols - 2, ROLE_DIM, "D deploy  + ! X ? verdict  m mark  a alert");
}

/* ---- the panel ---- */

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct verdict *v = verdict_of(f);
    size_t open = 0;
    for (size_t i = 0; v && i < v->n_bakes; i++)
        open += v->bakes[i].phase == BAKE_IMMEDIATE;
    if (!v || !v->n_bakes) {
        buf_adds(out, "no deploy in the last 24 hours");
        return;
    }
    buf_addf(out, "%zu open, %zu in their 24 hours", open, v->n_bakes - open);
    table_describe(state, &ops, out);
}

static bool has_axis(const struct frame *f, int rows)
{
    return verdict_of(f) && verdict_of(f)->n_bakes && rows > AXIS_ROWS + 1;
}

static int wants(const struct frame *f, int cols)
{
    const struct verdict *v = verdict_of(f);
    (void)cols;
    return v && v->n_bakes ? AXIS_ROWS + 1 + (int)v->n_bakes : 1;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    const struct verdict *v = verdict_of(f);
    table_settle(state, &ops, v, f, v ? v->section.version : 0, has_axis(f, rows) ? rows - AXIS_ROWS : rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct verdict *v = verdict_of(f);
    if (!v || !v->n_bakes) {
        canvas_text(c, 0, 1, -1, ROLE_DIM, "a deploy begins a window of 30 minutes by itself; :mark begins one now");
        return;
    }
    if (!has_axis(f, c->at.rows)) {
        table_render(state, &ops, v, f, c, false);
        return;
    }
    const struct bake *b = table_selected(state, &ops, v);
    draw_axis(f, v, b ? b : &v->bakes[0], c);
    struct canvas below = canvas_window(c, (struct area){ AXIS_ROWS, 0, c->at.rows - AXIS_ROWS, c->at.cols });
    table_render(state, &ops, v, f, &below, false);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    return table_nav(state, &ops, verdict_of(f), n, arg);
}

static const struct bake *selected(const void *state, const struct frame *f)
{
    return verdict_of(f) ? table_selected(state, &ops, verdict_of(f)) : NULL;
}

static bool has_row(const void *state, const struct frame *f)
{
    return selected(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    table_copy(state, &ops, verdict_of(f), f, out);
}

static void selected_id(const void *state, const struct frame *f, struct buf *out)
{
    const struct bake *b = selected(state, f);
    if (b)
        buf_adds(out, b->subject);
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

const struct panel_ops window_panel = {
    .name = "window", .reads = 1u << SECTION_VERDICT | 1u << SECTION_CLOCK, .state_size = sizeof(struct table), .cmds = cmds,
    .title = title, .is_stale = panels_are_stale, .wants = wants, .settle = settle, .render = render, .nav = nav,
    .has_row = has_row, .copy = copy, .selected_id = selected_id, .locate = locate, .release = release,
};
