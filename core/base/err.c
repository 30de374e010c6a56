#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"

enum { WHOLE = 8192 }; /* a path and more: what is cut is cut in the middle */

void (*oom_hook)(void);

enum err_code err_set(struct err *e, enum err_code code, int native, const char *fmt, ...)
{
    if (!e)
        return code;
    char text[WHOLE]; /* the arguments may point into e->text */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->code = code;
    e->native = native;
    text_shorten(e->text, sizeof e->text, text);
    return code;
}

enum err_code err_at(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_IO;
    char text[WHOLE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", e->text);
    text_shorten(e->text, sizeof e->text, text);
    return e->code;
}

const char *err_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_OK] = "ok",           [ERR_USAGE] = "usage",         [ERR_CONFIG] = "config",
        [ERR_PARSE] = "parse",     [ERR_LIMIT] = "limit",         [ERR_IO] = "io",
        [ERR_NET] = "net",         [ERR_TIMEOUT] = "timeout",     [ERR_AUTH] = "auth",
        [ERR_FORBIDDEN] = "forbidden", [ERR_NOTFOUND] = "notfound", [ERR_GONE] = "gone",
        [ERR_BUSY] = "busy",       [ERR_SERVER] = "server",       [ERR_CANCELLED] = "cancelled",
    };
    return (size_t)code < ARRAY_LEN(names) ? names[code] : "unknown";
}

void *x_must(void *p)
{
    if (p)
        return p;
    if (oom_hook)
        oom_hook();
    static const char msg[] = "bakewatch: out of memory\n";
    (void)!write(STDERR_FILENO, msg, sizeof msg - 1);
    abort();
}

void *x_malloc(size_t n)
{
    return x_must(malloc(n ? n : 1));
}

void *x_calloc(size_t n, size_t size)
{
    return x_must(calloc(n ? n : 1, size ? size : 1));
}

void *x_realloc(void *p, size_t n)
{
    return x_must(realloc(p, n ? n : 1));
}

char *x_strdup(const char *s)
{
    return x_must(strdup(s));
}

char *x_strndup(const char *s, size_t n)
{
    return x_must(strndup(s, n));
}

char *x_asprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return x_must(n < 0 ? NULL : s);
}
