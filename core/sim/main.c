/*
 * bakewatch-sim: one thread, one wait.  Virtual time either follows the clock (times the speed) or
 * moves by the control socket alone; requests are answered between two steps of the world, so that
 * every answer belongs to one instant.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/sim/api.h"
#include "core/sim/control.h"
#include "core/sim/options.h"
#include "core/sim/place.h"
#include "core/sim/rows.h"

enum {
    FDS = 512,
    BOOKMARK_MS = 60000,
    LEAST_BOOKMARK_MS = 1000,
    STEPS = 500,
    STEPPED_START_S = 1767607200 /* 2026-01-05T10:00:00Z */
};

struct sim {
    struct sim_options options;
    struct place place;
    struct world world;
    bool has_world;
    struct api api;
    struct server *server;
    struct control *control;
    struct rows *rows;
    FILE *log;
    int signals;
    double speed;
    int64_t base_io_ms, base_ms; /* virtual time was base_ms at base_io_ms */
    int64_t target_ms;           /* stepped: go to here */
    int waiting;                 /* whose `until` it is; -1 = none */
    bool is_link_up, is_over;
    struct {
        int64_t ms; /* stepped mode alone */
        double speed;
        const char *caption;
    } told; /* to those who follow */
    char trouble[224];
};

/* ---- hooks of the world ---- */

static void on_row(void *ctx, const struct error_row *row)
{
    rows_add(((struct sim *)ctx)->rows, row);
}

static void on_tick(void *ctx)
{
    rows_flush(((struct sim *)ctx)->rows);
}

static void set_link(struct sim *s, bool is_up)
{
    struct err e = { 0 };
    s->is_link_up = is_up;
    if (s->server && server_set_up(s->server, is_up, &e))
        snprintf(s->trouble, sizeof s->trouble, "%s", e.text);
}

static void on_link(void *ctx, bool is_up)
{
    struct sim *s = ctx;
    s->is_link_up = is_up;
    s->world.is_halted = true; /* so that it is done before anything else happens */
}

/* ---- time ---- */

static void set_speed(struct sim *s, double speed)
{
    s->base_ms = s->target_ms = s->world.now_ms;
    s->base_io_ms = clock_io_ms();
    s->speed = speed;
}

static int64_t target_of(const struct sim *s)
{
    if (s->speed <= 0)
        return s->target_ms;
    return s->base_ms + (int64_t)((double)(clock_io_ms() - s->base_io_ms) * s->speed);
}

static void story_text(const struct sim *s, int64_t ms, char out[32])
{
    int64_t t = (ms - s->world.start_ms) / 1000, a = t < 0 ? -t : t;
    if (a >= 3600)
        snprintf(out, 32, "T%c%d:%02d:%02d", t < 0 ? '-' : '+', (int)(a / 3600), (int)(a / 60 % 60),
                 (int)(a % 60));
    else
        snprintf(out, 32, "T%c%d:%02d", t < 0 ? '-' : '+', (int)(a / 60), (int)(a % 60));
}

/* ---- control ---- */

static void add_now(const struct sim *s, struct buf *out)
{
    char t[32];
    story_text(s, s->world.now_ms, t);
    buf_addf(out,
             "{\"now_ms\":%" PRId64 ",\"zero_ms\":%" PRId64 ",\"length_ms\":%" PRId64
             ",\"t\":\"%s\",\"speed\":%g"
             ",\"link\":\"%s\",\"resourceVersion\":\"%" PRIu64 "\",\"caption\":",
             s->world.now_ms, s->world.start_ms, s->world.story.length_ms, t, s->speed,
             s->is_link_up ? "up" : "down", s->world.store.rv);
    json_quote(out, s->world.caption);
    if (s->world.caption_ms != TIME_NONE)
        buf_addf(out, ",\"caption_ms\":%" PRId64, s->world.caption_ms);
    const char *trouble = s->trouble[0] ? s->trouble : rows_error(s->rows);
    if (trouble[0]) {
        buf_adds(out, ",\"trouble\":");
        json_quote(out, trouble);
    }
    buf_addc(out, '}');
}

static void refuse(struct buf *out, const char *what)
{
    buf_adds(out, "{\"error\":");
    json_quote(out, what);
    buf_addc(out, '}');
}

