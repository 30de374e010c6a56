/* The pure parts of the simulator: its queue, its numbers, trees and patches, selectors, stories. */
#include "tests/unit/unit.h"

#include "core/base/text.h"
#include "core/sim/queue.h"
#include "core/sim/rand.h"
#include "core/sim/selector.h"
#include "core/sim/story.h"
#include "core/sim/tree.h"

static void act(struct world *w, uint64_t id, uint64_t arg)
{
    (void)w;
    (void)id;
    (void)arg;
}

static void queue_is_in_order(void **state)
{
    (void)state;
    struct sim_queue q = { 0 };
    struct sim_rand r;
    struct sim_due d, last = { .at_ms = -1 };
    sim_rand_seed(&r, 5);
    for (uint64_t i = 0; i < 5000; i++)
        sim_queue_add(&q, sim_rand_in(&r, 0, 300), act, i, 0);
    size_t n = 0;
    for (; sim_queue_take(&q, &d); n++) {
        assert_true(d.at_ms > last.at_ms || (d.at_ms == last.at_ms && d.seq > last.seq));
        last = d;
    }
    assert_int_equal(n, 5000);
    assert_null(sim_queue_first(&q));
    sim_queue_release(&q);
}

static void numbers_can_be_repeated(void **state)
{
    (void)state;
    struct sim_rand a, b, c;
    char one[37], two[37];
    sim_rand_seed(&a, 1);
    sim_rand_seed(&b, 1);
    sim_rand_seed(&c, 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sim_rand_next(&a), sim_rand_next(&b));
    assert_int_not_equal(sim_rand_next(&a), sim_rand_next(&c));
    sim_rand_next(&b);
    sim_rand_uid(&a, one);
    sim_rand_uid(&b, two);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '4');
    for (int i = 0; i < 1000; i++) {
        int64_t v = sim_rand_in(&a, -3, 3);
        assert_true(v >= -3 && v <= 3);
        double u = sim_unit(sim_mix(7, (uint64_t)i));
        assert_true(u >= 0 && u < 1);
    }
    sim_rand_suffix(&a, one, 5);
    assert_int_equal(strspn(one, "bcdfghjklmnpqrstvwxz2456789"), 5);
}

static cJSON *tree(const char *text)
{
    cJSON *t = NULL;
    struct err e = { 0 };
    if (tree_parse(text, strlen(text), &t, &e))
        fail_msg("%s: %s", text, e.text);
    return t;
}

