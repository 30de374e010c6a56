/*
 * tui/past.h - looking at the past: which time somebody means, and what the app shows of it.
 *
 * The app holds two snapshots: `live`, and `snap`, which is what is shown.  In the past they differ: identity and
 * the plan under way are of now, everything else is of then.  The strip and the rules say so; what was not recorded
 * stands as "not recorded", never empty; what happens now is said on the status row.
 *
 * Thread   UI
 */
#ifndef TUI_PAST_H
#define TUI_PAST_H

#include <stdbool.h>
#include <stdint.h>

/* "14:02", "14:02:10", the last one that was; "-10m"; "T+5:30", "T-1:00", "deploy" of deployed_ms (TIME_NONE: none is
 * known); RFC 3339.  zone_ms: local time less UTC, for those without a Z.  False: no time. */
bool past_parse(const char *s, int64_t now_ms, int64_t deployed_ms, int64_t zone_ms, int64_t *out_ms);

struct ui;
struct frame;
struct buf;
bool past_is_shown(const struct ui *ui);   /* what is on the screen is of then */
bool past_is_wanted(const struct ui *ui);  /* or will be at once */
void past_leave(struct ui *ui);            /* fine when nobody is there */
bool past_refuses(struct ui *ui, const char *what); /* in the past: says that it is not to be had there */
void past_show(struct ui *ui);             /* makes ui->snap of what there is now */
void past_words(const struct ui *ui, struct buf *out);            /* "PAST 14:02:10Z, T+3:10, 12m ago" */
bool past_lacks(const struct ui *ui, unsigned reads, struct buf *out); /* it was not recorded; in words */
void past_look(struct ui *ui);             /* what happens now is said */

void past_earlier(struct ui *ui, void *state, const struct frame *f, const char *arg);
void past_later(struct ui *ui, void *state, const struct frame *f, const char *arg);
void past_previous_mark(struct ui *ui, void *state, const struct frame *f, const char *arg);
void past_next_mark(struct ui *ui, void *state, const struct frame *f, const char *arg);
void past_at(struct ui *ui, void *state, const struct frame *f, const char *arg);
void past_now(struct ui *ui, void *state, const struct frame *f, const char *arg);

#endif
