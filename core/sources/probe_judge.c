#include "core/sources/probe_judge.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

static enum probe_outcome say(char *text, size_t room, enum probe_outcome o, const char *what)
{
    text_shorten(text, room, what);
    return o;
}

/* No answer: what was it? */
static enum probe_outcome of_error(const struct probe_answer *a, char *text, size_t room)
{
    const struct err *e = &a->e;
    const char *cause = http_cause(e);
    enum probe_outcome o = PROBE_FAILED;
    bool is_no_socket = e->code == ERR_LIMIT && strstr(e->text, "no socket"),
         is_no_net = strstr(e->text, "Network is unreachable");
    if (a->is_ours || is_no_socket || is_no_net)
        o = PROBE_UNSEEN;
    else if (e->code == ERR_TIMEOUT)
        o = PROBE_TIMEOUT;
    else if (a->is_api) /* it was the API server that we did not get through to, unless it had begun to answer */
        o = e->code == ERR_LIMIT && a->body_n ? PROBE_BAD_BODY : PROBE_UNSEEN;
    else if (e->code == ERR_LIMIT && a->body_n)
        o = PROBE_BAD_BODY;
    else if (text_eq(cause, "name unknown"))
        o = PROBE_DNS;
    else if (text_eq(cause, "refused"))
        o = PROBE_REFUSED;
    else if (text_eq(cause, "TLS"))
        o = PROBE_TLS_FAILED;
    return say(text, room, o, e->text);
}

/* The API server's own words about the way from it to the service. */
static enum probe_outcome of_reach(const char *words, char *text, size_t room)
{
    static const struct {
        const char *words;
        enum probe_outcome is;
    } known[] = { { "no endpoints available", PROBE_NO_ENDPOINT }, { "connection refused", PROBE_REFUSED },
                  { "no such host", PROBE_DNS },                    { "x509", PROBE_TLS_FAILED },
                  { "tls:", PROBE_TLS_FAILED },                     { "timeout", PROBE_TIMEOUT },
                  { "deadline exceeded", PROBE_TIMEOUT } };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcasestr(words, known[i].words))
            return say(text, room, known[i].is, words);
    }
    return say(text, room, strcasestr(words, "error trying to reach service") ? PROBE_FAILED : PROBE_UNSEEN, words);
}

/* True: the answer is the API server's, not the service's. */
static bool of_api(const struct probe_answer *a, enum probe_outcome *out, char *text, size_t room)
{
    struct json_span doc, m[3];
    char words[SAMPLE_TEXT] = "";
    if (a->status < 400)
        return false;
    if (json_check(a->body, a->body_n, &doc, NULL) == ERR_OK) {
        json_members(doc, 3, (const char *const[]){ "kind", "apiVersion", "message" }, m);
        if (!json_str_is(m[0], "Status") || !json_str_is(m[1], "v1"))
            return false;
        struct buf b = BUF_INIT(8192);
        if (json_str_add(m[2], &b))
            text_clean_to(words, sizeof words, buf_str(&b), b.len);
        buf_release(&b);
    } else if (strncasecmp(a->body, "error trying to reach service", 29) == 0) {
        text_clean_to(words, sizeof words, a->body, strcspn(a->body, "\n"));
    } else if (a->status == 401) { /* of a proxy before it */
        snprintf(words, sizeof words, "the API server answers 401");
    } else {
        return false;
    }
    *out = of_reach(words, text, room);
    return true;
}

static const char *worst_row(const struct health_body *b, char *words, size_t room)
{
    const struct health_row *worst = NULL;
    for (size_t i = 0; i < b->n; i++) {
        if (b->rows[i].outcome != CHECK_PASS && (!worst || b->rows[i].outcome > worst->outcome))
            worst = &b->rows[i];
    }
    if (!worst)
        return "";
    snprintf(words, room, "%.80s %s%s%.120s", worst->name, check_outcome_name(worst->outcome),
             worst->text[0] ? ": " : "", worst->text);
    return words;
}

enum probe_outcome probe_judge(const struct probe_answer *a, const struct conf_probe *how, const struct health_body *b,
                               char *text, size_t room)
{
    char words[SAMPLE_TEXT], row[SAMPLE_TEXT];
    enum probe_outcome o;
    if (a->e.code || a->is_ours)
        return of_error(a, text, room);
    if (a->is_api && of_api(a, &o, text, room))
        return o;
    const char *what = b->is_known ? worst_row(b, row, sizeof row) : "";
    bool is_expected = false;
    for (size_t i = 0; i < how->n_expect; i++)
        is_expected |= a->status >= how->expect[i].from && a->status <= how->expect[i].to;
    if (!is_expected && a->redirect && a->status >= 300 && a->status < 400)
        snprintf(words, sizeof words, "answers %d, to %.180s", a->status, a->redirect);
    else if (!is_expected)
        snprintf(words, sizeof words, "answers %d%s%s", a->status, what[0] ? ": " : "", what);
    if (!is_expected)
        return say(text, room, PROBE_BAD_STATUS, words);
    if (b->broken)
        return say(text, room, PROBE_BAD_BODY, b->broken);
    if (b->is_known && b->outcome == CHECK_FAIL)
        return say(text, room, PROBE_BAD_BODY, what[0] ? what : "the body says that it fails");
    return say(text, room, PROBE_OK, b->is_known && b->outcome == CHECK_WARN ? what : "");
}
