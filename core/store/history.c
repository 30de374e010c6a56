/*
 * The loop fills one flush while the worker writes the one before it.  A flush that failed is kept and tried
 * again, and the next one fills up to its cap meanwhile: so what waits is bounded, and what is lost is what
 * came last, after the health row has said why.
 *
 * Snapshots are immutable: the worker packs them, the loop only counts a reference.
 */
#include "core/store/history.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/history_write.h"

enum { RETRY_MS = 5000, LATE_MS = 15000 /* so late a flush does not speak for the time before it */ };

struct flush {
    struct history_flush x;
    struct history *h; /* the loop's; NULL: it is gone */
    struct history_file *file;
    bool is_last; /* closes the file */
};

struct load {
    struct history *h;
    struct history_load spec;
    struct chunk_series known;
    int64_t n_broken;
    uint64_t job; /* under way */
};

struct load_job {
    struct load *load; /* the loop's */
    struct history_file *file;
    struct chunk chunk;
    struct err e;
};

struct past_job {
    struct history *h; /* the loop's */
    struct history_file *file;
    struct history_past spec;
    struct snap *snap;
    struct err e;
};

struct history {
    struct history_spec spec;
    struct history_file *file; /* the worker's */
    struct loop_timer timer;
    struct flush *filling, *flying, *failed;
    bool *known; /* series that the worker has, by number */
    size_t n_known;
    int64_t handed_io_ms, handed_ms; /* the last flush: when, and up to when */
    int64_t frame_ms;                /* the last snapshot that was taken */
    struct source_health health;
    char text[320];
    int64_t n_dropped;
    bool is_dropping;
    struct recording_range range;
    struct load *load;
    uint64_t past_job;          /* 0 = none */
    struct history_past wanted; /* after it; done NULL = none */
};

/* ---- flushes ---- */

static struct flush *flush_new(struct history *h)
{
    struct flush *f = x_calloc(1, sizeof *f);
    f->h = h;
    f->file = h->file;
    f->x.samples.out = BUF_INIT(HISTORY_WAITING);
    return f;
}

static void drop_snaps(struct flush *f)
{
    for (size_t i = 0; i < f->x.n_snaps; i++)
        snap_unref(f->x.snaps[i].snap);
    f->x.n_snaps = 0;
}

static void flush_free(void *ctx)
{
    struct flush *f = ctx;
    if (!f)
        return;
    drop_snaps(f);
    buf_release(&f->x.samples.out);
    arena_release(&f->x.arena);
    free(f->x.series);
    free(f);
}

static void flush_work(void *ctx)
{
    struct flush *f = ctx;
    history_file_write(f->file, &f->x);
    if (f->is_last)
        history_file_free(f->file);
}

static void set_health(struct history *h, enum source_state state, const char *text)
{
    char dropped[64] = "", now[sizeof h->text];
    if (h->n_dropped)
        snprintf(dropped, sizeof dropped, "%s%lld samples were not recorded", text[0] ? "; " : "",
                 (long long)h->n_dropped);
    snprintf(now, sizeof now, "%s%s", text, dropped);
    bool is_same = state == h->health.state && !strcmp(now, h->text);
    if (is_same)
        return;
    if (state != h->health.state)
        h->health.since_ms = clock_story_ms();
    h->health.state = state;
    strcpy(h->text, now);
    if (h->spec.on_state)
        h->spec.on_state(h->spec.ctx);
}

static void flush_done(void *ctx)
{
    struct flush *f = ctx;
    struct history *h = f->h;
    if (!h) {
        flush_free(f);
        return;
    }
    h->flying = NULL;
    if (f->x.e.code) {
        if (h->health.state != SOURCE_FAILED && h->health.state != SOURCE_STALE)
            log_put(LOG_WARN, "history", "%s", f->x.e.text);
        drop_snaps(f); /* a key frame comes first when it works again */
        h->failed = f;
        h->health.retry_ms = clock_story_ms() + RETRY_MS;
        set_health(h, h->health.proved_ms == TIME_NONE ? SOURCE_FAILED : SOURCE_STALE, f->x.e.text);
        loop_timer_set(h->spec.loop, &h->timer, RETRY_MS);
        return;
    }
    h->range = f->x.range;
    h->health.retry_ms = TIME_NONE;
    h->health.proved_ms = f->x.to_ms;
    set_health(h, SOURCE_LIVE, f->x.is_elsewhere ? "another bakewatch records this place" : "");
    flush_free(f);
}

static bool hand_over(struct history *h, struct flush *f)
{
    const struct worker_job job = {
        .work = flush_work, .done = flush_done, .drop = flush_free, .ctx = f, .must_run = true
    };
    return worker_do(h->spec.worker, &job) != 0;
}

