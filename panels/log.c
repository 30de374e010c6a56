/*
 * Our own log, the last lines of it.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "panels/panels.h"
#include "tui/textview.h"

struct state {
    struct textview view;
    struct log_entry *entries;
    size_t n;
    uint64_t seq;
    char line[LOG_LINE + 64];
};

static const char *line_at(const void *ctx, size_t i)
{
    struct state *s = (struct state *)(uintptr_t)ctx; /* a buffer for one line at a time */
    char when[CLOCK_TEXT];
    const struct log_entry *en = &s->entries[i];
    snprintf(s->line, sizeof s->line, "%s %-5s %-6s %s", clock_format_rfc3339(en->at_ms, when),
             log_level_name(en->level), en->src, en->text);
    return s->line;
}

static enum role role_at(const void *ctx, size_t i)
{
    const struct state *s = ctx;
    return s->entries[i].level >= LOG_WARN ? ROLE_WARN : ROLE_TEXT;
}

static struct lines_of lines(const struct state *s)
{
    return (struct lines_of){ .n = s->n, .line = line_at, .role = role_at, .ctx = s,
                              .dropped = (int64_t)(s->seq - s->n) };
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    (void)f;
    if (!s->entries)
        s->entries = x_calloc(LOG_LINES, sizeof *s->entries);
    s->seq = log_seq();
    s->n = log_read(s->entries, LOG_LINES, s->seq);
    struct lines_of l = lines(s);
    textview_settle(&s->view, &l, true, rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    struct lines_of l = lines(s);
    (void)f;
    if (s->n)
        textview_render(&s->view, &l, c);
    else
        canvas_text(c, 0, 1, -1, ROLE_DIM, "nothing has been logged yet");
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    struct lines_of l = lines(s);
    (void)f;
    return textview_nav(&s->view, &l, n, arg);
}

static void release(void *state)
{
    free(((struct state *)state)->entries);
}

static void wrap(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)ui, (void)arg;
    nav(state, f, NAV_WRAP, NULL);
}

static const struct cmd cmds[] = {
    { "wrap", "", "wrap long lines, or cut them", false, wrap },
    { 0 },
};

const struct panel_ops log_panel = {
    .name = "log", .reads = 1u << SECTION_LOG, .is_layer = true, .state_size = sizeof(struct state),
    .cmds = cmds, .settle = settle, .render = render, .nav = nav, .release = release,
};
