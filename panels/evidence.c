/*
 * What stands behind the verdict of one workload: each trigger with its rule, counters, thresholds and
 * numbers, the baseline, the health checks of its bodies, and what happened when.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/model/sample.h"
#include "panels/panels.h"
#include "tui/table.h"
#include "tui/textview.h"
#include "tui/verdict.h"

enum { LINES = 400, LABEL_COLS = 18 };

struct line {
    const char *text;
    enum role role;
};

struct state {
    struct textview view;
    char id[TABLE_ID];
    struct arena arena; /* of the lines */
    struct line lines[LINES];
    size_t n;
    uint64_t version;
    enum zone zone;
};

static const struct bake *bake_of(const struct state *s, const struct frame *f)
{
    return verdict_bake(frame_section(f, SECTION_VERDICT), s->id);
}

static void add(struct state *s, enum role r, struct buf *b)
{
    if (s->n < LINES)
        s->lines[s->n++] = (struct line){ arena_strndup(&s->arena, buf_str(b), b->len), r };
    b->len = 0;
}

static void add_blank(struct state *s, struct buf *b)
{
    buf_adds(b, "");
    add(s, ROLE_TEXT, b);
}

static void add_pair(struct state *s, struct buf *b, const char *label, const char *text)
{
    int width = text_width(label);
    buf_addf(b, "    %s%*s ", label, width < LABEL_COLS ? LABEL_COLS - width : 0, "");
    buf_add_most(b, text);
    add(s, ROLE_TEXT, b);
}

static void add_trigger(struct state *s, const struct frame *f, const struct trigger *t, struct buf *b)
{
    char when[CLOCK_TEXT];
    buf_addf(b, "%-8s %s%s", trigger_name(t->kind), trigger_state_name(t->state), t->is_preexisting ? " (pre-existing)" : "");
    if (t->since_ms != TIME_NONE)
        buf_addf(b, " since %s", panel_time(f, t->since_ms, when));
    if (!t->is_required)
        buf_adds(b, ", has no source and decides nothing");
    add(s, trigger_role(t->state), b);
    if (t->rule[0])
        add_pair(s, b, "rule", t->rule);
    for (size_t i = 0; i < t->n_evidence; i++)
        add_pair(s, b, t->evidence[i].label, t->evidence[i].text);
    add_blank(s, b);
}

static void add_baseline(struct state *s, const struct frame *f, const struct bake *bk, struct buf *b)
{
    char from[CLOCK_TEXT], to[CLOCK_TEXT], age[CLOCK_TEXT], text[200];
    buf_adds(b, "baseline, frozen before the deploy");
    add(s, ROLE_TITLE, b);
    if (!bk->baseline_n) {
        add_pair(s, b, "none", "nothing was measured before the deploy: only absolute limits are judged");
    } else {
        snprintf(text, sizeof text, "%s to %s, %s ago, from %.40s", panel_time(f, bk->baseline_from_ms, from),
                 panel_time(f, bk->baseline_to_ms, to), clock_format_age(f->now_ms - bk->baseline_to_ms, age), bk->baseline_source);
        add_pair(s, b, "time", text);
        snprintf(text, sizeof text, "%" PRId64, bk->baseline_n);
        add_pair(s, b, "requests", text);
        if (!isnan(bk->baseline_p95_ms)) {
            snprintf(text, sizeof text, "%.0f ms (n=%" PRId64 ")", bk->baseline_p95_ms, bk->baseline_n);
            add_pair(s, b, "p95", text);
        }
        if (!isnan(bk->baseline_error_share)) {
            snprintf(text, sizeof text, "%.2f %%", bk->baseline_error_share * 100);
            add_pair(s, b, "errors", text);
        }
    }
    add_blank(s, b);
}

static void add_checks(struct state *s, const struct verdict *v, struct buf *b)
{
    static const enum role roles[] = { [CHECK_PASS] = ROLE_OK, [CHECK_WARN] = ROLE_WARN, [CHECK_FAIL] = ROLE_FAIL };
    bool is_first = true;
    for (size_t i = 0; i < v->n_checks; i++) {
        const struct check *k = &v->checks[i];
        if (strcmp(k->subject, s->id) != 0)
            continue;
        if (is_first) {
            buf_adds(b, "what its health endpoint says");
            add(s, ROLE_TITLE, b);
        }
        is_first = false;
        buf_addf(b, "    %-4s %s", check_outcome_name((enum check_outcome)k->outcome), k->name);
        if (!isnan(k->value))
            buf_addf(b, " %.6g", k->value);
        if (!isnan(k->value) && !isnan(k->limit))
            buf_addf(b, " of %.6g", k->limit);
        if (k->text[0])
            buf_addf(b, ": %s", k->text);
        add(s, (unsigned)k->outcome < ARRAY_LEN(roles) ? roles[k->outcome] : ROLE_TEXT, b);
    }
    if (!is_first)
        add_blank(s, b);
}

