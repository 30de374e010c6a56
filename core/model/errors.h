/*
 * core/model/errors.h - rows of the team's table deployment_errors, and what they mean.
 *
 * Made by  core/sources/errfeed (rows), core/judge/triage and core/judge/groups (meaning),
 *          core/gather/errors (the section)
 * Units    _ms: story clock, UTC; TIME_NONE = NULL, unknown or not yet.  A row's own `timestamp` has no
 *          zone: local_ms reads it as if it were UTC, and the section says how far off that is
 * Limits   ERRORS_KEPT rows, the newest by id; ERROR_TEXT bytes of a text, ERROR_STACK of the stack
 *          trace (the whole of it is fetched when somebody opens the row); counts are exact beyond
 * Thread   rows are counted and immutable; the section as every section
 */
#ifndef MODEL_ERRORS_H
#define MODEL_ERRORS_H

#include "core/base/clock.h"
#include "core/model/snap.h"

enum {
    ERRORS_KEPT = 10000, ERROR_GROUPS = 1000, ERROR_TEXT = 2048, ERROR_STACK = 4096,
    ERROR_NAME = 128, ERROR_MINUTES = 60,
};

enum severity {
    SEVERITY_CRITICAL, SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_LOW, SEVERITY_OTHER, N_SEVERITIES
};
enum category {
    CATEGORY_CONFIGURATION, CATEGORY_DEPENDENCY, CATEGORY_RESOURCE, CATEGORY_NETWORK,
    CATEGORY_SECURITY, CATEGORY_PERFORMANCE, CATEGORY_OTHER, N_CATEGORIES
};
/* Against the deploy of the workload that the group belongs to. */
enum novelty { NOVELTY_UNKNOWN, NOVELTY_KNOWN, NOVELTY_MORE, NOVELTY_NEW };
/* The error resolution process, in its order.  A later step done stands for those before it. */
enum error_step {
    STEP_ACKNOWLEDGED, STEP_INVESTIGATED, STEP_PLANNED, STEP_IMPLEMENTED, N_STEPS
};

/* What the table holds.  NULL columns are "" (or TIME_NONE): is_null tells them apart for the record. */
enum error_column {
    COLUMN_ID, COLUMN_TIMESTAMP, COLUMN_SERVICE, COLUMN_ENVIRONMENT, COLUMN_STAGE, COLUMN_CODE,
    COLUMN_SEVERITY, COLUMN_MESSAGE, COLUMN_STACK, COLUMN_USER_IMPACT, COLUMN_BUSINESS_IMPACT,
    COLUMN_NOTES, COLUMN_RESOLVED_AT, COLUMN_RESOLVED_BY, N_COLUMNS
};
extern const char *const error_column_names[N_COLUMNS]; /* "id", "timestamp", "service_name", ... */

struct error_row {
    atomic_int refs;
    struct arena arena;
    int64_t id;
    uint64_t stamp;  /* the source's mark of this version (PostgreSQL: xmin; SQLite: its hash) */
    uint64_t hash;   /* of every column: equal id and hash = the same row in the same state */
    unsigned nulls;  /* 1u << COLUMN_... */
    int64_t local_ms, resolved_local_ms;
    bool is_zoned;   /* the times came with a zone (or were converted by the server): they are UTC */
    int64_t received_ms;
    bool is_fresh;   /* came by the tail, not by a first page: received_ms says when it was new */
    const char *service, *environment, *stage, *code, *severity_text, *message, *stack, *user_impact,
        *business_impact, *notes, *resolved_by;
    int64_t stack_bytes; /* of the whole one */
    bool is_cut;         /* some text is longer than what is kept */
    /* judged once, when the row came */
    enum severity severity;
    enum category category;
    uint64_t fingerprint;
};

struct error_done { /* a step of the process, done */
    int64_t at_ms; /* TIME_NONE = not done */
    const char *by, *note;
    bool is_local; /* stands in this console's own store only */
};

enum error_due { DUE_NOTHING, DUE_RESPONSE, DUE_INVESTIGATION, DUE_PLAN, DUE_IMPLEMENTATION };

