#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/parts.h"
#include "core/sim/traffic.h"

enum { PERIOD_MS = 15000, CALM_MS = 300000, REQUEST_MILLIS = 250 };

static void rescale(struct world *w, struct sim_object *hpa, struct sim_object *dep, int64_t n,
                    int64_t percent)
{
    char at[32];
    int64_t now = tree_int(dep->doc, "spec.replicas", 1);
    const char *last = tree_str(hpa->doc, "status.lastScaleTime");
    int64_t last_ms = INT64_MIN / 2;
    clock_parse_rfc3339(last, strlen(last), &last_ms);
    if (n < now &&
        w->now_ms - last_ms < CALM_MS) /* downwards it waits until it has been quiet for a while */
        return;
    tree_set_int(tree_get(dep->doc, "spec"), "replicas", n);
    tree_set_int(tree_get(dep->doc, "metadata"), "generation",
                 tree_int(dep->doc, "metadata.generation", 1) + 1);
    store_changed(&w->store, dep);
    world_spec_changed(w, dep);
    tree_set(tree_make(hpa->doc, "status"), "lastScaleTime", sim_time(w->now_ms, at));
    world_event(w, hpa, "horizontal-pod-autoscaler", false, "SuccessfulRescale",
                "New size: %" PRId64 "; reason: %s (%" PRId64 "%%)", n,
                n > now ? "cpu resource utilization (percentage of request) above target"
                        : "All metrics below target",
                percent);
}

static void look(struct world *w, struct sim_object *hpa)
{
    struct sim_service *sv =
        story_service(&w->story, tree_str(hpa->doc, "spec.scaleTargetRef.name"));
    struct sim_object *dep = sv ? traffic_workload(w, sv) : NULL;
    if (!dep)
        return;
    const struct traffic *t = traffic_of(w, sv);
    int64_t now = tree_int(dep->doc, "spec.replicas", 1), goal = sv->hpa_cpu;
    int64_t percent = (int64_t)(t->cpu_millis * 100 / REQUEST_MILLIS), n = now;
    if (t->ready &&
        (percent * 10 > goal * 11 || percent * 10 < goal * 9)) /* within a tenth nothing is done */
        n = (int64_t)ceil((double)t->ready * (double)percent / (double)goal);
    n = n < sv->hpa_least ? sv->hpa_least : n > sv->hpa_most ? sv->hpa_most : n;
    cJSON *before = tree_copy(hpa->doc), *status = tree_make(hpa->doc, "status");
    if (n != now)
        rescale(w, hpa, dep, n, percent);
    tree_set_int(status, "currentReplicas", tree_int(dep->doc, "status.replicas", 0));
    tree_set_int(status, "desiredReplicas", n);
    tree_set_int(status, "currentCPUUtilizationPercentage", percent);
    if (!tree_equal(before, hpa->doc))
        store_changed(&w->store, hpa);
    cJSON_Delete(before);
}

void hpa_tick(struct world *w, uint64_t id, uint64_t arg)
{
    struct sim_object *hpa = store_by_id(&w->store, id);
    (void)arg;
    if (!hpa)
        return;
    look(w, hpa);
    world_after(w, PERIOD_MS, hpa_tick, id, 0);
}
