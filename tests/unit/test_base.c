/* Bytes, text, JSON, time and the log: the bad inputs that everything else relies on. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"

static void cleans_to(const char *in, size_t n, const char *want)
{
    struct buf b = BUF_INIT(65536);
    text_clean(&b, in, n);
    if (strcmp(buf_str(&b), want) != 0)
        fail_msg("got \"%s\", wanted \"%s\"", buf_str(&b), want);
    buf_release(&b);
}
#define CLEANS(in, want) cleans_to(in, sizeof(in) - 1, want)

/* What is too long loses its middle: the reason at the end of a failure is read all the same. */
static void a_long_failure_keeps_its_end(void **state)
{
    char path[4000], out[32];
    struct err e = { 0 };
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    err_set(&e, ERR_IO, 13, "/%s: %s", path, "Permission denied");
    assert_true(strncmp(e.text, "/pppp", 5) == 0);
    assert_non_null(strstr(e.text, "ppp...ppp"));
    assert_non_null(strstr(e.text, "p: Permission denied"));
    err_set(&e, ERR_IO, 13, "Permission denied");
    err_at(&e, "/%s", path);
    assert_non_null(strstr(e.text, "p: Permission denied"));
    assert_string_equal(text_shorten(out, 20, "short enough, is it"), "short enough, is it");
    assert_string_equal(text_shorten(out, 20, "this is longer than that"), "this ...r than that");
    assert_string_equal(text_shorten(out, 32, "cannot open /var/lib/abcdefghijkl: denied"), "cannot open /var...ijkl: denied");
    assert_string_equal(text_shorten(out, 20, "aaaa\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"),
                        "aaaa\u00e9\u00e9...\u00e9\u00e9\u00e9\u00e9");
}

static void text_shows_what_hides(void **state)
{
    (void)state;
    CLEANS("plain", "plain");
    CLEANS("\033[31mred", "\u241b[31mred");
    CLEANS("a\r\n\t\x7f", "a\u240d\u23ce\u2409\u2421");
    CLEANS("\xc2\x9b" "31m", "\\x9b31m");            /* C1 as a code point */
    CLEANS("\x9b" "31m", "\uFFFD" "31m");       /* and as a raw byte */
    CLEANS("\u202Eabc\u2066x\u200E\u061C", "\u00B7abc\u00B7x\u00B7\u00B7");
    CLEANS("a\u200B\u200D\uFEFF\uFE0F\U000E0041", "a\u00B7\u00B7\u00B7\u00B7\u00B7");
    CLEANS("e\u0301\u0302\u0303\u0304", "e\u0301\u0302"); /* two marks stay */
    CLEANS("\u0301x", "\u00B7x");
    CLEANS("a\b\v\fz", "a\u2408\u240b\u240cz");
    char marks[1 + 2 * 1000 + 1] = "e"; /* a thousand marks on one letter: two are kept */
    for (int i = 0; i < 1000; i++)
        memcpy(marks + 1 + 2 * i, "\u0301", 2);
    cleans_to(marks, sizeof marks - 1, "e\u0301\u0301");
    CLEANS("\xC0\xAF", "\uFFFD\uFFFD");         /* overlong */
    CLEANS("\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"); /* surrogate */
    CLEANS("\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD");
    CLEANS("\xE4\xB8", "\uFFFD\uFFFD");         /* cut */
    CLEANS("\u4e2d\uE000", "\u4e2d\u00B7");     /* wide stays; private use does not */
    assert_int_equal(text_width("\u4e2d\u6587"), 4);
    assert_int_equal(text_width("\xc2\x9b"), 4);
}

static void text_cut_anywhere_is_safe(void **state)
{
    (void)state;
    const char *s = "a\u00e9\u4e2d\U0001F600e\u0301\033]0;x\a\u202E";
    size_t n = strlen(s);
    for (size_t from = 0; from <= n; from++) {
        for (size_t len = 0; from + len <= n; len++) {
            char *copy = malloc(len + 1), out[256];
            memcpy(copy, s + from, len);
            text_clean_to(out, sizeof out, copy, len); /* the sanitizer watches the end of copy */
            for (const char *p = out; *p; p++)
                assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
            free(copy);
        }
    }
    char small[4];
    text_clean_to(small, sizeof small, "\u4e2d\u4e2d", 6);
    assert_string_equal(small, "\u4e2d");
}

