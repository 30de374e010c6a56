#include "core/sources/kube_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

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

bool kube_decode_identity(struct json_span obj, char uid[64], char rv[64])
{
    struct json_iter it = json_each(json_get(obj, "metadata"));
    uid[0] = rv[0] = '\0';
    while (json_next(&it)) {
        char *into = json_key_is(&it, "uid") ? uid : json_key_is(&it, "resourceVersion") ? rv : NULL;
        if (into && json_kind(it.value) == JSON_STRING)
            text_clean_to(into, 64, it.value.p + 1, it.value.n - 2);
    }
    return rv[0] != '\0';
}

/* What most kinds are made of, found in one pass. */
struct parts {
    struct json_span metadata, spec, status;
};

static struct parts parts_of(struct json_span obj)
{
    struct json_span m[3];
    json_members(obj, 3, (const char *const[]){ "metadata", "spec", "status" }, m);
    return (struct parts){ m[0], m[1], m[2] };
}

/* The first ownerReference that is the controller. */
static void decode_owner(struct arena *a, struct json_span refs, const char **uid,
                         const char **kind, const char **name)
{
    struct json_iter it = json_each(refs);
    while (json_next(&it)) {
        if (!json_is_true(json_get(it.value, "controller")))
            continue;
        *uid = str(a, json_get(it.value, "uid"), 64);
        *kind = str(a, json_get(it.value, "kind"), 64);
        *name = str(a, json_get(it.value, "name"), KEEP_NAME);
        return;
    }
}

struct meta { /* what the kinds look at below metadata */
    struct json_span labels, annotations, managed_fields;
    int64_t generation;
};

static enum err_code decode_meta(struct json_span metadata, struct kube_object *o, struct meta *m,
                                 struct err *e)
{
    struct arena *a = &o->arena;
    struct json_iter it = json_each(metadata);
    o->ns = o->name = o->uid = o->rv = o->owner_uid = o->owner_kind = o->owner_name = "";
    o->created_ms = o->written_ms = TIME_NONE;
    while (json_next(&it)) {
        if (json_key_is(&it, "name"))
            o->name = str(a, it.value, KEEP_NAME);
        else if (json_key_is(&it, "namespace"))
            o->ns = str(a, it.value, 64);
        else if (json_key_is(&it, "uid"))
            o->uid = str(a, it.value, 64);
        else if (json_key_is(&it, "resourceVersion"))
            o->rv = str(a, it.value, 64);
        else if (json_key_is(&it, "creationTimestamp"))
            o->created_ms = when(it.value);
        else if (json_key_is(&it, "ownerReferences"))
            decode_owner(a, it.value, &o->owner_uid, &o->owner_kind, &o->owner_name);
        else if (json_key_is(&it, "generation"))
            m->generation = json_int_or(it.value, 0);
        else if (json_key_is(&it, "labels"))
            m->labels = it.value;
        else if (json_key_is(&it, "annotations"))
            m->annotations = it.value;
        else if (json_key_is(&it, "managedFields"))
            m->managed_fields = it.value;
    }
    if (!o->name[0] || !o->uid[0])
        return err_set(e, ERR_PARSE, 0, "an object without metadata.%s", o->name[0] ? "uid" : "name");
    return ERR_OK;
}

static struct kube_selector decode_pairs(struct arena *a, struct json_span labels)
{
    enum { MOST = 32 };
    struct json_iter it = json_each(labels);
    const char **pairs = NULL;
    size_t n = 0;
    while (json_next(&it) && n < MOST) {
        if (json_kind(it.value) != JSON_STRING)
            continue;
        if (!pairs)
            pairs = arena_alloc(a, MOST * sizeof *pairs);
        pairs[n++] = arena_printf(a, "%.*s=%.*s", (int)(it.key.n < KEEP_NAME ? it.key.n : KEEP_NAME),
                                  it.key.p, (int)(it.value.n - 2 < KEEP_NAME ? it.value.n - 2 : KEEP_NAME),
                                  it.value.p + 1);
    }
    return (struct kube_selector){ pairs, n };
}

