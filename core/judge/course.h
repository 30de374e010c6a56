/*
 * core/judge/course.h - the last hour of one workload's measurements, a slot each TRACK_STEP_MS.  Pure.
 *
 * A sample speaks for its span: its counts are spread over the slots that the span touches.
 *
 * Units    latencies ms.  A slot is known by its number: its begin / TRACK_STEP_MS
 * Limits   TRACK_POINTS slots; what is older is gone.  One set of bounds at a time: other bounds begin anew
 * Errors   none: counts that cannot be (negative, no number, more failed than asked) are refused: false
 * Thread   any, one owner      Owns   its slots
 */
#ifndef JUDGE_COURSE_H
#define JUDGE_COURSE_H

#include "core/model/sample.h"
#include "core/model/verdict.h"

struct course_slot {
    int64_t no;
    float requests, failed, requests_ms; /* ms of it that the counts speak for */
    float latency_ms;
    float p95, probe_ms; /* probe_ms: a sum over probes_timed; p95 NAN: not seen */
    uint16_t probes, probes_failed, probes_timed;
};

struct course {
    struct course_slot *slots; /* NULL: nothing yet */
    float *cpu;                /* apart, because every workload has it and few are measured; NAN: not seen */
    int64_t cpu_no;            /* the newest of it */
    float *slow;               /* a slot has SAMPLE_VALUES: requests above bounds[i]; the last is all of them */
    double bounds[SAMPLE_VALUES - 1];
    size_t n_bounds;
};

struct share {
    double x, n;      /* bad ones of all */
    double watched_ms;
};

void course_release(struct course *c);
int64_t course_slot_of(int64_t ms);
bool course_requests(struct course *c, const struct sample *s);
bool course_latency(struct course *c, const struct sample *s);
bool course_p95(struct course *c, const struct sample *s);
bool course_cpu(struct course *c, const struct sample *s);
void course_probe(struct course *c, const struct sample *s, bool is_failed);

/* NULL: nothing was seen then. */
const struct course_slot *course_at(const struct course *c, int64_t no);
float course_cpu_at(const struct course *c, int64_t no); /* millicores; NAN */
/* Over slots [from, to). */
struct share course_failed(const struct course *c, int64_t from, int64_t to);
struct share course_slow(const struct course *c, int64_t from, int64_t to, size_t bound);
struct share course_probes(const struct course *c, int64_t from, int64_t to);
/* Requests above each bound, then all, summed; returns all. */
double course_sum(const struct course *c, int64_t from, int64_t to, double slow[SAMPLE_VALUES]);
size_t course_p95s(const struct course *c, int64_t from, int64_t to, float *out, size_t room);

/* Of requests above each of n bounds, the last of all: linear within a bucket, as histogram_quantile has it;
 * NAN of none. */
double course_p95_of(const double *slow, const double *bounds, size_t n_bounds);

#endif
