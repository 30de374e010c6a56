#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

enum { PLANE = 0x20000 };
static unsigned char *odd; /* a bit for each code point below PLANE whose widths disagree */

const char *role_name(enum role r)
{
    static const char *const names[N_ROLES] = {
        "text", "dim", "title", "focus", "header", "selected", "ok", "progress", "warn", "fail",
        "unknown", "stale", "strip", "production", "staging", "alarm", "key", "match", "added",
        "removed", "demo", "past",
    };
    return r < N_ROLES ? names[r] : "?";
}

void canvas_learn_widths(void)
{
    if (odd)
        return;
    odd = x_calloc(PLANE / 8, 1);
    for (int32_t cp = 0xA0; cp < PLANE; cp++) {
        if (cp >= 0xD800 && cp < 0xE000)
            continue;
        if (wcwidth((wchar_t)cp) != utf8proc_charwidth(cp))
            odd[cp / 8] |= (unsigned char)(1u << (cp % 8));
    }
}

struct canvas canvas_new(int rows, int cols)
{
    struct canvas c = { .grid = x_calloc((size_t)rows * (size_t)cols + 1, sizeof(struct cell)),
                        .grid_cols = cols, .at = { 0, 0, rows, cols } };
    canvas_clear(&c);
    return c;
}

void canvas_free(struct canvas *c)
{
    free(c->grid);
    *c = (struct canvas){ 0 };
}

static struct cell *cell_at(const struct canvas *c, int row, int col)
{
    return &c->grid[(size_t)(c->at.row + row) * (size_t)c->grid_cols + (size_t)(c->at.col + col)];
}

static void blank(struct cell *x, enum role r)
{
    memset(x, 0, sizeof *x); /* rows are compared as bytes */
    x->bytes[0] = ' ';
    x->role = (unsigned char)r;
}

void canvas_clear(struct canvas *c)
{
    for (int row = 0; row < c->at.rows; row++)
        canvas_fill(c, row, ROLE_TEXT);
}

void canvas_fill(struct canvas *c, int row, enum role r)
{
    for (int col = 0; row >= 0 && row < c->at.rows && col < c->at.cols; col++)
        blank(cell_at(c, row, col), r);
}

struct canvas canvas_window(const struct canvas *c, struct area a)
{
    struct canvas w = *c;
    if (a.row < 0)
        a.row = 0;
    if (a.col < 0)
        a.col = 0;
    if (a.row + a.rows > c->at.rows)
        a.rows = c->at.rows - a.row;
    if (a.col + a.cols > c->at.cols)
        a.cols = c->at.cols - a.col;
    w.at = (struct area){ c->at.row + a.row, c->at.col + a.col, a.rows > 0 ? a.rows : 0,
                          a.cols > 0 ? a.cols : 0 };
    return w;
}

/* The plain form of the few characters that we draw ourselves. */
static const char *plain(int32_t cp)
{
    switch (cp) {
    case 0x2500: case 0x2014: return "-";
    case 0x2502: return "|";
    case 0x25B8: return ">";
    case 0x25BE: return "v";
    case 0x2026: return "~";
    case 0x00B7: return ".";
    case 0x2192: return ">";
    case 0x2191: return "^";
    case 0x2193: return "v";
    case 0x251C: case 0x2514: return "`";
    case 0x2581: case 0x2582: return "_";
    case 0x2583: case 0x2584: return "-";
    case 0x2585: case 0x2586: return "=";
    case 0x2587: case 0x2588: return "#";
    case 0x254C: return ".";
    case 0x25C6: return "*";
    case 0x25BC: return "v";
    default: return "?";
    }
}

static bool is_odd(int32_t cp)
{
    return odd && cp >= 0xA0 && (cp >= PLANE || odd[cp / 8] & (1u << (cp % 8)));
}

static void put(struct cell *x, const struct text_cell *t, enum role r, const char *bytes)
{
    memset(x, 0, sizeof *x);
    snprintf(x->bytes, sizeof x->bytes, "%s", bytes);
    x->role = (unsigned char)r;
    x->is_mark = t->is_mark;
}

