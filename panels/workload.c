/*
 * One workload: what it is, then a tree of revisions, pods and containers, then its events.  Every
 * row has an identity, so the selection stays on a pod while the tree moves around it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"
#include "tui/table.h"

enum { HEAD_ROWS = 3, NODES = 4000, OPEN_PODS = 32 };
enum node_kind { NODE_REVISION, NODE_POD, NODE_CONTAINER, NODE_EVENT };

struct node {
    enum node_kind kind;
    char id[TABLE_ID];
    const struct revision *revision;
    const struct pod *pod;
    const struct container *container;
    const struct event *event;
};

struct state {
    char id[TABLE_ID];              /* the workload */
    struct table table;
    struct node *nodes;             /* made in settle; point into the snapshot that was settled */
    size_t n;
    uint64_t version;               /* of the section that they were made from */
    uint64_t made;                  /* rises with each making: the table's version */
    char open[OPEN_PODS][64];       /* uids of pods that are open */
    size_t n_open;
};

#define ROW ((const struct node *)row)

static const struct workload *find(const struct state *s, const struct frame *f)
{
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    for (size_t i = 0; ws && i < ws->n; i++) {
        if (text_eq(ws->items[i]->id, s->id))
            return ws->items[i];
    }
    return NULL;
}

/* ---- the tree ---- */

static struct node *add(struct state *s, enum node_kind kind, const char *uid, const char *part)
{
    if (s->n == NODES)
        return &s->nodes[NODES - 1];
    struct node *n = &s->nodes[s->n++];
    memset(n, 0, sizeof *n);
    n->kind = kind;
    snprintf(n->id, sizeof n->id, "%d/%s/%s", (int)kind, uid, part);
    return n;
}

static bool is_open(const struct state *s, const struct pod *p)
{
    for (size_t i = 0; i < s->n_open; i++) {
        if (text_eq(s->open[i], p->uid))
            return true;
    }
    return false;
}

static void add_pod(struct state *s, const struct pod *p)
{
    add(s, NODE_POD, p->uid, "")->pod = p;
    for (size_t i = 0; i < p->n_containers && is_open(s, p); i++) {
        struct node *n = add(s, NODE_CONTAINER, p->uid, p->containers[i].name);
        n->pod = p;
        n->container = &p->containers[i];
    }
}

static bool is_of(const struct pod *p, const struct revision *r)
{
    return text_eq(p->hash, r->hash) || text_eq(p->hash, r->name);
}

static void make_tree(struct state *s, const struct workload *w)
{
    s->n = 0;
    if (!s->nodes)
        s->nodes = x_calloc(NODES, sizeof *s->nodes);
    for (size_t i = 0; i < w->n_revisions; i++) {
        add(s, NODE_REVISION, w->revisions[i].uid, "")->revision = &w->revisions[i];
        for (size_t j = 0; j < w->n_pods; j++) {
            if (is_of(w->pods[j], &w->revisions[i]))
                add_pod(s, w->pods[j]);
        }
    }
    for (size_t j = 0; j < w->n_pods; j++) { /* pods of a revision that is gone, or not ours to see */
        bool has_revision = false;
        for (size_t i = 0; i < w->n_revisions && !has_revision; i++)
            has_revision = is_of(w->pods[j], &w->revisions[i]);
        if (!has_revision)
            add_pod(s, w->pods[j]);
    }
    for (size_t i = 0; i < w->n_events; i++)
        add(s, NODE_EVENT, w->events[i]->uid, "")->event = w->events[i];
}

/* ---- columns ---- */

static enum role cell_what(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    switch (ROW->kind) {
    case NODE_REVISION:
        buf_addf(out, "revision %" PRId64 "%s %s", ROW->revision->number,
                 ROW->revision->is_current ? " (current)" : "", ROW->revision->name);
        return ROW->revision->is_current ? ROLE_TITLE : ROLE_DIM;
    case NODE_POD:
        buf_addf(out, "  %s", ROW->pod->name);
        return ROLE_TEXT;
    case NODE_CONTAINER:
        buf_addf(out, "    %s%s", ROW->container->is_init ? "init " : "", ROW->container->name);
        return ROLE_TEXT;
    case NODE_EVENT:
        buf_addf(out, "%s %s", ROW->event->reason, ROW->event->object_name);
        return ROW->event->is_warning ? ROLE_WARN : ROLE_DIM;
    }
    return ROLE_TEXT;
}

