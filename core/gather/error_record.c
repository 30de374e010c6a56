#include "core/gather/error_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/model/doc.h"
#include "core/model/errors.h"

struct error_record {
    void (*on_doc)(void *ctx);
    void *ctx;
    uint64_t request; /* that asked for it; 0 = none is open */
    int64_t id;
    struct errdb_call *fetch;
    struct section *doc;
};

static void set_doc(struct error_record *r, struct section *doc)
{
    section_unref(r->doc);
    r->doc = doc;
    r->on_doc(r->ctx);
}

static struct doc *new_doc(const struct error_record *r, enum doc_state state)
{
    struct doc *d = section_new(sizeof *d, NULL);
    d->request = r->request;
    d->kind = DOC_ERROR;
    d->state = state;
    d->title = arena_printf(&d->section.arena, "error %" PRId64, r->id);
    d->error = "";
    d->at_ms = clock_story_ms();
    return d;
}

static bool add_line(struct doc *d, const char **lines, size_t *bytes, const char *lead, const char *s, size_t n)
{
    if (d->n == DOC_LINES || *bytes + n > DOC_BYTES) {
        d->dropped++;
        return false;
    }
    lines[d->n++] = arena_printf(&d->section.arena, "%s%.*s", lead, (int)n, s);
    *bytes += n;
    return true;
}

/* "name: value", or the value's lines under the name. */
static void add_field(struct doc *d, const char **lines, size_t *bytes, const struct errdb_field *f)
{
    char head[128];
    snprintf(head, sizeof head, "%.60s: ", f->name);
    if (!f->value) {
        add_line(d, lines, bytes, head, "-", 1);
        return;
    }
    const char *p = f->value, *end = p + f->n;
    if (!memchr(p, '\n', f->n)) {
        add_line(d, lines, bytes, head, p, f->n < ERROR_TEXT ? f->n : ERROR_TEXT);
        return;
    }
    add_line(d, lines, bytes, head, "", 0);
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        size_t shown = n && p[n - 1] == '\r' ? n - 1 : n;
        if (!add_line(d, lines, bytes, "  ", p, shown < ERROR_TEXT ? shown : ERROR_TEXT))
            break;
        p += n + 1;
    }
    if (f->is_cut)
        add_line(d, lines, bytes, "  ", "(cut here: it is longer than what is fetched)", 45);
}

static void on_record(void *ctx, const struct errdb_record *rec)
{
    struct error_record *r = ctx;
    struct doc *d = new_doc(r, rec->e.code ? DOC_FAILED : DOC_READY);
    size_t bytes = 0;
    r->fetch = NULL;
    if (rec->e.code) {
        d->error = arena_strdup(&d->section.arena, rec->e.text);
    } else {
        const char **lines = arena_alloc(&d->section.arena, DOC_LINES * sizeof *lines);
        d->lines = lines;
        for (size_t i = 0; i < rec->n; i++)
            add_field(d, lines, &bytes, &rec->fields[i]);
    }
    set_doc(r, &d->section);
}

void error_record_open(struct error_record *r, struct errdb *db, const struct cmd_msg *m)
{
    error_record_close(r);
    r->request = m->request;
    r->id = m->id;
    struct doc *d = new_doc(r, db ? DOC_LOADING : DOC_FAILED);
    if (db)
        r->fetch = errdb_fetch(db, m->id, on_record, r);
    else
        d->error = "no error database";
    set_doc(r, &d->section);
}

void error_record_close(struct error_record *r)
{
    errdb_cancel(r->fetch);
    r->fetch = NULL;
    r->request = 0;
    section_unref(r->doc);
    r->doc = NULL;
}

struct doc *error_record_doc(const struct error_record *r)
{
    return r->doc ? (struct doc *)section_ref(r->doc) : NULL;
}

struct error_record *error_record_new(void (*on_doc)(void *ctx), void *ctx)
{
    struct error_record *r = x_calloc(1, sizeof *r);
    r->on_doc = on_doc;
    r->ctx = ctx;
    return r;
}

void error_record_free(struct error_record *r)
{
    if (!r)
        return;
    error_record_close(r);
    free(r);
}
