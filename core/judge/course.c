#include "core/judge/course.h"

#include <math.h>
#include <string.h>

static const double MOST = 1e9; /* of anything that is counted in one sample */

void course_release(struct course *c)
{
    free(c->slots);
    free(c->slow);
    free(c->cpu);
    *c = (struct course){ 0 };
}

int64_t course_slot_of(int64_t ms)
{
    return ms / TRACK_STEP_MS;
}

static size_t place_of(int64_t no)
{
    return (size_t)(no % TRACK_POINTS);
}

const struct course_slot *course_at(const struct course *c, int64_t no)
{
    const struct course_slot *s = c->slots && no >= 0 ? &c->slots[place_of(no)] : NULL;
    return s && s->no == no ? s : NULL;
}

/* The slot to write to; NULL: it is older than what is kept. */
static struct course_slot *slot(struct course *c, int64_t no)
{
    if (!c->slots) {
        c->slots = x_calloc(TRACK_POINTS, sizeof *c->slots);
        for (size_t i = 0; i < TRACK_POINTS; i++)
            c->slots[i].no = -1;
    }
    struct course_slot *s = &c->slots[place_of(no)];
    if (no < 0 || s->no > no)
        return NULL;
    if (s->no < no) {
        *s = (struct course_slot){ .no = no, .p95 = NAN };
        if (c->slow)
            memset(c->slow + place_of(no) * SAMPLE_VALUES, 0, SAMPLE_VALUES * sizeof *c->slow);
    }
    return s;
}

/* ---- what comes ---- */

struct spread { /* the slots that a sample speaks for, newest last */
    int64_t from_ms, to_ms, no, last;
};

static struct spread spread_of(const struct sample *s)
{
    int64_t span = s->span_ms > 0 ? s->span_ms : 1;
    struct spread w = { .from_ms = s->at_ms - span, .to_ms = s->at_ms };
    w.last = course_slot_of(w.to_ms - 1);
    w.no = course_slot_of(w.from_ms > 0 ? w.from_ms : 0);
    if (w.no <= w.last - TRACK_POINTS)
        w.no = w.last - TRACK_POINTS + 1;
    return w;
}

/* How much of the span lies in slot `no`, in ms. */
static double part_of(const struct spread *w, int64_t no)
{
    int64_t from = no * TRACK_STEP_MS, to = from + TRACK_STEP_MS;
    from = from > w->from_ms ? from : w->from_ms;
    to = to < w->to_ms ? to : w->to_ms;
    return to > from ? (double)(to - from) : 0;
}

static bool is_count(double v)
{
    return v >= 0 && v <= MOST;
}

bool course_requests(struct course *c, const struct sample *s)
{
    if (s->n < 2 || !is_count(s->v[0]) || !is_count(s->v[1]) || s->v[1] > s->v[0])
        return false;
    struct spread w = spread_of(s);
    for (int64_t no = w.no; no <= w.last; no++) {
        struct course_slot *at = slot(c, no);
        double ms = part_of(&w, no), share = ms / (double)(w.to_ms - w.from_ms);
        if (!at)
            continue;
        at->requests += (float)(s->v[0] * share);
        at->failed += (float)(s->v[1] * share);
        at->requests_ms += (float)ms;
    }
    return true;
}

static bool take_bounds(struct course *c, const struct series *of)
{
    if (!of->n_bounds || of->n_bounds > SAMPLE_VALUES - 1)
        return false;
    if (c->slow && c->n_bounds == of->n_bounds && !memcmp(c->bounds, of->bounds, of->n_bounds * sizeof *of->bounds))
        return true;
    for (size_t i = 0; i < of->n_bounds; i++) {
        if (!(of->bounds[i] > (i ? of->bounds[i - 1] : 0)) || !(of->bounds[i] <= MOST))
            return false;
    }
    if (!c->slow)
        c->slow = x_malloc((size_t)TRACK_POINTS * SAMPLE_VALUES * sizeof *c->slow);
    memset(c->slow, 0, (size_t)TRACK_POINTS * SAMPLE_VALUES * sizeof *c->slow);
    for (size_t i = 0; c->slots && i < TRACK_POINTS; i++)
        c->slots[i].latency_ms = 0;
    c->n_bounds = of->n_bounds;
    memcpy(c->bounds, of->bounds, of->n_bounds * sizeof *of->bounds);
    return true;
}

bool course_latency(struct course *c, const struct sample *s)
{
    double above[SAMPLE_VALUES];
    if (!s->series->n_bounds || s->n != s->series->n_bounds + 1 || s->n > SAMPLE_VALUES)
        return false;
    above[s->n - 1] = 0;
    for (size_t i = s->n; i-- > 0;) { /* v[i + 1] and all beyond it are slower than bounds[i] */
        if (!is_count(s->v[i]))
            return false;
        if (i)
            above[i - 1] = s->v[i] + (i + 1 < s->n ? above[i] : 0);
        else
            above[s->n - 1] = above[0] + s->v[0];
    }
    if (!take_bounds(c, s->series))
        return false;
    struct spread w = spread_of(s);
    for (int64_t no = w.no; no <= w.last; no++) {
        struct course_slot *at = slot(c, no);
        double ms = part_of(&w, no), share = ms / (double)(w.to_ms - w.from_ms);
        float *slow = c->slow + place_of(no) * SAMPLE_VALUES;
        for (size_t i = 0; at && i < s->n; i++)
            slow[i] += (float)(above[i] * share);
        if (at)
            at->latency_ms += (float)ms;
    }
    return true;
}

