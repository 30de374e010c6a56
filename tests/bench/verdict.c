/*
 * tests/bench/verdict.c - how often the judge is wrong, beside plain thresholds on the same samples.
 *
 *   verdict [ROUNDS] [FIRST SEED]     default 20, 1
 *   verdict fold                      how long a day of 200 services takes to fold, and how much it keeps
 *
 * Each seed plays good-release, flaky-probe (1 to 200 requests a second a service), bad-release and slow-release
 * (20), all with the simulator's noise.  Fails (exit 1) when a bound is missed: at most 1 ROLL BACK in 1,000
 * good ones; bad-release within two minutes of its first crashed pod; slow-release ROLL BACK within 15 minutes, or
 * WATCH then and no better at the end (a few fire later), in 199 of 200.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/bench/play.h"

enum { GOOD, FLAKY, BAD, SLOW, N_KINDS, QUARTER_MS = 15 * 60000 };
static const struct {
    const char *story;
    int64_t rps_least, rps_most;
} kinds[N_KINDS] = { { "good-release", 1, 200 }, { "flaky-probe", 1, 200 }, { "bad-release", 20, 20 },
                     { "slow-release", 20, 20 } };

struct sum {
    int n, wrong, words[5];
    int rollbacks, soon /* within 15 min */, late_alone /* later, and so at the end */, naive_errors, naive_latency, naive_probes, naive_any;
    double first_s, last_s, total_s; /* of the ROLL BACKs, after the deploy */
};

static bool is_wrong(int kind, const struct played *p)
{
    if (kind == BAD)
        return p->rollback_ms == TIME_NONE || p->crash_ms == TIME_NONE || p->rollback_ms - p->crash_ms > 120000;
    if (kind == SLOW)
        return (p->rollback_ms == TIME_NONE || p->rollback_ms > QUARTER_MS) &&
               (p->quarter != VERDICT_WATCH || (p->word != VERDICT_WATCH && p->word != VERDICT_ROLLBACK));
    return p->rollback_ms != TIME_NONE;
}

static void add(struct sum *s, int kind, uint64_t seed, const struct played *p)
{
    s->n++;
    s->words[p->word]++;
    s->naive_errors += p->naive.errors;
    s->naive_latency += p->naive.latency;
    s->naive_probes += p->naive.probes;
    s->naive_any += p->naive.errors || p->naive.latency || p->naive.probes;
    if (p->rollback_ms != TIME_NONE) {
        double at = (double)p->rollback_ms / 1000;
        s->first_s = !s->rollbacks || at < s->first_s ? at : s->first_s;
        s->last_s = at > s->last_s ? at : s->last_s;
        s->total_s += at;
        s->rollbacks++;
        s->soon += p->rollback_ms <= QUARTER_MS;
        s->late_alone += p->rollback_ms > QUARTER_MS && p->word != VERDICT_WATCH;
    }
    if (!is_wrong(kind, p))
        return;
    s->wrong++;
    printf("  %s seed %llu: %s, %s: %s\n", kinds[kind].story, (unsigned long long)seed, verdict_name(p->word),
           trigger_name(p->decides), p->rule);
}

static void print(const struct sum *s, int kind)
{
    double n = s->n;
    printf("%-13s %6d seeds: ROLL BACK %6.2f %%", kinds[kind].story, s->n, 100 * s->rollbacks / n);
    if (s->rollbacks)
        printf(" (%d within 15 min, %d later and still at the end; after %.1f to %.1f, mean %.1f)", s->soon, s->late_alone,
               s->first_s / 60, s->last_s / 60, s->total_s / s->rollbacks / 60);
    printf("; at the end PASS %d, WATCH %d, NO DATA %d, ROLL BACK %d\n", s->words[VERDICT_PASS], s->words[VERDICT_WATCH],
           s->words[VERDICT_NO_DATA], s->words[VERDICT_ROLLBACK]);
    printf("%-13s naive rules: errors > 5 %% in a minute %.1f %%, p95 > 1.5x in a minute %.1f %%, 3 failed probes %.1f %%,"
           " any %.1f %%\n", "", 100 * s->naive_errors / n, 100 * s->naive_latency / n, 100 * s->naive_probes / n, 100 * s->naive_any / n);
}

