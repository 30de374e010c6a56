/*
 * core/base/json.h - JSON as byte ranges: checked once, then read without copies.
 *
 * json_check validates a document (RFC 8259, and stricter); after it the readers cannot fail on
 * shape.  A span is a value's exact bytes, so that what must go back unchanged goes back unchanged.
 * json_stream cuts one value at a time out of bytes as they arrive: memory follows the largest
 * item, not the list.
 *
 * Refused  \u0000, duplicate keys, lone surrogates, invalid UTF-8, a BOM, trailing text, numbers
 *          that JSON does not have ("01", "+1", "1.")
 * Limits   JSON_DEPTH levels; json_stream: a cap in bytes for an item and for the envelope
 * Errors   ERR_PARSE with the byte offset, ERR_LIMIT over a cap
 * Thread   any (pure)        Owns   spans borrow from the text; json_stream owns its buffers
 * Keys are compared byte by byte: `metadata` and `Metadata` are two keys.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { JSON_DEPTH = 200 };

struct json_span {
    const char *p; /* first byte of the value; NULL = absent */
    size_t n;
};

MUST_USE enum err_code json_check(const char *p, size_t n, struct json_span *out, struct err *e);

enum json_kind { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_kind json_kind(struct json_span v);

/* Members of an object (key set) or an array (key.p == NULL).  Anything else has no members. */
struct json_iter {
    const char *p, *end;
    bool is_object;
    struct json_span key; /* without the quotes, still escaped */
    struct json_span value;
};
struct json_iter json_each(struct json_span container);
bool json_next(struct json_iter *it);
bool json_key_is(const struct json_iter *it, const char *name);

/* json_get takes one key as it is; json_span follows keys joined by '.', none of which may hold one. */
struct json_span json_get(struct json_span object, const char *key);
struct json_span json_path(struct json_span object, const char *path);
/* Several members in one pass: out[i] belongs to names[i].  Each json_get walks the object anew. */
void json_members(struct json_span object, size_t n, const char *const names[], struct json_span out[]);

/* Strings come back decoded, NUL-terminated, at most `cap` bytes, cut at a code point; NULL when
 * the value is absent or no string. */
char *json_str(struct json_span v, struct arena *a, size_t cap);
bool json_str_is(struct json_span v, const char *text); /* without escapes in `text` */
bool json_str_add(struct json_span v, struct buf *out);  /* decoded, whole; false: no string, or over */
bool json_int(struct json_span v, int64_t *out);         /* an integer that fits; exponents do not */
int64_t json_int_or(struct json_span v, int64_t otherwise);
bool json_is_true(struct json_span v);

/* Writing: a quoted string; bytes that are no UTF-8 become U+FFFD. */
void json_quote(struct buf *out, const char *s);

enum json_stream_kind {
    JSON_STREAM_ITEMS,  /* {"kind":..., "metadata":..., "items":[...]}: each element of "items" */
    JSON_STREAM_VALUES, /* values one after the other, blank space between: a watch */
};

struct json_stream;
/* Called with one complete, checked value.  Anything but ERR_OK stops the feed. */
typedef enum err_code json_item_fn(void *ctx, struct json_span item, struct err *e);

struct json_stream *json_stream_new(enum json_stream_kind kind, size_t item_cap, json_item_fn *fn,
                                    void *ctx);
void json_stream_free(struct json_stream *s);
MUST_USE enum err_code json_stream_feed(struct json_stream *s, const char *p, size_t n,
                                        struct err *e);
/* End of input.  ITEMS: *envelope is the document with "items":[] ; borrowed from s.  A value that
 * is not complete is ERR_PARSE: half an object is no object. */
MUST_USE enum err_code json_stream_end(struct json_stream *s, struct json_span *envelope,
                                       struct err *e);
/* ITEMS, inside the array: what has come before it, closed, into `copy`.  False: not there yet. */
bool json_stream_head(const struct json_stream *s, struct buf *copy, struct json_span *envelope);
bool json_stream_is_between(const struct json_stream *s); /* no value is half read */

#endif
