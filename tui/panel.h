/*
 * tui/panel.h - what a panel is, and what it may see and do.
 *
 * Frame: settle (may change view state) -> render (may change nothing) -> flush.  A selection is a
 * row's identity, never an index.
 *
 * Thread   UI       Owns   the app owns `state_size` zero-filled bytes for each panel
 */
#ifndef TUI_PANEL_H
#define TUI_PANEL_H

#include "core/model/cmdq.h"
#include "core/model/ident.h"
#include "core/model/workload.h"
#include "tui/canvas.h"

enum zone { ZONE_UTC, ZONE_LOCAL, ZONE_DEPLOY };

struct prefs {
    enum zone zone;
    bool ascii;
    int64_t pace;        /* of the story clock: a proof is late by real time, and shown by the story's */
    int64_t deployed_ms; /* of the workload deployed last; TIME_NONE = none is known */
};

struct frame { /* all that a render may see */
    const struct snap *snap; /* may be NULL: nothing has come yet */
    const struct prefs *prefs;
    int64_t now_ms; /* story clock */
    bool focused;
    bool is_drawn; /* settle for a draw: a view that follows may move on; before a command it may not */
};

static inline const void *frame_section(const struct frame *f, enum section_id id)
{
    return f->snap ? f->snap->sections[id] : NULL;
}

enum nav {
    NAV_DOWN, NAV_UP, NAV_PAGE_DOWN, NAV_PAGE_UP, NAV_HALF_DOWN, NAV_HALF_UP, NAV_TOP, NAV_BOTTOM,
    NAV_LEFT, NAV_RIGHT, NAV_SORT_NEXT, NAV_SORT_PREV, NAV_REVERSE, NAV_FAULTS, NAV_FILTER,
    NAV_NEXT_MATCH, NAV_PREV_MATCH, NAV_FOLLOW, NAV_WRAP, NAV_SORT, NAV_NEXT_FAULT, NAV_PREV_FAULT,
};

struct ui; /* the app, as commands see it */

struct cmd {
    const char *name, *args, *help;
    bool needs_row; /* refused, with words, when nothing is selected */
    void (*run)(struct ui *ui, void *state, const struct frame *f, const char *arg);
};

struct panel_ops {
    const char *name;  /* tab label, section of the key map */
    unsigned reads;    /* 1u << SECTION_...: repaint only when one of these moved */
    unsigned shows;    /* of these: what it is about, without which it is "not recorded" in the past; 0 = all */
    bool is_layer;     /* opened over the others, closed by esc; no tab of its own */
    size_t state_size; /* zero-filled view state */
    const struct cmd *cmds; /* ends with a NULL name; may be NULL */
    void (*title)(const void *state, const struct frame *f, struct buf *out); /* may be NULL */
    bool (*is_stale)(const struct frame *f); /* what it shows is old; may be NULL: never */
    int (*wants)(const struct frame *f, int cols); /* rows below the title that it can fill; NULL: all there are */
    void (*settle)(void *state, const struct frame *f, int rows, int cols);
    void (*render)(const void *state, const struct frame *f, struct canvas *c);
    bool (*nav)(void *state, const struct frame *f, enum nav n, const char *arg);
    bool (*has_row)(const void *state, const struct frame *f);
    /* The selected row as one line of text, for `c`. */
    void (*copy)(const void *state, const struct frame *f, struct buf *out);
    /* The identity of the selected row, for a detail that stays open; may be NULL. */
    void (*selected_id)(const void *state, const struct frame *f, struct buf *out);
    bool (*locate)(void *state, const struct frame *f, const char *id);
    /* It came to the top: what it needs to be fetched is asked for here; may be NULL. */
    void (*opened)(struct ui *ui, void *state);
    void (*release)(void *state);
};

/* What commands may ask of the app. */
/* The status row, until the next key: what was done goes by itself too, what was refused does not. */
void ui_say(struct ui *ui, const char *fmt, ...) PRINTF_LIKE(2, 3);
void ui_warn(struct ui *ui, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool ui_send(struct ui *ui, const struct cmd_msg *m);               /* to gather */
uint64_t ui_open_doc(struct ui *ui, struct cmd_msg *m);             /* sends CMD_DOC_OPEN, opens the viewer */
uint64_t ui_ask_doc(struct ui *ui, struct cmd_msg *m);              /* sends CMD_DOC_OPEN alone */
void ui_plan(struct ui *ui, struct cmd_msg *m);                     /* sends CMD_PLAN, opens the dialog */
void ui_open(struct ui *ui, const char *panel, const char *id);     /* focus or open, then locate */
void ui_close_layer(struct ui *ui);
void ui_run(struct ui *ui, const char *line); /* a command line, as a key would */
void ui_prompt(struct ui *ui, const char *text); /* opens the `:` line with this in it */
void ui_keep(struct ui *ui, const char *text);   /* the same, once changes are allowed in this place */

/* "14:02:11Z", local time, or "T+1:30" since the newest deploy, as prefs say. */
char *panel_time(const struct frame *f, int64_t ms, char out[CLOCK_TEXT]);
char *panel_age(const struct frame *f, int64_t since_ms, char out[CLOCK_TEXT]); /* coarse steps */
int64_t panel_newest_key(int64_t ms); /* sorts the newest first, TIME_NONE last */
char *panel_bytes(int64_t bytes, char out[CLOCK_TEXT]); /* "12Mi"; "-" when negative */
enum role panel_health_role(enum health h);
const char *panel_health_glyph(enum health h); /* one column, told apart without colour */

#endif
