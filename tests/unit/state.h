/* tests/unit/state.h - a state folder of a test's own, made before and removed after it, and what lies in it. */
#ifndef UNIT_STATE_H
#define UNIT_STATE_H

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/store/statedir.h"

static const char *state_no_env(const char *name)
{
    (void)name;
    return NULL;
}

static inline void state_new(struct statedir *d)
{
    char path[] = "/tmp/bakewatch-state-XXXXXX";
    struct err e = { 0 };
    assert_non_null(mkdtemp(path));
    if (statedir_find(path, state_no_env, d, &e))
        fail_msg("%s", e.text);
}

static inline void state_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *en; dir && (en = readdir(dir));)
        unlinkat(dirfd(dir), en->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

static inline char *state_path(const struct statedir *d, const char *name)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    return path;
}

static inline void state_read(const struct statedir *d, const char *name, struct buf *out)
{
    FILE *f = fopen(state_path(d, name), "rb");
    char bytes[4096];
    *out = BUF_INIT(64 * 1024 * 1024);
    for (size_t n; f && (n = fread(bytes, 1, sizeof bytes, f));)
        buf_add(out, bytes, n);
    if (f)
        fclose(f);
}

static inline void state_write(const struct statedir *d, const char *name, const void *p, size_t n)
{
    int fd = open(state_path(d, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

/* As anybody could, with the sqlite3 program. */
static inline void state_sql(const struct statedir *d, const char *name, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(state_path(d, name), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why))
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* What a test of such a folder begins and ends with. */
static struct statedir dir;
static struct err e;

static inline int set_up(void **state)
{
    (void)state;
    state_new(&dir);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    state_remove(dir.path);
    return 0;
}

#endif
