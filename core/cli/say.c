#include "core/cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { SAY_CAP = 256 * 1024 };

void cli_complain(const char *fmt, ...)
{
    struct buf clean = BUF_INIT(SAY_CAP);
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t n = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
    char *text = x_malloc(n); /* without memory it says that at least */
    vsnprintf(text, n, fmt, again);
    va_end(again);
    va_end(ap);
    buf_adds(&clean, "bakewatch: ");
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        text_clean(&clean, line, len);
        buf_addc(&clean, '\n');
        line += len + (line[len] == '\n');
    }
    fputs(buf_str(&clean), stderr);
    buf_release(&clean);
    free(text);
}
