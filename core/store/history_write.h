/*
 * core/store/history_write.h - the file of a history, written: for history.c alone.
 *
 * All of one flush is one transaction.  After any error the connection is closed, and the next flush opens
 * it anew and begins a new run, with all series and a key frame: nothing is built on what may not be there.
 * Thread   the worker's
 */
#ifndef STORE_HISTORY_WRITE_H
#define STORE_HISTORY_WRITE_H

#include "core/store/recording_internal.h"
#include "core/store/sample_pack.h"

enum { HISTORY_SNAPS = 32 };

struct history_flush { /* filled on the loop, given to the worker, and then looked at on the loop again */
    struct sample_batch samples;
    int64_t from_ms, to_ms; /* the time that it speaks for */
    struct arena arena;
    struct series *series; /* those that came first within it; strings in arena */
    size_t n_series;
    struct {
        struct snap *snap;
        int64_t at_ms;
    } snaps[HISTORY_SNAPS];
    size_t n_snaps;
    /* what came of it */
    struct err e;
    bool is_elsewhere; /* another console records this place */
    struct recording_range range;
    int64_t bytes; /* of the file's pages that are used */
};

struct history_file;
struct history_file *history_file_new(const char *state_dir, const char *place, int64_t keep_ms,
                                      int64_t keep_bytes);
void history_file_free(struct history_file *f); /* NULL is fine */
void history_file_write(struct history_file *f, struct history_flush *x);
struct recording *history_file_read(struct history_file *f, struct err *e); /* borrowed; NULL: e says why */
int64_t history_file_run(const struct history_file *f); /* the one that is written; 0 = none yet */

#endif
