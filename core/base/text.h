/*
 * core/base/text.h - text from outside, made harmless; small parsers that never read past the end.
 *
 * text_next is the one sanitiser: the canvas, the log and every export draw through it.
 *
 *   C0, DEL            a control picture (U+2400..)      newline in one-line text: U+23CE
 *   C1                 "\x9b" as four characters
 *   invalid UTF-8      U+FFFD, a byte at a time (overlong, surrogate, > 10FFFF, truncated)
 *   bidi, zero width, joiners, variation selectors, tags, fillers, private use,
 *   noncharacters      U+00B7
 *   combining marks    the first two stay, the others go
 *
 * Limits   TEXT_CELL bytes a cell
 * Thread   any (pure)
 * Source   the Unicode Character Database by utf8proc; DESIGN section 5
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define TEXT_CELL 16

struct text_cell {
    char bytes[TEXT_CELL]; /* UTF-8, NUL-terminated, safe on any terminal */
    int32_t cp;            /* the base character shown (after replacement) */
    int width;             /* columns: 1 or 2; 4 for a C1 token */
    bool is_mark;          /* a replacement: drawn in reverse video where the theme can */
};

/* Takes one cell from *s (*s < end) and moves on; always makes progress. */
void text_next(const char **s, const char *end, struct text_cell *out);
/* Appends the cleaned form; stops when the cap of `out` is reached. */
void text_clean(struct buf *out, const char *s, size_t n);
/* The same into a fixed array, cut at a cell; returns dst. */
char *text_clean_to(char *dst, size_t room, const char *s, size_t n);
/* Whole, or with "..." in its longest word, which is a path mostly, or else in its middle: what begins a
 * message says what failed, what ends it says why.  Returns dst. */
char *text_shorten(char *dst, size_t room, const char *s);
int text_width(const char *s); /* columns of the cleaned form */
/* Decodes one code point strictly; returns its bytes, or 0 when invalid or n == 0. */
size_t text_decode(const char *s, size_t n, int32_t *cp);
size_t text_encode(int32_t cp, char out[4]);

bool text_skip(const char **s, const char *prefix); /* moves past prefix if it is there */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
bool text_eq(const char *a, const char *b);   /* NULL equals NULL */
bool text_eq_fold(const char *a, const char *b); /* ASCII case */
/* Whole string as a decimal, within [min, max]; no spaces, no sign but '-'. */
bool text_to_int(const char *s, size_t n, int64_t min, int64_t max, int64_t *out);
/* "500ms", "5s", "2m", "1h30m"; a bare number is seconds, as --request-timeout of kubectl has it. */
bool text_to_span_ms(const char *s, int64_t *out_ms);
void text_escape_url(struct buf *out, const char *s); /* percent-encoding for a path or query part */
bool text_is_dns1123_label(const char *s);     /* a namespace */
bool text_is_dns1123_subdomain(const char *s); /* an object's name */
/* The nearest of n names by edit distance, or NULL when none is near: for "did you mean". */
const char *text_nearest(const char *s, const char *const *names, size_t n);

#endif
