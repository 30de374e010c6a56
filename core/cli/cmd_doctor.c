/*
 * `doctor`: a table of checks, each with what to do when it fails.  A new capability adds its rows
 * to checks[].
 */
#include <langinfo.h>
#include <locale.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/doctor_errors.h"
#include "core/cli/doctor_measure.h"
#include "core/cli/doctor_notify.h"
#include "core/cli/setup.h"
#include "core/gather/gather.h"
#include "core/model/workload.h"
#include "core/store/journal_ends.h"

enum grade { GRADE_OK, GRADE_WARN, GRADE_FAIL, GRADE_SKIP };
enum { REACH_MS = 15000, CERT_SOON_MS = 7 * 24 * 3600 * 1000 };

struct finding {
    enum grade grade;
    char text[400];
};

struct exam {
    const struct options *o;
    struct kube_overrides kube; /* with what the environment adds */
    const struct conf_env *env; /* NULL = none */
    struct kubeconfig *k;
    struct kube_target t;
    bool has_target;
    struct snap *snap; /* of the cluster, NULL with --pre */
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void say(struct finding *f, enum grade g, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct finding *f, enum grade g, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->grade = g;
    text_clean_to(f->text, sizeof f->text, text, strlen(text));
}

static void check_terminal(struct exam *x, struct finding *f)
{
    struct winsize ws = { 0 };
    const char *term = getenv("TERM");
    (void)x;
    if (!isatty(STDOUT_FILENO)) {
        say(f, GRADE_SKIP, "no terminal here");
        return;
    }
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
    bool is_dumb = !term || !term[0] || text_eq(term, "dumb");
    say(f, is_dumb ? GRADE_FAIL : ws.ws_col < 80 || ws.ws_row < 24 ? GRADE_WARN : GRADE_OK,
        "TERM=%s, %d columns, %d rows%s", term ? term : "", ws.ws_col, ws.ws_row,
        getenv("TMUX") ? ", in tmux" : "");
}

static void check_locale(struct exam *x, struct finding *f)
{
    (void)x;
    setlocale(LC_CTYPE, "");
    bool is_utf8 = text_eq(nl_langinfo(CODESET), "UTF-8");
    say(f, is_utf8 ? GRADE_OK : GRADE_WARN, "%s", nl_langinfo(CODESET));
}

static void check_config(struct exam *x, struct finding *f)
{
    const struct conf *c = setup_conf(x->o);
    if (!c)
        say(f, GRADE_FAIL, "has errors, see above");
    else if (!c->n_files)
        say(f, GRADE_OK, "no file: the defaults are in force");
    else
        say(f, GRADE_OK, "%s", c->files[c->n_files - 1]);
}

static void check_kubeconfig(struct exam *x, struct finding *f)
{
    struct err e = { 0 };
    if (!x->k && kubeconfig_load(&x->kube, env_of, &x->k, NULL, &e)) {
        say(f, GRADE_FAIL, "%s", e.text);
    } else if (kubeconfig_resolve(x->k, &x->kube, env_of, &x->t, NULL, &e)) {
        say(f, GRADE_FAIL, "%s", e.text);
    } else {
        x->has_target = true;
        say(f, x->t.is_insecure ? GRADE_WARN : GRADE_OK, "%s: context %s at %s%s", x->t.origin,
            x->t.context, x->t.server, x->t.is_insecure ? ", certificate NOT checked" : "");
    }
}

static void check_unknown(struct exam *x, struct finding *f)
{
    const char *w = x->k ? kubeconfig_warnings(x->k) : "";
    if (!x->k)
        say(f, GRADE_SKIP, "no kubeconfig");
    else if (w[0])
        say(f, GRADE_WARN, "%.*s", (int)strcspn(w, "\n"), w);
    else
        say(f, GRADE_OK, "every key is known");
}

/* The end of a certificate's life, or TIME_NONE. */
static int64_t expiry_of(const char *pem, const char *file)
{
    BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : file ? BIO_new_file(file, "r") : NULL;
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    int64_t ms = TIME_NONE;
    int days = 0, secs = 0;
    if (cert && ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(cert)))
        ms = clock_story_ms() + ((int64_t)days * 86400 + secs) * 1000;
    X509_free(cert);
    BIO_free(bio);
    return ms;
}

