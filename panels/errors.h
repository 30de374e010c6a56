/* panels/errors.h - what the error feed, the record of one error and the workloads share. */
#ifndef PANELS_ERRORS_H
#define PANELS_ERRORS_H

#include "core/model/errors.h"
#include "tui/table.h"

struct error_shown { /* a row that passes the filters; points into the section that was settled */
    const struct error_item *item;
    const struct error_group *group;
    char id[24];
};
struct error_list { /* what the tables show: their ctx */
    struct error_shown *rows;
    size_t n;
};
extern const struct table_ops error_feed_ops, error_group_ops; /* errors_rows.c */

static inline const struct errors *errors_in(const struct frame *f)
{
    return frame_section(f, SECTION_ERRORS);
}

enum { PROMPT_LINE = 640 }; /* a verb, a row's id, a note */
bool errors_is_open(const struct error_item *it);
enum role errors_severity_role(enum severity s, bool is_open);
enum role errors_due(const struct error_item *it, const struct frame *f, struct buf *out);
const struct source_health *errors_health(const struct frame *f); /* NULL = no such source */
bool errors_are_stale(const struct frame *f);
/* Asks for the plan of a change to it (NULL = says that it is gone), with "_all" to every open row of its
 * group; resolve wants a note first. */
void errors_act(struct ui *ui, const struct frame *f, const struct error_item *it, const char *verb,
                const char *note);

/* The commands that change an error; the items: expressions of state and f. */
#define ERROR_ACT(fn, item)                                                                        \
    static void fn(struct ui *ui, void *state, const struct frame *f, const char *arg)             \
    {                                                                                              \
        errors_act(ui, f, item, #fn, arg);                                                         \
    }
#define ERROR_ACTS(item, resolved_item)                                                            \
    ERROR_ACT(acknowledge, item)                                                                   \
    ERROR_ACT(investigated, item)                                                                  \
    ERROR_ACT(planned, item)                                                                       \
    ERROR_ACT(implemented, item)                                                                   \
    ERROR_ACT(resolve, item)                                                                       \
    ERROR_ACT(reopen, resolved_item)                                                               \
    ERROR_ACT(acknowledge_all, item)                                                               \
    ERROR_ACT(resolve_all, item)
#define ERROR_ACT_CMDS                                                                             \
    { "acknowledge", "[NOTE]", "somebody is on it", true, acknowledge },                           \
    { "investigated", "[NOTE]", "the cause is known", true, investigated },                        \
    { "planned", "[NOTE]", "the fix is planned and tested", true, planned },                       \
    { "implemented", "[NOTE]", "the fix is out", true, implemented },                              \
    { "resolve", "NOTE", "resolve the error, with what was done", true, resolve },                 \
    { "reopen", "[NOTE]", "a resolved error is open again", true, reopen },                        \
    { "acknowledge-all", "[NOTE]", "every open row of its group, in one plan", true, acknowledge_all }, \
    { "resolve-all", "NOTE", "every open row of its group, in one plan", true, resolve_all }

#endif
