/*
 * The commands that every panel has.
 */
#include <stdio.h>
#include <string.h>

#include "core/model/verdict.h"
#include "tui/app_state.h"
#include "tui/clip.h"
#include "tui/links.h"

enum { ARM_MS = 10 * 60000, ARM_MOST_MS = 3600000 };

static void nav(struct ui *ui, enum nav n, const char *refusal)
{
    size_t top = ui_top(ui);
    struct frame f = ui_frame(ui, top);
    if (!ui->ops[top]->nav || !ui->ops[top]->nav(ui->state[top], &f, n, NULL))
        ui_warn(ui, "%s", refusal);
}

#define NAV(fn, which, refusal)                                                              \
    static void fn(struct ui *ui, void *state, const struct frame *f, const char *arg)       \
    {                                                                                        \
        (void)state, (void)f, (void)arg;                                                     \
        nav(ui, which, refusal);                                                             \
    }
NAV(down, NAV_DOWN, "")
NAV(up, NAV_UP, "")
NAV(page_down, NAV_PAGE_DOWN, "")
NAV(page_up, NAV_PAGE_UP, "")
NAV(half_down, NAV_HALF_DOWN, "")
NAV(half_up, NAV_HALF_UP, "")
NAV(top, NAV_TOP, "")
NAV(bottom, NAV_BOTTOM, "")
NAV(left, NAV_LEFT, "")
NAV(right, NAV_RIGHT, "")
NAV(sort_next, NAV_SORT_NEXT, "this view has one order")
NAV(sort_previous, NAV_SORT_PREV, "this view has one order")
NAV(sort_reverse, NAV_REVERSE, "this view has one order")
NAV(faults, NAV_FAULTS, "this view knows no faults")
NAV(next_fault, NAV_NEXT_FAULT, "nothing is wrong here")
NAV(previous_fault, NAV_PREV_FAULT, "nothing is wrong here")
NAV(next_match, NAV_NEXT_MATCH, "not found; / searches in texts")
NAV(previous_match, NAV_PREV_MATCH, "not found; / searches in texts")
NAV(follow_view, NAV_FOLLOW, "this view does not follow")

static void follow(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    if (past_is_wanted(ui))
        past_leave(ui);
    else
        follow_view(ui, state, f, arg);
}

static void sort(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    size_t top = ui_top(ui);
    (void)state;
    if (!ui->ops[top]->nav || !ui->ops[top]->nav(ui->state[top], f, NAV_SORT, arg))
        ui_warn(ui, "no column \"%.30s\" here; its title as it stands, or nothing for the panel's own order", arg);
}

static void layout(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    static const char *const words[] = { "by the screen's size", "one column", "two columns" };
    (void)state, (void)f, (void)arg;
    ui->preset = (enum layout_preset)((ui->preset + 1) % N_PRESETS);
    ui_say(ui, "layout: %s", words[ui->preset]);
}

static void quit_now(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui->wants_quit = true;
}

static void quit(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    if (!ui_is_changing(ui)) {
        quit_now(ui, state, f, arg);
        return;
    }
    ui->asks_quit = true;
    ui_warn(ui, "a change is under way and its end is not known yet: quit all the same? y");
}

static void close_top(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    if (ui->n_layers)
        ui_close_layer(ui);
    else
        quit(ui, state, f, arg);
}

static void back(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    size_t i = ui_top(ui);
    struct frame now = ui_frame(ui, i);
    if (ui->n_layers)
        ui_close_layer(ui);
    else if (ui->zoom)
        ui->zoom = false;
    else if (ui->ops[i]->nav) /* esc on a list takes its filter away */
        ui->ops[i]->nav(ui->state[i], &now, NAV_FILTER, "");
}

static void help(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f;
    ui_open(ui, "help", arg);
}

static void prompt(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f;
    if (text_eq(arg, "filter"))
        prompt_open(&ui->prompt, "/", "");
    else {
        char line[64];
        snprintf(line, sizeof line, "%.60s%s", arg, arg[0] ? " " : "");
        prompt_open(&ui->prompt, ":", line);
    }
}

static void focus_on(struct ui *ui, size_t i)
{
    if (i >= ui->n_tabs)
        return;
    while (ui->n_layers)
        ui_close_layer(ui);
    if (i != ui->focus)
        ui->last_focus = ui->focus;
    ui->focus = i;
}

static void focus(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    int64_t n;
    (void)state, (void)f;
    if (!text_to_int(arg, strlen(arg), 1, (int64_t)ui->n_tabs, &n))
        ui_warn(ui, "there are %zu panels", ui->n_tabs);
    else
        focus_on(ui, (size_t)n - 1);
}

