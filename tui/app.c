#include "tui/app.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/log.h"
#include "tui/app_state.h"
#include "tui/keeper.h"

enum { FRAME_MS = 33, TICK_MS = 1000 };
enum { FD_SNAP, FD_IN, FD_OUT, FD_SIGNAL, FD_KEEPER, N_FDS };

PRINTF_LIKE(3, 0) static void say(struct ui *ui, bool stays, const char *fmt, va_list ap)
{
    vsnprintf(ui->said, sizeof ui->said, fmt, ap);
    ui->said_ms = clock_io_ms();
    ui->said_stays = stays;
    ui->said_is_news = false;
    ui->is_dirty = true;
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(ui, false, fmt, ap);
    va_end(ap);
}

void ui_warn(struct ui *ui, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(ui, true, fmt, ap);
    va_end(ap);
}

bool ui_send(struct ui *ui, const struct cmd_msg *m)
{
    bool ok = cmdq_push(ui->env->cmdq, m);
    if (!ok)
        ui_warn(ui, "too many commands are waiting: try again");
    return ok;
}

size_t ui_find(const struct ui *ui, const char *name)
{
    size_t i = 0;
    while (i < ui->n_panels && !text_eq(ui->ops[i]->name, name))
        i++;
    return i;
}

size_t ui_top(const struct ui *ui)
{
    return ui->n_layers ? ui->layers[ui->n_layers - 1] : ui->focus;
}

void ui_open(struct ui *ui, const char *panel, const char *id)
{
    size_t i = ui_find(ui, panel);
    if (i == ui->n_panels) {
        ui_warn(ui, "no panel \"%s\"", panel);
        return;
    }
    struct frame f = ui_frame(ui, i);
    if (i < ui->n_tabs) {
        ui->n_layers = 0;
        if (ui->focus != i)
            ui->last_focus = ui->focus;
        ui->focus = i;
    } else if (ui_top(ui) != i && ui->n_layers < APP_LAYERS) {
        ui->layers[ui->n_layers++] = i;
    }
    if (id && id[0] && ui->ops[i]->locate)
        ui->ops[i]->locate(ui->state[i], &f, id);
    if (ui->ops[i]->opened)
        ui->ops[i]->opened(ui, ui->state[i]);
    ui->is_dirty = true;
}

void ui_close_layer(struct ui *ui)
{
    if (!ui->n_layers)
        return;
    if (ui->ops[ui_top(ui)]->reads & 1u << SECTION_DOC)
        ui_send(ui, &(struct cmd_msg){ .kind = CMD_DOC_CLOSE });
    ui->n_layers--;
    const struct panel_ops *below = ui->ops[ui_top(ui)];
    if (below->opened)
        below->opened(ui, ui->state[ui_top(ui)]);
    ui->is_dirty = true;
}

uint64_t ui_ask_doc(struct ui *ui, struct cmd_msg *m)
{
    if (past_is_wanted(ui)) /* it would be of now */
        return 0;
    m->kind = CMD_DOC_OPEN;
    m->request = ++ui->doc_requests;
    return ui_send(ui, m) ? m->request : 0;
}

uint64_t ui_open_doc(struct ui *ui, struct cmd_msg *m)
{
    if (past_refuses(ui, "a text of the platform is of now"))
        return 0;
    if (ui_ask_doc(ui, m)) {
        char id[32];
        snprintf(id, sizeof id, "%llu", (unsigned long long)m->request);
        ui_open(ui, "doc", id);
    }
    return m->request;
}

void ui_plan(struct ui *ui, struct cmd_msg *m)
{
    if (past_refuses(ui, "a change"))
        return;
    m->kind = CMD_PLAN;
    m->request = ++ui->plan_requests;
    if (ui_send(ui, m))
        dialog_open(&ui->dialog, m->request);
}

const struct plan *ui_plan_now(const struct ui *ui)
{
    const struct plan *p = ui->snap ? (struct plan *)ui->snap->sections[SECTION_PLAN] : NULL;
    return p && p->request == ui->dialog.request ? p : NULL;
}

void ui_prompt(struct ui *ui, const char *text)
{
    prompt_open(&ui->prompt, ":", text);
}

void ui_keep(struct ui *ui, const char *text)
{
    snprintf(ui->kept, sizeof ui->kept, "%s", text);
}

struct frame ui_frame(const struct ui *ui, size_t panel)
{
    return (struct frame){ .snap = ui->snap, .prefs = &ui->prefs,
                           .now_ms = past_is_shown(ui) ? ui->snap->past_ms : clock_story_ms(),
                           .focused = panel == ui_top(ui) };
}

