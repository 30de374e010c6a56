/* core/store/frame_tables.h - the rows of a frame, for frame_write.c and frame_read.c.  The numbers are kept in
 * files.
 *
 * A row: its table (a byte), its key (8 bytes), 0 = it is gone, else 1 + its length, and its bytes.  Tables of one
 * section follow each other, the first one holds its head: there is one while the section is there. */
#ifndef STORE_FRAME_TABLES_H
#define STORE_FRAME_TABLES_H

#include "core/store/frame.h"
#include "core/store/rows.h"

enum frame_table {
    TABLE_WORKLOADS = 1,
    TABLE_WORKLOAD,
    TABLE_USAGE,
    TABLE_EVENTS,
    TABLE_EVENT,
    TABLE_ERRORS,
    TABLE_ERROR,
    TABLE_GROUP,
    TABLE_OPEN,
    TABLE_SOURCES,
    TABLE_SOURCE,
    TABLE_VERDICT,
    TABLE_BAKE,
    TABLE_MARK,
    TABLE_CHECK,
    TABLE_TRACKS,
    TABLE_BAND,
    N_TABLES
};

struct frame_key { /* compared as bytes */
    uint64_t key, table;
};

/* Use of cpu and memory of all workloads, in one row: it moves for all at once. */
struct usage_of {
    uint32_t workload; /* frame_hash of its id, the low half */
    struct usage usage;
};
static inline void row_usage(struct pack *k, void *row)
{
    struct usage_of *u = row;
    pack_bytes(k, &u->workload, sizeof u->workload);
    pack_i64(k, &u->usage.cpu_millis);
    pack_i64(k, &u->usage.memory_bytes);
}

/* A point of all tracks: TRACK_COLUMNS columns of floats, after the subjects. */
enum { TRACK_COLUMNS = 5, TRACK_SUBJECTS = 10000 };

#endif