/* Images of a pod spec: the first, and all of them joined. */
static void decode_images(struct kube_object *o, struct json_span pod_spec)
{
    struct buf b = BUF_INIT(4096);
    struct json_iter it = json_each(json_get(pod_spec, "containers"));
    o->image = "";
    while (json_next(&it)) {
        const char *image = str(&o->arena, json_get(it.value, "image"), KEEP_TEXT);
        if (!o->image[0])
            o->image = image;
        buf_addf(&b, "%s%s", b.len ? ", " : "", image);
    }
    o->images = arena_strndup(&o->arena, buf_str(&b), b.len);
    buf_release(&b);
}

/* Who would put back what we change: labels and annotations of the known owners. */
static const char *decode_manager(struct arena *a, const struct meta *m)
{
    static const struct {
        bool is_label;
        const char *key, *words;
    } known[] = {
        { false, "meta.helm.sh/release-name", "Helm" },
        { true, "argocd.argoproj.io/instance", "Argo CD" },
        { false, "argocd.argoproj.io/tracking-id", "Argo CD" },
        { true, "kustomize.toolkit.fluxcd.io/name", "Flux" },
        { true, "helm.toolkit.fluxcd.io/name", "Flux" },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const char *v = json_str(json_get(known[i].is_label ? m->labels : m->annotations, known[i].key),
                                 a, KEEP_NAME);
        if (v)
            return arena_printf(a, "%s %s", known[i].words, v);
    }
    if (json_str_is(json_get(m->labels, "app.kubernetes.io/managed-by"), "Helm"))
        return "Helm";
    return "";
}

static int64_t annotation_int(const struct meta *m, const char *key)
{
    struct json_span v = json_get(m->annotations, key);
    int64_t n;
    if (json_kind(v) == JSON_STRING && text_to_int(v.p + 1, v.n - 2, 0, INT64_MAX, &n))
        return n;
    return 0;
}

static void decode_conditions(struct rollout_facts *f, struct json_span conditions)
{
    struct json_iter it = json_each(conditions);
    while (json_next(&it)) {
        if (json_str_is(json_get(it.value, "type"), "Progressing")) {
            f->is_deadline_exceeded = json_str_is(json_get(it.value, "reason"), "ProgressDeadlineExceeded");
            f->progress_ms = when(json_get(it.value, "lastUpdateTime"));
        }
    }
}

int64_t kube_decode_count(struct json_span v, int64_t otherwise)
{
    int64_t n = json_int_or(v, otherwise);
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : n;
}

static void decode_status(struct kube_object *o, struct json_span status)
{
    struct rollout_facts *f = &o->facts;
    struct json_iter it = json_each(status);
    while (json_next(&it)) {
        int64_t n = kube_decode_count(it.value, 0);
        if (json_key_is(&it, "observedGeneration"))
            f->observed_generation = json_int_or(it.value, 0);
        else if (json_key_is(&it, "replicas"))
            f->replicas = n;
        else if (json_key_is(&it, "updatedReplicas") || json_key_is(&it, "updatedNumberScheduled"))
            f->updated = n;
        else if (json_key_is(&it, "availableReplicas") || json_key_is(&it, "numberAvailable"))
            f->available = n;
        else if (json_key_is(&it, "readyReplicas") || json_key_is(&it, "numberReady"))
            f->ready = n;
        else if (json_key_is(&it, "desiredNumberScheduled"))
            f->desired_scheduled = n;
        else if (json_key_is(&it, "currentRevision"))
            f->current_revision = str(&o->arena, it.value, KEEP_NAME);
        else if (json_key_is(&it, "updateRevision"))
            f->update_revision = str(&o->arena, it.value, KEEP_NAME);
        else if (json_key_is(&it, "conditions"))
            decode_conditions(f, it.value);
    }
}

