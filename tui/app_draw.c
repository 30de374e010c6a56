/*
 * One frame: identity strip, panels by the layout (or the top layer), status row.
 */
#include <stdio.h>
#include <string.h>

#include "tui/app_state.h"
#include "tui/verdict.h"

enum { LEAST_ROWS = 5, LEAST_COLS = 20, PROOF_LATE_MS = 30000, HINT_COLS = 100, CAPTION_ROWS = 10, VERDICT_ROWS = 8 };

static const void *section(const struct ui *ui, enum section_id id)
{
    return ui->snap ? ui->snap->sections[id] : NULL;
}

/* ---- identity strip ---- */

static enum role class_role(enum env_class c)
{
    return c == ENV_PRODUCTION ? ROLE_PRODUCTION : c == ENV_STAGING ? ROLE_STAGING : ROLE_STRIP;
}

static int strip_rights(struct canvas *c, int col, const struct ident *id)
{
    char words[64], left[CLOCK_TEXT];
    if (id->read_only)
        return canvas_text(c, 0, col, -1, ROLE_STRIP, " RO ");
    if (id->armed_until_io_ms == TIME_NONE)
        return canvas_text(c, 0, col, -1, id->class == ENV_PRODUCTION ? ROLE_ALARM : ROLE_STAGING, " WRITE ");
    int64_t ms = id->armed_until_io_ms - clock_io_ms(); /* by real time, also in the demo */
    snprintf(words, sizeof words, " ARMED %s ", clock_format_age(ms > 0 ? ms : 0, left));
    return canvas_text(c, 0, col, -1, ROLE_ALARM, words);
}

static int strip_place(struct canvas *c, const struct ident *id)
{
    char words[512], names[256] = "";
    size_t used = 0;
    int col = 0;
    if (id->is_demo) {
        snprintf(words, sizeof words, id->pace > 1 && id->pace < 1000 ? "%s, %d times real time " : "%s ",
                 c->at.cols < HINT_COLS ? " DEMO" : " DEMO: nothing here is real", (int)id->pace);
        col += canvas_text(c, 0, col, c->at.cols < HINT_COLS ? 6 : -1, ROLE_DEMO, words);
    }
    if (id->environment[0] && !id->is_demo) {
        snprintf(words, sizeof words, " %s%s%s ", id->class == ENV_PRODUCTION ? "PROD " : "",
                 id->environment, id->class == ENV_STAGING ? " (staging)" : "");
        col += canvas_text(c, 0, col, -1, class_role(id->class), words);
    }
    for (size_t i = 0; i < id->n_namespaces && i < 3 && used < sizeof names - 80; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.70s", i ? "," : "",
                                 id->namespaces[i]);
    if (id->n_namespaces > 3)
        snprintf(names + used, sizeof names - used, " and %zu more", id->n_namespaces - 3);
    snprintf(words, sizeof words, " %s ", id->all_namespaces ? "all namespaces" : names);
    col += canvas_text(c, 0, col, c->at.cols / 3, ROLE_STRIP, words);
    snprintf(words, sizeof words, "ctx %s ", id->context[0] ? id->context : "-");
    col += canvas_text(c, 0, col, c->at.cols / 3, ROLE_STRIP, words);
    col += strip_rights(c, col, id);
    if (id->as[0]) {
        snprintf(words, sizeof words, " as %s ", id->as);
        col += canvas_text(c, 0, col, 24, ROLE_STAGING, words);
    }
    if (id->is_insecure)
        col += canvas_text(c, 0, col, -1, ROLE_ALARM, " INSECURE TLS ");
    return col;
}

enum { LINK_WORDS = 320 };

/* "LINK LOST since 14:02:11Z: refused, retry in 2s", with the whole sentence where there is room for it. */
static void fit(char out[LINK_WORDS], int room, const char *what, const char *since, const struct source_health *h)
{
    const char *cause = h->cause && h->cause[0] ? h->cause : "", *texts[] = { h->text, cause, cause };
    char retry[48] = "";
    if (h->retry_ms != TIME_NONE) {
        int64_t ms = h->retry_ms - clock_story_ms();
        snprintf(retry, sizeof retry, ", retry in %ds", (int)(ms > 0 ? (ms + 999) / 1000 : 0));
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        snprintf(out, LINK_WORDS, "%s since %s%s%.200s%s", what, since, texts[i][0] ? ": " : "", texts[i],
                 i < 2 ? retry : "");
        if (text_width(out) <= room)
            return;
    }
}

