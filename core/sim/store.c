#include "core/sim/store.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/text.h"

const struct sim_kind_info sim_kinds[N_SIM_KINDS] = {
    [SIM_NAMESPACE] = { "", "v1", "namespaces", "Namespace", "namespace", "ns", false },
    [SIM_NODE] = { "", "v1", "nodes", "Node", "node", "no", false },
    [SIM_DEPLOYMENT] = { "apps", "v1", "deployments", "Deployment", "deployment", "deploy", true },
    [SIM_REPLICASET] = { "apps", "v1", "replicasets", "ReplicaSet", "replicaset", "rs", true },
    [SIM_STATEFULSET] = { "apps", "v1", "statefulsets", "StatefulSet", "statefulset", "sts", true },
    [SIM_DAEMONSET] = { "apps", "v1", "daemonsets", "DaemonSet", "daemonset", "ds", true },
    [SIM_REVISION] = { "apps", "v1", "controllerrevisions", "ControllerRevision",
                       "controllerrevision", "", true },
    [SIM_POD] = { "", "v1", "pods", "Pod", "pod", "po", true },
    [SIM_HPA] = { "autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler",
                  "horizontalpodautoscaler", "hpa", true },
    [SIM_SERVICE] = { "", "v1", "services", "Service", "service", "svc", true },
    [SIM_EVENT] = { "", "v1", "events", "Event", "event", "ev", true },
    [SIM_JOB] = { "batch", "v1", "jobs", "Job", "job", "", true },
};

const char *sim_api_version(enum sim_kind kind)
{
    const char *group = sim_kinds[kind].group;
    return !group[0]                 ? "v1"
           : text_eq(group, "apps")  ? "apps/v1"
           : text_eq(group, "batch") ? "batch/v1"
                                     : "autoscaling/v1";
}

char *sim_time(int64_t ms, char out[32])
{
    int64_t whole = ms - ((ms % 1000) + 1000) % 1000;
    return clock_format_rfc3339(whole, out);
}

struct sim_text *sim_text_ref(struct sim_text *t)
{
    t->refs++;
    return t;
}

void sim_text_unref(struct sim_text *t)
{
    if (t && --t->refs == 0)
        free(t);
}

struct json_span sim_text_span(const struct sim_text *t)
{
    return (struct json_span){ t->bytes, t->n };
}

static struct sim_text *render(const struct sim_object *o)
{
    char *s = x_must(cJSON_PrintBuffered(o->doc, 4096, false));
    size_t n = strlen(s), ns_n = strlen(o->ns) + 1, name_n = strlen(o->name) + 1;
    struct sim_text *t = x_malloc(sizeof *t + n + 1 + ns_n + name_n);
    *t = (struct sim_text){ .refs = 1, .kind = o->kind, .n = n };
    memcpy(t->bytes, s, n + 1);
    t->ns = memcpy(t->bytes + n + 1, o->ns, ns_n);
    t->name = memcpy(t->bytes + n + 1 + ns_n, o->name, name_n);
    struct json_span meta = json_get((struct json_span){ t->bytes, n }, "metadata");
    t->meta_at = (size_t)(meta.p - t->bytes);
    t->meta_n = meta.n;
    free(s);
    return t;
}

static void note(struct sim_store *s, struct sim_object *o, enum sim_verb verb)
{
    static const char *const words[] = { "ADDED", "MODIFIED", "DELETED" };
    char rv[24];
    o->rv = ++s->rv;
    snprintf(rv, sizeof rv, "%" PRIu64, o->rv);
    tree_set(tree_get(o->doc, "metadata"), "resourceVersion", rv);
    sim_text_unref(o->text);
    o->text = render(o);
    struct sim_change *c = &s->ring[o->kind][s->n_changes[o->kind]++ % STORE_RING];
    sim_text_unref(c->text);
    *c = (struct sim_change){ o->rv, verb, sim_text_ref(o->text) };
    if (s->log)
        fprintf(s->log, "%" PRId64 " %" PRIu64 " %s %s %s%s%s %s\n", *s->now_ms, o->rv, words[verb],
                sim_kinds[o->kind].kind, o->ns, o->ns[0] ? "/" : "", o->name, o->uid);
}

void store_init(struct sim_store *s, struct sim_rand *rand, const int64_t *now_ms)
{
    *s = (struct sim_store){ .rand = rand, .now_ms = now_ms, .rv = 1000, .gone_rv = 1000 };
    for (int k = 0; k < N_SIM_KINDS; k++)
        s->ring[k] = x_calloc(STORE_RING, sizeof *s->ring[k]);
}

static void set_owner(cJSON *meta, const struct sim_object *owner)
{
    cJSON *refs = x_must(cJSON_CreateArray()), *ref = x_must(cJSON_CreateObject());
    tree_set(ref, "apiVersion", sim_api_version(owner->kind));
    tree_set(ref, "kind", sim_kinds[owner->kind].kind);
    tree_set(ref, "name", owner->name);
    tree_set(ref, "uid", owner->uid);
    tree_set_bool(ref, "controller", true);
    tree_set_bool(ref, "blockOwnerDeletion", true);
    cJSON_AddItemToArray(refs, ref);
    tree_take(meta, "ownerReferences", refs);
}

