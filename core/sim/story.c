#include "core/sim/story.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

struct reader {
    const char *file;
    struct story *story;
    struct err *e;
    bool is_bad;
};

static void complain(struct reader *r, const struct yaml_node *n, const char *what, const char *arg)
{
    if (!r->is_bad)
        err_set(r->e, ERR_CONFIG, 0, "%s:%d:%d: %s%s%.80s", r->file, n ? n->line : 1,
                n ? n->col : 1, what, arg ? " " : "", arg ? arg : "");
    r->is_bad = true;
}

static bool is_word_of(const char *words, const char *w)
{
    size_t n = strlen(w);
    for (const char *p = words; n && (p = strstr(p, w)); p += n) {
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    }
    return false;
}

static bool is_map(struct reader *r, const struct yaml_node *n, const char *known)
{
    if (!n || n->kind != YAML_MAP) {
        complain(r, n, "a map is wanted here", NULL);
        return false;
    }
    for (size_t i = 0; i < n->n; i++) {
        const char *key = yaml_text(n->keys[i]);
        if (!key || !is_word_of(known, key))
            complain(r, n->keys[i], "unknown key", key);
    }
    return !r->is_bad;
}

static const char *text_of(struct reader *r, const struct yaml_node *map, const char *key,
                           const char *otherwise)
{
    const struct yaml_node *n = yaml_get(map, key);
    if (!n)
        return otherwise;
    if (!yaml_text(n))
        complain(r, n, "a text is wanted for", key);
    return yaml_text(n) ? yaml_text(n) : otherwise;
}

static int64_t count_of(struct reader *r, const struct yaml_node *map, const char *key,
                        int64_t otherwise)
{
    const char *s = text_of(r, map, key, NULL);
    int64_t v = otherwise;
    if (s && !text_to_int(s, strlen(s), 0, 1000000, &v))
        complain(r, yaml_get(map, key), "a number from 0 to 1000000 is wanted for", key);
    return v;
}

static int64_t span_of(struct reader *r, const struct yaml_node *map, const char *key,
                       int64_t otherwise)
{
    const char *s = text_of(r, map, key, NULL);
    int64_t v = otherwise;
    if (s && (!text_to_span_ms(s, &v) || v < 0))
        complain(r, yaml_get(map, key), "a span such as 90s or 2m is wanted for", key);
    return v;
}

/* "7%", "0.07", "2.5" */
static double share_of(struct reader *r, const struct yaml_node *map, const char *key,
                       double otherwise)
{
    const char *s = text_of(r, map, key, NULL);
    char *end;
    if (!s)
        return otherwise;
    double v = strtod(s, &end);
    if (*end == '%' && end++)
        v /= 100;
    if (end == s || *end || !(v >= 0 && v <= 1000))
        complain(r, yaml_get(map, key), "a share such as 7% or 0.07 is wanted for", key);
    return v;
}

static bool flag_of(struct reader *r, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *n = yaml_get(map, key);
    bool v = false;
    if (n && !yaml_bool(n, &v))
        complain(r, n, "true or false is wanted for", key);
    return v;
}

static size_t list_of(struct reader *r, const struct yaml_node *map, const char *key,
                      struct yaml_node ***items)
{
    const struct yaml_node *n = yaml_get(map, key);
    if (!n)
        return 0;
    if (n->kind != YAML_SEQ || n->n > STORY_MOST) {
        complain(r, n, "a list (not too long) is wanted for", key);
        return 0;
    }
    *items = n->items;
    return n->n;
}

static size_t texts_of(struct reader *r, const struct yaml_node *map, const char *key,
                       const char ***out)
{
    struct yaml_node **items = NULL;
    size_t n = list_of(r, map, key, &items);
    if (n)
        *out = arena_alloc(&r->story->arena, n * sizeof **out);
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = yaml_text(items[i]);
        if (!(*out)[i])
            complain(r, items[i], "a text is wanted in", key);
    }
    return n;
}

