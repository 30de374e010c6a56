#include "core/sources/targets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/kube.h"

/* ---- addresses ---- */

static bool is_http_name(const char *s)
{
    return text_starts(s, "http") || text_eq(s, "web");
}

static bool is_ready_port(const struct workload *w, const struct endpoint *ep)
{
    return ep && w->readiness.port[0] &&
           (text_eq(w->readiness.port, ep->target) || text_eq(w->readiness.port, ep->port_name));
}

/* How well a port fits; more is better. */
static int fit(const struct workload *w, const struct conf_probe *how, const struct endpoint *ep)
{
    char number[8];
    snprintf(number, sizeof number, "%d", ep->port);
    int points = ep->is_headless ? 0 : 1;
    if (how->port)
        return text_eq(how->port, number) || text_eq(how->port, ep->port_name) ? 8 + points : -1;
    if (is_ready_port(w, ep))
        points += 4;
    if (is_http_name(ep->port_name) || is_http_name(ep->target))
        points += 2;
    return points;
}

static const struct endpoint *choose(const struct workload *w, const struct conf_probes *probes,
                                     const struct conf_probe **how)
{
    const struct endpoint *best = NULL;
    int most = -1;
    for (size_t i = 0; i < w->n_endpoints; i++) {
        const struct endpoint *ep = &w->endpoints[i];
        const struct conf_probe *one = conf_probe_of(probes, w->name, ep->service);
        int points = fit(w, one, ep);
        /* Among equals the first name, then the first port: not the order in which they came. */
        if (points > most || (best && points == most && strcmp(ep->service, best->service) < 0)) {
            best = ep;
            most = points;
            *how = one;
        }
    }
    return best;
}

static bool is_tls_port(const struct endpoint *ep)
{
    return text_starts(ep->port_name, "https") || ep->port == 443 || ep->port == 8443;
}

static void fill_in(struct buf *out, const char *text, const struct workload *w, const struct endpoint *ep,
                    const char *path)
{
    while (*text) {
        const char *p = text;
        if (text_skip(&p, "{service}"))
            text_escape_url(out, ep ? ep->service : w->name);
        else if (text_skip(&p, "{namespace}"))
            text_escape_url(out, w->ns);
        else if (text_skip(&p, "{path}"))
            buf_adds(out, path);
        else if (text_skip(&p, "{port}"))
            buf_addf(out, "%d", ep ? ep->port : 0);
        else
            buf_addc(out, *p++);
        text = p;
    }
}

static void add_target(struct target_list *out, const struct workload *w, const struct conf_probes *probes)
{
    struct arena *a = &out->arena;
    const struct conf_probe *how = conf_probe_of(probes, w->name, "");
    const struct endpoint *ep = choose(w, probes, &how);
    if (how->is_off || (!ep && !how->server.url) || (!ep && strstr(how->server.url, "{port}")))
        return;
    if (out->n == TARGETS_MOST) {
        out->n_left++;
        return;
    }
    const char *path = how->path                                      ? how->path
                       : is_ready_port(w, ep) && w->readiness.path[0] ? w->readiness.path
                                                                      : "/healthz";
    struct buf b = BUF_INIT(16 * 1024);
    struct target t = { .subject = arena_strdup(a, w->id), .how = how, .n_pods = w->desired };
    if (how->server.url) {
        fill_in(&b, how->server.url, w, ep, path);
        t.url = arena_strdup(a, buf_str(&b));
        const char *host = strstr(t.url, "://");
        t.name = host ? host + 3 : t.url;
    } else {
        bool is_tls = is_ready_port(w, ep) ? w->readiness.is_tls : is_tls_port(ep);
        buf_addf(&b, "/api/v1/namespaces/");
        text_escape_url(&b, w->ns);
        buf_addf(&b, "/services/%s:%s:%d/proxy%s", is_tls ? "https" : "http", ep->service, ep->port, path);
        t.api_path = arena_strdup(a, buf_str(&b));
        t.name = arena_printf(a, "%s:%d%s", ep->service, ep->port, path);
    }
    if (!b.over)
        out->items[out->n++] = t;
    buf_release(&b);
}

static int by_subject(const void *a, const void *b)
{
    return strcmp(((const struct target *)a)->subject, ((const struct target *)b)->subject);
}

void targets_make(const struct workloads *ws, const struct conf_probes *probes, struct target_list *out)
{
    *out = (struct target_list){ 0 };
    size_t n = !ws || !probes ? 0 : ws->n < TARGETS_MOST ? ws->n : TARGETS_MOST;
    out->items = arena_alloc(&out->arena, (n + 1) * sizeof *out->items);
    for (size_t i = 0; n && i < ws->n; i++)
        add_target(out, ws->items[i], probes);
    qsort(out->items, out->n, sizeof *out->items, by_subject);
}

