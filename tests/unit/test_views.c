/* Where the panels stand, which columns a list shows and is ordered by, and how far a text scrolls. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "tui/layout.h"
#include "tui/table.h"
#include "tui/textview.h"

enum { PANELS = 4, MANY = 500 };

static struct layout solve(int rows, int cols, const int wants[], size_t focus)
{
    return layout_solve((struct area){ 1, 0, rows - 2, cols }, wants, PANELS, focus, false, PRESET_AUTO);
}

/* Nothing overlaps, nothing is left over, and all that is there is as wide as the screen. */
static void one_column_fills_the_screen(void **state)
{
    static const int wants[] = { 7, 3, MANY, 16 };
    (void)state;
    for (int rows = 16; rows < 70; rows++) {
        for (size_t focus = 0; focus < PANELS; focus++) {
            struct layout l = solve(rows, 120, wants, focus);
            int at = 1;
            for (size_t i = 0; i < PANELS; i++) {
                assert_int_equal(l.areas[i].row, at);
                assert_int_equal(l.areas[i].cols, 120);
                assert_true(l.areas[i].rows >= 1);
                at += l.areas[i].rows;
            }
            assert_int_equal(at, rows - 1);
        }
    }
}

/* What one panel cannot fill is another's; the first keeps some rows whoever has the keys. */
static void rows_go_where_they_are_needed(void **state)
{
    static const int few[] = { 7, 3, MANY, 16 }, many[] = { MANY, MANY, MANY, MANY };
    (void)state;
    struct layout l = solve(40, 120, few, 0);
    assert_int_equal(l.areas[0].rows, 7);
    assert_int_equal(l.areas[1].rows, 3);
    assert_true(l.areas[2].rows >= 18);
    l = solve(24, 80, few, 0);
    assert_int_equal(l.areas[0].rows, 7);
    assert_true(l.areas[2].rows >= 10);
    l = solve(28, 94, (const int[]){ 8, MANY, MANY, 16 }, 0);
    assert_int_equal(l.areas[1].rows, 10);
    assert_true(l.areas[2].rows >= 5);
    l = solve(24, 80, many, 2);
    assert_true(l.areas[0].rows >= 5);
    assert_true(l.areas[2].rows >= 11);
    l = solve(40, 120, many, 0);
    assert_true(l.areas[0].rows >= 17);
    for (size_t i = 1; i < PANELS; i++)
        assert_true(l.areas[i].rows >= 5);
}

/* 200x60: the lists left, the detail and the last panel right. */
static void the_largest_has_a_detail(void **state)
{
    static const int wants[] = { 7, 3, MANY, 16 };
    (void)state;
    struct layout l = solve(60, 200, wants, 0);
    assert_true(l.areas[0].cols >= 110 && l.areas[2].cols == l.areas[0].cols);
    assert_true(l.detail.cols >= 80 && l.areas[3].cols == l.detail.cols);
    assert_int_equal(l.detail.rows + l.areas[3].rows, 58);
}

/* ---- tables ---- */

struct row {
    const char *name, *note, *extra, *text, *empty;
};
#define ROW ((const struct row *)row)
#define CELL(fn, member)                                                                           \
    static enum role fn(const void *row, const struct frame *f, struct buf *out)                   \
    {                                                                                              \
        (void)f;                                                                                   \
        buf_adds(out, ROW->member);                                                                \
        return ROLE_TEXT;                                                                          \
    }
CELL(cell_name, name)
CELL(cell_note, note)
CELL(cell_extra, extra)
CELL(cell_text, text)
CELL(cell_empty, empty)

static const struct row rows[] = {
    { "b", "x", "1", "a text that is longer than the rest", "" }, { "a", "y", "2", "short", "" }, { "c", "z", "3", "", "" }
};

static const char *id_of(const void *row)
{
    return ROW->name;
}

static size_t count(const void *ctx)
{
    (void)ctx;
    return ARRAY_LEN(rows);
}

static const void *row_at(const void *ctx, size_t i)
{
    (void)ctx;
    return &rows[i];
}

static const struct column columns[] = {
    { "NAME", 16, 20, 0, false, cell_name, NULL, NULL },
    { "NOTE", 4, 10, 3, false, cell_note, NULL, NULL },
    { "EX", 2, 8, RANK_EXTRA, false, cell_extra, NULL, NULL },
    { "EMPTY", 5, 8, RANK_EXTRA, false, cell_empty, NULL, NULL },
    { "TEXT", 10, 0, 1, false, cell_text, NULL, NULL },
};
static const struct table_ops ops = { columns, ARRAY_LEN(columns), count, row_at, id_of, NULL, NULL, NULL, NULL };