/* A list that has come once and is old, or that has never come: that is not the same. */
static enum role list_words(const struct sources *s, char out[LINK_WORDS])
{
    char age[CLOCK_TEXT];
    for (size_t i = 1; i < s->n; i++) {
        const struct source_health *h = &s->rows[i];
        if (h->state != s->worst)
            continue;
        clock_format_age(clock_story_ms() - h->since_ms, age);
        if (h->state == SOURCE_WAITING)
            snprintf(out, LINK_WORDS, "loading %s (%s)", h->name, age);
        else if (h->state == SOURCE_FAILED)
            snprintf(out, LINK_WORDS, "%s NEVER LOADED: %.200s", h->name, h->text);
        else
            snprintf(out, LINK_WORDS, "STALE %s %s", h->name, age);
        return h->state == SOURCE_WAITING ? ROLE_STRIP : ROLE_ALARM;
    }
    out[0] = '\0';
    return ROLE_STRIP;
}

/* What is to be said of the data's age in `room` columns, and whether it is an alarm. */
static enum role link_words(const struct ui *ui, const struct sources *s, int room, char out[LINK_WORDS])
{
    int64_t now = clock_story_ms();
    struct frame f = { .prefs = &ui->prefs };
    char when[CLOCK_TEXT];
    const struct source_health *api = s && s->n ? &s->rows[0] : NULL;
    if (!api) {
        snprintf(out, LINK_WORDS, "starting");
        return ROLE_STRIP;
    }
    bool is_refused = text_starts(api->text, "credentials rejected") || text_starts(api->text, "no credentials");
    bool is_bad = api->state == SOURCE_FAILED || api->state == SOURCE_STALE;
    panel_time(&f, s->lost_ms != TIME_NONE ? s->lost_ms : api->since_ms, when);
    if (api->state == SOURCE_UNSET)
        snprintf(out, LINK_WORDS, "no cluster");
    else if (s->lost_ms != TIME_NONE)
        fit(out, room, s->oldest_proof_ms == TIME_NONE ? "NO CONNECTION" : "LINK LOST", when, api);
    else if (is_bad && is_refused)
        snprintf(out, LINK_WORDS, "%s since %s", api->text[0] == 'c' ? "CREDENTIALS REJECTED" : "NO CREDENTIALS", when);
    else if (is_bad)
        fit(out, room, "SERVER SICK", when, api);
    else if (s->worst != SOURCE_LIVE) {
        enum role r = list_words(s, out);
        if (out[0])
            return r;
    }
    if (api->state == SOURCE_UNSET || s->lost_ms != TIME_NONE || is_bad)
        return ROLE_ALARM;
    if (s->oldest_proof_ms != TIME_NONE && now - s->oldest_proof_ms > 4 * PROOF_LATE_MS * ui->prefs.pace) {
        snprintf(out, LINK_WORDS, "unproved for %s", clock_format_age(now - s->oldest_proof_ms, when));
        return ROLE_STAGING;
    }
    snprintf(out, LINK_WORDS, "live");
    return ROLE_STRIP;
}

/* The whole row in a colour of its own, the time first: what is on the screen is never mistaken for now. */
static void draw_past_strip(struct ui *ui, struct canvas *c)
{
    const struct ident *id = section(ui, SECTION_IDENT);
    struct buf words = BUF_INIT(256);
    canvas_fill(c, 0, ROLE_PAST);
    buf_adds(&words, " ");
    past_words(ui, &words);
    buf_adds(&words, "  F returns to now ");
    int col = canvas_text(c, 0, 0, -1, ROLE_PAST, buf_str(&words));
    struct canvas rest = canvas_window(c, (struct area){ 0, col, 1, c->at.cols - col });
    if (id && col < c->at.cols)
        strip_place(&rest, id);
    buf_release(&words);
}

