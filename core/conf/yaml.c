#include "core/conf/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "core/base/json.h"
#include "core/base/text.h"

struct anchor {
    const char *name;
    struct yaml_node *node;
    struct anchor *next;
};

struct reader {
    struct arena *a;
    const char *file;
    yaml_parser_t parser;
    struct anchor *anchors;
    size_t n_nodes;
    struct err *e;
};

static enum err_code at(struct reader *r, enum err_code code, yaml_mark_t m, const char *what)
{
    return err_set(r->e, code, 0, "%s:%zu:%zu: %s", r->file, m.line + 1, m.column + 1, what);
}

static enum err_code next(struct reader *r, yaml_event_t *ev)
{
    if (yaml_parser_parse(&r->parser, ev))
        return ERR_OK;
    const char *what = r->parser.problem ? r->parser.problem : "not readable as YAML";
    return at(r, ERR_CONFIG, r->parser.problem_mark, what);
}

static struct yaml_node *new_node(struct reader *r, enum yaml_kind kind, yaml_mark_t m)
{
    struct yaml_node *n = arena_alloc(r->a, sizeof *n);
    n->kind = kind;
    n->line = (int)m.line + 1;
    n->col = (int)m.column + 1;
    n->weight = 1;
    r->n_nodes++;
    return n;
}

static enum err_code read_node(struct reader *r, yaml_event_t *ev, int depth,
                               struct yaml_node **out);

static void put(struct reader *r, struct yaml_node *n, struct yaml_node *key, struct yaml_node *item)
{
    if (!(n->n & (n->n - 1))) { /* powers of two; the arena keeps the old arrays */
        size_t room = n->n ? n->n * 2 : 1;
        struct yaml_node **keys = arena_alloc(r->a, room * sizeof *keys);
        struct yaml_node **items = arena_alloc(r->a, room * sizeof *items);
        if (n->n) {
            memcpy(keys, n->keys, n->n * sizeof *keys);
            memcpy(items, n->items, n->n * sizeof *items);
        }
        n->keys = keys;
        n->items = items;
    }
    n->keys[n->n] = key;
    n->items[n->n++] = item;
    n->weight += item->weight + (key ? 1 : 0);
}

static enum err_code read_children(struct reader *r, struct yaml_node *n, int depth)
{
    yaml_event_type_t end = n->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t ev;
        struct yaml_node *key = NULL, *item;
        enum err_code err = next(r, &ev);
        if (err)
            return err;
        if (ev.type == end) {
            yaml_event_delete(&ev);
            return ERR_OK;
        }
        if (n->kind == YAML_MAP) {
            yaml_mark_t m = ev.start_mark;
            if ((err = read_node(r, &ev, depth, &key)))
                return err;
            if (key->kind != YAML_SCALAR)
                return at(r, ERR_CONFIG, m, "a key must be plain text");
            if (yaml_get(n, key->text))
                return err_set(r->e, ERR_CONFIG, 0, "%s:%d:%d: key \"%.60s\" stands here twice",
                               r->file, key->line, key->col, key->text);
            if ((err = next(r, &ev)))
                return err;
        }
        yaml_mark_t m = ev.start_mark;
        if ((err = read_node(r, &ev, depth, &item)))
            return err;
        put(r, n, key, item);
        if (r->n_nodes > YAML_NODES || n->weight > YAML_NODES)
            return at(r, ERR_LIMIT, m, "too many values");
    }
}

static enum err_code read_alias(struct reader *r, const yaml_event_t *ev, struct yaml_node **out)
{
    for (struct anchor *an = r->anchors; an; an = an->next) {
        if (!text_eq(an->name, (const char *)ev->data.alias.anchor))
            continue;
        r->n_nodes += an->node->weight;
        if (an->node->weight > YAML_ALIASED || r->n_nodes > YAML_NODES)
            return at(r, ERR_LIMIT, ev->start_mark, "aliases expand to too many values");
        *out = an->node;
        return ERR_OK;
    }
    return at(r, ERR_CONFIG, ev->start_mark, "unknown alias");
}

