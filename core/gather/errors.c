#include "core/gather/errors.h"

#include <inttypes.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/change/resolve_group.h"
#include "core/gather/error_record.h"
#include "core/gather/local_steps.h"
#include "core/judge/groups.h"
#include "core/sources/errdb.h"
#include "core/store/statedir.h"

enum { NOTICE = 200, NOTICES = 8, ID_PERCENT = 80 };

struct place { /* a service's name, folded, and the workload that it means */
    char name[ERROR_NAME];
    const char *id; /* in the workloads section that it was made from */
    int64_t deployed_ms;
    UT_hash_handle hh;
};

struct gather_errors {
    struct gather_errors_spec spec;
    char *state_dir, *by;
    struct triage_rules *rules;
    struct errdb *db;
    struct err broken; /* the place cannot be read as one */
    struct groups *groups;
    int64_t zone_ms;   /* that the groups were told */
    struct place *places;
    struct workloads *placed; /* the section that places point into, our reference */
    struct local_steps *locals;
    char locals_of[256]; /* the source whose steps were read */
    bool has_moved;
    char sum[600];     /* of the state, as the last section showed it */
    int64_t minute;    /* of the last section: its histogram moves with it */
    struct error_record *record; /* the one that is open */
    /* the change that is asked for; one that was sent goes on when its dialog is put away */
    struct error_act *act;   /* of one row, */
    struct group_act *all;   /* or of the rows of a group; one of the two at most */
    uint64_t plan_request;
};

/* ---- the feed ---- */

static int64_t to_utc(const struct gather_errors *g, const struct error_row *r, int64_t local_ms)
{
    return local_ms == TIME_NONE || r->is_zoned ? local_ms : local_ms - g->zone_ms;
}

static void moved(struct gather_errors *g)
{
    g->has_moved = true;
    g->spec.on_data(g->spec.ctx);
}

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row, const struct error_row *before)
{
    struct gather_errors *g = ctx;
    int64_t at_ms = to_utc(g, row, row->local_ms);
    if (ev == FEED_NEW)
        groups_add(g->groups, row, at_ms);
    else if (ev == FEED_UPDATE && before)
        groups_change(g->groups, before, row, at_ms);
    else if (ev == FEED_DELETE || ev == FEED_DROP)
        groups_remove(g->groups, row, at_ms, ev == FEED_DROP);
    moved(g);
}

/* What the section shows of the state, as one text: is there anything new in it? */
static void sum_up(const struct errdb_state *st, char out[600])
{
    int64_t skew_s = st->skew_ms == TIME_NONE ? 0 : st->skew_ms / 2000;
    snprintf(out, 600, "%d %d %d %x %" PRId64 " %" PRId64 " %d %" PRId64 " %" PRIu64 " %.100s %.200s", st->is_synced,
             st->has_steps, st->may_miss, st->missing, skew_s, st->look_from_ms / 60000, st->held_back_ms != TIME_NONE,
             st->sequence_percent, st->steps_version, st->zone_text, st->source);
}

static void on_state(void *ctx)
{
    struct gather_errors *g = ctx;
    char sum[sizeof g->sum];
    g->spec.on_health(g->spec.ctx);
    if (!g->db) /* its first words come before errdb_open returns */
        return;
    struct errdb_state st = errdb_state(g->db);
    if (st.zone_ms != g->zone_ms) {
        groups_shift(g->groups, g->zone_ms - st.zone_ms);
        g->zone_ms = st.zone_ms;
    }
    if (st.health.state == SOURCE_LIVE && !text_eq(g->locals_of, st.source) &&
        local_steps_read(g->locals, st.source)) /* they are kept by the source's name, which the connection knows */
        snprintf(g->locals_of, sizeof g->locals_of, "%s", st.source);
    sum_up(&st, sum);
    if (text_eq(sum, g->sum))
        return;
    memcpy(g->sum, sum, sizeof g->sum);
    moved(g);
}

struct source_health gather_errors_health(const struct gather_errors *g)
{
    struct source_health h = { .name = "errors", .state = SOURCE_UNSET, .proved_ms = TIME_NONE,
                               .retry_ms = TIME_NONE, .since_ms = clock_story_ms(), .objects = -1,
                               .text = "set errors.db in the config, give --errors-db URI, or make a file with `bakewatch errors init --apply`" };
    if (g && g->db)
        h = errdb_state(g->db).health;
    else if (g && g->broken.code)
        h.text = g->broken.text;
    return h;
}

