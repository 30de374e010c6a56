/*
 * The error feed: every row of deployment_errors, newest first, or merged into groups of the same error;
 * a histogram a minute above it, with the deploys marked.
 *
 * Pinned to the newest row it follows; once the selection leaves it, the rows that come are counted.
 */
#include "panels/errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"

enum { HISTOGRAM_LEAST = 9 /* rows that a panel has before it spares two */, NOTICES = 2 };
enum show { SHOW_ALL, SHOW_OPEN, SHOW_RESOLVED, N_SHOWS };

struct state {
    struct table table;          /* of the feed, or of the groups */
    bool is_grouped;
    unsigned severities, categories; /* masks; 0 = all */
    enum show show;
    char service[ERROR_NAME], workload[TABLE_ID];
    struct error_list list;
    size_t room;
    uint64_t version, made;
    bool is_dirty;
    int64_t seen;                /* es->total when the newest row was selected last */
};

static const struct table_ops *ops_of(const struct state *s)
{
    return s->is_grouped ? &error_group_ops : &error_feed_ops;
}

static bool passes(const struct state *s, enum severity sev, enum category cat, const char *service,
                   const char *workload, bool is_open)
{
    return (!s->severities || s->severities & 1u << sev) && (!s->categories || s->categories & 1u << cat) &&
           (!s->service[0] || text_eq_fold(s->service, service)) &&
           (!s->workload[0] || text_eq(s->workload, workload)) &&
           (s->show == SHOW_ALL || is_open == (s->show == SHOW_OPEN));
}

static void make_rows(struct state *s, const struct errors *es)
{
    size_t most = !es ? 0 : s->is_grouped ? es->n_groups : es->n;
    if (most > s->room) {
        s->room = most + most / 2;
        s->list.rows = x_realloc(s->list.rows, s->room * sizeof *s->list.rows);
    }
    s->list.n = 0;
    for (size_t i = 0; i < most; i++) {
        struct error_shown *r = &s->list.rows[s->list.n];
        *r = (struct error_shown){ 0 };
        if (s->is_grouped) {
            const struct error_group *g = r->group = &es->groups[i];
            snprintf(r->id, sizeof r->id, "%.20s", g->id);
            s->list.n += passes(s, g->severity, g->category, g->service, g->workload, g->n_open > 0);
        } else {
            const struct error_item *it = r->item = &es->items[i];
            snprintf(r->id, sizeof r->id, "%" PRId64, it->row->id);
            s->list.n += passes(s, it->row->severity, it->row->category, it->row->service, it->workload,
                           errors_is_open(it));
        }
    }
    s->made++;
}

/* ---- the panel ---- */

static int head_rows(int rows)
{
    return rows >= HISTOGRAM_LEAST ? 2 : 0;
}

static int notice_rows(const struct errors *es, int rows)
{
    int most = rows >= HISTOGRAM_LEAST ? NOTICES : 0;
    return es && es->n_notices ? (int)es->n_notices < most ? (int)es->n_notices : most : 0;
}

static bool is_pinned(const struct state *s)
{
    return s->table.at == 0 && !s->table.sort && !s->table.reverse && !s->is_grouped;
}

static int wants(const struct frame *f, int cols)
{
    (void)cols;
    const struct errors *es = errors_in(f);
    return es && es->is_synced && es->n ? 3 + (int)(es->n + es->n_notices) : 2;
}

static void settle(void *state, const struct frame *f, int rows, int cols)
{
    struct state *s = state;
    const struct errors *es = errors_in(f);
    uint64_t version = es ? es->section.version : 0;
    if (version != s->version || s->is_dirty || !es) {
        if (is_pinned(s) && f->is_drawn) /* on the newest: stay on the newest */
            s->table.id[0] = '\0';
        make_rows(s, es);
        s->version = version;
        s->is_dirty = false;
    }
    table_settle(&s->table, ops_of(s), &s->list, f, s->made, rows - head_rows(rows) - notice_rows(es, rows),
                 cols);
    if (es && is_pinned(s) && f->is_drawn)
        s->seen = es->total;
}

static size_t count_overdue(const struct errors *es, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < es->n; i++)
        n += errors_is_open(&es->items[i]) && es->items[i].due != DUE_NOTHING &&
             es->items[i].due_ms != TIME_NONE && es->items[i].due_ms < now_ms;
    return n;
}

