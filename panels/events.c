/*
 * Events of the chosen namespaces, newest first.
 */
#include <inttypes.h>
#include <stdio.h>

#include "panels/panels.h"
#include "tui/table.h"

#define ROW ((const struct event *)row)

static const struct events *rows_of(const struct frame *f)
{
    return frame_section(f, SECTION_EVENTS);
}

static enum role cell_time(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    buf_adds(out, panel_time(f, ROW->last_ms, text));
    return ROLE_DIM;
}

static int64_t key_time(const void *row, const struct frame *f)
{
    (void)f;
    return panel_newest_key(ROW->last_ms);
}

static enum role cell_reason(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->reason);
    return ROW->is_warning ? ROLE_WARN : ROLE_TEXT;
}

/* As kubectl's short names have it: the name is what tells one from the other. */
static const char *short_kind(const char *kind)
{
    static const char *const list[][2] = {
        { "Pod", "po" }, { "Deployment", "deploy" }, { "ReplicaSet", "rs" }, { "StatefulSet", "sts" },
        { "DaemonSet", "ds" }, { "HorizontalPodAutoscaler", "hpa" }, { "Service", "svc" }, { "Node", "no" },
        { "PersistentVolumeClaim", "pvc" }, { "PodDisruptionBudget", "pdb" }, { "Ingress", "ing" },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (text_eq(kind, list[i][0]))
            return list[i][1];
    }
    return kind;
}

static enum role cell_object(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_addf(out, "%s/%s", short_kind(ROW->object_kind), ROW->object_name);
    return ROLE_TEXT;
}

static enum role cell_count(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->count > 1)
        buf_addf(out, "x%" PRId64, ROW->count);
    return ROLE_DIM;
}

static int64_t key_count(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->count;
}

static enum role cell_message(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    buf_add_most(out, ROW->message);
    return ROW->is_warning ? ROLE_TEXT : ROLE_DIM;
}

static const char *id_of(const void *row)
{
    return ROW->uid;
}

static bool is_fault(const void *row)
{
    return ROW->is_warning;
}

static enum health health_of(const void *row)
{
    return ROW->is_warning ? HEALTH_WARN : HEALTH_OK;
}

static size_t count(const void *ctx)
{
    return ctx ? ((const struct events *)ctx)->n : 0;
}

static const void *row_at(const void *ctx, size_t i)
{
    return ((const struct events *)ctx)->items[i];
}

/* The order in which they fall away: N, OBJECT, TIME, MESSAGE.  What happened is said last of all. */
static const struct column columns[] = {
    { "TIME", 9, 9, 2, false, cell_time, key_time, NULL },
    { "REASON", 16, 24, 0, false, cell_reason, NULL, NULL },
    { "N", 3, 6, 4, true, cell_count, key_count, NULL },
    { "OBJECT", 18, 34, 3, false, cell_object, NULL, NULL },
    { "MESSAGE", 26, 0, 1, false, cell_message, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, is_fault,
                                      NULL, health_of, NULL };

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct events *evs = rows_of(f);
    size_t warnings = 0;
    for (size_t i = 0; evs && i < evs->n; i++)
        warnings += evs->items[i]->is_warning;
    const struct source_health *missing = panels_not_loaded(f, "events");
    if (evs && (evs->n || !missing))
        buf_addf(out, "%zu (%zu warnings)", evs->n, warnings);
    if (missing)
        buf_adds(out, evs && evs->n ? ", not all loaded" : missing->state == SOURCE_FAILED ? "not loaded" : "loading");
    if (evs && panels_are_stale(f))
        panels_add_age(f, out);
    if (evs && evs->dropped)
        buf_addf(out, ", %" PRId64 " older not kept", evs->dropped);
    table_describe(state, &ops, out);
}

static int wants(const struct frame *f, int cols)
{
    (void)cols;
    return rows_of(f) ? 1 + (int)rows_of(f)->n : 1;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    const struct events *evs = rows_of(f);
    struct table *t = state;
    if (t->at == 0 && !t->sort && f->is_drawn) /* on the newest: stay on the newest */
        t->id[0] = '\0';
    table_settle(t, &ops, evs, f, evs ? evs->section.version : 0, rows, cols);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct events *evs = rows_of(f);
    const struct table *t = state;
    const struct source_health *missing = panels_not_loaded(f, "events");
    if (evs && t->n)
        table_render(t, &ops, evs, f, c, panels_are_stale(f));
    else if (missing && missing->state == SOURCE_FAILED)
        canvas_textf(c, 0, 2, ROLE_WARN, "%s never loaded: %s", missing->name, missing->text);
    else if (missing)
        canvas_textf(c, 0, 2, ROLE_DIM, "loading %s", missing->name);
    else
        canvas_text(c, 0, 2, -1, ROLE_DIM, !evs ? "" : evs->n ? "no row matches" : "no events in the last hour");
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    return table_nav(state, &ops, rows_of(f), n, arg);
}

static const struct event *selected(const void *state, const struct frame *f)
{
    return rows_of(f) ? table_selected(state, &ops, rows_of(f)) : NULL;
}

static bool has_row(const void *state, const struct frame *f)
{
    return selected(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    table_copy(state, &ops, rows_of(f), f, out);
}

static void release(void *state)
{
    table_release(state);
}

/* The workload that an event is about, by the pods and revisions that we know. */
static const struct workload *owner_of(const struct event *ev, const struct frame *f)
{
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    for (size_t i = 0; ws && i < ws->n; i++) {
        const struct workload *w = ws->items[i];
        if (text_eq(w->uid, ev->object_uid))
            return w;
        for (size_t j = 0; j < w->n_pods; j++) {
            if (text_eq(w->pods[j]->uid, ev->object_uid))
                return w;
        }
        for (size_t j = 0; j < w->n_revisions; j++) {
            if (text_eq(w->revisions[j].uid, ev->object_uid))
                return w;
        }
    }
    return NULL;
}

static void open_row(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct workload *w = owner_of(selected(state, f), f);
    (void)arg;
    if (w)
        ui_open(ui, "workload", w->id);
    else
        ui_warn(ui, "what this event is about belongs to no workload here");
}

static void open_text(struct ui *ui, const struct event *ev, enum doc_kind kind)
{
    struct cmd_msg m = { .doc = kind, .resource = "events" };
    snprintf(m.ns, sizeof m.ns, "%s", ev->ns);
    snprintf(m.name, sizeof m.name, "%s", ev->name);
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

static const struct cmd cmds[] = {
    { "open", "", "the workload that the event is about", true, open_row },
    { "describe", "", "describe the event", true, describe },
    { "raw", "", "the event as YAML", true, raw },
    { 0 },
};

const struct panel_ops events_panel = {
    .name = "events",
    .reads = 1u << SECTION_EVENTS | 1u << SECTION_SOURCES,
    .state_size = sizeof(struct table), .cmds = cmds, .title = title,
    .is_stale = panels_are_stale, .wants = wants, .settle = settle, .render = render,
    .nav = nav, .has_row = has_row, .copy = copy, .release = release,
};
