#include "core/sources/kube_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/loop/child.h"
#include "core/sources/kube.h"

extern char **environ;

enum { FILE_CAP = 1024 * 1024, TOKEN_FILE_MS = 10000, CERT_FILE_MS = 10000, PLUGIN_RETRY_MS = 5000,
       EXPIRY_LEEWAY_MS = 10000, REFUSAL_FRESH_MS = 120000, REFUSAL_FIRST_MS = 5000, REFUSAL_MOST_MS = 60000 };

struct watched_file { /* a file whose content we hold, read again when it changes */
    const char *path;
    char *text;
    struct timespec mtime;
    off_t size;
    ino_t inode;
    int64_t looked_ms;
    bool is_token;
};

struct kube_auth {
    struct loop *loop;
    const struct kube_target *t;
    void (*on_ready)(void *ctx);
    void *ctx;
    struct watched_file ca, cert, key, token;
    bool uses_plugin, has_credential;
    uint64_t stamp, tls_stamp;
    struct exec_credential cred;
    struct child *child;
    struct err failed;
    int64_t failed_ms; /* io clock; 0 = no failure to remember */
    int64_t given_ms, no_sooner_ms; /* io clock: of the plugin's last answer; of its next run after refusals */
    int n_refused;
    struct backoff refusals;
    char *header;
};

static bool read_file(const char *path, char **out, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_size <= FILE_CAP;
    struct buf b = BUF_INIT(FILE_CAP);
    char bytes[16384];
    ssize_t n = 0;
    while (ok && (n = read(fd, bytes, sizeof bytes)) > 0)
        ok = buf_add(&b, bytes, (size_t)n);
    close(fd);
    if (!ok || n < 0) {
        buf_release(&b);
        return false;
    }
    *out = buf_take(&b);
    return true;
}

/* Looks at most every `every_ms`; true when the content is another than before. */
static bool file_refresh(struct watched_file *f, int64_t every_ms)
{
    int64_t now = clock_io_ms();
    if (!f->path || (f->looked_ms && now - f->looked_ms < every_ms))
        return false;
    f->looked_ms = now;
    struct stat st;
    if (stat(f->path, &st)) {
        log_put(LOG_WARN, "auth", "cannot read %s: %s", f->path, strerror(errno));
        return false;
    }
    if (f->text && st.st_size == f->size && st.st_ino == f->inode &&
        st.st_mtim.tv_sec == f->mtime.tv_sec && st.st_mtim.tv_nsec == f->mtime.tv_nsec)
        return false;
    char *text = NULL;
    if (!read_file(f->path, &text, &st)) {
        log_put(LOG_WARN, "auth", "cannot read %s: %s", f->path, strerror(errno));
        return false;
    }
    f->size = st.st_size;
    f->inode = st.st_ino;
    f->mtime = st.st_mtim;
    char *from = text + strspn(text, " \t\r\n");
    if (f->is_token) { /* trimmed; an empty one is a file that is just being written: the old one stays */
        memmove(text, from, strlen(from) + 1);
        for (size_t n = strlen(text); n && strchr(" \t\r\n", text[n - 1]);)
            text[--n] = '\0';
    }
    bool changed = !f->text || strcmp(f->text, text) != 0;
    if (changed && f->is_token && !text[0] && f->text && f->text[0]) {
        log_put(LOG_WARN, "auth", "%s is empty: the token from before is used", f->path);
        free(text);
        return false;
    }
    if (changed) {
        free(f->text);
        f->text = text;
    } else {
        free(text);
    }
    return changed;
}

struct kube_auth *kube_auth_new(struct loop *l, const struct kube_target *t,
                                void (*on_ready)(void *ctx), void *ctx)
{
    struct kube_auth *a = x_calloc(1, sizeof *a);
    a->loop = l;
    a->t = t;
    a->on_ready = on_ready;
    a->ctx = ctx;
    a->ca.path = t->ca_pem ? NULL : t->ca_file;
    a->cert.path = t->cert_pem ? NULL : t->cert_file;
    a->key.path = t->key_pem ? NULL : t->key_file;
    a->token.path = t->token_file;
    a->token.is_token = true;
    a->uses_plugin = t->is_tls && t->exec && !t->token && !t->token_file && !t->username &&
                     !t->cert_pem && !t->cert_file;
    a->refusals = (struct backoff){ .first_ms = REFUSAL_FIRST_MS, .most_ms = REFUSAL_MOST_MS };
    log_secret(t->token);
    log_secret(t->password);
    return a;
}

