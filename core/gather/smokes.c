#include "core/gather/smokes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/change/smoke.h"
#include "core/model/doc.h"

struct check {
    struct gather_smokes *g;
    const struct conf_smoke *conf;
    struct smoke *run;
    struct loop_timer due, over; /* over: a run cannot be freed from within its own callback */
    char subject[SERIES_SUBJECT]; /* "" = of no workload that is known */
    int64_t ended_ms;            /* story clock; TIME_NONE = never */
    struct smoke_step last;      /* the step that decided */
    size_t last_step;
};

struct gather_smokes {
    struct gather_smokes_spec spec;
    struct check *checks;
    size_t n;
    uint64_t request;
    const struct check *shown; /* NULL = the list */
    struct section *doc;
};

static const char *outcome_word(const struct smoke_step *st)
{
    return st->outcome == PROBE_OK ? "ok" : st->outcome == PROBE_UNSEEN ? "not run" : "FAILED";
}

/* ---- as a text ---- */

static size_t list_lines(const struct gather_smokes *g, struct arena *a, const char **lines)
{
    size_t n = 0;
    char when[CLOCK_TEXT], every[CLOCK_TEXT];
    for (size_t i = 0; i < g->n; i++) {
        const struct check *k = &g->checks[i];
        const char *schedule = k->conf->every_ms ? clock_format_age(k->conf->every_ms, every) : "";
        if (k->ended_ms == TIME_NONE)
            lines[n++] = arena_printf(a, "%-24s not run yet%s%s", k->conf->name, schedule[0] ? ", every " : "", schedule);
        else
            lines[n++] = arena_printf(a, "%-24s %-7s %s %s%s%s", k->conf->name, outcome_word(&k->last),
                                      clock_format_hms(k->ended_ms, when), k->last.text, schedule[0] ? ", every " : "", schedule);
    }
    lines[n++] = "";
    lines[n++] = g->n ? ":smoke NAME runs one" : "the environment has none: see `smoke:` in the annotated config";
    return n;
}

static size_t run_lines(const struct check *k, struct arena *a, const char **lines)
{
    const struct smoke_step *steps = k->run ? smoke_steps(k->run) : NULL;
    size_t n = 0;
    for (size_t i = 0; steps && i < k->conf->n_steps; i++) {
        const struct conf_step *c = &k->conf->steps[i];
        if (steps[i].is_over)
            lines[n++] = arena_printf(a, "%-7s %5" PRId64 " ms  %-6s %s%s%s", outcome_word(&steps[i]), steps[i].took_ms, c->method,
                                      c->name, steps[i].text[0] ? ": " : "", steps[i].text);
        else
            lines[n++] = arena_printf(a, "%-7s %8s  %-6s %s", "...", "", c->method, c->name);
    }
    return n;
}

static void set_doc(struct gather_smokes *g)
{
    struct doc *d = section_new(sizeof *d, NULL);
    struct arena *a = &d->section.arena;
    const char **lines = arena_alloc(a, (CONF_STEPS + CONF_SMOKES + 2) * sizeof *lines);
    bool is_over = !g->shown || !g->shown->run || smoke_is_over(g->shown->run);
    d->request = g->request;
    d->kind = DOC_SMOKE;
    d->state = is_over ? DOC_READY : DOC_FOLLOWING;
    d->title = g->shown ? arena_printf(a, "smoke check %s", g->shown->conf->name) : "smoke checks";
    d->error = "";
    d->n = g->shown ? run_lines(g->shown, a, lines) : list_lines(g, a, lines);
    d->lines = lines;
    d->at_ms = clock_story_ms();
    section_unref(g->doc);
    g->doc = &d->section;
    g->spec.on_doc(g->spec.ctx);
}

/* ---- runs ---- */

static void put_sample(const struct check *k)
{
    char name[SERIES_NAME];
    struct sample s = { .code = (int32_t)k->last.outcome, .n = N_PROBE_VALUES, .text = k->last.text };
    if (!k->subject[0])
        return;
    snprintf(name, sizeof name, "smoke %s", k->conf->name);
    s.series = series_intern(k->g->spec.sink->series, &(struct series){ .kind = SAMPLE_PROBE, .subject = k->subject, .name = name,
                                                                        .source = "smoke" });
    s.v[PROBE_TOTAL] = (double)k->last.took_ms;
    s.v[PROBE_CONNECT] = s.v[PROBE_TLS] = s.v[PROBE_FIRST_BYTE] = NAN;
    s.v[PROBE_STATUS] = k->last.status;
    k->g->spec.sink->put(k->g->spec.sink->ctx, &s);
}

