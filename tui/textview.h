/*
 * tui/textview.h - lines of text: scroll, search, wrap, follow.
 *
 * Thread   UI       Limits  lines are borrowed for the length of a call
 */
#ifndef TUI_TEXTVIEW_H
#define TUI_TEXTVIEW_H

#include "tui/panel.h"

enum { SEARCH_CAP = 128 };

struct lines_of { /* what is viewed */
    size_t n;
    const char *(*line)(const void *ctx, size_t i);
    enum role (*role)(const void *ctx, size_t i); /* NULL = ROLE_TEXT */
    const void *ctx;
    int64_t dropped; /* lines that went before the first: keeps the place when a ring moves */
};

struct textview { /* zero-filled is fine */
    int64_t top;      /* line number, counted with the dropped ones */
    int left;
    bool wrap, is_unfollowed;
    char search[SEARCH_CAP];
    int height, width; /* as settled */
    int64_t seen;     /* the last line that was there when we stopped to follow */
};

void textview_settle(struct textview *v, const struct lines_of *l, bool follows, int rows, int cols);
void textview_render(const struct textview *v, const struct lines_of *l, struct canvas *c);
bool textview_nav(struct textview *v, const struct lines_of *l, enum nav n, const char *arg);
int64_t textview_new(const struct textview *v, const struct lines_of *l); /* lines since unpinned */

#endif
