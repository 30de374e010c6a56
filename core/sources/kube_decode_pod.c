/*
 * A pod's status in kubectl's words, and what is wrong with it in the pod's own words.
 *
 * `status` follows kubectl's printer (printPod): the phase, then the pod's reason, then the first
 * init container that holds it up, else the last container with a reason.
 * `problem` names the worst container, with the cause: a crash loop says how the last run ended.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/kube_decode.h"

static const char *str(struct arena *a, struct json_span v, size_t cap)
{
    const char *s = json_str(v, a, cap);
    return s ? s : "";
}

static int64_t when(struct json_span v)
{
    int64_t ms;
    if (json_kind(v) == JSON_STRING && clock_parse_rfc3339(v.p + 1, v.n - 2, &ms))
        return ms;
    return TIME_NONE;
}

/* state or lastState: one of waiting, running, terminated. */
static void decode_state(struct pod *p, struct container *c, struct json_span state)
{
    struct json_iter it = json_each(state);
    c->state = CONTAINER_UNKNOWN;
    c->reason = c->message = "";
    c->since_ms = TIME_NONE;
    while (json_next(&it)) {
        if (json_key_is(&it, "waiting")) {
            c->state = CONTAINER_WAITING;
        } else if (json_key_is(&it, "running")) {
            c->state = CONTAINER_RUNNING;
            c->since_ms = when(json_get(it.value, "startedAt"));
        } else if (json_key_is(&it, "terminated")) {
            c->state = CONTAINER_TERMINATED;
            c->since_ms = when(json_get(it.value, "finishedAt"));
            c->exit_code = json_int_or(json_get(it.value, "exitCode"), 0);
        } else {
            continue;
        }
        c->reason = str(&p->arena, json_get(it.value, "reason"), 128);
        c->message = str(&p->arena, json_get(it.value, "message"), KEEP_TEXT);
    }
}

static void decode_container(struct pod *p, struct container *c, struct json_span status, bool is_init)
{
    struct json_iter it = json_each(status);
    struct json_span last = { 0 };
    c->name = c->image = c->last_reason = "";
    c->last_finished_ms = TIME_NONE;
    c->is_init = is_init;
    decode_state(p, c, (struct json_span){ 0 });
    while (json_next(&it)) {
        if (json_key_is(&it, "name"))
            c->name = str(&p->arena, it.value, 64);
        else if (json_key_is(&it, "image"))
            c->image = str(&p->arena, it.value, KEEP_TEXT);
        else if (json_key_is(&it, "ready"))
            c->is_ready = json_is_true(it.value);
        else if (json_key_is(&it, "restartCount"))
            c->restarts = kube_decode_count(it.value, 0);
        else if (json_key_is(&it, "state"))
            decode_state(p, c, it.value);
        else if (json_key_is(&it, "lastState"))
            last = json_get(it.value, "terminated");
    }
    if (json_kind(last) == JSON_OBJECT) {
        c->last_reason = str(&p->arena, json_get(last, "reason"), 128);
        c->last_finished_ms = when(json_get(last, "finishedAt"));
        if (c->state != CONTAINER_TERMINATED)
            c->exit_code = json_int_or(json_get(last, "exitCode"), 0);
    }
}

static void decode_containers(struct pod *p, struct json_span init, struct json_span app)
{
    size_t n = 0;
    for (struct json_iter it = json_each(init); json_next(&it);)
        n++;
    for (struct json_iter it = json_each(app); json_next(&it);)
        n++;
    if (n > POD_CONTAINERS)
        n = POD_CONTAINERS;
    p->containers = arena_alloc(&p->arena, n * sizeof *p->containers);
    for (int pass = 0; pass < 2; pass++) {
        for (struct json_iter it = json_each(pass ? app : init); json_next(&it) && p->n_containers < n;) {
            struct container *c = &p->containers[p->n_containers++];
            decode_container(p, c, it.value, pass == 0);
            p->restarts += c->restarts;
            if (c->restarts && c->last_finished_ms > p->last_restart_ms)
                p->last_restart_ms = c->last_finished_ms;
            if (!c->is_init) {
                p->n_app_containers++;
                p->ready_containers += c->is_ready;
            }
        }
    }
}

static const char *ended(struct pod *p, const struct container *c)
{
    if (c->reason[0])
        return c->reason;
    return arena_printf(&p->arena, c->exit_code > 128 ? "Signal:%" PRId64 : "ExitCode:%" PRId64,
                        c->exit_code > 128 ? c->exit_code - 128 : c->exit_code);
}

