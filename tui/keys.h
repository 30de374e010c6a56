/*
 * tui/keys.h - bytes from the terminal to keys.  Pure.
 *
 * A key is a name in the user's own syntax: "j", "G", "/", "<enter>", "<c-r>", "<f5>", "<s-tab>",
 * "<up>", "<esc>", or one UTF-8 character.  A lone ESC is a key after KEYS_ESC_MS.  An unknown or
 * unfinished sequence is swallowed whole, never taken apart into keys; a string (OSC, DCS, ...) that
 * stops for KEYS_ESC_MS has ended.  A bracketed paste is one event and never keys; one that stops for
 * KEYS_PASTE_MS has ended.
 *
 * Limits   KEYS_PASTE bytes of a paste (the rest is dropped); KEYS_SEQ bytes of a sequence
 * Thread   any, one owner
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdint.h>

#include "core/base/buf.h"

enum { KEYS_ESC_MS = 100, KEYS_PASTE_MS = 5000, KEYS_PASTE = 64 * 1024, KEYS_SEQ = 256, KEY_NAME = 16 };
enum key_kind { KEY_PRESS, KEY_PASTE, KEY_MOUSE };

struct key {
    enum key_kind kind;
    char name[KEY_NAME];  /* KEY_PRESS; KEY_MOUSE: "<wheelup>", "<wheeldown>", "<click>" */
    int row, col;         /* KEY_MOUSE, from 0 */
    const char *paste;    /* KEY_PASTE: borrowed until the next call */
    size_t paste_n;
};

struct keys {
    struct buf in;      /* not yet decoded */
    struct buf paste;
    bool in_paste, in_string; /* inside a paste; inside OSC, DCS, ... */
    int64_t last_ms;    /* when the last byte came */
};

void keys_init(struct keys *k);
void keys_release(struct keys *k);
void keys_feed(struct keys *k, const char *p, size_t n, int64_t now_ms);
bool keys_next(struct keys *k, int64_t now_ms, struct key *out); /* false: nothing complete */
/* When to call keys_next again although no byte has come; -1 = nothing is unfinished. */
int64_t keys_wait_ms(const struct keys *k, int64_t now_ms);

#endif
