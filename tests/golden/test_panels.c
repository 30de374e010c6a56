/*
 * Every panel in every state at four sizes, against the files of tests/golden/expected.
 * GOLDEN=write rewrites them: read the difference before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "panels/panels.h"
#include "tests/golden/fixture.h"
#include "tui/app_state.h"
#include "tui/dialog.h"
#include "tui/embedded.h"
#include "tui/verdict.h"

static const struct {
    int rows, cols;
} sizes[] = { { 24, 80 }, { 5, 20 }, { 40, 120 }, { 60, 200 } };

static void expect(const char *name, const char *got)
{
    char path[256];
    const char *mode = getenv("GOLDEN");
    snprintf(path, sizeof path, "tests/golden/expected/%s.txt", name);
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
        return;
    }
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is not there; GOLDEN=write makes it", path);
    size_t n = strlen(got);
    char *want = calloc(1, n + 65536);
    size_t m = fread(want, 1, n + 65535, f);
    fclose(f);
    if (m != n || memcmp(want, got, n) != 0)
        fail_msg("%s differs.  Now:\n%s", path, got);
    free(want);
}

static void render(struct buf *out, const struct panel_ops *p, const char *locate, const struct snap *s,
                   int rows, int cols)
{
    struct prefs prefs = { .deployed_ms = TIME_NONE, .pace = 1 };
    struct frame f = { .snap = s, .prefs = &prefs, .now_ms = (int64_t)FIXTURE_NOW_S * 1000, .focused = true };
    void *state = calloc(1, p->state_size);
    struct canvas c = canvas_new(rows, cols);
    struct buf title = BUF_INIT(4096);
    if (p->locate && locate)
        p->locate(state, &f, locate);
    p->settle(state, &f, rows, cols);
    if (p->title)
        p->title(state, &f, &title);
    p->render(state, &f, &c);
    buf_addf(out, "== %s %dx%d: %s", p->name, cols, rows, p->is_stale && p->is_stale(&f) ? "(greyed) " : "");
    text_clean(out, buf_str(&title), title.len); /* as the app draws it */
    buf_addc(out, '\n');
    canvas_dump(&c, out);
    buf_release(&title);
    canvas_free(&c);
    if (p->release)
        p->release(state);
    free(state);
}

static void panels_in_every_state(void **state)
{
    (void)state;
    static const struct {
        const struct panel_ops *panel;
        const char *locate;
    } list[] = { { &workloads_panel, NULL }, { &errors_panel, NULL }, { &events_panel, NULL }, { &sources_panel, NULL },
                 { &window_panel, NULL }, { &performance_panel, NULL }, { &evidence_panel, "deployment.apps/shop/policy-api" },
                 { &workload_panel, "deployment.apps/shop/policy-api" }, { &error_panel, "7" }, { &doc_panel, "1" } };
    for (size_t p = 0; p < ARRAY_LEN(list); p++) {
        struct buf out = BUF_INIT(16 * 1024 * 1024);
        char name[64];
        for (int f = 0; f < N_FIXTURES; f++) {
            struct snap *s = fixture_new((enum fixture)f);
            buf_addf(&out, "#### %s\n", fixture_name((enum fixture)f));
            for (size_t z = 0; z < ARRAY_LEN(sizes); z++) {
                if (z >= 2 && f != FIXTURE_TROUBLE && f != FIXTURE_HOSTILE)
                    continue;
                render(&out, list[p].panel, list[p].locate, s, z ? sizes[z].rows : 12, sizes[z].cols);
            }
            snap_unref(s);
        }
        snprintf(name, sizeof name, "%s", list[p].panel->name);
        expect(name, buf_str(&out));
        buf_release(&out);
    }
}

static void the_bar_in_every_state(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1024 * 1024);
    struct prefs prefs = { .deployed_ms = TIME_NONE, .pace = 1 };
    for (int i = 0; i < N_FIXTURES; i++) {
        struct snap *s = fixture_new((enum fixture)i);
        struct frame f = { .snap = s, .prefs = &prefs, .now_ms = (int64_t)FIXTURE_NOW_S * 1000 };
        buf_addf(&out, "#### %s\n", fixture_name((enum fixture)i));
        for (size_t z = 0; z < ARRAY_LEN(sizes); z++) {
            struct canvas c = canvas_new(1, sizes[z].cols);
            verdict_bar(&f, &c, 0);
            canvas_dump(&c, &out);
            canvas_free(&c);
        }
        snap_unref(s);
    }
    expect("bar", buf_str(&out));
    buf_release(&out);
}

