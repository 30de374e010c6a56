/*
 * core/store/frame.h - the row sections of a snapshot as bytes, what has changed since the last time; and back.
 *
 * Frame    rows of all sections, each with its table and a key; a key frame has all of them, the others what
 *          is new, has changed or is gone.  What moves with every measurement (counts, coverage) makes a new
 *          row at most once in FRAME_SOFT_MS; of a window that is quiet and long open in FRAME_QUIET_MS
 * Track    a point of every workload's course, kept apart: 240 of them make the picture of one hour.  It is
 *          written TRACK_LAG steps after its time, when nothing comes any more that belongs to it
 * Reading  bytes from outside: ERR_PARSE or ERR_LIMIT, never more than FRAME_ROWS rows
 * Thread   any, one at a time (pure)
 */
#ifndef STORE_FRAME_H
#define STORE_FRAME_H

#include "core/base/buf.h"
#include "core/model/snap.h"

enum {
    FRAME_SOFT_MS = 15000,
    FRAME_SLOW_MS = 60000,
    FRAME_QUIET_MS = 120000,
    FRAME_ROWS = 100000,
    FRAME_EVENTS = 300,
    FRAME_ERRORS = 500,
    TRACK_LAG = 3
};

uint64_t frame_hash(const void *p, size_t n);

struct frame_bytes {
    struct buf frame; /* len 0: nothing has changed */
    bool is_key;
};
void frame_bytes_release(struct frame_bytes *b);

struct frame_writer;
struct frame_writer *frame_writer_new(void);
void frame_writer_free(struct frame_writer *w);  /* NULL is fine */
void frame_writer_reset(struct frame_writer *w); /* the next one is a key frame */
void frame_write(struct frame_writer *w, const struct snap *s, int64_t at_ms, struct frame_bytes *out);
/* The points that were not put before, oldest first; fn returns false to stop.  From the start of a writer, or
 * since a time that is on record already. */
typedef bool frame_put_track(void *ctx, int64_t at_ms, const struct buf *packed);
void frame_write_tracks(struct frame_writer *w, const struct snap *s, frame_put_track *fn, void *ctx);
void frame_writer_since(struct frame_writer *w, int64_t track_ms);

struct frame_reader; /* a key frame, those after it, then tracks, each oldest first; then the snapshot */
struct frame_reader *frame_reader_new(void);
void frame_reader_free(struct frame_reader *r); /* NULL is fine */
MUST_USE enum err_code frame_read(struct frame_reader *r, const void *data, size_t n, struct err *e);
MUST_USE enum err_code frame_read_track(struct frame_reader *r, int64_t at_ms, const void *data, size_t n,
                                        struct err *e);
/* At that time.  Sections that were in no frame are NULL. */
MUST_USE enum err_code frame_snap(struct frame_reader *r, int64_t at_ms, struct snap **out, struct err *e);

#endif
