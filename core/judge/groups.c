/*
 * Groups of errors in a hash table by fingerprint, each with its counts and the minutes in which it was
 * seen: a sorted array of (minute, count), because most groups are seen in few of the 1440 minutes of a
 * day; a full ring for each would be 6 MB of zeros.
 *
 * Two series stand side by side: times read from a column without a zone, which move when the zone is
 * learned, and times that are UTC for sure.
 *
 * A group that had to go leaves a bit behind, so that its return is not taken for something new.
 */
#include "core/judge/groups.h"

#include <string.h>

#include <uthash.h>

#include "core/base/text.h"
#include "core/judge/poisson.h"
#include "core/judge/triage.h"

enum {
    MINUTE = 60000, ZONE_MOST = 15 * 3600000, SERIES_MOST = 3000, LOST_BITS = 65536,
    BEFORE_LEAST = 30 * MINUTE, MORE_LEAST = 5, RATE_MINUTES = 5,
};
static const double CHANCE = 0.01;

enum clock_kind { MOVES, STAYS, N_KINDS };

struct minute {
    int32_t minute;
    uint32_t n;
};

struct series {
    struct minute *m; /* ascending */
    size_t n, room;
};

struct group {
    UT_hash_handle hh;
    uint64_t fingerprint;
    char *service, *code, *message;
    struct {
        struct series series;
        int64_t first_ms, last_ms;
    } of[N_KINDS];
    int64_t seen_ms; /* when a row of it last came */
    int64_t count, n_open, n_severity[N_SEVERITIES];
    enum category category;
    bool is_rest; /* an earlier group of this fingerprint may have been dropped */
    size_t index;
};

struct groups {
    struct group *table;
    struct series minutes[N_KINDS][N_SEVERITIES];
    int64_t now_ms, zone_ms;
    uint64_t lost[LOST_BITS / 64];
};

/* ---- minutes ---- */

static int64_t minute_of(int64_t ms)
{
    return ms / MINUTE - (ms % MINUTE < 0);
}

static size_t series_find(const struct series *s, int64_t minute) /* the first that is not before it */
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->m[mid].minute < minute)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void series_drop_front(struct series *s, size_t n)
{
    if (n) {
        memmove(s->m, s->m + n, (s->n - n) * sizeof *s->m);
        s->n -= n;
    }
}

static void series_add(struct series *s, int32_t minute, int by)
{
    size_t at = s->n && s->m[s->n - 1].minute == minute ? s->n - 1 : series_find(s, minute);
    if (at < s->n && s->m[at].minute == minute) {
        s->m[at].n = by < 0 && s->m[at].n == 0 ? 0 : s->m[at].n + (uint32_t)by;
        return;
    }
    if (by < 0)
        return;
    if (s->n == SERIES_MOST) {
        if (at == 0)
            return;
        series_drop_front(s, 1);
        at--;
    }
    if (s->n == s->room) {
        s->room = s->room ? s->room * 2 : 4;
        s->m = x_realloc(s->m, s->room * sizeof *s->m);
    }
    memmove(s->m + at + 1, s->m + at, (s->n - at) * sizeof *s->m);
    s->m[at] = (struct minute){ minute, (uint32_t)by };
    s->n++;
}

static int64_t series_sum(const struct series *s, int64_t from, int64_t to) /* [from, to) */
{
    int64_t sum = 0;
    for (size_t i = series_find(s, from); i < s->n && s->m[i].minute < to; i++)
        sum += s->m[i].n;
    return sum;
}

static void series_shift(struct series *s, int32_t by)
{
    for (size_t i = 0; i < s->n; i++)
        s->m[i].minute += by;
}

/* ---- a row's place in time ---- */

struct when {
    int64_t at_ms; /* TIME_NONE: not known at all */
    enum clock_kind kind;
};

static struct when when_of(const struct error_row *row, int64_t at_ms, int64_t received_ms)
{
    if (at_ms == TIME_NONE)
        return (struct when){ received_ms, STAYS };
    return (struct when){ at_ms, row->is_zoned ? STAYS : MOVES };
}

