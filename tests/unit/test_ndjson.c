/* Snapshots to lines: each thing once, again only when it has changed, and gone when it has gone. */
#include "tests/unit/unit.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/workload.h"
#include "core/report/ndjson.h"

static struct buf out;
static struct ndjson *stream;

static int set_up(void **state)
{
    (void)state;
    out = BUF_INIT(1024 * 1024);
    stream = ndjson_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&out);
    ndjson_free(stream);
    return 0;
}

static struct ident *ident(const char *caption, int64_t story_ms)
{
    static const char *const namespaces[] = { "a", "b\"c" };
    struct ident *id = section_new(sizeof *id, NULL);
    id->context = "demo";
    id->namespaces = namespaces;
    id->n_namespaces = 2;
    id->caption = caption;
    id->story_ms = story_ms;
    return id;
}

static struct workloads *workloads(int64_t ready, enum health pod_health, size_t n)
{
    struct workloads *ws = workloads_new(n);
    ws->is_synced = true;
    for (size_t i = 0; i < n; i++) {
        struct workload *w = workload_new();
        w->id = i ? "deployment.apps/a/other" : "deployment.apps/a/web";
        w->ns = "a";
        w->name = i ? "other" : "web";
        w->ready = ready;
        w->pods = arena_alloc(&w->arena, sizeof *w->pods);
        struct pod *p = pod_new();
        p->ns = "a";
        p->name = i ? "other-1" : "web-1";
        p->status = pod_health == HEALTH_OK ? "Running" : "CrashLoopBackOff";
        p->problem = p->status;
        p->health = pod_health;
        w->pods[w->n_pods++] = p;
        ws->items[ws->n++] = w;
    }
    return ws;
}

/* The lines for one more snapshot; each must be a JSON object on a line of its own. */
static const char *add(struct ident *id, struct workloads *ws, struct errors *es)
{
    struct snap *s = snap_new(NULL);
    struct err e = { 0 };
    struct json_span doc;
    if (id)
        snap_set(s, SECTION_IDENT, id);
    if (ws)
        snap_set(s, SECTION_WORKLOADS, ws);
    if (es)
        snap_set(s, SECTION_ERRORS, es);
    buf_clear(&out);
    ndjson_add(stream, s, 1764000065000, &out);
    snap_unref(s);
    for (const char *line = buf_str(&out); *line;) {
        size_t n = strcspn(line, "\n");
        if (json_check(line, n, &doc, &e) || json_kind(doc) != JSON_OBJECT || line[n] != '\n')
            fail_msg("%s: %s", e.text, line);
        line += n + 1;
    }
    return buf_str(&out);
}

static void what_has_changed(void **state)
{
    (void)state;
    const char *s = add(ident("", TIME_NONE), workloads(2, HEALTH_OK, 2), NULL);
    assert_non_null(strstr(s, "{\"type\":\"begin\",\"time\":\"2025-11-24T16:01:05Z\",\"schema\":\"bakewatch/stream/v1\",\"context\":\"demo\",\"namespaces\":[\"a\",\"b\\\"c\"]}\n"));
    assert_non_null(strstr(s, "{\"type\":\"workload\",\"time\":\"2025-11-24T16:01:05Z\",\"id\":\"deployment.apps/a/web\",\"kind\":\"Deployment\""));
    assert_null(strstr(s, "caption"));
    assert_null(strstr(s, "\"pod\""));
    assert_string_equal(add(ident("", TIME_NONE), workloads(2, HEALTH_OK, 2), NULL), "");
    s = add(NULL, workloads(1, HEALTH_FAIL, 2), NULL);
    assert_non_null(strstr(s, "\"ready\":1,"));
    assert_non_null(strstr(s, "{\"type\":\"pod\",\"time\":\"2025-11-24T16:01:05Z\",\"id\":\"a/web-1\",\"workload\":\"deployment.apps/a/web\",\"status\":\"CrashLoopBackOff\""));
    s = add(NULL, workloads(2, HEALTH_OK, 2), NULL); /* a pod that was ill is said to be well */
    assert_non_null(strstr(s, "\"id\":\"a/web-1\",\"workload\":\"deployment.apps/a/web\",\"status\":\"Running\""));
    s = add(NULL, workloads(2, HEALTH_OK, 1), NULL);
    assert_non_null(strstr(s, "{\"type\":\"workload\",\"time\":\"2025-11-24T16:01:05Z\",\"id\":\"deployment.apps/a/other\",\"gone\":true}\n"));
    assert_non_null(strstr(s, "\"id\":\"a/other-1\",\"gone\":true}\n"));
    assert_null(strstr(s, "web"));
}

static void a_story(void **state)
{
    (void)state;
    const char *s = add(ident("press x", 1764000000000), NULL, NULL);
    assert_non_null(strstr(s, "{\"type\":\"caption\",\"time\":\"2025-11-24T16:01:05Z\",\"t\":65,\"text\":\"press x\"}\n"));
    assert_string_equal(add(ident("press x", 1764000000000), NULL, NULL), "");
    assert_non_null(strstr(add(ident("", 1764000000000), NULL, NULL), "\"text\":\"\"}\n"));
}

static struct errors *errors(const char *message)
{
    struct errors *es = errors_new(1);
    struct error_row *r = error_row_new();
    r->id = 7;
    r->nulls &= ~(1u << COLUMN_MESSAGE);
    r->message = message;
    es->items[es->n++] = (struct error_item){ .row = r, .workload = "deployment.apps/a/web", .group = SIZE_MAX };
    es->is_synced = true;
    return es;
}

static void errors_and_their_changes(void **state)
{
    (void)state;
    assert_non_null(strstr(add(NULL, NULL, errors("no \x1b[31mway")), "\"row\":{\"event\":\"row\",\"id\":7,"));
    assert_string_equal(add(NULL, NULL, errors("no \x1b[31mway")), "");
    assert_non_null(strstr(add(NULL, NULL, errors("way")), "\"error_message\":\"way\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_story, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_and_their_changes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
