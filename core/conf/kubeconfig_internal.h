/* core/conf/kubeconfig_internal.h - the merged files, for kubeconfig.c and kubeconfig_resolve.c only. */
#ifndef CONF_KUBECONFIG_INTERNAL_H
#define CONF_KUBECONFIG_INTERNAL_H

#include "core/conf/kubeconfig.h"
#include "core/conf/yaml.h"

enum { KUBE_CLUSTERS, KUBE_USERS, KUBE_CONTEXTS, KUBE_SECTIONS };

struct kube_entry {
    const char *name, *file;
    const struct yaml_node *body; /* NULL = there is none */
    int line, col;
    struct kube_entry *next;
};

struct kubeconfig {
    struct arena arena;
    struct kube_entry *entries[KUBE_SECTIONS];
    size_t n_files, n_missing; /* that were looked for, and of those not there */
    const char *current; /* NULL = none of the files says */
    const char **names;
    struct buf warnings;
};

struct kube_entry *kubeconfig_find(const struct kubeconfig *k, int section, const char *name);

#endif
