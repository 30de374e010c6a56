/*
 * core/model/entry.h - one line of the journal: what was about to be done, or what came of it.
 *
 * Made by  core/change/actuator; kept by core/store/journal
 * States   of an operation, in order: INTENT, LOCKED, REHEARSED, SENT, then APPLIED, REFUSED or UNKNOWN
 *          (which is settled into one of the two), VERIFIED or UNVERIFIED, CLOSED
 * Secrets  none: the actuator leaves them out
 */
#ifndef MODEL_ENTRY_H
#define MODEL_ENTRY_H

#include <stdint.h>

enum entry_state {
    ENTRY_INTENT, ENTRY_LOCKED, ENTRY_REHEARSED, ENTRY_SENT, ENTRY_APPLIED, ENTRY_REFUSED, ENTRY_UNKNOWN,
    ENTRY_VERIFIED, ENTRY_UNVERIFIED, ENTRY_CLOSED, N_ENTRY_STATES
};

enum { ENTRY_KEY = 33, ENTRY_HASH = 65, ENTRY_TEXT = 16 * 1024 };

struct entry { /* strings are borrowed; none is NULL */
    int64_t seq;            /* from 1; given by the journal */
    int64_t at_ms;          /* story clock, UTC */
    char op[ENTRY_KEY];     /* the operation: 32 hex digits, the same in all of its entries */
    enum entry_state state;
    const char *action;     /* "error-resolve", "error-step", "error-record", "rollback", ... */
    const char *target;     /* "deployment_errors/4711", "deployment.apps/shop/web" */
    const char *who;        /* "ann@bastion-1" */
    const char *where;      /* "prod (production), context eks-1" or the database */
    const char *detail;     /* what exactly, as text; of INTENT: the request */
    char prev[ENTRY_HASH], hash[ENTRY_HASH]; /* SHA-256 in hex; given by the journal */
};

const char *entry_state_name(enum entry_state s); /* "INTENT", ... */
int entry_state_parse(const char *s);             /* -1 = none */

#endif