/* ---- services and workloads ---- */

static void fold(char out[ERROR_NAME], const char *s)
{
    size_t n = 0;
    for (; *s && n + 1 < ERROR_NAME; s++)
        out[n++] = (char)tolower((unsigned char)*s);
    out[n] = '\0';
}

static void drop_places(struct gather_errors *g)
{
    struct place *p, *next;
    HASH_ITER(hh, g->places, p, next) {
        HASH_DEL(g->places, p);
        free(p);
    }
    section_unref(g->placed ? &g->placed->section : NULL);
    g->placed = NULL;
}

/* The first to claim a name has it. */
static void claim(struct gather_errors *g, const char *name, const struct workload *w)
{
    struct place *p;
    char folded[ERROR_NAME];
    fold(folded, name);
    HASH_FIND_STR(g->places, folded, p);
    if (p || !folded[0])
        return;
    p = x_calloc(1, sizeof *p);
    memcpy(p->name, folded, sizeof p->name);
    p->id = w->id;
    p->deployed_ms = w->deployed_ms;
    HASH_ADD_STR(g->places, name, p);
}

/* "deployment/payment-api", "payment-api" */
static bool is_named(const struct workload *w, const char *name)
{
    const char *slash = strrchr(name, '/');
    char kind[32];
    if (!slash)
        return text_eq_fold(w->name, name);
    snprintf(kind, sizeof kind, "%.*s", (int)(slash - name), name);
    return text_eq_fold(w->name, slash + 1) &&
           (text_eq_fold(kind, workload_kind_name(w->kind)) || text_eq_fold(kind, workload_kind_short(w->kind)) ||
            text_eq_fold(kind, workload_kind_resource(w->kind)));
}

static void make_places(struct gather_errors *g, const struct workloads *ws)
{
    if (g->placed && ws && g->placed->section.version == ws->section.version)
        return;
    drop_places(g);
    if (!ws)
        return;
    section_ref((struct section *)(uintptr_t)&ws->section);
    g->placed = (struct workloads *)(uintptr_t)ws;
    for (size_t i = 0; g->spec.env && i < g->spec.env->n_services; i++) {
        for (size_t j = 0; j < ws->n; j++) {
            if (is_named(ws->items[j], g->spec.env->services[i].workload))
                claim(g, g->spec.env->services[i].name, ws->items[j]);
        }
    }
    for (size_t j = 0; j < ws->n; j++)
        claim(g, ws->items[j]->app, ws->items[j]);
    for (size_t j = 0; j < ws->n; j++)
        claim(g, ws->items[j]->name, ws->items[j]);
}

static struct groups_place place_of(void *ctx, const char *service)
{
    struct gather_errors *g = ctx;
    struct place *p;
    char folded[ERROR_NAME];
    fold(folded, service);
    HASH_FIND_STR(g->places, folded, p);
    return (struct groups_place){ p ? p->id : "", p ? p->deployed_ms : TIME_NONE };
}

/* ---- the section ---- */

static const struct error_done *steps_of(struct gather_errors *g, struct arena *a, int64_t id)
{
    const struct error_done *shared = errdb_steps(g->db, id), *locals = local_steps_find(g->locals, id);
    if (!shared && !locals)
        return NULL;
    struct error_done *out = arena_alloc(a, N_STEPS * sizeof *out);
    for (int i = 0; i < N_STEPS; i++) {
        const struct error_done *d = shared && shared[i].at_ms != TIME_NONE ? &shared[i] : locals ? &locals[i] : NULL;
        out[i] = (struct error_done){ .at_ms = TIME_NONE, .by = "", .note = "" };
        if (d && d->at_ms != TIME_NONE)
            out[i] = (struct error_done){ d->at_ms, arena_strdup(a, d->by), arena_strdup(a, d->note), d->is_local };
    }
    return out;
}

static int newest_first(const void *a, const void *b)
{
    const struct error_item *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? 1 : -1;
    return (x->row->id < y->row->id) - (x->row->id > y->row->id);
}

