/* A line of the demo's simulator: what is taken is within its bounds. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/sources/demo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct demo_now now;
    struct err e = { 0 };
    if (demo_decode((const char *)data, n, &now, &e) == ERR_OK) {
        assert(now.speed >= 0 && now.now_ms >= 0 && now.zero_ms >= 0);
        assert(strlen(now.caption) < DEMO_CAPTION);
    }
    return 0;
}
