/*
 * core/store/recording.h - a history file, read: the samples in the order in which they came, what was
 * recorded and what was not, and the snapshot of any time within.
 *
 * File     made by core/store/history, of this or of another machine: its bytes are from outside, every
 *          blob is checked and capped, nothing in it is run.  Opened read-only
 * Samples  bit for bit as they were put: the judge comes to the same verdict
 * Past     sections of the same structs as the live ones, as they stood then: workloads, errors, events,
 *          sources, verdict, tracks.  Kept in short: the newest and the open errors, their stack traces and
 *          pods' own use of cpu and memory not at all.  A section that was not recorded then is NULL
 * Errors   ERR_NOTFOUND not recorded at that time; ERR_PARSE not ours, newer, or broken; ERR_IO
 * Thread   one at a time, blocks
 */
#ifndef STORE_RECORDING_H
#define STORE_RECORDING_H

#include "core/model/sample.h"
#include "core/model/snap.h"
#include "core/store/db.h"

enum { RECORDING_GAPS = 200, RECORDING_GAP_MS = 30000 /* so long without a write is a gap */ };

struct recording_gap {
    int64_t from_ms, until_ms;
};
struct recording_range {
    int64_t from_ms, to_ms; /* TIME_NONE: nothing is there */
    struct recording_gap gaps[RECORDING_GAPS]; /* the newest, oldest first */
    size_t n_gaps;
};
bool recording_has(const struct recording_range *r, int64_t at_ms); /* within, and in no gap */

struct recording;
/* `path` ends in ".db". */
MUST_USE enum err_code recording_open(const char *path, struct recording **out, struct err *e);
void recording_close(struct recording *r); /* NULL is fine */
const char *recording_place(const struct recording *r); /* as the spec of its history said */
MUST_USE enum err_code recording_range(struct recording *r, struct recording_range *out, struct err *e);
/* Samples of from_ms <= at < to_ms; fn returns false to stop. */
MUST_USE enum err_code recording_each(struct recording *r, int64_t from_ms, int64_t to_ms, struct series_set *ss,
                                      bool (*fn)(void *ctx, const struct sample *s), void *ctx, struct err *e);
MUST_USE enum err_code recording_past(struct recording *r, int64_t at_ms, struct snap **out, struct err *e);

#endif
