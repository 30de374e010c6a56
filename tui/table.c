#define PCRE2_CODE_UNIT_WIDTH 8
#include "tui/table.h"

#include <assert.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CELL_CAP = 4096, MATCH_LIMIT = 20000, GLYPH = 2 };

void table_release(struct table *t)
{
    free(t->order);
    pcre2_code_free(t->regex);
    *t = (struct table){ 0 };
}

static enum role cell_text(const struct column *col, const void *row, const struct frame *f,
                           struct buf *out)
{
    buf_clear(out);
    return col->cell(row, f, out);
}

static bool matches(const struct table *t, const struct table_ops *ops, const void *row,
                    const struct frame *f, struct buf *cell, pcre2_match_data *md,
                    pcre2_match_context *mc)
{
    bool hit = false;
    for (size_t i = 0; i < ops->n_columns && !hit; i++) {
        cell_text(&ops->columns[i], row, f, cell);
        hit = pcre2_match(t->regex, (PCRE2_SPTR)buf_str(cell), cell->len, 0, 0, md, mc) >= 0;
    }
    return hit != t->is_inverted;
}

static void collect(struct table *t, const struct table_ops *ops, const void *ctx,
                    const struct frame *f)
{
    struct buf cell = BUF_INIT(CELL_CAP);
    pcre2_match_data *md = t->regex ? pcre2_match_data_create(1, NULL) : NULL;
    pcre2_match_context *mc = t->regex ? pcre2_match_context_create(NULL) : NULL;
    if (mc)
        pcre2_set_match_limit(mc, MATCH_LIMIT);
    t->n_all = ops->count(ctx);
    if (t->n_all > t->room) {
        t->room = t->n_all + t->n_all / 2;
        t->order = x_realloc(t->order, t->room * sizeof *t->order);
    }
    t->n = 0;
    for (size_t i = 0; i < t->n_all; i++) {
        const void *row = ops->row(ctx, i);
        bool is_fault = (ops->is_fault && ops->is_fault(row)) || (ops->is_alarmed && ops->is_alarmed(row, f));
        if (t->faults && ops->is_fault && !is_fault)
            continue;
        if (t->regex && !matches(t, ops, row, f, &cell, md, mc))
            continue;
        t->order[t->n++] = (uint32_t)i;
    }
    pcre2_match_data_free(md);
    pcre2_match_context_free(mc);
    buf_release(&cell);
}

struct sorting {
    const struct table *t;
    const struct table_ops *ops;
    const void *ctx;
    const struct frame *f;
    char **texts; /* by row number; NULL = the column has a key */
};

static int compare(const void *a, const void *b, void *arg)
{
    const struct sorting *s = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const void *x = s->ops->row(s->ctx, i), *y = s->ops->row(s->ctx, j);
    int d = 0;
    if (!s->t->sort) {
        d = s->ops->natural ? s->ops->natural(x, y) : 0;
    } else if (s->texts) {
        d = strcmp(s->texts[i], s->texts[j]);
    } else {
        int64_t p = s->ops->columns[s->t->sort - 1].key(x, s->f), q = s->ops->columns[s->t->sort - 1].key(y, s->f);
        d = (p > q) - (p < q);
    }
    if (s->t->reverse)
        d = -d;
    return d ? d : (i > j) - (i < j); /* stable */
}

static void sort(struct table *t, const struct table_ops *ops, const void *ctx, const struct frame *f)
{
    struct sorting s = { t, ops, ctx, f, NULL };
    if (!t->n || (!t->sort && !ops->natural && !t->reverse))
        return;
    if (t->sort && !ops->columns[t->sort - 1].key) {
        struct buf cell = BUF_INIT(CELL_CAP);
        s.texts = x_calloc(t->n_all, sizeof *s.texts);
        for (size_t i = 0; i < t->n; i++) {
            cell_text(&ops->columns[t->sort - 1], ops->row(ctx, t->order[i]), f, &cell);
            s.texts[t->order[i]] = x_strdup(buf_str(&cell));
        }
        buf_release(&cell);
    }
    qsort_r(t->order, t->n, sizeof *t->order, compare, &s);
    for (size_t i = 0; s.texts && i < t->n_all; i++)
        free(s.texts[i]);
    free(s.texts);
}

static void keep_in_view(struct table *t)
{
    size_t height = t->height > 0 ? (size_t)t->height : 1;
    if (t->at < t->top)
        t->top = t->at;
    if (t->at >= t->top + height)
        t->top = t->at - height + 1;
    if (t->n <= height)
        t->top = 0;
    else if (t->top > t->n - height)
        t->top = t->n - height;
}

