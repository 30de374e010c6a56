#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/setup.h"

static void show(const struct options *o, const char *key, const char *value,
                 struct conf_origin from)
{
    char clean[512];
    text_clean_to(clean, sizeof clean, value, strlen(value));
    if (o->origin && from.file)
        printf("%-40s %-30s %s:%d\n", key, clean, from.file, from.line);
    else if (o->origin)
        printf("%-40s %-30s default\n", key, clean);
    else
        printf("%s: %s\n", key, clean);
}

static void show_env(const struct options *o, const struct conf_env *env)
{
    char key[200];
    struct buf names = BUF_INIT(8192);
    for (size_t i = 0; i < env->n_namespaces; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", env->namespaces[i]);
    snprintf(key, sizeof key, "environments.%s.class", env->name);
    show(o, key, env->class ? conf_class_name(env->class) : "unknown", env->origin);
    snprintf(key, sizeof key, "environments.%s.context", env->name);
    show(o, key, env->context ? env->context : "the current context", env->origin);
    snprintf(key, sizeof key, "environments.%s.namespaces", env->name);
    show(o, key, names.len ? buf_str(&names) : "the context's namespace", env->origin);
    snprintf(key, sizeof key, "environments.%s.read_only", env->name);
    show(o, key, env->read_only ? "true" : "false", env->origin);
    buf_release(&names);
}

int cmd_config(const struct options *o, const struct cli_env *env)
{
    (void)env;
    bool validate = o->n_args == 1 && text_eq(o->args[0], "validate");
    if (!validate && !(o->n_args == 1 && text_eq(o->args[0], "show"))) {
        fputs("bakewatch: config validate, or config show [--origin]\n", stderr);
        return EXIT_USAGE;
    }
    const struct conf *c = setup_conf(o);
    if (!c)
        return EXIT_USAGE;
    if (validate) {
        if (!c->n_files)
            puts("no config file: the defaults are in force");
        for (size_t i = 0; i < c->n_files; i++)
            printf("%s: ok\n", c->files[i]);
        return EXIT_PASS;
    }
    for (size_t i = 0; i < c->n_envs; i++)
        show_env(o, &c->envs[i]);
    for (size_t i = 0; i < c->n_keys; i++) {
        char key[80];
        snprintf(key, sizeof key, "keys.%s", c->keys[i].key);
        show(o, key, c->keys[i].line, c->keys[i].origin);
    }
    show(o, "theme", c->theme ? c->theme : "default", c->theme_origin);
    show(o, "log.level", c->log_level ? c->log_level : "info", c->log_level_origin);
    show(o, "log.file", c->log_file ? c->log_file : "none", c->log_file_origin);
    return EXIT_PASS;
}
