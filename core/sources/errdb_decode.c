#include "core/sources/errdb_decode.h"

#include <string.h>

#include "core/base/text.h"

static size_t cap_of(enum error_column c)
{
    switch (c) {
    case COLUMN_STACK:
        return ERROR_STACK;
    case COLUMN_MESSAGE:
    case COLUMN_USER_IMPACT:
    case COLUMN_BUSINESS_IMPACT:
    case COLUMN_NOTES:
        return ERROR_TEXT;
    default:
        return ERROR_NAME;
    }
}

int errdb_column_chars(enum error_column c)
{
    return (int)cap_of(c) + 1;
}

static int64_t days_of(int64_t y, int64_t m, int64_t d) /* since 1970-01-01, proleptic Gregorian */
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *c, char ch)
{
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

static bool number(struct cursor *c, size_t least, size_t most, int64_t *out)
{
    const char *from = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && (size_t)(c->p - from) < most)
        c->p++;
    return (size_t)(c->p - from) >= least &&
           text_to_int(from, (size_t)(c->p - from), 0, INT64_MAX, out);
}

/* "+02", "-09:30", "+0530", "Z"; seconds of old zones too. */
static bool zone(struct cursor *c, int64_t *out_s)
{
    int64_t h = 0, m = 0, s = 0;
    *out_s = 0;
    if (take(c, 'Z') || c->p == c->end)
        return true;
    bool negative = *c->p == '-';
    if (!take(c, '+') && !take(c, '-'))
        return true; /* not a zone: the caller looks at what follows */
    if (!number(c, 2, 2, &h))
        return false;
    bool colon = take(c, ':');
    if ((colon || (c->p < c->end && *c->p >= '0' && *c->p <= '9')) && !number(c, 2, 2, &m))
        return false;
    if (take(c, ':') && !number(c, 2, 2, &s))
        return false;
    *out_s = (h * 3600 + m * 60 + s) * (negative ? -1 : 1);
    return h < 24 && m < 60 && s < 60;
}

static bool fraction(struct cursor *c, int64_t *out_ms)
{
    int64_t unit = 100;
    *out_ms = 0;
    if (!take(c, '.'))
        return true;
    if (c->p == c->end || *c->p < '0' || *c->p > '9')
        return false;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        *out_ms += (*c->p - '0') * unit;
        unit /= 10;
    }
    return true;
}

bool errdb_decode_time(const char *s, size_t n, int64_t *out_ms)
{
    struct cursor c = { s, s + n };
    int64_t y, mo, d, h = 0, mi = 0, sec = 0, ms = 0, offset = 0;
    if (!number(&c, 4, 6, &y) || !take(&c, '-') || !number(&c, 2, 2, &mo) || !take(&c, '-') ||
        !number(&c, 2, 2, &d))
        return false;
    const char *day_end = c.p;
    if ((take(&c, ' ') || take(&c, 'T')) && c.p < c.end && *c.p >= '0' && *c.p <= '9') {
        if (!number(&c, 2, 2, &h) || !take(&c, ':') || !number(&c, 2, 2, &mi))
            return false;
        if (take(&c, ':') && (!number(&c, 2, 2, &sec) || !fraction(&c, &ms)))
            return false;
        if (!zone(&c, &offset))
            return false;
    } else {
        c.p = day_end;
    }
    if (c.end - c.p == 3 && memcmp(c.p, " BC", 3) == 0) {
        y = 1 - y;
        c.p = c.end;
    }
    if (c.p != c.end || y > 200000 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 24 || mi > 59 ||
        sec > 60)
        return false;
    *out_ms = (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset) * 1000 + ms;
    return true;
}

static uint64_t hash_more(uint64_t h, const void *p, size_t n) /* FNV-1a */
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_values(const struct errdb_value v[ERRDB_VALUES])
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (int i = 0; i < ERRDB_VALUES; i++) {
        if (i == 1)
            continue; /* the version: the same row in the same state may have another */
        uint64_t n = v[i].p ? v[i].n : UINT64_MAX;
        h = hash_more(h, &n, sizeof n);
        if (v[i].p)
            h = hash_more(h, v[i].p, v[i].n);
    }
    return h;
}

static const char *keep(struct error_row *r, enum error_column c, const struct errdb_value *v)
{
    size_t n = v->n, cap = cap_of(c);
    if (!v->p)
        return "";
    if (n > cap) {
        r->is_cut = true;
        for (n = cap; n > cap - 4 && ((unsigned char)v->p[n] & 0xC0) == 0x80; n--)
            ;
    }
    return arena_strndup(&r->arena, v->p, n);
}

static void fill(struct error_row *r, const struct errdb_value v[ERRDB_VALUES])
{
    const struct {
        enum error_column column;
        const char **to;
    } texts[] = {
        { COLUMN_SERVICE, &r->service }, { COLUMN_ENVIRONMENT, &r->environment },
        { COLUMN_STAGE, &r->stage }, { COLUMN_CODE, &r->code },
        { COLUMN_SEVERITY, &r->severity_text }, { COLUMN_MESSAGE, &r->message },
        { COLUMN_STACK, &r->stack }, { COLUMN_USER_IMPACT, &r->user_impact },
        { COLUMN_BUSINESS_IMPACT, &r->business_impact }, { COLUMN_NOTES, &r->notes },
        { COLUMN_RESOLVED_BY, &r->resolved_by },
    };
    v += ERRDB_LEAD - COLUMN_TIMESTAMP;
    r->nulls = 0;
    for (int c = COLUMN_TIMESTAMP; c < N_COLUMNS; c++)
        r->nulls |= v[c].p ? 0 : 1u << c;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i].to = keep(r, texts[i].column, &v[texts[i].column]);
    if (v[COLUMN_TIMESTAMP].p &&
        !errdb_decode_time(v[COLUMN_TIMESTAMP].p, v[COLUMN_TIMESTAMP].n, &r->local_ms))
        r->local_ms = TIME_NONE;
    if (v[COLUMN_RESOLVED_AT].p &&
        !errdb_decode_time(v[COLUMN_RESOLVED_AT].p, v[COLUMN_RESOLVED_AT].n, &r->resolved_local_ms))
        r->resolved_local_ms = TIME_NONE;
}

enum err_code errdb_decode_row(const struct errdb_value v[ERRDB_VALUES], bool is_zoned,
                               struct error_row **out, struct err *e)
{
    int64_t id, stamp = 0, stack_bytes = 0;
    if (!v[0].p || !text_to_int(v[0].p, v[0].n, INT64_MIN, INT64_MAX, &id))
        return err_set(e, ERR_PARSE, 0, "a row without a number in id");
    if (v[1].p && !text_to_int(v[1].p, v[1].n, 0, INT64_MAX, &stamp))
        return err_set(e, ERR_PARSE, 0, "row %lld: its xmin is no number", (long long)id);
    if (v[2].p && !text_to_int(v[2].p, v[2].n, 0, INT64_MAX, &stack_bytes))
        return err_set(e, ERR_PARSE, 0, "row %lld: no length of the stack trace", (long long)id);
    struct error_row *r = error_row_new();
    r->id = id;
    r->stamp = (uint64_t)stamp;
    r->stack_bytes = stack_bytes;
    r->is_zoned = is_zoned;
    r->hash = hash_values(v);
    fill(r, v);
    *out = r;
    return ERR_OK;
}
