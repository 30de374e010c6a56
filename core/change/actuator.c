/*
 * An act goes through its states one durable line at a time: a line is a job of the worker, and what
 * follows waits for it.  The journal belongs to the worker's thread; `books` outlives the actuator while
 * a line is under way, so the end of the console loses none.
 */
#include "core/change/actuator.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/store/journal.h"

struct books {
    int refs;
    char *wanted; /* --state-dir */
    struct statedir dir;
    bool has_dir;
    struct journal *journal;
};

struct act {
    struct actuator *gate;
    struct act_spec spec;
    char *action, *target, *detail, *text;
    char key[ENTRY_KEY];
    int hold; /* the lock file's fd; -1 = not held */
    enum entry_state durable;  /* the last state that is on disk */
    bool has_answer;
    enum entry_state answer;
    struct act *next, *prev;
};

struct line { /* one entry on its way to the disk, all of it copied */
    struct books *books;
    struct actuator *gate; /* NULL: it is gone */
    struct act *act;       /* NULL: an arming, or the act has been left */
    struct entry en;
    char *action, *target, *who, *where, *detail;
    struct err e;
    int64_t arm_ms;
    uint64_t generation; /* of the rights that it was asked for under */
    int hold;
    struct line *next, *prev;
};

struct actuator {
    struct actuator_spec spec;
    char *who, *where, *ban;
    char trouble[224]; /* why the journal cannot be written; "" = it can, or was not asked to yet */
    struct books *books;
    bool is_armed;
    uint64_t generation; /* rises when the place changes, or is disarmed: an older arming does not count */
    int64_t until_io_ms; /* io clock, which a change of the date does not move; TIME_NONE = until the end */
    struct loop_timer expiry;
    struct act *acts;
    struct line *lines;
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

/* ---- on the worker ---- */

static void write_line(void *ctx)
{
    struct line *l = ctx;
    struct books *b = l->books;
    if (!b->has_dir && statedir_find(b->wanted, env_of, &b->dir, &l->e))
        return;
    b->has_dir = true;
    if (!b->journal && journal_open(&b->dir, &b->journal, &l->e))
        return;
    if (l->en.state == ENTRY_INTENT)
        l->hold = journal_hold(&b->dir, l->en.op);
    if (journal_append(b->journal, &l->en, &l->e)) {
        journal_close(b->journal); /* after an I/O error nothing that it holds is to be trusted */
        b->journal = NULL;
    } else {
        l->e = (struct err){ 0 }; /* what went wrong on the way and was mended is no error */
        if (l->en.state == ENTRY_CLOSED && l->hold >= 0) {
            journal_release(&b->dir, l->en.op, l->hold);
            l->hold = -1;
        }
    }
}

/* ---- lines, on the loop ---- */

static void free_line(void *ctx)
{
    struct line *l = ctx;
    struct books *b = l->books;
    if (l->gate)
        DL_DELETE(l->gate->lines, l);
    free(l->action);
    free(l->target);
    free(l->who);
    free(l->where);
    free(l->detail);
    free(l);
    if (!--b->refs) {
        journal_close(b->journal);
        free(b->wanted);
        free(b);
    }
}

static void line_done(void *ctx);

/* False: the worker's queue is full; nothing was begun. */
static bool put_line(struct actuator *a, struct act *act, const char key[ENTRY_KEY], enum entry_state s,
                     const char *action, const char *target, const char *detail, int64_t arm_ms)
{
    struct line *l = x_calloc(1, sizeof *l);
    l->books = a->books;
    l->books->refs++;
    l->gate = a;
    l->act = act;
    l->arm_ms = arm_ms;
    l->generation = a->generation;
    l->hold = act ? act->hold : -1;
    l->action = x_strdup(action);
    l->target = x_strdup(target);
    l->who = x_strdup(a->who);
    l->where = x_strdup(a->where);
    l->detail = x_strdup(detail);
    l->en = (struct entry){ .at_ms = clock_story_ms(), .state = s, .action = l->action, .target = l->target,
                            .who = l->who, .where = l->where, .detail = l->detail };
    snprintf(l->en.op, sizeof l->en.op, "%s", key);
    DL_APPEND(a->lines, l);
    bool ok = worker_do(a->spec.worker, &(struct worker_job){ .work = write_line, .done = line_done, .drop = free_line,
                                                              .ctx = l, .must_run = true });
    if (!ok)
        free_line(l);
    return ok;
}

static void changed(struct actuator *a)
{
    if (a->spec.on_change)
        a->spec.on_change(a->spec.ctx);
}

static void set_trouble(struct actuator *a, const char *text)
{
    if (text[0] && !text_eq(a->trouble, text))
        log_put(LOG_ERROR, "gate", "no changes: %s", text);
    if (text[0])
        a->is_armed = false;
    snprintf(a->trouble, sizeof a->trouble, "%s", text);
}

/* ---- acts ---- */

static void free_act(struct act *act)
{
    struct line *l;
    DL_FOREACH(act->gate->lines, l) {
        if (l->act == act)
            l->act = NULL;
    }
    DL_DELETE(act->gate->acts, act);
    if (act->hold >= 0)
        close(act->hold);
    free(act->action);
    free(act->target);
    free(act->detail);
    free(act->text);
    free(act);
}

static void end_act(struct act *act, enum entry_state s, const struct err *e)
{
    struct act_spec spec = act->spec;
    struct act_end end = { .state = s, .text = act->text ? act->text : "" };
    if (e)
        end.e = *e;
    char *text = act->text;
    act->text = NULL;
    free_act(act);
    spec.on_end(spec.ctx, &end);
    free(text);
}

static void put_state(struct act *act, enum entry_state s, const char *detail)
{
    if (put_line(act->gate, act, act->key, s, act->action, act->target, detail, 0))
        return;
    if (s == ENTRY_UNKNOWN) { /* what became of it is found out all the same */
        act->durable = s;
    } else {
        struct err e;
        err_set(&e, ERR_LIMIT, 0, "too much waits for the journal");
        end_act(act, act->durable == ENTRY_INTENT ? ENTRY_REFUSED : act->has_answer ? act->answer : ENTRY_UNKNOWN, &e);
    }
}

/* A line of the act is on disk, or could not be written. */
static void after_line(struct act *act, enum entry_state s, const struct err *e)
{
    if (e->code && s <= ENTRY_SENT) { /* no journal, no change */
        end_act(act, ENTRY_REFUSED, e);
        return;
    }
    if (e->code && s != ENTRY_UNKNOWN) { /* done, but not recorded: said, and no further change is possible */
        end_act(act, act->answer, e);
        return;
    }
    act->durable = s;
    switch (s) {
    case ENTRY_INTENT:
        put_state(act, ENTRY_SENT, "");
        break;
    case ENTRY_SENT:
        act->spec.send(act->spec.ctx, act);
        break;
    case ENTRY_APPLIED:
    case ENTRY_REFUSED:
        put_state(act, ENTRY_CLOSED, "");
        break;
    case ENTRY_UNKNOWN:
        if (act->answer != ENTRY_UNKNOWN) /* settled while this was being written */
            put_state(act, act->answer, act->text);
        break;
    default:
        end_act(act, act->answer, NULL);
        break;
    }
}

static void line_done(void *ctx)
{
    struct line *l = ctx;
    struct actuator *a = l->gate;
    struct act *act = l->act;
    struct err e = l->e;
    enum entry_state s = l->en.state;
    int64_t arm_ms = a && l->generation == a->generation ? l->arm_ms : 0;
    char trouble[224] = "", why[180];
    if (act)
        act->hold = l->hold;
    else if (l->hold >= 0)
        close(l->hold);
    free_line(l);
    if (!a)
        return;
    if (e.code)
        snprintf(trouble, sizeof trouble, "the journal cannot be written: %s", text_shorten(why, sizeof why, e.text));
    set_trouble(a, trouble);
    if (arm_ms && !e.code) {
        a->is_armed = true;
        a->until_io_ms = clock_io_ms() + arm_ms;
        loop_timer_set(a->spec.loop, &a->expiry, arm_ms);
        log_put(LOG_WARN, "gate", "armed for %d s", (int)(arm_ms / 1000));
    }
    changed(a);
    if (act)
        after_line(act, s, &e); /* last: it may end the act */
}

static void make_key(char key[ENTRY_KEY])
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        abort(); /* without a random key two operations could be taken for one */
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(key + 2 * i, 3, "%02x", bytes[i]);
}

