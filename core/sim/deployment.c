/*
 * The deployment controller of Kubernetes 1.20: which ReplicaSet is the new one, how far each is
 * scaled, what the status and its conditions say.  Written after pkg/controller/deployment:
 * sync.go, rolling.go, progress.go and util/deployment_util.go, with their order of questions, so
 * that what is odd there is odd here (an old ProgressDeadlineExceeded stays until progress is
 * seen).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/parts.h"

struct rollout_now {
    struct sim_object *dep, *fresh; /* fresh: its ReplicaSet of now; NULL before it is made */
    int64_t replicas, surge, unavailable;
};

static int64_t revision_of(const struct sim_object *o)
{
    const cJSON *note = tree_get(tree_at(o->doc, "metadata.annotations"), REVISION);
    int64_t v = 0;
    return cJSON_IsString(note) &&
                   text_to_int(note->valuestring, strlen(note->valuestring), 0, INT64_MAX, &v)
               ? v
               : 0;
}

static int64_t spec_of(const struct sim_object *rs)
{
    return tree_int(rs->doc, "spec.replicas", 0);
}

static int64_t available_of(const struct sim_object *rs)
{
    return tree_int(rs->doc, "status.availableReplicas", 0);
}

/* "25%" of n, or a plain number. */
static int64_t part_of(const cJSON *v, int64_t n, bool is_up)
{
    int64_t p;
    if (cJSON_IsNumber(v))
        return (int64_t)v->valuedouble;
    size_t len = cJSON_IsString(v) ? strlen(v->valuestring) : 0;
    if (!len || v->valuestring[len - 1] != '%' || !text_to_int(v->valuestring, len - 1, 0, 100, &p))
        return 0;
    return is_up ? (p * n + 99) / 100 : p * n / 100;
}

static struct rollout_now look_at(struct sim_object *dep)
{
    struct rollout_now r = { .dep = dep, .replicas = tree_int(dep->doc, "spec.replicas", 1) };
    const cJSON *rolling = tree_at(dep->doc, "spec.strategy.rollingUpdate");
    char hash[11];
    struct sim_object *rs;
    r.surge = part_of(tree_get(rolling, "maxSurge"), r.replicas, true);
    r.unavailable = part_of(tree_get(rolling, "maxUnavailable"), r.replicas, false);
    if (!r.surge && !r.unavailable)
        r.unavailable = 1;
    hash_template(tree_at(dep->doc, "spec.template"), hash);
    DL_FOREACH (dep->children, rs) {
        cJSON *label = tree_get(tree_at(rs->doc, "metadata.labels"), HASH_LABEL);
        if (cJSON_IsString(label) && text_eq(label->valuestring, hash))
            r.fresh = rs;
    }
    return r;
}

/* ---- conditions ---- */

static cJSON *condition(const cJSON *status, const char *type)
{
    cJSON *c;
    cJSON_ArrayForEach(c, tree_get(status, "conditions"))
    {
        if (text_eq(tree_str(c, "type"), type))
            return c;
    }
    return NULL;
}

/* `is_news`: lastUpdateTime moves even when nothing else does. */
static void set_condition(struct world *w, cJSON *status, const char *type, bool is_true,
                          const char *reason, const char *message, bool is_news)
{
    char at[32];
    cJSON *c = condition(status, type);
    bool is_same = c && text_eq(tree_str(c, "status"), is_true ? "True" : "False");
    if (is_same && text_eq(tree_str(c, "reason"), reason) && !is_news)
        return;
    if (!c) {
        if (!tree_get(status, "conditions"))
            tree_take(status, "conditions", cJSON_CreateArray());
        cJSON_AddItemToArray(tree_get(status, "conditions"), c = x_must(cJSON_CreateObject()));
        tree_set(c, "type", type);
    }
    tree_set(c, "status", is_true ? "True" : "False");
    tree_set(c, "lastUpdateTime", sim_time(w->now_ms, at));
    if (!is_same)
        tree_set(c, "lastTransitionTime", at);
    tree_set(c, "reason", reason);
    tree_set(c, "message", message);
}

/* ---- the new ReplicaSet and its revision ---- */

