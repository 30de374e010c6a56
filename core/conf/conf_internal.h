/* core/conf/conf_internal.h - what the readers of conf.c and conf_errors.c share; for these only. */
#ifndef CONF_CONF_INTERNAL_H
#define CONF_CONF_INTERNAL_H

#include "core/conf/conf.h"
#include "core/conf/yaml.h"

struct conf_reader {
    struct conf *c;
    const char *file;
    struct buf *all;
    struct err *first;
    bool failed;
};

void conf_bad(struct conf_reader *r, const struct yaml_node *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
void conf_unknown_key(struct conf_reader *r, const struct yaml_node *key, const char *const *known,
                      size_t n);
/* The node's text in the arena; NULL, and an error, when it is none. */
const char *conf_text(struct conf_reader *r, const struct yaml_node *n, const char *what);
/* The index of the word, or -1 and an error. */
int conf_choice(struct conf_reader *r, const struct yaml_node *n, const char *what,
                const char *const *words, size_t n_words);
struct conf_origin conf_origin(const struct conf_reader *r, const struct yaml_node *n);

/* conf_errors.c */
const struct conf_errors *conf_read_errors(struct conf_reader *r, const struct yaml_node *key,
                                           const struct yaml_node *map);
void conf_read_services(struct conf_reader *r, struct conf_env *env, const struct yaml_node *map);

/* conf_smoke.c; the class of the environment has been read */
void conf_read_smokes(struct conf_reader *r, struct conf_env *env, const struct yaml_node *n);

/* conf_notify.c */
void conf_read_notify(struct conf_reader *r, const struct yaml_node *n);

/* conf_measure.c: health, metrics, prometheus, alertmanager, thresholds, window and links of an environment. */
bool conf_measure_has(const char *key); /* it is one of these */
void conf_read_measure(struct conf_reader *r, struct conf_measure *m, const struct yaml_node *env);
/* As conf_text, without a control character and at most MEASURE_TEXT bytes. */
const char *conf_clean_text(struct conf_reader *r, const struct yaml_node *n, const char *what);
/* A time with its unit, within least and most; NAN, and an error, when it is none. */
double conf_span(struct conf_reader *r, const struct yaml_node *n, const char *what, int64_t least_ms, int64_t most_ms);
bool conf_read_server_key(struct conf_reader *r, struct conf_server *s, const char *key, const struct yaml_node *v);
/* http:// or https://, a host, no user, no '#'. */
bool conf_check_url(struct conf_reader *r, const struct yaml_node *n, const char *what, const char *url);
/* Every {FIELD} of a template is one of these. */
void conf_check_fields(struct conf_reader *r, const struct yaml_node *n, const char *what, const char *text,
                       const char *const *fields, size_t n_fields);

/* conf_probes.c */
const struct conf_probes *conf_read_probes(struct conf_reader *r, const struct yaml_node *map,
                                           const struct conf_probe *usual);

#endif
