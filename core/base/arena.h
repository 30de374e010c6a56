/*
 * core/base/arena.h - many small allocations with one owner and one end.
 *
 * Thread   any, one owner      Owns  everything handed out; arena_release frees it all at once
 * Limits   none of its own: what comes from outside is capped before it gets here
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "core/base/err.h"

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t total; /* bytes handed out, for the memory line of the sources panel */
};

void arena_release(struct arena *a);
void *arena_alloc(struct arena *a, size_t n); /* zero-filled, aligned for any type */
char *arena_strdup(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
