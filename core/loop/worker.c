/*
 * Three lists under one mutex: what waits, the job that runs, what is finished.  The thread takes
 * from the first and appends to the last, then writes an eventfd of its own, which the loop
 * watches.  The loop's wake_fd would end the wait as well, but says nothing of whose turn it is.
 *
 * A running job cannot be stopped, so a cancel only marks it: the thread drops it when it is
 * through. Callbacks are always called without the mutex.
 */
#include "core/loop/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

struct job {
    struct worker_job is;
    uint64_t id;
    struct job *next, *prev;
};

struct worker {
    struct loop *loop;
    struct loop_watch watch;
    pthread_t thread;
    int fd; /* eventfd: something is finished */
    uint64_t ids; /* the loop's thread alone */

    pthread_mutex_t mu; /* of all below */
    pthread_cond_t more;
    struct job *waiting, *finished;
    size_t n_waiting;
    uint64_t running; /* 0 = none */
    bool is_cancelled; /* the running one */
    bool is_ending;
};

static void drop(struct job *j)
{
    if (j->is.drop)
        j->is.drop(j->is.ctx);
    free(j);
}

/* Waits for a job; NULL when the worker ends and nothing is left. */
static struct job *take(struct worker *w)
{
    while (!w->waiting && !w->is_ending)
        pthread_cond_wait(&w->more, &w->mu);
    struct job *j = w->waiting;
    if (j) {
        DL_DELETE(w->waiting, j);
        w->n_waiting--;
        w->running = j->id;
        w->is_cancelled = w->is_ending && !j->is.must_run;
    }
    return j;
}

static void *run(void *ctx)
{
    struct worker *w = ctx;
    pthread_mutex_lock(&w->mu);
    for (struct job *j; (j = take(w));) {
        bool is_run = !w->is_cancelled;
        pthread_mutex_unlock(&w->mu);
        if (is_run)
            j->is.work(j->is.ctx);
        pthread_mutex_lock(&w->mu);
        w->running = 0;
        if (!w->is_cancelled && !w->is_ending) {
            DL_APPEND(w->finished, j);
            (void)!write(w->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
            continue;
        }
        pthread_mutex_unlock(&w->mu);
        drop(j);
        pthread_mutex_lock(&w->mu);
    }
    pthread_mutex_unlock(&w->mu);
    return NULL;
}

static int want(void *ctx, short *events)
{
    *events = POLLIN;
    return ((struct worker *)ctx)->fd;
}

static void ready(void *ctx, int fd, short revents)
{
    struct worker *w = ctx;
    uint64_t drained;
    (void)revents;
    (void)!read(fd, &drained, sizeof drained);
    for (;;) { /* one by one: a `done` may cancel the next */
        pthread_mutex_lock(&w->mu);
        struct job *j = w->finished;
        if (j)
            DL_DELETE(w->finished, j);
        pthread_mutex_unlock(&w->mu);
        if (!j)
            return;
        j->is.done(j->is.ctx);
        free(j);
    }
}

/* Signals are for the threads that ask for them; a write over a file size limit is then an error.
 * */
static int start(struct worker *w, const char *name)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!rc) {
        char brief[16] = ""; /* the kernel's limit */
        strncpy(brief, name, sizeof brief - 1);
        pthread_setname_np(w->thread, brief);
    }
    return rc;
}

static void release(struct worker *w)
{
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->mu);
    close(w->fd);
    free(w);
}

enum err_code worker_new(struct loop *l, const char *name, struct worker **out, struct err *e)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return err_set(e, ERR_IO, errno, "eventfd: %s", strerror(errno));
    struct worker *w = x_calloc(1, sizeof *w);
    w->loop = l;
    w->fd = fd;
    pthread_mutex_init(&w->mu, NULL);
    pthread_cond_init(&w->more, NULL);
    int rc = start(w, name);
    if (rc) {
        release(w);
        return err_set(e, ERR_IO, rc, "cannot start the %s thread: %s", name, strerror(rc));
    }
    w->watch = (struct loop_watch){ .want = want, .ready = ready, .ctx = w };
    loop_watch_add(l, &w->watch);
    *out = w;
    return ERR_OK;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    loop_watch_remove(w->loop, &w->watch);
    pthread_mutex_lock(&w->mu);
    w->is_ending = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->mu);
    pthread_join(w->thread, NULL);
    for (struct job *j; (j = w->finished);) {
        DL_DELETE(w->finished, j);
        drop(j);
    }
    release(w);
}

uint64_t worker_do(struct worker *w, const struct worker_job *job)
{
    assert(job->work && job->done);
    pthread_mutex_lock(&w->mu);
    bool is_full = w->n_waiting >= WORKER_JOBS;
    if (!is_full) {
        struct job *j = x_calloc(1, sizeof *j);
        j->is = *job;
        j->id = ++w->ids;
        DL_APPEND(w->waiting, j);
        w->n_waiting++;
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->mu);
    return is_full ? 0 : w->ids;
}

static struct job *find(struct job *list, uint64_t id)
{
    struct job *j;
    DL_FOREACH (list, j) {
        if (j->id == id)
            return j;
    }
    return NULL;
}

void worker_cancel(struct worker *w, uint64_t job)
{
    struct job *j;
    pthread_mutex_lock(&w->mu);
    if ((j = find(w->waiting, job))) {
        DL_DELETE(w->waiting, j);
        w->n_waiting--;
    } else if ((j = find(w->finished, job))) {
        DL_DELETE(w->finished, j);
    } else if (w->running == job) {
        w->is_cancelled = true;
    }
    pthread_mutex_unlock(&w->mu);
    if (j)
        drop(j);
}
