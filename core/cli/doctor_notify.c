#include "core/cli/doctor_notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/change/notify.h"

/* As it will be looked for: a path is itself, a name is one of PATH. */
static bool is_program(const char *name)
{
    const char *path = getenv("PATH");
    char file[4096];
    if (strchr(name, '/'))
        return !access(name, X_OK);
    for (size_t n; path && *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, path, name);
        if (!access(file, X_OK))
            return true;
    }
    errno = ENOENT;
    return false;
}

enum err_code doctor_notify(const struct conf *c, char *text, size_t room)
{
    struct buf names = BUF_INIT(300);
    enum err_code rc = c && c->n_notify ? ERR_OK : ERR_NOTFOUND;
    snprintf(text, room, "nobody is told when the verdict changes: `notify:` names a command or a webhook");
    for (size_t i = 0; !rc && i < c->n_notify; i++) {
        const struct conf_notify *to = &c->notify[i];
        const char *lacks = to->command && !is_program(to->command[0])              ? to->command[0]
                            : to->token_file && access(to->token_file, R_OK) ? to->token_file
                                                                             : NULL;
        if (lacks) {
            rc = ERR_IO;
            snprintf(text, room, "notify: %.200s: %s", lacks, strerror(errno));
            break;
        }
        char shown[NOTIFY_SHOWN];
        buf_adds(&names, i ? ", " : "");
        buf_add_most(&names, notify_shown(to, shown));
    }
    if (!rc)
        snprintf(text, room, "told when the verdict changes: %.300s", buf_str(&names));
    buf_release(&names);
    return rc;
}
