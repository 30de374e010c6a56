/*
 * `replay` judges a recorded window again: the same samples give the same verdict.  `report` writes the deployment
 * report of it.  Both read a history file; without one the newest of the state folder.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/judge/judge.h"
#include "core/report/deploy.h"
#include "core/report/verdict.h"
#include "core/store/recording.h"

enum { OUTPUT_CAP = 256 * 1024 * 1024 };

struct replay {
    struct recording *recording;
    struct series_set *series;
    struct judge *judge;
    int64_t n, last_ms;
};

static char *newest_file(const struct options *o)
{
    struct statedir dir = { 0 };
    char *found = NULL;
    int64_t found_ms = INT64_MIN;
    if (setup_state(o, &dir))
        return NULL;
    char *folder = x_asprintf("%s/history", dir.path);
    DIR *d = opendir(folder);
    for (struct dirent *en; d && (en = readdir(d));) {
        struct stat st;
        char *path = x_asprintf("%s/%s", folder, en->d_name);
        bool is_one = text_ends(en->d_name, ".db") && !stat(path, &st);
        int64_t ms = is_one ? (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 : INT64_MIN;
        if (is_one && ms > found_ms) {
            free(found);
            found = path;
            found_ms = ms;
        } else {
            free(path);
        }
    }
    if (d)
        closedir(d);
    if (!found)
        cli_complain("nothing is recorded in %s yet; give a history file", folder);
    free(folder);
    return found;
}

static bool on_sample(void *ctx, const struct sample *s)
{
    struct replay *r = ctx;
    judge_put(r->judge, s);
    r->n++;
    r->last_ms = s->at_ms;
    return true;
}

/* Folds the whole file.  An exit code. */
static int open_replay(const struct options *o, struct replay *r)
{
    struct err e = { 0 };
    struct recording_range range = { .to_ms = TIME_NONE };
    char *path = o->n_args ? x_strdup(o->args[0]) : newest_file(o);
    if (!path)
        return EXIT_USAGE;
    *r = (struct replay){ .series = series_set_new(), .judge = judge_new(), .last_ms = TIME_NONE };
    enum err_code err = recording_open(path, &r->recording, &e);
    if (!err)
        err = recording_range(r->recording, &range, &e);
    if (!err)
        err = recording_each(r->recording, INT64_MIN / 2, INT64_MAX / 2, r->series, on_sample, r, &e);
    if (err)
        cli_complain("%s", e.text);
    else if (!r->n)
        cli_complain("%s: no samples in it", path);
    else
        judge_run(r->judge, (range.to_ms > r->last_ms ? range.to_ms : r->last_ms) + 1); /* what was judged after the last sample, too */
    free(path);
    return err == ERR_NOTFOUND || err == ERR_PARSE ? EXIT_USAGE : err ? EXIT_FAIL : r->n ? EXIT_PASS : EXIT_NO_DATA;
}

static void close_replay(struct replay *r)
{
    recording_close(r->recording);
    judge_free(r->judge);
    series_set_free(r->series);
}

static struct snap *snap_of(const struct replay *r)
{
    struct snap *s = snap_new(NULL);
    snap_set(s, SECTION_VERDICT, judge_verdict(r->judge));
    snap_set(s, SECTION_TRACKS, judge_tracks(r->judge));
    return s;
}

static int exit_of(enum verdict_word w)
{
    return w == VERDICT_ROLLBACK ? EXIT_FAIL : w == VERDICT_PASS || w == VERDICT_WATCH ? EXIT_PASS : EXIT_NO_DATA;
}

static void cell(struct buf *out, const char *s)
{
    text_clean(out, s, strnlen(s, 1024));
}

static void print_table(const struct verdict *v, struct buf *out)
{
    char when[CLOCK_TEXT];
    for (size_t i = 0; i < v->n_marks; i++) {
        const struct mark *m = &v->marks[i];
        buf_addf(out, "%s  %-10s ", clock_format_rfc3339(m->at_ms, when), mark_kind_name(m->kind));
        if (m->kind == MARK_VERDICT)
            buf_addf(out, "%s: ", verdict_name(m->word));
        cell(out, strchr(m->subject, '/') ? strchr(m->subject, '/') + 1 : m->subject);
        buf_adds(out, m->subject[0] ? ": " : "");
        cell(out, m->text);
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < v->n_bakes; i++) {
        const struct bake *b = &v->bakes[i];
        buf_addf(out, "%s%-9s ", i ? "" : "\n", verdict_name(b->word));
        cell(out, b->name);
        buf_addc(out, ' ');
        cell(out, b->what);
        buf_addf(out, "  %s%s  ", b->window_word == VERDICT_NONE ? "" : "window ended ",
                 b->window_word == VERDICT_NONE ? "window open" : verdict_name(b->window_word));
        cell(out, b->rule);
        buf_addc(out, '\n');
    }
}

int cmd_replay(const struct options *o, const struct cli_env *env)
{
    struct replay r;
    (void)env;
    if (o->n_args > 1 || (o->is_output_set && o->output != OUTPUT_TABLE && o->output != OUTPUT_JSON)) {
        cli_complain("replay [FILE]; -o is table or json");
        return EXIT_USAGE;
    }
    int rc = open_replay(o, &r);
    if (!rc) {
        struct buf out = BUF_INIT(OUTPUT_CAP);
        struct verdict *v = judge_verdict(r.judge);
        if (o->output == OUTPUT_JSON)
            verdict_json(&out, v);
        else
            print_table(v, &out);
        puts(buf_str(&out));
        rc = exit_of(v->word);
        section_unref(&v->section);
        buf_release(&out);
    }
    close_replay(&r);
    return rc;
}

int cmd_report(const struct options *o, const struct cli_env *env)
{
    static const char *const names[] = { [REPORT_MARKDOWN] = "markdown", [REPORT_JSON] = "json", [REPORT_HTML] = "html" };
    struct replay r;
    int format = REPORT_MARKDOWN;
    (void)env;
    while (o->format && format < (int)ARRAY_LEN(names) && !text_eq(o->format, names[format]))
        format++;
    if (o->n_args > 1 || format == (int)ARRAY_LEN(names)) {
        cli_complain("report [FILE]; --format is markdown, json or html");
        return EXIT_USAGE;
    }
    int rc = open_replay(o, &r);
    if (!rc) {
        struct buf out = BUF_INIT(OUTPUT_CAP);
        struct snap *s = snap_of(&r);
        report_deploy(&out, s, r.last_ms, (enum report_format)format);
        fwrite(buf_str(&out), 1, out.len, stdout);
        snap_unref(s);
        buf_release(&out);
    }
    close_replay(&r);
    return rc;
}
