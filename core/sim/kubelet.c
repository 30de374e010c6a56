#include "core/sim/kubelet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/parts.h"
#include "core/sim/pod_status.h"

enum { BACKOFF_FIRST_S = 10, BACKOFF_MOST_S = 300, BACKOFF_CALM_MS = 600000, PROBE_MS = 5000 };

static const struct sim_version plain = {
    .tag = "", .ready_ms = 4000, .pull_ms = 3000, .crash_reason = "Error"
};

static const struct sim_version *behaviour(const struct sim_object *pod)
{
    return pod->pod->version ? pod->pod->version : &plain;
}

static void after(struct world *w, struct sim_object *pod, int64_t ms, sim_act_fn *fn)
{
    world_after(w, ms, fn, pod->id, pod->pod->epoch);
}

/* The pod that an act was planned for, if nothing has come between. */
static struct sim_object *still(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = store_by_id(&w->store, id);
    return pod && pod->pod->epoch == epoch ? pod : NULL;
}

static void tell(struct world *w, struct sim_object *pod)
{
    pod_status_write(w, pod);
    store_changed(&w->store, pod);
    if (pod->owner)
        world_look(w, pod->owner);
}

static void move_to(struct world *w, struct sim_object *pod, enum pod_stage stage)
{
    pod->pod->stage = stage;
    pod->pod->epoch++;
    if (stage != POD_RUNNING && pod->pod->is_ready) {
        pod->pod->is_ready = false;
        pod->pod->turned_ms = w->now_ms;
    }
    tell(w, pod);
}

/* ---- readiness ---- */

static void turn(struct world *w, struct sim_object *pod, bool is_ready)
{
    pod->pod->is_ready = is_ready;
    pod->pod->turned_ms = w->now_ms;
    tell(w, pod);
}

static void say_unhealthy(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod || pod->pod->is_ready)
        return;
    world_event(w, pod, "kubelet", true, "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503");
    after(w, pod, 2 * PROBE_MS, say_unhealthy);
}

static void flap_down(struct world *w, uint64_t id, uint64_t epoch);

static void flap_up(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    turn(w, pod, true);
    const struct sim_version *v = behaviour(pod);
    after(w, pod, v->flap_every_ms - v->flap_ms + sim_rand_in(&w->rand, 0, v->flap_every_ms / 10),
          flap_down);
}

static void flap_down(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    turn(w, pod, false);
    say_unhealthy(w, id, epoch);
    after(w, pod, behaviour(pod)->flap_ms, flap_up);
}

static void become_ready(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    turn(w, pod, true);
    const struct sim_version *v = pod->pod->version;
    if (pod->pod->is_flapping)
        after(w, pod, v->flap_every_ms / 2, flap_down);
}

/* ---- running and crashing ---- */

static void run(struct world *w, struct sim_object *pod);

static void run_again(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (pod)
        run(w, pod);
}

static void back_off(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    int64_t n = pod->pod->restarts, wait_s = BACKOFF_FIRST_S;
    for (int64_t i = 1; i < n && wait_s < BACKOFF_MOST_S; i++)
        wait_s *= 2;
    wait_s = wait_s < BACKOFF_MOST_S ? wait_s : BACKOFF_MOST_S;
    move_to(w, pod, POD_BACKOFF);
    world_event(w, pod, "kubelet", true, "BackOff", "Back-off restarting failed container");
    after(w, pod, wait_s * 1000, run_again);
}

void pod_crash_now(struct world *w, struct sim_object *pod, int64_t exit_code, const char *reason)
{
    struct pod_state *p = pod->pod;
    if (p->stage != POD_RUNNING || p->is_deleted)
        return;
    if (w->now_ms - p->started_ms > BACKOFF_CALM_MS)
        p->restarts = p->restarts ? 1 : 0; /* the kubelet's patience is back */
    p->last = (struct pod_end){ exit_code, p->started_ms, w->now_ms, reason };
    p->has_ended = true;
    p->is_ready = false;
    p->turned_ms = w->now_ms;
    p->epoch++;
    pod_status_write_ended(w, pod);
    store_changed(&w->store, pod);
    if (pod->owner)
        world_look(w, pod->owner);
    /* the first time it is started again at once */
    after(w, pod, p->restarts ? 1500 : 1000, p->restarts ? back_off : run_again);
}

static void crash(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (pod)
        pod_crash_now(w, pod, behaviour(pod)->crash_exit, behaviour(pod)->crash_reason);
}

