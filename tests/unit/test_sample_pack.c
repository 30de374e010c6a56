/* Batches of samples: every bit comes back, and bytes from anywhere are read or refused. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "core/store/sample_pack.h"

static const struct series orders = {
    .id = 7, .kind = SAMPLE_PROBE, .subject = "deployment.apps/shop/orders", .name = "/healthz", .source = "probe"
};
static const struct series cart = {
    .id = 99999, .kind = SAMPLE_P95, .subject = "deployment.apps/shop/cart", .name = "", .source = "prometheus"
};

static const double values[] = {
    0,
    -0.0,
    1,
    -1,
    200,
    0.001,
    12.345,
    16384.001,
    0.1,
    1.0 / 3,
    1e15,
    1e14 + 1,
    -1e300,
    1e300,
    5e-324,
    1764000000123,
    0.3,
    0.1 + 0.2,
    4503599627370496.5,
    -12.345,
    INFINITY,
    -INFINITY,
    NAN,
    -NAN,
    9007199254740993.0,
    999999999999.9999,
    2.5,
};

static bool is_same(const struct sample *a, const struct sample *b)
{
    return a->at_ms == b->at_ms && a->span_ms == b->span_ms && a->code == b->code && a->n == b->n &&
           !memcmp(a->v, b->v, a->n * sizeof *a->v) && !strcmp(a->text, b->text);
}

static void put_and_get(const struct sample *in, size_t n)
{
    struct sample_batch b = { .out = BUF_INIT(1024 * 1024) };
    struct sample_reader r;
    struct sample out;
    uint32_t id = 0;
    for (size_t i = 0; i < n; i++)
        assert_true(sample_batch_put(&b, &in[i]));
    assert_int_equal(b.n, n);
    assert_int_equal(b.from_ms, in[0].at_ms);
    assert_int_equal(b.to_ms, in[n - 1].at_ms);
    sample_reader_init(&r, buf_str(&b.out), b.out.len);
    for (size_t i = 0; i < n; i++) {
        assert_true(sample_reader_next(&r, &out, &id));
        assert_int_equal(id, in[i].series->id);
        assert_true(is_same(&in[i], &out));
    }
    assert_false(sample_reader_next(&r, &out, &id));
    assert_false(r.in.is_bad);
    buf_release(&b.out);
}

static void every_bit(void **state)
{
    struct sample s[4];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        for (size_t j = 0; j < ARRAY_LEN(s); j++) {
            s[j] = (struct sample){ .series = j & 1 ? &cart : &orders,
                                    .at_ms = 1764000000000 + (int64_t)(i * j),
                                    .n = j * 2,
                                    .span_ms = j == 2 ? 15000 : 0,
                                    .code = j == 3 ? INT32_MIN : (int32_t)j,
                                    .text = "" };
            for (size_t k = 0; k < s[j].n; k++)
                s[j].v[k] = values[(i + k) % ARRAY_LEN(values)];
        }
        s[3].text = "connect: refused \x1b[31m\xff";
        put_and_get(s, ARRAY_LEN(s));
    }
}

static void any_double(void **state)
{
    uint64_t x = 88172645463325252u;
    struct sample s = { .series = &orders, .at_ms = 1, .n = SAMPLE_VALUES, .text = "" };
    (void)state;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < s.n; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            memcpy(&s.v[i], &x, sizeof x);
            if (round & 1) /* what is measured: microseconds as milliseconds */
                s.v[i] = (double)(x % 100000000) / 1000;
        }
        put_and_get(&s, 1);
    }
}

static void backwards_and_forwards(void **state)
{
    struct sample s[3] = { { .series = &cart, .at_ms = 5, .text = "" },
                           { .series = &orders, .at_ms = -7, .text = "x" },
                           { .series = &orders, .at_ms = 1764000000000, .text = "", .span_ms = -1 } };
    (void)state;
    put_and_get(s, 3);
}

