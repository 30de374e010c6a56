#include "tui/panel.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

char *panel_time(const struct frame *f, int64_t ms, char out[CLOCK_TEXT])
{
    if (ms == TIME_NONE) {
        snprintf(out, CLOCK_TEXT, "-");
    } else if (f->prefs->zone == ZONE_DEPLOY && f->prefs->deployed_ms != TIME_NONE) {
        int64_t s = (ms - f->prefs->deployed_ms) / 1000, a = s < 0 ? -s : s;
        snprintf(out, CLOCK_TEXT, "T%c%" PRId64 ":%02" PRId64, s < 0 ? '-' : '+', a / 60, a % 60);
    } else if (f->prefs->zone == ZONE_LOCAL) {
        time_t t = (time_t)(ms / 1000);
        struct tm tm;
        if (!localtime_r(&t, &tm) || !strftime(out, CLOCK_TEXT, "%H:%M:%S", &tm))
            snprintf(out, CLOCK_TEXT, "-");
    } else {
        char text[CLOCK_TEXT];
        snprintf(out, CLOCK_TEXT, "%.8sZ", clock_format_hms(ms, text));
    }
    return out;
}

/* Below two minutes in steps of five seconds: a calm screen stays still. */
char *panel_age(const struct frame *f, int64_t since_ms, char out[CLOCK_TEXT])
{
    if (since_ms == TIME_NONE)
        return clock_format_age(TIME_NONE, out);
    int64_t span = f->now_ms - since_ms;
    return clock_format_age(span < 600000 ? span / 5000 * 5000 : span, out);
}

int64_t panel_newest_key(int64_t ms)
{
    return ms == TIME_NONE ? INT64_MAX : -ms;
}

char *panel_bytes(int64_t bytes, char out[CLOCK_TEXT])
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti" };
    size_t u = 0;
    int64_t n = bytes;
    while (n >= 10240 && u + 1 < ARRAY_LEN(units)) {
        n /= 1024;
        u++;
    }
    if (bytes < 0)
        snprintf(out, CLOCK_TEXT, "-");
    else
        snprintf(out, CLOCK_TEXT, "%" PRId64 "%s", n, units[u]);
    return out;
}

enum role panel_health_role(enum health h)
{
    static const enum role roles[] = { [HEALTH_OK] = ROLE_OK, [HEALTH_PROGRESS] = ROLE_PROGRESS,
                                       [HEALTH_UNKNOWN] = ROLE_UNKNOWN, [HEALTH_WARN] = ROLE_WARN,
                                       [HEALTH_FAIL] = ROLE_FAIL };
    return roles[h];
}

const char *panel_health_glyph(enum health h)
{
    static const char *const glyphs[] = { [HEALTH_OK] = " ", [HEALTH_PROGRESS] = ">",
                                          [HEALTH_UNKNOWN] = "?", [HEALTH_WARN] = "!",
                                          [HEALTH_FAIL] = "X" };
    return glyphs[h];
}