void targets_release(struct target_list *t)
{
    arena_release(&t->arena);
    *t = (struct target_list){ 0 };
}

/* ---- whose a label is ---- */

enum meaning { MEANS_ALIAS, MEANS_APP, MEANS_NAME, MEANS_SERVICE, N_MEANINGS };

static bool kind_is(const struct workload *w, const char *kind, size_t n)
{
    const char *const words[] = { workload_kind_name(w->kind), workload_kind_short(w->kind) };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)n, kind);
        if (n < sizeof word && text_eq_fold(word, words[i]))
            return true;
    }
    return false;
}

static bool is_alias(const struct conf_env *env, const struct workload *w, const char *label)
{
    for (size_t i = 0; env && i < env->n_services; i++) {
        const struct conf_service *s = &env->services[i];
        const char *slash = strchr(s->workload, '/');
        if (text_eq_fold(s->name, label) && text_eq(slash ? slash + 1 : s->workload, w->name) &&
            (!slash || kind_is(w, s->workload, (size_t)(slash - s->workload))))
            return true;
    }
    return false;
}

static bool means(const struct conf_env *env, const struct workload *w, const char *label, enum meaning m)
{
    if (m == MEANS_ALIAS)
        return is_alias(env, w, label);
    if (m == MEANS_APP)
        return text_eq_fold(w->app, label);
    if (m == MEANS_NAME)
        return text_eq_fold(w->name, label);
    for (size_t i = 0; i < w->n_endpoints; i++) {
        if (text_eq_fold(w->endpoints[i].service, label))
            return true;
    }
    return false;
}

static const char *find(const struct workloads *ws, const struct conf_env *env, const char *label, const char *ns)
{
    for (int m = 0; m < N_MEANINGS; m++) {
        const char *id = NULL;
        int n = 0;
        for (size_t i = 0; i < ws->n; i++) {
            const struct workload *w = ws->items[i];
            if ((!ns[0] || text_eq(ns, w->ns)) && means(env, w, label, (enum meaning)m)) {
                id = w->id;
                n++;
            }
        }
        if (n)
            return n == 1 ? id : NULL;
    }
    return NULL;
}

/* "shop-orders-80" or "shop-orders-http" of Traefik: a Service between its namespace and its port. */
static const char *find_between(const struct workloads *ws, const char *label)
{
    for (size_t i = 0; i < ws->n; i++) {
        const struct workload *w = ws->items[i];
        for (size_t k = 0; k < w->n_endpoints; k++) {
            const struct endpoint *ep = &w->endpoints[k];
            char number[160], name[224];
            snprintf(number, sizeof number, "%.63s-%.63s-%d", w->ns, ep->service, ep->port);
            snprintf(name, sizeof name, "%.63s-%.63s-%.63s", w->ns, ep->service, ep->port_name);
            if (text_eq(label, number) || text_eq(label, name))
                return w->id;
        }
    }
    return NULL;
}

const char *targets_subject(const struct workloads *ws, const struct conf_env *env, const char *label, const char *ns)
{
    char name[SERIES_SUBJECT], space[64] = "";
    if (!ws || !label[0] || strlen(label) >= sizeof name)
        return NULL;
    const char *id = find(ws, env, label, ns);
    if (id)
        return id;
    char *at = strchr(strcpy(name, label), '@'), *dot = strchr(name, '.');
    if (at)
        *at = '\0';
    if (at && (id = find_between(ws, name)))
        return id;
    if (!dot)
        return NULL;
    *dot++ = '\0'; /* orders.shop.svc.cluster.local */
    snprintf(space, sizeof space, "%.*s", (int)strcspn(dot, "."), dot);
    return find(ws, env, name, ns[0] ? ns : space);
}

/* ---- thresholds ---- */

void targets_thresholds(const struct conf_thresholds *t, double v[N_CONF_VALUES])
{
    const struct {
        double said;
        enum conf_value at;
    } all[] = { { t->failures, CONF_FAILURES },
                { t->latency_ratio, CONF_LATENCY_RATIO },
                { t->latency_delta_ms, CONF_LATENCY_DELTA },
                { t->error_share, CONF_ERROR_SHARE },
                { t->slo_ms, CONF_SLO },
                { t->window_ms, CONF_WINDOW },
                { t->extended_ms, CONF_EXTENDED },
                { t->baseline_ms, CONF_BASELINE },
                { t->warmup_ms, CONF_WARMUP },
                { t->coverage, CONF_COVERAGE } };
    sample_conf_defaults(v);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!isnan(all[i].said))
            v[all[i].at] = all[i].said;
    }
}
