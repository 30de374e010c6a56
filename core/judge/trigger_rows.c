/* Rows of deployment_errors: somebody's report is no measurement, so WATCH is the most. */
#include "core/judge/judge_internal.h"

enum trigger_state rows_judge(struct bake_state *b, const struct limits *l, int64_t now_ms)
{
    struct watched *w = &b->triggers[TRIGGER_ROWS];
    const double *rows = b->subject->rows;
    (void)l;
    w->value = rows[0];
    w->threshold = 1;
    w->baseline = 0;
    w->count = (int64_t)rows[0];
    w->limit = 1;
    w->n = (int64_t)rows[2];
    if (!beat_is_fresh(&b->subject->beats[TRIGGER_ROWS], now_ms))
        return TRIGGER_NO_DATA;
    return rows[0] >= 1 ? TRIGGER_WATCH : TRIGGER_OK;
}

void rows_says(const struct bake_state *b, const struct limits *l, int64_t now_ms, struct saying *s)
{
    const double *rows = b->subject->rows;
    (void)l;
    (void)now_ms;
    if (rows[0] >= 1)
        say_rule(s, "%.0f CRITICAL rows open since the deploy", rows[0]);
    else
        say_rule(s, "no CRITICAL row open of %.0f since the deploy", rows[2]);
    say(s, "open", "%.0f CRITICAL, %.0f HIGH", rows[0], rows[1]);
    say(s, "rows", "%.0f since the deploy", rows[2]);
    say(s, "rule", "an open CRITICAL row is WATCH at most");
}