/* kubectl's STATUS column. */
static const char *status_words(struct pod *p, const char *reason, size_t n_init)
{
    const char *s = reason[0] ? reason : p->phase;
    size_t seen = 0;
    for (size_t i = 0; i < p->n_containers; i++) {
        const struct container *c = &p->containers[i];
        if (!c->is_init)
            break;
        seen++;
        if (c->state == CONTAINER_TERMINATED && c->exit_code == 0)
            continue;
        if (c->state == CONTAINER_TERMINATED)
            return arena_printf(&p->arena, "Init:%s", ended(p, c));
        if (c->state == CONTAINER_WAITING && c->reason[0] && !text_eq(c->reason, "PodInitializing"))
            return arena_printf(&p->arena, "Init:%s", c->reason);
        return arena_printf(&p->arena, "Init:%zu/%zu", seen - 1, n_init);
    }
    bool is_running = false;
    for (size_t i = p->n_containers; i-- > 0;) {
        const struct container *c = &p->containers[i];
        if (c->is_init)
            break;
        if (c->state == CONTAINER_WAITING && c->reason[0])
            s = c->reason;
        else if (c->state == CONTAINER_TERMINATED)
            s = ended(p, c);
        else if (c->is_ready && c->state == CONTAINER_RUNNING)
            is_running = true;
    }
    if (is_running && text_eq(s, "Completed"))
        s = p->is_ready ? "Running" : "NotReady";
    if (p->deleted_ms != TIME_NONE)
        s = text_eq(reason, "NodeLost") ? "Unknown" : "Terminating";
    return s;
}

static bool is_harmless_wait(const char *reason)
{
    return !reason[0] || text_eq(reason, "ContainerCreating") || text_eq(reason, "PodInitializing");
}

static void set_problem(struct pod *p, enum health h, const char *key, const char *words)
{
    if (h <= p->health)
        return;
    p->health = h;
    p->problem_key = key;
    p->problem = words;
}

/* What one container adds: "CrashLoopBackOff: app exited 1 (Error), 5 restarts". */
static void judge_container(struct pod *p, const struct container *c)
{
    const char *who = arena_printf(&p->arena, "%s%s", c->is_init ? "init container " : "", c->name);
    bool was_oom = text_eq(c->last_reason, "OOMKilled") || text_eq(c->reason, "OOMKilled");
    if (c->state == CONTAINER_WAITING && !is_harmless_wait(c->reason)) {
        const char *words;
        if (text_eq(c->reason, "CrashLoopBackOff"))
            words = arena_printf(&p->arena, "%s: %s exited %" PRId64 "%s%s%s, %" PRId64 " restarts",
                                 was_oom ? "OOMKilled" : c->reason, who, c->exit_code,
                                 c->last_reason[0] && !was_oom ? " (" : "",
                                 was_oom ? "" : c->last_reason,
                                 c->last_reason[0] && !was_oom ? ")" : "", c->restarts);
        else
            words = arena_printf(&p->arena, "%s: %s%s%s", c->reason, who, c->message[0] ? ": " : "",
                                 c->message);
        set_problem(p, HEALTH_FAIL, was_oom ? "OOMKilled" : c->reason, words);
    } else if (c->state == CONTAINER_TERMINATED && c->exit_code != 0) {
        set_problem(p, HEALTH_FAIL, ended(p, c),
                    arena_printf(&p->arena, "%s: %s exited %" PRId64, ended(p, c), who, c->exit_code));
    } else if (was_oom && !c->is_ready) {
        set_problem(p, HEALTH_WARN, "OOMKilled",
                    arena_printf(&p->arena, "OOMKilled: %s, %" PRId64 " restarts", who, c->restarts));
    }
}

struct conditions {
    const char *unschedulable, *unready;
};

static struct conditions decode_conditions(struct pod *p, struct json_span conditions)
{
    struct conditions found = { 0 };
    struct json_iter it = json_each(conditions);
    while (json_next(&it)) {
        struct json_span m[5];
        json_members(it.value, 5, (const char *const[]){ "type", "status", "reason", "message",
                                                         "lastTransitionTime" }, m);
        bool is_true = json_str_is(m[1], "True");
        if (json_str_is(m[0], "Ready")) {
            p->is_ready = is_true;
            if (is_true)
                p->ready_since_ms = when(m[4]);
            else
                found.unready = str(&p->arena, m[3], KEEP_TEXT);
        } else if (json_str_is(m[0], "PodScheduled") && !is_true && json_str_is(m[2], "Unschedulable")) {
            found.unschedulable = str(&p->arena, m[3], KEEP_TEXT);
        }
    }
    return found;
}

