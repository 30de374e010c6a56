#include "core/sources/kube_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/sources/kube_list.h"
#include "core/sources/kube_watch.h"

enum { SUSPECTS = 256, META_SHARE = 4 /* metadata is about a quarter of an object's bytes */ };
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct suspect {
    char uid[64];
    char held_rv[64]; /* what we held when the audit differed; "" = nothing */
    char audit_rv[64]; /* what the server said; "" = not there */
};

struct kube_audit {
    struct loop *loop;
    struct kube *kube;
    struct kube_watch *watch;
    void (*on_blind)(void *ctx, const char *why);
    void (*on_proved)(void *ctx);
    struct loop_timer due, grace;
    struct kube_list *list;
    struct suspect *suspects;
    size_t n_suspects;
    size_t seen; /* objects in the audit */
    bool is_count;
    uint64_t since;             /* changes of entries before the audit was sent */
    struct watch_counts counts; /* likewise */
    int64_t full_ms; /* io clock of the last metadata list or full list */
    int64_t counted; /* what a count said, to compare again after the grace */
};

static bool is_large(const struct kube_audit *a)
{
    return kube_watch_count(a->watch) > WATCH_AUDIT_FULL;
}

int64_t kube_audit_period_ms(const struct kube_audit *a)
{
    if (!is_large(a))
        return WATCH_AUDIT_MS;
    /* bytes / META_SHARE a period <= 1 % of bytes a minute: the size cancels out */
    int64_t ms = (int64_t)60000 * 100 / META_SHARE;
    return ms > WATCH_AUDIT_MOST_MS ? WATCH_AUDIT_MOST_MS : ms;
}

static void clear(struct kube_audit *a)
{
    kube_list_cancel(a->list);
    a->list = NULL;
    loop_timer_stop(a->loop, &a->grace);
    a->n_suspects = 0;
}

static void suspect(struct kube_audit *a, const char *uid, const char *held, const char *audit)
{
    if (a->n_suspects == SUSPECTS)
        return;
    struct suspect *s = &a->suspects[a->n_suspects++];
    snprintf(s->uid, sizeof s->uid, "%s", uid);
    snprintf(s->held_rv, sizeof s->held_rv, "%s", held);
    snprintf(s->audit_rv, sizeof s->audit_rv, "%s", audit);
}

/* Called once the watch has had its time: what still differs, and has not moved since, it missed. */
static void on_grace(void *ctx)
{
    struct kube_audit *a = ctx;
    char why[160] = "";
    for (size_t i = 0; i < a->n_suspects && !why[0]; i++) {
        const struct suspect *s = &a->suspects[i];
        struct watch_entry *en = kube_watch_find(a->watch, s->uid);
        const char *now = en ? en->obj->rv : "";
        bool was_removed = !s->held_rv[0] && kube_watch_has_removed(a->watch, s->uid);
        if (text_eq(now, s->held_rv) && !text_eq(now, s->audit_rv) && !was_removed)
            snprintf(why, sizeof why, "%s %.60s", !s->held_rv[0]    ? "it missed the new object"
                                                  : !s->audit_rv[0] ? "it missed the deletion of"
                                                                    : "it missed a change of",
                     en ? en->obj->name : s->uid);
    }
    /* The server counted at some moment since the audit began: between what we have held since. */
    struct watch_counts c = kube_watch_counts(a->watch);
    int64_t held = (int64_t)kube_watch_count(a->watch);
    int64_t least = held - (int64_t)(c.added - a->counts.added), most = held + (int64_t)(c.removed - a->counts.removed);
    if (a->is_count && a->counted >= 0 && (a->counted < least || a->counted > most))
        snprintf(why, sizeof why, "the server counts %" PRId64 " objects, we hold %" PRId64,
                 a->counted, held);
    a->n_suspects = 0;
    if (why[0])
        a->on_blind(a->watch, why);
    else if (!a->is_count) /* a count says nothing of changes */
        a->on_proved(a->watch);
}

static enum err_code on_item(void *ctx, struct json_span obj, struct err *e)
{
    struct kube_audit *a = ctx;
    char uid[64], rv[64];
    if (!kube_decode_identity(obj, uid, rv))
        return err_set(e, ERR_PARSE, 0, "an audit item without identity");
    struct watch_entry *en = kube_watch_find(a->watch, uid);
    a->seen++;
    if (en)
        en->is_audited = true;
    if (!en || (!text_eq(en->obj->rv, rv) && en->change <= a->since))
        suspect(a, uid, en ? en->obj->rv : "", rv);
    return ERR_OK;
}

