#include "core/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

enum { REPLACEMENT = 0xFFFD, MIDDLE_DOT = 0xB7, RETURN_SYMBOL = 0x23CE, MARKS_KEPT = 2 };

size_t text_decode(const char *s, size_t n, int32_t *cp)
{
    if (!n)
        return 0;
    unsigned char c = (unsigned char)*s;
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)s, n > 4 ? 4 : (utf8proc_ssize_t)n, cp);
    return used > 0 ? (size_t)used : 0;
}

size_t text_encode(int32_t cp, char out[4])
{
    return (size_t)utf8proc_encode_char(cp, (utf8proc_uint8_t *)out);
}

/* Invisible, direction-changing or undefined: nothing that a reader could see or trust. */
static bool is_tricky(int32_t cp)
{
    if ((cp >= 0x200B && cp <= 0x200F) || (cp >= 0x2028 && cp <= 0x202E) ||
        (cp >= 0x2060 && cp <= 0x206F) || (cp >= 0xFE00 && cp <= 0xFE0F) ||
        (cp >= 0xFFF9 && cp <= 0xFFFB) || (cp >= 0xE0000 && cp <= 0xE0FFF) ||
        (cp >= 0xFDD0 && cp <= 0xFDEF) || (cp & 0xFFFE) == 0xFFFE)
        return true;
    switch (cp) {
    case 0xAD: case 0x34F: case 0x61C: case 0x115F: case 0x1160: case 0x17B4: case 0x17B5:
    case 0x180B: case 0x180C: case 0x180D: case 0x180E: case 0x180F: case 0x3164: case 0xFEFF:
    case 0xFFA0: case 0x2800:
        return true;
    default:
        break;
    }
    utf8proc_category_t cat = utf8proc_category(cp);
    return cat == UTF8PROC_CATEGORY_CO || cat == UTF8PROC_CATEGORY_CS ||
           cat == UTF8PROC_CATEGORY_CN || cat == UTF8PROC_CATEGORY_CF;
}

static bool is_combining(int32_t cp)
{
    utf8proc_category_t cat = utf8proc_category(cp);
    return cat == UTF8PROC_CATEGORY_MN || cat == UTF8PROC_CATEGORY_ME ||
           (cat == UTF8PROC_CATEGORY_MC && utf8proc_charwidth(cp) == 0);
}

static void put(struct text_cell *out, int32_t cp, bool is_mark)
{
    size_t n = text_encode(cp, out->bytes);
    out->bytes[n] = '\0';
    out->cp = cp;
    out->width = 1;
    out->is_mark = is_mark;
}

/* Marks after a base character: two stay with it, the rest are passed over. */
static void take_marks(const char **s, const char *end, struct text_cell *out)
{
    size_t len = strlen(out->bytes), used;
    int32_t cp;
    for (int kept = 0; *s < end && (unsigned char)**s >= 0x80; *s += used) {
        used = text_decode(*s, (size_t)(end - *s), &cp);
        if (!used || !is_combining(cp) || is_tricky(cp))
            break;
        if (kept++ < MARKS_KEPT && len + used < sizeof out->bytes) {
            memcpy(out->bytes + len, *s, used);
            len += used;
            out->bytes[len] = '\0';
        }
    }
}

void text_next(const char **s, const char *end, struct text_cell *out)
{
    unsigned char c = (unsigned char)**s;
    int32_t cp;
    if (c >= 0x20 && c < 0x7F) { /* the common case first */
        (*s)++;
        out->bytes[0] = (char)c;
        out->bytes[1] = '\0';
        out->cp = c;
        out->width = 1;
        out->is_mark = false;
        if (*s < end && (unsigned char)**s >= 0x80)
            take_marks(s, end, out);
        return;
    }
    if (c < 0x20 || c == 0x7F) {
        (*s)++;
        put(out, c == '\n' ? RETURN_SYMBOL : c == 0x7F ? 0x2421 : 0x2400 + c, true);
        return;
    }
    size_t used = text_decode(*s, (size_t)(end - *s), &cp);
    *s += used ? used : 1;
    if (!used) {
        put(out, REPLACEMENT, true);
    } else if (cp < 0xA0) {
        static const char hex[] = "0123456789abcdef";
        out->bytes[0] = '\\';
        out->bytes[1] = 'x';
        out->bytes[2] = hex[cp >> 4];
        out->bytes[3] = hex[cp & 15];
        out->bytes[4] = '\0';
        out->cp = '\\';
        out->width = 4;
        out->is_mark = true;
    } else if (is_tricky(cp) || is_combining(cp)) { /* a mark without a base has nothing to sit on */
        put(out, MIDDLE_DOT, true);
    } else {
        int width = utf8proc_charwidth(cp);
        put(out, width < 1 ? REPLACEMENT : cp, width < 1);
        out->width = width < 1 ? 1 : width;
        take_marks(s, end, out);
    }
}

