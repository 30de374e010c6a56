#include "core/gather/cluster.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/kube_link.h"
#include "core/sources/kube_poll.h"
#include "core/sources/kube_watch.h"

enum { MOST_NAMESPACES = 32, MOST_WATCHES = MOST_NAMESPACES * N_KINDS, MOST_KNOWN = 5000,
       METRICS_MS = 15000, NAMESPACES_MS = 60000, RATE_MS = 10000 };
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct cluster {
    struct loop *loop;
    struct cluster_spec spec;
    struct kube *kube;
    struct kube_link *link;
    struct kube_view *view;
    struct kube_watch *watches[MOST_WATCHES];
    size_t n_watches;
    struct metrics {
        struct cluster *cluster;
        const char *ns;
        struct kube_poll *poll;
    } metrics[MOST_NAMESPACES];
    struct kube_poll *namespaces;
    size_t n_metrics;
    struct names {
        char **items;
        size_t n;
    } known, coming; /* of the namespaces; `coming` until the list is whole */
    char notices[MOST_NAMESPACES][160];
    const char *notice_list[MOST_NAMESPACES];
    uint64_t rate_requests;
    int64_t rate_since_ms;
    double rate;
    bool rate_is_first;
};

static void on_change(void *ctx, struct kube_watch *w, enum watch_change c, struct watch_entry *en,
                      const struct kube_object *old)
{
    struct cluster *cl = ctx;
    kube_view_change(cl->view, w, c, en, old);
    cl->spec.on_data(cl->spec.ctx);
}

static void on_watch_state(void *ctx, struct kube_watch *w)
{
    struct cluster *c = ctx;
    kube_view_watch_state(c->view, w);
    if (kube_watch_health(w).state == SOURCE_STALE && c->link)
        kube_link_ask(c->link); /* one watch is gone: is it the link? */
    kube_view_touch(c->view);   /* notices and "synced" stand in the section */
    c->spec.on_health(c->spec.ctx);
    c->spec.on_data(c->spec.ctx);
}

static void on_link_state(void *ctx)
{
    struct cluster *c = ctx;
    c->spec.on_health(c->spec.ctx);
}

static void on_link_lost(void *ctx)
{
    struct cluster *c = ctx;
    if (c->spec.on_link)
        c->spec.on_link(c->spec.ctx, false);
    on_link_state(ctx);
}

static void on_link_proof(void *ctx)
{
    struct cluster *c = ctx;
    if (c->spec.on_link)
        c->spec.on_link(c->spec.ctx, true);
}

/* The figure starts anew: what was asked for before the link was lost is no rate of now. */
static void restart_rate(struct cluster *c)
{
    c->rate_since_ms = clock_io_ms();
    c->rate_is_first = true;
    c->rate_requests = http_totals(c->loop).requests;
}

static void on_link_back(void *ctx)
{
    struct cluster *c = ctx;
    restart_rate(c);
    for (size_t i = 0; i < c->n_watches; i++)
        kube_watch_reopen(c->watches[i]);
    for (size_t i = 0; i < c->n_metrics; i++)
        kube_poll_now(c->metrics[i].poll);
    on_link_state(c);
}

static void add_watch(struct cluster *c, enum kube_kind kind, const char *ns)
{
    struct watch_hooks hooks = { .on_change = on_change, .on_state = on_watch_state, .ctx = c };
    if (c->n_watches == MOST_WATCHES)
        return;
    struct kube_watch *w = kube_watch_new(c->loop, c->kube, &watch_specs[kind], ns, &hooks);
    c->watches[c->n_watches++] = w;
    kube_view_attach(c->view, w);
    kube_watch_start(w);
}

/* ---- metrics ---- */

static void metrics_begin(void *ctx)
{
    kube_view_usage_begin(((struct metrics *)ctx)->cluster->view);
}

static enum err_code metrics_item(void *ctx, struct json_span item, struct err *e)
{
    struct kube_usage u;
    enum err_code err = kube_decode_usage(item, &u, e);
    if (!err)
        kube_view_usage(((struct metrics *)ctx)->cluster->view, &u);
    return err;
}

