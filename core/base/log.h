/*
 * core/base/log.h - our own log: the last lines in memory (for `:log`), and a file when one is open.
 *
 * Shape    logfmt, one line an entry: time=... level=... src=... msg="..."; text is cleaned
 * Limits   LOG_LINES lines of LOG_LINE bytes in memory; the file is moved to FILE.1 at LOG_FILE_BYTES
 * Secrets  log_secret registers a value that must never appear: any occurrence becomes ***
 * Thread   any; one mutex.  The file is written under it: an append to a page cache, not a wait
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum { LOG_LINES = 1000, LOG_LINE = 512, LOG_FILE_BYTES = 4 * 1024 * 1024 };

struct log_entry {
    int64_t at_ms; /* story clock */
    enum log_level level;
    char src[16];
    char text[LOG_LINE];
};

void log_put(enum log_level level, const char *src, const char *fmt, ...) PRINTF_LIKE(3, 4);
void log_set_level(enum log_level least);
MUST_USE enum err_code log_open(const char *path, struct err *e); /* 0600; appends */
void log_close(void);
void log_secret(const char *value); /* copied; shorter than 4 bytes is ignored; at most 64 are kept */
/* The sequence number of the next entry: changes when there is something new to show. */
uint64_t log_seq(void);
/* Copies up to n entries that end before sequence number `before`; oldest first; returns how many. */
size_t log_read(struct log_entry *out, size_t n, uint64_t before);
const char *log_level_name(enum log_level level);

#endif