static void describe_filters(const struct state *s, struct buf *out)
{
    static const char *const shows[] = { "", " open only", " resolved only" };
    const char *before = " ";
    for (int i = 0; i < N_SEVERITIES && s->severities; i++) {
        if (s->severities & 1u << i) {
            buf_addf(out, "%s%s", before, severity_name((enum severity)i));
            before = "+";
        }
    }
    before = " ";
    for (int i = 0; i < N_CATEGORIES && s->categories; i++) {
        if (s->categories & 1u << i) {
            buf_addf(out, "%s%s", before, category_name((enum category)i));
            before = "+";
        }
    }
    if (s->service[0])
        buf_addf(out, " of %s", s->service);
    if (s->workload[0])
        buf_addf(out, " of %s", s->workload);
    buf_adds(out, shows[s->show]);
}

static void title(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    const struct errors *es = errors_in(f);
    int64_t open = 0;
    if (!es)
        return;
    char since[CLOCK_TEXT];
    const struct source_health *h = errors_health(f);
    if (errors_are_stale(f))
        buf_addf(out, "STALE since %s, ", panel_time(f, h->since_ms, since));
    for (int i = 0; i < N_SEVERITIES; i++)
        open += es->n_open[i];
    buf_addf(out, "%" PRId64 " open", open);
    const char *before = " (";
    for (int i = 0; i <= SEVERITY_HIGH; i++) {
        if (es->n_open[i]) {
            buf_addf(out, "%s%" PRId64 " %s", before, es->n_open[i], severity_name((enum severity)i));
            before = ", ";
        }
    }
    buf_adds(out, before[0] == ',' ? ")" : "");
    size_t late = count_overdue(es, f->now_ms);
    if (late)
        buf_addf(out, ", %zu LATE", late);
    buf_addf(out, " of %" PRId64, es->total);
    if (es->since_ms != TIME_NONE)
        buf_addf(out, " in %s", clock_format_age((f->now_ms - es->since_ms + 1800000) / 3600000 * 3600000, since));
    if (s->is_grouped)
        buf_addf(out, ", %zu groups", es->n_groups);
    if (!is_pinned(s) && !s->is_grouped && es->total > s->seen)
        buf_addf(out, ", %" PRId64 " new (F follows)", es->total - s->seen);
    describe_filters(s, out);
    table_describe(&s->table, ops_of(s), out);
}

/* The minutes as bars, the worst severity of a minute as its role; a deploy stands under its minute. */
static void render_histogram(const struct errors *es, struct canvas *c)
{
    static const char *const bars[] = { " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587",
                                        "\u2588" };
    static const char *const plain[] = { " ", ".", ".", ":", ":", "+", "+", "#", "#" };
    static const enum role roles[N_SEVERITIES] = { ROLE_FAIL, ROLE_WARN, ROLE_PROGRESS, ROLE_DIM, ROLE_DIM };
    uint32_t sums[ERROR_MINUTES], most = 0;
    char label[64];
    int shown = c->at.cols - 30 < ERROR_MINUTES ? c->at.cols - 30 : ERROR_MINUTES, first = ERROR_MINUTES - shown;
    if (shown < 10)
        return;
    for (int m = first; m < ERROR_MINUTES; m++) {
        sums[m] = 0;
        for (int i = 0; i < N_SEVERITIES; i++)
            sums[m] += es->minutes[m][i];
        most = sums[m] > most ? sums[m] : most;
    }
    snprintf(label, sizeof label, "%u a minute", most);
    canvas_text(c, 0, 2, 14, ROLE_DIM, most ? label : "no errors");
    snprintf(label, sizeof label, "last %d min", shown);
    canvas_text(c, 1, 2, 14, ROLE_DIM, label);
    for (int m = first; m < ERROR_MINUTES; m++) {
        int worst = 0, col = 16 + m - first;
        uint32_t height = most ? (sums[m] * 8 + most - 1) / most : 0;
        while (worst < N_SEVERITIES - 1 && !es->minutes[m][worst])
            worst++;
        enum role r = roles[worst] == ROLE_FAIL ? ROLE_REMOVED : roles[worst]; /* as ink, not as ground */
        canvas_text(c, 0, col, 1, r, c->ascii ? plain[height] : bars[height]);
        canvas_text(c, 1, col, 1, ROLE_DIM, c->ascii ? "-" : "\u2500");
    }
    for (size_t i = 0; i < es->n_deploys; i++) {
        int m = (int)((es->deploys_ms[i] - es->minutes_from_ms) / 60000);
        if (m >= first && m < ERROR_MINUTES)
            canvas_text(c, 1, 16 + m - first, 1, ROLE_KEY, c->ascii ? "D" : "\u25B2");
    }
    canvas_text(c, 0, 17 + shown, -1, ROLE_DIM, es->n_deploys ? c->ascii ? "D deploy" : "\u25B2 deploy" : "");
    canvas_text(c, 1, 17 + shown, -1, ROLE_DIM, es->zone_text); /* how the table's times are read */
}