/* When a client last wrote an object, or those who have written `field` of it; TIME_NONE = not said. */
static int64_t last_written(const struct meta *m, const char *field)
{
    int64_t last = TIME_NONE;
    struct json_iter it = json_each(m->managed_fields);
    while (json_next(&it)) {
        int64_t ms = when(json_get(it.value, "time"));
        if ((!field || json_path(it.value, field).p) && ms > last)
            last = ms;
    }
    return last;
}

/* A number or a name, as text. */
static const char *port_text(struct arena *a, struct json_span v)
{
    int64_t n;
    if (json_int(v, &n) && n > 0 && n <= 65535)
        return arena_printf(a, "%d", (int)n);
    return str(a, v, 64);
}

/* The first container that is asked by HTTP speaks for the pod. */
static struct http_check decode_check(struct arena *a, struct json_span containers, const char *probe)
{
    struct json_iter it = json_each(containers);
    while (json_next(&it)) {
        struct json_span get = json_get(json_get(it.value, probe), "httpGet");
        if (json_kind(get) != JSON_OBJECT)
            continue;
        const char *path = str(a, json_get(get, "path"), KEEP_TEXT);
        return (struct http_check){ path[0] == '/' ? path : arena_printf(a, "/%s", path), port_text(a, json_get(get, "port")),
                                    json_str_is(json_get(get, "scheme"), "HTTPS") };
    }
    return (struct http_check){ "", "", false };
}

static void decode_workload(struct kube_object *o, const struct parts *obj, const struct meta *m,
                            enum workload_kind kind)
{
    struct rollout_facts *f = &o->facts;
    struct json_span s[4];
    json_members(obj->spec, 4, (const char *const[]){ "replicas", "paused", "updateStrategy", "template" }, s);
    struct json_span strategy = s[2], template = s[3], rolling = json_get(strategy, "rollingUpdate");
    *f = (struct rollout_facts){ .kind = kind, .name = o->name, .progress_ms = TIME_NONE,
                                 .current_revision = "", .update_revision = "" };
    if (kind == WORKLOAD_STATEFULSET)
        f->available = -1; /* API servers before 1.22 do not say */
    f->generation = m->generation;
    o->written_ms = last_written(m, "fieldsV1.f:spec.f:template");
    f->spec_replicas = kube_decode_count(s[0], 1);
    f->is_paused = o->is_paused = json_is_true(s[1]);
    f->is_ondelete = json_str_is(json_get(strategy, "type"), "OnDelete");
    f->has_partition = kind == WORKLOAD_STATEFULSET && json_kind(rolling) == JSON_OBJECT;
    f->partition = kube_decode_count(json_get(rolling, "partition"), 0);
    decode_status(o, obj->status);
    o->desired = kind == WORKLOAD_DAEMONSET ? f->desired_scheduled : f->spec_replicas;
    o->ready = f->ready;
    o->revision = kind == WORKLOAD_DEPLOYMENT
                      ? annotation_int(m, "deployment.kubernetes.io/revision")
                      : 0; /* the ControllerRevisions know */
    o->current_hash = f->update_revision;
    o->managed_by = decode_manager(&o->arena, m);
    o->app = str(&o->arena, json_get(m->labels, "app.kubernetes.io/name"), 64);
    o->labels = decode_pairs(&o->arena, json_path(template, "metadata.labels"));
    struct json_span pod = json_get(template, "spec"), containers = json_get(pod, "containers");
    decode_images(o, pod);
    o->readiness = decode_check(&o->arena, containers, "readinessProbe");
    o->liveness = decode_check(&o->arena, containers, "livenessProbe");
}

