#include "core/sim/world.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/parts.h"
#include "core/sim/traffic.h"

enum { CHURN_MS = 20 };
#define LOAD "load"

void world_after(struct world *w, int64_t ms, sim_act_fn *fn, uint64_t id, uint64_t arg)
{
    sim_queue_add(&w->queue, w->now_ms + (ms > 0 ? ms : 0), fn, id, arg);
}

bool world_is_down(const struct world *w, const char *dependency)
{
    for (size_t i = 0; i < w->n_down; i++) {
        if (text_eq(w->down[i], dependency))
            return true;
    }
    return false;
}

struct sim_service *world_service_of(const struct world *w, const struct sim_object *workload)
{
    return text_eq(workload->ns, w->story.ns) ? story_service(&w->story, workload->name) : NULL;
}

void world_look(struct world *w, struct sim_object *o)
{
    static sim_act_fn *const looks[N_SIM_KINDS] = { [SIM_DEPLOYMENT] = deployment_sync,
                                                    [SIM_REPLICASET] = replicaset_sync,
                                                    [SIM_STATEFULSET] = set_sync,
                                                    [SIM_DAEMONSET] = set_sync };
    if (o->is_due || !looks[o->kind])
        return;
    o->is_due = true;
    world_after(w, sim_rand_in(&w->rand, 15, 60), looks[o->kind], o->id, 0);
}

const char *world_tag_of(const cJSON *pod_spec)
{
    const char *image = tree_str(cJSON_GetArrayItem(tree_get(pod_spec, "containers"), 0), "image"),
               *slash, *colon;
    slash = strrchr(image, '/');
    colon = strrchr(slash ? slash : image, ':');
    return colon ? colon + 1 : "latest";
}

void world_spec_changed(struct world *w, struct sim_object *workload)
{
    world_look(w, workload);
}

bool world_set_image(struct world *w, struct sim_object *workload, const char *tag,
                     const char *cause)
{
    cJSON *c = cJSON_GetArrayItem(tree_at(workload->doc, "spec.template.spec.containers"), 0);
    const char *image = tree_str(c, "image"), *slash = strrchr(image, '/'),
               *colon = strrchr(slash ? slash : image, ':');
    char text[400];
    if (!c)
        return false;
    snprintf(text, sizeof text, "%.*s:%.100s",
             (int)(colon ? (size_t)(colon - image) : strlen(image)), image, tag);
    tree_set(c, "image", text);
    if (cause[0])
        tree_set(tree_make(workload->doc, "metadata.annotations"), CHANGE_CAUSE, cause);
    tree_set_int(tree_get(workload->doc, "metadata"), "generation",
                 tree_int(workload->doc, "metadata.generation", 1) + 1);
    store_changed(&w->store, workload);
    world_spec_changed(w, workload);
    return true;
}

static void tick(struct world *w, uint64_t id, uint64_t arg)
{
    (void)id;
    (void)arg;
    traffic_second(w);
    if (w->hooks.on_tick)
        w->hooks.on_tick(w->hooks.ctx);
    world_after(w, WORLD_TICK_MS, tick, 0, 0);
}

static void begin_service(struct world *w, const struct sim_service *sv)
{
    char cause[160];
    snprintf(cause, sizeof cause, "release %.100s", sv->tag);
    struct sim_object *o = store_add(&w->store, sv->kind, w->story.ns, sv->name, NULL,
                                     object_workload(w, sv, sv->tag, cause));
    o->created_ms = w->now_ms - 30 * (int64_t)DAY_MS;
    if (sv->kind == SIM_DEPLOYMENT)
        deployment_settle(w, o, sv);
    else
        set_settle(w, o, sv);
    object_around(w, sv);
}

