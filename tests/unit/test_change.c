/*
 * The gate and what goes through it, against a database that answers as a script says: lost answers are
 * settled and not guessed, no journal means no change, arming belongs to a place, what is confirmed is
 * what was shown, and one failure that is not wanted does not hold up the next.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/change/record_error.h"
#include "core/change/resolve_group.h"
#include "core/sources/errdb_internal.h"
#include "core/store/journal.h"
#include "core/store/spool.h"

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

static void on_answer(void *ctx)
{
    (void)ctx;
    int i = the.n_writes - 1 < the.n_answers ? the.n_writes - 1 : the.n_answers - 1;
    the.on_result(the.ctx, &the.answers[i]);
}

static void *fake_write(void *impl, const struct errdb_change *c, void (*fn)(void *, const struct errdb_result *), void *ctx)
{
    (void)impl;
    assert_true(the.n_writes < ANSWERS);
    snprintf(the.keys[the.n_writes++], ENTRY_KEY, "%s", c->key);
    the.on_result = fn;
    the.ctx = ctx;
    loop_timer_set(the.loop, &the.answer, 0);
    return &the;
}

static void fake_cancel(void *call)
{
    (void)call;
    loop_timer_stop(the.loop, &the.answer);
}

static void fake_state(const void *impl, struct errdb_state *out)
{
    (void)impl;
    *out = (struct errdb_state){ .health = { .name = "errors", .state = SOURCE_LIVE, .text = "" }, .is_synced = true,
                                 .source = "script", .zone_text = "UTC (config)", .is_zone_sure = true, .has_steps = true,
                                 .skew_ms = TIME_NONE, .look_from_ms = TIME_NONE, .held_back_ms = TIME_NONE };
}

static const struct errfeed *fake_feed(const void *impl)
{
    (void)impl;
    return the.feed;
}

static const struct error_done *fake_steps(const void *impl, int64_t id)
{
    (void)impl, (void)id;
    return NULL;
}

static void fake_nothing(void *impl)
{
    (void)impl;
}

static const struct errdb_ops ops = { .close = fake_nothing, .retry = fake_nothing, .doubt = fake_nothing, .state = fake_state,
                                      .feed = fake_feed, .steps = fake_steps, .write = fake_write, .cancel = fake_cancel };

static void script(enum errdb_outcome outcome, enum err_code code, const char *text)
{
    struct errdb_result *r = &the.answers[the.n_answers++];
    *r = (struct errdb_result){ .outcome = outcome };
    snprintf(r->text, sizeof r->text, "%s", text);
    if (code)
        err_set(&r->e, code, 0, "%s", text);
}

/* ---- the world ---- */

static void on_change(void *ctx)
{
    (void)ctx;
    the.changes++;
}

static void put_row_as(int64_t id, const char *message)
{
    struct error_row *r = error_row_new();
    r->id = id;
    r->service = "payments";
    r->message = arena_strdup(&r->arena, message);
    r->hash = (uint64_t)message[0];
    r->stamp = r->hash;
    errfeed_put(the.feed, r);
}

static void put_row(const char *message)
{
    put_row_as(7, message);
}

static void open_gate(const char *ban, bool is_armed)
{
    struct actuator_spec spec = { .loop = the.loop, .worker = the.worker, .state_dir = the.dir, .who = "ann@here",
                                  .where = "a test", .ban = ban, .is_armed = is_armed, .on_change = on_change };
    actuator_free(the.gate);
    the.gate = actuator_new(&spec);
}

static int up(void **state)
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

static int down(void **state)
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

static bool add_state(void *ctx, const struct entry *en)
{
    strcat(ctx, entry_state_name(en->state));
    strcat(ctx, text_eq(en->action, "arm") ? "(arm) " : " ");
    return true;
}

static void expect_journal(const char *want)
{
    char got[4096] = "";
    struct journal *j = NULL;
    struct err e = { 0 };
    assert_int_equal(journal_open_to_read(&the.state, &j, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 0, add_state, got, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(got, want);
}

static struct error_act *act_of(const char *verb, bool is_production)
{
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = verb, .id = 7, .note = "a note", .by = "ann@here", .is_production = is_production,
                                   .on_change = on_change };
    return error_act_new(&spec);
}

static void confirm(struct error_act *a)
{
    struct plan *p = error_act_plan(a, 1);
    assert_int_equal(p->state, PLAN_READY);
    error_act_confirm(a, p->hash);
    section_unref(&p->section);
}

/* ---- changes ---- */

static void applied(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", true);
    struct plan *p = error_act_plan(a, 1);
    assert_string_equal(p->word, "payments");
    section_unref(&p->section);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_DONE);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED ");
    error_act_free(a);
}