static bool until(struct sim *s, int who, int64_t ms, struct buf *out)
{
    if (s->speed > 0)
        refuse(out, "time moves by itself: speed 0 first");
    else if (s->waiting >= 0)
        refuse(out, "somebody else waits already");
    else if (ms < s->world.now_ms)
        refuse(out, "that is over");
    else {
        s->target_ms = ms;
        s->waiting = who;
        return false;
    }
    return true;
}

static bool on_line(void *ctx, int who, const char *line, struct buf *out)
{
    struct sim *s = ctx;
    const char *p = line;
    int64_t ms;
    if (text_skip(&p, "until ")) {
        if (story_time(p, &ms))
            return until(s, who, s->world.start_ms + ms, out);
        refuse(out, "until T+M:SS");
    } else if (text_eq(line, "step")) {
        return until(s, who, world_next_ms(&s->world), out);
    } else if (s->waiting >= 0 && text_starts(line, "speed ")) {
        refuse(out, "somebody waits for a time");
    } else if (text_skip(&p, "speed ")) {
        char *end;
        double v = strtod(p, &end);
        if (end == p || *end || !(v >= 0 && v <= 10000)) {
            refuse(out, "speed 0 to 10000");
            return true;
        }
        set_speed(s, v);
        add_now(s, out);
    } else if (text_eq(line, "link down") || text_eq(line, "link up")) {
        set_link(s, text_eq(line, "link up"));
        add_now(s, out);
    } else if (text_eq(line, "now") || text_eq(line, "caption")) {
        add_now(s, out);
    } else if (text_eq(line, "follow")) {
        control_follow(s->control, who);
        add_now(s, out);
    } else if (text_eq(line, "forget")) {
        api_forget(&s->api);
        add_now(s, out);
    } else if (text_eq(line, "quit")) {
        s->is_over = true;
        add_now(s, out);
    } else {
        refuse(out, "until, step, now, speed, link, caption, forget, follow or quit");
    }
    return true;
}

/* ---- the one wait ---- */

static int64_t advance(struct sim *s)
{
    int64_t target = target_of(s), before = s->world.now_ms;
    bool was_up = s->is_link_up, is_there = world_run(&s->world, target, STEPS);
    if (was_up != s->is_link_up)
        set_link(s, s->is_link_up);
    if (s->world.now_ms != before)
        server_poke(s->server);
    if (is_there && s->waiting >= 0 && rows_is_idle(s->rows)) {
        struct buf out = BUF_INIT(4000);
        int who = s->waiting;
        s->waiting = -1;
        rows_flush(s->rows);
        add_now(s, &out);
        control_answer(s->control, who, buf_str(&out));
        buf_release(&out);
    }
    if (!is_there)
        return 0;
    if (s->speed <= 0)
        return 60000;
    int64_t next = world_next_ms(&s->world);
    return next == INT64_MAX ? 60000 : (int64_t)((double)(next - s->world.now_ms) / s->speed) + 1;
}

static void tell(struct sim *s)
{
    struct buf out = BUF_INIT(4000);
    int64_t ms = s->speed > 0 ? 0 : s->world.now_ms;
    if (ms == s->told.ms && s->speed == s->told.speed && text_eq(s->world.caption, s->told.caption))
        return;
    s->told.ms = ms;
    s->told.speed = s->speed;
    s->told.caption = s->world.caption;
    add_now(s, &out);
    control_tell(s->control, buf_str(&out));
    buf_release(&out);
}

static void look_at_signals(struct sim *s, const struct pollfd *fds)
{
    struct signalfd_siginfo info;
    char dust[256];
    if (fds[0].revents && read(s->signals, &info, sizeof info) == sizeof info)
        s->is_over = true;
    if (fds[1].revents && read(STDIN_FILENO, dust, sizeof dust) <= 0)
        s->is_over = true;
}

