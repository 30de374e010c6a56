/*
 * core/loop/backoff.h - how long to wait before the next try: doubling, with full jitter, for ever.
 *
 * Units    ms      Thread   any, one owner
 * The delay lies in [step/2, step]; step doubles from first_ms to most_ms.
 */
#ifndef LOOP_BACKOFF_H
#define LOOP_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms, most_ms;
    int64_t step_ms; /* 0 = no failure since the last success */
};

int64_t backoff_next_ms(struct backoff *b);
void backoff_reset(struct backoff *b);
uint32_t backoff_random(uint32_t below); /* for spreading periodic work; not for secrets */

#endif