static void draw_strip(struct ui *ui, struct canvas *c)
{
    const struct ident *id = section(ui, SECTION_IDENT);
    const struct sources *s = section(ui, SECTION_SOURCES);
    struct frame f = { .prefs = &ui->prefs };
    char link[LINK_WORDS], words[LINK_WORDS + 4], right[80], now[CLOCK_TEXT];
    canvas_fill(c, 0, ROLE_STRIP);
    int col = id ? strip_place(c, id) : canvas_text(c, 0, 0, -1, ROLE_STRIP, " bakewatch ");
    if (id && id->n_unended) { /* before the link's words, whose end matters least where there is no room */
        snprintf(words, sizeof words, " %zu NO KNOWN END%s ", id->n_unended, c->at.cols < HINT_COLS ? "" : " (:journal)");
        col += canvas_text(c, 0, col, -1, ROLE_ALARM, words);
    }
    panel_time(&f, clock_story_ms(), now);
    enum role r = link_words(ui, s, c->at.cols - col - (int)strlen(now) - 4, link);
    snprintf(words, sizeof words, " %s ", link);
    col += canvas_text(c, 0, col, -1, r, words);
    if (ui->is_paused)
        col += canvas_text(c, 0, col, -1, ROLE_STAGING, " PAUSED ");
    if (s && s->lost_ms == TIME_NONE) /* nothing is asked on a lost link: the figure would be of before */
        snprintf(right, sizeof right, "%.1f req/s  %s ", s->requests_per_s, now);
    else
        snprintf(right, sizeof right, "%s ", now);
    if (col + (int)strlen(right) < c->at.cols)
        canvas_right(c, 0, 0, c->at.cols, ROLE_STRIP, right);
}

/* ---- panels ---- */

/* What is old is greyed in the title too: a figure in it is a claim like any other. */
static void draw_title(struct ui *ui, size_t i, struct canvas *c, bool is_missing)
{
    struct frame f = ui_frame(ui, i);
    struct buf b = BUF_INIT(2048);
    char head[64];
    enum role r = f.focused ? ROLE_FOCUS : ROLE_TITLE;
    canvas_rule(c, 0, 0, c->at.cols, past_is_shown(ui) ? ROLE_PAST : f.focused ? ROLE_FOCUS : ROLE_DIM);
    if (i < ui->n_tabs)
        snprintf(head, sizeof head, " %zu %s ", i + 1, ui->ops[i]->name);
    else
        snprintf(head, sizeof head, " %s ", ui->ops[i]->name);
    int col = 1 + canvas_text(c, 0, 1, -1, r, head);
    if (ui->ops[i]->title && !is_missing)
        ui->ops[i]->title(ui->state[i], &f, &b);
    c->stale = ui->ops[i]->is_stale && ui->ops[i]->is_stale(&f);
    if (b.len) {
        col += canvas_text(c, 0, col, -1, ROLE_TEXT, buf_str(&b));
        canvas_text(c, 0, col, -1, ROLE_TEXT, " ");
    }
    buf_release(&b);
}

static void draw_panel(struct ui *ui, size_t i, struct area a)
{
    if (a.rows < 1)
        return;
    struct frame f = ui_frame(ui, i);
    struct canvas c = canvas_window(&ui->canvas, a);
    struct canvas body = canvas_window(&ui->canvas, (struct area){ a.row + 1, a.col, a.rows - 1, a.cols });
    f.is_drawn = true;
    if (a.rows > 1) { /* the title tells of the view as it is drawn now */
        ui->body[i] = body.at;
        ui_settle(ui, i, true);
    } else {
        ui->ops[i]->settle(ui->state[i], &f, 1, a.cols);
    }
    struct buf why = BUF_INIT(400);
    bool is_missing = past_lacks(ui, ui->ops[i]->shows ? ui->ops[i]->shows : ui->ops[i]->reads, &why);
    draw_title(ui, i, &c, is_missing);
    if (a.rows > 1 && is_missing)
        canvas_text(&body, 0, 1, -1, ROLE_UNKNOWN, buf_str(&why));
    else if (a.rows > 1)
        ui->ops[i]->render(ui->state[i], &f, &body);
    buf_release(&why);
}

static void draw_body(struct ui *ui, struct area body)
{
    if (ui->n_layers) {
        draw_panel(ui, ui_top(ui), body);
        return;
    }
    int wants[LAYOUT_PANELS] = { 0 };
    for (size_t i = 0; i < ui->n_tabs && i < LAYOUT_PANELS; i++) {
        struct frame f = ui_frame(ui, i);
        wants[i] = ui->ops[i]->wants ? 1 + ui->ops[i]->wants(&f, body.cols) : body.rows;
    }
    struct layout l = layout_solve(body, wants, ui->n_tabs, ui->focus, ui->zoom, ui->preset);
    for (size_t i = 0; i < ui->n_tabs; i++)
        draw_panel(ui, i, l.areas[i]);
    for (int i = 0; i < l.n_bars; i++) {
        struct canvas c = canvas_window(&ui->canvas, body);
        canvas_bar(&c, l.bars[i], ROLE_DIM);
    }
    size_t detail = ui_find(ui, "workload"), first = 0;
    if (l.detail.rows && detail < ui->n_panels && ui->ops[first]->copy) {
        struct frame f = ui_frame(ui, first);
        struct buf id = BUF_INIT(TEXT_CELL * 64);
        if (ui->ops[first]->selected_id) {
            ui->ops[first]->selected_id(ui->state[first], &f, &id);
            f = ui_frame(ui, detail);
            ui->ops[detail]->locate(ui->state[detail], &f, buf_str(&id));
            draw_panel(ui, detail, l.detail);
        }
        buf_release(&id);
    }
}

