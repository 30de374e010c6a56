/*
 * core/cli/doctor_errors.h - what doctor says of the error database.
 *
 * Opens it, reads its first page, closes it; waits 10 s at most.
 * Errors   ERR_NOTFOUND none is set; else what is wrong is in `text`, which is filled in any case
 * Thread   main
 */
#ifndef CLI_DOCTOR_ERRORS_H
#define CLI_DOCTOR_ERRORS_H

#include "core/cli/cli.h"

enum err_code doctor_errors(const struct options *o, char *text, size_t room, bool *is_warning);

#endif
