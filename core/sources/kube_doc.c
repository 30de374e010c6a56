#include "core/sources/kube_doc.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sources/kube_text.h"

enum { LINE_CAP = 16 * 1024 };

struct kube_doc {
    struct loop *loop;
    struct kube *kube;
    struct cmd_msg m;
    void (*on_change)(void *ctx);
    void *ctx;
    struct kube_req *req;
    enum doc_state state;
    char *title;
    char error[224];
    struct lines lines;     /* everything but logs */
    struct lines before;    /* DIFF: the older template */
    bool has_before;
    char **ring;            /* LOG: DOC_LINES, oldest at `first` */
    size_t ring_n, first, ring_bytes;
    int64_t dropped;
    struct buf partial;     /* a log line that has no end yet */
    int64_t at_ms;
};

static const struct {
    const char *resource, *group, *plural;
} places[] = {
    { "pods", "/api/v1", "pods" },
    { "nodes", "/api/v1", "nodes" },
    { "events", "/api/v1", "events" },
    { "services", "/api/v1", "services" },
    { "deployments.apps", "/apis/apps/v1", "deployments" },
    { "statefulsets.apps", "/apis/apps/v1", "statefulsets" },
    { "daemonsets.apps", "/apis/apps/v1", "daemonsets" },
    { "replicasets.apps", "/apis/apps/v1", "replicasets" },
    { "controllerrevisions.apps", "/apis/apps/v1", "controllerrevisions" },
};

static char *object_path(const struct cmd_msg *m, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (text_eq(places[i].resource, m->resource))
            return kube_path(places[i].group, places[i].plural, m->ns, name, NULL);
    }
    return NULL;
}

static void changed(struct kube_doc *d, enum doc_state s)
{
    d->state = s;
    d->at_ms = clock_story_ms();
    d->on_change(d->ctx);
}

static void fail(struct kube_doc *d, const char *text)
{
    snprintf(d->error, sizeof d->error, "%s", text);
    changed(d, DOC_FAILED);
}

static void get(struct kube_doc *d, const char *path,
                void (*on_done)(void *ctx, const struct kube_result *r))
{
    struct kube_spec spec = { .path = path, .on_done = on_done, .ctx = d };
    d->req = kube_request(d->kube, &spec);
}

/* ---- objects ---- */

static void on_events(void *ctx, const struct kube_result *r)
{
    struct kube_doc *d = ctx;
    struct json_span doc;
    d->req = NULL;
    if (r->e.code || json_check(r->body, r->body_n, &doc, NULL))
        lines_add(&d->lines, "events: %s", r->e.code ? r->e.text : "not readable");
    else
        kube_text_events(&d->lines, doc, clock_story_ms());
    changed(d, DOC_READY);
}

static void ask_events(struct kube_doc *d, struct json_span obj)
{
    struct buf q = BUF_INIT(512), uid = BUF_INIT(64);
    if (json_str_add(json_path(obj, "metadata.uid"), &uid)) {
        buf_adds(&q, "fieldSelector=involvedObject.uid%3D");
        text_escape_url(&q, buf_str(&uid));
        char *path = kube_path("/api/v1", "events", d->m.ns, NULL, buf_str(&q));
        get(d, path, on_events);
        free(path);
    }
    buf_release(&q);
    buf_release(&uid);
}

/* A ReplicaSet holds the template in spec, a ControllerRevision in data.spec. */
static struct json_span template_of(struct json_span obj)
{
    struct json_span t = json_path(obj, "spec.template");
    return t.p ? t : json_path(obj, "data.spec.template");
}

/* The controller's own label differs in every revision and says nothing to a reader. */
static void template_yaml(struct lines *out, struct json_span obj)
{
    size_t kept = 0;
    kube_text_yaml(out, template_of(obj));
    for (size_t i = 0; i < out->n; i++) {
        if (strstr(out->items[i], "pod-template-hash: "))
            free(out->items[i]);
        else
            out->items[kept++] = out->items[i];
    }
    out->n = kept;
}

static void on_object(void *ctx, const struct kube_result *r)
{
    struct kube_doc *d = ctx;
    struct json_span obj;
    struct err e = r->e;
    d->req = NULL;
    if (e.code || json_check(r->body, r->body_n, &obj, &e)) {
        fail(d, e.text);
        return;
    }
    if (d->m.doc == DOC_RAW) {
        kube_text_yaml(&d->lines, obj);
    } else if (d->m.doc == DOC_DESCRIBE) {
        kube_text_describe(&d->lines, obj, clock_story_ms());
        if (!text_eq(d->m.resource, "events")) /* nothing happens to an event */
            ask_events(d, obj);
    } else if (d->m.other[0] && !d->has_before) { /* DIFF: the older one comes first */
        template_yaml(&d->before, obj);
        d->has_before = true;
        char *path = object_path(&d->m, d->m.name);
        get(d, path, on_object);
        free(path);
        return;
    } else {
        struct lines after = { 0 };
        template_yaml(&after, obj);
        kube_text_diff(&d->lines, &d->before, &after);
        lines_release(&after);
    }
    changed(d, d->req ? DOC_LOADING : DOC_READY);
}

/* ---- logs ---- */

static void ring_add(struct kube_doc *d, const char *p, size_t n)
{
    while (d->ring_n == DOC_LINES || (d->ring_n && d->ring_bytes + n > DOC_BYTES)) {
        d->ring_bytes -= strlen(d->ring[d->first]);
        free(d->ring[d->first]);
        d->first = (d->first + 1) % DOC_LINES;
        d->ring_n--;
        d->dropped++;
    }
    struct buf clean = BUF_INIT(3 * n + 1);
    for (size_t i = 0; i < n; i++) { /* a NUL would end the line */
        if (p[i])
            buf_addc(&clean, p[i]);
        else
            buf_adds(&clean, "\xE2\x90\x80");
    }
    char *s = buf_take(&clean);
    d->ring[(d->first + d->ring_n++) % DOC_LINES] = s;
    d->ring_bytes += strlen(s);
}