/* The "exp" of a JWT, or TIME_NONE: most service account tokens are one. */
static int64_t expiry_of_token(const char *token)
{
    const char *dot = token ? strchr(token, '.') : NULL;
    size_t n = dot ? strcspn(dot + 1, ".") : 0;
    unsigned char in[8192], out[8192];
    struct json_span doc;
    int64_t exp;
    if (!n || n > sizeof in - 8)
        return TIME_NONE;
    for (size_t i = 0; i < n; i++)
        in[i] = (unsigned char)(dot[1 + i] == '-' ? '+' : dot[1 + i] == '_' ? '/' : dot[1 + i]);
    size_t pad = (4 - n % 4) % 4;
    memset(in + n, '=', pad);
    int got = EVP_DecodeBlock(out, in, (int)(n + pad));
    if (got < (int)pad || json_check((char *)out, (size_t)got - pad, &doc, NULL) ||
        !json_int(json_get(doc, "exp"), &exp) || exp > INT64_MAX / 1000 || exp < 0)
        return TIME_NONE;
    return exp * 1000;
}

static void check_login(struct exam *x, struct finding *f)
{
    if (!x->has_target) {
        say(f, GRADE_SKIP, "no kubeconfig");
        return;
    }
    const struct kube_target *t = &x->t;
    const char *kind = t->token_file              ? "token file"
                       : t->token                 ? "token"
                       : t->username              ? "username and password"
                       : t->cert_file || t->cert_pem ? "client certificate"
                       : t->exec                  ? "exec plugin"
                                                  : "nothing";
    int64_t end = t->cert_file || t->cert_pem ? expiry_of(t->cert_pem, t->cert_file)
                                              : expiry_of_token(t->token);
    char when[CLOCK_TEXT];
    if (end == TIME_NONE) {
        say(f, text_eq(kind, "nothing") ? GRADE_WARN : GRADE_OK, "user %s, by %s%s%s", t->user, kind,
            t->exec ? " " : "", t->exec && text_eq(kind, "exec plugin") ? t->exec->command : "");
        return;
    }
    int64_t left = end - clock_story_ms();
    say(f, left < 0 ? GRADE_FAIL : left < CERT_SOON_MS ? GRADE_WARN : GRADE_OK,
        "user %s, by %s, %s %s", t->user, kind, left < 0 ? "ended" : "valid until",
        clock_format_rfc3339(end, when));
}

static void check_api(struct exam *x, struct finding *f)
{
    const struct sources *s = x->snap ? (struct sources *)x->snap->sections[SECTION_SOURCES] : NULL;
    if (!s || !s->n) {
        say(f, GRADE_SKIP, "%s", x->o->pre ? "--pre" : "not asked");
        return;
    }
    bool ok = s->rows[0].state == SOURCE_LIVE;
    say(f, ok ? GRADE_OK : GRADE_FAIL, "%s%s%s", source_state_name(s->rows[0].state),
        s->rows[0].text[0] ? ": " : "", s->rows[0].text);
}

static void check_rights(struct exam *x, struct finding *f)
{
    const struct sources *s = x->snap ? (struct sources *)x->snap->sections[SECTION_SOURCES] : NULL;
    struct buf denied = BUF_INIT(300);
    size_t n = 0;
    if (s && s->n && s->rows[0].state != SOURCE_LIVE) {
        say(f, GRADE_SKIP, "the API was not reached");
        return;
    }
    for (size_t i = 1; s && i < s->n; i++) {
        if (s->rows[i].state == SOURCE_FORBIDDEN)
            buf_addf(&denied, "%s%s", denied.len ? ", " : "", s->rows[i].name);
        n += s->rows[i].state == SOURCE_LIVE;
    }
    if (!s || s->n < 2)
        say(f, GRADE_SKIP, "%s", x->o->pre ? "--pre" : "not asked");
    else if (denied.len)
        say(f, GRADE_WARN, "may not read: %s", buf_str(&denied));
    else
        say(f, n + 1 >= s->n ? GRADE_OK : GRADE_WARN, "%zu of %zu lists can be read", n, s->n - 1);
    buf_release(&denied);
}

static void check_namespaces(struct exam *x, struct finding *f)
{
    const struct workloads *ws = x->snap ? (struct workloads *)x->snap->sections[SECTION_WORKLOADS] : NULL;
    if (!ws || !ws->is_synced)
        say(f, GRADE_SKIP, "%s", x->o->pre ? "--pre" : "not read");
    else if (ws->n_absent)
        say(f, GRADE_FAIL, "%s", ws->notices[0]);
    else
        say(f, GRADE_OK, "%zu workloads", ws->n);
}

