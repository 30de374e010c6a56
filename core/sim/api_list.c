#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/api.h"

enum { FILL = 256 * 1024 };

struct list_stream {
    struct stream stream;
    struct sim_text **items;
    size_t n, at;
    bool is_partial;
    struct buf head; /* what comes before the items */
};

static const char partial_head[] =
    "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":";

static bool more(struct stream *s, struct buf *out)
{
    struct list_stream *l = (struct list_stream *)s;
    if (l->head.len) {
        buf_add(out, l->head.data, l->head.len);
        buf_clear(&l->head);
    }
    for (; l->at < l->n && out->len < FILL; l->at++) {
        const struct sim_text *t = l->items[l->at];
        if (l->at)
            buf_addc(out, ',');
        if (l->is_partial) {
            buf_adds(out, partial_head);
            buf_add(out, t->bytes + t->meta_at, t->meta_n);
            buf_addc(out, '}');
        } else {
            buf_add(out, t->bytes, t->n);
        }
    }
    if (l->at < l->n)
        return true;
    buf_adds(out, "]}\n");
    return false;
}

static void release(struct stream *s)
{
    struct list_stream *l = (struct list_stream *)s;
    for (size_t i = 0; i < l->n; i++)
        sim_text_unref(l->items[i]);
    free(l->items);
    buf_release(&l->head);
    free(l);
}

static int64_t bytes_of(const struct list_stream *l)
{
    size_t n = l->head.len + (l->n ? l->n - 1 : 0) + strlen("]}\n");
    for (size_t i = 0; i < l->n; i++)
        n += l->is_partial ? sizeof partial_head - 1 + l->items[i]->meta_n + 1 : l->items[i]->n;
    return (int64_t)n;
}

/* ---- pages ---- */

static void drop_page(struct api_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        sim_text_unref(p->items[i]);
    free(p->items);
    *p = (struct api_page){ 0 };
}

void api_release(struct api *a)
{
    for (size_t i = 0; i < API_PAGES; i++)
        drop_page(&a->pages[i]);
}

void api_forget(struct api *a)
{
    api_release(a);
    store_forget(&a->world->store);
}

static struct api_page *find_page(struct api *a, uint64_t number)
{
    for (size_t i = 0; i < API_PAGES; i++) {
        struct api_page *p = &a->pages[i];
        if (p->number == number && p->number && clock_io_ms() - p->at_ms < API_PAGE_MS)
            return p;
    }
    return NULL;
}

/* Everything that the call selects, at this moment. */
static bool collect(struct api_call *c, struct api_page *out)
{
    struct sim_store *s = &c->api->world->store;
    struct sim_object *const *all = store_sorted(s, c->kind);
    size_t n = store_count(s, c->kind);
    struct selector labels, fields;
    if (!api_selectors(c, &labels, &fields))
        return false;
    *out = (struct api_page){ .rv = s->rv,
                              .items = x_malloc((n + 1) * sizeof *out->items),
                              .has_selector = labels.n || fields.n };
    for (size_t i = 0; i < n; i++) {
        struct sim_text *t = all[i]->text;
        if ((!c->ns[0] || text_eq(c->ns, t->ns)) &&
            (!out->has_selector || (selector_has_labels(&labels, sim_text_span(t)) &&
                                    selector_has_fields(&fields, sim_text_span(t)))))
            out->items[out->n++] = sim_text_ref(t);
    }
    selector_release(&labels);
    selector_release(&fields);
    return true;
}

/* "PAGE-OFFSET"; the page it names, or NULL: the call has failed. */
static struct api_page *continued(struct api_call *c, const char *token, size_t *from)
{
    int64_t number, offset;
    size_t n = strcspn(token, "-");
    if (!token[n] || !text_to_int(token, n, 1, INT64_MAX, &number) ||
        !text_to_int(token + n + 1, strlen(token + n + 1), 0, 100000000, &offset)) {
        api_fail(c, 400, "BadRequest", "continue key is not valid");
        return NULL;
    }
    struct api_page *p = find_page(c->api, (uint64_t)number);
    if (!p || (size_t)offset > p->n) {
        api_fail(c, 410, "Expired",
                 "The provided continue parameter is too old to display a consistent list result. "
                 "You can start "
                 "a new list without the continue parameter.");
        return NULL;
    }
    *from = (size_t)offset;
    return p;
}

static struct api_page *keep(struct api *a, struct api_page *fresh)
{
    struct api_page *p = &a->pages[a->next_page % API_PAGES];
    drop_page(p);
    *p = *fresh;
    p->number = ++a->next_page;
    p->at_ms = clock_io_ms();
    *fresh = (struct api_page){ 0 };
    return p;
}

static void write_head(struct api_call *c, struct list_stream *l, const struct api_page *p,
                       size_t end)
{
    buf_addf(&l->head,
             "{\"kind\":\"%s%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%" PRIu64
             "\"",
             l->is_partial ? "PartialObjectMetadata" : sim_kinds[c->kind].kind, "List",
             l->is_partial ? "meta.k8s.io/v1" : sim_api_version(c->kind), p->rv);
    if (end < p->n) {
        buf_addf(&l->head, ",\"continue\":\"%" PRIu64 "-%zu\"", p->number, end);
        if (!p->has_selector)
            buf_addf(&l->head, ",\"remainingItemCount\":%zu", p->n - end);
    }
    buf_adds(&l->head, "},\"items\":[");
}

void api_list(struct api_call *c)
{
    const char *limit_text = request_query(c->q, "limit"), *token = request_query(c->q, "continue");
    struct api_page fresh = { 0 }, *p = &fresh;
    int64_t limit = 0;
    size_t from = 0;
    if (limit_text && !text_to_int(limit_text, strlen(limit_text), 0, 1000000, &limit)) {
        api_fail(c, 400, "BadRequest", "limit: a number is wanted");
        return;
    }
    if (token && token[0])
        p = continued(c, token, &from);
    else if (!collect(c, &fresh))
        p = NULL;
    if (!p)
        return;
    size_t end = limit && (size_t)limit < p->n - from ? from + (size_t)limit : p->n;
    if (p == &fresh && end < p->n)
        p = keep(c->api, &fresh);
    struct list_stream *l = x_calloc(1, sizeof *l);
    l->stream = (struct stream){ more, release, INT64_MAX };
    l->is_partial = strstr(c->q->accept, "as=PartialObjectMetadataList") != NULL;
    l->head = BUF_INIT(4096);
    l->n = end - from;
    l->items = x_malloc((l->n + 1) * sizeof *l->items);
    for (size_t i = 0; i < l->n; i++)
        l->items[i] = sim_text_ref(p->items[from + i]);
    write_head(c, l, p, end);
    c->out->stream = &l->stream;
    c->out->stream_bytes = bytes_of(l);
    drop_page(&fresh);
}
