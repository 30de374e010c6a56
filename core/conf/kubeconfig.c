/*
 * Reading and merging.  A file becomes a YAML tree; the merge is a list of (name, entry, file) for
 * each of clusters, users and contexts, in the order of the files: whoever came first stays.
 * Nothing is copied out until a context is resolved (kubeconfig_resolve.c).
 */
#include "core/conf/kubeconfig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/conf/kubeconfig_internal.h"

enum { REPORT_BYTES = 64 * 1024 };

static void report(struct kubeconfig *k, struct buf *all, struct err *first, const struct err *e)
{
    (void)k;
    if (all) {
        buf_adds(all, e->text);
        buf_addc(all, '\n');
    }
    if (first && !first->code)
        *first = *e;
}

static const char *const sections[] = { "clusters", "users", "contexts" };
static const char *const bodies[] = { "cluster", "user", "context" };

static void warn_unknown(struct kubeconfig *k, const char *file, const struct yaml_node *map,
                         const char *const *known, size_t n)
{
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++) {
        const struct yaml_node *key = map->keys[i];
        bool is_known = false;
        for (size_t j = 0; j < n && !is_known; j++)
            is_known = text_eq(key->text, known[j]);
        if (is_known)
            continue;
        const char *near = text_nearest(key->text, known, n);
        buf_addf(&k->warnings, "%s:%d:%d: unknown key \"%.60s\"%s%s%s\n", file, key->line, key->col,
                 key->text, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

static void warn_entry(struct kubeconfig *k, int section, const char *file,
                       const struct yaml_node *body)
{
    static const char *const cluster[] = {
        "server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority",
        "certificate-authority-data", "proxy-url", "disable-compression", "extensions" };
    static const char *const user[] = {
        "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token",
        "tokenFile", "as", "as-uid", "as-groups", "as-user-extra", "username", "password",
        "auth-provider", "exec", "extensions" };
    static const char *const context[] = { "cluster", "user", "namespace", "extensions" };
    if (section == KUBE_CLUSTERS)
        warn_unknown(k, file, body, cluster, ARRAY_LEN(cluster));
    else if (section == KUBE_USERS)
        warn_unknown(k, file, body, user, ARRAY_LEN(user));
    else
        warn_unknown(k, file, body, context, ARRAY_LEN(context));
}

struct kube_entry *kubeconfig_find(const struct kubeconfig *k, int section, const char *name)
{
    for (struct kube_entry *en = k->entries[section]; en; en = en->next) {
        if (text_eq(en->name, name))
            return en;
    }
    return NULL;
}

static enum err_code add_entry(struct kubeconfig *k, int section, const char *file,
                               const struct yaml_node *item, struct err *e)
{
    const char *name = yaml_text(yaml_get(item, "name"));
    if (item->kind != YAML_MAP || !name)
        return err_set(e, ERR_CONFIG, 0, "%s:%d:%d: an entry of %s without a name", file, item->line,
                       item->col, sections[section]);
    struct kube_entry *there = kubeconfig_find(k, section, name);
    if (there && there->file == file)
        return err_set(e, ERR_CONFIG, 0, "%s:%d:%d: duplicate name \"%.60s\" in %s", file, item->line,
                       item->col, name, sections[section]);
    const struct yaml_node *body = yaml_get(item, bodies[section]);
    warn_entry(k, section, file, body);
    if (there)
        return ERR_OK; /* an earlier file wins, whole */
    struct kube_entry *en = arena_alloc(&k->arena, sizeof *en);
    *en = (struct kube_entry){ .name = name, .file = file, .body = body, .line = item->line,
                               .col = item->col };
    struct kube_entry **end = &k->entries[section];
    while (*end)
        end = &(*end)->next;
    *end = en;
    return ERR_OK;
}

static enum err_code add_file(struct kubeconfig *k, const char *file, const struct yaml_node *root,
                              struct buf *all, struct err *first)
{
    static const char *const top[] = { "apiVersion", "kind", "preferences", "clusters", "users",
                                       "contexts", "current-context", "extensions" };
    struct err e = { 0 };
    if (root->kind != YAML_MAP) {
        err_set(&e, ERR_CONFIG, 0, "%s:%d:%d: a kubeconfig is a mapping", file, root->line, root->col);
        report(k, all, first, &e);
        return ERR_CONFIG;
    }
    warn_unknown(k, file, root, top, ARRAY_LEN(top));
    const struct yaml_node *kind = yaml_get(root, "kind");
    if (yaml_text(kind) && !text_eq(yaml_text(kind), "Config")) {
        err_set(&e, ERR_CONFIG, 0, "%s:%d:%d: kind is \"%.40s\", not Config", file, kind->line,
                kind->col, kind->text);
        report(k, all, first, &e);
        return ERR_CONFIG;
    }
    const char *current = yaml_text(yaml_get(root, "current-context"));
    if (current && current[0] && !k->current) /* "", as kubectl writes it, sets nothing */
        k->current = current;
    enum err_code err = ERR_OK;
    for (int s = 0; s < KUBE_SECTIONS; s++) {
        const struct yaml_node *list = yaml_get(root, sections[s]);
        if (yaml_is_null(list))
            continue;
        if (list->kind != YAML_SEQ) {
            err = err_set(&e, ERR_CONFIG, 0, "%s:%d:%d: %s must be a list", file, list->line,
                          list->col, sections[s]);
            report(k, all, first, &e);
            continue;
        }
        for (size_t i = 0; i < list->n; i++) {
            e = (struct err){ 0 };
            if (add_entry(k, s, file, list->items[i], &e)) {
                err = ERR_CONFIG;
                report(k, all, first, &e);
            }
        }
    }
    return err;
}

/* The files to read: --kubeconfig alone; else KUBECONFIG's list; else ~/.kube/config. */
static size_t list_files(struct kubeconfig *k, const struct kube_overrides *o,
                         const char *(*env)(const char *), const char *files[KUBECONFIG_FILES])
{
    size_t n = 0;
    const char *list = env("KUBECONFIG"), *home = env("HOME");
    if (o->kubeconfig && o->kubeconfig[0]) {
        files[n++] = arena_strdup(&k->arena, o->kubeconfig);
        return n;
    }
    if (list && list[0]) {
        for (const char *p = list; n < KUBECONFIG_FILES;) {
            size_t len = strcspn(p, ":");
            const char *file = arena_strndup(&k->arena, p, len);
            bool is_there = !len;
            for (size_t i = 0; i < n && !is_there; i++)
                is_there = text_eq(files[i], file);
            if (!is_there)
                files[n++] = file;
            if (!p[len])
                break;
            p += len + 1;
        }
        return n;
    }
    if (home && home[0])
        files[n++] = arena_printf(&k->arena, "%s/.kube/config", home);
    return n;
}

enum err_code kubeconfig_load(const struct kube_overrides *o, const char *(*env)(const char *),
                              struct kubeconfig **out, struct buf *all, struct err *e)
{
    struct kubeconfig *k = x_calloc(1, sizeof *k);
    const char *files[KUBECONFIG_FILES];
    struct err first = { 0 };
    size_t missing = 0;
    k->warnings = BUF_INIT(REPORT_BYTES);
    size_t n = list_files(k, o, env, files);
    for (size_t i = 0; i < n; i++) {
        struct yaml_node *root = NULL;
        struct err one = { 0 };
        enum err_code err = yaml_load(&k->arena, files[i], KUBECONFIG_BYTES, &root, &one);
        bool is_missing = err == ERR_IO && one.native == ENOENT;
        if (is_missing && !(o->kubeconfig && o->kubeconfig[0])) {
            missing++;
            continue;
        }
        if (err) {
            one.code = one.code == ERR_IO ? ERR_CONFIG : one.code;
            report(k, all, &first, &one);
        } else if (root) {
            add_file(k, files[i], root, all, &first);
        }
    }
    k->n_files = n;
    k->n_missing = missing;
    const char *list = env("KUBECONFIG");
    if (n && missing == n && list && list[0] && !(o->kubeconfig && o->kubeconfig[0]))
        buf_addf(&k->warnings, "KUBECONFIG=%s: no such file\n", list);
    if (first.code) {
        kubeconfig_free(k);
        if (e)
            *e = first;
        return first.code;
    }
    *out = k;
    return ERR_OK;
}

void kubeconfig_free(struct kubeconfig *k)
{
    if (!k)
        return;
    arena_release(&k->arena);
    buf_release(&k->warnings);
    free(k);
}

bool kubeconfig_is_empty(const struct kubeconfig *k)
{
    return !k->entries[KUBE_CLUSTERS] && !k->entries[KUBE_USERS] && !k->entries[KUBE_CONTEXTS] &&
           !k->current;
}

bool kubeconfig_is_absent(const struct kubeconfig *k)
{
    return k->n_missing == k->n_files;
}

const char *kubeconfig_current_context(const struct kubeconfig *k)
{
    return k->current ? k->current : "";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t kubeconfig_contexts(const struct kubeconfig *k, const char *const **out)
{
    struct kubeconfig *own = (struct kubeconfig *)(uintptr_t)k; /* the list is made at the first call */
    size_t n = 0;
    for (struct kube_entry *en = k->entries[KUBE_CONTEXTS]; en; en = en->next)
        n++;
    if (!k->names) {
        own->names = arena_alloc(&own->arena, (n + 1) * sizeof *own->names);
        size_t i = 0;
        for (struct kube_entry *en = k->entries[KUBE_CONTEXTS]; en; en = en->next)
            own->names[i++] = en->name;
        qsort(own->names, n, sizeof *own->names, by_text);
    }
    *out = k->names;
    return n;
}

const char *kubeconfig_warnings(const struct kubeconfig *k)
{
    return buf_str(&k->warnings);
}