/* ---- a day ---- */

enum { SERVICES = 200, DAY_S = 86400, DAY_STEP_S = 5 };

struct day {
    struct judge *j;
    const struct series *probe[SERVICES], *requests[SERVICES], *latency[SERVICES], *rollout[SERVICES], *link;
    int64_t n;
};

static void put_one(struct day *d, const struct series *of, int64_t at_ms, int64_t span_ms, size_t n, double each,
                    double last)
{
    struct sample s = { .series = of, .at_ms = at_ms, .span_ms = span_ms, .n = n, .text = "",
                        .code = of->kind == SAMPLE_ROLLOUT /* complete */ };
    for (size_t i = 0; i < n; i++)
        s.v[i] = i + 1 < n ? each : last;
    judge_put(d->j, &s);
    d->n++;
}

static void fold_day(struct day *d, int64_t start_ms)
{
    for (int64_t t = 0; t < DAY_S; t += DAY_STEP_S) {
        int64_t at = start_ms + t * 1000;
        for (size_t i = 0; i < SERVICES; i++) {
            put_one(d, d->probe[i], at, 0, 1, 0, 12);
            if (t % 15)
                continue;
            put_one(d, d->requests[i], at, 15000, 2, 300, 1);
            put_one(d, d->latency[i], at, 15000, 16, 20, 2);
            put_one(d, d->rollout[i], at, 0, 3, 4, 4);
        }
        put_one(d, d->link, at, 0, 1, 0, 1);
    }
}

static int fold(void)
{
    const int64_t start_ms = INT64_C(1767607200000);
    struct day d = { .j = judge_new() };
    struct series_set *set = series_set_new();
    char id[64];
    for (size_t i = 0; i < SERVICES; i++) {
        snprintf(id, sizeof id, "deployment.apps/shop/s%03d", (int)i);
        struct series like = { .kind = SAMPLE_PROBE, .subject = id, .name = id, .source = "probe" };
        d.probe[i] = series_intern(set, &like);
        like = (struct series){ .kind = SAMPLE_REQUESTS, .subject = id, .name = "", .source = "metrics" };
        d.requests[i] = series_intern(set, &like);
        like.kind = SAMPLE_ROLLOUT;
        d.rollout[i] = series_intern(set, &like);
        like.kind = SAMPLE_DEPLOY;
        put_one(&d, series_intern(set, &like), start_ms, 0, 1, 0, (double)start_ms);
        like.kind = SAMPLE_LATENCY;
        like.n_bounds = 15;
        for (size_t b = 0; b < like.n_bounds; b++)
            like.bounds[b] = (double)(b + 1) * 20;
        d.latency[i] = series_intern(set, &like);
    }
    struct series link = { .kind = SAMPLE_LINK, .subject = "", .name = "", .source = "kubernetes" };
    d.link = series_intern(set, &link);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    fold_day(&d, start_ms);
    clock_gettime(CLOCK_MONOTONIC, &b);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("fold: a day of %d bakes, %.1f million samples: %.2f s (%.2f s for 3.5 million); %.0f MiB in all\n", SERVICES,
           (double)d.n / 1e6, s, s * 3.5e6 / (double)d.n, (double)use.ru_maxrss / 1024);
    judge_free(d.j);
    series_set_free(set);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "fold"))
        return fold();
    int rounds = argc > 1 ? atoi(argv[1]) : 20, failed = 0;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    rounds = rounds > 1 ? rounds : 20;
    for (int kind = 0; kind < N_KINDS; kind++) {
        struct sum s = { 0 };
        for (int i = 0; i < rounds; i++) {
            struct play_options o = { .story = kinds[kind].story, .seed = first + (uint64_t)i, .has_noise = true,
                                      .rps_least = kinds[kind].rps_least, .rps_most = kinds[kind].rps_most };
            struct played p;
            if (!play(&o, &p))
                return 2;
            add(&s, kind, o.seed, &p);
        }
        print(&s, kind);
        fflush(stdout);
        int allowed = kind == BAD ? 0 : kind == SLOW ? s.n / 200 : 1 + s.n / 1001;
        failed += s.wrong > allowed;
    }
    printf("%d passed, %d failed, 0 skipped\n", N_KINDS - failed, failed);
    return failed > 0;
}
