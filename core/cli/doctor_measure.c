#include "core/cli/doctor_measure.h"

#include <stdio.h>

#include "core/base/text.h"
#include "core/cli/wait.h"
#include "core/sources/alerts.h"
#include "core/sources/prom.h"

enum { PATIENCE_MS = 15000 };

struct looking {
    struct wait wait;
    struct loop_timer patience;
    struct series_set *series;
    struct sample_sink sink;
};

static void put(void *ctx, struct sample *s)
{
    (void)ctx;
    (void)s;
}

static const char *nobody(void *ctx, const char *service, const char *ns)
{
    (void)ctx;
    (void)service;
    (void)ns;
    return NULL;
}

static void on_over(void *ctx)
{
    ((struct looking *)ctx)->wait.rc = EXIT_PASS;
}

static bool open_look(struct looking *l, const struct options *o)
{
    if (!wait_open(&l->wait, o))
        return false;
    l->series = series_set_new();
    l->sink = (struct sample_sink){ l->series, put, NULL };
    l->patience = (struct loop_timer){ .fn = on_over, .ctx = l };
    loop_timer_set(l->wait.loop, &l->patience, PATIENCE_MS);
    return true;
}

static void close_look(struct looking *l)
{
    loop_timer_stop(l->wait.loop, &l->patience);
    series_set_free(l->series);
    wait_close(&l->wait);
}

/* "http://prometheus:9090: live, preset micrometer" */
static enum err_code describe(const struct source_health *h, const char *url, const char *preset, char *text,
                              size_t room)
{
    bool is_live = h->state == SOURCE_LIVE;
    const char *words = h->text[0] ? h->text : is_live ? "" : "no answer in 15 s";
    snprintf(text, room, "%.120s%s%s%s%.160s", url, preset[0] ? ": preset " : "", preset, words[0] ? ": " : "", words);
    return is_live ? ERR_OK : ERR_NET;
}

enum err_code doctor_prometheus(const struct options *o, const struct conf_env *env, char *text, size_t room,
                                bool *is_warning)
{
    const struct conf_prometheus *c = env ? env->measure.prometheus : NULL;
    struct looking l;
    *is_warning = false;
    snprintf(text, room, "none is set");
    if (!c)
        return ERR_NOTFOUND;
    if (!open_look(&l, o))
        return ERR_IO;
    struct prom_spec spec = { .conf = c, .namespaces = env->namespaces, .n_namespaces = env->n_namespaces, .pace = 1,
                              .sink = &l.sink, .subject_of = nobody, .on_state = on_over, .ctx = &l };
    struct prom *p = prom_new(l.wait.loop, &spec);
    wait_run(&l.wait);
    struct source_health h = prom_health(p);
    bool has_series = h.objects > 0;
    if (h.state == SOURCE_LIVE && has_series)
        h.text = text_ends(h.text, "of its services are none of ours") ? "" : h.text; /* here all are */
    enum err_code rc = describe(&h, c->server.url, prom_preset(p), text, room);
    *is_warning = h.text[0] != '\0';
    prom_free(p);
    close_look(&l);
    return rc;
}

enum err_code doctor_alertmanager(const struct options *o, const struct conf_env *env, char *text, size_t room)
{
    const struct conf_alertmanager *c = env ? env->measure.alertmanager : NULL;
    struct looking l;
    snprintf(text, room, "none is set");
    if (!c)
        return ERR_NOTFOUND;
    if (!open_look(&l, o))
        return ERR_IO;
    struct alerts_spec spec = {
        .conf = c, .pace = 1, .sink = &l.sink, .subject_of = nobody, .on_state = on_over, .ctx = &l
    };
    struct alerts *a = alerts_new(l.wait.loop, &spec);
    wait_run(&l.wait);
    struct source_health h = alerts_health(a);
    enum err_code rc = describe(&h, c->server.url, "", text, room);
    if (!rc)
        snprintf(text, room, "%.120s: %d alerts fire", c->server.url, (int)h.objects);
    alerts_free(a);
    close_look(&l);
    return rc;
}

enum err_code doctor_probes(const struct conf_env *env, char *text, size_t room)
{
    const struct conf_probes *p = env ? env->measure.health : NULL;
    snprintf(text, room, "none are set: `health: {}` turns them on");
    if (!p)
        return ERR_NOTFOUND;
    snprintf(text, room, "each service every %d s, %s%.160s", (int)(p->all.every_ms / 1000),
             p->all.server.url ? "at " : "through the API server: it needs the right to get services/proxy",
             p->all.server.url ? p->all.server.url : "");
    return ERR_OK;
}
