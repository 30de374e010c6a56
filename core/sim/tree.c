#include "core/sim/tree.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"

enum err_code tree_parse(const char *p, size_t n, cJSON **out, struct err *e)
{
    struct json_span span;
    if (n > TREE_BYTES)
        return err_set(e, ERR_LIMIT, 0, "more than %d bytes of JSON", TREE_BYTES);
    if (json_check(p, n, &span, e)) /* cJSON is lenient; what it gets has been checked */
        return e ? e->code : ERR_PARSE;
    cJSON *t = cJSON_ParseWithLength(p, n);
    if (!t)
        return err_set(e, ERR_PARSE, 0, "JSON that cannot be read");
    *out = t;
    return ERR_OK;
}

cJSON *tree_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* The next key of a path into `key`; NULL at its end. */
static const char *next_key(const char *path, char key[128])
{
    size_t n = strcspn(path, ".");
    if (!path[0] || n >= 128)
        return NULL;
    memcpy(key, path, n);
    key[n] = '\0';
    return path + n + (path[n] == '.');
}

cJSON *tree_at(const cJSON *object, const char *path)
{
    char key[128];
    cJSON *at = (cJSON *)object;
    while (at && (path = next_key(path, key))) {
        at = tree_get(at, key);
        if (!path[0])
            break;
    }
    return at;
}

int64_t tree_int(const cJSON *object, const char *path, int64_t otherwise)
{
    cJSON *v = tree_at(object, path);
    return cJSON_IsNumber(v) && v->valuedouble > -9e15 && v->valuedouble < 9e15
               ? (int64_t)v->valuedouble
               : otherwise;
}

const char *tree_str(const cJSON *object, const char *path)
{
    cJSON *v = tree_at(object, path);
    return cJSON_IsString(v) ? v->valuestring : "";
}

bool tree_is_true(const cJSON *object, const char *path)
{
    return cJSON_IsTrue(tree_at(object, path));
}

cJSON *tree_make(cJSON *object, const char *path)
{
    char key[128];
    cJSON *at = object;
    while ((path = next_key(path, key))) {
        cJSON *there = tree_get(at, key);
        if (!cJSON_IsObject(there)) {
            there = x_must(cJSON_CreateObject());
            tree_take(at, key, there);
        }
        at = there;
        if (!path[0])
            break;
    }
    return at;
}

void tree_take(cJSON *object, const char *key, cJSON *value)
{
    x_must(value);
    if (tree_get(object, key))
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
    else
        cJSON_AddItemToObject(object, key, value);
}

void tree_set(cJSON *object, const char *key, const char *value)
{
    tree_take(object, key, cJSON_CreateString(value));
}

void tree_set_int(cJSON *object, const char *key, int64_t value)
{
    tree_take(object, key, cJSON_CreateNumber((double)value));
}

void tree_set_bool(cJSON *object, const char *key, bool value)
{
    tree_take(object, key, cJSON_CreateBool(value));
}

void tree_drop(cJSON *object, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
}

cJSON *tree_copy(const cJSON *tree)
{
    return x_must(cJSON_Duplicate(tree, true));
}

bool tree_equal(const cJSON *a, const cJSON *b)
{
    return !a || !b ? a == b : cJSON_Compare(a, b, true);
}

cJSON *tree_array_of(const char *const *items, size_t n)
{
    cJSON *a = x_must(cJSON_CreateArray());
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(a, x_must(cJSON_CreateString(items[i])));
    return a;
}

/* ---- RFC 7386, and what Kubernetes adds to it ---- */

static bool is_named_list(const cJSON *a)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, a)
    {
        if (!cJSON_IsString(tree_get(item, "name")))
            return false;
    }
    return cJSON_IsArray(a) && a->child;
}

static cJSON *find_named(cJSON *list, const char *name)
{
    cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (text_eq(tree_str(item, "name"), name))
            return item;
    }
    return NULL;
}

static void merge(cJSON *into, const cJSON *patch, bool is_strategic);

static void merge_list(cJSON *list, const cJSON *patch)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        cJSON *old = find_named(list, tree_str(item, "name"));
        if (text_eq(tree_str(item, "$patch"), "delete")) {
            if (old)
                cJSON_Delete(cJSON_DetachItemViaPointer(list, old));
        } else if (old) {
            merge(old, item, true);
        } else {
            cJSON_AddItemToArray(list, tree_copy(item));
        }
    }
}

static void merge(cJSON *into, const cJSON *patch, bool is_strategic)
{
    const cJSON *v;
    if (is_strategic && text_eq(tree_str(patch, "$patch"), "replace")) {
        while (into->child)
            cJSON_Delete(cJSON_DetachItemViaPointer(into, into->child));
    }
    cJSON_ArrayForEach(v, patch)
    {
        cJSON *old = tree_get(into, v->string);
        if (is_strategic && v->string[0] == '$')
            continue;
        if (cJSON_IsNull(v)) {
            tree_drop(into, v->string);
        } else if (cJSON_IsObject(v)) {
            if (!cJSON_IsObject(old)) {
                tree_take(into, v->string, cJSON_CreateObject());
                old = tree_get(into, v->string);
            }
            merge(old, v, is_strategic);
        } else if (is_strategic && is_named_list(v) && is_named_list(old)) {
            merge_list(old, v);
        } else {
            tree_take(into, v->string, tree_copy(v));
        }
    }
}

