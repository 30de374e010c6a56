#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"

enum { SECRETS = 64 };

static struct {
    pthread_mutex_t mu;
    struct log_entry *ring; /* LOG_LINES, made at the first entry */
    uint64_t seq;
    enum log_level least;
    int fd;
    off_t size;
    char path[1024];
    char *secrets[SECRETS];
    size_t n_secrets, next_secret;
} the = { .mu = PTHREAD_MUTEX_INITIALIZER, .least = LOG_INFO, .fd = -1 };

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    return (size_t)level < ARRAY_LEN(names) ? names[level] : "?";
}

void log_set_level(enum log_level least)
{
    pthread_mutex_lock(&the.mu);
    the.least = least;
    pthread_mutex_unlock(&the.mu);
}

void log_secret(const char *value)
{
    if (!value || strlen(value) < 4)
        return;
    pthread_mutex_lock(&the.mu);
    for (size_t i = 0; i < the.n_secrets; i++) {
        if (strcmp(the.secrets[i], value) == 0) {
            pthread_mutex_unlock(&the.mu);
            return;
        }
    }
    if (the.n_secrets < SECRETS) {
        the.secrets[the.n_secrets++] = x_strdup(value);
    } else { /* tokens rotate: the oldest one is no longer valid */
        free(the.secrets[the.next_secret]);
        the.secrets[the.next_secret] = x_strdup(value);
        the.next_secret = (the.next_secret + 1) % SECRETS;
    }
    pthread_mutex_unlock(&the.mu);
}

static void mask(char *s)
{
    for (size_t i = 0; i < the.n_secrets; i++) {
        size_t n = strlen(the.secrets[i]);
        for (char *p = s; (p = strstr(p, the.secrets[i]));) {
            memcpy(p, "***", 3);
            memmove(p + 3, p + n, strlen(p + n) + 1);
            p += 3;
        }
    }
}

static void open_file(void)
{
    struct stat st;
    the.fd = open(the.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    the.size = the.fd >= 0 && fstat(the.fd, &st) == 0 ? st.st_size : 0;
}

static void write_file(const struct log_entry *en)
{
    char line[LOG_LINE + 128], when[CLOCK_TEXT];
    int n = snprintf(line, sizeof line, "time=%s level=%s src=%s msg=\"%s\"\n",
                     clock_format_rfc3339(en->at_ms, when), log_level_name(en->level), en->src,
                     en->text);
    if (the.size + n > LOG_FILE_BYTES) {
        char old[sizeof the.path + 2];
        snprintf(old, sizeof old, "%s.1", the.path);
        close(the.fd);
        rename(the.path, old);
        open_file();
    }
    if (the.fd >= 0 && write(the.fd, line, (size_t)n) == n)
        the.size += n;
}

void log_put(enum log_level level, const char *src, const char *fmt, ...)
{
    char raw[LOG_LINE * 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&the.mu);
    if (level >= the.least) {
        if (!the.ring)
            the.ring = x_calloc(LOG_LINES, sizeof *the.ring);
        struct log_entry *en = &the.ring[the.seq % LOG_LINES];
        mask(raw);
        en->at_ms = clock_story_ms();
        en->level = level;
        snprintf(en->src, sizeof en->src, "%s", src);
        text_clean_to(en->text, sizeof en->text, raw, strlen(raw));
        the.seq++;
        if (the.fd >= 0)
            write_file(en);
    }
    pthread_mutex_unlock(&the.mu);
}

enum err_code log_open(const char *path, struct err *e)
{
    pthread_mutex_lock(&the.mu);
    if (the.fd >= 0)
        close(the.fd);
    snprintf(the.path, sizeof the.path, "%s", path);
    open_file();
    int saved = errno;
    bool failed = the.fd < 0;
    pthread_mutex_unlock(&the.mu);
    if (failed)
        return err_set(e, ERR_IO, saved, "cannot open the log: %s: %s", strerror(saved), path);
    return ERR_OK;
}

void log_close(void)
{
    pthread_mutex_lock(&the.mu);
    if (the.fd >= 0)
        close(the.fd);
    the.fd = -1;
    free(the.ring);
    the.ring = NULL;
    the.seq = 0;
    for (size_t i = 0; i < the.n_secrets; i++)
        free(the.secrets[i]);
    the.n_secrets = the.next_secret = 0;
    pthread_mutex_unlock(&the.mu);
}

uint64_t log_seq(void)
{
    pthread_mutex_lock(&the.mu);
    uint64_t seq = the.seq;
    pthread_mutex_unlock(&the.mu);
    return seq;
}

size_t log_read(struct log_entry *out, size_t n, uint64_t before)
{
    pthread_mutex_lock(&the.mu);
    if (before > the.seq)
        before = the.seq;
    uint64_t oldest = the.seq > LOG_LINES ? the.seq - LOG_LINES : 0;
    uint64_t first = before > n ? before - n : 0;
    if (first < oldest)
        first = oldest;
    size_t got = 0;
    for (uint64_t i = first; i < before; i++)
        out[got++] = the.ring[i % LOG_LINES];
    pthread_mutex_unlock(&the.mu);
    return got;
}
