/*
 * The bytes of a history file: batches of samples, frames of rows, points of courses.  The first byte says which
 * kind it is; frames come as they are too, for deflate would hide them.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/store/frame.h"
#include "core/store/pack.h"
#include "core/store/sample_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void samples(const uint8_t *data, size_t n)
{
    struct sample_batch b = { .out = BUF_INIT(SAMPLE_BATCH) };
    struct sample_reader r, again;
    struct sample s, t;
    uint32_t id, same;
    sample_reader_init(&r, data, n);
    while (sample_reader_next(&r, &s, &id)) { /* what was read is written and read as the same */
        const struct series series = { .id = id, .subject = "", .name = "", .source = "" };
        s.series = &series;
        assert(s.n <= SAMPLE_VALUES && strlen(s.text) <= SAMPLE_TEXT);
        sample_batch_clear(&b);
        assert(sample_batch_put(&b, &s));
        sample_reader_init(&again, buf_str(&b.out), b.out.len);
        assert(sample_reader_next(&again, &t, &same) && same == id && t.n == s.n && t.at_ms == s.at_ms);
        assert(!memcmp(s.v, t.v, s.n * sizeof *s.v));
    }
    buf_release(&b.out);
}

enum kind { SAMPLES, FRAME, POINTS, PACKED, N_KINDS };

static void rows(const uint8_t *data, size_t n, enum kind kind)
{
    struct frame_reader *r = frame_reader_new();
    struct buf packed = BUF_INIT(PACK_BYTES);
    struct snap *s = NULL;
    enum err_code rc;
    if (kind != PACKED) {
        pack_squeeze(&packed, data, n);
        data = (const uint8_t *)buf_str(&packed);
        n = packed.len;
    }
    if (kind == POINTS) {
        static const char frame[] = { 16, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0 };
        struct buf head = BUF_INIT(100);
        pack_squeeze(&head, frame, sizeof frame);
        rc = frame_read(r, buf_str(&head), head.len, NULL);
        assert(!rc);
        rc = frame_read_track(r, 1000000, data, n, NULL);
        buf_release(&head);
    } else {
        rc = frame_read(r, data, n, NULL);
    }
    if (!rc && !frame_snap(r, 1500000, &s, NULL)) { /* what was read can be written */
        struct frame_writer *w = frame_writer_new();
        struct frame_bytes out = { 0 };
        frame_write(w, s, 0, &out);
        frame_bytes_release(&out);
        frame_writer_free(w);
        snap_unref(s);
    }
    frame_reader_free(r);
    buf_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    if (data[0] % N_KINDS == SAMPLES)
        samples(data + 1, n - 1);
    else
        rows(data + 1, n - 1, (enum kind)(data[0] % N_KINDS));
    return 0;
}
