/*
 * The message of a group: what differs from one occurrence to the next becomes a placeholder.
 *
 * One pass, left to right; what is taken together is decided by a bounded look ahead, so that time is
 * linear whatever the text.  A regular expression for each kind was rejected: ten passes, and their
 * order would decide.
 *
 * Masking twice changes nothing.  Three rules see to it: a placeholder is copied and counts as a word;
 * a word that is kept holds no digits (but for `terms`, none of which is all hex) and is not 8 letters
 * of hex; and whether a quote opens or closes is asked of characters that masking leaves alone, or
 * turns into '<', which is treated as they are.
 */
#include <string.h>
#include <strings.h>

#include "core/judge/triage.h"

enum { ID_LEAST = 8, KEY_MOST = 64, TIME_MOST = 40, QUOTES = 3 };

struct scan {
    const char *start, *p;
    struct buf *out;
    bool after_word; /* the last thing was a word or a placeholder */
    const char *unclosed[QUOTES]; /* up to here no quote of this kind closes */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_alnum(char c)
{
    return is_digit(c) || is_letter(c);
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t run_of(const char *p, bool (*is)(char))
{
    size_t n = 0;
    while (is(p[n]))
        n++;
    return n;
}

static size_t digits(const char *p)
{
    return run_of(p, is_digit);
}

static size_t word_at(const char *p)
{
    return run_of(p, is_alnum);
}

static bool is_one_of(const char *p, size_t n, const char *const *list, size_t n_list)
{
    for (size_t i = 0; i < n_list; i++) {
        if (strlen(list[i]) == n && strncasecmp(p, list[i], n) == 0)
            return true;
    }
    return false;
}

static size_t placeholder_at(const char *p)
{
    static const char *const all[] = { "<n>", "<str>", "<id>", "<hex>", "<addr>", "<uuid>", "<time>" };
    for (size_t i = 0; *p == '<' && i < ARRAY_LEN(all); i++) {
        if (strncmp(p, all[i], strlen(all[i])) == 0)
            return strlen(all[i]);
    }
    return 0;
}

/* ---- what is taken together: the bytes of it at p, or 0 ---- */

static size_t uuid_at(const char *p)
{
    static const char lengths[] = { 8, 4, 4, 4, 12 };
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (int k = 0; k < lengths[i]; k++) {
            if (!is_hex(p[at]))
                return 0;
            at++;
        }
        if (i + 1 < ARRAY_LEN(lengths) && p[at++] != '-')
            return 0;
    }
    return is_alnum(p[at]) ? 0 : at;
}

/* `shape`: 9 is a digit, '/' is '-' or '/', 'T' is 'T' or a space; the rest stands for itself. */
static size_t shape_at(const char *p, const char *shape)
{
    size_t n = 0;
    for (; shape[n]; n++) {
        bool ok = shape[n] == '9'   ? is_digit(p[n])
                  : shape[n] == '/' ? p[n] == '-' || p[n] == '/'
                  : shape[n] == 'T' ? p[n] == 'T' || p[n] == ' '
                                    : p[n] == shape[n];
        if (!ok)
            return 0;
    }
    return n;
}

static size_t clock_at(const char *p)
{
    size_t n = shape_at(p, "99:99:99");
    if (n && (p[n] == '.' || p[n] == ',') && is_digit(p[n + 1])) {
        size_t more = digits(p + n + 1);
        n += 1 + (more < TIME_MOST ? more : 0);
    }
    return n;
}

/* 2026-11-24, 2026/11/24 10:00:00, 2026-11-24T10:00:00.123+02:00, 10:00:00 */
static size_t time_at(const char *p)
{
    size_t n = shape_at(p, "9999/99/99");
    if (!n) {
        n = clock_at(p);
    } else if (shape_at(p + n, "T99:99")) {
        size_t whole = clock_at(p + n + 1);
        n += 1 + (whole ? whole : 5);
        size_t zone = p[n] == 'Z' ? 1 : 0;
        if (p[n] == '+' || p[n] == '-')
            zone = shape_at(p + n + 1, "99:99") ? 6 : shape_at(p + n + 1, "9999") ? 5
                   : shape_at(p + n + 1, "99")  ? 3 : 0;
        n += zone;
    }
    return is_alnum(p[n]) || (p[n] == ':' && is_digit(p[n + 1])) ? 0 : n;
}

static size_t port_at(const char *p)
{
    size_t n = p[0] == ':' ? digits(p + 1) : 0;
    return n >= 1 && n <= 5 && !is_alnum(p[n + 1]) ? n + 1 : 0;
}

static size_t ipv4_at(const char *p)
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        size_t n = digits(p + at);
        int value = 0;
        if (n < 1 || n > 3)
            return 0;
        for (size_t k = 0; k < n; k++)
            value = value * 10 + (p[at + k] - '0');
        if (value > 255)
            return 0;
        at += n;
        if (i < 3 && p[at++] != '.')
            return 0;
    }
    if (is_alnum(p[at]) || (p[at] == '.' && is_digit(p[at + 1])))
        return 0;
    return at + port_at(p + at);
}

