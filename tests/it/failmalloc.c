/*
 * Preloaded by a test: allocation number FAIL_AT of a process and all after it fail; likewise thread
 * number FAIL_THREAD_AT (root has no other limit on threads that a test could set).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
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

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
    static atomic_long threads;
    const char *s = getenv("FAIL_THREAD_AT");
    if (s && ++threads >= atol(s))
        return EAGAIN;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    return real(t, a, fn, arg);
}
