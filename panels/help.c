/*
 * Help, made from the tables: every key with its command and what it does.  Enter runs the row.
 */
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"
#include "tui/table.h"

enum { MOST_ROWS = 400 };

struct row {
    char id[96];
    const char *panel, *key, *line, *help;
};

static struct row rows[MOST_ROWS]; /* made once, before the first frame */
static size_t n_rows;

#define ROW ((const struct row *)row)

static const struct cmd *find(const struct cmd *list, const char *line)
{
    size_t n = strcspn(line, " ");
    for (const struct cmd *c = list; c && c->name; c++) {
        if (strlen(c->name) == n && strncmp(c->name, line, n) == 0)
            return c;
    }
    return NULL;
}

static const struct cmd *command_of(const char *panel, const char *line, const struct cmd *global)
{
    for (const struct panel_ops *const *p = all_panels; *p; p++) {
        const struct cmd *c = text_eq((*p)->name, panel) ? find((*p)->cmds, line) : NULL;
        if (c)
            return c;
    }
    return find(global, line);
}

static void add(const char *panel, const char *key, const char *line, const char *help)
{
    if (n_rows == MOST_ROWS)
        return;
    struct row *r = &rows[n_rows++];
    *r = (struct row){ .panel = panel, .key = key, .line = line, .help = help };
    snprintf(r->id, sizeof r->id, "%s/%s/%s", panel, key, line);
}

void help_attach(const struct keymap *keys, const struct cmd *global)
{
    n_rows = 0;
    for (const struct binding *b = keys->first; b; b = b->next) {
        const struct cmd *c = command_of(b->panel, b->line, global);
        add(b->panel, b->key, b->line, c ? c->help : "(no such command)");
    }
    for (const struct cmd *c = global; c->name; c++) { /* those that have no key */
        bool has_key = false;
        for (size_t i = 0; i < n_rows && !has_key; i++) {
            size_t n = strlen(c->name);
            has_key = strncmp(rows[i].line, c->name, n) == 0 && strchr(" ", rows[i].line[n]);
        }
        if (!has_key)
            add("all", "", c->name, c->help);
    }
}

void help_print(const struct keymap *keys, const struct cmd *global)
{
    const char *panel = "";
    help_attach(keys, global);
    for (size_t i = 0; i < n_rows; i++) {
        if (!text_eq(panel, rows[i].panel))
            printf("%s%s\n", i ? "\n" : "", rows[i].panel);
        panel = rows[i].panel;
        printf("  %-12s :%-18s %s\n", rows[i].key, rows[i].line, rows[i].help);
    }
}

static enum role cell_key(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, ROW->key);
    return ROLE_KEY;
}

static enum role cell_line(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, ":%s", ROW->line);
    return ROLE_DIM;
}

static enum role cell_help(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, ROW->help);
    return ROLE_TEXT;
}

static enum role cell_panel(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, text_eq(ROW->panel, "all") ? "everywhere" : ROW->panel);
    return ROLE_DIM;
}

static const char *id_of(const void *row)
{
    return ROW->id;
}

static size_t count(const void *ctx)
{
    (void)ctx;
    return n_rows;
}

static const void *row_at(const void *ctx, size_t i)
{
    (void)ctx;
    return &rows[i];
}

static const struct column columns[] = {
    { "KEY", 8, 12, 0, false, cell_key, NULL, NULL },
    { "WHAT IT DOES", 20, 60, 0, false, cell_help, NULL, NULL },
    { "COMMAND", 10, 24, 1, false, cell_line, NULL, NULL },
    { "WHERE", 10, 12, 2, false, cell_panel, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, NULL, NULL, NULL, NULL };

static void title(const void *state, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, "X fail  ! warn  > in progress  ? unknown   enter runs a row, / searches");
    table_describe(state, &ops, out);
}

static void settle(void *state, const struct frame *f, int height, int cols)
{
    table_settle(state, &ops, rows, f, 1, height, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    table_render(state, &ops, rows, f, c, false);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    (void)f;
    return table_nav(state, &ops, rows, n, arg);
}

static bool has_row(const void *state, const struct frame *f)
{
    (void)f;
    return table_selected(state, &ops, rows) != NULL;
}

static void release(void *state)
{
    table_release(state);
}

static void run_row(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct row *r = table_selected(state, &ops, rows);
    (void)f, (void)arg;
    ui_close_layer(ui);
    ui_run(ui, r->line);
}

static const struct cmd cmds[] = {
    { "run", "", "run the command of the row", true, run_row },
    { 0 },
};

const struct panel_ops help_panel = {
    .name = "help", .is_layer = true, .state_size = sizeof(struct table), .cmds = cmds,
    .title = title, .settle = settle, .render = render, .nav = nav, .has_row = has_row,
    .release = release,
};
