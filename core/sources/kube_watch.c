#include "core/sources/kube_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/sources/kube_audit.h"
#include "core/sources/kube_list.h"

const struct watch_spec watch_specs[N_KINDS] = {
    [KIND_DEPLOYMENT] = { KIND_DEPLOYMENT, "/apis/apps/v1", "deployments", false },
    [KIND_STATEFULSET] = { KIND_STATEFULSET, "/apis/apps/v1", "statefulsets", false },
    [KIND_DAEMONSET] = { KIND_DAEMONSET, "/apis/apps/v1", "daemonsets", false },
    [KIND_REPLICASET] = { KIND_REPLICASET, "/apis/apps/v1", "replicasets", false },
    [KIND_REVISION] = { KIND_REVISION, "/apis/apps/v1", "controllerrevisions", false },
    [KIND_POD] = { KIND_POD, "/api/v1", "pods", false },
    [KIND_HPA] = { KIND_HPA, "/apis/autoscaling/v1", "horizontalpodautoscalers", true },
    [KIND_SERVICE] = { KIND_SERVICE, "/api/v1", "services", true },
    [KIND_EVENT] = { KIND_EVENT, "/api/v1", "events", false },
    [KIND_JOB] = { KIND_JOB, "/apis/batch/v1", "jobs", true },
    [KIND_NODE] = { KIND_NODE, "/api/v1", "nodes", true },
};

struct kube_watch {
    struct loop *loop;
    struct kube *kube;
    const struct watch_spec *spec;
    char *ns, *name;
    struct watch_hooks hooks;
    struct watch_entry *entries;
    unsigned mark;
    struct kube_list *list; /* at most one of list and req is under way */
    struct kube_req *req;
    struct json_stream *stream; /* of the watch */
    struct loop_timer again; /* the next step, after a wait or at once */
    struct backoff backoff;
    struct kube_audit *audit;
    char rv[64];          /* continue the watch from here; "" = list first */
    bool was_synced, is_capped;
    uint64_t n_added, n_removed, n_changes; /* since ever */
    char (*removed)[64];  /* uids removed since kube_watch_begin_audit, WATCH_REMOVED_KEPT at most */
    size_t n_removed_kept;
    int64_t n_evicted;
    bool has_events;      /* the watch under way brought something */
    int64_t opened_ms;    /* io clock: the watch answered */
    enum source_state state;
    int64_t since_ms, proved_ms, retry_ms;
    char text[224];
};

static void step(void *ctx);

static void set_state(struct kube_watch *w, enum source_state s, const char *text)
{
    bool is_news = w->state != s;
    if (is_news)
        w->since_ms = clock_story_ms();
    w->state = s;
    snprintf(w->text, sizeof w->text, "%s", text);
    if (s == SOURCE_LIVE)
        w->retry_ms = TIME_NONE;
    if (is_news && text[0])
        log_put(s == SOURCE_LIVE ? LOG_INFO : LOG_WARN, "kube", "%s: %s: %s", w->name,
                source_state_name(s), text);
    w->hooks.on_state(w->hooks.ctx, w);
}

static void prove(struct kube_watch *w)
{
    w->proved_ms = clock_story_ms();
    if (w->state != SOURCE_LIVE && w->was_synced)
        set_state(w, SOURCE_LIVE, "");
}

static void step_in(struct kube_watch *w, int64_t ms)
{
    if (ms)
        w->retry_ms = clock_story_ms() + ms;
    loop_timer_set(w->loop, &w->again, ms);
}

/* ---- the store ---- */

static void drop_entry(struct kube_watch *w, struct watch_entry *en)
{
    w->n_removed++;
    if (w->n_removed_kept < WATCH_REMOVED_KEPT)
        snprintf(w->removed[w->n_removed_kept++], sizeof *w->removed, "%s", en->obj->uid);
    HASH_DEL(w->entries, en);
    w->hooks.on_change(w->hooks.ctx, w, WATCH_REMOVED, en, NULL);
    kube_object_free(en->obj);
    free(en);
}

