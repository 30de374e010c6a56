/* What the answers say, as samples; who is asked when: core/sources/asker.c. */
#include "core/sources/probe.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sources/asker.h"

struct last { /* of a target */
    bool is_asked;
    enum probe_outcome outcome;
    char text[SAMPLE_TEXT];
};

struct probe {
    struct probe_spec spec;
    struct asker *asker;
    size_t n_outcome[N_PROBE_OUTCOMES];
    enum source_state state;
    int64_t since_ms, proved_ms;
    char text[SAMPLE_TEXT];
};

/* ---- how we are doing ---- */

static void set_state(struct probe *p)
{
    size_t unseen = p->n_outcome[PROBE_UNSEEN], ok = p->n_outcome[PROBE_OK], asked = unseen;
    size_t n = asker_count(p->asker);
    const struct target *bad = NULL;
    const struct last *last = NULL;
    for (int i = 0; i < PROBE_UNSEEN; i++)
        asked += p->n_outcome[i];
    for (size_t i = 0; i < n && !bad && ok < asked; i++) {
        void *state;
        const struct target *t = asker_at(p->asker, i, &state);
        last = state;
        if (last->is_asked && last->outcome != PROBE_OK && (last->outcome == PROBE_UNSEEN) == (unseen > 0))
            bad = t;
    }
    enum source_state s = !asked                ? SOURCE_WAITING
                          : unseen < asked      ? SOURCE_LIVE
                          : p->proved_ms == TIME_NONE ? SOURCE_FAILED
                                                : SOURCE_STALE;
    char text[SAMPLE_TEXT] = "";
    if (!n)
        snprintf(text, sizeof text, "no workload has a Service with a port to ask");
    else if (bad)
        snprintf(text, sizeof text, "%zu of %zu %s: %.60s: %.120s", unseen ? unseen : asked - ok, n,
                 unseen ? "could not be asked" : "fail", bad->name, last->text);
    if (s == p->state && text_eq(text, p->text))
        return;
    if (s != p->state)
        p->since_ms = clock_story_ms();
    p->state = s;
    snprintf(p->text, sizeof p->text, "%s", text);
    if (p->spec.on_state)
        p->spec.on_state(p->spec.ctx);
}

struct source_health probe_health(const struct probe *p)
{
    return (struct source_health){ .name = "probes",
                                   .state = p->state,
                                   .since_ms = p->since_ms,
                                   .proved_ms = p->proved_ms,
                                   .retry_ms = TIME_NONE,
                                   .text = p->text,
                                   .objects = (int64_t)asker_count(p->asker) };
}

/* ---- an answer ---- */

static void put(struct probe *p, const struct target *t, struct sample s, enum sample_kind kind, const char *name)
{
    struct sample_sink *sink = p->spec.sink;
    s.series = series_intern(
        sink->series, &(struct series){ .kind = kind, .subject = t->subject, .name = name, .source = "probe" });
    sink->put(sink->ctx, &s);
}

static void put_checks(struct probe *p, const struct target *t, const struct health_body *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct health_row *row = &b->rows[i];
        put(p, t,
            (struct sample){
                .code = (int32_t)row->outcome, .v = { row->value, row->limit }, .n = 2, .text = row->text },
            SAMPLE_CHECK, row->name);
    }
}

static void forget(struct probe *p, struct last *last)
{
    if (last->is_asked)
        p->n_outcome[last->outcome]--;
    last->is_asked = false;
}

static void on_answer(void *ctx, const struct target *t, void *state, const struct probe_answer *a)
{
    struct probe *p = ctx;
    struct last *last = state;
    struct arena arena = { 0 };
    struct health_body body;
    char text[SAMPLE_TEXT];
    health_decode(a->type, a->body, a->body_n, &arena, &body);
    enum probe_outcome outcome = probe_judge(a, t->how, &body, text, sizeof text);
    forget(p, last);
    p->n_outcome[outcome]++;
    last->is_asked = true;
    last->outcome = outcome;
    snprintf(last->text, sizeof last->text, "%s%s%s", probe_outcome_name(outcome), text[0] ? ": " : "", text);
    if (outcome != PROBE_UNSEEN)
        p->proved_ms = clock_story_ms();
    if (outcome != PROBE_UNSEEN && !a->e.code)
        put_checks(p, t, &body);
    put(p, t,
        (struct sample){ .code = (int32_t)outcome,
                         .text = text,
                         .n = N_PROBE_VALUES,
                         .v = { [PROBE_TOTAL] = a->times.total,
                                [PROBE_CONNECT] = a->times.connect,
                                [PROBE_TLS] = a->times.tls,
                                [PROBE_FIRST_BYTE] = a->times.first_byte,
                                [PROBE_STATUS] = a->status } },
        SAMPLE_PROBE, t->name);
    arena_release(&arena);
    set_state(p);
}

static void on_drop(void *ctx, void *state)
{
    forget(ctx, state);
}

/* ---- life ---- */

void probe_set_targets(struct probe *p, const struct target_list *t)
{
    asker_set(p->asker, t);
    set_state(p);
}

void probe_now(struct probe *p)
{
    asker_now(p->asker);
}

struct probe *probe_new(struct loop *l, const struct probe_spec *spec)
{
    struct probe *p = x_calloc(1, sizeof *p);
    p->spec = *spec;
    p->asker = asker_new(l, &(struct asker_spec){ .kube = spec->kube,
                                                  .pace = spec->pace,
                                                  .body_cap = PROBE_BODY,
                                                  .is_probe = true,
                                                  .accept = "application/health+json, application/json, */*",
                                                  .state_size = sizeof(struct last),
                                                  .on_answer = on_answer,
                                                  .on_drop = on_drop,
                                                  .ctx = p });
    p->state = SOURCE_WAITING;
    p->since_ms = clock_story_ms();
    p->proved_ms = TIME_NONE;
    return p;
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    asker_free(p->asker);
    free(p);
}
