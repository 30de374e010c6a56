/*
 * PATCH of a Deployment, StatefulSet or DaemonSet, and DELETE of a pod.  What may change is
 * metadata and spec; the server's own fields stay.  A resourceVersion in the result that is not the
 * object's is a precondition that does not hold: 409; another uid is a change of what cannot
 * change: 422.
 */
#include <string.h>

#include "core/base/text.h"
#include "core/sim/api.h"
#include "core/sim/kubelet.h"

static bool is_patchable(enum sim_kind k)
{
    return k == SIM_DEPLOYMENT || k == SIM_STATEFULSET || k == SIM_DAEMONSET;
}

static bool method_of(struct api_call *c, enum tree_patch *how)
{
    const char *t = c->q->content_type;
    if (text_starts(t, "application/json-patch+json"))
        *how = PATCH_JSON;
    else if (text_starts(t, "application/merge-patch+json"))
        *how = PATCH_MERGE;
    else if (text_starts(t, "application/strategic-merge-patch+json"))
        *how = PATCH_STRATEGIC;
    else {
        api_fail(c, 415, "UnsupportedMediaType",
                 "the body of the request was in an unknown format - accepted media types include: "
                 "application/json-patch+json, application/merge-patch+json, "
                 "application/strategic-merge-patch+json");
        return false;
    }
    return true;
}

static void invalid(struct api_call *c, const char *field, const char *why)
{
    api_fail(c, 422, "Invalid", "%s.apps \"%s\" is invalid: %s: %s", sim_kinds[c->kind].kind,
             c->name, field, why);
}

static bool is_text_map(const cJSON *m)
{
    const cJSON *v;
    cJSON_ArrayForEach(v, m)
    {
        if (!cJSON_IsString(v))
            return false;
    }
    return !m || cJSON_IsObject(m);
}

/* What every reader of the object takes for granted. */
static bool has_shape(struct api_call *c, const cJSON *doc)
{
    static const char *const maps[] = { "metadata.labels", "metadata.annotations",
                                        "spec.template.metadata.labels",
                                        "spec.template.metadata.annotations",
                                        "spec.selector.matchLabels" };
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        if (!is_text_map(tree_at(doc, maps[i]))) {
            api_fail(c, 400, "BadRequest", "%s: a map of strings is wanted", maps[i]);
            return false;
        }
    }
    if (cJSON_IsObject(tree_at(doc, "spec.template.spec")) &&
        cJSON_IsObject(tree_at(doc, "spec.template.metadata")))
        return true;
    api_fail(c, 400, "BadRequest", "spec.template: metadata and spec are wanted");
    return false;
}

/* Absent, or a number of things or seconds.  Of a part of the replicas "25%" is one too. */
static bool is_count(const cJSON *v, double most, bool may_be_part)
{
    if (cJSON_IsNumber(v))
        return v->valuedouble >= 0 && v->valuedouble <= most;
    return !v || (may_be_part && cJSON_IsString(v));
}

static bool has_counts(struct api_call *c, const cJSON *doc)
{
    static const struct {
        const char *path;
        double most;
        bool may_be_part;
    } counts[] = { { "spec.replicas", 5000, false },
                   { "spec.minReadySeconds", INT32_MAX, false },
                   { "spec.progressDeadlineSeconds", INT32_MAX, false },
                   { "spec.revisionHistoryLimit", INT32_MAX, false },
                   { "spec.strategy.rollingUpdate.maxSurge", 5000, true },
                   { "spec.strategy.rollingUpdate.maxUnavailable", 5000, true },
                   { "spec.updateStrategy.rollingUpdate.maxUnavailable", 5000, true },
                   { "spec.updateStrategy.rollingUpdate.partition", INT32_MAX, false } };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        if (!is_count(tree_at(doc, counts[i].path), counts[i].most, counts[i].may_be_part)) {
            invalid(c, counts[i].path, "Invalid value: must be greater than or equal to 0");
            return false;
        }
    }
    return true;
}

/* Labels of the template must be what the selector selects; every container needs a name and an
 * image. */
static bool is_valid(struct api_call *c, const cJSON *doc)
{
    const cJSON *spec = tree_get(doc, "spec"), *v;
    const cJSON *containers = tree_at(spec, "template.spec.containers"),
                *labels = tree_at(spec, "template.metadata.labels");
    if (!has_counts(c, doc))
        return false;
    if (!cJSON_IsArray(containers) || !containers->child) {
        invalid(c, "spec.template.spec.containers", "Required value");
        return false;
    }
    cJSON_ArrayForEach(v, containers)
    {
        if (!tree_str(v, "name")[0] || !tree_str(v, "image")[0]) {
            invalid(c, "spec.template.spec.containers[0].image", "Required value");
            return false;
        }
    }
    cJSON_ArrayForEach(v, tree_at(spec, "selector.matchLabels"))
    {
        if (!tree_equal(v, tree_get(labels, v->string))) {
            invalid(c, "spec.template.metadata.labels",
                    "Invalid value: `selector` does not match template `labels`");
            return false;
        }
    }
    return true;
}

/* The server's own fields as they were; false: a precondition does not hold, or what cannot change
 * has. */
