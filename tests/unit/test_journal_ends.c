/* Operations whose console is gone, and those that somebody has in hand. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "tests/unit/journal.h"

static void orphans_are_those_whose_console_is_gone(void **state)
{
    (void)state;
    struct seen s = { 0 };
    struct journal *j = opened();
    append_to(j, OP_A, ENTRY_INTENT, "a");
    append_to(j, OP_B, ENTRY_INTENT, "b");
    append_to(j, OP_A, ENTRY_SENT, "a sent");
    int ours = journal_hold(&dir, OP_A);
    assert_true(ours >= 0);
    assert_int_equal(journal_hold(&dir, OP_A), -1);
    assert_int_equal(journal_hold(&dir, "../../etc/passwd"), -1);
    assert_int_equal(journal_orphans(j, see, &s, &e), ERR_OK);
    assert_true(s.n == 1 && !strcmp(s.details[0], "b")); /* A is being worked on */
    journal_release(&dir, OP_A, ours);
    assert_int_equal(access(state_path(&dir, OP_A ".held"), F_OK), -1);
    s.n = 0;
    append_to(j, OP_B, ENTRY_CLOSED, "b closed");
    assert_int_equal(journal_orphans(j, see, &s, &e), ERR_OK);
    assert_true(s.n == 1 && !strcmp(s.details[0], "a sent"));
    /* A console that is killed lets go. */
    int fds[2];
    char c;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (!pid) {
        c = journal_hold(&dir, OP_A) >= 0 ? 'y' : 'n';
        (void)!write(fds[1], &c, 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    s.n = 0;
    assert_int_equal(journal_orphans(j, see, &s, &e), ERR_OK);
    assert_int_equal(s.n, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(journal_orphans(j, see, &s, &e), ERR_OK);
    assert_int_equal(s.n, 1);
    journal_close(j);
}

/* A look at the locks makes no file, and two who look at once do not hide an orphan from each other. */
static void a_look_changes_nothing(void **state)
{
    (void)state;
    struct journal *j = opened();
    struct journal_ends ends;
    append_to(j, OP_B, ENTRY_INTENT, "b");
    append_to(j, OP_A, ENTRY_INTENT, "a");
    append_to(j, OP_A, ENTRY_SENT, "a sent");
    int ours = journal_hold(&dir, OP_A);
    assert_true(journal_is_held(&dir, OP_A));
    assert_false(journal_is_held(&dir, OP_B));
    assert_false(journal_is_held(&dir, "../../etc/passwd"));
    assert_int_equal(access(state_path(&dir, OP_B ".held"), F_OK), -1);
    close(ours); /* killed: the file stays, the lock does not */
    int looks = open(state_path(&dir, OP_A ".held"), O_RDONLY);
    assert_int_equal(flock(looks, LOCK_SH | LOCK_NB), 0);
    assert_int_equal(journal_ends_read(j, &ends, &e), ERR_OK);
    assert_int_equal(ends.n, 2);
    assert_int_equal(journal_ends_find(&ends, OP_A)->last_seq, 3);
    assert_int_equal(journal_ends_find(&ends, OP_B)->last_seq, 1);
    assert_null(journal_ends_find(&ends, "0000000000000000000000000000000a"));
    assert_int_equal(access(state_path(&dir, OP_B ".held"), F_OK), -1);
    journal_ends_release(&ends);
    close(looks);
    journal_close(j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(orphans_are_those_whose_console_is_gone), TEST(a_look_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
