#include "core/sources/kube_poll.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sources/kube_list.h"

enum { ITEM_BYTES = 1024 * 1024, ABSENT_MS = 300000 };

struct kube_poll {
    struct loop *loop;
    struct kube *kube;
    struct poll_spec spec;
    char *path;
    struct loop_timer due;
    struct kube_list *list;
    int64_t n, objects;
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[224];
};

static enum err_code on_item(void *ctx, struct json_span item, struct err *e)
{
    struct kube_poll *p = ctx;
    p->n++;
    return p->spec.on_item(p->spec.ctx, item, e);
}

static void on_done(void *ctx, const struct kube_result *r, struct json_span envelope)
{
    struct kube_poll *p = ctx;
    struct err e = r->e;
    (void)envelope;
    p->list = NULL;
    enum source_state s = !e.code                     ? SOURCE_LIVE
                          : e.code == ERR_FORBIDDEN   ? SOURCE_FORBIDDEN
                          : e.code == ERR_NOTFOUND    ? SOURCE_ABSENT
                          : p->proved_ms == TIME_NONE ? SOURCE_FAILED
                                                      : SOURCE_STALE;
    bool is_news = s != p->state;
    if (is_news)
        p->since_ms = clock_story_ms();
    p->state = s;
    snprintf(p->text, sizeof p->text, "%s", e.code ? e.text : "");
    loop_timer_set(p->loop, &p->due,
                   s == SOURCE_FORBIDDEN || s == SOURCE_ABSENT ? ABSENT_MS : p->spec.period_ms);
    if (!e.code) {
        p->proved_ms = clock_story_ms();
        p->objects = p->n;
        p->spec.on_end(p->spec.ctx);
    }
    if (is_news) {
        if (e.code)
            log_put(LOG_INFO, "kube", "%s: %s: %s", p->spec.name, source_state_name(s), e.text);
        p->spec.on_state(p->spec.ctx);
    }
}

static void on_due(void *ctx)
{
    struct kube_poll *p = ctx;
    if (p->list)
        return;
    p->n = 0;
    p->spec.on_begin(p->spec.ctx);
    struct kube_list_spec spec = { .path = p->path, .accept = p->spec.accept, .item_cap = ITEM_BYTES,
                                   .on_item = on_item, .on_done = on_done, .ctx = p };
    p->list = kube_list_start(p->kube, &spec);
}

struct kube_poll *kube_poll_new(struct loop *l, struct kube *k, const struct poll_spec *spec)
{
    struct kube_poll *p = x_calloc(1, sizeof *p);
    p->loop = l;
    p->kube = k;
    p->spec = *spec;
    p->path = x_strdup(spec->path);
    p->due = (struct loop_timer){ .fn = on_due, .ctx = p };
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->proved_ms = TIME_NONE;
    loop_timer_set(l, &p->due, 0);
    return p;
}

void kube_poll_free(struct kube_poll *p)
{
    if (!p)
        return;
    kube_list_cancel(p->list);
    loop_timer_stop(p->loop, &p->due);
    free(p->path);
    free(p);
}

void kube_poll_now(struct kube_poll *p)
{
    if (!p->list)
        loop_timer_set(p->loop, &p->due, 0);
}

struct source_health kube_poll_health(const struct kube_poll *p)
{
    return (struct source_health){ .name = p->spec.name, .state = p->state, .since_ms = p->since_ms,
                                   .proved_ms = p->proved_ms, .retry_ms = TIME_NONE,
                                   .text = p->text, .objects = p->objects };
}
