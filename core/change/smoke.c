/*
 * ${NAME} is put in where it stands as that place wants it: percent-encoded in a URL, escaped in a JSON body,
 * and in a header only when it can stand there.
 */
#include "core/change/smoke.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/loop/http.h"
#include "core/sources/kube.h"
#include "core/sources/web.h"

enum { SAVED = CONF_STEPS * CONF_PAIRS, SAVED_BYTES = 16 * 1024, REQUEST_BYTES = 1024 * 1024 };
enum place { PLACE_URL, PLACE_HEADER, PLACE_BODY };

struct smoke {
    struct smoke_spec spec;
    struct arena arena; /* of saved values */
    struct conf_pair saved[SAVED];
    size_t n_saved;
    struct smoke_step steps[CONF_STEPS];
    size_t at;
    bool is_over;
    int64_t began_ms;
    struct loop_timer next;
    struct http_req *req;
    struct act *act;
};

static const struct conf_step *step_of(const struct smoke *s)
{
    return &s->spec.conf->steps[s->at];
}

static const char *saved(const struct smoke *s, const char *name, size_t n)
{
    for (size_t i = s->n_saved; i-- > 0;) {
        if (strlen(s->saved[i].name) == n && memcmp(s->saved[i].name, name, n) == 0)
            return s->saved[i].value;
    }
    return NULL;
}

static void put_in(struct buf *out, const char *value, enum place place)
{
    struct buf quoted = BUF_INIT(REQUEST_BYTES);
    if (place == PLACE_URL)
        text_escape_url(out, value);
    if (place == PLACE_BODY) {
        json_quote(&quoted, value);
        buf_add(out, buf_str(&quoted) + 1, quoted.len - 2); /* without its quotes */
    } else if (place == PLACE_HEADER) {
        buf_adds(out, value);
    }
    buf_release(&quoted);
}

/* False: something that nobody saved, or what cannot stand there; said in the step. */
static bool expand(struct smoke *s, struct buf *out, const char *text, enum place place)
{
    for (const char *p = text; *p;) {
        const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
        if (!end) {
            buf_addc(out, *p++);
            continue;
        }
        const char *value = saved(s, p + 2, (size_t)(end - p) - 2);
        if (!value || (place == PLACE_HEADER && strpbrk(value, "\r\n"))) {
            snprintf(s->steps[s->at].text, SMOKE_TEXT, "%.*s: no earlier step has saved %s", (int)(end - p) + 1, p,
                     value ? "what can stand here" : "it");
            return false;
        }
        put_in(out, value, place);
        p = end + 1;
    }
    if (out->over)
        snprintf(s->steps[s->at].text, SMOKE_TEXT, "the request is larger than %d bytes", REQUEST_BYTES);
    return !out->over;
}

/* ---- how a step ends ---- */

static void step_over(struct smoke *s, enum probe_outcome outcome)
{
    struct smoke_step *st = &s->steps[s->at];
    st->is_over = true;
    st->outcome = outcome;
    st->took_ms = clock_io_ms() - s->began_ms;
    s->is_over = outcome != PROBE_OK || s->at + 1 == s->spec.conf->n_steps;
    if (!s->is_over) {
        s->at++;
        loop_timer_set(s->spec.loop, &s->next, 0);
    }
    s->spec.on_step(s->spec.ctx);
}

static bool is_value(struct json_span v, const char *want)
{
    if (!want)
        return v.p && json_kind(v) != JSON_NULL;
    return json_str_is(v, want) || (json_kind(v) != JSON_STRING && v.p && strlen(want) == v.n && memcmp(v.p, want, v.n) == 0);
}

static bool save(struct smoke *s, struct json_span doc, const struct conf_pair *p)
{
    struct json_span v = json_path(doc, p->value ? p->value : p->name);
    char *text = json_str(v, &s->arena, SAVED_BYTES);
    if (!text && json_kind(v) == JSON_NUMBER)
        text = arena_strndup(&s->arena, v.p, v.n);
    if (text && s->n_saved < SAVED)
        s->saved[s->n_saved++] = (struct conf_pair){ p->name, text };
    return text != NULL;
}

