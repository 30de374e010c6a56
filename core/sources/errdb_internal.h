/*
 * core/sources/errdb_internal.h - between errdb.c and the two kinds of database behind it.
 *
 * errdb_open finds the kind by the place and hands every call on through the ops.  What fetch and write
 * return is the kind's own; errdb.c wraps it in a struct errdb_call, which says whose it is.
 */
#ifndef SOURCES_ERRDB_INTERNAL_H
#define SOURCES_ERRDB_INTERNAL_H

#include "core/sources/errdb.h"

struct errdb_ops {
    void (*close)(void *impl);
    void (*retry)(void *impl);
    void (*doubt)(void *impl);
    void (*state)(const void *impl, struct errdb_state *out);
    const struct errfeed *(*feed)(const void *impl);
    const struct error_done *(*steps)(const void *impl, int64_t id);
    /* on_done is never called from within these two, and not after cancel or close */
    void *(*fetch)(void *impl, int64_t id, void (*on_done)(void *ctx, const struct errdb_record *r),
                   void *ctx);
    void *(*write)(void *impl, const struct errdb_change *c,
                   void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx);
    void (*cancel)(void *call);
};

struct errdb_call { /* allocated by errdb.c */
    const struct errdb_ops *ops;
    void *call;
};

struct errdb *errdb_over(const struct errdb_ops *ops, void *impl); /* also how a test brings one of its own */
MUST_USE enum err_code errdb_pg_open(struct loop *l, struct worker *w, const struct errdb_spec *spec,
                                     const struct errdb_ops **ops, void **impl, struct err *e);
MUST_USE enum err_code errdb_sqlite_open(struct loop *l, struct worker *w,
                                         const struct errdb_spec *spec, const struct errdb_ops **ops,
                                         void **impl, struct err *e);

#endif
