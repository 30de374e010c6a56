/*
 * core/judge/judge_internal.h - what the judge's files share: what is known of a workload, and its bake.
 *
 *   judge.c           the fold: samples and ticks
 *   judge_bake.c      one bake: its beginning, its word, the end of its window
 *   judge_marks.c     what stands on the axis of time
 *   judge_verdict.c   the section; judge_tracks.c  the other one
 *   trigger.c         what all triggers have: is the data fresh, how long a state is held
 *   trigger_NAME.c    one trigger: NAME_judge gives its state at a tick, NAME_says puts it into words
 *
 * Thread   the judge's
 */
#ifndef JUDGE_JUDGE_INTERNAL_H
#define JUDGE_JUDGE_INTERNAL_H

#include <uthash.h>

#include "core/judge/baseline.h"
#include "core/judge/course.h"
#include "core/judge/judge.h"

enum {
    JUDGE_RULE = 320,       /* bytes of a rule or of one evidence */
    JUDGE_PROBES = 16,      /* series of probes a workload */
    JUDGE_CHECKS = 2000,
    JUDGE_SERIES = 1 << 18,
    JUDGE_STALE_MS = 30000, /* no trigger is stale sooner */
    JUDGE_CADENCE_MS = 15000,
    JUDGE_CADENCE_MOST_MS = 300000,
    JUDGE_DEAD_MS = 1200000, /* so long after the last sample all is stale: ticks say nothing new */
    JUDGE_GAP_MS = 30000,
    CPU_SOURCE_MS = 120000, /* silent so long, another source is taken */
    JUDGE_FIRED_HOLD_MS = 120000, JUDGE_WATCH_HOLD_MS = 60000,
};

struct limits { /* the thresholds in force, all of them possible ones */
    double v[N_CONF_VALUES];
    unsigned refused; /* 1u << enum conf_value: the default stands in for it */
    unsigned measured; /* 1u << enum trigger_kind: of some workload there ever was a sample */
};

/* ---- a workload ---- */

struct beat { /* when samples for a trigger came */
    int64_t last_ms, span_ms;
    int64_t gaps[4];
    size_t n_gaps;
    const char *source; /* "" = none yet */
};

struct probe { /* one series of probes */
    struct probe *next, *next_pending;
    const struct series *series;
    struct subject *subject;
    int64_t failures;      /* consecutive, and proven */
    int64_t most;          /* of them since the last tick, gone since or not */
    int64_t pending;       /* since the link's last proof */
    int64_t crossed_ms;    /* when this row of failures went over the limit; TIME_NONE */
    int64_t last_ms;
    int32_t code;          /* of its last failure */
    bool is_pending;
    char reason[96];
};

struct rollout_seen {
    int32_t state;
    double v[N_ROLLOUT_VALUES];
    int64_t at_ms;         /* TIME_NONE: never */
    int64_t short_since_ms; /* ready < desired since; TIME_NONE */
    int64_t restart_ms;    /* the number of restarts rose; TIME_NONE */
    int64_t complete_ms, ready_ms; /* this deploy was complete first, and its newest pod was ready then; TIME_NONE */
    char problem[128];
};

struct bake_state;
struct subject {
    UT_hash_handle hh;
    char *id;
    struct course course;
    const char *cpu_source; /* whose CPU the course has; NULL: none yet */
    int64_t cpu_ms;         /* when it came last */
    struct beat beats[N_TRIGGERS];
    struct rollout_seen rollout;
    struct probe *probes;
    size_t n_probes;
    bool has_round_ok, has_round_failed; /* probes since the last round without a link was closed */
    int64_t probed_ms;
    double rows[3];
    struct bake_state *bake; /* NULL: no window */
};

/* ---- a bake ---- */

struct test { /* a share against a threshold, twice on data that do not overlap */
    double x, n, lower, chance;      /* the newer part; chance: Fisher's, 1 without a baseline */
    double earlier_x, earlier_n;     /* the older one */
    double long_x, long_n, long_lower; /* all since it is armed */
    int64_t span_ms, long_ms;
    int64_t long_slot;               /* when that was summed: once a minute, it is much */
    int breaches;                    /* 0..2 */
    bool is_over, is_long_over;      /* lately, perhaps; for long, and surely */
};

struct watched { /* a trigger of a bake, as of the last tick */
    enum trigger_state state, raw;
    bool is_preexisting;
    bool is_calm;              /* raw is WATCH for what was, not for what is: that holds no FIRED */
    int64_t since_ms, calm_ms; /* calm: raw is better than state since; TIME_NONE */
    int64_t covered_ms;
    int64_t n, count, limit;
    double value, baseline, threshold;
    int why;                   /* the trigger's own enum */
    struct test test;
    int64_t tested_ms;         /* the sample that the test was run after; TIME_NONE */
    enum trigger_state tested; /* what came of it */
};

struct bake_state {
    struct subject *subject;
    char *what;
    int64_t deployed_ms, found_ms, window_end_ms, extended_end_ms, revision;
    bool is_by_hand;
    enum bake_phase phase;
    enum verdict_word word, window_word;
    int64_t word_since_ms, first_rollback_ms;
    enum trigger_kind decides;
    bool was_uncovered; /* its window ended so */
    bool is_uncovered; /* the word is NO DATA because `decides` was not watched well enough */
    struct baseline baseline;
    struct latency_limit limit;
    double limit_bounds[SAMPLE_VALUES - 1];
    size_t n_limit_bounds;
    int64_t armed_ms;  /* latency is judged since; TIME_NONE: warming up */
    int p95_streak;
    int64_t p95_slot;  /* the last that was counted */
    float p95_now;     /* median of the last ten minutes */
    double p95_chance;
    bool is_p95_over;
    struct watched triggers[N_TRIGGERS];
};

