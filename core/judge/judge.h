/*
 * core/judge/judge.h - samples in, the verdict and its evidence out.
 *
 * A fold: its state after the samples s1..sn and ticks up to t is a function of these alone.  Ticks lie
 * on a grid of JUDGE_TICK_MS of the samples' own time; judge_put runs those that lie before its sample, so
 * that a restart or a replay that puts the same samples comes to the same state.  No clock, no random
 * number, no I/O.
 *
 * The observer's guard: a failed probe counts when the API server has answered after it (SAMPLE_LINK 1);
 * when the link is found lost instead, what failed since its last answer is unseen.  Where no SAMPLE_LINK
 * ever came (probes without a cluster), a round in which every probed workload failed, and there are two
 * at least, is unseen.
 *
 * Shape    struct verdict and struct tracks of model/verdict.h; rules and statistics: judge.c says where
 * Limits   JUDGE_SUBJECTS workloads, JUDGE_BAKES windows kept; more are counted, not judged
 * Errors   none: a value that is no number, or out of its range, is as if it had not come
 * Thread   one       Owns   the series are the caller's and outlive it
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "core/model/sample.h"
#include "core/model/verdict.h"

enum { JUDGE_TICK_MS = 5000, JUDGE_SUBJECTS = 2000, JUDGE_BAKES = 500 };

struct judge;
struct judge *judge_new(void);
void judge_free(struct judge *j); /* NULL is fine */
void judge_put(struct judge *j, const struct sample *s);
void judge_run(struct judge *j, int64_t now_ms); /* the ticks before now; a time before the last is nothing */
uint64_t judge_version(const struct judge *j);   /* rises when judge_verdict would say something else */
struct verdict *judge_verdict(const struct judge *j); /* a new section, as of the last tick */
struct tracks *judge_tracks(const struct judge *j);   /* a new section */

#endif
