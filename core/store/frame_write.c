/*
 * For each row the writer keeps two hashes: of all of it, and of what is not soft.  A row whose second one is
 * another is written at once; one that has only moved softly waits until its last version is old enough.
 * Rejected: whole sections with a preset dictionary, ten times as large; byte differences, which a lost frame
 * breaks for good.
 */
#include <math.h>
#include <string.h>
#include <uthash.h>

#include "core/store/frame_tables.h"
#include "core/store/history.h"

enum { PARTS = 6 };
static const struct {
    enum section_id section;
    enum frame_table first, last;
} parts[PARTS] = {
    { SECTION_WORKLOADS, TABLE_WORKLOADS, TABLE_USAGE }, { SECTION_EVENTS, TABLE_EVENTS, TABLE_EVENT },
    { SECTION_ERRORS, TABLE_ERRORS, TABLE_OPEN },        { SECTION_SOURCES, TABLE_SOURCES, TABLE_SOURCE },
    { SECTION_VERDICT, TABLE_VERDICT, TABLE_CHECK },     { SECTION_TRACKS, TABLE_TRACKS, TABLE_BAND },
};

struct kept {
    struct frame_key key;
    uint64_t all, hard;
    int64_t written_ms;
    uint64_t pass; /* the last one that has seen it */
    UT_hash_handle hh;
};

struct frame_writer {
    struct kept *rows;
    uint64_t pass;
    uint64_t versions[PARTS]; /* of the sections, when all of each was written; 0 = look again */
    int64_t key_ms, track_ms; /* the last ones; TIME_NONE: none yet */
    struct buf scratch, hard, out;
    /* of the pass */
    bool is_key;
    int64_t at_ms;
    size_t part;
};

uint64_t frame_hash(const void *p, size_t n)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const unsigned char *s = p; n; n--)
        h = (h ^ *s++) * 1099511628211u;
    return h;
}

static uint64_t hash_text(const char *s)
{
    return frame_hash(s, strlen(s));
}

struct frame_writer *frame_writer_new(void)
{
    struct frame_writer *w = x_calloc(1, sizeof *w);
    w->scratch = w->hard = w->out = BUF_INIT(PACK_BYTES);
    frame_writer_reset(w);
    return w;
}

void frame_writer_reset(struct frame_writer *w)
{
    struct kept *r, *next;
    HASH_ITER (hh, w->rows, r, next) {
        HASH_DEL(w->rows, r);
        free(r);
    }
    memset(w->versions, 0, sizeof w->versions);
    w->key_ms = w->track_ms = TIME_NONE;
}

void frame_writer_free(struct frame_writer *w)
{
    if (!w)
        return;
    frame_writer_reset(w);
    buf_release(&w->scratch);
    buf_release(&w->hard);
    buf_release(&w->out);
    free(w);
}

void frame_bytes_release(struct frame_bytes *b)
{
    buf_release(&b->frame);
}

static void put_row(struct frame_writer *w, struct frame_key key, const struct buf *bytes)
{
    struct pack k = PACK_WRITER(&w->out);
    uint64_t len = bytes ? bytes->len + 1 : 0;
    buf_addc(&w->out, (char)key.table);
    pack_bytes(&k, &key.key, sizeof key.key);
    pack_u64(&k, &len);
    if (bytes)
        buf_add(&w->out, buf_str(bytes), bytes->len);
}

/* NULL: it is written as it is. */
static struct kept *see(struct frame_writer *w, enum frame_table table, uint64_t key, uint64_t all, int64_t soft_ms)
{
    struct frame_key id = { key, table };
    struct kept *r;
    HASH_FIND(hh, w->rows, &id, sizeof id, r);
    if (!r) {
        r = x_calloc(1, sizeof *r);
        r->key = id;
        r->written_ms = TIME_NONE;
        HASH_ADD(hh, w->rows, key, sizeof r->key, r);
    } else if (r->all == all && !w->is_key) {
        r->pass = w->pass;
        return NULL;
    }
    r->pass = w->pass;
    if (!soft_ms || w->is_key || r->written_ms == TIME_NONE || w->at_ms - r->written_ms >= soft_ms ||
        w->at_ms < r->written_ms)
        r->hard = 0; /* whatever it is, it is written */
    return r;
}

