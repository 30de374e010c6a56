/*
 * One error: what it is and what the process wants next, who did what, its group's history, then the
 * whole record with its stack trace, which is fetched when this opens.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/errors.h"
#include "panels/panels.h"
#include "tui/textview.h"

enum { HEAD_ROWS = 4 };

struct state {
    char id[24];          /* of the error */
    uint64_t request;     /* the whole record was asked for under this number; 0 = not yet */
    struct textview view; /* of the record's lines */
};

static const struct error_item *find(const struct state *s, const struct frame *f)
{
    const struct errors *es = errors_in(f);
    int64_t id;
    return es && text_to_int(s->id, strlen(s->id), INT64_MIN, INT64_MAX, &id) ? errors_find(es, id) : NULL;
}

static const struct doc *doc_of(const struct state *s, const struct frame *f)
{
    const struct doc *d = frame_section(f, SECTION_DOC);
    return d && s->request && d->request == s->request ? d : NULL;
}

static const char *line_at(const void *ctx, size_t i)
{
    return ((const struct doc *)ctx)->lines[i];
}

/* "name:" lines are the record's columns, what is indented belongs to them. */
static enum role role_at(const void *ctx, size_t i)
{
    return line_at(ctx, i)[0] == ' ' ? ROLE_TEXT : ROLE_HEADER;
}

static struct lines_of lines(const struct doc *d)
{
    return (struct lines_of){ .n = d ? d->n : 0, .line = line_at, .role = role_at, .ctx = d };
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct error_item *it = find(s, f);
    buf_addf(out, "%s", s->id);
    if (it)
        buf_addf(out, " %s%s%s", it->row->service, it->row->code[0] ? " " : "", it->row->code);
    if (s->view.search[0])
        buf_addf(out, " /%s/", s->view.search);
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    struct lines_of l = lines(doc_of(s, f));
    textview_settle(&s->view, &l, false, rows - HEAD_ROWS, cols);
}

static void head_steps(const struct error_item *it, const struct errors *es, const struct frame *f, struct buf *b)
{
    char when[CLOCK_TEXT];
    for (int i = 0; i < N_STEPS && it->steps; i++) {
        const struct error_done *d = &it->steps[i];
        if (d->at_ms == TIME_NONE)
            continue;
        buf_addf(b, "%s%s by ", b->len ? ", " : "", error_step_name((enum error_step)i));
        buf_add_most(b, d->by);
        buf_addf(b, " %s%s", panel_time(f, d->at_ms, when), d->is_local ? " (only here)" : "");
    }
    if (!errors_is_open(it)) {
        buf_addf(b, "%sresolved by ", b->len ? ", " : "");
        buf_add_most(b, it->row->resolved_by[0] ? it->row->resolved_by : "-");
        buf_addf(b, " %s", panel_time(f, it->resolved_ms, when));
    }
    if (!b->len)
        buf_addf(b, "nobody has acknowledged it (a does)%s", es->has_steps ? "" : "; steps are kept only here");
}

static void head(const struct error_item *it, const struct errors *es, const struct frame *f, struct canvas *c)
{
    struct buf b = BUF_INIT(2048);
    char text[CLOCK_TEXT];
    bool is_open = errors_is_open(it);
    int col = 1 + canvas_textf(c, 0, 1, errors_severity_role(it->row->severity, is_open), " %s ",
                               it->row->severity == SEVERITY_OTHER && it->row->severity_text[0]
                                   ? it->row->severity_text : severity_name(it->row->severity));
    col += canvas_textf(c, 0, col + 1, ROLE_DIM, "%s  ", category_name(it->row->category)) + 1;
    enum role r = errors_due(it, f, &b);
    col += canvas_text(c, 0, col, -1, r, buf_str(&b)) + 2;
    canvas_textf(c, 0, col, ROLE_DIM, "%s %s", it->row->environment, it->row->stage);
    canvas_text(c, 1, 1, -1, ROLE_TITLE, it->row->message);
    buf_clear(&b);
    if (it->group < es->n_groups) {
        const struct error_group *g = &es->groups[it->group];
        buf_addf(&b, "%s%s%" PRId64 " of its kind, %" PRId64 " open, %.1f a minute, first %s ago", novelty_name(g->novelty),
                 novelty_name(g->novelty)[0] ? ": " : "", g->count, g->n_open, g->per_minute,
                 panel_age(f, g->first_ms, text));
        if (g->deployed_ms != TIME_NONE)
            buf_addf(&b, "; %" PRId64 " before the deploy, %" PRId64 " since", g->before, g->after);
    }
    buf_addf(&b, "%s%s", b.len ? "; " : "", it->workload[0] ? it->workload : "no workload");
    canvas_text(c, 2, 1, -1, ROLE_DIM, buf_str(&b));
    buf_clear(&b);
    head_steps(it, es, f, &b);
    canvas_text(c, 3, 1, -1, ROLE_DIM, buf_str(&b));
    buf_release(&b);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    const struct error_item *it = find(s, f);
    const struct doc *d = doc_of(s, f);
    c->stale = errors_are_stale(f);
    if (it)
        head(it, errors_in(f), f, c);
    else
        canvas_text(c, 0, 1, -1, ROLE_DIM, "this row is not held any more; what follows was read when it was opened");
    struct canvas body = canvas_window(c, (struct area){ HEAD_ROWS, 0, c->at.rows - HEAD_ROWS, c->at.cols });
    struct lines_of l = lines(d);
    if (d && d->state == DOC_FAILED)
        canvas_text(&body, 0, 1, -1, ROLE_WARN, d->error);
    else if (d && d->state != DOC_LOADING)
        textview_render(&s->view, &l, &body);
    else
        canvas_text(&body, 0, 1, -1, ROLE_DIM, "reading the whole record");
}

