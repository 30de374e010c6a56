/*
 * What is watched, by whose order: contexts, namespaces, commands, and the thread itself.
 */
#include "core/gather/gather_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/gather/past.h"

enum { HEALTH_MS = 5000, SUSPEND_MS = 2000 };

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void on_data(void *ctx)
{
    gather_move(ctx, MOVED_DATA);
}

static void on_health(void *ctx)
{
    gather_move(ctx, MOVED_HEALTH);
}

static void on_doc(void *ctx)
{
    gather_move(ctx, MOVED_DOC);
}

static void on_errors(void *ctx)
{
    gather_move(ctx, MOVED_ERRORS);
}

static void on_plan(void *ctx)
{
    gather_move(ctx, MOVED_PLAN);
}

static void on_link(void *ctx, bool is_up)
{
    struct gather *g = ctx;
    if (g->bake)
        gather_bake_link(g->bake, is_up);
}

static void begin(struct gather *g);

static void on_demo(void *ctx)
{
    begin(ctx);
    gather_move(ctx, MOVED_IDENT | MOVED_HEALTH);
}

static void on_rights(void *ctx)
{
    gather_move(ctx, MOVED_IDENT);
}

/* Once in HEALTH_MS: ages and rates move without an event; and a suspend shows as a gap. */
static void on_beat(void *ctx)
{
    struct gather *g = ctx;
    int64_t gap = clock_io_ms() - clock_mono_ms();
    if (gap - g->gap_ms > SUSPEND_MS) {
        log_put(LOG_WARN, "gather", "suspended for %d s: nothing is proved any more",
                (int)((gap - g->gap_ms) / 1000));
        if (g->cluster)
            cluster_doubt(g->cluster);
        if (g->errors)
            gather_errors_doubt(g->errors);
    }
    g->gap_ms = gap;
    if (g->journal && gather_journal_unended(g->journal)) /* somebody may have closed them */
        gather_journal_look(g->journal);
    if (g->errors)
        gather_errors_look(g->errors);
    gather_move(g, MOVED_HEALTH | MOVED_ERRORS); /* the histogram moves with the minute */
    loop_timer_set(g->loop, &g->beat, HEALTH_MS);
}

/* ---- which cluster, which namespaces ---- */

static void close_doc(struct gather *g)
{
    kube_doc_free(g->doc);
    g->doc = NULL;
    if (g->errors)
        gather_errors_close(g->errors);
    if (g->journal)
        gather_journal_close(g->journal);
    if (g->smokes)
        gather_smokes_close(g->smokes);
    g->doc_kind = DOC_DESCRIBE;
}

static void open_doc(struct gather *g, const struct cmd_msg *m)
{
    close_doc(g);
    g->doc_kind = m->doc;
    if (m->doc == DOC_ERROR && g->errors)
        gather_errors_open(g->errors, m);
    else if (m->doc == DOC_JOURNAL && g->journal)
        gather_journal_open(g->journal, m);
    else if (m->doc == DOC_SMOKE && g->smokes)
        gather_smokes_open(g->smokes, m);
    else if (m->doc < DOC_ERROR)
        g->doc = kube_doc_open(g->loop, g->cluster ? cluster_kube(g->cluster) : NULL, m, on_doc, g);
}

static void close_cluster(struct gather *g)
{
    close_doc(g);
    gather_close_bake(g); /* before the cluster, whose client its probes go through */
    cluster_free(g->cluster);
    g->cluster = NULL;
    snap_unref(g->snap); /* rows of another place must not stand under the new name */
    g->snap = NULL;
}

static void open_cluster(struct gather *g)
{
    struct cluster_spec spec = {
        .target = &g->target,
        .namespaces = (const char *const *)g->namespaces,
        .n_namespaces = g->all_namespaces ? 0 : g->n_namespaces,
        .request_timeout_ms = g->spec.request_timeout_ms,
        .workloads_only = g->spec.workloads_only,
        .on_data = on_data, .on_health = on_health, .on_link = on_link, .ctx = g,
    };
    g->cluster = cluster_new(g->loop, &spec);
    gather_open_bake(g);
    log_put(LOG_INFO, "gather", "context %s at %s", g->target.context, g->target.server);
}

