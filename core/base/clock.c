#include "core/base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_io(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

static int64_t real_story(void);
static int64_t (*io_now)(void) = real_io;
static int64_t (*story_now)(void) = real_story;

/* The wall clock less CLOCK_BOOTTIME.  It is followed while it drifts; a jump (somebody set the clock) is not:
 * ages, windows and counters go on as if it had not been. */
enum { JUMP_MS = 2000 };
static atomic_llong wall_offset_ms;
static atomic_bool has_offset;

static int64_t real_story(void)
{
    int64_t boot = read_clock(CLOCK_BOOTTIME), wall = read_clock(CLOCK_REALTIME);
    int64_t diff = wall - boot - atomic_load(&wall_offset_ms);
    if (!atomic_load(&has_offset) || (diff < JUMP_MS && diff > -JUMP_MS)) {
        atomic_store(&wall_offset_ms, wall - boot);
        atomic_store(&has_offset, true);
        return wall;
    }
    return wall - diff;
}

int64_t clock_wall_ahead_ms(void)
{
    return story_now == real_story ? read_clock(CLOCK_REALTIME) - real_story() : 0;
}


void clock_set(int64_t (*io)(void), int64_t (*story)(void))
{
    io_now = io ? io : real_io;
    story_now = story ? story : real_story;
}

int64_t clock_io_ms(void)
{
    return io_now();
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static pthread_mutex_t follow_mu = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_following;
static int64_t follow_story_ms, follow_io_ms;
static double follow_rate;

void clock_follow(int64_t story_ms, int64_t io_ms, double rate)
{
    pthread_mutex_lock(&follow_mu);
    follow_story_ms = story_ms;
    follow_io_ms = io_ms;
    follow_rate = rate;
    pthread_mutex_unlock(&follow_mu);
    atomic_store(&is_following, true);
}

int64_t clock_story_ms(void)
{
    if (!atomic_load(&is_following))
        return story_now();
    pthread_mutex_lock(&follow_mu);
    int64_t ms = follow_story_ms + (int64_t)((double)(clock_io_ms() - follow_io_ms) * follow_rate);
    pthread_mutex_unlock(&follow_mu);
    return ms;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void date_of(int64_t days, int *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

static bool digits(const char **s, const char *end, int n, int *out)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (*s == end || **s < '0' || **s > '9')
            return false;
        v = v * 10 + (**s - '0');
    }
    *out = v;
    return true;
}

static bool mark(const char **s, const char *end, char c)
{
    if (*s == end || **s != c)
        return false;
    (*s)++;
    return true;
}

bool clock_parse_rfc3339(const char *s, size_t n, int64_t *out_ms)
{
    const char *end = s + n;
    int y, mo, d, h, mi, sec, ms = 0, oh = 0, om = 0, sign = 0;
    if (!digits(&s, end, 4, &y) || !mark(&s, end, '-') || !digits(&s, end, 2, &mo) ||
        !mark(&s, end, '-') || !digits(&s, end, 2, &d) || s == end ||
        (*s != 'T' && *s != 't' && *s != ' '))
        return false;
    s++;
    if (!digits(&s, end, 2, &h) || !mark(&s, end, ':') || !digits(&s, end, 2, &mi) ||
        !mark(&s, end, ':') || !digits(&s, end, 2, &sec))
        return false;
    if (mark(&s, end, '.')) {
        int scale = 100, seen = 0;
        for (; s < end && *s >= '0' && *s <= '9' && seen < 9; s++, seen++, scale /= 10)
            ms += (*s - '0') * scale;
        if (!seen)
            return false;
    }
    if (s < end && (*s == '+' || *s == '-')) {
        sign = *s++ == '+' ? 1 : -1;
        if (!digits(&s, end, 2, &oh) || !mark(&s, end, ':') || !digits(&s, end, 2, &om))
            return false;
    } else if (!mark(&s, end, 'Z')) {
        return false;
    }
    if (s != end || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
        return false;
    int64_t secs = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
    secs -= sign * (oh * 3600 + om * 60);
    *out_ms = secs * 1000 + ms;
    return true;
}

char *clock_format_rfc3339(int64_t ms, char out[CLOCK_TEXT])
{
    if (ms == TIME_NONE) {
        out[0] = '\0';
        return out;
    }
    int64_t secs = ms / 1000 - (ms % 1000 < 0), day = secs / 86400 - (secs % 86400 < 0);
    int64_t left = secs - day * 86400;
    int y, m, d;
    date_of(day, &y, &m, &d);
    snprintf(out, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02dZ", y, m, d, (int)(left / 3600),
             (int)(left / 60 % 60), (int)(left % 60));
    return out;
}

char *clock_format_hms(int64_t ms, char out[CLOCK_TEXT])
{
    int64_t secs = ms / 1000;
    snprintf(out, CLOCK_TEXT, "%02d:%02d:%02d", (int)(secs / 3600 % 24), (int)(secs / 60 % 60),
             (int)(secs % 60));
    return out;
}

char *clock_format_age(int64_t span_ms, char out[CLOCK_TEXT])
{
    if (span_ms == TIME_NONE) {
        snprintf(out, CLOCK_TEXT, "-");
        return out;
    }
    int64_t s = span_ms < 0 ? 0 : span_ms / 1000;
    if (s < 120)
        snprintf(out, CLOCK_TEXT, "%" PRId64 "s", s);
    else if (s < 600)
        snprintf(out, CLOCK_TEXT, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 3 * 3600)
        snprintf(out, CLOCK_TEXT, "%" PRId64 "m", s / 60);
    else if (s < 8 * 3600)
        snprintf(out, CLOCK_TEXT, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else if (s < 48 * 3600)
        snprintf(out, CLOCK_TEXT, "%" PRId64 "h", s / 3600);
    else
        snprintf(out, CLOCK_TEXT, "%" PRId64 "d%" PRId64 "h", s / 86400, s / 3600 % 24);
    return out;
}