static void select_at(struct table *t, const struct table_ops *ops, const void *ctx, size_t at)
{
    t->at = at;
    snprintf(t->id, sizeof t->id, "%s", t->n ? ops->id(ops->row(ctx, t->order[at])) : "");
    keep_in_view(t);
}

/* What the cells in view ask for, the title included; nothing for an extra column that has nothing to say. */
static int need(const struct table *t, const struct table_ops *ops, const void *ctx,
                const struct frame *f, size_t i, int room, struct buf *cell)
{
    const struct column *col = &ops->columns[i];
    int most = col->most ? col->most : room, title = text_width(col->title) + (t->sort == (int)i + 1), want = 0;
    size_t end = t->top + (t->height > 0 ? (size_t)t->height : 0);
    for (size_t r = t->top; r < t->n && r < end && want < most; r++) {
        cell_text(col, ops->row(ctx, t->order[r]), f, cell);
        int w = text_width(buf_str(cell));
        want = w > want ? w : want;
    }
    if (!want && t->n && col->rank >= RANK_EXTRA)
        return 0;
    want = want > title ? want : title;
    return want > most ? most : want;
}

/* Columns of these ranks that have room get their least width. */
static int choose(const struct table_ops *ops, const struct frame *f, int from, int to, int room,
                  const int needs[], int out[])
{
    for (int rank = from; rank < to; rank++) {
        for (size_t i = 0; i < ops->n_columns; i++) {
            const struct column *col = &ops->columns[i];
            int least = col->most && needs[i] < col->least ? needs[i] : col->least;
            if (rank == 0 && i == 0 && least + 1 > room) /* the first says what a row is: it is cut, not left out */
                least = room - 1 > 0 ? room - 1 : 0;
            if (col->rank != rank || !least || least + 1 > room || (col->is_wanted && !col->is_wanted(f)))
                continue;
            out[i] = least;
            room -= least + 1;
        }
    }
    return room;
}

/* What is left goes by rank to those that need more; the column that takes the rest comes last. */
static int grow(const struct table_ops *ops, int room, const int needs[], int out[])
{
    for (int rank = 0; rank <= 16; rank++) {
        for (size_t i = 0; i < ops->n_columns; i++) {
            const struct column *col = &ops->columns[i];
            int extra = needs[i] - out[i] < room ? needs[i] - out[i] : room;
            if (!out[i] || extra <= 0 || (col->most ? col->rank : 16) != rank)
                continue;
            out[i] += extra;
            room -= extra;
        }
    }
    return room;
}

static void set_widths(struct table *t, const struct table_ops *ops, const void *ctx,
                       const struct frame *f, int cols)
{
    struct buf cell = BUF_INIT(CELL_CAP);
    int needs[TABLE_COLUMNS], room = cols - (ops->health ? GLYPH : 0) + 1; /* no gap after the last one */
    assert(ops->n_columns <= TABLE_COLUMNS);
    memset(t->widths, 0, sizeof t->widths);
    for (size_t i = 0; i < ops->n_columns; i++)
        needs[i] = need(t, ops, ctx, f, i, room, &cell);
    room = choose(ops, f, 0, RANK_EXTRA, room, needs, t->widths);
    room = grow(ops, room, needs, t->widths);
    for (size_t i = 0; i < ops->n_columns; i++) { /* a small extra must not stand where a larger column had no room */
        const struct column *col = &ops->columns[i];
        if (col->rank < RANK_EXTRA && !t->widths[i] && (!col->is_wanted || col->is_wanted(f)))
            room = 0;
    }
    room = choose(ops, f, RANK_EXTRA, 16, room, needs, t->widths);
    grow(ops, room, needs, t->widths);
    buf_release(&cell);
}

void table_settle(struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, uint64_t version, int rows, int cols)
{
    t->height = rows - 1; /* the header */
    if (version != t->version || t->is_dirty || !t->order) {
        collect(t, ops, ctx, f);
        sort(t, ops, ctx, f);
        t->version = version;
        t->is_dirty = false;
        size_t found = t->n;
        for (size_t i = 0; i < t->n && t->id[0]; i++) {
            if (text_eq(ops->id(ops->row(ctx, t->order[i])), t->id)) {
                found = i;
                break;
            }
        }
        if (found < t->n) {
            size_t offset = t->at - t->top; /* the selected row stays where the eye is, */
            t->at = found;
            if (t->top) /* but who sees the first row goes on seeing it: what is new and bad comes there */
                t->top = found > offset ? found - offset : 0;
        } else if (t->n) {
            select_at(t, ops, ctx, t->at < t->n ? t->at : t->n - 1);
        }
    }
    keep_in_view(t);
    set_widths(t, ops, ctx, f, cols);
}