/* IPv6, or a MAC address: hex groups and colons with a digit in it, which no kept word has. */
static size_t ipv6_at(const char *p)
{
    size_t at = 0, group = 0, colons = 0, doubles = 0, pairs = 0;
    bool has_digit = false;
    if (p[0] == ':' && p[1] != ':')
        return 0;
    while (at < 46 && (is_hex(p[at]) || p[at] == ':')) {
        has_digit |= is_digit(p[at]);
        if (p[at] == ':') {
            pairs += group == 2;
            colons++;
            doubles += at > 0 && p[at - 1] == ':';
            group = 0;
        } else if (++group > 4) {
            return 0;
        }
        at++;
    }
    if (is_alnum(p[at]) || p[at] == ':')
        return 0;
    if (at > 1 && p[at - 1] == ':' && p[at - 2] != ':') { /* "::1: refused" */
        at--;
        colons--;
        group = 4;
    }
    bool is_mac = colons == 5 && !doubles && pairs == 5 && group == 2;
    return has_digit && ((doubles == 1 && colons <= 8) || (colons == 7 && !doubles) || is_mac) ? at : 0;
}

static size_t bracket_at(const char *p)
{
    size_t n = p[0] == '[' ? ipv6_at(p + 1) : 0;
    return n && p[n + 1] == ']' ? n + 2 + port_at(p + n + 2) : 0;
}

