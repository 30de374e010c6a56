/*
 * The first panel: every workload of the chosen namespaces, problems first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/errors.h"
#include "panels/panels.h"
#include "tui/table.h"

enum { FOOT_COLS = 110 };

struct state {
    struct table table;
    bool many_namespaces;
};

static const struct workloads *rows_of(const struct frame *f)
{
    return frame_section(f, SECTION_WORKLOADS);
}

/* ---- columns ---- */

#define ROW ((const struct workload *)row)

static enum role cell_namespace(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->ns);
    return ROLE_DIM;
}

static enum role cell_name(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->name);
    return ROW->health >= HEALTH_WARN ? panel_health_role(ROW->health) == ROLE_FAIL ? ROLE_TITLE : ROLE_WARN
                                      : ROLE_TEXT;
}

static enum role cell_kind(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_adds(out, workload_kind_short(ROW->kind));
    return ROLE_DIM;
}

static enum role cell_ready(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, "%" PRId64 "/%" PRId64, ROW->ready, ROW->desired);
    return ROW->ready < ROW->desired ? ROLE_WARN : ROLE_TEXT;
}

static int64_t key_ready(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->desired ? ROW->ready * 1000 / ROW->desired : 1000;
}

static enum role cell_rollout(const void *row, const struct frame *f, struct buf *out)
{
    static const enum role roles[] = { [ROLLOUT_PROGRESSING] = ROLE_PROGRESS, [ROLLOUT_COMPLETE] = ROLE_DIM,
                                       [ROLLOUT_FAILED] = ROLE_FAIL, [ROLLOUT_PAUSED] = ROLE_WARN,
                                       [ROLLOUT_ONDELETE] = ROLE_DIM };
    (void)f;
    buf_adds(out, rollout_state_name(ROW->rollout.state));
    return roles[ROW->rollout.state];
}

static enum role cell_revision(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->revision)
        buf_addf(out, "%" PRId64, ROW->revision);
    return ROLE_TEXT;
}

static int64_t key_revision(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->revision;
}

static enum role cell_image(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->image_tag);
    return ROLE_TEXT;
}

static enum role cell_age(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, panel_age(f, ROW->deployed_ms, text));
    return ROLE_TEXT;
}

static int64_t key_age(const void *row, const struct frame *f)
{
    (void)f;
    return panel_newest_key(ROW->deployed_ms);
}

static enum role cell_restarts(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->pods_unknown)
        buf_adds(out, "?");
    else
        buf_addf(out, "%" PRId64, ROW->restarts);
    return ROW->restarts ? ROLE_WARN : ROLE_DIM;
}

static int64_t key_restarts(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->restarts;
}

/* No error database, no column. */
static bool wants_errors(const struct frame *f)
{
    const struct source_health *h = errors_health(f);
    return h && h->state != SOURCE_UNSET;
}

/* "2C 3H 5": open errors, CRITICAL and HIGH first, then the others. */
static enum role cell_errors(const void *row, const struct frame *f, struct buf *out)
{
    const struct errors *es = frame_section(f, SECTION_ERRORS);
    const struct error_open *o = es ? errors_of_workload(es, ROW->id) : NULL;
    int64_t others = 0;
    if (!es || !es->is_synced) { /* not read yet: that is not none */
        buf_adds(out, "?");
        return ROLE_UNKNOWN;
    }
    if (!o)
        return ROLE_DIM;
    for (int i = SEVERITY_HIGH + 1; i < N_SEVERITIES; i++)
        others += o->n[i];
    if (o->n[SEVERITY_CRITICAL])
        buf_addf(out, "%" PRId64 "C", o->n[SEVERITY_CRITICAL]);
    if (o->n[SEVERITY_HIGH])
        buf_addf(out, "%s%" PRId64 "H", out->len ? " " : "", o->n[SEVERITY_HIGH]);
    if (others)
        buf_addf(out, "%s%" PRId64, out->len ? " " : "", others);
    if (errors_are_stale(f))
        return ROLE_STALE;
    return o->n[SEVERITY_CRITICAL] ? ROLE_REMOVED : o->n[SEVERITY_HIGH] ? ROLE_WARN : ROLE_TEXT;
}

static int64_t key_errors(const void *row, const struct frame *f)
{
    const struct errors *es = frame_section(f, SECTION_ERRORS);
    const struct error_open *o = es ? errors_of_workload(es, ROW->id) : NULL;
    int64_t weight = 0;
    for (int i = 0; o && i < N_SEVERITIES; i++)
        weight = weight * 1000 + (o->n[i] < 999 ? o->n[i] : 999);
    return -weight;
}