const void *table_selected(const struct table *t, const struct table_ops *ops, const void *ctx)
{
    if (t->at >= t->n || t->order[t->at] >= ops->count(ctx))
        return NULL;
    return ops->row(ctx, t->order[t->at]);
}

bool table_locate(struct table *t, const char *id)
{
    snprintf(t->id, sizeof t->id, "%s", id);
    t->is_dirty = true;
    return true;
}

static void set_filter(struct table *t, const char *s)
{
    int number;
    PCRE2_SIZE at;
    snprintf(t->filter, sizeof t->filter, "%s", s ? s : "");
    pcre2_code_free(t->regex);
    t->regex = NULL;
    t->regex_error[0] = '\0';
    t->is_inverted = t->filter[0] == '!';
    const char *pattern = t->filter + t->is_inverted;
    if (!*pattern)
        return;
    t->regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_CASELESS | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number, &at, NULL);
    if (!t->regex) { /* half-typed: search for the text as it stands */
        pcre2_get_error_message(number, (PCRE2_UCHAR *)t->regex_error, sizeof t->regex_error);
        t->regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                 PCRE2_CASELESS | PCRE2_LITERAL, &number, &at, NULL);
    }
}

static bool to_fault(struct table *t, const struct table_ops *ops, const void *ctx, int step)
{
    for (size_t i = 1; i <= t->n && ops->is_fault; i++) {
        size_t at = (t->at + (step > 0 ? i : t->n - i % t->n)) % t->n;
        if (ops->is_fault(ops->row(ctx, t->order[at]))) {
            select_at(t, ops, ctx, at);
            return true;
        }
    }
    return false;
}

/* By a column's title, or its beginning; "" = the natural order. */
static bool sort_by(struct table *t, const struct table_ops *ops, const char *title)
{
    for (size_t i = 0; i < ops->n_columns && title[0]; i++) {
        if (strncasecmp(ops->columns[i].title, title, strlen(title)) == 0) {
            t->sort = (int)i + 1;
            t->is_dirty = true;
            return true;
        }
    }
    t->is_dirty |= !title[0];
    t->sort = title[0] ? t->sort : 0;
    return !title[0];
}

/* The next column that is on the screen, or 0: the panel's own order. */
static int next_sort(const struct table *t, const struct table_ops *ops, int step)
{
    int n = (int)ops->n_columns + 1, at = t->sort;
    do
        at = (at + n + step) % n;
    while (at && (!t->widths[at - 1] || !ops->columns[at - 1].title[0]));
    return at;
}

bool table_nav(struct table *t, const struct table_ops *ops, const void *ctx, enum nav n,
               const char *arg)
{
    size_t page = t->height > 1 ? (size_t)t->height - 1 : 1, last = t->n ? t->n - 1 : 0, at = t->at;
    switch (n) {
    case NAV_DOWN: at = at < last ? at + 1 : last; break;
    case NAV_UP: at = at ? at - 1 : 0; break;
    case NAV_PAGE_DOWN: at = at + page < last ? at + page : last; break;
    case NAV_PAGE_UP: at = at > page ? at - page : 0; break;
    case NAV_HALF_DOWN: at = at + page / 2 < last ? at + page / 2 : last; break;
    case NAV_HALF_UP: at = at > page / 2 ? at - page / 2 : 0; break;
    case NAV_TOP: at = 0; break;
    case NAV_BOTTOM: at = last; break;
    case NAV_SORT_NEXT: t->sort = next_sort(t, ops, 1); t->is_dirty = true; return true;
    case NAV_SORT_PREV: t->sort = next_sort(t, ops, -1); t->is_dirty = true; return true;
    case NAV_SORT: return sort_by(t, ops, arg);
    case NAV_REVERSE: t->reverse = !t->reverse; t->is_dirty = true; return true;
    case NAV_FAULTS: t->faults = !t->faults; t->is_dirty = true; return ops->is_fault != NULL;
    case NAV_FILTER: set_filter(t, arg); t->is_dirty = true; return true;
    case NAV_NEXT_FAULT: return to_fault(t, ops, ctx, 1);
    case NAV_PREV_FAULT: return to_fault(t, ops, ctx, -1);
    default: return false;
    }
    if (t->n)
        select_at(t, ops, ctx, at);
    return true;
}

