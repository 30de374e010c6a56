/* The spool: what was put stays until it is taken out, through kills and full disks. */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/model/entry.h"
#include "core/store/spool.h"
#include "tests/unit/state.h"

static struct spool *opened(void)
{
    struct spool *s = NULL;
    if (spool_open(&dir, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

static const char *key_of(int i)
{
    static char key[ENTRY_KEY];
    snprintf(key, sizeof key, "%032x", (unsigned)i);
    return key;
}

static enum err_code put(struct spool *s, int i, const char *json)
{
    return spool_put(s, key_of(i), json, strlen(json), &e);
}

struct seen {
    struct spool *take_out; /* each one, as it is seen */
    char text[256];
    size_t n, most;
};

static bool see(void *ctx, const char *key, const char *json, size_t n)
{
    struct seen *s = ctx;
    assert_int_equal(strlen(json), n);
    size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof s->text - used, "%s=%s ", key + 30, json);
    if (s->take_out)
        assert_int_equal(spool_take_out(s->take_out, key, &e), ERR_OK);
    return ++s->n != s->most;
}

static void oldest_first_until_taken_out(void **state)
{
    (void)state;
    struct seen all = { 0 }, two = { .most = 2 }, rest = { 0 }, none = { 0 };
    struct spool *s = opened();
    put(s, 9, "{\"a\":1}");
    put(s, 3, "{}");
    put(s, 5, "{\"c\":3}");
    put(s, 9, "{\"a\":1}"); /* the same again: once, and in its old place */
    assert_int_equal(spool_each(s, see, &all, &e), ERR_OK);
    assert_string_equal(all.text, "09={\"a\":1} 03={} 05={\"c\":3} ");
    two.take_out = s;
    assert_int_equal(spool_each(s, see, &two, &e), ERR_OK);
    assert_int_equal(spool_take_out(s, key_of(77), &e), ERR_OK); /* absent is fine */
    spool_close(s);
    s = opened();
    rest.take_out = s;
    assert_int_equal(spool_each(s, see, &rest, &e), ERR_OK);
    assert_string_equal(rest.text, "05={\"c\":3} ");
    assert_int_equal(spool_each(s, see, &none, &e), ERR_OK);
    assert_int_equal(none.n, 0);
    spool_close(s);
}

static void only_whole_records_within_limits(void **state)
{
    (void)state;
    struct spool *s = opened();
    struct seen all = { 0 };
    assert_int_equal(put(s, 1, "{\"a\":"), ERR_PARSE);
    assert_int_equal(put(s, 1, "[1]"), ERR_PARSE);
    assert_int_equal(spool_put(s, "short", "{}", 2, &e), ERR_PARSE);
    assert_int_equal(spool_put(s, "0123456789ABCDEF0123456789ABCDEF", "{}", 2, &e), ERR_PARSE);
    char *big = malloc(SPOOL_BYTES + 2);
    memset(big, ' ', SPOOL_BYTES + 1);
    big[0] = '{';
    big[1] = '}';
    big[SPOOL_BYTES + 1] = '\0';
    assert_int_equal(put(s, 1, big), ERR_LIMIT);
    big[SPOOL_BYTES] = '\0';
    assert_int_equal(put(s, 1, big), ERR_OK);
    free(big);
    assert_int_equal(spool_take_out(s, key_of(1), &e), ERR_OK);
    spool_close(s);
    state_sql(&dir, "spool.db", "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 9999)"
                                "INSERT INTO record (key, json) SELECT printf('%032x', n), '{}' FROM i");
    s = opened();
    assert_int_equal(put(s, 10000, "{}"), ERR_OK);
    assert_int_equal(put(s, 10001, "{}"), ERR_LIMIT);
    assert_int_equal(put(s, 5, "{\"n\":5}"), ERR_OK); /* is there already */
    assert_int_equal(spool_each(s, see, &all, &e), ERR_OK);
    assert_int_equal(all.n, SPOOL_RECORDS);
    spool_close(s);
}

static void one_delivers(void **state)
{
    (void)state;
    struct spool *a = opened(), *b = opened();
    assert_true(spool_lock(a));
    assert_true(spool_lock(a));
    assert_false(spool_lock(b));
    assert_int_equal(put(b, 1, "{}"), ERR_OK); /* others may put in meanwhile */
    spool_close(a);
    assert_true(spool_lock(b));
    spool_close(b);
}

struct step_seen {
    char text[512];
};

static void see_step(void *ctx, int64_t id, enum error_step step, const struct error_done *d)
{
    struct step_seen *s = ctx;
    size_t used = strlen(s->text);
    assert_true(d->is_local);
    snprintf(s->text + used, sizeof s->text - used, "%" PRId64 ":%d %s %" PRId64 " %s; ", id, (int)step, d->by,
             d->at_ms, d->note);
}

static void steps_are_kept_by_source(void **state)
{
    (void)state;
    struct spool *s = opened();
    struct step_seen seen = { 0 }, other = { 0 };
    struct error_done d = { .at_ms = 1000, .by = "ann", .note = "looking" };
    static char big[ENTRY_TEXT + 2];
    assert_int_equal(spool_step_put(s, "db-1", 7, STEP_INVESTIGATED, &d, &e), ERR_OK);
    assert_int_equal(spool_step_put(s, "db-1", INT64_MAX, STEP_ACKNOWLEDGED, &d, &e), ERR_OK);
    assert_int_equal(spool_step_put(s, "db-2", 7, STEP_PLANNED, &d, &e), ERR_OK);
    d = (struct error_done){ .at_ms = 2000, .by = "bob", .note = "\xff" };
    assert_int_equal(spool_step_put(s, "db-1", 7, STEP_INVESTIGATED, &d, &e), ERR_BUSY); /* ann was first */
    memset(big, 'x', ENTRY_TEXT + 1);
    d.note = big;
    assert_int_equal(spool_step_put(s, "db-1", 7, STEP_PLANNED, &d, &e), ERR_LIMIT);
    spool_close(s);
    s = opened();
    assert_int_equal(spool_steps(s, "db-1", see_step, &seen, &e), ERR_OK);
    assert_string_equal(seen.text, "7:1 ann 1000 looking; 9223372036854775807:0 ann 1000 looking; ");
    assert_int_equal(spool_steps(s, "db-3", see_step, &other, &e), ERR_OK);
    assert_string_equal(other.text, "");
    spool_close(s);
}

static void killed_loses_nothing_put(void **state)
{
    (void)state;
    int rounds = getenv("ROUNDS") ? 5 * atoi(getenv("ROUNDS")) : 5, told = 0;
    for (int round = 0; round < rounds; round++) {
        int fds[2], got = 0, enough = 5 + round * 7 % 30;
        if (told > SPOOL_RECORDS / 2) { /* it is not about the limit */
            state_remove(dir.path);
            state_new(&dir);
            told = 0;
        }
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (!pid) {
            struct spool *s = NULL;
            if (spool_open(&dir, &s, &e))
                _exit(1);
            for (int i = told; !put(s, i, "{\"message\":\"it failed\"}"); i++)
                (void)!write(fds[1], &i, sizeof i);
            _exit(1);
        }
        close(fds[1]);
        for (int i; read(fds[0], &i, sizeof i) == sizeof i;) {
            assert_int_equal(i, told);
            told = i + 1;
            if (++got == enough)
                kill(pid, SIGKILL);
        }
        close(fds[0]);
        waitpid(pid, NULL, 0);
        assert_true(got >= enough);
        struct spool *s = opened();
        struct seen all = { 0 };
        assert_int_equal(spool_each(s, see, &all, &e), ERR_OK);
        assert_true(all.n == (size_t)told || all.n == (size_t)told + 1);
        told = (int)all.n;
        spool_close(s);
    }
}

static void no_room_is_an_error_and_passes(void **state)
{
    (void)state;
    struct rlimit before, less;
    struct spool *s = opened();
    static char json[8000] = "{\"a\":\"";
    memset(json + 6, 'x', 7000);
    strcpy(json + 7006, "\"}");
    assert_int_equal(put(s, 1, json), ERR_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    less = (struct rlimit){ .rlim_cur = 20000, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &less);
    int n = 1;
    enum err_code rc;
    while (!(rc = put(s, n + 1, json)) && n < 50)
        n++;
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(e.text, "the spool: disk I/O error: File too large"));
    assert_int_equal(put(s, n + 1, json), ERR_OK);
    struct seen all = { 0 };
    assert_int_equal(spool_each(s, see, &all, &e), ERR_OK);
    assert_int_equal(all.n, n + 1);
    spool_close(s);
}

static void another_file_is_no_spool(void **state)
{
    (void)state;
    struct spool *s = NULL;
    state_sql(&dir, "spool.db", "PRAGMA application_id = 123; CREATE TABLE t (x)");
    chmod(state_path(&dir, "spool.db"), 0600);
    assert_int_equal(spool_open(&dir, &s, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "something else"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(oldest_first_until_taken_out), TEST(only_whole_records_within_limits), TEST(one_delivers),
        TEST(steps_are_kept_by_source), TEST(killed_loses_nothing_put), TEST(no_room_is_an_error_and_passes),
        TEST(another_file_is_no_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
