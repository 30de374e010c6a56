/* The checker, the readers and the stream: what is accepted must read, and cutting changes nothing. */
#include <assert.h>
#include <string.h>

#include "core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk(struct json_span v, struct arena *a, int depth)
{
    int64_t number;
    (void)json_str(v, a, 64);
    (void)json_int(v, &number);
    for (struct json_iter it = json_each(v); depth < 50 && json_next(&it);)
        walk(it.value, a, depth + 1);
}

static enum err_code count(void *ctx, struct json_span item, struct err *e)
{
    size_t *sum = ctx;
    (void)e;
    *sum = *sum * 31 + item.n;
    return ERR_OK;
}

static enum err_code stream(enum json_stream_kind kind, const char *p, size_t n, size_t step, size_t *sum)
{
    struct json_stream *s = json_stream_new(kind, 4096, count, sum);
    struct json_span env;
    enum err_code err = ERR_OK;
    *sum = 7;
    for (size_t i = 0; i < n && !err; i += step)
        err = json_stream_feed(s, p + i, n - i < step ? n - i : step, NULL);
    if (!err)
        err = json_stream_end(s, &env, NULL);
    json_stream_free(s);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data;
    struct json_span doc;
    struct arena a = { 0 };
    if (json_check(p, n, &doc, NULL) == ERR_OK) {
        assert(doc.p >= p && doc.p + doc.n <= p + n);
        walk(doc, &a, 0);
    }
    arena_release(&a);
    for (int kind = 0; kind < 2; kind++) {
        size_t whole, cut;
        enum err_code one = stream((enum json_stream_kind)kind, p, n, n + 1, &whole);
        enum err_code two = stream((enum json_stream_kind)kind, p, n, 3, &cut);
        assert(one == two && (one || whole == cut));
    }
    return 0;
}
