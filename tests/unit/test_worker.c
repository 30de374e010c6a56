/* The thread beside the loop: order, cancelling at each of its three moments, the end. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/loop/worker.h"

enum { TURNS = 2000 };

struct task { /* says what became of it */
    struct log *log;
    int number;
    pthread_t worked_on, done_on;
    sem_t *begun, *go; /* NULL = works at once */
};
static struct log {
    pthread_mutex_t mu;
    int worked[4096], done[4096], dropped[4096];
    size_t n_worked, n_done, n_dropped;
} the_log;

static void note(struct log *log, int *list, size_t *n, int number)
{
    pthread_mutex_lock(&log->mu);
    list[(*n)++] = number;
    pthread_mutex_unlock(&log->mu);
}

static size_t count(struct log *log, const size_t *n)
{
    pthread_mutex_lock(&log->mu);
    size_t v = *n;
    pthread_mutex_unlock(&log->mu);
    return v;
}

static void work(void *ctx)
{
    struct task *t = ctx;
    t->worked_on = pthread_self();
    if (t->begun)
        sem_post(t->begun);
    if (t->go)
        sem_wait(t->go);
    note(t->log, t->log->worked, &t->log->n_worked, t->number);
}

static void done(void *ctx)
{
    struct task *t = ctx;
    t->done_on = pthread_self();
    note(t->log, t->log->done, &t->log->n_done, t->number);
}

static void drop(void *ctx)
{
    struct task *t = ctx;
    note(t->log, t->log->dropped, &t->log->n_dropped, t->number);
}

static struct worker_job job(struct task *t)
{
    return (struct worker_job){ .work = work, .done = done, .drop = drop, .ctx = t };
}

static struct loop *loop;
static struct worker *worker;

