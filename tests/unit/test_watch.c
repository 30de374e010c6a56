/*
 * List, watch and audit against a transport that this file plays: requests wait in a table until a test
 * answers them, and time moves when a test says so.  The names follow client-go's reflector_test.go where
 * it has one.  Real sockets are in tests/it.
 */
#include "tests/unit/unit.h"

#include "tests/unit/watch.h"

/* ---- tests ---- */

static void list_and_watch(void **state)
{
    (void)state;
    assert_non_null(strstr(asked("deployments")->path, "?limit=500"));
    answer(asked("deployments"), LIST("10", OBJ("a", "1") "," OBJ("b", "2")));
    assert_string_equal(held(), "a:1 b:2 ");
    assert_non_null(strstr(asked("watch=1")->path, "resourceVersion=10&timeoutSeconds="));
    assert_non_null(strstr(asked("watch=1")->path, "allowWatchBookmarks=true"));
    head(asked("watch=1"));
    assert_int_equal(health(), SOURCE_LIVE);
    bring(EVENT("ADDED", OBJ("c", "11")) EVENT("MODIFIED", OBJ("a", "12")) EVENT("DELETED", OBJ("b", "13")));
    assert_string_equal(held(), "a:12 c:11 ");
}

/* Row 4: its time is over: the next watch goes on from the last version, and nobody sees anything. */
static void a_watch_that_ends_in_time_is_continued(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("a", "1")));
    head(asked("watch=1"));
    bring(EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"20\"}}"));
    int changes = n_changes, states = n_states;
    for (int i = 0; i < 5; i++) {
        pass(65000);
        if (count_of("limit=500") != 1)
            fail_msg("it lists again");
        done(asked("watch=1"), (struct err){ 0 }, 200);
        assert_non_null(strstr(asked("watch=1")->path, "resourceVersion=20&"));
        head(asked("watch=1"));
        assert_int_equal(health(), SOURCE_LIVE);
    }
    assert_int_equal(n_changes, changes);
    assert_int_equal(n_states, states);
    assert_int_equal(count_of("limit=500"), 1);
}

/* ReflectorFullListIfExpired: and what page one held is not held any more. */
static void an_expired_token_begins_anew(void **state)
{
    (void)state;
    answer(asked("deployments"), PAGE("10", "p2", OBJ("ghost", "1") "," OBJ("a", "1")));
    assert_non_null(strstr(asked("continue")->path, "limit=500&continue=p2"));
    refuse(asked("continue=p2"), ERR_GONE, 410);
    assert_null(strchr(asked("deployments")->path, '?'));
    answer(asked("deployments"), LIST("20", OBJ("a", "1") "," OBJ("b", "15")));
    assert_string_equal(held(), "a:1 b:15 ");
    assert_non_null(strstr(asked("watch=1")->path, "resourceVersion=20&"));
}

static void a_list_is_authoritative(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("old", "1") "," OBJ("a", "1")));
    head(asked("watch=1"));
    answer(asked("watch=1"), GONE);
    answer(asked("limit=500"), LIST("30", OBJ("a", "1") "," OBJ("new", "20")));
    assert_string_equal(held(), "a:1 new:20 ");
}

/* A server that answers each watch with 410 is listed at once, and then ever more seldom. */
static void gone_after_every_list(void **state)
{
    (void)state;
    for (int64_t end_ms = now_ms + 5000; now_ms < end_ms; pass(50)) {
        for (size_t i = 0; i < n_reqs; i++) {
            if (!reqs[i]->is_open)
                continue;
            if (strstr(reqs[i]->path, "watch=1"))
                answer(reqs[i], GONE);
            else
                answer(reqs[i], LIST("10", OBJ("a", "1")));
        }
    }
    assert_in_range(count_of("limit=500"), 3, 12);
}

static void short_watches_wait(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("a", "1")));
    for (int64_t end_ms = now_ms + 30000; now_ms < end_ms; pass(50)) {
        for (size_t i = 0; i < n_reqs; i++) {
            if (reqs[i]->is_open)
                answer(reqs[i], strstr(reqs[i]->path, "watch=1") ? "" : LIST("10", OBJ("a", "1")));
        }
    }
    assert_in_range(count_of("watch=1"), 4, 20);
    assert_int_equal(health(), SOURCE_STALE);
}

