#include "tui/prompt.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

void prompt_open(struct prompt *p, const char *lead, const char *text)
{
    p->is_open = true;
    snprintf(p->lead, sizeof p->lead, "%s", lead);
    snprintf(p->text, sizeof p->text, "%s", text);
    p->at = strlen(p->text);
    p->browse = p->n_history;
}

static void insert(struct prompt *p, const char *s, size_t n)
{
    size_t len = strlen(p->text);
    if (len + n >= sizeof p->text)
        return;
    memmove(p->text + p->at + n, p->text + p->at, len - p->at + 1);
    memcpy(p->text + p->at, s, n);
    p->at += n;
}

static size_t before(const struct prompt *p)
{
    size_t at = p->at;
    while (at && ((unsigned char)p->text[--at] & 0xC0) == 0x80)
        ;
    return at;
}

static size_t after(const struct prompt *p)
{
    size_t at = p->at;
    if (p->text[at])
        at++;
    while (((unsigned char)p->text[at] & 0xC0) == 0x80)
        at++;
    return at;
}

static void erase(struct prompt *p, size_t from, size_t to)
{
    memmove(p->text + from, p->text + to, strlen(p->text + to) + 1);
    p->at = from;
}

void prompt_paste(struct prompt *p, const char *s, size_t n)
{
    char clean[PROMPT_CAP];
    const char *nl = memchr(s, '\n', n), *cr = memchr(s, '\r', n);
    const char *end = nl && (!cr || nl < cr) ? nl : cr;
    text_clean_to(clean, sizeof clean, s, end ? (size_t)(end - s) : n);
    insert(p, clean, strlen(clean));
}

void prompt_replace_word(struct prompt *p, const char *word)
{
    size_t from = p->at;
    while (from && p->text[from - 1] != ' ' && p->text[from - 1] != ',')
        from--;
    erase(p, from, p->at);
    insert(p, word, strlen(word));
}

void prompt_remember(struct prompt *p)
{
    if (!p->text[0] || (p->n_history && text_eq(p->history[p->n_history - 1], p->text)))
        return;
    if (p->n_history == PROMPT_HISTORY)
        memmove(p->history[0], p->history[1], sizeof p->history - sizeof p->history[0]);
    else
        p->n_history++;
    memcpy(p->history[p->n_history - 1], p->text, PROMPT_CAP);
}

static void browse(struct prompt *p, int step)
{
    if (step < 0 && p->browse)
        p->browse--;
    else if (step > 0 && p->browse < p->n_history)
        p->browse++;
    snprintf(p->text, sizeof p->text, "%s", p->browse < p->n_history ? p->history[p->browse] : "");
    p->at = strlen(p->text);
}

/* A line editor is one of the two places where keys are told apart by hand. */
enum prompt_result prompt_key(struct prompt *p, const struct key *k)
{
    const char *n = k->name;
    if (text_eq(n, "<enter>") || text_eq(n, "<c-j>")) {
        p->is_open = false;
        return PROMPT_DONE;
    }
    if (text_eq(n, "<esc>") || text_eq(n, "<c-c>") || text_eq(n, "<c-g>") ||
        (text_eq(n, "<bs>") && !p->text[0])) {
        p->is_open = false;
        return PROMPT_CANCELLED;
    }
    if (text_eq(n, "<tab>"))
        return PROMPT_COMPLETE;
    if (text_eq(n, "<left>") || text_eq(n, "<c-b>"))
        p->at = before(p);
    else if (text_eq(n, "<right>") || text_eq(n, "<c-f>"))
        p->at = after(p);
    else if (text_eq(n, "<home>") || text_eq(n, "<c-a>"))
        p->at = 0;
    else if (text_eq(n, "<end>") || text_eq(n, "<c-e>"))
        p->at = strlen(p->text);
    else if (text_eq(n, "<up>") || text_eq(n, "<c-p>"))
        browse(p, -1);
    else if (text_eq(n, "<down>") || text_eq(n, "<c-n>"))
        browse(p, 1);
    else if (text_eq(n, "<bs>"))
        erase(p, before(p), p->at);
    else if (text_eq(n, "<delete>") || text_eq(n, "<c-d>"))
        erase(p, p->at, after(p));
    else if (text_eq(n, "<c-u>"))
        erase(p, 0, p->at);
    else if (text_eq(n, "<c-k>"))
        p->text[p->at] = '\0';
    else if (text_eq(n, "<c-w>")) {
        size_t from = p->at;
        while (from && p->text[from - 1] == ' ')
            from--;
        while (from && p->text[from - 1] != ' ')
            from--;
        erase(p, from, p->at);
    } else if (text_eq(n, "<space>"))
        insert(p, " ", 1);
    else if (n[0] != '<' || !n[1])
        insert(p, n, strlen(n));
    else
        return PROMPT_GOES_ON;
    return PROMPT_CHANGED;
}