void kube_auth_free(struct kube_auth *a)
{
    if (!a)
        return;
    child_kill(a->child);
    exec_credential_release(&a->cred);
    free(a->ca.text);
    free(a->cert.text);
    free(a->key.text);
    free(a->token.text);
    free(a->header);
    free(a);
}

void exec_credential_release(struct exec_credential *c)
{
    free(c->token);
    free(c->cert_pem);
    free(c->key_pem);
    *c = (struct exec_credential){ .expires_ms = TIME_NONE };
}

static char *member(struct json_span status, const char *key)
{
    struct buf b = BUF_INIT(FILE_CAP);
    if (json_str_add(json_get(status, key), &b) && b.len)
        return buf_take(&b);
    buf_release(&b);
    return NULL;
}

enum err_code exec_credential_decode(const char *p, size_t n, const char *api_version,
                                     struct exec_credential *out, struct err *e)
{
    struct json_span doc;
    enum err_code err = json_check(p, n, &doc, e);
    if (err)
        return err;
    if (!json_str_is(json_get(doc, "kind"), "ExecCredential"))
        return err_set(e, ERR_PARSE, 0, "the plugin printed no ExecCredential");
    if (!json_str_is(json_get(doc, "apiVersion"), api_version))
        return err_set(e, ERR_PARSE, 0, "the plugin answered in another apiVersion than %s",
                       api_version);
    struct json_span status = json_get(doc, "status");
    struct exec_credential c = { .expires_ms = TIME_NONE };
    c.token = member(status, "token");
    c.cert_pem = member(status, "clientCertificateData");
    c.key_pem = member(status, "clientKeyData");
    struct json_span when = json_get(status, "expirationTimestamp");
    bool bad_time = json_kind(when) == JSON_STRING &&
                    !clock_parse_rfc3339(when.p + 1, when.n - 2, &c.expires_ms);
    const char *why = !c.token && !c.cert_pem        ? "gave neither a token nor a certificate"
                      : !c.cert_pem != !c.key_pem    ? "gave a certificate without its key, or a key alone"
                      : bad_time                     ? "gave an expirationTimestamp that is no time"
                                                     : NULL;
    if (why) {
        exec_credential_release(&c);
        return err_set(e, ERR_PARSE, 0, "the plugin %s", why);
    }
    *out = c;
    return ERR_OK;
}

/* The last line of what a plugin said on stderr: that is where programs put the cause. */
static void last_line(const char *s, char out[160])
{
    size_t n = strlen(s);
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r' || s[n - 1] == ' '))
        n--;
    size_t start = n;
    while (start && s[start - 1] != '\n')
        start--;
    text_clean_to(out, 160, s + start, n - start);
}

static void on_plugin(void *ctx, const struct child_result *r)
{
    struct kube_auth *a = ctx;
    const struct exec_plugin *x = a->t->exec;
    char said[160];
    last_line(r->err_text, said);
    a->child = NULL;
    struct exec_credential c;
    if (r->is_timeout)
        err_set(&a->failed, ERR_TIMEOUT, 0, "exec plugin %s did not answer in %d s", x->command,
                KUBE_PLUGIN_MS / 1000);
    else if (r->exit_code)
        err_set(&a->failed, ERR_AUTH, r->exit_code, "exec plugin %s failed (exit %d)%s%s",
                x->command, r->exit_code, said[0] ? ": " : "", said);
    else if (r->is_cut)
        err_set(&a->failed, ERR_LIMIT, 0, "exec plugin %s printed too much", x->command);
    else if (exec_credential_decode(r->out, r->out_n, x->api_version, &c, &a->failed) == ERR_OK) {
        exec_credential_release(&a->cred);
        a->cred = c;
        a->has_credential = true;
        a->stamp++;
        a->tls_stamp += c.cert_pem != NULL;
        a->failed_ms = 0;
        a->given_ms = clock_io_ms();
        log_secret(c.token);
        log_put(LOG_INFO, "auth", "exec plugin %s gave credentials", x->command);
        a->on_ready(a->ctx);
        return;
    } else {
        err_at(&a->failed, "exec plugin %s", x->command);
    }
    a->failed_ms = clock_io_ms();
    log_put(LOG_WARN, "auth", "%s", a->failed.text);
    a->on_ready(a->ctx);
}

