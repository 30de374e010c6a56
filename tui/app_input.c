/*
 * From keys to commands.  Keys, the prompt and scripts run the same ui_run, which checks what a
 * command needs once.
 */
#include <stdio.h>
#include <string.h>

#include "tui/app_state.h"

static const struct cmd *find_in(const struct cmd *list, const char *name)
{
    for (const struct cmd *c = list; c && c->name; c++) {
        if (text_eq(c->name, name))
            return c;
    }
    return NULL;
}

static void run_in(struct ui *ui, const struct cmd *c, size_t panel, const char *arg)
{
    struct frame f = ui_frame(ui, panel);
    const struct panel_ops *ops = ui->ops[panel];
    ui_settle(ui, panel, false);
    if (c->needs_row && !(ops->has_row && ops->has_row(ui->state[panel], &f))) {
        ui_warn(ui, "%s: nothing is selected", c->name);
        return;
    }
    c->run(ui, ui->state[panel], &f, arg);
    ui->is_dirty = true;
}

static void unknown(struct ui *ui, const char *name)
{
    const char *names[128];
    size_t n = 0;
    for (const struct cmd *c = app_commands; c->name && n < ARRAY_LEN(names); c++)
        names[n++] = c->name;
    for (const struct cmd *c = ui->ops[ui_top(ui)]->cmds; c && c->name && n < ARRAY_LEN(names); c++)
        names[n++] = c->name;
    const char *near = text_nearest(name, names, n);
    ui_warn(ui, "no command \"%.40s\" here%s%s%s", name, near ? ", did you mean \"" : "",
           near ? near : "", near ? "\"?" : "");
}

void ui_run(struct ui *ui, const char *line)
{
    char copy[PROMPT_CAP];
    snprintf(copy, sizeof copy, "%s", line + strspn(line, " :"));
    for (size_t n = strlen(copy); n && copy[n - 1] == ' ';)
        copy[--n] = '\0';
    if (!copy[0])
        return;
    char *arg = copy + strcspn(copy, " ");
    if (*arg)
        *arg++ = '\0';
    arg += strspn(arg, " ");
    size_t top = ui_top(ui);
    const struct cmd *c = find_in(ui->ops[top]->cmds, copy);
    if (!c)
        c = find_in(app_commands, copy);
    if (c)
        run_in(ui, c, top, arg);
    else
        unknown(ui, copy);
}

/* ---- completion: the command's name, then what its argument can be ---- */

struct candidates {
    const char *list[256];
    size_t n;
};

static void offer(struct candidates *c, const char *s, const char *word)
{
    if (c->n < ARRAY_LEN(c->list) && text_starts(s, word))
        c->list[c->n++] = s;
}

static void offer_args(const struct ui *ui, struct candidates *c, const char *name, const char *word)
{
    const struct ident *id = ui->snap ? (struct ident *)ui->snap->sections[SECTION_IDENT] : NULL;
    static const char *const settings[] = { "theme", "ascii", "unicode" };
    if (text_eq(name, "ns") && id) {
        for (size_t i = 0; i < id->n_known_namespaces; i++)
            offer(c, id->known_namespaces[i], word);
        offer(c, "all", word);
    } else if (text_eq(name, "ctx") && id) {
        for (size_t i = 0; i < id->n_contexts; i++)
            offer(c, id->contexts[i], word);
    } else if (text_eq(name, "goto")) {
        for (size_t i = 0; i < ui->n_panels; i++)
            offer(c, ui->ops[i]->name, word);
    } else if (text_eq(name, "set")) {
        for (size_t i = 0; i < ARRAY_LEN(settings); i++)
            offer(c, settings[i], word);
        for (size_t i = 0; theme_names[i]; i++)
            offer(c, theme_names[i], word);
    }
}

/* What can stand at the cursor; the word that is there already. */
static const char *look_up(const struct ui *ui, struct candidates *c, char head[PROMPT_CAP])
{
    char name[64] = "";
    snprintf(head, PROMPT_CAP, "%.*s", (int)ui->prompt.at, ui->prompt.text);
    const char *word = strrchr(head, ' ');
    if (word) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(head, " "), head);
        const char *comma = strrchr(word, ',');
        word = comma ? comma + 1 : word + 1;
        offer_args(ui, c, name, word);
        return word;
    }
    for (const struct cmd *k = ui->ops[ui_top(ui)]->cmds; k && k->name; k++)
        offer(c, k->name, head);
    for (const struct cmd *k = app_commands; k->name; k++)
        offer(c, k->name, head);
    return head;
}

void ui_offer_nothing(struct ui *ui)
{
    for (size_t i = 0; i < ui->n_offers; i++)
        free(ui->offers[i]);
    ui->n_offers = 0;
    ui->offers_title[0] = '\0';
}

void ui_offer(struct ui *ui)
{
    struct candidates c = { .n = 0 };
    char head[PROMPT_CAP];
    const char *word = look_up(ui, &c, head);
    ui_offer_nothing(ui);
    for (size_t i = 0; i < c.n; i++)
        ui->offers[ui->n_offers++] = x_strdup(c.list[i]);
    if (c.n)
        snprintf(ui->offers_title, sizeof ui->offers_title, "%zu to choose from, <tab> completes", c.n);
    else
        snprintf(ui->offers_title, sizeof ui->offers_title,
                 word[0] ? "nothing that is known begins with \"%.40s\"" : "no names are known here: type one", word);
    ui->is_dirty = true;
}

