/*
 * core/loop/child.h - a program run beside the loop: its output captured, its time bounded.
 *
 * The child gets a session of its own (so no /dev/tty to garble or to wait for), stdin from /dev/null, a clean signal mask, and no fd
 * of ours but 0-2.  At the deadline the whole group is killed.
 *
 * Limits   out_cap and err_cap bytes are kept, the rest is read and dropped
 * Errors   child_start ERR_IO with the errno of the spawn (ENOENT: no such program)
 * Thread   the loop's       Owns   the spec's strings are used only during child_start
 */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/loop/loop.h"

struct child_result {
    bool is_timeout;
    int exit_code; /* 128 + signal when one ended it */
    const char *out, *err_text; /* NUL-terminated, borrowed */
    size_t out_n, err_n;
    bool is_cut;   /* more came than out_cap */
};

struct child_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH without a '/' */
    const char *const *env;  /* NULL-terminated, the whole environment */
    int64_t deadline_ms;     /* from now */
    size_t out_cap, err_cap;
    void (*on_done)(void *ctx, const struct child_result *r);
    void *ctx;
};

struct child;
MUST_USE enum err_code child_start(struct loop *l, const struct child_spec *spec,
                                   struct child **out, struct err *e);
void child_kill(struct child *c); /* no callback after it; NULL is fine */

#endif
