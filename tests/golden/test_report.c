/*
 * The deployment report in its three formats, of a snapshot with a verdict and of one full of hostile text,
 * against the files of tests/golden/expected.  GOLDEN=write rewrites them.
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

#include "core/base/json.h"
#include "core/report/deploy.h"
#include "tests/golden/fixture.h"

static const struct {
    enum report_format format;
    const char *ending;
} formats[] = { { REPORT_MARKDOWN, "md" }, { REPORT_JSON, "json" }, { REPORT_HTML, "html" } };

static char *report(enum fixture f, enum report_format format)
{
    struct buf out = BUF_INIT(4 * 1024 * 1024);
    struct snap *s = fixture_new(f);
    report_deploy(&out, s, (int64_t)FIXTURE_NOW_S * 1000, format);
    snap_unref(s);
    return buf_take(&out);
}

static void as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        char path[128], want[256 * 1024], *got = report(FIXTURE_TROUBLE, formats[i].format);
        const char *mode = getenv("GOLDEN");
        bool writes = mode && strcmp(mode, "write") == 0;
        snprintf(path, sizeof path, "tests/golden/expected/report.%s", formats[i].ending);
        FILE *file = fopen(path, writes ? "w" : "r");
        assert_non_null(file);
        if (writes) {
            fputs(got, file);
        } else {
            want[fread(want, 1, sizeof want - 1, file)] = '\0';
            assert_string_equal(got, want);
        }
        fclose(file);
        free(got);
    }
}

static void hostile_text_stays_text(void **state)
{
    (void)state;
    for (int f = 0; f < N_FIXTURES; f++) {
        for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
            char *got = report((enum fixture)f, formats[i].format);
            for (const unsigned char *c = (unsigned char *)got; *c; c++)
                assert_true((*c >= 0x20 && *c != 0x7F) || *c == '\n');
            assert_null(strstr(got, "\u202E"));
            free(got);
        }
        char *json = report((enum fixture)f, REPORT_JSON);
        struct json_span doc;
        struct err e = { 0 };
        if (json_check(json, strlen(json), &doc, &e))
            fail_msg("%s: %s", fixture_name((enum fixture)f), e.text);
        free(json);
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_it_was), cmocka_unit_test(hostile_text_stays_text) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