enum err_code act_begin(struct actuator *a, const struct act_spec *spec, struct act **out, struct err *e)
{
    struct actuator_rights r = actuator_rights(a);
    if (a->ban[0])
        return err_set(e, ERR_FORBIDDEN, 0, "read-only: %s", a->ban);
    if (r.read_only && !spec->is_typed)
        return err_set(e, ERR_FORBIDDEN, 0, "read-only: %s", r.ban[0] ? r.ban : ":arm allows changes for a while");
    struct act *act = x_calloc(1, sizeof *act);
    act->gate = a;
    act->spec = *spec;
    act->hold = -1;
    act->action = x_strdup(spec->action);
    act->target = x_strdup(spec->target);
    act->detail = x_strdup(spec->detail);
    make_key(act->key);
    DL_APPEND(a->acts, act);
    if (!put_line(a, act, act->key, ENTRY_INTENT, act->action, act->target, act->detail, 0)) {
        free_act(act);
        return err_set(e, ERR_LIMIT, 0, "too much waits for the journal");
    }
    *out = act;
    return ERR_OK;
}

const char *act_key(const struct act *act)
{
    return act->key;
}

void act_answer(struct act *act, enum entry_state state, const char *text)
{
    bool was_unknown = act->has_answer && act->answer == ENTRY_UNKNOWN;
    free(act->text);
    act->text = x_strdup(text);
    act->answer = state;
    act->has_answer = true;
    if (!was_unknown || act->durable == ENTRY_UNKNOWN)
        put_state(act, state, text);
}

