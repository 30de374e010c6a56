/*
 * core/sim/tree.h - JSON trees of single objects: read, written and patched.  cJSON underneath.
 *
 * A path is keys joined by '.', none of which may hold one; tree_get takes one key as it is.
 * Writers make the objects on the way.  What a patch cannot do is ERR_PARSE with the reason, and
 * the tree is then half changed: patch a copy.
 *
 * Limits   TREE_BYTES of text; the depth of core/base/json
 * Thread   any (pure)       Owns   a tree belongs to its caller; _take moves one in
 * Source   RFC 6902, RFC 7386; Kubernetes' strategic merge: lists of things with a name are merged
 *          by it, "$patch": "replace" and "delete" are obeyed
 */
#ifndef SIM_TREE_H
#define SIM_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

enum { TREE_BYTES = 1024 * 1024 };

MUST_USE enum err_code tree_parse(const char *p, size_t n, cJSON **out, struct err *e);
cJSON *tree_get(const cJSON *object, const char *key); /* NULL = absent */
cJSON *tree_at(const cJSON *object, const char *path);
int64_t tree_int(const cJSON *object, const char *path, int64_t otherwise);
const char *tree_str(const cJSON *object, const char *path); /* "" when absent */
bool tree_is_true(const cJSON *object, const char *path);

cJSON *tree_make(cJSON *object, const char *path); /* the object there, made if need be */
void tree_take(cJSON *object, const char *key,
               cJSON *value); /* takes value; in the place of an old one */
void tree_set(cJSON *object, const char *key, const char *value);
void tree_set_int(cJSON *object, const char *key, int64_t value);
void tree_set_bool(cJSON *object, const char *key, bool value);
void tree_drop(cJSON *object, const char *key);
cJSON *tree_copy(const cJSON *tree);
bool tree_equal(const cJSON *a, const cJSON *b); /* null equals null alone; NULL equals NULL */
cJSON *tree_array_of(const char *const *items, size_t n);

enum tree_patch { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC };
MUST_USE enum err_code tree_patch(cJSON **tree, const cJSON *patch, enum tree_patch how,
                                  struct err *e);

#endif
