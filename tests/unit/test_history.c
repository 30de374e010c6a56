/* The history file: samples come back in order and bit for bit, also after a kill; gaps, bounds, two consoles. */
#include "tests/unit/unit.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/history.h"

static void put(struct console *c, int service, double ms)
{
    char subject[64];
    snprintf(subject, sizeof subject, "deployment.apps/shop/service-%d", service);
    const struct series like = { .kind = SAMPLE_PROBE,
                                 .subject = subject,
                                 .name = "/healthz",
                                 .source = "probe",
                                 .bounds = { 5, 10 },
                                 .n_bounds = service == 1 ? 2 : 0 };
    struct sample s = { .series = series_intern(c->series, &like),
                        .at_ms = story_ms,
                        .n = 3,
                        .v = { ms, NAN, 1 / ms },
                        .text = service == 2 ? "connect: refused" : "" };
    history_put(c->history, &s);
}

static void step(struct console *c, int n)
{
    for (int i = 0; i < n; i++, story_ms += 1000) {
        for (int service = 0; service < 3; service++)
            put(c, service, 10 + i + service / 7.0);
    }
}

/* ---- what comes back ---- */

struct got {
    struct series_set *series;
    size_t n;
    int64_t first_ms, last_ms;
    uint64_t sum; /* of every bit */
    bool is_done;
    struct err e;
};

static bool take(void *ctx, const struct sample *s)
{
    struct got *g = ctx;
    g->first_ms = g->n ? g->first_ms : s->at_ms;
    assert_true(s->at_ms >= g->last_ms);
    g->last_ms = s->at_ms;
    g->n++;
    assert_true(s->series == series_by_id(g->series, s->series->id));
    for (size_t i = 0; i < s->n; i++) {
        uint64_t bits;
        memcpy(&bits, &s->v[i], sizeof bits);
        g->sum = (g->sum ^ bits) * 1099511628211u + s->series->subject[strlen(s->series->subject) - 1] +
                 s->series->n_bounds + strlen(s->text);
    }
    return true;
}

static void take_loaded(void *ctx, const struct sample *s)
{
    take(ctx, s);
}

static void loaded(void *ctx, const struct err *why)
{
    struct got *g = ctx;
    g->is_done = true;
    g->e = *why;
}

static struct got load(struct console *c, int64_t from_ms, int64_t to_ms)
{
    struct got g = { .series = c->series };
    history_load(c->history, &(struct history_load){ .from_ms = from_ms,
                                                     .to_ms = to_ms,
                                                     .series = c->series,
                                                     .put = take_loaded,
                                                     .done = loaded,
                                                     .ctx = &g });
    while (!g.is_done)
        loop_turn(c->loop, 1000);
    return g;
}

static struct got replay(int64_t from_ms, int64_t to_ms)
{
    struct recording *r;
    struct got g = { .series = series_set_new() };
    if (recording_open(file(), &r, &e))
        fail_msg("%s", e.text);
    assert_string_equal(recording_place(r), "eks-1 https://10.0.0.1:6443");
    g.e.code = recording_each(r, from_ms, to_ms, g.series, take, &g, &g.e);
    recording_close(r);
    series_set_free(g.series);
    return g;
}

static struct recording_range range(void)
{
    struct recording *r;
    struct recording_range out;
    assert_int_equal(recording_open(file(), &r, &e), ERR_OK);
    assert_int_equal(recording_range(r, &out, &e), ERR_OK);
    recording_close(r);
    return out;
}

/* ---- tests ---- */

static void all_comes_back(void **state)
{
    struct console c;
    (void)state;
    console_open(&c);
    step(&c, 100);
    console_close(&c);
    struct got all = replay(0, INT64_MAX);
    assert_int_equal(all.e.code, ERR_OK);
    assert_int_equal(all.n, 300);
    assert_int_equal(all.first_ms, begin_ms);
    assert_int_equal(all.last_ms, begin_ms + 99000);

    /* the same again by a console that comes later, and what it puts meanwhile is not there twice */
    console_open(&c);
    put(&c, 0, 1);
    settle(&c);
    struct got again = load(&c, 0, INT64_MAX);
    assert_int_equal(again.e.code, ERR_OK);
    assert_int_equal(again.n, 300);
    assert_true(again.sum == all.sum);
    assert_int_equal(series_count(c.series), 3);
    struct got some = load(&c, begin_ms + 10000, begin_ms + 20000);
    assert_int_equal(some.n, 30);
    assert_int_equal(some.first_ms, begin_ms + 10000);
    console_close(&c);
    assert_int_equal(replay(0, INT64_MAX).n, 301);
}