static void flush_partial(struct kube_doc *d)
{
    ring_add(d, buf_str(&d->partial), d->partial.len);
    buf_clear(&d->partial);
}

static enum err_code on_log(void *ctx, const char *p, size_t n, struct err *e)
{
    struct kube_doc *d = ctx;
    (void)e;
    while (n) {
        const char *nl = memchr(p, '\n', n);
        size_t part = nl ? (size_t)(nl - p) : n;
        size_t room = d->partial.cap - d->partial.len;
        buf_add(&d->partial, p, part < room ? part : room); /* the rest of a giant line is dropped */
        if (!nl)
            break;
        flush_partial(d);
        p += part + 1;
        n -= part + 1;
    }
    changed(d, d->m.previous ? DOC_LOADING : DOC_FOLLOWING);
    return ERR_OK;
}

static void on_log_head(void *ctx)
{
    struct kube_doc *d = ctx;
    changed(d, d->m.previous ? DOC_LOADING : DOC_FOLLOWING);
}

static void on_log_done(void *ctx, const struct kube_result *r)
{
    struct kube_doc *d = ctx;
    d->req = NULL;
    if (d->partial.len)
        flush_partial(d);
    if (r->e.code && !d->ring_n)
        fail(d, r->e.text);
    else {
        snprintf(d->error, sizeof d->error, "%s", r->e.code ? r->e.text : "");
        changed(d, DOC_ENDED);
    }
}

static void open_log(struct kube_doc *d)
{
    struct buf q = BUF_INIT(1024);
    buf_addf(&q, "tailLines=%d&%s", DOC_TAIL, d->m.previous ? "previous=true" : "follow=true");
    if (d->m.container[0]) {
        buf_adds(&q, "&container=");
        text_escape_url(&q, d->m.container);
    }
    char *pod = kube_path("/api/v1", "pods", d->m.ns, d->m.name, NULL);
    char *path = x_asprintf("%s/log?%s", pod, buf_str(&q));
    d->ring = x_calloc(DOC_LINES, sizeof *d->ring);
    struct kube_spec spec = { .path = path, .accept = "*/*", .is_watch = true, .total_ms = -1,
                              .on_head = on_log_head, .on_body = on_log, .on_done = on_log_done,
                              .ctx = d };
    d->req = kube_request(d->kube, &spec);
    free(path);
    free(pod);
    buf_release(&q);
}

/* ---- life ---- */

static char *make_title(const struct cmd_msg *m)
{
    static const char *const verbs[] = { [DOC_DESCRIBE] = "describe", [DOC_RAW] = "raw",
                                         [DOC_DIFF] = "diff", [DOC_LOG] = "log" };
    const char *res = m->resource;
    if (m->doc == DOC_LOG)
        return x_asprintf("log %s/%s%s%s%s", m->ns, m->name, m->container[0] ? " " : "",
                          m->container, m->previous ? " (previous run)" : "");
    if (m->doc == DOC_DIFF && m->other[0])
        return x_asprintf("diff %s: %s -> %s", m->ns, m->other, m->name);
    return x_asprintf("%s %.*s %s/%s", verbs[m->doc], (int)strcspn(res, "."), res, m->ns, m->name);
}

struct kube_doc *kube_doc_open(struct loop *l, struct kube *k, const struct cmd_msg *m,
                               void (*on_change)(void *ctx), void *ctx)
{
    struct kube_doc *d = x_calloc(1, sizeof *d);
    d->loop = l;
    d->kube = k;
    d->m = *m;
    d->on_change = on_change;
    d->ctx = ctx;
    d->title = make_title(m);
    d->partial = BUF_INIT(LINE_CAP);
    d->at_ms = clock_story_ms();
    char *path = object_path(m, m->doc == DOC_DIFF && m->other[0] ? m->other : m->name);
    if (!k || !path) {
        fail(d, k ? "this kind of object cannot be fetched" : "no cluster to ask");
    } else if (m->doc == DOC_LOG) {
        open_log(d);
    } else {
        get(d, path, on_object);
    }
    free(path);
    return d;
}

void kube_doc_free(struct kube_doc *d)
{
    if (!d)
        return;
    kube_cancel(d->req);
    lines_release(&d->lines);
    lines_release(&d->before);
    for (size_t i = 0; i < d->ring_n; i++)
        free(d->ring[(d->first + i) % DOC_LINES]);
    free(d->ring);
    buf_release(&d->partial);
    free(d->title);
    free(d);
}

struct doc *kube_doc_section(const struct kube_doc *d)
{
    struct doc *s = section_new(sizeof *s, NULL);
    struct arena *a = &s->section.arena;
    bool is_log = d->m.doc == DOC_LOG;
    size_t n = is_log ? d->ring_n : d->lines.n;
    const char **lines = arena_alloc(a, (n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = arena_strdup(a, is_log ? d->ring[(d->first + i) % DOC_LINES] : d->lines.items[i]);
    s->request = d->m.request;
    s->kind = d->m.doc;
    s->state = d->state;
    s->title = arena_strdup(a, d->title);
    s->error = arena_strdup(a, d->error);
    s->lines = lines;
    s->n = n;
    s->dropped = is_log ? d->dropped : d->lines.dropped;
    s->at_ms = d->at_ms;
    return s;
}
