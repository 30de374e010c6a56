/* tests/unit/journal.h - a journal in a folder of a test's own: entries, and what is seen of them. */
#ifndef UNIT_JOURNAL_H
#define UNIT_JOURNAL_H

#include <inttypes.h>

#include "core/store/journal_ends.h"
#include "tests/unit/state.h"

#define OP_A "0123456789abcdef0123456789abcdef"
#define OP_B "fedcba9876543210fedcba9876543210"

static inline struct entry entry(const char *op, enum entry_state s, const char *detail)
{
    struct entry en = { .at_ms = 1795600000123, .state = s, .action = "error-resolve",
                        .target = "deployment_errors/4711", .who = "ann@bastion-1",
                        .where = "prod (production)", .detail = detail };
    snprintf(en.op, sizeof en.op, "%s", op);
    return en;
}

static inline struct journal *opened(void)
{
    struct journal *j = NULL;
    if (journal_open(&dir, &j, &e))
        fail_msg("%s", e.text);
    return j;
}

static inline void append_to(struct journal *j, const char *op, enum entry_state s, const char *detail)
{
    struct entry en = entry(op, s, detail);
    if (journal_append(j, &en, &e))
        fail_msg("%s", e.text);
}

static inline void make(int n)
{
    struct journal *j = opened();
    char detail[32];
    for (int i = 1; i <= n; i++) {
        snprintf(detail, sizeof detail, "detail %d", i);
        append_to(j, i % 2 ? OP_A : OP_B, ENTRY_INTENT, detail);
    }
    journal_close(j);
}

static inline struct journal_check verified(void)
{
    struct journal_check c;
    if (journal_verify(&dir, &c, &e))
        fail_msg("%s", e.text);
    return c;
}

static inline void is_sound(int64_t n)
{
    struct journal_check c = verified();
    if (c.text[0] || c.n != n)
        fail_msg("%" PRId64 " good, wanted %" PRId64 ": %s", c.n, n, c.text);
}

struct seen {
    int64_t seqs[64];
    char details[64][32];
    size_t n, most;
};

static inline bool see(void *ctx, const struct entry *en)
{
    struct seen *s = ctx;
    s->seqs[s->n] = en->seq;
    snprintf(s->details[s->n], sizeof s->details[0], "%s", en->detail);
    return ++s->n != s->most;
}

#endif