static void nothing_is_there(void **state)
{
    struct console c;
    (void)state;
    console_open(&c);
    struct got g = load(&c, 0, INT64_MAX);
    assert_int_equal(g.e.code, ERR_OK);
    assert_int_equal(g.n, 0);
    settle(&c); /* it says that it is there, even when nothing comes */
    assert_in_range(history_range(c.history)->from_ms, begin_ms, story_ms);
    console_close(&c);
    struct stat st;
    assert_int_equal(stat(file(), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(state_path(&dir, "history"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_place_has_a_file(void **state)
{
    struct console a, b;
    (void)state;
    console_open(&a);
    step(&a, 10);
    console_close(&a);
    console_open_with(&b, "eks-2 https://10.0.0.1:6443", 0, 0);
    assert_int_equal(load(&b, 0, INT64_MAX).n, 0);
    console_close(&b);
}

static void gaps_are_known(void **state)
{
    struct console c;
    (void)state;
    console_open(&c);
    step(&c, 60);
    settle(&c);
    console_close(&c);
    story_ms += 120000;
    console_open(&c);
    step(&c, 60);
    console_close(&c);
    story_ms += 20000; /* a restart is none */
    console_open(&c);
    step(&c, 10);
    settle(&c);
    const struct recording_range *r = history_range(c.history);
    assert_int_equal(r->n_gaps, 1);
    assert_int_equal(r->gaps[0].from_ms, begin_ms + 60001);
    assert_int_equal(r->gaps[0].until_ms, begin_ms + 180001);
    assert_true(recording_has(r, begin_ms));
    assert_true(recording_has(r, begin_ms + 60000));
    assert_false(recording_has(r, begin_ms + 100000));
    assert_true(recording_has(r, begin_ms + 200000));
    assert_false(recording_has(r, begin_ms - 1));
    assert_false(recording_has(r, story_ms + 1));
    console_close(&c);
    assert_int_equal(range().n_gaps, 1);
}

/* The machine slept: a flush does not speak for the time before it. */
static void a_sleep_is_a_gap(void **state)
{
    struct console c;
    (void)state;
    console_open(&c);
    step(&c, 10);
    settle(&c);
    story_ms += 3600000;
    io_ms += 3600000;
    step(&c, 10);
    settle(&c);
    assert_int_equal(history_range(c.history)->n_gaps, 1);
    console_close(&c);
    assert_int_equal(range().n_gaps, 1);
}

static void the_second_reads(void **state)
{
    struct console a, b;
    (void)state;
    console_open(&a);
    step(&a, 10);
    settle(&a);
    console_open(&b);
    assert_int_equal(load(&b, 0, INT64_MAX).n, 30);
    step(&b, 5);
    settle(&b);
    assert_string_equal(history_health(b.history).text, "another bakewatch records this place");
    assert_int_equal(history_health(b.history).state, SOURCE_LIVE);
    console_close(&a);
    settle(&b); /* the first is gone */
    step(&b, 5);
    console_close(&b);
    assert_int_equal(replay(0, INT64_MAX).n, 45);
}

static void old_samples_go(void **state)
{
    struct console c;
    (void)state;
    console_open_with(&c, "eks-1 https://10.0.0.1:6443", 600000, 0);
    for (int i = 0; i < 40; i++) {
        step(&c, 60);
        settle(&c);
        io_ms += 60000; /* it looks once a minute */
    }
    console_close(&c);
    struct got g = replay(0, INT64_MAX);
    assert_in_range(g.first_ms, story_ms - 740000, story_ms - 600000);
    assert_int_equal(g.last_ms, story_ms - 1001);
    assert_in_range(range().from_ms, story_ms - 740000, story_ms - 600000);
}

static void the_file_is_bounded(void **state)
{
    enum { MOST = 512 * 1024 };
    struct console c;
    struct stat st;
    (void)state;
    console_open_with(&c, "eks-1 https://10.0.0.1:6443", 0, MOST);
    for (int i = 0; i < 300; i++) {
        for (int j = 0; j < 60; j++, story_ms += 1000) {
            for (int k = 0; k < 4; k++)
                put(&c, k, j / 7.0 + 1 + k * i / 11.0);
        }
        settle(&c);
    }
    console_close(&c);
    assert_int_equal(stat(file(), &st), 0);
    assert_in_range(st.st_size, MOST / 2, MOST + 128 * 1024);
    struct got g = replay(0, INT64_MAX);
    assert_int_equal(g.last_ms, story_ms - 1001);
    assert_true(g.first_ms > begin_ms);
}

/* While nothing can be written samples wait, up to a bound; then it goes on, and what is missing is counted. */
static void a_full_disk(void **state)
{
    struct console c;
    struct rlimit before, none = { 0, 0 };
    (void)state;
    console_open(&c);
    step(&c, 10);
    settle(&c);
    getrlimit(RLIMIT_FSIZE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &none);
    signal(SIGXFSZ, SIG_IGN);
    step(&c, 10);
    settle(&c);
    struct source_health now = history_health(c.history);
    assert_int_equal(now.state, SOURCE_STALE);
    assert_true(now.text[0] && now.retry_ms == story_ms + 5000);
    step(&c, 20000);
    assert_non_null(strstr(history_health(c.history).text, "samples were not recorded"));
    setrlimit(RLIMIT_FSIZE, &before);
    io_ms += 6000;
    for (int i = 0; i < 2000 && history_health(c.history).state != SOURCE_LIVE; i++, io_ms += 100)
        loop_turn(c.loop, 10);
    assert_int_equal(history_health(c.history).state, SOURCE_LIVE);
    settle(&c);
    step(&c, 10);
    console_close(&c);
    struct got g = replay(0, INT64_MAX);
    assert_true(g.n > 90 && g.n < 60030);
    assert_int_equal(g.last_ms, story_ms - 1000);
    assert_int_equal(range().n_gaps, 1); /* what was dropped is no time that was recorded */
}

/* kill -9: all but what came since the last flush is there, and the file is sound. */
static void killed(void **state)
{
    int told[2];
    int64_t n = 0, flushed = 0;
    (void)state;
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (!pid) {
        struct console c;
        console_open(&c);
        for (;;) {
            step(&c, 20);
            settle(&c);
            n += 60;
            if (write(told[1], &n, sizeof n) < 0)
                _exit(1);
        }
    }
    close(told[1]);
    while (flushed < 60 * 50 && read(told[0], &n, sizeof n) == sizeof n)
        flushed = n;
    kill(pid, SIGKILL);
    while (read(told[0], &n, sizeof n) == sizeof n)
        flushed = n;
    waitpid(pid, NULL, 0);
    close(told[0]);
    struct got g = replay(0, INT64_MAX);
    assert_int_equal(g.e.code, ERR_OK);
    assert_in_range(g.n, flushed, flushed + 60);
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(file(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    sqlite3_close(db);
    struct console c;
    story_ms = g.last_ms + 1000;
    console_open(&c); /* and another one goes on where it was, at once: its lock is gone with it */
    assert_int_equal(load(&c, 0, INT64_MAX).n, g.n);
    step(&c, 1);
    console_close(&c);
    assert_int_equal(replay(0, INT64_MAX).n, g.n + 3);
}

static void broken_files(void **state)
{
    struct console c;
    struct recording *r;
    (void)state;
    console_open(&c);
    step(&c, 10);
    settle(&c);
    step(&c, 10);
    console_close(&c);
    const char *name = file() + strlen(dir.path) + 1;
    state_sql(&dir, name, "UPDATE batch SET data = x'ff00ff00' WHERE id = 1");
    struct got g = replay(0, INT64_MAX);
    assert_int_equal(g.e.code, ERR_PARSE); /* said, and the rest is there */
    assert_int_equal(g.n, 30);
    console_open(&c);
    g = load(&c, 0, INT64_MAX);
    assert_int_equal(g.e.code, ERR_PARSE);
    assert_int_equal(g.n, 30);
    console_close(&c);

    state_sql(&dir, name, "PRAGMA user_version = 99");
    assert_int_equal(recording_open(file(), &r, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "newer bakewatch"));
    console_open(&c);
    settle(&c);
    assert_int_equal(history_health(c.history).state, SOURCE_FAILED);
    assert_non_null(strstr(history_health(c.history).text, "newer bakewatch"));
    console_close(&c);

    for (size_t n = 0; n < 20000; n += 4999) {
        char *junk = calloc(1, n + 1);
        for (size_t i = 0; i < n; i++)
            junk[i] = (char)(i * 2654435761u >> 11);
        state_write(&dir, name, junk, n);
        assert_int_not_equal(recording_open(file(), &r, &e), ERR_OK);
        console_open(&c);
        step(&c, 1);
        settle(&c);
        console_close(&c);
        free(junk);
        if (!n) { /* an empty file is a new one */
            assert_int_equal(replay(0, INT64_MAX).n, 3);
            unlink(file());
        }
    }
    assert_int_equal(recording_open("/tmp/none.db", &r, &e), ERR_NOTFOUND);
    assert_int_equal(recording_open("/etc/passwd", &r, &e), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_comes_back, begin, finish),
        cmocka_unit_test_setup_teardown(nothing_is_there, begin, finish),
        cmocka_unit_test_setup_teardown(a_place_has_a_file, begin, finish),
        cmocka_unit_test_setup_teardown(gaps_are_known, begin, finish),
        cmocka_unit_test_setup_teardown(a_sleep_is_a_gap, begin, finish),
        cmocka_unit_test_setup_teardown(the_second_reads, begin, finish),
        cmocka_unit_test_setup_teardown(old_samples_go, begin, finish),
        cmocka_unit_test_setup_teardown(the_file_is_bounded, begin, finish),
        cmocka_unit_test_setup_teardown(a_full_disk, begin, finish),
        cmocka_unit_test_setup_teardown(killed, begin, finish),
        cmocka_unit_test_setup_teardown(broken_files, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
