/* core/cli/doctor_notify.h - doctor's look at who is told when the verdict changes: nobody is told by it. */
#ifndef CLI_DOCTOR_NOTIFY_H
#define CLI_DOCTOR_NOTIFY_H

#include "core/conf/conf.h"

/* What it says is in `text`: whom, or the first that could not be told.  ERR_NOTFOUND: nobody is. */
MUST_USE enum err_code doctor_notify(const struct conf *c, char *text, size_t room);

#endif