/* ---- the judge ---- */

struct line { /* what is known of a series */
    struct subject *subject;
    struct probe *probe;
    struct kept_check *check;
    uint64_t alert; /* number of its open mark + 1; 0 = none */
};

struct kept_check {
    const struct series *series;
    int64_t at_ms;
    int32_t outcome;
    double value, limit;
    char text[96];
};

struct kept_mark {
    enum mark_kind kind;
    int64_t at_ms, until_ms;
    const char *subject;
    char *text;
    enum verdict_word word;
    enum trigger_state state;
};

struct judge {
    struct limits limits;
    struct subject *subjects;
    size_t n_subjects, n_unjudged; /* samples of workloads beyond the limit */
    struct line *lines; /* by series id - 1 */
    size_t n_lines;
    struct bake_state *bakes[JUDGE_BAKES];
    size_t n_bakes;
    struct kept_check *checks[JUDGE_CHECKS];
    size_t n_checks;
    struct probe *pending;
    bool has_link;          /* a SAMPLE_LINK ever came */
    int64_t lost_ms;        /* TIME_NONE: not lost */
    bool is_blind;          /* the last round without a link failed everywhere */
    int64_t round_ms;
    uint64_t link_mark;
    struct kept_mark marks[VERDICT_MARKS]; /* number i lies at i % VERDICT_MARKS */
    uint64_t n_marks;
    int64_t last_ms;        /* of the last sample; TIME_NONE */
    int64_t tick_ms;        /* of the last tick; TIME_NONE */
    bool is_touched;        /* a sample has come since */
    uint64_t version;
};

/* trigger.c */
void limits_take(struct limits *l, const double *v, size_t n);
void beat_note(struct beat *b, const struct sample *s);
int64_t beat_stale_ms(const struct beat *b); /* stale after so long */
bool beat_is_fresh(const struct beat *b, int64_t now_ms);
void watched_step(struct watched *w, enum trigger_state raw, int64_t now_ms);
/* The share of bad ones over slots [from, now]; `sum` gives the counts of slots [from, to). */
struct test_of {
    struct share (*sum)(const struct bake_state *b, int64_t from, int64_t to);
    double threshold, watch, least_n; /* surely more than `watch` for long is worth a look */
    double x0, n0, spread; /* before the deploy; n0 0: not known */
};
void test_run(const struct bake_state *b, const struct test_of *of, int64_t from, int64_t now, struct test *out);

/* What a trigger's file gives; `w` keeps what it says. */
enum trigger_state rollout_judge_tick(struct bake_state *b, const struct limits *l, int64_t now_ms);
enum trigger_state health_judge(struct bake_state *b, const struct limits *l, int64_t now_ms);
enum trigger_state latency_judge(struct bake_state *b, const struct limits *l, int64_t now_ms);
enum trigger_state errors_judge(struct bake_state *b, const struct limits *l, int64_t now_ms);
enum trigger_state rows_judge(struct bake_state *b, const struct limits *l, int64_t now_ms);

struct saying { /* the words of one trigger */
    char rule[JUDGE_RULE];
    struct arena *arena; /* NULL: the rule alone */
    struct evidence evidence[VERDICT_EVIDENCE];
    size_t n;
};
void say_rule(struct saying *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void say(struct saying *s, const char *label, const char *fmt, ...) PRINTF_LIKE(3, 4);
void say_test(struct saying *s, const struct test *t, const char *what);
void say_chance(struct saying *s, double chance, double spread);
void say_refused(struct saying *s, const struct limits *l, enum conf_value which, const char *what);
char *span_text(int64_t ms, char out[CLOCK_TEXT]);
char *percent_text(double share, char out[CLOCK_TEXT]);
char *since_text(const struct bake_state *b, int64_t ms, char out[CLOCK_TEXT]); /* "T+2:10" */

void rollout_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);
void health_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);
void latency_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);
double latency_p95(const struct bake_state *b, int64_t now_ms); /* shown; NAN */
void errors_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);
void rows_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s);

/* judge_bake.c */
void bake_open(struct judge *j, struct subject *s, const struct sample *deploy);
void bake_tick(struct judge *j, struct bake_state *b, int64_t now_ms);
void bake_free(struct bake_state *b);
/* Must it say something before the word can be PASS?  A source that measures others, and this workload never, has
 * nothing to say of it: that is named beside the word.  One that has measured nobody yet is waited for. */
bool bake_requires(const struct bake_state *b, const struct limits *l, enum trigger_kind k);
const char *bake_name(const struct bake_state *b); /* "shop/checkout-api" */
double bake_coverage(const struct bake_state *b, enum trigger_kind k, int64_t now_ms);
/* A trigger in words; with an arena all of its evidence. */
void trigger_says(const struct bake_state *b, enum trigger_kind k, const struct limits *l, int64_t now_ms,
                  struct saying *s);
void bake_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, char rule[JUDGE_RULE]);

/* judge_marks.c */
struct kept_mark *marks_add(struct judge *j, enum mark_kind kind, int64_t at_ms, const char *subject, const char *text);
void marks_end(struct judge *j, uint64_t number, int64_t at_ms); /* of an open one: its number + 1 */
void marks_release(struct judge *j);

/* trigger_health.c */
void probe_take(struct judge *j, struct probe *p, const struct sample *sample);
void probes_ticked(struct subject *s);
void probes_prove(struct judge *j, int64_t at_ms); /* what failed counts */
void probes_forget(struct judge *j);               /* it was unseen */
void probes_round(struct judge *j, int64_t now_ms); /* of a tick, where there is no link */

#endif
