/*
 * StatefulSets and DaemonSets.  Both keep their revisions as ControllerRevisions and replace pods
 * one at a time: a StatefulSet from its highest ordinal down, the next when all are ready; a
 * DaemonSet a node after the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/parts.h"

static const char *revision_label(const struct sim_object *o)
{
    cJSON *v = tree_get(tree_at(o->doc, "metadata.labels"), REVISION_LABEL);
    return cJSON_IsString(v) ? v->valuestring : "";
}

/* The pods of a StatefulSet carry the revision's name, those of a DaemonSet its hash. */
static const char *label_of(const struct sim_object *set, const struct sim_object *revision)
{
    return set->kind == SIM_STATEFULSET ? revision->name : revision_label(revision);
}

static struct sim_object *add_revision(struct world *w, struct sim_object *set, const cJSON *tmpl,
                                       const char *hash, const char *name, int64_t number)
{
    cJSON *doc = x_must(cJSON_CreateObject()), *meta = tree_make(doc, "metadata"),
          *copy = tree_copy(tmpl);
    tree_take(meta, "labels",
              tree_at(tmpl, "metadata.labels") ? tree_copy(tree_at(tmpl, "metadata.labels"))
                                               : cJSON_CreateObject());
    tree_set(tree_get(meta, "labels"),
             set->kind == SIM_STATEFULSET ? "controller.kubernetes.io/hash" : REVISION_LABEL, hash);
    tree_set(copy, "$patch", "replace");
    tree_take(tree_make(doc, "data.spec"), "template", copy);
    tree_set_int(doc, "revision", number);
    return store_add(&w->store, SIM_REVISION, set->ns, name, set, doc);
}

/* That of the template of now; made, or brought to the front, if need be. */
static struct sim_object *revision_now(struct world *w, struct sim_object *set)
{
    char hash[11], name[300];
    struct sim_object *o;
    int64_t most = 0;
    const cJSON *tmpl = tree_at(set->doc, "spec.template");
    hash_template(tmpl, hash);
    snprintf(name, sizeof name, "%.280s-%s", set->name, hash);
    struct sim_object *now = store_find(&w->store, SIM_REVISION, set->ns, name);
    DL_FOREACH (set->children, o) {
        if (o->kind == SIM_REVISION && o != now && tree_int(o->doc, "revision", 0) > most)
            most = tree_int(o->doc, "revision", 0);
    }
    if (!now)
        return add_revision(w, set, tmpl, hash, name, most + 1);
    if (tree_int(now->doc, "revision", 0) <= most) {
        tree_set_int(now->doc, "revision", most + 1);
        store_changed(&w->store, now);
    }
    return now;
}

static cJSON *template_at(const struct sim_object *set, const char *label, int64_t ordinal)
{
    char text[300];
    cJSON *t = tree_copy(tree_at(set->doc, "spec.template")),
          *labels = tree_make(t, "metadata.labels");
    tree_set(labels, REVISION_LABEL, label);
    if (set->kind == SIM_STATEFULSET) {
        snprintf(text, sizeof text, "%.280s-%" PRId64, set->name, ordinal);
        tree_set(labels, "statefulset.kubernetes.io/pod-name", text);
    }
    return t;
}

static void add_pod(struct world *w, struct sim_object *set, const char *label, int64_t at,
                    bool is_settled)
{
    char name[300], suffix[6];
    cJSON *t = template_at(set, label, at);
    if (set->kind == SIM_STATEFULSET) {
        snprintf(name, sizeof name, "%.280s-%" PRId64, set->name, at);
    } else {
        sim_rand_suffix(&w->rand, suffix, 5);
        snprintf(name, sizeof name, "%.280s-%s", set->name, suffix);
    }
    int64_t node = set->kind == SIM_DAEMONSET ? at : -1;
    if (is_settled) {
        pod_add_ready(w, set, t, name, node, w->now_ms - DAY_MS);
    } else if (set->kind == SIM_STATEFULSET) {
        pod_add(w, set, t, name, node);
        world_event(w, set, "statefulset-controller", false, "SuccessfulCreate",
                    "create Pod %s in StatefulSet %s successful", name, set->name);
    } else {
        pod_add(w, set, t, name, node);
        world_event(w, set, "daemonset-controller", false, "SuccessfulCreate", "Created pod: %s",
                    name);
    }
    cJSON_Delete(t);
}

static struct sim_object *pod_at(const struct world *w, const struct sim_object *set, int64_t at)
{
    char name[300];
    struct sim_object *pod;
    if (set->kind == SIM_STATEFULSET) {
        snprintf(name, sizeof name, "%.280s-%" PRId64, set->name, at);
        return store_find(&w->store, SIM_POD, set->ns, name);
    }
    DL_FOREACH (set->children, pod) {
        if (pod->kind == SIM_POD && pod->pod->node == at)
            return pod;
    }
    return NULL;
}

static int64_t wanted_of(const struct world *w, const struct sim_object *set)
{
    return set->kind == SIM_STATEFULSET ? tree_int(set->doc, "spec.replicas", 1) : w->story.nodes;
}