static size_t rows_of(struct reader *r, const struct yaml_node *map, struct row_spec **out)
{
    struct yaml_node **items = NULL;
    size_t n = list_of(r, map, "rows", &items);
    if (!n)
        return 0;
    *out = arena_alloc(&r->story->arena, n * sizeof **out);
    for (size_t i = 0; i < n; i++) {
        const struct yaml_node *m = items[i];
        if (!is_map(
                r, m,
                "code severity stage message stack user_impact business_impact after every most"))
            return 0;
        (*out)[i] = (struct row_spec){
            .code = text_of(r, m, "code", "UNKNOWN"),
            .severity = text_of(r, m, "severity", "HIGH"),
            .stage = text_of(r, m, "stage", "runtime"),
            .message = text_of(r, m, "message", ""),
            .stack = text_of(r, m, "stack", NULL),
            .user_impact = text_of(r, m, "user_impact", NULL),
            .business_impact = text_of(r, m, "business_impact", NULL),
            .after_ms = span_of(r, m, "after", 0),
            .every_ms = span_of(r, m, "every", 60000),
            .most = count_of(r, m, "most", 0),
        };
        if ((*out)[i].every_ms < 100)
            complain(r, m, "every: 100ms at the least", NULL);
    }
    return n;
}

/* ---- services and versions ---- */

static void read_behaviour(struct reader *r, const struct yaml_node *m, struct sim_version *v)
{
    const struct yaml_node *crash = yaml_get(m, "crash"), *flap = yaml_get(m, "flap");
    v->cause = text_of(r, m, "cause", v->cause);
    v->p95_ms = span_of(r, m, "p95", v->p95_ms);
    v->ready_ms = span_of(r, m, "ready", v->ready_ms);
    v->pull_ms = span_of(r, m, "pull", v->pull_ms);
    v->errors = share_of(r, m, "errors", v->errors);
    v->flake = share_of(r, m, "flake", v->flake);
    v->late_ms = span_of(r, m, "late", v->late_ms);
    v->creep_ms = span_of(r, m, "creep", v->creep_ms);
    v->pool = yaml_get(m, "pool") ? count_of(r, m, "pool", 0) : v->pool;
    v->is_never_ready |= flag_of(r, m, "never_ready");
    v->is_never_pulled |= flag_of(r, m, "never_pulled");
    if (crash && is_map(r, crash, "pods after exit reason last_words")) {
        v->crash_pods = count_of(r, crash, "pods", 1);
        v->crash_after_ms = span_of(r, crash, "after", 20000);
        v->crash_exit = count_of(r, crash, "exit", 1);
        v->crash_reason = text_of(r, crash, "reason", v->crash_exit == 137 ? "OOMKilled" : "Error");
        v->last_words = text_of(r, crash, "last_words", v->last_words);
    }
    if (flap && is_map(r, flap, "pods every for")) {
        v->flap_pods = count_of(r, flap, "pods", 1);
        v->flap_every_ms = span_of(r, flap, "every", 120000);
        v->flap_ms = span_of(r, flap, "for", 7000);
        if (v->flap_every_ms <= v->flap_ms)
            complain(r, flap, "flap: every must be longer than for", NULL);
    }
    size_t n = rows_of(r, m, &v->rows);
    v->n_rows = n ? n : v->n_rows;
}

static struct sim_version *add_version(struct story *s, struct sim_service *sv, const char *tag)
{
    struct sim_version **all = arena_alloc(&s->arena, (sv->n_versions + 1) * sizeof *all);
    struct sim_version *v = arena_alloc(&s->arena, sizeof *v);
    if (sv->n_versions)
        memcpy(all, sv->versions, sv->n_versions * sizeof *all);
    *v = sv->usual;
    v->tag = arena_strdup(&s->arena, tag);
    v->first_ms = TIME_NONE;
    all[sv->n_versions++] = v;
    sv->versions = all;
    return v;
}

