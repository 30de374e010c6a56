#include "core/report/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/json.h"
#include "core/base/text.h"

enum { COLUMNS = 11, CELL = 512 };

static bool is_kind(const struct workload *w, const char *s, size_t n)
{
    const char *names[] = { workload_kind_name(w->kind), workload_kind_short(w->kind),
                            workload_kind_resource(w->kind) };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strlen(names[i]) == n && strncasecmp(names[i], s, n) == 0)
            return true;
        size_t plain = strcspn(names[i], ".");
        if (n == plain + 1 && s[n - 1] == 's' && strncasecmp(names[i], s, plain) == 0)
            return true;
        if (n == plain && strncasecmp(names[i], s, n) == 0)
            return true;
    }
    return false;
}

static bool matches_one(const char *s, const struct workload *w)
{
    const char *slash = strrchr(s, '/');
    if (!text_eq(slash ? slash + 1 : s, w->name))
        return false;
    if (!slash)
        return true;
    const char *first = memchr(s, '/', (size_t)(slash - s));
    size_t n = (size_t)((first ? first : slash) - s);
    if (first)
        return strlen(w->ns) == n && strncmp(s, w->ns, n) == 0 &&
               is_kind(w, first + 1, (size_t)(slash - first - 1));
    return (strlen(w->ns) == n && strncmp(s, w->ns, n) == 0) || is_kind(w, s, n);
}

bool status_matches(const struct status_filter *f, const struct workload *w)
{
    for (size_t i = 0; i < f->n; i++) {
        if (matches_one(f->names[i], w))
            return true;
    }
    return f->n == 0;
}

static void row(const struct workload *w, int64_t now_ms, char cells[COLUMNS][CELL])
{
    char age[CLOCK_TEXT], revision[24] = "-";
    if (w->revision)
        snprintf(revision, sizeof revision, "%" PRId64, w->revision);
    const char *texts[COLUMNS] = { w->ns, workload_kind_name(w->kind), w->name, NULL, revision,
                                   w->image_tag, rollout_state_name(w->rollout.state), NULL, NULL,
                                   w->pods_unknown ? "pods are not visible" : w->problem,
                                   w->rollout.message };
    for (int i = 0; i < COLUMNS; i++) {
        if (texts[i])
            text_clean_to(cells[i], CELL, texts[i], strlen(texts[i]));
    }
    snprintf(cells[3], CELL, "%" PRId64 "/%" PRId64, w->ready, w->desired);
    snprintf(cells[7], CELL, "%s",
             clock_format_age(w->deployed_ms == TIME_NONE ? TIME_NONE : now_ms - w->deployed_ms, age));
    if (w->pods_unknown)
        snprintf(cells[8], CELL, "?");
    else
        snprintf(cells[8], CELL, "%" PRId64, w->restarts);
}

void status_table(struct buf *out, const struct workloads *ws, const struct status_filter *f,
                  bool is_wide, bool headers, int64_t now_ms)
{
    static const char *const titles[COLUMNS] = { "NAMESPACE", "KIND", "NAME", "READY", "REV", "IMAGE",
                                                 "ROLLOUT", "DEPLOYED", "RESTARTS", "PROBLEM", "MESSAGE" };
    int widths[COLUMNS] = { 0 }, n_columns = is_wide ? COLUMNS : COLUMNS - 1;
    char cells[COLUMNS][CELL];
    headers &= ws->n > 0;
    for (int pass = 0; pass < 2; pass++) { /* measure, then print */
        for (size_t i = 0; i <= ws->n; i++) {
            const struct workload *w = i ? ws->items[i - 1] : NULL;
            if ((!w && !headers) || (w && !status_matches(f, w)))
                continue;
            if (w)
                row(w, now_ms, cells);
            for (int c = 0; c < n_columns; c++) {
                const char *s = w ? cells[c] : titles[c];
                int width = text_width(s);
                if (pass == 0 && width > widths[c])
                    widths[c] = width;
                if (pass == 1) {
                    buf_adds(out, s);
                    for (int k = width; c + 1 < n_columns && k < widths[c] + 2; k++)
                        buf_addc(out, ' ');
                }
            }
            if (pass == 1) {
                while (out->len && out->data[out->len - 1] == ' ')
                    out->len--;
                buf_addc(out, '\n');
            }
        }
    }
}

void status_names(struct buf *out, const struct workloads *ws, const struct status_filter *f)
{
    for (size_t i = 0; i < ws->n; i++) {
        if (!status_matches(f, ws->items[i]))
            continue;
        buf_addf(out, "%s/", workload_kind_resource(ws->items[i]->kind));
        text_clean(out, ws->items[i]->name, strlen(ws->items[i]->name));
        buf_addc(out, '\n');
    }
}

static void member(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, ",\"%s\":", key);
    json_quote(out, value);
}

static void member_time(struct buf *out, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT];
    if (ms == TIME_NONE)
        buf_addf(out, ",\"%s\":null", key);
    else
        buf_addf(out, ",\"%s\":\"%s\"", key, clock_format_rfc3339(ms, text));
}

void status_json_workload(struct buf *out, const struct workload *w)
{
    buf_adds(out, "{\"kind\":");
    json_quote(out, workload_kind_name(w->kind));
    member(out, "namespace", w->ns);
    member(out, "name", w->name);
    buf_addf(out, ",\"ready\":%" PRId64 ",\"desired\":%" PRId64 ",\"updated\":%" PRId64
                  ",\"revision\":%" PRId64, w->ready, w->desired, w->updated, w->revision);
    if (w->available < 0)
        buf_adds(out, ",\"available\":null");
    else
        buf_addf(out, ",\"available\":%" PRId64, w->available);
    member(out, "image", w->image);
    buf_adds(out, ",\"rollout\":{\"state\":");
    json_quote(out, rollout_state_name(w->rollout.state));
    member(out, "message", w->rollout.message);
    buf_addc(out, '}');
    member(out, "health", health_name(w->health));
    member(out, "problem", w->problem);
    member_time(out, "deployed", w->deployed_ms);
    buf_addf(out, ",\"podsVisible\":%s", w->pods_unknown ? "false" : "true");
    if (w->pods_unknown)
        buf_adds(out, ",\"restarts\":null,\"pods\":null}");
    else
        buf_addf(out, ",\"restarts\":%" PRId64 ",\"pods\":%zu}", w->restarts, w->n_pods);
}

void status_json(struct buf *out, const struct workloads *ws, const struct status_filter *f,
                 const char *context, const struct status_age *age, int64_t now_ms)
{
    buf_adds(out, "{\"schema\":\"bakewatch/status/v1\"");
    member_time(out, "time", now_ms);
    member(out, "context", context);
    member_time(out, "staleSince", age->stale_ms);
    member(out, "staleReason", age->text);
    buf_adds(out, ",\"notices\":[");
    for (size_t i = 0; i < ws->n_notices; i++) {
        buf_adds(out, i ? "," : "");
        json_quote(out, ws->notices[i]);
    }
    buf_adds(out, "],\"workloads\":[");
    bool is_first = true;
    for (size_t i = 0; i < ws->n; i++) {
        if (!status_matches(f, ws->items[i]))
            continue;
        buf_adds(out, is_first ? "\n" : ",\n");
        status_json_workload(out, ws->items[i]);
        is_first = false;
    }
    buf_adds(out, "]}\n");
}
