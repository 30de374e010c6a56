/* The sanitiser: what comes out is valid UTF-8 without a control, and always ends. */
#include <assert.h>
#include <string.h>

#include "core/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *s = (const char *)data, *end = s + n;
    struct text_cell c;
    while (s < end) {
        const char *before = s;
        text_next(&s, end, &c);
        assert(s > before && c.width >= 1 && c.width <= 4);
        int32_t cp;
        for (const char *p = c.bytes; *p;) {
            size_t used = text_decode(p, strlen(p), &cp);
            assert(used && cp >= 0x20 && cp != 0x7F && !(cp >= 0x80 && cp < 0xA0));
            p += used;
        }
    }
    char out[32];
    text_clean_to(out, sizeof out, (const char *)data, n);
    assert(strlen(out) < sizeof out);
    return 0;
}
