/*
 * core/sources/kube_link.h - is the API server there?  A GET of /livez every 5 s, by itself.
 *
 * Any HTTP answer is a sign of life.  Lost: no answer within LINK_DEADLINE_MS, or no connection.
 * While lost it is asked every 1-2 s, for ever.  An answer of 500 means that the server is there and
 * something behind it (its storage) is not: `health` says what.
 *
 * Thread   the loop's
 */
#ifndef SOURCES_KUBE_LINK_H
#define SOURCES_KUBE_LINK_H

#include "core/model/ident.h"
#include "core/sources/kube.h"

enum { LINK_PERIOD_MS = 5000, LINK_DEADLINE_MS = 5000, LINK_RETRY_MS = 1000 };

struct kube_link;
struct link_hooks {
    void (*on_lost)(void *ctx);
    void (*on_back)(void *ctx);
    void (*on_proof)(void *ctx); /* it has answered, just now */
    void (*on_state)(void *ctx); /* something in its health has changed */
    void *ctx;
};
struct kube_link *kube_link_new(struct loop *l, struct kube *k, const struct link_hooks *hooks);
void kube_link_free(struct kube_link *k);
void kube_link_ask(struct kube_link *k); /* now: a watch has just died, or the user wants to know */
int64_t kube_link_lost_ms(const struct kube_link *k); /* story clock; TIME_NONE = not lost */
struct source_health kube_link_health(const struct kube_link *k);

#endif
