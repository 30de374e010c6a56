/*
 * The pace: a change sets what has moved and makes sure that the publish timer is set; the timer
 * builds only what has moved and may be built again by now.  Nothing here polls for changes.
 */
#include "core/gather/gather_internal.h"

#include <stdio.h>

#include "core/base/text.h"

enum { PUBLISH_MS = 33, SECTION_MS = 100, SYNCING_MS = 500, CLOCK_SET_MS = 5000, EARLY_MS = 60000 };

void gather_move(struct gather *g, unsigned what)
{
    g->moved |= what;
    int64_t now = clock_io_ms(), due = g->published_ms + PUBLISH_MS;
    if (due < now)
        due = now;
    if (!loop_timer_is_set(&g->publish) || g->publish.due_ms > due) /* data may wait, the end of a list may not */
        loop_timer_set(g->loop, &g->publish, due - now);
}

int64_t gather_pace(const struct gather *g)
{
    double speed = g->demo ? demo_state_of(g->demo).speed : 1;
    return speed > 1 ? (int64_t)speed : speed > 0 ? 1 : STEPPED_PACE;
}

static const char *const *copy_list(struct arena *a, const char *const *from, size_t n)
{
    const char **to = arena_alloc(a, (n + 1) * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = arena_strdup(a, from[i]);
    return to;
}

static void copy_links(struct arena *a, const struct gather *g, struct ident *id)
{
    const struct conf_measure *m = g->env ? &g->env->measure : NULL;
    struct link *links = m ? arena_alloc(a, (m->n_links + 1) * sizeof *links) : NULL;
    for (size_t i = 0; m && i < m->n_links; i++)
        links[i] = (struct link){ arena_strdup(a, m->links[i].name), arena_strdup(a, m->links[i].url) };
    id->links = links;
    id->n_links = m ? m->n_links : 0;
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
    copy_links(a, g, id);
    id->caption = "";
    id->story_ms = id->story_end_ms = TIME_NONE;
    id->is_demo = g->demo != NULL;
    id->pace = gather_pace(g);
    if (g->demo) {
        struct demo_state st = demo_state_of(g->demo);
        id->is_demo_cut = st.text[0] != '\0';
        id->caption = arena_strdup(a, id->is_demo_cut ? st.text : st.caption);
        id->story_ms = st.zero_ms;
        id->story_end_ms = st.end_ms;
    }
    return id;
}

/* A wall clock that was set moves nothing here, and is said: our times are those of before. */
static void add_clock(struct sources *s)
{
    int64_t ahead = clock_wall_ahead_ms(), far = ahead < 0 ? -ahead : ahead;
    char text[160], age[CLOCK_TEXT];
    if (far < CLOCK_SET_MS)
        return;
    snprintf(text, sizeof text, "the clock of this machine was set, %s %s: times here are by the clock as it was; start again to go by the new one",
             clock_format_age(far, age), ahead > 0 ? "ahead" : "back");
    cluster_sources_add(s, (struct source_health){ .name = "clock", .state = SOURCE_STALE, .since_ms = clock_story_ms(), .proved_ms = TIME_NONE,
                                                   .retry_ms = TIME_NONE, .objects = -1, .text = text });
}

static struct sources *make_sources(struct gather *g)
{
    struct sources *s = g->cluster ? cluster_sources(g->cluster) : cluster_no_sources(g->broken);
    struct source_health more[MEASURE_SOURCES];
    size_t n = g->measure ? gather_measure_health(g->measure, more) : 0;
    if (g->errors)
        cluster_sources_add(s, gather_errors_health(g->errors));
    if (g->history)
        cluster_sources_add(s, history_health(g->history));
    for (size_t i = 0; i < n; i++)
        cluster_sources_add(s, more[i]);
    if (!g->demo)
        add_clock(s);
    return s;
}

static struct doc *doc_now(const struct gather *g)
{
    switch (g->doc_kind) {
    case DOC_ERROR:
        return g->errors ? gather_errors_doc(g->errors) : NULL;
    case DOC_JOURNAL:
        return g->journal ? gather_journal_doc(g->journal) : NULL;
    case DOC_SMOKE:
        return g->smokes ? gather_smokes_doc(g->smokes) : NULL;
    default:
        return g->doc ? kube_doc_section(g->doc) : NULL;
    }
}

static void set(struct snap *s, enum section_id id, void *section)
{
    if (section)
        snap_set(s, id, section);
}

static bool is_meant(const struct gather *g, const struct workload *w)
{
    return !g->spec.is_meant || g->spec.is_meant(g->spec.meant_ctx, w);
}

/* A window for each that is meant, when none of them has one. */
static void begin_by_hand(struct gather *g, const struct workloads *ws)
{
    for (size_t i = 0; i < ws->n && !g->spec.must_begin; i++) {
        if (is_meant(g, ws->items[i]) && gather_bake_is_open(g->bake, ws->items[i]->id))
            return;
    }
    for (size_t i = 0; i < ws->n; i++) {
        if (is_meant(g, ws->items[i]))
            gather_bake_open(g->bake, ws->items[i]->id, clock_story_ms() - g->spec.begun_ago_ms);
    }
}

/* What is old is not seen. */
void gather_look(struct gather *g, const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    const struct errors *es = (const struct errors *)s->sections[SECTION_ERRORS];
    bool is_current = src && src->lost_ms == TIME_NONE && src->worst == SOURCE_LIVE && ws && ws->is_synced;
    bool is_fed = es && g->errors && gather_errors_health(g->errors).state == SOURCE_LIVE;
    if (is_current) {
        gather_smokes_see(g->smokes, ws);
        if (g->measure)
            gather_measure_see(g->measure, ws); /* the bake may begin by that */
    }
    gather_bake_require(g->bake, (is_fed ? 1u << TRIGGER_ROWS : 0) | (g->measure ? gather_measure_triggers(g->measure) : 0));
    gather_bake_see(g->bake, is_current ? ws : NULL, is_fed ? es : NULL);
    if (!is_current || !g->spec.begins_by_hand || g->has_opened || !gather_bake_has_begun(g->bake))
        return;
    g->has_opened = true;
    begin_by_hand(g, ws);
    gather_bake_see(g->bake, ws, is_fed ? es : NULL);
}

/* Somebody who does not look at the screen hears of it when the word changes. */
static void tell(struct gather *g, const struct verdict *v)
{
    char place[300];
    enum verdict_word before = g->told;
    bool is_early = v->word == VERDICT_NO_DATA && before == VERDICT_NONE && clock_io_ms() - g->started_io_ms < EARLY_MS;
    if (is_early) /* nothing was lost: the sources have not had their time yet */
        return;
    g->told = v->word;
    if (!g->notify || v->word == before)
        return;
    snprintf(place, sizeof place, "%s%scontext %.200s", g->env ? g->env->name : "", g->env ? ", " : "",
             g->has_target ? g->target.context : "-");
    notify_say(g->notify, &(struct notice){ .before = before, .now = v->word, .rule = v->rule, .place = place,
                                            .workload = v->n_bakes ? v->bakes[0].name : "", .at_ms = v->judged_ms });
}

void gather_publish(void *ctx)
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
    if (g->bake && todo & (MOVED_DATA | MOVED_ERRORS)) {
        gather_look(g, s);
        todo |= g->moved & MOVED_VERDICT; /* it may have found something */
        g->moved &= ~(unsigned)MOVED_VERDICT;
    }
    if (todo & MOVED_VERDICT && g->bake) {
        snap_set(s, SECTION_VERDICT, gather_bake_verdict(g->bake));
        tell(g, (const struct verdict *)s->sections[SECTION_VERDICT]);
        snap_set(s, SECTION_TRACKS, gather_bake_tracks(g->bake));
    }
    if (todo & MOVED_DOC)
        snap_set(s, SECTION_DOC, doc_now(g));
    if (todo & MOVED_PLAN)
        snap_set(s, SECTION_PLAN, g->errors ? gather_errors_plan_section(g->errors) : NULL);
    if (g->history)
        history_sections(g->history, s, clock_story_ms());
    snap_unref(g->snap);
    g->snap = snap_ref(s);
    g->published_ms = clock_io_ms();
    snap_publish(g->spec.slot, s);
}

