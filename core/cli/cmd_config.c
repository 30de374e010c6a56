#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/config_measure.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"

static void show(const struct options *o, const char *key, const char *value,
                 struct conf_origin from)
{
    char clean[1024], name[256], file[512];
    text_clean_to(clean, sizeof clean, value, strlen(value));
    text_clean_to(name, sizeof name, key, strlen(key));
    if (o->origin && from.file)
        printf("%-40s %-30s %s:%d\n", name, clean, text_clean_to(file, sizeof file, from.file, strlen(from.file)),
               from.line);
    else if (o->origin)
        printf("%-40s %-30s default\n", name, clean);
    else
        printf("%s: %s\n", name, clean);
}

/* `where` is "errors" or "environments.NAME.errors". */
static void show_errors(const struct options *o, const char *where, const struct conf_errors *e)
{
    char key[220], value[80];
    struct buf db = BUF_INIT(64 * 1024);
    if (!e)
        return;
    if (e->db) {
        conf_mask_db(&db, e->db);
        snprintf(key, sizeof key, "%s.db", where);
        show(o, key, buf_str(&db), e->origin);
    }
    if (e->service) {
        snprintf(key, sizeof key, "%s.service", where);
        show(o, key, e->service, e->origin);
    }
    snprintf(key, sizeof key, "%s.timezone", where);
    show(o, key, e->timezone ? e->timezone : "measured", e->origin);
    for (size_t i = 0; i < e->n_rules; i++) {
        const struct conf_rule *r = &e->rules[i];
        snprintf(key, sizeof key, "%s.rules[%zu]", where, i);
        snprintf(value, sizeof value, "%s %.50s -> %s", r->match ? "match" : "code",
                 r->match ? r->match : r->code, conf_category_name(r->category));
        show(o, key, value, e->origin);
    }
    buf_release(&db);
}

static void show_one(void *ctx, const char *key, const char *value, struct conf_origin from)
{
    show(ctx, key, value, from);
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
    snprintf(key, sizeof key, "environments.%s.errors", env->name);
    show_errors(o, key, env->errors);
    for (size_t i = 0; i < env->n_services; i++) {
        const struct conf_service *s = &env->services[i];
        snprintf(key, sizeof key, "environments.%s.services.%s", env->name, s->name);
        show(o, key, s->workload, s->origin);
    }
    config_show_measure(&(struct config_printer){ show_one, (void *)(uintptr_t)o }, env);
    buf_release(&names);
}

int cmd_config(const struct options *o, const struct cli_env *env)
{
    bool validate = o->n_args == 1 && text_eq(o->args[0], "validate");
    if (!validate && !(o->n_args == 1 && text_eq(o->args[0], "show"))) {
        cli_complain("config validate, or config show [--origin]");
        return EXIT_USAGE;
    }
    const struct conf *c = setup_conf(o);
    if (!c)
        return EXIT_USAGE;
    if (validate) {
        if (env->check_conf && env->check_conf(c)) /* keys and theme, which only the console knows */
            return EXIT_USAGE;
        if (!c->n_files)
            puts("no config file: the defaults are in force");
        for (size_t i = 0; i < c->n_files; i++)
        {
            char file[512];
            printf("%s: ok\n", text_clean_to(file, sizeof file, c->files[i], strlen(c->files[i])));
        }
        return EXIT_PASS;
    }
    for (size_t i = 0; i < c->n_envs; i++)
        show_env(o, &c->envs[i]);
    show_errors(o, "errors", c->errors);
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