bool course_p95(struct course *c, const struct sample *s)
{
    struct course_slot *at;
    if (s->n < 1 || !(s->v[0] > 0) || s->v[0] > MOST || !(at = slot(c, course_slot_of(s->at_ms))))
        return false;
    at->p95 = (float)s->v[0];
    return true;
}

bool course_cpu(struct course *c, const struct sample *s)
{
    struct spread w = spread_of(s);
    if (s->n < 1 || !is_count(s->v[0]) || w.last < TRACK_POINTS)
        return false;
    if (!c->cpu) {
        c->cpu = x_malloc(TRACK_POINTS * sizeof *c->cpu);
        c->cpu_no = w.last - TRACK_POINTS;
    }
    int64_t gap = w.last - c->cpu_no < TRACK_POINTS ? c->cpu_no + 1 : w.last - TRACK_POINTS + 1;
    for (int64_t no = gap; no <= w.last; no++)
        c->cpu[place_of(no)] = NAN;
    c->cpu_no = w.last > c->cpu_no ? w.last : c->cpu_no;
    for (int64_t no = w.no; no <= w.last; no++) {
        if (no > c->cpu_no - TRACK_POINTS)
            c->cpu[place_of(no)] = (float)s->v[0];
    }
    return true;
}

float course_cpu_at(const struct course *c, int64_t no)
{
    bool is_kept = c->cpu && no >= 0 && no <= c->cpu_no && no > c->cpu_no - TRACK_POINTS;
    return is_kept ? c->cpu[place_of(no)] : NAN;
}

void course_probe(struct course *c, const struct sample *s, bool is_failed)
{
    struct course_slot *at = slot(c, course_slot_of(s->at_ms));
    if (!at || at->probes == UINT16_MAX)
        return;
    at->probes++;
    at->probes_failed = (uint16_t)(at->probes_failed + is_failed);
    if (s->n > PROBE_TOTAL && is_count(s->v[PROBE_TOTAL])) {
        at->probe_ms += (float)s->v[PROBE_TOTAL];
        at->probes_timed++;
    }
}

/* ---- sums ---- */

static int64_t clamp_from(int64_t from, int64_t to)
{
    return from > to - TRACK_POINTS ? from : to - TRACK_POINTS;
}

struct share course_failed(const struct course *c, int64_t from, int64_t to)
{
    struct share sum = { 0 };
    for (int64_t no = clamp_from(from, to); no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        if (!s)
            continue;
        sum.x += (double)s->failed;
        sum.n += (double)s->requests;
        sum.watched_ms += (double)s->requests_ms;
    }
    return sum;
}

struct share course_slow(const struct course *c, int64_t from, int64_t to, size_t bound)
{
    struct share sum = { 0 };
    for (int64_t no = clamp_from(from, to); c->slow && no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        if (!s || !(s->latency_ms > 0))
            continue;
        const float *slow = c->slow + place_of(no) * SAMPLE_VALUES;
        sum.x += (double)slow[bound];
        sum.n += (double)slow[c->n_bounds];
        sum.watched_ms += (double)s->latency_ms;
    }
    return sum;
}

struct share course_probes(const struct course *c, int64_t from, int64_t to)
{
    struct share sum = { 0 };
    for (int64_t no = clamp_from(from, to); no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        if (!s)
            continue;
        sum.x += s->probes_failed;
        sum.n += s->probes;
    }
    return sum;
}

double course_sum(const struct course *c, int64_t from, int64_t to, double slow[SAMPLE_VALUES])
{
    memset(slow, 0, SAMPLE_VALUES * sizeof *slow);
    for (int64_t no = clamp_from(from, to); c->slow && no < to; no++) {
        const struct course_slot *s = course_at(c, no);
        for (size_t i = 0; s && s->latency_ms > 0 && i <= c->n_bounds; i++)
            slow[i] += (double)c->slow[place_of(no) * SAMPLE_VALUES + i];
    }
    return slow[c->n_bounds];
}

size_t course_p95s(const struct course *c, int64_t from, int64_t to, float *out, size_t room)
{
    size_t n = 0;
    for (int64_t no = clamp_from(from, to); no < to && n < room; no++) {
        const struct course_slot *s = course_at(c, no);
        if (s && s->p95 > 0)
            out[n++] = s->p95;
    }
    return n;
}

double course_p95_of(const double *slow, const double *bounds, size_t n_bounds)
{
    double all = n_bounds ? slow[n_bounds] : 0, wanted = all * 0.05, above = all, low = 0;
    if (!(all > 0))
        return NAN;
    for (size_t i = 0; i < n_bounds; i++) {
        if (slow[i] <= wanted)
            return low + (bounds[i] - low) * (above > slow[i] ? (above - wanted) / (above - slow[i]) : 1);
        above = slow[i];
        low = bounds[i];
    }
    return bounds[n_bounds - 1]; /* beyond the last bound: at least that */
}
