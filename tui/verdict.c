#include "tui/verdict.h"

#include <inttypes.h>
#include <stdio.h>

enum { CLOCK_FROM = 40, GAUGE_COLS = 20, GAUGE_FROM = 110, LACKS_FROM = 100 };

enum role verdict_role(enum verdict_word w)
{
    static const enum role roles[] = { [VERDICT_NONE] = ROLE_DIM, [VERDICT_PASS] = ROLE_OK, [VERDICT_WATCH] = ROLE_WARN,
                                       [VERDICT_NO_DATA] = ROLE_UNKNOWN, [VERDICT_ROLLBACK] = ROLE_ALARM };
    return roles[w];
}

const char *verdict_glyph(enum verdict_word w)
{
    static const char *const glyphs[] = { [VERDICT_NONE] = "-", [VERDICT_PASS] = "+", [VERDICT_WATCH] = "!",
                                          [VERDICT_NO_DATA] = "?", [VERDICT_ROLLBACK] = "X" };
    return glyphs[w];
}

enum role trigger_role(enum trigger_state s)
{
    static const enum role roles[] = { [TRIGGER_NO_DATA] = ROLE_UNKNOWN, [TRIGGER_OK] = ROLE_OK, [TRIGGER_WATCH] = ROLE_WARN,
                                       [TRIGGER_FIRED] = ROLE_FAIL };
    return roles[s];
}

static void minutes(char *out, size_t room, int64_t ms)
{
    int64_t s = (ms > 0 ? ms : 0) / 1000;
    snprintf(out, room, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
}

char *verdict_clock(const struct bake *b, int64_t now_ms, char out[CLOCK_TEXT])
{
    char at[12], end[12], age[CLOCK_TEXT], all[CLOCK_TEXT];
    int64_t span = now_ms - b->deployed_ms;
    if (b->phase == BAKE_IMMEDIATE) {
        minutes(at, sizeof at, span);
        minutes(end, sizeof end, b->window_end_ms - b->deployed_ms);
        snprintf(out, CLOCK_TEXT, "T+%s/%s", at, end);
    } else {
        snprintf(out, CLOCK_TEXT, "T+%.8s/%.8s", clock_format_age(span, age),
                 clock_format_age(b->extended_end_ms - b->deployed_ms, all));
    }
    return out;
}

char *verdict_minutes(const struct bake *b, int64_t now_ms, char out[CLOCK_TEXT])
{
    int64_t span = now_ms - b->deployed_ms;
    if (b->phase != BAKE_IMMEDIATE)
        return verdict_clock(b, now_ms, out);
    snprintf(out, CLOCK_TEXT, "T+%" PRId64 "m/%" PRId64 "m", span > 0 ? span / 60000 : 0, (b->window_end_ms - b->deployed_ms) / 60000);
    return out;
}

/* How much of the window is over. */
static int draw_gauge(struct canvas *c, int row, int col, const struct bake *b, int64_t now_ms)
{
    int64_t end = b->phase == BAKE_IMMEDIATE ? b->window_end_ms : b->extended_end_ms;
    double part = end > b->deployed_ms ? (double)(now_ms - b->deployed_ms) / (double)(end - b->deployed_ms) : 1;
    int full = part >= 1 ? GAUGE_COLS : part <= 0 ? 0 : (int)(part * GAUGE_COLS);
    for (int i = 0; i < GAUGE_COLS; i++)
        canvas_text(c, row, col + i, 1, i < full ? ROLE_TEXT : ROLE_DIM, i < full ? "\xE2\x96\x88" : "\xC2\xB7");
    return GAUGE_COLS;
}

static const struct bake *shown_bake(const struct verdict *v)
{
    return v->n_bakes ? &v->bakes[0] : NULL; /* the worst, and of these the newest: what the word speaks of */
}

static void draw_right(const struct frame *f, const struct verdict *v, struct canvas *c, int row, int *edge)
{
    const struct bake *b = shown_bake(v);
    char clock[CLOCK_TEXT];
    if (!b || c->at.cols < CLOCK_FROM)
        return;
    verdict_clock(b, f->now_ms, clock);
    bool has_gauge = c->at.cols >= GAUGE_FROM;
    *edge = c->at.cols - text_width(clock) - (has_gauge ? GAUGE_COLS + 1 : 0) - 2;
    int col = *edge + 1 + canvas_text(c, row, *edge + 1, -1, ROLE_TITLE, clock);
    if (has_gauge)
        draw_gauge(c, row, col + 1, b, f->now_ms);
}

void verdict_bar(const struct frame *f, struct canvas *c, int row)
{
    const struct verdict *v = frame_section(f, SECTION_VERDICT);
    char word[40];
    int edge = c->at.cols;
    canvas_fill(c, row, ROLE_TEXT);
    if (!v) {
        bool is_past = f->snap && f->snap->past_ms != TIME_NONE;
        canvas_text(c, row, 1, -1, ROLE_DIM, is_past ? "verdict: not recorded" : "verdict: nothing has been judged yet");
        return;
    }
    draw_right(f, v, c, row, &edge);
    snprintf(word, sizeof word, " %s %s%s ", verdict_glyph(v->word), verdict_name(v->word),
             v->word == VERDICT_PASS && v->is_so_far ? " so far" : "");
    int col = canvas_text(c, row, 0, -1, verdict_role(v->word), word);
    struct buf rule = BUF_INIT(2048);
    buf_add_most(&rule, v->rule);
    if (v->lacks[0] && (c->at.cols >= LACKS_FROM || v->word == VERDICT_PASS)) /* never a bare PASS */
        buf_addf(&rule, "%s%s", rule.len ? " \xC2\xB7 " : "", v->lacks);
    int room = edge - col - 1;
    enum role r = v->word >= VERDICT_WATCH ? ROLE_TITLE : ROLE_TEXT;
    if (room > 1) {
        canvas_text(c, row, col + 1, room, r, buf_str(&rule));
        if (text_width(buf_str(&rule)) > room) /* what is cut says so */
            canvas_text(c, row, col + room, 1, r, "\xE2\x80\xA6");
    }
    buf_release(&rule);
}
