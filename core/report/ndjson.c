/*
 * A thing is printed when its line differs from the last one that was printed of it.  Sections whose
 * version has not moved are not looked at.
 */
#include "core/report/ndjson.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/workload.h"
#include "core/report/errors.h"
#include "core/report/status.h"
#include "core/report/verdict.h"

enum { LINE_CAP = 1024 * 1024 };

struct known { /* what was printed */
    uint64_t digest;
    unsigned round;
    UT_hash_handle hh;
    char key[];
};

enum set { SET_SOURCE, SET_WORKLOAD, SET_POD, SET_EVENT, SET_ERROR, SET_CAPTION, SET_VERDICT, N_SETS };

struct ndjson {
    struct known *sets[N_SETS];
    uint64_t versions[N_SECTIONS];
    unsigned round;
    bool has_begun;
    int64_t now_ms, story_ms;
    struct buf *out;
    struct buf line;
};

struct ndjson *ndjson_new(void)
{
    struct ndjson *n = x_calloc(1, sizeof *n);
    n->line = BUF_INIT(LINE_CAP);
    n->story_ms = TIME_NONE;
    return n;
}

void ndjson_free(struct ndjson *n)
{
    if (!n)
        return;
    for (int i = 0; i < N_SETS; i++) {
        struct known *k, *next;
        HASH_ITER(hh, n->sets[i], k, next) {
            HASH_DEL(n->sets[i], k);
            free(k);
        }
    }
    buf_release(&n->line);
    free(n);
}

static uint64_t digest_of(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

static struct known *find(struct ndjson *n, enum set set, const char *key)
{
    struct known *k;
    HASH_FIND_STR(n->sets[set], key, k);
    return k;
}

static void write_line(struct ndjson *n, const char *type, const char *rest)
{
    char when[CLOCK_TEXT];
    buf_addf(n->out, "{\"type\":\"%s\",\"time\":\"%s\",", type, clock_format_rfc3339(n->now_ms, when));
    if (n->story_ms != TIME_NONE)
        buf_addf(n->out, "\"t\":%" PRId64 ",", (n->now_ms - n->story_ms) / 1000);
    buf_addf(n->out, "%s}\n", rest);
}

/* n->line, unless it is what was printed last; `figures` go with it, but make no news alone. */
static void offer_with(struct ndjson *n, enum set set, const char *type, const char *key, const char *figures)
{
    struct known *k = find(n, set, key);
    uint64_t digest = digest_of(buf_str(&n->line));
    bool is_same = k && k->digest == digest;
    if (!k) {
        k = x_calloc(1, sizeof *k + strlen(key) + 1);
        strcpy(k->key, key);
        HASH_ADD_STR(n->sets[set], key, k);
    }
    k->digest = digest;
    k->round = n->round;
    buf_adds(&n->line, figures);
    if (!is_same)
        write_line(n, type, buf_str(&n->line));
}

static void offer(struct ndjson *n, enum set set, const char *type, const char *key)
{
    offer_with(n, set, type, key, "");
}

static void member(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, "%s\"%s\":", out->len ? "," : "", key);
    json_quote(out, value);
}

/* Forgets what was not offered in this round; of workloads and pods it says so. */
static void sweep(struct ndjson *n, enum set set, const char *type)
{
    struct known *k, *next;
    HASH_ITER(hh, n->sets[set], k, next) {
        if (k->round == n->round)
            continue;
        if (type) {
            buf_clear(&n->line);
            member(&n->line, "id", k->key);
            buf_adds(&n->line, ",\"gone\":true");
            write_line(n, type, buf_str(&n->line));
        }
        HASH_DEL(n->sets[set], k);
        free(k);
    }
}

/* ---- what there is ---- */

static void begin(struct ndjson *n, const struct ident *id)
{
    buf_clear(&n->line);
    member(&n->line, "schema", "bakewatch/stream/v1");
    member(&n->line, "context", id->context);
    buf_adds(&n->line, ",\"namespaces\":[");
    for (size_t i = 0; i < id->n_namespaces; i++) {
        buf_adds(&n->line, i ? "," : "");
        json_quote(&n->line, id->namespaces[i]);
    }
    buf_adds(&n->line, "]");
    write_line(n, "begin", buf_str(&n->line));
    n->has_begun = true;
}

static void add_sources(struct ndjson *n, const struct sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_clear(&n->line);
        member(&n->line, "id", s->rows[i].name);
        member(&n->line, "state", source_state_name(s->rows[i].state));
        member(&n->line, "text", s->rows[i].text);
        offer(n, SET_SOURCE, "source", s->rows[i].name);
    }
}

static void add_pod(struct ndjson *n, const struct workload *w, const struct pod *p)
{
    char key[600];
    snprintf(key, sizeof key, "%s/%s", p->ns, p->name);
    if (p->health <= HEALTH_PROGRESS && !find(n, SET_POD, key))
        return;
    buf_clear(&n->line);
    member(&n->line, "id", key);
    member(&n->line, "workload", w->id);
    member(&n->line, "status", p->status);
    member(&n->line, "problem", p->problem);
    buf_addf(&n->line, ",\"ready\":%s,\"restarts\":%" PRId64, p->is_ready ? "true" : "false", p->restarts);
    offer(n, SET_POD, "pod", key);
}

