/*
 * tests/bench/play.h - a story of the simulator in virtual time, before a judge: what the sources would
 * measure, without sockets.
 *
 * Samples  a probe of each service and a proof of the link each 5 s; counts each 15 s, as differences of the
 *          counters that /metrics shows; the rollout when it changes and each 15 s; rows with it; deploys when
 *          the image changes.  While the link is down: one round of probes that time out, then it is found
 *          lost and nothing is seen; the counts of that time come with the first scrape after it
 */
#ifndef BENCH_PLAY_H
#define BENCH_PLAY_H

#include "core/judge/judge.h"
#include "core/sim/world.h"

enum { PLAY_SERVICES = 16, PLAY_MINUTES = 64 };

struct naive { /* what plain thresholds would have said of the deployed service, from the same samples */
    bool errors, latency, probes;
};
struct played {
    enum verdict_word word;    /* what the window ended with */
    enum verdict_word quarter; /* a quarter of an hour after the deploy */
    enum verdict_word last;    /* at the last tick */
    enum trigger_kind decides;
    int64_t rollback_ms;       /* after the deploy; TIME_NONE: never */
    int64_t crash_ms;          /* the first crashed pod, after the deploy; TIME_NONE */
    bool was[5];               /* enum verdict_word: it was said at some tick since the deploy */
    char rule[320];
    struct naive naive;
};
struct play_options {
    const char *story;
    uint64_t seed;
    bool has_noise;
    int64_t rps_least, rps_most; /* of each service, with noise; 0: the noise's own */
    bool is_late;                /* nothing is seen until two minutes after the deploy */
    void (*put)(void *ctx, const struct sample *s); /* may be NULL: the samples, as they come */
    void *ctx;
};
/* false: the story can not be read.  Ends when the deploy's window has. */
bool play(const struct play_options *o, struct played *out);

#endif