static void text_parsers(void **state)
{
    (void)state;
    int64_t v;
    assert_true(text_to_int("9223372036854775807", 19, INT64_MIN, INT64_MAX, &v));
    assert_true(text_to_int("-9223372036854775808", 20, INT64_MIN, INT64_MAX, &v));
    assert_false(text_to_int("9223372036854775808", 19, INT64_MIN, INT64_MAX, &v));
    assert_false(text_to_int("1 ", 2, 0, 9, &v));
    assert_false(text_to_int("", 0, 0, 9, &v));
    assert_true(text_to_span_ms("1h30m", &v) && v == 5400000);
    assert_true(text_to_span_ms("5", &v) && v == 5000);
    assert_true(text_to_span_ms("500ms", &v) && v == 500);
    assert_false(text_to_span_ms("5x", &v));
    assert_true(text_is_dns1123_label("a-1"));
    assert_false(text_is_dns1123_label("-a"));
    assert_true(text_is_dns1123_subdomain("a.b-c.d"));
    assert_false(text_is_dns1123_subdomain("a..b"));
    assert_false(text_is_dns1123_subdomain("a-.b"));
    assert_string_equal(text_nearest("stats", (const char *const[]){ "help", "status" }, 2), "status");
    assert_null(text_nearest("xyz", (const char *const[]){ "help", "status" }, 2));
}

static void times(void **state)
{
    (void)state;
    int64_t ms;
    char out[CLOCK_TEXT];
    const char *good = "2026-02-28T23:59:59.123456+01:30";
    assert_true(clock_parse_rfc3339(good, strlen(good), &ms));
    assert_string_equal(clock_format_rfc3339(ms, out), "2026-02-28T22:29:59Z");
    assert_int_equal(ms % 1000, 123);
    for (size_t n = 0; n < strlen(good); n++) { /* a time without its zone is none, and nothing is read past the end */
        char *copy = malloc(n + 1);
        int64_t kept = ms;
        memcpy(copy, good, n);
        if (clock_parse_rfc3339(copy, n, &ms) || ms != kept)
            fail_msg("%.*s is taken for a time", (int)n, good);
        free(copy);
    }
    assert_false(clock_parse_rfc3339("2026-13-01T00:00:00Z", 20, &ms));
    assert_true(clock_parse_rfc3339("2026-01-01t00:00:00.5-00:30", 27, &ms));
    assert_string_equal(clock_format_rfc3339(ms, out), "2026-01-01T00:30:00Z");
    assert_string_equal(clock_format_age(119000, out), "119s");
    assert_string_equal(clock_format_age(260000, out), "4m20s");
    assert_string_equal(clock_format_age(3 * 3600000 + 300000, out), "3h05m");
    assert_string_equal(clock_format_age(TIME_NONE, out), "-");
    assert_string_equal(clock_format_rfc3339(-1, out), "1969-12-31T23:59:59Z");
}

static enum err_code check(const char *s)
{
    struct json_span v;
    return json_check(s, strlen(s), &v, NULL);
}

static void json_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "[1,]", "{\"a\":1,}", "01", "+1", "1.", "1e", "nul", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\udc00x\"", "\"\x01\"", "\"\xff\"", "{\"a\":1,\"a\":2}", "{} x", "\xEF\xBB\xBF{}", "\"\\x\"",
        "\"abc", "{a:1}", "[1 2]", "{\"a\" 1}", "\"\\u12\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (check(bad[i]) == ERR_OK)
            fail_msg("accepted: %s", bad[i]);
    }
    static const char *const good[] = { "{}", " [ ] ", "1e400", "-0.5E-3", "\"\\ud83d\\ude00\"",
                                        "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
                                        "{\"metadata\":1,\"Metadata\":2}" };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (check(good[i]) != ERR_OK)
            fail_msg("refused: %s", good[i]);
    }
    struct buf deep = BUF_INIT(10000), many = BUF_INIT(100000);
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&deep, '[');
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&deep, ']');
    assert_int_equal(check(buf_str(&deep)), ERR_OK);
    buf_clear(&deep);
    for (int i = 0; i <= JSON_DEPTH; i++)
        buf_addc(&deep, '[');
    assert_int_equal(check(buf_str(&deep)), ERR_LIMIT);
    for (int i = 0; i < 500; i++)
        buf_addf(&many, "%s\"k%d\":%d", i ? "," : "{", i, i);
    buf_adds(&many, ",\"k7\":0}");
    assert_int_equal(check(buf_str(&many)), ERR_PARSE); /* a twin among many */
    buf_release(&deep);
    buf_release(&many);
}

