/*
 * core/sources/metrics.h - the services' own /metrics, scraped and rated by us, without a Prometheus:
 * SAMPLE_REQUESTS, SAMPLE_LATENCY, and SAMPLE_GAUGE "saturation".
 *
 * A counter's increase is taken between two answers of one process.  Which of the pods behind a Service
 * has answered is known by process_start_time_seconds: each process is rated for itself, since its own
 * last answer.  Several pods and no such metric: nothing is put, and the health's text says why.
 *
 * Reset    a counter that fell: the answer is a new beginning.  When it is of a process that was known by
 *          its start, there are two of that start, and neither is rated any more
 * Limits   METRICS_BODY bytes, METRICS_PROCESSES processes of a target, the latest ones; an answer that is
 *          METRICS_OLD_MS older than the next one is forgotten
 * Thread   the loop's      Owns   as core/sources/probe.h
 */
#ifndef SOURCES_METRICS_H
#define SOURCES_METRICS_H

#include "core/sources/probe.h"

enum { METRICS_BODY = 4 * 1024 * 1024, METRICS_PROCESSES = 64, METRICS_OLD_MS = 600000 };

struct metrics;
struct metrics *metrics_new(struct loop *l, const struct probe_spec *spec);
void metrics_free(struct metrics *m); /* NULL is fine */
void metrics_set_targets(struct metrics *m, const struct target_list *t);
void metrics_now(struct metrics *m);
struct source_health metrics_health(const struct metrics *m);

#endif