static void on_step(void *ctx)
{
    struct check *k = ctx;
    if (smoke_is_over(k->run)) {
        k->last = *smoke_verdict(k->run, &k->last_step);
        k->ended_ms = clock_story_ms();
        put_sample(k);
        loop_timer_set(k->g->spec.loop, &k->over, 0);
    }
    if (k->g->request && (!k->g->shown || k->g->shown == k))
        set_doc(k->g);
}

static void begin(struct check *k)
{
    struct smoke_spec spec = { .loop = k->g->spec.loop, .gate = k->g->spec.gate, .conf = k->conf, .on_step = on_step, .ctx = k };
    if (k->run && !smoke_is_over(k->run))
        return;
    smoke_free(k->run); /* the one before was kept to be looked at */
    k->run = smoke_start(&spec);
}

static void on_over(void *ctx)
{
    struct check *k = ctx;
    if (k->conf->every_ms)
        loop_timer_set(k->g->spec.loop, &k->due, k->conf->every_ms / k->g->spec.pace);
}

static void on_due(void *ctx)
{
    begin(ctx);
}

/* ---- the panel's side ---- */

void gather_smokes_open(struct gather_smokes *g, const struct cmd_msg *m)
{
    g->request = m->request;
    g->shown = NULL;
    for (size_t i = 0; i < g->n; i++) {
        if (text_eq(g->checks[i].conf->name, m->name)) {
            g->shown = &g->checks[i];
            begin(&g->checks[i]);
        }
    }
    set_doc(g);
}

void gather_smokes_close(struct gather_smokes *g)
{
    g->request = 0;
    section_unref(g->doc);
    g->doc = NULL;
}

struct doc *gather_smokes_doc(const struct gather_smokes *g)
{
    return g->doc ? (struct doc *)section_ref(g->doc) : NULL;
}

/* [KIND/]NAME, as under `services:`. */
static bool is_named(const struct workload *w, const char *service)
{
    const char *slash = strchr(service, '/');
    size_t kind = slash ? (size_t)(slash - service) : 0;
    return text_eq(slash ? slash + 1 : service, w->name) &&
           (!slash || strncasecmp(workload_kind_name(w->kind), service, kind) == 0);
}

void gather_smokes_see(struct gather_smokes *g, const struct workloads *ws)
{
    for (size_t i = 0; i < g->n; i++) {
        struct check *k = &g->checks[i];
        for (size_t w = 0; k->conf->service && !k->subject[0] && w < ws->n; w++) {
            if (is_named(ws->items[w], k->conf->service))
                snprintf(k->subject, sizeof k->subject, "%s", ws->items[w]->id);
        }
    }
}

struct gather_smokes *gather_smokes_new(const struct gather_smokes_spec *spec)
{
    struct gather_smokes *g = x_calloc(1, sizeof *g);
    g->spec = *spec;
    g->n = spec->env ? spec->env->n_smokes : 0;
    g->checks = x_calloc(g->n + 1, sizeof *g->checks);
    for (size_t i = 0; i < g->n; i++) {
        struct check *k = &g->checks[i];
        *k = (struct check){ .g = g, .conf = &spec->env->smokes[i], .ended_ms = TIME_NONE };
        k->due = (struct loop_timer){ .fn = on_due, .ctx = k };
        k->over = (struct loop_timer){ .fn = on_over, .ctx = k };
        if (k->conf->every_ms)
            loop_timer_set(spec->loop, &k->due, k->conf->every_ms / spec->pace);
    }
    return g;
}

void gather_smokes_free(struct gather_smokes *g)
{
    if (!g)
        return;
    gather_smokes_close(g);
    for (size_t i = 0; i < g->n; i++) {
        loop_timer_stop(g->spec.loop, &g->checks[i].due);
        loop_timer_stop(g->spec.loop, &g->checks[i].over);
        smoke_free(g->checks[i].run);
    }
    free(g->checks);
    free(g);
}
