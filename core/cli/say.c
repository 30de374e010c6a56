#include "core/cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { SAY_CAP = 256 * 1024 };

void cli_complain(const char *fmt, ...)
{
    char *text = NULL;
    struct buf clean = BUF_INIT(SAY_CAP);
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
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
