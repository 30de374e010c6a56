#include "tests/pty/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stat_line { /* /proc/PID/stat */
    pid_t pid;
    char state;
    int parent, group, session;
    unsigned long user, sys; /* ticks */
};

static bool read_stat(pid_t pid, struct stat_line *out)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    const char *rest = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL; /* a name may hold anything */
    fclose(f);
    out->pid = pid;
    return rest && sscanf(rest + 2, "%c %d %d %d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &out->state, &out->parent,
                          &out->group, &out->session, &out->user, &out->sys) == 6;
}

/* The last of all processes that `is_it` takes. */
static pid_t find(bool (*is_it)(const struct stat_line *s, pid_t of), pid_t of)
{
    DIR *d = opendir("/proc");
    struct stat_line s;
    pid_t found = 0;
    for (struct dirent *de; d && (de = readdir(d));) {
        pid_t pid = (pid_t)atoi(de->d_name);
        if (pid && read_stat(pid, &s) && is_it(&s, of))
            found = pid;
    }
    if (d)
        closedir(d);
    return found;
}

static bool is_child(const struct stat_line *s, pid_t parent)
{
    return s->parent == parent && s->group == getpgid(parent);
}

static bool is_left(const struct stat_line *s, pid_t session)
{
    return s->session == session && s->state != 'Z' && s->pid != session;
}

pid_t process_child(pid_t parent)
{
    return find(is_child, parent);
}

pid_t process_of_session(pid_t session)
{
    return find(is_left, session);
}

double process_cpu_s(pid_t pid)
{
    struct stat_line s;
    return read_stat(pid, &s) ? (double)(s.user + s.sys) / (double)sysconf(_SC_CLK_TCK) : 0;
}

long process_memory_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %ld", &kib) != 1)
        ;
    if (f)
        fclose(f);
    return kib;
}
