/*
 * core/sources/probe_judge.h - what an answer to a probe says of the service.  Pure.
 *
 * Ours     what the API server itself answers for us (rights, a Service that it does not know, a limit),
 *          no way to it, a secret that can not be read: PROBE_UNSEEN.  What it says of the service
 *          ("no endpoints available", "connection refused" by a pod) is the service's
 * Thread   any
 * Source   k8s.io/apiserver proxy handlers: a Status object, or "Error trying to reach service: ..."
 */
#ifndef SOURCES_PROBE_JUDGE_H
#define SOURCES_PROBE_JUDGE_H

#include "core/conf/measure.h"
#include "core/loop/http.h"
#include "core/sources/health_decode.h"

struct probe_answer {
    struct err e;       /* of the way there; code ERR_OK: an answer came */
    bool is_ours;       /* e is our own fault: nothing was asked */
    bool is_api;        /* it came through the API server */
    int status;
    const char *type, *body; /* never NULL */
    size_t body_n;
    const char *redirect; /* NULL = none */
    struct http_times times;
};
/* text: the reason, for a person; "" when all is well and there is nothing to say. */
enum probe_outcome probe_judge(const struct probe_answer *a, const struct conf_probe *how, const struct health_body *b,
                               char *text, size_t room);

#endif
