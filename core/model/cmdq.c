#include "core/model/cmdq.h"

#include <unistd.h>

void cmdq_init(struct cmdq *q, int wake_fd)
{
    pthread_mutex_init(&q->mu, NULL);
    q->head = q->n = 0;
    q->wake_fd = wake_fd;
}

void cmdq_release(struct cmdq *q)
{
    pthread_mutex_destroy(&q->mu);
}

bool cmdq_push(struct cmdq *q, const struct cmd_msg *m)
{
    pthread_mutex_lock(&q->mu);
    bool fits = q->n < CMDQ_ROOM;
    if (fits)
        q->ring[(q->head + q->n++) % CMDQ_ROOM] = *m;
    pthread_mutex_unlock(&q->mu);
    if (fits && q->wake_fd >= 0)
        (void)!write(q->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    return fits;
}

bool cmdq_pop(struct cmdq *q, struct cmd_msg *out)
{
    pthread_mutex_lock(&q->mu);
    bool any = q->n > 0;
    if (any) {
        *out = q->ring[q->head];
        q->head = (q->head + 1) % CMDQ_ROOM;
        q->n--;
    }
    pthread_mutex_unlock(&q->mu);
    return any;
}
