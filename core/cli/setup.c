#include "core/cli/setup.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/text.h"

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void print_errors(const struct buf *all)
{
    struct buf clean = BUF_INIT(256 * 1024);
    for (const char *line = buf_str(all); *line;) {
        size_t n = strcspn(line, "\n");
        buf_adds(&clean, "bakewatch: ");
        text_clean(&clean, line, n);
        buf_addc(&clean, '\n');
        line += n + (line[n] == '\n');
    }
    fputs(buf_str(&clean), stderr);
    buf_release(&clean);
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

/* The environment by name; else the one whose context is the one that we would use. */
static int choose_env(const struct options *o, const struct conf *conf, const struct conf_env **out)
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
        fprintf(stderr, "bakewatch: no environment \"%s\" in the config%s%s%s\n", o->environment,
                near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return EXIT_USAGE;
    }
    if (!context && conf->n_envs && !kubeconfig_load(&o->kube, env_of, &k, NULL, NULL))
        context = kubeconfig_current_context(k);
    *out = context ? conf_find_env(conf, NULL, context) : NULL;
    kubeconfig_free(k);
    return EXIT_PASS;
}

/* A kubeconfig that cannot work is said before any screen opens. */
static int check_kubeconfig(const struct kube_overrides *kube)
{
    struct kubeconfig *k = NULL;
    struct kube_target t;
    struct buf all = BUF_INIT(256 * 1024);
    enum err_code err = kubeconfig_load(kube, env_of, &k, &all, NULL);
    if (!err && !(err = kubeconfig_resolve(k, kube, env_of, &t, &all, NULL)))
        kube_target_release(&t);
    if (err)
        print_errors(&all);
    buf_release(&all);
    kubeconfig_free(k);
    return err ? EXIT_USAGE : EXIT_PASS;
}

int setup_gather(const struct options *o, struct gather_spec *spec)
{
    const struct conf *conf = setup_conf(o);
    const struct conf_env *env = NULL;
    if (!conf)
        return EXIT_USAGE;
    int rc = choose_env(o, conf, &env);
    if (rc)
        return rc;
    *spec = (struct gather_spec){ .kube = o->kube, .namespaces = o->namespaces,
                                  .n_namespaces = o->n_namespaces,
                                  .all_namespaces = o->all_namespaces,
                                  .request_timeout_ms = o->request_timeout_ms, .environment = "" };
    if (env) {
        spec->environment = env->name;
        spec->class = (enum env_class)env->class;
        if (!spec->kube.context)
            spec->kube.context = env->context;
        if (!o->n_namespaces && !o->all_namespaces) {
            spec->namespaces = env->namespaces;
            spec->n_namespaces = env->n_namespaces;
        }
    }
    struct err e = { 0 };
    if (conf->log_file && !o->log_file && log_open(conf->log_file, &e))
        fprintf(stderr, "bakewatch: %s\n", e.text);
    return check_kubeconfig(&spec->kube);
}