static void check_state(struct exam *x, struct finding *f)
{
    struct statedir d;
    struct err e = { 0 };
    if (statedir_find(x->o->state_dir, env_of, &d, &e))
        say(f, GRADE_FAIL, "%s", e.text);
    else if (d.is_read_only)
        say(f, GRADE_FAIL, "%s: cannot be written to", d.path);
    else
        say(f, d.notice[0] ? GRADE_WARN : GRADE_OK, "%s%s%s", d.notice[0] ? d.notice : d.path,
            d.is_network ? ", on a network filesystem" : "", d.notice[0] ? "" : ", 0700");
}

static void check_journal(struct exam *x, struct finding *f)
{
    struct statedir d;
    struct journal_check c;
    struct journal_ends ends = { 0 };
    struct journal *j = NULL;
    struct err e = { 0 };
    if (statedir_find(x->o->state_dir, env_of, &d, NULL))
        say(f, GRADE_SKIP, "no state folder");
    else if (journal_verify(&d, &c, &e))
        say(f, GRADE_FAIL, "%s", e.text);
    else if (c.text[0])
        say(f, GRADE_FAIL, "%s", c.text);
    else if (!journal_open_to_read(&d, &j, NULL) && !journal_ends_read(j, &ends, NULL) && ends.n)
        say(f, GRADE_WARN, "%lld entries, all good; %zu operation%s no known end: bakewatch journal unfinished",
            (long long)c.n, ends.n, ends.n > 1 ? "s have" : " has");
    else
        say(f, GRADE_OK, "%lld entries, all good", (long long)c.n);
    journal_ends_release(&ends);
    journal_close(j);
}

static void check_errors(struct exam *x, struct finding *f)
{
    char text[400];
    bool is_warning;
    enum err_code rc = x->o->pre ? ERR_NOTFOUND : doctor_errors(x->o, text, sizeof text, &is_warning);
    if (rc == ERR_NOTFOUND)
        say(f, GRADE_SKIP, "%s", x->o->pre ? "not asked" : text);
    else
        say(f, rc ? GRADE_FAIL : is_warning ? GRADE_WARN : GRADE_OK, "%s", text);
}

static void say_found(struct finding *f, enum err_code rc, bool is_warning, const char *text)
{
    say(f, rc == ERR_NOTFOUND ? GRADE_SKIP : rc ? GRADE_FAIL : is_warning ? GRADE_WARN : GRADE_OK, "%s", text);
}

static void check_probes(struct exam *x, struct finding *f)
{
    char text[400];
    enum err_code rc = doctor_probes(x->env, text, sizeof text);
    say_found(f, rc, false, text);
}

static void check_notify(struct exam *x, struct finding *f)
{
    char text[400];
    enum err_code rc = doctor_notify(setup_conf(x->o), text, sizeof text);
    say_found(f, rc, false, text);
}

static void check_prometheus(struct exam *x, struct finding *f)
{
    char text[400] = "not asked";
    bool is_warning = false;
    enum err_code rc = x->o->pre ? ERR_NOTFOUND : doctor_prometheus(x->o, x->env, text, sizeof text, &is_warning);
    say_found(f, rc, is_warning, text);
}

static void check_alertmanager(struct exam *x, struct finding *f)
{
    char text[400] = "not asked";
    enum err_code rc = x->o->pre ? ERR_NOTFOUND : doctor_alertmanager(x->o, x->env, text, sizeof text);
    say_found(f, rc, false, text);
}

static const struct check {
    const char *group, *name;
    void (*run)(struct exam *x, struct finding *f);
    const char *remedy;
} checks[] = {
    { "terminal", "size", check_terminal, "use a terminal of 80x24 or more, and set TERM" },
    { "terminal", "characters", check_locale, "set a UTF-8 locale (LANG=C.UTF-8), or use --ascii" },
    { "config", "file", check_config, "mend what `bakewatch config validate` lists" },
    { "state", "folder", check_state, "chmod 700 it, make room, or give another with --state-dir" },
    { "state", "journal", check_journal, "see bakewatch journal unfinished, or journal verify: without a whole journal nothing can be changed" },
    { "kubernetes", "kubeconfig", check_kubeconfig, "check KUBECONFIG and --context" },
    { "kubernetes", "unknown keys", check_unknown, "a misspelt key is ignored by every client" },
    { "kubernetes", "login", check_login, "log in again, or ask for new credentials" },
    { "kubernetes", "api", check_api, "is the server's address right, and is there a way to it?" },
    { "kubernetes", "rights", check_rights, "ask for get, list and watch on what is named" },
    { "kubernetes", "namespaces", check_namespaces, "check -n and the context's namespace" },
    { "errors", "database", check_errors, "check errors.db or --errors-db; `bakewatch errors init` shows the schema" },
    { "measuring", "probes", check_probes, "set health in the environment" },
    { "measuring", "prometheus", check_prometheus, "check prometheus.url, its way there, and its preset or queries" },
    { "measuring", "alertmanager", check_alertmanager, "check alertmanager.url and the way there" },
    { "notify", "who is told", check_notify, "an alarm would reach nobody: mend notify in the config" },
};

