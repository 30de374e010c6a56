/* The lines of `kubectl rollout status`, first match wins: a row for each branch. */
#include "tests/unit/unit.h"

#include "core/judge/rollout.h"

static const struct {
    struct rollout_facts f;
    enum rollout_state state;
    const char *message;
} rows[] = {
#define D .kind = WORKLOAD_DEPLOYMENT, .name = "x", .progress_ms = TIME_NONE
    { { D, .generation = 2, .observed_generation = 1, .is_deadline_exceeded = true }, ROLLOUT_PROGRESSING,
      "Waiting for deployment spec update to be observed..." },
    { { D, .spec_replicas = 3, .is_deadline_exceeded = true }, ROLLOUT_FAILED,
      "deployment \"x\" exceeded its progress deadline" },
    { { D, .spec_replicas = 3, .updated = 1, .replicas = 4 }, ROLLOUT_PROGRESSING,
      "Waiting for deployment \"x\" rollout to finish: 1 out of 3 new replicas have been updated..." },
    { { D, .spec_replicas = 3, .updated = 3, .replicas = 4 }, ROLLOUT_PROGRESSING,
      "Waiting for deployment \"x\" rollout to finish: 1 old replicas are pending termination..." },
    { { D, .spec_replicas = 3, .updated = 3, .replicas = 3, .available = 2 }, ROLLOUT_PROGRESSING,
      "Waiting for deployment \"x\" rollout to finish: 2 of 3 updated replicas are available..." },
    { { D, .spec_replicas = 3, .updated = 3, .replicas = 3, .available = 3 }, ROLLOUT_COMPLETE,
      "deployment \"x\" successfully rolled out" },
    { { D, .spec_replicas = 3, .updated = 1, .replicas = 3, .is_paused = true }, ROLLOUT_PAUSED,
      "Waiting for deployment \"x\" rollout to finish: 1 out of 3 new replicas have been updated..." },
#define DS .kind = WORKLOAD_DAEMONSET, .name = "x", .progress_ms = TIME_NONE
    { { DS, .is_ondelete = true }, ROLLOUT_ONDELETE,
      "rollout status is only available for RollingUpdate strategy type" },
    { { DS, .generation = 2, .observed_generation = 1 }, ROLLOUT_PROGRESSING,
      "Waiting for daemon set spec update to be observed..." },
    { { DS, .desired_scheduled = 2, .updated = 1 }, ROLLOUT_PROGRESSING,
      "Waiting for daemon set \"x\" rollout to finish: 1 out of 2 new pods have been updated..." },
    { { DS, .desired_scheduled = 2, .updated = 2, .available = 1 }, ROLLOUT_PROGRESSING,
      "Waiting for daemon set \"x\" rollout to finish: 1 of 2 updated pods are available..." },
    { { DS, .desired_scheduled = 2, .updated = 2, .available = 2 }, ROLLOUT_COMPLETE,
      "daemon set \"x\" successfully rolled out" },
#define S .kind = WORKLOAD_STATEFULSET, .name = "x", .progress_ms = TIME_NONE, .current_revision = "a"
    { { S, .update_revision = "a", .is_ondelete = true }, ROLLOUT_ONDELETE,
      "rollout status is only available for RollingUpdate strategy type" },
    { { S, .update_revision = "a", .generation = 1 }, ROLLOUT_PROGRESSING,
      "Waiting for statefulset spec update to be observed..." },
    { { S, .update_revision = "a", .generation = 1, .observed_generation = 1, .spec_replicas = 3, .ready = 1 },
      ROLLOUT_PROGRESSING, "Waiting for 2 pods to be ready..." },
    { { S, .update_revision = "b", .observed_generation = 1, .spec_replicas = 3, .ready = 3,
        .has_partition = true, .partition = 1, .updated = 1 },
      ROLLOUT_PROGRESSING,
      "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated..." },
    { { S, .update_revision = "b", .observed_generation = 1, .spec_replicas = 3, .ready = 3,
        .has_partition = true, .partition = 1, .updated = 2 },
      ROLLOUT_COMPLETE, "partitioned roll out complete: 2 new pods have been updated..." },
    { { S, .update_revision = "b", .observed_generation = 1, .spec_replicas = 3, .ready = 3, .updated = 1 },
      ROLLOUT_PROGRESSING,
      "waiting for statefulset rolling update to complete 1 pods at revision b..." },
    { { S, .update_revision = "a", .observed_generation = 1, .spec_replicas = 3, .ready = 3, .replicas = 3 },
      ROLLOUT_COMPLETE, "statefulset rolling update complete 3 pods at revision a..." },
};

static void every_branch(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = { 0 };
        struct rollout r = rollout_judge(&rows[i].f, TIME_NONE, &a);
        if (r.state != rows[i].state || strcmp(r.message, rows[i].message) != 0)
            fail_msg("row %zu: %s: %s", i, rollout_state_name(r.state), r.message);
        arena_release(&a);
    }
}

/* After our own change an old ProgressDeadlineExceeded says nothing. */
static void old_deadline_is_ignored(void **state)
{
    (void)state;
    struct arena a = { 0 };
    struct rollout_facts f = { D, .spec_replicas = 1, .is_deadline_exceeded = true };
    f.progress_ms = 1000;
    assert_int_equal(rollout_judge(&f, 2000, &a).state, ROLLOUT_PROGRESSING);
    f.progress_ms = 3000;
    assert_int_equal(rollout_judge(&f, 2000, &a).state, ROLLOUT_FAILED);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_branch),
                                        cmocka_unit_test(old_deadline_is_ignored) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