static void settle(struct table *t, int height, int cols)
{
    struct prefs prefs = { 0 };
    struct frame f = { .prefs = &prefs };
    t->is_dirty = true;
    table_settle(t, &ops, rows, &f, 1, height, cols);
}

/* A column takes what its cells need; an extra one comes when the others have all of theirs. */
static void widths_follow_the_cells(void **state)
{
    struct table t = { 0 };
    (void)state;
    settle(&t, 10, 80);
    assert_int_equal(t.widths[0], 4);
    assert_int_equal(t.widths[1], 4);
    assert_int_equal(t.widths[2], 2);
    assert_int_equal(t.widths[3], 0);
    assert_int_equal(t.widths[4], 35);
    settle(&t, 10, 46);
    assert_int_equal(t.widths[2], 0);
    assert_int_equal(t.widths[4], 35);
    settle(&t, 10, 20);
    assert_int_equal(t.widths[1], 4);
    settle(&t, 10, 19); /* not even where it would fit: what matters more is not there */
    assert_int_equal(t.widths[1] + t.widths[2], 0);
    settle(&t, 10, 16);
    assert_int_equal(t.widths[1], 0);
    assert_int_equal(t.widths[4], 11);
    settle(&t, 10, 3);
    assert_int_equal(t.widths[0], 3);
    table_release(&t);
}

/* The keys step through what is seen; an order by anything else says so. */
static void order_by_what_is_seen(void **state)
{
    static const int seen[] = { 1, 5, 0, 1 };
    struct table t = { 0 };
    struct buf b = BUF_INIT(256);
    (void)state;
    settle(&t, 10, 16);
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_true(table_nav(&t, &ops, rows, NAV_SORT_NEXT, NULL));
        assert_int_equal(t.sort, seen[i]);
    }
    assert_true(table_nav(&t, &ops, rows, NAV_SORT_PREV, NULL));
    assert_int_equal(t.sort, 0);
    assert_true(table_nav(&t, &ops, rows, NAV_SORT_PREV, NULL));
    assert_int_equal(t.sort, 5);
    assert_true(table_nav(&t, &ops, rows, NAV_SORT, "ex"));
    settle(&t, 10, 16);
    table_describe(&t, &ops, &b);
    assert_string_equal(buf_str(&b), " by EX (not shown)");
    buf_clear(&b);
    settle(&t, 10, 80);
    table_describe(&t, &ops, &b);
    assert_string_equal(buf_str(&b), " by EX");
    buf_clear(&b);
    settle(&t, 3, 80);
    table_describe(&t, &ops, &b);
    assert_string_equal(buf_str(&b), " by EX, rows 1-2 of 3");
    buf_release(&b);
    table_release(&t);
}

/* What comes before the selected row is not scrolled away while there is room for both. */
static void the_first_row_stays_in_view(void **state)
{
    struct table t = { 0 };
    (void)state;
    settle(&t, 3, 80);
    assert_string_equal(t.id, "b");
    assert_true(table_nav(&t, &ops, rows, NAV_SORT, "name")); /* "a" comes before it */
    settle(&t, 3, 80);
    assert_string_equal(t.id, "b");
    assert_int_equal(t.at, 1);
    assert_int_equal(t.top, 0);
    settle(&t, 2, 80);
    assert_int_equal(t.top, 1);
    table_release(&t);
}

/* ---- texts ---- */

static const char *line_at(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

/* Wrapped at words, and the end of a wrapped text can be reached. */
static void a_wrapped_text(void **state)
{
    static const char *const text[] = { "one two three four five", "six", "seven eight nine ten eleven" };
    struct lines_of l = { .n = 3, .line = line_at, .ctx = text };
    struct textview v = { .wrap = true };
    struct canvas c = canvas_new(3, 12);
    struct buf b = BUF_INIT(4096);
    (void)state;
    textview_settle(&v, &l, false, 3, 12);
    textview_render(&v, &l, &c);
    canvas_dump(&c, &b);
    assert_string_equal(buf_str(&b), "one two\nthree four\nfive\n");
    for (int i = 0; i < 9; i++) {
        textview_nav(&v, &l, NAV_DOWN, NULL);
        textview_settle(&v, &l, false, 3, 12);
    }
    canvas_clear(&c);
    buf_clear(&b);
    textview_render(&v, &l, &c);
    canvas_dump(&c, &b);
    assert_string_equal(buf_str(&b), "seven eight\nnine ten\neleven\n");
    buf_release(&b);
    canvas_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_column_fills_the_screen), cmocka_unit_test(rows_go_where_they_are_needed),
        cmocka_unit_test(the_largest_has_a_detail),    cmocka_unit_test(widths_follow_the_cells),
        cmocka_unit_test(order_by_what_is_seen),       cmocka_unit_test(the_first_row_stays_in_view),
        cmocka_unit_test(a_wrapped_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
