/*
 * core/base/err.h - failures as values, and the few attributes that every file needs.
 *
 * A fallible function returns enum err_code and takes `struct err *e` last.  Outputs are written on
 * success only.  The callee says what went wrong (err_set), each caller adds where (err_at).
 * `e` may be NULL where the caller wants the code alone.
 *
 * Errors   err_set and err_at return the code they store, so that `return err_set(...)` reads well
 * Thread   any; a struct err belongs to one caller
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdlib.h>

#define MUST_USE            __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a)   __attribute__((format(printf, f, a)))
#define AUTO(release)       __attribute__((cleanup(release)))
#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))

enum err_code {
    ERR_OK = 0,
    ERR_USAGE,     /* the command line is wrong */
    ERR_CONFIG,    /* a file that we were given is wrong */
    ERR_PARSE,     /* bytes from outside are not what they claim to be */
    ERR_LIMIT,     /* bytes from outside are larger than a cap */
    ERR_IO,        /* a local system call failed; native is errno */
    ERR_NET,       /* a connection failed; native is the CURLcode or errno */
    ERR_TIMEOUT,   /* nothing came in time */
    ERR_AUTH,      /* the peer does not accept our credentials */
    ERR_FORBIDDEN, /* the peer knows us and refuses */
    ERR_NOTFOUND,  /* no such object */
    ERR_GONE,      /* the resourceVersion is too old: list again */
    ERR_BUSY,      /* the peer asked us to wait */
    ERR_SERVER,    /* the peer failed; native is the HTTP status */
    ERR_CANCELLED,
};

struct err {
    enum err_code code;
    int native; /* errno, CURLcode, HTTP status or the library's own code; 0 = none */
    char text[224];
};

/* A text that is too long loses its middle: a path may be long, and the reason comes last. */
enum err_code err_set(struct err *e, enum err_code code, int native, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Puts "where: " before the text that is there; returns e->code. */
enum err_code err_at(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *err_name(enum err_code code); /* "auth", "timeout": static, for logs and JSON */

/* Out of memory is not an error value: it leaves the screen (see oom_hook) and aborts. */
void *x_malloc(size_t n);
void *x_calloc(size_t n, size_t size);
void *x_realloc(void *p, size_t n);
char *x_strdup(const char *s);
char *x_strndup(const char *s, size_t n);
char *x_asprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void *x_must(void *p); /* what a library has allocated: p, or out of memory as above */
extern void (*oom_hook)(void); /* async-signal-safe; called once before abort */

static inline void release_free(void *p) /* for AUTO() on heap pointers */
{
    free(*(void **)p);
}

#endif
