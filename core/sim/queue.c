#include "core/sim/queue.h"

#include "core/base/err.h"

static bool is_before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void swap(struct sim_due *a, struct sim_due *b)
{
    struct sim_due t = *a;
    *a = *b;
    *b = t;
}

void sim_queue_release(struct sim_queue *q)
{
    free(q->heap);
    *q = (struct sim_queue){ 0 };
}

void sim_queue_add(struct sim_queue *q, int64_t at_ms, sim_act_fn *fn, uint64_t id, uint64_t arg)
{
    if (q->n == q->room) {
        q->room = q->room ? q->room * 2 : 256;
        q->heap = x_realloc(q->heap, q->room * sizeof *q->heap);
    }
    size_t i = q->n++;
    q->heap[i] = (struct sim_due){ at_ms, q->next_seq++, fn, id, arg };
    for (; i && is_before(&q->heap[i], &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&q->heap[i], &q->heap[(i - 1) / 2]);
}

const struct sim_due *sim_queue_first(const struct sim_queue *q)
{
    return q->n ? &q->heap[0] : NULL;
}

bool sim_queue_take(struct sim_queue *q, struct sim_due *out)
{
    if (!q->n)
        return false;
    *out = q->heap[0];
    q->heap[0] = q->heap[--q->n];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1;
        if (left < q->n && is_before(&q->heap[left], &q->heap[least]))
            least = left;
        if (left + 1 < q->n && is_before(&q->heap[left + 1], &q->heap[least]))
            least = left + 1;
        if (least == i)
            return true;
        swap(&q->heap[i], &q->heap[least]);
        i = least;
    }
}
