#include "core/gather/local_steps.h"

#include <stdlib.h>
#include <uthash.h>

#include "core/base/log.h"
#include "core/store/spool.h"

struct local {
    int64_t id;
    struct error_done steps[N_STEPS];
    char *texts[N_STEPS][2];
    UT_hash_handle hh;
};

struct local_steps {
    struct worker *worker;
    char *state_dir;
    void (*on_read)(void *ctx);
    void *ctx;
    struct local *locals;
    uint64_t job; /* a reading under way */
};

struct reading { /* of the spool, on the worker */
    struct local_steps *ls;
    char *dir, *source;
    struct read_step {
        int64_t id, at_ms;
        enum error_step step;
        char *by, *note;
    } *steps;
    size_t n, room;
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

void local_steps_put(struct local_steps *ls, int64_t id, enum error_step s, const struct error_done *d)
{
    struct local *l;
    HASH_FIND(hh, ls->locals, &id, sizeof id, l);
    if (!l) {
        l = x_calloc(1, sizeof *l);
        l->id = id;
        for (int i = 0; i < N_STEPS; i++)
            l->steps[i].at_ms = TIME_NONE;
        HASH_ADD(hh, ls->locals, id, sizeof l->id, l);
    }
    free(l->texts[s][0]);
    free(l->texts[s][1]);
    l->texts[s][0] = x_strdup(d->by);
    l->texts[s][1] = x_strdup(d->note);
    l->steps[s] = (struct error_done){ d->at_ms, l->texts[s][0], l->texts[s][1], true };
}

const struct error_done *local_steps_find(const struct local_steps *ls, int64_t id)
{
    struct local *l;
    HASH_FIND(hh, ls->locals, &id, sizeof id, l);
    return l ? l->steps : NULL;
}

/* ---- on the worker ---- */

static void read_one(void *ctx, int64_t id, enum error_step step, const struct error_done *d)
{
    struct reading *r = ctx;
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->steps = x_realloc(r->steps, r->room * sizeof *r->steps);
    }
    r->steps[r->n++] = (struct read_step){ id, d->at_ms, step, x_strdup(d->by), x_strdup(d->note) };
}

static void read_work(void *ctx)
{
    struct reading *r = ctx;
    struct statedir dir;
    struct spool *s = NULL;
    struct err e = { 0 };
    if (!statedir_find(r->dir, env_of, &dir, &e) && !spool_open(&dir, &s, &e))
        (void)!spool_steps(s, r->source, read_one, r, &e);
    if (e.code)
        log_put(LOG_WARN, "spool", "%s", e.text);
    spool_close(s);
}

static void read_free(void *ctx)
{
    struct reading *r = ctx;
    for (size_t i = 0; i < r->n; i++) {
        free(r->steps[i].by);
        free(r->steps[i].note);
    }
    free(r->steps);
    free(r->dir);
    free(r->source);
    free(r);
}

/* ---- on the loop ---- */

static void read_done(void *ctx)
{
    struct reading *r = ctx;
    struct local_steps *ls = r->ls;
    for (size_t i = 0; i < r->n; i++) {
        struct error_done d = { r->steps[i].at_ms, r->steps[i].by, r->steps[i].note, true };
        local_steps_put(ls, r->steps[i].id, r->steps[i].step, &d);
    }
    bool is_news = r->n > 0;
    ls->job = 0;
    read_free(r);
    if (is_news)
        ls->on_read(ls->ctx);
}

bool local_steps_read(struct local_steps *ls, const char *source)
{
    if (ls->job)
        return false;
    struct reading *r = x_calloc(1, sizeof *r);
    r->ls = ls;
    r->dir = ls->state_dir ? x_strdup(ls->state_dir) : NULL;
    r->source = x_strdup(source);
    ls->job = worker_do(ls->worker, &(struct worker_job){ .work = read_work, .done = read_done, .drop = read_free, .ctx = r });
    if (!ls->job)
        read_free(r);
    return ls->job != 0;
}

struct local_steps *local_steps_new(struct worker *w, const char *state_dir, void (*on_read)(void *ctx), void *ctx)
{
    struct local_steps *ls = x_calloc(1, sizeof *ls);
    ls->worker = w;
    ls->state_dir = state_dir ? x_strdup(state_dir) : NULL;
    ls->on_read = on_read;
    ls->ctx = ctx;
    return ls;
}

void local_steps_free(struct local_steps *ls)
{
    struct local *l, *next;
    if (!ls)
        return;
    worker_cancel(ls->worker, ls->job);
    HASH_ITER(hh, ls->locals, l, next) {
        HASH_DEL(ls->locals, l);
        for (int i = 0; i < N_STEPS; i++) {
            free(l->texts[i][0]);
            free(l->texts[i][1]);
        }
        free(l);
    }
    free(ls->state_dir);
    free(ls);
}
