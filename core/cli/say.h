/*
 * core/cli/say.h - what commands say on stderr: "bakewatch: " and the text, cleaned, so that nothing that a
 * file, a server or an argument holds reaches a terminal as it is.  Newlines in the text stay.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "core/base/err.h"

void cli_complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