/* The database and the rights of a place: made anew with the context. */
static void open_errors(struct gather *g)
{
    char where[300];
    const char *ban = g->spec.read_only ? "--read-only was given" : "";
    if (!g->worker)
        return;
    snprintf(where, sizeof where, "%s%s%s%scontext %s", g->env ? g->env->name : "", g->env ? " (" : "",
             g->env ? conf_class_name(g->env->class) : "", g->env ? "), " : "", g->has_target ? g->target.context : "-");
    if (g->gate) {
        actuator_move(g->gate, where, ban);
    } else {
        struct actuator_spec gate = { .loop = g->loop, .worker = g->worker, .state_dir = g->spec.state_dir,
                                      .who = g->spec.who, .where = where, .ban = ban,
                                      .is_armed = g->spec.write || (g->env && !g->env->read_only),
                                      .on_change = on_rights, .ctx = g };
        g->gate = actuator_new(&gate);
    }
    gather_errors_free(g->errors);
    struct gather_errors_spec errors = {
        .loop = g->loop, .worker = g->worker, .gate = g->gate, .place = g->context ? NULL : g->spec.errors_db,
        /* the demo's table is not the one that the config speaks of */
        .conf = g->spec.conf && !g->spec.demo ? conf_find_errors(g->spec.conf, g->env) : NULL, .env = g->env,
        .state_dir = g->spec.state_dir, .by = g->spec.who, .is_production = g->env && g->env->class == CONF_PRODUCTION,
        .on_data = on_errors, .on_health = on_health, .on_doc = on_doc, .on_plan = on_plan, .ctx = g,
    };
    g->errors = gather_errors_new(&errors);
}

static void set_namespaces(struct gather *g, const char *const *list, size_t n)
{
    for (size_t i = 0; i < g->n_namespaces; i++)
        free(g->namespaces[i]);
    g->n_namespaces = 0;
    for (size_t i = 0; i < n && i < NAMESPACES; i++)
        g->namespaces[g->n_namespaces++] = x_strdup(list[i]);
}

enum choice { CHOICE_NEW, CHOICE_AGAIN }; /* AGAIN: there was no cluster; is there one now? */

/* Reads the files anew: a context switch is a new pin, with what the files say now. */
static void choose(struct gather *g, enum choice choice)
{
    struct kube_overrides o = g->spec.kube;
    struct err e = { 0 };
    if (g->context) { /* another place: a token or a server that was given was meant for the first one */
        o = (struct kube_overrides){ .kubeconfig = g->spec.kube.kubeconfig, .context = g->context };
        g->env = g->spec.conf ? conf_find_env(g->spec.conf, NULL, g->context) : NULL;
    }
    if (g->has_target)
        kube_target_release(&g->target);
    g->has_target = false;
    kubeconfig_free(g->kubeconfig);
    g->kubeconfig = NULL;
    if (kubeconfig_load(&o, env_of, &g->kubeconfig, NULL, &e) ||
        kubeconfig_resolve(g->kubeconfig, &o, env_of, &g->target, NULL, &e)) {
        snprintf(g->broken, sizeof g->broken, "%s", e.text);
        log_put(LOG_ERROR, "gather", "%s", e.text);
        if (choice == CHOICE_NEW) /* it has a link of its own, which stays, and so do the rights */
            open_errors(g);
        return;
    }
    g->has_target = true;
    open_errors(g);
    g->all_namespaces = g->spec.all_namespaces && !g->context;
    if (g->context && g->env && g->env->n_namespaces)
        set_namespaces(g, g->env->namespaces, g->env->n_namespaces);
    else if (g->context || !g->spec.n_namespaces)
        set_namespaces(g, &g->target.ns, 1);
    else
        set_namespaces(g, g->spec.namespaces, g->spec.n_namespaces);
    open_cluster(g);
}

static void switch_namespaces(struct gather *g, const char *names)
{
    const char *list[NAMESPACES];
    char copy[256];
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", names);
    char *rest = copy;
    for (char *name; (name = strsep(&rest, ", ")) && n < NAMESPACES;) {
        bool is_new = name[0] && text_is_dns1123_label(name);
        for (size_t i = 0; i < n && is_new; i++)
            is_new = !text_eq(list[i], name);
        if (is_new)
            list[n++] = name;
    }
    if (!g->has_target || (names[0] && !n))
        return;
    close_cluster(g);
    g->all_namespaces = n == 0;
    set_namespaces(g, list, n);
    open_cluster(g);
}