static void decode_service(struct kube_object *o, struct json_span spec)
{
    struct arena *a = &o->arena;
    struct endpoint *list = arena_alloc(a, SERVICE_PORTS * sizeof *list);
    struct json_iter it = json_each(json_get(spec, "ports"));
    bool is_headless = json_str_is(json_get(spec, "clusterIP"), "None");
    o->labels = decode_pairs(a, json_get(spec, "selector"));
    while (json_next(&it) && o->n_endpoints < SERVICE_PORTS) {
        struct json_span protocol = json_get(it.value, "protocol");
        int64_t port;
        if (!json_int(json_get(it.value, "port"), &port) || port < 1 || port > 65535 ||
            (protocol.p && !json_str_is(protocol, "TCP")))
            continue;
        const char *target = port_text(a, json_get(it.value, "targetPort"));
        list[o->n_endpoints++] = (struct endpoint){
            .service = o->name, .port_name = str(a, json_get(it.value, "name"), 64), .port = (int)port,
            .target = target[0] ? target : arena_printf(a, "%d", (int)port), .is_headless = is_headless };
    }
    o->endpoints = list;
}

static void decode_replicaset(struct kube_object *o, const struct parts *obj, const struct meta *m)
{
    struct json_span s[2];
    json_members(obj->spec, 2, (const char *const[]){ "replicas", "template" }, s);
    o->revision = annotation_int(m, "deployment.kubernetes.io/revision");
    o->cause = str(&o->arena, json_get(m->annotations, "kubernetes.io/change-cause"), KEEP_TEXT);
    o->hash = str(&o->arena, json_get(m->labels, "pod-template-hash"), 64);
    o->is_reused = json_get(m->annotations, "deployment.kubernetes.io/revision-history").p != NULL;
    o->desired = kube_decode_count(s[0], 1);
    o->ready = kube_decode_count(json_get(obj->status, "readyReplicas"), 0);
    decode_images(o, json_get(s[1], "spec"));
}

static void decode_revision(struct kube_object *o, struct json_span obj, const struct meta *m)
{
    /* It is written when it is made and when an undo gives it a new number, never else. */
    o->written_ms = last_written(m, NULL);
    o->revision = json_int_or(json_get(obj, "revision"), 0);
    o->cause = str(&o->arena, json_get(m->annotations, "kubernetes.io/change-cause"), KEEP_TEXT);
    o->hash = str(&o->arena, json_get(m->labels, "controller-revision-hash"), KEEP_NAME);
    if (!o->hash[0])
        o->hash = o->name;
    o->desired = o->ready = -1;
    decode_images(o, json_path(obj, "data.spec.template.spec"));
}

/* autoscaling/v1: the shape that every server from 1.20 to now serves. */
static void decode_hpa(struct kube_object *o, const struct parts *obj)
{
    struct json_span spec = obj->spec, status = obj->status;
    struct json_span ref = json_get(spec, "scaleTargetRef");
    o->target_kind = str(&o->arena, json_get(ref, "kind"), 64);
    o->target_name = str(&o->arena, json_get(ref, "name"), KEEP_NAME);
    int64_t cpu = json_int_or(json_get(status, "currentCPUUtilizationPercentage"), -1);
    int64_t goal = json_int_or(json_get(spec, "targetCPUUtilizationPercentage"), -1);
    char now[24] = "unknown";
    if (cpu >= 0)
        snprintf(now, sizeof now, "%" PRId64 "%%", cpu);
    o->text = arena_printf(&o->arena, "%" PRId64 "-%" PRId64 " now %" PRId64 "%s%s%s",
                           json_int_or(json_get(spec, "minReplicas"), 1),
                           json_int_or(json_get(spec, "maxReplicas"), 0),
                           json_int_or(json_get(status, "currentReplicas"), 0),
                           goal >= 0 ? ", cpu " : "", goal >= 0 ? now : "",
                           goal >= 0 ? (const char *)arena_printf(&o->arena, "/%" PRId64 "%%", goal) : "");
}

