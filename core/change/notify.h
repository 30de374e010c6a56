/*
 * core/change/notify.h - somebody is told that the verdict has changed: a command without a shell, or a webhook.
 *
 * It goes through the gate: refused with --read-only and where there is no journal, journalled as an act that is
 * one by being configured.  An answer that does not come is UNKNOWN and is not sent again.
 *
 * Shape    a webhook gets JSON (schema "bakewatch/notify/v1"); a command the same in BAKEWATCH_VERDICT, _BEFORE,
 *          _RULE, _WORKLOAD, _PLACE and _TIME, beside PATH and HOME
 * Limits   NOTIFY_MS for each; NOTIFY_WAITING at a time, more are let go and logged
 * Thread   the loop's      Owns   borrows the conf
 */
#ifndef CHANGE_NOTIFY_H
#define CHANGE_NOTIFY_H

#include "core/change/actuator.h"
#include "core/conf/conf.h"
#include "core/model/verdict.h"

enum { NOTIFY_MS = 30000, NOTIFY_WAITING = 16, NOTIFY_SHOWN = 160 };

struct notice {
    enum verdict_word before, now;
    const char *rule, *workload, *place;
    int64_t at_ms;
};

struct notify;
struct notify *notify_new(struct loop *l, struct actuator *gate, const struct conf *conf);
void notify_free(struct notify *n); /* what is under way is left; NULL is fine */
const char *notify_shown(const struct conf_notify *to, char out[NOTIFY_SHOWN]); /* its program or its host, without what is secret */
void notify_say(struct notify *n, const struct notice *what); /* to whom it concerns */

#endif
