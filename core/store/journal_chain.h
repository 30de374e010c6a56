/*
 * core/store/journal_chain.h - what holds the journal together: the hash of an entry, and
 * journal.head.
 *
 * Head     one line "SEQ HASH\n", written anew with fsync and rename; made with "0" and CHAIN_START
 *          when the journal is made, so that a missing one is always a finding
 * Errors   chain_head_read: ERR_NOTFOUND none there, ERR_PARSE its bytes are no head
 */
#ifndef STORE_JOURNAL_CHAIN_H
#define STORE_JOURNAL_CHAIN_H

#include "core/model/entry.h"
#include "core/store/db.h"

/* What the first entry has as prev. */
#define CHAIN_START "0000000000000000000000000000000000000000000000000000000000000000"

extern const struct db_kind journal_kind; /* journal.c */

enum chain_field { /* columns of the table, in the order in which they are hashed */
    CHAIN_SEQ, CHAIN_AT, CHAIN_OP, CHAIN_STATE, CHAIN_ACTION, CHAIN_TARGET, CHAIN_WHO, CHAIN_WHERE,
    CHAIN_DETAIL, N_CHAIN_FIELDS, CHAIN_PREV = N_CHAIN_FIELDS, CHAIN_HASH,
};
#define CHAIN_COLUMNS "seq, at_ms, op, state, action, target, who, place, detail, prev, hash"

struct chain_text {
    const char *p;
    size_t n;
};
void chain_hash(const char prev[ENTRY_HASH], const struct chain_text fields[N_CHAIN_FIELDS],
                char out[ENTRY_HASH]);
void chain_hash_entry(const struct entry *en, char out[ENTRY_HASH]);

struct chain_head {
    int64_t seq;
    char hash[ENTRY_HASH];
};
MUST_USE enum err_code chain_head_read(const struct statedir *dir, struct chain_head *out,
                                       struct err *e);
MUST_USE enum err_code chain_head_write(const struct statedir *dir, const struct chain_head *h,
                                        struct err *e);

#endif