/* ---- status row ---- */

static const struct {
    const char *line, *word;
} hints[] = { { "open", "open" }, { "expand", "expand" }, { "log", "log" },
              { "describe", "describe" }, { "raw", "raw" }, { "diff", "diff" },
              { "errors", "errors" }, { "next-error", "next" }, { "acknowledge", "acknowledge" },
              { "resolve", "resolve" }, { "merge", "merge" }, { "workload", "workload" },
              { "wrap", "wrap" }, /* the panel's own up to here */
              { "verdict", "verdict" },
              { "follow", "follow" }, { "prompt filter", "filter" },
              { "faults", "faults" }, { "next", "panel" }, { "zoom", "zoom" },
              { "back", "back" }, { "help", "help" }, { "close", "quit" } /* the ways out have room always */ };
enum { N_OWN_HINTS = 13, N_OUT_HINTS = 3 };

/* The key of a hint where it says something; NULL = not here. */
static const char *hint_key(const struct ui *ui, size_t i)
{
    const char *panel = ui->ops[ui_top(ui)]->name, *line = hints[i].line;
    const char *key = keymap_key_of(ui->env->keymap, panel, line);
    bool is_layer = ui->n_layers > 0;
    if (i < N_OWN_HINTS && !keymap_has(ui->env->keymap, panel, line))
        return NULL;
    if ((text_eq(line, "follow") && !text_eq(panel, "doc") && !text_eq(panel, "log")) ||
        (text_eq(line, "back") && !is_layer) || (text_eq(line, "close") && is_layer) ||
        (is_layer && (text_eq(line, "next") || text_eq(line, "zoom"))))
        return NULL;
    return key;
}

static int hint_cols(const struct ui *ui, size_t i)
{
    const char *key = hint_key(ui, i);
    return key ? (int)strlen(key) + (int)strlen(hints[i].word) + 3 : 0;
}

static void draw_keys(struct ui *ui, struct canvas *c, int row)
{
    int col = 1, kept = 0;
    for (size_t i = ARRAY_LEN(hints) - N_OUT_HINTS; i < ARRAY_LEN(hints); i++)
        kept += hint_cols(ui, i);
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        const char *key = hint_key(ui, i);
        bool is_out = i >= ARRAY_LEN(hints) - N_OUT_HINTS;
        if (!key || (!is_out && col + hint_cols(ui, i) + kept - 1 > c->at.cols))
            continue;
        col += canvas_text(c, row, col, -1, ROLE_KEY, key);
        col += canvas_textf(c, row, col, ROLE_DIM, " %s  ", hints[i].word);
    }
}

static void draw_prompt(struct ui *ui, struct canvas *c, int row)
{
    const struct prompt *p = &ui->prompt;
    char under[8] = " ";
    int col = canvas_text(c, row, 0, -1, ROLE_KEY, p->lead);
    int width = c->at.cols - col - 1;
    /* The part around the cursor is what one sees. */
    const char *from = p->text;
    char head[PROMPT_CAP];
    snprintf(head, sizeof head, "%.*s", (int)p->at, p->text);
    while (text_width(head + (from - p->text)) > width && *from) {
        from++;
        while (((unsigned char)*from & 0xC0) == 0x80)
            from++;
    }
    col += canvas_text(c, row, col, -1, ROLE_TEXT, head + (from - p->text));
    if (p->text[p->at]) {
        int32_t cp;
        size_t n = text_decode(p->text + p->at, strlen(p->text + p->at), &cp);
        snprintf(under, sizeof under, "%.*s", (int)(n ? n : 1), p->text + p->at);
    }
    col += canvas_text(c, row, col, -1, ROLE_SELECTED, under);
    if (p->text[p->at])
        canvas_text(c, row, col, -1, ROLE_TEXT, p->text + p->at + strlen(under));
}

