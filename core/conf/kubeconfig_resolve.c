/*
 * From a merged kubeconfig to one target.  Every rule that fails is reported; the first one is the
 * error.  The rules are those of clientcmd's validation and of client-go's transport.
 */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/conf/kubeconfig_internal.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct resolver {
    struct kube_target *t;
    const struct kube_overrides *o;
    struct buf *all;
    struct err first;
};

static void bad(struct resolver *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void bad(struct resolver *r, const char *fmt, ...)
{
    struct err e;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e.text, sizeof e.text, fmt, ap);
    va_end(ap);
    e.code = ERR_CONFIG;
    e.native = 0;
    if (r->all) {
        buf_adds(r->all, e.text);
        buf_addc(r->all, '\n');
    }
    if (!r->first.code)
        r->first = e;
}

static const struct yaml_node *node(const struct kube_entry *en, const char *key)
{
    return en ? yaml_get(en->body, key) : NULL;
}

static const char *text(struct resolver *r, const struct kube_entry *en, const char *key)
{
    const struct yaml_node *n = node(en, key);
    if (n && !yaml_is_null(n) && n->kind != YAML_SCALAR)
        bad(r, "%s:%d:%d: %s must be text", en->file, n->line, n->col, key);
    const char *s = yaml_text(n);
    return s && s[0] ? arena_strdup(&r->t->arena, s) : NULL;
}

static bool flag(struct resolver *r, const struct kube_entry *en, const char *key)
{
    const struct yaml_node *n = node(en, key);
    bool v = false;
    if (!yaml_is_null(n) && !yaml_bool(n, &v))
        bad(r, "%s:%d:%d: %s must be true or false", en->file, n->line, n->col, key);
    return v;
}

