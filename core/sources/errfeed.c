/*
 * Two memories.  `blocks`: a byte for every id ever seen (seen, open, severity), in blocks of BLOCK ids
 * sorted by number, so that 64 million ids cost 64 MB and a look is a binary search; a block has an
 * array of stamps only while its source can still give those versions again (errfeed_settle).  `held`:
 * the rows themselves, sorted by id; new rows come at the end, so that an insert is an append.
 *
 * Rejected: a hash of all rows seen (60 bytes a row), and trusting the id alone (an id is given out
 * again after TRUNCATE RESTART IDENTITY, restore and failover).
 */
#include "core/sources/errfeed.h"

#include <assert.h>
#include <string.h>

enum {
    BLOCK_BITS = 12, BLOCK = 1 << BLOCK_BITS, BLOCKS = FEED_IDS / BLOCK,
    SEEN = 1, OPEN = 2, SEVERITY_SHIFT = 2,
    ZONE_SAMPLES = 5, ZONE_AGREE = 3, ZONE_STEP_MS = 15 * 60000, ZONE_MOST_MS = 15 * 3600000,
};

struct block {
    int64_t number; /* id >> BLOCK_BITS */
    uint64_t *stamps; /* BLOCK of them, NULL = none is remembered */
    uint8_t marks[BLOCK];
};

struct held {
    int64_t id;
    uint64_t stamp; /* 0 = not known, or doubted */
    struct error_row *row;
};

struct errfeed {
    const struct triage_rules *rules;
    struct feed_hooks hooks;
    struct block **blocks;
    size_t n_blocks, blocks_room;
    struct held *held;
    size_t n_held;
    int64_t top;
    struct feed_totals totals;
    int64_t offsets[ZONE_SAMPLES]; /* of the last fresh rows, rounded */
    int n_offsets, next_offset, n_rows;
    int64_t skew_ms;
    int64_t zone_ms; /* TIME_NONE = not measured */
};

struct errfeed *errfeed_new(const struct triage_rules *rules, const struct feed_hooks *hooks)
{
    struct errfeed *f = x_calloc(1, sizeof *f);
    f->rules = rules;
    f->hooks = *hooks;
    f->held = x_calloc(ERRORS_KEPT + 1, sizeof *f->held);
    f->zone_ms = TIME_NONE;
    return f;
}

static void free_block(struct block *b)
{
    free(b->stamps);
    free(b);
}

void errfeed_free(struct errfeed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_blocks; i++)
        free_block(f->blocks[i]);
    for (size_t i = 0; i < f->n_held; i++)
        error_row_unref(f->held[i].row);
    free(f->blocks);
    free(f->held);
    free(f);
}

/* ---- what is remembered of an id ---- */

static int64_t number_of(int64_t id)
{
    return id >= 0 ? id >> BLOCK_BITS : -((-(id + 1)) >> BLOCK_BITS) - 1;
}

static size_t place_in_block(int64_t id)
{
    return (size_t)((uint64_t)id & (BLOCK - 1));
}