static void json_reads(void **state)
{
    (void)state;
    const char *s = "{ \"Metadata\":{\"name\":\"wrong\"}, \"metadata\" : {\"name\":\"a\\u00e9\\n\\ud83d\\ude00\"},"
                    "\"n\":9223372036854775807,\"big\":1234567890123460,\"e\":1e3,\"t\":true,\"l\":[1,\"x\",{}]}";
    struct json_span doc, v;
    struct arena a = { 0 };
    int64_t n;
    assert_int_equal(json_check(s, strlen(s), &doc, NULL), ERR_OK);
    assert_string_equal(json_str(json_path(doc, "metadata.name"), &a, 100), "a\u00e9\n\U0001F600");
    assert_string_equal(json_str(json_path(doc, "metadata.name"), &a, 6), "a\u00e9\n"); /* cut whole */
    assert_true(json_int(json_get(doc, "n"), &n) && n == INT64_MAX);
    assert_false(json_int(json_get(doc, "e"), &n));
    v = json_get(doc, "big"); /* the bytes are what they were */
    assert_int_equal(v.n, 16);
    assert_memory_equal(v.p, "1234567890123460", 16);
    assert_true(json_is_true(json_get(doc, "t")));
    assert_null(json_get(doc, "none").p);
    int count = 0;
    for (struct json_iter it = json_each(json_get(doc, "l")); json_next(&it);)
        count++;
    assert_int_equal(count, 3);
    arena_release(&a);
}