static void run(struct world *w, struct sim_object *pod)
{
    struct pod_state *p = pod->pod;
    const struct sim_version *v = behaviour(pod);
    if (p->has_ended)
        p->restarts++;
    p->started_ms = w->now_ms;
    if (p->version && p->version->first_ms == TIME_NONE)
        p->version->first_ms = w->now_ms;
    world_event(w, pod, "kubelet", false, "Created", "Created container %s", p->name);
    world_event(w, pod, "kubelet", false, "Started", "Started container %s", p->name);
    move_to(w, pod, POD_RUNNING);
    if (v->is_never_ready)
        after(w, pod, PROBE_MS, say_unhealthy);
    else if (!p->is_crashing || v->ready_ms < v->crash_after_ms)
        after(w, pod, v->ready_ms + sim_rand_in(&w->rand, 0, v->ready_ms / 4), become_ready);
    if (p->is_crashing)
        after(w, pod, v->crash_after_ms + sim_rand_in(&w->rand, 0, v->crash_after_ms / 5), crash);
}

/* ---- from birth to the first run ---- */

static void pull_again(struct world *w, uint64_t id, uint64_t epoch);

static void fail_pull(struct world *w, struct sim_object *pod)
{
    const char *image = pod_image(pod);
    world_event(w, pod, "kubelet", true, "Failed",
                "Failed to pull image \"%s\": rpc error: code = NotFound desc = failed to "
                "pull and unpack image \"%s\": not found",
                image, image);
    world_event(w, pod, "kubelet", true, "Failed", "Error: ErrImagePull");
    move_to(w, pod, POD_PULL_BACKOFF);
    int64_t wait_s = BACKOFF_FIRST_S;
    for (int64_t i = 1; i < pod->pod->pulls && wait_s < BACKOFF_MOST_S; i++)
        wait_s *= 2;
    world_event(w, pod, "kubelet", false, "BackOff", "Back-off pulling image \"%s\"", image);
    after(w, pod, (wait_s < BACKOFF_MOST_S ? wait_s : BACKOFF_MOST_S) * 1000, pull_again);
}

static void pulled(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    if (behaviour(pod)->is_never_pulled) {
        fail_pull(w, pod);
        return;
    }
    world_event(w, pod, "kubelet", false, "Pulled", "Successfully pulled image \"%s\"",
                pod_image(pod));
    if (behaviour(pod)->is_misconfigured) {
        world_event(w, pod, "kubelet", true, "Failed", "Error: configmap \"settings\" not found");
        move_to(w, pod, POD_MISCONFIGURED);
        return;
    }
    run(w, pod);
}

static void pull_again(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    pod->pod->pulls++;
    world_event(w, pod, "kubelet", false, "Pulling", "Pulling image \"%s\"", pod_image(pod));
    pod->pod->epoch++;
    int64_t most = behaviour(pod)->pull_ms;
    after(w, pod, most / 2 + sim_rand_in(&w->rand, 0, most / 2), pulled);
}

static void create(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    pod->pod->began_ms = w->now_ms;
    move_to(w, pod, POD_CREATING);
    after(w, pod, sim_rand_in(&w->rand, 300, 900), pull_again);
}

static void place(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch);
    if (!pod)
        return;
    if (behaviour(pod)->is_never_placed) {
        world_event(w, pod, "default-scheduler", true, "FailedScheduling",
                    "0/%" PRId64 " nodes are available: %" PRId64 " Insufficient cpu.",
                    w->story.nodes, w->story.nodes);
        pod_status_write_unplaced(w, pod);
        store_changed(&w->store, pod);
        after(w, pod, 30000, place);
        return;
    }
    if (pod->pod->node < 0)
        pod->pod->node = (int64_t)(pod->pod->number % (uint64_t)w->story.nodes);
    char node[32];
    snprintf(node, sizeof node, "node-%" PRId64, pod->pod->node + 1);
    tree_set(tree_get(pod->doc, "spec"), "nodeName", node);
    world_event(w, pod, "default-scheduler", false, "Scheduled", "Successfully assigned %s to %s",
                pod->key, node);
    tell(w, pod);
    after(w, pod, sim_rand_in(&w->rand, 20, 200), create);
}

static void finish(struct world *w, uint64_t id, uint64_t epoch)
{
    struct sim_object *pod = still(w, id, epoch), *owner = pod ? pod->owner : NULL;
    if (!pod)
        return;
    store_remove(&w->store, pod);
    if (owner)
        world_look(w, owner);
    if (owner && owner->owner) /* strategy Recreate waits for the last one */
        world_look(w, owner->owner);
}

