/*
 * core/sources/targets.h - which addresses are asked, and whose a label is.  Pure.
 *
 * A workload is asked at one address: by the configuration's `url`, or by the port of one of its
 * Services (one with an address before a headless one; the port said, else the one that its readiness
 * probe goes to, else one named http* or web, else the first).  A workload without a Service has none.
 *
 * Limits   TARGETS_MOST targets; the rest is counted in n_left
 * Thread   any       Owns   a list owns its strings; `how` is the configuration's
 */
#ifndef SOURCES_TARGETS_H
#define SOURCES_TARGETS_H

#include "core/conf/conf.h"
#include "core/model/sample.h"
#include "core/model/workload.h"

enum { TARGETS_MOST = 1000 };

struct target {
    const char *subject;  /* the workload's id */
    const char *name;     /* "orders:8080/healthz" */
    const char *url;      /* asked directly; NULL: by api_path */
    const char *api_path; /* "/api/v1/namespaces/shop/services/http:orders:8080/proxy/healthz" */
    const struct conf_probe *how;
    int64_t n_pods;       /* that may answer */
};
struct target_list {
    struct arena arena;
    struct target *items; /* by subject */
    size_t n, n_left;
};

/* `probes` is conf_measure's health or metrics; NULL gives an empty list. */
void targets_make(const struct workloads *ws, const struct conf_probes *probes, struct target_list *out);
void targets_release(struct target_list *t);

/* The id of the workload that a label of a metric or an alert means, by the rule of a row's
 * service_name; NULL = none, or two.  Understood besides: a Service's name, "orders.shop.svc...",
 * "shop-orders-80@kubernetes".  ns "" = the label says none. */
const char *targets_subject(const struct workloads *ws, const struct conf_env *env, const char *label, const char *ns);

/* The process's values, with what the configuration says instead. */
void targets_thresholds(const struct conf_thresholds *t, double v[N_CONF_VALUES]);

#endif
