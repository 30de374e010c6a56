/*
 * core/cli/headless.h - the gather thread without a console: snapshots come to a function.
 *
 * Errors   an exit code: what `look` returned, EXIT_TIMEOUT, EXIT_INTERRUPT on SIGINT and SIGTERM, or
 *          EXIT_FAIL when gather could not start (said)
 * Thread   main; look runs on it
 */
#ifndef CLI_HEADLESS_H
#define CLI_HEADLESS_H

#include "core/gather/gather.h"
#include "core/model/snap.h"

/* One snapshot, the newest; below 0 = wait for the next. */
typedef int headless_look(void *ctx, const struct snap *s);
/* timeout_ms 0 = none.  The spec's slot is set here. */
int headless_run(struct gather_spec *spec, int64_t timeout_ms, headless_look *look, void *ctx);

#endif
