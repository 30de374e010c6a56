/*
 * core/gather/errors.h - the error database on the loop: the feed, what it means, the record that
 * somebody opened and the change that somebody asked for, as sections.
 *
 * Thread   the loop's      Owns   copies the spec's strings, borrows the rest
 */
#ifndef GATHER_ERRORS_H
#define GATHER_ERRORS_H

#include "core/change/actuator.h"
#include "core/conf/conf.h"
#include "core/judge/triage.h"
#include "core/model/cmdq.h"
#include "core/model/errors.h"
#include "core/model/ident.h"
#include "core/model/workload.h"

/* The rules of a config; NULL = ours alone. */
MUST_USE enum err_code errors_rules(const struct conf_errors *conf, struct triage_rules **out, struct err *e);
/* Where the table is: `place` (--errors-db) wins over the config; without either it is the file of a team
 * without a server, STATE/errors.db, when that is there or is_wanted. */
struct errors_where {
    char *place;          /* NULL = nowhere; the caller frees */
    const char *timezone; /* borrowed from conf; NULL = measure */
    const char *own_file; /* in `place`: it is that file; NULL = it is not */
};
struct errors_where errors_where(const char *place, const struct conf_errors *conf, const char *state_dir, bool is_wanted);

struct gather_errors_spec {
    struct loop *loop;
    struct worker *worker;
    struct actuator *gate;
    const char *place;    /* --errors-db; NULL = what the config says */
    const struct conf_errors *conf; /* borrowed; NULL = none */
    const struct conf_env *env;     /* borrowed; its services name workloads; NULL = none */
    const char *state_dir, *by;
    bool is_production;
    void (*on_data)(void *ctx);
    void (*on_health)(void *ctx);
    void (*on_doc)(void *ctx);
    void (*on_plan)(void *ctx);
    void *ctx;
};

struct gather_errors;
struct gather_errors *gather_errors_new(const struct gather_errors_spec *spec);
void gather_errors_free(struct gather_errors *g); /* NULL is fine */
/* Without a place: has the file of a team without a server been made meanwhile?  A failed `run` makes it. */
void gather_errors_look(struct gather_errors *g);
void gather_errors_refresh(struct gather_errors *g);
void gather_errors_doubt(struct gather_errors *g);
struct source_health gather_errors_health(const struct gather_errors *g); /* borrowed strings */

/* A new section, or NULL when nothing has moved since the last one.  `ws` may be NULL. */
struct errors *gather_errors_section(struct gather_errors *g, const struct workloads *ws, int64_t now_ms);

void gather_errors_open(struct gather_errors *g, const struct cmd_msg *m); /* CMD_DOC_OPEN of DOC_ERROR */
void gather_errors_close(struct gather_errors *g);
struct doc *gather_errors_doc(const struct gather_errors *g); /* a new section; NULL = none is open */

void gather_errors_plan(struct gather_errors *g, const struct cmd_msg *m);
void gather_errors_confirm(struct gather_errors *g, const struct cmd_msg *m);
void gather_errors_put_away(struct gather_errors *g, uint64_t request); /* one under way goes on */
struct plan *gather_errors_plan_section(const struct gather_errors *g); /* NULL = none */

#endif