void pod_delete(struct world *w, struct sim_object *pod)
{
    char at[32];
    struct pod_state *p = pod->pod;
    if (p->is_deleted)
        return;
    p->is_deleted = true;
    tree_set(tree_get(pod->doc, "metadata"), "deletionTimestamp", sim_time(w->now_ms + 30000, at));
    tree_set_int(tree_get(pod->doc, "metadata"), "deletionGracePeriodSeconds", 30);
    if (p->stage == POD_RUNNING)
        world_event(w, pod, "kubelet", false, "Killing", "Stopping container %s", p->name);
    bool was_running = p->stage == POD_RUNNING;
    p->epoch++;
    tell(w, pod);
    after(w, pod, was_running ? sim_rand_in(&w->rand, 1000, 4000) : sim_rand_in(&w->rand, 100, 600),
          finish);
}

static struct sim_object *add(struct world *w, struct sim_object *owner, const cJSON *tmpl,
                              const char *name, int64_t node)
{
    cJSON *doc = x_must(cJSON_CreateObject()), *meta = tree_make(doc, "metadata"), *spec;
    const struct sim_object *top = owner->owner ? owner->owner : owner;
    struct pod_state *p = x_calloc(1, sizeof *p);
    tree_take(meta, "labels",
              tree_at(tmpl, "metadata.labels") ? tree_copy(tree_at(tmpl, "metadata.labels"))
                                               : cJSON_CreateObject());
    if (tree_at(tmpl, "metadata.annotations"))
        tree_take(meta, "annotations", tree_copy(tree_at(tmpl, "metadata.annotations")));
    tree_take(doc, "spec", spec = tree_copy(tree_get(tmpl, "spec")));
    snprintf(p->name, sizeof p->name, "%.63s",
             tree_str(cJSON_GetArrayItem(tree_get(spec, "containers"), 0), "name"));
    p->service = world_service_of(w, top);
    p->version = p->service ? story_version(&w->story, p->service, world_tag_of(spec)) : NULL;
    p->node = node;
    p->number = w->n_pods++;
    if (p->version && p->version->crashes_given < p->version->crash_pods) {
        p->version->crashes_given++;
        p->is_crashing = true;
    }
    if (p->version && p->version->flaps_given < p->version->flap_pods) {
        p->version->flaps_given++;
        p->is_flapping = true;
    }
    struct sim_object tmp = { .pod = p, .doc = doc, .created_ms = w->now_ms };
    pod_status_write(w, &tmp);
    struct sim_object *pod = store_add(&w->store, SIM_POD, owner->ns, name, owner, doc);
    pod->pod = p;
    return pod;
}

struct sim_object *pod_add(struct world *w, struct sim_object *owner, const cJSON *tmpl,
                           const char *name, int64_t node)
{
    struct sim_object *pod = add(w, owner, tmpl, name, node);
    after(w, pod, sim_rand_in(&w->rand, 10, 80), place);
    return pod;
}

struct sim_object *pod_add_ready(struct world *w, struct sim_object *owner, const cJSON *tmpl,
                                 const char *name, int64_t at, int64_t since_ms)
{
    char node[32];
    struct sim_object *pod = add(w, owner, tmpl, name, at);
    struct pod_state *p = pod->pod;
    if (p->node < 0)
        p->node = (int64_t)(p->number % (uint64_t)w->story.nodes);
    p->stage = POD_RUNNING;
    p->is_ready = true;
    p->began_ms = since_ms - 8000;
    p->started_ms = since_ms - 4000;
    p->turned_ms = since_ms;
    snprintf(node, sizeof node, "node-%" PRId64, p->node + 1);
    tree_set(tree_get(pod->doc, "spec"), "nodeName", node);
    object_age(pod->doc, since_ms - 8000);
    pod->created_ms = since_ms - 8000;
    pod_status_write(w, pod);
    store_changed(&w->store, pod);
    if (p->version && p->version->first_ms == TIME_NONE)
        p->version->first_ms = w->now_ms;
    if (p->is_flapping)
        after(w, pod, p->version->flap_every_ms / 2, flap_down);
    if (p->is_crashing)
        after(w, pod, p->version->crash_after_ms, crash);
    return pod;
}

void pod_touch(struct world *w, struct sim_object *pod)
{
    char at[32];
    tree_set(tree_make(pod->doc, "metadata.annotations"), "bakewatch.sim/touched",
             sim_time(w->now_ms, at));
    store_changed(&w->store, pod);
}