static void metrics_end(void *ctx)
{
    struct metrics *m = ctx;
    kube_view_usage_end(m->cluster->view, m->ns);
    m->cluster->spec.on_data(m->cluster->spec.ctx);
}

static void metrics_state(void *ctx)
{
    on_link_state(((struct metrics *)ctx)->cluster);
}

static void add_metrics(struct cluster *c, const char *ns)
{
    char *path = kube_path("/apis/metrics.k8s.io/v1beta1", "pods", ns, NULL, NULL);
    struct metrics *m = &c->metrics[c->n_metrics++]; /* there are no more of them than namespaces */
    struct poll_spec p = { .name = "metrics", .path = path, .period_ms = METRICS_MS,
                           .on_begin = metrics_begin, .on_item = metrics_item,
                           .on_end = metrics_end, .on_state = metrics_state, .ctx = m };
    *m = (struct metrics){ c, ns, kube_poll_new(c->loop, c->kube, &p) };
    free(path);
}

/* ---- the names of the namespaces, for `:ns` and for what does not exist ---- */

static void names_release(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){ NULL, 0 };
}

static void names_begin(void *ctx)
{
    names_release(&((struct cluster *)ctx)->coming);
}

static enum err_code names_item(void *ctx, struct json_span item, struct err *e)
{
    struct names *names = &((struct cluster *)ctx)->coming;
    struct buf b = BUF_INIT(256);
    (void)e;
    if (names->n < MOST_KNOWN && json_str_add(json_path(item, "metadata.name"), &b)) {
        if (!(names->n & (names->n - 1)))
            names->items = x_realloc(names->items, (names->n ? names->n * 2 : 1) * sizeof *names->items);
        names->items[names->n++] = buf_take(&b);
    }
    buf_release(&b);
    return ERR_OK;
}

static void names_end(void *ctx)
{
    struct cluster *c = ctx;
    names_release(&c->known);
    c->known = c->coming;
    c->coming = (struct names){ NULL, 0 };
    kube_view_touch(c->view);
    c->spec.on_data(c->spec.ctx);
    on_link_state(c);
}

static void names_state(void *ctx)
{
    struct cluster *c = ctx;
    kube_view_touch(c->view); /* who waited for the names goes on without them */
    c->spec.on_data(c->spec.ctx);
    on_link_state(c);
}

static bool is_empty(const struct cluster *c, const char *ns)
{
    for (size_t i = 0; i < c->n_watches; i++) {
        if (text_eq(kube_watch_ns(c->watches[i]), ns) && kube_watch_health(c->watches[i]).objects)
            return false;
    }
    return true;
}

/* The API answers for a namespace that does not exist as for an empty one. */
static bool is_absent(const struct cluster *c, const char *ns)
{
    bool is_known = kube_poll_health(c->namespaces).state == SOURCE_LIVE && c->known.n && c->known.n < MOST_KNOWN;
    if (!is_known || !is_empty(c, ns)) /* a server that shows none hides them: there is always one */
        return false;
    for (size_t i = 0; i < c->known.n; i++) {
        if (text_eq(c->known.items[i], ns))
            return false;
    }
    return true;
}

/* ---- life ---- */

