/* core/cli/config_measure.h - `config show` of what is measured: health, metrics, Prometheus, ...; values of headers are
 * never shown. */
#ifndef CLI_CONFIG_MEASURE_H
#define CLI_CONFIG_MEASURE_H

#include "core/conf/conf.h"

struct config_printer {
    void (*show)(void *ctx, const char *key, const char *value, struct conf_origin from);
    void *ctx;
};
void config_show_measure(const struct config_printer *p, const struct conf_env *env);

#endif
