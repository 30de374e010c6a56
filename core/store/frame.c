#include "core/store/frame.h"
uint64_t frame_hash(const void *p, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (const unsigned char *s = p; n; n--)
        h = (h ^ *s++) * 1099511628211u;
    return h;
}
struct frame_writer { int none; };
struct frame_writer *frame_writer_new(void) { return x_calloc(1, sizeof(struct frame_writer)); }
void frame_writer_free(struct frame_writer *w) { free(w); }
void frame_writer_reset(struct frame_writer *w) { (void)w; }
void frame_write(struct frame_writer *w, const struct snap *s, int64_t at_ms, struct frame_bytes *out) { (void)w, (void)s, (void)at_ms, (void)out; }
void frame_bytes_release(struct frame_bytes *b) { (void)b; }
