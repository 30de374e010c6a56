/* Which kind of database a place is; everything else is theirs. */
#include "core/sources/errdb.h"

#include <utlist.h>

#include "core/base/text.h"
#include "core/sources/errdb_internal.h"

struct call { /* what the caller holds, until on_done or cancel */
    struct errdb_call base;
    struct errdb *db;
    struct call *prev, *next;
    void (*on_record)(void *ctx, const struct errdb_record *r);
    void (*on_result)(void *ctx, const struct errdb_result *r);
    void *ctx;
};

struct errdb {
    const struct errdb_ops *ops;
    void *impl;
    struct call *calls;
};

struct errdb *errdb_over(const struct errdb_ops *ops, void *impl)
{
    struct errdb *db = x_calloc(1, sizeof *db);
    db->ops = ops;
    db->impl = impl;
    return db;
}

enum err_code errdb_open(struct loop *l, struct worker *w, const struct errdb_spec *spec,
                         struct errdb **out, struct err *e)
{
    const struct errdb_ops *ops = NULL;
    void *impl = NULL;
    enum err_code rc = text_starts(spec->place, "sqlite:") ? errdb_sqlite_open(l, w, spec, &ops, &impl, e)
                                                           : errdb_pg_open(l, w, spec, &ops, &impl, e);
    if (!rc)
        *out = errdb_over(ops, impl);
    return rc;
}

static void free_call(struct call *c)
{
    DL_DELETE(c->db->calls, c);
    free(c);
}

void errdb_close(struct errdb *db)
{
    if (!db)
        return;
    db->ops->close(db->impl);
    while (db->calls)
        free_call(db->calls);
    free(db);
}

void errdb_retry(struct errdb *db)
{
    db->ops->retry(db->impl);
}

void errdb_doubt(struct errdb *db)
{
    db->ops->doubt(db->impl);
}

struct errdb_state errdb_state(const struct errdb *db)
{
    struct errdb_state s = { 0 };
    db->ops->state(db->impl, &s);
    return s;
}

const struct errfeed *errdb_feed(const struct errdb *db)
{
    return db->ops->feed(db->impl);
}

const struct error_done *errdb_steps(const struct errdb *db, int64_t id)
{
    return db->ops->steps(db->impl, id);
}

static struct call *new_call(struct errdb *db, void *ctx)
{
    struct call *c = x_calloc(1, sizeof *c);
    c->base.ops = db->ops;
    c->db = db;
    c->ctx = ctx;
    DL_APPEND(db->calls, c);
    return c;
}

/* The call is gone before its owner hears of it: it may start another. */
static void on_record(void *ctx, const struct errdb_record *r)
{
    struct call c = *(struct call *)ctx;
    free_call(ctx);
    c.on_record(c.ctx, r);
}

static void on_result(void *ctx, const struct errdb_result *r)
{
    struct call c = *(struct call *)ctx;
    free_call(ctx);
    c.on_result(c.ctx, r);
}

struct errdb_call *errdb_fetch(struct errdb *db, int64_t id,
                               void (*on_done)(void *ctx, const struct errdb_record *r), void *ctx)
{
    struct call *c = new_call(db, ctx);
    c->on_record = on_done;
    c->base.call = db->ops->fetch(db->impl, id, on_record, c);
    return &c->base;
}

struct errdb_call *errdb_write(struct errdb *db, const struct errdb_change *change,
                               void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx)
{
    struct call *c = new_call(db, ctx);
    c->on_result = on_done;
    c->base.call = db->ops->write(db->impl, change, on_result, c);
    return &c->base;
}

void errdb_cancel(struct errdb_call *call)
{
    if (!call)
        return;
    call->ops->cancel(call->call);
    free_call((struct call *)call); /* base comes first in it */
}