static void decode_event(struct kube_object *o, struct json_span obj)
{
    struct event *ev = event_new();
    struct arena *a = &ev->arena;
    struct json_span who = json_get(obj, "involvedObject"), series = json_get(obj, "series");
    ev->ns = arena_strdup(a, o->ns);
    ev->name = arena_strdup(a, o->name);
    ev->uid = arena_strdup(a, o->uid);
    ev->object_kind = str(a, json_get(who, "kind"), 64);
    ev->object_name = str(a, json_get(who, "name"), KEEP_NAME);
    ev->object_uid = str(a, json_get(who, "uid"), 64);
    ev->reason = str(a, json_get(obj, "reason"), 128);
    ev->message = str(a, json_get(obj, "message"), KEEP_TEXT);
    ev->from = str(a, json_path(obj, "source.component"), 128);
    if (!ev->from[0])
        ev->from = str(a, json_get(obj, "reportingComponent"), 128);
    ev->is_warning = json_str_is(json_get(obj, "type"), "Warning");
    ev->count = kube_decode_count(json_get(series, "count"), kube_decode_count(json_get(obj, "count"), 1));
    ev->first_ms = when(json_get(obj, "firstTimestamp"));
    ev->last_ms = when(json_get(series, "lastObservedTime"));
    if (ev->last_ms == TIME_NONE)
        ev->last_ms = when(json_get(obj, "lastTimestamp"));
    if (ev->last_ms == TIME_NONE)
        ev->last_ms = when(json_get(obj, "eventTime"));
    if (ev->last_ms == TIME_NONE)
        ev->last_ms = o->created_ms;
    if (ev->first_ms == TIME_NONE)
        ev->first_ms = ev->last_ms;
    o->event = ev;
    o->owner_uid = ev->object_uid; /* so that an event is found from what it is about */
}

static void decode_job(struct kube_object *o, const struct parts *obj, const struct meta *m)
{
    struct json_iter it = json_each(json_get(obj->status, "conditions"));
    o->labels = decode_pairs(&o->arena, m->labels);
    o->text = "";
    bool is_complete = false;
    while (json_next(&it)) {
        bool is_true = json_str_is(json_get(it.value, "status"), "True");
        if (is_true && json_str_is(json_get(it.value, "type"), "Failed")) {
            o->is_bad = true;
            o->text = arena_printf(&o->arena, "Job %s failed: %s", o->name,
                                   str(&o->arena, json_get(it.value, "message"), KEEP_TEXT));
        }
        is_complete |= is_true && json_str_is(json_get(it.value, "type"), "Complete");
    }
    if (!o->is_bad && !is_complete)
        o->text = arena_printf(&o->arena, "Job %s has not completed (%" PRId64 " failed tries)", o->name,
                               json_int_or(json_get(obj->status, "failed"), 0));
}

static void decode_node(struct kube_object *o, const struct parts *obj)
{
    struct json_iter it = json_each(json_get(obj->status, "conditions"));
    o->text = "";
    while (json_next(&it)) {
        if (!json_str_is(json_get(it.value, "type"), "Ready") ||
            json_str_is(json_get(it.value, "status"), "True"))
            continue;
        o->is_bad = true;
        o->text = arena_printf(&o->arena, "node %s is not ready: %s", o->name,
                               str(&o->arena, json_get(it.value, "message"), KEEP_TEXT));
    }
}

/* A pod is the one kind that comes by ten thousands: its strings are kept once. */
static enum err_code decode_pod_object(struct kube_object *o, const struct parts *obj, struct err *e)
{
    enum err_code err = kube_decode_pod(obj->metadata, obj->spec, obj->status, &o->pod, e);
    if (err)
        return err;
    const struct pod *p = o->pod;
    o->ns = p->ns;
    o->name = p->name;
    o->uid = p->uid;
    o->rv = p->resource_version;
    o->owner_uid = p->owner_uid;
    o->owner_kind = p->owner_kind;
    o->owner_name = p->owner_name;
    o->created_ms = p->created_ms;
    return ERR_OK;
}

