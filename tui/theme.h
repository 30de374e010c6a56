/*
 * tui/theme.h - what each role looks like: data, from themes/NAME.theme.
 *
 * File     lines "ROLE = FG BG ATTR...": FG and BG a colour name, 0-255, or "-" (the terminal's own);
 *          ATTR bold, dim, reverse, underline; "inherits = NAME" first; # begins a comment
 * Errors   ERR_CONFIG with file and line       Thread  UI
 */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include "core/base/err.h"
#include "tui/canvas.h"

enum { STYLE_BOLD = 1, STYLE_DIM = 2, STYLE_REVERSE = 4, STYLE_UNDERLINE = 8, COLOUR_NONE = -1 };

struct style {
    short fg, bg; /* COLOUR_NONE, or an index of the 256 */
    unsigned attr;
};

struct theme {
    struct style roles[N_ROLES];
};

/* A built-in name, else a file of $XDG_CONFIG_HOME/bakewatch/themes. */
MUST_USE enum err_code theme_load(const char *name, struct theme *out, struct err *e);
/* One text over what `out` holds; `file` names it in errors. */
MUST_USE enum err_code theme_parse(const char *file, const char *text, struct theme *out, struct err *e);
extern const char *const theme_names[]; /* built in; ends with NULL */

#endif
