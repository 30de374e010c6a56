/* tui/app_state.h - what app.c, app_draw.c, app_input.c and builtin.c share; nobody else includes it. */
#ifndef TUI_APP_STATE_H
#define TUI_APP_STATE_H

#include "core/model/verdict.h"
#include "tui/app.h"
#include "tui/dialog.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/past.h"
#include "tui/prompt.h"
#include "tui/term.h"

enum { APP_PANELS = 14, APP_LAYERS = 8, SAY_MS = 3000, OFFERS = 256 };

struct ui {
    const struct app_env *env;
    struct term *term;
    struct keys keys;
    struct prompt prompt;
    struct dialog dialog;
    struct prefs prefs;
    const struct panel_ops *ops[APP_PANELS];
    void *state[APP_PANELS];
    struct area body[APP_PANELS]; /* where each was drawn last; no rows: not yet */
    size_t n_panels, n_tabs;    /* tabs come first */
    size_t focus, last_focus;   /* among tabs */
    size_t layers[APP_LAYERS];  /* indexes of panels, the top one last */
    size_t n_layers;
    enum layout_preset preset;
    bool zoom, is_paused, wants_quit, wants_suspend, asks_quit;
    struct snap *snap;          /* what is shown: made of live, or of the past */
    struct snap *live;          /* the newest */
    int64_t past_ms;            /* the time that is wanted; TIME_NONE = now */
    int64_t lost_ms;            /* the link is lost since, as it was said last */
    struct canvas canvas;
    int rows, cols;
    char said[256];
    int64_t said_ms;
    bool said_stays;            /* until a key; else SAY_MS too */
    bool said_is_news;          /* from gather and not drawn yet: a key that was typed ahead does not take it */
    char *offers[OFFERS];       /* under an open prompt: what its argument can be */
    size_t n_offers;
    char offers_title[96];      /* "" = nothing is offered */
    char pending[2 * KEY_NAME]; /* the first key of a sequence */
    uint64_t doc_requests, plan_requests;
    bool was_writable;          /* as the last ident said, and why not */
    char ban[224];
    size_t n_unended;           /* that have been said */
    char kept[PROMPT_CAP];      /* a line that was refused because nothing was armed; "" = none */
    enum verdict_word word;     /* of the platform, as it was said last */
    bool no_bell, has_osc9;
    uint64_t versions[N_SECTIONS];
    uint64_t log_seq;
    int64_t shown_second;
    bool is_dirty;              /* something moved: settle and render */
    bool mouse;
    uint64_t syncs;
    int code;
};

struct frame ui_frame(const struct ui *ui, size_t panel);
/* Brings the view state of a panel up to its snapshot, as before each draw: also before each command,
 * or a key that was typed ahead would meet the row that was there before. */
void ui_settle(struct ui *ui, size_t panel, bool is_drawn);
size_t ui_top(const struct ui *ui); /* index of the panel that has the keys */
void app_draw(struct ui *ui);       /* app_draw.c */
void ui_offer(struct ui *ui);       /* what can stand at the prompt's cursor; app_input.c */
void ui_offer_nothing(struct ui *ui);
void app_key(struct ui *ui, const struct key *k); /* app_input.c */
size_t ui_find(const struct ui *ui, const char *name); /* n_panels when there is none */
bool ui_is_changing(const struct ui *ui);            /* a change was sent and has no end yet */
const struct plan *ui_plan_now(const struct ui *ui); /* the one that the dialog waits for; NULL = not there */

#endif
