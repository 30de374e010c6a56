/*
 * core/judge/rollout.h - the rules of `kubectl rollout status`, in one place.  Pure.
 *
 * Source   k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go; first match wins
 * Thread   any
 *
 * state    PAUSED when spec.paused (kubectl goes on waiting; the message is still kubectl's line),
 *          ONDELETE for StatefulSets and DaemonSets with that strategy (kubectl refuses them)
 */
#ifndef JUDGE_ROLLOUT_H
#define JUDGE_ROLLOUT_H

#include "core/model/workload.h"

struct rollout_facts { /* as the object says it; counts default to 0, -1 where said */
    enum workload_kind kind;
    const char *name;
    int64_t generation, observed_generation;
    int64_t spec_replicas;      /* a Deployment's or StatefulSet's; 1 when the field is absent */
    int64_t replicas, updated, available, ready;
    int64_t desired_scheduled;  /* DaemonSet */
    bool is_paused, is_ondelete;
    bool is_deadline_exceeded;  /* condition Progressing, reason ProgressDeadlineExceeded */
    int64_t progress_ms;        /* lastUpdateTime of condition Progressing; TIME_NONE */
    bool has_partition;         /* spec.updateStrategy.rollingUpdate is there (StatefulSet) */
    int64_t partition;
    const char *current_revision, *update_revision; /* StatefulSet */
};

/* `ignore_deadline_before_ms`: a ProgressDeadlineExceeded no newer than our own change is an old
 * one (TIME_NONE = never).  The message is allocated in `a`. */
struct rollout rollout_judge(const struct rollout_facts *f, int64_t ignore_deadline_before_ms,
                             struct arena *a);

#endif