/* What is printed as JSON is safe on a terminal, and is what it was when it is read again. */
static void json_quotes(void **state)
{
    static const char *const rows[][2] = {
        { "a\"\\\n/", "\"a\\\"\\\\\\n/\"" }, { "\033[31m\x7f", "\"\\u001b[31m\\u007f\"" }, { "\xc2\x9b" "1m", "\"\\u009b1m\"" },
        { "\u202Ex\u2066\u200b\ufeff", "\"\\u202ex\\u2066\\u200b\\ufeff\"" }, { "\U000E0041", "\"\\udb40\\udc41\"" },
        { "\u00e9\u4e2d\U0001F600", "\"\u00e9\u4e2d\U0001F600\"" }, { "\xff" "a", "\"\uFFFD" "a\"" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(1000);
        struct json_span v;
        struct arena a = { 0 };
        json_quote(&b, rows[i][0]);
        if (strcmp(buf_str(&b), rows[i][1]) != 0)
            fail_msg("row %zu: %s", i, buf_str(&b));
        assert_int_equal(json_check(buf_str(&b), b.len, &v, NULL), ERR_OK);
        if (rows[i][0][0] != '\xff')
            assert_string_equal(json_str(v, &a, 100), rows[i][0]);
        arena_release(&a);
        buf_release(&b);
    }
}

static enum err_code collect(void *ctx, struct json_span item, struct err *e)
{
    struct buf *b = ctx;
    (void)e;
    buf_add(b, item.p, item.n);
    buf_addc(b, ';');
    return ERR_OK;
}

static void stream_cut_at_every_byte(void **state)
{
    (void)state;
    const char *list = "{\"kind\":\"items\",\"metadata\":{\"continue\":\"c]}\",\"items\":[9]},\n\"items\": [ {\"a\":\"]}\\\"\"} , "
                       "{\"b\":[{}]},{}],\"tail\":{\"items\":[1]}}";
    const char *lines = "{\"type\":\"ADDED\",\"object\":{}}\n\n {\"x\":1}{\"y\":\"}\"}\r\n";
    for (int kind = 0; kind < 2; kind++) {
        const char *s = kind ? lines : list;
        size_t n = strlen(s);
        for (size_t cut = 0; cut <= n; cut++) {
            struct buf got = BUF_INIT(10000);
            struct json_span env = { 0 };
            struct json_stream *js = json_stream_new(kind ? JSON_STREAM_VALUES : JSON_STREAM_ITEMS,
                                                     1000, collect, &got);
            assert_int_equal(json_stream_feed(js, s, cut, NULL), ERR_OK);
            assert_int_equal(json_stream_feed(js, s + cut, n - cut, NULL), ERR_OK);
            assert_int_equal(json_stream_end(js, &env, NULL), ERR_OK);
            assert_string_equal(buf_str(&got), kind ? "{\"type\":\"ADDED\",\"object\":{}};{\"x\":1};{\"y\":\"}\"};"
                                                    : "{\"a\":\"]}\\\"\"};{\"b\":[{}]};{};");
            if (!kind)
                assert_true(json_str_is(json_path(env, "metadata.continue"), "c]}"));
            json_stream_free(js);
            buf_clear(&got);
            /* and what ends early is an error, never half an object */
            js = json_stream_new(kind ? JSON_STREAM_VALUES : JSON_STREAM_ITEMS, 1000, collect, &got);
            enum err_code rc = json_stream_feed(js, s, cut, NULL);
            if (!rc)
                rc = json_stream_end(js, &env, NULL);
            if (!kind && cut < n)
                assert_int_not_equal(rc, ERR_OK);
            json_stream_free(js);
            buf_release(&got);
        }
    }
    struct buf got = BUF_INIT(100);
    struct json_stream *js = json_stream_new(JSON_STREAM_VALUES, 10, collect, &got);
    assert_int_equal(json_stream_feed(js, "{\"aaaaaaaaaaaaaaaaaaaa\":1}", 26, NULL), ERR_LIMIT);
    json_stream_free(js);
    buf_release(&got);
}

static void log_masks_and_cleans(void **state)
{
    (void)state;
    char path[] = "/tmp/bakewatch-log-XXXXXX";
    struct log_entry en[4];
    close(mkstemp(path));
    assert_int_equal(log_open(path, NULL), ERR_OK);
    log_secret("s3cret-token");
    log_put(LOG_INFO, "test", "token s3cret-token and \033[31m again s3cret-token");
    assert_int_equal(log_read(en, 4, log_seq()), 1);
    assert_string_equal(en[0].text, "token *** and \u241b[31m again ***");
    for (int i = 0; i < 3 * LOG_LINES; i++)
        log_put(LOG_INFO, "test", "line %d", i);
    assert_int_equal(log_read(en, 4, log_seq()), 4);
    assert_string_equal(en[3].text, "line 2999");
    log_put(LOG_DEBUG, "test", "below the level");
    assert_int_equal(log_read(en, 1, log_seq()), 1);
    assert_string_equal(en[0].text, "line 2999");
    FILE *f = fopen(path, "r");
    char line[1024];
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "level=info src=test msg=\"token ***"));
    fclose(f);
    log_close();
    unlink(path);
}

static void buffers_keep_their_cap(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10);
    assert_true(buf_adds(&b, "0123456789"));
    assert_false(buf_addc(&b, 'x'));
    assert_true(b.over);
    assert_string_equal(buf_str(&b), "0123456789");
    buf_drop_front(&b, 8);
    assert_string_equal(buf_str(&b), "89");
    char *s = buf_take(&b);
    assert_string_equal(s, "89");
    free(s);
    assert_string_equal(buf_str(&b), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_shows_what_hides), cmocka_unit_test(a_long_failure_keeps_its_end), cmocka_unit_test(text_cut_anywhere_is_safe),
        cmocka_unit_test(text_parsers), cmocka_unit_test(times), cmocka_unit_test(json_refuses),
        cmocka_unit_test(json_reads), cmocka_unit_test(json_quotes), cmocka_unit_test(stream_cut_at_every_byte),
        cmocka_unit_test(log_masks_and_cleans), cmocka_unit_test(buffers_keep_their_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
