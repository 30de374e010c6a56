/*
 * Rows by table and key, the newest version of each, as spans of the expanded frames; only what is left at the
 * end is unpacked.  The sections are put in the order in which their makers put them.
 */
#include <string.h>
#include <uthash.h>

#include "core/store/frame_tables.h"

enum { MOST_BYTES = 3 * PACK_BYTES, MOST_PODS = 100000 };
static const size_t most_of[N_TABLES] = {
    /* 0: one, the head of a section */
    [TABLE_WORKLOAD] = 20000,      [TABLE_EVENT] = EVENTS_KEPT,  [TABLE_ERROR] = ERRORS_KEPT,
    [TABLE_GROUP] = ERROR_GROUPS,  [TABLE_OPEN] = 20000,         [TABLE_SOURCE] = 1000,
    [TABLE_BAKE] = 20000,          [TABLE_MARK] = VERDICT_MARKS, [TABLE_CHECK] = 20000,
    [TABLE_BAND] = TRACK_SUBJECTS,
};

struct row {
    struct frame_key key;
    const uint8_t *bytes;
    size_t n;
    UT_hash_handle hh;
};

struct expanded {
    struct buf bytes;
    struct expanded *next;
};

struct point { /* of all tracks */
    int64_t at_ms;
    const uint8_t *columns;
    const char **subjects;
    size_t n;
};

struct frame_reader {
    struct row *rows;
    size_t n_of[N_TABLES];
    struct expanded *frames;
    size_t n_bytes;     /* of frames */
    struct arena arena; /* subjects of points */
    struct point points[TRACK_POINTS];
    size_t n_points;
};

struct frame_reader *frame_reader_new(void)
{
    return x_calloc(1, sizeof(struct frame_reader));
}

static void drop_row(struct frame_reader *r, struct row *row)
{
    HASH_DEL(r->rows, row);
    r->n_of[row->key.table]--;
    free(row);
}

void frame_reader_free(struct frame_reader *r)
{
    struct row *row, *next_row;
    if (!r)
        return;
    HASH_ITER (hh, r->rows, row, next_row)
        drop_row(r, row);
    for (struct expanded *x = r->frames, *next; x; x = next) {
        next = x->next;
        buf_release(&x->bytes);
        free(x);
    }
    arena_release(&r->arena);
    free(r);
}

/* The bytes live as long as the reader. */
static enum err_code expand(struct frame_reader *r, const void *data, size_t n, struct pack *out, struct err *e)
{
    struct expanded *x = x_calloc(1, sizeof *x);
    x->bytes = BUF_INIT(PACK_BYTES);
    enum err_code rc = pack_expand(&x->bytes, data, n, e);
    if (rc) {
        buf_release(&x->bytes);
        free(x);
        return rc;
    }
    x->next = r->frames;
    r->frames = x;
    r->n_bytes += x->bytes.len;
    if (r->n_bytes > MOST_BYTES)
        return err_set(e, ERR_LIMIT, 0, "frames of more than %d bytes", MOST_BYTES);
    *out = PACK_READER(buf_str(&x->bytes), x->bytes.len, &r->arena);
    return ERR_OK;
}

static bool put_row(struct frame_reader *r, const struct frame_key *key, const uint8_t *bytes, uint64_t len)
{
    struct row *row;
    HASH_FIND(hh, r->rows, key, sizeof *key, row);
    if (!len) {
        if (row)
            drop_row(r, row);
        return true;
    }
    if (!row) {
        if (HASH_COUNT(r->rows) >= FRAME_ROWS)
            return false;
        row = x_calloc(1, sizeof *row);
        row->key = *key;
        HASH_ADD(hh, r->rows, key, sizeof row->key, row);
        r->n_of[key->table]++;
    }
    row->bytes = bytes;
    row->n = (size_t)len - 1;
    return true;
}

enum err_code frame_read(struct frame_reader *r, const void *data, size_t n, struct err *e)
{
    struct pack k;
    enum err_code rc = expand(r, data, n, &k, e);
    if (rc)
        return rc;
    while (k.p < k.end && !k.is_bad) {
        struct frame_key key = { .table = *k.p++ };
        uint64_t len = 0;
        pack_bytes(&k, &key.key, sizeof key.key);
        pack_u64(&k, &len);
        if (!key.table || key.table >= N_TABLES || (len && len - 1 > (size_t)(k.end - k.p)))
            k.is_bad = true;
        if (k.is_bad)
            break;
        if (!put_row(r, &key, k.p, len))
            return err_set(e, ERR_LIMIT, 0, "a frame of more than %d rows", FRAME_ROWS);
        k.p += len ? len - 1 : 0;
    }
    return k.is_bad ? err_set(e, ERR_PARSE, 0, "a frame is broken") : ERR_OK;
}

