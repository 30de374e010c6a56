#include "core/model/snap.h"

#include <assert.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/model/ident.h"

void *section_new(size_t size, void (*drop)(struct section *))
{
    static atomic_uint_fast64_t versions;
    struct section *s = x_calloc(1, size);
    atomic_init(&s->refs, 1);
    s->version = atomic_fetch_add(&versions, 1) + 1;
    s->drop = drop;
    return s;
}

struct section *section_ref(struct section *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void section_unref(struct section *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (s->drop)
        s->drop(s);
    arena_release(&s->arena);
    free(s);
}

struct snap *snap_new(const struct snap *before)
{
    struct snap *s = x_calloc(1, sizeof *s);
    atomic_init(&s->refs, 1);
    s->past_ms = s->asked_ms = TIME_NONE;
    if (before) {
        s->seq = before->seq + 1;
        for (int i = 0; i < N_SECTIONS; i++) {
            if (before->sections[i])
                s->sections[i] = section_ref(before->sections[i]);
        }
    }
    return s;
}

void snap_set(struct snap *s, enum section_id id, void *section)
{
    assert(id < N_SECTIONS);
    section_unref(s->sections[id]);
    s->sections[id] = section;
}

struct snap *snap_ref(struct snap *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snap_unref(struct snap *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < N_SECTIONS; i++)
        section_unref(s->sections[i]);
    free(s);
}

void snap_slot_init(struct snap_slot *slot, int wake_fd)
{
    pthread_mutex_init(&slot->mu, NULL);
    slot->live = slot->past = NULL;
    slot->wake_fd = wake_fd;
}

void snap_slot_release(struct snap_slot *slot)
{
    snap_unref(slot->live);
    snap_unref(slot->past);
    slot->live = slot->past = NULL;
    pthread_mutex_destroy(&slot->mu);
}

static void put(struct snap_slot *slot, struct snap **at, struct snap *s)
{
    pthread_mutex_lock(&slot->mu);
    struct snap *old = *at;
    *at = s;
    pthread_mutex_unlock(&slot->mu);
    snap_unref(old); /* freed outside the lock */
    if (slot->wake_fd >= 0)
        (void)!write(slot->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static struct snap *get(struct snap_slot *slot, struct snap *const *at)
{
    pthread_mutex_lock(&slot->mu);
    struct snap *s = *at ? snap_ref(*at) : NULL;
    pthread_mutex_unlock(&slot->mu);
    return s;
}

void snap_publish(struct snap_slot *slot, struct snap *s)
{
    put(slot, &slot->live, s);
}

void snap_publish_past(struct snap_slot *slot, struct snap *s)
{
    put(slot, &slot->past, s);
}

struct snap *snap_acquire(struct snap_slot *slot)
{
    return get(slot, &slot->live);
}

struct snap *snap_acquire_past(struct snap_slot *slot)
{
    return get(slot, &slot->past);
}

const char *source_state_name(enum source_state s)
{
    static const char *const names[] = {
        [SOURCE_WAITING] = "waiting",     [SOURCE_LIVE] = "live",
        [SOURCE_STALE] = "stale",         [SOURCE_FAILED] = "failed",
        [SOURCE_FORBIDDEN] = "forbidden", [SOURCE_ABSENT] = "absent",
        [SOURCE_UNSET] = "unset",
    };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

const char *env_class_name(enum env_class c)
{
    static const char *const names[] = { "", "development", "staging", "production" };
    return (size_t)c < ARRAY_LEN(names) ? names[c] : "";
}