static enum role shown_role(const struct canvas *c, enum role r)
{
    bool keeps = r == ROLE_ALARM || r == ROLE_STRIP || r == ROLE_PRODUCTION || r == ROLE_STAGING ||
                 r == ROLE_FOCUS || r == ROLE_KEY;
    return c->stale && !keeps ? ROLE_STALE : r;
}

int canvas_textn(struct canvas *c, int row, int col, int cols, enum role r, const char *s, size_t n)
{
    const char *end = s + n;
    struct text_cell t;
    int start = col, edge = cols < 0 || col + cols > c->at.cols ? c->at.cols : col + cols;
    if (row < 0 || row >= c->at.rows || col < 0)
        return 0;
    r = shown_role(c, r);
    while (s < end && col < edge) {
        text_next(&s, end, &t);
        if (t.width == 4) { /* a token of four plain characters */
            for (int i = 0; i < 4 && col < edge; i++, col++)
                put(cell_at(c, row, col), &t, r, (char[]){ t.bytes[i], '\0' });
        } else if (is_odd(t.cp)) {
            t.is_mark = true;
            put(cell_at(c, row, col++), &t, r, c->ascii ? "?" : "\xEF\xBF\xBD");
        } else if (t.width == 2 && (col + 2 > edge || c->ascii)) {
            put(cell_at(c, row, col++), &t, r, c->ascii ? "?" : " ");
        } else {
            char first[2] = { t.bytes[0], '\0' }; /* ASCII has no combining marks */
            put(cell_at(c, row, col), &t, r, !c->ascii ? t.bytes : t.cp > 0x7E ? plain(t.cp) : first);
            if (t.width == 2)
                put(cell_at(c, row, col + 1), &t, r, "");
            col += t.width;
        }
    }
    return col - start;
}

int canvas_text(struct canvas *c, int row, int col, int cols, enum role r, const char *s)
{
    /* What cannot be seen is not even looked at: a 1 MiB string costs what its visible part does. */
    size_t most = (size_t)(c->at.cols > 0 ? c->at.cols : 0) * 64 + 64;
    return canvas_textn(c, row, col, cols, r, s, strnlen(s, most));
}

int canvas_textf(struct canvas *c, int row, int col, enum role r, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return canvas_text(c, row, col, -1, r, text);
}

void canvas_right(struct canvas *c, int row, int col, int cols, enum role r, const char *s)
{
    int width = text_width(s);
    canvas_text(c, row, width < cols ? col + cols - width : col, width < cols ? width : cols, r, s);
}

void canvas_select(struct canvas *c, int row)
{
    for (int col = 0; row >= 0 && row < c->at.rows && col < c->at.cols; col++)
        cell_at(c, row, col)->is_cursor = true;
}

void canvas_rule(struct canvas *c, int row, int col, int cols, enum role r)
{
    for (int i = 0; i < cols; i++)
        canvas_text(c, row, col + i, 1, r, "\xE2\x94\x80");
}

void canvas_bar(struct canvas *c, int col, enum role r)
{
    for (int row = 0; row < c->at.rows; row++)
        canvas_text(c, row, col, 1, r, "\xE2\x94\x82");
}

void canvas_dump(const struct canvas *c, struct buf *out)
{
    static const char letters[] = ".dtfhsopwXuzSPGAkm+-";
    for (int row = 0; row < c->at.rows; row++) {
        size_t start = out->len;
        bool has_role = false;
        for (int col = 0; col < c->at.cols; col++) {
            const struct cell *x = cell_at(c, row, col);
            buf_adds(out, x->bytes);
            has_role |= x->role != ROLE_TEXT || x->is_cursor || x->is_mark;
        }
        while (out->len > start && out->data[out->len - 1] == ' ')
            out->len--;
        buf_addc(out, '\n');
        if (!has_role)
            continue;
        start = out->len;
        buf_addc(out, '~');
        for (int col = 0; col < c->at.cols; col++) {
            const struct cell *x = cell_at(c, row, col);
            buf_addc(out, x->is_mark ? '!' : x->is_cursor && x->role == ROLE_TEXT ? 's' : letters[x->role]);
        }
        while (out->len > start && out->data[out->len - 1] == '.')
            out->len--;
        buf_addc(out, '\n');
    }
}
