/*
 * core/sources/errfeed.h - the rows of an error table that we hold: each version once, whatever the
 * source reads twice.  No I/O.
 *
 * A source gives rows in any order and as often as it likes; the feed tells its owner what is new, what
 * has changed and what is gone.  It holds the ERRORS_KEPT rows of the highest ids; of every row ever
 * seen it remembers the id, whether it was open and its severity (a byte an id, in blocks), so that an
 * old row that is updated is an update, and counts stay exact.
 *
 * Same version   equal stamp (where the source has one) or equal hash
 * Zone           measured from fresh rows: local_ms less received_ms, rounded to 15 min (up to 10 min of
 *                delay are forgiven), once 3 of the last 5 agree; a row that came zoned does not count
 * Limits         FEED_IDS ids remembered, the lowest are forgotten first
 * Thread         the loop's       Owns  the rows it holds; hooks borrow them and may take a reference
 */
#ifndef SOURCES_ERRFEED_H
#define SOURCES_ERRFEED_H

#include "core/judge/triage.h"
#include "core/model/errors.h"

enum { FEED_IDS = 64 * 1024 * 1024 };

enum feed_event {
    FEED_NEW,    /* the first time that this row is seen */
    FEED_UPDATE, /* before: as it was, NULL when it was no longer held */
    FEED_DELETE, /* gone from the table; of a row that is held (a row that is not leaves the totals) */
    FEED_DROP,   /* still in the table, but no longer held: newer ones came (or it is older than those) */
};

struct errfeed;
struct feed_hooks {
    void (*on_event)(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before); /* may be NULL */
    void (*on_zone)(void *ctx, int64_t zone_ms, int n_rows); /* measured, or measured anew; may be NULL */
    void *ctx;
};

struct errfeed *errfeed_new(const struct triage_rules *rules, const struct feed_hooks *hooks);
void errfeed_free(struct errfeed *f); /* no hook is called; NULL is fine */

/* The clock that the rows are written by, less ours: a laptop that is wrong must not make a zone. */
void errfeed_skew(struct errfeed *f, int64_t skew_ms);

/* Has this very version been delivered?  Then it need not be fetched.  stamp 0 = do not know. */
bool errfeed_has(const struct errfeed *f, int64_t id, uint64_t stamp);
void errfeed_put(struct errfeed *f, struct error_row *row); /* takes the reference; judges the row */
void errfeed_delete(struct errfeed *f, int64_t id);
/* Versions that the source can not give again (PostgreSQL: stamps before the watermark) are forgotten. */
void errfeed_settle(struct errfeed *f, bool (*is_past)(void *ctx, uint64_t stamp), void *ctx);
/* Stamps may have been given out twice (a failover that lost transactions): none counts any more, rows
 * that come again are told apart by their hash. */
void errfeed_doubt(struct errfeed *f);
/* The table was replaced (TRUNCATE, restore, another server): all that is held is deleted, all that
 * comes is new. */
void errfeed_forget(struct errfeed *f);
void errfeed_forget_above(struct errfeed *f, int64_t id); /* such ids may be given out again */

struct error_row *errfeed_find(const struct errfeed *f, int64_t id); /* borrowed; NULL = not held */
size_t errfeed_count(const struct errfeed *f);
struct error_row *errfeed_at(const struct errfeed *f, size_t i); /* ascending ids; borrowed */
int64_t errfeed_top(const struct errfeed *f);                    /* highest id seen; 0 = none */

struct feed_totals { /* of all rows seen and not known to be gone, held or not */
    int64_t n, n_open[N_SEVERITIES];
};
struct feed_totals errfeed_totals(const struct errfeed *f);

#endif
