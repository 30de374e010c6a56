/*
 * core/store/journal_ends.h - the operations without a known end (journal_orphans), to be looked up while
 * the journal is listed.
 *
 * Thread   as the journal's      Owns   journal_ends_release frees the list
 */
#ifndef STORE_JOURNAL_ENDS_H
#define STORE_JOURNAL_ENDS_H

#include "core/store/journal.h"

struct journal_ends { /* by op, sorted; zero-filled = none */
    struct journal_end {
        char op[ENTRY_KEY];
        int64_t last_seq;
    } *items;
    size_t n, room;
};
MUST_USE enum err_code journal_ends_read(struct journal *j, struct journal_ends *out, struct err *e);
void journal_ends_release(struct journal_ends *ends);
/* The operation of this entry is one of them; NULL = it is not. */
const struct journal_end *journal_ends_find(const struct journal_ends *ends, const char *op);

#endif
