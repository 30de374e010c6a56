/*
 * core/sim/control.h - a Unix socket that steps the simulator: a line in, a line of JSON out.
 *
 *   until T+2:00   all up to then has happened when the answer comes (stepped mode)
 *   step           the next thing happens
 *   now            the virtual time, the caption, the link, what went wrong
 *   speed X        0 = stepped
 *   link down|up   as the story's step of that name
 *   caption        the caption of now, and since when
 *   forget         as a compaction of etcd: older resourceVersions and pages are gone
 *   follow         the answer of `now`, and again whenever the caption or the speed has changed
 * and, in stepped mode, the time quit
 *
 * Answers  {"now_ms":N,"zero_ms":N,"length_ms":N,"t":"T+2:00",...}; a line that cannot be obeyed:
 * {"error":"..."} Limits   CONTROL_CLIENTS at a time, CONTROL_LINE bytes a line Thread   one Owns
 * the socket file (0600), gone when freed
 */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <poll.h>

#include "core/base/buf.h"

enum { CONTROL_CLIENTS = 8, CONTROL_LINE = 256 };

struct control;
/* False: the answer comes later, by control_answer with the same `who`. */
typedef bool control_fn(void *ctx, int who, const char *line, struct buf *answer);
MUST_USE enum err_code control_new(const char *path, control_fn *fn, void *ctx,
                                   struct control **out, struct err *e);
void control_free(struct control *c); /* NULL is fine */
size_t control_want(const struct control *c, struct pollfd *out, size_t room);
void control_serve(struct control *c, const struct pollfd *fds, size_t n);
void control_answer(struct control *c, int who, const char *answer);
void control_follow(struct control *c, int who);
void control_tell(struct control *c, const char *line); /* to those who follow */

#endif
