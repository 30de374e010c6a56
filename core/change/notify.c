#include "core/change/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/child.h"
#include "core/loop/http.h"
#include "core/sources/web.h"

enum { TEXT_CAP = 16 * 1024, OUT_CAP = 4096, N_VARS = 9 };

struct telling { /* one notification on its way */
    struct notify *n;
    const struct conf_notify *to;
    char *vars[N_VARS]; /* NAME=VALUE; NULL ends */
    char *body;
    struct act *act;
    struct child *child;
    struct http_req *req;
    struct telling *next, *prev;
};

struct notify {
    struct loop *loop;
    struct actuator *gate;
    const struct conf *conf;
    struct telling *list;
    size_t n_waiting;
};

static void telling_free(struct telling *t)
{
    DL_DELETE(t->n->list, t);
    t->n->n_waiting--;
    child_kill(t->child);
    http_cancel(t->req);
    act_leave(t->act);
    for (size_t i = 0; t->vars[i]; i++)
        free(t->vars[i]);
    free(t->body);
    free(t);
}

/* A webhook's path is often its secret: the host is what may be written down. */
const char *notify_shown(const struct conf_notify *to, char out[NOTIFY_SHOWN])
{
    const char *host = to->command ? NULL : strstr(to->url, "://");
    size_t scheme = host ? (size_t)(host - to->url) + 3 : 0;
    if (to->command)
        snprintf(out, NOTIFY_SHOWN, "%s", to->command[0]);
    else
        snprintf(out, NOTIFY_SHOWN, "%.*s/...", (int)(scheme + strcspn(to->url + scheme, "/?#")), to->url);
    return out;
}

static void on_child(void *ctx, const struct child_result *r)
{
    struct telling *t = ctx;
    char text[200], words[120];
    t->child = NULL;
    text_clean_to(words, sizeof words, r->err_text, strcspn(r->err_text, "\n"));
    snprintf(text, sizeof text, r->is_timeout ? "no end within %d s" : "exit %d%s%s", r->is_timeout ? NOTIFY_MS / 1000 : r->exit_code,
             words[0] ? ": " : "", words);
    act_answer(t->act, r->is_timeout ? ENTRY_UNKNOWN : r->exit_code ? ENTRY_REFUSED : ENTRY_APPLIED, text);
}

static void on_answer(void *ctx, const struct http_result *r)
{
    struct telling *t = ctx;
    char text[240];
    t->req = NULL;
    if (r->e.code)
        snprintf(text, sizeof text, "%s", r->e.text);
    else
        snprintf(text, sizeof text, "HTTP %d", r->status);
    act_answer(t->act, r->e.code ? ENTRY_UNKNOWN : r->status < 300 ? ENTRY_APPLIED : ENTRY_REFUSED, text);
}

static enum err_code post(struct telling *t, struct err *e)
{
    struct buf token = BUF_INIT(WEB_SECRET);
    if (t->to->token_file && web_secret(t->to->token_file, &token, e)) {
        buf_release(&token);
        return e->code;
    }
    char *login = x_asprintf("Authorization: Bearer %s", buf_str(&token));
    const char *headers[] = { "Content-Type: application/json", login };
    struct http_spec spec = { .method = "POST", .url = t->to->url, .headers = headers, .n_headers = t->to->token_file ? 2 : 1,
                              .body = t->body, .body_n = strlen(t->body), .total_ms = NOTIFY_MS, .on_done = on_answer, .ctx = t };
    enum err_code err = http_start(t->n->loop, &spec, &t->req, e);
    free(login);
    buf_release(&token);
    return err;
}

static void on_send(void *ctx, struct act *act)
{
    struct telling *t = ctx;
    struct err e = { 0 };
    struct child_spec child = { .argv = t->to->command, .env = (const char *const *)t->vars, .deadline_ms = NOTIFY_MS,
                                .out_cap = OUT_CAP, .err_cap = OUT_CAP, .on_done = on_child, .ctx = t };
    t->act = act;
    if (t->to->command ? child_start(t->n->loop, &child, &t->child, &e) : post(t, &e))
        act_answer(act, ENTRY_REFUSED, e.text);
}

static void on_end(void *ctx, const struct act_end *end)
{
    struct telling *t = ctx;
    char place[NOTIFY_SHOWN];
    if (end->state != ENTRY_APPLIED)
        log_put(LOG_WARN, "notify", "%s: %s", notify_shown(t->to, place), end->e.code ? end->e.text : end->text ? end->text : "");
    t->act = NULL;
    telling_free(t);
}

static void fill(struct telling *t, const struct notice *what)
{
    char when[CLOCK_TEXT];
    const char *path = getenv("PATH"), *home = getenv("HOME");
    const char *const members[][2] = {
        { "verdict", verdict_name(what->now) }, { "before", verdict_name(what->before) }, { "rule", what->rule },
        { "workload", what->workload }, { "place", what->place }, { "time", clock_format_rfc3339(what->at_ms, when) } };
    static const char *const names[] = { "VERDICT", "BEFORE", "RULE", "WORKLOAD", "PLACE", "TIME" };
    struct buf body = BUF_INIT(TEXT_CAP);
    buf_adds(&body, "{\"schema\":\"bakewatch/notify/v1\"");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        buf_addf(&body, ",\"%s\":", members[i][0]);
        json_quote(&body, members[i][1]);
        t->vars[i] = x_asprintf("BAKEWATCH_%s=%s", names[i], members[i][1]);
    }
    buf_addc(&body, '}');
    t->body = buf_take(&body);
    t->vars[ARRAY_LEN(members)] = x_asprintf("PATH=%s", path ? path : "/usr/bin:/bin");
    t->vars[ARRAY_LEN(members) + 1] = x_asprintf("HOME=%s", home ? home : "/");
}

static void tell(struct notify *n, const struct conf_notify *to, const struct notice *what)
{
    struct err e = { 0 };
    char detail[400], place[160];
    if (n->n_waiting == NOTIFY_WAITING) {
        log_put(LOG_WARN, "notify", "%d are on their way: this one is let go", NOTIFY_WAITING);
        return;
    }
    struct telling *t = x_calloc(1, sizeof *t);
    t->n = n;
    t->to = to;
    fill(t, what);
    DL_APPEND(n->list, t);
    n->n_waiting++;
    snprintf(detail, sizeof detail, "%s, before %s: %.300s", verdict_name(what->now), verdict_name(what->before), what->rule);
    struct act_spec spec = { .action = "notify", .target = notify_shown(to, place), .detail = detail, .is_typed = true,
                             .send = on_send, .on_end = on_end, .ctx = t };
    if (act_begin(n->gate, &spec, &t->act, &e)) {
        log_put(LOG_WARN, "notify", "%s", e.text);
        telling_free(t);
    }
}

void notify_say(struct notify *n, const struct notice *what)
{
    for (size_t i = 0; i < n->conf->n_notify; i++) {
        if (n->conf->notify[i].on & 1u << what->now)
            tell(n, &n->conf->notify[i], what);
    }
}

struct notify *notify_new(struct loop *l, struct actuator *gate, const struct conf *conf)
{
    struct notify *n = x_calloc(1, sizeof *n);
    *n = (struct notify){ .loop = l, .gate = gate, .conf = conf };
    return n;
}

void notify_free(struct notify *n)
{
    struct telling *t, *next;
    if (!n)
        return;
    DL_FOREACH_SAFE(n->list, t, next)
        telling_free(t);
    free(n);
}
