#include "tui/spark.h"

#include <math.h>

enum { EIGHTHS = 8 };

static const char *const bars[] = { " ", "\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84",
                                    "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88" };

double spark_most(const struct spark *s)
{
    double most = s->most;
    for (size_t i = 0; s->most <= 0 && i < s->n; i++)
        most = s->v[i] > most ? s->v[i] : most;
    if (s->most <= 0 && s->limit * 1.1 > most) /* false when there is no limit */
        most = s->limit * 1.1;
    return most > 0 ? most : 1;
}

/* Points of one column: [*from, *to). */
static void points_of(const struct spark *s, int cols, int col, size_t *from, size_t *to)
{
    if (s->n <= (size_t)cols) { /* a column a point, at the right edge */
        int lead = cols - (int)s->n;
        *from = col < lead ? 0 : (size_t)(col - lead);
        *to = col < lead ? 0 : *from + 1;
        return;
    }
    *from = (size_t)col * s->n / (size_t)cols;
    *to = (size_t)(col + 1) * s->n / (size_t)cols;
}

static double value_of(const struct spark *s, size_t from, size_t to)
{
    double v = NAN;
    for (size_t i = from; i < to; i++)
        v = isnan(s->v[i]) || s->v[i] <= v ? v : s->v[i];
    return v;
}

/* What stands behind a bar in this row of the graph, counted from the bottom: its value range is [low, high). */
static const char *behind(const struct spark *s, double low, double high, bool is_mark, enum role *r)
{
    if (s->limit >= low && s->limit < high) {
        *r = ROLE_WARN;
        return "\xE2\x94\x80";
    }
    if (is_mark) {
        *r = ROLE_TITLE;
        return "\xE2\x94\x82";
    }
    if (s->high >= low && s->low < high) {
        *r = ROLE_DIM;
        return "\xC2\xB7";
    }
    *r = ROLE_TEXT;
    return " ";
}

void spark_draw(struct canvas *c, struct area a, const struct spark *s)
{
    double most = spark_most(s), step = most / a.rows;
    for (int col = 0; col < a.cols; col++) {
        size_t from, to;
        points_of(s, a.cols, col, &from, &to);
        double v = value_of(s, from, to), full = v / most * a.rows * EIGHTHS;
        bool is_mark = s->mark >= (double)from && s->mark < (double)to;
        for (int up = 0; up < a.rows; up++) {
            int row = a.row + a.rows - 1 - up, part = isnan(v) ? 0 : (int)fmin(EIGHTHS, fmax(0, full - up * EIGHTHS));
            enum role r = v > s->limit ? ROLE_FAIL : s->role;
            const char *cell = bars[part];
            if (up == 0 && !part && v > 0) /* little is not nothing */
                cell = bars[1];
            else if (!part && a.rows > 1)
                cell = behind(s, up * step, (up + 1) * step, is_mark, &r);
            if (isnan(v) && up == 0 && to > from && !is_mark) {
                cell = "\xE2\x95\x8C"; /* a gap: a broken line */
                r = ROLE_UNKNOWN;
            }
            canvas_text(c, row, a.col + col, 1, r, cell);
        }
    }
}
