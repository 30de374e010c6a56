/*
 * A sample: series and time as differences from the one before it, then a number whose low bits say what
 * else there is (text, span, code) and whose others are the count of values.
 */
#include "core/store/sample_pack.h"

#include <string.h>

enum {
    HAS_TEXT = 1,
    HAS_SPAN = 2,
    HAS_CODE = 4,
    HAS_BITS = 3,
    MOST_BYTES = 30 + 10 * (SAMPLE_VALUES + 2) + SAMPLE_TEXT
};

static void put(struct pack *k, const struct sample *s, int64_t series, int64_t dt)
{
    struct sample c = *s;
    size_t n = c.n < SAMPLE_VALUES ? c.n : SAMPLE_VALUES;
    size_t len = strnlen(c.text, SAMPLE_TEXT);
    uint64_t head = n << HAS_BITS | (len ? HAS_TEXT : 0) | (c.span_ms ? HAS_SPAN : 0) | (c.code ? HAS_CODE : 0);
    pack_i64(k, &series);
    pack_i64(k, &dt);
    pack_u64(k, &head);
    if (c.span_ms)
        pack_i64(k, &c.span_ms);
    if (c.code)
        pack_int(k, &c.code);
    for (size_t i = 0; i < n; i++)
        pack_double(k, &c.v[i]);
    if (len) {
        pack_count(k, len, SAMPLE_TEXT);
        buf_add(k->out, c.text, len);
    }
}

bool sample_batch_put(struct sample_batch *b, const struct sample *s)
{
    if (b->out.cap - b->out.len < MOST_BYTES)
        return false;
    struct pack k = PACK_WRITER(&b->out);
    put(&k, s, (int64_t)s->series->id - b->series, s->at_ms - (b->n ? b->to_ms : 0));
    b->series = s->series->id;
    if (!b->n)
        b->from_ms = s->at_ms;
    b->to_ms = s->at_ms;
    b->n++;
    return true;
}

void sample_batch_clear(struct sample_batch *b)
{
    buf_clear(&b->out);
    b->from_ms = b->to_ms = b->series = 0;
    b->n = 0;
}

void sample_reader_init(struct sample_reader *r, const void *data, size_t n)
{
    r->in = PACK_READER(data, n, NULL);
    r->at_ms = r->series = 0;
}

bool sample_reader_next(struct sample_reader *r, struct sample *out, uint32_t *series)
{
    struct pack *k = &r->in;
    int64_t ds = 0, dt = 0;
    uint64_t head = 0;
    if (k->p == k->end || k->is_bad)
        return false;
    pack_i64(k, &ds);
    pack_i64(k, &dt);
    pack_u64(k, &head);
    out->n = (size_t)(head >> HAS_BITS);
    bool is_past =
        __builtin_add_overflow(r->series, ds, &r->series) || __builtin_add_overflow(r->at_ms, dt, &r->at_ms);
    if (is_past || out->n > SAMPLE_VALUES || r->series < 1 || r->series > UINT32_MAX) {
        k->is_bad = true;
        return false;
    }
    out->series = NULL;
    out->at_ms = r->at_ms;
    out->span_ms = 0;
    out->code = 0;
    if (head & HAS_SPAN)
        pack_i64(k, &out->span_ms);
    if (head & HAS_CODE)
        pack_int(k, &out->code);
    for (size_t i = 0; i < out->n; i++)
        pack_double(k, &out->v[i]);
    size_t len = head & HAS_TEXT ? pack_count(k, 0, SAMPLE_TEXT) : 0;
    pack_bytes(k, r->text, len);
    r->text[len] = '\0';
    out->text = r->text;
    *series = (uint32_t)r->series;
    return !k->is_bad;
}
