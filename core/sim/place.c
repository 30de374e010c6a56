#include "core/sim/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/dir.h"
#include "core/base/json.h"

static enum err_code make_dir(const char *dir, struct place *p, struct err *e)
{
    const char *run = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    if (!dir) {
        p->dir = x_asprintf("%s/bakewatch-sim-XXXXXX", run && run[0] == '/'   ? run
                                                       : tmp && tmp[0] == '/' ? tmp
                                                                              : "/tmp");
        p->has_made_dir = mkdtemp(p->dir) != NULL;
        return p->has_made_dir ? ERR_OK
                               : err_set(e, ERR_IO, errno, "%s: %s", p->dir, strerror(errno));
    }
    p->dir = x_strdup(dir);
    p->has_made_dir = mkdir(dir, 0700) == 0;
    if (!p->has_made_dir && errno != EEXIST)
        return err_set(e, ERR_IO, errno, "%s: %s", dir, strerror(errno));
    return ERR_OK;
}

enum err_code place_make(const char *dir, bool owns_dir, struct place *out, struct err *e)
{
    struct place p = { .owns_dir = owns_dir };
    if (make_dir(dir, &p, e)) {
        free(p.dir);
        return e->code;
    }
    p.kubeconfig = x_asprintf("%s/kubeconfig", p.dir);
    p.config = x_asprintf("%s/config.yaml", p.dir);
    p.errors_db = x_asprintf("%s/errors.db", p.dir);
    p.control = x_asprintf("%s/control", p.dir);
    *out = p;
    return ERR_OK;
}

static void drop(const char *path, const char *suffix)
{
    char *s = x_asprintf("%s%s", path, suffix);
    unlink(s);
    free(s);
}

void place_clear(struct place *p)
{
    if (!p->dir)
        return;
    if (p->has_made_kubeconfig)
        drop(p->kubeconfig, "");
    if (p->has_made_config)
        drop(p->config, "");
    if (p->has_made_errors_db) {
        drop(p->errors_db, "");
        drop(p->errors_db, "-wal");
        drop(p->errors_db, "-shm");
    }
    if (p->owns_dir)
        dir_remove(p->dir);
    else if (p->has_made_dir)
        rmdir(p->dir);
    free(p->dir);
    free(p->kubeconfig);
    free(p->config);
    free(p->errors_db);
    free(p->control);
    *p = (struct place){ 0 };
}

enum err_code place_token(char out[33], struct err *e)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_set(e, ERR_IO, errno, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return ERR_OK;
}

static enum err_code write_file(const char *path, const struct buf *b, bool *has_made, struct err *e)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    *has_made = fd >= 0;
    bool is_written = fd >= 0 && write(fd, b->data, b->len) == (ssize_t)b->len;
    if (!is_written)
        err_set(e, ERR_IO, errno, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return is_written ? ERR_OK : ERR_IO;
}

enum err_code place_write_kubeconfig(struct place *p, int port, const char *token, const char *ns,
                                     struct err *e)
{
    static const char *const roles[] = { "", "viewer", "nopods" };
    struct buf b = BUF_INIT(16 * 1024);
    buf_adds(&b, "# The simulated platform of bakewatch-sim: on this machine alone, gone when it "
                 "ends.  Over http no client\n"
                 "# sends credentials, so the token is part of the address.\n"
                 "apiVersion: v1\nkind: Config\ncurrent-context: demo\nclusters:\n");
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        buf_addf(&b, "- {name: demo%s%s, cluster: {server: \"http://127.0.0.1:%d/%s%s%s\"}}\n",
                 i ? "-" : "", roles[i], port, token, i ? "." : "", roles[i]);
    buf_adds(&b, "users:\n- {name: demo, user: {}}\ncontexts:\n");
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        buf_addf(&b,
                 "- {name: demo%s%s, context: {cluster: demo%s%s, user: demo, namespace: %s}}\n",
                 i ? "-" : "", roles[i], i ? "-" : "", roles[i], ns);
    enum err_code rc = write_file(p->kubeconfig, &b, &p->has_made_kubeconfig, e);
    buf_release(&b);
    return rc;
}

enum err_code place_write_config(struct place *p, int port, const char *token, const char *ns, const char *errors_db,
                                 struct err *e)
{
    struct buf b = BUF_INIT(16 * 1024);
    buf_addf(&b, "# The simulated platform of bakewatch-sim, as bakewatch --config reads it.\n"
                 "environments:\n  demo:\n    class: development\n    context: demo\n    namespaces: [%s]\n"
                 "    health: {path: /healthz, via: api}\n"
                 "    prometheus: {url: \"http://127.0.0.1:%d/%s/prometheus\", preset: http-server}\n",
             ns, port, token);
    if (errors_db) {
        char *db = x_asprintf("sqlite://%s", errors_db);
        buf_adds(&b, "    errors: {db: ");
        json_quote(&b, db); /* a text of JSON is one of YAML */
        buf_adds(&b, "}\n");
        free(db);
    }
    enum err_code rc = write_file(p->config, &b, &p->has_made_config, e);
    buf_release(&b);
    return rc;
}
