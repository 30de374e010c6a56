/* The error section: what it owns, how it is looked up, and the words for what it holds. */
#include "tests/unit/unit.h"

#include "core/model/errors.h"

static void a_section_holds_its_rows(void **state)
{
    (void)state;
    struct error_row *row = error_row_new();
    assert_string_equal(row->message, "");
    assert_string_equal(row->resolved_by, "");
    assert_true(row->local_ms == TIME_NONE && row->resolved_local_ms == TIME_NONE);
    struct errors *es = errors_new(2), *other = errors_new(1);
    es->items[es->n++].row = error_row_ref(row);
    es->items[es->n++].row = error_row_new();
    other->items[other->n++].row = error_row_ref(row);
    assert_int_equal(atomic_load(&row->refs), 3);
    section_unref(&es->section);
    assert_int_equal(atomic_load(&row->refs), 2);
    section_unref(&other->section);
    assert_int_equal(atomic_load(&row->refs), 1);
    error_row_unref(row);
    error_row_unref(NULL);
}

static void rows_and_workloads_are_found(void **state)
{
    (void)state;
    struct errors *es = errors_new(3);
    static const int64_t ids[] = { 7, 9, 3 };
    for (size_t i = 0; i < 3; i++) {
        es->items[es->n] = (struct error_item){ .row = error_row_new() };
        es->items[es->n++].row->id = ids[i];
    }
    assert_ptr_equal(errors_find(es, 3), &es->items[2]);
    assert_ptr_equal(errors_find(es, 7), &es->items[0]);
    assert_null(errors_find(es, 8));
    struct error_open open[] = { { "", { 1 } }, { "a/x", { 2 } }, { "b/x", { 3 } }, { "b/y", { 4 } } };
    assert_null(errors_of_workload(es, "a/x"));
    es->by_workload = open;
    for (es->n_by_workload = 1; es->n_by_workload <= 4; es->n_by_workload++) {
        for (size_t i = 0; i < es->n_by_workload; i++)
            assert_ptr_equal(errors_of_workload(es, open[i].workload), &open[i]);
        assert_null(errors_of_workload(es, "a/y"));
        assert_null(errors_of_workload(es, "c"));
    }
    section_unref(&es->section);
}

static void words(void **state)
{
    (void)state;
    for (int i = 0; i < N_COLUMNS; i++)
        assert_non_null(error_column_names[i]);
    assert_string_equal(error_column_names[COLUMN_SERVICE], "service_name");
    assert_string_equal(error_column_names[COLUMN_RESOLVED_BY], "resolved_by");
    assert_string_equal(severity_name(SEVERITY_CRITICAL), "CRITICAL");
    assert_string_equal(severity_name(SEVERITY_OTHER), "other");
    assert_string_equal(severity_name((enum severity)99), "?");
    assert_string_equal(category_name(CATEGORY_CONFIGURATION), "configuration");
    assert_string_equal(category_name(CATEGORY_OTHER), "other");
    assert_string_equal(novelty_name(NOVELTY_UNKNOWN), "");
    assert_string_equal(novelty_name(NOVELTY_NEW), "NEW");
    assert_string_equal(error_step_name(STEP_IMPLEMENTED), "implemented");
    assert_string_equal(error_due_name(DUE_RESPONSE), "respond");
    assert_string_equal(error_due_name(DUE_IMPLEMENTATION), "implement");
    enum severity s = SEVERITY_LOW;
    assert_true(severity_parse("Critical", &s) && s == SEVERITY_CRITICAL);
    assert_true(severity_parse("medium", &s) && s == SEVERITY_MEDIUM);
    assert_false(severity_parse("other", &s));
    assert_false(severity_parse("", &s));
    assert_true(s == SEVERITY_MEDIUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_section_holds_its_rows),
                                        cmocka_unit_test(rows_and_workloads_are_found),
                                        cmocka_unit_test(words) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
