/*
 * core/base/buf.h - a growing byte buffer with a cap.
 *
 * Invariant  data[len] is always '\0' once anything was added, so that text can be read as a string
 * Limits     the cap is given at init (bytes of content); an append over it changes nothing and
 *            returns false, and `over` stays set until buf_clear
 * Thread     any, one owner      Owns  its bytes; buf_take moves them out
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct buf {
    char *data;
    size_t len, room, cap;
    bool over;
};

#define BUF_INIT(cap_bytes) ((struct buf){ .cap = (cap_bytes) })

void buf_release(struct buf *b);
void buf_clear(struct buf *b);              /* keeps the memory */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_adds(struct buf *b, const char *s);
bool buf_addc(struct buf *b, char c);
void buf_add_most(struct buf *b, const char *s); /* as much of it as fits */
bool buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_drop_front(struct buf *b, size_t n); /* n <= len */
char *buf_take(struct buf *b);              /* caller frees; never NULL; b is empty after */
const char *buf_str(const struct buf *b);   /* borrowed, "" when empty */

#endif
