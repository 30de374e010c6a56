/*
 * `errors` reads back to --since and ends; `errors -f` goes on for ever.  ndjson, and everything with -f,
 * is printed as it comes, a line an event; a table or one JSON document is printed when all is there,
 * newest first.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cmd_errors.h"
#include "core/cli/say.h"
#include "core/report/errors.h"
#include "core/sources/errdb.h"

enum { OUTPUT_CAP = 64 * 1024 * 1024, SINCE_MS = 24 * 3600000 };

struct list {
    const struct options *o;
    struct wait wait;
    struct errdb *db;
    struct buf out;
    int64_t since_ms; /* TIME_NONE = the table's beginning */
    enum severity worst_but; /* this one and worse */
    bool has_severity, is_stream, was_synced;
    uint64_t n_printed;
    enum source_state said;
};

static bool is_wanted(const struct list *l, const struct error_row *row, int64_t zone_ms)
{
    int64_t at = error_row_at_ms(row, zone_ms);
    if (l->o->service && !text_eq_fold(l->o->service, row->service))
        return false;
    if (l->has_severity && row->severity > l->worst_but)
        return false;
    if (l->was_synced)
        return true; /* it came, or changed, a moment ago */
    return !l->o->is_new && (l->since_ms == TIME_NONE || at == TIME_NONE || at >= l->since_ms);
}

static void put_out(struct list *l)
{
    fwrite(buf_str(&l->out), 1, l->out.len, stdout);
    buf_clear(&l->out);
    if (l->o->follow)
        fflush(stdout);
    if (ferror(stdout))
        l->wait.rc = EXIT_FAIL;
}

static void print_row(struct list *l, const char *event, const struct error_row *row, int64_t zone_ms)
{
    if (l->o->output == OUTPUT_NDJSON) {
        errors_json_row(&l->out, event, row, zone_ms);
        buf_addc(&l->out, '\n');
    } else {
        if (!l->n_printed && !l->o->no_headers)
            errors_table_head(&l->out, *event != '\0', l->o->output == OUTPUT_WIDE);
        errors_table_row(&l->out, event, row, zone_ms, l->o->output == OUTPUT_WIDE);
    }
    l->n_printed++;
    put_out(l);
}

static void on_event(void *ctx, enum feed_event ev, const struct error_row *row,
                     const struct error_row *before)
{
    static const char *const names[] = { [FEED_NEW] = "new", [FEED_UPDATE] = "update",
                                         [FEED_DELETE] = "delete" };
    struct list *l = ctx;
    (void)before;
    if (ev == FEED_DROP || !l->is_stream || l->wait.rc >= 0)
        return;
    int64_t zone_ms = errdb_state(l->db).zone_ms;
    if (is_wanted(l, row, zone_ms))
        print_row(l, names[ev], row, zone_ms);
}

/* ---- all at once ---- */

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, ",\"%s\":", name);
    json_quote(out, value);
}

static void print_all(struct list *l)
{
    const struct errfeed *f = errdb_feed(l->db);
    struct errdb_state s = errdb_state(l->db);
    bool is_json = l->o->output == OUTPUT_JSON;
    char when[CLOCK_TEXT];
    size_t n = 0;
    if (is_json) {
        buf_adds(&l->out, "{\"schema\":\"bakewatch/errors/v1\"");
        add_member(&l->out, "time", clock_format_rfc3339(clock_story_ms(), when));
        add_member(&l->out, "source", s.source);
        add_member(&l->out, "zone", s.zone_text);
        buf_adds(&l->out, ",\"errors\":[");
    }
    for (size_t i = errfeed_count(f); i-- > 0;) {
        const struct error_row *row = errfeed_at(f, i);
        if (!is_wanted(l, row, s.zone_ms))
            continue;
        if (is_json) {
            buf_adds(&l->out, n ? ",\n" : "\n");
            errors_json_row(&l->out, "new", row, s.zone_ms);
            put_out(l);
        } else {
            print_row(l, "", row, s.zone_ms);
        }
        n++;
    }
    if (is_json)
        buf_adds(&l->out, "]}\n");
    else if (!n && !l->o->no_headers)
        errors_table_head(&l->out, false, l->o->output == OUTPUT_WIDE);
    put_out(l);
    if (errfeed_totals(f).n > (int64_t)errfeed_count(f))
        cli_complain("the newest %d of %lld rows; -o ndjson prints all", ERRORS_KEPT,
                (long long)errfeed_totals(f).n);
}

