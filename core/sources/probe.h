/*
 * core/sources/probe.h - health probes: each target is asked on its own schedule, whatever the last
 * answer was.
 *
 * Each answer is one SAMPLE_PROBE (series: the target's name), and a SAMPLE_CHECK for each row of a
 * health body.  core/sources/asker.h has the schedule.
 *
 * Outcome  what the service did; what is our own fault (no way to the API server, no rights, no token
 *          file) is PROBE_UNSEEN, and says nothing of the service
 * Limits   PROBE_BODY bytes of body, 64 KiB of headers, ASKER_REDIRECTS redirects
 * Redirect followed where the configuration says so; another host than the target's gets none of the
 *          headers and no token
 * Thread   the loop's      Owns   its targets (copied; `how` is borrowed); the kube client is borrowed
 */
#ifndef SOURCES_PROBE_H
#define SOURCES_PROBE_H

#include "core/model/ident.h"
#include "core/sources/kube.h"
#include "core/sources/targets.h"

enum { PROBE_BODY = 256 * 1024 };

struct probe_spec {
    struct sample_sink *sink;
    struct kube *kube; /* for targets with an api_path; NULL = these are unseen */
    int64_t pace;      /* of the story clock: 1 at least */
    void (*on_state)(void *ctx); /* probe_health says something else; may be NULL */
    void *ctx;
};

struct probe;
struct probe *probe_new(struct loop *l, const struct probe_spec *spec);
void probe_free(struct probe *p); /* NULL is fine */
/* A target that was there (subject, address and `how` equal) keeps its schedule. */
void probe_set_targets(struct probe *p, const struct target_list *t);
void probe_now(struct probe *p); /* all of them, at once */
/* objects: targets; LIVE: all were asked within their interval; text: how many fail, the first by name. */
struct source_health probe_health(const struct probe *p);

#endif
