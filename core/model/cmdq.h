/*
 * core/model/cmdq.h - the only way back: commands from the UI thread to the gather thread.
 *
 * Limits   CMDQ_ROOM messages; a full queue refuses (the UI says so), it never waits
 * Thread   any may push; gather pops.  The eventfd wakes the loop and carries no data
 */
#ifndef MODEL_CMDQ_H
#define MODEL_CMDQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/model/doc.h"
#include "core/model/plan.h"

enum cmd_kind {
    CMD_REFRESH,   /* try again now: every source that waits */
    CMD_RESUMED,   /* we were stopped or suspended: nothing is proved any more */
    CMD_NAMESPACE, /* name: "" = all, else a list joined by ',' */
    CMD_CONTEXT,   /* name: a context of the kubeconfig */
    CMD_DOC_OPEN,  /* request, doc, resource, ns, name, ... */
    CMD_DOC_CLOSE,
    CMD_ARM,       /* ms: allow changes for so long */
    CMD_DISARM,
    CMD_PLAN,      /* request, verb, id, is_group, note: what would this change do? */
    CMD_CONFIRM,   /* request, hash: do it */
    CMD_PLAN_CLOSE,
    CMD_MARK,      /* workload ("" = of none), note: a mark on the time line */
    CMD_PAST,      /* ms: show that time; TIME_NONE: nobody looks at the past any more */
    CMD_BAKE,      /* workload ("" = every one without a window), ms: a window by hand since then */
};

struct cmd_msg {
    enum cmd_kind kind;
    uint64_t request;
    enum doc_kind doc;
    char resource[64];   /* "pods", "deployments.apps", "replicasets.apps", "controllerrevisions.apps" */
    char ns[64], name[256];
    char container[64];  /* DOC_LOG: "" = the first */
    char other[256];     /* DOC_DIFF: the revision object to compare with, "" = none before it */
    bool previous;       /* DOC_LOG: of the previous run of the container */
    int64_t id;          /* of an error */
    int64_t ms;          /* CMD_ARM */
    char verb[24];       /* CMD_PLAN: "resolve", "reopen", "acknowledge", ... */
    bool is_group;       /* every open row of the group that the row `id` is in */
    char note[512];
    char hash[PLAN_HASH];
    char workload[320];  /* an id */
};

enum { CMDQ_ROOM = 64 };

struct cmdq {
    pthread_mutex_t mu;
    struct cmd_msg ring[CMDQ_ROOM];
    unsigned head, n;
    int wake_fd; /* eventfd of the gather thread */
};

void cmdq_init(struct cmdq *q, int wake_fd);
void cmdq_release(struct cmdq *q);
bool cmdq_push(struct cmdq *q, const struct cmd_msg *m); /* false: full */
bool cmdq_pop(struct cmdq *q, struct cmd_msg *out);      /* false: empty */

#endif