static char *exec_info(const struct kube_auth *a)
{
    const struct exec_plugin *x = a->t->exec;
    struct buf b = BUF_INIT(FILE_CAP * 2);
    buf_adds(&b, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":");
    json_quote(&b, x->api_version);
    buf_adds(&b, ",\"spec\":{\"interactive\":false");
    if (x->provide_cluster_info) {
        buf_adds(&b, ",\"cluster\":{\"server\":");
        json_quote(&b, a->t->server);
        if (a->t->tls_server_name) {
            buf_adds(&b, ",\"tls-server-name\":");
            json_quote(&b, a->t->tls_server_name);
        }
        if (a->t->is_insecure)
            buf_adds(&b, ",\"insecure-skip-tls-verify\":true");
        const char *ca = a->t->ca_pem ? a->t->ca_pem : a->ca.text;
        if (ca) {
            size_t n = strlen(ca);
            unsigned char *b64 = x_malloc(n / 3 * 4 + 8);
            EVP_EncodeBlock(b64, (const unsigned char *)ca, (int)n);
            buf_addf(&b, ",\"certificate-authority-data\":\"%s\"", (char *)b64);
            free(b64);
        }
        if (a->t->proxy_url) {
            buf_adds(&b, ",\"proxy-url\":");
            json_quote(&b, a->t->proxy_url);
        }
        if (x->cluster_config)
            buf_addf(&b, ",\"config\":%s", x->cluster_config);
        buf_addc(&b, '}');
    }
    buf_adds(&b, "}}");
    return buf_take(&b);
}

static enum auth_state start_plugin(struct kube_auth *a, struct err *e)
{
    const struct exec_plugin *x = a->t->exec;
    if (x->interactive == EXEC_ALWAYS) {
        err_set(e, ERR_AUTH, 0, "exec plugin %s wants a terminal (interactiveMode Always): log in "
                "with it in another shell first", x->command);
        return AUTH_FAILED;
    }
    if (a->failed_ms && clock_io_ms() - a->failed_ms < PLUGIN_RETRY_MS) { /* no storm */
        *e = a->failed;
        return AUTH_FAILED;
    }
    int64_t wait = a->no_sooner_ms - clock_io_ms();
    if (wait > 0)
        return err_set(e, ERR_AUTH, 0, "credentials rejected: the server refuses what exec plugin %s gives; asking it "
                       "again in %d s", x->command, (int)(wait / 1000 + 1)), AUTH_FAILED;
    const char **argv = x_calloc(x->n_args + 2, sizeof *argv);
    argv[0] = x->command;
    for (size_t i = 0; i < x->n_args; i++)
        argv[i + 1] = x->args[i];
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    const char **env = x_calloc(n + x->n_env + 2, sizeof *env);
    char *info = exec_info(a);
    for (size_t i = 0; i < x->n_env; i++) /* first: getenv finds the first */
        env[k++] = x->env[i];
    env[k++] = info;
    for (size_t i = 0; i < n; i++) {
        bool is_ours = text_starts(environ[i], "KUBERNETES_EXEC_INFO=");
        for (size_t j = 0; j < x->n_env && !is_ours; j++)
            is_ours = strncmp(environ[i], x->env[j], strcspn(x->env[j], "=") + 1) == 0;
        if (!is_ours)
            env[k++] = environ[i];
    }
    struct child_spec spec = { .argv = argv, .env = env, .deadline_ms = KUBE_PLUGIN_MS,
                               .out_cap = FILE_CAP, .err_cap = 64 * 1024,
                               .on_done = on_plugin, .ctx = a };
    enum err_code err = child_start(a->loop, &spec, &a->child, &a->failed);
    free(argv);
    free(env);
    free(info);
    if (!err)
        return AUTH_RUNNING;
    if (a->failed.native == ENOENT && x->install_hint && x->install_hint[0])
        err_set(&a->failed, ERR_AUTH, ENOENT, "exec plugin %s is not installed: %.120s",
                x->command, x->install_hint);
    else
        err_at(&a->failed, "exec plugin");
    a->failed.code = ERR_AUTH;
    a->failed_ms = clock_io_ms();
    *e = a->failed;
    return AUTH_FAILED;
}