static void render_empty(const struct state *s, const struct frame *f, struct canvas *c)
{
    const struct errors *es = errors_in(f);
    const struct source_health *h = errors_health(f);
    char age[CLOCK_TEXT];
    if (es && es->is_synced && (es->n || es->n_groups)) {
        canvas_text(c, 0, 2, -1, ROLE_DIM, s->table.faults ? "nothing CRITICAL or HIGH is open (! shows all)"
                                                           : "no row passes the filters (esc clears them)");
    } else if (h && h->state == SOURCE_UNSET) {
        canvas_text(c, 0, 2, -1, ROLE_TEXT, "no error database");
        canvas_text(c, 1, 2, -1, ROLE_DIM, h->text);
    } else if (es && es->is_synced) {
        canvas_textf(c, 0, 2, ROLE_DIM, "no rows in %s; the table is reachable", es->source);
    } else if (h && h->state == SOURCE_FAILED) {
        canvas_text(c, 0, 2, -1, ROLE_FAIL, " no error database ");
        canvas_text(c, 1, 2, -1, ROLE_TEXT, h->text);
    } else {
        canvas_textf(c, 0, 2, ROLE_DIM, "waiting for the error database (%s)",
                     h ? clock_format_age(f->now_ms - h->since_ms, age) : "0s");
    }
}

static void render(const void *state, const struct frame *f, struct canvas *c)
{
    const struct state *s = state;
    const struct errors *es = errors_in(f);
    int head = head_rows(c->at.rows), foot = notice_rows(es, c->at.rows);
    if (!es || !s->table.n) {
        render_empty(s, f, c);
        return;
    }
    c->stale = errors_are_stale(f);
    if (head)
        render_histogram(es, c);
    struct canvas body = canvas_window(c, (struct area){ head, 0, c->at.rows - head - foot, c->at.cols });
    table_render(&s->table, ops_of(s), &s->list, f, &body, c->stale);
    for (int i = 0; i < foot; i++)
        canvas_text(c, c->at.rows - foot + i, 2, -1, ROLE_WARN, es->notices[i]);
}

static bool nav(void *state, const struct frame *f, enum nav n, const char *arg)
{
    struct state *s = state;
    (void)f;
    if (n == NAV_FOLLOW) {
        s->table.sort = 0;
        s->table.reverse = s->is_grouped = false;
        s->is_dirty = s->table.is_dirty = true;
        return table_nav(&s->table, ops_of(s), &s->list, NAV_TOP, NULL);
    }
    if (n == NAV_FILTER && !arg[0] && !s->table.filter[0]) { /* esc a second time: the other filters too */
        s->severities = s->categories = 0;
        s->show = SHOW_ALL;
        s->service[0] = s->workload[0] = '\0';
        s->is_dirty = true;
    }
    return table_nav(&s->table, ops_of(s), &s->list, n, arg);
}

static const struct error_shown *selected(const struct state *s, const struct frame *f)
{
    const struct errors *es = errors_in(f);
    return es && es->section.version == s->version ? table_selected(&s->table, ops_of(s), &s->list) : NULL;
}

static bool has_row(const void *state, const struct frame *f)
{
    return selected(state, f) != NULL;
}

static void copy(const void *state, const struct frame *f, struct buf *out)
{
    const struct state *s = state;
    if (selected(s, f))
        table_copy(&s->table, ops_of(s), &s->list, f, out);
}

/* "4711" selects a row, "workload:ID" and "service:NAME" filter. */
static bool locate(void *state, const struct frame *f, const char *id)
{
    struct state *s = state;
    (void)f;
    s->is_dirty = true;
    if (text_skip(&id, "workload:")) {
        snprintf(s->workload, sizeof s->workload, "%s", id);
        s->service[0] = '\0';
        return true;
    }
    if (text_skip(&id, "service:")) {
        snprintf(s->service, sizeof s->service, "%s", id);
        s->workload[0] = '\0';
        return true;
    }
    s->is_grouped = false;
    return table_locate(&s->table, id);
}

static void release(void *state)
{
    struct state *s = state;
    table_release(&s->table);
    free(s->list.rows);
}

/* ---- commands ---- */

/* The newest row of a group that is open, or resolved, stands for it; or else the newest. */
static const struct error_item *item_of(const struct error_shown *r, const struct frame *f, bool is_open)
{
    const struct errors *es = errors_in(f);
    const struct error_item *newest = r->item;
    for (size_t i = 0; r->group && i < es->n; i++) {
        const struct error_item *it = &es->items[i];
        if (it->group >= es->n_groups || &es->groups[it->group] != r->group)
            continue;
        if (errors_is_open(it) == is_open)
            return it;
        newest = newest ? newest : it;
    }
    return newest;
}

