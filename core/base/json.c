/*
 * The checker: one pass, explicit stack of container kinds, no allocation but the key table.
 *
 * Duplicate keys: each open object keeps the hashes of its keys on one shared stack; a new key is
 * compared with those of its own object only.  Kubernetes' objects have few keys each, so a linear
 * look at 32-bit hashes beats a table; an equal hash is settled by comparing the bytes.  An object
 * of more than KEYS_LINEAR keys would make this quadratic, so beyond it the keys go into a set.
 * Keys are compared as written: "a" and "\u0061" count as two keys here, and json_get finds only
 * the plain one, so neither can stand in for the other.
 */
#include "core/base/json.h"

#include <string.h>

#include "core/base/text.h"

enum { KEYS_LINEAR = 64 };

struct key {
    uint32_t hash;
    uint32_t n;
    const char *p;
};

struct checker {
    const char *base, *p, *end;
    struct key *keys; /* keys of all open objects, innermost last */
    size_t n_keys, room;
    struct err *e;
};

static enum err_code bad(struct checker *c, const char *what)
{
    return err_set(c->e, ERR_PARSE, 0, "JSON: %s at byte %zu", what, (size_t)(c->p - c->base));
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static enum err_code check_escape(struct checker *c)
{
    if (c->end - c->p < 2)
        return bad(c, "unfinished string");
    if (c->p[1] != 'u') {
        if (!strchr("\"\\/bfnrt", c->p[1]) || !c->p[1])
            return bad(c, "unknown escape");
        c->p += 2;
        return ERR_OK;
    }
    int v = c->end - c->p < 6 ? -1 : hex4(c->p + 2);
    if (v < 0)
        return bad(c, "broken \\u escape");
    if (v == 0)
        return bad(c, "\\u0000 is refused");
    if (v >= 0xDC00 && v <= 0xDFFF)
        return bad(c, "lone surrogate");
    if (v >= 0xD800 && v <= 0xDBFF) {
        int low = c->end - c->p < 12 || c->p[6] != '\\' || c->p[7] != 'u' ? -1 : hex4(c->p + 8);
        if (low < 0xDC00 || low > 0xDFFF)
            return bad(c, "lone surrogate");
        c->p += 6;
    }
    c->p += 6;
    return ERR_OK;
}

/* 1 for bytes that end the fast run inside a string: '"', '\\', controls and non-ASCII. */
static const unsigned char stops[256] = {
    [0 ... 31] = 1, ['"'] = 1, ['\\'] = 1, [0x80 ... 0xFF] = 1,
};

static enum err_code check_string(struct checker *c)
{
    c->p++;
    for (;;) {
        const char *p = c->p, *end = c->end;
        while (p < end && !stops[(unsigned char)*p])
            p++;
        c->p = p;
        if (p == end)
            return bad(c, "unfinished string");
        if (*p == '"') {
            c->p++;
            return ERR_OK;
        }
        if (*p == '\\') {
            enum err_code err = check_escape(c);
            if (err)
                return err;
        } else if ((unsigned char)*p < 0x20) {
            return bad(c, "control character in a string");
        } else {
            int32_t cp;
            size_t used = text_decode(p, (size_t)(end - p), &cp);
            if (!used)
                return bad(c, "invalid UTF-8");
            c->p += used;
        }
    }
}

static enum err_code check_number(struct checker *c)
{
    const char *p = c->p, *end = c->end, *first;
    if (p < end && *p == '-')
        p++;
    first = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p == first || (*first == '0' && p - first > 1))
        return bad(c, "not a JSON number");
    if (p < end && *p == '.') {
        first = ++p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == first)
            return bad(c, "not a JSON number");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        first = p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == first)
            return bad(c, "not a JSON number");
    }
    c->p = p;
    return ERR_OK;
}