static void next(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    focus_on(ui, (ui->focus + 1) % ui->n_tabs);
}

static void previous(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    focus_on(ui, (ui->focus + ui->n_tabs - 1) % ui->n_tabs);
}

static void last(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    focus_on(ui, ui->last_focus);
}

static void zoom(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui->zoom = !ui->zoom;
}

static void pause_view(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    if (past_refuses(ui, "the past stands still"))
        return;
    ui->is_paused = !ui->is_paused;
    past_show(ui);
    ui_say(ui, ui->is_paused ? "the view stands still; data is still gathered" : "live again");
}

static void refresh_now(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    if (ui_send(ui, &(struct cmd_msg){ .kind = CMD_REFRESH }))
        ui_say(ui, "asking every source again");
}

static void redraw_all(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    term_repaint(ui->term);
}

static void zone(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    static const char *const words[] = { "times are UTC", "times are local", "times are since the deploy" };
    (void)state, (void)f, (void)arg;
    ui->prefs.zone = (enum zone)((ui->prefs.zone + 1) % 3);
    ui_say(ui, "%s", words[ui->prefs.zone]);
}

static void switch_to(struct ui *ui, enum cmd_kind kind, const char *name)
{
    struct cmd_msg m = { .kind = kind };
    snprintf(m.name, sizeof m.name, "%s", name);
    past_leave(ui);
    while (ui->n_layers)
        ui_close_layer(ui);
    ui->is_paused = false; /* the rows of one place must not stand under the name of another */
    ui->kept[0] = '\0';    /* nor a row's id be meant in another */
    ui_send(ui, &m);
}

static void ns(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    char copy[256];
    (void)state, (void)f;
    if (!arg[0]) {
        prompt_open(&ui->prompt, ":", "ns ");
        ui_offer(ui);
        return;
    }
    snprintf(copy, sizeof copy, "%s", arg);
    char *rest = copy;
    for (char *one; (one = strsep(&rest, ", "));) {
        if (one[0] && !text_is_dns1123_label(one)) {
            ui_warn(ui, "\"%.60s\" is not the name of a namespace", one);
            return;
        }
    }
    switch_to(ui, CMD_NAMESPACE, text_eq(arg, "all") ? "" : arg);
}

static void ctx(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct ident *id = ui->snap ? (struct ident *)ui->snap->sections[SECTION_IDENT] : NULL;
    (void)state, (void)f;
    if (!arg[0]) {
        prompt_open(&ui->prompt, ":", "ctx ");
        ui_offer(ui);
        return;
    }
    if (ui_is_changing(ui)) {
        ui_warn(ui, "a change is under way here: see its end first");
        return;
    }
    for (size_t i = 0; id && i < id->n_contexts; i++) {
        if (text_eq(id->contexts[i], arg)) {
            switch_to(ui, CMD_CONTEXT, arg);
            return;
        }
    }
    ui_warn(ui, "no context \"%.60s\" in the kubeconfig (Tab lists them)", arg);
}

static void go(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    char panel[32];
    (void)state, (void)f;
    size_t n = strcspn(arg, " ");
    snprintf(panel, sizeof panel, "%.*s", (int)(n < sizeof panel ? n : sizeof panel - 1), arg);
    ui_open(ui, panel, arg[n] ? arg + n + 1 : "");
}

/* Changes are allowed for a while, and the strip says so; gather decides and keeps the time. */
static void arm(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct ident *id = frame_section(f, SECTION_IDENT);
    struct cmd_msg m = { .kind = CMD_ARM, .ms = ARM_MS };
    (void)state;
    if (past_refuses(ui, "changes"))
        return;
    if (id && id->write_ban[0])
        ui_warn(ui, "read-only: %s", id->write_ban);
    else if (arg[0] && (!text_to_span_ms(arg, &m.ms) || m.ms < 1000 || m.ms > ARM_MOST_MS))
        ui_warn(ui, "arm TIME: from 1s to 1h, as in :arm 10m");
    else if (ui_send(ui, &m))
        ui_say(ui, "arming: the journal is asked first");
}

static void disarm(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui_send(ui, &(struct cmd_msg){ .kind = CMD_DISARM });
}

static void show_log(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui_open(ui, "log", "");
}

static void journal(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui_open_doc(ui, &(struct cmd_msg){ .doc = DOC_JOURNAL });
}