/* ---- RFC 6902 ---- */

/* One step of a JSON pointer, with ~1 and ~0 undone; NULL at the end or when it is too long. */
static const char *next_step(const char *p, char key[256])
{
    size_t n = 0;
    if (*p != '/')
        return NULL;
    for (p++; *p && *p != '/'; p++) {
        char c = *p;
        if (c == '~' && (p[1] == '0' || p[1] == '1'))
            c = *++p == '1' ? '/' : '~';
        if (n + 1 >= 256)
            return NULL;
        key[n++] = c;
    }
    key[n] = '\0';
    return p;
}

static cJSON *member(cJSON *of, const char *key)
{
    int64_t i;
    if (cJSON_IsObject(of))
        return tree_get(of, key);
    if (cJSON_IsArray(of) && text_to_int(key, strlen(key), 0, 100000, &i))
        return cJSON_GetArrayItem(of, (int)i);
    return NULL;
}

/* The container that holds the pointer's last step, and that step. */
static cJSON *container_of(cJSON *root, const char *pointer, char last[256])
{
    cJSON *at = root;
    const char *p = next_step(pointer, last);
    while (p && *p && at) {
        at = member(at, last);
        p = next_step(p, last);
    }
    return p ? at : NULL;
}

static cJSON *pointed(cJSON *root, const char *pointer)
{
    char last[256];
    cJSON *in = pointer[0] ? container_of(root, pointer, last) : root;
    return !pointer[0] ? root : in ? member(in, last) : NULL;
}

/* cJSON_InsertItemInArray of Debian 12 refuses every place but the first: the rest goes behind the
 * new one. */
static void insert(cJSON *array, int at, cJSON *value)
{
    cJSON *next;
    int behind = cJSON_GetArraySize(array) - at;
    cJSON_AddItemToArray(array, value);
    while (behind-- > 0 && (next = cJSON_DetachItemFromArray(array, at)))
        cJSON_AddItemToArray(array, next);
}

static bool put(cJSON *root, const char *pointer, cJSON *value, bool is_replace)
{
    char last[256];
    int64_t i;
    cJSON *in = container_of(root, pointer, last), *old = in ? member(in, last) : NULL;
    if (in && (old || !is_replace)) {
        if (cJSON_IsObject(in)) {
            tree_take(in, last, value);
            return true;
        }
        if (cJSON_IsArray(in) && text_eq(last, "-") && !is_replace)
            return cJSON_AddItemToArray(in, value);
        if (cJSON_IsArray(in) && text_to_int(last, strlen(last), 0, cJSON_GetArraySize(in), &i)) {
            if (is_replace)
                return cJSON_ReplaceItemInArray(in, (int)i, value);
            insert(in, (int)i, value);
            return true;
        }
    }
    cJSON_Delete(value);
    return false;
}

static bool take_away(cJSON *root, const char *pointer)
{
    char last[256];
    cJSON *in = container_of(root, pointer, last), *old = in ? member(in, last) : NULL;
    if (old)
        cJSON_Delete(cJSON_DetachItemViaPointer(in, old));
    return old != NULL;
}

static bool operate(cJSON *root, const cJSON *op)
{
    const char *verb = tree_str(op, "op"), *path = tree_str(op, "path"),
               *from = tree_str(op, "from");
    const cJSON *value = tree_get(op, "value");
    if (text_eq(verb, "test"))
        return value && pointed(root, path) && tree_equal(pointed(root, path), value);
    if (text_eq(verb, "remove"))
        return take_away(root, path);
    if ((text_eq(verb, "add") || text_eq(verb, "replace")) && value)
        return put(root, path, tree_copy(value), text_eq(verb, "replace"));
    const cJSON *source = pointed(root, from);
    if ((text_eq(verb, "copy") || text_eq(verb, "move")) && source) {
        cJSON *copy = tree_copy(source);
        if (text_eq(verb, "move"))
            take_away(root, from);
        return put(root, path, copy, false);
    }
    return false;
}

enum err_code tree_patch(cJSON **tree, const cJSON *patch, enum tree_patch how, struct err *e)
{
    const cJSON *op;
    if (how != PATCH_JSON) {
        if (!cJSON_IsObject(patch))
            return err_set(e, ERR_PARSE, 0, "a merge patch must be an object");
        merge(*tree, patch, how == PATCH_STRATEGIC);
        return ERR_OK;
    }
    if (!cJSON_IsArray(patch))
        return err_set(e, ERR_PARSE, 0, "a JSON patch must be a list");
    cJSON_ArrayForEach(op, patch)
    {
        if (!operate(*tree, op))
            return err_set(e, ERR_PARSE, 0, "%.16s of \"%.120s\" cannot be done",
                           tree_str(op, "op"), tree_str(op, "path"));
    }
    return ERR_OK;
}
