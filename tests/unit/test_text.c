/* Objects as texts, and how long ones end. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "core/base/text.h"
#include "core/sources/kube_text.h"
#include "tui/canvas.h"

static void fill(struct lines *l, int from, int n)
{
    for (int i = 0; i < n; i++)
        lines_add(l, "line %d", from + i);
}

static const char *last(const struct lines *l)
{
    return l->items[l->n - 1];
}

static void a_difference(void **state)
{
    struct lines a = { 0 }, b = { 0 }, out = { 0 };
    (void)state;
    fill(&a, 0, 3);
    fill(&b, 1, 3);
    kube_text_diff(&out, &a, &b);
    assert_int_equal(out.n, 4);
    assert_string_equal(out.items[0], "- line 0");
    assert_string_equal(out.items[1], "  line 1");
    assert_string_equal(out.items[3], "+ line 3");
    lines_release(&a);
    lines_release(&b);
    lines_release(&out);
}

/* What is not compared is said, on either side. */
static void a_long_difference_says_so(void **state)
{
    static const int rows[][2] = { { 3001, 3000 }, { 3000, 3001 }, { 4900, 4900 } };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct lines a = { 0 }, b = { 0 }, out = { 0 };
        fill(&a, 0, rows[i][0]);
        fill(&b, 0, rows[i][1]);
        kube_text_diff(&out, &a, &b);
        assert_string_equal(last(&out), "! longer than 3000 lines: the rest was not compared");
        lines_release(&a);
        lines_release(&b);
        lines_release(&out);
    }
    struct lines a = { 0 }, out = { 0 };
    fill(&a, 0, 3000);
    kube_text_diff(&out, &a, &a);
    assert_string_equal(last(&out), "  line 2999");
    lines_release(&a);
    lines_release(&out);
}

/* All of an event that a person asks for, of the old API and of the new one; nothing where nothing is. */
static void an_event_described(void **state)
{
    static const char *const old_one =
        "{\"kind\":\"Event\",\"metadata\":{\"name\":\"web.1\"},\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"shop\","
        "\"name\":\"web-1\",\"fieldPath\":\"spec.containers{app}\"},\"reason\":\"BackOff\",\"message\":\"Back-off\\nrestarting\","
        "\"type\":\"Warning\",\"count\":7,\"firstTimestamp\":\"1970-01-01T00:00:00Z\",\"lastTimestamp\":\"1970-01-01T00:01:00Z\","
        "\"source\":{\"component\":\"kubelet\",\"host\":\"node-1\"}}";
    static const char *const new_one =
        "{\"kind\":\"Event\",\"metadata\":{\"name\":\"n.1\"},\"involvedObject\":{\"kind\":\"Node\",\"namespace\":\"\",\"name\":\"n\"},"
        "\"reason\":\"Ready\",\"message\":\"is ready\",\"type\":\"Normal\",\"firstTimestamp\":null,\"eventTime\":\"1970-01-01T00:00:00.5Z\","
        "\"series\":{\"count\":3,\"lastObservedTime\":\"1970-01-01T00:01:30Z\"},\"source\":{\"component\":\"\"},"
        "\"reportingComponent\":\"scheduler\"}";
    static const char *const want[][12] = {
        { "Type:              Warning", "Reason:            BackOff", "Object:            Pod shop/web-1",
          "Part:              spec.containers{app}", "Count:             7", "First seen:        1970-01-01T00:00:00Z (2m00s ago)",
          "Last seen:         1970-01-01T00:01:00Z (60s ago)", "Source:            kubelet", "On:                node-1",
          "Message:           Back-off", "                   restarting", "Event:             web.1" },
        { "Type:              Normal", "Reason:            Ready", "Object:            Node n", "Count:             3",
          "First seen:        1970-01-01T00:00:00.5Z (119s ago)", "Last seen:         1970-01-01T00:01:30Z (30s ago)",
          "Source:            scheduler", "Message:           is ready", "Event:             n.1" } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *s = i ? new_one : old_one;
        struct lines out = { 0 };
        kube_text_describe(&out, (struct json_span){ s, strlen(s) }, 120000);
        for (size_t k = 0; k < 12 && want[i][k]; k++) {
            assert_true(k < out.n);
            assert_string_equal(out.items[k], want[i][k]);
        }
        assert_int_equal(out.n, i ? 9 : 12);
        lines_release(&out);
    }
}

/* Where the terminal has ASCII alone, nothing else is written: not as a mark on a letter either. */
static void ascii_is_ascii(void **state)
{
    static const char *const texts[] = { "e\u0301\u0302x", "\u4e2d\u6587", "\U0001F600", "\u00e9", "\033[31m", "\xff", "\u2500\u2713\u25b8",
                                         "\u202Ex", "\xc2\x9b" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct canvas c = canvas_new(1, 40);
        c.ascii = true;
        assert_true(canvas_text(&c, 0, 0, -1, ROLE_TEXT, texts[i]) > 0);
        canvas_rule(&c, 0, 20, 5, ROLE_TEXT);
        canvas_bar(&c, 39, ROLE_TEXT);
        for (int col = 0; col < 40; col++) {
            for (const char *p = c.grid[col].bytes; *p; p++) {
                if (*p < 0x20 || *p > 0x7E)
                    fail_msg("row %zu, column %d: %s", i, col, c.grid[col].bytes);
            }
        }
        canvas_free(&c);
    }
}

/* A wide character that does not fit whole is a blank; what stands after it is not moved. */
static void wide_in_the_last_column(void **state)
{
    (void)state;
    for (int cols = 1; cols < 8; cols++) {
        struct canvas c = canvas_new(2, cols);
        int used = canvas_text(&c, 0, 0, -1, ROLE_TEXT, "a\u4e2d\u4e2d\U0001F468\u200D\U0001F469\U0001F1E9\U0001F1EA");
        assert_in_range(used, 0, cols);
        int width = 0;
        for (int col = 0; col < cols; col++)
            width += c.grid[col].bytes[0] ? (int)text_width(c.grid[col].bytes) : 0;
        assert_true(width <= cols);
        assert_string_equal(c.grid[cols].bytes, " "); /* the next row */
        canvas_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference), cmocka_unit_test(an_event_described), cmocka_unit_test(a_long_difference_says_so),
        cmocka_unit_test(ascii_is_ascii), cmocka_unit_test(wide_in_the_last_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
