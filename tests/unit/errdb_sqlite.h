/* tests/unit/errdb_sqlite.h - an SQLite error table in a folder of a test's own, with a second writer; what the
 * feed has told; and turns of the loop until something holds. */
#ifndef UNIT_ERRDB_SQLITE_H
#define UNIT_ERRDB_SQLITE_H

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/sources/errdb.h"

enum { WAIT_MS = 20000, MOST = 30000 };
static const int64_t MINUTE = 60000, HOUR = 3600000;

#define TABLE "CREATE TABLE deployment_errors (id INTEGER PRIMARY KEY, timestamp TEXT DEFAULT CURRENT_TIMESTAMP," \
    "service_name TEXT, environment TEXT, deployment_stage TEXT, error_code TEXT, severity TEXT, error_message TEXT," \
    "stack_trace TEXT, user_impact TEXT, business_impact TEXT, resolution_notes TEXT, resolved_at TEXT, resolved_by TEXT);"
#define ROWS(n, from) "WITH RECURSIVE i(n) AS (SELECT " #from " UNION ALL SELECT n + 1 FROM i WHERE n < " #from " + " #n " - 1)" \
    "INSERT INTO deployment_errors (id, service_name, severity, error_message) SELECT n, 'web', 'HIGH', 'm' || n FROM i;"

static char dir[64], path[128], place[160];
static struct loop *loop;
static struct worker *worker;
static struct errdb *db;
static struct triage_rules *rules;
static sqlite3 *writer;
static struct err e;

static int n_of[FEED_DROP + 1], n_fresh, n_states;
static int times_new[MOST]; /* by id: seen as new */
static struct error_row *last[FEED_DROP + 1];
static bool last_had_before;

static int64_t skipped; /* the io clock is ahead by that */

static inline int64_t io_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + skipped;
}

static inline void on_event(void *ctx, enum feed_event ev, const struct error_row *row, const struct error_row *before)
{
    (void)ctx;
    n_of[ev]++;
    n_fresh += ev == FEED_NEW && row->is_fresh;
    if (ev == FEED_NEW && row->id >= 0 && row->id < MOST)
        times_new[row->id]++;
    last_had_before = before != NULL;
    error_row_unref(last[ev]);
    last[ev] = error_row_ref((struct error_row *)(uintptr_t)row);
}

static inline void on_state(void *ctx)
{
    (void)ctx;
    n_states++;
}

static inline void sql(const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(writer, text, NULL, NULL, &why))
        fail_msg("%s: %s", why, text);
}

static inline void open_writer(const char *file)
{
    sqlite3_close(writer);
    assert_int_equal(sqlite3_open(file, &writer), SQLITE_OK);
    sqlite3_busy_timeout(writer, 5000);
}

static inline void open_db(int64_t back_ms, const char *timezone, bool is_once)
{
    struct errdb_spec spec = { .place = place, .timezone = timezone, .rules = rules, .back_ms = back_ms,
                               .is_once = is_once, .feed = { .on_event = on_event }, .on_state = on_state };
    if (errdb_open(loop, worker, &spec, &db, &e))
        fail_msg("%s", e.text);
}

static inline int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bakewatch-errdb-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/errors.db", dir);
    snprintf(place, sizeof place, "sqlite://%s", path);
    memset(n_of, 0, sizeof n_of);
    memset(times_new, 0, sizeof times_new);
    n_fresh = n_states = 0;
    skipped = 0;
    clock_set(io_clock, NULL);
    return loop_new(&loop, NULL) || worker_new(loop, "store", &worker, NULL) ||
           triage_rules_new(NULL, 0, &rules, NULL);
}

static inline int tear_down(void **state)
{
    static const char *const names[] = { "errors.db", "errors.db-wal", "errors.db-shm", "errors.db-journal",
                                         "next.db" };
    char name[160];
    (void)state;
    errdb_close(db);
    db = NULL;
    worker_free(worker);
    loop_free(loop);
    triage_rules_free(rules);
    sqlite3_close(writer);
    writer = NULL;
    for (int i = 0; i <= FEED_DROP; i++) {
        error_row_unref(last[i]);
        last[i] = NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(name, sizeof name, "%s/%s", dir, names[i]);
        unlink(name);
    }
    rmdir(dir);
    clock_set(NULL, NULL);
    return 0;
}

/* Turns until it holds; the waits between looks are cut short. */
#define TURN_UNTIL(holds) \
    for (int64_t end_ = clock_mono_ms() + WAIT_MS; !(holds);) { \
        if (clock_mono_ms() > end_) \
            fail_msg("line %d: not within %d ms: %s; state %s: %s", __LINE__, WAIT_MS, #holds, \
                     source_state_name(errdb_state(db).health.state), errdb_state(db).health.text); \
        errdb_retry(db); \
        loop_turn(loop, 20); \
    }

static inline bool has_state(enum source_state s, const char *text)
{
    struct errdb_state st = errdb_state(db);
    return st.health.state == s && strstr(st.health.text, text);
}

/* Two looks that find nothing new: what was there has been taken in. */
static inline void settle(void)
{
    for (int i = 0; i < 2; i++) {
        uint64_t sent = errdb_state(db).statements;
        TURN_UNTIL(errdb_state(db).statements > sent);
    }
    loop_turn(loop, 0);
}

static inline void made(const char *more)
{
    open_writer(path);
    sql("PRAGMA journal_mode = WAL");
    sql(TABLE);
    sql(more);
}

static inline const struct error_row *row(int64_t id)
{
    const struct error_row *r = errfeed_find(errdb_feed(db), id);
    if (!r)
        fail_msg("row %" PRId64 " is not held", id);
    return r;
}

#endif
