/*
 * core/sim/story.h - a story file: the services of a platform, how each of their versions behaves,
 * and what happens when.
 *
 * Shape    YAML.  `platform: NAME` reads another file first, whose services the story then changes.
 *          conf/stories/bad-release.yaml shows every key
 * Units    times "T+1:00", "T+1:02:03", "T-0:30"; spans "90s", "2m"; shares "7%" or 0.07
 * Limits   STORY_BYTES a file, STORY_MOST of anything in a list, STORY_CAPTION bytes a caption
 * Errors   ERR_CONFIG "FILE:LINE:COL: what"; an unknown key is one
 * Thread   any       Owns   everything lies in the story's arena
 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/conf/yaml.h"
#include "core/sim/store.h"

enum { STORY_BYTES = 256 * 1024, STORY_MOST = 256, STORY_CAPTION = 400 };

struct row_spec { /* rows of deployment_errors */
    const char *code, *severity, *stage, *message, *stack, *user_impact, *business_impact;
    int64_t after_ms, every_ms;
    int64_t most; /* rows in all; 0 = no end */
};

struct sim_version {
    const char *tag, *cause;
    int64_t p95_ms, ready_ms, pull_ms;
    double errors; /* share of requests that end in 500 */
    int64_t crash_pods, crash_after_ms, crash_exit;
    const char *crash_reason, *last_words;
    int64_t flap_pods, flap_every_ms, flap_ms; /* readiness that comes and goes */
    double flake;                              /* share of health checks that fail for no reason */
    bool is_never_ready, is_never_pulled, is_never_placed, is_misconfigured;
    int64_t pool; /* database connections in use; -1 = by the traffic */
    int64_t late_ms,
        creep_ms; /* errors and rows begin so late, and grow to their full size in this time */
    struct row_spec *rows;
    size_t n_rows;
    int64_t crashes_given, flaps_given; /* the world's: pods that have been told to */
    int64_t first_ms; /* the world's: since when one of its pods is ready; TIME_NONE */
    double *owed;     /* the world's: parts of a row, for each of rows */
    int64_t *written;
};

struct sim_service {
    const char *name;
    enum sim_kind kind; /* SIM_DEPLOYMENT, SIM_STATEFULSET, SIM_DAEMONSET */
    int64_t replicas, port, rps;
    const char *tag;     /* deployed when the story begins */
    const char **before; /* older ones, oldest first */
    size_t n_before;
    const char **needs;
    size_t n_needs;
    bool has_database;
    int64_t hpa_least, hpa_most, hpa_cpu; /* 0 = none */
    int64_t deadline_s;
    struct sim_version usual; /* of a version that the story says nothing about */
    struct sim_version **versions;
    size_t n_versions;
};

enum step_do {
    STEP_DEPLOY,
    STEP_SCALE,
    STEP_CRASH,
    STEP_SLOW,
    STEP_ERRORS,
    STEP_ROWS,
    STEP_DEPENDENCY,
    STEP_CAPTION,
    STEP_LINK
};
struct story_step {
    int64_t at_ms; /* since T+0 */
    enum step_do act;
    struct sim_service *service; /* NULL = all */
    const char *version, *text, *name, *reason;
    double number; /* slow: factor; errors: share; crash: pods; scale: replicas */
    int64_t for_ms, exit_code;
    bool is_up;
    struct row_spec *rows;
    size_t n_rows;
};

struct story_noise { /* traffic as it is in real life: traffic.c */
    bool is_on;
    double sigma;           /* of the logarithm of a latency */
    double autocorrelation; /* of a service's level, from one 15 s to the next */
    double swing;           /* of rate and latency, over a day */
    double flake;           /* share of health checks that fail for no reason */
    int64_t rps_least, rps_most; /* each service's rate lies between, by the seed; most 0: as the story says */
};

struct story {
    struct arena arena;
    struct story_noise noise;
    const char *name, *title, *ns;
    int64_t nodes, length_ms;
    struct sim_service *services;
    size_t n_services;
    struct story_step *steps; /* as they are written */
    size_t n_steps;
};

/* Text of another file by its bare name; NULL when there is none.  Borrowed. */
typedef const char *story_find_fn(void *ctx, const char *name);
MUST_USE enum err_code story_parse(const char *file, const char *text, story_find_fn *find,
                                   void *ctx, struct story *out, struct err *e);
void story_release(struct story *s);
void story_noise_usual(struct story_noise *n); /* switched on, with the usual numbers */
/* Made from `usual` when the story does not know the tag; words in it as tests/it/kubelet has them
 * (crash, oom, pullfail, configfail, unready, unschedulable, slow) say how it behaves. */
struct sim_version *story_version(struct story *s, struct sim_service *service, const char *tag);
struct sim_service *story_service(const struct story *s, const char *name); /* NULL = none */
bool story_time(const char *text, int64_t *out_ms);                         /* "T+1:00" */

extern const char *const story_names[]; /* embedded; NULL ends */
const char *story_embedded(void *ctx, const char *name);

#endif