struct sim_object *store_add(struct sim_store *s, enum sim_kind kind, const char *ns,
                             const char *name, struct sim_object *owner, cJSON *doc)
{
    struct sim_object *o = x_calloc(1, sizeof *o);
    char at[32];
    o->id = ++s->next_id;
    o->kind = kind;
    o->ns = x_strdup(ns);
    o->name = x_strdup(name);
    o->key = x_asprintf("%s/%s", ns, name);
    o->created_ms = *s->now_ms;
    o->doc = doc;
    sim_rand_uid(s->rand, o->uid);
    cJSON *meta = tree_make(doc, "metadata");
    tree_set(meta, "name", name);
    if (ns[0])
        tree_set(meta, "namespace", ns);
    tree_set(meta, "uid", o->uid);
    if (!tree_get(meta, "creationTimestamp"))
        tree_set(meta, "creationTimestamp", sim_time(o->created_ms, at));
    if (owner) {
        set_owner(meta, owner);
        o->owner = owner;
        DL_APPEND(owner->children, o);
    }
    HASH_ADD_KEYPTR(by_key, s->of[kind], o->key, strlen(o->key), o);
    HASH_ADD(by_id, s->ids, id, sizeof o->id, o);
    free(s->sorted[kind]);
    s->sorted[kind] = NULL;
    note(s, o, SIM_ADDED);
    return o;
}

void store_changed(struct sim_store *s, struct sim_object *o)
{
    note(s, o, SIM_MODIFIED);
}

static void free_object(struct sim_object *o)
{
    sim_text_unref(o->text);
    cJSON_Delete(o->doc);
    free(o->pod);
    free(o->ns);
    free(o->name);
    free(o->key);
    free(o);
}

void store_remove(struct sim_store *s, struct sim_object *o)
{
    struct sim_object *child, *next;
    note(s, o, SIM_DELETED);
    DL_FOREACH_SAFE(o->children, child, next)
    {
        child->owner = NULL;
    }
    if (o->owner)
        DL_DELETE(o->owner->children, o);
    HASH_DELETE(by_key, s->of[o->kind], o);
    HASH_DELETE(by_id, s->ids, o);
    free(s->sorted[o->kind]);
    s->sorted[o->kind] = NULL;
    free_object(o);
}

void store_release(struct sim_store *s)
{
    struct sim_object *o, *next;
    for (int k = 0; k < N_SIM_KINDS; k++) {
        HASH_ITER (by_key, s->of[k], o, next) {
            HASH_DELETE(by_key, s->of[k], o);
            HASH_DELETE(by_id, s->ids, o);
            free_object(o);
        }
        for (size_t i = 0; s->ring[k] && i < STORE_RING; i++)
            sim_text_unref(s->ring[k][i].text);
        free(s->ring[k]);
        free(s->sorted[k]);
    }
    *s = (struct sim_store){ 0 };
}

struct sim_object *store_find(const struct sim_store *s, enum sim_kind kind, const char *ns,
                              const char *name)
{
    struct sim_object *o = NULL;
    char *key = x_asprintf("%s/%s", ns, name);
    HASH_FIND(by_key, s->of[kind], key, strlen(key), o);
    free(key);
    return o;
}

struct sim_object *store_by_id(const struct sim_store *s, uint64_t id)
{
    struct sim_object *o = NULL;
    HASH_FIND(by_id, s->ids, &id, sizeof id, o);
    return o;
}

size_t store_count(const struct sim_store *s, enum sim_kind kind)
{
    return HASH_CNT(by_key, s->of[kind]);
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct sim_object *const *)a)->key, (*(struct sim_object *const *)b)->key);
}

struct sim_object *const *store_sorted(struct sim_store *s, enum sim_kind kind)
{
    if (!s->sorted[kind]) {
        size_t n = 0;
        struct sim_object *o;
        s->sorted[kind] = x_malloc((store_count(s, kind) + 1) * sizeof(struct sim_object *));
        for (o = s->of[kind]; o; o = o->by_key.next)
            s->sorted[kind][n++] = o;
        qsort(s->sorted[kind], n, sizeof(struct sim_object *), by_key);
    }
    return s->sorted[kind];
}

bool store_after(const struct sim_store *s, enum sim_kind kind, uint64_t rv, uint64_t *index)
{
    uint64_t n = s->n_changes[kind], first = n > STORE_RING ? n - STORE_RING : 0, i = n;
    /* Of what has left the ring only the number is known: that of the oldest still there is above
     * it. */
    if (rv < s->gone_rv || (first && s->ring[kind][first % STORE_RING].rv > rv + 1))
        return false;
    while (i > first && s->ring[kind][(i - 1) % STORE_RING].rv > rv)
        i--;
    *index = i;
    return true;
}

void store_forget(struct sim_store *s)
{
    s->gone_rv = s->rv;
}