static void turn(struct sim *s)
{
    struct pollfd fds[FDS] = { { .fd = s->signals, .events = POLLIN },
                               { .fd = s->options.has_parent ? STDIN_FILENO : -1,
                                 .events = POLLIN } };
    int64_t wait_ms = advance(s);
    tell(s);
    short events;
    fds[2].fd = rows_want(s->rows, &events);
    fds[2].events = events;
    size_t n = 3, n_control = control_want(s->control, fds + n, FDS - n);
    size_t n_server = server_want(s->server, fds + n + n_control, FDS - n - n_control, &wait_ms);
    if (poll(fds, n + n_control + n_server, (int)(wait_ms < 60000 ? wait_ms : 60000)) < 0 &&
        errno != EINTR) {
        s->is_over = true;
        return;
    }
    look_at_signals(s, fds);
    if (fds[2].revents)
        rows_serve(s->rows);
    control_serve(s->control, fds + n, n_control);
    server_serve(s->server, fds + n + n_control, n_server);
}

/* ---- life ---- */

struct story_place {
    const char *dir; /* of the story's file, with the '/' */
    char *kept;
};

static const char *find_platform(void *ctx, const char *name)
{
    struct story_place *at = ctx;
    char *path = x_asprintf("%s%s.yaml", at->dir, name);
    FILE *f = strchr(name, '/') ? NULL : fopen(path, "re");
    free(path);
    if (!f)
        return story_embedded(NULL, name);
    at->kept = x_calloc(1, STORY_BYTES + 1);
    size_t n = fread(at->kept, 1, STORY_BYTES, f);
    at->kept[n] = '\0';
    fclose(f);
    return at->kept;
}

static enum err_code no_scenario(const char *name, struct err *e)
{
    struct buf names = BUF_INIT(200);
    for (size_t i = 0; story_names[i]; i++) {
        if (!text_eq(story_names[i], "platform"))
            buf_addf(&names, "%s%s", names.len ? ", " : "", story_names[i]);
    }
    err_set(e, ERR_USAGE, 0, "no scenario %.40s; there are %s", name, buf_str(&names));
    buf_release(&names);
    return ERR_USAGE;
}

static enum err_code load_story(const struct sim_options *o, struct story *out, struct err *e)
{
    if (!o->story) {
        const char *name = o->scenario ? o->scenario : "bad-release",
                   *text = story_embedded(NULL, name);
        if (!text || text_eq(name, "platform"))
            return no_scenario(name, e);
        return story_parse(name, text, story_embedded, NULL, out, e);
    }
    const char *slash = strrchr(o->story, '/');
    char *dir = slash ? x_strndup(o->story, (size_t)(slash - o->story) + 1) : x_strdup(""),
         *text = x_calloc(1, STORY_BYTES + 1);
    struct story_place at = { dir, NULL };
    enum err_code rc;
    FILE *f = fopen(o->story, "re");
    size_t n = f ? fread(text, 1, STORY_BYTES, f) : 0;
    if (f)
        fclose(f);
    rc = !f ? err_set(e, ERR_IO, errno, "%s: %s", o->story, strerror(errno))
         : n == STORY_BYTES
             ? err_set(e, ERR_LIMIT, 0, "%s: more than %d bytes", o->story, STORY_BYTES)
             : story_parse(o->story, text, find_platform, &at, out, e);
    free(at.kept);
    free(text);
    free(dir);
    return rc;
}

static enum err_code open_rows(struct sim *s, struct err *e)
{
    if (s->options.errors_db)
        return rows_open_pg(s->options.errors_db, &s->rows, e);
    enum err_code rc = rows_open_sqlite(s->place.errors_db, &s->rows, e);
    s->place.has_made_errors_db = rc == ERR_OK;
    return rc;
}

static enum err_code open_log(struct sim *s, struct err *e)
{
    if (!s->options.event_log)
        return ERR_OK;
    s->log = fopen(s->options.event_log, "we");
    return s->log ? ERR_OK
                  : err_set(e, ERR_IO, errno, "%s: %s", s->options.event_log, strerror(errno));
}

static void begin_world(struct sim *s, struct story *story)
{
    struct world_hooks hooks = { on_row, on_tick, on_link, NULL, s };
    int64_t start = s->speed > 0 ? clock_story_ms() / 1000 * 1000 : (int64_t)STEPPED_START_S * 1000;
    if (s->options.has_noise)
        story_noise_usual(&story->noise);
    world_init(&s->world, story, (uint64_t)s->options.seed, start, &hooks, s->log);
    s->has_world = true;
    world_scale(&s->world, s->options.deployments, s->options.pods, s->options.events_per_s);
    while (!world_run(&s->world, start - 1, 100000)) /* T+0 itself is for those who watch */
        ;
    set_speed(s, s->speed);
}