void text_clean(struct buf *out, const char *s, size_t n)
{
    const char *end = s + n;
    struct text_cell cell;
    while (s < end) {
        text_next(&s, end, &cell);
        if (!buf_adds(out, cell.bytes))
            return;
    }
}

char *text_shorten(char *dst, size_t room, const char *s)
{
    size_t n = strlen(s), word = 0, at = 0;
    if (n < room || room < 8) {
        snprintf(dst, room, "%s", s);
        return dst;
    }
    size_t over = n - (room - 1) + 3, head = (room - 4) / 3; /* bytes that go; bytes before them */
    for (size_t i = 0, k; i < n; i += k + 1) {
        k = strcspn(s + i, " ");
        if (k > word) {
            word = k;
            at = i;
        }
    }
    if (word >= over + 8) /* enough of it stays to be known again */
        head = at + (word - over) / 2;
    const char *end = s + head + over;
    while (head && ((unsigned char)s[head] & 0xC0) == 0x80)
        head--;
    while (((unsigned char)*end & 0xC0) == 0x80)
        end++;
    snprintf(dst, room, "%.*s...%s", (int)head, s, end);
    return dst;
}

char *text_clean_to(char *dst, size_t room, const char *s, size_t n)
{
    const char *end = s + n;
    size_t len = 0;
    struct text_cell cell;
    while (s < end) {
        text_next(&s, end, &cell);
        size_t add = strlen(cell.bytes);
        if (len + add >= room)
            break;
        memcpy(dst + len, cell.bytes, add);
        len += add;
    }
    if (room)
        dst[len] = '\0';
    return dst;
}

int text_width(const char *s)
{
    const char *end = s + strlen(s);
    int width = 0;
    struct text_cell cell;
    while (s < end) {
        text_next(&s, end, &cell);
        width += cell.width;
    }
    return width;
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_skip(const char **s, const char *prefix)
{
    if (!text_starts(*s, prefix))
        return false;
    *s += strlen(prefix);
    return true;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool text_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_eq_fold(const char *a, const char *b)
{
    return a == b || (a && b && strcasecmp(a, b) == 0);
}

bool text_to_int(const char *s, size_t n, int64_t min, int64_t max, int64_t *out)
{
    bool negative = n && *s == '-';
    size_t i = negative;
    int64_t v = 0;
    if (i == n)
        return false;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            (negative ? __builtin_sub_overflow(v, s[i] - '0', &v)
                      : __builtin_add_overflow(v, s[i] - '0', &v)))
            return false;
    }
    if (v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool text_to_span_ms(const char *s, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };
    int64_t total = 0, v;
    if (!*s)
        return false;
    size_t whole = strspn(s, "0123456789");
    if (whole && !s[whole]) {
        if (!text_to_int(s, whole, 0, INT64_C(1000000000), &v))
            return false;
        *out_ms = v * 1000;
        return true;
    }
    while (*s) {
        size_t n = strspn(s, "0123456789"), u;
        if (!n || n > 9 || !text_to_int(s, n, 0, 999999999, &v))
            return false;
        s += n;
        for (u = 0; u < ARRAY_LEN(units) && !text_skip(&s, units[u].unit); u++)
            ;
        if (u == ARRAY_LEN(units))
            return false;
        total += v * units[u].ms;
    }
    *out_ms = total;
    return true;
}

bool text_is_dns1123_label(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 63 || s[0] == '-' || s[n - 1] == '-')
        return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool text_is_dns1123_subdomain(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 253 || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n)
        return false;
    for (size_t i = 0; i < n; i++) { /* every part begins and ends with a letter or digit */
        bool edge = i == 0 || i + 1 == n || s[i - 1] == '.' || s[i + 1] == '.';
        if (edge && (s[i] == '-' || s[i] == '.') && !(s[i] == '.' && i && i + 1 < n &&
                                                       s[i - 1] != '.' && s[i + 1] != '.'))
            return false;
    }
    return true;
}

/* Levenshtein over short names; anything longer than a row is not near. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 48 };
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m];
}

const char *text_nearest(const char *s, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t limit = strlen(s) / 3 + 1, least = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(s, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

void text_escape_url(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-._~", *s))
            buf_addc(out, *s);
        else
            buf_addf(out, "%%%02X", (unsigned char)*s);
    }
}
