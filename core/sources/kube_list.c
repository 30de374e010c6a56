#include "core/sources/kube_list.h"

#include "core/base/text.h"

enum { TOKEN_CAP = 8192, PAGES = 2 };

struct page {
    struct kube_list *list;
    struct kube_req *req;
    struct json_stream *stream; /* NULL: the slot is free */
    bool has_token;   /* not the first page */
    bool has_looked;  /* for the token of the next */
    bool is_done;
};

struct kube_list {
    struct kube *kube;
    struct kube_list_spec spec;
    char *path;
    struct page pages[PAGES];
    int front;      /* the earlier of the pages under way */
    bool is_whole;  /* a token has expired: all at once */
};

static void release_page(struct page *p)
{
    kube_cancel(p->req);
    json_stream_free(p->stream);
    *p = (struct page){ .list = p->list };
}

static void free_list(struct kube_list *l)
{
    for (int i = 0; i < PAGES; i++)
        release_page(&l->pages[i]);
    free(l->path);
    free(l);
}

static void finish(struct kube_list *l, const struct kube_result *r, struct json_span envelope)
{
    l->spec.on_done(l->spec.ctx, r, envelope);
    free_list(l); /* after: the envelope lies in a page */
}

static struct page *other_of(struct page *p)
{
    return &p->list->pages[p == &p->list->pages[0]];
}

/* metadata.continue into `token`; false when there is none. */
static bool take_token(const struct kube_list *l, struct json_span envelope, struct buf *token)
{
    buf_clear(token);
    return l->spec.limit && !l->is_whole && !l->spec.is_first_only &&
           json_str_add(json_path(envelope, "metadata.continue"), token) && token->len;
}

static void start_page(struct page *p, const char *token);

/* Kubernetes writes metadata before items: at the first item the token is there. */
static void look_ahead(struct page *p)
{
    struct buf head = BUF_INIT(64 * 1024), token = BUF_INIT(TOKEN_CAP);
    struct json_span envelope;
    if (p == &p->list->pages[p->list->front] && !p->has_looked && !other_of(p)->stream) {
        p->has_looked = true;
        if (json_stream_head(p->stream, &head, &envelope) && take_token(p->list, envelope, &token))
            start_page(other_of(p), buf_str(&token));
    }
    buf_release(&head);
    buf_release(&token);
}

static enum err_code on_item(void *ctx, struct json_span item, struct err *e)
{
    struct page *p = ctx;
    look_ahead(p);
    return p->list->spec.on_item(p->list->spec.ctx, item, e);
}

static enum err_code on_body(void *ctx, const char *bytes, size_t n, struct err *e)
{
    return json_stream_feed(((struct page *)ctx)->stream, bytes, n, e);
}

/* The front page is whole: the one behind it comes to the front, or the list is at its end. */
static void advance(struct kube_list *l, const struct kube_result *r)
{
    struct kube_result res = *r;
    struct buf token = BUF_INIT(TOKEN_CAP);
    for (;;) {
        struct page *p = &l->pages[l->front], *next = other_of(p);
        struct json_span envelope = { 0 };
        if (json_stream_end(p->stream, &envelope, &res.e) ||
            (!next->stream && !take_token(l, envelope, &token))) {
            finish(l, &res, envelope);
            break;
        }
        if (!next->stream)
            start_page(next, buf_str(&token));
        release_page(p);
        l->front = !l->front;
        if (!next->is_done)
            break;
    }
    buf_release(&token);
}

static void on_done(void *ctx, const struct kube_result *r)
{
    struct page *p = ctx;
    struct kube_list *l = p->list;
    p->req = NULL;
    p->is_done = true;
    if (!r->e.code) {
        if (p == &l->pages[l->front])
            advance(l, r);
    } else if (r->e.code == ERR_GONE && p->has_token) {
        release_page(&l->pages[0]);
        release_page(&l->pages[1]);
        l->is_whole = true;
        l->front = 0;
        if (l->spec.on_restart)
            l->spec.on_restart(l->spec.ctx);
        start_page(&l->pages[0], NULL);
    } else {
        finish(l, r, (struct json_span){ 0 });
    }
}

static void start_page(struct page *p, const char *token)
{
    struct kube_list *l = p->list;
    struct buf path = BUF_INIT(TOKEN_CAP * 4);
    buf_adds(&path, l->path);
    if (l->spec.limit && !l->is_whole)
        buf_addf(&path, "?limit=%d", l->spec.limit);
    if (token) {
        buf_adds(&path, "&continue=");
        text_escape_url(&path, token);
    }
    p->has_token = token != NULL;
    p->stream = json_stream_new(JSON_STREAM_ITEMS, l->spec.item_cap, on_item, p);
    struct kube_spec spec = { .path = buf_str(&path), .accept = l->spec.accept,
                              .total_ms = l->spec.is_long ? -1 : 0,
                              .idle_ms = l->spec.is_long ? KUBE_REQUEST_MS : 0,
                              .on_body = on_body, .on_done = on_done, .ctx = p };
    p->req = kube_request(l->kube, &spec);
    buf_release(&path);
}

struct kube_list *kube_list_start(struct kube *k, const struct kube_list_spec *spec)
{
    struct kube_list *l = x_calloc(1, sizeof *l);
    l->kube = k;
    l->spec = *spec;
    l->path = x_strdup(spec->path);
    for (int i = 0; i < PAGES; i++)
        l->pages[i].list = l;
    start_page(&l->pages[0], NULL);
    return l;
}

void kube_list_cancel(struct kube_list *l)
{
    if (l)
        free_list(l);
}
