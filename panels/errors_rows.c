/*
 * The columns of the error feed and of its groups.
 */
#include "panels/errors.h"

#include <inttypes.h>
#include <stdio.h>

enum { PROOF_LATE_MS = 20000 };
#define ROW ((const struct error_shown *)row)

/* ---- what both views say of a row ---- */

const struct source_health *errors_health(const struct frame *f)
{
    const struct sources *src = frame_section(f, SECTION_SOURCES);
    for (size_t i = 0; src && i < src->n; i++) {
        if (text_eq(src->rows[i].name, "errors"))
            return &src->rows[i];
    }
    return NULL;
}

bool errors_are_stale(const struct frame *f)
{
    const struct source_health *h = errors_health(f);
    if (!errors_in(f) || !errors_in(f)->is_synced || !h)
        return false;
    return h->state != SOURCE_LIVE || f->now_ms - h->proved_ms > PROOF_LATE_MS * f->prefs->pace;
}

enum role errors_severity_role(enum severity s, bool is_open)
{
    if (!is_open)
        return ROLE_DIM;
    return s == SEVERITY_CRITICAL ? ROLE_FAIL : s == SEVERITY_HIGH ? ROLE_WARN : ROLE_TEXT;
}

bool errors_is_open(const struct error_item *it)
{
    return error_is_open(it->row);
}

/* "3m respond", "LATE 2h plan", "resolved", ...: what is cut off is what matters least */
enum role errors_due(const struct error_item *it, const struct frame *f, struct buf *out)
{
    char age[CLOCK_TEXT];
    if (!errors_is_open(it)) {
        buf_adds(out, "resolved");
        return ROLE_DIM;
    }
    if (it->due == DUE_NOTHING || it->due_ms == TIME_NONE)
        return ROLE_DIM;
    int64_t left = it->due_ms - f->now_ms;
    buf_addf(out, "%s%s %s", left < 0 ? "LATE " : "", clock_format_age(left < 0 ? -left : left, age),
             error_due_name(it->due));
    return left < 0 ? ROLE_FAIL : left < 60000 ? ROLE_WARN : ROLE_TEXT;
}

static enum role severity_cell(enum severity s, bool is_open, const char *text, struct buf *out)
{
    static const char *const words[N_SEVERITIES] = { "CRIT", "HIGH", "MED", "LOW", NULL };
    buf_add_most(out, words[s] ? words[s] : text[0] ? text : "-");
    return errors_severity_role(s, is_open);
}

/* ---- the feed's columns ---- */

static enum role cell_time(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, panel_time(f, ROW->item->at_ms, text));
    return ROLE_DIM;
}

static int64_t key_time(const void *row, const struct frame *f)
{
    (void)f;
    return -ROW->item->at_ms;
}

static enum role cell_severity(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    return severity_cell(ROW->item->row->severity, errors_is_open(ROW->item), ROW->item->row->severity_text, out);
}

static int64_t key_severity(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->item->row->severity;
}

static enum role cell_service(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->item->row->service[0] ? ROW->item->row->service : "-");
    return ROW->item->workload[0] ? ROLE_TEXT : ROLE_DIM;
}

static enum role cell_code(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->item->row->code);
    return ROLE_TEXT;
}

static enum role cell_category(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, category_name(ROW->item->row->category));
    return ROLE_DIM;
}

static enum role novelty_cell(enum novelty n, struct buf *out)
{
    buf_adds(out, novelty_name(n));
    return n == NOVELTY_NEW ? ROLE_FAIL : n == NOVELTY_MORE ? ROLE_WARN : ROLE_DIM;
}

static enum role cell_novelty(const void *row, const struct frame *f, struct buf *out)
{
    const struct errors *es = errors_in(f);
    size_t g = ROW->item->group;
    return es && g < es->n_groups ? novelty_cell(es->groups[g].novelty, out) : ROLE_DIM;
}

static enum role cell_stage(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->item->row->stage);
    return ROLE_DIM;
}

static enum role cell_due(const void *row, const struct frame *f, struct buf *out)
{
    return errors_due(ROW->item, f, out);
}

static int64_t key_due(const void *row, const struct frame *f)
{
    (void)f;
    return errors_is_open(ROW->item) && ROW->item->due_ms != TIME_NONE ? ROW->item->due_ms : INT64_MAX;
}

static enum role cell_message(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->item->row->message);
    return errors_is_open(ROW->item) ? ROLE_TEXT : ROLE_DIM;
}

static const struct column feed_columns[] = {
    { "TIME", 9, 9, 2, false, cell_time, key_time, NULL },
    { "SEV", 4, 6, 0, false, cell_severity, key_severity, NULL },
    { "SERVICE", 8, 24, 0, false, cell_service, NULL, NULL },
    { "CODE", 7, 20, 4, false, cell_code, NULL, NULL },
    { "SINCE", 5, 5, 5, false, cell_novelty, NULL, NULL },
    { "DUE", 8, 20, 3, false, cell_due, key_due, NULL },
    { "CATEGORY", 8, 13, 7, false, cell_category, NULL, NULL },
    { "STAGE", 6, 14, 8, false, cell_stage, NULL, NULL },
    { "MESSAGE", 28, 0, 1, false, cell_message, NULL, NULL },
};

