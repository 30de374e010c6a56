#include "core/report/errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

enum { MESSAGE_COLS = 90 };

int64_t error_row_at_ms(const struct error_row *r, int64_t zone_ms)
{
    return r->local_ms == TIME_NONE || r->is_zoned ? r->local_ms : r->local_ms - zone_ms;
}

int64_t error_row_resolved_ms(const struct error_row *r, int64_t zone_ms)
{
    return r->resolved_local_ms == TIME_NONE || r->is_zoned ? r->resolved_local_ms
                                                            : r->resolved_local_ms - zone_ms;
}

bool error_row_is_open(const struct error_row *r)
{
    return error_is_open(r);
}

static const char *text_of(const struct error_row *r, enum error_column c)
{
    switch (c) {
    case COLUMN_SERVICE:
        return r->service;
    case COLUMN_ENVIRONMENT:
        return r->environment;
    case COLUMN_STAGE:
        return r->stage;
    case COLUMN_CODE:
        return r->code;
    case COLUMN_SEVERITY:
        return r->severity_text;
    case COLUMN_MESSAGE:
        return r->message;
    case COLUMN_STACK:
        return r->stack;
    case COLUMN_USER_IMPACT:
        return r->user_impact;
    case COLUMN_BUSINESS_IMPACT:
        return r->business_impact;
    case COLUMN_NOTES:
        return r->notes;
    case COLUMN_RESOLVED_BY:
        return r->resolved_by;
    default:
        return "";
    }
}

/* A time that is none of ours (infinity, the year 294276) is not NULL: the string says so. */
static void add_time(struct buf *out, int64_t ms)
{
    char when[CLOCK_TEXT];
    json_quote(out, ms == TIME_NONE ? "unknown" : clock_format_rfc3339(ms, when));
}

void errors_json_row(struct buf *out, const char *event, const struct error_row *r, int64_t zone_ms)
{
    buf_addf(out, "{\"event\":\"%s\",\"id\":%" PRId64, event, r->id);
    for (int c = COLUMN_TIMESTAMP; c < N_COLUMNS; c++) {
        buf_addf(out, ",\"%s\":", error_column_names[c]);
        if (r->nulls >> c & 1u)
            buf_adds(out, "null");
        else if (c == COLUMN_TIMESTAMP)
            add_time(out, error_row_at_ms(r, zone_ms));
        else if (c == COLUMN_RESOLVED_AT)
            add_time(out, error_row_resolved_ms(r, zone_ms));
        else
            json_quote(out, text_of(r, (enum error_column)c));
    }
    buf_addf(out, ",\"stack_trace_bytes\":%" PRId64 ",\"cut\":%s", r->stack_bytes,
             r->is_cut ? "true" : "false");
    buf_addf(out, ",\"category\":\"%s\",\"fingerprint\":\"%016" PRIx64 "\"}", category_name(r->category),
             r->fingerprint);
}

/* One cell: cleaned, cut and padded to `cols`; 0 = as long as it is, and the last. */
static void add_cell(struct buf *out, const char *s, int cols)
{
    const char *end = s + strlen(s);
    struct text_cell cell;
    int used = 0;
    while (s < end) {
        text_next(&s, end, &cell);
        if (cols && used + cell.width > cols)
            break;
        buf_adds(out, cell.bytes);
        used += cell.width;
    }
    if (cols)
        buf_addf(out, "%*s", cols - used + 1, "");
}

void errors_table_head(struct buf *out, bool has_event, bool is_wide)
{
    if (has_event)
        add_cell(out, "EVENT", 6);
    add_cell(out, "ID", 10);
    add_cell(out, "TIME", 20);
    add_cell(out, "SEVERITY", 8);
    add_cell(out, "SERVICE", 20);
    if (is_wide) {
        add_cell(out, "ENVIRONMENT", 12);
        add_cell(out, "STAGE", 16);
        add_cell(out, "CATEGORY", 13);
    }
    add_cell(out, "CODE", 14);
    add_cell(out, "STATE", 9);
    buf_adds(out, "MESSAGE\n");
}

void errors_table_row(struct buf *out, const char *event, const struct error_row *r, int64_t zone_ms,
                      bool is_wide)
{
    char id[24], when[CLOCK_TEXT];
    snprintf(id, sizeof id, "%" PRId64, r->id);
    clock_format_rfc3339(error_row_at_ms(r, zone_ms), when);
    if (*event)
        add_cell(out, event, 6);
    add_cell(out, id, strlen(id) > 10 ? (int)strlen(id) : 10);
    add_cell(out, *when ? when : "-", 20);
    add_cell(out, r->severity == SEVERITY_OTHER ? r->severity_text : severity_name(r->severity), 8);
    add_cell(out, r->service, 20);
    if (is_wide) {
        add_cell(out, r->environment, 12);
        add_cell(out, r->stage, 16);
        add_cell(out, category_name(r->category), 13);
    }
    add_cell(out, r->code, 14);
    add_cell(out, error_row_is_open(r) ? "open" : "resolved", 9);
    add_cell(out, r->message, is_wide ? 0 : MESSAGE_COLS);
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buf_addc(out, '\n');
}
