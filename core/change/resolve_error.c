#include "core/change/resolve_error.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/sources/errdb_decode.h"
#include "core/store/spool.h"

enum { LINES = 32, SETTLE_MS = 1000, SETTLE_MOST_MS = 8000 };

const char *const error_verbs[] = { "acknowledge", "investigated", "planned", "implemented", "resolve", "reopen",
                                    NULL };

struct error_act {
    struct error_act_spec spec;
    char *verb, *note, *by, *state_dir;
    int index; /* of the verb; the first N_STEPS are steps */
    struct error_row *row;
    char *stamp; /* of a fetched row: its timestamp as it stands in the table */
    enum plan_state state;
    char target[256], word[PLAN_WORD], hash[PLAN_HASH], text[300];
    struct {
        enum plan_mark mark;
        char text[ERROR_TEXT];
    } lines[LINES];
    size_t n_lines;
    struct act *act;
    struct errdb_call *call;
    struct local_step *local;
    uint64_t job;
    struct loop_timer again;
    struct backoff backoff;
    int64_t at_ms;
};

static void set_state(struct error_act *a, enum plan_state s, const char *text)
{
    a->state = s;
    snprintf(a->text, sizeof a->text, "%s", text);
    a->at_ms = clock_story_ms();
    a->spec.on_change(a->spec.ctx);
}

/* ---- the plan ---- */

static void line(struct error_act *a, enum plan_mark mark, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void line(struct error_act *a, enum plan_mark mark, const char *fmt, ...)
{
    if (a->n_lines == LINES)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->lines[a->n_lines].text, sizeof a->lines[0].text, fmt, ap);
    va_end(ap);
    a->lines[a->n_lines++].mark = mark;
}

static bool is_step(const struct error_act *a)
{
    return a->index < N_STEPS;
}

static bool is_resolved(const struct error_row *r)
{
    return !error_is_open(r);
}

static const struct error_done *step_done(const struct error_act *a)
{
    const struct error_done *steps = errdb_steps(a->spec.db, a->spec.id);
    const struct error_done *local = a->spec.local_steps ? a->spec.local_steps(a->spec.ctx, a->spec.id) : NULL;
    if (!is_step(a))
        return NULL;
    if (steps && steps[a->index].at_ms != TIME_NONE)
        return &steps[a->index];
    return local && local[a->index].at_ms != TIME_NONE ? &local[a->index] : NULL;
}

static int64_t to_utc(const struct error_act *a, int64_t local_ms)
{
    return local_ms == TIME_NONE || a->row->is_zoned ? local_ms : local_ms - errdb_state(a->spec.db).zone_ms;
}

/* Why it makes no sense, or NULL. */
static const char *objection(struct error_act *a, char out[300])
{
    struct errdb_state st = errdb_state(a->spec.db);
    const struct error_done *d = step_done(a);
    char when[CLOCK_TEXT];
    if (!a->row)
        return "the row is not held any more: it was deleted, or is older than what the feed keeps";
    if (st.health.state != SOURCE_LIVE)
        return "the error database is away: nothing can be written now";
    if (text_eq(a->verb, "reopen") && !is_resolved(a->row))
        return "it is open already";
    if (!text_eq(a->verb, "reopen") && is_resolved(a->row)) {
        snprintf(out, 300, "resolved by %s at %s", a->row->resolved_by[0] ? a->row->resolved_by : "nobody named",
                 clock_format_rfc3339(to_utc(a, a->row->resolved_local_ms), when));
        return out;
    }
    if (d) {
        snprintf(out, 300, "%s by %s at %s already", error_step_name((enum error_step)a->index), d->by,
                 clock_format_rfc3339(d->at_ms, when));
        return out;
    }
    if (is_step(a) ? false : st.missing & (1u << COLUMN_RESOLVED_AT | 1u << COLUMN_RESOLVED_BY | 1u << COLUMN_NOTES))
        return "the table has no columns for a resolution (bakewatch errors init shows the schema)";
    return NULL;
}

static void hash_text(EVP_MD_CTX *md, const char *s)
{
    EVP_DigestUpdate(md, s, strlen(s) + 1);
}

static void make_hash(struct error_act *a)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    hash_text(md, errdb_state(a->spec.db).source);
    hash_text(md, a->verb);
    hash_text(md, a->note);
    hash_text(md, a->by);
    EVP_DigestUpdate(md, &a->spec.id, sizeof a->spec.id);
    EVP_DigestUpdate(md, &a->row->hash, sizeof a->row->hash);
    EVP_DigestFinal_ex(md, out, &n);
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; i < 32; i++)
        snprintf(a->hash + 2 * i, 3, "%02x", out[i]);
}

static bool is_one_of_many(const struct error_act *a)
{
    return a->spec.n_open > 1 && a->row && !is_resolved(a->row);
}

