/*
 * tui/table.h - rows and columns: selection by identity, sort, live filter, follow.
 *
 * One accessor a column serves drawing, sorting, filtering and copying.
 * Thread   UI      Limits  a filter is a regular expression of TABLE_FILTER bytes with match limits
 */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include "tui/panel.h"

enum { TABLE_ID = 320, TABLE_FILTER = 128, TABLE_COLUMNS = 16, RANK_EXTRA = 6 };

struct column {
    const char *title;
    int least, most;   /* columns on the screen, fewer when the cells need fewer; most 0 = takes what is
                        * left, and never fewer than least */
    int rank;          /* the highest rank goes first when there is no room; from RANK_EXTRA on it is
                        * shown only when the others have all that their cells need */
    bool is_right;
    enum role (*cell)(const void *row, const struct frame *f, struct buf *out);
    int64_t (*key)(const void *row, const struct frame *f); /* sorts by number; NULL = by the cell's text */
    bool (*is_wanted)(const struct frame *f); /* false: not shown now; NULL = always */
};

struct table_ops {
    const struct column *columns;
    size_t n_columns;
    size_t (*count)(const void *ctx);
    const void *(*row)(const void *ctx, size_t i);
    const char *(*id)(const void *row);
    bool (*is_fault)(const void *row);                   /* may be NULL */
    int (*natural)(const void *a, const void *b);        /* NULL: as they come */
    enum health (*health)(const void *row);              /* NULL: no glyph column */
    bool (*is_alarmed)(const void *row, const struct frame *f); /* by another section: a fault, too; may be NULL */
};

struct table { /* view state: zero-filled is fine */
    char id[TABLE_ID];       /* the selected row */
    size_t at, top;          /* index of it in `order`, first row drawn; derived in settle */
    uint32_t *order;         /* the rows shown */
    size_t n, room, n_all;
    int sort;                /* 0 = natural, i+1 = column i */
    bool reverse, faults;
    char filter[TABLE_FILTER];
    void *regex;             /* pcre2_code */
    bool is_inverted;
    char regex_error[80];
    int height;
    int widths[TABLE_COLUMNS]; /* as drawn, 0 = no room for the column; derived in settle */
    uint64_t version;        /* of the section that `order` was made from */
    bool is_dirty;
};

void table_release(struct table *t);
/* `version` changes when the rows do. */
void table_settle(struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, uint64_t version, int rows, int cols);
void table_render(const struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, struct canvas *c, bool stale);
bool table_nav(struct table *t, const struct table_ops *ops, const void *ctx, enum nav n,
               const char *arg);
const void *table_selected(const struct table *t, const struct table_ops *ops, const void *ctx);
bool table_locate(struct table *t, const char *id);
void table_copy(const struct table *t, const struct table_ops *ops, const void *ctx,
                const struct frame *f, struct buf *out);
/* The selected row's cell of this column when the column is too narrow for it, or not shown. */
bool table_is_cut(const struct table *t, const struct table_ops *ops, const void *ctx,
                  const struct frame *f, size_t column);
/* " /x/ 3 of 24 faults only by NAME, rows 1-9 of 24": what narrows or orders the view, and which part
 * of it is seen. */
void table_describe(const struct table *t, const struct table_ops *ops, struct buf *out);

#endif