static enum err_code check_scalar(struct checker *c)
{
    static const char *const words[] = { "true", "false", "null" };
    char ch = *c->p;
    if (ch == '"')
        return check_string(c);
    if (ch == '-' || (ch >= '0' && ch <= '9'))
        return check_number(c);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(c->end - c->p) >= n && memcmp(c->p, words[i], n) == 0) {
            c->p += n;
            return ERR_OK;
        }
    }
    return bad(c, "unexpected character");
}

static int key_order(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return memcmp(x->p, y->p, x->n);
}

/* Objects of many keys are looked at once, sorted, when they close. */
static bool has_twin(struct key *keys, size_t n)
{
    qsort(keys, n, sizeof *keys, key_order);
    for (size_t i = 1; i < n; i++) {
        if (key_order(&keys[i - 1], &keys[i]) == 0)
            return true;
    }
    return false;
}

static enum err_code check_key(struct checker *c, size_t first_key)
{
    if (c->p == c->end || *c->p != '"')
        return bad(c, "expected a key");
    const char *start = c->p + 1;
    enum err_code err = check_string(c);
    if (err)
        return err;
    struct key k = { .p = start, .n = (uint32_t)(c->p - 1 - start), .hash = 2166136261u };
    for (uint32_t i = 0; i < k.n; i++)
        k.hash = (k.hash ^ (unsigned char)start[i]) * 16777619u;
    if (c->n_keys - first_key < KEYS_LINEAR) {
        for (size_t i = first_key; i < c->n_keys; i++) {
            if (c->keys[i].hash == k.hash && key_order(&c->keys[i], &k) == 0)
                return bad(c, "duplicate key");
        }
    }
    if (c->n_keys == c->room) {
        c->room = c->room ? c->room * 2 : 128;
        c->keys = x_realloc(c->keys, c->room * sizeof *c->keys);
    }
    c->keys[c->n_keys++] = k;
    c->p = skip_space(c->p, c->end);
    if (c->p == c->end || *c->p != ':')
        return bad(c, "expected ':'");
    c->p = skip_space(c->p + 1, c->end);
    return ERR_OK;
}

static enum err_code check_value(struct checker *c)
{
    struct level {
        size_t first_key;
        bool is_object;
    } stack[JSON_DEPTH];
    int depth = 0;
    enum err_code err;
    for (;;) {
        if (c->p == c->end)
            return bad(c, "unfinished value");
        if (*c->p == '{' || *c->p == '[') { /* go down */
            if (depth == JSON_DEPTH)
                return err_set(c->e, ERR_LIMIT, 0, "JSON: nested deeper than %d", JSON_DEPTH);
            bool is_object = *c->p == '{';
            stack[depth++] = (struct level){ c->n_keys, is_object };
            c->p = skip_space(c->p + 1, c->end);
            if (c->p < c->end && *c->p == (is_object ? '}' : ']')) {
                depth--;
                c->p++;
            } else {
                if (is_object && (err = check_key(c, c->n_keys)))
                    return err;
                continue;
            }
        } else if ((err = check_scalar(c))) {
            return err;
        }
        for (;;) { /* after a value: the next member, or up */
            if (!depth)
                return ERR_OK;
            struct level *top = &stack[depth - 1];
            c->p = skip_space(c->p, c->end);
            if (c->p == c->end)
                return bad(c, "unfinished value");
            char ch = *c->p;
            if (ch == ',') {
                c->p = skip_space(c->p + 1, c->end);
                if (top->is_object && (err = check_key(c, top->first_key)))
                    return err;
                break;
            }
            if (ch != (top->is_object ? '}' : ']'))
                return bad(c, "expected ',' or the end");
            if (top->is_object && c->n_keys - top->first_key > KEYS_LINEAR &&
                has_twin(c->keys + top->first_key, c->n_keys - top->first_key))
                return bad(c, "duplicate key");
            c->n_keys = top->first_key;
            c->p++;
            depth--;
        }
    }
}

