/*
 * A day of history: 200 services with probes every 5 s and metrics every 15 s, in windows all day, as one console
 * would write it; then how large it is, how long a start reads it back, and how long one step of scrubbing takes.
 *
 *   history FOLDER [SERVICES] [HOURS] [PLACE]
 *
 * With a place it is the day until now, in the names of bakewatch-sim's many workloads: for a console to go on with.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/store/history.h"
#include "core/store/history_write.h"
#include "tests/unit/made.h"

enum { PODS = 5, STEP_MS = 2000 };
static int64_t begin_ms = 1764064800000;

struct world {
    struct series_set *set;
    const struct series *series[5][2000];
    int n;
};

static void learn(struct world *w, struct history_flush *x)
{
    static const enum sample_kind kinds[5] = { SAMPLE_PROBE, SAMPLE_REQUESTS, SAMPLE_LATENCY, SAMPLE_GAUGE,
                                               SAMPLE_GAUGE };
    static const char *const names[5] = { "/healthz", "", "", "cpu", "memory" };
    x->series = x_calloc((size_t)w->n * 5, sizeof *x->series);
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < w->n; i++) {
            char subject[64];
            snprintf(subject, sizeof subject, "deployment.apps/load/service-%05d", i);
            struct series like = {
                .kind = kinds[k], .subject = subject, .name = names[k], .source = k ? "prometheus" : "probe"
            };
            for (; k == 2 && like.n_bounds < 12; like.n_bounds++)
                like.bounds[like.n_bounds] = 5 * pow(2, (double)like.n_bounds);
            w->series[k][i] = series_intern(w->set, &like);
            x->series[x->n_series] = *w->series[k][i];
            x->series[x->n_series].subject = arena_strdup(&x->arena, subject);
            x->n_series++;
        }
    }
}

static void put(struct history_flush *x, const struct series *s, int64_t at_ms, int64_t span_ms, const double *v,
                size_t n)
{
    struct sample sample = { .series = s, .at_ms = at_ms, .span_ms = span_ms, .n = n, .text = "" };
    memcpy(sample.v, v, n * sizeof *v);
    if (!sample_batch_put(&x->samples, &sample))
        abort();
}

static void measure(struct world *w, struct history_flush *x, int64_t from_ms)
{
    for (int64_t at = from_ms; at < from_ms + STEP_MS; at++) {
        for (int i = (int)(at % 5000) * w->n / 5000; i < (int)(at % 5000 + 1) * w->n / 5000; i++) {
            double total = made_ms(12);
            put(x, w->series[0][i], at, 0, (double[]){ total, made_ms(0.4), NAN, floor(total * 900) / 1000, 200 },
                5);
        }
        if (at % 15000)
            continue;
        for (int i = 0; i < w->n; i++) {
            double counts[13];
            for (int b = 0; b < 13; b++)
                counts[b] = floor(made_random() * 60 * exp(-(b - 5) * (b - 5) / 4.0));
            put(x, w->series[1][i], at, 15000,
                (double[]){ 300 + floor(made_random() * 90), floor(made_random() * 4) }, 2);
            put(x, w->series[2][i], at, 15000, counts, 13);
            put(x, w->series[3][i], at, 0, (double[]){ floor(made_random() * 900) }, 1);
            put(x, w->series[4][i], at, 0, (double[]){ floor(2e8 + made_random() * 1e7) }, 1);
        }
    }
}

static void write_day(const char *folder, const char *place, int n, int64_t end_ms)
{
    struct world w = { .set = series_set_new(), .n = n };
    struct history_file *f = history_file_new(folder, place, HISTORY_KEEP_MS, (int64_t)1 << 40);
    struct history_flush x = { .samples.out = BUF_INIT(HISTORY_WAITING) };
    struct workloads *ws = NULL;
    learn(&w, &x);
    for (int64_t at = begin_ms; at < end_ms; at += STEP_MS) {
        measure(&w, &x, at);
        x.from_ms = at;
        x.to_ms = at + STEP_MS;
        if (at % 5000 < STEP_MS) {
            struct snap *s = made_snap(1, PODS, -1, at, begin_ms);
            if (!ws || at % 15000 < STEP_MS) {
                if (ws)
                    section_unref(&ws->section);
                ws = made_workloads(n, PODS, at / 600000 % 7 ? -1 : 3, begin_ms);
            }
            snap_set(s, SECTION_WORKLOADS, section_ref(&ws->section));
            snap_set(s, SECTION_VERDICT, made_verdict(n, at, begin_ms));
            snap_set(s, SECTION_TRACKS, made_tracks(n, at, begin_ms));
            x.snaps[0].snap = s;
            x.snaps[0].at_ms = at;
            x.n_snaps = 1;
        }
        history_file_write(f, &x);
        if (x.e.code) {
            fprintf(stderr, "%s\n", x.e.text);
            exit(1);
        }
        sample_batch_clear(&x.samples);
        for (; x.n_snaps; x.n_snaps--)
            snap_unref(x.snaps[0].snap);
    }
    section_unref(&ws->section);
    history_file_free(f);
    buf_release(&x.samples.out);
    arena_release(&x.arena);
    free(x.series);
    series_set_free(w.set);
}

static bool count(void *ctx, const struct sample *s)
{
    *(int64_t *)ctx += s->at_ms > 0;
    return true;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int order(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? -1 : 1;
}

static int find_file(const char *folder, char *path, size_t room)
{
    char command[1200];
    snprintf(command, sizeof command, "ls %s/history/*.db", folder);
    FILE *p = popen(command, "r");
    int n = p && fgets(path, (int)room, p) ? (int)strcspn(path, "\n") : 0;
    path[n] = '\0';
    return p ? pclose(p) : 1;
}

int main(int argc, char **argv)
{
    enum { MOST = 3000 };
    static int us[MOST];
    int n = argc > 2 ? atoi(argv[2]) : 200, hours = argc > 3 ? atoi(argv[3]) : 24, minutes = 0;
    int64_t end_ms = begin_ms + hours * 3600000LL, samples = 0, begun, size[8] = { 0 };
    char path[1300];
    struct recording *r;
    struct stat st;
    struct err e = { 0 };
    if (argc < 2 || n < 1 || n > 2000)
        return 2;
    if (argc > 4) {
        end_ms = clock_story_ms() / 60000 * 60000;
        begin_ms = end_ms - hours * 3600000LL;
    }
    begun = now_us();
    write_day(argv[1], argc > 4 ? argv[4] : "bench", n, end_ms);
    printf("written in %.1f s\n", (double)(now_us() - begun) / 1e6);
    if (find_file(argv[1], path, sizeof path) || stat(path, &st) || recording_open(path, &r, &e)) {
        fprintf(stderr, "%s: %s\n", path, e.text);
        return 1;
    }
    sqlite3 *db;
    static const char *const sums[] = { "SELECT sum(length(data)) FROM batch",
                                        "SELECT sum(length(data)) FROM frame WHERE is_key",
                                        "SELECT sum(length(data)) FROM frame WHERE NOT is_key",
                                        "SELECT sum(length(data)) FROM track" };
    if (sqlite3_open(path, &db))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        (void)!db_int(db, sums[i], &size[i], &e);
    sqlite3_close(db);
    printf("%d services, %d h: %.1f MB (samples %.1f, key frames %.1f, frames %.1f, courses %.1f)\n", n, hours,
           (double)st.st_size / 1e6, (double)size[0] / 1e6, (double)size[1] / 1e6, (double)size[2] / 1e6,
           (double)size[3] / 1e6);
    struct series_set *set = series_set_new();
    begun = now_us();
    if (recording_each(r, 0, INT64_MAX, set, count, &samples, &e))
        printf("%s\n", e.text);
    printf("%lld samples read in %.2f s\n", (long long)samples, (double)(now_us() - begun) / 1e6);
    for (int64_t at = begin_ms + 60000; at < end_ms && minutes < MOST; at += 60000) {
        struct snap *s = NULL;
        int64_t t = begin_ms + (at - begin_ms) * 7919 % (end_ms - begin_ms);
        begun = now_us();
        if (recording_past(r, t, &s, &e))
            printf("%lld: %s\n", (long long)(t - begin_ms), e.text);
        us[minutes++] = (int)(now_us() - begun);
        snap_unref(s);
    }
    qsort(us, (size_t)minutes, sizeof *us, order);
    printf("one step: median %.1f ms, worst %.1f ms of %d\n", us[minutes / 2] / 1e3, us[minutes - 1] / 1e3,
           minutes);
    recording_close(r);
    series_set_free(set);
    return 0;
}