struct sim_version *story_version(struct story *s, struct sim_service *sv, const char *tag)
{
    for (size_t i = 0; i < sv->n_versions; i++) {
        if (text_eq(sv->versions[i]->tag, tag))
            return sv->versions[i];
    }
    struct sim_version *v = add_version(s, sv, tag);
    v->is_never_ready |= text_starts(tag, "unready");
    v->is_never_pulled |= text_starts(tag, "pullfail");
    v->is_never_placed |= text_starts(tag, "unschedulable");
    v->is_misconfigured |= text_starts(tag, "configfail");
    if (text_starts(tag, "slow"))
        v->ready_ms = 30000;
    if (text_starts(tag, "crash") || text_starts(tag, "oom")) {
        v->crash_pods = STORY_MOST;
        v->crash_after_ms = 1000;
        v->crash_exit = text_starts(tag, "oom") ? 137 : 1;
        v->crash_reason = text_starts(tag, "oom") ? "OOMKilled" : "Error";
    }
    return v;
}

struct sim_service *story_service(const struct story *s, const char *name)
{
    for (size_t i = 0; i < s->n_services; i++) {
        if (text_eq(s->services[i].name, name))
            return &s->services[i];
    }
    return NULL;
}

static struct sim_service *service_named(struct reader *r, const char *name)
{
    struct sim_service *sv = story_service(r->story, name);
    if (sv)
        return sv;
    sv = &r->story->services[r->story->n_services++];
    *sv = (struct sim_service){
        .name = name,
        .kind = SIM_DEPLOYMENT,
        .replicas = 2,
        .port = 8080,
        .rps = 10,
        .tag = "1.0.0",
        .deadline_s = 120,
        .usual = { .p95_ms = 100,
                   .ready_ms = 4000,
                   .pull_ms = 3000,
                   .errors = 0.002,
                   .pool = -1,
                   .cause = "",
                   .crash_reason = "Error",
                   .last_words = "fatal: the process ends",
                   .first_ms = TIME_NONE },
    };
    return sv;
}

static void read_hpa(struct reader *r, const struct yaml_node *hpa, struct sim_service *sv)
{
    if (!hpa || !is_map(r, hpa, "min max cpu"))
        return;
    sv->hpa_least = count_of(r, hpa, "min", 1);
    sv->hpa_most = count_of(r, hpa, "max", 10);
    sv->hpa_cpu = count_of(r, hpa, "cpu", 70);
    if (!sv->hpa_least || sv->hpa_least > sv->hpa_most || !sv->hpa_cpu)
        complain(r, hpa, "hpa: min from 1 to max, cpu above 0", NULL);
}

#define BEHAVIOUR                                                                                  \
    "cause p95 ready pull errors flake late creep pool never_ready never_pulled crash flap rows"

static void read_service(struct reader *r, const struct yaml_node *key, const struct yaml_node *m)
{
    const char *name = yaml_text(key);
    if (!name || !text_is_dns1123_label(name) || strlen(name) > 40) {
        complain(r, key, "a service's name is a DNS label of at most 40 characters", NULL);
        return;
    }
    if (!is_map(r, m,
                "kind replicas port rps version before needs database hpa deadline "
                "versions " BEHAVIOUR))
        return;
    struct sim_service *sv = service_named(r, name);
    const char *kind = text_of(r, m, "kind", NULL);
    if (kind) {
        sv->kind = text_eq(kind, "statefulset") ? SIM_STATEFULSET
                   : text_eq(kind, "daemonset") ? SIM_DAEMONSET
                                                : SIM_DEPLOYMENT;
        if (sv->kind == SIM_DEPLOYMENT && !text_eq(kind, "deployment"))
            complain(r, yaml_get(m, "kind"), "no such kind:", kind);
    }
    sv->replicas = count_of(r, m, "replicas", sv->replicas);
    sv->port = count_of(r, m, "port", sv->port);
    sv->rps = count_of(r, m, "rps", sv->rps);
    sv->deadline_s = span_of(r, m, "deadline", sv->deadline_s * 1000) / 1000;
    sv->tag = text_of(r, m, "version", sv->tag);
    sv->has_database |= flag_of(r, m, "database");
    size_t n = texts_of(r, m, "before", &sv->before);
    sv->n_before = n ? n : sv->n_before;
    n = texts_of(r, m, "needs", &sv->needs);
    sv->n_needs = n ? n : sv->n_needs;
    read_hpa(r, yaml_get(m, "hpa"), sv);
    read_behaviour(r, m, &sv->usual);
    const struct yaml_node *versions = yaml_get(m, "versions");
    for (size_t i = 0; versions && versions->kind == YAML_MAP && i < versions->n && !r->is_bad;
         i++) {
        const char *tag = yaml_text(versions->keys[i]);
        if (!tag || !tag[0])
            complain(r, versions->keys[i], "a version is a text", NULL);
        else if (is_map(r, versions->items[i], BEHAVIOUR))
            read_behaviour(r, versions->items[i], story_version(r->story, sv, tag));
    }
}

