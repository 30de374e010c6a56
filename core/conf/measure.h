/*
 * core/conf/measure.h - the part of an environment that says what is measured, and when it is too bad.
 *
 *   health:       probes of each service          prometheus:    series of a Prometheus
 *   metrics:      each service's own /metrics     alertmanager:  alerts that are active
 *   thresholds:, window:                          links:         where else to look
 *
 * Units    _ms.  A threshold that is not said is NAN
 * Limits   MEASURE_HEADERS headers, MEASURE_EXPECT ranges of status, MEASURE_LINKS links, CONF_SERVICES
 *          services; MEASURE_TEXT bytes of a URL, a query or a header
 * Thread   any       Owns   the arena of struct conf
 * Secrets  header values and what the files hold are never shown; a URL holds no user and no password
 */
#ifndef CONF_MEASURE_H
#define CONF_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEASURE_HEADERS = 16, MEASURE_EXPECT = 8, MEASURE_LINKS = 20, MEASURE_TEXT = 4000 };

struct conf_tls {
    const char *ca_file;     /* that CA alone; NULL = the system's */
    const char *server_name; /* the name in its certificate; NULL = the URL's host */
    bool is_insecure;
};

struct conf_server { /* how an HTTP server is asked */
    const char *url;            /* without a '/' at its end; of probes a template: measure_url_fields */
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *token_file, *basic_file; /* a bearer token; "user:password"; read again for each request */
    struct conf_tls tls;
};

enum conf_via { CONF_VIA_API, CONF_VIA_DIRECT };
struct conf_status { int from, to; };

struct conf_probe { /* of one service, or of all: health and metrics alike */
    bool is_off;
    const char *path;             /* "/healthz"; NULL = health: of the pod's readiness probe, else /healthz */
    const char *port;             /* number or name; NULL = the first that speaks HTTP */
    enum conf_via via;
    struct conf_server server;    /* url: CONF_VIA_DIRECT alone */
    int64_t every_ms, timeout_ms; /* timeout <= every */
    struct conf_status expect[MEASURE_EXPECT];
    size_t n_expect;
    bool follows_redirects;
};

struct conf_probe_of {
    const char *service; /* name of a workload or of one of its Services */
    struct conf_probe probe;
};

struct conf_probes {
    struct conf_probe all;
    const struct conf_probe_of *services;
    size_t n_services;
    int line;
};

enum conf_query { QUERY_REQUESTS, QUERY_ERRORS, QUERY_LATENCY, QUERY_P95, QUERY_CPU, QUERY_MEMORY,
                  QUERY_SATURATION, N_QUERIES };

struct conf_prometheus {
    struct conf_server server;
    const char *preset;                        /* NULL = found by asking */
    const char *queries[N_QUERIES];            /* NULL = the preset's, "" = not asked */
    const char *service_label, *namespace_label; /* NULL = the preset's; namespace "" = there is none */
    int64_t every_ms, range_ms;                /* range: $range of the queries */
    int line;
};

struct conf_alertmanager {
    struct conf_server server;
    const char *service_label, *namespace_label; /* NULL = the usual ones */
    int64_t every_ms;
    int line;
};

struct conf_thresholds { /* NAN = not said: sample_conf_defaults */
    double failures, latency_ratio, latency_delta_ms, error_share, slo_ms;
    double window_ms, extended_ms, baseline_ms, warmup_ms, coverage;
};

struct conf_link {
    const char *name, *url; /* a template: {service}, {namespace}, {revision}, {version}, {from_ms}, {to_ms} */
};

struct conf_measure {
    const struct conf_probes *health, *metrics; /* NULL = none */
    const struct conf_prometheus *prometheus;
    const struct conf_alertmanager *alertmanager;
    struct conf_thresholds thresholds;
    const struct conf_link *links;
    size_t n_links;
};

/* Of the service by one of its names; never NULL. */
const struct conf_probe *conf_probe_of(const struct conf_probes *p, const char *workload, const char *service);
const char *conf_query_name(enum conf_query q); /* "requests", ... */
/* Names for `preset:`, in core/sources/presets.c in this order; ends with NULL. */
extern const char *const conf_presets[];

#endif
