#include "tui/keys.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { IN_CAP = 256 * 1024 };
static const char paste_end[] = "\033[201~";

void keys_init(struct keys *k)
{
    *k = (struct keys){ .in = BUF_INIT(IN_CAP), .paste = BUF_INIT(KEYS_PASTE) };
}

void keys_release(struct keys *k)
{
    buf_release(&k->in);
    buf_release(&k->paste);
}

void keys_feed(struct keys *k, const char *p, size_t n, int64_t now_ms)
{
    size_t room = k->in.cap - k->in.len;
    if (k->in_string && now_ms - k->last_ms >= KEYS_ESC_MS) /* it came to an end that we did not see */
        k->in_string = false;
    buf_add(&k->in, p, n < room ? n : room);
    k->last_ms = now_ms;
}

int64_t keys_wait_ms(const struct keys *k, int64_t now_ms)
{
    if (!k->in.len && !k->in_paste)
        return -1;
    int64_t left = k->last_ms + (k->in_paste ? KEYS_PASTE_MS : KEYS_ESC_MS) - now_ms;
    return left > 0 ? left : 0;
}

static bool press(struct key *out, const char *name)
{
    *out = (struct key){ .kind = KEY_PRESS };
    snprintf(out->name, sizeof out->name, "%s", name);
    return true;
}

/* "1;5" + 'A': the modifier is the second number less one: shift 1, alt 2, ctrl 4. */
static bool named(struct key *out, const char *name, int modifier)
{
    char text[KEY_NAME];
    int bits = modifier > 1 ? modifier - 1 : 0;
    snprintf(text, sizeof text, "<%s%s%s%s>", bits & 4 ? "c-" : "", bits & 2 ? "a-" : "",
             bits & 1 ? "s-" : "", name);
    return press(out, text);
}

static bool mouse(struct key *out, const char *params, char final)
{
    int b, x, y;
    if (sscanf(params, "<%d;%d;%d", &b, &x, &y) != 3 || final != 'M')
        return false;
    const char *name = b == 64 ? "<wheelup>" : b == 65 ? "<wheeldown>" : b == 0 ? "<click>" : NULL;
    if (!name)
        return false;
    press(out, name);
    out->kind = KEY_MOUSE;
    out->row = y - 1;
    out->col = x - 1;
    return true;
}

static bool csi(struct keys *k, struct key *out, const char *params, size_t n, char final)
{
    static const struct {
        char final;
        const char *name;
    } letters[] = { { 'A', "up" }, { 'B', "down" }, { 'C', "right" }, { 'D', "left" }, { 'H', "home" },
                    { 'F', "end" }, { 'P', "f1" }, { 'Q', "f2" }, { 'R', "f3" }, { 'S', "f4" } };
    static const struct {
        int number;
        const char *name;
    } tildes[] = { { 1, "home" }, { 2, "insert" }, { 3, "delete" }, { 4, "end" }, { 5, "pgup" },
                   { 6, "pgdn" }, { 7, "home" }, { 8, "end" }, { 11, "f1" }, { 12, "f2" },
                   { 13, "f3" }, { 14, "f4" }, { 15, "f5" }, { 17, "f6" }, { 18, "f7" }, { 19, "f8" },
                   { 20, "f9" }, { 21, "f10" }, { 23, "f11" }, { 24, "f12" } };
    char text[KEYS_SEQ];
    int number = 0, modifier = 0;
    snprintf(text, sizeof text, "%.*s", (int)n, params);
    if (text[0] == '<')
        return mouse(out, text, final);
    sscanf(text, "%d;%d", &number, &modifier);
    if (final == '~' && number == 200) {
        k->in_paste = true;
        buf_clear(&k->paste);
        return false;
    }
    if (final == 'Z')
        return press(out, "<s-tab>");
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if (letters[i].final == final)
            return named(out, letters[i].name, modifier);
    }
    for (size_t i = 0; final == '~' && i < ARRAY_LEN(tildes); i++) {
        if (tildes[i].number == number)
            return named(out, tildes[i].name, modifier);
    }
    return false; /* swallowed */
}

/* ---- each of these takes bytes from the front; 0 = unfinished, and sets *made for a key ---- */

