/*
 * `watch` is the bake without a console: it follows the windows that are open, or begins one by hand when
 * none is, says what changes, and ends with the verdict as its exit code.  ROLL BACK ends it at once: a pipeline
 * that waits on would only be late.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/headless.h"
#include "core/cli/pipeline.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/model/ident.h"
#include "core/model/verdict.h"
#include "core/report/deploy.h"
#include "core/report/ndjson.h"
#include "core/report/status.h"
#include "core/report/verdict.h"

enum { HEARTBEAT_MS = 60000, GIVE_UP_MS = 15000, LEAST_WINDOW_MS = 60000, OUTPUT_CAP = 256 * 1024 * 1024 };

struct run {
    const struct options *o;
    struct ndjson *ndjson;
    bool fails_on_watch, is_windowed; /* windowed: it has seen a window that was open */
    enum verdict_word word;
    char rule[512];
    int64_t started_ms, beat_ms;
    struct snap *last; /* what was looked at: a run that is interrupted has a report too */
};

/* ---- what is asked for ---- */

static bool is_named(void *ctx, const struct workload *w)
{
    const struct options *o = ctx;
    return !o->n_args || status_matches(&(struct status_filter){ o->args, (size_t)o->n_args }, w);
}

static bool is_meant(const struct run *r, const struct snap *s, const struct bake *b)
{
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    if (!r->o->n_args)
        return true;
    for (size_t i = 0; ws && i < ws->n; i++) {
        if (text_eq(ws->items[i]->id, b->subject))
            return is_named((void *)(uintptr_t)r->o, ws->items[i]);
    }
    return false;
}

struct sum { /* of the workloads that are meant */
    enum verdict_word now, ended;  /* the worst: at present, and of the windows that ended while we looked */
    const struct bake *worst;
    size_t n_open, n_ended;
    int64_t end_ms; /* of the last window that is open */
};

static struct sum sum_of(const struct run *r, const struct snap *s, const struct verdict *v)
{
    struct sum sum = { .end_ms = TIME_NONE };
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        bool is_past = b->window_end_ms < r->started_ms && !(r->o->since && b->is_by_hand); /* that one is asked for */
        if (!is_meant(r, s, b) || is_past)
            continue;
        if (!sum.worst || b->word > sum.now) {
            sum.now = b->word;
            sum.worst = b;
        }
        if (b->phase == BAKE_IMMEDIATE) {
            sum.n_open++;
            sum.end_ms = b->window_end_ms > sum.end_ms ? b->window_end_ms : sum.end_ms;
        } else {
            sum.n_ended++;
            sum.ended = b->window_word > sum.ended ? b->window_word : sum.ended;
        }
    }
    return sum;
}

/* ---- what is said ---- */

static void say_line(const struct run *r, const char *what, const struct sum *sum, const char *rule)
{
    char when[CLOCK_TEXT], left[CLOCK_TEXT] = "";
    int64_t now = clock_story_ms();
    if (sum->end_ms != TIME_NONE)
        clock_format_age(sum->end_ms - now, left);
    struct buf clean = BUF_INIT(4096);
    text_clean(&clean, rule, strnlen(rule, 1024));
    if (r->ndjson) {
        struct buf out = BUF_INIT(8192);
        buf_addf(&out, "{\"type\":\"%s\",\"time\":\"%s\",\"verdict\":\"%s\",\"open\":%zu,\"rule\":", what,
                 clock_format_rfc3339(now, when), verdict_name(sum->now), sum->n_open);
        json_quote(&out, rule);
        printf("%s}\n", buf_str(&out));
        buf_release(&out);
    } else {
        printf("%s %s%s%s%s%s%s\n", clock_format_rfc3339(now, when), verdict_name(sum->now),
               sum->now == VERDICT_PASS && sum->n_open ? " so far" : "", clean.len ? ": " : "", buf_str(&clean),
               left[0] ? ", left: " : "", left);
    }
    buf_release(&clean);
}

static void say_changes(struct run *r, const struct snap *s)
{
    if (!r->ndjson)
        return;
    struct buf out = BUF_INIT(OUTPUT_CAP);
    ndjson_add(r->ndjson, s, clock_story_ms(), &out);
    fwrite(buf_str(&out), 1, out.len, stdout);
    buf_release(&out);
}

static bool write_report(const char *path, const struct snap *s)
{
    struct buf out = BUF_INIT(OUTPUT_CAP);
    enum report_format format = text_ends(path, ".html") ? REPORT_HTML : text_ends(path, ".json") ? REPORT_JSON : REPORT_MARKDOWN;
    report_deploy(&out, s, clock_story_ms(), format);
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(buf_str(&out), 1, out.len, f) == out.len;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        cli_complain("--report %s: %s", path, strerror(errno));
    buf_release(&out);
    return ok;
}

/* ---- how it ends ---- */

static int exit_of(const struct run *r, enum verdict_word w)
{
    switch (w) {
    case VERDICT_PASS:
        return EXIT_PASS;
    case VERDICT_WATCH:
        return r->fails_on_watch ? EXIT_FAIL : EXIT_PASS;
    case VERDICT_ROLLBACK:
        return EXIT_FAIL;
    default:
        return EXIT_NO_DATA;
    }
}

static int finish(struct run *r, const struct snap *s, const struct sum *sum, enum verdict_word word)
{
    struct sum end = *sum;
    int rc = exit_of(r, word);
    end.now = word;
    say_line(r, "end", &end, r->rule);
    if (r->o->report && !write_report(r->o->report, s) && !rc)
        rc = EXIT_FAIL;
    struct buf summary = BUF_INIT(1024 * 1024);
    report_deploy(&summary, s, clock_story_ms(), REPORT_MARKDOWN);
    pipeline_end(verdict_name(word), r->rule, rc != EXIT_PASS, buf_str(&summary));
    buf_release(&summary);
    return rc;
}