static void full_is_as_it_was(void **state)
{
    struct sample_batch b = { .out = BUF_INIT(2000) };
    struct sample s = { .series = &orders, .at_ms = 1, .n = SAMPLE_VALUES, .text = "a text" };
    size_t n = 0, len;
    (void)state;
    for (size_t i = 0; i < SAMPLE_VALUES; i++)
        s.v[i] = 1.0 / 3;
    while (sample_batch_put(&b, &s))
        n++;
    len = b.out.len;
    assert_true(n >= 3 && n == b.n && !b.out.over);
    assert_false(sample_batch_put(&b, &s));
    assert_int_equal(b.out.len, len);
    buf_release(&b.out);
}

static void long_text_is_cut(void **state)
{
    char text[2 * SAMPLE_TEXT];
    struct sample_batch b = { .out = BUF_INIT(4096) };
    struct sample_reader r;
    struct sample out, s = { .series = &orders, .at_ms = 1, .text = text };
    uint32_t id;
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_true(sample_batch_put(&b, &s));
    sample_reader_init(&r, buf_str(&b.out), b.out.len);
    assert_true(sample_reader_next(&r, &out, &id));
    assert_int_equal(strlen(out.text), SAMPLE_TEXT);
    buf_release(&b.out);
}

static void wrong_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } wrong[] = {
        { "\x01", 1 },                                          /* cut */
        { "\x01\x01\x00", 3 },                                  /* series 0 */
        { "\x04\x01\x00", 3 },                                  /* series -2 */
        { "\x0f\x01\x88\x02\x00", 5 },                          /* 33 values */
        { "\x0f\x01\x08\xff", 4 },                              /* a value that does not end */
        { "\x0f\x01\x01\x7f\x61", 5 },                          /* a text longer than what is left */
        { "\x0f\x01\x08\x07", 4 },                              /* no kind of value */
        { "\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11 }, /* more than 64 bits */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 21 },
    };
    struct sample_reader r;
    struct sample out;
    uint32_t id;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *exact = malloc(wrong[i].n);
        memcpy(exact, wrong[i].bytes, wrong[i].n);
        sample_reader_init(&r, exact, wrong[i].n);
        if (sample_reader_next(&r, &out, &id) || !r.in.is_bad)
            fail_msg("%zu is taken", i);
        free(exact);
    }
}

static void squeezed(void **state)
{
    struct buf in = BUF_INIT(100000), out = BUF_INIT(200000), back = BUF_INIT(100000);
    struct err e = { 0 };
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        buf_clear(&in);
        buf_clear(&out);
        for (size_t i = 0; i < n * 20000; i++)
            buf_addc(&in, n == 1 ? 'a' : (char)((i * i * 2654435761u) >> 13));
        pack_squeeze(&out, buf_str(&in), in.len);
        assert_int_equal(pack_expand(&back, buf_str(&out), out.len, &e), ERR_OK);
        assert_int_equal(back.len, in.len);
        assert_memory_equal(buf_str(&back), buf_str(&in), in.len);
        for (size_t cut = 0; cut < out.len && cut < 200; cut++)
            assert_int_not_equal(pack_expand(&back, buf_str(&out), cut, &e), ERR_OK);
    }
    struct buf small = BUF_INIT(10); /* whoever asks says how much it may be */
    assert_int_equal(pack_expand(&small, buf_str(&out), out.len, &e), ERR_LIMIT);
    assert_int_equal(pack_expand(&back, "\x01\xff\xff\xff\xff\x0fxxxx", 10, &e), ERR_LIMIT);
    assert_int_equal(pack_expand(&back, "\x01\xff\x7fxxxx", 7, &e), ERR_PARSE);
    assert_int_equal(pack_expand(&back, "\x02\x01x", 3, &e), ERR_PARSE);
    buf_release(&in);
    buf_release(&out);
    buf_release(&back);
    buf_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit),
        cmocka_unit_test(any_double),
        cmocka_unit_test(backwards_and_forwards),
        cmocka_unit_test(full_is_as_it_was),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(wrong_bytes),
        cmocka_unit_test(squeezed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
