/*
 * Preloaded by a test: allocation number FAIL_AT of a process and all after it fail.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);

static atomic_long count, limit;

static int is_over(void)
{
    if (!limit) { /* getenv allocates nothing */
        const char *s = getenv("FAIL_AT");
        limit = s ? atol(s) : -1;
    }
    if (limit < 0 || ++count < limit)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return is_over() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return is_over() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return is_over() ? NULL : __libc_realloc(p, n);
}
