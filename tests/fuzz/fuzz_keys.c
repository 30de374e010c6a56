/* The key decoder: bounded, always makes progress, never gives a name with a control in it. */
#include <assert.h>
#include <string.h>

#include "tui/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct keys k;
    struct key key;
    keys_init(&k);
    for (size_t i = 0; i < n; i += 7) {
        keys_feed(&k, (const char *)data + i, n - i < 7 ? n - i : 7, (int64_t)i * 20);
        while (keys_next(&k, (int64_t)i * 20, &key)) {
            assert(key.kind == KEY_PASTE || (key.name[0] && strlen(key.name) < KEY_NAME));
            for (const char *p = key.kind == KEY_PASTE ? "" : key.name; *p; p++)
                assert((unsigned char)*p >= 0x20);
        }
    }
    while (keys_next(&k, (int64_t)n * 20 + 1000, &key))
        ;
    assert(k.in_paste || k.in.len == 0);
    keys_release(&k);
    return 0;
}