/* A wrong year must neither fill the minutes nor push out those that are right. */
static bool is_near(const struct groups *g, int64_t at_ms)
{
    const int64_t most = GROUPS_LOOK_MS + ZONE_MOST;
    if (at_ms == TIME_NONE || g->now_ms == TIME_NONE)
        return false;
    return at_ms >= g->now_ms ? at_ms - most <= g->now_ms : at_ms >= g->now_ms - most;
}

static void note_time(struct groups *g, const struct error_row *row, const struct when *w)
{
    if (row->received_ms != TIME_NONE)
        g->now_ms = row->received_ms;
    else if (g->now_ms == TIME_NONE)
        g->now_ms = w->at_ms;
    if (w->kind == MOVES && row->local_ms != TIME_NONE)
        g->zone_ms = row->local_ms - w->at_ms;
}

/* ---- the table ---- */

struct groups *groups_new(void)
{
    struct groups *g = x_calloc(1, sizeof *g);
    g->now_ms = TIME_NONE;
    return g;
}

static void group_free(struct groups *g, struct group *one)
{
    HASH_DEL(g->table, one);
    for (int k = 0; k < N_KINDS; k++)
        free(one->of[k].series.m);
    free(one->service);
    free(one->code);
    free(one->message);
    free(one);
}

void groups_free(struct groups *g)
{
    if (!g)
        return;
    for (struct group *one = g->table, *next; one; one = next) {
        next = one->hh.next;
        group_free(g, one);
    }
    for (int k = 0; k < N_KINDS; k++) {
        for (int s = 0; s < N_SEVERITIES; s++)
            free(g->minutes[k][s].m);
    }
    free(g);
}

static struct group *find(const struct groups *g, uint64_t fingerprint)
{
    struct group *one;
    HASH_FIND(hh, g->table, &fingerprint, sizeof fingerprint, one);
    return one;
}

static uint64_t *lost_bit(struct groups *g, uint64_t fingerprint, uint64_t *bit)
{
    size_t at = (size_t)(fingerprint >> 24) % LOST_BITS;
    *bit = UINT64_C(1) << (at % 64);
    return &g->lost[at / 64];
}

static void set_lost(struct groups *g, uint64_t fingerprint)
{
    uint64_t bit, *word = lost_bit(g, fingerprint, &bit);
    *word |= bit;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TIME_NONE ? b : b == TIME_NONE || a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b) /* TIME_NONE is before all */
{
    return a > b ? a : b;
}

/* A time in the future keeps a group no longer than a row that comes now. */
static int64_t recency(int64_t last_ms, int64_t seen_ms)
{
    return seen_ms == TIME_NONE || last_ms < seen_ms ? last_ms : seen_ms;
}

static int64_t recency_of(const struct group *one)
{
    return recency(later(one->of[MOVES].last_ms, one->of[STAYS].last_ms), one->seen_ms);
}

static bool make_room(struct groups *g, const struct error_row *row, int64_t at_ms)
{
    struct group *victim = NULL;
    if (HASH_COUNT(g->table) < ERROR_GROUPS)
        return true;
    for (struct group *one = g->table; one; one = one->hh.next) {
        if (!victim || (one->n_open > 0) < (victim->n_open > 0) ||
            ((one->n_open > 0) == (victim->n_open > 0) && recency_of(one) < recency_of(victim)))
            victim = one;
    }
    bool is_later = recency(at_ms, row->received_ms) >= recency_of(victim);
    if ((error_is_open(row) && victim->n_open == 0) ||
        (error_is_open(row) >= (victim->n_open > 0) && is_later)) {
        set_lost(g, victim->fingerprint);
        group_free(g, victim);
        return true;
    }
    set_lost(g, row->fingerprint);
    return false;
}

