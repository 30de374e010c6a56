/*
 * core/store/rows.h - what the history keeps of each row, one description for both ways (see pack.h).
 *
 * Writing only looks at the row: it may be shared with other threads.  Reading fills a row that was made by its
 * _new, or is zero, and whose strings are to live in k->arena; of what is not kept it leaves what stands there.
 *          The row is a void *, so that one function can write any of them
 * Limits   the caps of the model's structs, and ROWS_... of what is many
 * Thread   any (pure)
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/verdict.h"
#include "core/model/workload.h"
#include "core/store/pack.h"

enum { ROWS_REVISIONS = 20, ROWS_PODS = 20000, ROWS_CONTAINERS = 64, ROWS_NOTICES = 200, ROWS_DEPLOYS = 200 };

void row_workloads(struct pack *k, void *row);        /* struct workloads: all but its items */
void row_workload(struct pack *k, void *row);         /* struct workload: with its pods; without usage and events */
void row_event(struct pack *k, void *row);            /* struct event */
void row_errors(struct pack *k, void *row);           /* struct errors: all but its lists */
void row_error(struct pack *k, void *row);            /* struct error_item: with its row, without the stack trace */
void row_group(struct pack *k, void *row);            /* struct error_group */
void row_open(struct pack *k, void *row);             /* struct error_open */
void row_sources(struct pack *k, void *row);          /* struct sources: all but its rows */
void row_source(struct pack *k, void *row);           /* struct source_health */
void row_verdict(struct pack *k, void *row);          /* struct verdict: all but its lists */
void row_bake(struct pack *k, void *row);             /* struct bake */
void row_mark(struct pack *k, void *row);             /* struct mark */
void row_check(struct pack *k, void *row);            /* struct check */
void row_tracks(struct pack *k, void *row);           /* struct tracks: all but its items and their points */
void row_band(struct pack *k, void *row);             /* struct track: all but its points */

#endif