/* A row as it is now.  soft_ms: so old must its last version be for soft fields alone to make a new one. */
static void emit(struct frame_writer *w, enum frame_table table, uint64_t key, void (*fn)(struct pack *, void *),
                 const void *row, int64_t soft_ms)
{
    struct pack k = PACK_WRITER(&w->scratch), hard_k = { .out = &w->hard, .no_soft = true };
    buf_clear(&w->scratch);
    buf_clear(&w->hard);
    fn(&k, (void *)row); /* it only looks at it: see rows.h */
    uint64_t all = frame_hash(buf_str(&w->scratch), w->scratch.len);
    struct kept *r = see(w, table, key, all, soft_ms);
    if (!r)
        return;
    if (soft_ms)
        fn(&hard_k, (void *)row);
    uint64_t hard = frame_hash(buf_str(&w->hard), w->hard.len);
    if (r->hard == hard) {
        w->versions[w->part] = 0; /* some day it is written, even when nothing else moves */
        return;
    }
    put_row(w, r->key, &w->scratch);
    r->all = all;
    r->hard = hard;
    r->written_ms = w->at_ms;
}

/* ---- the sections ---- */

static void row_all_usage(struct pack *k, void *row)
{
    const struct workloads *ws = row;
    PACK_SOFT(k)
    {
        size_t n = pack_count(k, ws->n, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
            const struct workload *w = ws->items[i];
            struct usage_of u = { (uint32_t)hash_text(w->id), w->total };
            row_usage(k, &u);
        }
    }
}

static void put_workloads(struct frame_writer *w, const struct workloads *ws)
{
    emit(w, TABLE_WORKLOADS, 0, row_workloads, ws, 0);
    for (size_t i = 0; i < ws->n; i++)
        emit(w, TABLE_WORKLOAD, hash_text(ws->items[i]->id), row_workload, ws->items[i], FRAME_SLOW_MS);
    emit(w, TABLE_USAGE, 0, row_all_usage, ws, FRAME_SOFT_MS);
}

static void row_none(struct pack *k, void *row)
{
    (void)k, (void)row;
}

static void put_events(struct frame_writer *w, const struct events *evs)
{
    emit(w, TABLE_EVENTS, 0, row_none, evs, 0);
    for (size_t i = 0; i < evs->n && i < FRAME_EVENTS; i++)
        emit(w, TABLE_EVENT, hash_text(evs->items[i]->uid), row_event, evs->items[i], 0);
}

static void put_errors(struct frame_writer *w, const struct errors *es)
{
    size_t kept = 0;
    emit(w, TABLE_ERRORS, 0, row_errors, es, FRAME_SOFT_MS);
    for (size_t i = 0; i < es->n && kept < FRAME_ERRORS; i++) {
        const struct error_item *it = &es->items[i];
        if (i >= FRAME_ERRORS / 2 && !error_is_open(it->row))
            continue;
        emit(w, TABLE_ERROR, (uint64_t)it->row->id, row_error, it, 0);
        kept++;
    }
    for (size_t i = 0; i < es->n_groups && i < FRAME_ERRORS; i++)
        emit(w, TABLE_GROUP, es->groups[i].fingerprint, row_group, &es->groups[i], FRAME_SOFT_MS);
    for (size_t i = 0; i < es->n_by_workload; i++)
        emit(w, TABLE_OPEN, hash_text(es->by_workload[i].workload), row_open, &es->by_workload[i], 0);
}

static void put_sources(struct frame_writer *w, const struct sources *s)
{
    emit(w, TABLE_SOURCES, 0, row_sources, s, HISTORY_FRAME_MS);
    for (size_t i = 0; i < s->n; i++)
        emit(w, TABLE_SOURCE, i, row_source, &s->rows[i], HISTORY_FRAME_MS);
}

static uint64_t mark_key(const struct mark *m)
{
    return hash_text(m->subject) * 31 + hash_text(m->text) * 7 + (uint64_t)m->at_ms + (uint64_t)m->kind;
}

static void put_verdict(struct frame_writer *w, const struct verdict *v)
{
    emit(w, TABLE_VERDICT, 0, row_verdict, v, FRAME_SOFT_MS);
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        bool is_quiet = b->phase != BAKE_IMMEDIATE && b->word == VERDICT_PASS;
        emit(w, TABLE_BAKE, hash_text(b->subject), row_bake, b, is_quiet ? FRAME_QUIET_MS : FRAME_SOFT_MS);
    }
    for (size_t i = 0; i < v->n_marks; i++)
        emit(w, TABLE_MARK, mark_key(&v->marks[i]), row_mark, &v->marks[i], 0);
    for (size_t i = 0; i < v->n_checks; i++)
        emit(w, TABLE_CHECK, hash_text(v->checks[i].subject) * 31 + hash_text(v->checks[i].name), row_check,
             &v->checks[i], FRAME_SLOW_MS);
}

