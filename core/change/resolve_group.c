#include "core/change/resolve_group.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { HEAD_LINES = 2 /* of a row's plan: what it is, where it stands */ };

struct member {
    struct group_act *group;
    struct error_act *act;
    int64_t id;
    struct plan *plan; /* as it was shown */
    bool is_in, is_over;
};

struct group_act {
    struct error_act_spec spec;
    char *verb;
    struct member *rows;
    size_t n, n_all, n_in, n_done, n_over;
    enum plan_state state;
    char target[256], word[PLAN_WORD], hash[PLAN_HASH], text[400], why[200], not_done[160];
    bool is_busy; /* rows report while we walk them */
    int64_t at_ms;
};

static void set_state(struct group_act *g, enum plan_state s, const char *text)
{
    g->state = s;
    snprintf(g->text, sizeof g->text, "%s", text);
    g->at_ms = clock_story_ms();
    g->spec.on_change(g->spec.ctx);
}

/* ---- doing it ---- */

static void finish(struct group_act *g)
{
    char text[400];
    if (g->n_done == g->n_in)
        snprintf(text, sizeof text, "%zu of %zu", g->n_done, g->n_in);
    else
        snprintf(text, sizeof text, "%zu of %zu; not %s: %s", g->n_done, g->n_in, g->not_done, g->why);
    set_state(g, g->n_done == g->n_in ? PLAN_DONE : g->n_done ? PLAN_PARTLY : PLAN_FAILED, text);
}

static void take_end(struct group_act *g, struct member *m)
{
    enum plan_state s = error_act_state(m->act);
    if (m->is_over || (s != PLAN_DONE && s != PLAN_FAILED && s != PLAN_REFUSED))
        return;
    struct plan *p = error_act_plan(m->act, 0);
    m->is_over = true;
    g->n_over++;
    g->n_done += s == PLAN_DONE;
    if (s != PLAN_DONE) { /* every one by its id, the first with its reason */
        size_t n = strlen(g->not_done);
        snprintf(g->not_done + n, sizeof g->not_done - n, "%s%" PRId64, n ? ", " : "", m->id);
        if (!g->why[0])
            snprintf(g->why, sizeof g->why, "%.160s", p->text);
    }
    section_unref(&p->section);
}

/* Until one is under way, or all are over. */
static void go_on(struct group_act *g)
{
    char text[96], refused[32] = "";
    g->is_busy = true;
    for (size_t i = 0; i < g->n; i++) {
        struct member *m = &g->rows[i];
        if (!m->is_in || m->is_over)
            continue;
        if (error_act_state(m->act) == PLAN_READY)
            error_act_confirm(m->act, m->plan->hash);
        take_end(g, m);
        if (m->is_over)
            continue;
        g->is_busy = false;
        bool is_unknown = error_act_state(m->act) == PLAN_UNKNOWN;
        if (g->n_over > g->n_done)
            snprintf(refused, sizeof refused, ", %zu not done", g->n_over - g->n_done);
        snprintf(text, sizeof text, "%zu of %zu%s%s", g->n_over + 1, g->n_in, refused, is_unknown ? ", finding out" : "");
        set_state(g, is_unknown ? PLAN_UNKNOWN : PLAN_RUNNING, text);
        return;
    }
    g->is_busy = false;
    finish(g);
}

static bool is_under_way(const struct group_act *g)
{
    return g->state == PLAN_RUNNING || g->state == PLAN_UNKNOWN;
}

static void on_row(void *ctx)
{
    struct member *m = ctx;
    if (!m->group->is_busy && is_under_way(m->group))
        go_on(m->group);
}

void group_act_confirm(struct group_act *g, const char *hash)
{
    if (g->state == PLAN_READY && text_eq(hash, g->hash))
        go_on(g);
}

/* ---- the plan ---- */

static const struct error_done *row_steps(void *ctx, int64_t id)
{
    struct group_act *g = ((struct member *)ctx)->group;
    return g->spec.local_steps ? g->spec.local_steps(g->spec.ctx, id) : NULL;
}

static void row_step(void *ctx, int64_t id, enum error_step s, const struct error_done *d)
{
    struct group_act *g = ((struct member *)ctx)->group;
    if (g->spec.on_step)
        g->spec.on_step(g->spec.ctx, id, s, d);
}

static void name_target(struct group_act *g)
{
    size_t used = 0;
    const char *service = "";
    for (size_t i = 0; i < g->n; i++) {
        const char *of = strstr(g->rows[i].plan->target, " of ");
        if (g->rows[i].is_in && !service[0] && of)
            service = of + 4;
    }
    used = (size_t)snprintf(g->target, sizeof g->target, "%zu error%s%s%.100s:", g->n_in, g->n_in == 1 ? "" : "s",
                            service[0] ? " of " : "", service);
    for (size_t i = 0; i < g->n; i++) {
        if (!g->rows[i].is_in)
            continue;
        if (used + 32 > sizeof g->target) {
            snprintf(g->target + used, sizeof g->target - used, " ...");
            break;
        }
        used += (size_t)snprintf(g->target + used, sizeof g->target - used, " %" PRId64, g->rows[i].id);
    }
}