static int oldest_first(const void *a, const void *b)
{
    int64_t x = (*(struct watch_entry *const *)a)->obj->event->last_ms;
    int64_t y = (*(struct watch_entry *const *)b)->obj->event->last_ms;
    return (x > y) - (x < y);
}

/* More Events than are kept: the oldest of them go, many at a time. */
static void evict(struct kube_watch *w)
{
    size_t n = HASH_COUNT(w->entries), i = 0;
    struct watch_entry **all = x_calloc(n, sizeof *all), *en, *next;
    HASH_ITER(hh, w->entries, en, next)
        all[i++] = en;
    qsort(all, n, sizeof *all, oldest_first);
    for (i = 0; i < n - WATCH_EVENTS; i++)
        drop_entry(w, all[i]);
    w->n_evicted += (int64_t)(n - WATCH_EVENTS);
    w->is_capped = true;
    free(all);
}

static enum err_code store(struct kube_watch *w, struct json_span obj, struct err *e)
{
    struct kube_object *o;
    enum err_code err = kube_decode(w->spec->kind, obj, &o, e);
    if (err)
        return err;
    struct watch_entry *en = kube_watch_find(w, o->uid);
    if (!en) {
        en = x_calloc(1, sizeof *en);
        en->obj = o;
        en->mark = w->mark;
        en->change = ++w->n_changes;
        w->n_added++;
        HASH_ADD_KEYPTR(hh, w->entries, o->uid, strlen(o->uid), en);
        w->hooks.on_change(w->hooks.ctx, w, WATCH_ADDED, en, NULL);
        if (w->spec->kind == KIND_EVENT && HASH_COUNT(w->entries) >= WATCH_EVENTS + WATCH_EVENTS / 10)
            evict(w);
        return ERR_OK;
    }
    en->mark = w->mark;
    if (text_eq(en->obj->rv, o->rv)) { /* nothing new: a relist costs no repaint */
        kube_object_free(o);
        return ERR_OK;
    }
    en->change = ++w->n_changes;
    struct kube_object *old = en->obj;
    HASH_DEL(w->entries, en); /* the key lies in the object */
    en->obj = o;
    HASH_ADD_KEYPTR(hh, w->entries, o->uid, strlen(o->uid), en);
    w->hooks.on_change(w->hooks.ctx, w, WATCH_CHANGED, en, old);
    kube_object_free(old);
    return ERR_OK;
}

static void sweep(struct kube_watch *w)
{
    struct watch_entry *en, *next;
    HASH_ITER(hh, w->entries, en, next) {
        if (en->mark != w->mark)
            drop_entry(w, en);
    }
}

/* ---- list ---- */

static enum err_code on_list_item(void *ctx, struct json_span obj, struct err *e)
{
    return store(ctx, obj, e);
}

static void end_stream(struct kube_watch *w)
{
    json_stream_free(w->stream);
    w->stream = NULL;
}

static void lose(struct kube_watch *w, const struct kube_result *r);

static void on_list_done(void *ctx, const struct kube_result *r, struct json_span envelope)
{
    struct kube_watch *w = ctx;
    struct kube_result res = *r;
    struct json_span rv = json_path(envelope, "metadata.resourceVersion");
    w->list = NULL;
    if (!res.e.code && (json_kind(rv) != JSON_STRING || rv.n < 3 || rv.n - 2 >= sizeof w->rv))
        err_set(&res.e, ERR_PARSE, 0, "a list without metadata.resourceVersion");
    if (res.e.code) {
        lose(w, &res);
        return;
    }
    text_clean_to(w->rv, sizeof w->rv, rv.p + 1, rv.n - 2);
    sweep(w);
    w->was_synced = true; /* the backoff stays until a watch lives: lists alone prove no progress */
    kube_audit_reset(w->audit);
    prove(w);
    w->hooks.on_state(w->hooks.ctx, w);
    step_in(w, 0);
}