/* What it speaks for: all since the flush before it, unless we slept meanwhile or samples were dropped. */
static void close_filling(struct history *h)
{
    struct flush *f = h->filling;
    int64_t now = clock_story_ms(), io = clock_io_ms();
    bool is_late = h->handed_ms == TIME_NONE || io - h->handed_io_ms > LATE_MS || h->handed_ms > now;
    f->x.from_ms = !is_late ? h->handed_ms : f->x.samples.n ? f->x.samples.from_ms : now;
    f->x.to_ms = h->is_dropping ? f->x.samples.to_ms : now;
    h->handed_ms = h->is_dropping ? TIME_NONE : f->x.to_ms;
    h->handed_io_ms = io;
    h->is_dropping = false;
    h->filling = flush_new(h);
}

static void flush(struct history *h)
{
    if (h->flying)
        return;
    struct flush *f = h->failed;
    if (!f) {
        f = h->filling;
        if (!f->x.samples.n && !f->x.n_snaps && clock_io_ms() - h->handed_io_ms < HISTORY_BEAT_MS)
            return;
        close_filling(h);
    }
    h->failed = NULL;
    if (hand_over(h, f))
        h->flying = f;
    else
        h->failed = f;
}

static void on_timer(void *ctx)
{
    struct history *h = ctx;
    flush(h);
    loop_timer_set(h->spec.loop, &h->timer, HISTORY_FLUSH_MS);
}

struct history *history_new(const struct history_spec *spec)
{
    struct history *h = x_calloc(1, sizeof *h);
    h->spec = *spec;
    h->file = history_file_new(spec->state_dir, spec->place, spec->keep_ms ? spec->keep_ms : HISTORY_KEEP_MS,
                               spec->keep_bytes ? spec->keep_bytes : HISTORY_KEEP_BYTES);
    h->spec.state_dir = h->spec.place = NULL; /* the file has copies */
    h->filling = flush_new(h);
    h->handed_ms = h->frame_ms = TIME_NONE;
    h->range.from_ms = h->range.to_ms = TIME_NONE;
    h->health = (struct source_health){ .name = "history",
                                        .state = SOURCE_WAITING,
                                        .since_ms = clock_story_ms(),
                                        .proved_ms = TIME_NONE,
                                        .retry_ms = TIME_NONE,
                                        .objects = -1,
                                        .text = h->text };
    h->timer = (struct loop_timer){ .fn = on_timer, .ctx = h };
    loop_timer_set(h->spec.loop, &h->timer, 0);
    return h;
}

static bool is_new_series(struct history *h, uint32_t id)
{
    if (id >= h->n_known) {
        size_t n = 2 * (size_t)id + 64;
        h->known = x_realloc(h->known, n);
        memset(h->known + h->n_known, 0, n - h->n_known);
        h->n_known = n;
    }
    return !h->known[id];
}

static void put_series(struct history *h, const struct series *s)
{
    struct history_flush *x = &h->filling->x;
    struct series copy = *s;
    copy.subject = arena_strdup(&x->arena, s->subject);
    copy.name = arena_strdup(&x->arena, s->name);
    copy.source = arena_strdup(&x->arena, s->source);
    if (!(x->n_series & (x->n_series - 1)))
        x->series = x_realloc(x->series, (x->n_series ? 2 * x->n_series : 1) * sizeof *x->series);
    x->series[x->n_series++] = copy;
    h->known[s->id] = true;
}

void history_put(struct history *h, const struct sample *s)
{
    bool fits = s->series->id <= RECORDING_SERIES;
    bool is_new = fits && is_new_series(h, s->series->id);
    if (!fits || h->is_dropping || !sample_batch_put(&h->filling->x.samples, s)) {
        h->n_dropped++;
        h->is_dropping |= fits; /* what is missing is the end of a flush, not some of it */
        set_health(h, h->health.state, h->failed ? h->failed->x.e.text : "");
        return;
    }
    if (is_new)
        put_series(h, s->series);
}

void history_sections(struct history *h, struct snap *s, int64_t now_ms)
{
    struct history_flush *x = &h->filling->x;
    bool is_soon = h->frame_ms != TIME_NONE && now_ms >= h->frame_ms && now_ms - h->frame_ms < HISTORY_FRAME_MS;
    if (is_soon || h->failed || x->n_snaps == HISTORY_SNAPS)
        return;
    h->frame_ms = now_ms;
    x->snaps[x->n_snaps].snap = snap_ref(s);
    x->snaps[x->n_snaps++].at_ms = now_ms;
}

struct source_health history_health(const struct history *h)
{
    return h->health;
}

const struct recording_range *history_range(const struct history *h)
{
    return &h->range;
}

/* ---- what was before ---- */

static void load_job_free(void *ctx)
{
    struct load_job *j = ctx;
    chunk_release(&j->chunk);
    free(j);
}

