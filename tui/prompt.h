/*
 * tui/prompt.h - the line editor at the foot of the screen: `:` commands and `/` filters.
 *
 * Limits   PROMPT_CAP bytes, PROMPT_HISTORY lines    Thread  UI
 */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include "tui/keys.h"

enum { PROMPT_CAP = 256, PROMPT_HISTORY = 50 };
enum prompt_result { PROMPT_GOES_ON, PROMPT_CHANGED, PROMPT_DONE, PROMPT_CANCELLED, PROMPT_COMPLETE };

struct prompt {
    bool is_open;
    char lead[16];          /* ":" or "/" */
    char text[PROMPT_CAP];
    size_t at;              /* the cursor, in bytes */
    char history[PROMPT_HISTORY][PROMPT_CAP];
    size_t n_history, browse;
};

void prompt_open(struct prompt *p, const char *lead, const char *text);
enum prompt_result prompt_key(struct prompt *p, const struct key *k);
void prompt_paste(struct prompt *p, const char *s, size_t n); /* one line of it, cleaned */
void prompt_replace_word(struct prompt *p, const char *word); /* for completion */
void prompt_remember(struct prompt *p);

#endif
