/*
 * tui/spark.h - a course of values as bars of cells: one row for a table, more for a graph.
 *
 * A point that is not known is a gap, drawn as one and never as nothing.  Several points of one column
 * show the highest of them: a spike is not averaged away.
 *
 * Units    values as the caller has them; `most` is the top of the scale
 * Thread   UI
 */
#ifndef TUI_SPARK_H
#define TUI_SPARK_H

#include "tui/canvas.h"

struct spark {
    const float *v; /* NAN = a gap */
    size_t n;
    double most;           /* 0 = the highest of what is drawn, and the limit */
    double limit;          /* a line where it lies, and bars above it in ROLE_FAIL; NAN = none */
    double low, high;      /* what is usual: a band behind the bars, where there are rows for it; NAN = none */
    double mark;           /* a vertical line at this point (a deploy), in points; NAN = none */
    enum role role;        /* of bars below the limit */
};

/* Fills the area; the newest point stands in the last column. */
void spark_draw(struct canvas *c, struct area a, const struct spark *s);
double spark_most(const struct spark *s); /* the top of its scale */

#endif
