/*
 * core/store/history.h - what was measured and what was on screen, kept for a day: samples and row
 * sections as they come, read back at a start, and any minute of it as a snapshot.
 *
 * File     STATE/history/PLACE-HASH.db (0700, 0600, SQLite), self-contained: recording.h reads it.  A
 *          kill loses what came since the last flush, at most HISTORY_FLUSH_MS, and leaves a sound file
 * Alone    one console records a place; another one at the same place reads, says so in its health, and
 *          takes over when the first is gone
 * Gaps     what was not recorded is known as such: a console that records writes at least once in
 *          HISTORY_BEAT_MS, and what lies between two writes that are further apart is a gap
 * Never    blocks or grows: samples wait in HISTORY_WAITING bytes; while the disk is full or slow those
 *          that do not fit are dropped and counted, and history_health says it
 * Limits   HISTORY_KEEP_MS and HISTORY_KEEP_BYTES, the oldest goes first
 * Thread   the loop's; all SQLite, all packing of sections on the worker
 * Owns     copies the spec's strings; holds a reference of the newest snapshot
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "core/loop/worker.h"
#include "core/model/ident.h"
#include "core/model/sample.h"
#include "core/store/recording.h"

enum { HISTORY_FLUSH_MS = 2000, HISTORY_FRAME_MS = 5000, HISTORY_BEAT_MS = 10000, HISTORY_KEY_MS = 300000,
       HISTORY_WAITING = 1024 * 1024, HISTORY_KEEP_BYTES = 192 * 1024 * 1024 };
#define HISTORY_KEEP_MS (26 * 3600000LL)

struct history_spec {
    struct loop *loop;
    struct worker *worker;
    const char *state_dir; /* --state-dir; NULL = the usual place */
    const char *place;     /* whose history: "CONTEXT SERVER"; another place is another file */
    void (*on_state)(void *ctx); /* history_health says something else than before; may be NULL */
    void *ctx;
    int64_t keep_ms, keep_bytes; /* 0 = as above */
};

struct history;
struct history *history_new(const struct history_spec *spec); /* never fails: health says what is wrong */
void history_free(struct history *h); /* what waits is written by worker_free; calls nothing back.  NULL is fine */

void history_put(struct history *h, const struct sample *s);
/* The newest snapshot: what moved in it is kept, with frames HISTORY_FRAME_MS apart at least. */
void history_sections(struct history *h, struct snap *s, int64_t now_ms);
struct source_health history_health(const struct history *h); /* "history"; borrowed strings */
const struct recording_range *history_range(const struct history *h); /* as of the last flush; borrowed */

/* What was recorded before this console began, oldest first, in order; `ss` interns the series.  Chunk by
 * chunk between other work of the loop; then `done` with ERR_OK (nothing there is fine) or what is wrong:
 * samples that came before it stand.  One at a time; history_free ends it without `done`. */
struct history_load {
    int64_t from_ms, to_ms;
    struct series_set *series;
    void (*put)(void *ctx, const struct sample *s);
    void (*done)(void *ctx, const struct err *e);
    void *ctx;
};
void history_load(struct history *h, const struct history_load *l);

/* The snapshot of that time, as recording_past makes it.  `done` takes it; NULL: `e` says why.  Asked again
 * before it came: the one under way still comes, and of those after it only the newest. */
struct history_past {
    int64_t at_ms;
    void (*done)(void *ctx, int64_t at_ms, struct snap *s, const struct err *e);
    void *ctx;
};
void history_past(struct history *h, const struct history_past *p);

#endif
