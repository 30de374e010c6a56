#include "core/judge/triage.h"

#include <string.h>
#include <strings.h>

#include "core/base/text.h"

enum { FRAME_LINE = 512, MASK_CAP = 4 * ERROR_TEXT };

/* ---- severity ---- */

static bool is_mark(char c)
{
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
}

enum severity triage_severity(const char *text)
{
    static const struct {
        const char *word;
        enum severity severity;
    } words[] = {
        { "critical", SEVERITY_CRITICAL }, { "crit", SEVERITY_CRITICAL }, { "fatal", SEVERITY_CRITICAL },
        { "emergency", SEVERITY_CRITICAL }, { "emerg", SEVERITY_CRITICAL }, { "alert", SEVERITY_CRITICAL },
        { "panic", SEVERITY_CRITICAL }, { "p0", SEVERITY_CRITICAL }, { "p1", SEVERITY_CRITICAL },
        { "sev0", SEVERITY_CRITICAL }, { "sev1", SEVERITY_CRITICAL }, { "sev-1", SEVERITY_CRITICAL },
        { "high", SEVERITY_HIGH }, { "error", SEVERITY_HIGH }, { "err", SEVERITY_HIGH },
        { "major", SEVERITY_HIGH }, { "severe", SEVERITY_HIGH }, { "p2", SEVERITY_HIGH },
        { "sev2", SEVERITY_HIGH }, { "sev-2", SEVERITY_HIGH }, { "medium", SEVERITY_MEDIUM },
        { "warning", SEVERITY_MEDIUM }, { "warn", SEVERITY_MEDIUM }, { "moderate", SEVERITY_MEDIUM },
        { "p3", SEVERITY_MEDIUM }, { "sev3", SEVERITY_MEDIUM }, { "sev-3", SEVERITY_MEDIUM },
        { "low", SEVERITY_LOW }, { "info", SEVERITY_LOW }, { "minor", SEVERITY_LOW },
        { "notice", SEVERITY_LOW }, { "debug", SEVERITY_LOW }, { "p4", SEVERITY_LOW },
        { "sev4", SEVERITY_LOW }, { "sev-4", SEVERITY_LOW },
    };
    size_t n = strlen(text);
    while (n && is_mark(text[n - 1]))
        n--;
    while (n && is_mark(*text)) {
        text++;
        n--;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i].word) == n && strncasecmp(text, words[i].word, n) == 0)
            return words[i].severity;
    }
    return SEVERITY_OTHER;
}

/* ---- fingerprint ---- */

static uint64_t hash_add(uint64_t h, const char *s, size_t n) /* FNV-1a */
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t hash_field(uint64_t h, const char *s, size_t n)
{
    return hash_add(hash_add(h, s, n), "\x1f", 1); /* "a" + "bc" is not "ab" + "c" */
}

static bool has(const char *line, size_t n, const char *what)
{
    return memmem(line, n, what, strlen(what)) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Python  File "/app/x.py", line 12, in handler
 * Java, Node, Rust, .NET  at com.example.Pay.charge(Pay.java:42)
 * Go  /app/main.go:42 +0x1d          (the line of the place; its function is the line before)
 * C, PHP, sanitizers  #0  0x00007f2a in main () at x.c:12      ./prog(main+0x1d) [0x4005d3]
 * Ruby  from app.rb:12:in `call'
 */
static bool is_frame(const char *line, size_t n)
{
    if (n > 5 && memcmp(line, "File \"", 6) == 0)
        return has(line, n, "\", line ");
    if (n > 3 && memcmp(line, "at ", 3) == 0)
        return true;
    if (n > 1 && line[0] == '#' && is_digit(line[1]))
        return true;
    const char *go = memmem(line, n, ".go:", 4);
    if (go && go + 4 < line + n && is_digit(go[4]))
        return true;
    return has(line, n, ":in `") || (n > 4 && line[n - 1] == ']' && has(line, n, " [0x"));
}

/* Line numbers, addresses and offsets go; where the code is and what it is called stays. */
static uint64_t hash_frame(uint64_t h, const char *line, size_t n)
{
    char kept[FRAME_LINE];
    size_t out = 0;
    for (size_t i = 0; i < n && out < sizeof kept;) {
        if (!is_digit(line[i])) {
            kept[out++] = line[i++];
            continue;
        }
        bool is_hex = line[i] == '0' && i + 1 < n && line[i + 1] == 'x';
        i += is_hex ? 2 : 0;
        while (i < n && (is_digit(line[i]) || (is_hex && strchr("abcdefABCDEF", line[i]) && line[i])))
            i++;
        kept[out++] = '0';
    }
    return hash_field(h, kept, out);
}

static uint64_t hash_stack(uint64_t h, const char *stack)
{
    for (int frames = 0; *stack && frames < TRIAGE_FRAMES;) {
        size_t whole = strcspn(stack, "\n"), n = whole;
        const char *line = stack;
        while (n && strchr(" \t\r", line[n - 1]))
            n--;
        while (n && (*line == ' ' || *line == '\t')) {
            line++;
            n--;
        }
        if (is_frame(line, n)) {
            h = hash_frame(h, line, n);
            frames++;
        }
        stack += whole + (stack[whole] == '\n');
    }
    return h;
}

static uint64_t fingerprint(const struct error_row *row)
{
    struct buf masked = BUF_INIT(MASK_CAP);
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    triage_mask(&masked, row->message);
    h = hash_field(h, row->service, strlen(row->service));
    h = hash_field(h, row->code, strlen(row->code));
    h = hash_field(h, buf_str(&masked), masked.len);
    h = hash_stack(h, row->stack);
    buf_release(&masked);
    return h;
}

/* ---- a row ---- */

void triage_row(const struct triage_rules *r, const struct error_row *row, struct triage *out)
{
    out->severity = triage_severity(row->severity_text);
    out->category = triage_category(r, row->code, row->message, out->why);
    out->fingerprint = fingerprint(row);
}

void triage_judge(const struct triage_rules *r, struct error_row *row)
{
    row->severity = triage_severity(row->severity_text);
    row->category = triage_category(r, row->code, row->message, NULL);
    row->fingerprint = fingerprint(row);
}

/* ---- the process ---- */

struct error_clock triage_clock(enum severity s, int64_t at_ms, bool is_resolved,
                                const struct error_done *steps)
{
    static const struct {
        enum error_due due;
        int64_t within_ms;
    } next[] = { /* after how many steps */
        { DUE_RESPONSE, RESPOND_MS }, { DUE_INVESTIGATION, INVESTIGATE_MS }, { DUE_PLAN, PLAN_MS },
        { DUE_IMPLEMENTATION, IMPLEMENT_MS },
    };
    size_t done = 0;
    for (size_t i = 0; steps && i < N_STEPS; i++) {
        if (steps[i].at_ms != TIME_NONE)
            done = i + 1;
    }
    if (done == 0 && s != SEVERITY_CRITICAL)
        done = 1;
    if (is_resolved || done >= ARRAY_LEN(next))
        return (struct error_clock){ DUE_NOTHING, TIME_NONE };
    struct error_clock c = { next[done].due, TIME_NONE };
    if (at_ms != TIME_NONE && at_ms <= INT64_MAX - next[done].within_ms)
        c.due_ms = at_ms + next[done].within_ms;
    return c;
}
