/*
 * tui/layout.h - where the panels stand, by the size of the screen.  Pure.
 *
 *   small   < 60x16   the focused panel alone
 *   normal  80x24     one column: the focused panel takes the room, the others a few rows each
 *   wide    >= 120x30 two columns 60/40: the first two panels left, the others stacked right
 *   full    >= 200x50 three columns: the first two, detail of what is selected, the others
 */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include "tui/canvas.h"

enum { LAYOUT_PANELS = 6 };
struct layout {
    struct area areas[LAYOUT_PANELS]; /* rows == 0: not shown; the first row is the title's */
    struct area detail;               /* rows == 0: none */
    int bars[2], n_bars;              /* columns of vertical lines */
};

enum layout_preset { PRESET_AUTO, PRESET_STACK, PRESET_COLUMNS, N_PRESETS };
/* `n` panels in `body`, `focus` among them.  STACK: one column; COLUMNS: two from 80 columns on. */
struct layout layout_solve(struct area body, size_t n, size_t focus, bool zoom, enum layout_preset p);

#endif
