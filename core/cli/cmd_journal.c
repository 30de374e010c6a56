/*
 * The journal as a list.  Which operations have no known end is found out first, so that their last lines
 * can say it; `journal unfinished` lists those operations alone, and `journal close` writes down what somebody
 * has found out about one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/report/journal.h"
#include "core/store/journal_ends.h"

enum { ROW_ROOM = 512 * 1024 };

struct printing {
    const struct options *o;
    struct journal_form form;
    struct journal_ends ends;
    bool is_only; /* those alone */
    int64_t n;
};

static int complain(const struct err *e)
{
    cli_complain("%s", e->text);
    return EXIT_FAIL;
}

static void print_row(struct printing *p, const struct entry *en, bool is_unended)
{
    struct buf out = BUF_INIT(ROW_ROOM);
    if (p->o->output == OUTPUT_JSON || p->o->output == OUTPUT_NDJSON) {
        if (p->o->output == OUTPUT_JSON)
            fputs(p->n ? ",\n" : "\n", stdout);
        journal_json_row(&out, en, is_unended);
        if (p->o->output == OUTPUT_NDJSON)
            buf_addc(&out, '\n');
    } else {
        journal_table_row(&out, &p->form, en, is_unended);
    }
    fwrite(buf_str(&out), 1, out.len, stdout);
    buf_release(&out);
}

static bool print_entry(void *ctx, const struct entry *en)
{
    struct printing *p = ctx;
    const struct journal_end *end = journal_ends_find(&p->ends, en->op);
    if (p->is_only && !end)
        return true;
    print_row(p, en, end && end->last_seq == en->seq);
    p->n++;
    return !ferror(stdout);
}

/* 0: not a terminal, or everything was asked for. */
static int terminal_cols(const struct options *o)
{
    struct winsize w;
    return o->output == OUTPUT_TABLE && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static enum err_code print_all(struct printing *p, struct journal *j, struct err *e)
{
    struct buf head = BUF_INIT(4096);
    enum err_code rc = journal_ends_read(j, &p->ends, e);
    if (rc)
        return rc;
    p->form = (struct journal_form){ .cols = terminal_cols(p->o), .has_unended = p->ends.n > 0, .has_op = p->is_only };
    bool is_table = p->o->output == OUTPUT_TABLE || p->o->output == OUTPUT_WIDE;
    if (is_table && !p->o->no_headers && (p->ends.n || !p->is_only)) {
        journal_table_head(&head, &p->form);
        fputs(buf_str(&head), stdout);
    }
    buf_release(&head);
    if ((rc = journal_each(j, NULL, 0, print_entry, p, e)))
        return rc;
    if (is_table && p->is_only && !p->ends.n)
        cli_complain("every operation in the journal has its end");
    else if (is_table && !p->is_only && p->ends.n)
        cli_complain("%zu operation%s no known end: `bakewatch journal unfinished` lists only %s", p->ends.n,
                     p->ends.n > 1 ? "s have" : " has", p->ends.n > 1 ? "those" : "that");
    return ERR_OK;
}

static int list(const struct options *o, const struct statedir *dir, bool is_only)
{
    struct printing p = { .o = o, .is_only = is_only };
    struct journal *j = NULL;
    struct err e = { 0 };
    enum err_code rc = journal_open_to_read(dir, &j, &e);
    bool is_none = rc == ERR_NOTFOUND;
    if (rc && !is_none)
        return complain(&e);
    if (o->output == OUTPUT_JSON)
        fputs("{\"schema\":\"bakewatch/journal/v1\",\"entries\":[", stdout);
    if (!is_none)
        rc = print_all(&p, j, &e);
    if (o->output == OUTPUT_JSON)
        puts("]}");
    journal_close(j);
    journal_ends_release(&p.ends);
    if (is_none)
        cli_complain("no journal in %s: nothing was changed from here", dir->path);
    else if (rc)
        return complain(&e);
    return fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
}

/* ---- what somebody has found out ---- */

struct last { /* of an operation; the strings are ours */
    struct entry en;
    char *texts[3];
};

static bool keep_last(void *ctx, const struct entry *en)
{
    struct last *l = ctx;
    const char *texts[] = { en->action, en->target, en->where };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(l->texts[i]);
        l->texts[i] = x_strdup(texts[i]);
    }
    l->en = *en;
    l->en.action = l->texts[0];
    l->en.target = l->texts[1];
    l->en.where = l->texts[2];
    return true;
}