static size_t block_index(const struct errfeed *f, int64_t number) /* of the first not below it */
{
    size_t lo = 0, hi = f->n_blocks;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->blocks[mid]->number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct block *find_block(const struct errfeed *f, int64_t id)
{
    size_t i = block_index(f, number_of(id));
    return i < f->n_blocks && f->blocks[i]->number == number_of(id) ? f->blocks[i] : NULL;
}

static void unmark(struct errfeed *f, struct block *b, size_t at)
{
    uint8_t mark = b->marks[at];
    if (mark & OPEN)
        f->totals.n_open[mark >> SEVERITY_SHIFT]--;
    if (mark & SEEN)
        f->totals.n--;
    b->marks[at] = 0;
    if (b->stamps)
        b->stamps[at] = 0;
}

/* What is forgotten still counts: it was seen, and nothing says that it is gone. */
static void drop_lowest_block(struct errfeed *f)
{
    free_block(f->blocks[0]);
    memmove(f->blocks, f->blocks + 1, --f->n_blocks * sizeof *f->blocks);
}

static struct block *make_block(struct errfeed *f, int64_t id)
{
    struct block *b = find_block(f, id);
    if (b)
        return b;
    if (f->n_blocks == BLOCKS)
        drop_lowest_block(f);
    if (f->n_blocks == f->blocks_room) {
        f->blocks_room = f->blocks_room ? f->blocks_room * 2 : 16;
        f->blocks = x_realloc(f->blocks, f->blocks_room * sizeof *f->blocks);
    }
    size_t i = block_index(f, number_of(id));
    memmove(f->blocks + i + 1, f->blocks + i, (f->n_blocks++ - i) * sizeof *f->blocks);
    b = f->blocks[i] = x_calloc(1, sizeof *b);
    b->number = number_of(id);
    return b;
}

static void mark(struct errfeed *f, const struct error_row *row)
{
    struct block *b = make_block(f, row->id);
    size_t at = place_in_block(row->id);
    bool is_open = error_is_open(row);
    unmark(f, b, at);
    b->marks[at] = (uint8_t)(SEEN | (is_open ? OPEN : 0) | (row->severity << SEVERITY_SHIFT));
    f->totals.n++;
    f->totals.n_open[row->severity] += is_open;
    if (row->stamp && !b->stamps)
        b->stamps = x_calloc(BLOCK, sizeof *b->stamps);
    if (b->stamps)
        b->stamps[at] = row->stamp;
    if (row->id > f->top || f->totals.n == 1)
        f->top = row->id;
}

/* ---- the rows that are held ---- */

static size_t held_index(const struct errfeed *f, int64_t id) /* of the first not below it */
{
    size_t lo = 0, hi = f->n_held;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->held[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct held *find_held(const struct errfeed *f, int64_t id)
{
    size_t i = held_index(f, id);
    return i < f->n_held && f->held[i].id == id ? &f->held[i] : NULL;
}

static void tell(struct errfeed *f, enum feed_event ev, const struct error_row *row,
                 const struct error_row *before)
{
    if (f->hooks.on_event)
        f->hooks.on_event(f->hooks.ctx, ev, row, before);
}

static void take_out(struct errfeed *f, size_t i)
{
    memmove(f->held + i, f->held + i + 1, (--f->n_held - i) * sizeof *f->held);
}

/* Takes the row: holds it, or says that it is not held (older than all of a full house). */
static void hold(struct errfeed *f, struct error_row *row)
{
    size_t i = held_index(f, row->id);
    memmove(f->held + i + 1, f->held + i, (f->n_held++ - i) * sizeof *f->held);
    f->held[i] = (struct held){ row->id, row->stamp, row };
    if (f->n_held <= ERRORS_KEPT)
        return;
    struct error_row *lowest = f->held[0].row;
    take_out(f, 0);
    tell(f, FEED_DROP, lowest, NULL);
    error_row_unref(lowest);
}

/* ---- the zone of the table's times ---- */

static void measure(struct errfeed *f, const struct error_row *row)
{
    if (!row->is_fresh || row->is_zoned || row->local_ms == TIME_NONE ||
        row->received_ms == TIME_NONE || !f->hooks.on_zone)
        return;
    int64_t offset = row->local_ms - (row->received_ms + f->skew_ms);
    if (offset > ZONE_MOST_MS || offset < -ZONE_MOST_MS)
        return; /* no zone is that far off: a row written with a time of its own */
    /* the row is a little older than its arrival: round up to what is at most 10 minutes above */
    int64_t steps = (offset + 10 * 60000 + 100 * (int64_t)ZONE_STEP_MS) / ZONE_STEP_MS - 100;
    f->offsets[f->next_offset] = steps * ZONE_STEP_MS;
    f->next_offset = (f->next_offset + 1) % ZONE_SAMPLES;
    f->n_offsets += f->n_offsets < ZONE_SAMPLES;
    int agree = 0;
    for (int i = 0; i < f->n_offsets; i++)
        agree += f->offsets[i] == steps * ZONE_STEP_MS;
    if (agree < ZONE_AGREE)
        return;
    if (f->zone_ms != steps * ZONE_STEP_MS)
        f->n_rows = agree - 1;
    f->zone_ms = steps * ZONE_STEP_MS;
    f->n_rows++;
    /* said at each power of two, so that the text's count grows without a wake-up a row */
    if ((f->n_rows & (f->n_rows - 1)) == 0 || f->n_rows == agree)
        f->hooks.on_zone(f->hooks.ctx, f->zone_ms, f->n_rows);
}

/* ---- the contract ---- */

void errfeed_skew(struct errfeed *f, int64_t skew_ms)
{
    f->skew_ms = skew_ms;
}

bool errfeed_has(const struct errfeed *f, int64_t id, uint64_t stamp)
{
    if (!stamp)
        return false;
    const struct block *b = find_block(f, id);
    if (b && b->stamps && b->stamps[place_in_block(id)] == stamp)
        return true;
    const struct held *h = find_held(f, id);
    return h && h->stamp == stamp;
}

static bool is_same(const struct held *h, const struct error_row *row)
{
    return (row->stamp && h->stamp == row->stamp) || h->row->hash == row->hash;
}

static bool is_seen(const struct errfeed *f, int64_t id)
{
    const struct block *b = find_block(f, id);
    return b && (b->marks[place_in_block(id)] & SEEN);
}

/* Below everything that is held of a full house, or below everything that is remembered. */
static bool is_too_old(const struct errfeed *f, int64_t id)
{
    return f->n_held == ERRORS_KEPT && id < f->held[0].id;
}

void errfeed_put(struct errfeed *f, struct error_row *row)
{
    struct held *h = find_held(f, row->id);
    if ((h && is_same(h, row)) || (!h && errfeed_has(f, row->id, row->stamp))) {
        if (h)
            h->stamp = row->stamp;
        struct block *b = find_block(f, row->id);
        if (b && b->stamps)
            b->stamps[place_in_block(row->id)] = row->stamp;
        error_row_unref(row);
        return;
    }
    triage_judge(f->rules, row);
    enum feed_event ev = is_seen(f, row->id) ? FEED_UPDATE : FEED_NEW;
    mark(f, row);
    struct error_row *before = NULL;
    if (h) {
        before = h->row;
        *h = (struct held){ row->id, row->stamp, row };
    }
    tell(f, ev, row, before);
    if (ev == FEED_NEW)
        measure(f, row);
    error_row_unref(before);
    if (!h && is_too_old(f, row->id)) {
        if (ev == FEED_NEW) /* an old one was not held before either */
            tell(f, FEED_DROP, row, NULL);
        error_row_unref(row);
    } else if (!h) {
        hold(f, row);
    }
}

void errfeed_delete(struct errfeed *f, int64_t id)
{
    struct block *b = find_block(f, id);
    if (b)
        unmark(f, b, place_in_block(id));
    struct held *h = find_held(f, id);
    if (!h)
        return;
    struct error_row *row = h->row;
    take_out(f, (size_t)(h - f->held));
    tell(f, FEED_DELETE, row, row);
    error_row_unref(row);
}

void errfeed_settle(struct errfeed *f, bool (*is_past)(void *ctx, uint64_t stamp), void *ctx)
{
    for (size_t i = 0; i < f->n_blocks; i++) {
        struct block *b = f->blocks[i];
        bool any = false;
        for (size_t j = 0; b->stamps && j < BLOCK; j++) {
            if (b->stamps[j] && is_past(ctx, b->stamps[j]))
                b->stamps[j] = 0;
            any |= b->stamps[j] != 0;
        }
        if (!any) {
            free(b->stamps);
            b->stamps = NULL;
        }
    }
}

static bool always(void *ctx, uint64_t stamp)
{
    (void)ctx;
    (void)stamp;
    return true;
}

void errfeed_doubt(struct errfeed *f)
{
    errfeed_settle(f, always, NULL);
    for (size_t i = 0; i < f->n_held; i++)
        f->held[i].stamp = 0;
}

void errfeed_forget(struct errfeed *f)
{
    while (f->n_held)
        errfeed_delete(f, f->held[f->n_held - 1].id);
    while (f->n_blocks)
        free_block(f->blocks[--f->n_blocks]);
    f->totals = (struct feed_totals){ 0 };
    f->top = 0;
}

void errfeed_forget_above(struct errfeed *f, int64_t id)
{
    while (f->n_held && f->held[f->n_held - 1].id > id)
        errfeed_delete(f, f->held[f->n_held - 1].id);
    while (f->n_blocks && f->blocks[f->n_blocks - 1]->number >= number_of(id)) {
        struct block *b = f->blocks[f->n_blocks - 1];
        size_t first = b->number == number_of(id) ? place_in_block(id) + 1 : 0;
        for (size_t j = first; j < BLOCK; j++)
            unmark(f, b, j);
        if (first)
            break;
        free_block(b);
        f->n_blocks--;
    }
    if (f->top > id)
        f->top = f->n_held ? f->held[f->n_held - 1].id : f->totals.n ? id : 0;
}

struct error_row *errfeed_find(const struct errfeed *f, int64_t id)
{
    const struct held *h = find_held(f, id);
    return h ? h->row : NULL;
}

size_t errfeed_count(const struct errfeed *f)
{
    return f->n_held;
}

struct error_row *errfeed_at(const struct errfeed *f, size_t i)
{
    assert(i < f->n_held);
    return f->held[i].row;
}

int64_t errfeed_top(const struct errfeed *f)
{
    return f->top;
}

struct feed_totals errfeed_totals(const struct errfeed *f)
{
    return f->totals;
}
