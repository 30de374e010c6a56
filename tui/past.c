#include "tui/past.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tui/app_state.h"

enum {
    STEP_MS = 15000,
    DAY_MS = 86400000,
    SETTLE_MS = 5000 /* so long after an event what it did is on record for certain */
};

/* ---- which time ---- */

/* "5:30" or "1:05:30": from the left, each less than 60 but the first. */
static bool parse_parts(const char *s, int64_t *parts, int *n)
{
    *n = 0;
    for (;;) {
        size_t len = strcspn(s, ":");
        if (*n == 3 || !text_to_int(s, len, 0, *n ? 59 : 99999, &parts[*n]))
            return false;
        ++*n;
        if (!s[len])
            return true;
        s += len + 1;
    }
}

static bool parse_since(const char *s, int64_t deployed_ms, int64_t *out_ms)
{
    int64_t parts[3] = { 0 }, span = 0;
    int n;
    bool is_before = *s == '-';
    if ((*s != '+' && *s != '-') || deployed_ms == TIME_NONE || !parse_parts(s + 1, parts, &n))
        return false;
    for (int i = 0; i < n; i++)
        span = span * 60 + parts[i];
    span *= n == 1 ? 60000 : 1000; /* "T+5" is minutes, as "T+5:00" */
    *out_ms = deployed_ms + (is_before ? -span : span);
    return true;
}

