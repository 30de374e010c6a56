/*
 * The whole journal against itself and against journal.head.  The head is read first: what is
 * appended meanwhile makes the journal longer than it, never shorter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/store/journal.h"
#include "core/store/journal_chain.h"

struct chain { /* as far as it was read */
    struct journal_check *out;
    const struct chain_head *head;
    int64_t seq;
    char hash[ENTRY_HASH];
    bool is_head_met;
};

static void find(struct journal_check *out, int64_t seq, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void find(struct journal_check *out, int64_t seq, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, ap);
    va_end(ap);
    out->bad_seq = seq;
}

/* False: it is bad, and so is all behind it. */
static bool check_row(struct chain *c, sqlite3_stmt *q)
{
    struct chain_text fields[N_CHAIN_FIELDS];
    char hash[ENTRY_HASH];
    int64_t seq = sqlite3_column_int64(q, CHAIN_SEQ);
    for (int i = 0; i < N_CHAIN_FIELDS; i++)
        fields[i] = (struct chain_text){ (const char *)sqlite3_column_text(q, i),
                                         (size_t)sqlite3_column_bytes(q, i) };
    const char *prev = (const char *)sqlite3_column_text(q, CHAIN_PREV);
    const char *stored = (const char *)sqlite3_column_text(q, CHAIN_HASH);
    chain_hash(c->hash, fields, hash);
    if (seq != c->seq + 1)
        find(c->out, c->seq + 1, "entry %" PRId64 " is missing: %" PRId64 " follows %" PRId64,
             c->seq + 1, seq, c->seq);
    else if (!prev || strcmp(prev, c->hash) != 0)
        find(c->out, seq, "entry %" PRId64 " does not follow the one before it", seq);
    else if (!stored || strcmp(stored, hash) != 0)
        find(c->out, seq, "entry %" PRId64 " was changed: its hash is another", seq);
    else if (seq == c->head->seq && strcmp(hash, c->head->hash) != 0)
        find(c->out, seq, "entry %" PRId64 " is not the one of journal.head", seq);
    if (c->out->text[0])
        return false;
    c->seq = seq;
    c->out->n++;
    memcpy(c->hash, hash, ENTRY_HASH);
    return true;
}

static void check_rows(sqlite3 *db, const struct chain_head *head, struct journal_check *out,
                       struct err *e)
{
    struct chain c = { .out = out, .head = head, .hash = CHAIN_START };
    sqlite3_stmt *q = NULL;
    int step = SQLITE_DONE;
    if (db_prepare(db, "SELECT " CHAIN_COLUMNS " FROM entry ORDER BY seq", &q, e))
        return;
    while ((step = db_step(q)) == SQLITE_ROW && check_row(&c, q))
        ;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        db_fail(db, e);
    sqlite3_finalize(q);
    if (!out->text[0] && (step == SQLITE_DONE) && c.seq < head->seq)
        find(out, c.seq + 1,
             "%" PRId64 " entries are missing: the journal ends at %" PRId64
             ", journal.head says %" PRId64,
             head->seq - c.seq, c.seq, head->seq);
}

/* What SQLite itself says about the file's pages, beyond those that hold entries. */
static void check_pages(sqlite3 *db, struct journal_check *out, struct err *e)
{
    sqlite3_stmt *q = NULL;
    if (db_prepare(db, "PRAGMA quick_check(1)", &q, e))
        return;
    if (db_step(q) != SQLITE_ROW)
        db_fail(db, e);
    else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0)
        find(out, 0, "journal.db is damaged: %.150s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
}

/* Bytes that cannot be read as a journal are what was looked for; a disk that fails is an error. */
static enum err_code settle(struct journal_check *out, struct err *why, struct err *e)
{
    int primary = why->native & 0xFF;
    if (why->code == ERR_OK || out->text[0])
        return ERR_OK;
    if (why->code == ERR_PARSE || (why->code == ERR_IO && primary == SQLITE_ERROR)) {
        find(out, out->n ? out->n + 1 : 0, "journal.db: %.200s", why->text);
        return ERR_OK;
    }
    if (e)
        *e = *why;
    return why->code;
}

enum err_code journal_verify(const struct statedir *dir, struct journal_check *out, struct err *e)
{
    struct journal_check found = { 0 };
    struct chain_head head = { .hash = CHAIN_START };
    struct err why = { 0 };
    sqlite3 *db = NULL;
    enum err_code no_head = chain_head_read(dir, &head, &why), rc = ERR_OK;
    if (no_head == ERR_IO) {
        if (e)
            *e = why;
        return ERR_IO;
    }
    why = (struct err){ 0 };
    if (db_open_to_read(dir, &journal_kind, &db, &why) == ERR_NOTFOUND) {
        if (!no_head && head.seq)
            find(&found, 1, "journal.db is missing or empty, journal.head says %" PRId64 " entries",
                 head.seq);
    } else {
        if (!why.code)
            check_rows(db, &head, &found, &why);
        if (!why.code && !found.text[0])
            check_pages(db, &found, &why);
        rc = settle(&found, &why, e);
        if (no_head == ERR_NOTFOUND && !found.text[0])
            find(&found, 0,
                 "journal.head is missing: a tail that was cut off would not be noticed");
    }
    sqlite3_close(db);
    if (rc)
        return rc;
    if (no_head == ERR_PARSE && !found.text[0])
        find(&found, 0, "journal.head: its bytes are no head of a journal");
    *out = found;
    return ERR_OK;
}
