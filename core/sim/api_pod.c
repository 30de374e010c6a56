/*
 * Logs of a pod, metrics.k8s.io, and the proxy to a Service.  A container writes a line each
 * virtual second that it runs; which line is a function of the seed, the pod and the second, so
 * nothing is stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sim/api.h"
#include "core/sim/kubelet.h"
#include "core/sim/traffic.h"

enum { FILL = 128 * 1024, LINES_MOST = 100000 };

struct log_stream {
    struct stream stream;
    struct world *world;
    uint64_t pod_id, epoch;
    int64_t next_s, end_s; /* seconds since the epoch; end: INT64_MAX = follow */
    int64_t left;          /* bytes, INT64_MAX = all */
    bool has_times, is_previous;
    char pod[256];
};

static void add_line(struct buf *out, const struct log_stream *l, int64_t second,
                     const char *last_words)
{
    static const char *const paths[] = { "/v1/orders", "/v1/items", "/v1/basket", "/v1/prices",
                                         "/healthz" };
    char at[32];
    uint64_t x = sim_mix(l->world->seed ^ sim_hash(l->pod, strlen(l->pod)), (uint64_t)second);
    sim_time(second * 1000, at);
    if (l->has_times)
        buf_addf(out, "%s ", at);
    if (last_words)
        buf_addf(out, "%s FATAL %s\n", at, last_words);
    else
        buf_addf(out, "%s %s request method=%s path=%s status=%d duration_ms=%d trace=%08x\n", at,
                 x % 53 ? "INFO" : "WARN", x % 3 ? "GET" : "POST", paths[x / 7 % ARRAY_LEN(paths)],
                 x % 53 ? 200 : 500, (int)(20 + x / 64 % 160), (unsigned)(x >> 32));
}

static bool more(struct stream *stream, struct buf *out)
{
    struct log_stream *l = (struct log_stream *)stream;
    const struct sim_object *pod = store_by_id(&l->world->store, l->pod_id);
    bool is_running = pod && pod->pod->stage == POD_RUNNING && pod->pod->epoch == l->epoch;
    int64_t now_s = l->world->now_ms / 1000, end = l->end_s < now_s ? l->end_s : now_s;
    const char *words = pod && pod->pod->version && pod->pod->version->last_words
                            ? pod->pod->version->last_words
                            : "the process ends";
    for (; l->next_s <= end && out->len < FILL && l->left > 0; l->next_s++) {
        size_t before = out->len;
        add_line(out, l, l->next_s, l->is_previous && l->next_s == l->end_s ? words : NULL);
        l->left -= (int64_t)(out->len - before);
    }
    if (l->left < 0) { /* limitBytes cuts anywhere */
        size_t n = out->len - (size_t)-l->left;
        out->len = n;
        out->data[n] = '\0';
        l->left = 0;
    }
    return l->left > 0 && (l->next_s <= end || (l->end_s == INT64_MAX && is_running));
}

static void release(struct stream *stream)
{
    free(stream);
}

static bool number_of(struct api_call *c, const char *key, int64_t *out)
{
    const char *s = request_query(c->q, key);
    if (s && !text_to_int(s, strlen(s), 0, 1000000000, out)) {
        api_fail(c, 400, "BadRequest", "%s: a number is wanted", key);
        return false;
    }
    return true;
}

/* From when to when the container wrote; false: the call has failed. */
static bool span_of(struct api_call *c, const struct sim_object *pod, bool is_previous,
                    int64_t *from, int64_t *to)
{
    const struct pod_state *p = pod->pod;
    const char *name = request_query(c->q, "container");
    if (name && !text_eq(name, p->name)) {
        api_fail(c, 400, "BadRequest", "container %s is not valid for pod %s", name, pod->name);
        return false;
    }
    if (is_previous && !p->has_ended) {
        api_fail(c, 400, "BadRequest",
                 "previous terminated container \"%s\" in pod \"%s\" not found", p->name,
                 pod->name);
        return false;
    }
    if (is_previous || p->stage == POD_BACKOFF) {
        *from = p->last.started_ms / 1000;
        *to = p->last.finished_ms / 1000;
        return true;
    }
    if (p->stage != POD_RUNNING) {
        api_fail(c, 400, "BadRequest", "container \"%s\" in pod \"%s\" is waiting to start: %s",
                 p->name, pod->name,
                 p->stage == POD_PULL_BACKOFF ? "trying and failing to pull image"
                                              : "ContainerCreating");
        return false;
    }
    *from = p->started_ms / 1000;
    *to = c->api->world->now_ms / 1000;
    return true;
}