/* Relative to the file that says it. */
static const char *path(struct resolver *r, const struct kube_entry *en, const char *key)
{
    const char *s = text(r, en, key);
    if (!s || s[0] == '/')
        return s;
    const char *slash = strrchr(en->file, '/');
    char cwd[1024] = "";
    if (en->file[0] != '/' && !getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    return arena_printf(&r->t->arena, "%s%s%.*s%s", cwd, cwd[0] ? "/" : "",
                        slash ? (int)(slash - en->file + 1) : 0, en->file, s);
}

static const char *base64(struct resolver *r, const struct kube_entry *en, const char *key)
{
    const struct yaml_node *n = node(en, key);
    const char *s = text(r, en, key);
    if (!s)
        return NULL;
    size_t len = 0, room = strlen(s);
    char *packed = arena_alloc(&r->t->arena, room + 1);
    for (const char *p = s; *p; p++) {
        if (!strchr(" \t\r\n", *p))
            packed[len++] = *p;
    }
    unsigned char *out = arena_alloc(&r->t->arena, room + 4);
    int got = len % 4 ? -1 : EVP_DecodeBlock(out, (const unsigned char *)packed, (int)len);
    if (got < 0) {
        bad(r, "%s:%d:%d: %s is not base64", en->file, n->line, n->col, key);
        return NULL;
    }
    for (size_t i = len; i && packed[i - 1] == '=' && got > 0; i--)
        got--; /* EVP counts the padding as bytes */
    out[got] = '\0';
    return (const char *)out;
}

static void both(struct resolver *r, const struct kube_entry *en, const char *a, const char *b)
{
    const struct yaml_node *n = node(en, b);
    if (yaml_text(node(en, a)) && yaml_text(n) && n->text[0] && node(en, a)->text[0])
        bad(r, "%s:%d:%d: %s and %s are both set for \"%.60s\"", en->file, n->line, n->col, a, b,
            en->name);
}

static void resolve_server(struct resolver *r, const struct kube_entry *en)
{
    struct kube_target *t = r->t;
    const char *s = r->o->server && r->o->server[0] ? arena_strdup(&t->arena, r->o->server)
                                                    : text(r, en, "server");
    const char *where = en ? en->file : "--server";
    if (!s) {
        bad(r, "%s:%d:%d: cluster \"%.60s\" has no server", where, en ? en->line : 0,
            en ? en->col : 0, t->cluster);
        t->server = "";
        return;
    }
    bool has_tls = t->ca_file || t->ca_pem || t->is_insecure || t->cert_file || t->cert_pem;
    if (!strstr(s, "://")) /* client-go: a bare host is https when TLS is set up, else http */
        s = arena_printf(&t->arena, "%s%s", has_tls ? "https://" : "http://", s);
    t->is_tls = text_starts(s, "https://");
    const char *host = strstr(s, "://") + 3;
    size_t n = strcspn(s, "?#");
    while (n && s[n - 1] == '/')
        n--;
    if ((!t->is_tls && !text_starts(s, "http://")) || !host[0] || strchr("/:?#", host[0]) ||
        strpbrk(s, " \t\r\n\"<>\\^`{|}") || memchr(s, '@', strcspn(host, "/") + (size_t)(host - s)))
        bad(r, "%s:%d:%d: server \"%.80s\" is not a URL like https://host:6443", where,
            en ? en->line : 0, en ? en->col : 0, s);
    t->server = arena_strndup(&t->arena, s, n);
}

static void resolve_proxy(struct resolver *r, const struct kube_entry *en)
{
    const char *s = r->o->proxy_url ? arena_strdup(&r->t->arena, r->o->proxy_url)
                                    : text(r, en, "proxy-url");
    const char *rest = s;
    if (!s)
        return;
    if (text_skip(&rest, "socks5://")) /* Go resolves names at the proxy: curl calls that socks5h */
        s = arena_printf(&r->t->arena, "socks5h://%s", rest);
    else if (!text_starts(s, "http://") && !text_starts(s, "https://") &&
             !text_starts(s, "socks5h://"))
        bad(r, "%s:%d:%d: proxy-url \"%.80s\" must begin with http://, https:// or socks5://",
            en ? en->file : "--proxy-url", en ? en->line : 0, en ? en->col : 0, s);
    r->t->proxy_url = s;
}

static void resolve_cluster(struct resolver *r, const struct kube_entry *en)
{
    struct kube_target *t = r->t;
    both(r, en, "certificate-authority", "certificate-authority-data");
    t->ca_file = path(r, en, "certificate-authority");
    t->ca_pem = base64(r, en, "certificate-authority-data");
    if (r->o->certificate_authority) {
        t->ca_file = arena_strdup(&t->arena, r->o->certificate_authority);
        t->ca_pem = NULL;
    }
    t->is_insecure = flag(r, en, "insecure-skip-tls-verify");
    if (r->o->insecure_skip_tls_verify) { /* said by hand: it stands in for the file's CA */
        t->is_insecure = true;
        t->ca_file = t->ca_pem = NULL;
    }
    if (t->is_insecure && (t->ca_file || t->ca_pem))
        bad(r, "%s:%d:%d: cluster \"%.60s\" has a certificate-authority and "
               "insecure-skip-tls-verify: one of them must go", en->file, en->line, en->col, en->name);
    t->tls_server_name = r->o->tls_server_name ? arena_strdup(&t->arena, r->o->tls_server_name)
                                               : text(r, en, "tls-server-name");
    t->disable_compression = r->o->disable_compression || flag(r, en, "disable-compression");
    resolve_proxy(r, en);
}

/* ---- users ---- */

static void resolve_certificate(struct resolver *r, const struct kube_entry *en)
{
    struct kube_target *t = r->t;
    both(r, en, "client-certificate", "client-certificate-data");
    both(r, en, "client-key", "client-key-data");
    t->cert_file = path(r, en, "client-certificate");
    t->cert_pem = base64(r, en, "client-certificate-data");
    t->key_file = path(r, en, "client-key");
    t->key_pem = base64(r, en, "client-key-data");
    bool has_cert = t->cert_file || t->cert_pem, has_key = t->key_file || t->key_pem;
    if (en && has_cert && !has_key && !r->first.code)
        bad(r, "%s:%d:%d: user \"%.60s\" has a client-certificate without its client-key", en->file, en->line,
            en->col, en->name);
    if (!has_cert) /* a key alone means nothing to clientcmd */
        t->key_file = t->key_pem = NULL;
}

static const char *const *list(struct resolver *r, const struct kube_entry *en,
                               const struct yaml_node *seq, const char *key, size_t *n)
{
    *n = 0;
    if (yaml_is_null(seq))
        return NULL;
    if (seq->kind != YAML_SEQ) {
        bad(r, "%s:%d:%d: %s must be a list", en->file, seq->line, seq->col, key);
        return NULL;
    }
    const char **out = arena_alloc(&r->t->arena, (seq->n + 1) * sizeof *out);
    for (size_t i = 0; i < seq->n; i++) {
        if (seq->items[i]->kind != YAML_SCALAR)
            bad(r, "%s:%d:%d: %s holds text only", en->file, seq->items[i]->line, seq->items[i]->col, key);
        else
            out[(*n)++] = arena_strdup(&r->t->arena, seq->items[i]->text);
    }
    return out;
}

static void resolve_impersonation(struct resolver *r, const struct kube_entry *en)
{
    struct kube_target *t = r->t;
    const struct kube_overrides *o = r->o;
    t->as = o->as ? arena_strdup(&t->arena, o->as) : text(r, en, "as");
    t->as_uid = o->as_uid ? arena_strdup(&t->arena, o->as_uid) : text(r, en, "as-uid");
    t->as_groups = list(r, en, node(en, "as-groups"), "as-groups", &t->n_as_groups);
    if (o->n_as_groups) {
        t->as_groups = o->as_groups;
        t->n_as_groups = o->n_as_groups;
    }
    const struct yaml_node *extra = node(en, "as-user-extra");
    if (!yaml_is_null(extra) && extra->kind == YAML_MAP) {
        size_t total = 0;
        for (size_t i = 0; i < extra->n; i++)
            total += extra->items[i]->n + 1;
        struct kube_header *h = arena_alloc(&t->arena, total * sizeof *h);
        for (size_t i = 0; i < extra->n; i++) {
            size_t n;
            const char *const *values = list(r, en, extra->items[i], "as-user-extra", &n);
            for (size_t j = 0; j < n; j++)
                h[t->n_as_extra++] = (struct kube_header){
                    arena_strdup(&t->arena, extra->keys[i]->text), values[j] };
        }
        t->as_extra = h;
    }
    if (!t->as && (t->as_uid || t->n_as_groups || t->n_as_extra))
        bad(r, "%s:%d:%d: as-groups, as-uid and as-user-extra need \"as\" as well", en ? en->file : "--as-group",
            en ? en->line : 0, en ? en->col : 0);
}

/* The cluster's extension that exec plugins get as spec.cluster.config. */
static const char *exec_extension(struct resolver *r, const struct kube_entry *cluster)
{
    const struct yaml_node *ext = node(cluster, "extensions");
    for (size_t i = 0; ext && ext->kind == YAML_SEQ && i < ext->n; i++) {
        if (!text_eq(yaml_text(yaml_get(ext->items[i], "name")), "client.authentication.k8s.io/exec"))
            continue;
        struct buf b = BUF_INIT(256 * 1024);
        yaml_to_json(&b, yaml_get(ext->items[i], "extension"));
        const char *json = arena_strndup(&r->t->arena, buf_str(&b), b.len);
        buf_release(&b);
        return json;
    }
    return NULL;
}

static enum exec_interactive interactive_of(struct resolver *r, const struct kube_entry *at,
                                            const char *mode, bool is_v1)
{
    if (!mode && is_v1)
        bad(r, "%s:%d:%d: exec with %s needs interactiveMode (Never, IfAvailable or Always)", at->file,
            at->line, at->col, "client.authentication.k8s.io/v1");
    if (mode && !text_eq(mode, "Never") && !text_eq(mode, "IfAvailable") && !text_eq(mode, "Always"))
        bad(r, "%s:%d:%d: interactiveMode \"%.40s\" is not Never, IfAvailable or Always", at->file,
            at->line, at->col, mode);
    return text_eq(mode, "Never") ? EXEC_NEVER : text_eq(mode, "Always") ? EXEC_ALWAYS : EXEC_IF_AVAILABLE;
}

static void resolve_exec(struct resolver *r, const struct kube_entry *en,
                         const struct kube_entry *cluster)
{
    const struct yaml_node *body = node(en, "exec");
    if (yaml_is_null(body))
        return;
    struct arena *a = &r->t->arena;
    struct kube_entry at = { .name = en->name, .file = en->file, .body = body, .line = body->line,
                             .col = body->col };
    struct exec_plugin *x = arena_alloc(a, sizeof *x);
    const char *command = text(r, &at, "command");
    x->api_version = text(r, &at, "apiVersion");
    x->install_hint = text(r, &at, "installHint");
    x->provide_cluster_info = flag(r, &at, "provideClusterInfo");
    x->command = command && strchr(command, '/') ? path(r, &at, "command") : command;
    x->args = list(r, &at, node(&at, "args"), "args", &x->n_args);
    if (!command)
        bad(r, "%s:%d:%d: exec of user \"%.60s\" has no command", at.file, at.line, at.col, en->name);
    bool is_v1 = text_eq(x->api_version, "client.authentication.k8s.io/v1");
    if (!is_v1 && !text_eq(x->api_version, "client.authentication.k8s.io/v1beta1"))
        bad(r, "%s:%d:%d: exec apiVersion \"%.60s\" is not client.authentication.k8s.io/v1 or /v1beta1",
            at.file, at.line, at.col, x->api_version ? x->api_version : "");
    x->interactive = interactive_of(r, &at, text(r, &at, "interactiveMode"), is_v1);
    const struct yaml_node *env = node(&at, "env");
    if (!yaml_is_null(env) && env->kind == YAML_SEQ) {
        const char **pairs = arena_alloc(a, (env->n + 1) * sizeof *pairs);
        for (size_t i = 0; i < env->n; i++) {
            const char *name = yaml_text(yaml_get(env->items[i], "name"));
            const struct yaml_node *value = yaml_get(env->items[i], "value");
            if (name && !strchr(name, '='))
                pairs[x->n_env++] = arena_printf(a, "%s=%s", name,
                                                 value && value->kind == YAML_SCALAR ? value->text : "");
            else
                bad(r, "%s:%d:%d: an env entry of exec without a name", at.file, env->items[i]->line,
                    env->items[i]->col);
        }
        x->env = pairs;
    }
    x->cluster_config = x->provide_cluster_info ? exec_extension(r, cluster) : NULL;
    r->t->exec = x;
}

static void resolve_user(struct resolver *r, const struct kube_entry *en,
                         const struct kube_entry *cluster)
{
    struct kube_target *t = r->t;
    const struct yaml_node *provider = node(en, "auth-provider");
    resolve_certificate(r, en);
    t->token = r->o->token ? arena_strdup(&t->arena, r->o->token) : text(r, en, "token");
    t->token_file = r->o->token ? NULL : path(r, en, "tokenFile");
    t->username = text(r, en, "username");
    t->password = text(r, en, "password");
    if (en && (t->token || t->token_file) && t->username)
        bad(r, "%s:%d:%d: user \"%.60s\" has a token and a username: only one way to log in is allowed",
            en->file, en->line, en->col, en->name);
    if (!yaml_is_null(provider))
        bad(r, "%s:%d:%d: auth-provider is no longer supported: use an exec plugin", en->file,
            provider->line, provider->col);
    if (en)
        resolve_exec(r, en, cluster);
    resolve_impersonation(r, en);
}

/* ---- in a pod ---- */

static bool resolve_in_cluster(struct resolver *r, const char *(*env)(const char *))
{
    struct kube_target *t = r->t;
    struct arena *a = &t->arena;
    const char *host = env("KUBERNETES_SERVICE_HOST"), *port = env("KUBERNETES_SERVICE_PORT");
    const char *dir = env("BAKEWATCH_TEST_SERVICEACCOUNT"); /* tests have no such folder at the root */
    if (!host || !host[0] || !port || !port[0])
        return false;
    if (!dir)
        dir = SERVICE_ACCOUNT;
    bool is_v6 = strchr(host, ':') != NULL;
    t->context = t->cluster = t->user = t->origin = "in-cluster";
    t->server = arena_printf(a, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    t->is_tls = true;
    t->token_file = arena_printf(a, "%s/token", dir);
    t->ca_file = arena_printf(a, "%s/ca.crt", dir);
    const char *ns = env("POD_NAMESPACE");
    char text_ns[64] = "";
    if (!ns || !ns[0]) {
        FILE *f = fopen(arena_printf(a, "%s/namespace", dir), "re");
        if (f) {
            if (!fgets(text_ns, sizeof text_ns, f))
                text_ns[0] = '\0';
            fclose(f);
            text_ns[strcspn(text_ns, " \r\n")] = '\0';
        }
        ns = text_ns[0] ? text_ns : "default";
    }
    t->ns = arena_strdup(a, ns);
    return true;
}

/* What the command line says wins over the pod's own files, as it does over a kubeconfig's. */
static void resolve_overrides_in_pod(struct resolver *r)
{
    struct kube_target *t = r->t;
    const struct kube_overrides *o = r->o;
    struct arena *a = &t->arena;
    if (o->token) {
        t->token = arena_strdup(a, o->token);
        t->token_file = NULL;
    }
    if (o->certificate_authority)
        t->ca_file = arena_strdup(a, o->certificate_authority);
    if (o->insecure_skip_tls_verify) {
        t->is_insecure = true;
        t->ca_file = NULL;
    }
    t->tls_server_name = o->tls_server_name ? arena_strdup(a, o->tls_server_name) : NULL;
    t->disable_compression = o->disable_compression;
    resolve_proxy(r, NULL);
    resolve_impersonation(r, NULL);
    if (o->ns)
        t->ns = arena_strdup(a, o->ns);
    if (!text_is_dns1123_label(t->ns))
        bad(r, "%s: namespace \"%.80s\" is not a valid name", o->ns ? "--namespace" : "POD_NAMESPACE", t->ns);
}

/* ---- all of it ---- */

static struct kube_entry *want(struct resolver *r, const struct kubeconfig *k, int section,
                               const char *name, const struct kube_entry *from)
{
    static const char *const words[] = { "cluster", "user", "context" };
    struct kube_entry *en = name && name[0] ? kubeconfig_find(k, section, name) : NULL;
    if (en || !name || !name[0])
        return en;
    if (from)
        bad(r, "%s:%d:%d: context \"%.60s\" names %s \"%.60s\", which does not exist", from->file,
            from->line, from->col, from->name, words[section], name);
    else
        bad(r, "%s \"%.60s\" does not exist in the kubeconfig", words[section], name);
    return NULL;
}

static void resolve_context(struct resolver *r, const struct kubeconfig *k)
{
    struct kube_target *t = r->t;
    const struct kube_overrides *o = r->o;
    const char *name = o->context && o->context[0] ? o->context : k->current;
    struct kube_entry *ctx = want(r, k, KUBE_CONTEXTS, name, NULL);
    if ((!name || !name[0]) && !o->cluster && !o->server) {
        bad(r, "no current-context is set: choose one with --context, or `kubectl config use-context`");
        return;
    }
    t->context = arena_strdup(&t->arena, name ? name : "");
    t->origin = ctx ? arena_strdup(&t->arena, ctx->file) : "the command line";
    const char *cluster = o->cluster ? o->cluster : text(r, ctx, "cluster");
    const char *user = o->user ? o->user : text(r, ctx, "user");
    if (r->first.code)
        return;
    t->cluster = arena_strdup(&t->arena, cluster ? cluster : "");
    t->user = arena_strdup(&t->arena, user ? user : "");
    if (ctx && !cluster && !o->server)
        bad(r, "%s:%d:%d: context \"%.60s\" names no cluster", ctx->file, ctx->line, ctx->col, ctx->name);
    struct kube_entry *c = want(r, k, KUBE_CLUSTERS, cluster, o->cluster ? NULL : ctx);
    struct kube_entry *u = want(r, k, KUBE_USERS, user, o->user ? NULL : ctx);
    bool has_cluster = c || (o->server && !r->first.code);
    if (has_cluster)
        resolve_cluster(r, c);
    if (u || !user)
        resolve_user(r, u, c);
    if (has_cluster) /* last: what a bare host means depends on both */
        resolve_server(r, c);
    if (!t->server && !r->first.code)
        bad(r, "%s: no cluster is named: give --cluster or --server", t->origin);
    const char *ns = o->ns ? o->ns : text(r, ctx, "namespace");
    t->ns = ns ? arena_strdup(&t->arena, ns) : "default";
    if (!text_is_dns1123_label(t->ns))
        bad(r, "%s:%d:%d: namespace \"%.80s\" is not a valid name", o->ns ? "--namespace" : t->origin,
            ctx && !o->ns ? ctx->line : 0, ctx && !o->ns ? ctx->col : 0, t->ns);
}

/* What is not there, and what is there but empty, are two things to look for. */
static void bad_empty(struct resolver *r, const struct kubeconfig *k, const char *(*env)(const char *))
{
    const char *list = env("KUBECONFIG"), *own = r->o->kubeconfig;
    const char *files = own && own[0] ? own : list && list[0] ? list : "~/.kube/config";
    const char *what = !kubeconfig_is_absent(k) ? "has no contexts"
                       : k->n_files > 1         ? "none of these files is there"
                                                : "is not there";
    bad(r, "no kubeconfig: %s%s %s; set KUBECONFIG or give --kubeconfig FILE", files, k->n_files > 1 ? ":" : "", what);
}

enum err_code kubeconfig_resolve(const struct kubeconfig *k, const struct kube_overrides *o,
                                 const char *(*env)(const char *), struct kube_target *out,
                                 struct buf *all, struct err *e)
{
    struct kube_target t = { 0 };
    struct resolver r = { .t = &t, .o = o, .all = all };
    t.as = t.as_uid = NULL;
    bool by_hand = (o->kubeconfig && o->kubeconfig[0]) || o->context || o->server || o->cluster;
    const char *master = env("KUBERNETES_MASTER"); /* legacy: a server for those who have no file */
    struct kube_overrides with_master = *o;
    with_master.server = master;
    if (!kubeconfig_is_empty(k) || by_hand || !resolve_in_cluster(&r, env)) {
        if (kubeconfig_is_empty(k) && !by_hand && master && master[0])
            r.o = &with_master;
        if (kubeconfig_is_empty(k) && !r.o->server)
            bad_empty(&r, k, env);
        else
            resolve_context(&r, k);
    } else {
        resolve_overrides_in_pod(&r);
    }
    if (r.first.code) {
        arena_release(&t.arena);
        if (e)
            *e = r.first;
        return r.first.code;
    }
    *out = t;
    return ERR_OK;
}

void kube_target_release(struct kube_target *t)
{
    arena_release(&t->arena);
    *t = (struct kube_target){ 0 };
}