enum err_code frame_read_track(struct frame_reader *r, int64_t at_ms, const void *data, size_t n, struct err *e)
{
    struct pack k;
    enum err_code rc = expand(r, data, n, &k, e);
    if (rc)
        return rc;
    struct point p = { .at_ms = at_ms, .n = pack_count(&k, 0, TRACK_SUBJECTS) };
    p.subjects = arena_alloc(&r->arena, (p.n + 1) * sizeof *p.subjects);
    for (size_t i = 0; i < p.n; i++)
        pack_text(&k, &p.subjects[i]);
    p.columns = k.p;
    if (k.is_bad || (size_t)(k.end - k.p) != TRACK_COLUMNS * p.n * sizeof(float))
        return err_set(e, ERR_PARSE, 0, "a point of the courses is broken");
    if (r->n_points == TRACK_POINTS)
        memmove(r->points, r->points + 1, --r->n_points * sizeof *r->points);
    r->points[r->n_points++] = p;
    return ERR_OK;
}

/* ---- the sections ---- */

/* The next row of that table after `row` (NULL = the first), in the order in which they came. */
static struct row *next_of(const struct frame_reader *r, struct row *row, enum frame_table table)
{
    for (row = row ? row->hh.next : r->rows; row && row->key.table != (uint64_t)table;)
        row = row->hh.next;
    return row;
}
#define EACH(row, r, table) for (struct row *row = next_of(r, NULL, table); row; row = next_of(r, row, table))

static bool unpack(const struct row *row, struct arena *a, void (*fn)(struct pack *, void *), void *out)
{
    struct pack k = PACK_READER(row->bytes, row->n, a);
    fn(&k, out);
    return !k.is_bad && k.p == k.end;
}