static enum role cell_ready(const void *row, const struct frame *f, struct buf *out)
{
    (void)f;
    if (ROW->kind == NODE_REVISION && ROW->revision->desired >= 0)
        buf_addf(out, "%" PRId64 "/%" PRId64, ROW->revision->ready, ROW->revision->desired);
    else if (ROW->kind == NODE_POD)
        buf_addf(out, "%d/%d", ROW->pod->ready_containers, ROW->pod->n_app_containers);
    else if (ROW->kind == NODE_CONTAINER)
        buf_adds(out, ROW->container->is_ready ? "yes" : "no");
    else if (ROW->kind == NODE_EVENT)
        buf_addf(out, "x%" PRId64, ROW->event->count);
    return ROLE_TEXT;
}

static enum role cell_restarts(const void *row, const struct frame *f, struct buf *out)
{
    int64_t n = ROW->kind == NODE_POD         ? ROW->pod->restarts
                : ROW->kind == NODE_CONTAINER ? ROW->container->restarts
                                              : -1;
    (void)f;
    if (n >= 0)
        buf_addf(out, "%" PRId64, n);
    return n > 0 ? ROLE_WARN : ROLE_DIM;
}

static enum role cell_age(const void *row, const struct frame *f, struct buf *out)
{
    char text[CLOCK_TEXT];
    int64_t ms = ROW->kind == NODE_REVISION    ? ROW->revision->created_ms
                 : ROW->kind == NODE_POD       ? ROW->pod->created_ms
                 : ROW->kind == NODE_CONTAINER ? ROW->container->since_ms
                                               : ROW->event->last_ms;
    buf_adds(out, panel_age(f, ms, text));
    return ROLE_DIM;
}

static enum role cell_state(const void *row, const struct frame *f, struct buf *out)
{
    static const char *const words[] = { "waiting", "running", "terminated", "unknown" };
    (void)f;
    switch (ROW->kind) {
    case NODE_REVISION:
        buf_add_most(out, ROW->revision->images);
        if (ROW->revision->cause[0])
            buf_addf(out, "  %s", ROW->revision->cause);
        return ROLE_DIM;
    case NODE_POD:
        buf_add_most(out, ROW->pod->problem[0] ? ROW->pod->problem : ROW->pod->status);
        if (!ROW->pod->problem[0] && ROW->pod->node[0])
            buf_addf(out, "  on %s", ROW->pod->node);
        return ROW->pod->health >= HEALTH_WARN ? ROLE_WARN : ROLE_TEXT;
    case NODE_CONTAINER:
        buf_addf(out, "%s%s%s", words[ROW->container->state], ROW->container->reason[0] ? ": " : "",
                 ROW->container->reason);
        if (ROW->container->message[0])
            buf_addf(out, " (%s)", ROW->container->message);
        if (ROW->container->last_reason[0])
            buf_addf(out, ", last run: %s, exit %" PRId64, ROW->container->last_reason,
                     ROW->container->exit_code);
        buf_addf(out, "  %s", ROW->container->image);
        return ROLE_TEXT;
    case NODE_EVENT:
        buf_add_most(out, ROW->event->message);
        return ROW->event->is_warning ? ROLE_WARN : ROLE_DIM;
    }
    return ROLE_TEXT;
}

static enum health health_of(const void *row)
{
    return ROW->kind == NODE_POD ? ROW->pod->health
           : ROW->kind == NODE_EVENT && ROW->event->is_warning ? HEALTH_WARN
                                                               : HEALTH_OK;
}

static bool is_fault(const void *row)
{
    return health_of(row) >= HEALTH_WARN;
}

static const char *id_of(const void *row)
{
    return ROW->id;
}

static size_t count(const void *ctx)
{
    return ((const struct state *)ctx)->n;
}

static const void *row_at(const void *ctx, size_t i)
{
    return &((const struct state *)ctx)->nodes[i];
}

static int64_t key_restarts(const void *row, const struct frame *f)
{
    (void)f;
    return ROW->kind == NODE_POD ? -ROW->pod->restarts : ROW->kind == NODE_CONTAINER ? -ROW->container->restarts : 1;
}

static int64_t key_age(const void *row, const struct frame *f)
{
    (void)f;
    return panel_newest_key(ROW->kind == NODE_REVISION    ? ROW->revision->created_ms
                            : ROW->kind == NODE_CONTAINER ? ROW->container->since_ms
                            : ROW->kind == NODE_EVENT     ? ROW->event->last_ms
                                                          : ROW->pod->created_ms);
}