struct error_item { /* a row in its section */
    struct error_row *row;
    int64_t at_ms, resolved_ms;
    enum error_due due;    /* what the process wants next; DUE_NOTHING once resolved */
    int64_t due_ms;        /* until when; overdue when that is past */
    const struct error_done *steps; /* N_STEPS of them; NULL = none is done */
    const char *workload;  /* the id of the workload it belongs to, "" = unknown */
    size_t group;          /* index into groups; SIZE_MAX = none (more than ERROR_GROUPS) */
};

struct error_group { /* rows with the same fingerprint */
    uint64_t fingerprint;
    const char *id;        /* the fingerprint in hex: the row's identity on a screen */
    const char *service, *code, *message; /* the message with its numbers, ids and names masked */
    const char *workload;
    enum severity severity; /* the worst */
    enum category category;
    int64_t count, n_open;  /* n_open: of the rows that are held */
    int64_t first_ms, last_ms;
    double per_minute;      /* over the last 5 minutes */
    enum novelty novelty;
    int64_t deployed_ms;    /* what novelty was judged against; TIME_NONE */
    int64_t before, after;  /* counts before and since the deploy, as far as we look back */
};

struct error_open { /* open errors of a workload */
    const char *workload;
    int64_t n[N_SEVERITIES];
};

struct errors {
    struct section section;
    struct error_item *items; /* newest first, by at_ms then id */
    size_t n;
    struct error_group *groups; /* worst first: NEW, severity, last seen */
    size_t n_groups;
    struct error_open *by_workload; /* sorted by workload (strcmp) */
    size_t n_by_workload;
    int64_t minutes_from_ms;  /* begin of minutes[0]; minutes[ERROR_MINUTES - 1] is the one under way */
    uint32_t minutes[ERROR_MINUTES][N_SEVERITIES];
    const int64_t *deploys_ms; /* within those minutes, ascending */
    size_t n_deploys;
    int64_t total;            /* rows seen, those not held any more included */
    int64_t n_open[N_SEVERITIES]; /* of all rows seen */
    int64_t dropped;          /* seen, but no longer held */
    int64_t since_ms;         /* we look back to there; TIME_NONE = to the table's beginning */
    bool is_synced;           /* the first page is there */
    int64_t zone_ms;          /* local_ms - zone_ms = UTC */
    const char *zone_text;    /* "UTC+02:00 (measured from 12 rows)", "UTC (config)", ... */
    int64_t skew_ms;          /* the server's clock less ours; TIME_NONE = not known */
    const char *source;       /* "postgresql ops@db-1:5432/ops", "sqlite /path"; no secrets */
    bool has_steps;           /* the table of steps is there: steps are shared with the team */
    const char *const *notices; /* missing columns, a tail held back, may miss late commits, ... */
    size_t n_notices;
};

struct error_row *error_row_new(void); /* 1 ref; every column NULL: texts "", times TIME_NONE; the rest zero */
/* resolved_at is NULL; one that cannot be read as a time ("infinity") is not NULL. */
static inline bool error_is_open(const struct error_row *r)
{
    return r->resolved_local_ms == TIME_NONE && (r->nulls & 1u << COLUMN_RESOLVED_AT);
}
struct error_row *error_row_ref(struct error_row *r);
void error_row_unref(struct error_row *r); /* NULL is fine */
/* Room for n items, which hold a reference each of their rows, released with the section. */
struct errors *errors_new(size_t n);
const struct error_open *errors_of_workload(const struct errors *es, const char *workload); /* NULL = none */
const struct error_item *errors_find(const struct errors *es, int64_t id);

const char *severity_name(enum severity s);  /* "CRITICAL", ..., "other" */
const char *category_name(enum category c);  /* "configuration", ..., "other" */
const char *novelty_name(enum novelty n);    /* "", "known", "MORE", "NEW" */
const char *error_step_name(enum error_step s); /* "acknowledged", ... */
const char *error_due_name(enum error_due d);   /* "respond", "investigate", "plan", "implement" */
bool severity_parse(const char *s, enum severity *out); /* the four names, case-folded; false: none */

#endif
