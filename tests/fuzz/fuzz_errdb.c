/* Rows of an error table: values apart by byte 0x1e, a value of 0x00 alone is NULL; then the feed, twice,
 * and every form in which a row is printed. */
#include <assert.h>
#include <string.h>

#include "core/base/json.h"
#include "core/report/errors.h"
#include "core/sources/errdb_decode.h"
#include "core/sources/errfeed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int n_events;

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before)
{
    (void)ctx;
    (void)before;
    struct buf out = BUF_INIT(1024 * 1024);
    struct json_span doc;
    n_events++;
    errors_json_row(&out, ev == FEED_NEW ? "new" : "update", row, 3600000);
    assert(json_check(buf_str(&out), out.len, &doc, NULL) == ERR_OK);
    buf_clear(&out);
    errors_table_row(&out, "new", row, -3600000, true);
    assert(strcspn(buf_str(&out), "\n") + 1 == out.len); /* one line */
    buf_release(&out);
}

static size_t one_row(const char *p, size_t n, struct error_row **row)
{
    struct errdb_value v[ERRDB_VALUES] = { 0 };
    size_t used = 0;
    for (int i = 0; i < ERRDB_VALUES && used < n; i++) {
        const char *end = memchr(p + used, 0x1e, n - used);
        size_t len = end ? (size_t)(end - p) - used : n - used;
        if (!(len == 1 && p[used] == '\0'))
            v[i] = (struct errdb_value){ p + used, len };
        used += len + (end != NULL);
    }
    *row = NULL;
    if (errdb_decode_row(v, false, row, NULL))
        *row = NULL;
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct triage_rules *rules;
    if (!rules && triage_rules_new(NULL, 0, &rules, NULL))
        return 0;
    struct errfeed *f = errfeed_new(rules, &(struct feed_hooks){ .on_event = on_event });
    for (int pass = 0; pass < 2; pass++) {
        int before = n_events;
        size_t n_rows = 0;
        for (size_t used = 0; used < n && n_rows < 1; n_rows++) {
            struct error_row *row;
            used += one_row((const char *)data + used, n - used, &row);
            if (row)
                errfeed_put(f, row);
        }
        assert(pass == 0 || n_events == before); /* the same row again is no news */
    }
    for (size_t used = 0; used < n;) { /* all of them, in any order, with ids twice */
        struct error_row *row;
        used += one_row((const char *)data + used, n - used, &row);
        if (row)
            errfeed_put(f, row);
    }
    errfeed_forget_above(f, 1000);
    errfeed_forget(f);
    assert(errfeed_totals(f).n == 0);
    errfeed_free(f);
    return 0;
}
