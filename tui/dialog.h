/*
 * tui/dialog.h - the one question before a change: the plan in a frame that says where we are.
 *
 * The plan comes from gather.  Until its frame has been on the terminal for DIALOG_GRACE_MS without a key or
 * a paste, keys count for nothing but esc: nobody answers a question that fast.  Then the question itself
 * appears.  A plan with a word wants it typed, then
 * enter; one without wants y.  Enter alone cancels.  A paste is never taken.  Once it is sent, esc hides
 * the frame and aborts nothing.
 *
 * Thread   UI
 */
#ifndef TUI_DIALOG_H
#define TUI_DIALOG_H

#include "core/model/ident.h"
#include "core/model/plan.h"
#include "tui/canvas.h"
#include "tui/keys.h"

enum { DIALOG_GRACE_MS = 500 };
enum dialog_result { DIALOG_GOES_ON, DIALOG_CONFIRMED, DIALOG_CLOSED };

struct dialog {
    bool is_open;
    bool is_ready;   /* the plan was READY in the frame drawn last */
    int64_t out_ms;  /* that frame is out since (io clock); 0 = it is not */
    bool takes_keys;
    bool is_sent, is_mismatch;
    uint64_t request;
    char typed[PLAN_WORD];
    int top;         /* first row of the preview that is shown */
    int rows, height; /* that it has, and that fit */
};

void dialog_open(struct dialog *d, uint64_t request);
/* `p` NULL: it is not there yet. */
enum dialog_result dialog_key(struct dialog *d, const struct plan *p, const struct key *k, int64_t now_io_ms);
void dialog_draw(struct dialog *d, const struct plan *p, const struct ident *id, struct canvas *c);

#endif