static void notice(struct errors *es, const char **list, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void notice(struct errors *es, const char **list, const char *fmt, ...)
{
    char text[NOTICE];
    va_list ap;
    if (es->n_notices == NOTICES)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    list[es->n_notices++] = arena_strdup(&es->section.arena, text);
}

static void make_notices(struct errors *es, const struct errdb_state *st, int64_t now_ms)
{
    const char **list = arena_alloc(&es->section.arena, NOTICES * sizeof *list);
    char when[CLOCK_TEXT];
    es->notices = list;
    for (int i = 0; i < N_COLUMNS; i++) {
        if (st->missing & 1u << i)
            notice(es, list, "the table has no column %s", error_column_names[i]);
    }
    if (st->held_back_ms != TIME_NONE && now_ms - st->held_back_ms > 60000)
        notice(es, list, "the tail is held back by a transaction that began %s",
               clock_format_rfc3339(st->held_back_ms, when));
    if (st->may_miss)
        notice(es, list, "this server has no snapshots to read by: late commits may be missed");
    if (st->sequence_percent >= ID_PERCENT)
        notice(es, list, "%d %% of the ids are used up (a 32-bit sequence)", (int)st->sequence_percent);
    if (st->skew_ms != TIME_NONE && (st->skew_ms > 2000 || st->skew_ms < -2000))
        notice(es, list, "the server's clock is %s %s ours",
               clock_format_age(st->skew_ms < 0 ? -st->skew_ms : st->skew_ms, when),
               st->skew_ms > 0 ? "ahead of" : "behind");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct error_open *)a)->workload, ((const struct error_open *)b)->workload);
}

static void count_open(struct errors *es)
{
    /* by group first: rows are many, groups and workloads few; what has no group is a row of its own */
    struct error_open *list = arena_alloc(&es->section.arena, (es->n_groups + es->n + 1) * sizeof *list);
    size_t n = es->n_groups, kept = 0;
    for (size_t i = 0; i < es->n_groups; i++)
        list[i].workload = es->groups[i].workload;
    for (size_t i = 0; i < es->n; i++) {
        const struct error_item *it = &es->items[i];
        if (!it->workload[0] || !error_is_open(it->row))
            continue;
        struct error_open *o = it->group < es->n_groups ? &list[it->group] : &list[n++];
        o->workload = it->workload;
        o->n[it->row->severity]++;
    }
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) {
        bool is_same = kept && text_eq(list[kept - 1].workload, list[i].workload);
        if (!list[i].workload[0])
            continue;
        if (!is_same)
            list[kept++] = list[i];
        for (int s = 0; s < N_SEVERITIES && is_same; s++)
            list[kept - 1].n[s] += list[i].n[s];
    }
    es->by_workload = list;
    es->n_by_workload = kept;
}

static void add_deploys(struct gather_errors *g, struct errors *es)
{
    size_t n = 0, room = g->placed ? g->placed->n : 0;
    int64_t *list = arena_alloc(&es->section.arena, (room + 1) * sizeof *list);
    for (size_t i = 0; i < room; i++) {
        int64_t ms = g->placed->items[i]->deployed_ms;
        if (ms != TIME_NONE && ms >= es->minutes_from_ms)
            list[n++] = ms;
    }
    es->deploys_ms = list;
    es->n_deploys = n;
}

struct errors *gather_errors_section(struct gather_errors *g, const struct workloads *ws, int64_t now_ms)
{
    bool is_other = ws && (!g->placed || g->placed->section.version != ws->section.version);
    if (!g->db || (!g->has_moved && !is_other && now_ms / 60000 == g->minute))
        return NULL;
    const struct errfeed *feed = errdb_feed(g->db);
    struct errdb_state st = errdb_state(g->db);
    if (!st.is_synced && !errfeed_count(feed))
        return NULL;
    make_places(g, ws);
    struct errors *es = errors_new(errfeed_count(feed));
    struct arena *a = &es->section.arena;
    groups_fill(g->groups, es, now_ms, st.look_from_ms, place_of, g);
    struct feed_totals totals = errfeed_totals(feed);
    es->total = totals.n;
    memcpy(es->n_open, totals.n_open, sizeof es->n_open);
    for (size_t i = errfeed_count(feed); i-- > 0;) {
        struct error_row *r = errfeed_at(feed, i);
        struct error_item *it = &es->items[es->n++];
        it->row = error_row_ref(r);
        it->at_ms = to_utc(g, r, r->local_ms);
        if (it->at_ms == TIME_NONE)
            it->at_ms = r->received_ms;
        it->resolved_ms = to_utc(g, r, r->resolved_local_ms);
        it->steps = steps_of(g, a, r->id);
        struct error_clock c = triage_clock(r->severity, it->at_ms, !error_is_open(r), it->steps);
        it->due = c.due;
        it->due_ms = c.due_ms;
        it->group = groups_index(g->groups, r->fingerprint);
        it->workload = it->group < es->n_groups ? es->groups[it->group].workload
                                                : arena_strdup(a, place_of(g, r->service).workload);
    }
    qsort(es->items, es->n, sizeof *es->items, newest_first);
    count_open(es);
    add_deploys(g, es);
    es->dropped = es->total - (int64_t)es->n;
    es->since_ms = st.look_from_ms;
    es->is_synced = st.is_synced;
    es->zone_ms = st.zone_ms;
    es->zone_text = arena_strdup(a, st.zone_text);
    es->skew_ms = st.skew_ms;
    es->source = arena_strdup(a, st.source);
    es->has_steps = st.has_steps;
    make_notices(es, &st, now_ms);
    g->has_moved = false;
    g->minute = now_ms / 60000;
    return es;
}

