/* tests/unit/history.h - a console that records, in a state folder and a time of the test's own. */
#ifndef UNIT_HISTORY_H
#define UNIT_HISTORY_H

#include "core/base/clock.h"
#include "core/store/history.h"
#include "tests/unit/state.h"

static const int64_t begin_ms = 1764064800000;
static _Atomic int64_t story_ms, io_ms; /* the worker looks at them too */
static inline int64_t story(void)
{
    return story_ms;
}
static inline int64_t io(void)
{
    return io_ms;
}

/* A console: loop, worker, history, and the series of what it measures. */
struct console {
    struct loop *loop;
    struct worker *worker;
    struct history *history;
    struct series_set *series;
};

static inline void console_open_with(struct console *c, const char *place, int64_t keep_ms, int64_t keep_bytes)
{
    assert_int_equal(loop_new(&c->loop, &e), ERR_OK);
    assert_int_equal(worker_new(c->loop, "store", &c->worker, &e), ERR_OK);
    c->series = series_set_new();
    c->history = history_new(&(struct history_spec){ .loop = c->loop,
                                                     .worker = c->worker,
                                                     .state_dir = dir.path,
                                                     .place = place,
                                                     .keep_ms = keep_ms,
                                                     .keep_bytes = keep_bytes });
}

static inline void console_open(struct console *c)
{
    console_open_with(c, "eks-1 https://10.0.0.1:6443", 0, 0);
}

static inline void console_close(struct console *c)
{
    history_free(c->history);
    series_set_free(c->series); /* as gather may: the last flush is on its way still */
    worker_free(c->worker);
    loop_free(c->loop);
}

/* Until what was put is written, or cannot be. */
static inline void settle(struct console *c)
{
    io_ms += HISTORY_BEAT_MS;
    story_ms++; /* so that it shows */
    for (int i = 0; i < 2000; i++) {
        struct source_health now = history_health(c->history);
        if (now.proved_ms >= story_ms || now.retry_ms != TIME_NONE)
            return;
        loop_turn(c->loop, 10);
        io_ms += 100;
    }
    fail_msg("no flush");
}

/* The one file that is there. */
static const char *file(void)
{
    static char path[1600];
    DIR *d = opendir(state_path(&dir, "history"));
    path[0] = '\0';
    for (struct dirent *en; d && (en = readdir(d));) {
        size_t n = strlen(en->d_name);
        if (n > 3 && !strcmp(en->d_name + n - 3, ".db"))
            snprintf(path, sizeof path, "%s/history/%s", dir.path, en->d_name);
    }
    if (d)
        closedir(d);
    return path;
}

static inline int begin(void **state)
{
    story_ms = begin_ms;
    io_ms = 1000000;
    clock_set(io, story);
    return set_up(state);
}

static inline int finish(void **state)
{
    struct statedir d = dir;
    snprintf(d.path, sizeof d.path, "%.1000s/history", dir.path);
    state_remove(d.path);
    clock_set(NULL, NULL);
    return tear_down(state);
}

#endif
