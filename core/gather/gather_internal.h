/* core/gather/gather_internal.h - what gather.c and publish.c share; nobody else includes it. */
#ifndef GATHER_GATHER_INTERNAL_H
#define GATHER_GATHER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/gather/bake.h"
#include "core/gather/cluster.h"
#include "core/gather/errors.h"
#include "core/gather/gather.h"
#include "core/gather/journal.h"
#include "core/gather/measure.h"
#include "core/gather/smokes.h"
#include "core/change/notify.h"
#include "core/sources/demo.h"
#include "core/store/history.h"

enum { NAMESPACES = 32, STEPPED_PACE = 3600 /* time stands, then leaps: no proof is late for it */ };

enum moved { MOVED_IDENT = 1, MOVED_HEALTH = 2, MOVED_DATA = 4, MOVED_DOC = 8, MOVED_ERRORS = 16, MOVED_PLAN = 32,
             MOVED_VERDICT = 64 };

struct gather {
    struct gather_spec spec;
    pthread_t thread;
    atomic_bool is_stopping;
    struct loop *loop;
    struct cmdq commands;
    struct kubeconfig *kubeconfig;
    struct kube_target target;
    bool has_target, has_begun, has_opened; /* opened: windows by hand, once */
    char *context;                  /* chosen by :ctx; NULL = as the spec says */
    const struct conf_env *env;
    char *namespaces[NAMESPACES];
    size_t n_namespaces;
    bool all_namespaces;
    struct cluster *cluster;        /* NULL: `broken` says why */
    char broken[512];
    struct kube_doc *doc;
    enum doc_kind doc_kind;         /* of the text that is open: an error's record and the journal are not `doc` */
    struct worker *worker;          /* NULL with workloads_only: all SQLite */
    struct actuator *gate;
    struct gather_errors *errors;
    struct demo *demo;            /* the demo's clock; NULL = this is none */
    struct gather_journal *journal;
    struct gather_bake *bake;       /* NULL without a cluster */
    struct gather_smokes *smokes;   /* the same */
    struct gather_measure *measure; /* the same */
    struct notify *notify;          /* NULL: nobody is to be told */
    struct history *history;        /* the same */
    int64_t past_asked_ms, past_at_ms; /* asked for, and what came of it; TIME_NONE: nobody looks at the past */
    int64_t recalled_ms;            /* the newest sample that the history had; TIME_NONE */
    int64_t past_ms;                /* so far back a source is asked for what it remembers */
    int64_t started_io_ms;
    enum verdict_word told;         /* the platform's word that was told of last */
    int64_t errors_ms;
    struct snap *snap;              /* the last one published, our own reference */
    unsigned moved;
    struct loop_timer publish, beat, ready; /* ready: the bake begins, whatever has come */
    int64_t published_ms, data_ms;
    int64_t gap_ms;                 /* BOOTTIME - MONOTONIC: grows when we were suspended */
};

void gather_move(struct gather *g, unsigned what); /* enum moved: it will be published */
int64_t gather_pace(const struct gather *g);       /* of the story clock: 1, or the demo's */
void gather_look(struct gather *g, const struct snap *s); /* the bake sees what is current of it */
void gather_open_bake(struct gather *g);           /* baking.c; nothing with workloads_only */
void gather_close_bake(struct gather *g);
void gather_publish(void *ctx);                    /* the publish timer's */

#endif
