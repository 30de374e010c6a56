/*
 * tui/keymap.h - keys to command lines, by panel.
 *
 * File     sections [panel] or [all]; "KEY COMMAND LINE" in them; # begins a comment line.  A key is
 *          one or two names of tui/keys.h ("gg"); "<lt>" is '<'
 * Errors   ERR_CONFIG "FILE:LINE: what"; a key that stands twice in one section is one
 * Thread   UI
 */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include <stdbool.h>

#include "core/base/arena.h"

struct binding {
    const char *panel, *key, *line;
    bool is_user; /* from the configuration: wins over ours */
    struct binding *next;
};

struct keymap {
    struct arena arena;
    struct binding *first, *last;
};

void keymap_release(struct keymap *m);
MUST_USE enum err_code keymap_parse(struct keymap *m, const char *file, const char *text,
                                    struct err *e);
void keymap_set(struct keymap *m, const char *key, const char *line); /* [all], the user's */

enum keymap_hit { KEYMAP_NONE, KEYMAP_PREFIX, KEYMAP_HIT };
/* `keys` is what was pressed so far, joined. */
enum keymap_hit keymap_find(const struct keymap *m, const char *panel, const char *keys,
                            const char **line);
bool keymap_has(const struct keymap *m, const char *panel, const char *line); /* in its own section */
/* The first key that runs this line in the panel or everywhere; NULL = none. */
const char *keymap_key_of(const struct keymap *m, const char *panel, const char *line);

#endif
