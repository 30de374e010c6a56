/* Kubernetes objects to rows: what pods say is wrong, and what hostile objects do. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/judge/rollout.h"
#include "core/sources/kube_auth.h"
#include "core/sources/kube_decode.h"

static struct pod *decode(const char *spec, const char *status)
{
    static char text[8192];
    struct json_span doc;
    struct pod *p = NULL;
    struct err e = { 0 };
    snprintf(text, sizeof text,
             "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":\"1\",\"labels\":"
             "{\"pod-template-hash\":\"h\"},\"ownerReferences\":[{\"uid\":\"x\"},{\"uid\":\"rs\","
             "\"kind\":\"ReplicaSet\",\"name\":\"r\",\"controller\":true}]},\"spec\":%s,\"status\":%s}", spec, status);
    if (json_check(text, strlen(text), &doc, &e) || kube_decode_pod(json_get(doc, "metadata"), json_get(doc, "spec"), json_get(doc, "status"),
                                                                       &p, &e))
        fail_msg("%s", e.text);
    return p;
}

#define ONE "{\"containers\":[{\"name\":\"app\"}]}"
#define INIT "{\"initContainers\":[{\"name\":\"mig\"}],\"containers\":[{\"name\":\"app\"}]}"
#define CS(state) "{\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"app\",\"restartCount\":4," state "}]}"

static const struct {
    const char *spec, *status, *words, *problem, *key;
    enum health health;
} pods[] = {
    { ONE, "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
           "\"containerStatuses\":[{\"name\":\"app\",\"ready\":true,\"state\":{\"running\":{}}}]}",
      "Running", "", "", HEALTH_OK },
    { ONE, CS("\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":1,\"reason\":\"Error\"}}"),
      "CrashLoopBackOff", "CrashLoopBackOff: app exited 1 (Error), 4 restarts", "CrashLoopBackOff", HEALTH_FAIL },
    { ONE, CS("\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":137,\"reason\":\"OOMKilled\"}}"),
      "CrashLoopBackOff", "OOMKilled: app exited 137, 4 restarts", "OOMKilled", HEALTH_FAIL },
    { ONE, "{\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\",\"message\":\"no such image\"}}}]}",
      "ImagePullBackOff", "ImagePullBackOff: app: no such image", "ImagePullBackOff", HEALTH_FAIL },
    { ONE, "{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\",\"message\":\"0/1 nodes\"}]}",
      "Pending", "Unschedulable: 0/1 nodes", "Unschedulable", HEALTH_FAIL },
    { INIT, "{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"mig\",\"restartCount\":2,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":3}}}]}",
      "Init:CrashLoopBackOff", "CrashLoopBackOff: init container mig exited 3, 2 restarts", "CrashLoopBackOff", HEALTH_FAIL },
    { INIT, "{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"mig\",\"state\":{\"running\":{}}}]}",
      "Init:0/1", "", "NotReady", HEALTH_PROGRESS },
    { ONE, "{\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":\"low on memory\"}",
      "Evicted", "Evicted: low on memory", "Evicted", HEALTH_FAIL },
    { ONE, CS("\"state\":{\"terminated\":{\"exitCode\":139}}"), "Signal:11", "Signal:11: app exited 139", "Signal:11", HEALTH_FAIL },
    { ONE, "{\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"waiting\":{\"reason\":\"ContainerCreating\"}}}]}",
      "ContainerCreating", "", "NotReady", HEALTH_PROGRESS },
};

static void pods_say_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
        struct pod *p = decode(pods[i].spec, pods[i].status);
        if (strcmp(p->status, pods[i].words) || strcmp(p->problem, pods[i].problem) ||
            strcmp(p->problem_key, pods[i].key) || p->health != pods[i].health)
            fail_msg("row %zu: %s | %s | %s | %s", i, p->status, p->problem, p->problem_key, health_name(p->health));
        assert_string_equal(p->owner_uid, "rs");
        assert_string_equal(p->hash, "h");
        pod_unref(p);
    }
}

static void objects_without_identity(void **state)
{
    (void)state;
    static const char *const bad[] = { "{}", "{\"metadata\":{\"name\":\"x\"}}", "{\"metadata\":[]}",
                                       "{\"metadata\":{\"name\":1,\"uid\":\"u\"}}", "{\"Metadata\":{\"name\":\"x\",\"uid\":\"u\"}}" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (int k = 0; k < N_KINDS; k++) {
            struct json_span doc;
            struct kube_object *o = NULL;
            assert_int_equal(json_check(bad[i], strlen(bad[i]), &doc, NULL), ERR_OK);
            assert_int_equal(kube_decode((enum kube_kind)k, doc, &o, NULL), ERR_PARSE);
            assert_null(o);
        }
    }
}

/* Any shape below the right names is read as "not there". */
static void wrong_shapes_are_absent(void **state)
{
    (void)state;
    const char *s = "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\",\"labels\":7,\"annotations\":[1],\"ownerReferences\":{},"
                    "\"creationTimestamp\":\"soon\",\"generation\":\"2\"},\"spec\":{\"replicas\":\"three\",\"template\":[],"
                    "\"containers\":{},\"selector\":[]},\"status\":{\"conditions\":{},\"replicas\":1e3,\"containerStatuses\":[7,null]},"
                    "\"involvedObject\":\"x\",\"series\":[],\"revision\":-5}";
    struct json_span doc;
    assert_int_equal(json_check(s, strlen(s), &doc, NULL), ERR_OK);
    for (int k = 0; k < N_KINDS; k++) {
        struct kube_object *o = NULL;
        assert_int_equal(kube_decode((enum kube_kind)k, doc, &o, NULL), ERR_OK);
        assert_int_equal(o->created_ms, TIME_NONE);
        kube_object_free(o);
    }
}

