/*
 * core/sources/kube_auth.h - what proves to the API server who we are, kept fresh.
 *
 * Order of client-go: token file, token, basic, client certificate; an exec plugin only where none
 * of these is there.  Files are read again when their size or time changes (the token file at most
 * every 10 s; a file that cannot be read keeps the old value).  A plugin's answer is kept until its
 * expirationTimestamp, or until the server says 401.
 *
 * Limits   files of 1 MiB; a plugin has KUBE_PLUGIN_MS, its stderr is cleaned and the last line shown
 * Secrets  every token is registered with the log's mask
 * Thread   the loop's
 */
#ifndef SOURCES_KUBE_AUTH_H
#define SOURCES_KUBE_AUTH_H

#include "core/conf/kubeconfig.h"
#include "core/loop/http.h"

struct kube_auth;
struct kube_auth *kube_auth_new(struct loop *l, const struct kube_target *t,
                                void (*on_ready)(void *ctx), void *ctx);
void kube_auth_free(struct kube_auth *a);

enum auth_state { AUTH_READY, AUTH_RUNNING, AUTH_FAILED };
/* Starts the plugin when it must; on_ready is called when RUNNING ends, either way.  AUTH_FAILED
 * tells why in `e` and is tried again at the next call. */
enum auth_state kube_auth_prepare(struct kube_auth *a, struct err *e);
/* Which credentials are in use: changes with each new token or plugin's answer. */
uint64_t kube_auth_stamp(const struct kube_auth *a);
uint64_t kube_auth_tls_stamp(const struct kube_auth *a); /* of CA, certificate and key alone */
/* The server said 401 to the credentials of `stamp`: forget what was cached, if it is still that.
 * False when nothing could be better next time. */
bool kube_auth_reject(struct kube_auth *a, uint64_t stamp);
/* Valid until the next call of any of these. */
struct http_tls kube_auth_tls(struct kube_auth *a);
const char *kube_auth_header(struct kube_auth *a); /* "Authorization: ..." or NULL */

/* Pure, for tests and the fuzzer: an ExecCredential of the API version that we asked with. */
struct exec_credential {
    char *token, *cert_pem, *key_pem;
    int64_t expires_ms; /* TIME_NONE = until 401 */
};
MUST_USE enum err_code exec_credential_decode(const char *p, size_t n, const char *api_version,
                                              struct exec_credential *out, struct err *e);
void exec_credential_release(struct exec_credential *c);

#endif
