#include <stdlib.h>

#include "core/judge/judge_internal.h"

struct kept_mark *marks_add(struct judge *j, enum mark_kind kind, int64_t at_ms, const char *subject, const char *text)
{
    struct kept_mark *m = &j->marks[j->n_marks++ % VERDICT_MARKS];
    free(m->text);
    *m = (struct kept_mark){ .kind = kind, .at_ms = at_ms, .until_ms = TIME_NONE, .subject = subject,
                             .text = x_strndup(text, JUDGE_RULE) };
    return m;
}

void marks_end(struct judge *j, uint64_t number, int64_t at_ms)
{
    if (number && number + VERDICT_MARKS > j->n_marks)
        j->marks[(number - 1) % VERDICT_MARKS].until_ms = at_ms;
}

void marks_release(struct judge *j)
{
    for (size_t i = 0; i < VERDICT_MARKS; i++)
        free(j->marks[i].text);
}
