/* tests/unit/gate.h - a gate with a journal of its own, over a database that answers as a script says. */
#ifndef UNIT_GATE_H
#define UNIT_GATE_H

#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/change/record_error.h"
#include "core/change/resolve_group.h"
#include "core/sources/errdb_internal.h"
#include "core/store/journal.h"

enum { ANSWERS = 8, WAIT_MS = 20000 };

static struct world {
    char dir[64];
    struct statedir state;
    struct loop *loop;
    struct worker *worker;
    struct actuator *gate;
    struct errdb *db;
    struct errfeed *feed;
    struct triage_rules *rules;
    /* the scripted database */
    struct errdb_result answers[ANSWERS];
    int n_answers, n_writes;
    char keys[ANSWERS][ENTRY_KEY];
    void (*on_result)(void *ctx, const struct errdb_result *r);
    void *ctx;
    struct loop_timer answer;
    int changes;
    /* a delivery's end */
    bool is_over;
    size_t n_delivered, n_left;
    struct err e;
} the;

/* ---- a database that answers as the script says ---- */

static inline void on_answer(void *ctx)
{
    (void)ctx;
    int i = the.n_writes - 1 < the.n_answers ? the.n_writes - 1 : the.n_answers - 1;
    the.on_result(the.ctx, &the.answers[i]);
}

static inline void *fake_write(void *impl, const struct errdb_change *c, void (*fn)(void *, const struct errdb_result *), void *ctx)
{
    (void)impl;
    assert_true(the.n_writes < ANSWERS);
    snprintf(the.keys[the.n_writes++], ENTRY_KEY, "%s", c->key);
    the.on_result = fn;
    the.ctx = ctx;
    loop_timer_set(the.loop, &the.answer, 0);
    return &the;
}

static inline void fake_cancel(void *call)
{
    (void)call;
    loop_timer_stop(the.loop, &the.answer);
}

static inline void fake_state(const void *impl, struct errdb_state *out)
{
    (void)impl;
    *out = (struct errdb_state){ .health = { .name = "errors", .state = SOURCE_LIVE, .text = "" }, .is_synced = true,
                                 .source = "script", .zone_text = "UTC (config)", .is_zone_sure = true, .has_steps = true,
                                 .skew_ms = TIME_NONE, .look_from_ms = TIME_NONE, .held_back_ms = TIME_NONE };
}

static inline const struct errfeed *fake_feed(const void *impl)
{
    (void)impl;
    return the.feed;
}

static inline const struct error_done *fake_steps(const void *impl, int64_t id)
{
    (void)impl, (void)id;
    return NULL;
}

static inline void fake_nothing(void *impl)
{
    (void)impl;
}

static const struct errdb_ops ops = { .close = fake_nothing, .retry = fake_nothing, .doubt = fake_nothing, .state = fake_state,
                                      .feed = fake_feed, .steps = fake_steps, .write = fake_write, .cancel = fake_cancel };

static inline void script(enum errdb_outcome outcome, enum err_code code, const char *text)
{
    struct errdb_result *r = &the.answers[the.n_answers++];
    *r = (struct errdb_result){ .outcome = outcome };
    snprintf(r->text, sizeof r->text, "%s", text);
    if (code)
        err_set(&r->e, code, 0, "%s", text);
}

/* ---- the world ---- */

static inline void on_change(void *ctx)
{
    (void)ctx;
    the.changes++;
}

static inline void put_row_as(int64_t id, const char *message)
{
    struct error_row *r = error_row_new();
    r->id = id;
    r->service = "payments";
    r->message = arena_strdup(&r->arena, message);
    r->hash = (uint64_t)message[0];
    r->stamp = r->hash;
    errfeed_put(the.feed, r);
}

static inline void put_row(const char *message)
{
    put_row_as(7, message);
}

static inline void open_gate(const char *ban, bool is_armed)
{
    struct actuator_spec spec = { .loop = the.loop, .worker = the.worker, .state_dir = the.dir, .who = "ann@here",
                                  .where = "a test", .ban = ban, .is_armed = is_armed, .on_change = on_change };
    actuator_free(the.gate);
    the.gate = actuator_new(&spec);
}

static inline int up(void **state)
{
    struct feed_hooks hooks = { 0 };
    struct err e = { 0 };
    (void)state;
    the = (struct world){ .dir = "/tmp/bakewatch-change-XXXXXX" };
    assert_non_null(mkdtemp(the.dir));
    the.answer = (struct loop_timer){ .fn = on_answer };
    assert_int_equal(loop_new(&the.loop, &e), ERR_OK);
    assert_int_equal(worker_new(the.loop, "store", &the.worker, &e), ERR_OK);
    assert_int_equal(triage_rules_new(NULL, 0, &the.rules, &e), ERR_OK);
    assert_int_equal(statedir_find(the.dir, (const char *(*)(const char *))(void *)getenv, &the.state, &e), ERR_OK);
    the.feed = errfeed_new(the.rules, &hooks);
    the.db = errdb_over(&ops, &the);
    put_row("refused");
    open_gate("", true);
    return 0;
}

static inline int down(void **state)
{
    char command[128];
    (void)state;
    actuator_free(the.gate);
    worker_free(the.worker);
    errdb_close(the.db);
    errfeed_free(the.feed);
    triage_rules_free(the.rules);
    loop_free(the.loop);
    snprintf(command, sizeof command, "rm -rf '%s'", the.dir);
    return system(command);
}

#define UNTIL(what)                                                       \
    do {                                                                  \
        int64_t end = clock_io_ms() + WAIT_MS;                            \
        while (!(what)) {                                                 \
            assert_true(clock_io_ms() < end);                             \
            loop_turn(the.loop, 50);                                      \
        }                                                                 \
    } while (0)

static inline bool add_state(void *ctx, const struct entry *en)
{
    strcat(ctx, entry_state_name(en->state));
    strcat(ctx, text_eq(en->action, "arm") ? "(arm) " : " ");
    return true;
}

static inline void expect_journal(const char *want)
{
    char got[4096] = "";
    struct journal *j = NULL;
    struct err e = { 0 };
    assert_int_equal(journal_open_to_read(&the.state, &j, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 0, add_state, got, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(got, want);
}

static inline struct error_act *act_of(const char *verb, bool is_production)
{
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = verb, .id = 7, .note = "a note", .by = "ann@here", .is_production = is_production,
                                   .on_change = on_change };
    return error_act_new(&spec);
}

static inline void confirm(struct error_act *a)
{
    struct plan *p = error_act_plan(a, 1);
    assert_int_equal(p->state, PLAN_READY);
    error_act_confirm(a, p->hash);
    section_unref(&p->section);
}

#endif
