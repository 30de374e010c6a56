/*
 * core/change/smoke.h - a smoke check: named HTTP steps one after the other, with assertions on status and
 * JSON fields; what a step saves (a token, an id) the next ones use.
 *
 * Gate     GET, HEAD and OPTIONS are reads; every other method goes through the actuator, which refuses it in
 *          read-only mode and journals it.  A change whose answer was lost is UNKNOWN; it is not sent again
 * Limits   SMOKE_BODY bytes of an answer; a step has its timeout; the first failed step ends the check
 * Secrets  bodies, tokens and saved values are in no text and in no journal entry
 * Thread   the loop's      Owns   borrows the conf, which outlives it
 */
#ifndef CHANGE_SMOKE_H
#define CHANGE_SMOKE_H

#include "core/change/actuator.h"
#include "core/conf/conf.h"
#include "core/loop/loop.h"
#include "core/model/sample.h"

enum { SMOKE_BODY = 1024 * 1024, SMOKE_TEXT = 240 };

struct smoke_step {
    bool is_over;
    enum probe_outcome outcome; /* PROBE_UNSEEN: not sent, because changes are not allowed or the gate is not there */
    int status;                 /* 0 = no answer */
    int64_t took_ms;
    char text[SMOKE_TEXT];      /* why it failed; "" = it did not */
};

struct smoke_spec {
    struct loop *loop;
    struct actuator *gate;       /* NULL: only what reads can be done */
    const struct conf_smoke *conf;
    void (*on_step)(void *ctx);  /* one is over, or all: look at smoke_is_over */
    void *ctx;
};

struct smoke;
struct smoke *smoke_start(const struct smoke_spec *spec); /* on_step is never called from within */
void smoke_free(struct smoke *s); /* a change that was sent stays open in the journal; NULL is fine */
bool smoke_is_over(const struct smoke *s);
const struct smoke_step *smoke_steps(const struct smoke *s); /* as many as the conf has */
/* The first that failed, else the last one that was done. */
const struct smoke_step *smoke_verdict(const struct smoke *s, size_t *index);

#endif