static void on_list_restart(void *ctx)
{
    ((struct kube_watch *)ctx)->mark++;
}

static void start_list(struct kube_watch *w)
{
    char *path = kube_path(w->spec->group, w->spec->resource, w->ns, NULL, NULL);
    w->mark++;
    w->is_capped = false;
    w->rv[0] = '\0';
    struct kube_list_spec spec = { .path = path, .limit = WATCH_PAGE, .is_long = true,
                                   .item_cap = WATCH_ITEM, .on_item = on_list_item,
                                   .on_restart = on_list_restart, .on_done = on_list_done, .ctx = w };
    w->list = kube_list_start(w->kube, &spec);
    free(path);
}

/* ---- watch ---- */

/* {"type":"ERROR","object":{Status}}: 410 has two names, and Gone is not the only error. */
static enum err_code on_error_event(struct json_span status, struct err *e)
{
    char said[160] = "";
    struct json_span m = json_get(status, "message");
    int64_t code = json_int_or(json_get(status, "code"), 0);
    if (json_kind(m) == JSON_STRING)
        text_clean_to(said, sizeof said, m.p + 1, m.n - 2);
    bool is_gone = code == 410 || json_str_is(json_get(status, "reason"), "Expired") ||
                   json_str_is(json_get(status, "reason"), "Gone");
    return err_set(e, is_gone ? ERR_GONE : code == 429 ? ERR_BUSY : ERR_SERVER, (int)code,
                   "the watch ended: %s", said);
}

static enum err_code on_event(void *ctx, struct json_span ev, struct err *e)
{
    struct kube_watch *w = ctx;
    struct json_span type = json_get(ev, "type"), obj = json_get(ev, "object");
    char uid[64], rv[64];
    if (json_str_is(type, "ERROR"))
        return on_error_event(obj, e);
    if (!kube_decode_identity(obj, uid, rv))
        return err_set(e, ERR_PARSE, 0, "a watch event without metadata.resourceVersion");
    enum err_code err = ERR_OK;
    if (json_str_is(type, "ADDED") || json_str_is(type, "MODIFIED")) {
        err = store(w, obj, e);
    } else if (json_str_is(type, "DELETED")) {
        struct watch_entry *en = kube_watch_find(w, uid);
        if (en)
            drop_entry(w, en);
    } else if (!json_str_is(type, "BOOKMARK")) {
        return err_set(e, ERR_PARSE, 0, "a watch event of an unknown type");
    }
    if (err)
        return err;
    snprintf(w->rv, sizeof w->rv, "%s", rv);
    w->has_events = true;
    backoff_reset(&w->backoff);
    prove(w);
    return ERR_OK;
}

static void on_watch_head(void *ctx)
{
    struct kube_watch *w = ctx;
    w->opened_ms = clock_io_ms();
    prove(w);
    kube_audit_start(w->audit);
}

static enum err_code on_watch_body(void *ctx, const char *p, size_t n, struct err *e)
{
    struct kube_watch *w = ctx;
    return json_stream_feed(w->stream, p, n, e);
}

static void on_watch_done(void *ctx, const struct kube_result *r)
{
    struct kube_watch *w = ctx;
    struct kube_result res = *r;
    w->req = NULL;
    bool is_half = !json_stream_is_between(w->stream);
    end_stream(w);
    int64_t lasted = w->opened_ms ? clock_io_ms() - w->opened_ms : 0;
    if (lasted >= 1000)
        backoff_reset(&w->backoff);
    if (!res.e.code && is_half)
        err_set(&res.e, ERR_NET, 0, "the watch was cut inside an event");
    if (!res.e.code && lasted < 1000 && !w->has_events)
        err_set(&res.e, ERR_NET, 0, "a watch ended at once, without an event");
    if (res.e.code == ERR_GONE) { /* our resourceVersion is too old: list, without a wait the first time */
        log_put(LOG_INFO, "kube", "%s: %s; listing again", w->name, res.e.text);
        w->rv[0] = '\0';
        int64_t wait = w->backoff.step_ms ? backoff_next_ms(&w->backoff) : 0;
        if (!wait)
            w->backoff.step_ms = w->backoff.first_ms;
        step_in(w, wait);
    } else if (res.e.code) {
        /* Refused or throttled says nothing of our position; anything else twice running does. */
        bool is_far = res.e.code != ERR_BUSY && res.e.code != ERR_NET && res.e.code != ERR_TIMEOUT &&
                      res.e.code != ERR_AUTH;
        if (is_far && w->backoff.step_ms)
            w->rv[0] = '\0';
        lose(w, &res);
    } else {
        step_in(w, 0); /* its time was over: again, from where it was */
    }
}