static void set_revision(struct sim_object *o, int64_t revision)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, revision);
    tree_set(tree_make(o->doc, "metadata.annotations"), REVISION, text);
}

static bool stays_behind(const char *key)
{
    return text_eq(key, REVISION) || text_eq(key, REVISION_PAST) || text_eq(key, DESIRED) ||
           text_eq(key, MOST_REPLICAS) ||
           text_eq(key, "kubectl.kubernetes.io/last-applied-configuration");
}

static void copy_annotations(const struct sim_object *dep, struct sim_object *rs)
{
    const cJSON *a;
    cJSON_ArrayForEach(a, tree_at(dep->doc, "metadata.annotations"))
    {
        if (!stays_behind(a->string))
            tree_take(tree_make(rs->doc, "metadata.annotations"), a->string, tree_copy(a));
    }
}

/* It is used again: the highest number is its own now, the old one is history. */
static void renumber(struct world *w, struct sim_object *rs, int64_t revision)
{
    char past[2048];
    int64_t old = revision_of(rs);
    cJSON *notes = tree_make(rs->doc, "metadata.annotations"),
          *before = tree_get(notes, REVISION_PAST);
    if (old >= revision)
        return;
    snprintf(past, sizeof past, "%s%s%" PRId64, cJSON_IsString(before) ? before->valuestring : "",
             cJSON_IsString(before) ? "," : "", old);
    tree_set(notes, REVISION_PAST, past);
    set_revision(rs, revision);
    store_changed(&w->store, rs);
}

static void scale(struct world *w, struct rollout_now *r, struct sim_object *rs, int64_t n)
{
    int64_t before = spec_of(rs);
    char text[24];
    if (n == before)
        return;
    cJSON *notes = tree_make(rs->doc, "metadata.annotations");
    snprintf(text, sizeof text, "%" PRId64, r->replicas);
    tree_set(notes, DESIRED, text);
    snprintf(text, sizeof text, "%" PRId64, r->replicas + r->surge);
    tree_set(notes, MOST_REPLICAS, text);
    tree_set_int(tree_get(rs->doc, "spec"), "replicas", n);
    tree_set_int(tree_get(rs->doc, "metadata"), "generation",
                 tree_int(rs->doc, "metadata.generation", 1) + 1);
    store_changed(&w->store, rs);
    world_event(w, r->dep, "deployment-controller", false, "ScalingReplicaSet",
                "Scaled %s replica set %s to %" PRId64, n > before ? "up" : "down", rs->name, n);
    world_look(w, rs);
}

/* It waits as long as its Deployment says; true: that was news. */
static bool copy_patience(const struct sim_object *dep, struct sim_object *rs)
{
    int64_t s = tree_int(dep->doc, "spec.minReadySeconds", 0);
    if (s == tree_int(rs->doc, "spec.minReadySeconds", 0))
        return false;
    tree_set_int(tree_get(rs->doc, "spec"), "minReadySeconds", s);
    return true;
}

static void find_fresh(struct world *w, struct rollout_now *r, cJSON *status)
{
    char text[400];
    struct sim_object *rs;
    int64_t most = 0;
    DL_FOREACH (r->dep->children, rs) {
        if (rs != r->fresh && revision_of(rs) > most)
            most = revision_of(rs);
    }
    if (r->fresh) {
        renumber(w, r->fresh, most + 1);
    } else {
        r->fresh =
            replicaset_add(w, r->dep, tree_at(r->dep->doc, "spec.template"), 0, most + 1, "");
        snprintf(text, sizeof text, "Created new replica set \"%s\"", r->fresh->name);
        set_condition(w, status, "Progressing", true, "NewReplicaSetCreated", text, true);
    }
    copy_annotations(r->dep, r->fresh);
    if (copy_patience(r->dep, r->fresh))
        world_look(w, r->fresh);
    set_revision(r->dep, revision_of(r->fresh));
}

/* ---- how far each is scaled ---- */