static bool settle(struct api_call *c, const struct sim_object *o, cJSON *doc)
{
    static const char *const own[] = { "name",       "namespace",      "uid", "creationTimestamp",
                                       "generation", "ownerReferences" };
    const cJSON *before = tree_get(o->doc, "metadata"), *spec = tree_get(o->doc, "spec");
    cJSON *meta = tree_get(doc, "metadata");
    if (!cJSON_IsObject(meta) || !cJSON_IsObject(tree_get(doc, "spec"))) {
        invalid(c, "metadata", "Required value");
        return false;
    }
    if (tree_get(meta, "resourceVersion") &&
        !tree_equal(tree_get(meta, "resourceVersion"), tree_get(before, "resourceVersion"))) {
        api_fail(c, 409, "Conflict",
                 "Operation cannot be fulfilled on %s.apps \"%s\": the object has been modified; "
                 "please apply your "
                 "changes to the latest version and try again",
                 c->resource, c->name);
        return false;
    }
    if (tree_get(meta, "uid") && !tree_equal(tree_get(meta, "uid"), tree_get(before, "uid"))) {
        invalid(c, "metadata.uid", "Invalid value: field is immutable");
        return false;
    }
    if (!tree_equal(tree_get(tree_get(doc, "spec"), "selector"), tree_get(spec, "selector"))) {
        invalid(c, "spec.selector", "Invalid value: field is immutable");
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (tree_get(before, own[i]))
            tree_take(meta, own[i], tree_copy(tree_get(before, own[i])));
    }
    tree_take(doc, "status", tree_copy(tree_get(o->doc, "status")));
    return has_shape(c, doc) && is_valid(c, doc);
}

static void accept(struct api_call *c, struct sim_object *o, cJSON *doc, bool is_dry)
{
    struct world *w = c->api->world;
    struct buf *b = &c->out->body;
    bool is_spec = !tree_equal(tree_get(doc, "spec"), tree_get(o->doc, "spec"));
    bool is_meta = !tree_equal(tree_get(doc, "metadata"), tree_get(o->doc, "metadata"));
    /* a Deployment's annotations are seen by its controller, so they count as its spec */
    is_spec |= o->kind == SIM_DEPLOYMENT && !tree_equal(tree_at(doc, "metadata.annotations"),
                                                        tree_at(o->doc, "metadata.annotations"));
    if (is_spec)
        tree_set_int(tree_get(doc, "metadata"), "generation",
                     tree_int(o->doc, "metadata.generation", 1) + 1);
    if (is_dry) {
        char *text = x_must(cJSON_PrintUnformatted(doc));
        buf_addf(b, "{\"kind\":\"%s\",\"apiVersion\":\"apps/v1\",%s\n", sim_kinds[c->kind].kind,
                 text + 1);
        free(text);
        cJSON_Delete(doc);
        return;
    }
    cJSON_Delete(o->doc);
    o->doc = doc;
    if (is_spec || is_meta)
        store_changed(&w->store, o);
    if (is_spec)
        world_spec_changed(w, o);
    api_object(b, o->text);
    buf_addc(b, '\n');
}

void api_patch(struct api_call *c)
{
    struct err e = { 0 };
    enum tree_patch how;
    cJSON *patch = NULL;
    struct sim_object *o = store_find(&c->api->world->store, c->kind, c->ns, c->name);
    const char *dry = request_query(c->q, "dryRun");
    if (!is_patchable(c->kind)) {
        api_fail(c, 405, "MethodNotAllowed",
                 "the server does not allow this method on the requested resource");
        return;
    }
    if (!method_of(c, &how))
        return;
    if (!o) {
        api_fail(c, 404, "NotFound", "%s.apps \"%s\" not found", c->resource, c->name);
        return;
    }
    if (dry && !text_eq(dry, "All")) {
        api_fail(c, 400, "BadRequest", "dryRun: only All is known");
        return;
    }
    if (tree_parse(c->q->body, c->q->body_n, &patch, &e)) {
        api_fail(c, 400, "BadRequest", "%s", e.text);
        return;
    }
    cJSON *doc = tree_copy(o->doc);
    tree_set(doc, "kind", sim_kinds[c->kind].kind); /* a patch may test them */
    tree_set(doc, "apiVersion", "apps/v1");
    enum err_code rc = tree_patch(&doc, patch, how, &e);
    cJSON_Delete(patch);
    tree_drop(doc, "kind");
    tree_drop(doc, "apiVersion");
    if (rc)
        api_fail(c, how == PATCH_JSON ? 422 : 400, how == PATCH_JSON ? "Invalid" : "BadRequest",
                 "the server rejected our request due to an error in our request");
    else if (settle(c, o, doc)) {
        accept(c, o, doc, dry != NULL);
        return;
    }
    cJSON_Delete(doc);
}

void api_delete(struct api_call *c)
{
    struct sim_object *o = store_find(&c->api->world->store, c->kind, c->ns, c->name);
    if (!o) {
        api_fail(c, 404, "NotFound", "%s \"%s\" not found", c->resource, c->name);
        return;
    }
    pod_delete(c->api->world, o);
    api_object(&c->out->body, o->text);
}