static const struct column columns[] = {
    { "REVISION / POD / EVENT", 24, 46, 0, false, cell_what, NULL, NULL },
    { "READY", 5, 6, 1, true, cell_ready, NULL, NULL },
    { "RST", 3, 5, 3, true, cell_restarts, key_restarts, NULL },
    { "AGE", 5, 6, 2, true, cell_age, key_age, NULL },
    { "STATE", 24, 0, 1, false, cell_state, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, is_fault,
                                      NULL, health_of, NULL };

/* ---- the panel ---- */

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct workload *w = find(s, f);
    if (w)
        buf_addf(out, "%s %s/%s", workload_kind_name(w->kind), w->ns, w->name);
    table_describe(&s->table, &ops, out);
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    const struct workload *w = find(s, f);
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    uint64_t version = ws ? ws->section.version : 0;
    if (!w) {
        s->n = 0;
        s->version = 0;
        s->made++;
    } else if (version != s->version) {
        make_tree(s, w);
        s->version = version;
        s->made++;
    }
    table_settle(&s->table, &ops, s, f, s->made, rows - HEAD_ROWS, cols);
}

static void head(const struct workload *w, const struct frame *f, struct canvas *c)
{
    char line[512], age[CLOCK_TEXT];
    enum role r = w->rollout.state == ROLLOUT_FAILED ? ROLE_FAIL : ROLE_TEXT;
    canvas_text(c, 0, 1, -1, r, w->rollout.message);
    snprintf(line, sizeof line, "%" PRId64 "/%" PRId64 " ready, revision %" PRId64 ", image %s, deployed %s ago%s%s%s%s%s%s",
             w->ready, w->desired, w->revision, w->image_tag, panel_age(f, w->deployed_ms, age),
             w->hpa[0] ? ", HPA " : "", w->hpa, w->services[0] ? ", Service " : "", w->services,
             w->owner[0] ? ", owned by " : "", w->owner);
    canvas_text(c, 1, 1, -1, ROLE_DIM, line);
    canvas_text(c, 2, 1, -1, w->health >= HEALTH_WARN ? ROLE_WARN : ROLE_DIM,
                w->pods_unknown ? "pods are not visible to us" : w->problem);
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    const struct workload *w = find(s, f);
    if (!w) {
        canvas_text(c, 0, 2, -1, ROLE_DIM, s->id[0] ? "this workload is gone (esc goes back)" : "");
        return;
    }
    c->stale = panels_are_stale(f);
    head(w, f, c);
    struct canvas body = canvas_window(c, (struct area){ HEAD_ROWS, 0, c->at.rows - HEAD_ROWS, c->at.cols });
    table_render(&s->table, &ops, s, f, &body, c->stale);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    (void)f;
    return table_nav(&s->table, &ops, s, n, arg);
}

static const struct node *selected(const struct state *s)
{
    return table_selected(&s->table, &ops, s);
}

static bool has_row(const void *state, const struct frame *f)
{
    /* the nodes point into the snapshot that was settled: a newer one may be in the frame */
    const struct state *s = state;
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    return ws && ws->section.version == s->version && selected(s) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    if (has_row(state, f))
        table_copy(&((const struct state *)state)->table, &ops, state, f, out);
}

static bool locate(void *state, const struct frame *f, const char *id)
{
    struct state *s = state;
    (void)f;
    if (!text_eq(s->id, id)) {
        snprintf(s->id, sizeof s->id, "%s", id);
        s->version = 0;
        s->table.id[0] = '\0';
        s->table.at = s->table.top = 0;
    }
    return true;
}

static void release(void *state)
{
    struct state *s = state;
    table_release(&s->table);
    free(s->nodes);
}

/* ---- commands ---- */

static void expand(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct state *s = state;
    const struct node *n = selected(s);
    (void)f, (void)arg;
    if (n->kind != NODE_POD) {
        ui_warn(ui, "only pods open; d describes what is selected");
        return;
    }
    for (size_t i = 0; i < s->n_open; i++) {
        if (text_eq(s->open[i], n->pod->uid)) {
            memmove(s->open[i], s->open[i + 1], (s->n_open - i - 1) * sizeof s->open[0]);
            s->n_open--;
            s->version = 0;
            return;
        }
    }
    if (s->n_open == OPEN_PODS) {
        memmove(s->open[0], s->open[1], sizeof s->open - sizeof s->open[0]);
        s->n_open--;
    }
    snprintf(s->open[s->n_open++], sizeof s->open[0], "%s", n->pod->uid);
    s->version = 0;
}