static void open_row(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct error_item *it = item_of(selected(state, f), f, true);
    char id[24];
    (void)arg;
    if (!it) {
        ui_warn(ui, "no row of this group is held any more");
        return;
    }
    snprintf(id, sizeof id, "%" PRId64, it->row->id);
    ui_open(ui, "error", id);
}

static void merge(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct state *s = state;
    (void)f, (void)arg;
    s->is_grouped = !s->is_grouped;
    s->is_dirty = true;
    s->table.sort = 0;
    s->table.reverse = false;
    s->table.at = s->table.top = 0;
    s->table.id[0] = '\0';
    ui_say(ui, s->is_grouped ? "rows of the same error are one line" : "every row is a line");
}

static void workload(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct error_shown *r = selected(state, f);
    const char *id = r->group ? r->group->workload : r->item->workload;
    (void)arg;
    if (id[0])
        ui_open(ui, "workload", id);
    else
        ui_warn(ui, "the service belongs to no workload here (services: in the config names one)");
}

static void severity(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    static const unsigned cycle[] = { 0, 1u << SEVERITY_CRITICAL, 1u << SEVERITY_CRITICAL | 1u << SEVERITY_HIGH };
    struct state *s = state;
    unsigned mask = 0;
    enum severity one;
    (void)f;
    char copy[64];
    snprintf(copy, sizeof copy, "%s", arg);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, ", +"));) {
        if (word[0] && severity_parse(word, &one))
            mask |= 1u << one;
        else if (word[0] && !text_eq(word, "all")) {
            ui_warn(ui, "severity: CRITICAL, HIGH, MEDIUM, LOW, joined by ',', or all");
            return;
        }
    }
    if (!arg[0]) {
        size_t i = 0;
        while (i < ARRAY_LEN(cycle) && cycle[i] != s->severities)
            i++;
        mask = cycle[(i + 1) % ARRAY_LEN(cycle)];
    }
    s->severities = mask;
    s->is_dirty = true;
}

static void category(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct state *s = state;
    unsigned mask = 0;
    (void)f;
    for (int i = 0; i < N_CATEGORIES; i++) {
        if (text_eq(arg, category_name((enum category)i)))
            mask = 1u << i;
    }
    if (!mask && arg[0] && !text_eq(arg, "all"))
        ui_warn(ui, "category: configuration, dependency, resource, network, security, performance, other, or all");
    else
        s->categories = mask;
    s->is_dirty = true;
}

static void service(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    struct state *s = state;
    (void)ui, (void)f;
    snprintf(s->service, sizeof s->service, "%s", text_eq(arg, "all") ? "" : arg);
    s->workload[0] = '\0';
    s->is_dirty = true;
}

static void show(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    static const char *const words[] = { "all", "open", "resolved" };
    struct state *s = state;
    (void)f;
    if (!arg[0])
        s->show = (enum show)((s->show + 1) % N_SHOWS);
    for (int i = 0; i < N_SHOWS; i++) {
        if (text_eq(arg, words[i]))
            s->show = (enum show)i;
    }
    ui_say(ui, "showing %s errors", words[s->show]);
    s->is_dirty = true;
}

ERROR_ACTS(item_of(selected(state, f), f, true), item_of(selected(state, f), f, false))

static const struct cmd cmds[] = {
    { "open", "", "the whole record: stack trace, impact, history", true, open_row },
    { "merge", "", "rows of the same error as one line, or each by itself", false, merge },
    { "workload", "", "the workload that the error belongs to", true, workload },
    { "severity", "[NAME,...|all]", "only these; alone: CRITICAL, and HIGH, all", false, severity },
    { "category", "NAME|all", "only this category", false, category },
    { "service", "NAME|all", "only this service", false, service },
    { "show", "[open|resolved|all]", "open or resolved errors only; alone: the next of these", false, show },
    ERROR_ACT_CMDS,
    { 0 },
};

const struct panel_ops errors_panel = {
    .name = "errors",
    .reads = 1u << SECTION_ERRORS | 1u << SECTION_SOURCES | 1u << SECTION_CLOCK,
    .state_size = sizeof(struct state), .cmds = cmds, .title = title,
    .is_stale = errors_are_stale, .wants = wants, .settle = settle,
    .render = render, .nav = nav, .has_row = has_row, .copy = copy, .locate = locate, .release = release,
};