static bool has(const struct frame_reader *r, enum frame_table table)
{
    return r->n_of[table] > 0;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int workload_order(const void *a, const void *b)
{
    const struct workload *x = *(struct workload *const *)a, *y = *(struct workload *const *)b;
    int d = strcmp(x->ns, y->ns);
    if (!d)
        d = order((int64_t)x->kind, (int64_t)y->kind);
    return d ? d : strcmp(x->name, y->name);
}

struct by_hash { /* a workload by the hash of its id, or of an object of it */
    uint64_t hash;
    struct workload *w;
};

static int hash_order(const void *a, const void *b)
{
    const struct by_hash *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct workload *find_hash(const struct by_hash *list, size_t n, uint64_t hash)
{
    const struct by_hash key = { .hash = hash },
                         *found = n ? bsearch(&key, list, n, sizeof *list, hash_order) : NULL;
    return found ? found->w : NULL;
}

static bool read_usage(const struct row *row, struct workloads *ws)
{
    struct by_hash *ids = x_calloc(ws->n + 1, sizeof *ids);
    struct pack k = PACK_READER(row->bytes, row->n, &ws->section.arena);
    for (size_t i = 0; i < ws->n; i++)
        ids[i] = (struct by_hash){ (uint32_t)frame_hash(ws->items[i]->id, strlen(ws->items[i]->id)), ws->items[i] };
    qsort(ids, ws->n, sizeof *ids, hash_order);
    for (size_t n = pack_count(&k, 0, SIZE_MAX); n && !k.is_bad; n--) {
        struct usage_of u = { 0 };
        row_usage(&k, &u);
        struct workload *w = find_hash(ids, ws->n, u.workload);
        if (w)
            w->total = u.usage;
    }
    free(ids);
    return !k.is_bad;
}

static struct workloads *read_workloads(struct frame_reader *r)
{
    struct workloads *ws = workloads_new(r->n_of[TABLE_WORKLOAD]);
    bool is_fine = unpack(next_of(r, NULL, TABLE_WORKLOADS), &ws->section.arena, row_workloads, ws);
    EACH (row, r, TABLE_WORKLOAD) {
        struct workload *w = ws->items[ws->n++] = workload_new();
        is_fine = is_fine && unpack(row, &w->arena, row_workload, w);
        ws->n_health[w->health]++;
        ws->n_pods += (int64_t)w->n_pods;
        is_fine = is_fine && ws->n_pods <= MOST_PODS;
    }
    qsort(ws->items, ws->n, sizeof *ws->items, workload_order);
    if (is_fine && has(r, TABLE_USAGE))
        is_fine = read_usage(next_of(r, NULL, TABLE_USAGE), ws);
    if (is_fine)
        return ws;
    section_unref(&ws->section);
    return NULL;
}

static int event_order(const void *a, const void *b)
{
    const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
    int d = order(y->last_ms, x->last_ms);
    return d ? d : strcmp(x->uid, y->uid);
}

static struct events *read_events(struct frame_reader *r)
{
    struct events *evs = events_new(r->n_of[TABLE_EVENT]);
    bool is_fine = true;
    EACH (row, r, TABLE_EVENT) {
        struct event *ev = evs->items[evs->n++] = event_new();
        is_fine = is_fine && unpack(row, &ev->arena, row_event, ev);
    }
    qsort(evs->items, evs->n, sizeof *evs->items, event_order);
    if (is_fine)
        return evs;
    section_unref(&evs->section);
    return NULL;
}

static void add_object(struct by_hash *list, size_t *n, const char *uid, struct workload *w)
{
    if (uid[0])
        list[(*n)++] = (struct by_hash){ frame_hash(uid, strlen(uid)), w };
}

/* Each workload's events are those of it, its revisions and its pods. */
static void share_events(struct workloads *ws, struct events *evs)
{
    size_t n = 0, room = 0;
    for (size_t i = 0; i < ws->n; i++)
        room += 1 + ws->items[i]->n_revisions + ws->items[i]->n_pods;
    struct by_hash *objects = x_calloc(room + 1, sizeof *objects);
    for (size_t i = 0; i < ws->n; i++) {
        struct workload *w = ws->items[i];
        add_object(objects, &n, w->uid, w);
        for (size_t j = 0; j < w->n_revisions; j++)
            add_object(objects, &n, w->revisions[j].uid, w);
        for (size_t j = 0; j < w->n_pods; j++)
            add_object(objects, &n, w->pods[j]->uid, w);
    }
    qsort(objects, n, sizeof *objects, hash_order);
    for (size_t i = 0; i < evs->n; i++) {
        struct event *ev = evs->items[i];
        struct workload *w = find_hash(objects, n, frame_hash(ev->object_uid, strlen(ev->object_uid)));
        if (!w || w->n_events == EVENTS_SHOWN)
            continue;
        if (!w->events)
            w->events = arena_alloc(&w->arena, EVENTS_SHOWN * sizeof(struct event *));
        w->events[w->n_events++] = event_ref(ev);
    }
    free(objects);
}

static int error_order(const void *a, const void *b)
{
    const struct error_item *x = a, *y = b;
    int d = order(y->at_ms, x->at_ms);
    return d ? d : order(y->row->id, x->row->id);
}

static int group_order(const void *a, const void *b)
{
    const struct error_group *x = a, *y = b;
    int d = order((int64_t)y->novelty, (int64_t)x->novelty);
    if (!d)
        d = order((int64_t)x->severity, (int64_t)y->severity);
    if (!d)
        d = order(y->last_ms, x->last_ms);
    return d ? d : strcmp(x->id, y->id);
}

static int open_order(const void *a, const void *b)
{
    return strcmp(((const struct error_open *)a)->workload, ((const struct error_open *)b)->workload);
}

static size_t group_of(const struct errors *es, uint64_t fingerprint)
{
    for (size_t i = 0; i < es->n_groups; i++) {
        if (es->groups[i].fingerprint == fingerprint)
            return i;
    }
    return SIZE_MAX;
}

static struct errors *read_errors(struct frame_reader *r)
{
    struct errors *es = errors_new(r->n_of[TABLE_ERROR]);
    struct arena *a = &es->section.arena;
    bool is_fine = unpack(next_of(r, NULL, TABLE_ERRORS), a, row_errors, es);
    es->groups = arena_alloc(a, (r->n_of[TABLE_GROUP] + 1) * sizeof *es->groups);
    es->by_workload = arena_alloc(a, (r->n_of[TABLE_OPEN] + 1) * sizeof *es->by_workload);
    EACH (row, r, TABLE_GROUP)
        is_fine = is_fine && unpack(row, a, row_group, &es->groups[es->n_groups++]);
    EACH (row, r, TABLE_OPEN)
        is_fine = is_fine && unpack(row, a, row_open, &es->by_workload[es->n_by_workload++]);
    EACH (row, r, TABLE_ERROR) {
        struct error_item *it = &es->items[es->n++];
        it->row = error_row_new();
        is_fine = is_fine && unpack(row, &it->row->arena, row_error, it);
    }
    if (!is_fine) {
        section_unref(&es->section);
        return NULL;
    }
    qsort(es->items, es->n, sizeof *es->items, error_order);
    qsort(es->groups, es->n_groups, sizeof *es->groups, group_order);
    qsort(es->by_workload, es->n_by_workload, sizeof *es->by_workload, open_order);
    for (size_t i = 0; i < es->n; i++)
        es->items[i].group = group_of(es, es->items[i].row->fingerprint);
    return es;
}

static struct sources *read_sources(struct frame_reader *r)
{
    struct sources *s = section_new(sizeof *s, NULL);
    bool is_fine = unpack(next_of(r, NULL, TABLE_SOURCES), &s->section.arena, row_sources, s);
    s->n = r->n_of[TABLE_SOURCE];
    s->rows = arena_alloc(&s->section.arena, (s->n + 1) * sizeof *s->rows);
    EACH (row, r, TABLE_SOURCE) /* their keys are 0..n-1 */
        is_fine =
            is_fine && row->key.key < s->n && unpack(row, &s->section.arena, row_source, &s->rows[row->key.key]);
    if (is_fine)
        return s;
    section_unref(&s->section);
    return NULL;
}

static int bake_order(const void *a, const void *b)
{
    const struct bake *x = a, *y = b;
    int d = order((int64_t)y->word, (int64_t)x->word);
    if (!d)
        d = order(y->deployed_ms, x->deployed_ms);
    return d ? d : strcmp(x->subject, y->subject);
}

static int mark_order(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int d = order(x->at_ms, y->at_ms);
    return d ? d : order((int64_t)x->kind, (int64_t)y->kind);
}

static int check_order(const void *a, const void *b)
{
    const struct check *x = a, *y = b;
    int d = strcmp(x->subject, y->subject);
    return d ? d : strcmp(x->name, y->name);
}

static struct verdict *read_verdict(struct frame_reader *r)
{
    struct verdict *v = section_new(sizeof *v, NULL);
    struct arena *a = &v->section.arena;
    bool is_fine = unpack(next_of(r, NULL, TABLE_VERDICT), a, row_verdict, v);
    struct mark *marks = arena_alloc(a, (r->n_of[TABLE_MARK] + 1) * sizeof *marks);
    struct check *checks = arena_alloc(a, (r->n_of[TABLE_CHECK] + 1) * sizeof *checks);
    v->bakes = arena_alloc(a, (r->n_of[TABLE_BAKE] + 1) * sizeof *v->bakes);
    EACH (row, r, TABLE_BAKE)
        is_fine = is_fine && unpack(row, a, row_bake, &v->bakes[v->n_bakes++]);
    EACH (row, r, TABLE_MARK)
        is_fine = is_fine && unpack(row, a, row_mark, &marks[v->n_marks++]);
    EACH (row, r, TABLE_CHECK)
        is_fine = is_fine && unpack(row, a, row_check, &checks[v->n_checks++]);
    v->marks = marks;
    v->checks = checks;
    if (!is_fine) {
        section_unref(&v->section);
        return NULL;
    }
    qsort(v->bakes, v->n_bakes, sizeof *v->bakes, bake_order);
    qsort(marks, v->n_marks, sizeof *marks, mark_order);
    qsort(checks, v->n_checks, sizeof *checks, check_order);
    return v;
}

/* ---- tracks ---- */

static int track_order(const void *a, const void *b)
{
    return strcmp(((const struct track *)a)->subject, ((const struct track *)b)->subject);
}

static int text_order(const void *a, const void *b)
{
    return strcmp(a, *(const char *const *)b);
}

static void put_point(struct tracks *t, const struct point *p, size_t at)
{
    for (size_t i = 0; i < t->n; i++) {
        struct track *of = &t->items[i];
        float *columns[TRACK_COLUMNS] = { (float *)of->p95_ms, (float *)of->error_share,
                                          (float *)of->requests_per_s, (float *)of->cpu_millis,
                                          (float *)of->probe_ms };
        const char **found = p->n ? bsearch(of->subject, p->subjects, p->n, sizeof *p->subjects, text_order) : NULL;
        for (size_t c = 0; found && c < TRACK_COLUMNS; c++)
            memcpy(&columns[c][at], p->columns + (c * p->n + (size_t)(found - p->subjects)) * sizeof(float),
                   sizeof(float));
    }
}

static void make_room(struct tracks *t)
{
    float *all = arena_alloc(&t->section.arena, (t->n * TRACK_COLUMNS * t->n_points + 1) * sizeof *all);
    uint32_t nan_bits = 0x7fc00000;
    for (size_t i = 0; i < t->n * TRACK_COLUMNS * t->n_points; i++)
        memcpy(&all[i], &nan_bits, sizeof *all);
    for (size_t i = 0; i < t->n; i++, all += TRACK_COLUMNS * t->n_points) {
        t->items[i].p95_ms = all;
        t->items[i].error_share = all + t->n_points;
        t->items[i].requests_per_s = all + 2 * t->n_points;
        t->items[i].cpu_millis = all + 3 * t->n_points;
        t->items[i].probe_ms = all + 4 * t->n_points;
    }
}

static struct tracks *read_tracks(struct frame_reader *r, int64_t at_ms)
{
    struct tracks *t = section_new(sizeof *t, NULL);
    bool is_fine = unpack(next_of(r, NULL, TABLE_TRACKS), &t->section.arena, row_tracks, t);
    t->items = arena_alloc(&t->section.arena, (r->n_of[TABLE_BAND] + 1) * sizeof *t->items);
    EACH (row, r, TABLE_BAND)
        is_fine = is_fine && unpack(row, &t->section.arena, row_band, &t->items[t->n++]);
    if (!is_fine) {
        section_unref(&t->section);
        return NULL;
    }
    qsort(t->items, t->n, sizeof *t->items, track_order);
    t->step_ms = TRACK_STEP_MS;
    if (!r->n_points)
        return t;
    int64_t newest = r->points[r->n_points - 1].at_ms; /* and what would have come after it: a gap */
    newest += at_ms > newest ? (at_ms - newest) / TRACK_STEP_MS * TRACK_STEP_MS : 0;
    t->from_ms = newest - (TRACK_POINTS - 1) * (int64_t)TRACK_STEP_MS;
    t->n_points = TRACK_POINTS;
    make_room(t);
    for (size_t i = 0; i < r->n_points; i++) {
        if (r->points[i].at_ms >= t->from_ms && r->points[i].at_ms <= newest)
            put_point(t, &r->points[i], (size_t)((r->points[i].at_ms - t->from_ms) / TRACK_STEP_MS));
    }
    return t;
}

enum err_code frame_snap(struct frame_reader *r, int64_t at_ms, struct snap **out, struct err *e)
{
    static const struct {
        enum section_id section;
        enum frame_table head;
    } parts[] = { { SECTION_WORKLOADS, TABLE_WORKLOADS }, { SECTION_EVENTS, TABLE_EVENTS },
                  { SECTION_ERRORS, TABLE_ERRORS },       { SECTION_SOURCES, TABLE_SOURCES },
                  { SECTION_VERDICT, TABLE_VERDICT },     { SECTION_TRACKS, TABLE_TRACKS } };
    for (size_t i = 0; i < N_TABLES; i++) {
        if (r->n_of[i] > (most_of[i] ? most_of[i] : 1))
            return err_set(e, ERR_LIMIT, 0, "%zu rows where %zu may be", r->n_of[i], most_of[i]);
    }
    struct snap *s = snap_new(NULL);
    bool is_fine = true;
    for (size_t i = 0; i < ARRAY_LEN(parts) && is_fine; i++) {
        if (!has(r, parts[i].head))
            continue;
        enum section_id id = parts[i].section;
        void *section = id == SECTION_WORKLOADS ? (void *)read_workloads(r)
                        : id == SECTION_EVENTS  ? (void *)read_events(r)
                        : id == SECTION_ERRORS  ? (void *)read_errors(r)
                        : id == SECTION_SOURCES ? (void *)read_sources(r)
                        : id == SECTION_VERDICT ? (void *)read_verdict(r)
                                                : (void *)read_tracks(r, at_ms);
        snap_set(s, id, section);
        is_fine = section != NULL;
    }
    if (!is_fine) {
        snap_unref(s);
        return err_set(e, ERR_PARSE, 0, "a row of the history is broken");
    }
    struct workloads *ws = (struct workloads *)s->sections[SECTION_WORKLOADS];
    struct events *evs = (struct events *)s->sections[SECTION_EVENTS];
    if (ws && evs)
        share_events(ws, evs);
    *out = s;
    return ERR_OK;
}
