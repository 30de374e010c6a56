/*
 * core/gather/gather.h - the background thread: it wires the loop and the sources, and publishes
 * snapshots.
 *
 * It starts with what the spec says and follows the command queue: another context or namespace, a
 * text to fetch, "try now".  Another context is another place: it has the environment that names it, its
 * namespaces, and of the overrides only --kubeconfig.  A kubeconfig that cannot be used is a state that is
 * shown, not an end.
 *
 * Limits   after a quiet 33 ms a change is published at once; under load 30 snapshots a second, each
 *          section 10 a second
 * Thread   gather_start and gather_stop: the owner's.  Everything else is on the slot and the queue
 * Owns     gather copies the spec
 */
#ifndef GATHER_GATHER_H
#define GATHER_GATHER_H

#include "core/conf/conf.h"
#include "core/conf/kubeconfig.h"
#include "core/model/cmdq.h"
#include "core/model/ident.h"
#include "core/model/workload.h"

struct gather_spec {
    struct kube_overrides kube;    /* strings are borrowed for the thread's life */
    const char *const *namespaces; /* n = 0: the context's */
    size_t n_namespaces;
    bool all_namespaces;
    int64_t request_timeout_ms;    /* 0 = the default */
    const struct conf *conf;       /* environments, for a context that is chosen later; may be NULL */
    const struct conf_env *env;    /* the one to begin with, NULL = none */
    bool workloads_only; /* `status`: no events, no namespaces' names, no metrics, no errors */
    const char *errors_db;         /* --errors-db; NULL = what the config says */
    const char *state_dir;         /* --state-dir; NULL = the usual place */
    const char *who;               /* "ann@bastion-1" */
    bool read_only, write;         /* --read-only, --write */
    int64_t window_ms;             /* --window; 0 = as the config says */
    bool begins_by_hand;           /* headless: where no window is open when all is seen, one begins by itself, */
    bool (*is_meant)(void *ctx, const struct workload *w); /* of these; NULL = of all.  The loop's thread, pure */
    void *meant_ctx;
    bool must_begin;               /* and also where one is open */
    int64_t begun_ago_ms;          /* so long ago */
    const char *demo;              /* the demo: the simulator's control socket; NULL = no demo */
    const char *demo_config;       /* and its configuration: what of it is measured */
    struct snap_slot *slot;
};

struct gather;
MUST_USE enum err_code gather_start(const struct gather_spec *spec, struct gather **out,
                                    struct err *e);
void gather_stop(struct gather *g); /* waits for the thread: milliseconds */
struct cmdq *gather_commands(struct gather *g);

#endif
