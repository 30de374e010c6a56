/*
 * core/gather/past.h - somebody looks at the past: what the history has of that time goes to the slot's `past`,
 * beside the live snapshot, which goes on.
 *
 * A time outside of what is recorded becomes the nearest one within.  Where nothing was recorded the snapshot has
 * no sections and says why.
 * Thread   the loop's
 */
#ifndef GATHER_PAST_H
#define GATHER_PAST_H

#include <stdint.h>

struct gather;
void gather_past(struct gather *g, int64_t at_ms); /* TIME_NONE: nobody looks any more */

#endif
