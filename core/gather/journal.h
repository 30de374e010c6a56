/*
 * core/gather/journal.h - the journal as the console shows it: how many operations have no known end, and
 * its newest entries as a text.
 *
 * Unended  closed by nobody, and no console has them in hand: counted at the start, with every "try now"
 *          and with every look at the text.  A journal that cannot be read is a line in our log
 * Limits   JOURNAL_SHOWN entries, the newest; DOC_BYTES
 * Thread   the loop's; the journal is read on the worker      Owns   copies state_dir, borrows the rest
 */
#ifndef GATHER_JOURNAL_H
#define GATHER_JOURNAL_H

#include <stddef.h>

#include "core/loop/worker.h"
#include "core/model/cmdq.h"

enum { JOURNAL_SHOWN = 1000 };

struct gather_journal_spec {
    struct worker *worker;
    const char *state_dir; /* NULL = the usual place */
    void (*on_count)(void *ctx);
    void (*on_doc)(void *ctx);
    void *ctx;
};

struct gather_journal;
struct gather_journal *gather_journal_new(const struct gather_journal_spec *spec); /* looks at once */
void gather_journal_free(struct gather_journal *g); /* NULL is fine */
void gather_journal_look(struct gather_journal *g);
size_t gather_journal_unended(const struct gather_journal *g);

void gather_journal_open(struct gather_journal *g, const struct cmd_msg *m); /* CMD_DOC_OPEN of DOC_JOURNAL */
void gather_journal_close(struct gather_journal *g);
struct doc *gather_journal_doc(const struct gather_journal *g); /* a new section; NULL = none is open */

#endif