/* ---- the groups' columns ---- */

static enum role cell_count(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, "%" PRId64, ROW->group->count);
    return ROLE_TEXT;
}

static int64_t key_count(const void *row, const struct frame *f)
{
    (void)f;
    return -ROW->group->count;
}

static enum role cell_open(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, "%" PRId64, ROW->group->n_open);
    return ROW->group->n_open ? ROLE_TEXT : ROLE_DIM;
}

static int64_t key_open(const void *row, const struct frame *f)
{
    (void)f;
    return -ROW->group->n_open;
}

static enum role cell_group_severity(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    return severity_cell(ROW->group->severity, ROW->group->n_open > 0, "", out);
}

static int64_t key_group_severity(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->group->severity;
}

static enum role cell_group_novelty(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    return novelty_cell(ROW->group->novelty, out);
}

static int64_t key_novelty(const void *row, const struct frame *f)
{
    (void)f;
    return -(int64_t)ROW->group->novelty;
}

static enum role cell_rate(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, ROW->group->per_minute >= 10 ? "%.0f" : "%.1f", ROW->group->per_minute);
    return ROW->group->per_minute > 0 ? ROLE_TEXT : ROLE_DIM;
}

static int64_t key_rate(const void *row, const struct frame *f)
{
    (void)f;
    return -(int64_t)(ROW->group->per_minute * 1000);
}

static enum role age_cell(const struct frame *f, int64_t ms, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, panel_age(f, ms, text));
    return ROLE_DIM;
}

static enum role cell_first(const void *row, const struct frame *f, struct buf *out)
{
    return age_cell(f, ROW->group->first_ms, out);
}

static enum role cell_last(const void *row, const struct frame *f, struct buf *out)
{
    return age_cell(f, ROW->group->last_ms, out);
}

static int64_t key_first(const void *row, const struct frame *f)
{
    (void)f;
    return -ROW->group->first_ms;
}

static int64_t key_last(const void *row, const struct frame *f)
{
    (void)f;
    return -ROW->group->last_ms;
}

static enum role cell_group_service(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->group->service[0] ? ROW->group->service : "-");
    return ROW->group->workload[0] ? ROLE_TEXT : ROLE_DIM;
}

static enum role cell_group_code(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->group->code);
    return ROLE_TEXT;
}

static enum role cell_group_message(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->group->message);
    return ROW->group->n_open ? ROLE_TEXT : ROLE_DIM;
}

static const struct column group_columns[] = {
    { "N", 4, 7, 0, true, cell_count, key_count, NULL },
    { "OPEN", 4, 6, 4, true, cell_open, key_open, NULL },
    { "SEV", 4, 6, 0, false, cell_group_severity, key_group_severity, NULL },
    { "SINCE", 5, 5, 1, false, cell_group_novelty, key_novelty, NULL },
    { "/MIN", 4, 6, 2, true, cell_rate, key_rate, NULL },
    { "FIRST", 5, 6, 6, true, cell_first, key_first, NULL },
    { "LAST", 5, 6, 3, true, cell_last, key_last, NULL },
    { "SERVICE", 10, 24, 0, false, cell_group_service, NULL, NULL },
    { "CODE", 6, 20, 5, false, cell_group_code, NULL, NULL },
    { "MESSAGE", 36, 0, 2, false, cell_group_message, NULL, NULL },
};

/* ---- rows ---- */

static const char *id_of(const void *row)
{
    return ROW->id;
}

static bool is_fault(const void *row)
{
    if (ROW->group)
        return ROW->group->n_open && ROW->group->severity <= SEVERITY_HIGH;
    return errors_is_open(ROW->item) && ROW->item->row->severity <= SEVERITY_HIGH;
}

static enum health health_of(const void *row)
{
    enum severity s = ROW->group ? ROW->group->severity : ROW->item->row->severity;
    if (!(ROW->group ? ROW->group->n_open > 0 : errors_is_open(ROW->item)))
        return HEALTH_OK;
    return s == SEVERITY_CRITICAL ? HEALTH_FAIL : s == SEVERITY_HIGH ? HEALTH_WARN : HEALTH_OK;
}

static size_t count(const void *ctx)
{
    return ((const struct error_list *)ctx)->n;
}

static const void *row_at(const void *ctx, size_t i)
{
    return &((const struct error_list *)ctx)->rows[i];
}

const struct table_ops error_feed_ops = { feed_columns, ARRAY_LEN(feed_columns), count, row_at, id_of, is_fault,
                                           NULL, health_of, NULL };
const struct table_ops error_group_ops = { group_columns, ARRAY_LEN(group_columns), count, row_at, id_of,
                                            is_fault, NULL, health_of, NULL };
