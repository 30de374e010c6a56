/*
 * core/judge/triage.h - what one error is: severity, category and fingerprint.  Pure.
 *
 * Severity  by the word, case-folded, without the marks around it: CRITICAL (crit, fatal, emergency,
 *           alert, panic, p0/p1/sev0/sev1), HIGH (error, err, major, severe, p2/sev2), MEDIUM (warning,
 *           warn, moderate, p3/sev3), LOW (info, minor, notice, debug, p4/sev4); anything else is OTHER
 * Category  the user's rules in their order; then ours, first by the error code, then by the message,
 *           then by the code as if it were a message; else OTHER.  The first that matches decides, `why`
 *           says which.  A code rule is a prefix, case-folded; one that ends in a letter ends a word: NET
 *           is in NET-12 and NET12, not in NETWORK.  An ERR or E before it is skipped: ERR_NET_12
 * Fingerprint  a 64-bit hash of service, code, masked message and the top TRIAGE_FRAMES frames of the
 *           stack (Python, Java, Go, Node, C), without their numbers
 * Mask      <n> numbers with their units, <uuid>, <hex> of 8 and more, <addr> IP addresses with ports
 *           and MACs, <time>, <str> quoted parts (but for names of JSON members) and what stands after
 *           '=' when it is none of these, <id> words that mix letters and digits, ends of pod names.
 *           Masking twice changes nothing; at most 3 times as long; linear time
 * Limits    TRIAGE_RULES rules of the user; patterns are PCRE2 with match limits, over ERROR_TEXT bytes: a
 *           pattern that reaches its limit does not match
 * Errors    triage_rules_new: ERR_CONFIG for a pattern that does not compile, with its offset; ERR_LIMIT
 * Thread    any; rules are read-only once made
 */
#ifndef JUDGE_TRIAGE_H
#define JUDGE_TRIAGE_H

#include "core/base/buf.h"
#include "core/model/errors.h"

enum { TRIAGE_RULES = 200, TRIAGE_FRAMES = 5 };

struct triage_rule { /* as the configuration has them; strings are borrowed during triage_rules_new */
    const char *match;    /* a regular expression, without regard to case */
    const char *code;     /* or a prefix of the error code; one of the two is NULL */
    enum category category;
};

struct triage_rules;
MUST_USE enum err_code triage_rules_new(const struct triage_rule *user, size_t n,
                                        struct triage_rules **out, struct err *e);
void triage_rules_free(struct triage_rules *r); /* NULL is fine */

struct triage {
    enum severity severity;
    enum category category;
    char why[96]; /* "code prefix NET", "message has "timed out"", "config rule /lost/", "no rule matched" */
    uint64_t fingerprint;
};
/* Reads service, code, severity_text, message and stack of the row. */
void triage_row(const struct triage_rules *r, const struct error_row *row, struct triage *out);
/* Sets the judged fields of a row that is not shared yet. */
void triage_judge(const struct triage_rules *r, struct error_row *row);

enum severity triage_severity(const char *text);
void triage_mask(struct buf *out, const char *message); /* the message of a group; appends */

/* The category by the rules alone; `why` may be NULL. */
enum category triage_category(const struct triage_rules *r, const char *code, const char *message,
                              char why[96]);

/* The clock of the error resolution process.  `steps` may be NULL.  A response is asked for CRITICAL
 * alone; nothing is due once the last step is done. */
struct error_clock {
    enum error_due due;
    int64_t due_ms;
};
enum { RESPOND_MS = 5 * 60000, INVESTIGATE_MS = 3600000, PLAN_MS = 4 * 3600000, IMPLEMENT_MS = 24 * 3600000 };
struct error_clock triage_clock(enum severity s, int64_t at_ms, bool is_resolved,
                                const struct error_done *steps);

#endif