/* One step nearer to what is wanted: at most one pod is made or taken away at a time. */
static void step(struct world *w, struct sim_object *set, const char *label)
{
    int64_t n = wanted_of(w, set);
    struct sim_object *pod;
    bool is_set = set->kind == SIM_STATEFULSET;
    for (int64_t i = 0; i < n; i++) {
        pod = pod_at(w, set, i);
        if (!pod)
            add_pod(w, set, label, i, false);
        if (is_set && (!pod || pod->pod->is_deleted || !pod->pod->is_ready)) {
            if (!pod || pod->pod->is_deleted || text_eq(revision_label(pod), label))
                return; /* OrderedReady: the others wait for it */
            break;
        }
    }
    DL_FOREACH (set->children, pod) {
        const char *dash = strrchr(pod->name, '-');
        int64_t at;
        if (is_set && pod->kind == SIM_POD &&
            text_to_int(dash + 1, strlen(dash + 1), 0, 100000, &at) && at >= n &&
            !pod_at(w, set, at + 1)) {
            pod_delete(w, pod);
            return;
        }
    }
    int64_t partition =
        is_set ? tree_int(set->doc, "spec.updateStrategy.rollingUpdate.partition", 0) : 0;
    if (text_eq(tree_str(set->doc, "spec.updateStrategy.type"), "OnDelete"))
        return;
    for (int64_t i = n; i-- > partition;) {
        pod = pod_at(w, set, i);
        if (pod && !pod->pod->is_deleted && !text_eq(revision_label(pod), label)) {
            pod_delete(w, pod);
            return;
        }
        if (!pod || pod->pod->is_deleted || !pod->pod->is_ready)
            return;
    }
}

static void write_status(const struct world *w, struct sim_object *set, const char *label,
                         const char *name)
{
    int64_t n = wanted_of(w, set), alive = 0, ready = 0, fresh = 0;
    cJSON *status = tree_make(set->doc, "status");
    struct sim_object *pod;
    DL_FOREACH (set->children, pod) {
        if (pod->kind != SIM_POD)
            continue;
        alive++;
        ready += pod->pod->is_ready && !pod->pod->is_deleted;
        fresh += text_eq(revision_label(pod), label) && !pod->pod->is_deleted;
    }
    tree_set_int(status, "observedGeneration", tree_int(set->doc, "metadata.generation", 1));
    if (set->kind == SIM_DAEMONSET) {
        tree_set_int(status, "currentNumberScheduled", alive);
        tree_set_int(status, "numberMisscheduled", 0);
        tree_set_int(status, "desiredNumberScheduled", n);
        tree_set_int(status, "numberReady", ready);
        tree_set_int(status, "updatedNumberScheduled", fresh);
        tree_set_int(status, "numberAvailable", ready);
        tree_set_int(status, "numberUnavailable", n - ready);
        if (n == ready)
            tree_drop(status, "numberUnavailable");
        return;
    }
    tree_set_int(status, "replicas", alive);
    tree_set_int(status, "readyReplicas", ready);
    tree_set(status, "updateRevision", name);
    if ((fresh == n && ready == n) || !tree_get(status, "currentRevision"))
        tree_set(status, "currentRevision", name);
    bool is_done = text_eq(tree_str(status, "currentRevision"), name);
    tree_set_int(status, "currentReplicas", is_done ? fresh : alive - fresh);
    tree_set_int(status, "updatedReplicas", fresh);
    tree_set_int(status, "collisionCount", 0);
}

void set_sync(struct world *w, uint64_t id, uint64_t arg)
{
    struct sim_object *set = store_by_id(&w->store, id);
    (void)arg;
    if (!set)
        return;
    set->is_due = false;
    struct sim_object *now = revision_now(w, set);
    char label[300];
    snprintf(label, sizeof label, "%s", label_of(set, now));
    step(w, set, label);
    cJSON *before = tree_copy(tree_get(set->doc, "status"));
    write_status(w, set, label, now->name);
    if (!tree_equal(before, tree_get(set->doc, "status")))
        store_changed(&w->store, set);
    cJSON_Delete(before);
}

void set_settle(struct world *w, struct sim_object *set, const struct sim_service *sv)
{
    int64_t number = 0;
    char hash[11], name[300];
    for (size_t i = 0; i < sv->n_before; i++) {
        cJSON *t = object_template(sv, sv->before[i]);
        hash_template(t, hash);
        snprintf(name, sizeof name, "%.280s-%s", set->name, hash);
        struct sim_object *old = add_revision(w, set, t, hash, name, ++number);
        object_age(old->doc, w->now_ms - (int64_t)(sv->n_before - i + 1) * 7 * DAY_MS);
        store_changed(&w->store, old);
        cJSON_Delete(t);
    }
    struct sim_object *now = revision_now(w, set);
    object_age(now->doc, w->now_ms - 3 * (int64_t)DAY_MS);
    store_changed(&w->store, now);
    for (int64_t i = 0; i < wanted_of(w, set); i++)
        add_pod(w, set, label_of(set, now), i, true);
    write_status(w, set, label_of(set, now), now->name);
    store_changed(&w->store, set);
}
