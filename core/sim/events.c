/*
 * Events as the real components write them: one object for the same thing about the same object,
 * whose count and lastTimestamp move.  They are gone after an hour, as with the API server's
 * --event-ttl.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sim/world.h"

enum { TTL_MS = 3600000 };

static cJSON *make_event(const struct world *w, const struct sim_object *about,
                         const char *component, bool is_warning, const char *reason,
                         const char *message)
{
    char at[32];
    cJSON *doc = x_must(cJSON_CreateObject()), *who;
    tree_make(doc, "metadata");
    who = tree_make(doc, "involvedObject");
    tree_set(who, "kind", sim_kinds[about->kind].kind);
    if (about->ns[0])
        tree_set(who, "namespace", about->ns);
    tree_set(who, "name", about->name);
    tree_set(who, "uid", about->uid);
    tree_set(who, "apiVersion", sim_api_version(about->kind));
    tree_set(doc, "reason", reason);
    tree_set(doc, "message", message);
    tree_set(tree_make(doc, "source"), "component", component);
    tree_set(doc, "firstTimestamp", sim_time(w->now_ms, at));
    tree_set(doc, "lastTimestamp", at);
    tree_set_int(doc, "count", 1);
    tree_set(doc, "type", is_warning ? "Warning" : "Normal");
    tree_take(doc, "eventTime", cJSON_CreateNull());
    tree_set(doc, "reportingComponent", "");
    tree_set(doc, "reportingInstance", "");
    return doc;
}

static void expire(struct world *w, uint64_t id, uint64_t arg)
{
    struct sim_object *o = store_by_id(&w->store, id);
    (void)arg;
    if (!o)
        return;
    int64_t age = w->now_ms - o->created_ms;
    if (age >= TTL_MS)
        store_remove(&w->store, o);
    else
        world_after(w, TTL_MS - age, expire, id, 0);
}

void world_event(struct world *w, const struct sim_object *about, const char *component,
                 bool is_warning, const char *reason, const char *fmt, ...)
{
    char message[512], name[400], at[32];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    /* The name says what it is about, so that the same one again is found. */
    uint64_t same = sim_mix(sim_hash(about->uid, 36), sim_mix(sim_hash(reason, strlen(reason)),
                                                              sim_hash(message, strlen(message))));
    const char *ns = about->ns[0] ? about->ns : "default";
    snprintf(name, sizeof name, "%.300s.%016llx", about->name, (unsigned long long)same);
    struct sim_object *o = store_find(&w->store, SIM_EVENT, ns, name);
    if (o) {
        tree_set(o->doc, "lastTimestamp", sim_time(w->now_ms, at));
        tree_set_int(o->doc, "count", tree_int(o->doc, "count", 1) + 1);
        o->created_ms = w->now_ms; /* the hour begins anew */
        store_changed(&w->store, o);
        return;
    }
    if (store_count(&w->store, SIM_EVENT) >= WORLD_EVENTS)
        store_remove(&w->store, w->store.of[SIM_EVENT]); /* the eldest */
    o = store_add(&w->store, SIM_EVENT, ns, name, NULL,
                  make_event(w, about, component, is_warning, reason, message));
    world_after(w, TTL_MS, expire, o->id, 0);
}