struct cluster *cluster_new(struct loop *l, const struct cluster_spec *spec)
{
    static const enum kube_kind kinds[] = { KIND_DEPLOYMENT, KIND_STATEFULSET, KIND_DAEMONSET,
                                            KIND_REPLICASET, KIND_REVISION, KIND_POD, KIND_EVENT,
                                            KIND_HPA, KIND_SERVICE, KIND_JOB };
    struct cluster *c = x_calloc(1, sizeof *c);
    c->loop = l;
    c->spec = *spec;
    c->kube = kube_new(l, spec->target, spec->request_timeout_ms);
    c->view = kube_view_new();
    struct link_hooks hooks = { .on_lost = on_link_lost, .on_back = on_link_back,
                                .on_proof = on_link_proof, .on_state = on_link_state, .ctx = c };
    c->link = kube_link_new(l, c->kube, &hooks);
    size_t n = spec->n_namespaces ? spec->n_namespaces : 1;
    for (size_t i = 0; i < n && i < MOST_NAMESPACES; i++) {
        const char *ns = spec->n_namespaces ? spec->namespaces[i] : "";
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            if (!spec->workloads_only || kinds[k] <= KIND_POD)
                add_watch(c, kinds[k], ns);
        }
        if (!spec->workloads_only)
            add_metrics(c, ns);
    }
    if (!spec->workloads_only)
        add_watch(c, KIND_NODE, "");
    struct poll_spec p = { .name = "namespaces", .path = "/api/v1/namespaces",
                           .accept = ACCEPT_METADATA, .period_ms = NAMESPACES_MS,
                           .on_begin = names_begin, .on_item = names_item,
                           .on_end = names_end, .on_state = names_state, .ctx = c };
    c->namespaces = kube_poll_new(l, c->kube, &p);
    restart_rate(c);
    return c;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    kube_view_free(c->view);
    for (size_t i = 0; i < c->n_watches; i++)
        kube_watch_free(c->watches[i]);
    for (size_t i = 0; i < c->n_metrics; i++)
        kube_poll_free(c->metrics[i].poll);
    kube_poll_free(c->namespaces);
    kube_link_free(c->link);
    kube_free(c->kube);
    names_release(&c->known);
    names_release(&c->coming);
    free(c);
}

void cluster_refresh(struct cluster *c)
{
    kube_link_ask(c->link);
    for (size_t i = 0; i < c->n_watches; i++)
        kube_watch_retry(c->watches[i]);
    for (size_t i = 0; i < c->n_metrics; i++)
        kube_poll_now(c->metrics[i].poll);
}

void cluster_doubt(struct cluster *c)
{
    kube_link_ask(c->link);
    for (size_t i = 0; i < c->n_watches; i++)
        kube_watch_doubt(c->watches[i]);
    on_link_back(c);
}

void cluster_ask_link(struct cluster *c)
{
    kube_link_ask(c->link);
}

bool cluster_is_synced(const struct cluster *c)
{
    for (size_t i = 0; i < c->n_watches; i++) {
        const struct watch_spec *s = kube_watch_spec(c->watches[i]);
        if (!s->is_optional && s->kind != KIND_EVENT && !kube_watch_is_synced(c->watches[i]))
            return false;
    }
    for (size_t i = 0; i < c->spec.n_namespaces; i++) { /* is it empty, or not there? */
        if (kube_poll_health(c->namespaces).state == SOURCE_WAITING && is_empty(c, c->spec.namespaces[i]))
            return false;
    }
    return true;
}

struct kube *cluster_kube(struct cluster *c)
{
    return c->kube;
}

struct kube_view *cluster_view(struct cluster *c)
{
    return c->view;
}

size_t cluster_notices(struct cluster *c, const char *const **out, size_t *n_absent)
{
    size_t n = 0;
    for (size_t i = 0; i < c->spec.n_namespaces && n < MOST_NAMESPACES; i++) {
        if (!is_absent(c, c->spec.namespaces[i]))
            continue;
        snprintf(c->notices[n], sizeof c->notices[n], "namespace \"%s\" does not exist", c->spec.namespaces[i]);
        c->notice_list[n] = c->notices[n];
        n++;
    }
    *n_absent = n;
    for (size_t i = 0; i < c->n_watches && n < MOST_NAMESPACES; i++) {
        struct source_health h = kube_watch_health(c->watches[i]);
        const struct watch_spec *s = kube_watch_spec(c->watches[i]);
        const char *ns = kube_watch_ns(c->watches[i]);
        if (h.state != SOURCE_FORBIDDEN || s->is_optional)
            continue;
        snprintf(c->notices[n], sizeof c->notices[n],
                 "cannot see %s in %s: forbidden (needs get, list and watch on %s)", s->resource,
                 ns[0] ? ns : "all namespaces", s->resource);
        c->notice_list[n] = c->notices[n];
        n++;
    }
    *out = c->notice_list;
    return n;
}

size_t cluster_known_namespaces(struct cluster *c, const char *const **out)
{
    *out = (const char *const *)c->known.items;
    return c->known.n;
}

