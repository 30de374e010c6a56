/*
 * tui/canvas.h - a grid of cells that knows nothing of terminals.  The only way to draw text.
 *
 * Every string goes through text_next: nothing but visible characters reaches a cell.  A canvas is a
 * window on a grid: what falls outside is clipped; a wide character that does not fit whole is a
 * blank.  Rows and columns count from 0.
 *
 * Thread   UI      Owns  canvas_new's grid is freed by canvas_free; windows borrow it
 */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/text.h"

/* Semantic roles; tui/theme gives each its colours and attributes. */
enum role {
    ROLE_TEXT, ROLE_DIM, ROLE_TITLE, ROLE_FOCUS, ROLE_HEADER, ROLE_SELECTED, ROLE_OK, ROLE_PROGRESS,
    ROLE_WARN, ROLE_FAIL, ROLE_UNKNOWN, ROLE_STALE, ROLE_STRIP, ROLE_PRODUCTION, ROLE_STAGING,
    ROLE_ALARM, ROLE_KEY, ROLE_MATCH, ROLE_ADDED, ROLE_REMOVED, ROLE_DEMO, ROLE_PAST, N_ROLES
};
const char *role_name(enum role r);

struct cell {
    char bytes[TEXT_CELL]; /* "" in the second half of a wide character */
    unsigned char role;
    bool is_mark;   /* a replaced character: reverse video */
    bool is_cursor; /* of the selected row: the theme's selection on top of the role */
};

struct area {
    int row, col, rows, cols;
};

struct canvas {
    struct cell *grid;
    int grid_cols;
    struct area at;
    bool ascii; /* glyphs of our own have a plain form */
    bool stale; /* everything drawn is old: ROLE_STALE wins, but for alarms */
};

struct canvas canvas_new(int rows, int cols);
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c);
struct canvas canvas_window(const struct canvas *c, struct area a); /* relative to c, clipped */

/* Draws at most `cols` columns (-1 = to the edge); returns the columns used. */
int canvas_text(struct canvas *c, int row, int col, int cols, enum role r, const char *s);
int canvas_textn(struct canvas *c, int row, int col, int cols, enum role r, const char *s, size_t n);
int canvas_textf(struct canvas *c, int row, int col, enum role r, const char *fmt, ...) PRINTF_LIKE(5, 6);
void canvas_right(struct canvas *c, int row, int col, int cols, enum role r, const char *s);
void canvas_fill(struct canvas *c, int row, enum role r);      /* the whole row, blank */
void canvas_select(struct canvas *c, int row);                 /* marks what is there as selected */
void canvas_rule(struct canvas *c, int row, int col, int cols, enum role r); /* horizontal line */
void canvas_bar(struct canvas *c, int col, enum role r);       /* vertical line, full height */

/* For tests: the characters of a row, and a letter for each cell's role ('.' = text). */
void canvas_dump(const struct canvas *c, struct buf *out);

/* A character that the terminal's libc may draw in another width than ours shifts the row: such
 * characters are drawn as marks.  Made once, after setlocale. */
void canvas_learn_widths(void);

#endif