static enum probe_outcome judge(struct smoke *s, const struct http_result *r)
{
    const struct conf_step *c = step_of(s);
    struct smoke_step *st = &s->steps[s->at];
    struct json_span doc = { 0 };
    struct err e = { 0 };
    st->status = r->status;
    if (r->e.code) {
        snprintf(st->text, sizeof st->text, "%s", r->e.text);
        return r->e.code == ERR_TIMEOUT ? PROBE_TIMEOUT : PROBE_FAILED;
    }
    if (r->status != c->expect) {
        snprintf(st->text, sizeof st->text, "answers %d, %d was expected", r->status, c->expect);
        return PROBE_BAD_STATUS;
    }
    if ((c->n_json || c->n_save) && json_check(r->body, r->body_n, &doc, &e)) {
        snprintf(st->text, sizeof st->text, "the answer is not JSON: %.150s", e.text);
        return PROBE_BAD_BODY;
    }
    for (size_t i = 0; i < c->n_json; i++) {
        if (is_value(json_path(doc, c->json[i].name), c->json[i].value))
            continue;
        snprintf(st->text, sizeof st->text, "%.80s is not %.80s", c->json[i].name, c->json[i].value ? c->json[i].value : "there");
        return PROBE_BAD_BODY;
    }
    for (size_t i = 0; i < c->n_save; i++) {
        if (save(s, doc, &c->save[i]))
            continue;
        snprintf(st->text, sizeof st->text, "%.80s is not there: nothing to save", c->save[i].value ? c->save[i].value : c->save[i].name);
        return PROBE_BAD_BODY;
    }
    return PROBE_OK;
}

static void on_answer(void *ctx, const struct http_result *r)
{
    struct smoke *s = ctx;
    s->req = NULL;
    enum probe_outcome outcome = judge(s, r);
    if (!s->act) {
        step_over(s, outcome);
        return;
    }
    char text[80];
    snprintf(text, sizeof text, r->e.code ? "no answer" : "HTTP %d", r->status);
    s->steps[s->at].outcome = outcome; /* the end is the act's */
    act_answer(s->act, r->e.code ? ENTRY_UNKNOWN : r->status < 400 ? ENTRY_APPLIED : ENTRY_REFUSED, text);
}

/* ---- how it goes out ---- */

static bool read_token(struct smoke *s, const char *path, struct buf *out)
{
    struct buf token = BUF_INIT(WEB_SECRET);
    struct err e = { 0 };
    bool ok = !web_secret(path, &token, &e);
    if (!ok)
        snprintf(s->steps[s->at].text, SMOKE_TEXT, "token_file %s", e.text);
    buf_addf(out, "Authorization: Bearer %s", buf_str(&token));
    buf_release(&token);
    return ok;
}

static bool add_headers(struct smoke *s, struct arena *a, const char **headers, size_t *n)
{
    const struct conf_step *c = step_of(s);
    struct buf one = BUF_INIT(REQUEST_BYTES);
    bool ok = true;
    for (size_t i = 0; ok && i < c->n_headers; i++) {
        buf_clear(&one);
        buf_addf(&one, "%s: ", c->headers[i].name);
        ok = expand(s, &one, c->headers[i].value ? c->headers[i].value : "", PLACE_HEADER);
        headers[(*n)++] = arena_strdup(a, buf_str(&one));
    }
    if (ok && (c->bearer || c->token_file)) {
        buf_clear(&one);
        if (c->bearer)
            buf_adds(&one, "Authorization: Bearer ");
        ok = c->bearer ? expand(s, &one, c->bearer, PLACE_HEADER) : read_token(s, c->token_file, &one);
        headers[(*n)++] = arena_strdup(a, buf_str(&one));
    }
    bool has_type = false;
    for (size_t i = 0; i < c->n_headers; i++)
        has_type |= text_eq_fold(c->headers[i].name, "Content-Type");
    if (c->body && !has_type)
        headers[(*n)++] = "Content-Type: application/json";
    buf_release(&one);
    return ok;
}

