/*
 * core/loop/loop.h - the gather thread's one wait: curl's sockets, other fds and timers together.
 *
 * Every turn asks every watch afresh which fd it wants (a closed fd left in the array would spin),
 * waits in curl_multi_poll, serves what is ready, then runs the timers that are due.  Callbacks run
 * on the loop's thread and must not block; they may add and remove watches and timers, their own
 * included.
 *
 * Thread   one, all calls, but loop_wake (any)
 * Owns     watches and timers are the caller's memory and must be stopped before it goes
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct loop;

MUST_USE enum err_code loop_new(struct loop **out, struct err *e);
void loop_free(struct loop *l); /* cancels every HTTP request; NULL is fine */
void loop_turn(struct loop *l, int64_t at_most_ms);
int loop_wake_fd(const struct loop *l); /* eventfd; whoever writes to it ends the wait */
void *loop_curl(const struct loop *l);  /* CURLM *, for core/loop/http.c */

struct loop_watch {
    int (*want)(void *ctx, short *events);        /* the fd, or -1 = none this turn */
    void (*ready)(void *ctx, int fd, short revents);
    void *ctx;
    struct loop_watch *next, *prev; /* the loop's */
};
void loop_watch_add(struct loop *l, struct loop_watch *w);
void loop_watch_remove(struct loop *l, struct loop_watch *w); /* fine when it is not there */

struct loop_timer {
    void (*fn)(void *ctx);
    void *ctx;
    int64_t due_ms; /* clock_io_ms; the loop's */
    struct loop_timer *next, *prev;
};
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms); /* again: moves it */
void loop_timer_stop(struct loop *l, struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);

#endif
