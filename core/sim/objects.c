#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sim/parts.h"

void object_age(cJSON *doc, int64_t created_ms)
{
    char at[32];
    tree_set(tree_make(doc, "metadata"), "creationTimestamp", sim_time(created_ms, at));
}

static void set_probe(cJSON *container, const char *name, int64_t port, int64_t period)
{
    cJSON *probe = tree_make(container, name), *get = tree_make(probe, "httpGet");
    tree_set(get, "path", "/healthz");
    tree_set_int(get, "port", port);
    tree_set(get, "scheme", "HTTP");
    tree_set_int(probe, "timeoutSeconds", 1);
    tree_set_int(probe, "periodSeconds", period);
    tree_set_int(probe, "successThreshold", 1);
    tree_set_int(probe, "failureThreshold", 3);
}

cJSON *object_template(const struct sim_service *sv, const char *tag)
{
    char image[256];
    cJSON *t = x_must(cJSON_CreateObject()), *labels = tree_make(t, "metadata.labels"),
          *spec = tree_make(t, "spec");
    cJSON *containers = x_must(cJSON_CreateArray()), *c = x_must(cJSON_CreateObject()), *ports,
          *port;
    tree_set(labels, "app", sv->name);
    tree_set(labels, "app.kubernetes.io/name", sv->name);
    tree_take(spec, "containers", containers);
    cJSON_AddItemToArray(containers, c);
    tree_set(c, "name", "app");
    snprintf(image, sizeof image, "registry.example/%s:%.100s", sv->name, tag);
    tree_set(c, "image", image);
    tree_take(c, "ports", ports = x_must(cJSON_CreateArray()));
    cJSON_AddItemToArray(ports, port = x_must(cJSON_CreateObject()));
    tree_set_int(port, "containerPort", sv->port);
    tree_set(port, "protocol", "TCP");
    tree_set(tree_make(c, "resources.requests"), "cpu", "250m");
    tree_set(tree_make(c, "resources.requests"), "memory", "256Mi");
    tree_set(tree_make(c, "resources.limits"), "memory", "512Mi");
    set_probe(c, "livenessProbe", sv->port, 10);
    set_probe(c, "readinessProbe", sv->port, 5);
    tree_set(c, "imagePullPolicy", "IfNotPresent");
    tree_set(spec, "restartPolicy", "Always");
    tree_set_int(spec, "terminationGracePeriodSeconds", 30);
    tree_set(spec, "dnsPolicy", "ClusterFirst");
    return t;
}

static void set_strategy(cJSON *spec, enum sim_kind kind)
{
    if (kind == SIM_DEPLOYMENT) {
        tree_set(tree_make(spec, "strategy"), "type", "RollingUpdate");
        tree_set(tree_make(spec, "strategy.rollingUpdate"), "maxUnavailable", "25%");
        tree_set(tree_make(spec, "strategy.rollingUpdate"), "maxSurge", "25%");
        return;
    }
    tree_set(tree_make(spec, "updateStrategy"), "type", "RollingUpdate");
    tree_set_int(tree_make(spec, "updateStrategy.rollingUpdate"),
                 kind == SIM_STATEFULSET ? "partition" : "maxUnavailable", kind == SIM_DAEMONSET);
}

cJSON *object_workload(const struct world *w, const struct sim_service *sv, const char *tag,
                       const char *cause)
{
    cJSON *doc = x_must(cJSON_CreateObject()), *meta = tree_make(doc, "metadata"), *spec;
    object_age(doc, w->now_ms - 30 * (int64_t)DAY_MS);
    tree_set_int(meta, "generation", 1);
    tree_set(tree_make(meta, "labels"), "app", sv->name);
    tree_set(tree_make(meta, "labels"), "app.kubernetes.io/name", sv->name);
    tree_make(meta, "annotations");
    if (cause[0])
        tree_set(tree_make(meta, "annotations"), CHANGE_CAUSE, cause);
    spec = tree_make(doc, "spec");
    if (sv->kind != SIM_DAEMONSET)
        tree_set_int(spec, "replicas", sv->replicas);
    tree_set(tree_make(spec, "selector.matchLabels"), "app", sv->name);
    tree_take(spec, "template", object_template(sv, tag));
    set_strategy(spec, sv->kind);
    tree_set_int(spec, "revisionHistoryLimit", 10);
    if (sv->kind == SIM_DEPLOYMENT)
        tree_set_int(spec, "progressDeadlineSeconds", sv->deadline_s);
    if (sv->kind == SIM_STATEFULSET) {
        tree_set(spec, "serviceName", sv->name);
        tree_set(spec, "podManagementPolicy", "OrderedReady");
    }
    tree_make(doc, "status");
    return doc;
}