static void find_ghosts(struct kube_audit *a)
{
    struct watch_entry *en, *next;
    HASH_ITER(hh, kube_watch_entries(a->watch), en, next) {
        if (!en->is_audited && en->change <= a->since)
            suspect(a, en->obj->uid, en->obj->rv, "");
    }
}

static void clear_marks(struct kube_audit *a)
{
    struct watch_entry *en, *next;
    HASH_ITER(hh, kube_watch_entries(a->watch), en, next)
        en->is_audited = false;
}

static void on_done(void *ctx, const struct kube_result *r, struct json_span envelope)
{
    struct kube_audit *a = ctx;
    a->list = NULL;
    if (!r->e.code && a->is_count) {
        int64_t rest = json_int_or(json_path(envelope, "metadata.remainingItemCount"), -1);
        bool has_more = json_kind(json_path(envelope, "metadata.continue")) == JSON_STRING &&
                        json_path(envelope, "metadata.continue").n > 2;
        a->counted = rest >= 0 ? (int64_t)a->seen + rest : has_more ? -1 : (int64_t)a->seen;
    }
    if (!r->e.code && !a->is_count)
        find_ghosts(a);
    if (r->e.code) {
        a->n_suspects = 0;
        log_put(LOG_INFO, "kube", "audit of %s: %s", kube_watch_spec(a->watch)->resource, r->e.text);
    } else {
        loop_timer_set(a->loop, &a->grace, a->n_suspects || a->is_count ? WATCH_GRACE_MS : 0);
        if (!a->is_count)
            a->full_ms = clock_io_ms();
    }
    loop_timer_set(a->loop, &a->due, WATCH_AUDIT_MS);
}

static void on_due(void *ctx)
{
    struct kube_audit *a = ctx;
    if (a->list || loop_timer_is_set(&a->grace))
        return;
    if (kube_watch_is_capped(a->watch)) {
        loop_timer_set(a->loop, &a->due, WATCH_AUDIT_MS);
        return;
    }
    const struct watch_spec *ws = kube_watch_spec(a->watch);
    a->is_count = is_large(a) && clock_io_ms() - a->full_ms < kube_audit_period_ms(a);
    a->seen = a->n_suspects = 0;
    a->since = kube_watch_begin_audit(a->watch, &a->counts);
    clear_marks(a);
    char *path = kube_path(ws->group, ws->resource, kube_watch_ns(a->watch), NULL, NULL);
    struct kube_list_spec spec = { .path = path, .accept = ACCEPT_METADATA, .limit = a->is_count ? 1 : 0,
                                   .is_first_only = true, .is_long = true, .item_cap = WATCH_ITEM, .on_item = on_item,
                                   .on_done = on_done, .ctx = a };
    a->list = kube_list_start(a->kube, &spec);
    free(path);
}

struct kube_audit *kube_audit_new(struct loop *l, struct kube *k, struct kube_watch *w,
                                  void (*on_blind)(void *ctx, const char *why),
                                  void (*on_proved)(void *ctx))
{
    struct kube_audit *a = x_calloc(1, sizeof *a);
    a->loop = l;
    a->kube = k;
    a->watch = w;
    a->on_blind = on_blind;
    a->on_proved = on_proved;
    a->due = (struct loop_timer){ .fn = on_due, .ctx = a };
    a->grace = (struct loop_timer){ .fn = on_grace, .ctx = a };
    a->suspects = x_calloc(SUSPECTS, sizeof *a->suspects);
    return a;
}

void kube_audit_free(struct kube_audit *a)
{
    if (!a)
        return;
    clear(a);
    loop_timer_stop(a->loop, &a->due);
    free(a->suspects);
    free(a);
}

void kube_audit_start(struct kube_audit *a)
{
    if (!loop_timer_is_set(&a->due) && !a->list)
        loop_timer_set(a->loop, &a->due, WATCH_AUDIT_MS);
}

void kube_audit_reset(struct kube_audit *a)
{
    clear(a);
    a->full_ms = clock_io_ms();
    loop_timer_stop(a->loop, &a->due);
}