static void smoke(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct cmd_msg m = { .doc = DOC_SMOKE };
    (void)state, (void)f;
    snprintf(m.name, sizeof m.name, "%s", arg);
    ui_open_doc(ui, &m);
}

static void set(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct theme theme;
    struct err e = { 0 };
    (void)state, (void)f;
    if (text_eq(arg, "ascii") || text_eq(arg, "unicode")) {
        ui->prefs.ascii = ui->canvas.ascii = text_eq(arg, "ascii");
        term_repaint(ui->term);
    } else if (text_skip(&arg, "theme ")) {
        if (theme_load(arg, &theme, &e))
            ui_warn(ui, "%s", e.text);
        else
            term_theme(ui->term, &theme);
    } else if (text_eq(arg, "bell") || text_eq(arg, "nobell")) {
        ui->no_bell = text_eq(arg, "nobell");
    } else if (text_eq(arg, "osc9") || text_eq(arg, "noosc9")) {
        ui->has_osc9 = text_eq(arg, "osc9");
    } else {
        ui_warn(ui, "set theme NAME, ascii, unicode, bell, nobell, osc9 or noosc9");
    }
}

/* Tests wait for this line: every key before it has been done, every snapshot so far is drawn. */
static void sync_now(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui_say(ui, "sync %llu", (unsigned long long)++ui->syncs);
}

static void suspend_now(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui->wants_suspend = true;
}

static void mouse(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    ui->mouse = !ui->mouse;
    term_mouse(ui->term, ui->mouse);
    ui_say(ui, ui->mouse ? "the mouse scrolls here; F2 gives it back to the terminal"
                         : "the mouse is the terminal's again");
}

static void copy(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    size_t i = ui_top(ui);
    struct buf text = BUF_INIT(CLIP_BYTES);
    (void)state, (void)arg;
    if (ui->ops[i]->copy)
        ui->ops[i]->copy(ui->state[i], f, &text);
    if (!text.len)
        ui_warn(ui, "there is nothing to copy here");
    else
        ui_say(ui, "copied %zu bytes%s", text.len, clip_copy(ui->term, buf_str(&text), text.len));
    buf_release(&text);
}

/* ---- the verdict ---- */

static const struct bake *bake_here(struct ui *ui)
{
    size_t i = ui_top(ui);
    struct frame f = ui_frame(ui, i);
    const struct verdict *v = frame_section(&f, SECTION_VERDICT);
    struct buf id = BUF_INIT(TEXT_CELL * 64);
    const struct bake *b = NULL;
    if (ui->ops[i]->selected_id) {
        ui->ops[i]->selected_id(ui->state[i], &f, &id);
        b = verdict_bake(v, buf_str(&id));
    }
    buf_release(&id);
    return b ? b : v && v->n_bakes ? &v->bakes[0] : NULL;
}

static void verdict(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    const struct bake *b = bake_here(ui);
    if (b)
        ui_open(ui, "evidence", b->subject);
    else
        ui_warn(ui, "no window is open: a deploy begins one, and so does :mark");
}

/* A word for the time line; where no window is open it begins one, or else nothing would be judged. */
static void mark(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct verdict *v = frame_section(f, SECTION_VERDICT);
    struct cmd_msg m = { .kind = v && v->n_bakes ? CMD_MARK : CMD_BAKE, .ms = TIME_NONE };
    (void)state;
    if (past_refuses(ui, "a mark is of now"))
        return;
    snprintf(m.note, sizeof m.note, "%s", arg[0] ? arg : "mark");
    if (m.kind == CMD_BAKE && !ui_send(ui, &m))
        return;
    bool begins = m.kind == CMD_BAKE;
    m.kind = CMD_MARK;
    if (ui_send(ui, &m))
        ui_say(ui, begins ? "a window begins now, for every workload" : "marked");
}

static void bake(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    size_t i = ui_top(ui);
    struct cmd_msg m = { .kind = CMD_BAKE, .ms = TIME_NONE };
    struct buf id = BUF_INIT(sizeof m.workload - 1);
    int64_t ago = 0;
    (void)state, (void)f;
    if (past_refuses(ui, "a window"))
        return;
    if (arg[0] && !text_to_span_ms(arg, &ago)) {
        ui_warn(ui, "how long ago did it begin? \"%.40s\" is no time like 10m", arg);
        return;
    }
    if (ui->ops[i]->selected_id) {
        struct frame now = ui_frame(ui, i);
        ui->ops[i]->selected_id(ui->state[i], &now, &id);
    }
    snprintf(m.workload, sizeof m.workload, "%s", buf_str(&id));
    buf_release(&id);
    m.ms = clock_story_ms() - ago;
    if (ui_send(ui, &m))
        ui_say(ui, m.workload[0] ? "a window by hand for this workload" : "a window by hand for every workload");
}