/* Runs gather until everything was read once, or cannot be, or time is over. */
static void reach(struct exam *x)
{
    struct gather_spec spec;
    struct snap_slot slot;
    struct gather *g;
    if (x->o->pre || !x->has_target || setup_gather(x->o, NEED_CLUSTER, &spec))
        return;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snap_slot_init(&slot, fd);
    spec.slot = &slot;
    spec.workloads_only = true;
    if (gather_start(&spec, &g, NULL) == ERR_OK) {
        int64_t until = clock_io_ms() + REACH_MS;
        for (bool done = false; !done && clock_io_ms() < until;) {
            struct pollfd p = { fd, POLLIN, 0 };
            uint64_t drained;
            poll(&p, 1, (int)(until - clock_io_ms()));
            (void)!read(fd, &drained, sizeof drained);
            snap_unref(x->snap);
            x->snap = snap_acquire(&slot);
            const struct sources *s =
                x->snap ? (struct sources *)x->snap->sections[SECTION_SOURCES] : NULL;
            const struct workloads *ws =
                x->snap ? (struct workloads *)x->snap->sections[SECTION_WORKLOADS] : NULL;
            bool any_waiting = !s, any_failed = false;
            for (size_t i = 0; s && i < s->n; i++) {
                any_waiting |= s->rows[i].state == SOURCE_WAITING;
                any_failed |= s->rows[i].state == SOURCE_FAILED;
            }
            done = (!any_waiting && (any_failed || (ws && ws->is_synced))) ||
                   (s && s->rows[0].state == SOURCE_FAILED);
        }
        gather_stop(g);
    }
    snap_slot_release(&slot);
    close(fd);
}

static void print_text(const struct check *c, const struct finding *f, const char **group)
{
    static const char *const words[] = { "ok", "warn", "FAIL", "skip" };
    if (!text_eq(*group, c->group))
        printf("%s\n", c->group);
    *group = c->group;
    printf("  %-4s  %-14s %s\n", words[f->grade], c->name, f->text);
    if (f->grade == GRADE_WARN || f->grade == GRADE_FAIL)
        printf("        %-14s -> %s\n", "", c->remedy);
}

static void add_json(struct buf *out, const struct check *c, const struct finding *f)
{
    static const char *const words[] = { "ok", "warn", "fail", "skip" };
    buf_addf(out, "%s{\"group\":\"%s\",\"name\":\"%s\",\"grade\":\"%s\",\"text\":", out->len > 60 ? ",\n" : "\n",
             c->group, c->name, words[f->grade]);
    json_quote(out, f->text);
    buf_adds(out, ",\"remedy\":");
    json_quote(out, c->remedy);
    buf_addc(out, '}');
}

int cmd_doctor(const struct options *o, const struct cli_env *env)
{
    struct exam x = { .o = o };
    struct finding found;
    struct buf json = BUF_INIT(64 * 1024);
    const char *group = NULL;
    int rc = EXIT_PASS;
    (void)env;
    if (setup_place(o, &x.env, &x.kube))
        x.kube = o->kube; /* the config has errors: its row says so */
    check_kubeconfig(&x, &found);
    reach(&x);
    buf_adds(&json, "{\"schema\":\"bakewatch/doctor/v1\",\"checks\":[");
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (x.has_target && checks[i].run == check_kubeconfig)
            kube_target_release(&x.t);
        checks[i].run(&x, &found);
        if (found.grade == GRADE_FAIL)
            rc = EXIT_FAIL;
        if (o->output == OUTPUT_JSON)
            add_json(&json, &checks[i], &found);
        else
            print_text(&checks[i], &found, &group);
    }
    if (o->output == OUTPUT_JSON)
        printf("%s]}\n", buf_str(&json));
    buf_release(&json);
    snap_unref(x.snap);
    if (x.has_target)
        kube_target_release(&x.t);
    kubeconfig_free(x.k);
    return rc;
}
