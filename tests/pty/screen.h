/*
 * tests/pty/screen.h - a program under a pty, its screen kept by libvterm.
 *
 * Limits   libvterm 0.1.4 dies on giant writes and on CSI of 17 parameters: bytes are fed in pieces,
 *          and our own output has neither
 */
#ifndef PTY_SCREEN_H
#define PTY_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "core/base/buf.h"

enum { SCREEN_DARK = 0x16181d, SCREEN_LIGHT = 0xfcfcfa, SCREEN_DEFAULT = 0x1000000 /* no colour was asked for */ };

struct screen_cell {
    char text[32];  /* UTF-8 */
    int width;
    uint32_t fg, bg; /* 0xRRGGBB or SCREEN_DEFAULT */
    bool is_bold, is_underlined, is_reverse;
};

struct screen;
struct cast;
struct screen *screen_start(int rows, int cols, char *const argv[]);
void screen_free(struct screen *s); /* kills what still runs */
pid_t screen_pid(const struct screen *s);
/* Reads what has come, for at most `ms`; false: the other side has closed. */
bool screen_pump(struct screen *s, int ms);
void screen_type(struct screen *s, const char *p, size_t n);
void screen_resize(struct screen *s, int rows, int cols);
void screen_stall(struct screen *s, bool stalled); /* stop reading */
void screen_hangup(struct screen *s);
void screen_size(const struct screen *s, int *rows, int *cols);
bool screen_cell(struct screen *s, int row, int col, struct screen_cell *out); /* false: outside */
void screen_record(struct screen *s, struct cast *c); /* all that comes from now on; NULL = no more */
void screen_text(struct screen *s, struct buf *out); /* rows with their newlines */
bool screen_is_sane(struct screen *s, struct buf *why); /* termios as at the start, main screen, cursor on */
bool screen_has_ended(struct screen *s, int *status);
double screen_cpu_s(const struct screen *s); /* of its whole life, once it has ended */
const struct buf *screen_raw(const struct screen *s);
uint64_t screen_bytes(const struct screen *s);
int64_t screen_now_ms(void);

#endif