/* ---- the whole record ---- */

void gather_errors_open(struct gather_errors *g, const struct cmd_msg *m)
{
    error_record_open(g->record, g->db, m);
}

void gather_errors_close(struct gather_errors *g)
{
    error_record_close(g->record);
}

struct doc *gather_errors_doc(const struct gather_errors *g)
{
    return error_record_doc(g->record);
}

/* ---- changes ---- */

static void on_plan(void *ctx)
{
    struct gather_errors *g = ctx;
    g->spec.on_plan(g->spec.ctx);
}

static void on_step(void *ctx, int64_t id, enum error_step s, const struct error_done *d)
{
    local_steps_put(((struct gather_errors *)ctx)->locals, id, s, d);
    moved(ctx);
}

static const struct error_done *local_steps(void *ctx, int64_t id)
{
    return local_steps_find(((struct gather_errors *)ctx)->locals, id);
}

static bool is_under_way(const struct gather_errors *g)
{
    enum plan_state s = g->act ? error_act_state(g->act) : g->all ? group_act_state(g->all) : PLAN_DONE;
    return s == PLAN_RUNNING || s == PLAN_UNKNOWN;
}

static void drop_act(struct gather_errors *g)
{
    error_act_free(g->act);
    group_act_free(g->all);
    g->act = NULL;
    g->all = NULL;
}

/* The open rows of the group that the row is in, the newest first; returns how many there are. */
static size_t open_rows(const struct gather_errors *g, int64_t id, int64_t ids[GROUP_ROWS])
{
    const struct errfeed *feed = errdb_feed(g->db);
    const struct error_row *row = errfeed_find(feed, id);
    size_t n = 0;
    for (size_t i = row ? errfeed_count(feed) : 0; i-- > 0;) {
        const struct error_row *r = errfeed_at(feed, i);
        if (r->fingerprint != row->fingerprint || !error_is_open(r))
            continue;
        if (n < GROUP_ROWS)
            ids[n] = r->id;
        n++;
    }
    return n;
}

void gather_errors_plan(struct gather_errors *g, const struct cmd_msg *m)
{
    int64_t ids[GROUP_ROWS];
    g->plan_request = m->request;
    if (is_under_way(g)) /* its frame is shown again: one change at a time */
        return;
    drop_act(g);
    if (!g->db)
        return;
    size_t n = open_rows(g, m->id, ids);
    struct error_act_spec spec = { .loop = g->spec.loop, .worker = g->spec.worker, .gate = g->spec.gate, .db = g->db,
                                   .state_dir = g->state_dir, .verb = m->verb, .id = m->id, .note = m->note,
                                   .by = g->by, .is_production = g->spec.is_production, .n_open = n,
                                   .on_change = on_plan, .on_step = on_step, .local_steps = local_steps, .ctx = g };
    if (m->is_group)
        g->all = group_act_new(&spec, ids, n < GROUP_ROWS ? n : GROUP_ROWS, n);
    else
        g->act = error_act_new(&spec);
}

void gather_errors_confirm(struct gather_errors *g, const struct cmd_msg *m)
{
    if (m->request != g->plan_request)
        return;
    if (g->act)
        error_act_confirm(g->act, m->hash);
    else if (g->all)
        group_act_confirm(g->all, m->hash);
}

