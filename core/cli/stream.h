/*
 * core/cli/stream.h - what changes, on stdout, a line of JSON each (core/report/ndjson), until the
 * demo's story is over or its simulator gone, it is interrupted, --timeout is over, or nobody reads any more.
 *
 * Errors   an exit code; prints its own errors
 */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "core/cli/cli.h"

int stream_run(const struct options *o);

#endif