static void start_watch(struct kube_watch *w)
{
    struct buf q = BUF_INIT(1024);
    int secs = WATCH_LEAST_S + (int)backoff_random(WATCH_MOST_S - WATCH_LEAST_S + 1);
    buf_adds(&q, "watch=1&allowWatchBookmarks=true&resourceVersion=");
    text_escape_url(&q, w->rv);
    buf_addf(&q, "&timeoutSeconds=%d", secs);
    char *path = kube_path(w->spec->group, w->spec->resource, w->ns, NULL, buf_str(&q));
    w->has_events = false;
    w->opened_ms = 0;
    w->stream = json_stream_new(JSON_STREAM_VALUES, WATCH_ITEM, on_event, w);
    struct kube_spec spec = { .path = path, .is_watch = true,
                              .total_ms = secs * 1000 + WATCH_SLACK_MS,
                              .on_head = on_watch_head, .on_body = on_watch_body,
                              .on_done = on_watch_done, .ctx = w };
    w->req = kube_request(w->kube, &spec);
    free(path);
    buf_release(&q);
}

static void step(void *ctx)
{
    struct kube_watch *w = ctx;
    w->retry_ms = TIME_NONE;
    if (w->req || w->list)
        return;
    if (w->rv[0])
        start_watch(w);
    else
        start_list(w);
}

/* A failure: say so, keep what is held, try again after a wait, for ever. */
static void lose(struct kube_watch *w, const struct kube_result *r)
{
    int64_t wait = backoff_next_ms(&w->backoff);
    enum source_state s = w->was_synced ? SOURCE_STALE : SOURCE_FAILED;
    if (r->e.code == ERR_FORBIDDEN) {
        s = SOURCE_FORBIDDEN;
        wait = 60000; /* rights are granted by people */
    } else if (r->e.code == ERR_NOTFOUND && !w->was_synced) {
        s = SOURCE_ABSENT;
        wait = 300000;
    }
    if (r->retry_after_ms > wait)
        wait = r->retry_after_ms;
    step_in(w, wait);
    set_state(w, s, r->e.text);
}

/* ---- the audit found that the watch did not bring everything ---- */

static void on_blind(void *ctx, const char *why)
{
    struct kube_watch *w = ctx;
    log_put(LOG_WARN, "kube", "%s: the watch was blind (%s); listing again", w->name, why);
    kube_cancel(w->req);
    w->req = NULL;
    end_stream(w);
    w->rv[0] = '\0';
    step_in(w, 0);
}

static void on_audited(void *ctx)
{
    prove(ctx);
}

/* ---- life ---- */

struct kube_watch *kube_watch_new(struct loop *l, struct kube *k, const struct watch_spec *spec,
                                  const char *ns, const struct watch_hooks *hooks)
{
    struct kube_watch *w = x_calloc(1, sizeof *w);
    w->loop = l;
    w->kube = k;
    w->spec = spec;
    w->ns = x_strdup(ns ? ns : "");
    w->name = x_asprintf("%s%s%s", spec->resource, w->ns[0] ? " " : "", w->ns);
    w->hooks = *hooks;
    w->again = (struct loop_timer){ .fn = step, .ctx = w };
    w->backoff = (struct backoff){ .first_ms = WATCH_FIRST_MS, .most_ms = WATCH_RETRY_MS };
    w->state = SOURCE_WAITING;
    w->since_ms = clock_story_ms();
    w->proved_ms = w->retry_ms = TIME_NONE;
    w->removed = x_calloc(WATCH_REMOVED_KEPT, sizeof *w->removed);
    w->audit = kube_audit_new(l, k, w, on_blind, on_audited);
    return w;
}

