/*
 * core/sources/kube_watch.h - one kind of object in one namespace, listed and then watched, for ever.
 *
 * The loop is client-go's reflector with a shorter leash: list in pages (limit 500), watch from the
 * list's resourceVersion with bookmarks and a timeout of 60-90 s, again from the last seen
 * resourceVersion, list again after 410 in either form.  An audit (metadata only) finds what a
 * silently blind watch did not bring.
 *
 * State    what is held stays held while the link is away; a finished list is authoritative: what it
 *          does not hold is deleted
 * Limits   WATCH_ITEM bytes an object; audits as WATCH_AUDIT_* say
 * Thread   the loop's      Owns  its objects; on_change borrows them
 * Source   k8s.io/client-go/tools/cache/reflector.go
 */
#ifndef SOURCES_KUBE_WATCH_H
#define SOURCES_KUBE_WATCH_H

#include <uthash.h>

#include "core/model/ident.h"
#include "core/sources/kube.h"
#include "core/sources/kube_decode.h"

enum {
    WATCH_PAGE = 500,
    WATCH_ITEM = 8 * 1024 * 1024,
    WATCH_LEAST_S = 60, WATCH_MOST_S = 90,
    WATCH_SLACK_MS = 5000,       /* the server's timeout is over and nothing ended: the link is dead */
    WATCH_FIRST_MS = 500, WATCH_RETRY_MS = 8000, /* backoff */
    WATCH_AUDIT_MS = 52000,      /* audit each */
    WATCH_GRACE_MS = 5000,       /* what the watch may still bring after an audit */
    WATCH_AUDIT_FULL = 1000,     /* above it a count each minute, the metadata list more rarely */
    WATCH_AUDIT_MOST_MS = 3600000,
    WATCH_EVENTS = 10000,        /* Events kept: the newest (and up to a tenth more) */
    WATCH_REMOVED_KEPT = 256,
};

struct watch_spec {
    enum kube_kind kind;
    const char *group, *resource; /* "/apis/apps/v1", "deployments"; static strings */
    bool is_optional; /* 403 and 404 are no news */
};
extern const struct watch_spec watch_specs[N_KINDS];

struct watch_entry {
    struct kube_object *obj;
    unsigned mark;        /* the list that has seen it last */
    bool is_audited;      /* seen by the audit under way */
    uint64_t change;      /* rises with every change of any entry: which is newer? */
    void *user;           /* the owner's */
    UT_hash_handle hh;    /* by uid */
};

enum watch_change { WATCH_ADDED, WATCH_CHANGED, WATCH_REMOVED };

struct kube_watch;
struct watch_hooks {
    /* old is the object before (CHANGED); with REMOVED entry->obj is the last one known. */
    void (*on_change)(void *ctx, struct kube_watch *w, enum watch_change c,
                      struct watch_entry *entry, const struct kube_object *old);
    void (*on_state)(void *ctx, struct kube_watch *w); /* its health has changed */
    void *ctx;
};

struct kube_watch *kube_watch_new(struct loop *l, struct kube *k, const struct watch_spec *spec,
                                  const char *ns, const struct watch_hooks *hooks);
void kube_watch_free(struct kube_watch *w); /* no hook is called; NULL is fine */
void kube_watch_start(struct kube_watch *w);
void kube_watch_retry(struct kube_watch *w);  /* if it waits: try now */
void kube_watch_reopen(struct kube_watch *w); /* the server was away: open anew from the last RV */
void kube_watch_doubt(struct kube_watch *w);  /* we were suspended: stale until proved, and opened anew */
struct watch_entry *kube_watch_find(struct kube_watch *w, const char *uid);
struct watch_entry *kube_watch_entries(struct kube_watch *w); /* a uthash list */
size_t kube_watch_count(const struct kube_watch *w);
/* What the watch brought while an audit was on its way is no difference: the audit notes where it began. */
struct watch_counts {
    uint64_t added, removed;
};
uint64_t kube_watch_begin_audit(struct kube_watch *w, struct watch_counts *out); /* entries' `change` so far */
struct watch_counts kube_watch_counts(const struct kube_watch *w);
bool kube_watch_has_removed(const struct kube_watch *w, const char *uid); /* since then; perhaps, when many */
int64_t kube_watch_evicted(const struct kube_watch *w); /* Events let go, since ever */
bool kube_watch_is_capped(const struct kube_watch *w); /* more than is kept: not to be audited */
bool kube_watch_is_synced(const struct kube_watch *w); /* one list is complete, or it is not ours to read */
const struct watch_spec *kube_watch_spec(const struct kube_watch *w);
const char *kube_watch_ns(const struct kube_watch *w);
/* Borrowed strings; valid until the next turn. */
struct source_health kube_watch_health(const struct kube_watch *w);

#endif
