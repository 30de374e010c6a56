/* `errors show ID`: one record, whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cmd_errors.h"
#include "core/cli/say.h"
#include "core/sources/errdb.h"

enum { OUTPUT_CAP = 6 * ERRDB_RECORD, NAME_COLS = 18 };

struct show {
    const struct options *o;
    struct wait wait;
    struct errdb *db;
};

/* Each line cleaned for itself: a stack trace keeps its lines, and nothing else that moves a cursor. */
static void add_lines(struct buf *out, const char *s, size_t n)
{
    const char *end = s + n;
    buf_addc(out, '\n');
    while (s < end) {
        size_t line = strcspn(s, "\n"); /* libpq's values end with a NUL */
        buf_adds(out, "    ");
        text_clean(out, s, line);
        buf_addc(out, '\n');
        s += line + 1;
    }
}

static void add_text(struct buf *out, const struct errdb_field *f)
{
    char name[128];
    text_clean_to(name, sizeof name, f->name, strlen(f->name));
    buf_addf(out, "%s:", name);
    if (f->value && memchr(f->value, '\n', f->n)) {
        add_lines(out, f->value, f->n);
    } else {
        int pad = NAME_COLS - text_width(name);
        buf_addf(out, "%*s", pad > 1 ? pad : 1, "");
        if (f->value)
            text_clean(out, f->value, f->n);
        else
            buf_adds(out, "NULL");
        buf_addc(out, '\n');
    }
    if (f->is_cut)
        buf_addf(out, "    (cut: only the first %zu bytes)\n", f->n);
}

static void add_json(struct buf *out, const struct errdb_record *r)
{
    buf_addc(out, '{');
    for (size_t i = 0; i < r->n; i++) {
        buf_adds(out, i ? ",\n" : "\n");
        json_quote(out, r->fields[i].name);
        buf_addc(out, ':');
        if (r->fields[i].value)
            json_quote(out, r->fields[i].value);
        else
            buf_adds(out, "null");
    }
    buf_adds(out, "}\n");
}

static void on_record(void *ctx, const struct errdb_record *r)
{
    struct show *s = ctx;
    struct buf out = BUF_INIT(OUTPUT_CAP);
    if (r->e.code) {
        cli_complain("%s", r->e.text);
        s->wait.rc = r->e.code == ERR_NOTFOUND ? EXIT_USAGE : EXIT_CONNECT;
        return;
    }
    if (s->o->output == OUTPUT_JSON || s->o->output == OUTPUT_NDJSON)
        add_json(&out, r);
    else
        for (size_t i = 0; i < r->n; i++)
            add_text(&out, &r->fields[i]);
    fwrite(buf_str(&out), 1, out.len, stdout);
    s->wait.rc = fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
    buf_release(&out);
}

static void on_state(void *ctx)
{
    struct show *s = ctx;
    struct errdb_state st = errdb_state(s->db);
    if (s->wait.rc >= 0 || (st.health.state != SOURCE_FAILED && st.health.state != SOURCE_ABSENT &&
                            st.health.state != SOURCE_FORBIDDEN))
        return;
    cli_complain("%s", st.health.text);
    s->wait.rc = EXIT_CONNECT;
}

int cmd_errors_show(const struct options *o, const struct errors_place *p)
{
    struct show s = { .o = o };
    struct err e = { 0 };
    int64_t id;
    int rc = EXIT_USAGE;
    if (!text_to_int(o->args[0], strlen(o->args[0]), INT64_MIN, INT64_MAX, &id)) {
        cli_complain("errors show: an id is a whole number");
        return EXIT_USAGE;
    }
    if (!wait_open(&s.wait, o))
        return EXIT_FAIL;
    struct errdb_spec spec = { .place = p->db, .timezone = p->timezone, .rules = p->rules,
                               .is_once = true, .feed = { .ctx = &s },
                               .on_state = on_state };
    if (errdb_open(s.wait.loop, s.wait.worker, &spec, &s.db, &e)) {
        cli_complain("%s", e.text);
    } else {
        errdb_fetch(s.db, id, on_record, &s);
        rc = wait_run(&s.wait);
        errdb_close(s.db);
    }
    wait_close(&s.wait);
    return rc;
}