void kube_watch_free(struct kube_watch *w)
{
    if (!w)
        return;
    kube_list_cancel(w->list);
    kube_cancel(w->req);
    end_stream(w);
    loop_timer_stop(w->loop, &w->again);
    kube_audit_free(w->audit);
    struct watch_entry *en, *next;
    HASH_ITER(hh, w->entries, en, next) {
        HASH_DEL(w->entries, en);
        kube_object_free(en->obj);
        free(en);
    }
    free(w->removed);
    free(w->ns);
    free(w->name);
    free(w);
}

void kube_watch_start(struct kube_watch *w)
{
    step_in(w, 0);
}

void kube_watch_retry(struct kube_watch *w)
{
    if (loop_timer_is_set(&w->again)) {
        backoff_reset(&w->backoff);
        step_in(w, 0);
    }
}

void kube_watch_doubt(struct kube_watch *w)
{
    if (w->state == SOURCE_LIVE && w->was_synced)
        set_state(w, SOURCE_STALE, "not proved since the pause");
    kube_watch_reopen(w);
}

void kube_watch_reopen(struct kube_watch *w)
{
    if (w->req) {
        kube_cancel(w->req);
        w->req = NULL;
        end_stream(w);
        step_in(w, 0);
    } else {
        kube_watch_retry(w);
    }
}

struct watch_entry *kube_watch_find(struct kube_watch *w, const char *uid)
{
    struct watch_entry *en = NULL;
    HASH_FIND(hh, w->entries, uid, strlen(uid), en);
    return en;
}

struct watch_entry *kube_watch_entries(struct kube_watch *w)
{
    return w->entries;
}

size_t kube_watch_count(const struct kube_watch *w)
{
    return HASH_COUNT(w->entries);
}

uint64_t kube_watch_begin_audit(struct kube_watch *w, struct watch_counts *out)
{
    *out = (struct watch_counts){ w->n_added, w->n_removed };
    w->n_removed_kept = 0;
    return w->n_changes;
}

struct watch_counts kube_watch_counts(const struct kube_watch *w)
{
    return (struct watch_counts){ w->n_added, w->n_removed };
}

bool kube_watch_has_removed(const struct kube_watch *w, const char *uid)
{
    if (w->n_removed_kept == WATCH_REMOVED_KEPT) /* more than we remember: perhaps */
        return true;
    for (size_t i = 0; i < w->n_removed_kept; i++) {
        if (text_eq(w->removed[i], uid))
            return true;
    }
    return false;
}

int64_t kube_watch_evicted(const struct kube_watch *w)
{
    return w->n_evicted;
}

bool kube_watch_is_capped(const struct kube_watch *w)
{
    return w->is_capped;
}

bool kube_watch_is_synced(const struct kube_watch *w)
{
    return w->was_synced || w->state == SOURCE_FORBIDDEN || w->state == SOURCE_ABSENT;
}

const struct watch_spec *kube_watch_spec(const struct kube_watch *w)
{
    return w->spec;
}

const char *kube_watch_ns(const struct kube_watch *w)
{
    return w->ns;
}

struct source_health kube_watch_health(const struct kube_watch *w)
{
    return (struct source_health){
        .name = w->name, .state = w->state, .since_ms = w->since_ms, .proved_ms = w->proved_ms,
        .retry_ms = w->retry_ms, .text = w->text, .objects = (int64_t)HASH_COUNT(w->entries),
        .audit_ms = kube_audit_period_ms(w->audit),
    };
}
