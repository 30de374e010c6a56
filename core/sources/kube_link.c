#include "core/sources/kube_link.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/loop/http.h"

struct kube_link {
    struct loop *loop;
    struct kube *kube;
    struct link_hooks hooks;
    struct loop_timer due;
    struct kube_req *req;
    enum source_state state;
    int64_t since_ms, proved_ms, retry_ms, lost_ms;
    char text[224], cause[24];
};

static void set_state(struct kube_link *k, enum source_state s, const char *text)
{
    bool is_news = s != k->state || strcmp(text, k->text) != 0;
    if (s != k->state)
        k->since_ms = clock_story_ms();
    if (is_news && (text[0] || k->text[0]))
        log_put(text[0] ? LOG_WARN : LOG_INFO, "api", "%s%s%s", source_state_name(s),
                text[0] ? ": " : "", text);
    k->state = s;
    snprintf(k->text, sizeof k->text, "%s", text);
    if (is_news)
        k->hooks.on_state(k->hooks.ctx);
}

/* The failed checks of /livez: lines that begin with "[-]". */
static void failed_checks(const char *body, char out[160])
{
    struct buf b = BUF_INIT(120);
    for (const char *line = body; (line = strstr(line, "[-]")); line += 3)
        buf_addf(&b, "%s%.*s", b.len ? ", " : "", (int)strcspn(line + 3, " \n"), line + 3);
    text_clean_to(out, 160, buf_str(&b), b.len);
    buf_release(&b);
}

static void on_done(void *ctx, const struct kube_result *r)
{
    struct kube_link *k = ctx;
    k->req = NULL;
    /* Without credentials nothing was sent: that says nothing of the link, and the watches go on. */
    bool is_ours = r->status == 0 && (r->e.code == ERR_AUTH || r->e.code == ERR_CONFIG);
    bool is_alive = r->status != 0 || is_ours;
    bool was_lost = k->lost_ms != TIME_NONE;
    bool is_well = is_alive && !is_ours && r->status < 500;
    if (r->status)
        snprintf(k->cause, sizeof k->cause, "answers %d", r->status);
    else
        snprintf(k->cause, sizeof k->cause, "%s", http_cause(&r->e));
    int64_t wait = is_well ? LINK_PERIOD_MS : LINK_RETRY_MS + backoff_random(LINK_RETRY_MS);
    loop_timer_set(k->loop, &k->due, wait);
    k->retry_ms = is_alive ? TIME_NONE : clock_story_ms() + wait;
    if (!is_alive) {
        if (!was_lost)
            k->lost_ms = clock_story_ms();
        set_state(k, k->proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, r->e.text);
        if (!was_lost)
            k->hooks.on_lost(k->hooks.ctx);
        return;
    }
    char text[224] = "", failed[160] = "";
    if (r->status >= 500) {
        failed_checks(r->body ? r->body : "", failed);
        snprintf(text, sizeof text, "the API server is up, but not healthy: %s",
                 failed[0] ? failed : r->e.text);
    } else if (r->status == 401) {
        snprintf(text, sizeof text, "%s", r->e.text);
    } else if (is_ours) {
        bool is_refused = text_starts(r->e.text, "credentials rejected"); /* of before: the plugin has to wait */
        snprintf(text, sizeof text, "%s%.190s", is_refused ? "" : "no credentials: ", r->e.text);
    }
    bool is_sick = text[0] != '\0';
    if (!is_sick)
        k->proved_ms = clock_story_ms();
    k->lost_ms = TIME_NONE;
    set_state(k, !is_sick ? SOURCE_LIVE : k->proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, text);
    if (was_lost)
        k->hooks.on_back(k->hooks.ctx);
    if (r->status)
        k->hooks.on_proof(k->hooks.ctx);
}

static void on_due(void *ctx)
{
    struct kube_link *k = ctx;
    if (k->req)
        return;
    struct kube_spec spec = { .path = "/livez", .accept = "*/*", .total_ms = LINK_DEADLINE_MS,
                              .on_done = on_done, .ctx = k };
    k->req = kube_request(k->kube, &spec);
}

struct kube_link *kube_link_new(struct loop *l, struct kube *kube, const struct link_hooks *hooks)
{
    struct kube_link *k = x_calloc(1, sizeof *k);
    k->loop = l;
    k->kube = kube;
    k->hooks = *hooks;
    k->due = (struct loop_timer){ .fn = on_due, .ctx = k };
    k->state = SOURCE_WAITING;
    k->since_ms = clock_story_ms();
    k->proved_ms = k->retry_ms = k->lost_ms = TIME_NONE;
    loop_timer_set(l, &k->due, 0);
    return k;
}

void kube_link_free(struct kube_link *k)
{
    if (!k)
        return;
    kube_cancel(k->req);
    loop_timer_stop(k->loop, &k->due);
    free(k);
}

void kube_link_ask(struct kube_link *k)
{
    if (!k->req)
        loop_timer_set(k->loop, &k->due, 0);
}

int64_t kube_link_lost_ms(const struct kube_link *k)
{
    return k->lost_ms;
}

struct source_health kube_link_health(const struct kube_link *k)
{
    return (struct source_health){ .name = "api", .state = k->state, .since_ms = k->since_ms,
                                   .proved_ms = k->proved_ms, .retry_ms = k->retry_ms,
                                   .text = k->text, .cause = k->cause, .objects = -1 };
}
