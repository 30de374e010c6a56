/*
 * What all triggers share.
 *
 * A share is tested twice, on two parts of the data that follow each other and do not overlap, and both must
 * be over the threshold with Wilson's lower bound and worse than before the deploy by Fisher's exact test.
 * The parts are two minutes, three, five, then half of all there is: the shortest sees a bad release soon, the
 * longest a slightly bad one at all.  A state is left when its evidence has been gone for a while, so that a
 * verdict does not flicker.
 *
 * Rejected: a sequential test (CUSUM).  It is quicker by a minute, but its mean distance between false alarms
 * is counted in requests, and real latencies are not independent of each other: at 200 requests a second it
 * alarms each hour.  Blocks of time and their overdispersion stand this.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/judge/judge_internal.h"
#include "core/judge/proportion.h"

static const double Z = 1.645, CHANCE = 0.001;
static const int64_t MINUTE_SLOTS = 60000 / TRACK_STEP_MS, LONG_SLOTS = 10 * 60000 / TRACK_STEP_MS;

/* ---- thresholds ---- */

static const struct {
    double least, most;
} possible[N_CONF_VALUES] = {
    [CONF_REQUIRED] = { 0, (1u << N_TRIGGERS) - 1 },
    [CONF_FAILURES] = { 1, 1000 },
    [CONF_LATENCY_RATIO] = { 1.05, 100 },
    [CONF_LATENCY_DELTA] = { 0, 600000 },
    [CONF_ERROR_SHARE] = { 0.0001, 0.99 },
    [CONF_SLO] = { 1, 600000 },
    [CONF_LEAST_N] = { 1, 1e6 },
    [CONF_WARMUP] = { 0, 3600000 },
    [CONF_WINDOW] = { 60000, 24 * 3600000.0 },
    [CONF_EXTENDED] = { 60000, 7 * 24 * 3600000.0 },
    [CONF_BASELINE] = { 120000, (double)TRACK_POINTS * TRACK_STEP_MS },
    [CONF_COVERAGE] = { 0, 1 },
};

void limits_take(struct limits *l, const double *v, size_t n)
{
    sample_conf_defaults(l->v);
    l->refused = 0;
    for (size_t i = 0; i < n && i < N_CONF_VALUES; i++) {
        if (v[i] >= possible[i].least && v[i] <= possible[i].most)
            l->v[i] = v[i];
        else
            l->refused |= 1u << i;
    }
    if (l->v[CONF_EXTENDED] < l->v[CONF_WINDOW])
        l->v[CONF_EXTENDED] = l->v[CONF_WINDOW];
}

/* ---- freshness ---- */

void beat_note(struct beat *b, const struct sample *s)
{
    if (b->source[0] && s->at_ms > b->last_ms)
        b->gaps[b->n_gaps++ % ARRAY_LEN(b->gaps)] = s->at_ms - b->last_ms;
    b->last_ms = s->at_ms;
    b->span_ms = s->span_ms;
    b->source = s->series->source;
}

/* The second longest of the last gaps: one outage is no cadence, nor is a burst. */
int64_t beat_stale_ms(const struct beat *b)
{
    int64_t first = 0, second = 0, usual = JUDGE_CADENCE_MS;
    for (size_t i = 0; i < b->n_gaps && i < ARRAY_LEN(b->gaps); i++) {
        int64_t g = b->gaps[i];
        second = g > first ? first : g > second ? g : second;
        first = g > first ? g : first;
    }
    if (b->n_gaps >= ARRAY_LEN(b->gaps))
        usual = second;
    usual = usual > b->span_ms ? usual : b->span_ms;
    usual = usual < JUDGE_CADENCE_MOST_MS ? usual : JUDGE_CADENCE_MOST_MS;
    return 3 * usual > JUDGE_STALE_MS ? 3 * usual : JUDGE_STALE_MS;
}

bool beat_is_fresh(const struct beat *b, int64_t now_ms)
{
    return b->source[0] && now_ms - b->last_ms <= beat_stale_ms(b);
}

/* ---- states ---- */

static int rank(enum trigger_state s)
{
    return s == TRIGGER_FIRED ? 2 : s == TRIGGER_WATCH ? 1 : 0;
}