static enum role cell_cpu(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->total.cpu_millis >= 0)
        buf_addf(out, "%" PRId64 "m", ROW->total.cpu_millis);
    return ROLE_DIM;
}

static int64_t key_cpu(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->total.cpu_millis;
}

static enum role cell_memory(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    (void)f;
    if (ROW->total.memory_bytes >= 0)
        buf_adds(out, panel_bytes(ROW->total.memory_bytes, text));
    return ROLE_DIM;
}

static int64_t key_memory(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->total.memory_bytes;
}

static enum role cell_problem(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->pods_unknown) {
        buf_add_most(out, ROW->problem[0] ? ROW->problem : "pods are not visible to us");
        return ROLE_UNKNOWN;
    }
    buf_add_most(out, ROW->problem[0] ? ROW->problem
                  : ROW->rollout.state == ROLLOUT_PROGRESSING ? ROW->rollout.message : "");
    return ROW->health >= HEALTH_WARN ? ROLE_WARN : ROLE_DIM;
}

/* Problems first; then by place. */
static int natural(const void *a, const void *b)
{
    const struct workload *x = a, *y = b;
    return (int)y->health - (int)x->health;
}

static const char *id_of(const void *row)
{
    return ROW->id;
}

static bool is_fault(const void *row)
{
    return ROW->health >= HEALTH_WARN;
}

static bool has_grave_errors(const void *row, const struct frame *f)
{
    const struct errors *es = frame_section(f, SECTION_ERRORS);
    const struct error_open *o = es ? errors_of_workload(es, ROW->id) : NULL;
    return o && o->n[SEVERITY_CRITICAL] + o->n[SEVERITY_HIGH] > 0;
}

static enum health health_of(const void *row)
{
    return ROW->health;
}

static size_t count(const void *ctx)
{
    return ctx ? ((const struct workloads *)ctx)->n : 0;
}

static const void *row_at(const void *ctx, size_t i)
{
    return ((const struct workloads *)ctx)->items[i];
}

/* The order in which they fall away: MEM, CPU, KIND, REV, RST; then AGE, IMAGE, ROLLOUT, PROBLEM. */
static const struct column columns[] = {
    { "NAMESPACE", 10, 20, 2, false, cell_namespace, NULL, NULL },
    { "NAME", 16, 40, 0, false, cell_name, NULL, NULL },
    { "KIND", 6, 6, 8, false, cell_kind, NULL, NULL },
    { "READY", 5, 9, 1, true, cell_ready, key_ready, NULL },
    { "ROLLOUT", 11, 11, 3, false, cell_rollout, NULL, NULL },
    { "REV", 3, 5, 7, true, cell_revision, key_revision, NULL },
    { "IMAGE", 9, 24, 4, false, cell_image, NULL, NULL },
    { "AGE", 5, 6, 5, true, cell_age, key_age, NULL },
    { "RST", 3, 5, 6, true, cell_restarts, key_restarts, NULL },
    { "ERR", 5, 12, 3, false, cell_errors, key_errors, wants_errors },
    { "CPU", 6, 7, 9, true, cell_cpu, key_cpu, NULL },
    { "MEM", 6, 7, 10, true, cell_memory, key_memory, NULL },
    { "PROBLEM", 28, 0, 2, false, cell_problem, NULL, NULL },
};
static const struct table_ops many = { columns, ARRAY_LEN(columns), count, row_at, id_of, is_fault,
                                       natural, health_of, has_grave_errors };
static const struct table_ops one = { columns + 1, ARRAY_LEN(columns) - 1, count, row_at, id_of,
                                      is_fault, natural, health_of, has_grave_errors };

static const struct table_ops *ops_of(const struct state *s)
{
    return s->many_namespaces ? &many : &one;
}

/* ---- the panel ---- */