static enum err_code begin(struct sim *s, char token[33], struct err *e)
{
    struct story story = { 0 };
    if (load_story(&s->options, &story, e))
        return e->code;
    if (place_make(s->options.dir, s->options.owns_dir, &s->place, e) || open_rows(s, e) ||
        open_log(s, e)) {
        story_release(&story);
        return e->code;
    }
    begin_world(s, &story);
    s->api.world = &s->world;
    /* A minute apart, as the real one's; in virtual minutes, so that a proof is not old at ten
     * times the pace. */
    s->api.bookmark_ms =
        s->speed > 1 ? (int64_t)(BOOKMARK_MS / s->speed) + LEAST_BOOKMARK_MS : BOOKMARK_MS;
    if (place_token(token, e) ||
        server_new((int)s->options.port, token, api_answer, &s->api, &s->server, e) ||
        place_write_kubeconfig(&s->place, server_port(s->server), token, s->world.story.ns, e) ||
        place_write_config(&s->place, server_port(s->server), token, s->world.story.ns,
                           s->options.errors_db ? NULL : s->place.errors_db, e))
        return e->code;
    return control_new(s->place.control, on_line, s, &s->control, e);
}

static void say_ready(const struct sim *s, const char *token)
{
    struct buf b = BUF_INIT(16 * 1024);
    buf_addf(&b, "{\"port\":%d,\"kubeconfig\":", server_port(s->server));
    json_quote(&b, s->place.kubeconfig);
    buf_adds(&b, ",\"config\":");
    json_quote(&b, s->place.config);
    buf_adds(&b, ",\"errors_db\":");
    json_quote(&b, s->options.errors_db ? s->options.errors_db : s->place.errors_db);
    buf_adds(&b, ",\"control\":");
    json_quote(&b, s->place.control);
    buf_addf(
        &b,
        ",\"prometheus\":\"http://127.0.0.1:%d/%s/prometheus\",\"namespace\":\"%s\",\"scenario\":",
        server_port(s->server), token, s->world.story.ns);
    json_quote(&b, s->world.story.name);
    buf_adds(&b, ",\"title\":");
    json_quote(&b, s->world.story.title);
    buf_addf(&b,
             ",\"length_ms\":%" PRId64 ",\"start_ms\":%" PRId64 ",\"now_ms\":%" PRId64
             ",\"speed\":%g,\"seed\":%" PRId64 "}\n",
             s->world.story.length_ms, s->world.start_ms, s->world.now_ms, s->speed,
             s->options.seed);
    fputs(buf_str(&b), stdout);
    fflush(stdout);
    buf_release(&b);
}

static void end(struct sim *s)
{
    server_free(s->server);
    control_free(s->control);
    api_release(&s->api);
    if (s->has_world)
        world_release(&s->world);
    rows_free(s->rows);
    if (s->log)
        fclose(s->log);
    place_clear(&s->place);
    close(s->signals);
}

static void list_stories(void)
{
    for (size_t i = 0; story_names[i]; i++) {
        struct story story = { 0 };
        if (!text_eq(story_names[i], "platform") &&
            !story_parse(story_names[i], story_embedded(NULL, story_names[i]), story_embedded, NULL,
                         &story, NULL))
            printf("%-18s %s\n", story_names[i], story.title);
        story_release(&story);
    }
}

static int catch_signals(bool has_parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (has_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    struct sim s = { .waiting = -1, .is_link_up = true };
    struct err e = { 0 };
    char token[33];
    enum err_code rc = sim_options_parse(argc, argv, &s.options, &e);
    if (!rc && (s.options.wants_help || s.options.wants_list)) {
        fputs(s.options.wants_help ? sim_usage : "", stdout);
        if (s.options.wants_list)
            list_stories();
        return 0;
    }
    s.speed = s.options.speed;
    s.signals = rc ? -1 : catch_signals(s.options.has_parent);
    if (!rc)
        rc = begin(&s, token, &e);
    if (rc) {
        fprintf(stderr, "bakewatch-sim: %s\n", e.text);
        end(&s);
        return rc == ERR_USAGE || rc == ERR_CONFIG ? 2 : 1;
    }
    say_ready(&s, token);
    while (!s.is_over)
        turn(&s);
    end(&s);
    return 0;
}