/* ---- how it goes ---- */

static bool is_hopeless(enum source_state s)
{
    return s == SOURCE_FAILED || s == SOURCE_FORBIDDEN || s == SOURCE_ABSENT;
}

static void on_state(void *ctx)
{
    struct list *l = ctx;
    struct errdb_state s = errdb_state(l->db);
    bool is_bad = is_hopeless(s.health.state) || s.health.state == SOURCE_STALE;
    bool is_back = s.health.state == SOURCE_LIVE && l->o->follow && l->said != SOURCE_WAITING;
    if (l->wait.rc >= 0)
        return;
    if (s.health.state != l->said && (is_bad || is_back)) {
        char text[300];
        snprintf(text, sizeof text, "%s: %s%s%s", s.source, source_state_name(s.health.state),
                 *s.health.text ? ": " : "", s.health.text);
        cli_complain("%s", text);
        l->said = s.health.state;
    }
    if (is_hopeless(s.health.state) && !l->o->follow)
        l->wait.rc = EXIT_CONNECT;
    if (!s.is_synced)
        return;
    if (!l->o->follow) {
        if (!l->is_stream)
            print_all(l);
        if (l->wait.rc < 0)
            l->wait.rc = fflush(stdout) ? EXIT_FAIL : EXIT_PASS;
    }
    if (!l->was_synced && l->o->follow) {
        char text[300];
        snprintf(text, sizeof text, "following %s, times %s", s.source, s.zone_text);
        cli_complain("%s", text);
    }
    l->was_synced = true;
}

static int check(struct list *l)
{
    const struct options *o = l->o;
    int64_t span = SINCE_MS;
    if (o->output == OUTPUT_YAML || o->output == OUTPUT_NAME || (o->follow && o->output == OUTPUT_JSON)) {
        cli_complain("errors: -o is table, wide, json or ndjson (with -f not json)");
        return EXIT_USAGE;
    }
    if (o->severity && !severity_parse(o->severity, &l->worst_but)) {
        cli_complain("errors: --severity is critical, high, medium or low");
        return EXIT_USAGE;
    }
    if (o->since && !text_eq(o->since, "all") && !text_to_span_ms(o->since, &span)) {
        cli_complain("errors: --since is a time like 30m or 24h, or all");
        return EXIT_USAGE;
    }
    if (o->is_new && !o->follow) {
        cli_complain("errors: --new goes with -f");
        return EXIT_USAGE;
    }
    l->has_severity = o->severity != NULL;
    l->since_ms = text_eq(o->since, "all") ? TIME_NONE : clock_story_ms() - span;
    return EXIT_PASS;
}

int cmd_errors_list(const struct options *o, const struct errors_place *p)
{
    struct list l = { .o = o, .out = BUF_INIT(OUTPUT_CAP), .said = SOURCE_WAITING };
    struct err e = { 0 };
    int rc = check(&l);
    if (rc)
        return rc;
    if (!wait_open(&l.wait, o))
        return EXIT_FAIL;
    l.is_stream = o->follow || o->output == OUTPUT_NDJSON;
    struct errdb_spec spec = {
        .place = p->db, .timezone = p->timezone, .rules = p->rules, .is_once = !o->follow,
        .back_ms = o->is_new ? 0 : l.since_ms == TIME_NONE ? -1 : clock_story_ms() - l.since_ms,
        .feed = { .on_event = on_event, .ctx = &l }, .on_state = on_state,
    };
    if (errdb_open(l.wait.loop, l.wait.worker, &spec, &l.db, &e)) {
        cli_complain("%s", e.text);
        rc = EXIT_USAGE;
    } else {
        rc = wait_run(&l.wait);
        errdb_close(l.db);
    }
    wait_close(&l.wait);
    buf_release(&l.out);
    return rc;
}