void api_log(struct api_call *c)
{
    struct world *w = c->api->world;
    struct sim_object *pod = store_find(&w->store, SIM_POD, c->ns, c->name);
    int64_t tail = INT64_MAX, bytes = INT64_MAX, since = INT64_MAX, from, to;
    bool is_previous = request_flag(c->q, "previous");
    if (!pod) {
        api_fail(c, 404, "NotFound", "pods \"%s\" not found", c->name);
        return;
    }
    if (!number_of(c, "tailLines", &tail) || !number_of(c, "limitBytes", &bytes) ||
        !number_of(c, "sinceSeconds", &since) || !span_of(c, pod, is_previous, &from, &to))
        return;
    bool is_over = is_previous || pod->pod->stage == POD_BACKOFF;
    tail = tail < LINES_MOST ? tail : LINES_MOST;
    from = to - from + 1 > tail ? to - tail + 1 : from;
    if (since < INT64_MAX && w->now_ms / 1000 - since > from)
        from = w->now_ms / 1000 - since;
    struct log_stream *l = x_calloc(1, sizeof *l);
    *l = (struct log_stream){ .stream = { more, release, INT64_MAX },
                              .world = w,
                              .pod_id = pod->id,
                              .epoch = pod->pod->epoch,
                              .next_s = from,
                              .left = bytes,
                              .has_times = request_flag(c->q, "timestamps"),
                              .is_previous = is_over,
                              .end_s = !is_over && request_flag(c->q, "follow") ? INT64_MAX : to };
    snprintf(l->pod, sizeof l->pod, "%.255s", pod->name);
    c->out->type = "text/plain";
    c->out->stream = &l->stream;
}

/* ---- metrics.k8s.io ---- */

void api_metrics(struct api_call *c)
{
    struct sim_store *s = &c->api->world->store;
    struct sim_object *const *all = store_sorted(s, SIM_POD);
    struct buf *b = &c->out->body;
    size_t n = store_count(s, SIM_POD), count = 0;
    buf_adds(b, "{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/"
                "v1beta1\",\"metadata\":{},\"items\":[");
    for (size_t i = 0; i < n; i++) {
        struct buf one = BUF_INIT(4096);
        if ((!c->ns[0] || text_eq(c->ns, all[i]->ns)) &&
            (!c->name[0] || text_eq(c->name, all[i]->name)) &&
            traffic_pod_usage(c->api->world, all[i], &one))
            buf_addf(b, "%s%s", count++ ? "," : "", buf_str(&one));
        buf_release(&one);
    }
    buf_adds(b, "]}\n");
}

/* ---- services/[SCHEME:]NAME[:PORT]/proxy/PATH ---- */

void api_proxy(struct api_call *c)
{
    struct world *w = c->api->world;
    char name[256];
    const char *at = c->name, *path = c->rest < c->n ? c->parts[c->rest] : "";
    if (text_starts(at, "http:") || text_starts(at, "https:"))
        at = strchr(at, ':') + 1;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ":"), at);
    struct sim_object *o = store_find(&w->store, SIM_SERVICE, c->ns, name);
    const struct sim_service *sv = o ? story_service(&w->story, name) : NULL;
    if (!o) {
        c->name = name;
        api_fail(c, 404, "NotFound", "services \"%s\" not found", name);
    } else if (!sv || !traffic_of(w, sv)->ready) {
        api_fail(c, 503, "ServiceUnavailable", "no endpoints available for service \"%s\"", name);
    } else if (!text_eq(c->q->method, "GET") && !text_eq(c->q->method, "HEAD")) {
        c->out->status = 405;
    } else if (text_eq(path, "healthz") && c->rest + 1 == c->n) {
        c->out->type = "application/health+json";
        c->out->status = traffic_healthz(w, sv, &c->out->body);
    } else if (text_eq(path, "metrics") && c->rest + 1 == c->n) {
        c->out->type = "text/plain; version=0.0.4; charset=utf-8";
        traffic_metrics(w, sv, &c->out->body);
    } else {
        c->out->type = "text/plain";
        c->out->status = 404;
        buf_adds(&c->out->body, "404 page not found\n");
    }
}
