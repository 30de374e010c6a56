/*
 * The fold.  A sample changes what is known of its workload; a tick, on a grid of the samples' own time, looks
 * at every open bake and moves the states of its triggers.  What is shown is put into words only when somebody
 * asks (judge_verdict), so that millions of samples fold in a second.
 *
 * A tick at t comes after the samples of that very millisecond, live and in a replay alike.  Where nothing
 * comes for JUDGE_DEAD_MS all is stale and the ticks between say nothing new but the ends of windows: only
 * those are run, so that a clock that jumps by years costs nothing and fires nothing.
 *
 * The statistics and why they are so: trigger.c (shares), baseline.c (scatter), trigger_NAME.c (each rule).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/judge/judge_internal.h"
#include "core/model/workload.h"

static const int64_t LAST_MS = 253402300799999; /* the end of the year 9999 */

struct judge *judge_new(void)
{
    struct judge *j = x_calloc(1, sizeof *j);
    limits_take(&j->limits, NULL, 0);
    j->lost_ms = j->last_ms = j->tick_ms = TIME_NONE;
    j->version = 1;
    return j;
}

static void subject_free(struct subject *s)
{
    course_release(&s->course);
    for (struct probe *p = s->probes, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(s->id);
    free(s);
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    for (struct subject *s = j->subjects, *next; s; s = next) {
        next = s->hh.next;
        HASH_DEL(j->subjects, s);
        subject_free(s);
    }
    for (size_t i = 0; i < j->n_bakes; i++)
        bake_free(j->bakes[i]);
    for (size_t i = 0; i < j->n_checks; i++)
        free(j->checks[i]);
    marks_release(j);
    free(j->lines);
    free(j);
}

/* ---- ticks ---- */

static void drop_bakes(struct judge *j, int64_t now_ms)
{
    for (size_t i = 0; i < j->n_bakes;) {
        struct bake_state *b = j->bakes[i];
        if (now_ms < b->extended_end_ms) {
            i++;
            continue;
        }
        b->subject->bake = NULL;
        bake_free(b);
        j->bakes[i] = j->bakes[--j->n_bakes];
    }
}

static void note_measured(struct judge *j)
{
    for (const struct subject *s = j->subjects; s; s = s->hh.next) {
        for (int k = 0; k < N_TRIGGERS; k++)
            j->limits.measured |= s->beats[k].source[0] ? 1u << k : 0;
    }
}

static void tick(struct judge *j, int64_t now_ms)
{
    note_measured(j);
    if (!j->has_link)
        probes_round(j, now_ms);
    for (size_t i = 0; i < j->n_bakes; i++)
        bake_tick(j, j->bakes[i], now_ms);
    drop_bakes(j, now_ms);
    j->tick_ms = now_ms;
    if (j->is_touched || j->n_bakes)
        j->version++;
    j->is_touched = false;
}

static int64_t on_grid(int64_t ms) /* the first tick that is not before it */
{
    return (ms + JUDGE_TICK_MS - 1) / JUDGE_TICK_MS * JUDGE_TICK_MS;
}

/* The next tick, or where all is stale the next that matters. */
static int64_t next_tick(const struct judge *j)
{
    int64_t next = j->tick_ms == TIME_NONE ? on_grid(j->last_ms) : j->tick_ms + JUDGE_TICK_MS, end = INT64_MAX;
    if (next <= j->last_ms + JUDGE_DEAD_MS)
        return next;
    for (size_t i = 0; i < j->n_bakes; i++) {
        const struct bake_state *b = j->bakes[i];
        int64_t at = on_grid(b->phase == BAKE_IMMEDIATE ? b->window_end_ms : b->extended_end_ms);
        at = at > next ? at : next;
        end = at < end ? at : end;
    }
    return end;
}

void judge_run(struct judge *j, int64_t now_ms)
{
    if (j->last_ms == TIME_NONE || now_ms < 0 || now_ms > LAST_MS)
        return;
    for (int64_t t; (t = next_tick(j)) < now_ms;)
        tick(j, t);
    int64_t last = (now_ms - 1) / JUDGE_TICK_MS * JUDGE_TICK_MS; /* skipped: they were dead */
    if (j->tick_ms != TIME_NONE && last > j->tick_ms)
        j->tick_ms = last;
}

/* ---- samples ---- */

static struct subject *subject_of(struct judge *j, const char *id)
{
    struct subject *s;
    HASH_FIND_STR(j->subjects, id, s);
    if (s || j->n_subjects == JUDGE_SUBJECTS)
        return s;
    s = x_calloc(1, sizeof *s);
    s->id = x_strdup(id);
    s->probed_ms = TIME_NONE;
    s->rollout.at_ms = s->rollout.short_since_ms = s->rollout.restart_ms = TIME_NONE;
    s->rollout.complete_ms = s->rollout.ready_ms = TIME_NONE;
    for (int k = 0; k < N_TRIGGERS; k++)
        s->beats[k].source = "";
    HASH_ADD_KEYPTR(hh, j->subjects, s->id, strlen(s->id), s);
    j->n_subjects++;
    return s;
}

static struct line *line_of(struct judge *j, const struct series *s)
{
    if (!s->id || s->id > JUDGE_SERIES)
        return NULL;
    if (s->id > j->n_lines) {
        size_t n = j->n_lines ? j->n_lines : 64;
        while (n < s->id)
            n *= 2;
        j->lines = x_realloc(j->lines, n * sizeof *j->lines);
        memset(j->lines + j->n_lines, 0, (n - j->n_lines) * sizeof *j->lines);
        j->n_lines = n;
    }
    struct line *l = &j->lines[s->id - 1];
    if (!l->subject && s->subject[0]) {
        l->subject = subject_of(j, s->subject);
        j->n_unjudged += !l->subject;
    }
    return l;
}

static void take_link(struct judge *j, const struct sample *s)
{
    bool is_up = s->n && s->v[0] == 1;
    if (!is_up && !(s->n && s->v[0] == 0))
        return;
    j->has_link = true;
    if (is_up)
        probes_prove(j, s->at_ms);
    else
        probes_forget(j);
    if (is_up && j->lost_ms != TIME_NONE) {
        marks_end(j, j->link_mark, s->at_ms);
        j->lost_ms = TIME_NONE;
    } else if (!is_up && j->lost_ms == TIME_NONE) {
        j->lost_ms = s->at_ms;
        marks_add(j, MARK_LINK, s->at_ms, "", "our link to the cluster is lost: counters stand");
        j->link_mark = j->n_marks;
    }
}

static void take_rollout(struct subject *s, const struct sample *p)
{
    struct rollout_seen *r = &s->rollout;
    double restarts = r->at_ms == TIME_NONE ? 0 : r->v[ROLLOUT_RESTARTS];
    if (p->code < ROLLOUT_PROGRESSING || p->code > ROLLOUT_ONDELETE)
        return;
    for (size_t i = 0; i < N_ROLLOUT_VALUES; i++)
        r->v[i] = i < p->n && p->v[i] >= 0 && p->v[i] < 1e15 ? p->v[i] : NAN;
    r->state = p->code;
    r->at_ms = p->at_ms;
    snprintf(r->problem, sizeof r->problem, "%s", p->text);
    if (r->v[ROLLOUT_RESTARTS] > restarts)
        r->restart_ms = p->at_ms;
    if (!(r->v[ROLLOUT_READY] < r->v[ROLLOUT_DESIRED]))
        r->short_since_ms = TIME_NONE;
    else if (r->short_since_ms == TIME_NONE)
        r->short_since_ms = p->at_ms;
    if (r->state == ROLLOUT_COMPLETE && r->complete_ms == TIME_NONE && s->bake && p->at_ms >= s->bake->found_ms) {
        r->complete_ms = p->at_ms;
        r->ready_ms = r->v[ROLLOUT_READY_AT] > 0 && r->v[ROLLOUT_READY_AT] < (double)p->at_ms
                          ? (int64_t)r->v[ROLLOUT_READY_AT]
                          : p->at_ms;
    }
    beat_note(&s->beats[TRIGGER_ROLLOUT], p);
}

static void take_probe(struct judge *j, struct line *l, const struct sample *p)
{
    struct subject *s = l->subject;
    if (p->code < PROBE_OK || p->code >= PROBE_UNSEEN) /* what is unseen says nothing */
        return;
    if (!l->probe) {
        if (s->n_probes == JUDGE_PROBES)
            return;
        l->probe = x_calloc(1, sizeof *l->probe);
        l->probe->series = p->series;
        l->probe->subject = s;
        l->probe->crossed_ms = TIME_NONE;
        struct probe **end = &s->probes;
        while (*end)
            end = &(*end)->next;
        *end = l->probe;
        s->n_probes++;
    }
    probe_take(j, l->probe, p);
}

static void take_check(struct judge *j, struct line *l, const struct sample *s)
{
    if (!l->check) {
        if (j->n_checks == JUDGE_CHECKS)
            return;
        l->check = j->checks[j->n_checks++] = x_calloc(1, sizeof *l->check);
        l->check->series = s->series;
    }
    struct kept_check *c = l->check;
    c->at_ms = s->at_ms;
    c->outcome = s->code;
    c->value = s->n > 0 ? s->v[0] : NAN;
    c->limit = s->n > 1 ? s->v[1] : NAN;
    snprintf(c->text, sizeof c->text, "%s", s->text);
}

static void take_rows(struct subject *s, const struct sample *p)
{
    for (size_t i = 0; i < ARRAY_LEN(s->rows); i++) {
        if (i >= p->n || !(p->v[i] >= 0) || p->v[i] > 1e12)
            return;
    }
    memcpy(s->rows, p->v, sizeof s->rows);
    beat_note(&s->beats[TRIGGER_ROWS], p);
}

static void take_alert(struct judge *j, struct line *l, const struct sample *s)
{
    char text[JUDGE_RULE];
    if (s->code && !l->alert) {
        snprintf(text, sizeof text, "%s%s%.200s", s->series->name, s->text[0] ? ": " : "", s->text);
        marks_add(j, MARK_ALERT, s->at_ms, l->subject ? l->subject->id : "", text);
        l->alert = j->n_marks;
    } else if (!s->code && l->alert) {
        marks_end(j, l->alert, s->at_ms);
        l->alert = 0;
    }
}

/* One source of it at a time: two do not mean the same by it. */
static void take_cpu(struct subject *s, const struct sample *p)
{
    bool is_first = !s->cpu_source || !strcmp(s->cpu_source, p->series->source) || !strcmp(p->series->source, "kubernetes");
    if (!is_first && p->at_ms - s->cpu_ms < CPU_SOURCE_MS)
        return;
    s->cpu_source = p->series->source;
    s->cpu_ms = p->at_ms;
    course_cpu(&s->course, p);
}

static void take_measured(struct subject *s, const struct sample *p)
{
    switch (p->series->kind) {
    case SAMPLE_REQUESTS:
        if (course_requests(&s->course, p))
            beat_note(&s->beats[TRIGGER_ERRORS], p);
        break;
    case SAMPLE_LATENCY:
        if (course_latency(&s->course, p))
            beat_note(&s->beats[TRIGGER_LATENCY], p);
        break;
    case SAMPLE_P95:
        if (course_p95(&s->course, p))
            beat_note(&s->beats[TRIGGER_LATENCY], p);
        break;
    case SAMPLE_GAUGE:
        if (!strcmp(p->series->name, "cpu"))
            take_cpu(s, p);
        break;
    case SAMPLE_ROLLOUT:
        take_rollout(s, p);
        break;
    case SAMPLE_ROWS:
        take_rows(s, p);
        break;
    default:
        break;
    }
}

static void drop_bake(struct judge *j, struct subject *s)
{
    for (size_t i = 0; i < j->n_bakes; i++) {
        if (j->bakes[i]->subject != s)
            continue;
        marks_add(j, MARK_WINDOW_END, j->last_ms, s->id, "the workload is gone");
        s->bake = NULL;
        bake_free(j->bakes[i]);
        j->bakes[i] = j->bakes[--j->n_bakes];
        return;
    }
}

static void take(struct judge *j, struct line *l, const struct sample *s)
{
    const char *id = l->subject ? l->subject->id : "";
    switch (s->series->kind) {
    case SAMPLE_CONF:
        limits_take(&j->limits, s->v, s->n);
        break;
    case SAMPLE_LINK:
        take_link(j, s);
        break;
    case SAMPLE_ALERT:
        take_alert(j, l, s);
        break;
    case SAMPLE_MARK:
        marks_add(j, MARK_OPERATOR, s->at_ms, id, s->text);
        break;
    case SAMPLE_CHECK:
        take_check(j, l, s);
        break;
    case SAMPLE_DEPLOY:
        if (l->subject)
            bake_open(j, l->subject, s);
        break;
    case SAMPLE_PROBE:
        if (l->subject)
            take_probe(j, l, s);
        break;
    case SAMPLE_GONE:
        if (l->subject)
            drop_bake(j, l->subject);
        break;
    default:
        if (l->subject)
            take_measured(l->subject, s);
    }
}

static void note_gap(struct judge *j, const struct sample *s)
{
    char text[JUDGE_RULE], a[CLOCK_TEXT];
    int64_t from_ms = s->at_ms - s->span_ms; /* it speaks for the time since */
    if (j->last_ms == TIME_NONE || from_ms - j->last_ms <= JUDGE_GAP_MS)
        return;
    snprintf(text, sizeof text, "nothing was recorded for %s", span_text(from_ms - j->last_ms, a));
    marks_add(j, MARK_GAP, j->last_ms, "", text)->until_ms = from_ms;
}

void judge_put(struct judge *j, const struct sample *given)
{
    struct sample s = *given;
    if (s.at_ms < 0 || s.at_ms > LAST_MS || s.span_ms < 0 || s.span_ms > 24 * 3600000LL || s.n > SAMPLE_VALUES)
        return;
    s.at_ms = j->last_ms != TIME_NONE && s.at_ms < j->last_ms ? j->last_ms : s.at_ms;
    judge_run(j, s.at_ms);
    note_gap(j, &s);
    j->last_ms = s.at_ms;
    j->is_touched = true;
    struct line *l = line_of(j, s.series);
    if (l)
        take(j, l, &s);
}

uint64_t judge_version(const struct judge *j)
{
    return j->version;
}
