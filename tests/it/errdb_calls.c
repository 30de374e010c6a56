/*
 * Changes of the error table from a command line, for the tests: no command of the console sends them
 * without its actuator.
 *
 *   errdb_calls PLACE resolve ID BY NOTE | reopen ID BY NOTE LOCAL_MS | step ID STEP BY NOTE
 *             | record KEY AT_MS SERVICE MESSAGE STACK
 *
 * Prints the outcome, the id and the text, or the error: "applied 0 resolved by bob at ...".  The same
 * call is made again while its outcome is not known.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sources/errdb.h"

static struct errdb *db;
static struct errdb_change change = { .key = "00112233445566778899aabbccddeeff" };
static bool is_over;
static int n_unknown;

static void on_result(void *ctx, const struct errdb_result *r)
{
    static const char *const names[] = { [OUTCOME_APPLIED] = "applied", [OUTCOME_REFUSED] = "refused",
                                         [OUTCOME_FAILED] = "failed", [OUTCOME_UNKNOWN] = "unknown" };
    (void)ctx;
    printf("%s %lld %s\n", names[r->outcome], (long long)r->id, r->e.code ? r->e.text : r->text);
    fflush(stdout);
    is_over = r->outcome != OUTCOME_UNKNOWN || ++n_unknown == 5;
    if (!is_over)
        errdb_write(db, &change, on_result, NULL);
}

static bool parse(int n, char **a)
{
    if (n == 6 && text_eq(a[2], "resolve")) {
        change.act = ERRDB_RESOLVE;
    } else if (n == 7 && text_eq(a[2], "reopen")) {
        change.act = ERRDB_REOPEN;
        change.resolved_local_ms = strtoll(a[6], NULL, 10);
    } else if (n == 7 && text_eq(a[2], "step")) {
        change.act = ERRDB_STEP;
        while (change.step < N_STEPS && !text_eq(error_step_name(change.step), a[4]))
            change.step++;
        a++; /* BY and NOTE stand one further */
    } else if (n == 8 && text_eq(a[2], "record")) {
        change = (struct errdb_change){ .act = ERRDB_RECORD_ERROR, .key = a[3], .at_ms = strtoll(a[4], NULL, 10),
                                        .service = a[5], .message = a[6], .stack = a[7], .severity = "HIGH" };
        return true;
    } else {
        return false;
    }
    change.id = strtoll(a[change.act == ERRDB_STEP ? 2 : 3], NULL, 10);
    change.by = a[4];
    change.note = a[5];
    return change.step < N_STEPS;
}

int main(int n, char **a)
{
    struct loop *loop;
    struct worker *worker;
    struct triage_rules *rules;
    struct err e = { 0 };
    if (!parse(n, a) || loop_new(&loop, &e) || worker_new(loop, "errdb", &worker, &e) ||
        triage_rules_new(NULL, 0, &rules, &e)) {
        fprintf(stderr, "errdb_calls: %s\n", e.code ? e.text : "wrong usage");
        return 2;
    }
    struct errdb_spec spec = { .place = a[1], .rules = rules };
    if (errdb_open(loop, worker, &spec, &db, &e)) {
        fprintf(stderr, "errdb_calls: %s\n", e.text);
        return 2;
    }
    errdb_write(db, &change, on_result, NULL);
    while (!is_over)
        loop_turn(loop, 1000);
    errdb_close(db);
    worker_free(worker);
    loop_free(loop);
    triage_rules_free(rules);
    return 0;
}
