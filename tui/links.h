/* tui/links.h - `:link NAME`: a link of the configuration, filled in for the selected workload, to the clipboard. */
#ifndef TUI_LINKS_H
#define TUI_LINKS_H

#include "core/model/ident.h"
#include "core/model/workload.h"

struct buf;
struct bake;
struct ui;
struct frame;

/* The template with its fields filled in, each escaped for a URL.  From half an hour before the deploy until now, at
 * most to the end of its 24 hours; without a window (b NULL) the last hour. */
void links_fill(const char *url, const struct workload *w, const struct bake *b, int64_t now_ms, struct buf *out);
void links_copy(struct ui *ui, void *state, const struct frame *f, const char *arg);

#endif