/* ---- steps ---- */

bool story_time(const char *s, int64_t *out_ms)
{
    int64_t parts[3], v = 0;
    size_t n = 0;
    bool is_minus = text_starts(s, "T-");
    if (!is_minus && !text_starts(s, "T+"))
        return false;
    for (s += 2; n < 3; s++) {
        size_t len = strspn(s, "0123456789");
        if (!text_to_int(s, len, 0, 10000, &parts[n++]))
            return false;
        s += len;
        if (*s != ':')
            break;
    }
    if (*s || n < 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (i && parts[i] > 59)
            return false;
        v = v * 60 + parts[i];
    }
    *out_ms = (is_minus ? -v : v) * 1000;
    return true;
}

static void read_step(struct reader *r, const struct yaml_node *m, struct story_step *st)
{
    static const char *const acts[] = { "deploy", "scale",      "crash",   "slow", "errors",
                                        "rows",   "dependency", "caption", "link" };
    static const char *const number_keys[] = { [STEP_SCALE] = "replicas",
                                               [STEP_CRASH] = "pods",
                                               [STEP_SLOW] = "factor",
                                               [STEP_ERRORS] = "share" };
    if (!is_map(r, m,
                "at do service version text name state replicas pods factor share for exit reason "
                "rows"))
        return;
    const char *at = text_of(r, m, "at", ""), *act = text_of(r, m, "do", ""),
               *service = text_of(r, m, "service", NULL);
    size_t k = 0;
    while (k < ARRAY_LEN(acts) && !text_eq(acts[k], act))
        k++;
    if (k == ARRAY_LEN(acts))
        complain(r, m,
                 "do: deploy, scale, crash, slow, errors, rows, dependency, caption or link, not",
                 act);
    else if (!story_time(at, &st->at_ms) || st->at_ms < 0)
        complain(r, m, "at: a time such as T+1:00 is wanted, not", at);
    if (r->is_bad)
        return;
    st->act = (enum step_do)k;
    st->service = service ? story_service(r->story, service) : NULL;
    st->version = text_of(r, m, "version", NULL);
    st->text = text_of(r, m, "text", "");
    st->name = text_of(r, m, "name", "");
    st->reason = text_of(r, m, "reason", "Error");
    st->is_up = text_eq(text_of(r, m, "state", "down"), "up");
    st->for_ms = span_of(r, m, "for", 0);
    st->exit_code = count_of(r, m, "exit", 1);
    if (k < ARRAY_LEN(number_keys) && number_keys[k])
        st->number = share_of(r, m, number_keys[k], 1);
    st->n_rows = rows_of(r, m, &st->rows);
    bool wants_service = k <= STEP_CRASH || k == STEP_ROWS;
    if ((service || wants_service) && !st->service)
        complain(r, m, "no such service:", service ? service : "(none)");
    else if (strlen(st->text) > STORY_CAPTION)
        complain(r, yaml_get(m, "text"), "a caption is a line: 400 bytes at most", NULL);
    else if (k == STEP_DEPLOY && !st->version)
        complain(r, m, "deploy: a version is wanted", NULL);
}