enum err_code json_check(const char *p, size_t n, struct json_span *out, struct err *e)
{
    struct checker c = { .base = p, .p = skip_space(p, p + n), .end = p + n, .e = e };
    if (n > UINT32_MAX)
        return err_set(e, ERR_LIMIT, 0, "JSON: document too large");
    const char *start = c.p;
    enum err_code err = check_value(&c);
    const char *stop = c.p;
    if (!err) {
        c.p = skip_space(c.p, c.end);
        if (c.p != c.end)
            err = bad(&c, "text after the value");
    }
    free(c.keys);
    if (!err && out)
        *out = (struct json_span){ start, (size_t)(stop - start) };
    return err;
}

/* ---- readers: the text was checked, so they need no errors ---- */

static const char *skip_string(const char *p, const char *end)
{
    const char *start = ++p;
    while (p < end && (p = memchr(p, '"', (size_t)(end - p)))) {
        const char *before = p;
        while (before > start && before[-1] == '\\')
            before--;
        if ((p - before) % 2 == 0)
            return p + 1;
        p++; /* an escaped one */
    }
    return end;
}

static const char *skip_value(const char *p, const char *end)
{
    static const signed char turns[256] = { ['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1, ['"'] = 2 };
    if (p == end)
        return end;
    if (*p == '"')
        return skip_string(p, end);
    if (*p != '{' && *p != '[') {
        while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' &&
               *p != '\t' && *p != '\r')
            p++;
        return p;
    }
    for (int depth = 0; p < end;) {
        int turn = turns[(unsigned char)*p];
        if (turn == 2) {
            p = skip_string(p, end);
            continue;
        }
        p++;
        depth += turn;
        if (turn < 0 && depth == 0)
            return p;
    }
    return end;
}

enum json_kind json_kind(struct json_span v)
{
    if (!v.p || !v.n)
        return JSON_ABSENT;
    switch (*v.p) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

struct json_iter json_each(struct json_span container)
{
    enum json_kind kind = json_kind(container);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return (struct json_iter){ 0 };
    return (struct json_iter){ .p = container.p + 1,
                               .end = container.p + container.n - 1,
                               .is_object = kind == JSON_OBJECT };
}

bool json_next(struct json_iter *it)
{
    const char *p = it->p;
    if (!p)
        return false;
    while (p < it->end && (*p == ',' || *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    if (p >= it->end) {
        it->p = NULL;
        return false;
    }
    if (it->is_object) {
        const char *after = skip_string(p, it->end);
        it->key = (struct json_span){ p + 1, (size_t)(after - p) - 2 };
        p = skip_space(after, it->end);
        p = skip_space(p + 1, it->end); /* the ':' */
    }
    const char *after = skip_value(p, it->end);
    it->value = (struct json_span){ p, (size_t)(after - p) };
    it->p = after;
    return true;
}

bool json_key_is(const struct json_iter *it, const char *name)
{
    size_t n = strlen(name);
    return it->key.n == n && memcmp(it->key.p, name, n) == 0;
}

struct json_span json_get(struct json_span object, const char *key)
{
    struct json_iter it = json_each(object);
    if (it.is_object) {
        while (json_next(&it)) {
            if (json_key_is(&it, key))
                return it.value;
        }
    }
    return (struct json_span){ 0 };
}

void json_members(struct json_span object, size_t n, const char *const names[], struct json_span out[])
{
    struct json_iter it = json_each(object);
    size_t found = 0;
    memset(out, 0, n * sizeof *out);
    while (it.is_object && found < n && json_next(&it)) {
        for (size_t i = 0; i < n; i++) {
            if (json_key_is(&it, names[i])) {
                out[i] = it.value;
                found++;
                break;
            }
        }
    }
}

struct json_span json_path(struct json_span object, const char *path)
{
    char key[64];
    while (object.p) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return (struct json_span){ 0 };
        memcpy(key, path, n);
        key[n] = '\0';
        object = json_get(object, key);
        if (!path[n])
            return object;
        path += n + 1;
    }
    return object;
}

/* One decoded character of a checked string into out; returns its bytes. */
static size_t unescape(const char **p, char out[4])
{
    const char *s = *p;
    if (*s != '\\') {
        out[0] = *s;
        *p = s + 1;
        return 1;
    }
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s[1] != 'u') {
        out[0] = to[strchr(from, s[1]) - from];
        *p = s + 2;
        return 1;
    }
    int32_t cp = hex4(s + 2);
    s += 6;
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (hex4(s + 2) - 0xDC00);
        s += 6;
    }
    *p = s;
    return text_encode(cp, out);
}

bool json_str_add(struct json_span v, struct buf *out)
{
    if (json_kind(v) != JSON_STRING)
        return false;
    const char *p = v.p + 1, *end = v.p + v.n - 1;
    while (p < end) {
        const char *plain = p;
        while (p < end && *p != '\\')
            p++;
        if (!buf_add(out, plain, (size_t)(p - plain)))
            return false;
        char one[4];
        if (p < end) {
            size_t n = unescape(&p, one);
            if (!buf_add(out, one, n))
                return false;
        }
    }
    return true;
}

char *json_str(struct json_span v, struct arena *a, size_t cap)
{
    if (json_kind(v) != JSON_STRING)
        return NULL;
    const char *p = v.p + 1, *end = v.p + v.n - 1;
    size_t room = v.n - 2 < cap ? v.n - 2 : cap, len = 0;
    char *out = arena_alloc(a, room + 1), one[4];
    while (p < end) {
        size_t n = unescape(&p, one);
        if (len + n > room)
            break;
        memcpy(out + len, one, n);
        len += n;
    }
    if (p < end || len == room) { /* cut: not in the middle of a code point */
        size_t back = len;
        while (back && ((unsigned char)out[back - 1] & 0xC0) == 0x80)
            back--;
        int32_t cp;
        if (back && (unsigned char)out[back - 1] >= 0xC0 &&
            !text_decode(out + back - 1, len - back + 1, &cp))
            len = back - 1;
    }
    out[len] = '\0';
    return out;
}

bool json_str_is(struct json_span v, const char *text)
{
    size_t n = strlen(text);
    return json_kind(v) == JSON_STRING && v.n == n + 2 && memcmp(v.p + 1, text, n) == 0;
}

bool json_int(struct json_span v, int64_t *out)
{
    return json_kind(v) == JSON_NUMBER && text_to_int(v.p, v.n, INT64_MIN, INT64_MAX, out);
}

int64_t json_int_or(struct json_span v, int64_t otherwise)
{
    int64_t n;
    return json_int(v, &n) ? n : otherwise;
}

bool json_is_true(struct json_span v)
{
    return json_kind(v) == JSON_BOOL && *v.p == 't';
}

/* What a terminal would obey or hide: direction controls, zero width, private use. */
static bool is_hidden(const char *s, size_t n)
{
    struct text_cell t;
    text_next(&s, s + n, &t);
    return t.is_mark;
}

static void add_escape(struct buf *out, int32_t cp)
{
    if (cp > 0xFFFF) {
        buf_addf(out, "\\u%04x", 0xD800u + ((unsigned)cp - 0x10000) / 0x400);
        cp = (int32_t)(0xDC00u + ((unsigned)cp - 0x10000) % 0x400);
    }
    buf_addf(out, "\\u%04x", (unsigned)cp);
}

void json_quote(struct buf *out, const char *s)
{
    buf_addc(out, '"');
    const char *end = s + strlen(s);
    while (s < end) {
        unsigned char c = (unsigned char)*s;
        int32_t cp;
        size_t used = text_decode(s, (size_t)(end - s), &cp);
        if (!used)
            buf_adds(out, "\xEF\xBF\xBD");
        else if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c == '\n')
            buf_adds(out, "\\n");
        else if (cp < 0x20 || cp == 0x7F || (cp >= 0x80 && is_hidden(s, used)))
            add_escape(out, cp);
        else
            buf_add(out, s, used);
        s += used ? used : 1;
    }
    buf_addc(out, '"');
}
