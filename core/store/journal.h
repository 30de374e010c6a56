/*
 * core/store/journal.h - the audit journal: append-only, fsynced, hash-chained.
 *
 * File     STATE/journal.db (0600, SQLite, WAL and synchronous=FULL; on a network filesystem DELETE
 *          and EXTRA), and STATE/journal.head beside it: the last sequence number and hash, so that
 *          a tail that was cut off is noticed
 * Chain    hash = SHA-256(prev, and every field with its length before it), in hex
 * Append   one console at a time (a flock on STATE/journal.lock), in BEGIN IMMEDIATE.  Durable when
 *          it returns ERR_OK.  After any error the connection is closed and opened anew at the next
 *          call; an fsync is never retried.  An entry whose append failed may be found in the
 *          journal later on
 * Head     a journal that is shorter than journal.head says, or has another hash there, or has lost
 *          its head, has been cut: nothing is appended, for that would hide it
 * Errors   ERR_IO with SQLite's words (disk full, read-only, I/O error), ERR_BUSY, ERR_LIMIT for a
 *          text over ENTRY_TEXT, ERR_PARSE for a file that is no journal, has a newer schema or was
 *          cut: it is left alone
 * Thread   one at a time, blocks: the worker's, or a command's main thread
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/model/entry.h"
#include "core/store/statedir.h"

struct journal;
MUST_USE enum err_code journal_open(const struct statedir *dir, struct journal **out,
                                    struct err *e);
/* Makes no file, appends nothing: ERR_NOTFOUND when there is no journal yet. */
MUST_USE enum err_code journal_open_to_read(const struct statedir *dir, struct journal **out,
                                            struct err *e);
void journal_close(struct journal *j); /* NULL is fine */
/* Fills seq, prev and hash of *en, on success. */
MUST_USE enum err_code journal_append(struct journal *j, struct entry *en, struct err *e);
/* In order; op NULL = all.  The entry is borrowed during the call; fn returns false to stop. */
MUST_USE enum err_code journal_each(struct journal *j, const char *op, int64_t from_seq,
                                    bool (*fn)(void *ctx, const struct entry *en), void *ctx,
                                    struct err *e);
/* The number of the last entry; 0 = there is none. */
MUST_USE enum err_code journal_last(struct journal *j, int64_t *out_seq, struct err *e);
struct journal_check {
    int64_t n; /* entries that are good */
    int64_t bad_seq; /* the first that is not, or is missing; 0 = no single one */
    char text[224]; /* what is wrong, "" = all is well */
};
/* Reads only; a file that SQLite cannot read is a finding, not an error. */
MUST_USE enum err_code journal_verify(const struct statedir *dir, struct journal_check *out,
                                      struct err *e);
/* Operations without CLOSED whose console is gone (its flock is free): each once, by its last entry, the
 * oldest first. */
MUST_USE enum err_code journal_orphans(struct journal *j,
                                       bool (*fn)(void *ctx, const struct entry *last), void *ctx,
                                       struct err *e);
/* An operation belongs to a console while it holds this lock; -1 = somebody else has it. */
int journal_hold(const struct statedir *dir, const char *op);
void journal_release(const struct statedir *dir, const char *op, int fd);
bool journal_is_held(const struct statedir *dir, const char *op); /* by anybody; makes no file */

#endif
