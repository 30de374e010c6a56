#include "tests/pty/picture.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

enum { CELL_W = 8, CELL_H = 17, BASE = 13, EDGE = 10 };

/* Not every renderer knows white-space: a blank is one that is not collapsed. */
static void put_escaped(const char *s, FILE *to)
{
    for (; *s; s++) {
        if (*s == '&' || *s == '<' || *s == '>')
            fprintf(to, "&#%d;", *s);
        else
            fputs((char[]){ *s == ' ' ? '\xC2' : *s, *s == ' ' ? '\xA0' : '\0', '\0' }, to);
    }
}

static bool is_same_style(const struct screen_cell *a, const struct screen_cell *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->is_bold == b->is_bold && a->is_underlined == b->is_underlined;
}

/* The cells from `col` on that look alike; their text into `out`, the end's column returned. */
static int take_run(struct screen *s, int row, int col, struct screen_cell *first, struct buf *out)
{
    struct screen_cell c;
    screen_cell(s, row, col, first);
    buf_clear(out);
    while (screen_cell(s, row, col, &c) && is_same_style(&c, first)) {
        buf_adds(out, c.text);
        col += c.width;
    }
    return col;
}

static bool is_blank(const char *s)
{
    return !s[strspn(s, " ")];
}

static void svg_row(struct screen *s, int row, int cols, bool is_light, FILE *to)
{
    struct buf text = BUF_INIT(8192);
    struct screen_cell c;
    const uint32_t ground = is_light ? SCREEN_LIGHT : SCREEN_DARK;
    for (int col = 0; col < cols;) {
        int end = take_run(s, row, col, &c, &text), x = EDGE + col * CELL_W, y = EDGE + row * CELL_H;
        uint32_t fg = c.fg == SCREEN_DEFAULT ? (is_light ? 0x24292f : 0xd0d4d8) : c.fg;
        uint32_t bg = c.bg == SCREEN_DEFAULT ? ground : c.bg;
        if (c.is_reverse) {
            uint32_t swap = fg;
            fg = bg;
            bg = swap;
        }
        if (bg != ground)
            fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", x, y,
                    (end - col) * CELL_W, CELL_H, bg);
        if (!is_blank(buf_str(&text))) {
            int before = (int)strspn(buf_str(&text), " ");
            while (text.data[text.len - 1] == ' ')
                text.data[--text.len] = '\0';
            x += before * CELL_W;
            fprintf(to, "<text x=\"%d\" y=\"%d\" fill=\"#%06x\"%s%s textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\">", x,
                    y + BASE, fg, c.is_bold ? " font-weight=\"bold\"" : "", c.is_underlined ? " text-decoration=\"underline\"" : "",
                    text_width(buf_str(&text) + before) * CELL_W);
            put_escaped(buf_str(&text) + before, to);
            fputs("</text>\n", to);
        }
        col = end > col ? end : col + 1;
    }
    buf_release(&text);
}

void picture_svg(struct screen *s, bool is_light, FILE *to)
{
    int rows, cols;
    screen_size(s, &rows, &cols);
    int w = cols * CELL_W + 2 * EDGE, h = rows * CELL_H + 2 * EDGE;
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
                "<style>text{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:13.28px}</style>\n"
                "<rect width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#%06x\"/>\n",
            w, h, w, h, w, h, is_light ? SCREEN_LIGHT : SCREEN_DARK);
    for (int row = 0; row < rows; row++)
        svg_row(s, row, cols, is_light, to);
    fputs("</svg>\n", to);
}

/* ---- recordings ---- */

struct cast {
    FILE *to;
    int64_t begin_ms;
    struct buf held;
};

struct cast *cast_open(const char *path, int rows, int cols)
{
    FILE *to = fopen(path, "we");
    if (!to)
        return NULL;
    struct cast *c = x_calloc(1, sizeof *c);
    c->to = to;
    c->begin_ms = screen_now_ms();
    c->held = BUF_INIT(1024 * 1024);
    fprintf(to, "{\"version\": 2, \"width\": %d, \"height\": %d, \"title\": \"bakewatch\", \"env\": {\"TERM\": \"xterm-256color\"}}\n",
            cols, rows);
    return c;
}

/* How much of it ends with a whole character. */
static size_t whole(const char *p, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)p[n - back];
        size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        if (c >= 0xC0)
            return need > back ? n - back : n;
        if (c < 0x80)
            break;
    }
    return n;
}

void cast_add(struct cast *c, const char *p, size_t n)
{
    struct buf line = BUF_INIT(8 * 1024 * 1024);
    buf_add(&c->held, p, n);
    size_t take = whole(c->held.data, c->held.len);
    char *text = x_calloc(1, take + 1);
    memcpy(text, c->held.data, take);
    buf_drop_front(&c->held, take);
    json_quote(&line, text);
    if (take)
        fprintf(c->to, "[%.3f, \"o\", %s]\n", (double)(screen_now_ms() - c->begin_ms) / 1000, buf_str(&line));
    free(text);
    buf_release(&line);
}

void cast_close(struct cast *c)
{
    if (!c)
        return;
    fclose(c->to);
    buf_release(&c->held);
    free(c);
}
