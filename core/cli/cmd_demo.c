/*
 * The console on a simulated platform.  It is the ordinary console: only the kubeconfig, the error
 * database and the state folder are the simulator's, and the clock follows its clock.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/stream.h"
#include "core/cli/simulator.h"

int cmd_demo(const struct options *o, const struct cli_env *env)
{
    const char *args[16];
    size_t n = 0;
    struct simulator sim;
    struct err e = { 0 };
    const struct kube_overrides *k = &o->kube;
    bool is_elsewhere = k->kubeconfig || k->context || k->cluster || k->user || k->server || k->as || k->token ||
                        k->proxy_url || k->certificate_authority || k->insecure_skip_tls_verify;
    bool is_watch = o->n_args && text_eq(o->args[0], "watch");
    if ((o->n_args && !is_watch) || o->errors_db || o->environment || is_elsewhere) {
        cli_complain("demo: it has a platform of its own; see 'bakewatch help demo'");
        return EXIT_USAGE;
    }
    if (!is_watch && o->is_output_set && (o->output != OUTPUT_NDJSON || !o->headless)) {
        cli_complain("demo: -o ndjson, with --headless");
        return EXIT_USAGE;
    }
    if (text_eq(o->scenario, "help"))
        return simulator_list();
    args[n++] = "--scenario";
    args[n++] = o->scenario ? o->scenario : "bad-release";
    args[n++] = "--speed";
    args[n++] = o->speed ? o->speed : "5";
    if (o->seed) {
        args[n++] = "--seed";
        args[n++] = o->seed;
    }
    args[n] = NULL;
    if (simulator_start(&sim, args, &e)) {
        cli_complain("%s", e.text);
        return EXIT_FAIL;
    }
    struct options d = *o;
    d.kube = (struct kube_overrides){ .kubeconfig = sim.kubeconfig };
    d.errors_db = sim.errors_db;
    d.demo_control = sim.control;
    d.demo_config = sim.config;
    d.args = is_watch ? o->args + 1 : NULL; /* whose verdict */
    d.n_args = is_watch ? o->n_args - 1 : 0;
    if (!o->state_dir) /* a demo is no record of anything, unless it is asked for */
        setenv("XDG_STATE_HOME", sim.dir, 1);
    int rc = is_watch ? cmd_watch(&d, env) : o->headless ? stream_run(&d) : env->console(&d);
    simulator_stop(&sim);
    return rc;
}
