#include "core/judge/rollout.h"

#include <inttypes.h>
#include <string.h>

#define N PRId64

static struct rollout is(enum rollout_state state, const char *message)
{
    return (struct rollout){ state, message };
}

static struct rollout deployment(const struct rollout_facts *f, int64_t ignore, struct arena *a)
{
    if (f->generation > f->observed_generation)
        return is(ROLLOUT_PROGRESSING, "Waiting for deployment spec update to be observed...");
    bool is_old = ignore != TIME_NONE && (f->progress_ms == TIME_NONE || f->progress_ms <= ignore);
    if (f->is_deadline_exceeded && !is_old)
        return is(ROLLOUT_FAILED, arena_printf(a, "deployment \"%s\" exceeded its progress deadline",
                                               f->name));
    if (f->updated < f->spec_replicas)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "Waiting for deployment \"%s\" rollout to finish: %" N
                                  " out of %" N " new replicas have been updated...",
                               f->name, f->updated, f->spec_replicas));
    if (f->replicas > f->updated)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "Waiting for deployment \"%s\" rollout to finish: %" N
                                  " old replicas are pending termination...",
                               f->name, f->replicas - f->updated));
    if (f->available < f->updated)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "Waiting for deployment \"%s\" rollout to finish: %" N " of %" N
                                  " updated replicas are available...",
                               f->name, f->available, f->updated));
    return is(ROLLOUT_COMPLETE, arena_printf(a, "deployment \"%s\" successfully rolled out", f->name));
}

static struct rollout daemonset(const struct rollout_facts *f, struct arena *a)
{
    if (f->is_ondelete)
        return is(ROLLOUT_ONDELETE,
                  "rollout status is only available for RollingUpdate strategy type");
    if (f->generation > f->observed_generation)
        return is(ROLLOUT_PROGRESSING, "Waiting for daemon set spec update to be observed...");
    if (f->updated < f->desired_scheduled)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "Waiting for daemon set \"%s\" rollout to finish: %" N
                                  " out of %" N " new pods have been updated...",
                               f->name, f->updated, f->desired_scheduled));
    if (f->available < f->desired_scheduled)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "Waiting for daemon set \"%s\" rollout to finish: %" N " of %" N
                                  " updated pods are available...",
                               f->name, f->available, f->desired_scheduled));
    return is(ROLLOUT_COMPLETE, arena_printf(a, "daemon set \"%s\" successfully rolled out", f->name));
}

static struct rollout statefulset(const struct rollout_facts *f, struct arena *a)
{
    if (f->is_ondelete)
        return is(ROLLOUT_ONDELETE,
                  "rollout status is only available for RollingUpdate strategy type");
    if (f->observed_generation == 0 || f->generation > f->observed_generation)
        return is(ROLLOUT_PROGRESSING, "Waiting for statefulset spec update to be observed...");
    if (f->ready < f->spec_replicas)
        return is(ROLLOUT_PROGRESSING, arena_printf(a, "Waiting for %" N " pods to be ready...",
                                                    f->spec_replicas - f->ready));
    if (f->has_partition) {
        int64_t wanted = f->spec_replicas - f->partition;
        if (f->updated < wanted)
            return is(ROLLOUT_PROGRESSING,
                      arena_printf(a, "Waiting for partitioned roll out to finish: %" N
                                      " out of %" N " new pods have been updated...",
                                   f->updated, wanted));
        return is(ROLLOUT_COMPLETE,
                  arena_printf(a, "partitioned roll out complete: %" N
                                  " new pods have been updated...", f->updated));
    }
    if (strcmp(f->update_revision, f->current_revision) != 0)
        return is(ROLLOUT_PROGRESSING,
                  arena_printf(a, "waiting for statefulset rolling update to complete %" N
                                  " pods at revision %s...", f->updated, f->update_revision));
    return is(ROLLOUT_COMPLETE,
              arena_printf(a, "statefulset rolling update complete %" N " pods at revision %s...",
                           f->replicas, f->current_revision));
}

struct rollout rollout_judge(const struct rollout_facts *f, int64_t ignore_deadline_before_ms,
                             struct arena *a)
{
    struct rollout r = f->kind == WORKLOAD_DEPLOYMENT
                           ? deployment(f, ignore_deadline_before_ms, a)
                       : f->kind == WORKLOAD_DAEMONSET ? daemonset(f, a)
                                                       : statefulset(f, a);
    if (f->is_paused)
        r.state = ROLLOUT_PAUSED;
    return r;
}
