/*
 * One job on the worker reads all that is wanted now; what it found is made into a section on the loop.
 * Whatever is asked for meanwhile is read after it: a text must not be older than the question.
 */
#include "core/gather/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/model/doc.h"
#include "core/report/journal.h"
#include "core/store/journal_ends.h"

enum { LINE_ROOM = 8 * ENTRY_TEXT, LINE_MOST = DOC_BYTES / JOURNAL_SHOWN / 2 };

struct look { /* the worker's, between the job and its end */
    struct gather_journal *g; /* NULL: it is gone */
    char *dir;
    bool wants_lines;
    struct journal_ends ends;
    char *newest[JOURNAL_SHOWN]; /* a ring */
    int64_t n; /* added to it, on top of those that were passed over */
    int64_t last; /* number of the last entry when it was begun */
    char *unended[JOURNAL_SHOWN]; /* the last line of each, as ends has them */
    size_t at; /* the one that is read */
    struct err e; /* ERR_NOTFOUND: there is no journal yet */
};

struct gather_journal {
    struct gather_journal_spec spec;
    char *state_dir;
    struct look *look; /* under way */
    uint64_t job;
    bool is_wanted;    /* once more, after it */
    size_t n_unended;
    uint64_t request; /* of the text that is open; 0 = none is */
    struct section *doc;
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

/* ---- on the worker ---- */

static char *line_of(const struct entry *en, bool is_unended, bool is_alone)
{
    struct buf out = BUF_INIT(LINE_ROOM);
    const struct journal_form form = { .has_op = is_alone };
    char line[LINE_MOST];
    journal_table_row(&out, &form, en, is_unended);
    text_clean_to(line, sizeof line, buf_str(&out), out.len ? out.len - 1 : 0);
    buf_release(&out);
    return x_strdup(line);
}

static bool add_line(void *ctx, const struct entry *en)
{
    struct look *l = ctx;
    char **slot = &l->newest[l->n++ % JOURNAL_SHOWN];
    const struct journal_end *end = journal_ends_find(&l->ends, en->op);
    bool is_unended = end && end->last_seq == en->seq;
    free(*slot);
    *slot = line_of(en, is_unended, false);
    return true;
}

static bool add_unended(void *ctx, const struct entry *en)
{
    struct look *l = ctx;
    free(l->unended[l->at]);
    l->unended[l->at] = line_of(en, true, true);
    return true;
}

/* The newest alone: a journal is never shortened, and others wait for the worker. */
static enum err_code read_lines(struct look *l, struct journal *j)
{
    enum err_code rc = journal_last(j, &l->last, &l->e);
    for (l->at = 0; !rc && l->at < l->ends.n && l->at < JOURNAL_SHOWN; l->at++)
        rc = journal_each(j, l->ends.items[l->at].op, l->ends.items[l->at].last_seq, add_unended, l, &l->e);
    l->n = l->last > JOURNAL_SHOWN ? l->last - JOURNAL_SHOWN : 0;
    return rc ? rc : journal_each(j, NULL, l->n + 1, add_line, l, &l->e);
}

static void look_work(void *ctx)
{
    struct look *l = ctx;
    struct statedir dir;
    struct journal *j = NULL;
    if (statedir_find(l->dir, env_of, &dir, &l->e) || journal_open_to_read(&dir, &j, &l->e))
        return;
    if (!journal_ends_read(j, &l->ends, &l->e) && (!l->wants_lines || !read_lines(l, j)))
        l->e = (struct err){ 0 }; /* what was mended on the way is no error */
    journal_close(j);
}

/* ---- on the loop ---- */

static void look_free(void *ctx)
{
    struct look *l = ctx;
    for (size_t i = 0; i < JOURNAL_SHOWN; i++) {
        free(l->newest[i]);
        free(l->unended[i]);
    }
    journal_ends_release(&l->ends);
    if (l->g)
        l->g->look = NULL;
    free(l->dir);
    free(l);
}

/* NULL: it was gone when it was to be read, for somebody has changed the journal. */
static void put_line(struct doc *d, const char **lines, const char *text)
{
    if (text)
        lines[d->n++] = arena_strdup(&d->section.arena, text);
}

static void set_doc(struct gather_journal *g, const struct look *l)
{
    struct doc *d = section_new(sizeof *d, NULL);
    struct arena *a = &d->section.arena;
    size_t shown = l ? l->n < JOURNAL_SHOWN ? (size_t)l->n : JOURNAL_SHOWN : 0;
    const char **lines = arena_alloc(a, (shown + (l ? l->ends.n : 0) + 5) * sizeof *lines);
    bool is_none = l && l->e.code == ERR_NOTFOUND;
    d->request = g->request;
    d->kind = DOC_JOURNAL;
    d->state = !l ? DOC_LOADING : l->e.code && !is_none ? DOC_FAILED : DOC_READY;
    d->title = "journal";
    d->error = "";
    d->lines = lines;
    d->at_ms = clock_story_ms();
    if (is_none)
        put_line(d, lines, "nothing was changed from here yet");
    else if (l && l->e.code)
        d->error = arena_strdup(a, l->e.text);
    if (l && l->ends.n) {
        put_line(d, lines, "No known end: begun, and whoever did it is gone.  Look whether it was done, and write it down:");
        put_line(d, lines, "bakewatch journal close OP --note TEXT");
        for (size_t i = 0; i < l->ends.n && i < JOURNAL_SHOWN; i++)
            put_line(d, lines, l->unended[i]);
        put_line(d, lines, "");
    }
    if (l && shown)
        d->title = arena_printf(a, "journal, %" PRId64 " entries, newest first", l->last);
    for (size_t i = 0; i < shown; i++)
        put_line(d, lines, l->newest[(size_t)(l->n - 1 - (int64_t)i) % JOURNAL_SHOWN]);
    if (l && l->last > JOURNAL_SHOWN)
        put_line(d, lines, "older entries: `bakewatch journal` lists them all");
    section_unref(g->doc);
    g->doc = &d->section;
    g->spec.on_doc(g->spec.ctx);
}

static void begin(struct gather_journal *g);

static void look_done(void *ctx)
{
    struct look *l = ctx;
    struct gather_journal *g = l->g;
    size_t before = g->n_unended;
    if (!l->e.code || l->e.code == ERR_NOTFOUND)
        g->n_unended = l->ends.n;
    else
        log_put(LOG_WARN, "journal", "it cannot be read: %s", l->e.text);
    if (g->n_unended > before)
        log_put(LOG_WARN, "journal", "%zu changes have no known end", g->n_unended);
    if (g->request && l->wants_lines && !g->is_wanted)
        set_doc(g, l);
    look_free(l);
    if (g->n_unended != before)
        g->spec.on_count(g->spec.ctx);
    if (g->is_wanted)
        begin(g);
}

static void begin(struct gather_journal *g)
{
    struct look *l = x_calloc(1, sizeof *l);
    l->g = g;
    l->dir = g->state_dir ? x_strdup(g->state_dir) : NULL;
    l->wants_lines = g->request != 0;
    g->look = l;
    g->is_wanted = false;
    g->job = worker_do(g->spec.worker, &(struct worker_job){ .work = look_work, .done = look_done, .drop = look_free,
                                                             .ctx = l });
    if (!g->job)
        look_free(l);
}

void gather_journal_look(struct gather_journal *g)
{
    if (g->look)
        g->is_wanted = true;
    else
        begin(g);
}

size_t gather_journal_unended(const struct gather_journal *g)
{
    return g->n_unended;
}

void gather_journal_open(struct gather_journal *g, const struct cmd_msg *m)
{
    g->request = m->request;
    set_doc(g, NULL);
    gather_journal_look(g);
}

void gather_journal_close(struct gather_journal *g)
{
    g->request = 0;
    section_unref(g->doc);
    g->doc = NULL;
}

struct doc *gather_journal_doc(const struct gather_journal *g)
{
    return g->doc ? (struct doc *)section_ref(g->doc) : NULL;
}

struct gather_journal *gather_journal_new(const struct gather_journal_spec *spec)
{
    struct gather_journal *g = x_calloc(1, sizeof *g);
    g->spec = *spec;
    g->state_dir = spec->state_dir ? x_strdup(spec->state_dir) : NULL;
    begin(g);
    return g;
}

void gather_journal_free(struct gather_journal *g)
{
    if (!g)
        return;
    gather_journal_close(g);
    if (g->look) {
        g->look->g = NULL;
        worker_cancel(g->spec.worker, g->job);
    }
    free(g->state_dir);
    free(g);
}