static void roll(struct world *w, struct rollout_now *r)
{
    struct sim_object *rs;
    int64_t total = 0, available = 0, old = 0;
    DL_FOREACH (r->dep->children, rs) {
        total += spec_of(rs);
        available += available_of(rs);
        old += rs == r->fresh ? 0 : spec_of(rs);
    }
    int64_t now = spec_of(r->fresh), room = r->replicas + r->surge - total;
    if (now > r->replicas) {
        scale(w, r, r->fresh, r->replicas);
        return;
    }
    if (now < r->replicas && room > 0) {
        scale(w, r, r->fresh, now + (room < r->replicas - now ? room : r->replicas - now));
        return;
    }
    int64_t least = r->replicas - r->unavailable,
            down = total - least - (now - available_of(r->fresh)), cleaned = 0;
    if (!old || down <= 0)
        return;
    DL_FOREACH (r->dep->children, rs) { /* first what does not work anyway */
        int64_t n = spec_of(rs) - available_of(rs);
        if (rs == r->fresh || n <= 0 || cleaned == down)
            continue;
        n = n < down - cleaned ? n : down - cleaned;
        scale(w, r, rs, spec_of(rs) - n);
        cleaned += n;
    }
    int64_t spare = available - least;
    DL_FOREACH (r->dep->children, rs) {
        int64_t n = spec_of(rs) < spare ? spec_of(rs) : spare;
        if (rs == r->fresh || n <= 0)
            continue;
        scale(w, r, rs, spec_of(rs) - n);
        spare -= n;
    }
}

static void recreate(struct world *w, struct rollout_now *r)
{
    struct sim_object *rs;
    int64_t left = 0;
    DL_FOREACH (r->dep->children, rs) {
        if (rs == r->fresh)
            continue;
        scale(w, r, rs, 0);
        left += rs->children != NULL;
    }
    if (!left)
        scale(w, r, r->fresh, r->replicas);
}

static void forget_oldest(struct world *w, struct rollout_now *r)
{
    int64_t keep = tree_int(r->dep->doc, "spec.revisionHistoryLimit", 10);
    for (;;) {
        struct sim_object *rs, *oldest = NULL;
        int64_t n = 0;
        DL_FOREACH (r->dep->children, rs) {
            if (rs == r->fresh || spec_of(rs) || rs->children)
                continue;
            n++;
            if (!oldest || revision_of(rs) < revision_of(oldest))
                oldest = rs;
        }
        if (n <= keep)
            return;
        store_remove(&w->store, oldest);
    }
}

/* ---- status ---- */

struct totals {
    int64_t replicas, updated, ready, available;
};

static struct totals totals_of(const struct rollout_now *r)
{
    const struct sim_object *rs;
    struct totals t = { 0 };
    DL_FOREACH (r->dep->children, rs) {
        int64_t n = tree_int(rs->doc, "status.replicas", 0);
        t.replicas += n;
        t.ready += tree_int(rs->doc, "status.readyReplicas", 0);
        t.available += available_of(rs);
        t.updated += rs == r->fresh ? n : 0;
    }
    return t;
}

static void set_count(cJSON *status, const char *key, int64_t n)
{
    if (n)
        tree_set_int(status, key, n);
    else
        tree_drop(status, key);
}

static int64_t deadline_ms(const struct rollout_now *r, const cJSON *status)
{
    const char *at = tree_str(condition(status, "Progressing"), "lastUpdateTime");
    int64_t ms, s = tree_int(r->dep->doc, "spec.progressDeadlineSeconds", 600);
    return clock_parse_rfc3339(at, strlen(at), &ms) ? ms + s * 1000 : INT64_MAX;
}

/* progress.go, syncRolloutStatus */
static void judge_progress(struct world *w, struct rollout_now *r, cJSON *status, struct totals t,
                           struct totals before)
{
    char text[400];
    cJSON *now = condition(status, "Progressing");
    bool is_available = text_eq(tree_str(now, "reason"), "NewReplicaSetAvailable");
    if (!r->fresh || (t.replicas == t.updated && is_available))
        return;
    if (t.updated == r->replicas && t.replicas == r->replicas && t.available == r->replicas) {
        snprintf(text, sizeof text, "ReplicaSet \"%s\" has successfully progressed.",
                 r->fresh->name);
        set_condition(w, status, "Progressing", true, "NewReplicaSetAvailable", text, true);
    } else if (t.updated > before.updated ||
               t.replicas - t.updated < before.replicas - before.updated ||
               t.ready > before.ready || t.available > before.available) {
        snprintf(text, sizeof text, "ReplicaSet \"%s\" is progressing.", r->fresh->name);
        set_condition(w, status, "Progressing", true, "ReplicaSetUpdated", text, true);
    } else if (text_eq(tree_str(now, "reason"), "ProgressDeadlineExceeded") ||
               (now && w->now_ms > deadline_ms(r, status))) {
        snprintf(text, sizeof text, "ReplicaSet \"%s\" has timed out progressing.", r->fresh->name);
        set_condition(w, status, "Progressing", false, "ProgressDeadlineExceeded", text, false);
    } else if (deadline_ms(r, status) != INT64_MAX) { /* it will have to be asked again then */
        world_after(w, deadline_ms(r, status) - w->now_ms + 1000, deployment_sync, r->dep->id, 0);
    }
}

