#include <string.h>

#include "core/base/text.h"
#include "core/sources/errdb_init.h"
#include "core/sources/errdb_pg_link.h"

enum { TEXTS = 65536 };

struct errdb_init {
    struct pg_link *link;
    char *sql;
    struct buf text, notices;
    void (*on_done)(void *ctx, const struct errdb_done_init *d);
    void *ctx;
    bool is_over;
};

#define OBJECTS                                                                                     \
    "SELECT name,is_there FROM (VALUES"                                                             \
    "(1,'table deployment_errors',to_regclass('deployment_errors') IS NOT NULL),"                   \
    "(2,'index deployment_errors_timestamp',to_regclass('deployment_errors_timestamp') IS NOT NULL)," \
    "(3,'index deployment_errors_open',to_regclass('deployment_errors_open') IS NOT NULL),"         \
    "(4,'table deployment_error_steps',to_regclass('deployment_error_steps') IS NOT NULL),"         \
    "(5,'function deployment_errors_notify',to_regproc('deployment_errors_notify') IS NOT NULL),"   \
    "(6,'trigger deployment_errors_notify',EXISTS (SELECT FROM pg_trigger WHERE"                    \
    " tgname='deployment_errors_notify' AND tgrelid=to_regclass('deployment_errors'))),"            \
    "(7,'role bakewatch',EXISTS (SELECT FROM pg_roles WHERE rolname='bakewatch'))"                  \
    ") AS v(n,name,is_there) ORDER BY n;"

static void finish(struct errdb_init *i, const struct err *e)
{
    struct errdb_done_init d = { .e = *e, .source = pg_link_state(i->link).source,
                                 .text = buf_str(&i->text), .notices = buf_str(&i->notices) };
    if (i->is_over)
        return;
    i->is_over = true;
    i->on_done(i->ctx, &d);
}

static void compare(struct buf *out, const PGresult *before, const PGresult *after)
{
    for (int n = 0; n < PQntuples(after); n++) {
        bool was = text_eq(PQgetvalue(before, n, 1), "t"), is = text_eq(PQgetvalue(after, n, 1), "t");
        buf_addf(out, "%s: %s\n", !is ? "missing" : was ? "was there" : "made", PQgetvalue(after, n, 0));
    }
}

static void on_answer(void *ctx, const struct pg_answer *a)
{
    struct errdb_init *i = ctx;
    struct err e = a->e;
    if (!e.code && (!a->is_committed || a->n != 2 || PQntuples(a->rows[0]) != PQntuples(a->rows[1])))
        err_set(&e, ERR_SERVER, 0, "the transaction was not committed");
    if (!e.code)
        compare(&i->text, a->rows[0], a->rows[1]);
    finish(i, &e);
}

static void on_up(void *ctx)
{
    struct errdb_init *i = ctx;
    struct buf sql = BUF_INIT(1024 * 1024);
    buf_adds(&sql, "BEGIN;SET LOCAL lock_timeout=5000;SET LOCAL statement_timeout=0;" OBJECTS);
    buf_adds(&sql, i->sql);
    buf_adds(&sql, ";" OBJECTS "COMMIT");
    pg_link_send(i->link, buf_str(&sql), INIT_MS, on_answer, i);
    buf_release(&sql);
}

static void on_down(void *ctx)
{
    struct errdb_init *i = ctx;
    struct pg_link_state s = pg_link_state(i->link);
    if (!s.has_more)
        finish(i, &s.e);
}

static void on_notify(void *ctx)
{
    (void)ctx; /* our own trigger's */
}

/* Not "already exists, skipping": the comparison says that. */
static void on_notice(void *ctx, const char *text)
{
    struct errdb_init *i = ctx;
    if (!strstr(text, "skipping"))
        buf_adds(&i->notices, text);
}

enum err_code errdb_init_start(struct loop *l, const char *place, const char *sql,
                               void (*on_done)(void *ctx, const struct errdb_done_init *d), void *ctx,
                               struct errdb_init **out, struct err *e)
{
    if (text_starts(place, "sqlite:"))
        return err_set(e, ERR_CONFIG, 0, "errors init is for PostgreSQL");
    struct errdb_init *i = x_calloc(1, sizeof *i);
    struct pg_link_spec spec = { .place = place, .on_up = on_up, .on_down = on_down,
                                 .on_notify = on_notify, .on_notice = on_notice, .ctx = i };
    if (pg_link_new(l, &spec, &i->link, e)) {
        free(i);
        return ERR_CONFIG;
    }
    i->sql = x_strdup(sql);
    i->text = i->notices = BUF_INIT(TEXTS);
    i->on_done = on_done;
    i->ctx = ctx;
    *out = i;
    return ERR_OK;
}

void errdb_init_free(struct errdb_init *i)
{
    if (!i)
        return;
    pg_link_free(i->link);
    buf_release(&i->text);
    buf_release(&i->notices);
    free(i->sql);
    free(i);
}