/* A container that crashes has its last words in the run before. */
static void open_log(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct node *n = selected(state);
    const struct workload *w = find(state, f);
    const struct pod *p = n->pod;
    struct cmd_msg m = { .doc = DOC_LOG, .resource = "pods", .previous = text_eq(arg, "previous") };
    for (size_t i = 0; !p && w && i < w->n_pods; i++) { /* on a revision or an event: its pod */
        if (n->revision ? is_of(w->pods[i], n->revision) : text_eq(w->pods[i]->uid, n->event->object_uid))
            p = w->pods[i];
    }
    if (!p) {
        ui_warn(ui, "no pod here has a log");
        return;
    }
    const struct container *c = n->container;
    for (size_t i = 0; !c && i < p->n_containers; i++) {
        if (!p->containers[i].is_ready && p->containers[i].restarts)
            c = &p->containers[i];
    }
    for (size_t i = 0; !c && i < p->n_containers; i++) {
        if (!p->containers[i].is_init)
            c = &p->containers[i];
    }
    snprintf(m.ns, sizeof m.ns, "%s", p->ns);
    snprintf(m.name, sizeof m.name, "%s", p->name);
    snprintf(m.container, sizeof m.container, "%s", c ? c->name : "");
    ui_open_doc(ui, &m);
}

static const char *revision_resource(const struct workload *w)
{
    return w->kind == WORKLOAD_DEPLOYMENT ? "replicasets.apps" : "controllerrevisions.apps";
}

static void open_text(struct ui *ui, const struct state *s, const struct frame *f, enum doc_kind kind)
{
    const struct node *n = selected(s);
    const struct workload *w = find(s, f);
    struct cmd_msg m = { .doc = kind };
    snprintf(m.ns, sizeof m.ns, "%s", w->ns);
    if (n->kind == NODE_REVISION) {
        snprintf(m.resource, sizeof m.resource, "%s", revision_resource(w));
        snprintf(m.name, sizeof m.name, "%s", n->revision->name);
    } else if (n->kind == NODE_EVENT) {
        snprintf(m.resource, sizeof m.resource, "events");
        snprintf(m.name, sizeof m.name, "%s", n->event->name);
    } else {
        snprintf(m.resource, sizeof m.resource, "pods");
        snprintf(m.name, sizeof m.name, "%s", n->pod->name);
    }
    ui_open_doc(ui, &m);
}

static void describe(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    open_text(ui, state, f, DOC_DESCRIBE);
}

static void raw(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)arg;
    open_text(ui, state, f, DOC_RAW);
}

static void diff(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct node *n = selected(state);
    const struct workload *w = find(state, f);
    struct cmd_msg m = { .doc = DOC_DIFF };
    (void)arg;
    for (size_t i = 0; i < w->n_revisions; i++) {
        const struct revision *r = &w->revisions[i];
        bool is_it = n->revision ? r == n->revision : n->pod ? is_of(n->pod, r) : r->is_current;
        if (!is_it)
            continue;
        if (i + 1 == w->n_revisions) {
            ui_warn(ui, "there is no revision before %" PRId64, r->number);
            return;
        }
        snprintf(m.resource, sizeof m.resource, "%s", revision_resource(w));
        snprintf(m.ns, sizeof m.ns, "%s", w->ns);
        snprintf(m.name, sizeof m.name, "%s", r->name);
        snprintf(m.other, sizeof m.other, "%s", w->revisions[i + 1].name);
        ui_open_doc(ui, &m);
        return;
    }
    ui_warn(ui, "no revision is selected");
}

static void errors(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    char id[TABLE_ID + 16];
    (void)f, (void)arg;
    snprintf(id, sizeof id, "workload:%s", ((struct state *)state)->id);
    ui_open(ui, "errors", id);
}

static const struct cmd cmds[] = {
    { "errors", "", "the errors of this workload", false, errors },
    { "expand", "", "show or hide the containers of a pod", true, expand },
    { "log", "[previous]", "the pod's log, of this run or the one before", true, open_log },
    { "describe", "", "describe what is selected", true, describe },
    { "raw", "", "what is selected as YAML", true, raw },
    { "diff", "", "the revision's template against the one before", true, diff },
    { 0 },
};

const struct panel_ops workload_panel = {
    .name = "workload",
    .reads = 1u << SECTION_WORKLOADS | 1u << SECTION_SOURCES | 1u << SECTION_CLOCK,
    .is_layer = true, .state_size = sizeof(struct state), .cmds = cmds, .title = title,
    .settle = settle, .render = render, .nav = nav, .has_row = has_row, .copy = copy,
    .locate = locate, .release = release,
};
