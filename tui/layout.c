#include "tui/layout.h"

static struct area part(struct area a, int row, int rows)
{
    return (struct area){ a.row + row, a.col, rows, a.cols };
}

/* Panels one under the other: the focused one takes what the others leave. */
static void stack(struct layout *l, struct area a, size_t first, size_t n, size_t focus, int least)
{
    size_t count = n - first;
    if (!count)
        return;
    size_t big = focus >= first && focus < n ? focus : first;
    int others = (int)(count - 1) * least, row = 0;
    if (a.rows - others < a.rows / 2) { /* too many for the height: titles only */
        least = 1;
        others = (int)(count - 1);
    }
    for (size_t i = first; i < n; i++) {
        int rows = i == big ? a.rows - others : least;
        if (row + rows > a.rows)
            rows = a.rows - row;
        l->areas[i] = part(a, row, rows > 0 ? rows : 0);
        row += rows;
    }
}

struct layout layout_solve(struct area body, size_t n, size_t focus, bool zoom, enum layout_preset p)
{
    struct layout l = { 0 };
    if (zoom || body.cols < 60 || body.rows < 14) {
        l.areas[focus] = body;
        return l;
    }
    bool is_narrow = p == PRESET_COLUMNS ? body.cols < 80 : body.cols < 120 || body.rows < 27;
    if (is_narrow || p == PRESET_STACK) {
        stack(&l, body, 0, n, focus, body.rows >= 30 ? 8 : 5);
        return l;
    }
    bool has_detail = body.cols >= 200 && body.rows >= 45;
    int left = has_detail ? body.cols * 40 / 100 : body.cols * 60 / 100, right = left + 1;
    size_t first = n > 2 ? 2 : 1; /* the first two panels share the left column */
    stack(&l, (struct area){ body.row, body.col, body.rows, left }, 0, first, focus, body.rows * 2 / 5);
    l.bars[l.n_bars++] = body.col + left;
    if (has_detail) {
        int mid = body.cols * 35 / 100;
        l.detail = (struct area){ body.row, body.col + right, body.rows, mid };
        right += mid + 1;
        l.bars[l.n_bars++] = body.col + right - 1;
    }
    struct area side = { body.row, body.col + right, body.rows, body.cols - right };
    stack(&l, side, first, n, focus, side.rows / 3);
    return l;
}