/* What fired stays so while nothing is seen; a WATCH of which nothing is seen is NO DATA. */
static bool is_held(struct watched *w, enum trigger_state raw, int64_t now_ms)
{
    if (rank(raw) >= rank(w->state))
        return false;
    if (raw == TRIGGER_NO_DATA) {
        w->calm_ms = TIME_NONE;
        return w->state == TRIGGER_FIRED;
    }
    if (w->state == TRIGGER_FIRED && raw == TRIGGER_WATCH && !w->is_calm) {
        w->calm_ms = TIME_NONE;
        return true;
    }
    if (w->calm_ms == TIME_NONE)
        w->calm_ms = now_ms;
    return now_ms - w->calm_ms < (w->state == TRIGGER_FIRED ? JUDGE_FIRED_HOLD_MS : JUDGE_WATCH_HOLD_MS);
}

void watched_step(struct watched *w, enum trigger_state raw, int64_t now_ms)
{
    w->raw = raw;
    if (rank(raw) >= rank(w->state))
        w->calm_ms = TIME_NONE;
    if (is_held(w, raw, now_ms) || raw == w->state)
        return;
    w->state = raw;
    w->since_ms = now_ms;
    w->calm_ms = TIME_NONE;
}

/* ---- a share, twice ---- */

static double lower_of(const struct test_of *of, struct share s)
{
    return wilson_lower(s.x / of->spread, s.n / of->spread, Z);
}

static double chance_of(const struct test_of *of, struct share s)
{
    return fisher_worse(s.x / of->spread, s.n / of->spread, of->x0 / of->spread, of->n0 / of->spread);
}

static bool is_surely_over(const struct test_of *of, struct share s, double threshold)
{
    return s.n >= of->least_n && lower_of(of, s) > threshold && (!(of->n0 > 0) || chance_of(of, s) < CHANCE);
}

static void show(const struct test_of *of, struct share s, int64_t slots, struct test *out)
{
    out->x = s.x;
    out->n = s.n;
    out->lower = lower_of(of, s);
    out->chance = of->n0 > 0 ? chance_of(of, s) : 1;
    out->span_ms = slots * TRACK_STEP_MS;
}

static void test_parts(const struct bake_state *b, const struct test_of *of, int64_t now, int64_t slots,
                       struct test *out)
{
    struct share newer = of->sum(b, now + 1 - slots, now + 1);
    if (!(newer.x > newer.n * of->threshold) || !is_surely_over(of, newer, of->threshold))
        return;
    struct share older = of->sum(b, now + 1 - 2 * slots, now + 1 - slots);
    int breaches = 1 + is_surely_over(of, older, of->threshold);
    if (breaches <= out->breaches)
        return;
    out->breaches = breaches;
    show(of, newer, slots, out);
    out->earlier_x = older.x;
    out->earlier_n = older.n;
}

static void test_long(const struct bake_state *b, const struct test_of *of, int64_t now, int64_t slots,
                      struct test *out)
{
    if ((out->long_n >= of->least_n || slots > LONG_SLOTS) && now - out->long_slot < MINUTE_SLOTS)
        return;
    struct share all = of->sum(b, now + 1 - slots, now + 1);
    out->long_x = all.x;
    out->long_n = all.n;
    out->long_ms = slots * TRACK_STEP_MS;
    out->long_slot = now;
    out->long_lower = lower_of(of, all);
    out->is_long_over = all.x > all.n * of->watch && is_surely_over(of, all, of->watch);
}

void test_run(const struct bake_state *b, const struct test_of *of, int64_t from, int64_t now, struct test *out)
{
    static const int64_t parts[] = { 8, 12, 20 };
    const int64_t most = parts[ARRAY_LEN(parts) - 1];
    int64_t have = now + 1 - from < TRACK_POINTS ? now + 1 - from : TRACK_POINTS;
    if (have <= 0) {
        *out = (struct test){ .chance = 1 };
        return;
    }
    int64_t shown = have < most ? have : most;
    struct share last = of->sum(b, now + 1 - shown, now + 1);
    out->breaches = 0;
    out->earlier_x = out->earlier_n = 0;
    show(of, last, shown, out);
    out->is_over = last.n >= of->least_n && last.x > last.n * of->threshold;
    test_long(b, of, now, have, out);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (2 * parts[i] <= have)
            test_parts(b, of, now, parts[i], out);
    }
    if (have / 2 > most && out->long_x > out->long_n * of->threshold) /* else one half is not over it */
        test_parts(b, of, now, have / 2, out);
}