void act_leave(struct act *act)
{
    if (act)
        free_act(act);
}

/* ---- rights ---- */

/* Arming is in the journal, so its end is too.  Read-only is at once and whatever the journal says. */
static void end_arming(struct actuator *a, const char *why)
{
    char key[ENTRY_KEY];
    if (a->is_armed) {
        log_put(LOG_INFO, "gate", "read-only again: %s", why);
        make_key(key);
        if (!put_line(a, NULL, key, ENTRY_CLOSED, "disarm", a->where, why, 0))
            set_trouble(a, "too much waits for the journal");
    }
    a->is_armed = false;
    a->generation++;
    loop_timer_stop(a->spec.loop, &a->expiry);
    changed(a);
}

static void on_expiry(void *ctx)
{
    struct actuator *a = ctx;
    int64_t left = a->until_io_ms - clock_io_ms();
    if (a->is_armed && a->until_io_ms != TIME_NONE && left > 0) {
        loop_timer_set(a->spec.loop, &a->expiry, left);
        return;
    }
    end_arming(a, "its time is over");
}

void actuator_arm(struct actuator *a, int64_t ms)
{
    char key[ENTRY_KEY], detail[64];
    if (a->ban[0])
        return;
    make_key(key);
    snprintf(detail, sizeof detail, "for %d s", (int)(ms / 1000));
    if (!put_line(a, NULL, key, ENTRY_CLOSED, "arm", a->where, detail, ms))
        set_trouble(a, "too much waits for the journal");
}

void actuator_disarm(struct actuator *a)
{
    end_arming(a, "asked for");
}

struct actuator_rights actuator_rights(const struct actuator *a)
{
    bool is_for_ever = a->until_io_ms == TIME_NONE;
    int64_t left = is_for_ever ? 0 : a->until_io_ms - clock_io_ms();
    bool is_over = !is_for_ever && left <= 0;
    return (struct actuator_rights){ .read_only = !a->is_armed || is_over || a->ban[0],
                                     .until_io_ms = a->until_io_ms,
                                     .ban = a->ban[0] ? a->ban : a->trouble };
}

void actuator_move(struct actuator *a, const char *where, const char *ban)
{
    end_arming(a, "another context"); /* said of the one that is left */
    free(a->where);
    free(a->ban);
    a->where = x_strdup(where);
    a->ban = x_strdup(ban);
    changed(a);
}

struct actuator *actuator_new(const struct actuator_spec *spec)
{
    struct actuator *a = x_calloc(1, sizeof *a);
    a->spec = *spec;
    a->who = x_strdup(spec->who);
    a->where = x_strdup(spec->where);
    a->ban = x_strdup(spec->ban);
    a->books = x_calloc(1, sizeof *a->books);
    a->books->refs = 1;
    a->books->wanted = spec->state_dir ? x_strdup(spec->state_dir) : NULL;
    a->is_armed = spec->is_armed && !spec->ban[0];
    a->until_io_ms = TIME_NONE;
    a->expiry = (struct loop_timer){ .fn = on_expiry, .ctx = a };
    char key[ENTRY_KEY];
    make_key(key);
    if (a->is_armed && !put_line(a, NULL, key, ENTRY_CLOSED, "arm", a->where, "until the end", 0))
        a->is_armed = false;
    return a;
}

void actuator_free(struct actuator *a)
{
    struct line *l, *next;
    if (!a)
        return;
    while (a->acts)
        act_leave(a->acts);
    DL_FOREACH_SAFE(a->lines, l, next) {
        DL_DELETE(a->lines, l);
        l->gate = NULL;
    }
    loop_timer_stop(a->spec.loop, &a->expiry);
    if (!--a->books->refs) {
        journal_close(a->books->journal);
        free(a->books->wanted);
        free(a->books);
    }
    free(a->who);
    free(a->where);
    free(a->ban);
    free(a);
}