void ui_settle(struct ui *ui, size_t panel, bool is_drawn)
{
    struct frame f = ui_frame(ui, panel);
    f.is_drawn = is_drawn;
    const struct area *a = &ui->body[panel];
    bool is_new = a->rows < 1; /* a layer that a key has just opened: as large as it will be */
    ui->ops[panel]->settle(ui->state[panel], &f, is_new ? ui->rows - 3 : a->rows, is_new ? ui->cols : a->cols);
}

/* Gather decides about arming: its answer is news when it is another than before. */
static void look_at_rights(struct ui *ui)
{
    const struct ident *id = ui->snap ? (struct ident *)ui->snap->sections[SECTION_IDENT] : NULL;
    if (!id)
        return;
    bool is_news = true;
    if (!id->read_only && !ui->was_writable) {
        ui_say(ui, "changes are possible, each after a question; :disarm ends it");
        if (ui->kept[0] && !ui->prompt.is_open && !ui->dialog.is_open)
            ui_prompt(ui, ui->kept);
        ui->kept[0] = '\0';
    } else if (text_starts(id->write_ban, "--read-only") && !ui->ban[0]) /* as it was asked for */
        ui_say(ui, "read-only: %s", id->write_ban);
    else if (id->write_ban[0] && !text_eq(id->write_ban, ui->ban))
        ui_warn(ui, "read-only: %s", id->write_ban);
    else if (id->read_only && ui->was_writable)
        ui_say(ui, "read-only again");
    else
        is_news = false;
    if (id->n_unended > ui->n_unended) { /* last: what somebody has to look at stays on the line */
        ui_warn(ui, "%zu change%s no known end (:journal, `bakewatch journal unfinished`)", id->n_unended,
                id->n_unended > 1 ? "s have" : " has");
        is_news = true;
    }
    ui->n_unended = id->n_unended;
    ui->said_is_news |= is_news;
    ui->was_writable = !id->read_only;
    snprintf(ui->ban, sizeof ui->ban, "%s", id->write_ban);
}

static bool is_plan_over(const struct plan *p)
{
    return p && (p->state == PLAN_DONE || p->state == PLAN_FAILED || p->state == PLAN_PARTLY || p->state == PLAN_REFUSED);
}

bool ui_is_changing(const struct ui *ui)
{
    return ui->dialog.is_sent && !is_plan_over(ui_plan_now(ui));
}

/* A change whose frame was hidden says its end all the same. */
static void look_at_plan(struct ui *ui)
{
    const struct plan *p = ui_plan_now(ui);
    if (ui->dialog.is_open || !ui->dialog.is_sent || !is_plan_over(p))
        return;
    ui->dialog.is_sent = false;
    ui_warn(ui, "%s %s: %s%s%s", p->verb, p->target, p->state == PLAN_DONE ? "done" : p->state == PLAN_PARTLY ? "done in part" : "not done", p->text[0] ? ", " : "",
           p->text);
    ui->said_is_news = true;
}

/* The one thing that is worth a bell: it must be taken back, or nothing is known any more. */
static void look_at_verdict(struct ui *ui)
{
    const struct verdict *v = ui->live ? (const struct verdict *)ui->live->sections[SECTION_VERDICT] : NULL;
    enum verdict_word before = ui->word;
    if (!v || v->word == before)
        return;
    ui->word = v->word;
    bool is_alarm = v->word == VERDICT_ROLLBACK || (v->word == VERDICT_NO_DATA && before != VERDICT_NONE);
    bool is_over = !is_alarm && strstr(ui->said, "verdict: "); /* what still stands there is no longer so */
    if (is_over)
        ui_say(ui, "verdict: %s, was %s", verdict_name(v->word), verdict_name(before));
    if (!is_alarm)
        return;
    if (!ui->no_bell)
        term_bell(ui->term);
    if (ui->has_osc9) { /* our own words alone: nothing from outside becomes an escape sequence */
        char osc[80];
        int n = snprintf(osc, sizeof osc, "\033]9;bakewatch: %s\a", verdict_name(v->word));
        term_raw(ui->term, osc, (size_t)n);
    }
    if (before == VERDICT_NONE) /* it was so when we came: the bar says it */
        return;
    ui_warn(ui, "%sverdict: %s, was %s; %s", past_is_wanted(ui) ? "now: " : "", verdict_name(v->word), verdict_name(before),
            past_is_wanted(ui) ? "F returns to now" : "v shows why");
    ui->said_is_news = true;
}

/* Did anything that is shown move?  Hidden layers and tabs below them do not count. */
static unsigned shown_reads(const struct ui *ui)
{
    unsigned reads = 1u << SECTION_IDENT | 1u << SECTION_SOURCES | 1u << SECTION_WORKLOADS | 1u << SECTION_PLAN |
                     1u << SECTION_VERDICT;
    if (ui->n_layers)
        return reads | ui->ops[ui_top(ui)]->reads;
    for (size_t i = 0; i < ui->n_tabs; i++)
        reads |= ui->ops[i]->reads;
    return reads;
}