const struct cmd app_commands[] = {
    { "help", "", "keys and commands", false, help },
    { "prompt", "[filter|COMMAND]", "a line for a command, or for a filter", false, prompt },
    { "close", "", "close the top view; on the first one: quit", false, close_top },
    { "back", "", "close the top view, leave zoom, or clear the filter", false, back },
    { "quit", "", "quit", false, quit },
    { "q", "", "quit", false, quit },
    { "q!", "", "quit now", false, quit_now },
    { "focus", "N", "go to panel N", false, focus },
    { "next", "", "next panel", false, next },
    { "previous", "", "previous panel", false, previous },
    { "last", "", "the panel before this one", false, last },
    { "zoom", "", "one panel on the whole screen", false, zoom },
    { "down", "", "next row", false, down },
    { "up", "", "previous row", false, up },
    { "page-down", "", "one page down", false, page_down },
    { "page-up", "", "one page up", false, page_up },
    { "half-down", "", "half a page down", false, half_down },
    { "half-up", "", "half a page up", false, half_up },
    { "top", "", "first row", false, top },
    { "bottom", "", "last row", false, bottom },
    { "left", "", "scroll left", false, left },
    { "right", "", "scroll right", false, right },
    { "sort-next", "", "order by the next column", false, sort_next },
    { "sort-previous", "", "order by the previous column", false, sort_previous },
    { "sort-reverse", "", "turn the order round", false, sort_reverse },
    { "sort", "[COLUMN]", "order by this column; alone: the panel's own order", false, sort },
    { "layout", "", "the next arrangement of the panels", false, layout },
    { "faults", "", "show only what is wrong", false, faults },
    { "next-fault", "", "next row with something wrong", false, next_fault },
    { "previous-fault", "", "previous row with something wrong", false, previous_fault },
    { "next-match", "", "next match in a text", false, next_match },
    { "previous-match", "", "previous match in a text", false, previous_match },
    { "follow", "", "follow the newest line again; from the past: back to now", false, follow },
    { "earlier", "[TIME]", "show the past: 15s, or TIME, earlier; recording goes on", false, past_earlier },
    { "later", "[TIME]", "in the past: 15s, or TIME, later", false, past_later },
    { "previous-mark", "", "show the past: the event before, on the time line", false, past_previous_mark },
    { "next-mark", "", "in the past: the event after", false, past_next_mark },
    { "at", "TIME", "show the past: 14:02, -10m, T+5:30, deploy", false, past_at },
    { "now", "", "back to now", false, past_now },
    { "pause", "", "hold the view still; gathering goes on", false, pause_view },
    { "refresh", "", "ask every source again, now", false, refresh_now },
    { "redraw", "", "paint the whole screen again", false, redraw_all },
    { "zone", "", "times in UTC, local, or since the deploy", false, zone },
    { "verdict", "", "the evidence behind the verdict, of the selected workload if it has one", false, verdict },
    { "link", "[NAME]", "copy a link of the config for the selected workload", false, links_copy },
    { "mark", "[TEXT]", "a mark on the time line; begins a window where none is open", false, mark },
    { "bake", "[TIME]", "begin a window by hand, now or TIME ago, for the selected workload", false, bake },
    { "ns", "[NAME[,NAME]|all]", "watch other namespaces; alone: lists them", false, ns },
    { "ctx", "[NAME]", "watch another context, read-only; alone: lists them", false, ctx },
    { "arm", "[TIME]", "allow changes for 10m, or for TIME; each is asked for", false, arm },
    { "disarm", "", "read-only again", false, disarm },
    { "goto", "PANEL [ID]", "open a panel, at a row", false, go },
    { "log", "", "our own log", false, show_log },
    { "journal", "", "what was changed from here, and what has no known end", false, journal },
    { "smoke", "[NAME]", "run a smoke check of the config; alone: lists them", false, smoke },
    { "set", "theme NAME|ascii|unicode|[no]bell|[no]osc9", "how the screen looks and sounds", false, set },
    { "copy", "", "copy the row to the terminal's clipboard", false, copy },
    { "mouse", "", "mouse on or off", false, mouse },
    { "suspend", "", "stop, back to the shell; fg returns", false, suspend_now },
    { "sync", "", "say so when everything so far is drawn", false, sync_now },
    { 0 },
};
