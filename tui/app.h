/*
 * tui/app.h - the UI thread: keys in, snapshots in, frames out.
 *
 * Loop     waits for the snapshot's eventfd, the tty, signals, the keeper and its own timers; settles
 *          and renders only when something that a shown panel reads has moved; at most 30 frames a
 *          second, and never while bytes of the last one are left
 * Ends     by command, SIGTERM, SIGHUP, a tty that is gone, or a keeper that is gone
 * Thread   UI
 */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "tui/keymap.h"
#include "tui/panel.h"
#include "tui/theme.h"

struct app_env {
    struct snap_slot *slot;
    struct cmdq *cmdq;
    int snap_fd; /* the slot's eventfd */
    const struct panel_ops *const *panels; /* tabs first, then layers; ends with NULL */
    const char *theme;
    const struct keymap *keymap;
    bool ascii, no_color, mouse;
    int64_t started_ms; /* io clock, for the first paint in the log */
};

/* Blocks until the console ends; the exit code is in *code (0, or 128 + signal). */
MUST_USE enum err_code app_run(const struct app_env *env, int *code, struct err *e);
extern const struct cmd app_commands[]; /* the global ones; ends with a NULL name */

#endif