static size_t take_escape(struct keys *k, struct key *out, bool *made, bool is_late)
{
    const char *p = k->in.data;
    size_t n = k->in.len;
    if (n == 1) {
        if (!is_late)
            return 0;
        *made = press(out, "<esc>");
        return 1;
    }
    if (p[1] == '[') {
        size_t i = 2;
        while (i < n && i < KEYS_SEQ && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40)
            i++;
        if (i == KEYS_SEQ || (i == n && is_late))
            return i; /* too long, or cut off: swallowed */
        if (i == n)
            return 0;
        if ((unsigned char)p[i] < 0x40 || (unsigned char)p[i] > 0x7E)
            return i; /* a control byte ends it */
        *made = csi(k, out, p + 2, i - 2, p[i]);
        return i + 1;
    }
    if (p[1] == 'O') {
        if (n == 2)
            return is_late ? 2 : 0;
        *made = csi(k, out, "", 0, p[2]);
        return 3;
    }
    if (strchr("]PX^_", p[1]) && p[1]) {
        k->in_string = true;
        return 2;
    }
    if (p[1] == '\033') { /* the first one stands alone */
        *made = press(out, "<esc>");
        return 1;
    }
    int32_t cp; /* alt with a key: one name, whatever it is */
    size_t used = text_decode(p + 1, n - 1, &cp);
    if (used == 1 && cp > 0x20 && cp < 0x7F) {
        char name[2] = { (char)cp, '\0' };
        *made = named(out, name, 3);
    }
    return 1 + (used ? used : 1);
}

static size_t take_string(struct keys *k, bool is_late)
{
    for (size_t i = 0; i < k->in.len; i++) {
        bool is_st = k->in.data[i] == '\033' && i + 1 < k->in.len && k->in.data[i + 1] == '\\';
        if (k->in.data[i] == '\a' || is_st) {
            k->in_string = false;
            return i + (is_st ? 2 : 1);
        }
    }
    if (is_late)
        k->in_string = false;
    else if (k->in.len && k->in.data[k->in.len - 1] == '\033')
        return k->in.len - 1; /* perhaps the first half of ST */
    return k->in.len;
}

static size_t take_paste(struct keys *k, struct key *out, bool *made, bool is_over)
{
    size_t m = sizeof paste_end - 1, n = k->in.len;
    char *end = memmem(k->in.data, n, paste_end, m);
    size_t part = end ? (size_t)(end - k->in.data) : is_over ? n : n > m ? n - m : 0;
    size_t room = k->paste.cap - k->paste.len;
    buf_add(&k->paste, k->in.data, part < room ? part : room);
    if (!end && !is_over)
        return part;
    k->in_paste = false;
    *out = (struct key){ .kind = KEY_PASTE, .paste = buf_str(&k->paste), .paste_n = k->paste.len };
    *made = true;
    return end ? part + m : part;
}

static size_t take_plain(struct keys *k, struct key *out, bool *made, bool is_late)
{
    unsigned char c = (unsigned char)k->in.data[0];
    char name[KEY_NAME];
    if (c == '\r') {
        *made = press(out, "<enter>");
    } else if (c == '\t') {
        *made = press(out, "<tab>");
    } else if (c == 0x7F || c == '\b') {
        *made = press(out, "<bs>");
    } else if (c == ' ') {
        *made = press(out, "<space>");
    } else if (c == 0) {
        *made = press(out, "<c-space>");
    } else if (c < 0x20) {
        snprintf(name, sizeof name, "<c-%c>", c < 27 ? c + 'a' - 1 : c + '@');
        *made = press(out, name);
    } else {
        int32_t cp;
        size_t used = text_decode(k->in.data, k->in.len, &cp);
        if (!used) {
            size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 1;
            return k->in.len < need && !is_late ? 0 : 1;
        }
        if (cp >= 0xA0 || cp < 0x80) {
            snprintf(name, sizeof name, "%.*s", (int)used, k->in.data);
            *made = press(out, name);
        }
        return used;
    }
    return 1;
}

bool keys_next(struct keys *k, int64_t now_ms, struct key *out)
{
    bool made = false;
    bool is_paste_over = k->in_paste && now_ms - k->last_ms >= KEYS_PASTE_MS;
    while ((k->in.len || is_paste_over) && !made) {
        bool is_late = now_ms - k->last_ms >= KEYS_ESC_MS;
        size_t used = k->in_paste                ? take_paste(k, out, &made, is_paste_over)
                      : k->in_string             ? take_string(k, is_late)
                      : k->in.data[0] == '\033' ? take_escape(k, out, &made, is_late)
                                                 : take_plain(k, out, &made, is_late);
        is_paste_over = false;
        if (!used)
            break;
        buf_drop_front(&k->in, used);
    }
    return made;
}