/* Takes the event. */
static enum err_code read_node(struct reader *r, yaml_event_t *ev, int depth, struct yaml_node **out)
{
    enum err_code err = ERR_OK;
    struct yaml_node *n = NULL;
    const yaml_char_t *anchor = NULL;
    if (depth > YAML_DEPTH) {
        err = at(r, ERR_LIMIT, ev->start_mark, "nested too deeply");
    } else if (ev->type == YAML_ALIAS_EVENT) {
        err = read_alias(r, ev, &n);
    } else if (ev->type == YAML_SCALAR_EVENT) {
        n = new_node(r, YAML_SCALAR, ev->start_mark);
        n->text = arena_strndup(r->a, (char *)ev->data.scalar.value, ev->data.scalar.length);
        n->is_quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        anchor = ev->data.scalar.anchor;
        if (strlen(n->text) != ev->data.scalar.length)
            err = at(r, ERR_CONFIG, ev->start_mark, "a NUL byte in a value");
    } else if (ev->type == YAML_MAPPING_START_EVENT || ev->type == YAML_SEQUENCE_START_EVENT) {
        bool is_map = ev->type == YAML_MAPPING_START_EVENT;
        n = new_node(r, is_map ? YAML_MAP : YAML_SEQ, ev->start_mark);
        anchor = is_map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
        err = read_children(r, n, depth + 1);
    } else {
        err = at(r, ERR_CONFIG, ev->start_mark, "expected a value");
    }
    if (!err && anchor) {
        struct anchor *an = arena_alloc(r->a, sizeof *an);
        *an = (struct anchor){ arena_strdup(r->a, (const char *)anchor), n, r->anchors };
        r->anchors = an;
    }
    yaml_event_delete(ev);
    if (!err)
        *out = n;
    return err;
}

enum err_code yaml_parse(struct arena *a, const char *file, const char *text, size_t len,
                         struct yaml_node **out, struct err *e)
{
    struct reader r = { .a = a, .file = file, .e = e };
    struct yaml_node *root = NULL;
    enum err_code err = ERR_OK;
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    for (bool done = false; !done && !err;) {
        yaml_event_t ev;
        if ((err = next(&r, &ev)))
            break;
        switch (ev.type) {
        case YAML_STREAM_END_EVENT:
            done = true;
            yaml_event_delete(&ev);
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            yaml_event_delete(&ev);
            break;
        default:
            if (root) {
                err = at(&r, ERR_CONFIG, ev.start_mark, "more than one document");
                yaml_event_delete(&ev);
            } else {
                err = read_node(&r, &ev, 0, &root);
            }
            break;
        }
    }
    yaml_parser_delete(&r.parser);
    if (!err)
        *out = root && yaml_is_null(root) ? NULL : root;
    return err;
}

enum err_code yaml_load(struct arena *a, const char *file, size_t cap, struct yaml_node **out,
                        struct err *e)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return err_set(e, ERR_IO, saved, "%s: %s", file, strerror(saved));
    }
    struct buf b = BUF_INIT(cap);
    char bytes[16384];
    ssize_t n = S_ISDIR(st.st_mode) ? -1 : 0;
    errno = EISDIR;
    while (n >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0 && buf_add(&b, bytes, (size_t)n))
        ;
    int saved = errno;
    close(fd);
    enum err_code err;
    if (n < 0)
        err = err_set(e, ERR_IO, saved, "%s: %s", file, strerror(saved));
    else if (b.over)
        err = err_set(e, ERR_LIMIT, 0, "%s:1:1: larger than %zu bytes", file, cap);
    else
        err = yaml_parse(a, file, buf_str(&b), b.len, out, e);
    buf_release(&b);
    return err;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++) {
        if (text_eq(map->keys[i]->text, key))
            return map->items[i];
    }
    return NULL;
}

bool yaml_is_null(const struct yaml_node *n)
{
    return !n || (n->kind == YAML_SCALAR && !n->is_quoted &&
                  (!n->text[0] || text_eq(n->text, "~") || text_eq_fold(n->text, "null")));
}

const char *yaml_text(const struct yaml_node *n)
{
    return n && n->kind == YAML_SCALAR && !yaml_is_null(n) ? n->text : NULL;
}

bool yaml_bool(const struct yaml_node *n, bool *out)
{
    static const char *const words[] = { "true", "yes", "on", "false", "no", "off" };
    for (size_t i = 0; n && n->kind == YAML_SCALAR && !n->is_quoted && i < ARRAY_LEN(words); i++) {
        if (text_eq_fold(n->text, words[i])) {
            *out = i < 3;
            return true;
        }
    }
    return false;
}

static bool is_number(const char *s)
{
    struct json_span v;
    return strchr("-0123456789", s[0]) && json_check(s, strlen(s), &v, NULL) == ERR_OK &&
           json_kind(v) == JSON_NUMBER;
}

void yaml_to_json(struct buf *out, const struct yaml_node *n)
{
    bool b;
    if (yaml_is_null(n)) {
        buf_adds(out, "null");
    } else if (n->kind == YAML_SCALAR) {
        if (yaml_bool(n, &b))
            buf_adds(out, b ? "true" : "false");
        else if (!n->is_quoted && is_number(n->text))
            buf_adds(out, n->text);
        else
            json_quote(out, n->text);
    } else {
        bool is_map = n->kind == YAML_MAP;
        buf_addc(out, is_map ? '{' : '[');
        for (size_t i = 0; i < n->n; i++) {
            if (i)
                buf_addc(out, ',');
            if (is_map) {
                json_quote(out, n->keys[i]->text);
                buf_addc(out, ':');
            }
            yaml_to_json(out, n->items[i]);
        }
        buf_addc(out, is_map ? '}' : ']');
    }
}
