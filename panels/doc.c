/*
 * The text that somebody asked to see: description, YAML, difference or log.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"
#include "tui/textview.h"

struct state {
    struct textview view;
    bool is_met;      /* the text has come: how it opens was chosen */
    uint64_t request; /* which one we wait for: an older answer is not shown under its name */
};

static const struct doc *doc_of(const struct state *s, const struct frame *f)
{
    const struct doc *d = frame_section(f, SECTION_DOC);
    return d && d->request == s->request ? d : NULL;
}

static const char *line_at(const void *ctx, size_t i)
{
    return ((const struct doc *)ctx)->lines[i];
}

static enum role role_at(const void *ctx, size_t i)
{
    const struct doc *d = ctx;
    if (d->kind == DOC_DIFF)
        return d->lines[i][0] == '+' ? ROLE_ADDED : d->lines[i][0] == '-' ? ROLE_REMOVED : ROLE_DIM;
    return ROLE_TEXT;
}

static struct lines_of lines(const struct doc *d)
{
    return (struct lines_of){ .n = d ? d->n : 0, .line = line_at, .role = role_at, .ctx = d,
                              .dropped = d && d->kind == DOC_LOG ? d->dropped : 0 };
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    static const char *const words[] = { "loading", "", "following", "ended", "failed" };
    const struct state *s = state;
    const struct doc *d = doc_of(s, f);
    if (!d) {
        buf_adds(out, "loading");
        return;
    }
    struct lines_of l = lines(d);
    int64_t fresh = textview_new(&s->view, &l);
    buf_addf(out, "%s  %zu lines", d->title, d->n);
    if (d->dropped)
        buf_addf(out, ", %" PRId64 " %s not kept", d->dropped, d->kind == DOC_LOG ? "older" : "more");
    if (words[d->state][0])
        buf_addf(out, ", %s", fresh && d->state == DOC_FOLLOWING ? "not following" : words[d->state]);
    if (fresh)
        buf_addf(out, ", %" PRId64 " new (F follows)", fresh);
    if (s->view.search[0])
        buf_addf(out, " /%s/", s->view.search);
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    const struct doc *d = doc_of(s, f);
    struct lines_of l = lines(d);
    if (d && !s->is_met) { /* a description is there to be read whole, YAML and a log line by line */
        s->view.wrap = d->kind == DOC_DESCRIBE;
        s->is_met = true;
    }
    textview_settle(&s->view, &l, d && d->kind == DOC_LOG, rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    const struct doc *d = doc_of(s, f);
    struct lines_of l = lines(d);
    if (d && d->state == DOC_FAILED)
        canvas_text(c, 0, 1, -1, ROLE_WARN, d->error);
    else if (d && !d->n && d->state != DOC_LOADING)
        canvas_text(c, 0, 1, -1, ROLE_DIM, d->kind == DOC_DIFF ? "no difference" : "nothing yet");
    else if (d)
        textview_render(&s->view, &l, c);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    struct lines_of l = lines(doc_of(s, f));
    return textview_nav(&s->view, &l, n, arg);
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct doc *d = doc_of(s, f);
    for (size_t i = (size_t)(s->view.top - lines(d).dropped); d && i < d->n; i++) {
        text_clean(out, d->lines[i], strlen(d->lines[i]));
        buf_addc(out, '\n');
    }
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    struct state *s = state;
    (void)f;
    s->view = (struct textview){ 0 };
    s->is_met = false;
    s->request = strtoull(id, NULL, 10);
    return true;
}

static void wrap(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    nav(state, f, NAV_WRAP, NULL);
    ui_say(ui, ((struct state *)state)->view.wrap ? "long lines wrap" : "long lines are cut");
}

static const struct cmd cmds[] = {
    { "wrap", "", "wrap long lines, or cut them", false, wrap },
    { 0 },
};

const struct panel_ops doc_panel = {
    .name = "doc", .reads = 1u << SECTION_DOC, .is_layer = true, .state_size = sizeof(struct state),
    .cmds = cmds, .title = title, .settle = settle, .render = render, .nav = nav, .copy = copy,
    .locate = locate,
};
