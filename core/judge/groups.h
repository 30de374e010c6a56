/*
 * core/judge/groups.h - errors counted by group and by minute, exact beyond what is held.
 * Pure: no I/O, no clock; times are given.
 *
 * Rows are added as they come (in any order of time), changed and removed.  A group looks back
 * GROUPS_LOOK_MS in minutes; counts and first/last are for as long as we run.
 *
 * Time      a row's time in UTC; without one its received_ms.  Rows whose times are more than a day and a
 *           zone away from when they were received count, but in no minute
 * Novelty   against the deploy of the group's workload, to the minute in which that began: NEW = first
 *           seen since; MORE = the rate since the deploy is over twice that before, and the excess is no
 *           chance (Poisson, one-sided p < 0.01 against one row more than was seen before, at least 5
 *           since); else KNOWN.  UNKNOWN without a deploy; or when we do not look back past it by as long
 *           as it is ago, 30 min being enough; or when an earlier group of this fingerprint was dropped
 *           and its time is not known any more
 * Worst     NEW, then MORE, then by severity, then the last seen
 * Limits    ERROR_GROUPS groups; the least recent without open rows goes first (when all have some, the
 *           least recent), its rows then have none; GROUPS_TEXT bytes of a masked message
 * Thread    any, one owner
 */
#ifndef JUDGE_GROUPS_H
#define JUDGE_GROUPS_H

#include "core/model/errors.h"

enum { GROUPS_LOOK_MS = 24 * 3600000, GROUPS_TEXT = 512 };

struct groups;
struct groups *groups_new(void);
void groups_free(struct groups *g); /* NULL is fine */
/* `at_ms` is the row's time in UTC (TIME_NONE: its received_ms counts). */
void groups_add(struct groups *g, const struct error_row *row, int64_t at_ms);
/* The same row with other columns (resolved, reopened, edited); at_ms is the time of `after`.  `before` is
 * NULL when it was no longer held: then nothing changes. */
void groups_change(struct groups *g, const struct error_row *before, const struct error_row *after,
                   int64_t at_ms);
/* Deleted from the table (is_dropped false: it does not count any more), or no longer held (true: it
 * still counts, but not among the open rows held of its group). */
void groups_remove(struct groups *g, const struct error_row *row, int64_t at_ms, bool is_dropped);
/* Every time moved by so much: the zone of the table is better known now.  Times that came with a zone,
 * and times of receipt, stay. */
void groups_shift(struct groups *g, int64_t by_ms);

/* When a service's workload was last deployed, and its id; ms TIME_NONE = unknown. */
struct groups_place {
    const char *workload;
    int64_t deployed_ms;
};
typedef struct groups_place groups_place_fn(void *ctx, const char *service);

/* Fills groups, n_groups, minutes and minutes_from_ms of `es`, whose arena takes the
 * strings.  look_from_ms: we have looked back to there (TIME_NONE: to the beginning).  `place` is asked
 * once for each service; its string is copied. */
void groups_fill(struct groups *g, struct errors *es, int64_t now_ms, int64_t look_from_ms,
                 groups_place_fn *place, void *ctx);
/* The index in es->groups of a row's group after groups_fill; SIZE_MAX = none. */
size_t groups_index(const struct groups *g, uint64_t fingerprint);

#endif