void gather_errors_put_away(struct gather_errors *g, uint64_t request)
{
    if (request == g->plan_request && !is_under_way(g))
        drop_act(g);
}

struct plan *gather_errors_plan_section(const struct gather_errors *g)
{
    return g->act   ? error_act_plan(g->act, g->plan_request)
           : g->all ? group_act_plan(g->all, g->plan_request)
                    : NULL;
}

/* ---- the object ---- */

static void on_locals(void *ctx)
{
    moved(ctx);
}

static const char *env_of(const char *name)
{
    return getenv(name);
}

enum err_code errors_rules(const struct conf_errors *conf, struct triage_rules **out, struct err *e)
{
    struct triage_rule rules[CONF_RULES];
    size_t n = conf ? conf->n_rules : 0;
    for (size_t i = 0; i < n; i++)
        rules[i] = (struct triage_rule){ conf->rules[i].match, conf->rules[i].code,
                                         (enum category)conf->rules[i].category };
    return triage_rules_new(rules, n, out, e);
}

/* conninfo's quotes: a service may be called anything. */
static char *service_place(const char *service)
{
    struct buf b = BUF_INIT(4096);
    buf_adds(&b, "service='");
    for (const char *s = service; *s; s++)
        buf_addf(&b, *s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
    buf_adds(&b, "'");
    return buf_take(&b);
}

struct errors_where errors_where(const char *place, const struct conf_errors *conf, const char *state_dir, bool is_wanted)
{
    struct errors_where w = { .timezone = conf ? conf->timezone : NULL };
    struct statedir dir;
    if (place)
        w.place = x_strdup(place);
    else if (conf && conf->service)
        w.place = service_place(conf->service);
    else if (conf && conf->db)
        w.place = x_strdup(conf->db);
    if (w.place || statedir_find(state_dir, env_of, &dir, NULL))
        return w;
    char *file = x_asprintf("sqlite://%s/errors.db", dir.path);
    if (!is_wanted && access(file + strlen("sqlite://"), F_OK)) {
        free(file);
        return w;
    }
    return (struct errors_where){ .place = file, .own_file = file + strlen("sqlite://") };
}

static void open_place(struct gather_errors *g, const struct errors_where *where)
{
    if (!where->place)
        return;
    if (!errors_rules(g->spec.conf, &g->rules, &g->broken)) {
        struct errdb_spec db = { .place = where->place, .timezone = where->timezone,
                                 .rules = g->rules, .back_ms = GROUPS_LOOK_MS,
                                 .feed = { .on_event = on_event, .ctx = g }, .on_state = on_state };
        (void)!errdb_open(g->spec.loop, g->spec.worker, &db, &g->db, &g->broken);
    }
    if (g->broken.code)
        log_put(LOG_ERROR, "errors", "%s", g->broken.text);
}

struct gather_errors *gather_errors_new(const struct gather_errors_spec *spec)
{
    struct gather_errors *g = x_calloc(1, sizeof *g);
    struct errors_where where = errors_where(spec->place, spec->conf, spec->state_dir, false);
    g->spec = *spec;
    g->state_dir = spec->state_dir ? x_strdup(spec->state_dir) : NULL;
    g->by = x_strdup(spec->by);
    g->groups = groups_new();
    g->locals = local_steps_new(spec->worker, g->state_dir, on_locals, g);
    g->record = error_record_new(spec->on_doc, spec->ctx);
    open_place(g, &where);
    free(where.place);
    return g;
}

void gather_errors_look(struct gather_errors *g)
{
    if (g->db || g->broken.code || g->spec.place)
        return;
    struct errors_where where = errors_where(NULL, g->spec.conf, g->state_dir, false);
    open_place(g, &where);
    free(where.place);
}

void gather_errors_free(struct gather_errors *g)
{
    if (!g)
        return;
    local_steps_free(g->locals);
    error_record_free(g->record);
    drop_act(g);
    errdb_close(g->db);
    groups_free(g->groups);
    drop_places(g);
    triage_rules_free(g->rules);
    free(g->state_dir);
    free(g->by);
    free(g);
}

void gather_errors_refresh(struct gather_errors *g)
{
    if (g->db)
        errdb_retry(g->db);
}

void gather_errors_doubt(struct gather_errors *g)
{
    if (g->db)
        errdb_doubt(g->db);
}
