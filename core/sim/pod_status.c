#include "core/sim/pod_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *pod_image(const struct sim_object *pod)
{
    return tree_str(cJSON_GetArrayItem(tree_at(pod->doc, "spec.containers"), 0), "image");
}

static cJSON *add_condition(cJSON *list, const char *type, bool is_true, int64_t since_ms)
{
    char at[32];
    cJSON *c = x_must(cJSON_CreateObject());
    tree_set(c, "type", type);
    tree_set(c, "status", is_true ? "True" : "False");
    tree_take(c, "lastProbeTime", cJSON_CreateNull());
    tree_set(c, "lastTransitionTime", sim_time(since_ms, at));
    cJSON_AddItemToArray(list, c);
    return c;
}

static void say_unready(cJSON *condition, const char *container)
{
    char text[128];
    snprintf(text, sizeof text, "containers with unready status: [%s]", container);
    tree_set(condition, "reason", "ContainersNotReady");
    tree_set(condition, "message", text);
}

static void write_conditions(struct sim_object *pod, cJSON *status)
{
    const struct pod_state *p = pod->pod;
    cJSON *list = x_must(cJSON_CreateArray()), *c;
    int64_t turned = p->turned_ms ? p->turned_ms : p->began_ms;
    tree_take(status, "conditions", list);
    if (p->stage == POD_PLACING) {
        if (p->node >= 0)
            add_condition(list, "PodScheduled", true, pod->created_ms);
        return;
    }
    add_condition(list, "Initialized", true, p->began_ms);
    c = add_condition(list, "Ready", p->is_ready, turned);
    if (!p->is_ready)
        say_unready(c, p->name);
    c = add_condition(list, "ContainersReady", p->is_ready, turned);
    if (!p->is_ready)
        say_unready(c, p->name);
    add_condition(list, "PodScheduled", true, p->began_ms);
}

static void write_end(cJSON *at, const struct pod_end *end, uint64_t number)
{
    char text[96], time[32];
    cJSON *t = tree_make(at, "terminated");
    tree_set_int(t, "exitCode", end->exit_code);
    tree_set(t, "reason", end->reason);
    tree_set(t, "startedAt", sim_time(end->started_ms, time));
    tree_set(t, "finishedAt", sim_time(end->finished_ms, time));
    snprintf(text, sizeof text, "containerd://%064" PRIx64,
             sim_mix(number, (uint64_t)end->started_ms));
    tree_set(t, "containerID", text);
}

static void wait_for(cJSON *state, const char *reason, const char *message)
{
    tree_set(tree_make(state, "waiting"), "reason", reason);
    if (message)
        tree_set(tree_make(state, "waiting"), "message", message);
}

static void write_state(const struct sim_object *pod, cJSON *state)
{
    const struct pod_state *p = pod->pod;
    char at[32], span[48], text[512];
    int64_t wait_s = 10;
    switch (p->stage) {
    case POD_PULL_BACKOFF:
        snprintf(text, sizeof text, "Back-off pulling image \"%s\"", pod_image(pod));
        wait_for(state, "ImagePullBackOff", text);
        break;
    case POD_MISCONFIGURED:
        wait_for(state, "CreateContainerConfigError", "configmap \"settings\" not found");
        break;
    case POD_RUNNING:
        tree_set(tree_make(state, "running"), "startedAt", sim_time(p->started_ms, at));
        break;
    case POD_BACKOFF:
        for (int64_t i = 1; i < p->restarts && wait_s < 300; i++)
            wait_s *= 2;
        wait_s = wait_s < 300 ? wait_s : 300;
        snprintf(span, sizeof span,
                 wait_s < 60 ? "%.0" PRId64 "%" PRId64 "s" : "%" PRId64 "m%" PRId64 "s",
                 wait_s / 60, wait_s % 60);
        snprintf(text, sizeof text, "back-off %s restarting failed container=%s pod=%s_%s(%s)",
                 span, p->name, pod->name, pod->ns, pod->uid);
        wait_for(state, "CrashLoopBackOff", text);
        break;
    default:
        wait_for(state, "ContainerCreating", NULL);
    }
}

static cJSON *write_container(const struct sim_object *pod, cJSON *status)
{
    const struct pod_state *p = pod->pod;
    char text[128];
    cJSON *list = x_must(cJSON_CreateArray()), *c = x_must(cJSON_CreateObject());
    bool is_up = p->stage == POD_RUNNING;
    tree_take(status, "containerStatuses", list);
    cJSON_AddItemToArray(list, c);
    tree_set(c, "name", p->name);
    write_state(pod, tree_make(c, "state"));
    tree_make(c, "lastState");
    if (p->has_ended)
        write_end(tree_make(c, "lastState"), &p->last, p->number);
    tree_set_bool(c, "ready", p->is_ready);
    tree_set_int(c, "restartCount", p->restarts);
    tree_set(c, "image", pod_image(pod));
    snprintf(text, sizeof text, "sha256:%064" PRIx64,
             sim_hash(pod_image(pod), strlen(pod_image(pod))));
    tree_set(c, "imageID", is_up ? text : "");
    snprintf(text, sizeof text, "containerd://%064" PRIx64,
             sim_mix(p->number, (uint64_t)p->started_ms));
    if (is_up)
        tree_set(c, "containerID", text);
    tree_set_bool(c, "started", is_up);
    return c;
}

void pod_status_write(const struct world *w, struct sim_object *pod)
{
    const struct pod_state *p = pod->pod;
    char text[48];
    cJSON *status = x_must(cJSON_CreateObject());
    (void)w;
    tree_take(pod->doc, "status", status);
    tree_set(status, "phase",
             p->stage == POD_RUNNING || p->stage == POD_BACKOFF ? "Running" : "Pending");
    write_conditions(pod, status);
    if (p->stage == POD_PLACING) {
        tree_set(status, "qosClass", "Burstable");
        return;
    }
    snprintf(text, sizeof text, "10.10.0.%" PRId64, p->node + 10);
    tree_set(status, "hostIP", text);
    if (p->stage == POD_RUNNING || p->stage == POD_BACKOFF) {
        snprintf(text, sizeof text, "10.244.%" PRId64 ".%" PRIu64, p->node, p->number % 250 + 2);
        tree_set(status, "podIP", text);
    }
    tree_set(status, "startTime", sim_time(p->began_ms, text));
    write_container(pod, status);
    tree_set(status, "qosClass", "Burstable");
}

void pod_status_write_ended(const struct world *w, struct sim_object *pod)
{
    pod_status_write(w, pod);
    cJSON *c = cJSON_GetArrayItem(tree_at(pod->doc, "status.containerStatuses"), 0);
    tree_take(c, "state", cJSON_CreateObject());
    write_end(tree_get(c, "state"), &pod->pod->last, pod->pod->number);
    tree_set_bool(c, "started", false);
}

void pod_status_write_unplaced(const struct world *w, struct sim_object *pod)
{
    char text[128];
    pod_status_write(w, pod);
    cJSON *list = tree_at(pod->doc, "status.conditions");
    cJSON *c = add_condition(list, "PodScheduled", false, pod->created_ms);
    tree_set(c, "reason", "Unschedulable");
    snprintf(text, sizeof text, "0/%" PRId64 " nodes are available: %" PRId64 " Insufficient cpu.",
             w->story.nodes, w->story.nodes);
    tree_set(c, "message", text);
}
