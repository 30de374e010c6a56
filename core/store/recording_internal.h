/*
 * core/store/recording_internal.h - the tables of a history file, for recording.c and history_write.c, and
 * samples in chunks, for history.c.
 *
 * run     one time that a console recorded: its series have numbers of their own
 * series  of a run
 * batch   samples in order; from_ms to to_ms is the time that it speaks for, whether or not something came
 * frame   rows of sections that have changed (see frame.h); is_key: all of them
 * track   a point of every workload's course
 */
#ifndef STORE_RECORDING_INTERNAL_H
#define STORE_RECORDING_INTERNAL_H

#include "core/store/recording.h"

enum { RECORDING_APP = 0x62776869 /* "bwhi" */, RECORDING_SERIES = 100000 /* of a run */ };
extern const char *const recording_migrations[];
extern const int recording_n_migrations;

struct recording {
    sqlite3 *db;
    char *place;
};
/* Of one that is open: what recording_open does besides. */
MUST_USE enum err_code recording_read_place(struct recording *r, struct err *e);

void recording_range_add(struct recording_range *range, int64_t from_ms, int64_t to_ms); /* a batch more is there */

struct chunk_batch {
    const void *data; /* expanded */
    size_t n;
};
/* Some batches of one run, with those of its series that were not in a chunk before it. */
struct chunk {
    int64_t from_ms, to_ms, without_run; /* asked for; 0 = no run is left out */
    int64_t run, after;                  /* where it went on, then where it ends: the last batch */
    uint32_t series_after;               /* greatest number of a series of `run` that is known */
    struct arena arena;
    struct series *series; /* strings in arena */
    size_t n_series;
    struct chunk_batch *batches;
    size_t n_batches;
    int64_t n_broken; /* batches */
    bool is_last;
};
/* Reads the next one after `c`, which is cleared first. */
MUST_USE enum err_code recording_chunk(struct recording *r, struct chunk *c, struct err *e);

void chunk_release(struct chunk *c);
enum err_code chunk_end(int64_t n_broken, struct err *e); /* after the last one: was all of it readable? */

/* Series of the run that is delivered, by number. */
struct chunk_series {
    int64_t run;
    const struct series **by_id;
    size_t n;
};
void chunk_series_release(struct chunk_series *cs);
/* Calls fn for each sample of its time; false: fn has stopped it. */
bool chunk_deliver(struct chunk *c, struct chunk_series *cs, struct series_set *ss,
                   bool (*fn)(void *ctx, const struct sample *s), void *ctx);

#endif
