/*
 * core/sim/pod_status.h - the status of a pod as the kubelet reports it, from what its stage is.
 *
 * Thread   the world's      Source   Kubernetes API reference: PodStatus, ContainerStatus
 */
#ifndef SIM_POD_STATUS_H
#define SIM_POD_STATUS_H

#include "core/sim/kubelet.h"

void pod_status_write(const struct world *w, struct sim_object *pod);
/* The moment between a container's end and what the kubelet does next. */
void pod_status_write_ended(const struct world *w, struct sim_object *pod);
void pod_status_write_unplaced(const struct world *w,
                               struct sim_object *pod); /* no node has room */
const char *pod_image(const struct sim_object *pod);    /* of its first container */

#endif
