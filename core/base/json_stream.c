/*
 * Cutting values out of a stream.  The cutter only counts brackets and minds strings; what it cuts
 * is then checked whole by json_check, so a stream that lies about its shape yields an error and
 * never half an object.
 *
 * ITEMS: at depth 1 the key "items" with an array opens the list; its elements are cut one by one
 * and everything else is collected as the envelope.
 */
#include "core/base/json.h"

#include <string.h>

enum { ENVELOPE_CAP = 1024 * 1024 };

struct json_stream {
    enum json_stream_kind kind;
    json_item_fn *fn;
    void *ctx;
    struct buf item, envelope;
    int depth;           /* brackets open in what is being read */
    bool in_string, in_escape;
    bool in_items;       /* inside the array of "items" */
    bool in_value;       /* an item (or a value) has begun */
    char key[8];         /* the last string at depth 1, to know "items" */
    size_t key_n;
    bool key_open;
};

struct json_stream *json_stream_new(enum json_stream_kind kind, size_t item_cap, json_item_fn *fn,
                                    void *ctx)
{
    struct json_stream *s = x_calloc(1, sizeof *s);
    s->kind = kind;
    s->fn = fn;
    s->ctx = ctx;
    s->item = BUF_INIT(item_cap);
    s->envelope = BUF_INIT(ENVELOPE_CAP);
    return s;
}

void json_stream_free(struct json_stream *s)
{
    if (!s)
        return;
    buf_release(&s->item);
    buf_release(&s->envelope);
    free(s);
}

bool json_stream_is_between(const struct json_stream *s)
{
    return !s->in_value && s->item.len == 0;
}

static enum err_code give(struct json_stream *s, const char *p, size_t n, struct err *e)
{
    struct json_span span;
    enum err_code err = json_check(p, n, &span, e);
    if (!err)
        err = s->fn(s->ctx, span, e);
    buf_clear(&s->item);
    s->in_value = false;
    return err;
}

/* Bytes of a string or of plain text up to the next byte that matters. */
static const char *run(const struct json_stream *s, const char *p, const char *end)
{
    if (s->in_string) { /* most bytes are here */
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *stop = quote ? quote : end, *escape = memchr(p, '\\', (size_t)(stop - p));
        return escape ? escape : stop;
    } else {
        while (p < end && *p != '"' && *p != '{' && *p != '}' && *p != '[' && *p != ']')
            p++;
    }
    return p;
}

/* One value that began before p: moves p past its end, or to `end` when it goes on. */
static bool value_ends(struct json_stream *s, const char **pp, const char *end)
{
    const char *p = *pp;
    while (p < end) {
        if (s->in_escape) {
            s->in_escape = false;
            p++;
            continue;
        }
        p = run(s, p, end);
        if (p == end)
            break;
        char c = *p++;
        if (s->in_string) {
            s->in_escape = c == '\\';
            s->in_string = c != '"';
        } else if (c == '"') {
            s->in_string = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if (--s->depth <= 0) {
            *pp = p;
            return true;
        }
    }
    *pp = p;
    return false;
}

static enum err_code over(struct json_stream *s, struct err *e)
{
    return err_set(e, ERR_LIMIT, 0, "JSON: an item is larger than %zu bytes", s->item.cap);
}

/* Objects only: both lists and watches carry nothing else. */
static enum err_code feed_values(struct json_stream *s, const char **pp, const char *end,
                                 struct err *e)
{
    const char *p = *pp;
    while (p < end) {
        if (!s->in_value) {
            if (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t' ||
                (*p == ',' && s->in_items)) {
                p++;
                continue;
            }
            if (*p == ']' && s->in_items) {
                s->in_items = false;
                break; /* the ']' belongs to the envelope */
            }
            if (*p != '{')
                return err_set(e, ERR_PARSE, 0, "JSON: expected an object, got 0x%02x",
                               (unsigned char)*p);
            s->in_value = true;
            s->depth = 0;
        }
        const char *start = p;
        bool ended = value_ends(s, &p, end);
        size_t n = (size_t)(p - start);
        enum err_code err = ERR_OK;
        if (ended && s->item.len == 0 && n <= s->item.cap)
            err = give(s, start, n, e); /* whole within this chunk: no copy */
        else if (!buf_add(&s->item, start, n))
            return over(s, e);
        else if (ended)
            err = give(s, s->item.data, s->item.len, e);
        if (err)
            return err;
    }
    *pp = p;
    return ERR_OK;
}

/* The envelope, byte by byte: it is small. */
static enum err_code feed_envelope(struct json_stream *s, const char **pp, const char *end,
                                   struct err *e)
{
    const char *p = *pp;
    for (; p < end && !s->in_items; p++) {
        if (!buf_addc(&s->envelope, *p))
            return err_set(e, ERR_LIMIT, 0, "JSON: a list's envelope is over %d bytes",
                           ENVELOPE_CAP);
        if (s->in_escape) {
            s->in_escape = false;
        } else if (s->in_string) {
            s->in_escape = *p == '\\';
            s->in_string = *p != '"';
            if (s->in_string && s->key_open) {
                if (s->key_n < sizeof s->key - 1)
                    s->key[s->key_n] = *p;
                s->key_n++;
            }
            s->key_open = s->key_open && s->in_string;
        } else if (*p == '"') {
            s->in_string = true;
            s->key_open = s->depth == 1;
            if (s->key_open)
                s->key_n = 0;
        } else if (*p == '{' || *p == '[') {
            s->depth++;
            if (*p == '[' && s->depth == 2 && s->key_n == 5 && memcmp(s->key, "items", 5) == 0) {
                s->in_items = true;
                s->key_n = 0;
            }
        } else if (*p == '}' || *p == ']') {
            s->depth--;
        }
    }
    *pp = p;
    return ERR_OK;
}

enum err_code json_stream_feed(struct json_stream *s, const char *p, size_t n, struct err *e)
{
    const char *end = p + n;
    enum err_code err = ERR_OK;
    while (p < end && !err) {
        if (s->kind == JSON_STREAM_VALUES || s->in_items) {
            err = feed_values(s, &p, end, e);
            if (!s->in_items)
                s->depth = s->kind == JSON_STREAM_ITEMS ? 2 : s->depth;
        } else {
            err = feed_envelope(s, &p, end, e);
        }
    }
    return err;
}

bool json_stream_head(const struct json_stream *s, struct buf *copy, struct json_span *envelope)
{
    return s->in_items && buf_add(copy, s->envelope.data, s->envelope.len) && buf_adds(copy, "]}") &&
           json_check(buf_str(copy), copy->len, envelope, NULL) == ERR_OK;
}

enum err_code json_stream_end(struct json_stream *s, struct json_span *envelope, struct err *e)
{
    if (s->in_value || s->item.len || s->in_items)
        return err_set(e, ERR_PARSE, 0, "JSON: the stream ended inside an object");
    if (s->kind == JSON_STREAM_VALUES)
        return ERR_OK;
    return json_check(buf_str(&s->envelope), s->envelope.len, envelope, e);
}