static char *masked_text(const char *message)
{
    struct buf b = BUF_INIT(4 * ERROR_TEXT);
    triage_mask(&b, message);
    size_t n = b.len;
    if (n > GROUPS_TEXT) {
        n = GROUPS_TEXT;
        while (n && ((unsigned char)b.data[n] & 0xC0) == 0x80)
            n--;
    }
    char *s = x_strndup(buf_str(&b), n);
    buf_release(&b);
    return s;
}

static struct group *find_or_add(struct groups *g, const struct error_row *row, int64_t at_ms)
{
    struct group *one = find(g, row->fingerprint);
    if (one || !make_room(g, row, at_ms))
        return one;
    uint64_t bit, *word = lost_bit(g, row->fingerprint, &bit);
    one = x_calloc(1, sizeof *one);
    one->fingerprint = row->fingerprint;
    one->service = x_strdup(row->service);
    one->code = x_strdup(row->code);
    one->message = masked_text(row->message);
    one->seen_ms = TIME_NONE;
    one->is_rest = (*word & bit) != 0;
    one->index = SIZE_MAX;
    for (int k = 0; k < N_KINDS; k++)
        one->of[k].first_ms = one->of[k].last_ms = TIME_NONE;
    HASH_ADD(hh, g->table, fingerprint, sizeof one->fingerprint, one);
    return one;
}

/* ---- rows come and go ---- */

static void put(struct groups *g, const struct error_row *row, struct when w)
{
    note_time(g, row, &w);
    struct group *one = find_or_add(g, row, w.at_ms);
    if (one) {
        one->count++;
        one->n_open += error_is_open(row);
        one->n_severity[row->severity]++;
        one->category = row->category;
        one->seen_ms = later(one->seen_ms, row->received_ms);
        one->of[w.kind].first_ms = earlier(one->of[w.kind].first_ms, w.at_ms);
        one->of[w.kind].last_ms = later(one->of[w.kind].last_ms, w.at_ms);
    }
    if (is_near(g, w.at_ms)) {
        int32_t minute = (int32_t)minute_of(w.at_ms);
        series_add(&g->minutes[w.kind][row->severity], minute, 1);
        if (one)
            series_add(&one->of[w.kind].series, minute, 1);
    }
}

static void less(int64_t *n)
{
    if (*n > 0) /* what a dropped group has counted is not known any more */
        --*n;
}

static void take(struct groups *g, const struct error_row *row, struct when w, bool is_dropped)
{
    struct group *one = find(g, row->fingerprint);
    if (one && error_is_open(row))
        less(&one->n_open);
    if (is_dropped)
        return;
    if (one) {
        less(&one->count);
        less(&one->n_severity[row->severity]);
    }
    if (is_near(g, w.at_ms)) {
        int32_t minute = (int32_t)minute_of(w.at_ms);
        series_add(&g->minutes[w.kind][row->severity], minute, -1);
        if (one)
            series_add(&one->of[w.kind].series, minute, -1);
    }
    if (one && one->count == 0)
        group_free(g, one);
}

void groups_add(struct groups *g, const struct error_row *row, int64_t at_ms)
{
    put(g, row, when_of(row, at_ms, row->received_ms));
}

void groups_change(struct groups *g, const struct error_row *before, const struct error_row *after,
                   int64_t at_ms)
{
    if (!before)
        return;
    /* A row without a time keeps the one at which it first came. */
    struct when now = when_of(after, at_ms, before->received_ms), was = now;
    if (before->local_ms != after->local_ms || before->is_zoned != after->is_zoned) {
        int64_t was_ms = before->local_ms;
        if (was_ms != TIME_NONE && !before->is_zoned)
            was_ms -= g->zone_ms;
        was = when_of(before, was_ms, before->received_ms);
    }
    put(g, after, now); /* first, so that a group of one row does not go and come */
    take(g, before, was, false);
}

void groups_remove(struct groups *g, const struct error_row *row, int64_t at_ms, bool is_dropped)
{
    take(g, row, when_of(row, at_ms, row->received_ms), is_dropped);
}

