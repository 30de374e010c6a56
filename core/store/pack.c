#include "core/store/pack.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "core/base/clock.h"

enum { VARINT = 10, STORED = 0, DEFLATED = 1, LEVEL = 5, SMALL = 64 /* deflate gains nothing */ };
/* The low two bits of a packed double. */
enum { WHOLE, THOUSANDTHS, RAW, NOT_A_NUMBER };
static const double exact_most = 1e15; /* below it a double holds every whole number, and two bits are free */

static void put_u64(struct buf *out, uint64_t v)
{
    uint8_t bytes[VARINT];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    buf_add(out, bytes, n);
}

static uint64_t get_u64(struct pack *k)
{
    uint64_t v = 0;
    for (unsigned shift = 0; k->p < k->end && shift < 64; shift += 7) {
        uint8_t b = *k->p++;
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    k->is_bad = true;
    k->p = k->end;
    return 0;
}

void pack_u64(struct pack *k, uint64_t *v)
{
    if (k->out)
        put_u64(k->out, *v);
    else
        *v = get_u64(k);
}

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t zagzig(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* One more than zigzag: INT64_MIN, whose zigzag is the greatest, comes round to 0. */
void pack_i64(struct pack *k, int64_t *v)
{
    uint64_t u = k->out ? zigzag(*v) + 1 : 0;
    pack_u64(k, &u);
    if (!k->out)
        *v = k->is_bad ? 0 : zagzig(u - 1);
}

void pack_bytes(struct pack *k, void *p, size_t n)
{
    if (k->out) {
        buf_add(k->out, p, n);
    } else if ((size_t)(k->end - k->p) < n) {
        k->is_bad = true;
        k->p = k->end;
        memset(p, 0, n);
    } else {
        memcpy(p, k->p, n);
        k->p += n;
    }
}

static bool is_same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void put_double(struct buf *out, double v)
{
    double thousand = rint(v * 1000);
    if (is_same(v, NAN)) {
        put_u64(out, NOT_A_NUMBER);
    } else if (fabs(v) < exact_most && is_same(v, (double)(int64_t)v)) {
        put_u64(out, zigzag((int64_t)v) << 2 | WHOLE);
    } else if (fabs(thousand) < exact_most && is_same(v, (double)(int64_t)thousand / 1000)) {
        put_u64(out, zigzag((int64_t)thousand) << 2 | THOUSANDTHS);
    } else {
        put_u64(out, RAW);
        buf_add(out, &v, sizeof v);
    }
}

void pack_double(struct pack *k, double *v)
{
    if (k->out) {
        put_double(k->out, *v);
        return;
    }
    uint64_t u = get_u64(k);
    *v = 0;
    if ((u & 3) == WHOLE)
        *v = (double)zagzig(u >> 2);
    else if ((u & 3) == THOUSANDTHS)
        *v = (double)zagzig(u >> 2) / 1000;
    else if (u == NOT_A_NUMBER)
        *v = NAN;
    else if (u == RAW)
        pack_bytes(k, v, sizeof *v);
    else
        k->is_bad = true;
}

void pack_bool(struct pack *k, bool *v)
{
    uint8_t b = k->out ? *v : 0;
    pack_bytes(k, &b, 1);
    k->is_bad |= b > 1;
    if (!k->out)
        *v = b == 1;
}

size_t pack_count(struct pack *k, size_t n, size_t most)
{
    uint64_t v = n < most ? n : most;
    pack_u64(k, &v);
    if (!k->out && (v > most || v > (size_t)(k->end - k->p))) {
        k->is_bad = true;
        k->p = k->end;
        v = 0;
    }
    return (size_t)v;
}

void pack_text(struct pack *k, const char **s)
{
    size_t n = pack_count(k, k->out && *s ? strnlen(*s, PACK_TEXT) : 0, PACK_TEXT);
    if (k->out) {
        buf_add(k->out, n ? *s : "", n);
        return;
    }
    *s = n ? arena_strndup(k->arena, (const char *)k->p, n) : "";
    k->p += n;
}

void pack_squeeze(struct buf *out, const void *data, size_t n)
{
    uLongf room = compressBound((uLong)n);
    uint8_t *to = n > SMALL ? x_malloc(room) : NULL;
    bool is_shorter = to && compress2(to, &room, data, (uLong)n, LEVEL) == Z_OK && room < n;
    buf_addc(out, is_shorter ? DEFLATED : STORED);
    put_u64(out, n);
    buf_add(out, is_shorter ? to : data, is_shorter ? room : n);
    free(to);
}

enum err_code pack_expand(struct buf *out, const void *data, size_t n, struct err *e)
{
    const uint8_t *from = data;
    struct pack k = PACK_READER(from + 1, n ? n - 1 : 0, NULL);
    uint64_t size = n ? get_u64(&k) : 0;
    size_t left = n ? (size_t)(k.end - k.p) : 0;
    if (!n || k.is_bad || from[0] > DEFLATED || (from[0] == STORED && size != left))
        return err_set(e, ERR_PARSE, 0, "no packed bytes");
    if (size > PACK_BYTES || size > out->cap) /* deflate makes a thousand of one at most */
        return err_set(e, ERR_LIMIT, 0, "packed bytes of more than %zu", out->cap);
    buf_clear(out);
    if (from[0] == STORED)
        return buf_add(out, k.p, left) ? ERR_OK : err_set(e, ERR_LIMIT, 0, "too many packed bytes");
    if (size / 1100 > left)
        return err_set(e, ERR_PARSE, 0, "no packed bytes");
    uLongf got = (uLongf)size;
    uint8_t *to = x_malloc((size_t)size + 1);
    bool is_fine = uncompress(to, &got, k.p, (uLong)left) == Z_OK && got == size;
    if (is_fine)
        buf_add(out, to, (size_t)size);
    free(to);
    return is_fine ? ERR_OK : err_set(e, ERR_PARSE, 0, "packed bytes are broken");
}