static void load_work(void *ctx)
{
    struct load_job *j = ctx;
    struct recording *r = history_file_read(j->file, &j->e);
    j->chunk.without_run = history_file_run(j->file);
    if (r && recording_chunk(r, &j->chunk, &j->e))
        j->chunk.is_last = true;
}

static void load_end(struct load *l, const struct err *e)
{
    struct history_load spec = l->spec;
    l->h->load = NULL;
    chunk_series_release(&l->known);
    free(l);
    spec.done(spec.ctx, e);
}

static void load_done(void *ctx);

/* After `before`, which is still to be delivered: the worker reads while the loop folds. */
static void load_next(struct load *l, const struct chunk *before)
{
    struct load_job *j = x_calloc(1, sizeof *j);
    *j = (struct load_job){ .load = l, .file = l->h->file };
    j->chunk = (struct chunk){ .from_ms = l->spec.from_ms, .to_ms = l->spec.to_ms };
    if (before) {
        j->chunk.after = before->after;
        j->chunk.run = before->run;
        j->chunk.series_after = before->series_after;
    }
    const struct worker_job job = { .work = load_work, .done = load_done, .drop = load_job_free, .ctx = j };
    l->job = worker_do(l->h->spec.worker, &job);
    if (!l->job) {
        struct err e = { 0 };
        load_job_free(j);
        err_set(&e, ERR_BUSY, 0, "the store has too much to do");
        load_end(l, &e);
    }
}

static bool deliver(void *ctx, const struct sample *s)
{
    struct load *l = ctx;
    l->spec.put(l->spec.ctx, s);
    return true;
}

static void load_done(void *ctx)
{
    struct load_job *j = ctx;
    struct load *l = j->load;
    struct err e = j->e;
    bool is_last = e.code || j->chunk.is_last;
    l->job = 0;
    if (!is_last)
        load_next(l, &j->chunk);
    if (!e.code)
        chunk_deliver(&j->chunk, &l->known, l->spec.series, deliver, l);
    l->n_broken += j->chunk.n_broken;
    if (!e.code)
        (void)!chunk_end(l->n_broken, &e);
    load_job_free(j);
    if (is_last)
        load_end(l, &e);
}

void history_load(struct history *h, const struct history_load *spec)
{
    struct load *l = x_calloc(1, sizeof *l);
    *l = (struct load){ .h = h, .spec = *spec };
    h->load = l;
    load_next(l, NULL);
}

/* ---- the past ---- */

static void past_free(void *ctx)
{
    struct past_job *j = ctx;
    snap_unref(j->snap);
    free(j);
}

static void past_work(void *ctx)
{
    struct past_job *j = ctx;
    struct recording *r = history_file_read(j->file, &j->e);
    if (r && recording_past(r, j->spec.at_ms, &j->snap, &j->e))
        j->snap = NULL;
}

static void past_done(void *ctx);

static void past_begin(struct history *h, const struct history_past *p)
{
    struct past_job *j = x_calloc(1, sizeof *j);
    *j = (struct past_job){ .h = h, .file = h->file, .spec = *p };
    const struct worker_job job = { .work = past_work, .done = past_done, .drop = past_free, .ctx = j };
    flush(h); /* what came just now can be asked for too */
    h->past_job = worker_do(h->spec.worker, &job);
    if (!h->past_job) {
        struct err e = { 0 };
        free(j);
        err_set(&e, ERR_BUSY, 0, "the store has too much to do");
        p->done(p->ctx, p->at_ms, NULL, &e);
    }
}

static void past_done(void *ctx)
{
    struct past_job *j = ctx;
    struct history *h = j->h;
    struct history_past next = h->wanted;
    h->past_job = 0;
    h->wanted.done = NULL;
    if (next.done)
        past_begin(h, &next);
    j->spec.done(j->spec.ctx, j->spec.at_ms, j->snap, &j->e);
    free(j);
}

void history_past(struct history *h, const struct history_past *p)
{
    if (h->past_job)
        h->wanted = *p;
    else
        past_begin(h, p);
}

/* ---- the end ---- */

void history_free(struct history *h)
{
    if (!h)
        return;
    loop_timer_stop(h->spec.loop, &h->timer);
    if (h->load) {
        worker_cancel(h->spec.worker, h->load->job);
        chunk_series_release(&h->load->known);
        free(h->load);
    }
    worker_cancel(h->spec.worker, h->past_job);
    if (h->flying)
        h->flying->h = NULL;
    if (h->failed) {
        h->failed->h = NULL;
        if (!hand_over(h, h->failed))
            flush_free(h->failed);
    }
    struct flush *last = h->filling;
    close_filling(h);
    flush_free(h->filling);
    last->h = NULL;
    last->is_last = true;
    if (!hand_over(h, last)) {
        flush_work(last);
        flush_free(last);
    }
    free(h->known);
    free(h);
}
