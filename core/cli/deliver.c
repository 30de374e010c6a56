#include "core/cli/deliver.h"

#include <stdio.h>
#include <string.h>

#include "core/change/record_error.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"

struct delivering {
    const struct options *o;
    struct wait wait;
    struct errdb *db;
    struct actuator *gate;
    struct deliver *deliver;
    struct loop_timer patience;
    char place[RUN_PLACE];
    struct delivered out;
};

static void on_end(void *ctx, size_t n, size_t left, const struct err *e)
{
    struct delivering *d = ctx;
    d->out.n += n;
    d->out.left = left;
    d->out.elsewhere = deliver_elsewhere(d->deliver);
    d->out.e = *e;
    d->wait.rc = EXIT_PASS;
}

static void on_state(void *ctx)
{
    struct delivering *d = ctx;
    if (!d->db || d->deliver || d->wait.rc >= 0)
        return;
    struct errdb_state st = errdb_state(d->db);
    if (!st.is_synced || st.health.state != SOURCE_LIVE) {
        if (st.health.text[0])
            err_set(&d->out.e, ERR_NET, 0, "%.200s", st.health.text);
        return;
    }
    struct deliver_spec spec = { .loop = d->wait.loop, .worker = d->wait.worker, .gate = d->gate, .db = d->db,
                                 .state_dir = d->o->state_dir, .place = d->place, .who = setup_who(), .on_end = on_end, .ctx = d };
    d->deliver = deliver_new(&spec);
}

static void on_patience(void *ctx)
{
    struct delivering *d = ctx;
    if (!d->out.e.code)
        err_set(&d->out.e, ERR_TIMEOUT, 0, "the error database did not answer in time");
    d->wait.rc = EXIT_PASS;
}

struct delivered cli_deliver(const struct options *o, const struct errors_place *p, int64_t wait_ms)
{
    struct delivering d = { .o = o, .out = { .left = SIZE_MAX } };
    struct err e = { 0 };
    run_place(p->db, d.place);
    if (!wait_open(&d.wait, o)) {
        err_set(&d.out.e, ERR_IO, 0, "cannot start");
        return d.out;
    }
    struct actuator_spec gate = { .loop = d.wait.loop, .worker = d.wait.worker, .state_dir = o->state_dir,
                                  .who = setup_who(), .where = "bakewatch run",
                                  .ban = o->read_only ? "--read-only was given" : "" };
    d.gate = actuator_new(&gate);
    d.patience = (struct loop_timer){ .fn = on_patience, .ctx = &d };
    loop_timer_set(d.wait.loop, &d.patience, wait_ms);
    struct errdb_spec spec = { .place = p->db, .timezone = p->timezone, .rules = p->rules, .is_once = true,
                               .feed = { .ctx = &d }, .on_state = on_state };
    if (errdb_open(d.wait.loop, d.wait.worker, &spec, &d.db, &e)) {
        d.out.e = e;
    } else {
        on_state(&d);
        wait_run(&d.wait);
        snprintf(d.out.source, sizeof d.out.source, "%s", errdb_state(d.db).source);
    }
    loop_timer_stop(d.wait.loop, &d.patience);
    deliver_free(d.deliver);
    errdb_close(d.db);
    actuator_free(d.gate);
    wait_close(&d.wait);
    return d.out;
}

int cmd_errors_deliver(const struct options *o, const struct errors_place *p)
{
    struct delivered d = cli_deliver(o, p, o->timeout_ms ? o->timeout_ms : 30000);
    if (d.e.code) {
        cli_complain("%zu delivered; the rest stays in the spool: %s", d.n, d.e.text);
        return EXIT_CONNECT;
    }
    printf("%zu delivered\n", d.n);
    if (d.elsewhere)
        cli_complain("%zu more wait for another error database: give the --errors-db of their run", d.elsewhere);
    return EXIT_PASS;
}
