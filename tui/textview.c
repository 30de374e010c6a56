#include "tui/textview.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Bytes of the line that stand on one row: to the last space, where there is one in its second half. */
static size_t row_bytes(const char *s, int cols)
{
    const char *p = s, *end = s + strlen(s), *space = NULL;
    struct text_cell t;
    int used = 0;
    while (p < end) {
        const char *at = p;
        text_next(&p, end, &t);
        if (used + t.width > cols && at > s)
            return (size_t)((space ? space : at) - s);
        used += t.width;
        if (*at == ' ' && used > cols / 2)
            space = p;
    }
    return (size_t)(end - s);
}

static int rows_of(const struct textview *v, const char *s)
{
    int n = 1;
    if (!v->wrap || v->width < 1)
        return 1;
    while (s[row_bytes(s, v->width)]) {
        s += row_bytes(s, v->width);
        n++;
    }
    return n;
}

/* The top with which the last line stands on the last row. */
static int64_t last_top(const struct textview *v, const struct lines_of *l)
{
    size_t i = l->n;
    int room = v->height;
    while (i > 0) {
        room -= rows_of(v, l->line(l->ctx, i - 1));
        if (room < 0)
            break;
        i--;
    }
    if (i == l->n && l->n)
        i--;
    return l->dropped + (int64_t)i;
}

void textview_settle(struct textview *v, const struct lines_of *l, bool follows, int rows, int cols)
{
    v->height = rows;
    v->width = cols;
    int64_t last = last_top(v, l);
    if ((follows && !v->is_unfollowed) || v->top > last)
        v->top = last;
    if (v->top < l->dropped)
        v->top = l->dropped;
}

static const char *find(const struct textview *v, const char *line)
{
    return v->search[0] ? strcasestr(line, v->search) : NULL;
}

static void render_line(const struct textview *v, const struct lines_of *l, size_t i, struct canvas *c,
                        int row, const char *s, size_t n)
{
    enum role r = l->role ? l->role(l->ctx, i) : ROLE_TEXT;
    const char *hit = find(v, s);
    if (!hit || hit >= s + n) {
        canvas_textn(c, row, 0, -1, r, s, n);
        return;
    }
    int col = canvas_textn(c, row, 0, -1, r, s, (size_t)(hit - s));
    size_t left = n - (size_t)(hit - s), m = strlen(v->search) < left ? strlen(v->search) : left;
    col += canvas_textn(c, row, col, -1, ROLE_MATCH, hit, m);
    canvas_textn(c, row, col, -1, r, hit + m, left - m);
}

/* Moves `cols` columns into a line. */
static const char *skip_columns(const char *s, int cols)
{
    const char *end = s + strlen(s);
    struct text_cell t;
    while (s < end && cols > 0) {
        text_next(&s, end, &t);
        cols -= t.width;
    }
    return s;
}

void textview_render(const struct textview *v, const struct lines_of *l, struct canvas *c)
{
    int row = 0;
    for (size_t i = (size_t)(v->top - l->dropped); i < l->n && row < c->at.rows; i++) {
        const char *s = l->line(l->ctx, i);
        if (!v->wrap) {
            s = skip_columns(s, v->left);
            render_line(v, l, i, c, row++, s, strlen(s));
            continue;
        }
        do {
            size_t n = row_bytes(s, c->at.cols);
            render_line(v, l, i, c, row++, s, n);
            s += n;
        } while (*s && row < c->at.rows);
    }
}

static bool search(struct textview *v, const struct lines_of *l, int step)
{
    int64_t n = (int64_t)l->n, from = v->top - l->dropped;
    for (int64_t k = 1; k <= n; k++) {
        int64_t i = ((from + step * k) % n + n) % n;
        if (find(v, l->line(l->ctx, (size_t)i))) {
            v->top = l->dropped + i;
            v->is_unfollowed = true;
            return true;
        }
    }
    return false;
}

bool textview_nav(struct textview *v, const struct lines_of *l, enum nav n, const char *arg)
{
    int page = v->height > 1 ? v->height - 1 : 1;
    int64_t before = v->top;
    switch (n) {
    case NAV_DOWN: v->top++; break;
    case NAV_UP: v->top--; break;
    case NAV_PAGE_DOWN: v->top += page; break;
    case NAV_PAGE_UP: v->top -= page; break;
    case NAV_HALF_DOWN: v->top += page / 2; break;
    case NAV_HALF_UP: v->top -= page / 2; break;
    case NAV_TOP: v->top = l->dropped; break;
    case NAV_BOTTOM: v->top = last_top(v, l); break;
    case NAV_LEFT: v->left = v->left > 8 ? v->left - 8 : 0; return true;
    case NAV_RIGHT: v->left += 8; return true;
    case NAV_WRAP: v->wrap = !v->wrap; v->left = 0; return true;
    case NAV_FOLLOW: v->is_unfollowed = false; return true;
    case NAV_FILTER:
        snprintf(v->search, sizeof v->search, "%s", arg ? arg : "");
        return !v->search[0] || !l->n || (v->top--, search(v, l, 1));
    case NAV_NEXT_MATCH: return l->n && search(v, l, 1);
    case NAV_PREV_MATCH: return l->n && search(v, l, -1);
    default: return false;
    }
    if (v->top >= last_top(v, l)) {
        v->top = last_top(v, l);
        v->is_unfollowed = v->is_unfollowed && v->top < before;
    }
    if (v->top < before && !v->is_unfollowed) {
        v->is_unfollowed = true;
        v->seen = l->dropped + (int64_t)l->n;
    }
    if (v->top >= last_top(v, l) && (n == NAV_BOTTOM || n == NAV_DOWN || n == NAV_PAGE_DOWN))
        v->is_unfollowed = false;
    return true;
}

int64_t textview_new(const struct textview *v, const struct lines_of *l)
{
    int64_t all = l->dropped + (int64_t)l->n;
    return v->is_unfollowed && all > v->seen ? all - v->seen : 0;
}