/* Counts as large as JSON can write them: nothing overflows (UBSan watches), nothing is negative. */
static void giant_numbers(void **state)
{
    static const char *const giants[] = { "9223372036854775807", "-9223372036854775808", "2147483648", "1e308" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(giants); i++) {
        char *text = x_asprintf(
            "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\",\"generation\":%1$s},\"spec\":{\"replicas\":%1$s,\"updateStrategy\":"
            "{\"rollingUpdate\":{\"partition\":%1$s}}},\"status\":{\"observedGeneration\":%1$s,\"replicas\":%1$s,"
            "\"updatedReplicas\":%1$s,\"readyReplicas\":%1$s,\"availableReplicas\":%1$s,\"unavailableReplicas\":%1$s,"
            "\"desiredNumberScheduled\":%1$s,\"updatedNumberScheduled\":%1$s,\"numberAvailable\":%1$s,\"numberReady\":%1$s},"
            "\"revision\":%1$s,\"involvedObject\":{},\"count\":%1$s,\"series\":{\"count\":%1$s}}", giants[i]);
        for (int k = 0; k < N_KINDS; k++) {
            struct json_span doc;
            struct kube_object *o = NULL;
            struct arena a = { 0 };
            assert_int_equal(json_check(text, strlen(text), &doc, NULL), ERR_OK);
            assert_int_equal(kube_decode((enum kube_kind)k, doc, &o, NULL), ERR_OK);
            assert_true(o->desired >= -1 && o->desired <= INT32_MAX); /* -1: this kind does not say */
            assert_true(o->ready >= -1 && o->ready <= INT32_MAX);
            if (k == KIND_DEPLOYMENT || k == KIND_STATEFULSET || k == KIND_DAEMONSET)
                assert_non_null(rollout_judge(&o->facts, TIME_NONE, &a).message);
            if (k == KIND_EVENT)
                assert_in_range(o->event->count, 0, INT32_MAX);
            arena_release(&a);
            kube_object_free(o);
        }
        free(text);
        text = x_asprintf("{\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"app\",\"restartCount\":%1$s,\"lastState\":"
                          "{\"terminated\":{\"exitCode\":%1$s,\"signal\":%1$s}}},{\"name\":\"two\",\"restartCount\":%1$s}]}", giants[i]);
        struct pod *p = decode("{\"containers\":[{\"name\":\"app\"},{\"name\":\"two\"}]}", text);
        assert_in_range(p->restarts, 0, 2 * (int64_t)INT32_MAX);
        pod_unref(p);
        free(text);
    }
}

static void quantities(void **state)
{
    (void)state;
    int64_t m;
    assert_true(kube_parse_quantity("250m", 4, &m) && m == 250);
    assert_true(kube_parse_quantity("1", 1, &m) && m == 1000);
    assert_true(kube_parse_quantity("1500000n", 8, &m) && m == 1);
    assert_true(kube_parse_quantity("1Ki", 3, &m) && m == 1024000);
    assert_false(kube_parse_quantity("x", 1, &m));
    assert_false(kube_parse_quantity("1e400", 5, &m));
    assert_false(kube_parse_quantity("1Zi", 3, &m));
}

static enum err_code credential(const char *s, struct exec_credential *c)
{
    return exec_credential_decode(s, strlen(s), "client.authentication.k8s.io/v1", c, NULL);
}

static void exec_credentials(void **state)
{
    (void)state;
#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":"
    struct exec_credential c;
    assert_int_equal(credential(HEAD "{\"token\":\"t\",\"expirationTimestamp\":\"2030-01-01T00:00:00Z\"}}", &c), ERR_OK);
    assert_string_equal(c.token, "t");
    assert_true(c.expires_ms > 0);
    exec_credential_release(&c);
    assert_int_equal(credential(HEAD "{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}", &c), ERR_OK);
    assert_int_equal(c.expires_ms, TIME_NONE);
    exec_credential_release(&c);
    static const char *const bad[] = {
        "", "x", "{}", HEAD "{}}", HEAD "{\"clientCertificateData\":\"c\"}}", HEAD "{\"clientKeyData\":\"k\"}}",
        HEAD "{\"token\":\"t\",\"expirationTimestamp\":\"never\"}}",
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"t\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(credential(bad[i], &c), ERR_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pods_say_what_is_wrong), cmocka_unit_test(objects_without_identity),
        cmocka_unit_test(wrong_shapes_are_absent), cmocka_unit_test(giant_numbers), cmocka_unit_test(quantities),
        cmocka_unit_test(exec_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
