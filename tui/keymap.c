#include "tui/keymap.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

void keymap_release(struct keymap *m)
{
    arena_release(&m->arena);
    *m = (struct keymap){ 0 };
}

static struct binding *find(const struct keymap *m, const char *panel, const char *key, bool is_user)
{
    for (struct binding *b = m->first; b; b = b->next) {
        if (b->is_user == is_user && text_eq(b->panel, panel) && text_eq(b->key, key))
            return b;
    }
    return NULL;
}

static void add(struct keymap *m, const char *panel, const char *key, const char *line, bool is_user)
{
    struct binding *b = arena_alloc(&m->arena, sizeof *b);
    b->panel = arena_strdup(&m->arena, panel);
    b->key = arena_strdup(&m->arena, text_eq(key, "<lt>") ? "<" : key);
    b->line = arena_strdup(&m->arena, line);
    b->is_user = is_user;
    if (m->last)
        m->last->next = b;
    else
        m->first = b;
    m->last = b;
}

void keymap_set(struct keymap *m, const char *key, const char *line)
{
    add(m, "all", key, line, true);
}

enum err_code keymap_parse(struct keymap *m, const char *file, const char *text, struct err *e)
{
    char line[256], panel[32] = "all";
    int number = 1;
    for (const char *p = text; *p; number++) {
        size_t n = strcspn(p, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), p);
        p += n + (p[n] == '\n');
        n = strlen(line);
        while (n && strchr(" \t\r", line[n - 1]))
            line[--n] = '\0';
        if (!n || (line[0] == '#' && strchr(" \t", line[1])) || text_eq(line, "#"))
            continue;
        if (line[0] == '[' && n > 2 && line[n - 1] == ']') {
            snprintf(panel, sizeof panel, "%.*s", (int)n - 2, line + 1);
            continue;
        }
        char *rest = line + strcspn(line, " \t");
        if (!*rest)
            return err_set(e, ERR_CONFIG, 0, "%s:%d: expected KEY COMMAND", file, number);
        *rest++ = '\0';
        rest += strspn(rest, " \t");
        if (find(m, panel, text_eq(line, "<lt>") ? "<" : line, false))
            return err_set(e, ERR_CONFIG, 0, "%s:%d: key %.20s stands twice in [%s]", file, number,
                           line, panel);
        add(m, panel, line, rest, false);
    }
    return ERR_OK;
}

enum keymap_hit keymap_find(const struct keymap *m, const char *panel, const char *keys,
                            const char **line)
{
    const struct binding *b = find(m, "all", keys, true);
    if (!b)
        b = find(m, panel, keys, false);
    if (!b)
        b = find(m, "all", keys, false);
    if (b) {
        *line = b->line;
        return KEYMAP_HIT;
    }
    for (b = m->first; b; b = b->next) {
        bool is_ours = text_eq(b->panel, panel) || text_eq(b->panel, "all");
        /* "<" alone is no prefix of "<c-r>": a name is one key */
        if (is_ours && keys[0] != '<' && b->key[0] != '<' && text_starts(b->key, keys))
            return KEYMAP_PREFIX;
    }
    return KEYMAP_NONE;
}

bool keymap_has(const struct keymap *m, const char *panel, const char *line)
{
    for (const struct binding *b = m->first; b; b = b->next) {
        if (text_eq(b->panel, panel) && text_eq(b->line, line))
            return true;
    }
    return false;
}

const char *keymap_key_of(const struct keymap *m, const char *panel, const char *line)
{
    for (int pass = 0; pass < 2; pass++) {
        for (const struct binding *b = m->first; b; b = b->next) {
            if (text_eq(b->panel, pass ? "all" : panel) && text_eq(b->line, line))
                return b->key;
        }
    }
    return NULL;
}
