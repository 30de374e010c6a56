/*
 * tui/verdict.h - the verdict in words, glyphs and roles, the same in the bar and in every panel; the bar.
 *
 * Thread   UI
 */
#ifndef TUI_VERDICT_H
#define TUI_VERDICT_H

#include "core/model/verdict.h"
#include "tui/panel.h"

enum role verdict_role(enum verdict_word w);
const char *verdict_glyph(enum verdict_word w); /* one column, told apart without colour */
enum role trigger_role(enum trigger_state s);
/* "T+12:40/30:00" while the window is open, "T+3h05m/24h" in the extended one. */
char *verdict_clock(const struct bake *b, int64_t now_ms, char out[CLOCK_TEXT]);
/* "T+12m/30m": for tables, which would change in each row each second. */
char *verdict_minutes(const struct bake *b, int64_t now_ms, char out[CLOCK_TEXT]);
/* One row: the word, the rule that decides, what it lacks, the clock. */
void verdict_bar(const struct frame *f, struct canvas *c, int row);

#endif
