#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/parts.h"

struct sim_object *replicaset_add(struct world *w, struct sim_object *dep, const cJSON *tmpl,
                                  int64_t replicas, int64_t revision, const char *cause)
{
    char hash[11], name[300], number[24];
    cJSON *doc = x_must(cJSON_CreateObject()), *meta = tree_make(doc, "metadata"), *spec, *notes;
    hash_template(tmpl, hash);
    snprintf(name, sizeof name, "%.280s-%s", dep->name, hash);
    snprintf(number, sizeof number, "%" PRId64, revision);
    cJSON *copy = tree_copy(tmpl), *labels = tree_make(copy, "metadata.labels");
    tree_set(labels, HASH_LABEL, hash);
    tree_set_int(meta, "generation", 1);
    tree_take(meta, "labels", tree_copy(labels));
    notes = tree_make(meta, "annotations");
    tree_set(notes, REVISION, number);
    if (cause[0])
        tree_set(notes, CHANGE_CAUSE, cause);
    spec = tree_make(doc, "spec");
    tree_set_int(spec, "replicas", replicas);
    cJSON *match = tree_make(spec, "selector.matchLabels");
    const cJSON *l;
    cJSON_ArrayForEach(l, tree_at(dep->doc, "spec.selector.matchLabels"))
        tree_take(match, l->string, tree_copy(l));
    tree_set(match, HASH_LABEL, hash);
    tree_take(spec, "template", copy);
    tree_set_int(tree_make(doc, "status"), "replicas", 0);
    return store_add(&w->store, SIM_REPLICASET, dep->ns, name, dep, doc);
}

static char *new_name(struct world *w, const struct sim_object *owner, char out[300])
{
    char suffix[6];
    do {
        sim_rand_suffix(&w->rand, suffix, 5);
        snprintf(out, 300, "%.290s-%s", owner->name, suffix);
    } while (store_find(&w->store, SIM_POD, owner->ns, out));
    return out;
}

void replicaset_settle(struct world *w, struct sim_object *rs)
{
    char name[300];
    int64_t n = tree_int(rs->doc, "spec.replicas", 0);
    for (int64_t i = 0; i < n; i++)
        pod_add_ready(w, rs, tree_at(rs->doc, "spec.template"), new_name(w, rs, name), -1,
                      w->now_ms - DAY_MS);
    replicaset_sync(w, rs->id, 0);
}

/* Which of two goes first when there are too many: the one that is worth less. */
static int worth(const struct sim_object *pod)
{
    return pod->pod->node < 0               ? 0
           : pod->pod->stage != POD_RUNNING ? 1
           : !pod->pod->is_ready            ? 2
                                            : 3;
}

static struct sim_object *least_worth(struct sim_object *rs)
{
    struct sim_object *pod, *least = NULL;
    DL_FOREACH (rs->children, pod) { /* of equals the youngest */
        if (!pod->pod->is_deleted && (!least || worth(pod) <= worth(least)))
            least = pod;
    }
    return least;
}

struct tally {
    int64_t alive, ready, available;
};

/* A ready pod is available when it has been so for minReadySeconds: looked at again when that is
 * over. */
static struct tally count(struct world *w, struct sim_object *rs)
{
    const struct sim_object *pod;
    struct tally t = { 0 };
    int64_t patience = tree_int(rs->doc, "spec.minReadySeconds", 0) * 1000, least = INT64_MAX;
    DL_FOREACH (rs->children, pod) {
        int64_t left = patience - (w->now_ms - pod->pod->turned_ms);
        if (pod->pod->is_deleted)
            continue;
        t.alive++;
        t.ready += pod->pod->is_ready;
        t.available += pod->pod->is_ready && left <= 0;
        if (pod->pod->is_ready && left > 0 && left < least)
            least = left;
    }
    if (least < INT64_MAX)
        world_after(w, least, replicaset_sync, rs->id, 0);
    return t;
}

static bool write_status(struct sim_object *rs, struct tally t)
{
    cJSON *status = x_must(cJSON_CreateObject());
    tree_set_int(status, "replicas", t.alive);
    tree_set_int(status, "fullyLabeledReplicas", t.alive);
    if (t.ready)
        tree_set_int(status, "readyReplicas", t.ready);
    if (t.available)
        tree_set_int(status, "availableReplicas", t.available);
    if (!t.alive)
        tree_drop(status, "fullyLabeledReplicas");
    tree_set_int(status, "observedGeneration", tree_int(rs->doc, "metadata.generation", 1));
    bool is_same = tree_equal(status, tree_get(rs->doc, "status"));
    tree_take(rs->doc, "status", status);
    return !is_same;
}

void replicaset_sync(struct world *w, uint64_t id, uint64_t arg)
{
    char name[300];
    struct sim_object *rs = store_by_id(&w->store, id), *pod;
    (void)arg;
    if (!rs)
        return;
    rs->is_due = false;
    int64_t wanted = tree_int(rs->doc, "spec.replicas", 0);
    struct tally t = count(w, rs);
    for (; t.alive < wanted; t.alive++) {
        pod = pod_add(w, rs, tree_at(rs->doc, "spec.template"), new_name(w, rs, name), -1);
        world_event(w, rs, "replicaset-controller", false, "SuccessfulCreate", "Created pod: %s",
                    pod->name);
    }
    for (; t.alive > wanted && (pod = least_worth(rs)); t.alive--) {
        world_event(w, rs, "replicaset-controller", false, "SuccessfulDelete", "Deleted pod: %s",
                    pod->name);
        pod_delete(w, pod);
    }
    if (!write_status(rs, count(w, rs)))
        return;
    store_changed(&w->store, rs);
    if (rs->owner)
        world_look(w, rs->owner);
}
