/* Bytes to keys: names, timing, and that nothing unknown becomes a key. */
#include "tests/unit/unit.h"

#include "core/base/text.h"
#include "tui/keymap.h"
#include "tui/keys.h"

static char got[4096];

/* Feeds s cut at `cut`, then lets the time pass. */
static const char *decode(const char *s, size_t n, size_t cut)
{
    struct keys k;
    struct key key;
    int64_t now = 1000;
    got[0] = '\0';
    keys_init(&k);
    for (int part = 0; part < 2; part++) {
        keys_feed(&k, part ? s + cut : s, part ? n - cut : cut, now);
        while (keys_next(&k, now, &key)) {
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s ",
                     key.kind == KEY_PASTE ? "paste:" : key.kind == KEY_MOUSE ? "mouse:" : "",
                     key.kind == KEY_PASTE ? (int)key.paste_n : 32,
                     key.kind == KEY_PASTE ? key.paste : key.name);
        }
        now += 10;
    }
    now += KEYS_ESC_MS;
    while (keys_next(&k, now, &key))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", key.name);
    keys_release(&k);
    return got;
}

static const struct {
    const char *bytes, *keys;
} rows[] = {
    { "j", "j " }, { "\r", "<enter> " }, { "\033", "<esc> " }, { "\033[A", "<up> " }, { "\033OA", "<up> " },
    { "\033[5~", "<pgup> " }, { "\033[1;5C", "<c-right> " }, { "\033[Z", "<s-tab> " }, { "\x12", "<c-r> " },
    { "\033j", "<a-j> " }, { "\x7f", "<bs> " }, { " ", "<space> " }, { "\u00e9\u4e2d", "\u00e9 \u4e2d " },
    { "\033[99;99;99m", "" }, { "\033[?1;2c", "" }, { "\033]0;q\aj", "j " }, { "\033P1$rq\033\\j", "j " },
    { "\033[200~q\033[A\ny\033[201~j", "paste:q\033[A\ny j " }, { "\033[<64;3;4M", "mouse:<wheelup> " },
    { "\033[<0;3;4m", "" }, { "\xff\xfe" "j", "j " }, { "\xc2\x9b" "A", "A " }, { "\033[12", "" },
    { "\033\033[A", "<esc> <up> " },
};

static void every_row_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].bytes);
        for (size_t cut = 0; cut <= n; cut++) {
            if (strcmp(decode(rows[i].bytes, n, cut), rows[i].keys) != 0)
                fail_msg("row %zu cut at %zu: \"%s\"", i, cut, got);
        }
    }
}

static void a_paste_is_bounded(void **state)
{
    (void)state;
    struct keys k;
    struct key key;
    keys_init(&k);
    keys_feed(&k, "\033[200~", 6, 0);
    for (int i = 0; i < 1000; i++) {
        keys_feed(&k, "y\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\ny\n", 40, 0);
        assert_false(keys_next(&k, 0, &key));
    }
    for (int i = 0; i < 2000; i++) {
        keys_feed(&k, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 40, 0);
        assert_false(keys_next(&k, 0, &key));
    }
    keys_feed(&k, "\033[201~", 6, 0);
    assert_true(keys_next(&k, 0, &key));
    assert_int_equal(key.kind, KEY_PASTE);
    assert_int_equal(key.paste_n, KEYS_PASTE);
    keys_release(&k);
}

/* Types s a byte each `step` ms from `now` on; what comes of it is added to `got`. */
static void type(struct keys *k, const char *s, int64_t *now, int64_t step)
{
    struct key key;
    for (; *s; s++, *now += step) {
        keys_feed(k, s, 1, *now);
        while (keys_next(k, *now, &key))
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s ", key.kind == KEY_PASTE ? "paste:" : "",
                     key.kind == KEY_PASTE ? (int)key.paste_n : 32, key.kind == KEY_PASTE ? key.paste : key.name);
    }
}

/* A string whose end is lost must not swallow what is typed later; nor may its own bytes be keys. */
static void keys_cannot_go_deaf(void **state)
{
    static const char *const openers[] = { "\033]", "\033P", "\033_", "\033^", "\033]0;title", "\033P1$r" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        struct keys k;
        int64_t now = 1000;
        got[0] = '\0';
        keys_init(&k);
        type(&k, openers[i], &now, 1);
        type(&k, "qqq", &now, KEYS_ESC_MS - 1); /* still of the string */
        assert_string_equal(got, "");
        now += KEYS_ESC_MS;
        type(&k, "jk", &now, 1);
        if (strcmp(got, "j k ") != 0)
            fail_msg("after row %zu: \"%s\"", i, got);
        keys_release(&k);
    }
}

static void a_paste_without_an_end(void **state)
{
    struct keys k;
    struct key key;
    int64_t now = 1000;
    (void)state;
    got[0] = '\0';
    keys_init(&k);
    type(&k, "\033[200~q\rq", &now, 1);
    now += KEYS_PASTE_MS - 10;
    assert_false(keys_next(&k, now, &key)); /* slow, but perhaps going on */
    assert_in_range(keys_wait_ms(&k, now), 1, KEYS_PASTE_MS);
    now += 20;
    assert_int_equal(keys_wait_ms(&k, now), 0);
    assert_true(keys_next(&k, now, &key));
    assert_int_equal(key.kind, KEY_PASTE);
    assert_int_equal(key.paste_n, 3);
    assert_int_equal(keys_wait_ms(&k, now), -1);
    type(&k, "j", &now, 1);
    assert_string_equal(got, "j ");
    keys_release(&k);
}

static void keymaps(void **state)
{
    (void)state;
    struct keymap m = { 0 };
    struct err e = { 0 };
    const char *line;
    assert_int_equal(keymap_parse(&m, "f", "# c\n[all]\nj down\ngg top\n<lt> back\n[doc]\nj scroll\n", &e), ERR_OK);
    assert_int_equal(keymap_find(&m, "doc", "j", &line), KEYMAP_HIT);
    assert_string_equal(line, "scroll");
    assert_int_equal(keymap_find(&m, "x", "j", &line), KEYMAP_HIT);
    assert_string_equal(line, "down");
    assert_int_equal(keymap_find(&m, "x", "g", &line), KEYMAP_PREFIX);
    assert_int_equal(keymap_find(&m, "x", "<", &line), KEYMAP_HIT);
    assert_int_equal(keymap_find(&m, "x", "z", &line), KEYMAP_NONE);
    keymap_set(&m, "j", "mine");
    assert_int_equal(keymap_find(&m, "doc", "j", &line), KEYMAP_HIT);
    assert_string_equal(line, "mine");
    assert_int_equal(keymap_parse(&m, "f", "[x]\na b\na c\n", &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "f:3: key a stands twice in [x]"));
    assert_int_equal(keymap_parse(&m, "f", "lonely\n", &e), ERR_CONFIG);
    keymap_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_cut_everywhere),
                                        cmocka_unit_test(a_paste_is_bounded), cmocka_unit_test(keymaps),
                                        cmocka_unit_test(keys_cannot_go_deaf),
                                        cmocka_unit_test(a_paste_without_an_end) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