/* Requests a second over the last RATE_MS at least; the start is spread over that time too. */
static void measure_rate(struct cluster *c)
{
    int64_t now = clock_io_ms(), span = now - c->rate_since_ms;
    uint64_t n = http_totals(c->loop).requests - c->rate_requests;
    if (span >= RATE_MS || c->rate_is_first)
        c->rate = (double)n * 1000 / (double)(span > RATE_MS ? span : RATE_MS);
    if (span >= RATE_MS) {
        c->rate_requests += n;
        c->rate_since_ms = now;
        c->rate_is_first = false;
    }
}

void cluster_sources_add(struct sources *s, struct source_health h)
{
    struct arena *a = &s->section.arena;
    h.name = arena_strdup(a, h.name);
    h.text = arena_strdup(a, h.text);
    h.cause = arena_strdup(a, h.cause ? h.cause : "");
    s->rows[s->n++] = h;
}

/* A row as the panel shows it: while the link is lost nothing below it is live. */
static void put_row(struct sources *s, struct source_health h)
{
    if (s->lost_ms != TIME_NONE && h.state == SOURCE_LIVE) {
        h.state = SOURCE_STALE;
        h.since_ms = s->lost_ms;
        h.text = "the link to the API server is lost";
    }
    cluster_sources_add(s, h);
}

static struct sources *sources_new(size_t n)
{
    struct sources *s = section_new(sizeof *s, NULL);
    s->rows = arena_alloc(&s->section.arena, n * sizeof *s->rows);
    s->oldest_proof_ms = s->lost_ms = TIME_NONE;
    s->worst = SOURCE_LIVE;
    return s;
}

struct sources *cluster_no_sources(const char *why)
{
    struct sources *s = sources_new(1 + CLUSTER_MORE_ROWS);
    cluster_sources_add(s, (struct source_health){ .name = "api", .state = SOURCE_UNSET, .since_ms = clock_story_ms(),
                                                   .proved_ms = TIME_NONE, .retry_ms = TIME_NONE, .objects = -1,
                                                   .text = why });
    s->worst = SOURCE_UNSET;
    return s;
}

struct sources *cluster_sources(struct cluster *c)
{
    size_t own = 1 + c->n_watches + c->n_metrics + 1; /* the link, the lists, usage, the names of the namespaces */
    struct sources *s = sources_new(own + CLUSTER_MORE_ROWS);
    measure_rate(c);
    s->requests_per_s = c->rate;
    s->bytes_in = http_totals(c->loop).bytes_in;
    cluster_sources_add(s, kube_link_health(c->link));
    s->lost_ms = kube_link_lost_ms(c->link);
    for (size_t i = 0; i < c->n_watches; i++)
        put_row(s, kube_watch_health(c->watches[i]));
    for (size_t i = 0; i < c->n_metrics; i++)
        put_row(s, kube_poll_health(c->metrics[i].poll));
    if (!c->spec.workloads_only)
        put_row(s, kube_poll_health(c->namespaces));
    size_t core = c->n_watches + 1; /* metrics and names are extras: they do not make the rest old */
    for (size_t i = 0; i < core; i++) {
        const struct source_health *h = &s->rows[i];
        bool is_extra = i > 0 && kube_watch_spec(c->watches[i - 1])->is_optional;
        bool is_revoked = h->state == SOURCE_FORBIDDEN && h->objects > 0; /* what we hold is old now */
        if (is_extra || (h->state == SOURCE_FORBIDDEN && !is_revoked) || h->state == SOURCE_ABSENT)
            continue;
        if (is_revoked)
            s->rows[i].state = SOURCE_STALE;
        bool is_bad = h->state == SOURCE_STALE || h->state == SOURCE_FAILED;
        if (is_bad && s->worst != SOURCE_STALE)
            s->worst = h->state;
        else if (h->state == SOURCE_WAITING && s->worst == SOURCE_LIVE)
            s->worst = SOURCE_WAITING;
        if (h->proved_ms != TIME_NONE &&
            (s->oldest_proof_ms == TIME_NONE || h->proved_ms < s->oldest_proof_ms))
            s->oldest_proof_ms = h->proved_ms;
    }
    return s;
}