static void put_tracks(struct frame_writer *w, const struct tracks *t)
{
    emit(w, TABLE_TRACKS, 0, row_tracks, t, 0);
    for (size_t i = 0; i < t->n; i++)
        emit(w, TABLE_BAND, hash_text(t->items[i].subject), row_band, &t->items[i], 0);
}

static void put_section(struct frame_writer *w, const struct section *s)
{
    switch (parts[w->part].section) {
    case SECTION_WORKLOADS:
        put_workloads(w, (const struct workloads *)s);
        break;
    case SECTION_EVENTS:
        put_events(w, (const struct events *)s);
        break;
    case SECTION_ERRORS:
        put_errors(w, (const struct errors *)s);
        break;
    case SECTION_SOURCES:
        put_sources(w, (const struct sources *)s);
        break;
    case SECTION_VERDICT:
        put_verdict(w, (const struct verdict *)s);
        break;
    default:
        put_tracks(w, (const struct tracks *)s);
        break;
    }
}

/* What this pass has not seen is gone. */
static void put_gone(struct frame_writer *w, const bool looked[PARTS])
{
    struct kept *r, *next;
    HASH_ITER (hh, w->rows, r, next) {
        size_t part = 0;
        while (r->key.table > (uint64_t)parts[part].last)
            part++;
        if (!looked[part] || r->pass == w->pass)
            continue;
        if (!w->is_key)
            put_row(w, r->key, NULL);
        HASH_DEL(w->rows, r);
        free(r);
    }
}

/* False: nothing is in it. */
static bool pack_point(struct frame_writer *w, const struct tracks *t, size_t at)
{
    struct pack k = PACK_WRITER(&w->scratch);
    bool is_empty = true;
    buf_clear(&w->scratch);
    size_t n = pack_count(&k, t->n, TRACK_SUBJECTS);
    for (size_t i = 0; i < n; i++)
        pack_text(&k, &t->items[i].subject);
    for (int column = 0; column < TRACK_COLUMNS; column++) {
        for (size_t i = 0; i < n; i++) {
            const struct track *of = &t->items[i];
            const float *columns[TRACK_COLUMNS] = { of->p95_ms, of->error_share, of->requests_per_s, of->cpu_millis,
                                                    of->probe_ms };
            is_empty = is_empty && isnan(columns[column][at]);
            buf_add(&w->scratch, &columns[column][at], sizeof(float));
        }
    }
    return !is_empty;
}

void frame_write_tracks(struct frame_writer *w, const struct snap *s, frame_put_track *fn, void *ctx)
{
    const struct tracks *t = (const struct tracks *)s->sections[SECTION_TRACKS];
    bool goes_on = true;
    for (size_t i = 0; goes_on && t && i + TRACK_LAG < t->n_points; i++) {
        int64_t at_ms = t->from_ms + (int64_t)i * t->step_ms;
        if (at_ms <= w->track_ms)
            continue;
        w->track_ms = at_ms;
        if (!pack_point(w, t, i))
            continue;
        struct buf packed = BUF_INIT(PACK_BYTES + 64);
        pack_squeeze(&packed, buf_str(&w->scratch), w->scratch.len);
        goes_on = fn(ctx, at_ms, &packed);
        buf_release(&packed);
    }
}

void frame_writer_since(struct frame_writer *w, int64_t track_ms)
{
    w->track_ms = track_ms;
}

void frame_write(struct frame_writer *w, const struct snap *s, int64_t at_ms, struct frame_bytes *out)
{
    bool looked[PARTS];
    w->pass++;
    w->at_ms = at_ms;
    w->is_key = w->key_ms == TIME_NONE || at_ms - w->key_ms >= HISTORY_KEY_MS || at_ms < w->key_ms;
    if (w->is_key)
        w->key_ms = at_ms;
    buf_clear(&w->out);
    for (w->part = 0; w->part < PARTS; w->part++) {
        struct section *section = s->sections[parts[w->part].section];
        uint64_t version = section ? section->version : UINT64_MAX;
        looked[w->part] = w->is_key || w->versions[w->part] != version;
        if (!looked[w->part])
            continue;
        w->versions[w->part] = version;
        if (section)
            put_section(w, section);
    }
    put_gone(w, looked);
    if (w->is_key || w->out.len) {
        out->frame = BUF_INIT(2 * (size_t)PACK_BYTES);
        out->is_key = w->is_key;
        pack_squeeze(&out->frame, buf_str(&w->out), w->out.len);
    }
    if (w->out.over) { /* more than a frame may hold: this one is none, the next one is whole */
        frame_writer_reset(w);
        buf_release(&out->frame);
    }
}