static void write_status(struct world *w, struct rollout_now *r, cJSON *status)
{
    struct totals t = totals_of(r), before = { tree_int(status, "replicas", 0),
                                               tree_int(status, "updatedReplicas", 0),
                                               tree_int(status, "readyReplicas", 0),
                                               tree_int(status, "availableReplicas", 0) };
    struct sim_object *rs;
    int64_t total = 0;
    DL_FOREACH (r->dep->children, rs)
        total += spec_of(rs);
    tree_set_int(status, "observedGeneration", tree_int(r->dep->doc, "metadata.generation", 1));
    set_count(status, "replicas", t.replicas);
    set_count(status, "updatedReplicas", t.updated);
    set_count(status, "readyReplicas", t.ready);
    set_count(status, "availableReplicas", t.available);
    set_count(status, "unavailableReplicas", total > t.available ? total - t.available : 0);
    bool is_enough = t.available >= r->replicas - r->unavailable;
    set_condition(w, status, "Available", is_enough,
                  is_enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                  is_enough ? "Deployment has minimum availability."
                            : "Deployment does not have minimum availability.",
                  false);
    judge_progress(w, r, status, t, before);
}

void deployment_sync(struct world *w, uint64_t id, uint64_t arg)
{
    struct sim_object *dep = store_by_id(&w->store, id);
    (void)arg;
    if (!dep)
        return;
    dep->is_due = false;
    struct rollout_now r = look_at(dep);
    cJSON *before = tree_copy(dep->doc), *status = tree_make(dep->doc, "status");
    bool is_paused = tree_is_true(dep->doc, "spec.paused");
    if (!is_paused) {
        find_fresh(w, &r, status);
        if (text_eq(tree_str(dep->doc, "spec.strategy.type"), "Recreate"))
            recreate(w, &r);
        else
            roll(w, &r);
        forget_oldest(w, &r);
    }
    write_status(w, &r, status);
    if (!tree_equal(before, dep->doc))
        store_changed(&w->store, dep);
    cJSON_Delete(before);
}

void deployment_settle(struct world *w, struct sim_object *dep, const struct sim_service *sv)
{
    int64_t revision = 0;
    char text[160];
    struct rollout_now r = look_at(dep);
    for (size_t i = 0; sv && i < sv->n_before; i++) {
        cJSON *tmpl = object_template(sv, sv->before[i]);
        snprintf(text, sizeof text, "release %.100s", sv->before[i]);
        struct sim_object *rs = replicaset_add(w, dep, tmpl, 0, ++revision, text);
        object_age(rs->doc, w->now_ms - (int64_t)(sv->n_before - i + 1) * 7 * DAY_MS);
        store_changed(&w->store, rs);
        cJSON_Delete(tmpl);
    }
    r.fresh =
        replicaset_add(w, dep, tree_at(dep->doc, "spec.template"), r.replicas, ++revision, "");
    copy_annotations(dep, r.fresh);
    object_age(r.fresh->doc, w->now_ms - 3 * (int64_t)DAY_MS);
    set_revision(dep, revision);
    replicaset_settle(w, r.fresh);
    cJSON *status = tree_make(dep->doc, "status");
    snprintf(text, sizeof text, "Created new replica set \"%.100s\"", r.fresh->name);
    set_condition(w, status, "Progressing", true, "NewReplicaSetCreated", text, true);
    write_status(w, &r, status);
    store_changed(&w->store, dep);
}