void world_init(struct world *w, struct story *story, uint64_t seed, int64_t start_ms,
                const struct world_hooks *hooks, FILE *log)
{
    *w = (struct world){ .story = *story,
                         .seed = seed,
                         .start_ms = start_ms,
                         .now_ms = start_ms - WORLD_BEFORE_MS,
                         .caption = "",
                         .caption_ms = TIME_NONE };
    *story = (struct story){ 0 };
    if (hooks)
        w->hooks = *hooks;
    sim_rand_seed(&w->rand, seed);
    store_init(&w->store, &w->rand, &w->now_ms);
    w->store.log = log;
    traffic_init(w);
    object_platform(w);
    for (size_t i = 0; i < w->story.n_services; i++)
        begin_service(w, &w->story.services[i]);
    for (struct sim_object *h = w->store.of[SIM_HPA]; h; h = h->by_key.next)
        world_after(w, 15000, hpa_tick, h->id, 0);
    world_after(w, WORLD_TICK_MS, tick, 0, 0);
    steps_begin(w);
}

void world_release(struct world *w)
{
    for (size_t i = 0; i < w->n_effects; i++) {
        free(w->effects[i].owed);
        free(w->effects[i].written);
    }
    traffic_release(w);
    store_release(&w->store);
    sim_queue_release(&w->queue);
    story_release(&w->story);
}

/* ---- platforms of any size ---- */

static void churn(struct world *w, uint64_t id, uint64_t arg)
{
    size_t n = store_count(&w->store, SIM_POD);
    struct sim_object *const *all = store_sorted(&w->store, SIM_POD);
    (void)arg;
    int64_t many = w->churn_per_s * CHURN_MS / 1000 +
                   ((int64_t)(id % 50) < w->churn_per_s * CHURN_MS % 1000 / 20);
    for (int64_t i = 0; i < many && n; i++) {
        struct sim_object *pod = all[sim_rand_in(&w->rand, 0, (int64_t)n - 1)];
        if (i % 4)
            pod_touch(w, pod);
        else
            world_event(w, pod, "kubelet", true, "Unhealthy",
                        "Readiness probe failed: HTTP probe failed with statuscode: 503");
    }
    world_after(w, CHURN_MS, churn, id + 1, 0);
}

void world_scale(struct world *w, int64_t deployments, int64_t pods, int64_t churn_per_s)
{
    char name[32];
    struct sim_service sv = {
        .kind = SIM_DEPLOYMENT, .replicas = pods, .port = 8080, .deadline_s = 600
    };
    cJSON *ns = x_must(cJSON_CreateObject());
    tree_set(tree_make(ns, "status"), "phase", "Active");
    if (deployments)
        store_add(&w->store, SIM_NAMESPACE, "", LOAD, NULL, ns);
    else
        cJSON_Delete(ns);
    for (int64_t i = 0; i < deployments; i++) {
        snprintf(name, sizeof name, "service-%05d", (int)i);
        sv.name = name;
        struct sim_object *o = store_add(&w->store, SIM_DEPLOYMENT, LOAD, name, NULL,
                                         object_workload(w, &sv, "1.0.0", "release 1.0.0"));
        deployment_settle(w, o, NULL);
    }
    w->churn_per_s = churn_per_s;
    if (churn_per_s > 0)
        sim_queue_add(&w->queue, w->start_ms, churn, 0, 0);
}

/* ---- time ---- */

int64_t world_next_ms(const struct world *w)
{
    const struct sim_due *d = sim_queue_first(&w->queue);
    return d ? d->at_ms : INT64_MAX;
}

bool world_run(struct world *w, int64_t until_ms, size_t most)
{
    struct sim_due d;
    w->is_halted = false;
    for (; most && !w->is_halted && world_next_ms(w) <= until_ms && sim_queue_take(&w->queue, &d);
         most--) {
        w->now_ms = d.at_ms > w->now_ms ? d.at_ms : w->now_ms;
        d.fn(w, d.id, d.arg);
    }
    if (w->is_halted || world_next_ms(w) <= until_ms)
        return false;
    w->now_ms = until_ms > w->now_ms ? until_ms : w->now_ms;
    return true;
}
