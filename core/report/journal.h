/*
 * core/report/journal.h - entries of the journal as lines: a table, and JSON objects.  Pure.
 *
 * Unended  the last entry of an operation that was not closed and that nobody works on: whether it was
 *          done is not known, and the line says so in place of the bare state
 * Table    text is cleaned; an entry is one line.  `cols` is the terminal's width: place and detail get
 *          what it has room for; 0 = no limit, everything whole
 * JSON     one object without a line break: an interface, documented in bakewatch(1): members are added,
 *          never renamed
 * Thread   any
 */
#ifndef REPORT_JOURNAL_H
#define REPORT_JOURNAL_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/model/entry.h"

#define JOURNAL_NO_END "no known end"

enum { JOURNAL_OP = 8 };

struct journal_form {
    int cols;
    bool has_unended; /* some line will say so: the column of states is as wide */
    bool has_op;      /* begins with JOURNAL_OP digits of the operation */
};
void journal_table_head(struct buf *out, const struct journal_form *f);
void journal_table_row(struct buf *out, const struct journal_form *f, const struct entry *en, bool is_unended);
void journal_json_row(struct buf *out, const struct entry *en, bool is_unended);

#endif