/* ---- words ---- */

void say_rule(struct saying *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->rule, sizeof s->rule, fmt, ap);
    va_end(ap);
}

void say(struct saying *s, const char *label, const char *fmt, ...)
{
    char text[JUDGE_RULE];
    va_list ap;
    if (!s->arena || s->n == VERDICT_EVIDENCE)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    s->evidence[s->n++] = (struct evidence){ label, arena_strdup(s->arena, text) };
}

void say_refused(struct saying *s, const struct limits *l, enum conf_value which, const char *what)
{
    if (l->refused & 1u << which)
        say(s, "threshold refused", "%s: what was given can not be; the default %g is used", what, l->v[which]);
}

char *percent_text(double share, char out[CLOCK_TEXT])
{
    double v = share * 100;
    snprintf(out, CLOCK_TEXT, v != 0 && v < 0.1 ? "%.2f %%" : v < 10 ? "%.1f %%" : "%.0f %%", v);
    return out;
}

char *span_text(int64_t ms, char out[CLOCK_TEXT])
{
    int64_t s = ms > 0 ? ms / 1000 : 0;
    if (s < 120)
        snprintf(out, CLOCK_TEXT, "%d s", (int)s);
    else if (s < 2 * 3600)
        snprintf(out, CLOCK_TEXT, s % 60 ? "%d min %d s" : "%d min", (int)(s / 60), (int)(s % 60));
    else
        snprintf(out, CLOCK_TEXT, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
    return out;
}

char *since_text(const struct bake_state *b, int64_t ms, char out[CLOCK_TEXT])
{
    int64_t t = (ms - b->deployed_ms) / 1000, a = t < 0 ? -t : t;
    if (a >= 3600)
        snprintf(out, CLOCK_TEXT, "T%c%d:%02d:%02d", t < 0 ? '-' : '+', (int)(a / 3600), (int)(a / 60 % 60),
                 (int)(a % 60));
    else
        snprintf(out, CLOCK_TEXT, "T%c%d:%02d", t < 0 ? '-' : '+', (int)(a / 60), (int)(a % 60));
    return out;
}

void say_chance(struct saying *s, double chance, double spread)
{
    say(s, "by chance", "p = %.2g that it is no worse than before (Fisher, one-sided; below %g it counts)", chance,
        CHANCE);
    if (spread > 1)
        say(s, "scatter", "%.1f times that of coins before the deploy; counts are divided by it", spread);
}

/* "20 of 2627 (0.8 %)": the share is that of the numbers that are said.  A sample that speaks for two slots gives a
 * part of a request to each: few are said with a decimal. */
static char *share_text(double x, double n, char out[64])
{
    char percent[CLOCK_TEXT];
    bool is_whole = x >= 10 || fabs(x - round(x)) < 0.05;
    double said = is_whole ? round(x) : round(x * 10) / 10;
    snprintf(out, 64, "%.*f of %.0f (%s)", is_whole ? 0 : 1, said, n, percent_text(said / n, percent));
    return out;
}

void say_test(struct saying *s, const struct test *t, const char *what)
{
    char share[64], span[CLOCK_TEXT], lower[CLOCK_TEXT];
    if (t->n > 0)
        say(s, what, "%s in the last %s; surely over %s (95 %%, one-sided)", share_text(t->x, t->n, share),
            span_text(t->span_ms, span), percent_text(t->lower, lower));
    if (t->earlier_n > 0)
        say(s, "the time before", "%s in the %s before that", share_text(t->earlier_x, t->earlier_n, share),
            span_text(t->span_ms, span));
    if (t->long_n > 0) /* it is not counted at each tick */
        say(s, "all since", "%s in the first %s, counted each minute; surely over %s", share_text(t->long_x, t->long_n, share),
            span_text(t->long_ms, span), percent_text(t->long_lower, lower));
    say(s, "breaches", "%d of 2, on data that do not overlap", t->breaches);
}
