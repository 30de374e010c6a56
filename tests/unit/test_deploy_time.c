/* Since when a workload's template is in force: from ReplicaSets and ControllerRevisions as the API
 * gives them, after rollouts and after undos that reused what was there. */
#include "tests/unit/unit.h"

#include "core/base/json.h"
#include "core/sources/kube_decode.h"
#include "core/sources/kube_view_build.h"

static struct kube_object *object(enum kube_kind kind, const char *text)
{
    struct json_span doc;
    struct kube_object *o = NULL;
    struct err e = { 0 };
    if (json_check(text, strlen(text), &doc, &e) || kube_decode(kind, doc, &o, &e))
        fail_msg("%s in %s", e.text, text);
    return o;
}

/* Times are minutes past ten; 0 = the field is absent. */
struct made {
    int number, created, written;
    bool is_reused;
};
static const struct {
    const char *why;
    enum kube_kind kind;
    int progress, template;
    struct made revisions[2]; /* the first is in force */
    int pods[3];              /* of it */
    int want;
} rows[] = {
    { "a first rollout", KIND_DEPLOYMENT, 12, 10, { { 1, 10, 0, false } }, { 10, 10, 30 }, 10 },
    { "a rollout", KIND_DEPLOYMENT, 21, 20, { { 2, 20, 0, false }, { 1, 10, 0, false } }, { 20, 20 }, 20 },
    { "an undo of what went out whole", KIND_DEPLOYMENT, 33, 0, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 30, 31 }, 30 },
    { "an undo of what got no pod away", KIND_DEPLOYMENT, 30, 0, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 10, 10 }, 30 },
    { "an undo of what got one pod away", KIND_DEPLOYMENT, 32, 0, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 10, 30 }, 30 },
    { "pods that were replaced since", KIND_DEPLOYMENT, 32, 0, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 50, 55 }, 32 },
    { "who wrote the template", KIND_DEPLOYMENT, 32, 29, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 50 }, 29 },
    { "who wrote it before the last rollout", KIND_DEPLOYMENT, 32, 10, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 50 }, 32 },
    { "an undo of an undo", KIND_DEPLOYMENT, 42, 0, { { 4, 20, 0, true }, { 3, 10, 0, true } }, { 40, 41 }, 40 },
    { "no condition, no pod", KIND_DEPLOYMENT, 0, 0, { { 3, 10, 0, true }, { 2, 20, 0, false } }, { 0 }, 20 },
    { "a StatefulSet", KIND_STATEFULSET, 0, 10, { { 1, 10, 10, false } }, { 10, 30 }, 10 },
    { "its undo, old API server", KIND_STATEFULSET, 0, 30, { { 3, 10, 10, false }, { 2, 20, 20, false } }, { 10, 31 }, 30 },
    { "its undo, nothing said", KIND_STATEFULSET, 0, 0, { { 3, 10, 0, false }, { 2, 20, 0, false } }, { 10, 31 }, 31 },
    { "its undo, newer API server", KIND_STATEFULSET, 0, 50, { { 3, 10, 30, false }, { 2, 20, 20, false } }, { 10, 31 }, 30 },
    { "a DaemonSet's undo of an undo", KIND_DAEMONSET, 0, 50, { { 4, 20, 40, false }, { 3, 10, 30, false } }, { 45 }, 40 },
};

static const char *fields(int minute, const char *field)
{
    static char text[256];
    text[0] = '\0';
    if (minute)
        snprintf(text, sizeof text, ",\"managedFields\":[{\"manager\":\"a\",\"time\":\"2026-01-01T10:%02d:00Z\",\"fieldsV1\":{%s}},"
                 "{\"manager\":\"b\",\"time\":\"2026-01-01T09:00:00Z\"}]", minute, field);
    return text;
}

static struct kube_object *workload(enum kube_kind kind, int number, int progress, int template)
{
    static char text[2048];
    char condition[200] = "";
    if (progress)
        snprintf(condition, sizeof condition, "{\"type\":\"Progressing\",\"reason\":\"NewReplicaSetAvailable\",\"lastUpdateTime\":\"2026-01-01T10:%02d:00Z\"}", progress);
    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"w\",\"uid\":\"w\",\"namespace\":\"n\",\"annotations\":{"
             "\"deployment.kubernetes.io/revision\":\"%d\"}%s},\"spec\":{\"replicas\":2},\"status\":{\"updateRevision\":\"r0\",\"conditions\":[%s]}}",
             number, fields(template, "\"f:spec\":{\"f:template\":{\"f:spec\":{}}}"), condition);
    return object(kind, text);
}

static struct kube_object *revision(enum kube_kind of, int i, struct made m)
{
    static char text[2048];
    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"r%d\",\"uid\":\"r%d\",\"creationTimestamp\":\"2026-01-01T10:%02d:00Z\","
             "\"labels\":{\"pod-template-hash\":\"r%d\",\"controller-revision-hash\":\"r%d\"},\"annotations\":{"
             "\"deployment.kubernetes.io/revision\":\"%d\"%s}%s},\"revision\":%d}", i, i, m.created, i, i, m.number,
             m.is_reused ? ",\"deployment.kubernetes.io/revision-history\":\"1\"" : "", fields(m.written, ""), m.number);
    return object(of == KIND_DEPLOYMENT ? KIND_REPLICASET : KIND_REVISION, text);
}

static struct kube_object *pod(int i, int created)
{
    static char text[512];
    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"p%d\",\"uid\":\"p%d\",\"creationTimestamp\":\"2026-01-01T10:%02d:00Z\","
             "\"labels\":{\"pod-template-hash\":\"r0\"}},\"spec\":{},\"status\":{}}", i, i, created);
    return object(KIND_POD, text);
}

static void in_force_since(void **state)
{
    (void)state;
    int64_t ten;
    assert_true(clock_parse_rfc3339("2026-01-01T10:00:00Z", 20, &ten));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kube_object *w = workload(rows[i].kind, rows[i].revisions[0].number, rows[i].progress, rows[i].template);
        struct kube_object *revisions[2], *pods[3];
        struct pod *held[3];
        struct parts p = { .workload = w, .revisions = (const struct kube_object *const *)revisions, .pods = held };
        for (int j = 0; j < 2 && rows[i].revisions[j].number; j++)
            revisions[p.n_revisions++] = revision(rows[i].kind, j, rows[i].revisions[j]);
        for (int j = 0; j < 3 && rows[i].pods[j]; j++) {
            pods[j] = pod(j, rows[i].pods[j]);
            held[p.n_pods++] = pods[j]->pod;
        }
        struct workload *built = kube_build_workload(&p);
        if (built->deployed_ms != ten + rows[i].want * 60000)
            fail_msg("%s: minute %lld, not %d", rows[i].why, (long long)(built->deployed_ms - ten) / 60000, rows[i].want);
        workload_unref(built);
        kube_object_free(w);
        for (size_t j = 0; j < p.n_revisions; j++)
            kube_object_free(revisions[j]);
        for (size_t j = 0; j < p.n_pods; j++)
            kube_object_free(pods[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_force_since) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
