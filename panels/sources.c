/*
 * Where the data comes from, how old it is, and what is wrong with it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "panels/panels.h"
#include "tui/table.h"

#define ROW ((const struct source_health *)row)

static const struct sources *rows_of(const struct frame *f)
{
    return frame_section(f, SECTION_SOURCES);
}

static enum health health_of(const void *row)
{
    static const enum health of[] = {
        [SOURCE_WAITING] = HEALTH_PROGRESS, [SOURCE_LIVE] = HEALTH_OK, [SOURCE_STALE] = HEALTH_FAIL,
        [SOURCE_FAILED] = HEALTH_FAIL, [SOURCE_FORBIDDEN] = HEALTH_WARN,
        [SOURCE_ABSENT] = HEALTH_UNKNOWN, [SOURCE_UNSET] = HEALTH_UNKNOWN,
    };
    return of[ROW->state];
}

static enum role cell_name(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->name);
    return ROLE_TEXT;
}

static enum role cell_state(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, ROW->state == SOURCE_WAITING ? "loading" : source_state_name(ROW->state));
    return panel_health_role(health_of(row));
}

static enum role cell_proved(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, panel_age(f, ROW->proved_ms, text));
    return ROLE_TEXT;
}

static enum role cell_objects(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->objects >= 0)
        buf_addf(out, "%" PRId64, ROW->objects);
    return ROLE_DIM;
}

static int64_t key_objects(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->objects;
}

static enum role cell_audit(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    (void)f;
    if (ROW->audit_ms)
        buf_adds(out, clock_format_age(ROW->audit_ms, text));
    return ROLE_DIM;
}

static enum role cell_text(const void *row, const struct frame *f, struct buf *out)
{
    char when[CLOCK_TEXT];
    if (ROW->state == SOURCE_FAILED)
        buf_adds(out, "never loaded: ");
    else if (ROW->state == SOURCE_STALE)
        buf_addf(out, "since %s: ", panel_time(f, ROW->since_ms, when));
    buf_add_most(out, ROW->text);
    if (ROW->retry_ms != TIME_NONE && ROW->retry_ms > f->now_ms)
        buf_addf(out, ", again in %" PRId64 "s", (ROW->retry_ms - f->now_ms + 999) / 1000);
    return ROW->state == SOURCE_LIVE ? ROLE_DIM : ROLE_TEXT;
}

static const char *id_of(const void *row)
{
    return ROW->name;
}

static bool is_fault(const void *row)
{
    return health_of(row) >= HEALTH_WARN;
}

static int natural(const void *a, const void *b)
{
    bool x = is_fault(a), y = is_fault(b);
    return (int)y - (int)x;
}

static size_t count(const void *ctx)
{
    return ctx ? ((const struct sources *)ctx)->n : 0;
}

static const void *row_at(const void *ctx, size_t i)
{
    return &((const struct sources *)ctx)->rows[i];
}

/* The order in which they fall away: AUDIT, OBJECTS, PROVED, DETAIL.  A name is whole first. */
static const struct column columns[] = {
    { "SOURCE", 32, 44, 0, false, cell_name, NULL, NULL },
    { "STATE", 9, 9, 1, false, cell_state, NULL, NULL },
    { "PROVED", 6, 6, 3, true, cell_proved, NULL, NULL },
    { "OBJECTS", 7, 8, 4, true, cell_objects, key_objects, NULL },
    { "AUDIT", 5, 6, 5, true, cell_audit, NULL, NULL },
    { "DETAIL", 16, 0, 2, false, cell_text, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, is_fault,
                                      natural, health_of, NULL };

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct sources *s = rows_of(f);
    size_t live = 0, bad = 0;
    for (size_t i = 0; s && i < s->n; i++) {
        live += s->rows[i].state == SOURCE_LIVE;
        bad += is_fault(&s->rows[i]);
    }
    if (s && bad)
        buf_addf(out, "%zu live, %zu not", live, bad); /* no rate: it would be of before */
    else if (s)
        buf_addf(out, "%zu live, %.1f requests/s", live, s->requests_per_s);
    table_describe(state, &ops, out);
}

static int wants(const struct frame *f, int cols)
{
    (void)cols;
    return rows_of(f) ? 1 + (int)rows_of(f)->n : 1;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    const struct sources *s = rows_of(f);
    table_settle(state, &ops, s, f, s ? s->section.version : 0, rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    if (rows_of(f))
        table_render(state, &ops, rows_of(f), f, c, false);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    return table_nav(state, &ops, rows_of(f), n, arg);
}

static bool has_row(const void *state, const struct frame *f)
{
    return rows_of(f) && table_selected(state, &ops, rows_of(f));
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    table_copy(state, &ops, rows_of(f), f, out);
}

static void release(void *state)
{
    table_release(state);
}

const struct panel_ops sources_panel = {
    .name = "sources", .reads = 1u << SECTION_SOURCES | 1u << SECTION_CLOCK,
    .state_size = sizeof(struct table), .title = title, .wants = wants, .settle = settle, .render = render,
    .nav = nav, .has_row = has_row, .copy = copy, .release = release,
};
