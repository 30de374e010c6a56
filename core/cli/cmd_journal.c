#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/store/journal.h"

enum { CELL = 128, ROW_ROOM = 512 * 1024 };

struct printing {
    const struct options *o;
    int64_t n;
};

static int complain(const struct err *e)
{
    cli_complain("%s", e->text);
    return EXIT_FAIL;
}

static void print_cell(const char *s, int width)
{
    char clean[CELL];
    text_clean_to(clean, sizeof clean, s, strlen(s));
    int pad = width - text_width(clean);
    printf("%s%*s", clean, pad > 0 ? pad + 2 : 2, "");
}

static void print_row(const struct entry *en)
{
    char at[CLOCK_TEXT], clean[CELL];
    printf("%-20s  %-10s  ", clock_format_rfc3339(en->at_ms, at), entry_state_name(en->state));
    print_cell(en->action, 14);
    print_cell(en->target, 28);
    printf("%s\n", text_clean_to(clean, sizeof clean, en->who, strlen(en->who)));
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, ",\"%s\":", name);
    json_quote(out, value);
}

static void print_json(const struct entry *en)
{
    struct buf out = BUF_INIT(ROW_ROOM);
    char at[CLOCK_TEXT];
    buf_addf(&out, "{\"seq\":%" PRId64 ",\"time\":\"%s\"", en->seq,
             clock_format_rfc3339(en->at_ms, at));
    add_member(&out, "op", en->op);
    add_member(&out, "state", entry_state_name(en->state));
    add_member(&out, "action", en->action);
    add_member(&out, "target", en->target);
    add_member(&out, "who", en->who);
    add_member(&out, "where", en->where);
    add_member(&out, "detail", en->detail);
    add_member(&out, "prev", en->prev);
    add_member(&out, "hash", en->hash);
    buf_addc(&out, '}');
    fwrite(buf_str(&out), 1, out.len, stdout);
    buf_release(&out);
}

static bool print_entry(void *ctx, const struct entry *en)
{
    struct printing *p = ctx;
    if (p->o->output == OUTPUT_TABLE) {
        print_row(en);
    } else {
        if (p->o->output == OUTPUT_JSON)
            fputs(p->n ? ",\n" : "\n", stdout);
        print_json(en);
        if (p->o->output == OUTPUT_NDJSON)
            putchar('\n');
    }
    p->n++;
    return !ferror(stdout);
}

static int list(const struct options *o, const struct statedir *dir)
{
    struct printing p = { .o = o };
    struct journal *j = NULL;
    struct err e = { 0 };
    enum err_code rc = journal_open_to_read(dir, &j, &e);
    bool is_none = rc == ERR_NOTFOUND;
    if (rc && !is_none)
        return complain(&e);
    if (o->output == OUTPUT_JSON)
        fputs("{\"schema\":\"bakewatch/journal/v1\",\"entries\":[", stdout);
    else if (o->output == OUTPUT_TABLE && !is_none && !o->no_headers)
        printf("%-20s  %-10s  %-14s  %-28s  %s\n", "TIME", "STATE", "ACTION", "TARGET", "WHO");
    if (!is_none)
        rc = journal_each(j, NULL, 0, print_entry, &p, &e);
    if (o->output == OUTPUT_JSON)
        puts("]}");
    journal_close(j);
    if (is_none)
        cli_complain("no journal in %s: nothing was changed from here", dir->path);
    else if (rc)
        return complain(&e);
    return fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
}

/* A journal that is not whole is evidence: it is kept, and a new one is begun beside it. */
static int verify(const struct options *o, const struct statedir *dir)
{
    struct journal_check c;
    struct err e = { 0 };
    char clean[2 * sizeof c.text];
    if (journal_verify(dir, &c, &e))
        return complain(&e);
    text_clean_to(clean, sizeof clean, c.text, strlen(c.text));
    if (o->output != OUTPUT_TABLE) {
        struct buf out = BUF_INIT(4096);
        buf_addf(&out,
                 "{\"schema\":\"bakewatch/journal-verify/v1\",\"ok\":%s,\"entries\":%" PRId64
                 ",\"bad\":",
                 c.text[0] ? "false" : "true", c.n);
        if (c.bad_seq)
            buf_addf(&out, "%" PRId64, c.bad_seq);
        else
            buf_adds(&out, "null");
        add_member(&out, "text", c.text);
        printf("%s}\n", buf_str(&out));
        buf_release(&out);
    } else if (c.text[0]) {
        printf("%s\n%" PRId64 " entries are good.\n"
               "Keep journal.db and journal.head in %s: move them to where nobody writes and ask "
               "who was there;\n"
               "the next change begins a new journal.\n",
               clean, c.n, dir->path);
    } else {
        printf("%" PRId64 " entries, all good\n", c.n);
    }
    return c.text[0] || fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
}

int cmd_journal(const struct options *o, const struct cli_env *env)
{
    struct statedir dir;
    (void)env;
    bool is_verify = o->n_args == 1 && text_eq(o->args[0], "verify");
    if (o->n_args && !is_verify) {
        cli_complain("journal, or journal verify");
        return EXIT_USAGE;
    }
    if (o->output != OUTPUT_TABLE && o->output != OUTPUT_JSON && o->output != OUTPUT_NDJSON) {
        cli_complain("journal: -o is table, json or ndjson");
        return EXIT_USAGE;
    }
    if (setup_state(o, &dir))
        return EXIT_FAIL;
    return is_verify ? verify(o, &dir) : list(o, &dir);
}