static void shift_time(int64_t *ms, int64_t by)
{
    int64_t moved;
    if (*ms != TIME_NONE && !__builtin_add_overflow(*ms, by, &moved))
        *ms = moved;
}

void groups_shift(struct groups *g, int64_t by_ms)
{
    int32_t by = (int32_t)(by_ms / MINUTE); /* zones are whole minutes */
    for (int s = 0; s < N_SEVERITIES; s++)
        series_shift(&g->minutes[MOVES][s], by);
    for (struct group *one = g->table; one; one = one->hh.next) {
        series_shift(&one->of[MOVES].series, by);
        shift_time(&one->of[MOVES].first_ms, by_ms);
        shift_time(&one->of[MOVES].last_ms, by_ms);
    }
    g->zone_ms -= by_ms;
}

/* ---- the section ---- */

static int64_t group_sum(const struct group *one, int64_t from, int64_t to)
{
    return series_sum(&one->of[MOVES].series, from, to) + series_sum(&one->of[STAYS].series, from, to);
}

static enum novelty judge(const struct group *one, struct error_group *out, int64_t now_ms,
                          int64_t look_from_ms)
{
    if (out->deployed_ms == TIME_NONE || out->first_ms == TIME_NONE)
        return NOVELTY_UNKNOWN;
    const int64_t deploy = minute_of(out->deployed_ms), since_ms = deploy * MINUTE;
    const int64_t from = minute_of(later(look_from_ms, now_ms - GROUPS_LOOK_MS) + MINUTE - 1);
    const int64_t ago = now_ms > since_ms ? now_ms - since_ms : 0;
    const int64_t need = ago < BEFORE_LEAST ? ago : BEFORE_LEAST;
    out->before = group_sum(one, from, deploy);
    out->after = group_sum(one, deploy, INT32_MAX);
    if (ago > GROUPS_LOOK_MS) /* its bake is over: "since the deploy" would be all that one can remember */
        return NOVELTY_UNKNOWN;
    if (look_from_ms != TIME_NONE && since_ms - look_from_ms < need)
        return NOVELTY_UNKNOWN;
    if (out->first_ms >= out->deployed_ms)
        return one->is_rest ? NOVELTY_UNKNOWN : NOVELTY_NEW;
    const double t_before = (double)(since_ms - from * MINUTE);
    const double t_after = (double)(ago > MINUTE ? ago : MINUTE);
    if (one->is_rest || t_before <= 0 || t_before < (double)need || out->after < MORE_LEAST)
        return NOVELTY_KNOWN;
    /* The rate before is itself a count: one more than was seen keeps few rows from proving much. */
    bool is_twice = (double)out->after * t_before > 2 * (double)out->before * t_after;
    return is_twice && poisson_tail(out->after, (double)(out->before + 1) * t_after / t_before) < CHANCE
               ? NOVELTY_MORE : NOVELTY_KNOWN;
}

static void fill_group(struct group *one, struct error_group *out, struct arena *a, int64_t now_ms,
                       int64_t look_from_ms)
{
    const int64_t now = minute_of(now_ms), from = now - RATE_MINUTES + 1;
    *out = (struct error_group){
        .fingerprint = one->fingerprint,
        .id = arena_printf(a, "%016llx", (unsigned long long)one->fingerprint),
        .service = arena_strdup(a, one->service),
        .code = arena_strdup(a, one->code),
        .message = arena_strdup(a, one->message),
        .workload = out->workload,
        .deployed_ms = out->deployed_ms,
        .severity = SEVERITY_OTHER,
        .category = one->category,
        .count = one->count,
        .n_open = one->n_open,
        .first_ms = earlier(one->of[MOVES].first_ms, one->of[STAYS].first_ms),
        .last_ms = later(one->of[MOVES].last_ms, one->of[STAYS].last_ms),
        .per_minute = (double)group_sum(one, from, now + 1) * MINUTE / (double)(now_ms - from * MINUTE + 1),
    };
    for (int s = N_SEVERITIES; s-- > 0;) {
        if (one->n_severity[s])
            out->severity = (enum severity)s;
    }
    out->novelty = judge(one, out, now_ms, look_from_ms);
}

