/*
 * core/sources/errdb_pg_internal.h - what the parts of the PostgreSQL half share.
 *
 *   errdb_pg.c        open, close, health and state
 *   errdb_pg_tail.c   what is sent next, and what its answers mean
 *   errdb_pg_scan.c   rounds of keys: the tail, the full scan, the check of what is held
 *   errdb_pg_calls.c  one record in full, and changes
 *   errdb_pg_link.c   the connection;  errdb_pg_place.c, errdb_pg_sql.c, errdb_pg_look.c: pure
 *
 * One statement group is under way at a time; errdb_pg_run sends the next whenever the link is idle.
 */
#ifndef SOURCES_ERRDB_PG_INTERNAL_H
#define SOURCES_ERRDB_PG_INTERNAL_H

#include "core/base/text.h"
#include "core/sources/errdb_internal.h"
#include "core/sources/errdb_pg_link.h"
#include "core/sources/errdb_pg_sql.h"

enum {
    ANSWER_MS = 5000, RECORD_MS = 60000, TICK_MS = 1000, NOTIFY_TICK_MS = 2000,
    FULL_MS = 60000, HELD_MS = 60000, STEPS_MS = 10000, LOOK_MS = 60000,
    HELD_BACK_MS = 60000, BEHIND_MS = 60000, NOTICE_MS = 60000, FRESH_MS = 10000,
    PAGE_LEAST = 20, FORK_XIDS = 100000, CHUNK_FIRST = 100000, CHUNK_LEAST = 10000, CHUNK_MOST = 1000000,
};

/* A round: keys in pages from the lowest id on.  Its watermark becomes the next one's when the last
 * page was short and all that was new in it is there. */
struct scan {
    bool is_active, is_first_page, is_last_page;
    int64_t floor, next_floor;
    int64_t top_before, top;
    uint64_t w, w_next; /* where this round begins, and where the next one will; 0 = all */
    int64_t chunk;
};

struct pg_call;
struct errdb_pg {
    struct loop *loop;
    struct errdb_spec spec; /* place and timezone are our copies */
    struct pg_link *link;
    struct errfeed *feed;
    struct loop_timer tick, pause;
    bool is_paused;      /* a statement failed: wait */
    struct pg_shape shape;
    bool is_looked, is_pooled, is_listening, is_raw;
    char system[24], timeline[16]; /* of the server whose rows we hold */

    struct scan tail, full;
    struct scan *fetching_for; /* whose keys `ids` are */
    bool is_full_urgent;
    int64_t *ids;        /* versions to fetch */
    size_t n_ids, n_asked;
    int page_rows;       /* rows in full asked for at once: fewer where they come slowly */
    bool has_first, is_backing, is_ticked, was_special;
    int64_t before;      /* older pages: below this id */
    bool must_check, has_top_fallen, has_forked; /* what is held */
    int64_t *held;       /* ids that the check asked for */
    size_t n_held;
    int64_t behind_io_ms;
    int64_t tail_io_ms, full_io_ms, check_io_ms, steps_io_ms, look_io_ms; /* begun; TIME_NONE = never */
    int64_t sent_io_ms, sent_story_ms;
    bool is_fresh_round; /* the tail was read a moment ago: what is new now is new */

    struct pg_call *calls; /* utlist, in their order */

    enum pg_zone zone;
    int64_t zone_ms, zone_rows, measured_ms;
    char zone_text[128];
    int64_t skew_ms, top;
    uint64_t stuck_w;    /* the watermark, and since when it stands still with something running */
    int64_t stuck_ms;
    int64_t full_story_ms;
    struct error_steps { /* sorted by id */
        int64_t id;
        struct error_done done[N_STEPS];
    } *steps;
    size_t n_steps;
    struct arena steps_arena;
    uint64_t steps_hash;

    enum source_state state;
    int64_t since_ms, proved_ms, notice_io_ms, rate_io_ms;
    uint64_t rate_statements;
    double rate;
    char text[224], notice[224];
};

void errdb_pg_run(struct errdb_pg *db); /* sends what is next, if the link is idle */
void errdb_pg_up(struct errdb_pg *db);  /* connected: begin anew, with a full scan */
void errdb_pg_lost(struct errdb_pg *db); /* what was under way is not known */
struct pg_how errdb_pg_how(const struct errdb_pg *db);
/* A data statement was answered: what we hold is current. */
void errdb_pg_proved(struct errdb_pg *db);
/* A statement failed: says why, waits. */
void errdb_pg_failed(struct errdb_pg *db, const struct err *e, const char *sqlstate);
void errdb_pg_say(struct errdb_pg *db, const char *notice); /* shown for a minute */
void errdb_pg_set_zone(struct errdb_pg *db);
void errdb_pg_tell(struct errdb_pg *db); /* on_state */

/* scan: each sends one group */
void errdb_pg_scan_start(struct errdb_pg *db, struct scan *s);
void errdb_pg_scan_send(struct errdb_pg *db, struct scan *s);
void errdb_pg_check_send(struct errdb_pg *db);
void errdb_pg_rows_send(struct errdb_pg *db);
void errdb_pg_page_send(struct errdb_pg *db);
void errdb_pg_steps_send(struct errdb_pg *db);
void errdb_pg_is_elsewhere(struct errdb_pg *db); /* another server answers */
void errdb_pg_is_forked(struct errdb_pg *db);    /* the same, but its history may be another */
bool errdb_pg_is_small(const struct errdb_pg *db); /* a full scan is not too much */

/* calls */
bool errdb_pg_call_next(struct errdb_pg *db); /* sends one; false: none waits */
void errdb_pg_calls_free(struct errdb_pg *db);
void *errdb_pg_fetch(void *impl, int64_t id, void (*on_done)(void *ctx, const struct errdb_record *r),
                     void *ctx);
void *errdb_pg_write(void *impl, const struct errdb_change *c,
                     void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx);
void errdb_pg_cancel(void *call);

#endif
