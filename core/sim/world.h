/*
 * core/sim/world.h - the simulated platform: its objects, its clock, and what its parts ask of each
 * other.
 *
 * Virtual time moves by world_run alone.  Nothing here reads a clock, a socket or the environment:
 * the same story and seed give the same objects with the same resourceVersions at the same times.
 * What is asked for from outside draws no random number.
 *
 * Units    _ms: virtual time, ms since the Unix epoch; T+0 is start_ms
 * Thread   one       Owns   the story and all objects; rows are written by whoever is given them
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "core/sim/queue.h"
#include "core/sim/store.h"
#include "core/sim/story.h"

enum {
    WORLD_EFFECTS = 64,
    WORLD_DOWN = 16,
    WORLD_EVENTS = 20000,
    WORLD_BEFORE_MS = 1800000,
    WORLD_TICK_MS = 1000
};

struct effect { /* of a step: on one service or on all */
    const struct sim_service *service;
    double slow, errors;
    int64_t from_ms, until_ms;
    struct row_spec *rows;
    size_t n_rows;
    double *owed;
    int64_t *written;
};

struct error_row { /* one row of deployment_errors; borrowed for the call */
    int64_t at_ms;
    const char *service, *environment;
    const struct row_spec *spec;
};
struct world_hooks { /* any may be NULL */
    void (*on_row)(void *ctx, const struct error_row *row);
    void (*on_tick)(void *ctx); /* each WORLD_TICK_MS, when its rows are written */
    void (*on_link)(void *ctx, bool is_up);
    void (*on_caption)(void *ctx);
    void *ctx;
};

struct traffic;
struct world {
    struct story story;
    struct sim_rand rand;
    struct sim_queue queue;
    struct sim_store store;
    uint64_t seed;
    int64_t start_ms, now_ms;
    struct world_hooks hooks;
    struct traffic *traffic; /* one a service */
    struct effect effects[WORLD_EFFECTS];
    size_t n_effects;
    const char *down[WORLD_DOWN];
    size_t n_down;
    const char *caption;
    int64_t caption_ms; /* TIME_NONE = none yet */
    uint64_t n_pods;    /* ever made: gives out nodes and addresses */
    int64_t churn_per_s;
    bool is_halted; /* world_run stops after this act: somebody must do something first */
};

/* Takes *story.  The world begins WORLD_BEFORE_MS before start_ms; world_run to start_ms is its
 * history. */
void world_init(struct world *w, struct story *story, uint64_t seed, int64_t start_ms,
                const struct world_hooks *hooks, FILE *log);
void world_release(struct world *w);
/* Adds Deployments that are up, with `pods` each, in namespace "load", and so many changes a
 * second. */
void world_scale(struct world *w, int64_t deployments, int64_t pods, int64_t churn_per_s);
/* Does at most `most` of what is due up to then, or less when halted; true: all is done and it is
 * then. */
bool world_run(struct world *w, int64_t until_ms, size_t most);
int64_t world_next_ms(const struct world *w); /* INT64_MAX = nothing will happen */
void world_after(struct world *w, int64_t ms, sim_act_fn *fn, uint64_t id, uint64_t arg);
bool world_is_down(const struct world *w, const char *dependency);

/* Whose workload is it?  NULL: none of the story's. */
struct sim_service *world_service_of(const struct world *w, const struct sim_object *workload);

/* ---- what the controllers offer (deployment.c, replicaset.c, sets.c, hpa.c) ---- */

/* Its controller will look at it, in a moment of virtual time; asking twice is asking once. */
void world_look(struct world *w, struct sim_object *o);
/* The version that pods of this template run. */
const char *world_tag_of(const cJSON *pod_spec);
/* A PATCH has been accepted: new metadata and spec, generation and all. */
void world_spec_changed(struct world *w, struct sim_object *workload);
bool world_set_image(struct world *w, struct sim_object *workload, const char *tag,
                     const char *cause);

/* ---- Events (events.c) ---- */

void world_event(struct world *w, const struct sim_object *about, const char *component,
                 bool is_warning, const char *reason, const char *fmt, ...) PRINTF_LIKE(6, 7);

#endif
