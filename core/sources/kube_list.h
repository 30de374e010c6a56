/*
 * core/sources/kube_list.h - one list of a collection, item by item as the bytes arrive.
 *
 * In pages, the next one is asked for as soon as its token has come, while the items of this one are
 * still being read: the server's work and ours overlap.  A token that has expired (410) begins anew
 * without pages; items may therefore come twice, and those of two pages may come mixed.
 *
 * Limits   item_cap bytes an item; two pages under way
 * Errors   of on_done: the request's, ERR_PARSE for a list that is none, whatever on_item gave
 * Thread   the loop's       Owns   copies the path
 */
#ifndef SOURCES_KUBE_LIST_H
#define SOURCES_KUBE_LIST_H

#include "core/sources/kube.h"

struct kube_list_spec {
    const char *path;   /* without a query */
    const char *accept; /* NULL = JSON; static */
    int limit;          /* items a page; 0 = no pages */
    bool is_first_only; /* the first page and no more */
    bool is_long;       /* may take as long as bytes keep coming; else the client's request timeout */
    size_t item_cap;
    json_item_fn *on_item;
    void (*on_restart)(void *ctx); /* what has come so far does not count; may be NULL */
    /* Last call; the list is gone after it.  Without an error `envelope` is the last page's document
     * with "items":[], borrowed. */
    void (*on_done)(void *ctx, const struct kube_result *r, struct json_span envelope);
    void *ctx;
};

struct kube_list;
struct kube_list *kube_list_start(struct kube *k, const struct kube_list_spec *spec);
void kube_list_cancel(struct kube_list *l); /* no callback after it; NULL is fine; not from on_item */

#endif
