/*
 * core/sources/kube_view_build.h - one struct workload out of the objects that belong to it.
 *
 * The caller finds the parts, this puts them together and says what is wrong.  No index, no I/O.
 * Thread   the loop's      Owns   the result has references of its own to pods and events
 */
#ifndef SOURCES_KUBE_VIEW_BUILD_H
#define SOURCES_KUBE_VIEW_BUILD_H

#include "core/model/workload.h"
#include "core/sources/kube_decode.h"

struct parts {
    const struct kube_object *workload;
    const struct kube_object *const *revisions; /* ReplicaSets or ControllerRevisions, any order */
    size_t n_revisions;
    struct pod *const *pods; /* any order */
    const struct usage *usage; /* of each pod; NULL = no metrics */
    size_t n_pods;
    struct event *const *events; /* any order */
    size_t n_events;
    const struct kube_object *hpa;              /* NULL = none */
    const struct kube_object *const *services; /* that select its pods */
    size_t n_services;
    const char *job_problem; /* a Job or a node that holds it up; NULL = none */
    const char *node_problem;
    bool pods_unknown;
};

struct workload *kube_build_workload(const struct parts *p);

#endif
