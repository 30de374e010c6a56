/*
 * core/model/ident.h - who we are looking at, and how well each source of data is doing.
 *
 * Made by  core/gather
 * Units    _ms: story clock, UTC; TIME_NONE = never
 * Limits   strings are as the sources gave them (capped there); the canvas cleans them
 */
#ifndef MODEL_IDENT_H
#define MODEL_IDENT_H

#include "core/base/clock.h"
#include "core/model/snap.h"

enum env_class { ENV_UNKNOWN, ENV_DEVELOPMENT, ENV_STAGING, ENV_PRODUCTION };

struct link {
    const char *name, *url; /* url: a template, see conf/config.yaml */
};

struct ident {
    struct section section;
    const char *environment; /* name in the config, "" without one */
    enum env_class class;
    const char *context, *cluster, *user; /* names in the kubeconfig */
    const char *server;                   /* URL without credentials */
    const char *as;                       /* impersonated user, "" = none */
    bool read_only, is_insecure;          /* insecure: the server's certificate is not checked */
    int64_t armed_until_io_ms;            /* without read_only: until then, on the io clock; TIME_NONE = until the end */
    const char *write_ban;                /* why arming is refused (--read-only, no journal); "" = it is not */
    size_t n_unended;                     /* changes in our journal without a known end; nobody has them in hand */
    bool all_namespaces;
    const char *const *namespaces; /* those that we watch; n = 0 with all_namespaces */
    size_t n_namespaces;
    const char *const *contexts; /* for `:ctx` */
    size_t n_contexts;
    const char *const *known_namespaces; /* for `:ns`; empty when we may not list them */
    size_t n_known_namespaces;
    const struct link *links; /* for `:link`, as they are configured */
    size_t n_links;
    bool is_demo;             /* a simulated platform: nothing that is shown is real */
    bool is_demo_cut;         /* its simulator is gone, `caption` says how: nothing will come any more */
    const char *caption;      /* what its story has to say just now; "" = nothing */
    int64_t pace;             /* how many times as fast as real time the story clock runs, 1 at least */
    int64_t story_ms, story_end_ms; /* its T+0 and its end; TIME_NONE = no demo */
};

enum source_state {
    SOURCE_WAITING,   /* nothing yet; since_ms is when we began to ask */
    SOURCE_LIVE,      /* proved to be current */
    SOURCE_STALE,     /* was live; what is shown is old */
    SOURCE_FAILED,    /* never live, and the last try failed */
    SOURCE_FORBIDDEN, /* the server knows us and refuses */
    SOURCE_ABSENT,    /* the server does not serve this */
    SOURCE_UNSET,     /* not configured; text says what to set */
};

struct source_health {
    const char *name; /* "api", "pods shop", "metrics" */
    enum source_state state;
    int64_t since_ms;     /* in this state since */
    int64_t proved_ms;    /* last proof that what we hold is current */
    int64_t retry_ms;     /* next try, TIME_NONE = not waiting */
    const char *text;     /* last error, or what to do; "" = nothing to say */
    const char *cause;    /* of the error, in a word or two: "refused", "timeout", "answers 503"; may be NULL */
    int64_t objects;      /* -1 = does not count objects */
    int64_t audit_ms;     /* period of the audit list in force; 0 = none */
    double requests_per_s;
};

struct sources {
    struct section section;
    struct source_health *rows;
    size_t n;
    enum source_state worst;   /* of those that have data or should have it */
    int64_t oldest_proof_ms;   /* the age that the identity strip shows */
    int64_t lost_ms;           /* the link is lost since; TIME_NONE = it is not */
    double requests_per_s;     /* all of them */
    uint64_t bytes_in;
};

const char *source_state_name(enum source_state s); /* "live", "stale", ... */
const char *env_class_name(enum env_class c);       /* "production", ...; "" for unknown */

#endif
