/* tui/embedded.h - data files inside the program: themes and the default keys.  NUL-terminated. */
#ifndef TUI_EMBEDDED_H
#define TUI_EMBEDDED_H

extern const char embedded_theme_default[], embedded_theme_light[], embedded_theme_cvd[],
    embedded_theme_mono[], embedded_theme_high_contrast[], embedded_keys[];

#endif
