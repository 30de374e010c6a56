/*
 * core/model/plan.h - a change that somebody asked for: what it would do, and what became of it.
 *
 * Made by  core/gather on CMD_PLAN (core/change/actuator decides what is refused); a confirmation carries
 *          the plan's hash, so that what was shown is what is sent
 * Limits   PLAN_LINES lines
 */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "core/base/clock.h"
#include "core/model/snap.h"

enum { PLAN_LINES = 200, PLAN_HASH = 65, PLAN_WORD = 128 };

enum plan_state {
    PLAN_MAKING,   /* being read together */
    PLAN_READY,    /* waits for a confirmation */
    PLAN_REFUSED,  /* cannot be done: `text` says why and what to do */
    PLAN_RUNNING,  /* journalled, sent */
    PLAN_DONE,     /* `text` says what was done */
    PLAN_FAILED,   /* nothing was changed, or it was refused at the other end: `text` */
    PLAN_PARTLY,   /* of several, some were changed: `text` says how many, and why not the first other */
    PLAN_UNKNOWN,  /* the answer was lost and is being found out */
};

enum plan_mark { PLAN_PLAIN, PLAN_BEFORE, PLAN_AFTER, PLAN_WARNING };
struct plan_line {
    enum plan_mark mark;
    const char *text;
};

struct plan {
    struct section section;
    uint64_t request;     /* the number that CMD_PLAN carried */
    enum plan_state state;
    const char *verb;     /* "resolve" */
    const char *target;   /* "error 4711 of policy-api" */
    const char *word;     /* what must be typed; "" = y is enough */
    char hash[PLAN_HASH]; /* of everything that would be sent */
    const struct plan_line *lines;
    size_t n_lines;
    const char *text;
    int64_t at_ms;
};

#endif
