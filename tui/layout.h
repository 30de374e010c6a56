/*
 * tui/layout.h - where the panels stand, by the size of the screen.  Pure.
 *
 *   small   < 60x16   the focused panel alone
 *   normal            one column, each as wide as the screen: a line of a list says what happened only
 *                     when it is whole.  The focused panel has half of the rows for certain, the first
 *                     one a quarter; what a panel cannot fill goes to the others, in order
 *   full    >= 200x50 two columns: the panels left; right the detail of what is selected and the last one
 *
 * Rejected: 60/40 from 120 columns on, which cut the problem of a workload to show the age of a source.
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
/* `n` panels in `body`, `focus` among them; wants[i]: rows that panel i could fill, its title among them.
 * STACK: one column; COLUMNS: two of 60/40, the first two panels left, from 80 columns on. */
struct layout layout_solve(struct area body, const int wants[], size_t n, size_t focus, bool zoom,
                           enum layout_preset p);

#endif
