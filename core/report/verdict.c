#include "core/report/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/json.h"

const char *bake_phase_name(enum bake_phase p)
{
    static const char *const names[] = { "window", "extended", "over" };
    return (size_t)p < ARRAY_LEN(names) ? names[p] : "?";
}

static void key(struct buf *out, const char *name)
{
    buf_addf(out, "%s\"%s\":", out->len && out->data[out->len - 1] != '{' ? "," : "", name);
}

static void text(struct buf *out, const char *name, const char *value)
{
    key(out, name);
    json_quote(out, value);
}

static void instant(struct buf *out, const char *name, int64_t ms)
{
    char when[CLOCK_TEXT];
    if (ms == TIME_NONE) {
        key(out, name);
        buf_adds(out, "null");
    } else {
        text(out, name, clock_format_rfc3339(ms, when));
    }
}

static void number(struct buf *out, const char *name, double v)
{
    key(out, name);
    if (isfinite(v))
        buf_addf(out, "%.10g", v);
    else
        buf_adds(out, "null");
}

static void boolean(struct buf *out, const char *name, bool v)
{
    key(out, name);
    buf_adds(out, v ? "true" : "false");
}

static void trigger(struct buf *out, const struct trigger *t)
{
    buf_addc(out, '{');
    text(out, "trigger", trigger_name(t->kind));
    text(out, "state", trigger_state_name(t->state));
    boolean(out, "required", t->is_required);
    boolean(out, "preexisting", t->is_preexisting);
    text(out, "rule", t->rule);
    text(out, "source", t->source);
    instant(out, "since", t->since_ms);
    instant(out, "sampled", t->sampled_ms);
    number(out, "n", (double)t->n);
    number(out, "count", (double)t->count);
    number(out, "limit", (double)t->limit);
    number(out, "value", t->value);
    number(out, "baseline", t->baseline);
    number(out, "threshold", t->threshold);
    number(out, "coverage", t->coverage);
    key(out, "evidence");
    buf_addc(out, '[');
    for (size_t i = 0; i < t->n_evidence; i++) {
        buf_adds(out, i ? ",{" : "{");
        text(out, "label", t->evidence[i].label);
        text(out, "text", t->evidence[i].text);
        buf_addc(out, '}');
    }
    buf_adds(out, "]}");
}

void verdict_json_bake(struct buf *out, const struct bake *b)
{
    buf_addc(out, '{');
    text(out, "id", b->subject);
    text(out, "name", b->name);
    text(out, "version", b->what);
    number(out, "revision", b->revision ? (double)b->revision : (double)NAN);
    boolean(out, "by_hand", b->is_by_hand);
    instant(out, "deployed", b->deployed_ms);
    instant(out, "window_end", b->window_end_ms);
    instant(out, "extended_end", b->extended_end_ms);
    text(out, "phase", bake_phase_name(b->phase));
    text(out, "verdict", verdict_name(b->word));
    instant(out, "since", b->word_since_ms);
    text(out, "window_verdict", b->window_word == VERDICT_NONE ? "" : verdict_name(b->window_word));
    instant(out, "first_rollback", b->first_rollback_ms);
    text(out, "decides", trigger_name(b->decides));
    text(out, "rule", b->rule);
    key(out, "baseline");
    buf_addc(out, '{');
    number(out, "n", (double)b->baseline_n);
    instant(out, "from", b->baseline_n ? b->baseline_from_ms : TIME_NONE);
    instant(out, "to", b->baseline_n ? b->baseline_to_ms : TIME_NONE);
    number(out, "p95_ms", b->baseline_p95_ms);
    number(out, "error_share", b->baseline_error_share);
    text(out, "source", b->baseline_source);
    buf_addc(out, '}');
    key(out, "triggers");
    buf_addc(out, '[');
    for (int i = 0; i < N_TRIGGERS; i++) {
        if (i)
            buf_addc(out, ',');
        trigger(out, &b->triggers[i]);
    }
    buf_adds(out, "]}");
}

static void json_mark(struct buf *out, const struct mark *m)
{
    buf_addc(out, '{');
    text(out, "kind", mark_kind_name(m->kind));
    instant(out, "at", m->at_ms);
    if (m->until_ms != TIME_NONE)
        instant(out, "until", m->until_ms);
    text(out, "id", m->subject);
    text(out, "text", m->text);
    buf_addc(out, '}');
}

void verdict_json(struct buf *out, const struct verdict *v)
{
    buf_addc(out, '{');
    text(out, "verdict", verdict_name(v->word));
    boolean(out, "so_far", v->is_so_far);
    text(out, "rule", v->rule);
    text(out, "lacks", v->lacks);
    instant(out, "judged", v->judged_ms);
    instant(out, "observer_lost", v->observer_lost_ms);
    key(out, "workloads");
    buf_addc(out, '[');
    for (size_t i = 0; i < v->n_bakes; i++) {
        if (i)
            buf_addc(out, ',');
        verdict_json_bake(out, &v->bakes[i]);
    }
    buf_addc(out, ']');
    key(out, "timeline");
    buf_addc(out, '[');
    for (size_t i = 0; i < v->n_marks; i++) {
        if (i)
            buf_addc(out, ',');
        json_mark(out, &v->marks[i]);
    }
    buf_adds(out, "]}");
}