void story_noise_usual(struct story_noise *n)
{
    *n = (struct story_noise){ true, 1, 0.6, 0.2, 0.02, 1, 200 };
}

static void read_noise(struct reader *r, const struct yaml_node *m)
{
    struct story_noise n;
    if (!m || !is_map(r, m, "sigma autocorrelation swing flake rps_least rps_most"))
        return;
    story_noise_usual(&n);
    n.sigma = share_of(r, m, "sigma", n.sigma);
    n.autocorrelation = share_of(r, m, "autocorrelation", n.autocorrelation);
    n.swing = share_of(r, m, "swing", n.swing);
    n.flake = share_of(r, m, "flake", n.flake);
    n.rps_least = count_of(r, m, "rps_least", n.rps_least);
    n.rps_most = count_of(r, m, "rps_most", n.rps_most);
    if (n.sigma < 0.3 || n.sigma > 3 || n.autocorrelation >= 1 || n.swing >= 1 || n.flake > 1 ||
        n.rps_most > 10000 || (n.rps_most && (!n.rps_least || n.rps_least > n.rps_most)))
        complain(r, m, "noise: sigma 0.3 to 3, autocorrelation and swing below 1, rates up to 10000",
                 NULL);
    r->story->noise = n;
}

static void read_file(struct reader *r, const char *file, const char *text, story_find_fn *find,
                      void *ctx)
{
    struct story *s = r->story;
    struct yaml_node *top = NULL, **steps = NULL;
    const char *before = r->file;
    r->file = file;
    if (yaml_parse(&s->arena, file, text, strlen(text), &top, r->e)) {
        r->is_bad = true;
        return;
    }
    if (!is_map(r, top, "title platform namespace nodes length services steps noise"))
        return;
    const char *platform = text_of(r, top, "platform", NULL);
    if (platform) {
        const char *more = before ? NULL : find(ctx, platform);
        if (!more)
            complain(r, yaml_get(top, "platform"),
                     before ? "a platform has none of its own" : "no such platform:",
                     before ? NULL : platform);
        else
            read_file(r, platform, more, find, ctx);
        r->file = file;
    }
    s->title = text_of(r, top, "title", s->title);
    s->ns = text_of(r, top, "namespace", s->ns);
    s->nodes = count_of(r, top, "nodes", s->nodes);
    s->length_ms = span_of(r, top, "length", s->length_ms);
    const struct yaml_node *services = yaml_get(top, "services");
    for (size_t i = 0; services && services->kind == YAML_MAP && i < services->n && !r->is_bad;
         i++) {
        if (s->n_services == STORY_MOST)
            complain(r, services, "too many services", NULL);
        else
            read_service(r, services->keys[i], services->items[i]);
    }
    read_noise(r, yaml_get(top, "noise"));
    size_t n = list_of(r, top, "steps", &steps);
    if (n && !s->n_steps)
        s->steps = arena_alloc(&s->arena, n * sizeof *s->steps);
    for (size_t i = 0; i < n && !r->is_bad; i++)
        read_step(r, steps[i], &s->steps[s->n_steps++]);
}

enum err_code story_parse(const char *file, const char *text, story_find_fn *find, void *ctx,
                          struct story *out, struct err *e)
{
    struct err own = { 0 };
    struct story s = { .title = "", .ns = "shop", .nodes = 3, .length_ms = 1800000 };
    struct reader r = { .story = &s, .e = e ? e : &own };
    s.services = arena_alloc(&s.arena, STORY_MOST * sizeof *s.services);
    s.name = arena_strdup(&s.arena, file);
    read_file(&r, file, text, find, ctx);
    if (!r.is_bad && (!text_is_dns1123_label(s.ns) || !s.n_services || !s.nodes || s.nodes > 200))
        complain(&r, NULL, "a namespace, a service and 1 to 200 nodes at the least", NULL);
    if (r.is_bad) {
        story_release(&s);
        return r.e->code;
    }
    *out = s;
    return ERR_OK;
}

void story_release(struct story *s)
{
    arena_release(&s->arena);
    *s = (struct story){ 0 };
}