static void render_header(const struct table *t, const struct table_ops *ops, struct canvas *c,
                          const int w[], int col)
{
    for (size_t i = 0; i < ops->n_columns; i++) {
        char title[64];
        const struct column *column = &ops->columns[i];
        if (!w[i])
            continue;
        const char *arrow = t->sort != (int)i + 1 ? "" : t->reverse ? "\xE2\x86\x93" : "\xE2\x86\x91";
        snprintf(title, sizeof title, "%s%s", column->title, arrow);
        if (column->is_right)
            canvas_right(c, 0, col, w[i], ROLE_HEADER, title);
        else
            canvas_text(c, 0, col, w[i], ROLE_HEADER, title);
        col += w[i] + 1;
    }
}

/* What does not fit ends with a mark: half a number would be another number. */
static void draw_cell(struct canvas *c, int line, int col, int width, enum role r, bool is_right, const char *text)
{
    bool is_cut = width > 1 && text_width(text) > width;
    if (is_right && !is_cut)
        canvas_right(c, line, col, width, r, text);
    else
        canvas_text(c, line, col, is_cut ? width - 1 : width, r, text);
    if (is_cut)
        canvas_text(c, line, col + width - 1, 1, r, c->ascii ? "~" : "\u2026");
}

void table_render(const struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, struct canvas *c, bool stale)
{
    struct buf cell = BUF_INIT(CELL_CAP);
    const int *w = t->widths;
    int left = ops->health ? GLYPH : 0;
    c->stale = stale;
    render_header(t, ops, c, w, left);
    for (int line = 1; line < c->at.rows; line++) {
        size_t i = t->top + (size_t)line - 1;
        if (i >= t->n || t->order[i] >= ops->count(ctx))
            break;
        const void *row = ops->row(ctx, t->order[i]);
        int col = left;
        if (ops->health) {
            enum health h = ops->health(row);
            if (h < HEALTH_WARN && ops->is_alarmed && ops->is_alarmed(row, f))
                h = HEALTH_WARN;
            canvas_text(c, line, 0, 1, h == HEALTH_OK ? ROLE_TEXT : panel_health_role(h), panel_health_glyph(h));
        }
        for (size_t k = 0; k < ops->n_columns; k++) {
            if (!w[k])
                continue;
            enum role r = cell_text(&ops->columns[k], row, f, &cell);
            draw_cell(c, line, col, w[k], r, ops->columns[k].is_right, buf_str(&cell));
            col += w[k] + 1;
        }
        if (i == t->at && f->focused)
            canvas_select(c, line);
    }
    buf_release(&cell);
}

bool table_is_cut(const struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, size_t column)
{
    const void *row = table_selected(t, ops, ctx);
    struct buf cell = BUF_INIT(CELL_CAP);
    if (row)
        cell_text(&ops->columns[column], row, f, &cell);
    bool is_cut = text_width(buf_str(&cell)) > t->widths[column];
    buf_release(&cell);
    return is_cut;
}

void table_copy(const struct table *t, const struct table_ops *ops, const void *ctx,
                const struct frame *f, struct buf *out)
{
    const void *row = table_selected(t, ops, ctx);
    struct buf cell = BUF_INIT(CELL_CAP);
    for (size_t i = 0; row && i < ops->n_columns; i++) {
        cell_text(&ops->columns[i], row, f, &cell);
        if (!cell.len)
            continue;
        buf_adds(out, out->len ? "  " : "");
        text_clean(out, buf_str(&cell), cell.len);
    }
    buf_release(&cell);
}

void table_describe(const struct table *t, const struct table_ops *ops, struct buf *out)
{
    if (t->filter[0])
        buf_addf(out, " /%s/ %zu of %zu%s", t->filter, t->n, t->n_all,
                 t->regex_error[0] ? " (as plain text)" : "");
    if (t->faults)
        buf_adds(out, " faults only");
    if (t->sort)
        buf_addf(out, " by %s%s%s", ops->columns[t->sort - 1].title, t->reverse ? " reversed" : "",
                 t->widths[t->sort - 1] ? "" : " (not shown)");
    else if (t->reverse)
        buf_adds(out, " reversed");
    if (t->height > 0 && t->n > (size_t)t->height)
        buf_addf(out, ", rows %zu-%zu of %zu", t->top + 1, t->top + (size_t)t->height, t->n);
}
