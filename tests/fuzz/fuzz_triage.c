/*
 * A row of somebody's error table: masking is bounded and masking twice changes nothing, triage always
 * has an answer.  The input is message and stack at once; its last line is the code and the severity.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/judge/triage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_mask(const char *text)
{
    struct buf one = BUF_INIT(1024 * 1024), two = BUF_INIT(4 * 1024 * 1024);
    if (3 * strlen(text) < one.cap) {
        triage_mask(&one, text);
        assert(!one.over && one.len <= 3 * strlen(text));
        triage_mask(&two, buf_str(&one));
        assert(strcmp(buf_str(&one), buf_str(&two)) == 0);
    }
    buf_release(&one);
    buf_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct triage_rules *rules;
    struct err e = { 0 };
    if (!rules && triage_rules_new(NULL, 0, &rules, &e))
        abort();
    struct error_row *row = error_row_new();
    char *text = arena_strndup(&row->arena, (const char *)data, n);
    row->message = text;
    row->stack = text;
    char *last = strrchr(text, '\n');
    row->code = last ? last + 1 : "";
    row->severity_text = row->code;
    check_mask(text);
    struct triage t;
    triage_row(rules, row, &t);
    assert(t.severity < N_SEVERITIES && t.category < N_CATEGORIES && t.why[0]);
    assert(memchr(t.why, 0, sizeof t.why));
    triage_judge(rules, row);
    assert(row->fingerprint == t.fingerprint && row->category == t.category);
    error_row_unref(row);
    return 0;
}
