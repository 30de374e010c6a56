/*
 * tests/golden/fixture.h - snapshots made by hand: one for each state that a panel must show.
 */
#ifndef GOLDEN_FIXTURE_H
#define GOLDEN_FIXTURE_H

#include "core/model/ident.h"
#include "core/model/workload.h"

enum { FIXTURE_NOW_S = 1795514400 }; /* 2026-11-24T10:00:00Z */
enum fixture { FIXTURE_EMPTY, FIXTURE_WAITING, FIXTURE_CALM, FIXTURE_TROUBLE, FIXTURE_STALE,
               FIXTURE_FORBIDDEN, FIXTURE_REFUSED, FIXTURE_HOSTILE, N_FIXTURES };
const char *fixture_name(enum fixture f);
struct snap *fixture_new(enum fixture f);
struct verdict *fixture_verdict(enum fixture f); /* fixture_verdict.c */
struct tracks *fixture_tracks(enum fixture f);

#endif
