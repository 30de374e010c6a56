/*
 * core/conf/yaml.h - a YAML or JSON file as a tree whose every node knows its line and column.
 *
 * Limits   the caller's cap in bytes; YAML_DEPTH levels; YAML_NODES nodes, those of expanded aliases
 *          included (an alias shares its node, but counts what it stands for)
 * Errors   ERR_CONFIG "FILE:LINE:COL: what", ERR_LIMIT over a cap, ERR_IO when the file cannot be read
 * Thread   any       Owns  the tree lives in the arena
 * Source   libyaml's event API; YAML 1.1
 */
#ifndef CONF_YAML_H
#define CONF_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { YAML_DEPTH = 64, YAML_NODES = 100000, YAML_ALIASED = 10000 };
enum yaml_kind { YAML_SCALAR, YAML_MAP, YAML_SEQ };

struct yaml_node {
    enum yaml_kind kind;
    int line, col;       /* from 1 */
    const char *text;    /* YAML_SCALAR */
    bool is_quoted;      /* "true" is text, true is not */
    struct yaml_node **keys, **items; /* YAML_MAP has both, YAML_SEQ items only */
    size_t n;
    size_t weight;       /* nodes in it, itself included */
};

/* *out is NULL for an empty document. */
MUST_USE enum err_code yaml_parse(struct arena *a, const char *file, const char *text, size_t n,
                                  struct yaml_node **out, struct err *e);
MUST_USE enum err_code yaml_load(struct arena *a, const char *file, size_t cap,
                                 struct yaml_node **out, struct err *e);
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL = absent */
const char *yaml_text(const struct yaml_node *n); /* NULL when absent, null, or no scalar */
bool yaml_is_null(const struct yaml_node *n);     /* absent, empty, ~ or null */
/* true, yes, on / false, no, off as YAML 1.1 has them, unquoted. */
bool yaml_bool(const struct yaml_node *n, bool *out);
void yaml_to_json(struct buf *out, const struct yaml_node *n);

#endif
