#include "core/sources/errdb_sqlite_call.h"

#include <utlist.h>

#include "core/sources/errdb_sqlite_write.h"

struct sqlite_call {
    struct sqlite_calls *of;
    struct sqlite_reader *reader;
    uint64_t job;
    struct loop_timer refused; /* the worker took no job: said in the next turn */
    struct sqlite_call *next, *prev;
    struct arena arena;
    bool is_write;
    int64_t zone_ms;
    struct errdb_change change;
    struct errdb_record record;
    struct errdb_result result;
    void (*on_record)(void *ctx, const struct errdb_record *r);
    void (*on_result)(void *ctx, const struct errdb_result *r);
    void *ctx;
};

static void call_free(void *ctx)
{
    struct sqlite_call *c = ctx;
    sqlite_reader_unref(c->reader);
    arena_release(&c->arena);
    free(c);
}

static void call_work(void *ctx)
{
    struct sqlite_call *c = ctx;
    if (c->is_write) {
        sqlite_write(c->reader->path, c->zone_ms, &c->change, &c->result);
        return;
    }
    struct errdb_field *fields = NULL;
    size_t n = 0;
    enum err_code rc =
        sqlite_read_record(c->reader, c->change.id, &c->arena, &fields, &n, &c->record.e);
    c->record.e.code = rc;
    c->record.fields = rc ? NULL : fields;
    c->record.n = rc ? 0 : n;
}

static void call_done(void *ctx)
{
    struct sqlite_call *c = ctx;
    struct sqlite_calls *calls = c->of;
    DL_DELETE(calls->list, c);
    if (c->is_write) {
        calls->on_written(calls->ctx); /* what was changed is seen at once */
        c->on_result(c->ctx, &c->result);
    } else {
        c->on_record(c->ctx, &c->record);
    }
    call_free(c);
}

static void call_start(struct sqlite_calls *calls, struct sqlite_call *c)
{
    c->of = calls;
    c->reader = sqlite_reader_ref(calls->reader);
    DL_APPEND(calls->list, c);
    c->job = worker_do(calls->worker, &(struct worker_job){
        .work = call_work, .done = call_done, .drop = call_free, .ctx = c });
    if (c->job)
        return;
    err_set(&c->record.e, ERR_BUSY, 0, "too much waits for the disk");
    c->result = (struct errdb_result){ .outcome = OUTCOME_FAILED, .e = c->record.e };
    c->refused = (struct loop_timer){ .fn = call_done, .ctx = c };
    loop_timer_set(calls->loop, &c->refused, 0);
}

struct sqlite_call *sqlite_calls_fetch(struct sqlite_calls *calls, int64_t id,
                                       void (*on_done)(void *ctx, const struct errdb_record *r), void *ctx)
{
    struct sqlite_call *c = x_calloc(1, sizeof *c);
    c->change.id = id;
    c->on_record = on_done;
    c->ctx = ctx;
    call_start(calls, c);
    return c;
}

static void copy_texts(struct arena *a, struct errdb_change *c)
{
    const char **texts[] = { &c->key, &c->by, &c->note, &c->service, &c->environment, &c->stage,
                             &c->code, &c->severity, &c->message, &c->stack, &c->user_impact,
                             &c->business_impact };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_strdup(a, *texts[i]);
}

struct sqlite_call *sqlite_calls_write(struct sqlite_calls *calls, int64_t zone_ms, const struct errdb_change *change,
                                       void (*on_done)(void *ctx, const struct errdb_result *r), void *ctx)
{
    struct sqlite_call *c = x_calloc(1, sizeof *c);
    c->is_write = true;
    c->zone_ms = zone_ms;
    c->change = *change;
    copy_texts(&c->arena, &c->change);
    c->on_result = on_done;
    c->ctx = ctx;
    call_start(calls, c);
    return c;
}

void sqlite_call_cancel(struct sqlite_call *c)
{
    struct sqlite_calls *calls = c->of;
    DL_DELETE(calls->list, c);
    loop_timer_stop(calls->loop, &c->refused);
    if (c->job)
        worker_cancel(calls->worker, c->job); /* drops it */
    else
        call_free(c);
}

void sqlite_calls_end(struct sqlite_calls *calls)
{
    while (calls->list)
        sqlite_call_cancel(calls->list);
}
