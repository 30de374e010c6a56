/*
 * core/conf/kubeconfig.h - from KUBECONFIG files (or the pod we run in) to one API server and the
 * way to log in to it.
 *
 * kubeconfig_load reads and merges the files; kubeconfig_resolve picks a context and checks it whole.
 * Nothing here opens a socket or runs a program; certificate, key and token FILES are not read
 * (they change while we run), only named by absolute path.
 *
 * Shape    the contract is clientcmd's: the first file that names a cluster, user or context wins
 *          whole; the first current-context wins; relative paths are relative to their own file
 * Limits   KUBECONFIG_BYTES a file, KUBECONFIG_FILES files; YAML aliases may expand to 10,000 nodes
 * Errors   ERR_CONFIG "FILE:LINE:COL: what", every one of them joined by newlines in `all`
 * Thread   any        Owns   struct kube_target owns its strings until kube_target_release
 * Source   k8s.io/client-go/tools/clientcmd
 */
#ifndef CONF_KUBECONFIG_H
#define CONF_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { KUBECONFIG_BYTES = 4 * 1024 * 1024, KUBECONFIG_FILES = 64 };

/* What the command line and our own config say; NULL = not said. */
struct kube_overrides {
    const char *kubeconfig; /* --kubeconfig: only this file; missing = error */
    const char *context, *cluster, *user, *ns, *server;
    const char *as, *as_uid, *token, *proxy_url, *tls_server_name, *certificate_authority;
    const char *const *as_groups;
    size_t n_as_groups;
    bool insecure_skip_tls_verify, disable_compression; /* true = said */
};

enum exec_interactive { EXEC_NEVER, EXEC_IF_AVAILABLE, EXEC_ALWAYS };

struct exec_plugin {
    const char *command; /* absolute when it held a '/', else looked up in PATH */
    const char *const *args;
    size_t n_args;
    const char *const *env; /* "NAME=value" */
    size_t n_env;
    const char *api_version; /* client.authentication.k8s.io/v1 or v1beta1 */
    const char *install_hint;
    bool provide_cluster_info;
    enum exec_interactive interactive;
    const char *cluster_config; /* JSON of the cluster's client.authentication.k8s.io/exec extension; NULL = none */
};

struct kube_header {
    const char *name, *value;
};

struct kube_target {
    struct arena arena;
    const char *context, *cluster, *user;
    const char *ns;     /* of the context, or "default" */
    const char *server; /* "https://host:6443/prefix": no query, no fragment, no '/' at the end */
    bool is_tls;        /* http:// servers get no credentials */
    const char *ca_file, *ca_pem; /* NULL = the system's; data wins over file */
    bool is_insecure;
    const char *tls_server_name, *proxy_url; /* socks5 comes out as socks5h: names resolve at the proxy */
    bool disable_compression;
    const char *cert_file, *cert_pem, *key_file, *key_pem; /* *_pem: decoded from -data */
    const char *token, *token_file; /* the file wins */
    const char *username, *password;
    const char *as, *as_uid;
    const char *const *as_groups;
    size_t n_as_groups;
    const struct kube_header *as_extra; /* name without "Impersonate-Extra-" */
    size_t n_as_extra;
    const struct exec_plugin *exec; /* NULL = none; ignored by contract when token, basic or a certificate is there */
    const char *origin; /* "/home/me/.kube/config" or "in-cluster": where the context came from */
};

struct kubeconfig; /* the merged files */

/* `env` looks up an environment variable (getenv; tests give their own).  `all` (may be NULL) gets
 * every error, a line each; `e` the first.  Missing files of a KUBECONFIG list are skipped. */
MUST_USE enum err_code kubeconfig_load(const struct kube_overrides *o,
                                       const char *(*env)(const char *name),
                                       struct kubeconfig **out, struct buf *all, struct err *e);
void kubeconfig_free(struct kubeconfig *k);
bool kubeconfig_is_empty(const struct kubeconfig *k);
bool kubeconfig_is_absent(const struct kubeconfig *k); /* not one of its files is there */
const char *kubeconfig_current_context(const struct kubeconfig *k); /* "" = none */
size_t kubeconfig_contexts(const struct kubeconfig *k, const char *const **out); /* sorted; borrowed */
/* Unknown keys and other things that kubectl tolerates, a line each with file:line:col: for doctor. */
const char *kubeconfig_warnings(const struct kubeconfig *k);

/* Picks the context (overrides, else current-context, else in-cluster when there is no file). */
MUST_USE enum err_code kubeconfig_resolve(const struct kubeconfig *k, const struct kube_overrides *o,
                                          const char *(*env)(const char *name),
                                          struct kube_target *out, struct buf *all, struct err *e);
void kube_target_release(struct kube_target *t);

#endif