enum err_code kube_decode(enum kube_kind kind, struct json_span obj, struct kube_object **out,
                          struct err *e)
{
    struct kube_object *o = x_calloc(1, sizeof *o);
    struct meta m = { 0 };
    struct parts parts = parts_of(obj);
    o->kind = kind;
    o->image = o->images = o->managed_by = o->app = o->hash = o->cause = o->current_hash = "";
    o->target_kind = o->target_name = o->text = "";
    enum err_code err;
    if (kind == KIND_POD)
        err = decode_pod_object(o, &parts, e);
    else
        err = decode_meta(parts.metadata, o, &m, e);
    if (err) {
        kube_object_free(o);
        return err;
    }
    switch (kind) {
    case KIND_DEPLOYMENT: decode_workload(o, &parts, &m, WORKLOAD_DEPLOYMENT); break;
    case KIND_STATEFULSET: decode_workload(o, &parts, &m, WORKLOAD_STATEFULSET); break;
    case KIND_DAEMONSET: decode_workload(o, &parts, &m, WORKLOAD_DAEMONSET); break;
    case KIND_REPLICASET: decode_replicaset(o, &parts, &m); break;
    case KIND_REVISION: decode_revision(o, obj, &m); break;
    case KIND_HPA: decode_hpa(o, &parts); break;
    case KIND_SERVICE: decode_service(o, parts.spec); break;
    case KIND_EVENT: decode_event(o, obj); break;
    case KIND_JOB: decode_job(o, &parts, &m); break;
    case KIND_NODE: decode_node(o, &parts); break;
    default: break;
    }
    *out = o;
    return ERR_OK;
}

void kube_object_free(struct kube_object *o)
{
    if (!o)
        return;
    pod_unref(o->pod);
    event_unref(o->event);
    arena_release(&o->arena);
    free(o);
}

bool kube_parse_quantity(const char *s, size_t n, int64_t *milli)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = { { "", 1 },      { "m", 1e-3 },   { "u", 1e-6 },   { "n", 1e-9 },  { "k", 1e3 },
                  { "M", 1e6 },   { "G", 1e9 },    { "T", 1e12 },   { "P", 1e15 },  { "E", 1e18 },
                  { "Ki", 1024.0 }, { "Mi", 1048576.0 }, { "Gi", 1073741824.0 },
                  { "Ti", 1099511627776.0 }, { "Pi", 1125899906842624.0 } };
    char text[64], *end;
    if (!n || n >= sizeof text || !strchr("+-.0123456789", s[0]))
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    double v = strtod(text, &end);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].suffix) == 0) {
            v *= units[i].factor * 1000;
            if (!(v > -9e18 && v < 9e18))
                return false;
            *milli = (int64_t)v;
            return true;
        }
    }
    return false;
}

enum err_code kube_decode_usage(struct json_span obj, struct kube_usage *out, struct err *e)
{
    struct kube_usage u = { 0 };
    struct json_span meta = json_get(obj, "metadata"), ns = json_get(meta, "namespace"),
                     name = json_get(meta, "name");
    if (json_kind(ns) != JSON_STRING || json_kind(name) != JSON_STRING)
        return err_set(e, ERR_PARSE, 0, "PodMetrics without a name");
    text_clean_to(u.ns, sizeof u.ns, ns.p + 1, ns.n - 2);
    text_clean_to(u.pod, sizeof u.pod, name.p + 1, name.n - 2);
    struct json_iter it = json_each(json_get(obj, "containers"));
    while (json_next(&it)) {
        struct json_span usage = json_get(it.value, "usage");
        struct json_span cpu = json_get(usage, "cpu"), mem = json_get(usage, "memory");
        int64_t milli;
        if (json_kind(cpu) == JSON_STRING && kube_parse_quantity(cpu.p + 1, cpu.n - 2, &milli))
            u.cpu_millis += milli;
        if (json_kind(mem) == JSON_STRING && kube_parse_quantity(mem.p + 1, mem.n - 2, &milli))
            u.memory_bytes += milli / 1000;
    }
    *out = u;
    return ERR_OK;
}
