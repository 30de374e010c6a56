/*
 * Each target has a timer on a grid of its own: the grid moves on whatever happens to the answer, so a
 * service that drips delays nobody, itself included.
 */
#include "core/sources/asker.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sources/web.h"

enum { LEAST_MS = 100 };

struct asked { /* a target */
    struct asker *k;
    struct target t; /* its strings are ours */
    struct loop_timer due;
    int64_t due_ms, sent_ms; /* io clock */
    struct http_req *http;
    struct kube_req *kube;
    struct http_times before; /* of the answers that redirected */
    int n_redirects;
    bool is_kept; /* by the targets that are being set */
    void *state;
};

struct asker {
    struct loop *loop;
    struct asker_spec spec;
    struct asked **items; /* by subject */
    size_t n;
};

/* ---- an answer ---- */

static void send_to(struct asked *o, const char *url);

static void answered(struct asked *o, struct probe_answer a)
{
    if (a.times.first_byte > 0)
        a.times.first_byte += o->before.total;
    a.times.total += o->before.total;
    a.times.connect += o->before.connect;
    a.times.tls += o->before.tls;
    o->k->spec.on_answer(o->k->spec.ctx, &o->t, o->state, &a);
}

static void unseen(struct asked *o, const struct err *e)
{
    answered(o, (struct probe_answer){ .e = *e, .is_ours = true, .body = "", .type = "" });
}

static void on_http(void *ctx, const struct http_result *r)
{
    struct asked *o = ctx;
    o->http = NULL;
    bool is_redirect = !r->e.code && r->status >= 300 && r->status < 400 && r->redirect;
    if (is_redirect && o->t.how->follows_redirects && o->n_redirects < ASKER_REDIRECTS) {
        o->n_redirects++;
        o->before.total += r->times.total;
        o->before.connect += r->times.connect;
        o->before.tls += r->times.tls;
        char *to = x_strdup(r->redirect);
        send_to(o, to);
        free(to);
        return;
    }
    answered(o, (struct probe_answer){ .e = r->e, .status = r->status, .type = r->type, .body = r->body, .body_n = r->body_n,
                                        .times = r->times, .redirect = r->redirect });
}

static void on_kube(void *ctx, const struct kube_result *r)
{
    struct asked *o = ctx;
    o->kube = NULL;
    bool is_answer = r->status && r->e.native == r->status; /* a status of HTTP is no error here */
    answered(o, (struct probe_answer){ .e = is_answer || !r->e.code ? (struct err){ 0 } : r->e, .status = r->status, .is_api = true,
                                        .type = r->type ? r->type : "", .body = r->body ? r->body : "",
                                        .body_n = r->body_n, .times = r->times });
}

/* ---- a question ---- */

static int64_t period(const struct asked *o)
{
    int64_t ms = o->t.how->every_ms / (o->k->spec.pace > 1 ? o->k->spec.pace : 1);
    return ms > LEAST_MS ? ms : LEAST_MS;
}

static int64_t left_ms(const struct asked *o)
{
    int64_t most = period(o) * 9 / 10, timeout = o->t.how->timeout_ms < most ? o->t.how->timeout_ms : most;
    return o->sent_ms + timeout - clock_io_ms();
}

static void send_to(struct asked *o, const char *url)
{
    struct err e = { 0 };
    int64_t left = left_ms(o);
    struct web_spec spec = { .server = &o->t.how->server, .url = url, .accept = o->k->spec.accept,
                             .is_bare = !web_same_origin(url, o->t.url), .is_probe = o->k->spec.is_probe, .total_ms = left > 1 ? left : 1,
                             .body_cap = o->k->spec.body_cap, .on_done = on_http, .ctx = o };
    if (web_get(o->k->loop, &spec, &o->http, &e))
        unseen(o, &e);
}

static void ask(struct asked *o)
{
    struct asker *k = o->k;
    if (o->http || o->kube)
        return;
    o->sent_ms = clock_io_ms();
    o->before = (struct http_times){ 0 };
    o->n_redirects = 0;
    if (o->t.url) {
        send_to(o, o->t.url);
    } else if (k->spec.kube) {
        const struct conf_server *s = &o->t.how->server;
        struct kube_spec spec = { .path = o->t.api_path, .accept = o->k->spec.accept,
                                  .total_ms = left_ms(o), .body_cap = o->k->spec.body_cap, .headers = s->headers,
                                  .n_headers = s->n_headers, .on_done = on_kube, .ctx = o };
        o->kube = kube_request(k->spec.kube, &spec);
    } else {
        struct err e;
        err_set(&e, ERR_CONFIG, 0, "no cluster to ask through");
        unseen(o, &e);
    }
}