/* What can be typed next, in columns above the prompt: a third of the screen at the most. */
static void draw_offers(struct ui *ui, struct canvas *c)
{
    int width = 8, row;
    for (size_t i = 0; i < ui->n_offers; i++)
        width = text_width(ui->offers[i]) + 2 > width ? text_width(ui->offers[i]) + 2 : width;
    int across = (c->at.cols - 1) / width > 0 ? (c->at.cols - 1) / width : 1, most = c->at.rows / 3 > 1 ? c->at.rows / 3 : 1;
    int rows = ((int)ui->n_offers + across - 1) / across, shown = rows < most ? rows : most;
    row = c->at.rows - 1 - shown;
    canvas_fill(c, row - 1, ROLE_TEXT);
    canvas_rule(c, row - 1, 0, c->at.cols, ROLE_FOCUS);
    canvas_textf(c, row - 1, 1, ROLE_FOCUS, " %s%s ", ui->offers_title, shown < rows ? "; the first are here" : "");
    for (int i = 0; i < shown; i++)
        canvas_fill(c, row + i, ROLE_TEXT);
    for (int i = 0; i < (int)ui->n_offers && i < shown * across; i++)
        canvas_text(c, row + i / across, 1 + i % across * width, width - 1, ROLE_TEXT, ui->offers[i]);
}

/* One that is too long loses its middle: the reason stands at its end. */
static void draw_said(struct ui *ui, struct canvas *c, int row)
{
    char line[sizeof ui->said];
    size_t room = (size_t)c->at.cols - 1;
    bool is_long = text_width(ui->said) >= c->at.cols - 1 && room < sizeof line;
    text_shorten(line, is_long ? room : sizeof line, ui->said);
    canvas_text(c, row, 1, -1, ui->said_stays ? ROLE_WARN : ROLE_TITLE, line);
}

static void draw_status(struct ui *ui, struct canvas *c, int row)
{
    canvas_fill(c, row, ROLE_TEXT);
    if (ui->prompt.is_open && ui->offers_title[0])
        draw_offers(ui, c);
    if (ui->prompt.is_open)
        draw_prompt(ui, c, row);
    else if (ui->said[0])
        draw_said(ui, c, row);
    else if (ui->pending[0])
        canvas_textf(c, row, 1, ROLE_KEY, "%s ...", ui->pending);
    else
        draw_keys(ui, c, row);
}

static int64_t newest_deploy(const struct workloads *ws)
{
    int64_t ms = TIME_NONE;
    for (size_t i = 0; ws && i < ws->n; i++)
        ms = ws->items[i]->deployed_ms > ms ? ws->items[i]->deployed_ms : ms;
    return ms;
}

/* What the demo's story has to say: a row above the keys, where there is room. */
static int draw_caption(struct ui *ui, struct canvas *c)
{
    const struct ident *id = section(ui, SECTION_IDENT);
    if (!id || !id->is_demo || !id->caption[0] || ui->rows < CAPTION_ROWS || past_is_shown(ui))
        return 0;
    int row = ui->rows - 2;
    canvas_fill(c, row, ROLE_DEMO);
    canvas_text(c, row, 1, -1, ROLE_DEMO, id->caption);
    return 1;
}

/* The word, below the strip; where there are few rows the panel is worth more. */
static int draw_verdict(struct ui *ui, struct canvas *c)
{
    struct frame f = ui_frame(ui, ui_top(ui));
    if (ui->rows < VERDICT_ROWS)
        return 0;
    verdict_bar(&f, c, 1);
    return 1;
}

void app_draw(struct ui *ui)
{
    struct canvas *c = &ui->canvas;
    const struct ident *id = section(ui, SECTION_IDENT);
    ui->prefs.pace = id ? id->pace : 1;
    ui->prefs.deployed_ms = newest_deploy(section(ui, SECTION_WORKLOADS));
    canvas_clear(c);
    if (ui->rows < LEAST_ROWS || ui->cols < LEAST_COLS) {
        canvas_textf(c, 0, 0, ROLE_TEXT, "%dx%d is too small (20x5); q quits", ui->cols, ui->rows);
    } else {
        if (past_is_shown(ui))
            draw_past_strip(ui, c);
        else
            draw_strip(ui, c);
        int bar = draw_verdict(ui, c);
        struct area middle = { 1 + bar, 0, ui->rows - 2 - bar - draw_caption(ui, c), ui->cols };
        draw_body(ui, middle);
        if (ui->dialog.is_open) {
            struct canvas body = canvas_window(c, middle);
            dialog_draw(&ui->dialog, ui_plan_now(ui), section(ui, SECTION_IDENT), &body);
        }
        draw_status(ui, c, ui->rows - 1);
        ui->said_is_news = ui->said_is_news && ui->prompt.is_open;
    }
    term_draw(ui->term, c);
}