static bool is_hex_word(const char *p, size_t n)
{
    if (n > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        return run_of(p + 2, is_hex) == n - 2;
    return n >= ID_LEAST && run_of(p, is_hex) == n && digits(p) < n;
}

/* Digits with a unit, as often as a duration has them: 30ms, 1h5m, 10MiB, and 1m30 before ".5s". */
static bool is_quantity(const char *p, size_t n)
{
    static const char *const units[] = { "ms", "us", "\xc2\xb5s", "ns", "s", "sec", "secs", "m", "min",
                                         "mins", "h", "hr", "hrs", "d", "b", "k", "kb", "kib", "mb",
                                         "mib", "g", "gb", "gib", "gi", "mi", "ki", "tb", "tib", "px" };
    size_t at = 0;
    while (at < n) {
        size_t number = digits(p + at), unit = run_of(p + at + number, is_letter);
        if (!number || (unit && !is_one_of(p + at + number, unit, units, ARRAY_LEN(units))))
            return false;
        at += number + unit;
    }
    return n > 0;
}

/* A number and all that belongs to it: "1,234.5", "1.2.3", "1m30.5s". */
static size_t number_more(const char *p)
{
    size_t at = 0;
    while (p[at] == '.' || p[at] == ',') {
        size_t n = word_at(p + at + 1);
        if (!n || !is_quantity(p + at + 1, n))
            break;
        at += 1 + n;
    }
    return at;
}

/* ---- emitting ---- */

static void put(struct scan *s, const char *text, size_t taken)
{
    buf_adds(s->out, text);
    s->p += taken;
    s->after_word = true;
}

static void copy(struct scan *s, size_t n, bool is_word)
{
    buf_add(s->out, s->p, n);
    s->p += n;
    s->after_word = is_word;
}

/* Names that hold digits and mean the same each time.  None of them may be all hex: see above. */
static const char *const terms[] = { "x509",   "utf8",  "utf16",   "http2", "http3", "oauth2", "sha1",
                                     "sha256", "sha512", "md5",    "s3",    "k8s",   "base64", "ipv4",
                                     "ipv6",   "i18n",  "log4j",   "p50",   "p90",   "p95",    "p99",
                                     "oauth1", "int32", "int64",   "uint32", "uint64", "float64",
                                     "x86",    "amd64", "arm64",   "web3",  "h2",    "psycopg2" };

static void mask_word(struct scan *s)
{
    const char *p = s->p;
    size_t n = word_at(p), head = run_of(p, is_letter), number = digits(p + head),
           tail = run_of(p + head + number, is_letter);
    if (is_hex_word(p, n)) {
        put(s, "<hex>", n);
    } else if (head == n || is_one_of(p, n, terms, ARRAY_LEN(terms))) {
        copy(s, n, true);
    } else if (is_quantity(p, n)) {
        put(s, "<n>", n + number_more(p + n));
    } else if (head + number == n) { /* worker3 */
        copy(s, head, true);
        put(s, "<n>", number + number_more(p + n));
    } else if (head == 0 && number + tail == n && tail <= 3) { /* 5xx, 3rd */
        put(s, "<n>", number);
        copy(s, tail, true);
    } else {
        put(s, "<id>", n);
    }
}

/* The end of a pod's name, "-7d9f8b6c5-x2x4z", whose last part may have no digit that gives it away. */
static size_t pod_suffix_at(const char *p)
{
    static const char safe[] = "bcdfghjklmnpqrstvwxz2456789"; /* apimachinery's rand.SafeEncodeString */
    size_t hash = run_of(p + 1, is_hex);
    if (hash < 8 || hash > 10 || p[1 + hash] != '-')
        return 0;
    const char *last = p + 1 + hash + 1;
    size_t n = strspn(last, safe);
    return n == 5 && !is_alnum(last[5]) && last[5] != '-' ? 1 + hash + 1 + 5 : 0;
}

/* ---- quotes ---- */

static int quote_kind(const struct scan *s, const char *p)
{
    const char *at = memchr("\"`'", *p, QUOTES);
    return !at || (p > s->start && p[-1] == '\\') ? -1 : (int)(at - "\"`'");
}

/* A member's name in JSON says what the value is: it stays, its ':' with it, lest that begin "::1". */
static size_t key_at(const struct scan *s)
{
    const char *p = s->p, *before = p;
    while (before > s->start && (before[-1] == ' ' || before[-1] == '\n'))
        before--;
    if (before == s->start || (before[-1] != '{' && before[-1] != ','))
        return 0;
    size_t n = 1;
    while (n < KEY_MOST && (is_alnum(p[n]) || p[n] == '_' || p[n] == '-' || p[n] == '.'))
        n++;
    if (n == 1 || p[n] != '"')
        return 0;
    n += p[n + 1] == ' ' ? 2 : 1;
    return p[n] == ':' ? n + 1 : 0;
}

/* An apostrophe closes only where no word follows ("can't"); '<' may have been a word. */
static bool closes(const struct scan *s, const char *p, int kind)
{
    return quote_kind(s, p) == kind && (kind < 2 || (!is_alnum(p[1]) && p[1] != '<' &&
                                                     (!p[1] || !memchr("\"`'", p[1], QUOTES))));
}

static bool mask_quoted(struct scan *s, int kind)
{
    if ((kind == 2 && s->after_word) || s->p < s->unclosed[kind])
        return false;
    const char *p = s->p + 1;
    while (*p && *p != '\n' && !closes(s, p, kind))
        p++;
    if (!*p || *p == '\n') {
        s->unclosed[kind] = p;
        return false;
    }
    put(s, "<str>", (size_t)(p + 1 - s->p));
    return true;
}

/* ---- name=value ---- */

static const char *value_name(const char *p, size_t n)
{
    const char *number = p + (*p == '-' || *p == '+');
    size_t left = n - (size_t)(number - p), word = word_at(number);
    if (uuid_at(p) == n)
        return "<uuid>";
    if (time_at(p) == n)
        return "<time>";
    if (ipv4_at(p) == n || ipv6_at(p) == n)
        return "<addr>";
    if (word_at(p) == n && is_hex_word(p, n))
        return "<hex>";
    if (is_quantity(number, word) && word + number_more(number + word) == left)
        return "<n>";
    return "<str>";
}

static void mask_value(struct scan *s)
{
    const char *p = s->p, *v = p + 1;
    bool is_operator = (*v && strchr("=>~", *v)) ||
                       (!s->after_word && p > s->start && strchr("=<>!:~+-*/%&|^", p[-1]));
    size_t n = is_operator ? 0 : strcspn(v, " \t\r\n,;()[]{}&\"'`<>|\\");
    while (n && strchr(":.!?", v[n - 1]))
        n--;
    copy(s, 1, false);
    if (n)
        put(s, value_name(v, n), n);
}

/* What may start at a word's beginning and is more than a word. */
static bool mask_token(struct scan *s)
{
    const char *p = s->p;
    bool after_colon = p > s->start && p[-1] == ':';
    size_t n;
    if (s->after_word)
        return false;
    if ((n = uuid_at(p)))
        put(s, "<uuid>", n);
    else if ((n = time_at(p)))
        put(s, "<time>", n);
    else if ((n = ipv4_at(p)) || (!after_colon && (n = ipv6_at(p))))
        put(s, "<addr>", n);
    return n > 0;
}

static void mask_one(struct scan *s)
{
    const char *p = s->p;
    int kind;
    size_t n;
    if ((n = placeholder_at(p)))
        copy(s, n, true);
    else if (*p == '"' && quote_kind(s, p) == 0 && (n = key_at(s)))
        copy(s, n, false);
    else if ((kind = quote_kind(s, p)) >= 0 && mask_quoted(s, kind))
        return;
    else if (*p == '=')
        mask_value(s);
    else if (*p == '-' && s->after_word && (n = pod_suffix_at(p)))
        put(s, "-<id>", n);
    else if ((n = bracket_at(p)))
        put(s, "<addr>", n);
    else if ((is_alnum(*p) || *p == ':') && mask_token(s))
        return;
    else if (is_alnum(*p))
        mask_word(s);
    else
        copy(s, 1, false);
}

void triage_mask(struct buf *out, const char *message)
{
    struct scan s = { .start = message, .p = message, .out = out };
    while (*s.p && !out->over)
        mask_one(&s);
}
