/*
 * core/sources/metrics.h - the services' own /metrics, scraped and rated by us: SAMPLE_REQUESTS,
 * SAMPLE_LATENCY and SAMPLE_GAUGE without a Prometheus.
 *
 * A counter's increase is taken between two answers of the same process.  Which of the pods behind a
 * Service has answered is known by process_start_time_seconds: each process is rated for itself, since
 * its own last answer.  Several pods and no such metric: nothing is put, and the
 * health's text says why.
 *
 * Reset    a counter that fell while the process is the same one, or one that came or went: the
 *          answer is a new beginning, nothing is counted
 * Limits   METRICS_BODY bytes, METRICS_SERIES series of interest an answer, METRICS_PROCESSES processes
 *          remembered a target
 * Thread   the loop's      Owns   as core/sources/probe.h
 */
#ifndef SOURCES_METRICS_H
#define SOURCES_METRICS_H

#include "core/sources/probe.h"

enum { METRICS_BODY = 4 * 1024 * 1024, METRICS_PROCESSES = 64 };

struct metrics;
struct metrics *metrics_new(struct loop *l, const struct probe_spec *spec);
void metrics_free(struct metrics *m); /* NULL is fine */
void metrics_set_targets(struct metrics *m, const struct target_list *t);
void metrics_now(struct metrics *m);
struct source_health metrics_health(const struct metrics *m);

#endif
