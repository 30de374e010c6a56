/*
 * core/store/sample_pack.h - a batch of samples as bytes and back, every double bit for bit.  Pure.
 *
 * A batch stands alone but for its series, which it names by number: whoever reads it knows them.
 *
 * Reading  bytes from outside: ERR_PARSE at the first wrong one; what was read before it is right
 * Limits   SAMPLE_BATCH bytes, SAMPLE_VALUES values, SAMPLE_TEXT bytes of text (longer is cut)
 * Thread   any
 */
#ifndef STORE_SAMPLE_PACK_H
#define STORE_SAMPLE_PACK_H

#include "core/model/sample.h"
#include "core/store/pack.h"

enum { SAMPLE_BATCH = 4 * 1024 * 1024 };

struct sample_batch { /* zero-filled, but for the cap of `out`, is empty */
    struct buf out;
    int64_t from_ms, to_ms; /* of its samples */
    size_t n;
    int64_t series; /* of the last one */
};
bool sample_batch_put(struct sample_batch *b, const struct sample *s); /* false: full, it is as it was */
void sample_batch_clear(struct sample_batch *b);

struct sample_reader {
    struct pack in;
    int64_t at_ms, series;
    char text[SAMPLE_TEXT + 1];
};
void sample_reader_init(struct sample_reader *r, const void *data, size_t n);
/* True: a sample; out->series is NULL, its number is in *series, and its text is good until the next call.
 * False: the end, or a wrong byte, which sets r->in.is_bad. */
bool sample_reader_next(struct sample_reader *r, struct sample *out, uint32_t *series);

#endif
