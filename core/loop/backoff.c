#include "core/loop/backoff.h"

#include <sys/random.h>

uint32_t backoff_random(uint32_t below)
{
    uint32_t r = 0;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (long)sizeof r)
        r = 2147483647u;
    return below ? r % below : 0;
}

int64_t backoff_next_ms(struct backoff *b)
{
    b->step_ms = b->step_ms ? b->step_ms * 2 : b->first_ms;
    if (b->step_ms > b->most_ms)
        b->step_ms = b->most_ms;
    return b->step_ms / 2 + backoff_random((uint32_t)(b->step_ms / 2 + 1));
}

void backoff_reset(struct backoff *b)
{
    b->step_ms = 0;
}
