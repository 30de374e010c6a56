#include "core/sim/options.h"

#include <getopt.h>
#include <string.h>

#include "core/base/text.h"

const char sim_usage[] =
    "bakewatch-sim [--scenario NAME | --story FILE] [options]\n"
    "A simulated platform on 127.0.0.1: a Kubernetes API, the services behind it, their metrics "
    "and their\n"
    "errors.  Prints one line of JSON when it is ready, and ends on SIGTERM or SIGINT.\n"
    "\n"
    "  --scenario NAME     a story that comes with it (default bad-release); --list names them\n"
    "  --story FILE        another one\n"
    "  --seed N            the same seed, the same events (default 1)\n"
    "  --speed X           virtual seconds a second (default 1); 0: time moves by the control "
    "socket alone\n"
    "  --listen 127.0.0.1:PORT   (default port 0: any that is free)\n"
    "  --dir DIR           where kubeconfig, errors.db and control are put (default: a new one)\n"
    "  --event-log FILE    a line for each change of an object\n"
    "  --errors-db URI     write the errors into this PostgreSQL database instead\n"
    "  --noise             traffic as noisy as in real life, as a story's `noise:` has it\n"
    "  --deployments N --pods M --events N/s   so many more, in namespace load\n"
    "  --own-dir           DIR and all that is in it goes with the run\n"
    "  --with-parent       end when stdin ends or the parent does\n";

static bool number(const char *s, int64_t least, int64_t most, int64_t *out)
{
    return text_to_int(s, strlen(s), least, most, out);
}

static bool parse_speed(const char *s, double *out)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !(v >= 0 && v <= 10000))
        return false;
    *out = v;
    return true;
}

static bool parse_listen(const char *s, int64_t *port)
{
    if (!text_skip(&s, "127.0.0.1:") && !text_skip(&s, "localhost:"))
        return false;
    return number(s, 0, 65535, port);
}

static bool parse_rate(const char *s, int64_t *out)
{
    size_t n = strlen(s);
    if (text_ends(s, "/s"))
        n -= 2;
    return text_to_int(s, n, 0, 100000, out);
}

static bool take(struct sim_options *o, int key, const char *v)
{
    switch (key) {
    case 'S':
        o->scenario = v;
        return true;
    case 'f':
        o->story = v;
        return true;
    case 's':
        return number(v, 0, INT64_MAX, &o->seed);
    case 'x':
        return parse_speed(v, &o->speed);
    case 'l':
        return parse_listen(v, &o->port);
    case 'd':
        o->dir = v;
        return true;
    case 'D':
        return number(v, 0, 20000, &o->deployments);
    case 'p':
        return number(v, 0, 1000, &o->pods);
    case 'e':
        return parse_rate(v, &o->events_per_s);
    case 'L':
        o->event_log = v;
        return true;
    case 'E':
        o->errors_db = v;
        return true;
    case 'N':
        o->has_noise = true;
        return true;
    case 'P':
        o->has_parent = true;
        return true;
    case 'o':
        o->owns_dir = true;
        return true;
    case 'n':
        o->wants_list = true;
        return true;
    default:
        o->wants_help = true;
        return true;
    }
}

enum err_code sim_options_parse(int argc, char **argv, struct sim_options *out, struct err *e)
{
    static const struct option longs[] = {
        { "scenario", 1, NULL, 'S' },    { "story", 1, NULL, 'f' },
        { "seed", 1, NULL, 's' },        { "speed", 1, NULL, 'x' },
        { "listen", 1, NULL, 'l' },      { "dir", 1, NULL, 'd' },
        { "deployments", 1, NULL, 'D' }, { "pods", 1, NULL, 'p' },
        { "events", 1, NULL, 'e' },      { "event-log", 1, NULL, 'L' },
        { "errors-db", 1, NULL, 'E' },   { "with-parent", 0, NULL, 'P' },
        { "own-dir", 0, NULL, 'o' },     { "list", 0, NULL, 'n' },
        { "noise", 0, NULL, 'N' },       { "help", 0, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct sim_options o = { .seed = 1, .speed = 1, .pods = 5 };
    int key, at;
    opterr = 0;
    while ((key = getopt_long(argc, argv, "h", longs, &at)) != -1) {
        if (key == '?' || key == ':')
            return err_set(e, ERR_USAGE, 0, "%s: no such option, or a value is missing",
                           argv[optind - 1]);
        if (!take(&o, key, optarg))
            return err_set(e, ERR_USAGE, 0, "--%s: %.80s cannot be", longs[at].name, optarg);
    }
    if (optind < argc)
        return err_set(e, ERR_USAGE, 0, "%.80s: not an option", argv[optind]);
    if (o.scenario && o.story)
        return err_set(e, ERR_USAGE, 0, "--scenario or --story, not both");
    *out = o;
    return ERR_OK;
}
