#include "core/base/dir.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_MOST = 16 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

void dir_remove(const char *path)
{
    struct stat st; /* somebody else's, or a link, by now: theirs; while it is ours nobody can put another in its place */
    if (!lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
        nftw(path, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS);
}
