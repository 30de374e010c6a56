#include "core/store/journal_ends.h"

#include <stdlib.h>
#include <string.h>

static bool add(void *ctx, const struct entry *last)
{
    struct journal_ends *ends = ctx;
    if (ends->n == ends->room) {
        ends->room = ends->room ? 2 * ends->room : 16;
        ends->items = x_realloc(ends->items, ends->room * sizeof *ends->items);
    }
    struct journal_end *end = &ends->items[ends->n++];
    memcpy(end->op, last->op, sizeof end->op);
    end->last_seq = last->seq;
    return true;
}

static int by_op(const void *a, const void *b)
{
    return strcmp(((const struct journal_end *)a)->op, ((const struct journal_end *)b)->op);
}

enum err_code journal_ends_read(struct journal *j, struct journal_ends *out, struct err *e)
{
    struct journal_ends ends = { 0 };
    enum err_code rc = journal_orphans(j, add, &ends, e);
    if (rc) {
        journal_ends_release(&ends);
        return rc;
    }
    if (ends.n)
        qsort(ends.items, ends.n, sizeof *ends.items, by_op);
    *out = ends;
    return ERR_OK;
}

void journal_ends_release(struct journal_ends *ends)
{
    free(ends->items);
    *ends = (struct journal_ends){ 0 };
}

const struct journal_end *journal_ends_find(const struct journal_ends *ends, const char *op)
{
    struct journal_end key = { .last_seq = 0 };
    strncpy(key.op, op, sizeof key.op - 1);
    return ends->n ? bsearch(&key, ends->items, ends->n, sizeof key, by_op) : NULL;
}
