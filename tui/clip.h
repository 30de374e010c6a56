/*
 * tui/clip.h - the terminal's clipboard, by OSC 52; inside tmux by its own escape.
 *
 * Limits   CLIP_BYTES of text, which must have been cleaned      Thread   UI
 */
#ifndef TUI_CLIP_H
#define TUI_CLIP_H

#include <stddef.h>

enum { CLIP_BYTES = 55500 };

struct term;
const char *clip_copy(struct term *t, const char *text, size_t n); /* what it needs, in words: " (tmux needs ...)" or "" */

#endif
