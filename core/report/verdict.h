/*
 * core/report/verdict.h - the verdict as JSON: an interface, documented in bakewatch(1); members are added,
 * never renamed.  A figure that is not known is null.
 *
 * Thread   any
 */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include "core/base/buf.h"
#include "core/model/verdict.h"

void verdict_json(struct buf *out, const struct verdict *v);           /* an object, bakes and marks in it */
void verdict_json_bake(struct buf *out, const struct bake *b);         /* an object */
const char *bake_phase_name(enum bake_phase p);                        /* "window", "extended", "over" */

#endif