/* The console has a command for the whole group. */
static bool has_all(const struct error_act *a)
{
    return a->index == STEP_ACKNOWLEDGED || text_eq(a->verb, "resolve");
}

static void make_lines(struct error_act *a)
{
    const struct error_row *r = a->row;
    struct errdb_state st = errdb_state(a->spec.db);
    char when[CLOCK_TEXT];
    line(a, PLAN_PLAIN, "%s %s%s%s", r->severity_text, r->code, r->code[0] ? "  " : "", r->message);
    line(a, PLAN_PLAIN, "logged %s, %s %s, in %s",
         a->stamp ? a->stamp : clock_format_rfc3339(to_utc(a, r->local_ms), when), r->environment, r->stage, st.source);
    if (is_step(a)) {
        line(a, PLAN_BEFORE, "%s: not yet", error_step_name((enum error_step)a->index));
        line(a, PLAN_AFTER, "%s: by %s, now%s%s", error_step_name((enum error_step)a->index), a->by,
             a->note[0] ? ": " : "", a->note);
        line(a, PLAN_PLAIN, "%s", st.has_steps ? "one row in deployment_error_steps: everybody sees it"
                                               : "kept only here: the database has no table deployment_error_steps");
    } else if (text_eq(a->verb, "resolve")) {
        line(a, PLAN_BEFORE, "resolved_at: %s",
             is_resolved(r) ? clock_format_rfc3339(to_utc(a, r->resolved_local_ms), when) : "NULL");
        line(a, PLAN_AFTER, "resolved_at: now, in the table's zone (%s)", st.zone_text);
        line(a, PLAN_AFTER, "resolved_by: %s", a->by);
        if (r->notes[0])
            line(a, PLAN_BEFORE, "resolution_notes: %s", r->notes);
        line(a, PLAN_AFTER, "resolution_notes: %s", a->note);
    } else {
        line(a, PLAN_BEFORE, "resolved by %s at %s", r->resolved_by,
             clock_format_rfc3339(to_utc(a, r->resolved_local_ms), when));
        line(a, PLAN_AFTER, "resolved_at: NULL, resolved_by: NULL; the notes stay");
    }
    if (is_one_of_many(a))
        line(a, PLAN_PLAIN, "the other %zu of its group stay as they are%s%s%s", a->spec.n_open - 1,
             has_all(a) ? "; :" : "", has_all(a) ? a->verb : "", has_all(a) ? "-all does all of them in one plan" : "");
    if (!r->is_zoned && !is_step(a) && !st.is_zone_sure)
        line(a, PLAN_WARNING, "the zone of the table's times is not certain: %s", st.zone_text);
}

/* As much of a fetched record as a plan shows and a change needs. */
static void take_record(struct error_act *a, const struct errdb_record *rec)
{
    struct error_row *r = a->row = error_row_new();
    const struct {
        enum error_column column;
        const char **to;
    } texts[] = { { COLUMN_SERVICE, &r->service }, { COLUMN_ENVIRONMENT, &r->environment },
                  { COLUMN_STAGE, &r->stage },     { COLUMN_CODE, &r->code },
                  { COLUMN_SEVERITY, &r->severity_text }, { COLUMN_MESSAGE, &r->message },
                  { COLUMN_NOTES, &r->notes },     { COLUMN_RESOLVED_BY, &r->resolved_by } };
    r->id = a->spec.id;
    for (size_t i = 0; i < rec->n; i++) {
        const struct errdb_field *f = &rec->fields[i];
        for (size_t k = 0; f->value && k < ARRAY_LEN(texts); k++) {
            if (text_eq(f->name, error_column_names[texts[k].column]))
                *texts[k].to = arena_strndup(&r->arena, f->value, f->n < ERROR_TEXT ? f->n : ERROR_TEXT);
        }
        if (f->value && text_eq(f->name, error_column_names[COLUMN_TIMESTAMP]))
            a->stamp = x_strndup(f->value, f->n < 64 ? f->n : 64);
        if (f->value && text_eq(f->name, error_column_names[COLUMN_RESOLVED_AT])) {
            r->nulls &= ~(1u << COLUMN_RESOLVED_AT);
            (void)!errdb_decode_time(f->value, f->n, &r->resolved_local_ms);
        }
    }
}