static void trees_are_read_and_written(void **state)
{
    (void)state;
    cJSON *t = tree("{\"a\":{\"b.c\":\"x\",\"n\":5},\"is\":true}"), *none = NULL;
    assert_int_equal(tree_int(t, "a.n", 0), 5);
    assert_int_equal(tree_int(t, "a.m", -1), -1);
    assert_string_equal(tree_str(tree_get(t, "a"), "b"), "");
    assert_string_equal(tree_get(tree_at(t, "a"), "b.c")->valuestring, "x");
    assert_true(tree_is_true(t, "is"));
    tree_set_int(tree_make(t, "x.y"), "z", 7);
    assert_int_equal(tree_int(t, "x.y.z", 0), 7);
    tree_drop(t, "x");
    assert_null(tree_at(t, "x.y.z"));
    cJSON_Delete(t);
    static const char *const bad[] = { "", "{", "{\"a\":1,\"a\":2}", "{\"a\":01}", "\xff", "{} x" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_not_equal(tree_parse(bad[i], strlen(bad[i]), &none, NULL), ERR_OK);
}

static void patches(void **state)
{
    (void)state;
    static const struct {
        enum tree_patch how;
        const char *before, *patch, *after; /* NULL: it cannot be done */
    } t[] = {
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]", "{\"a\":2}" },
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":2}]", NULL },
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":[1]},{\"op\":\"add\",\"path\":\"/b/-\",\"value\":2}]", "{\"a\":1,\"b\":[1,2]}" },
        { PATCH_JSON, "{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2,3]}" },
        { PATCH_JSON, "{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/3\",\"value\":2}]", NULL },
        { PATCH_JSON, "{\"a\":[1,3]}", "[{\"op\":\"replace\",\"path\":\"/a/2\",\"value\":2}]", NULL },
        { PATCH_JSON, "{\"a\":[1,3]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[3]}" },
        { PATCH_JSON, "{\"a/b\":{\"c~\":1}}", "[{\"op\":\"test\",\"path\":\"/a~1b/c~0\",\"value\":1}]", "{\"a/b\":{\"c~\":1}}" },
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":\"1\"}]", NULL },
        { PATCH_JSON, "{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]", "{\"a\":{},\"c\":1}" },
        { PATCH_JSON, "{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL },
        { PATCH_JSON, "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", NULL },
        { PATCH_JSON, "{\"a\":1}", "[3]", NULL },
        { PATCH_JSON, "{\"a\":1}", "{}", NULL },
        { PATCH_MERGE, "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":null,\"d\":{\"e\":null,\"f\":3}}}", "{\"a\":{\"c\":2,\"d\":{\"f\":3}}}" },
        { PATCH_MERGE, "{\"a\":[{\"name\":\"x\"}]}", "{\"a\":[{\"name\":\"y\"}]}", "{\"a\":[{\"name\":\"y\"}]}" },
        { PATCH_MERGE, "{}", "[]", NULL },
        { PATCH_STRATEGIC, "{\"a\":[{\"name\":\"x\",\"v\":1,\"w\":2}]}", "{\"a\":[{\"name\":\"x\",\"v\":3},{\"name\":\"y\"}]}", "{\"a\":[{\"name\":\"x\",\"v\":3,\"w\":2},{\"name\":\"y\"}]}" },
        { PATCH_STRATEGIC, "{\"a\":[{\"name\":\"x\"},{\"name\":\"y\"}]}", "{\"a\":[{\"name\":\"x\",\"$patch\":\"delete\"}]}", "{\"a\":[{\"name\":\"y\"}]}" },
        { PATCH_STRATEGIC, "{\"a\":{\"b\":1}}", "{\"a\":{\"$patch\":\"replace\",\"c\":2}}", "{\"a\":{\"c\":2}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        cJSON *at = tree(t[i].before), *patch = tree(t[i].patch);
        struct err e = { 0 };
        enum err_code rc = tree_patch(&at, patch, t[i].how, &e);
        if ((rc == ERR_OK) != (t[i].after != NULL))
            fail_msg("%s of %s: %d %s", t[i].patch, t[i].before, rc, e.text);
        cJSON *after = t[i].after ? tree(t[i].after) : NULL;
        if (after && !tree_equal(at, after))
            fail_msg("%s of %s: %s", t[i].patch, t[i].before, cJSON_PrintUnformatted(at));
        cJSON_Delete(after);
        cJSON_Delete(patch);
        cJSON_Delete(at);
    }
}

static void selectors(void **state)
{
    (void)state;
    static const char text[] = "{\"metadata\":{\"name\":\"web-1\",\"labels\":{\"app\":\"web\",\"tier\":\"front\"}},\"status\":{\"phase\":\"Running\"}}";
    static const struct {
        const char *selector;
        bool is_field, selects;
    } t[] = {
        { "", false, true },           { "app=web", false, true },        { "app==web,tier=front", false, true },
        { "app!=web", false, false },  { "other!=web", false, true },     { "app", false, true },
        { "!app", false, false },      { "!other", false, true },         { "app in (db, web)", false, true },
        { "app in(db)", false, false }, { "app notin (db)", false, true }, { "app notin (db,web)", false, false },
        { "other notin (x)", false, true }, { "metadata.name=web-1", true, true }, { "status.phase!=Running", true, false },
        { "metadata.name=web-1,status.phase=Running", true, true }, { "spec.nodeName=x", true, false },
    };
    struct json_span object = { text, sizeof text - 1 };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct selector s;
        assert_int_equal(selector_parse(t[i].selector, &s, NULL), ERR_OK);
        if ((t[i].is_field ? selector_has_fields : selector_has_labels)(&s, object) != t[i].selects)
            fail_msg("%s", t[i].selector);
        selector_release(&s);
    }
    static const char *const bad[] = { "=", "a=b=c", "a in b", "a in (b", "a (b)", ",", "a,,b", "!", "a in ()b" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct selector s;
        if (selector_parse(bad[i], &s, NULL) == ERR_OK)
            fail_msg("%s", bad[i]);
    }
}

