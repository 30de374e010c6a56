#include "core/change/record_error.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/store/journal.h"
#include "core/store/spool.h"

enum { FIELD_CAP = 1024 * 1024, AGAIN_MS = 1000 };

/* The columns of a record, in one table for writing and reading. */
static const struct column {
    const char *name;
    size_t at; /* in struct run_record and in struct errdb_change, whose names agree */
    size_t to;
} columns[] = {
#define COLUMN(name) { #name, offsetof(struct run_record, name), offsetof(struct errdb_change, name) }
    COLUMN(service), COLUMN(environment), COLUMN(stage), COLUMN(code), COLUMN(severity), COLUMN(message),
    COLUMN(stack), COLUMN(user_impact), COLUMN(business_impact),
#undef COLUMN
};

void run_place(const char *db, char out[RUN_PLACE])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    x_must(EVP_Digest(db, strlen(db), sum, NULL, EVP_sha256(), NULL) ? sum : NULL);
    for (size_t i = 0; i < RUN_PLACE / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

void run_record_json(struct buf *out, const struct run_record *r)
{
    buf_addf(out, "{\"key\":\"%s\",\"place\":\"%s\",\"state\":\"%s\",\"at\":%" PRId64, r->key, r->place ? r->place : "",
             r->is_running ? "running" : "failed", r->at_ms);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const char *value = *(const char *const *)(const void *)((const char *)r + columns[i].at);
        buf_addf(out, ",\"%s\":", columns[i].name);
        json_quote(out, value ? value : "");
    }
    buf_addc(out, '}');
}

struct waiting { /* one record on its way */
    struct arena arena;
    char key[ENTRY_KEY];
    bool is_running, is_elsewhere;
    struct errdb_change change;
    struct waiting *next, *prev;
};

struct deliver {
    struct deliver_spec spec; /* state_dir is our copy */
    char place[RUN_PLACE];
    bool is_left;
    /* the worker's, between one job and its end */
    struct statedir dir;
    struct spool *spool;
    struct err e;
    char done_key[ENTRY_KEY];
    /* the loop's */
    struct waiting *list, *now;
    size_t n_delivered, n_left, n_elsewhere;
    struct err refused; /* why the first of those stays that the database does not want */
    struct act *act;
    struct errdb_call *call;
    struct loop_timer again; /* an answer was lost: the same once more */
    bool is_unknown;
    bool is_working; /* a job is under way: the struct outlives us until it ends */
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void record_target(const char *key, char out[80])
{
    snprintf(out, 80, "deployment_errors (%.40s)", key);
}

/* ---- on the worker ---- */

static struct waiting *parse(const struct deliver *d, const char *key, const char *json, size_t n)
{
    struct json_span doc;
    struct waiting *w = x_calloc(1, sizeof *w);
    if (json_check(json, n, &doc, NULL) || strlen(key) + 1 != sizeof w->key) {
        log_put(LOG_ERROR, "spool", "record %.40s is not readable: it stays", key);
        free(w);
        return NULL;
    }
    snprintf(w->key, sizeof w->key, "%s", key);
    w->is_running = json_str_is(json_get(doc, "state"), "running");
    char *place = json_str(json_get(doc, "place"), &w->arena, RUN_PLACE);
    w->is_elsewhere = place && place[0] && strcmp(place, d->place) != 0;
    w->change = (struct errdb_change){ .act = ERRDB_RECORD_ERROR, .key = w->key, .by = "", .note = "",
                                       .at_ms = json_int_or(json_get(doc, "at"), TIME_NONE) };
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        char *value = json_str(json_get(doc, columns[i].name), &w->arena, FIELD_CAP);
        *(const char **)(void *)((char *)&w->change + columns[i].to) = value ? value : "";
    }
    return w;
}

static void free_waiting(struct waiting *w)
{
    arena_release(&w->arena);
    free(w);
}

static bool take_record(void *ctx, const char *key, const char *json, size_t n)
{
    struct deliver *d = ctx;
    struct waiting *w = parse(d, key, json, n);
    if (w && w->is_elsewhere) {
        d->n_elsewhere++;
        free_waiting(w);
    } else if (w) {
        DL_APPEND(d->list, w);
    }
    return true;
}

struct second_look {
    const struct deliver *d;
    const char *key;
    struct waiting *found;
};

static bool take_this(void *ctx, const char *key, const char *json, size_t n)
{
    struct second_look *l = ctx;
    if (strcmp(key, l->key) != 0)
        return true;
    l->found = parse(l->d, key, json, n);
    return false;
}

/* "running": by somebody who holds its lock, or left behind.  Who has ended since we read it has put
 * something else in its place: so it is read again with its lock in our hand. */
