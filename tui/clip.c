#include "tui/clip.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/text.h"
#include "tui/term.h"

static void base64(struct buf *out, const char *s, size_t n)
{
    static const char set64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)(unsigned char)s[i] << 16;
        v |= i + 1 < n ? (unsigned)(unsigned char)s[i + 1] << 8 : 0;
        v |= i + 2 < n ? (unsigned)(unsigned char)s[i + 2] : 0;
        buf_addc(out, set64[v >> 18]);
        buf_addc(out, set64[v >> 12 & 63]);
        buf_addc(out, i + 1 < n ? set64[v >> 6 & 63] : '=');
        buf_addc(out, i + 2 < n ? set64[v & 63] : '=');
    }
}

const char *clip_copy(struct term *t, const char *text, size_t n)
{
    struct buf osc = BUF_INIT(CLIP_BYTES / 3 * 4 + 64);
    bool in_tmux = getenv("TMUX") != NULL;
    buf_adds(&osc, in_tmux ? "\033Ptmux;\033\033]52;c;" : "\033]52;c;");
    base64(&osc, text, n);
    buf_adds(&osc, in_tmux ? "\a\033\\" : "\a");
    term_raw(t, buf_str(&osc), osc.len);
    buf_release(&osc);
    return in_tmux ? " (tmux needs set-clipboard on)" : "";
}
