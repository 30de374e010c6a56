#include "tui/layout.h"

enum {
    TALL_ROWS = 27, /* from here on no panel is a title alone */
    FAIR_ROWS = 10, /* a histogram and a few rows below it */
};

static struct area part(struct area a, int row, int rows)
{
    return (struct area){ a.row + row, a.col, rows, a.cols };
}

/* One grows to `rows` where it can fill them and they are there.  A title and a header alone say nothing. */
static void give(int *has, int rows, int wants, int *left)
{
    int most = rows < wants ? rows : wants, more = most - *has < *left ? most - *has : *left;
    if (more <= 0 || (*has + more == 2 && wants > 2))
        return;
    *has += more;
    *left -= more;
}

/* Panels one under the other. */
static void stack(struct layout *l, struct area a, const int wants[], size_t first, size_t n, size_t focus)
{
    int rows[LAYOUT_PANELS] = { 0 }, left = a.rows, row = 0;
    size_t big = focus >= first && focus < n ? focus : first;
    if (first >= n)
        return;
    for (size_t i = first; i < n && left; i++, left--)
        rows[i] = 1;
    give(&rows[big], (a.rows + 1) / 2, wants[big], &left);
    give(&rows[first], a.rows / 4, wants[first], &left);
    for (size_t i = first; i < n && a.rows >= TALL_ROWS; i++)
        give(&rows[i], a.rows / 6 + 1, wants[i], &left);
    give(&rows[big], a.rows, wants[big], &left);
    for (int most = FAIR_ROWS; most <= a.rows + FAIR_ROWS; most += a.rows) { /* a share for each, then the rest */
        for (size_t i = first; i < n; i++)
            give(&rows[i], most, wants[i], &left);
    }
    rows[big] += left;
    for (size_t i = first; i < n; i++) {
        l->areas[i] = part(a, row, rows[i]);
        row += rows[i];
    }
}

struct layout layout_solve(struct area body, const int wants[], size_t n, size_t focus, bool zoom,
                           enum layout_preset p)
{
    struct layout l = { 0 };
    if (zoom || body.cols < 60 || body.rows < 14) {
        l.areas[focus] = body;
        return l;
    }
    bool has_detail = p == PRESET_AUTO && body.cols >= 200 && body.rows >= 45;
    bool has_columns = has_detail || (p == PRESET_COLUMNS && body.cols >= 80);
    if (!has_columns || n < 2) {
        stack(&l, body, wants, 0, n, focus);
        return l;
    }
    int left = body.cols * (has_detail ? 58 : 60) / 100;
    size_t first = has_detail ? n - 1 : n > 2 ? 2 : 1; /* of the right column */
    struct area side = { body.row, body.col + left + 1, body.rows, body.cols - left - 1 };
    stack(&l, (struct area){ body.row, body.col, body.rows, left }, wants, 0, first, focus);
    l.bars[l.n_bars++] = body.col + left;
    if (has_detail) {
        int rows = wants[n - 1] < body.rows / 3 ? wants[n - 1] : body.rows / 3;
        l.detail = part(side, 0, side.rows - rows);
        side = part(side, side.rows - rows, rows);
    }
    stack(&l, side, wants, first, n, focus);
    return l;
}
