/* doctor's look at the error database: opened, read once, closed. */
#include "core/cli/doctor_errors.h"

#include <stdio.h>

#include "core/cli/cmd_errors.h"
#include "core/sources/errdb.h"

enum { PATIENCE_MS = 10000 };

struct looking {
    struct wait wait;
    struct errdb *db;
    struct loop_timer patience;
};

static void on_state(void *ctx)
{
    struct looking *l = ctx;
    if (!l->db)
        return;
    struct errdb_state st = errdb_state(l->db);
    if ((st.is_synced && st.health.state == SOURCE_LIVE) || st.health.state == SOURCE_FAILED)
        l->wait.rc = EXIT_PASS;
}

static void on_patience(void *ctx)
{
    struct looking *l = ctx;
    l->wait.rc = EXIT_PASS;
}

static enum err_code describe(const struct errdb *db, char *text, size_t room, bool *is_warning)
{
    struct errdb_state st = errdb_state(db);
    if (!st.is_synced || st.health.state != SOURCE_LIVE) {
        snprintf(text, room, "%s: %s", st.source, st.health.text[0] ? st.health.text : "no answer in 10 s");
        return ERR_NET;
    }
    struct buf missing = BUF_INIT(1024);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (st.missing & (1u << i))
            buf_addf(&missing, "%s %s", missing.len ? "," : ", the table has no column", error_column_names[i]);
    }
    *is_warning = missing.len || !st.has_steps || !st.is_zone_sure;
    snprintf(text, room, "%s: zone %s%s%s%s", st.source, st.zone_text, st.is_zone_sure ? "" : ", not certain", buf_str(&missing),
             st.has_steps ? "" : ", no table deployment_error_steps: steps are kept only here");
    buf_release(&missing);
    return ERR_OK;
}

enum err_code doctor_errors(const struct options *o, char *text, size_t room, bool *is_warning)
{
    struct looking l = { .db = NULL };
    struct errors_place p;
    struct err e = { 0 };
    const struct conf_env *env;
    *is_warning = false;
    snprintf(text, room, "none is set");
    enum err_code rc = errors_place_seek(o, &p, false, &env) || !p.db ? ERR_NOTFOUND : ERR_OK;
    if (!rc && !wait_open(&l.wait, o)) {
        snprintf(text, room, "cannot start to look");
        rc = ERR_IO;
    }
    if (rc) {
        errors_place_release(&p);
        return rc;
    }
    l.patience = (struct loop_timer){ .fn = on_patience, .ctx = &l };
    loop_timer_set(l.wait.loop, &l.patience, PATIENCE_MS);
    struct errdb_spec spec = { .place = p.db, .timezone = p.timezone, .rules = p.rules, .is_once = true,
                               .feed = { .ctx = &l }, .on_state = on_state };
    rc = errdb_open(l.wait.loop, l.wait.worker, &spec, &l.db, &e);
    if (rc) {
        snprintf(text, room, "%s", e.text);
    } else {
        on_state(&l);
        wait_run(&l.wait);
        rc = describe(l.db, text, room, is_warning);
    }
    loop_timer_stop(l.wait.loop, &l.patience);
    errdb_close(l.db);
    wait_close(&l.wait);
    errors_place_release(&p);
    return rc;
}
