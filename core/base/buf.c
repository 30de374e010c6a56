#include "core/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_release(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT(b->cap);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->over = false;
    if (b->data)
        b->data[0] = '\0';
}

static bool reserve(struct buf *b, size_t n)
{
    if (n > b->cap || b->len > b->cap - n) {
        b->over = true;
        return false;
    }
    size_t need = b->len + n + 1;
    if (need <= b->room)
        return true;
    size_t room = b->room ? b->room : 64;
    while (room < need)
        room += room / 2 + 16;
    b->data = x_realloc(b->data, room);
    b->room = room;
    return true;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return false;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
    return true;
}

bool buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

void buf_add_most(struct buf *b, const char *s)
{
    buf_add(b, s, strnlen(s, b->cap - b->len));
}

bool buf_addc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    bool ok = n >= 0 && reserve(b, (size_t)n);
    if (ok) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return ok;
}

void buf_drop_front(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (!n)
        return;
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

char *buf_take(struct buf *b)
{
    char *s = b->data ? b->data : x_strdup("");
    *b = BUF_INIT(b->cap);
    return s;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}
