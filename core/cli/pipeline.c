#include "core/cli/pipeline.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/cli/say.h"

/* sd_notify is one datagram: no library is needed for it. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    strcpy(to.sun_path, path);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

void pipeline_beat(void)
{
    static bool is_ready;
    notify(is_ready ? "WATCHDOG=1" : "READY=1");
    is_ready = true;
}

void pipeline_alive(const char *status)
{
    char line[200];
    snprintf(line, sizeof line, "STATUS=%.180s", status);
    notify(line);
}

/* What a workflow command may not hold as it is. */
static void escape(struct buf *out, const char *s)
{
    struct buf clean = BUF_INIT(8192);
    text_clean(&clean, s, strnlen(s, 2048));
    for (const char *c = buf_str(&clean); *c; c++) {
        if (*c == '%' || *c == '\r' || *c == '\n' || *c == ':' || *c == ',')
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*c);
        else
            buf_addc(out, *c);
    }
    buf_release(&clean);
}

static void append_summary(const char *text)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    if (!path || !path[0])
        return;
    FILE *f = fopen(path, "ae");
    if (!f || fputs(text, f) < 0)
        cli_complain("cannot write the step's summary to %s", path);
    if (f)
        fclose(f);
}

void pipeline_end(const char *verdict, const char *rule, bool is_bad, const char *summary)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    char status[200];
    snprintf(status, sizeof status, "STOPPING=1\nSTATUS=%.80s", verdict);
    notify(status);
    if (!text_eq(actions, "true"))
        return;
    struct buf line = BUF_INIT(16384);
    escape(&line, verdict);
    buf_adds(&line, "::");
    escape(&line, rule);
    fprintf(stderr, "::%s title=bakewatch %s\n", is_bad ? "error" : "notice", buf_str(&line)); /* stdout may be data */
    buf_release(&line);
    append_summary(summary);
}