/* The first name that is nobody's; NULL: each is somebody's. */
static const char *unknown_name(const struct run *r, const struct workloads *ws)
{
    for (int k = 0; k < r->o->n_args; k++) {
        struct status_filter f = { r->o->args + k, 1 };
        size_t i = 0;
        while (i < ws->n && !status_matches(&f, ws->items[i]))
            i++;
        if (i == ws->n)
            return r->o->args[k];
    }
    return NULL;
}

/* No window can ever be judged: say why.  -1 = go on. */
static int hopeless(const struct run *r, const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    const struct source_health *api = src && src->n ? &src->rows[0] : NULL;
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    if (r->is_windowed || !api)
        return -1; /* a link that is lost later comes back */
    if (api->state == SOURCE_UNSET) {
        cli_complain("%s", api->text);
        return EXIT_USAGE;
    }
    if (api->state == SOURCE_FAILED && clock_story_ms() - api->since_ms > GIVE_UP_MS) {
        cli_complain("%s", api->text);
        return EXIT_CONNECT;
    }
    if (ws && ws->is_synced && ws->n_absent) {
        cli_complain("%s", ws->notices[0]);
        return EXIT_USAGE;
    }
    if (ws && ws->is_synced && !ws->n) {
        cli_complain("%s", ws->n_notices ? ws->notices[0] : "no workloads here");
        return ws->n_notices ? EXIT_CONNECT : EXIT_USAGE;
    }
    const char *name = ws && ws->is_synced ? unknown_name(r, ws) : NULL;
    if (name) {
        cli_complain("no workload \"%s\" here: `bakewatch status -o name` has their names", name);
        return EXIT_USAGE;
    }
    return -1;
}

static int look(void *ctx, const struct snap *s)
{
    struct run *r = ctx;
    const struct verdict *v = (const struct verdict *)s->sections[SECTION_VERDICT];
    int64_t now = clock_story_ms();
    int rc = hopeless(r, s);
    snap_unref(r->last);
    r->last = snap_ref((struct snap *)(uintptr_t)s);
    if (r->started_ms == TIME_NONE && v)
        r->started_ms = now;
    say_changes(r, s);
    if (rc < 0 && v) {
        struct sum sum = sum_of(r, s, v);
        bool is_news = sum.now != r->word;
        r->is_windowed |= sum.n_open > 0 || (r->o->since && sum.n_ended);
        if (sum.worst)
            snprintf(r->rule, sizeof r->rule, "%.200s: %.300s", sum.worst->name, sum.worst->rule);
        if (r->is_windowed && sum.now == VERDICT_ROLLBACK)
            rc = finish(r, s, &sum, VERDICT_ROLLBACK);
        else if (r->is_windowed && !sum.n_open && sum.n_ended) /* a new deploy replaces a window: for a moment there is none */
            rc = finish(r, s, &sum, sum.ended);
        else if (r->is_windowed && (is_news || now - r->beat_ms >= HEARTBEAT_MS)) {
            say_line(r, is_news ? "word" : "heartbeat", &sum, r->rule);
            pipeline_alive(verdict_name(sum.now));
            r->beat_ms = now;
            r->word = sum.now;
        }
    }
    pipeline_beat();
    if (fflush(stdout) || ferror(stdout))
        return EXIT_FAIL;
    return rc;
}

int cmd_watch(const struct options *o, const struct cli_env *env)
{
    (void)env;
    struct run r = { .o = o, .started_ms = TIME_NONE, .fails_on_watch = text_eq(o->fail_on, "watch") };
    struct gather_spec spec = { 0 };
    if (o->fail_on && !text_eq(o->fail_on, "watch") && !text_eq(o->fail_on, "fail")) {
        cli_complain("watch: --fail-on is watch or fail");
        return EXIT_USAGE;
    }
    if (o->is_output_set && o->output != OUTPUT_TABLE && o->output != OUTPUT_NDJSON) {
        cli_complain("watch: -o is table or ndjson");
        return EXIT_USAGE;
    }
    int64_t ago = 0;
    if (o->report && !text_ends(o->report, ".md") && !text_ends(o->report, ".html") && !text_ends(o->report, ".json")) {
        cli_complain("watch: --report: \"%s\" ends with none of .md, .html and .json", o->report);
        return EXIT_USAGE;
    }
    if (o->window_ms && o->window_ms < LEAST_WINDOW_MS) {
        cli_complain("watch: --window is a minute at least; 30 are \"30m\"");
        return EXIT_USAGE;
    }
    if (o->since && !text_to_span_ms(o->since, &ago)) {
        cli_complain("watch: --since: \"%s\" is not a time like 10m", o->since);
        return EXIT_USAGE;
    }
    int rc = setup_gather(o, NEED_CLUSTER, &spec);
    if (rc)
        return rc;
    spec.window_ms = o->window_ms;
    spec.begins_by_hand = true;
    spec.begun_ago_ms = ago;
    spec.must_begin = o->since != NULL;
    spec.is_meant = is_named;
    spec.meant_ctx = (void *)(uintptr_t)o;
    r.ndjson = o->output == OUTPUT_NDJSON ? ndjson_new() : NULL;
    rc = headless_run(&spec, o->timeout_ms, look, &r);
    if ((rc == EXIT_INTERRUPT || rc == EXIT_TIMEOUT) && o->report && r.last)
        write_report(o->report, r.last);
    snap_unref(r.last);
    ndjson_free(r.ndjson);
    return rc;
}
