/*
 * core/report/ndjson.h - snapshots as a stream: one JSON object a line for each thing that has changed.
 *
 * JSON     schema "bakewatch/stream/v1": an interface, documented in bakewatch(1); members are added,
 *          never renamed.  Each line has "type" and "time" (story clock, UTC), in the demo "t" (seconds since the
 *          story's T+0).  Types: begin, source,
 *          verdict (of a workload, when its word or a trigger changes; the figures go with it), platform (the word of
 *          all), workload, pod (one with something wrong, and from then on whatever changes of it), event, error,
 *          caption; "gone":true for a workload or a pod that is no longer there
 * Limits   what was printed is remembered by a digest of 64 bits a thing; a line's cap is the buf's
 * Thread   one
 * Owns     nothing of the snapshots
 */
#ifndef REPORT_NDJSON_H
#define REPORT_NDJSON_H

#include "core/base/buf.h"
#include "core/model/snap.h"

struct ndjson;
struct ndjson *ndjson_new(void);
void ndjson_free(struct ndjson *n);
/* Appends the lines of what has changed since the last call; the first one begins with "begin". */
void ndjson_add(struct ndjson *n, const struct snap *s, int64_t now_ms, struct buf *out);

#endif