/* Workloads with an open error that is CRITICAL or HIGH. */
static size_t count_troubled(const struct frame *f, const struct workloads *ws)
{
    size_t n = 0;
    for (size_t i = 0; i < ws->n; i++)
        n += has_grave_errors(ws->items[i], f);
    return n;
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct workloads *ws = rows_of(f);
    if (!ws)
        return;
    static const char *const words[] = { NULL, "in progress", "unknown", "warn", "fail" };
    const char *before = " (";
    if (ws->n || ws->is_synced)
        buf_addf(out, "%zu", ws->n);
    for (int h = HEALTH_FAIL; h > HEALTH_OK; h--) {
        if (!ws->n_health[h])
            continue;
        buf_addf(out, "%s%zu %s", before, ws->n_health[h], words[h]);
        before = ", ";
    }
    if (before[0] == ',')
        buf_adds(out, ")");
    if (!ws->is_synced)
        buf_adds(out, ws->n ? ", not all loaded" : "not loaded");
    if (panels_are_stale(f))
        panels_add_age(f, out);
    else if (before[0] != ',' && ws->n && ws->is_synced && count_troubled(f, ws))
        buf_addf(out, " up, errors on %zu", count_troubled(f, ws));
    else if (before[0] != ',' && ws->n && ws->is_synced)
        buf_adds(out, " all well");
    table_describe(&s->table, ops_of(s), out);
}

/* What a long list leaves for them, or all of the room that a short one does not use. */
static size_t shown_notices(const struct workloads *ws, int rows)
{
    size_t most = rows > 8 ? 3 : rows > 4 ? 1 : 0;
    if (ws && rows > 1 && ws->n + most < (size_t)rows - 1)
        most = (size_t)rows - 1 - ws->n;
    return ws ? ws->n_notices < most ? ws->n_notices : most : 0;
}

/* On a narrow screen a problem does not fit its column: a line at the foot has the selected one whole. */
static int foot_rows(const struct workloads *ws, int rows, int cols)
{
    return ws && rows >= 7 && cols < FOOT_COLS && ws->n_health[HEALTH_FAIL] + ws->n_health[HEALTH_WARN] > 0;
}

static int wants(const struct frame *f, int cols)
{
    const struct workloads *ws = rows_of(f);
    return ws && ws->n ? 1 + (int)(ws->n + ws->n_notices) + foot_rows(ws, 7, cols) : 3;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    const struct workloads *ws = rows_of(f);
    const struct ident *id = frame_section(f, SECTION_IDENT);
    bool is_many = id && (id->all_namespaces || id->n_namespaces > 1);
    if (is_many != s->many_namespaces) {
        s->many_namespaces = is_many;
        s->table.sort = 0;
    }
    const struct errors *es = errors_in(f); /* rows may be ordered by their errors */
    table_settle(&s->table, ops_of(s), ws, f, (ws ? ws->section.version : 0) + (es ? es->section.version : 0),
                 rows - (int)shown_notices(ws, rows) - foot_rows(ws, rows, cols), cols);
}

static void render_no_way(const struct sources *src, struct canvas *c, int row)
{
    const struct source_health *api = &src->rows[0];
    bool is_unset = api->state == SOURCE_UNSET;
    bool is_refused = text_starts(api->text, "credentials") || text_starts(api->text, "no credentials");
    canvas_text(c, row++, 2, -1, ROLE_FAIL, is_unset ? " no cluster " : src->lost_ms != TIME_NONE ? " no connection "
                                            : is_refused ? " not let in " : " the server answers, but is not well ");
    canvas_text(c, row++, 2, -1, ROLE_TEXT, api->text);
    canvas_text(c, row, 2, -1, ROLE_DIM,
                is_unset ? "set KUBECONFIG, or choose a context with :ctx NAME; `bakewatch doctor` explains"
                         : "trying again for ever; R tries now, 4 shows every source");
}

/* An empty panel says why, and what to do. */
static void render_empty(const struct frame *f, struct canvas *c, const struct state *s)
{
    const struct workloads *ws = rows_of(f);
    const struct sources *src = frame_section(f, SECTION_SOURCES);
    const struct ident *id = frame_section(f, SECTION_IDENT);
    char age[CLOCK_TEXT];
    int row = c->at.rows > 3 ? 1 : 0;
    if (ws && ws->n && s->table.n == 0) {
        canvas_text(c, row, 2, -1, ROLE_DIM, s->table.faults ? "nothing is wrong here (! shows all)"
                                                             : "no row matches the filter (esc clears it)");
        return;
    }
    const struct source_health *api = src && src->n ? &src->rows[0] : NULL;
    if (api && (api->state == SOURCE_UNSET || api->state == SOURCE_FAILED)) {
        render_no_way(src, c, row);
        return;
    }
    if (ws && ws->is_synced && ws->n_notices) {
        for (size_t i = 0; i < ws->n_notices && row < c->at.rows; i++)
            canvas_text(c, row++, 2, -1, ROLE_WARN, ws->notices[i]);
        return;
    }
    if (ws && ws->is_synced) {
        canvas_textf(c, row, 2, ROLE_DIM, "no workloads in %s; :ns NAME shows another, :ns all shows all",
                     id && id->n_namespaces == 1 ? id->namespaces[0] : "these namespaces");
        return;
    }
    for (size_t i = 1; src && i < src->n; i++) { /* a list that does not come: say which, and why */
        const struct source_health *h = &src->rows[i];
        if (h->state == SOURCE_FAILED && row < c->at.rows && !text_eq(h->name, "errors"))
            canvas_textf(c, row++, 2, ROLE_WARN, "%s never loaded: %s", h->name, h->text);
    }
    if (row < c->at.rows)
        canvas_textf(c, row, 2, ROLE_DIM, "waiting for the API server (%s)",
                     api ? clock_format_age(f->now_ms - api->since_ms, age) : "0s");
}

