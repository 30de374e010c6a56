/*
 * core/sources/probe.h - health probes: a GET to each target, on its own schedule, again and again.
 *
 * Way      direct by a URL, or through the API server's Service proxy, with the cluster's credentials.  What
 *          the API server itself could not or would not do is PROBE_UNSEEN: it says nothing of the service
 * Pace     targets are spread over the interval; the next probe starts on time whatever the last one does, which
 *          ends at its timeout (below the interval)
 * Limits   PROBE_TARGETS; PROBE_BODY bytes of an answer, 64 KiB of headers; redirects are an answer like another
 * Samples  SAMPLE_PROBE each time; SAMPLE_CHECK of the rows of its body when they change, and each CHECK_MS
 * Thread   the loop's      Owns   copies targets; borrows the rest of the spec
 */
#ifndef SOURCES_PROBE_H
#define SOURCES_PROBE_H

#include "core/model/ident.h"
#include "core/model/sample.h"
#include "core/sources/kube.h"

enum { PROBE_TARGETS = 1000, PROBE_BODY = 256 * 1024, CHECK_MS = 15000 };

struct probe_target {
    const char *subject; /* the workload's id */
    const char *name;    /* "orders:8080/healthz": of the series */
    const char *where;   /* a URL, or a path of the API server when the spec has a kube */
};

struct probe_spec {
    struct loop *loop;
    struct kube *kube;           /* NULL: direct */
    int64_t every_ms, timeout_ms; /* real time; the timeout is cut to below the interval */
    int expect;                  /* the status; 0 = 200 to 299 */
    const char *const *headers;  /* direct only; "Name: value" */
    size_t n_headers;
    const char *token_file;      /* direct only; NULL = none */
    struct http_tls tls;
    struct sample_sink *sink;
    void (*on_state)(void *ctx);
    void *ctx;
};

struct probes;
struct probes *probes_new(const struct probe_spec *spec);
void probes_free(struct probes *p); /* NULL is fine */
/* From now on these: those that were there go on, the others end. */
void probes_set(struct probes *p, const struct probe_target *targets, size_t n);
void probes_now(struct probes *p); /* all, at once */
struct source_health probes_health(const struct probes *p); /* "probes"; borrowed strings */

/* What the API server's answer says of the service behind its proxy; pure.  `text` has SAMPLE_TEXT bytes. */
enum probe_outcome probe_of_proxy(int status, const char *body, size_t n, const struct err *e, int expect, char *text);

#endif
