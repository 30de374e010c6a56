/*
 * core/base/clock.h - the two clocks; nothing else in the project reads one.
 *
 * clock_io_ms     CLOCK_BOOTTIME: deadlines and backoff; goes on during suspend
 * clock_story_ms  ms since the Unix epoch, UTC: everything shown, stored or judged
 *
 * Both can be replaced (tests); the story clock can follow another one (the demo).  Formats are RFC 3339 UTC.
 * Thread   any; clock_set before threads start
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_NONE INT64_MIN /* "no such time", in every _ms field that says it may be absent */

int64_t clock_io_ms(void);
int64_t clock_mono_ms(void);  /* CLOCK_MONOTONIC: only to notice a suspend by its gap to io */
int64_t clock_story_ms(void);
/* A wall clock that is set while we run does not move the story: so far it is ahead of it now, 0 = it was not set. */
int64_t clock_wall_ahead_ms(void);
void clock_set(int64_t (*io)(void), int64_t (*story)(void)); /* NULL = the real one */
/* From now on the story clock shows story_ms at io_ms and runs `rate` times as fast as the real one
 * (0 = it stands).  Any thread, any number of times; overrides clock_set's story. */
void clock_follow(int64_t story_ms, int64_t io_ms, double rate);

/* "2026-11-24T10:00:00Z", fraction of up to 9 digits and an offset allowed.  n bytes are read. */
bool clock_parse_rfc3339(const char *s, size_t n, int64_t *out_ms);
#define CLOCK_TEXT 32
char *clock_format_rfc3339(int64_t ms, char out[CLOCK_TEXT]); /* "" for TIME_NONE; returns out */
char *clock_format_hms(int64_t ms, char out[CLOCK_TEXT]);     /* "10:00:00" UTC */
/* "9s", "4m20s", "12m", "3h05m", "4d2h" as kubectl's AGE does; negative is "0s"; "-" for TIME_NONE. */
char *clock_format_age(int64_t span_ms, char out[CLOCK_TEXT]);

#endif