static const struct journal_end *find_one(const struct journal_ends *ends, const char *begin, struct err *e)
{
    const struct journal_end *found = NULL;
    for (size_t i = 0; i < ends->n; i++) {
        if (!text_starts(ends->items[i].op, begin))
            continue;
        if (found) {
            err_set(e, ERR_CONFIG, 0, "two operations begin with %.40s: give more digits", begin);
            return NULL;
        }
        found = &ends->items[i];
    }
    if (!found)
        err_set(e, ERR_NOTFOUND, 0, "no operation without a known end begins with %.40s (journal unfinished lists them)",
                begin);
    return found;
}

/* In our hand while it is written: nobody else can be at it. */
static enum err_code close_one(struct journal *j, const struct statedir *dir, const struct options *o, struct last *l,
                               struct err *e)
{
    struct journal_ends ends = { 0 };
    enum err_code rc = journal_ends_read(j, &ends, e);
    const struct journal_end *end = rc ? NULL : find_one(&ends, o->args[1], e);
    int hold = end ? journal_hold(dir, end->op) : -1;
    if (!rc && !end)
        rc = e->code;
    else if (!rc && hold < 0)
        rc = err_set(e, ERR_BUSY, 0, "another bakewatch has it in hand");
    if (!rc && !(rc = journal_each(j, end->op, 0, keep_last, l, e))) {
        char *detail = x_asprintf("found out by hand: %s", o->note);
        l->en.at_ms = clock_story_ms();
        l->en.state = ENTRY_CLOSED;
        l->en.who = setup_who();
        l->en.detail = detail;
        rc = journal_append(j, &l->en, e);
        free(detail);
    }
    if (hold >= 0)
        journal_release(dir, end->op, hold);
    journal_ends_release(&ends);
    return rc;
}

static int close_by_hand(const struct options *o, const struct statedir *dir)
{
    struct last l = { .texts = { NULL } };
    struct journal *j = NULL;
    struct err e = { 0 };
    if (strlen(o->args[1]) < 4 || !o->note || !o->note[0] || o->read_only) {
        cli_complain(o->read_only ? "--read-only was given"
                                  : "journal close OP --note TEXT: OP is 4 digits or more of `journal unfinished`, TEXT what was found");
        return EXIT_USAGE;
    }
    enum err_code rc = journal_open(dir, &j, &e);
    if (!rc)
        rc = close_one(j, dir, o, &l, &e);
    journal_close(j);
    if (!rc)
        printf("closed: %s %s\n", l.texts[0], l.texts[1]);
    for (size_t i = 0; i < ARRAY_LEN(l.texts); i++)
        free(l.texts[i]);
    if (rc)
        cli_complain("%s", e.text);
    return rc == ERR_NOTFOUND || rc == ERR_CONFIG ? EXIT_USAGE : rc || fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
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
    if (o->output == OUTPUT_JSON || o->output == OUTPUT_NDJSON) {
        struct buf out = BUF_INIT(4096);
        buf_addf(&out,
                 "{\"schema\":\"bakewatch/journal-verify/v1\",\"ok\":%s,\"entries\":%" PRId64
                 ",\"bad\":",
                 c.text[0] ? "false" : "true", c.n);
        if (c.bad_seq)
            buf_addf(&out, "%" PRId64, c.bad_seq);
        else
            buf_adds(&out, "null");
        buf_adds(&out, ",\"text\":");
        json_quote(&out, c.text);
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
    bool is_only = o->n_args == 1 && text_eq(o->args[0], "unfinished");
    bool is_close = o->n_args == 2 && text_eq(o->args[0], "close");
    if (o->n_args && !is_verify && !is_only && !is_close) {
        cli_complain("journal, journal unfinished, journal close OP --note TEXT, or journal verify");
        return EXIT_USAGE;
    }
    if (o->output != OUTPUT_TABLE && o->output != OUTPUT_WIDE && o->output != OUTPUT_JSON && o->output != OUTPUT_NDJSON) {
        cli_complain("journal: -o is table, wide, json or ndjson");
        return EXIT_USAGE;
    }
    if (setup_state(o, &dir))
        return EXIT_FAIL;
    if (is_close)
        return close_by_hand(o, &dir);
    return is_verify ? verify(o, &dir) : list(o, &dir, is_only);
}