static void obey(struct gather *g, const struct cmd_msg *m)
{
    if (!g->has_begun) /* the demo's first line is on its way */
        return;
    switch (m->kind) {
    case CMD_REFRESH:
        if (g->journal)
            gather_journal_look(g->journal);
        if (g->errors)
            gather_errors_refresh(g->errors);
        if (g->measure)
            gather_measure_now(g->measure);
        if (g->cluster)
            cluster_refresh(g->cluster);
        else
            choose(g, CHOICE_AGAIN);
        break;
    case CMD_RESUMED:
        if (g->cluster)
            cluster_doubt(g->cluster);
        if (g->errors)
            gather_errors_doubt(g->errors);
        break;
    case CMD_NAMESPACE:
        switch_namespaces(g, m->name);
        break;
    case CMD_CONTEXT:
        close_cluster(g);
        free(g->context);
        g->context = x_strdup(m->name);
        choose(g, CHOICE_NEW);
        break;
    case CMD_DOC_OPEN:
        open_doc(g, m);
        break;
    case CMD_DOC_CLOSE:
        close_doc(g);
        break;
    case CMD_ARM:
        if (g->gate)
            actuator_arm(g->gate, m->ms);
        break;
    case CMD_DISARM:
        if (g->gate)
            actuator_disarm(g->gate);
        break;
    case CMD_PLAN:
        if (g->errors)
            gather_errors_plan(g->errors, m);
        break;
    case CMD_CONFIRM:
        if (g->errors)
            gather_errors_confirm(g->errors, m);
        break;
    case CMD_PAST:
        gather_past(g, m->ms);
        return;
    case CMD_MARK:
        if (g->bake)
            gather_bake_mark(g->bake, m->workload, m->note);
        break;
    case CMD_BAKE:
        if (g->bake)
            gather_bake_open(g->bake, m->workload, m->ms == TIME_NONE ? clock_story_ms() : m->ms);
        break;
    case CMD_PLAN_CLOSE:
        if (g->errors)
            gather_errors_put_away(g->errors, m->request);
        break;
    }
    gather_move(g, MOVED_IDENT | MOVED_HEALTH | MOVED_DATA | MOVED_DOC | MOVED_ERRORS | MOVED_PLAN);
}

/* ---- the thread ---- */

/* Once the clock is the story's: what is proved, shown and judged before would be in another time. */
static void begin(struct gather *g)
{
    if (g->has_begun)
        return;
    g->has_begun = true;
    choose(g, CHOICE_NEW);
    gather_move(g, MOVED_IDENT | MOVED_HEALTH | MOVED_DATA);
    loop_timer_set(g->loop, &g->beat, HEALTH_MS);
}

static void *run(void *ctx)
{
    struct gather *g = ctx;
    struct gather_journal_spec journal = { .worker = g->worker, .state_dir = g->spec.state_dir, .on_count = on_rights,
                                           .on_doc = on_doc, .ctx = g };
    if (g->worker)
        g->journal = gather_journal_new(&journal);
    if (g->spec.demo)
        g->demo = demo_new(g->loop, g->spec.demo, on_demo, g);
    if (!g->demo || demo_state_of(g->demo).text[0])
        begin(g);
    while (!atomic_load(&g->is_stopping)) {
        loop_turn(g->loop, 60000);
        for (struct cmd_msg m; cmdq_pop(&g->commands, &m);)
            obey(g, &m);
    }
    close_doc(g);
    gather_journal_free(g->journal);
    gather_close_bake(g);
    gather_errors_free(g->errors);
    actuator_free(g->gate);
    worker_free(g->worker); /* last: what the journal still has to write, it writes */
    cluster_free(g->cluster);
    demo_free(g->demo);
    return NULL;
}

enum err_code gather_start(const struct gather_spec *spec, struct gather **out, struct err *e)
{
    struct gather *g = x_calloc(1, sizeof *g);
    g->started_io_ms = clock_io_ms();
    enum err_code err = loop_new(&g->loop, e);
    if (err) {
        free(g);
        return err;
    }
    g->spec = *spec;
    g->env = spec->env;
    if (!spec->workloads_only && (err = worker_new(g->loop, "store", &g->worker, e))) {
        loop_free(g->loop);
        free(g);
        return err;
    }
    g->publish = (struct loop_timer){ .fn = gather_publish, .ctx = g };
    g->beat = (struct loop_timer){ .fn = on_beat, .ctx = g };
    g->past_asked_ms = TIME_NONE;
    g->published_ms = g->data_ms = g->errors_ms = INT64_MIN / 2;
    g->gap_ms = clock_io_ms() - clock_mono_ms();
    cmdq_init(&g->commands, loop_wake_fd(g->loop));
    sigset_t all, old; /* signals are the UI thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&g->thread, NULL, run, g);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        worker_free(g->worker);
        loop_free(g->loop);
        free(g);
        return err_set(e, ERR_IO, rc, "cannot start a thread: %s", strerror(rc));
    }
    *out = g;
    return ERR_OK;
}

struct cmdq *gather_commands(struct gather *g)
{
    return &g->commands;
}

void gather_stop(struct gather *g)
{
    if (!g)
        return;
    atomic_store(&g->is_stopping, true);
    (void)!write(loop_wake_fd(g->loop), &(uint64_t){ 1 }, sizeof(uint64_t));
    pthread_join(g->thread, NULL);
    set_namespaces(g, NULL, 0);
    if (g->has_target)
        kube_target_release(&g->target);
    kubeconfig_free(g->kubeconfig);
    snap_unref(g->snap);
    cmdq_release(&g->commands);
    loop_free(g->loop);
    free(g->context);
    free(g);
}
