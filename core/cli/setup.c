#include "core/cli/setup.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/cli/say.h"
#include "core/gather/errors.h"

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void print_errors(const struct buf *all)
{
    for (const char *line = buf_str(all); *line;) {
        int n = (int)strcspn(line, "\n");
        cli_complain("%.*s", n, line);
        line += n + (line[n] == '\n');
    }
}

/* A namespace that stands twice would be counted twice. */
static size_t drop_twins(const char *const *from, size_t n, const char **to)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < k && !text_eq(to[j], from[i]))
            j++;
        if (j == k)
            to[k++] = from[i];
    }
    return k;
}

const struct conf *setup_conf(const struct options *o)
{
    static struct conf *conf;
    struct buf all = BUF_INIT(256 * 1024);
    struct err e = { 0 };
    if (conf)
        return conf;
    if (conf_load(o->config_file, env_of, &conf, &all, &e))
        print_errors(&all);
    buf_release(&all);
    return conf;
}

int setup_env(const struct options *o, const struct conf *conf, const struct conf_env **out)
{
    struct kubeconfig *k = NULL;
    const char *context = o->kube.context;
    if (o->environment) {
        *out = conf_find_env(conf, o->environment, NULL);
        if (*out)
            return EXIT_PASS;
        const char *names[CONF_ENVS];
        for (size_t i = 0; i < conf->n_envs; i++)
            names[i] = conf->envs[i].name;
        const char *near = text_nearest(o->environment, names, conf->n_envs);
        cli_complain("no environment \"%s\" in the config%s%s%s", o->environment,
                near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return EXIT_USAGE;
    }
    if (!context && conf->n_envs && !kubeconfig_load(&o->kube, env_of, &k, NULL, NULL))
        context = kubeconfig_current_context(k);
    *out = context ? conf_find_env(conf, NULL, context) : NULL;
    kubeconfig_free(k);
    return EXIT_PASS;
}

struct triage_rules *setup_rules(const struct conf_errors *errors)
{
    struct triage_rules *out = NULL;
    struct err e = { 0 };
    if (errors_rules(errors, &out, &e))
        cli_complain("errors.rules: %s", e.text);
    return out;
}

const char *setup_who(void)
{
    static char who[256];
    char host[128] = "";
    const char *sudo = getenv("SUDO_USER");
    struct passwd *pw = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    snprintf(who, sizeof who, "%.100s@%.100s", getuid() == 0 && sudo && sudo[0] ? sudo : pw ? pw->pw_name : "unknown", host);
    return who;
}

static bool has_errors(const struct options *o, const struct gather_spec *spec)
{
    struct errors_where w = errors_where(o->errors_db, conf_find_errors(spec->conf, spec->env), o->state_dir, false);
    bool is_there = w.place != NULL;
    free(w.place);
    return is_there;
}

/* A kubeconfig that cannot work is said before any screen opens. */
static int check_kubeconfig(const struct options *o, enum setup_need need, const struct gather_spec *spec)
{
    const struct kube_overrides *kube = &spec->kube;
    struct kubeconfig *k = NULL;
    struct kube_target t;
    struct buf all = BUF_INIT(256 * 1024);
    enum err_code err = kubeconfig_load(kube, env_of, &k, &all, NULL);
    if (!err && !(err = kubeconfig_resolve(k, kube, env_of, &t, &all, NULL)))
        kube_target_release(&t);
    if (err && need == NEED_CLUSTER_OR_ERRORS && k && kubeconfig_is_absent(k) && has_errors(o, spec))
        err = ERR_OK; /* the sources say that there is none */
    if (err)
        print_errors(&all);
    buf_release(&all);
    kubeconfig_free(k);
    return err ? EXIT_USAGE : EXIT_PASS;
}

static void apply_log_level(const struct options *o, const struct conf *conf)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR && conf->log_level && !o->log_level; i++) {
        if (text_eq(log_level_name((enum log_level)i), conf->log_level))
            log_set_level((enum log_level)i);
    }
}

int setup_place(const struct options *o, const struct conf_env **env, struct kube_overrides *kube)
{
    const struct conf *conf = setup_conf(o);
    if (!conf)
        return EXIT_USAGE;
    int rc = setup_env(o, conf, env);
    *kube = o->kube;
    if (!rc && *env && !kube->context)
        kube->context = (*env)->context;
    return rc;
}

int setup_gather(const struct options *o, enum setup_need need, struct gather_spec *spec)
{
    const struct conf *conf = setup_conf(o);
    const struct conf_env *env = NULL;
    struct kube_overrides kube;
    int rc = setup_place(o, &env, &kube);
    if (rc)
        return rc;
    *spec = (struct gather_spec){ .kube = kube, .namespaces = o->namespaces,
                                  .n_namespaces = o->n_namespaces,
                                  .all_namespaces = o->all_namespaces,
                                  .request_timeout_ms = o->request_timeout_ms, .conf = conf, .env = env };
    if (env && !o->n_namespaces && !o->all_namespaces) {
        spec->namespaces = env->namespaces;
        spec->n_namespaces = env->n_namespaces;
    }
    static const char *own[CONF_LIST]; /* the spec borrows it */
    spec->n_namespaces = drop_twins(spec->namespaces, spec->n_namespaces, own);
    spec->namespaces = own;
    apply_log_level(o, conf);
    spec->errors_db = o->errors_db;
    spec->state_dir = o->state_dir;
    spec->demo = o->demo_control;
    spec->demo_config = o->demo_config;
    spec->who = setup_who();
    spec->read_only = o->read_only;
    spec->write = o->write;
    struct err e = { 0 };
    if (conf->log_file && !o->log_file && !o->demo_control && log_open(conf->log_file, &e))
        cli_complain("%s", e.text);
    return check_kubeconfig(o, need, spec);
}

int setup_state(const struct options *o, struct statedir *out)
{
    struct err e = { 0 };
    enum err_code rc = statedir_find(o->state_dir, env_of, out, &e);
    const char *text = rc ? e.text : out->notice;
    if (text[0])
        cli_complain("%s", text);
    return rc ? EXIT_FAIL : EXIT_PASS;
}