static void look_for_moves(struct ui *ui)
{
    unsigned reads = shown_reads(ui);
    for (int i = 0; i < N_SECTIONS && ui->snap; i++) {
        uint64_t v = ui->snap->sections[i] ? ui->snap->sections[i]->version : 0;
        if (v != ui->versions[i] && reads & (1u << i))
            ui->is_dirty = true;
        if (i == SECTION_IDENT && v != ui->versions[i])
            look_at_rights(ui);
        if (i == SECTION_PLAN)
            look_at_plan(ui);
        ui->versions[i] = v;
    }
    look_at_verdict(ui);
    past_look(ui);
    int64_t second = clock_story_ms() / 1000; /* the clock of the first line; ages are coarser */
    if (second != ui->shown_second)
        ui->is_dirty = true;
    ui->shown_second = second;
    if (reads & (1u << SECTION_LOG) && log_seq() != ui->log_seq) {
        ui->log_seq = log_seq();
        ui->is_dirty = true;
    }
    if (ui->said[0] && !ui->said_stays && clock_io_ms() - ui->said_ms > SAY_MS) {
        ui->said[0] = '\0';
        ui->is_dirty = true;
    }
}

static void take_snapshot(struct ui *ui)
{
    uint64_t drained;
    (void)!read(ui->env->snap_fd, &drained, sizeof drained);
    struct snap *s = snap_acquire(ui->env->slot);
    if (s) {
        snap_unref(ui->live);
        ui->live = s;
    }
    past_show(ui);
}

/* False: the tty is gone. */
static bool take_input(struct ui *ui)
{
    char bytes[4096];
    ssize_t n = read(term_in_fd(ui->term), bytes, sizeof bytes);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    keys_feed(&ui->keys, bytes, (size_t)n, clock_io_ms());
    return true;
}

/* Whoever answers a question has seen it: what comes until half a second of silence is thrown away. */
static void meet_dialog(struct ui *ui)
{
    struct dialog *d = &ui->dialog;
    if (!d->is_open || !d->is_ready || d->takes_keys || !term_is_idle(ui->term))
        return;
    if (!d->out_ms)
        d->out_ms = clock_io_ms();
    /* An unfinished paste or sequence is waited for: its end must not become the answer. */
    if (clock_io_ms() - d->out_ms < DIALOG_GRACE_MS || keys_wait_ms(&ui->keys, clock_io_ms()) >= 0)
        return;
    d->takes_keys = ui->is_dirty = true;
}

static void give_keys(struct ui *ui)
{
    struct key k;
    while (!ui->wants_quit && keys_next(&ui->keys, clock_io_ms(), &k))
        app_key(ui, &k);
}

static void resize(struct ui *ui)
{
    int rows, cols;
    term_size(ui->term, &rows, &cols);
    if (rows == ui->rows && cols == ui->cols)
        return;
    ui->rows = rows;
    ui->cols = cols;
    canvas_free(&ui->canvas);
    ui->canvas = canvas_new(rows, cols);
    ui->canvas.ascii = ui->prefs.ascii;
    ui->is_dirty = true;
}

static void suspend(struct ui *ui)
{
    ui->wants_suspend = false;
    if (!keeper_can_stop()) {
        ui_warn(ui, "no shell here could continue a stopped console: it stays");
        return;
    }
    term_leave(ui->term);
    keeper_stop_group();
    term_enter(ui->term);
    ui_send(ui, &(struct cmd_msg){ .kind = CMD_RESUMED });
    resize(ui);
    ui->is_dirty = true;
}

static void take_signals(struct ui *ui, int fd)
{
    struct signalfd_siginfo si;
    while (read(fd, &si, sizeof si) == sizeof si) {
        if (si.ssi_signo == SIGWINCH) {
            resize(ui);
            term_repaint(ui->term);
            ui->is_dirty = true;
        } else if (si.ssi_signo == SIGTSTP) {
            ui->wants_suspend = true;
        } else if (si.ssi_signo == SIGCONT) {
            ui_send(ui, &(struct cmd_msg){ .kind = CMD_RESUMED });
            term_enter(ui->term);
            ui->is_dirty = true;
        } else {
            ui->wants_quit = true;
            ui->code = 128 + (int)si.ssi_signo;
        }
    }
}

