#include "core/model/errors.h"

#include <string.h>

#include "core/base/text.h"

const char *const error_column_names[N_COLUMNS] = {
    [COLUMN_ID] = "id",
    [COLUMN_TIMESTAMP] = "timestamp",
    [COLUMN_SERVICE] = "service_name",
    [COLUMN_ENVIRONMENT] = "environment",
    [COLUMN_STAGE] = "deployment_stage",
    [COLUMN_CODE] = "error_code",
    [COLUMN_SEVERITY] = "severity",
    [COLUMN_MESSAGE] = "error_message",
    [COLUMN_STACK] = "stack_trace",
    [COLUMN_USER_IMPACT] = "user_impact",
    [COLUMN_BUSINESS_IMPACT] = "business_impact",
    [COLUMN_NOTES] = "resolution_notes",
    [COLUMN_RESOLVED_AT] = "resolved_at",
    [COLUMN_RESOLVED_BY] = "resolved_by",
};

struct error_row *error_row_new(void)
{
    struct error_row *r = x_calloc(1, sizeof *r);
    atomic_init(&r->refs, 1);
    r->service = r->environment = r->stage = r->code = r->severity_text = r->message = r->stack = "";
    r->user_impact = r->business_impact = r->notes = r->resolved_by = "";
    r->local_ms = r->resolved_local_ms = r->received_ms = TIME_NONE;
    r->severity = SEVERITY_OTHER;
    r->category = CATEGORY_OTHER;
    r->nulls = (1u << N_COLUMNS) - 1;
    return r;
}

struct error_row *error_row_ref(struct error_row *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void error_row_unref(struct error_row *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_release(&r->arena);
    free(r);
}

static void errors_drop(struct section *s)
{
    struct errors *es = (struct errors *)s;
    for (size_t i = 0; i < es->n; i++)
        error_row_unref(es->items[i].row);
}

struct errors *errors_new(size_t n)
{
    struct errors *es = section_new(sizeof *es, errors_drop);
    es->items = arena_alloc(&es->section.arena, n * sizeof *es->items);
    es->zone_text = es->source = "";
    es->since_ms = es->skew_ms = TIME_NONE;
    return es;
}

const struct error_open *errors_of_workload(const struct errors *es, const char *workload)
{
    size_t low = 0, high = es->n_by_workload;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(workload, es->by_workload[mid].workload);
        if (order == 0)
            return &es->by_workload[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct error_item *errors_find(const struct errors *es, int64_t id)
{
    for (size_t i = 0; i < es->n; i++) { /* in the order of time, not of ids */
        if (es->items[i].row->id == id)
            return &es->items[i];
    }
    return NULL;
}

static const char *const severities[N_SEVERITIES] = {
    [SEVERITY_CRITICAL] = "CRITICAL", [SEVERITY_HIGH] = "HIGH",   [SEVERITY_MEDIUM] = "MEDIUM",
    [SEVERITY_LOW] = "LOW",           [SEVERITY_OTHER] = "other",
};

const char *severity_name(enum severity s)
{
    return (size_t)s < ARRAY_LEN(severities) ? severities[s] : "?";
}

bool severity_parse(const char *s, enum severity *out)
{
    for (int i = 0; i < SEVERITY_OTHER; i++) {
        if (text_eq_fold(s, severities[i])) {
            *out = (enum severity)i;
            return true;
        }
    }
    return false;
}

const char *category_name(enum category c)
{
    static const char *const names[N_CATEGORIES] = {
        [CATEGORY_CONFIGURATION] = "configuration",
        [CATEGORY_DEPENDENCY] = "dependency",
        [CATEGORY_RESOURCE] = "resource",
        [CATEGORY_NETWORK] = "network",
        [CATEGORY_SECURITY] = "security",
        [CATEGORY_PERFORMANCE] = "performance",
        [CATEGORY_OTHER] = "other",
    };
    return (size_t)c < ARRAY_LEN(names) ? names[c] : "?";
}

const char *novelty_name(enum novelty n)
{
    static const char *const names[] = { "", "known", "MORE", "NEW" };
    return (size_t)n < ARRAY_LEN(names) ? names[n] : "?";
}

const char *error_step_name(enum error_step s)
{
    static const char *const names[N_STEPS] = { "acknowledged", "investigated", "planned",
                                                "implemented" };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

const char *error_due_name(enum error_due d)
{
    static const char *const names[] = { "", "respond", "investigate", "plan", "implement" };
    return (size_t)d < ARRAY_LEN(names) ? names[d] : "?";
}
