/* Audits: what a watch does not bring is found, and agreement is proof; and what is shown of it. */
#include "tests/unit/unit.h"

#include "tests/unit/watch.h"

/* ---- audits ---- */

#define AUDITED "deployments" /* without a query */

static struct kube_req *audit(void)
{
    pass(WATCH_AUDIT_MS);
    struct kube_req *r = asked("deployments");
    assert_null(strstr(r->path, "watch"));
    assert_non_null(strstr(r->spec.accept, "PartialObjectMetadataList"));
    return r;
}

/* Row 8: a watch from a future version is answered and silent; the audit sees what it does not bring. */
static void a_blind_watch_is_found(void **state)
{
    static const char *const audits[] = { LIST("5", OBJ("a", "1") "," OBJ("new", "4")), LIST("5", ""),
                                          LIST("5", OBJ("a", "3")) };
    static const char *const words[] = { "missed the new object", "missed the deletion of a", "missed a change of a" };
    for (size_t i = 0; i < ARRAY_LEN(audits); i++) {
        end(state);
        begin(state);
        log_forget();
        answer(asked("deployments"), LIST("900", OBJ("a", "1")));
        head(asked("watch=1"));
        answer(audit(), audits[i]);
        assert_int_equal(count_of("limit=500"), 1);
        pass(WATCH_GRACE_MS);
        assert_true(log_says(words[i]));
        assert_int_equal(count_of("limit=500"), 2);
    }
}

static void an_audit_that_agrees_proves(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("a", "1")));
    head(asked("watch=1"));
    int64_t before = kube_watch_health(watch).proved_ms;
    answer(audit(), LIST("11", OBJ("a", "1")));
    pass(50);
    assert_true(kube_watch_health(watch).proved_ms > before);
    assert_int_equal(count_of("limit=500"), 1);
}

/* While an audit is on its way the watch brings, changes and takes: before or after the server looked. */
static void an_audit_overlaps_with_the_watch(void **state)
{
    static const struct {
        const char *events, *seen;
    } rows[] = {
        { EVENT("ADDED", OBJ("b", "11")), OBJ("a", "1") },                      /* looked before */
        { EVENT("ADDED", OBJ("b", "11")), OBJ("a", "1") "," OBJ("b", "11") },
        { EVENT("DELETED", OBJ("a", "11")), OBJ("a", "1") },
        { EVENT("DELETED", OBJ("a", "11")), "" },
        { EVENT("MODIFIED", OBJ("a", "11")), OBJ("a", "1") },
        { EVENT("MODIFIED", OBJ("a", "11")), OBJ("a", "11") },
        { EVENT("MODIFIED", OBJ("a", "11")) EVENT("MODIFIED", OBJ("a", "12")), OBJ("a", "11") },
        { EVENT("ADDED", OBJ("b", "11")) EVENT("DELETED", OBJ("b", "12")), OBJ("a", "1") "," OBJ("b", "11") },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int when = 0; when < 3; when++) { /* before the answer, within it, after it */
            end(state);
            begin(state);
            log_forget();
            answer(asked("deployments"), LIST("10", OBJ("a", "1")));
            head(asked("watch=1"));
            struct kube_req *r = audit();
            char *text = x_asprintf("{\"metadata\":{\"resourceVersion\":\"12\"},\"items\":[%s]}", rows[i].seen);
            struct err e = { 0 };
            size_t half = strlen(text) / 2;
            if (when == 0)
                bring(rows[i].events);
            head(r);
            bytes(r, text, half, &e);
            if (when == 1)
                bring(rows[i].events);
            bytes(r, text + half, strlen(text) - half, &e);
            done(r, e, 200);
            if (when == 2)
                bring(rows[i].events);
            pass(WATCH_GRACE_MS + 1000);
            if (log_says("blind"))
                fail_msg("row %zu, %d: a false alarm", i, when);
            free(text);
        }
    }
}

static void answer_many(size_t from, size_t n, const char *rv)
{
    struct buf b = BUF_INIT(1024 * 1024);
    buf_addf(&b, "{\"metadata\":{\"resourceVersion\":\"%s\"},\"items\":[", rv);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s{\"metadata\":{\"name\":\"d%zu\",\"namespace\":\"shop\",\"uid\":\"u-d%zu\",\"resourceVersion\":\"1\"}}",
                 i ? "," : "", from + i, from + i);
    buf_adds(&b, "]}");
    answer(asked("deployments"), buf_str(&b));
    buf_release(&b);
}

