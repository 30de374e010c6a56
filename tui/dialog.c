#include "tui/dialog.h"

#include <stdio.h>
#include <string.h>

enum { MOST_COLS = 100, NARROW = 60, FRAME_ROWS = 6 /* two rules, target, blank, question, blank */ };

void dialog_open(struct dialog *d, uint64_t request)
{
    *d = (struct dialog){ .is_open = true, .request = request };
}

static bool is_waiting(const struct plan *p)
{
    return p && p->state == PLAN_READY;
}

static bool scroll(struct dialog *d, const char *key)
{
    int last = d->rows - d->height, step = 0;
    if (text_eq(key, "<down>"))
        step = 1;
    else if (text_eq(key, "<up>"))
        step = -1;
    else if (text_eq(key, "<pgdn>"))
        step = d->height;
    else if (text_eq(key, "<pgup>"))
        step = -d->height;
    else
        return false;
    d->top += step;
    if (d->top > last)
        d->top = last;
    if (d->top < 0)
        d->top = 0;
    return true;
}

static enum dialog_result close_it(struct dialog *d)
{
    d->is_open = false;
    return DIALOG_CLOSED;
}

static enum dialog_result confirm(struct dialog *d)
{
    d->is_sent = true;
    return DIALOG_CONFIRMED;
}

/* A line editor of one word: the other place where keys are told apart by hand. */
static enum dialog_result type(struct dialog *d, const struct plan *p, const char *key)
{
    size_t n = strlen(d->typed);
    d->is_mismatch = false;
    if (text_eq(key, "<enter>") || text_eq(key, "<c-j>")) {
        if (!n)
            return close_it(d);
        if (text_eq(d->typed, p->word))
            return confirm(d);
        d->is_mismatch = true;
        d->typed[0] = '\0';
    } else if (text_eq(key, "<bs>")) {
        while (n && ((unsigned char)d->typed[--n] & 0xC0) == 0x80)
            ;
        d->typed[n] = '\0';
    } else if (text_eq(key, "<c-u>")) {
        d->typed[0] = '\0';
    } else if ((key[0] != '<' || !key[1]) && n + strlen(key) < sizeof d->typed) {
        strcpy(d->typed + n, key);
    } else if (text_eq(key, "<space>") && n + 1 < sizeof d->typed) {
        strcpy(d->typed + n, " ");
    }
    return DIALOG_GOES_ON;
}

enum dialog_result dialog_key(struct dialog *d, const struct plan *p, const struct key *k, int64_t now_io_ms)
{
    if (!d->takes_keys && d->out_ms) /* typed ahead: the silence begins anew */
        d->out_ms = now_io_ms;
    if (k->kind != KEY_PRESS)
        return DIALOG_GOES_ON;
    if (text_eq(k->name, "<esc>") || text_eq(k->name, "<c-c>") || text_eq(k->name, "<c-g>"))
        return close_it(d);
    if (!is_waiting(p) || d->is_sent) { /* nothing is asked: a result is read, and put away */
        bool is_over = p && p->state >= PLAN_DONE && p->state != PLAN_UNKNOWN;
        bool is_refused = p && p->state == PLAN_REFUSED;
        return (is_over || is_refused) && d->takes_keys && (text_eq(k->name, "<enter>") || text_eq(k->name, "q"))
                   ? close_it(d) : DIALOG_GOES_ON;
    }
    if (!d->takes_keys || scroll(d, k->name))
        return DIALOG_GOES_ON;
    if (p->word[0])
        return type(d, p, k->name);
    return text_eq(k->name, "y") ? confirm(d) : close_it(d);
}

/* ---- drawing ---- */

static enum role frame_role(const struct ident *id)
{
    return !id ? ROLE_STRIP : id->class == ENV_PRODUCTION ? ROLE_PRODUCTION
         : id->class == ENV_STAGING ? ROLE_STAGING : ROLE_STRIP;
}

