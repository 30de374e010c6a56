/*
 * core/store/pack.h - numbers and texts to few bytes and back: one description of a struct serves both ways.
 *
 * Form     varints (7 bits a byte, low ones first); signed ones zigzag, with TIME_NONE as one byte; doubles
 *          bit for bit, those that are whole or whole thousandths in short; texts by length
 * Reading  bytes from outside: nothing beyond `end` is touched; after the first wrong byte is_bad is set and
 *          everything that is read is zero or "".  A count is bounded by what is left, and by its cap
 * Limits   PACK_TEXT bytes a text (writing: cut), PACK_BYTES unpacked
 * Thread   any (pure)        Owns   read texts live in `arena`
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { PACK_TEXT = 16384, PACK_BYTES = 32 * 1024 * 1024 };

struct pack {
    struct buf *out; /* writing; NULL = reading */
    const uint8_t *p, *end;
    struct arena *arena;
    bool is_bad;
    bool no_soft; /* writing: leave out what moves with every measurement (see PACK_SOFT) */
};
#define PACK_WRITER(b) ((struct pack){ .out = (b) })
#define PACK_READER(d, n, a)                                                                                       \
    ((struct pack){ .p = (const uint8_t *)(d), .end = (const uint8_t *)(d) + (n), .arena = (a) })
/* What is only worth a new row once in a while. */
#define PACK_SOFT(k) for (bool once = !(k)->no_soft; once; once = false)

void pack_u64(struct pack *k, uint64_t *v);
void pack_i64(struct pack *k, int64_t *v);
void pack_bytes(struct pack *k, void *p, size_t n);
void pack_double(struct pack *k, double *v);
void pack_bool(struct pack *k, bool *v);
void pack_text(struct pack *k, const char **s); /* NULL is written as "" */
/* How many of something follow.  Reading: at most `most`, and at most what the bytes left can hold. */
size_t pack_count(struct pack *k, size_t n, size_t most);
/* Any integer type, enums too; bad when the value does not fit.  What is written is only looked at: other
 * threads may look too. */
#define pack_int(k, v)                                                                                             \
    do {                                                                                                           \
        int64_t pack_v = (k)->out ? (int64_t)*(v) : 0;                                                           \
        pack_i64((k), &pack_v);                                                                                    \
        if (!(k)->out)                                                                                             \
            *(v) = (__typeof__(*(v)))pack_v;                                                                       \
        if (!(k)->out && (int64_t)*(v) != pack_v)                                                                \
            (k)->is_bad = true, *(v) = 0;                                                                          \
    } while (0)
/* An enum of n values, from 0. */
#define pack_enum(k, v, n)                                                                                         \
    do {                                                                                                           \
        pack_int((k), (v));                                                                                        \
        if (!(k)->out && (uint64_t)*(v) >= (uint64_t)(n))                                                        \
            (k)->is_bad = true, *(v) = 0;                                                                          \
    } while (0)

/* As it is stored: deflated where that is shorter. */
void pack_squeeze(struct buf *out, const void *data, size_t n);
MUST_USE enum err_code pack_expand(struct buf *out, const void *data, size_t n, struct err *e);

#endif