static int open_signals(void)
{
    static const int list[] = { SIGWINCH, SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT, SIGQUIT };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        sigaddset(&set, list[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One wait and what it brought; false: the terminal is gone. */
static bool turn(struct ui *ui, int signal_fd, int64_t *painted_ms)
{
    struct pollfd fds[N_FDS] = {
        [FD_SNAP] = { ui->env->snap_fd, POLLIN, 0 },
        [FD_IN] = { term_in_fd(ui->term), POLLIN, 0 },
        [FD_OUT] = { term_is_idle(ui->term) ? -1 : term_out_fd(ui->term), POLLOUT, 0 },
        [FD_SIGNAL] = { signal_fd, POLLIN, 0 },
        [FD_KEEPER] = { keeper_fd(), POLLIN, 0 },
    };
    int64_t now = clock_io_ms(), wait = TICK_MS - clock_story_ms() % TICK_MS + 5;
    int64_t esc = keys_wait_ms(&ui->keys, now);
    if (esc >= 0 && esc < wait)
        wait = esc;
    if (ui->dialog.is_open && ui->dialog.out_ms && !ui->dialog.takes_keys) {
        int64_t left = ui->dialog.out_ms + DIALOG_GRACE_MS - now;
        if (left >= 0 || esc < 0) /* an unfinished paste wakes us itself */
            wait = left < 0 ? 0 : left < wait ? left : wait;
    }
    if (ui->is_dirty && term_is_idle(ui->term)) {
        int64_t due = *painted_ms + FRAME_MS - now;
        wait = due < 0 ? 0 : due < wait ? due : wait;
    }
    if (poll(fds, N_FDS, (int)wait) < 0 && errno != EINTR)
        return false;
    if (fds[FD_SIGNAL].revents)
        take_signals(ui, signal_fd);
    if (fds[FD_KEEPER].revents) {
        ui->wants_quit = true;
        ui->code = 128 + SIGTERM;
    }
    if (fds[FD_IN].revents & (POLLHUP | POLLERR | POLLNVAL))
        return false;
    if (fds[FD_IN].revents && !take_input(ui))
        return false;
    if (fds[FD_SNAP].revents)
        take_snapshot(ui);
    bool had_keys = ui->keys.in.len > 0;
    give_keys(ui);
    look_for_moves(ui);
    now = clock_io_ms();
    /* A key is answered at once; data waits for its turn. */
    if (ui->is_dirty && term_is_idle(ui->term) && (had_keys || now - *painted_ms >= FRAME_MS)) {
        ui->is_dirty = false;
        app_draw(ui);
        *painted_ms = now;
    }
    bool is_there = term_flush(ui->term);
    meet_dialog(ui);
    return is_there;
}

static void add_panels(struct ui *ui)
{
    for (const struct panel_ops *const *p = ui->env->panels; *p && ui->n_panels < APP_PANELS; p++) {
        ui->ops[ui->n_panels] = *p;
        ui->state[ui->n_panels++] = x_calloc(1, (*p)->state_size);
        if (!(*p)->is_layer)
            ui->n_tabs = ui->n_panels;
    }
}

static void release(struct ui *ui)
{
    for (size_t i = 0; i < ui->n_panels; i++) {
        if (ui->ops[i]->release)
            ui->ops[i]->release(ui->state[i]);
        free(ui->state[i]);
    }
    ui_offer_nothing(ui);
    canvas_free(&ui->canvas);
    keys_release(&ui->keys);
    snap_unref(ui->snap);
    snap_unref(ui->live);
}

enum err_code app_run(const struct app_env *env, int *code, struct err *e)
{
    static struct ui ui; /* one console a process; its prompt's history is large for a stack */
    struct theme theme;
    int64_t painted_ms = INT64_MIN / 2;
    ui.env = env;
    ui.prefs.ascii = env->ascii;
    ui.is_dirty = true;
    ui.past_ms = ui.lost_ms = TIME_NONE;
    enum err_code err = theme_load(env->theme, &theme, e);
    if (err)
        return err;
    int signal_fd = open_signals();
    if ((err = term_open(&ui.term, env->no_color, e))) {
        close(signal_fd);
        return err;
    }
    keys_init(&ui.keys);
    term_theme(ui.term, &theme);
    if (env->mouse) {
        ui.mouse = true;
        term_mouse(ui.term, true);
    }
    add_panels(&ui);
    resize(&ui);
    bool is_first = true;
    while (!ui.wants_quit) {
        if (ui.wants_suspend)
            suspend(&ui);
        if (!turn(&ui, signal_fd, &painted_ms)) {
            ui.code = 128 + SIGHUP;
            break;
        }
        if (is_first && term_is_idle(ui.term) && painted_ms > 0) {
            log_put(LOG_INFO, "ui", "first paint %d ms after the start",
                    (int)(clock_io_ms() - env->started_ms));
            is_first = false;
        }
    }
    log_put(LOG_INFO, "ui", "%llu bytes to the terminal", (unsigned long long)term_bytes(ui.term));
    term_close(ui.term);
    close(signal_fd);
    release(&ui);
    *code = ui.code;
    return ERR_OK;
}