static void settle_running(struct deliver *d, struct waiting *w)
{
    struct second_look look = { .d = d, .key = w->key };
    int fd = journal_hold(&d->dir, w->key);
    if (fd >= 0) {
        (void)!spool_each(d->spool, take_this, &look, NULL);
        journal_release(&d->dir, w->key, fd);
    }
    if (look.found && look.found->is_running) {
        look.found->change.code = "RUN-LOST";
        look.found->change.message =
            arena_printf(&look.found->arena, "bakewatch run was killed, what became of it is not known: %s",
                         look.found->change.message);
    }
    if (look.found)
        DL_APPEND(d->list, look.found);
    DL_DELETE(d->list, w);
    free_waiting(w);
}

static void open_work(void *ctx)
{
    struct deliver *d = ctx;
    if (statedir_find(d->spec.state_dir, env_of, &d->dir, &d->e) || spool_open(&d->dir, &d->spool, &d->e))
        return;
    if (!spool_lock(d->spool)) {
        err_set(&d->e, ERR_BUSY, 0, "another bakewatch is delivering");
        return;
    }
    if (!spool_each(d->spool, take_record, d, &d->e))
        d->e = (struct err){ 0 };
    struct waiting *w, *next, *last = d->list ? d->list->prev : NULL;
    DL_FOREACH_SAFE(d->list, w, next) {
        bool is_last = w == last;
        if (w->is_running)
            settle_running(d, w);
        if (is_last)
            break;
    }
}

enum { LOOSE = 16 };
struct loose_ends { /* operations of this record that were killed: the run itself, and earlier deliveries */
    const char *key;
    char target[80]; /* of its deliveries */
    struct entry of[LOOSE]; /* their strings are ours */
    size_t n;
};

static bool add_loose(void *ctx, const struct entry *last)
{
    struct loose_ends *l = ctx;
    bool is_run = strcmp(last->op, l->key) == 0;
    if (!is_run && !(strcmp(last->action, "error-record") == 0 && strcmp(last->target, l->target) == 0))
        return true;
    struct entry *en = &l->of[l->n++];
    *en = *last;
    en->action = x_strdup(last->action);
    en->target = x_strdup(last->target);
    en->where = x_strdup(last->where);
    en->detail = is_run ? "was killed; what is known of it is a row now" : "was cut short; a later delivery has done it";
    return l->n < LOOSE;
}

/* Whoever was killed wrote no end into the journal.  What became of it is known now: the row is there. */
static void tie_up(struct deliver *d)
{
    struct loose_ends l = { .key = d->done_key };
    struct journal *j = NULL;
    struct err e = { 0 };
    record_target(d->done_key, l.target);
    if (!journal_open(&d->dir, &j, &e))
        (void)!journal_orphans(j, add_loose, &l, &e);
    for (size_t i = 0; i < l.n; i++) {
        struct entry *en = &l.of[i];
        int hold = journal_hold(&d->dir, en->op); /* -1: somebody is at it */
        en->at_ms = clock_story_ms();
        en->state = ENTRY_CLOSED;
        en->who = d->spec.who;
        if (hold >= 0 && !e.code)
            (void)!journal_append(j, en, &e);
        journal_release(&d->dir, en->op, hold);
        free((char *)(uintptr_t)en->action);
        free((char *)(uintptr_t)en->target);
        free((char *)(uintptr_t)en->where);
    }
    if (e.code)
        log_put(LOG_WARN, "spool", "%s", e.text); /* they stay without a known end */
    journal_close(j);
}

static void take_out_work(void *ctx)
{
    struct deliver *d = ctx;
    if (spool_take_out(d->spool, d->done_key, &d->e))
        return;
    d->e = (struct err){ 0 };
    tie_up(d);
}

static void close_work(void *ctx)
{
    struct deliver *d = ctx;
    spool_close(d->spool);
    d->spool = NULL;
}

/* ---- on the loop ---- */

static void free_all(struct deliver *d)
{
    struct waiting *w, *next;
    DL_FOREACH_SAFE(d->list, w, next)
        free_waiting(w);
    spool_close(d->spool);
    free((char *)(uintptr_t)d->spec.state_dir);
    free((char *)(uintptr_t)d->spec.who);
    free(d);
}

static void drop(void *ctx)
{
    struct deliver *d = ctx;
    d->is_working = false;
    if (d->is_left)
        free_all(d);
}

static void do_work(struct deliver *d, void (*work)(void *ctx), void (*done)(void *ctx));

static void on_closed(void *ctx)
{
    struct deliver *d = ctx;
    struct deliver_spec spec = d->spec;
    size_t n = d->n_delivered, left = d->n_left;
    struct err e = d->e.code ? d->e : d->refused;
    d->is_working = false;
    if (!d->is_left)
        spec.on_end(spec.ctx, n, left, &e);
    else
        free_all(d);
}

static void end(struct deliver *d)
{
    struct waiting *w;
    DL_FOREACH(d->list, w)
        d->n_left++;
    do_work(d, close_work, on_closed);
}

static void on_result(void *ctx, const struct errdb_result *r);

static void send_it(struct deliver *d)
{
    d->call = errdb_write(d->spec.db, &d->now->change, on_result, d);
}

static void on_send(void *ctx, struct act *act)
{
    struct deliver *d = ctx;
    d->act = act;
    d->is_unknown = false;
    send_it(d);
}