static void a_lost_answer_is_settled(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_FAILED, ERR_NET, "no connection"); /* says nothing of the first sending */
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_UNKNOWN);
    UNTIL(error_act_state(a) == PLAN_DONE);
    assert_int_equal(the.n_writes, 3);
    assert_string_equal(the.keys[0], the.keys[1]);
    assert_string_equal(the.keys[0], the.keys[2]);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN APPLIED CLOSED ");
    error_act_free(a);
}

static void lost_and_refused(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_REFUSED, ERR_OK, "resolved by bob");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_FAILED);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN REFUSED CLOSED ");
    error_act_free(a);
}

/* The journal is cut between SENT and the answer: the change is found out about all the same, and it is
 * said that it could not be taken down; nothing more is possible then. */
static void the_journal_goes_away_in_between(void **state)
{
    char path[128];
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(the.n_writes == 1);
    snprintf(path, sizeof path, "%s/journal.head", the.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("99 0000000000000000000000000000000000000000000000000000000000000000\n", f);
    fclose(f);
    UNTIL(error_act_state(a) == PLAN_DONE);
    struct plan *p = error_act_plan(a, 1);
    assert_non_null(strstr(p->text, "the journal could not take it down"));
    section_unref(&p->section);
    UNTIL(actuator_rights(the.gate).read_only);
    assert_true(actuator_rights(the.gate).ban[0] != '\0');
    error_act_free(a);
}

static void no_journal_no_change(void **state)
{
    char path[128];
    (void)state;
    actuator_free(the.gate);
    the.gate = NULL;
    snprintf(path, sizeof path, "%s/journal.db", the.dir);
    FILE *f = fopen(path, "w"); /* what was written so far is gone, and this is no journal */
    assert_non_null(f);
    fputs("something else", f);
    fclose(f);
    open_gate("", true);
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    UNTIL(error_act_state(a) != PLAN_RUNNING);
    assert_int_equal(the.n_writes, 0);
    assert_int_not_equal(error_act_state(a), PLAN_DONE);
    error_act_free(a);
}

/* On the command line: confirmed by being typed, so nothing is armed for it; what bans, bans. */
static void a_typed_act_arms_nothing(void **state)
{
    (void)state;
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = "resolve", .id = 7, .note = "a note", .by = "ann@here", .is_typed = true,
                                   .on_change = on_change };
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    open_gate("", false);
    spec.gate = the.gate;
    struct error_act *a = error_act_new(&spec);
    confirm(a);
    UNTIL(error_act_state(a) == PLAN_DONE);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED "); /* the first is of the world's own gate */
    error_act_free(a);
    open_gate("production", false);
    spec.gate = the.gate;
    a = error_act_new(&spec);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
}

static void read_only(void **state)
{
    (void)state;
    open_gate("", false);
    struct error_act *a = act_of("resolve", false);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
    open_gate("--read-only was given", true);
    a = act_of("resolve", false);
    confirm(a);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    error_act_free(a);
    struct act *act = NULL;
    struct err e = { 0 };
    assert_int_equal(act_begin(the.gate, &(struct act_spec){ .action = "x", .target = "x", .detail = "", .is_typed = true }, &act, &e),
                     ERR_FORBIDDEN);
    assert_int_equal(the.n_writes, 0);
}

static void what_was_shown_is_what_is_sent(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct error_act *a = act_of("resolve", false);
    error_act_confirm(a, "not the plan's hash");
    assert_int_equal(error_act_state(a), PLAN_READY);
    struct plan *p = error_act_plan(a, 1);
    put_row("something else now");
    error_act_confirm(a, p->hash);
    section_unref(&p->section);
    assert_int_equal(error_act_state(a), PLAN_REFUSED);
    assert_int_equal(the.n_writes, 0);
    error_act_free(a);
}

/* ---- the rows of a group ---- */

static struct group_act *act_of_three(const char *verb, bool is_production)
{
    static const int64_t ids[] = { 9, 8, 7 };
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = verb, .note = "a note", .by = "ann@here", .is_production = is_production,
                                   .on_change = on_change };
    put_row_as(8, "refused");
    put_row_as(9, "refused");
    return group_act_new(&spec, ids, 3, 5);
}

static void confirm_group(struct group_act *g)
{
    struct plan *p = group_act_plan(g, 1);
    assert_int_equal(p->state, PLAN_READY);
    group_act_confirm(g, p->hash);
    section_unref(&p->section);
}

static bool plan_says(const struct plan *p, const char *text)
{
    bool is_there = strstr(p->target, text) || strstr(p->text, text);
    for (size_t i = 0; i < p->n_lines; i++)
        is_there = is_there || strstr(p->lines[i].text, text);
    return is_there;
}