/* Row 18: a list or a watch that is cut anywhere leaves whole objects only, and is continued. */
static void cut_at_every_byte(void **state)
{
    const char *list = LIST("10", OBJ("a", "2") "," OBJ("b", "2"));
    const char *events = EVENT("MODIFIED", OBJ("a", "3")) EVENT("DELETED", OBJ("b", "4")) EVENT("ADDED", OBJ("c", "5"));
    static const char *const watched[] = { "a:2 b:2 ", "a:3 b:2 ", "a:3 ", "a:3 c:5 " };
    static const char *const next_rv[] = { "=10&", "=3&", "=4&", "=5&" };
    for (size_t cut = 0; cut < strlen(list); cut++) {
        struct err e = { 0 };
        head(asked("deployments"));
        bytes(asked("deployments"), list, cut, &e);
        refuse(asked("deployments"), ERR_NET, 0);
        assert_int_equal(health(), SOURCE_FAILED);
        const char *h = held();
        assert_true(strcmp(h, "") == 0 || strcmp(h, "a:2 ") == 0 || strcmp(h, "a:2 b:2 ") == 0);
        assert_int_equal(count_of("watch=1"), 0);
        kube_watch_retry(watch);
        pass(50);
    }
    for (size_t cut = 0; cut <= strlen(events); cut++) {
        size_t whole = 0;
        end(state);
        begin(state);
        answer(asked("deployments"), list);
        struct err e = { 0 };
        head(asked("watch=1"));
        for (size_t i = 0; i < cut; i += 7)
            assert_int_equal(bytes(asked("watch=1"), events + i, cut - i < 7 ? cut - i : 7, &e), ERR_OK);
        for (size_t i = 0; i + 1 < cut; i++) /* the brace ends an event, not its newline */
            whole += events[i + 1] == '\n';
        whole += cut && cut < strlen(events) && events[cut] == '\n';
        whole -= cut && cut < strlen(events) && events[cut] == '\n' && events[cut - 1] != '}';
        refuse(asked("watch=1"), ERR_NET, 0);
        assert_string_equal(held(), watched[whole]);
        pass(3000);
        assert_int_equal(count_of("limit=500"), 1);
        if (!strstr(asked("watch=1")->path, next_rv[whole]))
            fail_msg("cut at %zu: %s", cut, asked("watch=1")->path);
    }
}

/* A connection that ends well in the middle of an event has not ended well. */
static void half_an_event_is_an_error(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("a", "1")));
    head(asked("watch=1"));
    pass(2000);
    assert_int_equal(bring("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{"), ERR_OK);
    done(asked("watch=1"), (struct err){ 0 }, 200);
    assert_int_equal(health(), SOURCE_STALE);
    assert_non_null(strstr(kube_watch_health(watch).text, "cut inside an event"));
    assert_string_equal(held(), "a:1 ");
}

/* Bad inputs 14. */
static void events_that_are_none(void **state)
{
    static const char *const bad[] = {
        EVENT("ODD", OBJ("x", "11")), EVENT("ADDED", "{\"metadata\":{}}"), EVENT("ADDED", "7"), "[]\n", "{}\n",
        EVENT("ADDED", "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"}}"), "{\"type\":\"ADDED\"}\n", "x\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        end(state);
        begin(state);
        answer(asked("deployments"), LIST("10", OBJ("a", "1")));
        head(asked("watch=1"));
        bring(" \n\n" EVENT("ADDED", OBJ("b", "11")) "\n");
        struct err e = { 0 };
        if (bytes(asked("watch=1"), bad[i], strlen(bad[i]), &e) == ERR_OK)
            fail_msg("taken: %s", bad[i]);
        done(asked("watch=1"), e, 200);
        assert_int_equal(health(), SOURCE_STALE);
        assert_string_equal(held(), "a:1 b:11 ");
        pass(3000);
        assert_non_null(strstr(asked("watch=1")->path, "resourceVersion=11&"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(list_and_watch), TEST(a_watch_that_ends_in_time_is_continued),
        TEST(an_expired_token_begins_anew), TEST(a_list_is_authoritative),
        TEST(gone_after_every_list), TEST(short_watches_wait), TEST(cut_at_every_byte),
        TEST(half_an_event_is_an_error), TEST(events_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