static void judge_pod(struct pod *p, const char *reason, const char *message,
                      const struct conditions *found)
{
    if (found->unschedulable)
        set_problem(p, HEALTH_FAIL, "Unschedulable",
                    arena_printf(&p->arena, "Unschedulable: %s", found->unschedulable));
    if (text_eq(p->phase, "Failed"))
        set_problem(p, HEALTH_FAIL, reason[0] ? reason : "Failed",
                    arena_printf(&p->arena, "%s%s%s", reason[0] ? reason : "Failed",
                                 message[0] ? ": " : "", message));
    for (size_t i = 0; i < p->n_containers; i++)
        judge_container(p, &p->containers[i]);
    bool is_over = text_eq(p->phase, "Succeeded") || text_eq(p->phase, "Failed");
    if (p->deleted_ms != TIME_NONE)
        set_problem(p, HEALTH_PROGRESS, "Terminating", "");
    else if (!p->is_ready && !is_over)
        set_problem(p, HEALTH_PROGRESS, "NotReady",
                    text_eq(p->phase, "Running")
                        ? arena_printf(&p->arena, "NotReady: %s",
                                       found->unready && found->unready[0] ? found->unready
                                                                           : "not ready")
                        : "");
}

static void decode_metadata(struct pod *p, struct json_span meta)
{
    struct arena *a = &p->arena;
    struct json_iter it = json_each(meta);
    while (json_next(&it)) {
        if (json_key_is(&it, "name")) {
            p->name = str(a, it.value, KEEP_NAME);
        } else if (json_key_is(&it, "namespace")) {
            p->ns = str(a, it.value, 64);
        } else if (json_key_is(&it, "uid")) {
            p->uid = str(a, it.value, 64);
        } else if (json_key_is(&it, "resourceVersion")) {
            p->resource_version = str(a, it.value, 64);
        } else if (json_key_is(&it, "creationTimestamp")) {
            p->created_ms = when(it.value);
        } else if (json_key_is(&it, "deletionTimestamp")) {
            p->deleted_ms = when(it.value);
        } else if (json_key_is(&it, "labels")) {
            p->hash = str(a, json_get(it.value, "pod-template-hash"), 64);
            if (!p->hash[0])
                p->hash = str(a, json_get(it.value, "controller-revision-hash"), KEEP_NAME);
        } else if (json_key_is(&it, "ownerReferences")) {
            for (struct json_iter o = json_each(it.value); json_next(&o);) {
                if (!json_is_true(json_get(o.value, "controller")))
                    continue;
                p->owner_uid = str(a, json_get(o.value, "uid"), 64);
                p->owner_kind = str(a, json_get(o.value, "kind"), 64);
                p->owner_name = str(a, json_get(o.value, "name"), KEEP_NAME);
                break;
            }
        }
    }
}

enum err_code kube_decode_pod(struct json_span metadata, struct json_span spec, struct json_span status,
                              struct pod **out, struct err *e)
{
    struct pod *p = pod_new();
    struct arena *a = &p->arena;
    const char *reason = "", *message = "";
    struct json_span init = { 0 }, app = { 0 }, conditions = { 0 };
    struct json_span s[3];
    json_members(spec, 3, (const char *const[]){ "nodeName", "initContainers", "containers" }, s);
    decode_metadata(p, metadata);
    p->node = str(a, s[0], KEEP_NAME);
    for (struct json_iter it = json_each(status); json_next(&it);) {
        if (json_key_is(&it, "phase"))
            p->phase = str(a, it.value, 32);
        else if (json_key_is(&it, "reason"))
            reason = str(a, it.value, 128);
        else if (json_key_is(&it, "message"))
            message = str(a, it.value, KEEP_TEXT);
        else if (json_key_is(&it, "initContainerStatuses"))
            init = it.value;
        else if (json_key_is(&it, "containerStatuses"))
            app = it.value;
        else if (json_key_is(&it, "conditions"))
            conditions = it.value;
    }
    if (!p->name[0] || !p->uid[0]) {
        pod_unref(p);
        return err_set(e, ERR_PARSE, 0, "a pod without metadata.name or metadata.uid");
    }
    size_t n_init = 0;
    for (struct json_iter it = json_each(s[1]); json_next(&it);)
        n_init++;
    struct conditions found = decode_conditions(p, conditions);
    decode_containers(p, init, app);
    if (!p->n_app_containers) { /* nothing started yet: the spec knows how many there will be */
        for (struct json_iter it = json_each(s[2]); json_next(&it);)
            p->n_app_containers++;
    }
    p->status = status_words(p, reason, n_init);
    judge_pod(p, reason, message, &found);
    *out = p;
    return ERR_OK;
}