static void ask(struct ui *ui, struct state *s)
{
    struct cmd_msg m = { .doc = DOC_ERROR };
    int64_t id;
    if (text_to_int(s->id, strlen(s->id), INT64_MIN, INT64_MAX, &id)) {
        m.id = id;
        s->request = ui_ask_doc(ui, &m);
    }
}

/* The next one in the feed's order, as e and E do. */
static bool step(struct state *s, const struct frame *f, int by)
{
    const struct errors *es = errors_in(f);
    const struct error_item *it = find(s, f);
    if (!it)
        return false;
    size_t i = (size_t)(it - es->items);
    if ((by < 0 && i == 0) || (by > 0 && i + 1 == es->n))
        return false;
    snprintf(s->id, sizeof s->id, "%" PRId64, es->items[by < 0 ? i - 1 : i + 1].row->id);
    s->request = 0;
    s->view = (struct textview){ 0 };
    return true;
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    struct lines_of l = lines(doc_of(s, f));
    return textview_nav(&s->view, &l, n, arg);
}

static bool has_row(const void *state, const struct frame *f)
{
    return find(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct doc *d = doc_of(s, f);
    for (size_t i = 0; d && i < d->n; i++) {
        text_clean(out, d->lines[i], strlen(d->lines[i]));
        buf_addc(out, '\n');
    }
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    struct state *s = state;
    (void)f;
    *s = (struct state){ 0 };
    snprintf(s->id, sizeof s->id, "%s", id);
    return true;
}

static void opened(struct ui *ui, void *state)
{
    ask(ui, state);
}

/* ---- commands ---- */

static void next(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    if (step(state, f, 1))
        ask(ui, state);
    else
        ui_warn(ui, "this is the oldest that is held");
}

static void previous(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    if (step(state, f, -1))
        ask(ui, state);
    else
        ui_warn(ui, "this is the newest");
}

static void workload(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct error_item *it = find(state, f);
    (void)arg;
    if (it->workload[0])
        ui_open(ui, "workload", it->workload);
    else
        ui_warn(ui, "the service belongs to no workload here (services: in the config names one)");
}

static void wrap(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    nav(state, f, NAV_WRAP, NULL);
    ui_say(ui, ((struct state *)state)->view.wrap ? "long lines wrap" : "long lines are cut");
}

ERROR_ACTS(find(state, f), find(state, f))

void errors_act(struct ui *ui, const struct frame *f, const struct error_item *it, const char *verb,
                const char *note)
{
    const struct ident *id = frame_section(f, SECTION_IDENT);
    struct cmd_msg m = { .is_group = text_ends(verb, "_all") };
    bool is_pinned = note[0] == '#';
    char line[PROMPT_LINE], word[24];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(verb, "_"), verb);
    if (is_pinned) { /* the row that was meant when the prompt opened, wherever the selection is now */
        int64_t n;
        size_t len = strcspn(note, " ");
        it = text_to_int(note + 1, len - 1, INT64_MIN, INT64_MAX, &n) && errors_in(f) ? errors_find(errors_in(f), n) : NULL;
        note += len + strspn(note + len, " ");
    }
    if (it)
        snprintf(line, sizeof line, "%s%s #%" PRId64 " %s", word, m.is_group ? "-all" : "", it->row->id, note);
    if (!it) {
        ui_warn(ui, "the row is not held any more");
    } else if (id && id->read_only) {
        const char *arm = ":arm 10m allows changes for ten minutes";
        bool is_kept = note[0] && !id->write_ban[0];
        ui_warn(ui, "read-only: %s%s", id->write_ban[0] ? id->write_ban : arm, is_kept ? "; the note comes back then" : "");
        if (is_kept)
            ui_keep(ui, line);
    } else if (text_eq(word, "resolve") && !note[0]) {
        if (is_pinned) /* the line that we asked for, without one */
            ui_warn(ui, "resolve needs a note: what was done is what the next one reads; nothing was changed");
        else
            ui_prompt(ui, line);
    } else {
        m.id = it->row->id;
        snprintf(m.verb, sizeof m.verb, "%s", word);
        snprintf(m.note, sizeof m.note, "%s", note);
        ui_plan(ui, &m);
    }
}

static const struct cmd cmds[] = {
    { "next-error", "", "the next error of the feed", false, next },
    { "previous-error", "", "the one before", false, previous },
    { "workload", "", "the workload that the error belongs to", true, workload },
    { "wrap", "", "wrap long lines, or cut them", false, wrap },
    ERROR_ACT_CMDS,
    { 0 },
};

const struct panel_ops error_panel = {
    .name = "error",
    .reads = 1u << SECTION_ERRORS | 1u << SECTION_DOC | 1u << SECTION_SOURCES | 1u << SECTION_CLOCK,
    .is_layer = true, .state_size = sizeof(struct state), .cmds = cmds, .title = title, .settle = settle,
    .render = render, .nav = nav, .has_row = has_row, .copy = copy, .locate = locate, .opened = opened,
};
