#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/text.h"
#include "core/sim/kubelet.h"
#include "core/sim/parts.h"
#include "core/sim/traffic.h"

static void crash_some(struct world *w, struct sim_object *of, const struct story_step *st,
                       int64_t *left)
{
    struct sim_object *o, *next;
    DL_FOREACH_SAFE(of->children, o, next)
    {
        if (o->kind == SIM_REPLICASET)
            crash_some(w, o, st, left);
        if (o->kind != SIM_POD || *left <= 0 || o->pod->stage != POD_RUNNING || o->pod->is_deleted)
            continue;
        --*left;
        pod_crash_now(w, o, st->exit_code, st->reason);
    }
}

static void scale(struct world *w, struct sim_object *workload, int64_t n)
{
    tree_set_int(tree_get(workload->doc, "spec"), "replicas", n);
    tree_set_int(tree_get(workload->doc, "metadata"), "generation",
                 tree_int(workload->doc, "metadata.generation", 1) + 1);
    store_changed(&w->store, workload);
    world_spec_changed(w, workload);
}

static void begin_effect(struct world *w, const struct story_step *st)
{
    if (w->n_effects == WORLD_EFFECTS)
        return;
    struct effect *f = &w->effects[w->n_effects++];
    *f = (struct effect){ .service = st->service,
                          .slow = st->act == STEP_SLOW ? st->number : 1,
                          .errors = st->act == STEP_ERRORS ? st->number : 0,
                          .from_ms = w->now_ms,
                          .until_ms = st->for_ms ? w->now_ms + st->for_ms : INT64_MAX };
    if (!st->n_rows || !st->service)
        return;
    f->rows = st->rows;
    f->n_rows = st->n_rows;
    f->owed = x_calloc(f->n_rows, sizeof *f->owed);
    f->written = x_calloc(f->n_rows, sizeof *f->written);
}

static void set_dependency(struct world *w, const char *name, bool is_up)
{
    size_t i = 0;
    while (i < w->n_down && !text_eq(w->down[i], name))
        i++;
    if (is_up && i < w->n_down)
        w->down[i] = w->down[--w->n_down];
    else if (!is_up && i == w->n_down && w->n_down < WORLD_DOWN)
        w->down[w->n_down++] = name;
}

static void set_caption(struct world *w, const char *text)
{
    w->caption = text;
    w->caption_ms = w->now_ms;
    if (w->hooks.on_caption)
        w->hooks.on_caption(w->hooks.ctx);
}

static void act(struct world *w, uint64_t id, uint64_t arg)
{
    const struct story_step *st = &w->story.steps[id];
    struct sim_object *workload = st->service ? traffic_workload(w, st->service) : NULL;
    int64_t n = (int64_t)llround(st->number);
    (void)arg;
    switch (st->act) {
    case STEP_DEPLOY:
        if (workload)
            world_set_image(w, workload, st->version,
                            story_version(&w->story, st->service, st->version)->cause);
        break;
    case STEP_SCALE:
        if (workload)
            scale(w, workload, n);
        break;
    case STEP_CRASH:
        if (workload)
            crash_some(w, workload, st, &n);
        break;
    case STEP_SLOW:
    case STEP_ERRORS:
    case STEP_ROWS:
        begin_effect(w, st);
        break;
    case STEP_DEPENDENCY:
        set_dependency(w, st->name, st->is_up);
        break;
    case STEP_CAPTION:
        set_caption(w, st->text);
        break;
    case STEP_LINK:
        if (w->hooks.on_link)
            w->hooks.on_link(w->hooks.ctx, st->is_up);
        break;
    }
}

void steps_begin(struct world *w)
{
    for (size_t i = 0; i < w->story.n_steps; i++)
        sim_queue_add(&w->queue, w->start_ms + w->story.steps[i].at_ms, act, i, 0);
}