static void help_lists_every_key(void **state)
{
    (void)state;
    struct keymap keys = { 0 };
    struct err e = { 0 };
    struct buf out = BUF_INIT(1024 * 1024);
    if (keymap_parse(&keys, "conf/default.keys", embedded_keys, &e))
        fail_msg("%s", e.text);
    help_attach(&keys, app_commands);
    render(&out, &help_panel, NULL, NULL, 150, 100);
    assert_null(strstr(buf_str(&out), "no such command"));
    expect("help", buf_str(&out));
    buf_release(&out);
    keymap_release(&keys);
}

static void the_dialog_in_every_state(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1024 * 1024);
    for (int f = 0; f < N_FIXTURES; f++) {
        struct snap *s = fixture_new((enum fixture)f);
        const struct plan *p = f ? (struct plan *)s->sections[SECTION_PLAN] : NULL;
        for (size_t z = 0; z < 2; z++) {
            struct dialog d;
            struct canvas c = canvas_new(z ? sizes[z].rows : 16, sizes[z].cols);
            dialog_open(&d, 1);
            d.takes_keys = f != FIXTURE_CALM || z;
            if (f == FIXTURE_TROUBLE)
                snprintf(d.typed, sizeof d.typed, "policy");
            dialog_draw(&d, p, (struct ident *)s->sections[SECTION_IDENT], &c);
            buf_addf(&out, "== dialog %s %dx%d\n", fixture_name((enum fixture)f), c.at.cols, c.at.rows);
            canvas_dump(&c, &out);
            canvas_free(&c);
        }
        snap_unref(s);
    }
    expect("dialog", buf_str(&out));
    buf_release(&out);
}

/* The groups, and the filters: what the title says, and how many rows are left. */
static void error_views(void **state)
{
    (void)state;
    struct snap *s = fixture_new(FIXTURE_TROUBLE);
    struct buf out = BUF_INIT(1024 * 1024);
    static const char *const lines[] = { "merge", "severity CRITICAL", "category configuration", "show resolved",
                                         "service scrapers" };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct prefs prefs = { .deployed_ms = TIME_NONE, .pace = 1 };
        struct frame f = { .snap = s, .prefs = &prefs, .now_ms = (int64_t)FIXTURE_NOW_S * 1000, .focused = true };
        void *view = calloc(1, errors_panel.state_size);
        struct canvas c = canvas_new(12, 100);
        struct buf title = BUF_INIT(4096);
        static struct ui nobody; /* what a panel says, it says to it */
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(lines[i], " "), lines[i]);
        const char *arg = lines[i][strlen(name)] ? lines[i] + strlen(name) + 1 : "";
        errors_panel.settle(view, &f, 12, 100);
        for (const struct cmd *cmd = errors_panel.cmds; cmd->name; cmd++) {
            if (strcmp(cmd->name, name) == 0)
                cmd->run(&nobody, view, &f, arg);
        }
        errors_panel.settle(view, &f, 12, 100);
        errors_panel.title(view, &f, &title);
        errors_panel.render(view, &f, &c);
        buf_addf(&out, "== :%s: %s\n", lines[i], buf_str(&title));
        canvas_dump(&c, &out);
        buf_release(&title);
        canvas_free(&c);
        errors_panel.release(view);
        free(view);
    }
    expect("error_views", buf_str(&out));
    buf_release(&out);
    snap_unref(s);
}

/* No byte of a hostile text reaches a cell as it was. */
static void hostile_text_never_passes(void **state)
{
    (void)state;
    struct snap *s = fixture_new(FIXTURE_HOSTILE);
    struct buf out = BUF_INIT(16 * 1024 * 1024);
    render(&out, &workloads_panel, NULL, s, 24, 80);
    render(&out, &events_panel, NULL, s, 24, 80);
    render(&out, &doc_panel, "1", s, 24, 80);
    render(&out, &errors_panel, NULL, s, 24, 80);
    render(&out, &error_panel, "9", s, 24, 80);
    for (const char *p = buf_str(&out); *p; p++)
        assert_true(*p == '\n' || ((unsigned char)*p >= 0x20 && *p != 0x7F));
    assert_null(strstr(buf_str(&out), "\u202E"));
    assert_null(strstr(buf_str(&out), "\xc2\x9b"));
    buf_release(&out);
    snap_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(panels_in_every_state),
                                        cmocka_unit_test(the_bar_in_every_state),
        cmocka_unit_test(help_lists_every_key),
                                        cmocka_unit_test(the_dialog_in_every_state), cmocka_unit_test(error_views),
                                        cmocka_unit_test(hostile_text_never_passes) };
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
