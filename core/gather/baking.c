/*
 * The bake of a place, wired: what the history holds of it is folded first, then what a Prometheus remembers of
 * the time after that, then it is live.  What does not come within READY_MS is not waited for.
 */
#include "core/gather/gather_internal.h"

#include <stdio.h>

#include "core/base/log.h"
#include "core/sources/targets.h"

enum { READY_MS = 15000, BACK_MS = 25 * 3600000 };

static void on_health(void *ctx)
{
    gather_move(ctx, MOVED_HEALTH);
}

static void on_doc(void *ctx)
{
    gather_move(ctx, MOVED_DOC);
}

static void on_verdict(void *ctx)
{
    gather_move(ctx, MOVED_VERDICT);
}

static void on_tick(void *ctx)
{
    struct gather *g = ctx;
    if (g->demo && g->cluster) /* its time runs faster than the link is asked by itself */
        cluster_ask_link(g->cluster);
    if (g->snap)
        gather_look(g, g->snap);
}

static void on_sample(void *ctx, const struct sample *s)
{
    struct gather *g = ctx;
    history_put(g->history, s);
}

static void on_recall(void *ctx, const struct sample *s)
{
    struct gather *g = ctx;
    g->recalled_ms = s->at_ms;
    gather_bake_recall(g->bake, s);
}

/* Of the sources' memory what is newer than our own; it is kept like what comes live. */
static void put_past(void *ctx, struct sample *s)
{
    struct gather *g = ctx;
    if (g->recalled_ms != TIME_NONE && s->at_ms <= g->recalled_ms)
        return;
    gather_bake_recall(g->bake, s);
    history_put(g->history, s);
}

/* From now on it is live: what the sources remember has been put, or it is not waited for any longer. */
static void on_ready(void *ctx)
{
    struct gather *g = ctx;
    loop_timer_stop(g->loop, &g->ready);
    gather_bake_begin(g->bake);
}

static void on_recalled(void *ctx, const struct err *e)
{
    struct gather *g = ctx;
    if (e->code)
        log_put(LOG_WARN, "history", "not all of what was before could be read: %s", e->text);
    if (gather_bake_has_begun(g->bake)) /* it took too long: it is live already */
        return;
    struct gather_measure_spec measure = { .loop = g->loop, .kube = cluster_kube(g->cluster), .env = g->env,
                                           .namespaces = (const char *const *)g->namespaces,
                                           .n_namespaces = g->all_namespaces ? 0 : g->n_namespaces,
                                           .demo = g->spec.demo_config, .pace = gather_pace(g),
                                           .sink = gather_bake_sink(g->bake), .past_ms = g->past_ms, .put_past = put_past,
                                           .on_ready = on_ready, .on_state = on_health, .ctx = g };
    g->measure = gather_measure_new(&measure);
    loop_timer_set(g->loop, &g->ready, READY_MS); /* the workloads, and what the sources remember */
    if (g->snap)
        gather_look(g, g->snap);
}

static void open_history(struct gather *g)
{
    char *place = x_asprintf("%s %s", g->target.context, g->target.server);
    struct history_spec spec = { .loop = g->loop, .worker = g->worker, .state_dir = g->spec.state_dir, .place = place,
                                 .on_state = on_health, .ctx = g };
    int64_t now = clock_story_ms();
    g->history = history_new(&spec);
    g->recalled_ms = TIME_NONE;
    free(place);
    struct history_load load = { .from_ms = now - BACK_MS, .to_ms = now, .series = gather_bake_series(g->bake), .put = on_recall,
                                 .done = on_recalled, .ctx = g };
    history_load(g->history, &load);
}

void gather_open_bake(struct gather *g)
{
    struct gather_bake_spec spec = { .loop = g->loop, .pace = gather_pace(g), .on_sample = on_sample, .on_tick = on_tick,
                                     .on_verdict = on_verdict, .ctx = g };
    if (g->spec.workloads_only)
        return;
    sample_conf_defaults(spec.conf);
    if (g->env)
        targets_thresholds(&g->env->measure.thresholds, spec.conf);
    if (g->spec.window_ms)
        spec.conf[CONF_WINDOW] = (double)g->spec.window_ms;
    g->past_ms = (int64_t)spec.conf[CONF_BASELINE];
    g->bake = gather_bake_new(&spec);
    struct gather_smokes_spec smokes = { .loop = g->loop, .gate = g->gate, .env = g->env, .sink = gather_bake_sink(g->bake),
                                         .pace = spec.pace, .on_doc = on_doc, .ctx = g };
    g->smokes = gather_smokes_new(&smokes);
    g->told = VERDICT_NONE;
    if (g->spec.conf && g->spec.conf->n_notify && g->gate && !g->spec.demo)
        g->notify = notify_new(g->loop, g->gate, g->spec.conf);
    g->ready = (struct loop_timer){ .fn = on_ready, .ctx = g };
    loop_timer_set(g->loop, &g->ready, READY_MS);
    open_history(g);
}

void gather_close_bake(struct gather *g)
{
    if (!g->bake)
        return;
    loop_timer_stop(g->loop, &g->ready);
    gather_measure_free(g->measure);
    gather_smokes_free(g->smokes);
    notify_free(g->notify);
    history_free(g->history);
    gather_bake_free(g->bake);
    g->measure = NULL;
    g->smokes = NULL;
    g->notify = NULL;
    g->history = NULL;
    g->bake = NULL;
}
