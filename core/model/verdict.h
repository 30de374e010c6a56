/*
 * core/model/verdict.h - the verdict and all that stands behind it, and the courses of the measurements.
 *
 * A *bake* is one workload's window after a deploy: the immediate one, then the extended one.  Each has
 * its triggers; its word is ROLL BACK if one fired, else NO DATA if a required one has none, else WATCH
 * if one says so, else PASS.  The platform's word is the worst of its bakes' (ROLL BACK, NO DATA, WATCH, PASS).
 *
 * Made by  core/judge/judge
 * Units    _ms: story clock, UTC; TIME_NONE = not there.  Shares and coverage 0..1, latencies ms, NAN = not known
 * Limits   VERDICT_MARKS marks, the newest; VERDICT_EVIDENCE lines a trigger
 * Thread   immutable once published
 */
#ifndef MODEL_VERDICT_H
#define MODEL_VERDICT_H

#include "core/base/clock.h"
#include "core/model/snap.h"

enum { VERDICT_MARKS = 500, VERDICT_EVIDENCE = 24, TRACK_STEP_MS = 15000, TRACK_POINTS = 240 };

enum trigger_kind {
    TRIGGER_ROLLOUT, /* the rollout's own state: deadline, crashed pods */
    TRIGGER_HEALTH,  /* consecutive failed probes */
    TRIGGER_LATENCY, /* p95 against the baseline */
    TRIGGER_ERRORS,  /* share of failed requests */
    TRIGGER_ROWS,    /* rows of deployment_errors: at most WATCH, somebody's report is no measurement */
    N_TRIGGERS
};
enum trigger_state { TRIGGER_NO_DATA, TRIGGER_OK, TRIGGER_WATCH, TRIGGER_FIRED };
enum verdict_word { VERDICT_NONE /* no window is open */, VERDICT_PASS, VERDICT_WATCH, VERDICT_NO_DATA, VERDICT_ROLLBACK };
enum bake_phase { BAKE_IMMEDIATE, BAKE_EXTENDED, BAKE_OVER };

struct evidence { /* one line: "failed | 31 of 500 (6.2 %) in 2 min" */
    const char *label, *text;
};

struct trigger {
    enum trigger_kind kind;
    enum trigger_state state;
    bool is_required;
    bool is_preexisting;  /* it is bad, and was before the deploy: WATCH at most */
    const char *rule;     /* the deciding rule in words: "errors 6.2 % > 5 % (31 of 500 in 2 min), 2 of 2" */
    const char *source;   /* of its newest sample, "" = none yet */
    int64_t since_ms;     /* in this state since */
    int64_t sampled_ms;   /* newest sample */
    int64_t n;            /* samples that it was judged from: requests, probes */
    int64_t count, limit; /* its counter, and where it fires: "2 of 4 probes" */
    double value, baseline, threshold;
    double coverage;      /* of the window so far */
    const struct evidence *evidence;
    size_t n_evidence;
};

struct bake {
    const char *subject;  /* the workload's id */
    const char *name;     /* "shop/checkout-api" */
    const char *what;     /* "2.15.0": what was deployed; "" = a mark by hand */
    int64_t revision;     /* 0 = unknown */
    int64_t deployed_ms, window_end_ms, extended_end_ms;
    bool is_by_hand;
    enum bake_phase phase;
    enum verdict_word word;
    enum verdict_word window_word; /* what the immediate window ended with; VERDICT_NONE while it is open */
    int64_t word_since_ms;
    int64_t first_rollback_ms;     /* TIME_NONE: never */
    enum trigger_kind decides;     /* of its triggers, which is the reason of the word */
    const char *rule;
    struct trigger triggers[N_TRIGGERS];
    int64_t baseline_from_ms, baseline_to_ms, baseline_n; /* of requests; 0: there is none */
    double baseline_p95_ms, baseline_error_share;
    const char *baseline_source;
};

enum mark_kind { MARK_DEPLOY, MARK_VERDICT, MARK_TRIGGER, MARK_OPERATOR, MARK_ALERT, MARK_LINK, MARK_GAP, MARK_WINDOW_END };
struct mark { /* on the one axis of time */
    enum mark_kind kind;
    int64_t at_ms, until_ms; /* until: MARK_GAP, MARK_LINK, MARK_ALERT; TIME_NONE = still */
    const char *subject;     /* "" = of the platform */
    const char *text;
    enum verdict_word word;       /* MARK_VERDICT: to this */
    enum trigger_state state;     /* MARK_TRIGGER: to this */
};

struct check { /* a row of what a health body says */
    const char *subject, *name, *text;
    int outcome; /* enum check_outcome, model/sample.h */
    double value, limit;
    int64_t at_ms;
};

struct verdict {
    struct section section;
    enum verdict_word word;
    bool is_so_far;        /* its window is open: "PASS so far" */
    const char *rule;      /* the deciding rule in words, with its workload */
    const char *lacks;     /* "on 1 of 5: no probes, no p95": triggers without a source; "" = all have one */
    int64_t judged_ms;     /* the last tick */
    int64_t observer_lost_ms; /* our own link is lost since: counters stand; TIME_NONE = it is not */
    struct bake *bakes;    /* worst first, then the newest deploy */
    size_t n_bakes;
    const struct mark *marks; /* oldest first */
    size_t n_marks;
    const struct check *checks;
    size_t n_checks;
};

/* The course of one workload: a point each TRACK_STEP_MS, the last TRACK_POINTS of them.  NAN is a gap. */
struct track {
    const char *subject;
    const float *p95_ms, *error_share, *requests_per_s, *cpu_millis, *probe_ms; /* n each, oldest first */
    double band_low_ms, band_high_ms; /* p95's usual range before the deploy; NAN */
    double limit_ms;                  /* where latency fires; NAN */
    int64_t deployed_ms;              /* TIME_NONE */
};
struct tracks {
    struct section section;
    int64_t from_ms, step_ms; /* of the first point's begin */
    size_t n_points;
    double error_limit;       /* the share of failed requests that is too much */
    struct track *items; /* by subject (strcmp) */
    size_t n;
};

const char *trigger_name(enum trigger_kind t);         /* "rollout", "health", "latency", "errors", "rows" */
const char *trigger_state_name(enum trigger_state s);  /* "NO DATA", "OK", "WATCH", "FIRED" */
const char *verdict_name(enum verdict_word w);         /* "NO BAKE", "PASS", "WATCH", "NO DATA", "ROLL BACK" */
const char *mark_kind_name(enum mark_kind k);           /* "deploy", "verdict", ... */
const struct bake *verdict_bake(const struct verdict *v, const char *subject); /* NULL = none */
const struct track *tracks_find(const struct tracks *t, const char *subject);  /* NULL = none */

#endif