enum auth_state kube_auth_prepare(struct kube_auth *a, struct err *e)
{
    a->tls_stamp += file_refresh(&a->ca, CERT_FILE_MS);
    a->tls_stamp += file_refresh(&a->cert, CERT_FILE_MS);
    a->tls_stamp += file_refresh(&a->key, CERT_FILE_MS);
    if (file_refresh(&a->token, TOKEN_FILE_MS)) {
        log_secret(a->token.text);
        a->stamp++;
    }
    if (a->ca.path && !a->ca.text) {
        err_set(e, ERR_CONFIG, 0, "cannot read certificate-authority %s", a->ca.path);
        return AUTH_FAILED;
    }
    if ((a->cert.path && !a->cert.text) || (a->key.path && !a->key.text)) {
        err_set(e, ERR_CONFIG, 0, "cannot read %s",
                a->cert.path && !a->cert.text ? a->cert.path : a->key.path);
        return AUTH_FAILED;
    }
    if (a->token.path && (!a->token.text || !a->token.text[0]) && !a->t->token) {
        err_set(e, ERR_AUTH, 0, "token file %s is %s", a->token.path,
                a->token.text ? "empty" : "not readable");
        return AUTH_FAILED;
    }
    if (!a->uses_plugin)
        return AUTH_READY;
    if (a->child)
        return AUTH_RUNNING;
    if (a->has_credential && (a->cred.expires_ms == TIME_NONE ||
                              clock_story_ms() + EXPIRY_LEEWAY_MS < a->cred.expires_ms))
        return AUTH_READY;
    return start_plugin(a, e);
}

uint64_t kube_auth_stamp(const struct kube_auth *a)
{
    return a->stamp;
}

uint64_t kube_auth_tls_stamp(const struct kube_auth *a)
{
    return a->tls_stamp;
}

bool kube_auth_reject(struct kube_auth *a, uint64_t stamp)
{
    if (stamp != a->stamp) /* many requests were under way with the old ones: one renewal for all */
        return true;
    if (a->token.path) {
        a->token.looked_ms = 0;
        return true;
    }
    if (a->cert.path) {
        a->cert.looked_ms = a->key.looked_ms = 0;
        return true;
    }
    if (!a->uses_plugin || a->child || !a->has_credential) /* the same refusal, told by another request */
        return a->uses_plugin;
    a->has_credential = false;
    /* A plugin that gives what is refused is run again at once, and then ever more seldom. */
    if (clock_io_ms() - a->given_ms > REFUSAL_FRESH_MS) {
        a->n_refused = 0;
        backoff_reset(&a->refusals);
    }
    if (a->n_refused++)
        a->no_sooner_ms = clock_io_ms() + backoff_next_ms(&a->refusals);
    return true;
}

struct http_tls kube_auth_tls(struct kube_auth *a)
{
    const struct kube_target *t = a->t;
    struct http_tls tls = {
        .ca_pem = t->ca_pem ? t->ca_pem : a->ca.text,
        .cert_pem = t->cert_pem ? t->cert_pem : a->cert.text,
        .key_pem = t->key_pem ? t->key_pem : a->key.text,
        .is_insecure = t->is_insecure,
    };
    if (a->uses_plugin && a->has_credential && a->cred.cert_pem) {
        tls.cert_pem = a->cred.cert_pem;
        tls.key_pem = a->cred.key_pem;
    }
    return tls;
}

const char *kube_auth_header(struct kube_auth *a)
{
    const struct kube_target *t = a->t;
    free(a->header);
    a->header = NULL;
    if (!t->is_tls) /* http: the contract is that no credentials go over it */
        return NULL;
    const char *token = a->token.text && a->token.text[0] ? a->token.text : t->token;
    if (a->uses_plugin && a->has_credential)
        token = a->cred.token;
    if (token) {
        a->header = x_asprintf("Authorization: Bearer %s", token);
    } else if (t->username) {
        char *pair = x_asprintf("%s:%s", t->username, t->password ? t->password : "");
        size_t n = strlen(pair);
        unsigned char *b64 = x_malloc(n / 3 * 4 + 8);
        EVP_EncodeBlock(b64, (const unsigned char *)pair, (int)n);
        a->header = x_asprintf("Authorization: Basic %s", (char *)b64);
        log_secret((char *)b64);
        free(b64);
        free(pair);
    }
    return a->header;
}