static const struct workload *selected(const struct state *s, const struct frame *f)
{
    return rows_of(f) ? table_selected(&s->table, ops_of(s), rows_of(f)) : NULL;
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    const struct workloads *ws = rows_of(f);
    if (!ws || !s->table.n) {
        render_empty(f, c, s);
        return;
    }
    int notices = (int)shown_notices(ws, c->at.rows), foot = foot_rows(ws, c->at.rows, c->at.cols);
    int rows = c->at.rows - notices - foot;
    struct canvas body = canvas_window(c, (struct area){ 0, 0, rows, c->at.cols });
    c->stale = panels_are_stale(f);
    table_render(&s->table, ops_of(s), ws, f, &body, c->stale);
    const struct workload *w = selected(s, f);
    if (foot && w && w->health >= HEALTH_WARN && table_is_cut(&s->table, ops_of(s), ws, f, ops_of(s)->n_columns - 1))
        canvas_textf(c, rows, 2, ROLE_WARN, "%s: %s", w->name, w->problem);
    for (int i = 0; i < notices; i++)
        canvas_text(c, rows + foot + i, 2, -1, ROLE_WARN, ws->notices[i]);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    return table_nav(&s->table, ops_of(s), rows_of(f), n, arg);
}

static bool has_row(const void *state, const struct frame *f)
{
    return selected(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    table_copy(&s->table, ops_of(s), rows_of(f), f, out);
}

static void selected_id(const void *state, const struct frame *f, struct buf *out)
{
    const struct workload *w = selected(state, f);
    buf_adds(out, w ? w->id : "");
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    (void)f;
    return table_locate(&((struct state *)state)->table, id);
}

static void release(void *state)
{
    table_release(&((struct state *)state)->table);
}

/* ---- commands ---- */

static void open_row(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    ui_open(ui, "workload", selected(state, f)->id);
}

static void open_text(struct ui *ui, const struct workload *w, enum doc_kind kind)
{
    static const char *const resources[] = { "deployments.apps", "statefulsets.apps", "daemonsets.apps" };
    struct cmd_msg m = { .doc = kind };
    snprintf(m.resource, sizeof m.resource, "%s", resources[w->kind]);
    snprintf(m.ns, sizeof m.ns, "%s", w->ns);
    snprintf(m.name, sizeof m.name, "%s", w->name);
    ui_open_doc(ui, &m);
}

static void describe(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    open_text(ui, selected(state, f), DOC_DESCRIBE);
}

static void raw(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    open_text(ui, selected(state, f), DOC_RAW);
}

static void errors(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    char id[TABLE_ID + 16];
    (void)arg;
    snprintf(id, sizeof id, "workload:%s", selected(state, f)->id);
    ui_open(ui, "errors", id);
}

static const struct cmd cmds[] = {
    { "errors", "", "the errors of the workload", true, errors },
    { "open", "", "revisions, pods and events of the workload", true, open_row },
    { "describe", "", "describe the workload", true, describe },
    { "raw", "", "the workload as YAML", true, raw },
    { 0 },
};

const struct panel_ops workloads_panel = {
    .name = "workloads",
    .shows = 1u << SECTION_WORKLOADS,
    .reads = 1u << SECTION_WORKLOADS | 1u << SECTION_SOURCES | 1u << SECTION_IDENT | 1u << SECTION_ERRORS |
             1u << SECTION_CLOCK,
    .state_size = sizeof(struct state), .cmds = cmds, .title = title,
    .is_stale = panels_are_stale, .wants = wants, .settle = settle,
    .render = render, .nav = nav, .has_row = has_row, .copy = copy, .selected_id = selected_id,
    .locate = locate, .release = release,
};