static void draw_frame(const struct plan *p, const struct ident *id, struct canvas *c)
{
    char line[512], names[128] = "";
    for (int row = 0; row < c->at.rows; row++)
        canvas_fill(c, row, ROLE_TEXT);
    canvas_fill(c, 0, frame_role(id));
    for (size_t i = 0; id && i < id->n_namespaces && i < 2; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.50s", i ? "," : "", id->namespaces[i]);
    snprintf(line, sizeof line, " %s  %s%s%s  ctx %s  ns %s%s", p ? p->verb : "",
             id && id->class == ENV_PRODUCTION ? "PRODUCTION " : id && id->class == ENV_STAGING ? "staging "
             : id && id->class == ENV_DEVELOPMENT ? "development " : "",
             id ? id->environment : "", id && id->environment[0] ? "" : "(no environment)",
             id && id->context[0] ? id->context : "-", id && id->all_namespaces ? "all" : names,
             id && id->n_namespaces > 2 ? ",..." : "");
    canvas_text(c, 0, 0, -1, frame_role(id), line);
    canvas_fill(c, c->at.rows - 1, frame_role(id));
    for (int row = 1; row < c->at.rows - 1; row++) {
        canvas_text(c, row, 0, 1, frame_role(id), " ");
        canvas_text(c, row, c->at.cols - 1, 1, frame_role(id), " ");
    }
}

/* How many bytes of `s` go into so many columns; at least one cell. */
static size_t fit(const char *s, int cols)
{
    const char *p = s, *end = s + strlen(s);
    struct text_cell t;
    for (int used = 0; p < end;) {
        const char *before = p;
        text_next(&p, end, &t);
        used += t.width;
        if (used > cols && before > s)
            return (size_t)(before - s);
    }
    return (size_t)(p - s);
}

/* Everything that is confirmed can be read: long lines go on below.  Draws from the row `top` on (c NULL:
 * nothing); returns how many rows there are. */
static int each_row(const struct plan *p, int top, int cols, struct canvas *c)
{
    static const enum role roles[] = { [PLAN_PLAIN] = ROLE_TEXT, [PLAN_BEFORE] = ROLE_REMOVED,
                                       [PLAN_AFTER] = ROLE_ADDED, [PLAN_WARNING] = ROLE_WARN };
    static const char *const marks[] = { [PLAN_PLAIN] = "  ", [PLAN_BEFORE] = "- ", [PLAN_AFTER] = "+ ",
                                         [PLAN_WARNING] = "! " };
    int row = 0;
    for (size_t i = 0; i < p->n_lines; i++) {
        const struct plan_line *l = &p->lines[i];
        const char *s = l->text;
        bool is_first = true;
        do {
            size_t n = fit(s, cols > 3 ? cols - 2 : 1);
            if (c && row >= top && row - top < c->at.rows) {
                canvas_text(c, row - top, 0, -1, roles[l->mark], is_first ? marks[l->mark] : "  ");
                canvas_textn(c, row - top, 2, -1, roles[l->mark], s, n);
            }
            s += n;
            row++;
            is_first = false;
        } while (*s);
    }
    return row;
}

static void draw_lines(struct dialog *d, const struct plan *p, struct canvas *c)
{
    d->height = c->at.rows;
    d->rows = each_row(p, d->top, c->at.cols, c);
    if (d->rows > c->at.rows && c->at.rows > 0)
        canvas_right(c, c->at.rows - 1, 0, c->at.cols, ROLE_DIM, " more: up, down ");
}

static void draw_question(const struct dialog *d, const struct plan *p, struct canvas *c, int row)
{
    static const char *const words[] = { [PLAN_MAKING] = "looking", [PLAN_REFUSED] = "cannot be done",
                                         [PLAN_RUNNING] = "sent", [PLAN_DONE] = "done",
                                         [PLAN_FAILED] = "not done", [PLAN_PARTLY] = "done in part",
                                         [PLAN_UNKNOWN] = "the answer was lost" };
    static const enum role roles[] = { [PLAN_MAKING] = ROLE_DIM, [PLAN_REFUSED] = ROLE_FAIL,
                                       [PLAN_RUNNING] = ROLE_PROGRESS, [PLAN_DONE] = ROLE_OK,
                                       [PLAN_FAILED] = ROLE_FAIL, [PLAN_PARTLY] = ROLE_WARN,
                                       [PLAN_UNKNOWN] = ROLE_WARN };
    enum plan_state s = p ? p->state : PLAN_MAKING;
    if (s == PLAN_READY && d->is_sent)
        s = PLAN_RUNNING;
    if (s == PLAN_READY && !d->takes_keys) {
        canvas_text(c, row, 2, -1, ROLE_DIM, "...");
    } else if (s == PLAN_READY && p->word[0]) {
        bool is_narrow = c->at.cols < NARROW; /* what is typed gets the second line */
        int col = 2 + canvas_textf(c, row, 2, ROLE_TITLE, is_narrow ? "Type %s:" : "Type %s and enter to %s: ", p->word,
                                   p->verb);
        if (is_narrow)
            col = 2;
        else
            canvas_text(c, row + 1, 2, -1, d->is_mismatch ? ROLE_FAIL : ROLE_DIM,
                        d->is_mismatch ? "that was something else; enter alone cancels" : "enter alone cancels");
        col += canvas_text(c, row + is_narrow, col, -1, ROLE_KEY, d->typed);
        canvas_text(c, row + is_narrow, col, 1, ROLE_SELECTED, " ");
    } else if (s == PLAN_READY) {
        canvas_textf(c, row, 2, ROLE_TITLE, "%s? y does it, anything else cancels", p->verb);
    } else {
        int col = 2 + canvas_textf(c, row, 2, roles[s], " %s ", words[s]);
        canvas_text(c, row, col + 1, -1, ROLE_TEXT, p ? p->text : "");
        canvas_text(c, row + 1, 2, -1, ROLE_DIM,
                    s == PLAN_RUNNING || s == PLAN_UNKNOWN ? "esc hides this; it goes on" : "enter or esc closes");
    }
}

void dialog_draw(struct dialog *d, const struct plan *p, const struct ident *id, struct canvas *screen)
{
    int cols = screen->at.cols < MOST_COLS + 4 ? screen->at.cols : MOST_COLS;
    int want = (p ? each_row(p, 0, cols - 4, NULL) : 0) + FRAME_ROWS;
    int rows = want < screen->at.rows ? want : screen->at.rows;
    struct canvas c = canvas_window(screen, (struct area){ (screen->at.rows - rows) / 2, (screen->at.cols - cols) / 2,
                                                           rows, cols });
    draw_frame(p, id, &c);
    if (p) {
        canvas_text(&c, 1, 2, cols - 4, ROLE_TITLE, p->target);
        struct canvas body = canvas_window(&c, (struct area){ 2, 2, rows - FRAME_ROWS, cols - 4 });
        draw_lines(d, p, &body);
    }
    struct canvas foot = canvas_window(&c, (struct area){ rows - 3, 1, 2, cols - 2 });
    draw_question(d, p, &foot, 0);
    d->is_ready = p && p->state != PLAN_MAKING;
}
