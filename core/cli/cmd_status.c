/*
 * `status` is the console's gather thread without a console: it waits until every list that we may
 * read has been read once, prints, and ends; with -w it prints again when what it would print has
 * changed.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/headless.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/gather/gather.h"
#include "core/report/status.h"

enum { OUTPUT_CAP = 256 * 1024 * 1024, GIVE_UP_MS = 15000 /* one list fails and fails */ };

static bool is_bad(const struct source_health *h)
{
    return h->state == SOURCE_STALE || h->state == SOURCE_FAILED;
}

/* The link, or the first source that is not current. */
static struct status_age age_of(const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    struct status_age age = { TIME_NONE, "" };
    for (size_t i = 0; src && i < src->n && !age.text[0]; i++) {
        if (is_bad(&src->rows[i]))
            age = (struct status_age){ src->rows[i].since_ms, src->rows[i].text };
    }
    return age;
}

static void render(const struct options *o, const struct snap *s, struct buf *out, int64_t now_ms)
{
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    const struct ident *id = (const struct ident *)s->sections[SECTION_IDENT];
    struct status_filter f = { o->args, (size_t)o->n_args };
    struct status_age age = age_of(s);
    if (o->output == OUTPUT_JSON)
        status_json(out, ws, &f, id ? id->context : "", &age, now_ms);
    else if (o->output == OUTPUT_NAME)
        status_names(out, ws, &f);
    else
        status_table(out, ws, &f, o->output == OUTPUT_WIDE, !o->no_headers, now_ms);
}

/* Nothing can come any more: no kubeconfig, no server, no credentials, no rights.  -1 = go on. */
static int hopeless(const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    const struct source_health *last = NULL;
    size_t n_watches = 0, n_dead = 0;
    for (size_t i = 0; src && i < src->n; i++) {
        const struct source_health *h = &src->rows[i];
        if (h->state == SOURCE_UNSET) {
            cli_complain("%s", h->text);
            return EXIT_USAGE;
        }
        if (i == 0 && h->state == SOURCE_FAILED) {
            cli_complain("%s", h->text);
            return EXIT_CONNECT;
        }
        if (i == 0)
            continue;
        n_watches++;
        if (h->state == SOURCE_FORBIDDEN || h->state == SOURCE_FAILED) {
            n_dead++;
            last = h;
        }
        if (h->state == SOURCE_FAILED && clock_story_ms() - h->since_ms > GIVE_UP_MS) {
            cli_complain("%s: %s", h->name, h->text);
            return EXIT_CONNECT;
        }
    }
    if (n_watches && n_dead == n_watches) {
        cli_complain("%s", last->text);
        return EXIT_CONNECT;
    }
    return -1;
}

static bool is_synced(const struct snap *s)
{
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    return ws && ws->is_synced;
}

static bool is_all_forbidden(const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    bool any = false;
    for (size_t i = 1; src && i < src->n; i++)
        any |= src->rows[i].state != SOURCE_FORBIDDEN;
    return !any;
}

static int not_found(const struct options *o, const struct snap *s)
{
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    for (int i = 0; i < o->n_args; i++) {
        struct status_filter f = { &o->args[i], 1 };
        bool any = false;
        for (size_t j = 0; j < ws->n && !any; j++)
            any = status_matches(&f, ws->items[j]);
        if (!any) {
            bool is_hidden = ws->n_notices > ws->n_absent; /* it may be among what we may not see */
            cli_complain("no workload \"%s\" here%s", o->args[i], is_hidden ? " that we may see" : "");
            return is_hidden ? EXIT_CONNECT : EXIT_USAGE;
        }
    }
    return ws->n_absent ? EXIT_USAGE : EXIT_PASS;
}

static void notice(const struct snap *s)
{
    const struct workloads *ws = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    for (size_t i = 0; i < ws->n_notices; i++)
        cli_complain("%s", ws->notices[i]);
    if (!ws->n && !ws->n_notices)
        cli_complain("no workloads here");
}

struct run {
    const struct options *o;
    struct buf last; /* -w: what stands on the screen */
    bool is_stale, has_said; /* -w: said on stderr; one list fails: said */
    bool has_noticed;
};

/* A table says nothing of its age: -w says on stderr when it is old, and when it is not any more. */
static void say_age(struct run *r, const struct snap *s)
{
    struct status_age age = age_of(s);
    char when[CLOCK_TEXT];
    bool is_stale = age.text[0] != '\0';
    if (is_stale && !r->is_stale)
        cli_complain("what is above is old: not current since %s: %s", clock_format_rfc3339(age.stale_ms, when), age.text);
    else if (!is_stale && r->is_stale)
        cli_complain("current again");
    r->is_stale = is_stale;
}

/* One list fails, and the others wait for it: say which. */
static void say_failed(struct run *r, const struct snap *s)
{
    const struct sources *src = (const struct sources *)s->sections[SECTION_SOURCES];
    for (size_t i = 0; src && i < src->n && !r->has_said; i++) {
        if (src->rows[i].state == SOURCE_FAILED) {
            cli_complain("%s: %s; trying again", src->rows[i].name, src->rows[i].text);
            r->has_said = true;
        }
    }
}

static int look(void *ctx, const struct snap *s)
{
    struct run *r = ctx;
    int rc = -1;
    if (is_synced(s) && !is_all_forbidden(s)) {
        if (!r->has_noticed)
            notice(s);
        r->has_noticed = true;
        struct buf out = BUF_INIT(OUTPUT_CAP);
        /* -w compares without the passing of time, or ages alone would print a table a second */
        render(r->o, s, &out, r->o->watch ? 0 : clock_story_ms());
        if (!r->o->watch) {
            rc = not_found(r->o, s);
            fwrite(buf_str(&out), 1, out.len, stdout);
        } else if (out.len != r->last.len || memcmp(buf_str(&out), buf_str(&r->last), out.len) != 0) {
            struct buf shown = BUF_INIT(OUTPUT_CAP);
            render(r->o, s, &shown, clock_story_ms());
            fwrite(buf_str(&shown), 1, shown.len, stdout);
            buf_release(&shown);
            buf_release(&r->last);
            r->last = out;
            out = BUF_INIT(0);
        }
        if (r->o->watch)
            say_age(r, s);
        if (fflush(stdout) || ferror(stdout))
            rc = EXIT_FAIL;
        buf_release(&out);
    }
    if (rc < 0 && !(r->o->watch && r->last.len))
        rc = hopeless(s);
    if (rc < 0 && !is_synced(s))
        say_failed(r, s);
    return rc;
}

int cmd_status(const struct options *o, const struct cli_env *env)
{
    struct run r = { .o = o, .last = BUF_INIT(OUTPUT_CAP) };
    struct gather_spec spec = { 0 };
    (void)env;
    if (o->output == OUTPUT_YAML || o->output == OUTPUT_NDJSON) {
        cli_complain("status: -o is table, wide, json or name");
        return EXIT_USAGE;
    }
    int rc = setup_gather(o, NEED_CLUSTER, &spec);
    if (rc)
        return rc;
    spec.workloads_only = true;
    rc = headless_run(&spec, o->timeout_ms, look, &r);
    buf_release(&r.last);
    return rc;
}