static void add_namespace(struct world *w, const char *name)
{
    cJSON *doc = x_must(cJSON_CreateObject());
    object_age(doc, w->now_ms - 200 * (int64_t)DAY_MS);
    tree_set(tree_make(doc, "metadata.labels"), "kubernetes.io/metadata.name", name);
    tree_take(tree_make(doc, "spec"), "finalizers",
              tree_array_of((const char *const[]){ "kubernetes" }, 1));
    tree_set(tree_make(doc, "status"), "phase", "Active");
    store_add(&w->store, SIM_NAMESPACE, "", name, NULL, doc);
}

static void add_node(struct world *w, int64_t i)
{
    char name[32], address[32], at[32];
    cJSON *doc = x_must(cJSON_CreateObject()), *ready = x_must(cJSON_CreateObject()),
          *list = x_must(cJSON_CreateArray());
    snprintf(name, sizeof name, "node-%lld", (long long)i + 1);
    snprintf(address, sizeof address, "10.10.0.%lld", (long long)i + 10);
    object_age(doc, w->now_ms - 200 * (int64_t)DAY_MS);
    tree_set(tree_make(doc, "metadata.labels"), "kubernetes.io/hostname", name);
    tree_make(doc, "spec");
    cJSON *status = tree_make(doc, "status");
    for (int k = 0; k < 2; k++) {
        cJSON *room = tree_make(status, k ? "allocatable" : "capacity");
        tree_set(room, "cpu", "16");
        tree_set(room, "memory", "64Gi");
        tree_set(room, "pods", "250");
    }
    tree_set(ready, "type", "Ready");
    tree_set(ready, "status", "True");
    tree_set(ready, "reason", "KubeletReady");
    tree_set(ready, "message", "kubelet is posting ready status");
    tree_set(ready, "lastHeartbeatTime", sim_time(w->now_ms, at));
    tree_set(ready, "lastTransitionTime", at);
    cJSON_AddItemToArray(list, ready);
    tree_take(status, "conditions", list);
    tree_take(status, "addresses", list = x_must(cJSON_CreateArray()));
    cJSON *ip = x_must(cJSON_CreateObject());
    tree_set(ip, "type", "InternalIP");
    tree_set(ip, "address", address);
    cJSON_AddItemToArray(list, ip);
    store_add(&w->store, SIM_NODE, "", name, NULL, doc);
}

void object_platform(struct world *w)
{
    static const char *const names[] = { "default", "kube-system" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        add_namespace(w, names[i]);
    if (!store_find(&w->store, SIM_NAMESPACE, "", w->story.ns))
        add_namespace(w, w->story.ns);
    for (int64_t i = 0; i < w->story.nodes; i++)
        add_node(w, i);
}

static void add_service(struct world *w, const struct sim_service *sv)
{
    char address[32];
    cJSON *doc = x_must(cJSON_CreateObject()), *spec = tree_make(doc, "spec"),
          *ports = x_must(cJSON_CreateArray()), *p;
    object_age(doc, w->now_ms - 30 * (int64_t)DAY_MS);
    tree_set(tree_make(doc, "metadata.labels"), "app", sv->name);
    tree_set(tree_make(spec, "selector"), "app", sv->name);
    tree_take(spec, "ports", ports);
    cJSON_AddItemToArray(ports, p = x_must(cJSON_CreateObject()));
    tree_set(p, "name", "http");
    tree_set(p, "protocol", "TCP");
    tree_set_int(p, "port", 80);
    tree_set_int(p, "targetPort", sv->port);
    snprintf(address, sizeof address, "10.96.0.%zu", store_count(&w->store, SIM_SERVICE) + 10);
    tree_set(spec, "clusterIP", address);
    tree_set(spec, "type", "ClusterIP");
    tree_make(doc, "status.loadBalancer");
    store_add(&w->store, SIM_SERVICE, w->story.ns, sv->name, NULL, doc);
}

void object_around(struct world *w, const struct sim_service *sv)
{
    if (sv->kind != SIM_DAEMONSET)
        add_service(w, sv);
    if (!sv->hpa_most)
        return;
    cJSON *doc = x_must(cJSON_CreateObject()), *spec = tree_make(doc, "spec"),
          *ref = tree_make(spec, "scaleTargetRef");
    object_age(doc, w->now_ms - 30 * (int64_t)DAY_MS);
    tree_set(ref, "kind", sim_kinds[sv->kind].kind);
    tree_set(ref, "name", sv->name);
    tree_set(ref, "apiVersion", "apps/v1");
    tree_set_int(spec, "minReplicas", sv->hpa_least);
    tree_set_int(spec, "maxReplicas", sv->hpa_most);
    tree_set_int(spec, "targetCPUUtilizationPercentage", sv->hpa_cpu);
    tree_set_int(tree_make(doc, "status"), "currentReplicas", sv->replicas);
    tree_set_int(tree_make(doc, "status"), "desiredReplicas", sv->replicas);
    store_add(&w->store, SIM_HPA, w->story.ns, sv->name, NULL, doc);
}
