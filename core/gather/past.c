#include "core/gather/past.h"

#include <stdio.h>

#include "core/gather/gather_internal.h"

static void publish(struct gather *g, int64_t at_ms, struct snap *found, const char *why)
{
    struct snap *s = found ? found : snap_new(NULL);
    s->past_ms = at_ms;
    s->asked_ms = at_ms == g->past_at_ms ? g->past_asked_ms : at_ms; /* else an earlier question's answer */
    snprintf(s->why, sizeof s->why, "%s", why);
    snap_publish_past(g->spec.slot, s);
}

static void on_past(void *ctx, int64_t at_ms, struct snap *s, const struct err *e)
{
    struct gather *g = ctx;
    if (g->past_asked_ms == TIME_NONE) /* back at the present meanwhile */
        snap_unref(s);
    else
        publish(g, at_ms, s, e->text);
}

static int64_t within(const struct recording_range *r, int64_t at_ms, int64_t now_ms)
{
    if (r->from_ms != TIME_NONE && at_ms < r->from_ms)
        return r->from_ms;
    return at_ms > now_ms ? now_ms : at_ms;
}

void gather_past(struct gather *g, int64_t at_ms)
{
    g->past_asked_ms = g->past_at_ms = at_ms;
    if (at_ms == TIME_NONE) {
        snap_publish_past(g->spec.slot, NULL);
        return;
    }
    if (!g->history) {
        publish(g, at_ms, NULL, "nothing is recorded without a cluster");
        return;
    }
    g->past_at_ms = at_ms = within(history_range(g->history), at_ms, clock_story_ms());
    history_past(g->history, &(struct history_past){ .at_ms = at_ms, .done = on_past, .ctx = g });
}