static void story_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s; /* -1: none */
    } t[] = { { "T+0:00", 0 }, { "T+1:30", 90 }, { "T+12:00", 720 }, { "T+1:02:03", 3723 }, { "T-", -1 }, { "T+5", -1 },
              { "1:00", -1 }, { "T+1:60", -1 }, { "T+1:00:", -1 }, { "T+1:00x", -1 }, { "T+:1", -1 }, { "T+1:2:3:4", -1 } };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        int64_t ms = -1000;
        if (story_time(t[i].text, &ms) != (t[i].s >= 0) || ms != t[i].s * 1000)
            fail_msg("%s: %lld", t[i].text, (long long)ms);
    }
    int64_t ms;
    assert_true(story_time("T-0:30", &ms));
    assert_int_equal(ms, -30000);
}

static void all_stories_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; story_names[i]; i++) {
        struct story s;
        struct err e = { 0 };
        if (story_parse(story_names[i], story_embedded(NULL, story_names[i]), story_embedded, NULL, &s, &e))
            fail_msg("%s", e.text);
        assert_int_equal(s.n_services, 7);
        assert_true(s.n_steps >= 2);
        assert_string_equal(s.ns, "shop");
        for (size_t k = 0; k < s.n_steps; k++) { /* a caption is read in 80 columns */
            if (s.steps[k].act == STEP_CAPTION && text_width(s.steps[k].text) > 78)
                fail_msg("%s: too long: %s", story_names[i], s.steps[k].text);
        }
        story_release(&s);
    }
}

static void wrong_stories(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } t[] = {
        { "services: {a: {nonsense: 1}}", "x:1:16: unknown key nonsense" },
        { "\"\": 1", "x:1:1: unknown key" },
        { "services: {a: {replicas: many}}", "a number" },
        { "services: {A_b: {}}", "a service's name" },
        { "services: {a: {kind: job}}", "no such kind: job" },
        { "services: {a: {errors: lots}}", "a share" },
        { "services: {a: {p95: fast}}", "a span" },
        { "services: {a: {rows: [{every: 1ms}]}}", "100ms at the least" },
        { "services: {a: {}}\nsteps: [{at: soon, do: caption}]", "a time such as" },
        { "services: {a: {}}\nsteps: [{at: \"T+0:01\", do: dance}]", "do: deploy" },
        { "services: {a: {}}\nsteps: [{at: \"T+0:01\", do: deploy, service: b, version: c}]", "no such service: b" },
        { "services: {a: {}}\nsteps: [{at: \"T+0:01\", do: deploy, service: a}]", "a version is wanted" },
        { "platform: nope", "no such platform: nope" },
        { "namespace: shop", "a service" },
        { "[]", "a map is wanted" },
        { "", "a map is wanted" },
        { "services: {a: {}", "x:" },
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct story s;
        struct err e = { 0 };
        assert_int_equal(story_parse("x", t[i].text, story_embedded, NULL, &s, &e), ERR_CONFIG);
        if (!strstr(e.text, t[i].says))
            fail_msg("%s: %s", t[i].text, e.text);
    }
}

static void versions_by_their_tags(void **state)
{
    (void)state;
    struct story s;
    assert_int_equal(story_parse("x", "services: {a: {p95: 70ms, versions: {\"2\": {p95: 90ms}}}}", story_embedded, NULL, &s, NULL), ERR_OK);
    struct sim_service *a = story_service(&s, "a");
    assert_int_equal(story_version(&s, a, "2")->p95_ms, 90);
    assert_int_equal(story_version(&s, a, "3")->p95_ms, 70);
    assert_ptr_equal(story_version(&s, a, "3"), story_version(&s, a, "3"));
    assert_true(story_version(&s, a, "pullfail-1")->is_never_pulled);
    assert_int_equal(story_version(&s, a, "oom")->crash_exit, 137);
    assert_null(story_service(&s, "b"));
    story_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_is_in_order),  cmocka_unit_test(numbers_can_be_repeated), cmocka_unit_test(trees_are_read_and_written),
        cmocka_unit_test(patches),            cmocka_unit_test(selectors),               cmocka_unit_test(story_times),
        cmocka_unit_test(all_stories_can_be_read), cmocka_unit_test(wrong_stories),      cmocka_unit_test(versions_by_their_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