static void make_plan(struct error_act *a)
{
    char why[300];
    if (!a->spec.record) {
        error_row_unref(a->row);
        a->row = error_row_ref(errfeed_find(errdb_feed(a->spec.db), a->spec.id));
    }
    a->n_lines = 0;
    a->word[0] = '\0';
    snprintf(a->target, sizeof a->target, "error %" PRId64 "%s%.100s", a->spec.id, a->row && a->row->service[0] ? " of " : "",
             a->row ? a->row->service : "");
    if (is_one_of_many(a)) {
        size_t used = strlen(a->target);
        snprintf(a->target + used, sizeof a->target - used, ": 1 of %zu of this group", a->spec.n_open);
    }
    const char *no = objection(a, why);
    if (a->row)
        make_lines(a);
    if (no) {
        a->hash[0] = '\0';
        set_state(a, PLAN_REFUSED, no);
        return;
    }
    if (a->spec.is_production && text_is_dns1123_subdomain(a->row->service))
        snprintf(a->word, sizeof a->word, "%s", a->row->service);
    else if (a->spec.is_production)
        snprintf(a->word, sizeof a->word, "%" PRId64, a->spec.id);
    make_hash(a);
    set_state(a, PLAN_READY, "");
}

/* ---- doing it ---- */

static void on_result(void *ctx, const struct errdb_result *r);

static void write_it(void *ctx)
{
    struct error_act *a = ctx;
    struct errdb_change c = {
        .act = is_step(a) ? ERRDB_STEP : text_eq(a->verb, "resolve") ? ERRDB_RESOLVE : ERRDB_REOPEN,
        .id = a->spec.id, .key = act_key(a->act), .by = a->by, .note = a->note,
        .step = is_step(a) ? (enum error_step)a->index : STEP_ACKNOWLEDGED,
        .resolved_local_ms = a->row->resolved_local_ms, .is_raw_time = a->spec.record != NULL,
    };
    a->call = errdb_write(a->spec.db, &c, on_result, a);
}

static void on_result(void *ctx, const struct errdb_result *r)
{
    struct error_act *a = ctx;
    a->call = NULL;
    switch (r->outcome) {
    case OUTCOME_APPLIED:
        act_answer(a->act, ENTRY_APPLIED, r->text);
        break;
    case OUTCOME_REFUSED:
        act_answer(a->act, ENTRY_REFUSED, r->text);
        break;
    case OUTCOME_FAILED: /* of the first sending: nothing was changed.  Of a later one: still not known */
        if (a->state != PLAN_UNKNOWN)
            act_answer(a->act, ENTRY_REFUSED, r->e.text);
        else
            loop_timer_set(a->spec.loop, &a->again, backoff_next_ms(&a->backoff));
        break;
    case OUTCOME_UNKNOWN: /* the same change again, with the same key, until its guard answers */
        if (a->state != PLAN_UNKNOWN) {
            set_state(a, PLAN_UNKNOWN, "the connection was lost before the answer came: finding out");
            act_answer(a->act, ENTRY_UNKNOWN, r->e.text);
        }
        loop_timer_set(a->spec.loop, &a->again, backoff_next_ms(&a->backoff));
        break;
    }
}

/* A step that has no table: into the console's own store, on the worker. */
struct local_step {
    struct error_act *owner; /* NULL: it has been left */
    char *dir, *source, *by, *note;
    int64_t id;
    enum error_step step;
    int64_t at_ms;
    struct err e;
};

static const char *env_of(const char *name)
{
    return getenv(name);
}

static void local_work(void *ctx)
{
    struct local_step *l = ctx;
    struct statedir dir;
    struct spool *s = NULL;
    struct error_done d = { .at_ms = l->at_ms, .by = l->by, .note = l->note, .is_local = true };
    if (statedir_find(l->dir, env_of, &dir, &l->e) || spool_open(&dir, &s, &l->e))
        return;
    if (!spool_step_put(s, l->source, l->id, l->step, &d, &l->e))
        l->e = (struct err){ 0 };
    spool_close(s);
}

static void local_free(void *ctx)
{
    struct local_step *l = ctx;
    if (l->owner)
        l->owner->local = NULL;
    free(l->dir);
    free(l->source);
    free(l->by);
    free(l->note);
    free(l);
}

static void local_done(void *ctx)
{
    struct local_step *l = ctx;
    struct error_act *a = l->owner;
    struct err e = l->e;
    if (a && !e.code && a->spec.on_step) {
        struct error_done d = { .at_ms = l->at_ms, .by = l->by, .note = l->note, .is_local = true };
        a->spec.on_step(a->spec.ctx, l->id, l->step, &d);
    }
    local_free(l);
    if (a)
        act_answer(a->act, e.code ? ENTRY_REFUSED : ENTRY_APPLIED, e.code ? e.text : "kept only here");
}

static void keep_here(struct error_act *a)
{
    struct local_step *l = x_calloc(1, sizeof *l);
    l->owner = a;
    l->dir = a->state_dir ? x_strdup(a->state_dir) : NULL;
    l->source = x_strdup(errdb_state(a->spec.db).source);
    l->by = x_strdup(a->by);
    l->note = x_strdup(a->note);
    l->id = a->spec.id;
    l->step = (enum error_step)a->index;
    l->at_ms = clock_story_ms();
    a->local = l;
    if (worker_do(a->spec.worker, &(struct worker_job){ .work = local_work, .done = local_done, .drop = local_free,
                                                        .ctx = l, .must_run = true }))
        return;
    local_free(l);
    act_answer(a->act, ENTRY_REFUSED, "too much waits to be written");
}