static void make_hash(struct group_act *g)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = x_must(EVP_MD_CTX_new());
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    for (size_t i = 0; i < g->n; i++) {
        if (g->rows[i].is_in)
            EVP_DigestUpdate(md, g->rows[i].plan->hash, PLAN_HASH);
    }
    EVP_DigestFinal_ex(md, out, &n);
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; i < 32; i++)
        snprintf(g->hash + 2 * i, 3, "%02x", out[i]);
}

static void make_plan(struct group_act *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct member *m = &g->rows[i];
        m->plan = error_act_plan(m->act, 0);
        m->is_in = m->plan->state == PLAN_READY;
        if (m->is_in && !g->n_in++)
            snprintf(g->word, sizeof g->word, "%s", m->plan->word);
    }
    name_target(g);
    if (g->n_in) {
        make_hash(g);
        set_state(g, PLAN_READY, "");
    } else {
        set_state(g, PLAN_REFUSED, g->n ? g->rows[0].plan->text : "no row of this group is open and held");
    }
}

static bool has_line(const struct plan *p, const struct plan_line *l)
{
    for (size_t i = HEAD_LINES; i < p->n_lines; i++) {
        if (p->lines[i].mark == l->mark && text_eq(p->lines[i].text, l->text))
            return true;
    }
    return false;
}

/* All that is confirmed: the rows, what happens to each of them, and where a row differs from the first. */
static void add_lines(const struct group_act *g, struct plan *p, struct plan_line *lines)
{
    struct arena *a = &p->section.arena;
    const struct plan *first = NULL;
    for (size_t i = 0; i < g->n; i++) {
        const struct member *m = &g->rows[i];
        const char *what = m->plan->n_lines ? m->plan->lines[0].text : "";
        if (!m->is_in) {
            lines[p->n_lines++] = (struct plan_line){ PLAN_WARNING, arena_printf(a, "%" PRId64 " is left as it is: %s", m->id,
                                                                                 m->plan->text) };
            continue;
        }
        first = first ? first : m->plan;
        lines[p->n_lines++] = (struct plan_line){ PLAN_PLAIN, arena_printf(a, "%" PRId64 "  %s", m->id, what) };
        for (size_t k = HEAD_LINES; k < m->plan->n_lines && p->n_lines < PLAN_LINES - 20; k++) {
            if (!has_line(first, &m->plan->lines[k]))
                lines[p->n_lines++] = (struct plan_line){ m->plan->lines[k].mark,
                                                          arena_printf(a, "   of %" PRId64 ": %s", m->id, m->plan->lines[k].text) };
        }
    }
    if (first)
        lines[p->n_lines++] = (struct plan_line){ PLAN_PLAIN, "each of them, one after the other:" };
    for (size_t k = HEAD_LINES; first && k < first->n_lines && p->n_lines < PLAN_LINES - 1; k++)
        lines[p->n_lines++] = (struct plan_line){ first->lines[k].mark, arena_strdup(a, first->lines[k].text) };
    if (g->n_all > g->n)
        lines[p->n_lines++] = (struct plan_line){ PLAN_WARNING, arena_printf(a, "%zu more of this group are not in this plan: do it again for them",
                                                                             g->n_all - g->n) };
}

struct plan *group_act_plan(const struct group_act *g, uint64_t request)
{
    struct plan *p = section_new(sizeof *p, NULL);
    struct arena *a = &p->section.arena;
    struct plan_line *lines = arena_alloc(a, PLAN_LINES * sizeof *lines);
    add_lines(g, p, lines);
    p->request = request;
    p->state = g->state;
    p->verb = arena_strdup(a, g->verb);
    p->target = arena_strdup(a, g->target);
    p->word = arena_strdup(a, g->word);
    snprintf(p->hash, sizeof p->hash, "%s", g->hash);
    p->lines = lines;
    p->text = arena_strdup(a, g->text);
    p->at_ms = g->at_ms;
    return p;
}

/* ---- the object ---- */

enum plan_state group_act_state(const struct group_act *g)
{
    return g->state;
}

struct group_act *group_act_new(const struct error_act_spec *spec, const int64_t *ids, size_t n, size_t n_all)
{
    struct group_act *g = x_calloc(1, sizeof *g);
    assert(n <= GROUP_ROWS && n <= n_all);
    g->spec = *spec;
    g->verb = x_strdup(spec->verb);
    g->rows = x_calloc(n + 1, sizeof *g->rows);
    g->n = n;
    g->n_all = n_all;
    for (size_t i = 0; i < n; i++) {
        struct error_act_spec one = *spec;
        struct member *m = &g->rows[i];
        *m = (struct member){ .group = g, .id = ids[i] };
        one.id = ids[i];
        one.record = NULL;
        one.n_open = 0;
        one.on_change = on_row;
        one.local_steps = row_steps;
        one.on_step = row_step;
        one.ctx = m;
        m->act = error_act_new(&one);
    }
    make_plan(g);
    return g;
}

void group_act_free(struct group_act *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++) {
        error_act_free(g->rows[i].act);
        section_unref(&g->rows[i].plan->section);
    }
    free(g->rows);
    free(g->verb);
    free(g);
}