static int set_up(void **state)
{
    (void)state;
    memset(&the_log, 0, sizeof the_log);
    pthread_mutex_init(&the_log.mu, NULL);
    return loop_new(&loop, NULL) || worker_new(loop, "test", &worker, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    worker_free(worker);
    worker = NULL;
    loop_free(loop);
    return 0;
}

static void turn_until(const size_t *n, size_t wanted)
{
    for (int i = 0; count(&the_log, n) < wanted; i++) {
        if (i == TURNS)
            fail_msg("%zu, wanted %zu", count(&the_log, n), wanted);
        loop_turn(loop, 100);
    }
}

static void jobs_run_in_order_on_the_other_thread(void **state)
{
    enum { N = 500 };
    static struct task t[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        t[i] = (struct task){ .log = &the_log, .number = i };
        struct worker_job j = job(&t[i]);
        assert_int_equal(worker_do(worker, &j), i + 1);
    }
    turn_until(&the_log.n_done, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(the_log.worked[i], i);
        assert_int_equal(the_log.done[i], i);
        assert_false(pthread_equal(t[i].worked_on, pthread_self()));
        assert_true(pthread_equal(t[i].done_on, pthread_self()));
    }
    assert_int_equal(the_log.n_dropped, 0);
}

static void cancelled_before_while_and_after(void **state)
{
    sem_t begun, go;
    (void)state;
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    struct task t[] = {
        { .log = &the_log, .number = 0 }, /* finished, but not delivered */
        { .log = &the_log, .number = 1, .begun = &begun, .go = &go }, /* running */
        { .log = &the_log, .number = 2 }, /* waiting */
        { .log = &the_log, .number = 3 }, /* stays */
    };
    uint64_t ids[4];
    for (int i = 0; i < 4; i++) {
        struct worker_job j = job(&t[i]);
        ids[i] = worker_do(worker, &j);
    }
    sem_wait(&begun);
    for (int i = 0; i < 3; i++)
        worker_cancel(worker, ids[i]);
    assert_int_equal(count(&the_log, &the_log.n_dropped), 2); /* 0 and 2, at once */
    sem_post(&go);
    turn_until(&the_log.n_done, 1);
    assert_int_equal(the_log.done[0], 3);
    assert_int_equal(count(&the_log, &the_log.n_dropped), 3);
    assert_int_equal(the_log.dropped[2], 1);
    assert_int_equal(count(&the_log, &the_log.n_worked), 3); /* 2 was not run */
    worker_cancel(worker, ids[3]); /* over: fine */
    worker_cancel(worker, 0);
    assert_int_equal(the_log.n_dropped, 3);
    sem_destroy(&begun);
    sem_destroy(&go);
}

static uint64_t victim;

static void done_and_cancel(void *ctx)
{
    done(ctx);
    worker_cancel(worker, victim);
}

static void done_may_cancel_the_next(void **state)
{
    (void)state;
    struct task t[] = { { .log = &the_log, .number = 0 }, { .log = &the_log, .number = 1 },
                        { .log = &the_log, .number = 2 } };
    struct worker_job a = job(&t[0]), b = job(&t[1]), c = job(&t[2]);
    a.done = done_and_cancel;
    worker_do(worker, &a);
    victim = worker_do(worker, &b);
    worker_do(worker, &c);
    turn_until(&the_log.n_done, 2);
    assert_int_equal(the_log.done[1], 2);
    assert_int_equal(count(&the_log, &the_log.n_dropped), 1);
}

static void full_is_refused(void **state)
{
    static struct task t[WORKER_JOBS + 2];
    sem_t begun, go;
    (void)state;
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    t[0] = (struct task){ .log = &the_log, .begun = &begun, .go = &go };
    struct worker_job j = job(&t[0]);
    assert_int_not_equal(worker_do(worker, &j), 0);
    sem_wait(&begun); /* it waits no more */
    for (int i = 1; i <= WORKER_JOBS; i++) {
        t[i] = (struct task){ .log = &the_log, .number = i };
        j = job(&t[i]);
        assert_int_not_equal(worker_do(worker, &j), 0);
    }
    t[WORKER_JOBS + 1] = (struct task){ .log = &the_log, .number = -1 };
    j = job(&t[WORKER_JOBS + 1]);
    assert_int_equal(worker_do(worker, &j), 0);
    sem_post(&go);
    turn_until(&the_log.n_done, WORKER_JOBS + 1);
    assert_int_equal(the_log.n_dropped, 0);
    assert_int_not_equal(worker_do(worker, &j), 0); /* and room again */
    turn_until(&the_log.n_done, WORKER_JOBS + 2);
    sem_destroy(&begun);
    sem_destroy(&go);
}

static atomic_bool is_freeing;

/* Until the main thread sleeps in worker_free: from then on, what may be dropped is. */
static void work_until_freed(void *ctx)
{
    char path[64], line[256] = "";
    struct task *t = ctx;
    sem_post(t->begun);
    t->begun = NULL;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    while (!atomic_load(&is_freeing) || !strstr(line, ") S ")) {
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, line, sizeof line - 1);
        line[n > 0 ? n : 0] = '\0';
        close(fd);
        sched_yield();
    }
    work(ctx);
}

static void the_end_runs_what_must_and_drops_the_rest(void **state)
{
    sem_t begun;
    (void)state;
    sem_init(&begun, 0, 0);
    struct task t[] = {
        { .log = &the_log, .number = 0 }, /* finished, but not delivered */
        { .log = &the_log, .number = 1, .begun = &begun }, { .log = &the_log, .number = 2 },
        { .log = &the_log, .number = 3 }, { .log = &the_log, .number = 4 },
    };
    for (int i = 0; i < 5; i++) {
        struct worker_job j = job(&t[i]);
        j.must_run = i == 3;
        if (i == 1)
            j.work = work_until_freed;
        worker_do(worker, &j);
    }
    sem_wait(&begun);
    atomic_store(&is_freeing, true);
    worker_free(worker);
    worker = NULL;
    assert_int_equal(the_log.n_done, 0);
    assert_int_equal(the_log.n_dropped, 5); /* each is let go once */
    assert_int_equal(the_log.n_worked, 3);
    assert_int_equal(the_log.worked[2], 3);
    sem_destroy(&begun);
}

static void no_descriptor_no_worker(void **state)
{
    struct worker *w = NULL;
    struct err e = { 0 };
    struct rlimit before, none;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
    setrlimit(RLIMIT_NOFILE, &none);
    assert_int_equal(worker_new(loop, "none", &w, &e), ERR_IO);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_non_null(strstr(e.text, "Too many open files"));
    assert_null(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_run_in_order_on_the_other_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_before_while_and_after, set_up, tear_down),
        cmocka_unit_test_setup_teardown(done_may_cancel_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_runs_what_must_and_drops_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptor_no_worker, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
