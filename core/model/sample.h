/*
 * core/model/sample.h - one thing that was measured or seen, as it is judged, stored and replayed.
 *
 * The judge is a fold over samples in the order in which they came: the same samples give the same
 * verdict, in the console, headless, after a restart and in a replay.  All that a verdict depends on is
 * therefore a sample: measurements, deploys, the state of our own link, the thresholds in force.
 *
 * Made by  core/gather/bake (live), core/store/history (what was before)
 * Units    _ms: story clock, UTC.  Values as said below; a value that is not known is NAN
 * Limits   SAMPLE_VALUES values, SAMPLE_TEXT bytes of text, cleaned by nobody yet; series have the caps
 *          of their struct
 * Thread   any; a series is immutable and outlives the samples that name it
 */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_VALUES = 32, SAMPLE_TEXT = 256, SERIES_NAME = 128, SERIES_SUBJECT = 320 };

enum sample_kind { /* subject: a workload's id unless said otherwise; the numbers are kept in files */
    SAMPLE_CONF = 1,     /* subject ""; v: enum conf_value; name "thresholds" */
    SAMPLE_LINK = 2,     /* subject ""; v[0] 1 = the API server has answered just now, 0 = the link is lost */
    SAMPLE_DEPLOY = 3,   /* text: what is deployed ("2.15.0"); v: DEPLOY_...; a window begins at v[DEPLOY_AT] */
    SAMPLE_ROLLOUT = 4,  /* code: enum rollout_state; v: ROLLOUT_...; text: its problem in words, "" = none */
    SAMPLE_PROBE = 5,    /* name: "orders:8080/healthz"; code: enum probe_outcome; v: PROBE_...; text: the reason */
    SAMPLE_CHECK = 6,    /* name: "database:pool": what a health body says; code: enum check_outcome; v[0] value, v[1] limit */
    SAMPLE_REQUESTS = 7, /* within span_ms: v[0] requests, v[1] of these failed */
    SAMPLE_LATENCY = 8,  /* within span_ms: v[i] requests that took at most bounds[i] ms (and more than
                            bounds[i-1]); v[n_bounds]: longer than all of them */
    SAMPLE_P95 = 9,      /* v[0] ms: of a source that has no counts */
    SAMPLE_GAUGE = 10,   /* name: "cpu" (millicores), "memory" (bytes), "saturation" (ratio); v[0] */
    SAMPLE_ROWS = 11,    /* rows of deployment_errors since the deploy: v[0] open CRITICAL, v[1] open HIGH, v[2] all */
    SAMPLE_ALERT = 12,   /* name: of the alert; subject "" = of no workload; code 1 = fires, 0 = no more; text: summary */
    SAMPLE_MARK = 13,    /* the operator's or a release's mark; subject may be ""; text */
    SAMPLE_GONE = 14,    /* the workload is no more: nobody waits for it */
    N_SAMPLE_KINDS
};

enum deploy_value { DEPLOY_AT, /* ms: the template is in force since */
                    DEPLOY_REVISION, DEPLOY_BY_HAND /* 1: :mark or --since, not seen as a change */, N_DEPLOY_VALUES };
enum rollout_value { ROLLOUT_READY, ROLLOUT_DESIRED, ROLLOUT_UPDATED,
                     ROLLOUT_CRASHED /* pods of the new template that crashed or can not start */,
                     ROLLOUT_CRASHED_AT /* ms: the first of them was seen; NAN = none */,
                     ROLLOUT_READY_AT /* ms: the newest pod that is ready is so since; NAN */,
                     ROLLOUT_RESTARTS /* since the deploy */, N_ROLLOUT_VALUES };
enum probe_value { PROBE_TOTAL, PROBE_CONNECT, PROBE_TLS, PROBE_FIRST_BYTE /* ms */, PROBE_STATUS /* of HTTP */, N_PROBE_VALUES };
enum probe_outcome { PROBE_OK, PROBE_DNS, PROBE_REFUSED, PROBE_TLS_FAILED, PROBE_TIMEOUT, PROBE_BAD_STATUS, PROBE_BAD_BODY,
                     PROBE_NO_ENDPOINT /* the API server's proxy says that no pod is ready */, PROBE_FAILED /* otherwise */,
                     PROBE_UNSEEN /* we could not ask (our link, our rights): says nothing of the service */, N_PROBE_OUTCOMES };
enum check_outcome { CHECK_PASS, CHECK_WARN, CHECK_FAIL };

/* v of SAMPLE_CONF: what is judged and how.  sample_conf_defaults gives the process's values. */
enum conf_value {
    CONF_REQUIRED,      /* sum of 1u << enum trigger_kind (model/verdict.h) */
    CONF_FAILURES,      /* more than so many consecutive failed probes fire: 3 */
    CONF_LATENCY_RATIO, /* p95 against the baseline: 1.5 */
    CONF_LATENCY_DELTA, /* and at least so many ms more: 20 */
    CONF_ERROR_SHARE,   /* 0.05 */
    CONF_SLO,           /* p95 in ms: 200 */
    CONF_LEAST_N,       /* requests below which nothing is said: 20 */
    CONF_WARMUP,        /* ms after the last new pod is ready: 90,000 */
    CONF_WINDOW, CONF_EXTENDED, CONF_BASELINE, /* ms: 30 min, 24 h, 30 min before the deploy */
    CONF_COVERAGE,      /* least share of the window that must have been watched: 0.9 */
    N_CONF_VALUES
};

struct series { /* what is measured: interned, one pointer a series */
    uint32_t id; /* from 1, in the order in which they came */
    enum sample_kind kind;
    const char *subject, *name;
    const char *source; /* "probe", "prometheus", "metrics", "kubernetes", "errors", "alertmanager", "operator", "config" */
    double bounds[SAMPLE_VALUES - 1]; /* SAMPLE_LATENCY: ms, rising */
    size_t n_bounds;
};

struct sample {
    const struct series *series;
    int64_t at_ms;   /* when it came to us: never less than that of the one before it */
    int64_t span_ms; /* it speaks for so long before at_ms; 0 = for that instant */
    int32_t code;
    double v[SAMPLE_VALUES];
    size_t n;
    const char *text; /* borrowed, never NULL */
};

/* All series of one recording.  Pointers stay valid until series_set_free. */
struct series_set;
struct series_set *series_set_new(void);
void series_set_free(struct series_set *ss); /* NULL is fine */
/* The one that is equal in all but the id, made when there is none; strings are cut to their caps. */
const struct series *series_intern(struct series_set *ss, const struct series *like);
const struct series *series_by_id(const struct series_set *ss, uint32_t id); /* NULL = none */
size_t series_count(const struct series_set *ss); /* ids are 1..n */

/* Where a source puts what it measured.  The sink stamps at_ms; `s` and what it points to are the
 * source's again after the call.  Thread: the loop's. */
struct sample_sink {
    struct series_set *series; /* for series_intern */
    void (*put)(void *ctx, struct sample *s);
    void *ctx;
};

void sample_conf_defaults(double v[N_CONF_VALUES]);
const char *probe_outcome_name(enum probe_outcome o); /* "ok", "DNS", "refused", "TLS", "timeout", "status", "body", ... */
const char *check_outcome_name(enum check_outcome o); /* "pass", "warn", "fail" */

#endif
