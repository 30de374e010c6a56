#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/api.h"

enum { FILL = 256 * 1024, LAST_BOOKMARK_MS = 2000, LEAST_S = 1800 };

struct watch_stream {
    struct stream stream;
    struct api *api;
    enum sim_kind kind;
    char ns[64];
    struct selector labels, fields;
    uint64_t rv;           /* seen up to here */
    struct sim_text **all; /* begins with what there was */
    size_t n_all, at_all;
    bool has_bookmarks;
    int64_t end_ms, bookmark_ms; /* io clock */
};

static bool wants(const struct watch_stream *w, const struct sim_text *t)
{
    if (w->ns[0] && !text_eq(w->ns, t->ns))
        return false;
    return (!w->labels.n || selector_has_labels(&w->labels, sim_text_span(t))) &&
           (!w->fields.n || selector_has_fields(&w->fields, sim_text_span(t)));
}

static void add_event(struct buf *out, const char *type, const struct sim_text *t)
{
    buf_addf(out, "{\"type\":\"%s\",\"object\":", type);
    api_object(out, t);
    buf_adds(out, "}\n");
}

static void add_gone(struct buf *out, uint64_t asked, uint64_t least)
{
    buf_addf(out,
             "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
             "\"metadata\":{},\"status\":\"Failure\","
             "\"message\":\"too old resource version: %" PRIu64 " (%" PRIu64
             ")\",\"reason\":\"Expired\",\"code\":410}}\n",
             asked, least);
}

static void add_bookmark(struct buf *out, enum sim_kind kind, uint64_t rv)
{
    buf_addf(out,
             "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
             "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null}}}\n",
             sim_kinds[kind].kind, sim_api_version(kind), rv);
}

static void collect_all(struct watch_stream *w)
{
    struct sim_store *s = &w->api->world->store;
    struct sim_object *const *all = store_sorted(s, w->kind);
    size_t n = store_count(s, w->kind);
    w->all = x_malloc((n + 1) * sizeof *w->all);
    for (size_t i = 0; i < n; i++) {
        if (wants(w, all[i]->text))
            w->all[w->n_all++] = sim_text_ref(all[i]->text);
    }
    w->rv = s->rv;
}

static bool more(struct stream *stream, struct buf *out)
{
    static const char *const words[] = { "ADDED", "MODIFIED", "DELETED" };
    struct watch_stream *w = (struct watch_stream *)stream;
    struct sim_store *s = &w->api->world->store;
    uint64_t i = 0;
    int64_t now = clock_io_ms();
    for (; w->at_all < w->n_all && out->len < FILL; w->at_all++)
        add_event(out, "ADDED", w->all[w->at_all]);
    if (out->len)
        return true;
    if (!store_after(s, w->kind, w->rv, &i)) {
        add_gone(out, w->rv, s->gone_rv);
        return false;
    }
    for (; i < s->n_changes[w->kind] && out->len < FILL; i++) {
        const struct sim_change *c = &s->ring[w->kind][i % STORE_RING];
        w->rv = c->rv;
        if (wants(w, c->text))
            add_event(out, words[c->verb], c->text);
    }
    if (i == s->n_changes[w->kind])
        w->rv = s->rv; /* of this kind there was nothing else up to now */
    if (w->has_bookmarks && now >= w->bookmark_ms) {
        add_bookmark(out, w->kind, w->rv);
        w->bookmark_ms = w->bookmark_ms < w->end_ms - LAST_BOOKMARK_MS &&
                                 now + w->api->bookmark_ms > w->end_ms - LAST_BOOKMARK_MS
                             ? w->end_ms - LAST_BOOKMARK_MS
                             : now + w->api->bookmark_ms;
    }
    w->stream.deadline_ms =
        w->has_bookmarks && w->bookmark_ms < w->end_ms ? w->bookmark_ms : w->end_ms;
    return now < w->end_ms;
}

static void release(struct stream *stream)
{
    struct watch_stream *w = (struct watch_stream *)stream;
    for (size_t i = 0; i < w->n_all; i++)
        sim_text_unref(w->all[i]);
    free(w->all);
    selector_release(&w->labels);
    selector_release(&w->fields);
    free(w);
}

void api_watch(struct api_call *c)
{
    const char *rv_text = request_query(c->q, "resourceVersion"),
               *secs_text = request_query(c->q, "timeoutSeconds");
    int64_t rv = 0, secs = LEAST_S, now = clock_io_ms();
    struct selector labels, fields;
    if ((rv_text && rv_text[0] && !text_to_int(rv_text, strlen(rv_text), 0, INT64_MAX, &rv)) ||
        (secs_text && !text_to_int(secs_text, strlen(secs_text), 0, 86400, &secs))) {
        api_fail(c, 400, "BadRequest", "resourceVersion and timeoutSeconds are numbers");
        return;
    }
    if (!api_selectors(c, &labels, &fields))
        return;
    struct watch_stream *w = x_calloc(1, sizeof *w);
    *w = (struct watch_stream){ .stream = { more, release, INT64_MAX },
                                .api = c->api,
                                .kind = c->kind,
                                .labels = labels,
                                .fields = fields,
                                .rv = (uint64_t)rv,
                                .has_bookmarks = request_flag(c->q, "allowWatchBookmarks"),
                                .end_ms = now + (secs ? secs : LEAST_S) * 1000 };
    snprintf(w->ns, sizeof w->ns, "%.63s", c->ns);
    w->bookmark_ms = w->end_ms - LAST_BOOKMARK_MS < now + w->api->bookmark_ms
                         ? w->end_ms - LAST_BOOKMARK_MS
                         : now + w->api->bookmark_ms;
    w->stream.deadline_ms = w->has_bookmarks ? w->bookmark_ms : w->end_ms;
    if (!rv)
        collect_all(w);
    c->out->stream = &w->stream;
}