struct known_place { /* of a service, asked once */
    UT_hash_handle hh;
    const char *service;
    struct groups_place place;
};

static struct groups_place place_of(struct known_place **known, const char *service, struct arena *a,
                                    groups_place_fn *place, void *ctx)
{
    struct known_place *k;
    HASH_FIND_STR(*known, service, k);
    if (!k) {
        k = arena_alloc(a, sizeof *k);
        k->service = service;
        k->place = place(ctx, service);
        k->place.workload = k->place.workload ? arena_strdup(a, k->place.workload) : "";
        HASH_ADD_KEYPTR(hh, *known, service, strlen(service), k);
    }
    return k->place;
}

static int is_worse(const void *x, const void *y)
{
    const struct error_group *a = x, *b = y;
    int new_a = a->novelty >= NOVELTY_MORE ? (int)a->novelty : 0;
    int new_b = b->novelty >= NOVELTY_MORE ? (int)b->novelty : 0;
    if (new_a != new_b)
        return new_b - new_a;
    if (a->severity != b->severity)
        return (int)a->severity - (int)b->severity;
    if (a->last_ms != b->last_ms)
        return a->last_ms < b->last_ms ? 1 : -1;
    return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

static void trim(struct groups *g, int64_t now_ms)
{
    const int64_t oldest = minute_of(now_ms - GROUPS_LOOK_MS - ZONE_MOST);
    for (int k = 0; k < N_KINDS; k++) {
        for (int s = 0; s < N_SEVERITIES; s++)
            series_drop_front(&g->minutes[k][s], series_find(&g->minutes[k][s], oldest));
        for (struct group *one = g->table; one; one = one->hh.next)
            series_drop_front(&one->of[k].series, series_find(&one->of[k].series, oldest));
    }
}

static void fill_minutes(const struct groups *g, struct errors *es, int64_t now_ms)
{
    const int64_t from = minute_of(now_ms) - ERROR_MINUTES + 1;
    es->minutes_from_ms = from * MINUTE;
    for (int s = 0; s < N_SEVERITIES; s++) {
        for (int i = 0; i < ERROR_MINUTES; i++)
            es->minutes[i][s] = (uint32_t)(series_sum(&g->minutes[MOVES][s], from + i, from + i + 1) +
                                           series_sum(&g->minutes[STAYS][s], from + i, from + i + 1));
    }
}

void groups_fill(struct groups *g, struct errors *es, int64_t now_ms, int64_t look_from_ms,
                 groups_place_fn *place, void *ctx)
{
    struct arena *a = &es->section.arena;
    struct known_place *known = NULL;
    g->now_ms = now_ms;
    trim(g, now_ms);
    fill_minutes(g, es, now_ms);
    es->groups = arena_alloc(a, HASH_COUNT(g->table) * sizeof *es->groups + 1);
    es->n_groups = 0;
    for (struct group *one = g->table; one; one = one->hh.next) {
        struct groups_place where = place_of(&known, one->service, a, place, ctx);
        struct error_group *out = &es->groups[es->n_groups++];
        out->workload = where.workload;
        out->deployed_ms = where.deployed_ms;
        fill_group(one, out, a, now_ms, look_from_ms);
    }
    HASH_CLEAR(hh, known); /* the entries are the arena's */
    if (es->n_groups)
        qsort(es->groups, es->n_groups, sizeof *es->groups, is_worse);
    for (size_t i = 0; i < es->n_groups; i++)
        find(g, es->groups[i].fingerprint)->index = i;
}

size_t groups_index(const struct groups *g, uint64_t fingerprint)
{
    const struct group *one = find(g, fingerprint);
    return one ? one->index : SIZE_MAX;
}