static void next_record(struct deliver *d);

static void pass_over(struct deliver *d)
{
    DL_DELETE(d->list, d->now);
    free_waiting(d->now);
    d->now = NULL;
}

static void on_taken_out(void *ctx)
{
    struct deliver *d = ctx;
    d->is_working = false;
    if (d->is_left) {
        free_all(d);
        return;
    }
    if (d->e.code) {
        end(d);
        return;
    }
    d->n_delivered++;
    pass_over(d);
    next_record(d);
}

/* What the database does not want of one record says nothing of the others; what is wrong with the way to
 * it, or with the journal, does. */
static bool is_of_the_way(enum err_code code)
{
    return code == ERR_NET || code == ERR_TIMEOUT || code == ERR_IO || code == ERR_AUTH || code == ERR_BUSY ||
           code == ERR_FORBIDDEN;
}

static void on_act_end(void *ctx, const struct act_end *a)
{
    struct deliver *d = ctx;
    d->act = NULL;
    loop_timer_stop(d->spec.loop, &d->again);
    errdb_cancel(d->call);
    d->call = NULL;
    if (a->e.code) /* the journal's */
        d->e = a->e;
    if (a->state == ENTRY_APPLIED) {
        snprintf(d->done_key, sizeof d->done_key, "%s", d->now->key);
        do_work(d, take_out_work, on_taken_out);
    } else if (is_of_the_way(d->e.code)) {
        end(d);
    } else {
        log_put(LOG_ERROR, "spool", "record %s is refused: %s", d->now->key, d->e.text);
        if (!d->refused.code)
            d->refused = d->e.code ? d->e : (struct err){ .code = ERR_SERVER };
        d->e = (struct err){ 0 };
        d->n_left++;
        pass_over(d);
        next_record(d);
    }
}

static void on_again(void *ctx)
{
    send_it(ctx);
}

static void on_result(void *ctx, const struct errdb_result *r)
{
    struct deliver *d = ctx;
    d->call = NULL;
    d->e = r->e;
    if (r->outcome == OUTCOME_APPLIED) {
        d->e = (struct err){ 0 };
        act_answer(d->act, ENTRY_APPLIED, r->text);
    } else if (r->outcome != OUTCOME_UNKNOWN && !d->is_unknown) {
        act_answer(d->act, ENTRY_REFUSED, r->e.text); /* nothing was changed: it stays in the spool */
    } else { /* the same key again, until the guard answers; who does not wait leaves it UNKNOWN */
        loop_timer_set(d->spec.loop, &d->again, AGAIN_MS);
        if (!d->is_unknown)
            act_answer(d->act, ENTRY_UNKNOWN, r->e.text);
        d->is_unknown = true;
    }
}

static void next_record(struct deliver *d)
{
    char target[80], detail[300];
    struct err e = { 0 };
    if (!(d->now = d->list)) {
        end(d);
        return;
    }
    record_target(d->now->key, target);
    snprintf(detail, sizeof detail, "%s of %.60s in %.60s: %.100s", d->now->change.code, d->now->change.service,
             d->now->change.environment, errdb_state(d->spec.db).source);
    struct act_spec spec = { .action = "error-record", .target = target, .detail = detail, .is_typed = true,
                             .send = on_send, .on_end = on_act_end, .ctx = d };
    if (act_begin(d->spec.gate, &spec, &d->act, &e)) {
        d->e = e;
        end(d);
    }
}

static void on_open(void *ctx)
{
    struct deliver *d = ctx;
    d->is_working = false;
    if (d->is_left)
        free_all(d);
    else if (d->e.code)
        end(d);
    else
        next_record(d);
}

static void do_work(struct deliver *d, void (*work)(void *ctx), void (*done)(void *ctx))
{
    d->is_working = true;
    if (!worker_do(d->spec.worker, &(struct worker_job){ .work = work, .done = done, .drop = drop, .ctx = d })) {
        err_set(&d->e, ERR_LIMIT, 0, "too much waits to be written");
        on_closed(d); /* nothing is lost: the spool has it */
    }
}

struct deliver *deliver_new(const struct deliver_spec *spec)
{
    struct deliver *d = x_calloc(1, sizeof *d);
    d->spec = *spec;
    d->spec.who = x_strdup(spec->who);
    d->spec.state_dir = spec->state_dir ? x_strdup(spec->state_dir) : NULL;
    snprintf(d->place, sizeof d->place, "%s", spec->place ? spec->place : "");
    d->spec.place = d->place;
    d->again = (struct loop_timer){ .fn = on_again, .ctx = d };
    do_work(d, open_work, on_open);
    return d;
}

size_t deliver_elsewhere(const struct deliver *d)
{
    return d->n_elsewhere;
}

void deliver_free(struct deliver *d)
{
    if (!d)
        return;
    loop_timer_stop(d->spec.loop, &d->again);
    errdb_cancel(d->call);
    act_leave(d->act);
    d->call = NULL;
    d->act = NULL;
    d->is_left = true;
    if (!d->is_working)
        free_all(d);
}
