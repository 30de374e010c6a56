/* tests/unit/watch.h - a transport that the test plays: requests wait in a table until it answers them, and
 * time moves when it says so. */
#ifndef UNIT_WATCH_H
#define UNIT_WATCH_H

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/loop.h"
#include "core/sources/kube_view.h"
#include "core/sources/kube_watch.h"

/* ---- the transport: what core/sources/kube.c does with sockets ---- */

struct kube_req {
    struct kube_spec spec;
    char *path;
    bool is_open;
};
enum { MOST = 4096 };
static struct kube_req *reqs[MOST];
static size_t n_reqs;

struct kube_req *kube_request(struct kube *k, const struct kube_spec *spec)
{
    struct kube_req *r = x_calloc(1, sizeof *r);
    (void)k;
    *r = (struct kube_req){ *spec, x_strdup(spec->path), true };
    assert_true(n_reqs < MOST);
    return reqs[n_reqs++] = r;
}

void kube_cancel(struct kube_req *r)
{
    if (r)
        r->is_open = false;
}

char *kube_path(const char *group, const char *resource, const char *ns, const char *name, const char *query)
{
    return x_asprintf("%s/%s/%s%s%s%s%s", group, ns ? ns : "", resource, name ? "/" : "", name ? name : "",
                      query ? "?" : "", query ? query : "");
}

/* ---- time, and what is looked at ---- */

static int64_t now_ms;
static struct loop *loop;
static struct kube_watch *watch;
static struct kube_view *view;
static int n_changes, n_states;

static inline int64_t clock_now(void)
{
    return now_ms;
}

static inline void pass(int64_t ms)
{
    for (int64_t end = now_ms + ms; now_ms < end; now_ms += 50)
        loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static inline void on_change(void *ctx, struct kube_watch *w, enum watch_change c, struct watch_entry *en,
                      const struct kube_object *old)
{
    (void)ctx;
    n_changes++;
    kube_view_change(view, w, c, en, old);
}

static inline void on_state(void *ctx, struct kube_watch *w)
{
    (void)ctx;
    n_states++;
    kube_view_watch_state(view, w);
}

static inline struct kube_watch *watch_of(enum kube_kind kind)
{
    struct watch_hooks hooks = { .on_change = on_change, .on_state = on_state };
    struct kube_watch *w = kube_watch_new(loop, NULL, &watch_specs[kind], "shop", &hooks);
    kube_view_attach(view, w);
    kube_watch_start(w);
    return w;
}

static inline int begin(void **state)
{
    (void)state;
    now_ms = 1000000;
    clock_set(clock_now, clock_now);
    n_changes = n_states = 0;
    assert_int_equal(loop_new(&loop, NULL), ERR_OK);
    view = kube_view_new();
    watch = watch_of(KIND_DEPLOYMENT);
    pass(50);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    kube_view_free(view);
    kube_watch_free(watch);
    loop_free(loop);
    for (size_t i = 0; i < n_reqs; i++) {
        free(reqs[i]->path);
        free(reqs[i]);
    }
    n_reqs = 0;
    clock_set(NULL, NULL);
    return 0;
}

/* The newest request with this in its path that waits for an answer. */
static inline struct kube_req *asked(const char *what)
{
    for (size_t i = n_reqs; i-- > 0;) {
        if (reqs[i]->is_open && strstr(reqs[i]->path, what))
            return reqs[i];
    }
    fail_msg("nobody asks for %s", what);
    return NULL;
}

static inline size_t count_of(const char *what)
{
    size_t n = 0;
    for (size_t i = 0; i < n_reqs; i++)
        n += strstr(reqs[i]->path, what) != NULL;
    return n;
}

static inline void head(struct kube_req *r)
{
    if (r->spec.on_head)
        r->spec.on_head(r->spec.ctx);
}

static inline enum err_code bytes(struct kube_req *r, const char *p, size_t n, struct err *e)
{
    return r->spec.on_body(r->spec.ctx, p, n, e);
}

static inline void done(struct kube_req *r, struct err e, int status)
{
    struct kube_result res = { .e = e, .status = status };
    r->is_open = false;
    r->spec.on_done(r->spec.ctx, &res);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static inline void answer(struct kube_req *r, const char *text)
{
    struct err e = { 0 };
    head(r);
    bytes(r, text, strlen(text), &e);
    done(r, e, 200);
}

static inline void refuse(struct kube_req *r, enum err_code code, int status)
{
    struct err e = { 0 };
    err_set(&e, code, status, "refused with %d", status);
    done(r, e, status);
}

#define OBJ(name, rv) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" rv "\"}}"
#define LIST(rv, items) "{\"metadata\":{\"resourceVersion\":\"" rv "\"},\"items\":[" items "]}"
#define PAGE(rv, token, items) "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"continue\":\"" token "\"},\"items\":[" items "]}"
#define EVENT(type, obj) "{\"type\":\"" type "\",\"object\":" obj "}\n"
#define GONE EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}")

static inline enum err_code bring(const char *events)
{
    struct err e = { 0 };
    return bytes(asked("watch=1"), events, strlen(events), &e);
}

/* "a:1 b:2": what is held, by name. */
static inline const char *held(void)
{
    static char text[4096];
    struct watch_entry *en, *next;
    char *names[64];
    size_t n = 0;
    HASH_ITER(hh, kube_watch_entries(watch), en, next) {
        char *one = x_asprintf("%s:%s ", en->obj->name, en->obj->rv);
        size_t at = n++;
        for (; at && strcmp(names[at - 1], one) > 0; at--)
            names[at] = names[at - 1];
        names[at] = one;
    }
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(text, names[i]);
        free(names[i]);
    }
    return text;
}

static inline enum source_state health(void)
{
    return kube_watch_health(watch).state;
}

static inline const char *log_line(const char *what)
{
    static struct log_entry en[64];
    size_t n = log_read(en, ARRAY_LEN(en), log_seq());
    for (size_t i = 0; i < n; i++) {
        if (strstr(en[i].text, what))
            return en[i].text;
    }
    return NULL;
}

static inline bool log_says(const char *what)
{
    return log_line(what) != NULL;
}

static inline void log_forget(void)
{
    for (int i = 0; i < 64; i++)
        log_put(LOG_INFO, "test", "-");
}

#endif
