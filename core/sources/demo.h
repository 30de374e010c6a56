/*
 * core/sources/demo.h - the demo's simulator: its clock, which ours follows, and its captions.
 *
 * Shape    the simulator's control socket (AF_UNIX); after "follow" it writes one JSON object a line when
 *          its clock is set, when its speed or its caption changes:
 *          {"now_ms":N,"zero_ms":N,"length_ms":N,"speed":X,"caption":"..."}, and more members
 * Limits   DEMO_LINE bytes a line, DEMO_CAPTION of a caption; longer is an error
 * Errors   none at once: `text` of the state says what is wrong, and the clock goes on by real time
 * Thread   the loop's      Owns   copies the path
 */
#ifndef SOURCES_DEMO_H
#define SOURCES_DEMO_H

#include "core/base/err.h"
#include "core/loop/loop.h"

enum { DEMO_LINE = 4096, DEMO_CAPTION = 400 };

struct demo_state {
    int64_t zero_ms;     /* T+0 on the story clock; TIME_NONE = not known yet */
    int64_t end_ms;      /* of the story; TIME_NONE */
    char caption[DEMO_CAPTION];
    double speed;
    const char *text;    /* what is wrong, "" = nothing */
};

struct demo_now {
    int64_t now_ms, zero_ms, length_ms;
    double speed;
    char caption[DEMO_CAPTION];
};
MUST_USE enum err_code demo_decode(const char *line, size_t n, struct demo_now *out, struct err *e);

struct demo;
struct demo *demo_new(struct loop *l, const char *path, void (*on_state)(void *ctx), void *ctx);
void demo_free(struct demo *s); /* NULL is fine */
struct demo_state demo_state_of(const struct demo *s);

#endif