static void complete(struct ui *ui)
{
    struct candidates c = { .n = 0 };
    char head[PROMPT_CAP], text[PROMPT_CAP];
    if (!text_eq(ui->prompt.lead, ":"))
        return;
    look_up(ui, &c, head);
    size_t common = c.n ? strlen(c.list[0]) : 0;
    for (size_t i = 1; i < c.n; i++) {
        size_t k = 0;
        while (k < common && c.list[i][k] == c.list[0][k])
            k++;
        common = k;
    }
    if (c.n) {
        snprintf(text, sizeof text, "%.*s%s", (int)common, c.list[0], c.n == 1 ? " " : "");
        prompt_replace_word(&ui->prompt, text);
    }
    if (c.n == 1)
        ui_offer_nothing(ui);
    else
        ui_offer(ui);
}

static void filter(struct ui *ui, const char *text)
{
    size_t top = ui_top(ui);
    struct frame f = ui_frame(ui, top);
    ui_settle(ui, top, false);
    if (ui->ops[top]->nav)
        ui->ops[top]->nav(ui->state[top], &f, NAV_FILTER, text);
    ui->is_dirty = true;
}

static void prompt_input(struct ui *ui, const struct key *k)
{
    struct prompt *p = &ui->prompt;
    bool is_filter = text_eq(p->lead, "/");
    ui->is_dirty = true;
    switch (prompt_key(p, k)) {
    case PROMPT_CHANGED:
        if (is_filter)
            filter(ui, p->text);
        else if (ui->offers_title[0]) /* the list follows what is typed */
            ui_offer(ui);
        break;
    case PROMPT_DONE:
        ui_offer_nothing(ui);
        if (is_filter) {
            filter(ui, p->text);
        } else {
            char line[PROMPT_CAP];
            prompt_remember(p);
            snprintf(line, sizeof line, "%s", p->text);
            ui_run(ui, line);
        }
        break;
    case PROMPT_CANCELLED:
        ui_offer_nothing(ui);
        if (is_filter)
            filter(ui, "");
        break;
    case PROMPT_COMPLETE:
        complete(ui);
        break;
    case PROMPT_GOES_ON:
        break;
    }
}

static void bound_key(struct ui *ui, const char *name)
{
    const char *line = NULL, *panel = ui->ops[ui_top(ui)]->name;
    char both[sizeof ui->pending + KEY_NAME];
    snprintf(both, sizeof both, "%s%s", ui->pending, name);
    bool had_pending = ui->pending[0] != '\0';
    ui->pending[0] = '\0';
    switch (keymap_find(ui->env->keymap, panel, both, &line)) {
    case KEYMAP_HIT:
        ui_run(ui, line);
        break;
    case KEYMAP_PREFIX:
        snprintf(ui->pending, sizeof ui->pending, "%s", both);
        ui->is_dirty = true;
        break;
    case KEYMAP_NONE:
        if (had_pending)
            bound_key(ui, name); /* the first key alone means nothing: the second one counts */
        else
            ui_warn(ui, "%s is not bound here; ? lists the keys", name);
        break;
    }
}

static void dialog_input(struct ui *ui, const struct key *k)
{
    const struct plan *p = ui_plan_now(ui);
    struct cmd_msg m = { .kind = CMD_CONFIRM, .request = ui->dialog.request };
    switch (dialog_key(&ui->dialog, p, k, clock_io_ms())) {
    case DIALOG_CONFIRMED:
        snprintf(m.hash, sizeof m.hash, "%s", p->hash);
        if (!ui_send(ui, &m))
            ui->dialog.is_sent = false;
        break;
    case DIALOG_CLOSED:
        ui_send(ui, &(struct cmd_msg){ .kind = CMD_PLAN_CLOSE, .request = ui->dialog.request });
        if (!ui->dialog.is_sent && p && p->state == PLAN_READY)
            ui_say(ui, "cancelled: nothing was changed");
        if (ui->dialog.is_sent && !ui_is_changing(ui)) /* its end was read in the frame: it is not said again */
            ui->dialog.is_sent = false;
        break;
    case DIALOG_GOES_ON:
        break;
    }
    ui->is_dirty = true;
}

void app_key(struct ui *ui, const struct key *k)
{
    if (ui->said[0] && !ui->said_is_news) { /* a message is of the view that it was said in */
        ui->said[0] = '\0';
        ui->is_dirty = true;
    }
    if (ui->dialog.is_open) {
        dialog_input(ui, k);
    } else if (k->kind == KEY_PASTE) {
        if (ui->prompt.is_open) {
            prompt_paste(&ui->prompt, k->paste, k->paste_n);
            if (text_eq(ui->prompt.lead, "/"))
                filter(ui, ui->prompt.text);
        } else {
            ui_warn(ui, "pasted text is not taken for keys");
        }
        ui->is_dirty = true;
    } else if (ui->asks_quit) {
        ui->asks_quit = false;
        ui->wants_quit = text_eq(k->name, "y") || text_eq(k->name, "q");
        ui->is_dirty = true;
    } else if (ui->prompt.is_open && k->kind == KEY_PRESS) {
        prompt_input(ui, k);
    } else if (k->kind == KEY_PRESS || ui->mouse) {
        bound_key(ui, k->name);
    }
}
