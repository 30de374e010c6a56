/*
 * `errors init --apply`: the schema, carried out.  An act by being typed: through the gate, which refuses it
 * with --read-only and writes it into the journal.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/change/actuator.h"
#include "core/cli/cmd_errors.h"
#include "core/cli/say.h"
#include "core/cli/schema.h"
#include "core/cli/setup.h"
#include "core/sources/errdb_init.h"

enum { OUTPUT_CAP = 1024 * 1024 };

struct making {
    struct wait wait;
    const char *place;
    struct errdb_init *init;
    struct act *act;
    enum exit_code failure; /* what a refusal means for the exit */
};

static void print_clean(FILE *to, const char *text)
{
    struct buf out = BUF_INIT(OUTPUT_CAP);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        text_clean(&out, line, n);
        buf_addc(&out, '\n');
        line += n + (line[n] == '\n');
    }
    fputs(buf_str(&out), to);
    buf_release(&out);
}

static void on_init(void *ctx, const struct errdb_done_init *d)
{
    struct making *m = ctx;
    print_clean(stderr, d->notices);
    if (d->e.code) {
        m->failure = d->e.code == ERR_CONFIG ? EXIT_USAGE : EXIT_CONNECT;
        act_answer(m->act, ENTRY_REFUSED, d->e.text); /* one transaction: nothing is half done */
        return;
    }
    print_clean(stdout, d->source);
    print_clean(stdout, d->text);
    act_answer(m->act, ENTRY_APPLIED, d->text);
}

static void make_file(struct making *m, const char *file)
{
    struct err e = { 0 };
    bool is_made = false;
    if (errdb_sqlite_init(file, &is_made, &e)) {
        act_answer(m->act, ENTRY_REFUSED, e.text);
        return;
    }
    print_clean(stdout, m->place);
    printf("%s: tables deployment_errors and deployment_error_steps\n", is_made ? "made" : "there now");
    act_answer(m->act, ENTRY_APPLIED, is_made ? "made" : "there now");
}

static void on_send(void *ctx, struct act *act)
{
    struct making *m = ctx;
    const char *file = m->place;
    struct err e = { 0 };
    m->act = act;
    if (text_skip(&file, "sqlite://")) {
        make_file(m, file);
    } else if (errdb_init_start(m->wait.loop, m->place, schema_sql, on_init, m, &m->init, &e)) {
        m->failure = EXIT_USAGE;
        act_answer(act, ENTRY_REFUSED, e.text);
    }
}

static void on_end(void *ctx, const struct act_end *end)
{
    struct making *m = ctx;
    m->act = NULL;
    if (end->e.code)
        cli_complain("%s", end->e.text);
    else if (end->state != ENTRY_APPLIED)
        cli_complain("%s", end->text);
    m->wait.rc = end->state != ENTRY_APPLIED ? (int)m->failure : end->e.code || fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
}

int cmd_errors_init(const struct options *o, const struct errors_place *p)
{
    struct making m = { .place = p->db, .failure = EXIT_CONNECT };
    struct buf shown = BUF_INIT(64 * 1024);
    struct err e = { 0 };
    int rc = EXIT_FAIL;
    if (!wait_open(&m.wait, o))
        return EXIT_FAIL;
    conf_mask_db(&shown, p->db);
    struct actuator_spec gate_spec = { .loop = m.wait.loop, .worker = m.wait.worker, .state_dir = o->state_dir,
                                       .who = setup_who(), .where = buf_str(&shown),
                                       .ban = o->read_only ? "--read-only was given" : "" };
    struct actuator *gate = actuator_new(&gate_spec);
    struct act_spec spec = { .action = "errors-init", .target = "deployment_errors", .detail = "conf/schema.sql",
                             .is_typed = true, .send = on_send, .on_end = on_end, .ctx = &m };
    if (act_begin(gate, &spec, &m.act, &e))
        cli_complain("%s", e.text);
    else
        rc = wait_run(&m.wait);
    errdb_init_free(m.init);
    actuator_free(gate);
    wait_close(&m.wait);
    buf_release(&shown);
    return rc;
}
