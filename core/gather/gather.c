/*
 * The pace: a change sets what has moved and makes sure that the publish timer is set; the timer
 * builds only what has moved and may be built again by now.  Nothing here polls for changes.
 */
#include "core/gather/gather.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/gather/cluster.h"
#include "core/gather/errors.h"
#include "core/gather/journal.h"
#include "core/sources/demo.h"

enum { PUBLISH_MS = 33, SECTION_MS = 100, SYNCING_MS = 500, HEALTH_MS = 5000, SUSPEND_MS = 2000,
       NAMESPACES = 32,
       STEPPED_PACE = 3600 /* time stands, then leaps: no proof is late for it */ };

enum moved { MOVED_IDENT = 1, MOVED_HEALTH = 2, MOVED_DATA = 4, MOVED_DOC = 8, MOVED_ERRORS = 16, MOVED_PLAN = 32 };

struct gather {
    struct gather_spec spec;
    pthread_t thread;
    atomic_bool is_stopping;
    struct loop *loop;
    struct cmdq commands;
    struct kubeconfig *kubeconfig;
    struct kube_target target;
    bool has_target, has_begun;
    char *context;                  /* chosen by :ctx; NULL = as the spec says */
    const struct conf_env *env;
    char *namespaces[NAMESPACES];
    size_t n_namespaces;
    bool all_namespaces;
    struct cluster *cluster;        /* NULL: `broken` says why */
    char broken[512];
    struct kube_doc *doc;
    enum doc_kind doc_kind;         /* of the text that is open: an error's record and the journal are not `doc` */
    struct worker *worker;          /* NULL with workloads_only: all SQLite */
    struct actuator *gate;
    struct gather_errors *errors;
    struct demo *demo;            /* the demo's clock; NULL = this is none */
    struct gather_journal *journal;
    int64_t errors_ms;
    struct snap *snap;              /* the last one published, our own reference */
    unsigned moved;
    struct loop_timer publish, beat;
    int64_t published_ms, data_ms;
    int64_t gap_ms;                 /* BOOTTIME - MONOTONIC: grows when we were suspended */
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void move(struct gather *g, unsigned what)
{
    g->moved |= what;
    int64_t now = clock_io_ms(), due = g->published_ms + PUBLISH_MS;
    if (due < now)
        due = now;
    if (!loop_timer_is_set(&g->publish) || g->publish.due_ms > due) /* data may wait, the end of a list may not */
        loop_timer_set(g->loop, &g->publish, due - now);
}

static void on_data(void *ctx)
{
    move(ctx, MOVED_DATA);
}

static void on_health(void *ctx)
{
    move(ctx, MOVED_HEALTH);
}

static void on_doc(void *ctx)
{
    move(ctx, MOVED_DOC);
}

static void on_errors(void *ctx)
{
    move(ctx, MOVED_ERRORS);
}

static void on_plan(void *ctx)
{
    move(ctx, MOVED_PLAN);
}

static void begin(struct gather *g);

static void on_demo(void *ctx)
{
    begin(ctx);
    move(ctx, MOVED_IDENT | MOVED_HEALTH);
}

static void on_rights(void *ctx)
{
    move(ctx, MOVED_IDENT);
}

/* ---- sections ---- */

static const char *const *copy_list(struct arena *a, const char *const *from, size_t n)
{
    const char **to = arena_alloc(a, (n + 1) * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = arena_strdup(a, from[i]);
    return to;
}

static struct ident *make_ident(struct gather *g)
{
    struct ident *id = section_new(sizeof *id, NULL);
    struct arena *a = &id->section.arena;
    const struct kube_target *t = &g->target;
    id->environment = arena_strdup(a, g->env ? g->env->name : "");
    id->class = g->env ? (enum env_class)g->env->class : ENV_UNKNOWN;
    id->context = arena_strdup(a, g->has_target ? t->context : g->context ? g->context : "");
    id->cluster = arena_strdup(a, g->has_target ? t->cluster : "");
    id->user = arena_strdup(a, g->has_target ? t->user : "");
    id->server = arena_strdup(a, g->has_target ? t->server : "");
    id->as = arena_strdup(a, g->has_target && t->as ? t->as : "");
    struct actuator_rights rights = { .read_only = true, .until_io_ms = TIME_NONE, .ban = "" };
    if (g->gate)
        rights = actuator_rights(g->gate);
    id->read_only = rights.read_only;
    id->armed_until_io_ms = rights.until_io_ms;
    id->write_ban = arena_strdup(a, rights.ban);
    id->n_unended = g->journal ? gather_journal_unended(g->journal) : 0;
    id->is_insecure = g->has_target && t->is_insecure;
    id->all_namespaces = g->all_namespaces;
    id->namespaces = copy_list(a, (const char *const *)g->namespaces, g->n_namespaces);
    id->n_namespaces = g->n_namespaces;
    const char *const *list = NULL;
    size_t n = g->kubeconfig ? kubeconfig_contexts(g->kubeconfig, &list) : 0;
    id->contexts = copy_list(a, list, n);
    id->n_contexts = n;
    n = g->cluster ? cluster_known_namespaces(g->cluster, &list) : 0;
    id->known_namespaces = copy_list(a, list, n);
    id->n_known_namespaces = n;
    id->caption = "";
    id->story_ms = id->story_end_ms = TIME_NONE;
    id->is_demo = g->demo != NULL;
    id->pace = 1;
    if (g->demo) {
        struct demo_state st = demo_state_of(g->demo);
        id->is_demo_cut = st.text[0] != '\0';
        id->caption = arena_strdup(a, id->is_demo_cut ? st.text : st.caption);
        id->pace = st.speed > 1 ? (int64_t)st.speed : st.speed > 0 ? 1 : STEPPED_PACE;
        id->story_ms = st.zero_ms;
        id->story_end_ms = st.end_ms;
    }
    return id;
}

static struct sources *make_sources(struct gather *g)
{
    struct sources *s = g->cluster ? cluster_sources(g->cluster) : cluster_no_sources(g->broken);
    if (g->errors)
        cluster_sources_add(s, gather_errors_health(g->errors));
    return s;
}

static struct doc *doc_now(const struct gather *g)
{
    switch (g->doc_kind) {
    case DOC_ERROR:
        return g->errors ? gather_errors_doc(g->errors) : NULL;
    case DOC_JOURNAL:
        return g->journal ? gather_journal_doc(g->journal) : NULL;
    default:
        return g->doc ? kube_doc_section(g->doc) : NULL;
    }
}

static void set(struct snap *s, enum section_id id, void *section)
{
    if (section)
        snap_set(s, id, section);
}

static void on_publish(void *ctx)
{
    struct gather *g = ctx;
    int64_t now = clock_io_ms();
    bool is_synced = g->cluster && cluster_is_synced(g->cluster);
    int64_t wait = g->data_ms + (is_synced ? SECTION_MS : SYNCING_MS) - now;
    unsigned todo = g->moved;
    const struct workloads *held =
        g->snap ? (const struct workloads *)g->snap->sections[SECTION_WORKLOADS] : NULL;
    if (todo & MOVED_DATA && g->spec.workloads_only && !is_synced) {
        todo &= ~(unsigned)MOVED_DATA; /* nobody looks at half a list: its end moves health */
    } else if (todo & MOVED_DATA && wait > 0 && !(is_synced && held && !held->is_synced)) {
        todo &= ~(unsigned)MOVED_DATA; /* later */
        loop_timer_set(g->loop, &g->publish, wait < PUBLISH_MS ? PUBLISH_MS : wait);
    }
    wait = g->errors_ms + SECTION_MS - now;
    if (todo & MOVED_ERRORS && wait > 0) {
        todo &= ~(unsigned)MOVED_ERRORS;
        loop_timer_set(g->loop, &g->publish, wait < PUBLISH_MS ? PUBLISH_MS : wait);
    }
    g->moved &= ~todo;
    if (!todo)
        return;
    struct snap *s = snap_new(g->snap);
    if (todo & (MOVED_IDENT | MOVED_HEALTH)) /* names of namespaces come with a health change */
        set(s, SECTION_IDENT, make_ident(g));
    set(s, SECTION_SOURCES, make_sources(g));
    if (todo & MOVED_DATA && g->cluster) {
        const char *const *notices;
        size_t n_absent, n = cluster_notices(g->cluster, &notices, &n_absent);
        set(s, SECTION_WORKLOADS, kube_view_workloads(cluster_view(g->cluster), is_synced, notices, n, n_absent));
        set(s, SECTION_EVENTS, kube_view_events(cluster_view(g->cluster)));
        g->data_ms = clock_io_ms();
    }
    if (todo & (MOVED_ERRORS | MOVED_DATA) && g->errors) { /* new workloads may claim services */
        set(s, SECTION_ERRORS, gather_errors_section(g->errors, (const struct workloads *)s->sections[SECTION_WORKLOADS],
                                                     clock_story_ms()));
        g->errors_ms = clock_io_ms();
    }
    if (todo & MOVED_DOC)
        snap_set(s, SECTION_DOC, doc_now(g));
    if (todo & MOVED_PLAN)
        snap_set(s, SECTION_PLAN, g->errors ? gather_errors_plan_section(g->errors) : NULL);
    snap_unref(g->snap);
    g->snap = snap_ref(s);
    g->published_ms = clock_io_ms();
    snap_publish(g->spec.slot, s);
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
    move(g, MOVED_HEALTH | MOVED_ERRORS); /* the histogram moves with the minute */
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
    else if (m->doc != DOC_ERROR && m->doc != DOC_JOURNAL)
        g->doc = kube_doc_open(g->loop, g->cluster ? cluster_kube(g->cluster) : NULL, m, on_doc, g);
}

static void close_cluster(struct gather *g)
{
    close_doc(g);
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
        .on_data = on_data, .on_health = on_health, .ctx = g,
    };
    g->cluster = cluster_new(g->loop, &spec);
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
    case CMD_PLAN_CLOSE:
        if (g->errors)
            gather_errors_put_away(g->errors, m->request);
        break;
    }
    move(g, MOVED_IDENT | MOVED_HEALTH | MOVED_DATA | MOVED_DOC | MOVED_ERRORS | MOVED_PLAN);
}

/* ---- the thread ---- */

/* Once the clock is the story's: what is proved, shown and judged before would be in another time. */
static void begin(struct gather *g)
{
    if (g->has_begun)
        return;
    g->has_begun = true;
    choose(g, CHOICE_NEW);
    move(g, MOVED_IDENT | MOVED_HEALTH | MOVED_DATA);
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
    g->publish = (struct loop_timer){ .fn = on_publish, .ctx = g };
    g->beat = (struct loop_timer){ .fn = on_beat, .ctx = g };
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