/* Above a thousand only a count is asked for each minute. */
static void an_audit_that_counts(void **state)
{
    static const struct {
        const char *meta;
        const char *events; /* between the request and its answer */
        bool is_blind;
    } rows[] = {
        { "\"continue\":\"x\",\"remainingItemCount\":1199", "", false },
        { "\"continue\":\"x\",\"remainingItemCount\":1198", "", true },
        { "\"continue\":\"x\",\"remainingItemCount\":1200", "", true },
        { "\"continue\":\"x\"", "", false },           /* older servers and selectors do not count */
        { "\"x\":1", "", true },                       /* one, and no more: it is the whole list */
        { "\"continue\":\"x\",\"remainingItemCount\":1199", EVENT("ADDED", OBJ("b", "11")), false },
        { "\"continue\":\"x\",\"remainingItemCount\":1200", EVENT("ADDED", OBJ("b", "11")), false },
        { "\"continue\":\"x\",\"remainingItemCount\":1201", EVENT("ADDED", OBJ("b", "11")), true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        end(state);
        begin(state);
        log_forget();
        answer_many(0, 1200, "10");
        head(asked("watch=1"));
        int64_t before = kube_watch_health(watch).proved_ms;
        struct kube_req *r = audit();
        assert_non_null(strstr(r->path, "limit=1"));
        int64_t last = before;
        if (rows[i].events[0]) {
            bring(rows[i].events);
            last = kube_watch_health(watch).proved_ms;
        }
        char *text = x_asprintf("{\"metadata\":{\"resourceVersion\":\"12\",%s},\"items\":[%s]}", rows[i].meta, OBJ("d0", "1"));
        answer(r, text);
        free(text);
        pass(WATCH_GRACE_MS + 100);
        if (log_says("blind") != rows[i].is_blind)
            fail_msg("row %zu: %s", i, rows[i].is_blind ? "not found" : log_line("blind"));
        assert_int_equal(count_of("limit=500"), rows[i].is_blind ? 2 : 1);
        assert_int_equal(kube_watch_health(watch).proved_ms, last); /* a count proves nothing */
    }
}

/* ---- more Events than are kept ---- */

static void the_newest_events_are_kept(void **state)
{
    enum { ALL = 12345, SHUFFLE = 4567 };
    (void)state;
    kube_watch_free(watch);
    watch = NULL;
    kube_view_free(view);
    view = kube_view_new();
    watch = watch_of(KIND_EVENT);
    pass(50);
    struct buf b = BUF_INIT(16 * 1024 * 1024);
    buf_adds(&b, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[");
    for (int i = 0; i < ALL; i++) { /* in no order: SHUFFLE and ALL have no common factor */
        int at = (int)((int64_t)i * SHUFFLE % ALL);
        buf_addf(&b, "%s{\"metadata\":{\"name\":\"e%d\",\"namespace\":\"shop\",\"uid\":\"e%d\",\"resourceVersion\":\"1\"},"
                     "\"involvedObject\":{},\"lastTimestamp\":\"2026-01-%02dT%02d:%02d:%02dZ\"}",
                 i ? "," : "", at, at, 1 + at / 86400, at / 3600 % 24, at / 60 % 60, at % 60);
    }
    buf_adds(&b, "]}");
    answer(asked("events"), buf_str(&b));
    buf_release(&b);
    assert_in_range(kube_watch_count(watch), WATCH_EVENTS, WATCH_EVENTS + WATCH_EVENTS / 10);
    struct events *evs = kube_view_events(view);
    assert_int_equal(evs->n, EVENTS_KEPT);
    assert_int_equal(evs->n + (size_t)evs->dropped, ALL);
    for (size_t i = 0; i < evs->n; i++)
        assert_int_equal(evs->items[i]->last_ms - evs->items[0]->last_ms, -1000 * (int64_t)i);
    assert_int_equal(evs->items[0]->last_ms % 86400000, (int64_t)(ALL - 1) * 1000 % 86400000);
    section_unref(&evs->section);
    /* what is not held whole is not audited: each would be a difference */
    head(asked("watch=1"));
    size_t before = n_reqs;
    pass(3 * WATCH_AUDIT_MS);
    assert_int_equal(n_reqs, before);
}

/* ---- rights that end ---- */

static void forbidden_pods_are_unknown(void **state)
{
    (void)state;
    struct kube_watch *pods = watch_of(KIND_POD);
    pass(50);
    answer(asked("deployments"), LIST("10", "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\","
                                            "\"resourceVersion\":\"1\"},\"spec\":{\"replicas\":1},\"status\":{\"replicas\":1,"
                                            "\"updatedReplicas\":1,\"readyReplicas\":1,\"availableReplicas\":1}}"));
    answer(asked("pods"), LIST("10", ""));
    struct workloads *ws = kube_view_workloads(view, true, NULL, 0, 0);
    assert_int_equal(ws->n, 1);
    assert_int_equal(ws->items[0]->health, HEALTH_OK);
    assert_false(ws->items[0]->pods_unknown);
    section_unref(&ws->section);
    refuse(asked("pods?watch=1"), ERR_FORBIDDEN, 403);
    assert_int_equal(kube_watch_health(pods).state, SOURCE_FORBIDDEN);
    ws = kube_view_workloads(view, true, NULL, 0, 0);
    assert_non_null(ws);
    assert_true(ws->items[0]->pods_unknown);
    assert_int_equal(ws->items[0]->health, HEALTH_UNKNOWN);
    assert_int_equal(ws->n_health[HEALTH_OK], 0);
    section_unref(&ws->section);
    kube_view_free(view);
    kube_watch_free(pods);
    view = NULL;
}

/* ---- a pause ---- */

static void after_a_pause_nothing_is_live_until_proved(void **state)
{
    (void)state;
    answer(asked("deployments"), LIST("10", OBJ("a", "1")));
    head(asked("watch=1"));
    assert_int_equal(health(), SOURCE_LIVE);
    struct kube_req *old = asked("watch=1");
    kube_watch_doubt(watch);
    assert_int_equal(health(), SOURCE_STALE);
    assert_false(old->is_open);
    pass(50);
    assert_non_null(strstr(asked("watch=1")->path, "resourceVersion=10&"));
    assert_int_equal(health(), SOURCE_STALE);
    head(asked("watch=1"));
    assert_int_equal(health(), SOURCE_LIVE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_blind_watch_is_found), TEST(an_audit_that_agrees_proves),
        TEST(an_audit_overlaps_with_the_watch), TEST(an_audit_that_counts),
        TEST(the_newest_events_are_kept), TEST(forbidden_pods_are_unknown),
        TEST(after_a_pause_nothing_is_live_until_proved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