/* False: it did not go out; the step says why. */
static bool send_step(struct smoke *s)
{
    const struct conf_step *c = step_of(s);
    struct arena a = { 0 };
    const char *headers[CONF_PAIRS + 2];
    size_t n = 0;
    struct buf url = BUF_INIT(REQUEST_BYTES), body = BUF_INIT(REQUEST_BYTES);
    struct err e = { 0 };
    bool ok = expand(s, &url, c->url, PLACE_URL) && (!c->body || expand(s, &body, c->body, PLACE_BODY)) &&
              add_headers(s, &a, headers, &n);
    if (ok) {
        struct http_spec spec = { .method = c->method, .url = buf_str(&url), .headers = headers, .n_headers = n,
                                  .body = c->body ? buf_str(&body) : NULL, .body_n = body.len, .total_ms = c->timeout_ms,
                                  .body_cap = SMOKE_BODY, .on_done = on_answer, .ctx = s };
        s->began_ms = clock_io_ms();
        ok = !http_start(s->spec.loop, &spec, &s->req, &e);
        if (!ok)
            snprintf(s->steps[s->at].text, SMOKE_TEXT, "%s", e.text);
    }
    buf_release(&url);
    buf_release(&body);
    arena_release(&a);
    return ok;
}

static void on_send(void *ctx, struct act *act)
{
    struct smoke *s = ctx;
    s->steps[s->at].outcome = PROBE_FAILED;
    if (!send_step(s))
        act_answer(act, ENTRY_REFUSED, s->steps[s->at].text);
}

static void on_end(void *ctx, const struct act_end *end)
{
    struct smoke *s = ctx;
    s->act = NULL;
    if (end->e.code)
        snprintf(s->steps[s->at].text, SMOKE_TEXT, "%s", end->e.text);
    step_over(s, end->e.code ? PROBE_UNSEEN : s->steps[s->at].outcome);
}

static void begin_step(void *ctx)
{
    struct smoke *s = ctx;
    const struct conf_step *c = step_of(s);
    struct err e = { 0 };
    char target[300], detail[400];
    s->began_ms = clock_io_ms();
    if (conf_step_reads(c)) {
        if (!send_step(s))
            step_over(s, PROBE_FAILED);
        return;
    }
    snprintf(target, sizeof target, "%s %.280s", c->method, c->url); /* as the file has it: without what was saved */
    snprintf(detail, sizeof detail, "smoke check \"%.100s\", step \"%.100s\"", s->spec.conf->name, c->name);
    struct act_spec spec = { .action = "smoke", .target = target, .detail = detail, .send = on_send, .on_end = on_end, .ctx = s };
    if (!s->spec.gate)
        err_set(&e, ERR_FORBIDDEN, 0, "this step writes, and there is no gate here");
    else if (!act_begin(s->spec.gate, &spec, &s->act, &e))
        return;
    snprintf(s->steps[s->at].text, SMOKE_TEXT, "%s", e.text);
    step_over(s, PROBE_UNSEEN);
}

struct smoke *smoke_start(const struct smoke_spec *spec)
{
    struct smoke *s = x_calloc(1, sizeof *s);
    s->spec = *spec;
    s->next = (struct loop_timer){ .fn = begin_step, .ctx = s };
    loop_timer_set(spec->loop, &s->next, 0);
    return s;
}

void smoke_free(struct smoke *s)
{
    if (!s)
        return;
    loop_timer_stop(s->spec.loop, &s->next);
    http_cancel(s->req);
    act_leave(s->act);
    arena_release(&s->arena);
    free(s);
}

bool smoke_is_over(const struct smoke *s)
{
    return s->is_over;
}

const struct smoke_step *smoke_steps(const struct smoke *s)
{
    return s->steps;
}

const struct smoke_step *smoke_verdict(const struct smoke *s, size_t *index)
{
    *index = s->at;
    return &s->steps[s->at];
}