static void on_send(void *ctx, struct act *act)
{
    struct error_act *a = ctx;
    a->act = act;
    if (is_step(a) && !errdb_state(a->spec.db).has_steps)
        keep_here(a);
    else
        write_it(a);
}

static void on_end(void *ctx, const struct act_end *end)
{
    struct error_act *a = ctx;
    char text[300];
    a->act = NULL;
    loop_timer_stop(a->spec.loop, &a->again);
    errdb_cancel(a->call);
    a->call = NULL;
    if (end->e.code && end->state != ENTRY_APPLIED)
        set_state(a, PLAN_FAILED, end->e.text);
    else if (end->e.code) {
        snprintf(text, sizeof text, "done, but the journal could not take it down: %.200s", end->e.text);
        set_state(a, PLAN_DONE, text);
    } else
        set_state(a, end->state == ENTRY_APPLIED ? PLAN_DONE : PLAN_FAILED, end->text);
}

void error_act_confirm(struct error_act *a, const char *hash)
{
    const struct error_row *now = a->spec.record ? a->row : errfeed_find(errdb_feed(a->spec.db), a->spec.id);
    char action[64], target[64], detail[900];
    struct err e = { 0 };
    if (a->state != PLAN_READY || !text_eq(hash, a->hash))
        return;
    if (!now || now->hash != a->row->hash) { /* somebody was quicker: show what it is now */
        make_plan(a);
        if (a->state == PLAN_READY)
            set_state(a, PLAN_REFUSED, "the row has changed since this was shown: look at it again");
        return;
    }
    snprintf(action, sizeof action, "error-%s", a->verb);
    snprintf(target, sizeof target, "deployment_errors/%" PRId64, a->spec.id);
    snprintf(detail, sizeof detail, "by %s%s%s; plan %s; %s", a->by, a->note[0] ? ": " : "", a->note, a->hash,
             errdb_state(a->spec.db).source);
    struct act_spec spec = { .action = action, .target = target, .detail = detail, .is_typed = a->spec.is_typed,
                             .send = on_send, .on_end = on_end, .ctx = a };
    if (act_begin(a->spec.gate, &spec, &a->act, &e))
        set_state(a, PLAN_REFUSED, e.text);
    else
        set_state(a, PLAN_RUNNING, "");
}

/* ---- the object ---- */

struct error_act *error_act_new(const struct error_act_spec *spec)
{
    struct error_act *a = x_calloc(1, sizeof *a);
    a->spec = *spec;
    a->verb = x_strdup(spec->verb);
    a->note = x_strdup(spec->note);
    a->by = x_strdup(spec->by);
    a->state_dir = spec->state_dir ? x_strdup(spec->state_dir) : NULL;
    a->again = (struct loop_timer){ .fn = write_it, .ctx = a };
    a->backoff = (struct backoff){ .first_ms = SETTLE_MS, .most_ms = SETTLE_MOST_MS };
    while (error_verbs[a->index] && !text_eq(error_verbs[a->index], a->verb))
        a->index++;
    if (spec->record)
        take_record(a, spec->record);
    if (error_verbs[a->index])
        make_plan(a);
    else
        set_state(a, PLAN_REFUSED, "no such step");
    return a;
}

void error_act_free(struct error_act *a)
{
    if (!a)
        return;
    loop_timer_stop(a->spec.loop, &a->again);
    errdb_cancel(a->call);
    act_leave(a->act);
    if (a->local)
        a->local->owner = NULL;
    error_row_unref(a->row);
    free(a->stamp);
    free(a->verb);
    free(a->note);
    free(a->by);
    free(a->state_dir);
    free(a);
}

enum plan_state error_act_state(const struct error_act *a)
{
    return a->state;
}

struct plan *error_act_plan(const struct error_act *a, uint64_t request)
{
    struct plan *p = section_new(sizeof *p, NULL);
    struct arena *ar = &p->section.arena;
    struct plan_line *lines = arena_alloc(ar, (a->n_lines + 1) * sizeof *lines);
    for (size_t i = 0; i < a->n_lines; i++)
        lines[i] = (struct plan_line){ a->lines[i].mark, arena_strdup(ar, a->lines[i].text) };
    p->request = request;
    p->state = a->state;
    p->verb = arena_strdup(ar, a->verb);
    p->target = arena_strdup(ar, a->target);
    p->word = arena_strdup(ar, a->word);
    snprintf(p->hash, sizeof p->hash, "%s", a->hash);
    p->lines = lines;
    p->n_lines = a->n_lines;
    p->text = arena_strdup(ar, a->text);
    p->at_ms = a->at_ms;
    return p;
}
