/*
 * List, watch and audit against a transport that this file plays: requests wait in a table until a test
 * answers them, and time moves when a test says so.  The names follow client-go's reflector_test.go where
 * it has one.  Real sockets are in tests/it.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/loop.h"
#include "core/sources/kube_view.h"
#include "core/sources/kube_watch.h"

/* ---- the transport: what core/sources/kube.c does with sockets ---- */

struct kube_req {
    struct kube_spec spec;
    char *path;
    bool is_open;
};
enum { MOST = 4096 };
static struct kube_req *reqs[MOST];
static size_t n_reqs;

struct kube_req *kube_request(struct kube *k, const struct kube_spec *spec)
{
    struct kube_req *r = x_calloc(1, sizeof *r);
    (void)k;
    *r = (struct kube_req){ *spec, x_strdup(spec->path), true };
    assert_true(n_reqs < MOST);
    return reqs[n_reqs++] = r;
}

void kube_cancel(struct kube_req *r)
{
    if (r)
        r->is_open = false;
}

void kube_escape(struct buf *out, const char *s)
{
    buf_adds(out, s);
}

char *kube_path(const char *group, const char *resource, const char *ns, const char *name, const char *query)
{
    return x_asprintf("%s/%s/%s%s%s%s%s", group, ns ? ns : "", resource, name ? "/" : "", name ? name : "",
                      query ? "?" : "", query ? query : "");
}

/* ---- time, and what is looked at ---- */

static int64_t now_ms;
static struct loop *loop;
static struct kube_watch *watch;
static struct kube_view *view;
static int n_changes, n_states;

static int64_t clock_now(void)
{
    return now_ms;
}

static void pass(int64_t ms)
{
    for (int64_t end = now_ms + ms; now_ms < end; now_ms += 50)
        loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static void on_change(void *ctx, struct kube_watch *w, enum watch_change c, struct watch_entry *en,
                      const struct kube_object *old)
{
    (void)ctx;
    n_changes++;
    kube_view_change(view, w, c, en, old);
}

static void on_state(void *ctx, struct kube_watch *w)
{
    (void)ctx;
    n_states++;
    kube_view_watch_state(view, w);
}

static struct kube_watch *watch_of(enum kube_kind kind)
{
    struct watch_hooks hooks = { .on_change = on_change, .on_state = on_state };
    struct kube_watch *w = kube_watch_new(loop, NULL, &watch_specs[kind], "shop", &hooks);
    kube_view_attach(view, w);
    kube_watch_start(w);
    return w;
}

static int begin(void **state)
{
    (void)state;
    now_ms = 1000000;
    clock_set(clock_now, clock_now);
    n_changes = n_states = 0;
    assert_int_equal(loop_new(&loop, NULL), ERR_OK);
    view = kube_view_new();
    watch = watch_of(KIND_DEPLOYMENT);
    pass(50);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kube_view_free(view);
    kube_watch_free(watch);
    loop_free(loop);
    for (size_t i = 0; i < n_reqs; i++) {
        free(reqs[i]->path);
        free(reqs[i]);
    }
    n_reqs = 0;
    clock_set(NULL, NULL);
    return 0;
}

/* The newest request with this in its path that waits for an answer. */
static struct kube_req *asked(const char *what)
{
    for (size_t i = n_reqs; i-- > 0;) {
        if (reqs[i]->is_open && strstr(reqs[i]->path, what))
            return reqs[i];
    }
    fail_msg("nobody asks for %s", what);
    return NULL;
}

static size_t count_of(const char *what)
{
    size_t n = 0;
    for (size_t i = 0; i < n_reqs; i++)
        n += strstr(reqs[i]->path, what) != NULL;
    return n;
}

static void head(struct kube_req *r)
{
    if (r->spec.on_head)
        r->spec.on_head(r->spec.ctx);
}

static enum err_code bytes(struct kube_req *r, const char *p, size_t n, struct err *e)
{
    return r->spec.on_body(r->spec.ctx, p, n, e);
}

static void done(struct kube_req *r, struct err e, int status)
{
    struct kube_result res = { .e = e, .status = status };
    r->is_open = false;
    r->spec.on_done(r->spec.ctx, &res);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static void answer(struct kube_req *r, const char *text)
{
    struct err e = { 0 };
    head(r);
    bytes(r, text, strlen(text), &e);
    done(r, e, 200);
}

static void refuse(struct kube_req *r, enum err_code code, int status)
{
    struct err e = { 0 };
    err_set(&e, code, status, "refused with %d", status);
    done(r, e, status);
}

#define OBJ(name, rv) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" rv "\"}}"
#define LIST(rv, items) "{\"metadata\":{\"resourceVersion\":\"" rv "\"},\"items\":[" items "]}"
#define PAGE(rv, token, items) "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"continue\":\"" token "\"},\"items\":[" items "]}"
#define EVENT(type, obj) "{\"type\":\"" type "\",\"object\":" obj "}\n"
#define GONE EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}")

static enum err_code bring(const char *events)
{
    struct err e = { 0 };
    return bytes(asked("watch=1"), events, strlen(events), &e);
}

/* "a:1 b:2": what is held, by name. */
static const char *held(void)
{
    static char text[4096];
    struct watch_entry *en, *next;
    char *names[64];
    size_t n = 0;
    HASH_ITER(hh, kube_watch_entries(watch), en, next) {
        char *one = x_asprintf("%s:%s ", en->obj->name, en->obj->rv);
        size_t at = n++;
        for (; at && strcmp(names[at - 1], one) > 0; at--)
            names[at] = names[at - 1];
        names[at] = one;
    }
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(text, names[i]);
        free(names[i]);
    }
    return text;
}

static enum source_state health(void)
{
    return kube_watch_health(watch).state;
}

static const char *log_line(const char *what)
{
    static struct log_entry en[64];
    size_t n = log_read(en, ARRAY_LEN(en), log_seq());
    for (size_t i = 0; i < n; i++) {
        if (strstr(en[i].text, what))
            return en[i].text;
    }
    return NULL;
}

static bool log_says(const char *what)
{
    return log_line(what) != NULL;
}

static void log_forget(void)
{
    for (int i = 0; i < 64; i++)
        log_put(LOG_INFO, "test", "-");
}

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

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        ROW(list_and_watch), ROW(a_watch_that_ends_in_time_is_continued), ROW(an_expired_token_begins_anew),
        ROW(a_list_is_authoritative), ROW(gone_after_every_list), ROW(short_watches_wait), ROW(cut_at_every_byte),
        ROW(half_an_event_is_an_error), ROW(events_that_are_none), ROW(a_blind_watch_is_found),
        ROW(an_audit_that_agrees_proves), ROW(an_audit_overlaps_with_the_watch), ROW(an_audit_that_counts),
        ROW(the_newest_events_are_kept), ROW(forbidden_pods_are_unknown),
        ROW(after_a_pause_nothing_is_live_until_proved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