static void add_marks(struct state *s, const struct frame *f, const struct verdict *v, struct buf *b)
{
    static const char *const words[] = { [MARK_DEPLOY] = "deploy", [MARK_VERDICT] = "verdict", [MARK_TRIGGER] = "trigger",
                                         [MARK_OPERATOR] = "mark", [MARK_ALERT] = "alert", [MARK_LINK] = "link",
                                         [MARK_GAP] = "gap", [MARK_WINDOW_END] = "window" };
    char when[CLOCK_TEXT], span[CLOCK_TEXT];
    buf_adds(b, "what happened, the newest first");
    add(s, ROLE_TITLE, b);
    for (size_t i = v->n_marks; i-- > 0;) {
        const struct mark *m = &v->marks[i];
        if (m->subject[0] && strcmp(m->subject, s->id) != 0)
            continue;
        enum role r = m->kind == MARK_VERDICT && m->word == VERDICT_ROLLBACK ? ROLE_FAIL
                      : m->kind == MARK_VERDICT                              ? verdict_role(m->word)
                      : m->kind == MARK_TRIGGER                              ? trigger_role(m->state)
                                                                             : ROLE_TEXT;
        buf_addf(b, "    %s  %-8s ", panel_time(f, m->at_ms, when), words[m->kind]);
        buf_add_most(b, m->text);
        if (m->until_ms != TIME_NONE && (m->kind == MARK_GAP || m->kind == MARK_LINK || m->kind == MARK_ALERT))
            buf_addf(b, ", for %s", clock_format_age(m->until_ms - m->at_ms, span));
        add(s, r, b);
    }
}

static void build(struct state *s, const struct frame *f)
{
    const struct verdict *v = frame_section(f, SECTION_VERDICT);
    const struct bake *bk = bake_of(s, f);
    struct buf b = BUF_INIT(4096);
    arena_release(&s->arena);
    s->n = 0;
    if (bk) {
        if (bk->rule[0]) {
            buf_addf(&b, "%s: ", verdict_name(bk->word));
            buf_add_most(&b, bk->rule);
            add(s, bk->word == VERDICT_ROLLBACK ? ROLE_FAIL : verdict_role(bk->word), &b);
            add_blank(s, &b);
        }
        for (int t = 0; t < N_TRIGGERS; t++)
            add_trigger(s, f, &bk->triggers[t], &b);
        add_baseline(s, f, bk, &b);
        add_checks(s, v, &b);
        add_marks(s, f, v, &b);
    }
    buf_release(&b);
}

static const char *line_at(const void *ctx, size_t i)
{
    return ((const struct state *)ctx)->lines[i].text;
}

static enum role role_at(const void *ctx, size_t i)
{
    return ((const struct state *)ctx)->lines[i].role;
}

static struct lines_of lines(const struct state *s)
{
    return (struct lines_of){ .n = s->n, .line = line_at, .role = role_at, .ctx = s };
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct bake *b = bake_of(state, f);
    char clock[CLOCK_TEXT];
    if (b)
        buf_addf(out, "%s %s: %s%s, %s", b->name, b->is_by_hand ? "by hand" : b->what, verdict_name(b->word),
                 b->word == VERDICT_PASS && b->phase != BAKE_OVER ? " so far" : "", verdict_clock(b, f->now_ms, clock));
    else
        buf_adds(out, "no window is open for it");
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    const struct verdict *v = frame_section(f, SECTION_VERDICT);
    uint64_t version = v ? v->section.version : 0;
    if (version != s->version || f->prefs->zone != s->zone || !s->n) {
        s->version = version;
        s->zone = f->prefs->zone;
        build(s, f);
    }
    struct lines_of l = lines(s);
    textview_settle(&s->view, &l, false, rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    struct lines_of l = lines(s);
    (void)f;
    if (s->n)
        textview_render(&s->view, &l, c);
    else
        canvas_text(c, 0, 1, -1, ROLE_DIM, "a deploy begins a window by itself; :mark begins one now");
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    struct lines_of l = lines(s);
    (void)f;
    return textview_nav(&s->view, &l, n, arg);
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    (void)f;
    for (size_t i = 0; i < s->n; i++) {
        text_clean(out, s->lines[i].text, strlen(s->lines[i].text));
        buf_addc(out, '\n');
    }
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    struct state *s = state;
    (void)f;
    snprintf(s->id, sizeof s->id, "%s", id);
    s->view = (struct textview){ .wrap = true };
    s->n = 0;
    return true;
}

static void release(void *state)
{
    arena_release(&((struct state *)state)->arena);
}

static void wrap(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)ui, (void)arg;
    nav(state, f, NAV_WRAP, NULL);
}

static void open_workload(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)f, (void)arg;
    ui_open(ui, "workload", ((struct state *)state)->id);
}

static const struct cmd cmds[] = {
    { "wrap", "", "wrap long lines, or cut them", false, wrap },
    { "workload", "", "open its workload: pods, revisions, events", false, open_workload },
    { 0 },
};

const struct panel_ops evidence_panel = {
    .name = "evidence", .reads = 1u << SECTION_VERDICT, .is_layer = true, .state_size = sizeof(struct state), .cmds = cmds,
    .title = title, .is_stale = panels_are_stale, .settle = settle, .render = render, .nav = nav, .copy = copy,
    .locate = locate, .release = release,
};
