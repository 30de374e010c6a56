/* The state folder: the usual one, the one that was asked for, or one in its place, and said. */
#include "tests/unit/unit.h"

#include "tests/unit/state.h"

static const char *xdg, *home;

static const char *env(const char *name)
{
    return strcmp(name, "HOME") == 0 ? home : strcmp(name, "XDG_STATE_HOME") == 0 ? xdg : NULL;
}

static void the_folder_is_found_or_replaced(void **state)
{
    (void)state;
    struct statedir d;
    struct stat st;
    char usual[1100], at_home[1100], fallback[64];
    snprintf(fallback, sizeof fallback, "/var/tmp/bakewatch-%d", (int)geteuid());
    xdg = dir.path;
    snprintf(usual, sizeof usual, "%s/bakewatch", dir.path);
    snprintf(at_home, sizeof at_home, "%s/.local/state/bakewatch", dir.path);
    assert_int_equal(statedir_find(NULL, env, &d, &e), ERR_OK);
    assert_string_equal(d.path, usual);
    assert_string_equal(d.notice, "");
    assert_true(stat(usual, &st) == 0 && (st.st_mode & 07777) == 0700);
    xdg = "relative"; /* is no place, says the XDG specification */
    home = dir.path;
    assert_int_equal(statedir_find(NULL, env, &d, &e), ERR_OK);
    assert_string_equal(d.path, at_home);

    xdg = dir.path;
    chmod(usual, 0750);
    assert_int_equal(statedir_find(NULL, env, &d, &e), ERR_OK);
    assert_string_equal(d.path, fallback);
    assert_non_null(strstr(d.notice, fallback));
    assert_non_null(strstr(d.notice, "open to others (750)"));
    rmdir(usual);
    assert_int_equal(symlink(at_home, usual), 0);
    assert_int_equal(statedir_find(NULL, env, &d, &e), ERR_OK);
    assert_string_equal(d.path, fallback);
    assert_non_null(strstr(d.notice, "symbolic link"));
    xdg = home = NULL;
    assert_int_equal(statedir_find(NULL, env, &d, &e), ERR_OK);
    assert_string_equal(d.path, fallback);
    unlink(usual);

    /* What was asked for is used, or is an error. */
    snprintf(usual, sizeof usual, "%s/a/b//", dir.path);
    assert_int_equal(statedir_find(usual, env, &d, &e), ERR_OK);
    snprintf(usual, sizeof usual, "%s/a/b", dir.path);
    assert_string_equal(d.path, usual);
    chmod(usual, 0777);
    assert_int_equal(statedir_find(usual, env, &d, &e), ERR_IO);
    assert_int_equal(statedir_find("/dev/null", env, &d, &e), ERR_IO);
    assert_int_equal(statedir_find("/dev/null/x", env, &d, &e), ERR_IO);
    rmdir(usual);
    rmdir(state_path(&dir, "a"));
    rmdir(at_home);
    rmdir(state_path(&dir, ".local/state"));
    rmdir(state_path(&dir, ".local"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_folder_is_found_or_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
