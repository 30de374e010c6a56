/*
 * tui/term.h - the terminal: the one file that includes curses.
 *
 * ncurses only computes: it writes its difference of two screens into a memfd, and the bytes are
 * copied to our own non-blocking open of the tty.  While bytes of the last frame are left no new
 * frame is begun, so a slow line gets fewer frames, never a backlog.
 *
 * Errors   ERR_USAGE for a TERM that cannot do it, ERR_IO
 * Thread   UI       Owns  the terminal's modes between term_open and term_close
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdint.h>

#include "tui/canvas.h"
#include "tui/theme.h"

struct term;
MUST_USE enum err_code term_open(struct term **out, bool no_color, struct err *e);
void term_close(struct term *t); /* leaves the screen; gives up on a line that does not drain */
int term_in_fd(const struct term *t);
int term_out_fd(const struct term *t);
void term_size(const struct term *t, int *rows, int *cols); /* asked of the tty anew; at least 1x1 */
void term_theme(struct term *t, const struct theme *theme);
void term_draw(struct term *t, const struct canvas *c); /* makes the bytes; only when idle */
bool term_is_idle(const struct term *t);                /* nothing is left to write */
MUST_USE bool term_flush(struct term *t);               /* writes what it takes; false: the tty is gone */
void term_repaint(struct term *t);                      /* the next draw repaints everything */
void term_bell(struct term *t);
void term_raw(struct term *t, const char *bytes, size_t n); /* OSC 52: after the present frame */
void term_leave(struct term *t);                        /* before a stop: the screen as it was */
void term_enter(struct term *t);                        /* after it */
void term_mouse(struct term *t, bool on);
uint64_t term_bytes(const struct term *t);              /* written so far, for the bench */

/* The bytes that make any terminal sane again; safe to write from anywhere. */
extern const char term_leave_string[];

#endif