static void one_plan_names_the_rows_and_does_each(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "resolved by ann");
    struct group_act *g = act_of_three("resolve", true);
    struct plan *p = group_act_plan(g, 1);
    assert_string_equal(p->word, "payments");
    assert_string_equal(p->target, "3 errors of payments: 9 8 7");
    assert_true(plan_says(p, "9  ") && plan_says(p, "8  ") && plan_says(p, "7  "));
    assert_true(plan_says(p, "resolution_notes: a note"));
    assert_true(plan_says(p, "2 more of this group are not in this plan"));
    section_unref(&p->section);
    group_act_confirm(g, "not the plan's hash");
    assert_int_equal(the.n_writes, 0);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_DONE);
    assert_int_equal(the.n_writes, 3);
    assert_string_not_equal(the.keys[0], the.keys[1]);
    expect_journal("CLOSED(arm) INTENT SENT APPLIED CLOSED INTENT SENT APPLIED CLOSED INTENT SENT APPLIED CLOSED ");
    group_act_free(g);
}

static void one_that_somebody_was_quicker_with_is_left(void **state)
{
    (void)state;
    script(OUTCOME_APPLIED, ERR_OK, "");
    script(OUTCOME_REFUSED, ERR_OK, "resolved by bob");
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_PARTLY);
    struct plan *p = group_act_plan(g, 1);
    assert_string_equal(p->text, "2 of 3; not 8: resolved by bob");
    section_unref(&p->section);
    group_act_free(g);
    /* and one that has changed since the plan was shown is not even sent */
    the.n_writes = the.n_answers = 0;
    script(OUTCOME_APPLIED, ERR_OK, "");
    g = act_of_three("resolve", false);
    put_row_as(8, "something else now");
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_PARTLY);
    assert_int_equal(the.n_writes, 2);
    group_act_free(g);
}

static void a_lost_answer_holds_up_the_next_row(void **state)
{
    (void)state;
    script(OUTCOME_UNKNOWN, ERR_NET, "the answer was lost");
    script(OUTCOME_APPLIED, ERR_OK, "");
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    UNTIL(group_act_state(g) == PLAN_UNKNOWN);
    assert_int_equal(the.n_writes, 1);
    UNTIL(group_act_state(g) == PLAN_DONE);
    assert_int_equal(the.n_writes, 4);
    assert_string_equal(the.keys[0], the.keys[1]);
    group_act_free(g);
}

static void a_group_is_refused_read_only(void **state)
{
    (void)state;
    open_gate("", false);
    struct group_act *g = act_of_three("resolve", false);
    confirm_group(g);
    assert_int_equal(group_act_state(g), PLAN_FAILED);
    assert_int_equal(the.n_writes, 0);
    group_act_free(g);
}

static void one_of_several_says_so(void **state)
{
    (void)state;
    struct error_act_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                   .verb = "resolve", .id = 7, .note = "a note", .by = "ann@here", .n_open = 3,
                                   .on_change = on_change };
    struct error_act *a = error_act_new(&spec);
    struct plan *p = error_act_plan(a, 1);
    assert_string_equal(p->target, "error 7 of payments: 1 of 3 of this group");
    assert_true(plan_says(p, "the other 2 of its group stay as they are; :resolve-all does all of them in one plan"));
    section_unref(&p->section);
    error_act_free(a);
}

/* ---- arming ---- */

static void arming_belongs_to_a_place(void **state)
{
    (void)state;
    open_gate("", false);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_move(the.gate, "production", "");
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000); /* and one that is still on its way to the journal */
    actuator_move(the.gate, "elsewhere", "");
    int before = the.changes;
    UNTIL(the.changes > before);
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000);
    actuator_disarm(the.gate);
    before = the.changes;
    UNTIL(the.changes > before);
    assert_true(actuator_rights(the.gate).read_only);
}

static bool add_end(void *ctx, const struct entry *en)
{
    char *out = ctx;
    size_t used = strlen(out);
    snprintf(out + used, 4096 - used, "%s at %s: %s\n", en->action, en->where, en->detail);
    return true;
}

