/* The part of the configuration that is about notifications: who is told when the verdict changes. */
#include <string.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

static const char *const words[] = { "pass", "watch", "no_data", "rollback" }; /* in the order of enum verdict_word, from PASS on */

static void read_on(struct conf_reader *r, struct conf_notify *one, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || !n->n) {
        conf_bad(r, n, "on is a list of pass, watch, no_data and rollback");
        return;
    }
    one->on = 0;
    for (size_t i = 0; i < n->n; i++) {
        int w = conf_choice(r, n->items[i], "on", words, ARRAY_LEN(words));
        one->on |= w < 0 ? 0 : 1u << (w + 1);
    }
}

static void read_command(struct conf_reader *r, struct conf_notify *one, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || !n->n || n->n > CONF_PAIRS) {
        conf_bad(r, n, "command is a list of a program and its arguments, %d at most: no shell reads it", CONF_PAIRS);
        return;
    }
    const char **argv = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *argv);
    for (size_t i = 0; i < n->n; i++) {
        argv[i] = conf_text(r, n->items[i], "command");
        if (!argv[i])
            return;
    }
    one->command = argv;
}

static void read_one(struct conf_reader *r, struct conf_notify *one, const struct yaml_node *map)
{
    static const char *const known[] = { "on", "command", "url", "token_file" };
    *one = (struct conf_notify){ .on = 1u << 4 | 1u << 3 }; /* ROLL BACK, NO DATA */
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "a notification is a mapping like {command: [/usr/local/bin/page]} or {url: \"https://...\"}");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "on"))
            read_on(r, one, v);
        else if (text_eq(key->text, "command"))
            read_command(r, one, v);
        else if (text_eq(key->text, "url"))
            one->url = conf_text(r, v, "url");
        else if (text_eq(key->text, "token_file"))
            one->token_file = conf_text(r, v, "token_file");
        else
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
    }
    bool is_url = one->url && (text_starts(one->url, "https://") || text_starts(one->url, "http://")) && !strpbrk(one->url, " \r\n\t@");
    if (one->url && !is_url)
        conf_bad(r, map, "url begins with http:// or https:// and holds no user and no blank");
    if (!one->url == !one->command)
        conf_bad(r, map, "a notification has a command or a url, one of the two");
}

void conf_read_notify(struct conf_reader *r, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || n->n > CONF_NOTIFY) {
        conf_bad(r, n, n->kind == YAML_SEQ ? "notify holds at most %d entries" : "notify must be a list", CONF_NOTIFY);
        return;
    }
    struct conf_notify *list = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *list);
    for (size_t i = 0; i < n->n; i++)
        read_one(r, &list[i], n->items[i]);
    r->c->notify = list;
    r->c->n_notify = n->n;
}