/* The last time that the clock said so. */
static bool parse_clock(const char *s, int64_t now_ms, int64_t zone_ms, int64_t *out_ms)
{
    char copy[16];
    int64_t parts[3] = { 0 };
    int n;
    size_t len = strlen(s);
    bool is_utc = len && s[len - 1] == 'Z';
    if (len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", (int)(len - is_utc), s);
    if (!parse_parts(copy, parts, &n) || n < 2 || parts[0] > 23)
        return false;
    int64_t zone = is_utc ? 0 : zone_ms, local = now_ms + zone;
    int64_t at = local - local % DAY_MS + (parts[0] * 3600 + parts[1] * 60 + parts[2]) * 1000;
    *out_ms = (at > local ? at - DAY_MS : at) - zone;
    return true;
}

bool past_parse(const char *s, int64_t now_ms, int64_t deployed_ms, int64_t zone_ms, int64_t *out_ms)
{
    int64_t span;
    if (text_eq(s, "deploy") && deployed_ms != TIME_NONE) {
        *out_ms = deployed_ms + SETTLE_MS;
        return true;
    }
    if (s[0] == 'T' || s[0] == 't')
        return parse_since(s + 1, deployed_ms, out_ms);
    if (s[0] == '-' && text_to_span_ms(s + 1, &span)) {
        *out_ms = now_ms - span;
        return true;
    }
    return parse_clock(s, now_ms, zone_ms, out_ms) || clock_parse_rfc3339(s, strlen(s), out_ms);
}

static int64_t zone_of(const struct ui *ui)
{
    time_t now = (time_t)(clock_story_ms() / 1000);
    struct tm tm;
    return ui->prefs.zone == ZONE_LOCAL && localtime_r(&now, &tm) ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

/* ---- what is shown ---- */

bool past_is_shown(const struct ui *ui)
{
    return ui->snap && ui->snap->past_ms != TIME_NONE;
}

bool past_is_wanted(const struct ui *ui)
{
    return ui->past_ms != TIME_NONE;
}

/* A new snapshot of `from` in which these are of `live`; both may be NULL. */
static struct snap *with(const struct snap *from, const struct snap *live, const enum section_id *go_on, size_t n)
{
    struct snap *s = snap_new(from);
    for (size_t i = 0; i < n; i++)
        snap_set(s, go_on[i], live && live->sections[go_on[i]] ? section_ref(live->sections[go_on[i]]) : NULL);
    return s;
}

/* What somebody has opened is of now: there is none of it in the past. */
static struct snap *of_then(struct ui *ui, const struct snap *past)
{
    static const enum section_id go_on[] = { SECTION_IDENT, SECTION_PLAN };
    struct snap *s = with(past, ui->live, go_on, ARRAY_LEN(go_on));
    snap_set(s, SECTION_DOC, NULL);
    s->past_ms = past->past_ms;
    s->asked_ms = past->asked_ms;
    memcpy(s->why, past->why, sizeof s->why);
    return s;
}

/* The rows stand still; what was asked for, how the sources are, the verdict and where we are go on. */
static struct snap *paused(struct ui *ui)
{
    static const enum section_id go_on[] = { SECTION_DOC, SECTION_SOURCES, SECTION_IDENT, SECTION_PLAN,
                                             SECTION_VERDICT };
    return with(ui->snap, ui->live, go_on, ARRAY_LEN(go_on));
}

void past_show(struct ui *ui)
{
    struct snap *s = NULL;
    if (past_is_wanted(ui)) {
        struct snap *past = snap_acquire_past(ui->env->slot);
        if (!past) /* it is on its way */
            return;
        if (past->asked_ms == ui->past_ms && past->past_ms > ui->past_ms) {
            ui_say(ui, "nothing was recorded before this time");
            ui->said_is_news = true;
        }
        if (past->asked_ms == ui->past_ms)
            ui->past_ms = past->past_ms;
        s = of_then(ui, past);
        ui->is_dirty = ui->is_dirty || !past_is_shown(ui) || ui->snap->past_ms != s->past_ms;
        snap_unref(past);
    } else if (ui->live) {
        s = ui->is_paused ? paused(ui) : snap_ref(ui->live);
    }
    if (s) {
        snap_unref(ui->snap);
        ui->snap = s;
    }
}

static void ask(struct ui *ui, int64_t ms)
{
    if (ui_send(ui, &(struct cmd_msg){ .kind = CMD_PAST, .ms = ms }))
        ui->past_ms = ms;
}

void past_leave(struct ui *ui)
{
    if (!past_is_wanted(ui))
        return;
    ui_send(ui, &(struct cmd_msg){ .kind = CMD_PAST, .ms = TIME_NONE });
    ui->past_ms = TIME_NONE;
    past_show(ui);
    ui->is_dirty = true;
}

bool past_refuses(struct ui *ui, const char *what)
{
    if (past_is_wanted(ui))
        ui_warn(ui, "%s: not in the past; F returns to now", what);
    return past_is_wanted(ui);
}

/* ---- words ---- */

static int64_t deployed_ms(const struct ui *ui)
{
    const struct workloads *ws = ui->live ? (const struct workloads *)ui->live->sections[SECTION_WORKLOADS] : NULL;
    int64_t ms = TIME_NONE;
    for (size_t i = 0; ws && i < ws->n; i++)
        ms = ws->items[i]->deployed_ms > ms ? ws->items[i]->deployed_ms : ms;
    return ms;
}

void past_words(const struct ui *ui, struct buf *out)
{
    struct prefs prefs = { .zone = ui->prefs.zone == ZONE_LOCAL ? ZONE_LOCAL : ZONE_UTC };
    struct frame f = { .prefs = &prefs };
    char when[CLOCK_TEXT], since[CLOCK_TEXT], age[CLOCK_TEXT];
    int64_t at = ui->snap->past_ms;
    panel_time(&f, at, when);
    buf_addf(out, "PAST %s", when);
    prefs.deployed_ms = deployed_ms(ui);
    prefs.zone = ZONE_DEPLOY;
    if (prefs.deployed_ms != TIME_NONE)
        buf_addf(out, ", %s", panel_time(&f, at, since));
    buf_addf(out, ", %s ago", clock_format_age(clock_story_ms() - at, age));
}

bool past_lacks(const struct ui *ui, unsigned reads, struct buf *out)
{
    static const enum section_id kept[] = { SECTION_WORKLOADS, SECTION_EVENTS, SECTION_ERRORS,
                                            SECTION_VERDICT,   SECTION_TRACKS, SECTION_SOURCES };
    bool is_missing = false,
         has_others = reads & ~(1u << SECTION_SOURCES | 1u << SECTION_IDENT | 1u << SECTION_CLOCK);
    if (!past_is_shown(ui))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        bool is_read = reads & 1u << kept[i] && !(kept[i] == SECTION_SOURCES && has_others);
        bool is_known =
            ui->snap->why[0] || (ui->live && ui->live->sections[kept[i]]); /* what is never there says so itself */
        is_missing = is_missing || (is_read && is_known && !ui->snap->sections[kept[i]]);
    }
    if (is_missing) {
        struct frame f = { .prefs = &ui->prefs };
        char when[CLOCK_TEXT];
        buf_addf(out, "not recorded at %s%s%s", panel_time(&f, ui->snap->past_ms, when),
                 ui->snap->why[0] ? ": " : "", ui->snap->why);
    }
    return is_missing;
}

void past_look(struct ui *ui)
{
    const struct sources *s = ui->live ? (const struct sources *)ui->live->sections[SECTION_SOURCES] : NULL;
    int64_t lost_ms = s ? s->lost_ms : TIME_NONE;
    if (past_is_wanted(ui) && lost_ms != TIME_NONE && ui->lost_ms == TIME_NONE) {
        ui_warn(ui, "now: the link to the cluster is lost; F returns to now");
        ui->said_is_news = true;
    }
    ui->lost_ms = lost_ms;
}

/* ---- commands ---- */

static void go_to(struct ui *ui, int64_t at_ms)
{
    if (at_ms >= clock_story_ms()) {
        past_leave(ui);
        ui_say(ui, "this is now");
        return;
    }
    if (ui->n_layers && text_eq(ui->ops[ui_top(ui)]->name, "doc")) {
        ui_warn(ui, "this text is of now: esc closes it, then the time can be moved");
        return;
    }
    ui->is_paused = false;
    ask(ui, at_ms);
}

static void step(struct ui *ui, const char *arg, int sign)
{
    int64_t span = STEP_MS;
    if (arg[0] && !text_to_span_ms(arg, &span))
        ui_warn(ui, "\"%.40s\" is no span like 15s or 10m", arg);
    else if (sign > 0 && !past_is_wanted(ui))
        ui_warn(ui, "this is now; , goes back");
    else
        go_to(ui, (past_is_wanted(ui) ? ui->past_ms : clock_story_ms()) + sign * span);
}

void past_earlier(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f;
    step(ui, arg, -1);
}

void past_later(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f;
    step(ui, arg, 1);
}

/* The marks are those of now: one looks for what came after the time that is shown too. */
static void to_mark(struct ui *ui, int sign)
{
    const struct verdict *v = ui->live ? (const struct verdict *)ui->live->sections[SECTION_VERDICT] : NULL;
    int64_t from = past_is_wanted(ui) ? ui->past_ms : clock_story_ms();
    const struct mark *found = NULL;
    for (size_t i = 0; v && i < v->n_marks; i++) { /* oldest first */
        const struct mark *m = &v->marks[i];
        int64_t at = m->at_ms + SETTLE_MS;
        if (sign < 0 ? at < from : at > from && !found)
            found = m;
    }
    if (!found) {
        ui_warn(ui, sign < 0 ? "no event is known before this time" : "no event is known after this time");
        return;
    }
    char text[120];
    text_clean_to(text, sizeof text, found->text, strlen(found->text));
    go_to(ui, found->at_ms + SETTLE_MS);
    if (past_is_wanted(ui))
        ui_say(ui, "%s%s%s", mark_kind_name(found->kind), text[0] ? ": " : "", text);
}

void past_previous_mark(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    to_mark(ui, -1);
}

void past_next_mark(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    if (past_is_wanted(ui))
        to_mark(ui, 1);
    else
        ui_warn(ui, "this is now; { goes back");
}

void past_at(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    int64_t at;
    (void)state, (void)f;
    if (text_eq(arg, "now"))
        past_leave(ui);
    else if (past_parse(arg, clock_story_ms(), deployed_ms(ui), zone_of(ui), &at))
        go_to(ui, at);
    else
        ui_warn(ui, "\"%.40s\" is no time: 14:02, -10m, T+5:30, deploy or now", arg);
}

void past_now(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    (void)state, (void)f, (void)arg;
    if (past_is_wanted(ui))
        past_leave(ui);
    else
        ui_say(ui, "this is now");
}
