/*
 * core/conf/conf.h - bakewatch's own YAML configuration.
 *
 * Files    /etc/bakewatch/config.yaml, then $XDG_CONFIG_HOME/bakewatch/config.yaml (or the one of
 *          --config alone); what the later one says wins, environment by environment
 * Errors   ERR_CONFIG; every error is reported, a line each, "FILE:LINE:COL: what, did you mean"
 * Limits   CONF_BYTES a file, CONF_ENVS environments, CONF_LIST namespaces of one
 * Thread   any       Owns  struct conf owns its strings
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { CONF_BYTES = 1024 * 1024, CONF_ENVS = 100, CONF_LIST = 32 };
enum conf_class { CONF_CLASS_UNKNOWN, CONF_DEVELOPMENT, CONF_STAGING, CONF_PRODUCTION };

struct conf_origin {
    const char *file; /* NULL = the default */
    int line, col;
};

struct conf_env {
    const char *name;
    enum conf_class class;
    const char *context; /* NULL = the current one */
    const char *const *namespaces;
    size_t n_namespaces;
    bool read_only;
    struct conf_origin origin;
};

struct conf_key { /* keys: {KEY: command line} */
    const char *key, *line;
    struct conf_origin origin;
};

struct conf {
    struct arena arena;
    struct conf_env *envs;
    size_t n_envs;
    struct conf_key *keys;
    size_t n_keys;
    const char *theme, *log_level, *log_file; /* NULL = not said */
    struct conf_origin theme_origin, log_level_origin, log_file_origin;
    const char *files[2]; /* those that were read */
    size_t n_files;
};

/* `file` is --config (NULL = the usual places; a missing file is fine there).  `all` gets every
 * error.  *out is a whole configuration or nothing. */
MUST_USE enum err_code conf_load(const char *file, const char *(*env)(const char *name),
                                 struct conf **out, struct buf *all, struct err *e);
/* The same from text, for tests and the fuzzer. */
MUST_USE enum err_code conf_parse(const char *file, const char *text, size_t n, struct conf **out,
                                  struct buf *all, struct err *e);
void conf_free(struct conf *c);

/* By name; or (name NULL) the one whose context is `context`.  NULL = none. */
const struct conf_env *conf_find_env(const struct conf *c, const char *name, const char *context);
const char *conf_class_name(enum conf_class c);

/* What the config can hold, for `config show`, the man page and "did you mean". */
struct conf_field {
    const char *path, *type, *otherwise, *help;
};
extern const struct conf_field conf_fields[]; /* ends with a NULL path */

#endif