static void on_due(void *ctx)
{
    struct asked *o = ctx;
    int64_t now = clock_io_ms(), step = period(o);
    o->due_ms += step;
    if (o->due_ms <= now) /* we were suspended: the grid stays, what is over is over */
        o->due_ms += (now - o->due_ms) / step * step + step;
    loop_timer_set(o->k->loop, &o->due, o->due_ms - now);
    ask(o);
}

/* ---- targets ---- */

static void free_asked(struct asked *o)
{
    http_cancel(o->http);
    kube_cancel(o->kube);
    loop_timer_stop(o->k->loop, &o->due);
    o->k->spec.on_drop(o->k->spec.ctx, o->state);
    free(o->state);
    free((char *)(uintptr_t)o->t.subject);
    free((char *)(uintptr_t)o->t.name);
    free((char *)(uintptr_t)o->t.url);
    free((char *)(uintptr_t)o->t.api_path);
    free(o);
}

static struct asked *new_asked(struct asker *k, const struct target *t)
{
    struct asked *o = x_calloc(1, sizeof *o);
    uint32_t hash = 2166136261u;
    for (const char *s = t->subject; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 16777619u;
    hash ^= hash >> 15; /* names differ in their last character mostly, which the upper bits do not know yet */
    hash *= 0x2c1b3c6du;
    o->k = k;
    o->t = (struct target){ .subject = x_strdup(t->subject), .name = x_strdup(t->name), .url = t->url ? x_strdup(t->url) : NULL,
                            .api_path = t->api_path ? x_strdup(t->api_path) : NULL, .how = t->how, .n_pods = t->n_pods };
    o->state = x_calloc(1, k->spec.state_size);
    o->due = (struct loop_timer){ .fn = on_due, .ctx = o };
    int64_t first = (int64_t)((uint64_t)hash * (uint64_t)period(o) >> 32);
    o->due_ms = clock_io_ms() + first;
    loop_timer_set(k->loop, &o->due, first);
    return o;
}

static struct asked *find(struct asker *k, const struct target *t)
{
    for (size_t i = 0; i < k->n; i++) {
        struct asked *o = k->items[i];
        if (!o->is_kept && o->t.how == t->how && text_eq(o->t.subject, t->subject) && text_eq(o->t.url, t->url) &&
            text_eq(o->t.api_path, t->api_path))
            return o;
    }
    return NULL;
}

void asker_set(struct asker *k, const struct target_list *t)
{
    struct asked **items = x_calloc(t->n + 1, sizeof *items);
    for (size_t i = 0; i < t->n; i++) {
        items[i] = find(k, &t->items[i]);
        if (items[i]) {
            items[i]->is_kept = true;
            items[i]->t.n_pods = t->items[i].n_pods;
        }
    }
    for (size_t i = 0; i < k->n; i++) {
        if (!k->items[i]->is_kept)
            free_asked(k->items[i]);
    }
    free(k->items);
    k->items = items;
    k->n = t->n;
    for (size_t i = 0; i < t->n; i++) {
        if (!items[i])
            items[i] = new_asked(k, &t->items[i]);
        items[i]->is_kept = false;
    }
}

void asker_now(struct asker *k)
{
    for (size_t i = 0; i < k->n; i++)
        ask(k->items[i]);
}

size_t asker_count(const struct asker *k)
{
    return k->n;
}

const struct target *asker_at(const struct asker *k, size_t i, void **state)
{
    *state = k->items[i]->state;
    return &k->items[i]->t;
}

struct asker *asker_new(struct loop *l, const struct asker_spec *spec)
{
    struct asker *k = x_calloc(1, sizeof *k);
    k->loop = l;
    k->spec = *spec;
    return k;
}

void asker_free(struct asker *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        free_asked(k->items[i]);
    free(k->items);
    free(k);
}
