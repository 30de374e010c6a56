/*
 * core/conf/conf.h - bakewatch's own YAML configuration.
 *
 * Files    /etc/bakewatch/config.yaml, then $XDG_CONFIG_HOME/bakewatch/config.yaml (or the one of
 *          --config alone); what the later one says wins, environment by environment
 * Errors   ERR_CONFIG; every error is reported, a line each, "FILE:LINE:COL: what, did you mean"
 * Limits   CONF_BYTES a file, CONF_ENVS environments, CONF_LIST namespaces of one, CONF_RULES rules of an
 *          error table, CONF_SERVICES names of services
 * Thread   any       Owns  struct conf owns its strings
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/conf/measure.h"

enum { CONF_BYTES = 1024 * 1024, CONF_ENVS = 100, CONF_LIST = 32,
       CONF_RULES = 200, CONF_SERVICES = 1000, CONF_PATTERN = 1000, CONF_SMOKES = 50, CONF_STEPS = 20,
       CONF_PAIRS = 16, CONF_NOTIFY = 10 };
enum conf_class { CONF_CLASS_UNKNOWN, CONF_DEVELOPMENT, CONF_STAGING, CONF_PRODUCTION };

struct conf_origin {
    const char *file; /* NULL = the default */
    int line, col;
};

struct conf_rule { /* one of match and code; a match has been compiled once: it is a pattern */
    const char *match, *code;
    int category; /* in the order of enum category, core/model/errors.h */
};

struct conf_errors { /* where an environment's error table is, and what its errors mean */
    const char *db;       /* "postgresql://..." or "sqlite://..."; may hold a password: conf_mask_db */
    const char *service;  /* of ~/.pg_service.conf, instead of db */
    const char *timezone; /* of its zoneless times: "+02:00" or a name; NULL = measure */
    const struct conf_rule *rules;
    size_t n_rules;
    struct conf_origin origin;
};

struct conf_service { /* service_name in the error table -> [KIND/]NAME of a workload */
    const char *name, *workload;
    struct conf_origin origin;
};

struct conf_pair {
    const char *name, *value; /* value NULL: null in the file */
};

struct conf_step { /* of a smoke check.  ${NAME} in url, body, bearer and header values is what an earlier step saved */
    const char *name, *method, *url;
    const char *body, *token_file, *bearer; /* NULL = none */
    const struct conf_pair *headers, *json, *save; /* json: path -> what must stand there, NULL = anything; save: name -> path */
    size_t n_headers, n_json, n_save;
    int expect;         /* the status */
    int64_t timeout_ms;
};

struct conf_smoke {
    const char *name, *service; /* service: [KIND/]NAME of the workload whose health it tells of; NULL = none */
    int64_t every_ms;           /* 0 = when it is asked for */
    bool writes, changes;       /* writes: said in the file; changes: some step has a method that writes */
    const struct conf_step *steps;
    size_t n_steps;
};

struct conf_env {
    const char *name;
    enum conf_class class;
    const char *context; /* NULL = the current one */
    const char *const *namespaces;
    size_t n_namespaces;
    bool read_only;
    const struct conf_errors *errors; /* NULL = none */
    const struct conf_service *services;
    size_t n_services;
    const struct conf_smoke *smokes;
    size_t n_smokes;
    struct conf_measure measure;
    struct conf_origin origin;
};

struct conf_notify { /* one of command and url */
    unsigned on;                 /* 1u << enum verdict_word, core/model/verdict.h */
    const char *const *command;  /* NULL-terminated */
    const char *url, *token_file;
};

struct conf_key { /* keys: {KEY: command line} */
    const char *key, *line;
    struct conf_origin origin;
};

struct conf {
    struct arena arena;
    struct conf_env *envs;
    size_t n_envs;
    const struct conf_errors *errors; /* where no environment is chosen; NULL = none */
    struct conf_key *keys;
    size_t n_keys;
    const struct conf_notify *notify;
    size_t n_notify;
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
/* The errors of this environment; of none (env NULL) those of the top.  An environment without its own
 * has none: the top's table may be another environment's.  NULL = none. */
const struct conf_errors *conf_find_errors(const struct conf *c, const struct conf_env *env);
/* `db` as it may be shown: passwords become ***. */
void conf_mask_db(struct buf *out, const char *db);
bool conf_step_reads(const struct conf_step *s); /* GET, HEAD, OPTIONS */
const char *conf_category_name(int category); /* "configuration", ... */

/* What the config can hold, for `config show`, the man page and "did you mean". */
struct conf_field {
    const char *path, *type, *otherwise, *help;
};
extern const struct conf_field conf_fields[]; /* ends with a NULL path */

#endif