/* Who reads the journal sees when nothing could be changed any more, and why. */
static void the_end_of_an_arming_is_journalled(void **state)
{
    (void)state;
    char got[4096] = "";
    struct journal *j = NULL;
    struct err e = { 0 };
    open_gate("", false);
    actuator_disarm(the.gate); /* nothing to end */
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_disarm(the.gate);
    assert_true(actuator_rights(the.gate).read_only);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    actuator_move(the.gate, "elsewhere", "");
    actuator_free(the.gate);
    the.gate = NULL;
    worker_free(the.worker); /* writes what is left */
    the.worker = NULL;
    assert_int_equal(journal_open_to_read(&the.state, &j, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 2, add_end, got, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(got, "arm at a test: for 60 s\ndisarm at a test: asked for\narm at a test: for 60 s\n"
                             "disarm at a test: another context\n");
}

static int64_t io_ms, story_ms;
static int64_t fake_io(void)
{
    return io_ms;
}
static int64_t fake_story(void)
{
    return story_ms;
}

static void arming_ends_by_the_clock_that_nobody_sets(void **state)
{
    (void)state;
    io_ms = clock_io_ms();
    story_ms = clock_story_ms();
    open_gate("", false);
    actuator_arm(the.gate, 60000);
    UNTIL(!actuator_rights(the.gate).read_only);
    clock_set(fake_io, fake_story);
    story_ms -= 3600000; /* somebody sets the date back an hour */
    io_ms += 70000;
    assert_true(actuator_rights(the.gate).read_only);
    clock_set(NULL, NULL);
}

/* ---- failures on their way ---- */

static void on_end(void *ctx, size_t n, size_t left, const struct err *e)
{
    (void)ctx;
    the.is_over = true;
    the.n_delivered += n;
    the.n_left = left;
    the.e = *e;
}

static void spool_record(const char *key, bool is_running)
{
    struct spool *s = NULL;
    struct buf json = BUF_INIT(SPOOL_BYTES);
    struct err e = { 0 };
    struct run_record r = { .key = key, .is_running = is_running, .at_ms = 1, .service = "web", .message = "m", .severity = "HIGH" };
    run_record_json(&json, &r);
    assert_int_equal(spool_open(&the.state, &s, &e), ERR_OK);
    assert_int_equal(spool_put(s, key, buf_str(&json), json.len, &e), ERR_OK);
    spool_close(s);
    buf_release(&json);
}

static void deliver(void)
{
    struct deliver_spec spec = { .loop = the.loop, .worker = the.worker, .gate = the.gate, .db = the.db, .state_dir = the.dir,
                                 .on_end = on_end };
    the.is_over = false;
    struct deliver *d = deliver_new(&spec);
    UNTIL(the.is_over);
    deliver_free(d);
}

#define KEY_A "0000000000000000000000000000000a"
#define KEY_B "0000000000000000000000000000000b"

static void one_that_is_refused_does_not_hold_up_the_next(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    spool_record(KEY_B, false);
    script(OUTCOME_FAILED, ERR_SERVER, "violates check constraint");
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_delivered, 1);
    assert_int_equal(the.n_left, 1);
    assert_int_equal(the.e.code, ERR_SERVER);
    assert_string_equal(the.keys[1], KEY_B);
}

static void away_means_all_stay(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    spool_record(KEY_B, false);
    script(OUTCOME_FAILED, ERR_NET, "no connection");
    deliver();
    assert_int_equal(the.n_writes, 1);
    assert_int_equal(the.n_left, 2);
}

static void a_lost_delivery_is_settled_by_its_key(void **state)
{
    (void)state;
    spool_record(KEY_A, false);
    script(OUTCOME_UNKNOWN, ERR_NET, "lost");
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_delivered, 1);
    assert_string_equal(the.keys[0], KEY_A);
    assert_string_equal(the.keys[1], KEY_A);
    expect_journal("CLOSED(arm) INTENT SENT UNKNOWN APPLIED CLOSED ");
    deliver(); /* nothing is left */
    assert_int_equal(the.n_writes, 2);
}

static void who_still_runs_is_left_alone(void **state)
{
    (void)state;
    spool_record(KEY_A, true);
    int hold = journal_hold(&the.state, KEY_A);
    assert_true(hold >= 0);
    script(OUTCOME_APPLIED, ERR_OK, "");
    deliver();
    assert_int_equal(the.n_writes, 0);
    journal_release(&the.state, KEY_A, hold); /* killed */
    deliver();
    assert_int_equal(the.n_writes, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applied), TEST(a_lost_answer_is_settled), TEST(lost_and_refused), TEST(the_journal_goes_away_in_between),
        TEST(no_journal_no_change), TEST(a_typed_act_arms_nothing), TEST(read_only), TEST(what_was_shown_is_what_is_sent), TEST(one_plan_names_the_rows_and_does_each),
        TEST(one_that_somebody_was_quicker_with_is_left), TEST(a_lost_answer_holds_up_the_next_row),
        TEST(a_group_is_refused_read_only), TEST(one_of_several_says_so), TEST(arming_belongs_to_a_place),
        TEST(the_end_of_an_arming_is_journalled),
        TEST(arming_ends_by_the_clock_that_nobody_sets), TEST(one_that_is_refused_does_not_hold_up_the_next),
        TEST(away_means_all_stay), TEST(a_lost_delivery_is_settled_by_its_key), TEST(who_still_runs_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