static void add_workloads(struct ndjson *n, const struct workloads *ws)
{
    for (size_t i = 0; i < ws->n; i++) {
        const struct workload *w = ws->items[i];
        buf_clear(&n->line);
        member(&n->line, "id", w->id);
        buf_addc(&n->line, ',');
        size_t at = n->line.len;
        status_json_workload(&n->line, w);
        memmove(n->line.data + at, n->line.data + at + 1, n->line.len - at - 1); /* without its braces */
        n->line.len -= 2;
        n->line.data[n->line.len] = '\0';
        offer(n, SET_WORKLOAD, "workload", w->id);
        for (size_t j = 0; j < w->n_pods; j++)
            add_pod(n, w, w->pods[j]);
    }
    sweep(n, SET_POD, "pod");
    sweep(n, SET_WORKLOAD, "workload");
}

static void add_events(struct ndjson *n, const struct events *es)
{
    char when[CLOCK_TEXT];
    for (size_t i = es->n; i-- > 0;) { /* oldest first */
        const struct event *ev = es->items[i];
        buf_clear(&n->line);
        member(&n->line, "id", ev->uid);
        member(&n->line, "namespace", ev->ns);
        member(&n->line, "kind", ev->object_kind);
        member(&n->line, "name", ev->object_name);
        member(&n->line, "reason", ev->reason);
        member(&n->line, "message", ev->message);
        member(&n->line, "last", clock_format_rfc3339(ev->last_ms, when));
        buf_addf(&n->line, ",\"warning\":%s,\"count\":%" PRId64, ev->is_warning ? "true" : "false", ev->count);
        offer(n, SET_EVENT, "event", ev->uid);
    }
    sweep(n, SET_EVENT, NULL);
}

static void add_errors(struct ndjson *n, const struct errors *es)
{
    char key[24];
    for (size_t i = es->n; i-- > 0;) {
        const struct error_item *item = &es->items[i];
        buf_clear(&n->line);
        snprintf(key, sizeof key, "%" PRId64, item->row->id);
        member(&n->line, "workload", item->workload);
        if (item->group < es->n_groups)
            member(&n->line, "novelty", novelty_name(es->groups[item->group].novelty));
        buf_adds(&n->line, ",\"row\":");
        errors_json_row(&n->line, "row", item->row, es->zone_ms);
        offer(n, SET_ERROR, "error", key);
    }
    sweep(n, SET_ERROR, NULL);
}

static void add_verdict(struct ndjson *n, const struct verdict *v)
{
    struct buf figures = BUF_INIT(LINE_CAP / 2);
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        buf_clear(&n->line);
        buf_clear(&figures);
        member(&n->line, "id", b->subject);
        member(&n->line, "verdict", verdict_name(b->word));
        member(&n->line, "phase", bake_phase_name(b->phase));
        member(&n->line, "decides", trigger_name(b->decides));
        for (int t = 0; t < N_TRIGGERS; t++)
            member(&n->line, trigger_name((enum trigger_kind)t), trigger_state_name(b->triggers[t].state));
        buf_adds(&figures, ",\"bake\":");
        verdict_json_bake(&figures, b);
        offer_with(n, SET_VERDICT, "verdict", b->subject, buf_str(&figures));
    }
    buf_clear(&n->line);
    buf_clear(&figures);
    member(&n->line, "verdict", verdict_name(v->word));
    member(&n->line, "lacks", v->lacks);
    buf_addf(&n->line, ",\"so_far\":%s", v->is_so_far ? "true" : "false");
    buf_adds(&figures, ",\"rule\":");
    json_quote(&figures, v->rule);
    offer_with(n, SET_VERDICT, "platform", "", buf_str(&figures));
    sweep(n, SET_VERDICT, NULL);
    buf_release(&figures);
}

static void add_caption(struct ndjson *n, const struct ident *id)
{
    if (!id->caption[0] && !n->sets[SET_CAPTION])
        return;
    buf_clear(&n->line);
    member(&n->line, "text", id->caption);
    offer(n, SET_CAPTION, "caption", "");
}

static const void *moved(struct ndjson *n, const struct snap *s, enum section_id id)
{
    const struct section *section = s->sections[id];
    if (!section || section->version == n->versions[id])
        return NULL;
    n->versions[id] = section->version;
    return section;
}

void ndjson_add(struct ndjson *n, const struct snap *s, int64_t now_ms, struct buf *out)
{
    const struct ident *id = moved(n, s, SECTION_IDENT);
    const struct sources *sources = moved(n, s, SECTION_SOURCES);
    const struct workloads *ws = moved(n, s, SECTION_WORKLOADS);
    const struct events *evs = moved(n, s, SECTION_EVENTS);
    const struct errors *es = moved(n, s, SECTION_ERRORS);
    const struct verdict *verdict = moved(n, s, SECTION_VERDICT);
    n->round++;
    n->now_ms = now_ms;
    n->out = out;
    if (id)
        n->story_ms = id->story_ms;
    if (id && !n->has_begun)
        begin(n, id);
    if (id)
        add_caption(n, id);
    if (sources)
        add_sources(n, sources);
    if (ws && ws->is_synced)
        add_workloads(n, ws);
    if (evs)
        add_events(n, evs);
    if (es && es->is_synced)
        add_errors(n, es);
    if (verdict)
        add_verdict(n, verdict);
}
