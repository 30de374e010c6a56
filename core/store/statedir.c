#include "core/store/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/text.h"

/* Those that <linux/magic.h> does not name. */
enum { MAGIC_GPFS = 0x47504653, MAGIC_LUSTRE = 0x0BD00BD0, MAGIC_VBOXSF = 0x786F4256 };

static enum err_code fail(struct err *e, const char *path, int saved)
{
    return err_set(e, ERR_IO, saved, "%s: %s", path, strerror(saved));
}

/* What was made is there after a power cut once its folder is synced.  One that we may not read, or
 * a filesystem that cannot do it, is as good as it gets. */
static enum err_code sync_folder(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) && errno != EINVAL ? errno : 0;
    if (fd >= 0)
        close(fd);
    return rc ? fail(e, path, rc) : ERR_OK;
}

static enum err_code make_all(const char *path, struct err *e)
{
    char part[1024], parent[1024];
    size_t n = strlen(path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0700)) {
            if (errno == EEXIST || (i < n && (errno == EROFS || errno == EACCES)))
                continue; /* what is wrong with it shows at the last one */
            return fail(e, part, errno);
        }
        const char *slash = strrchr(part, '/');
        snprintf(parent, sizeof parent, "%.*s", slash > part ? (int)(slash - part) : 1, part);
        enum err_code rc = sync_folder(slash ? parent : ".", e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static bool is_network(int fd)
{
    struct statfs s;
    if (fstatfs(fd, &s))
        return true; /* the careful way is right everywhere */
    switch ((unsigned long)s.f_type & 0xFFFFFFFF) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case AFS_FS_MAGIC:
    case CEPH_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case V9FS_MAGIC:
    case FUSE_SUPER_MAGIC:
    case OCFS2_SUPER_MAGIC:
    case MAGIC_GPFS:
    case MAGIC_LUSTRE:
    case MAGIC_VBOXSF:
        return true;
    default:
        return false;
    }
}

/* SQLite's kind of lock, on a file of our own: some network filesystems have none. */
static enum err_code probe_lock(const char *dir, int dir_fd, struct err *e)
{
    char name[32];
    snprintf(name, sizeof name, "lock-probe.%ld", (long)getpid());
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 || fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK }) ? errno : 0;
    if (fd >= 0) {
        unlinkat(dir_fd, name, 0);
        close(fd);
    }
    return rc ? err_set(e, ERR_IO, rc, "%s: files cannot be locked there: %s", dir, strerror(rc))
              : ERR_OK;
}

static enum err_code check(const char *path, int fd, struct statedir *out, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return fail(e, path, errno);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_IO, 0, "%s: belongs to somebody else", path);
    if (st.st_mode & 077)
        return err_set(e, ERR_IO, 0, "%s: is open to others (%o): chmod 700 it", path,
                       st.st_mode & 07777U);
    out->is_read_only = faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0;
    out->is_network = is_network(fd);
    return out->is_network && !out->is_read_only ? probe_lock(path, fd, e) : ERR_OK;
}

/* SQLite refuses a path with a symbolic link anywhere in it; only one at its end is suspect. */
static enum err_code try(const char *path, struct statedir *out, struct err *e)
{
    struct statedir d = { .notice = "" };
    char real[4096];
    enum err_code rc = make_all(path, e);
    if (rc)
        return rc;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return err_set(e, ERR_IO, errno, "%s: is no folder, or a symbolic link", path);
    if (fd < 0)
        return fail(e, path, errno);
    rc = check(path, fd, &d, e);
    close(fd);
    if (rc)
        return rc;
    if (!realpath(path, real))
        return fail(e, path, errno);
    if (strlen(real) >= sizeof d.path)
        return err_set(e, ERR_LIMIT, 0, "%s: the path is too long", path);
    strcpy(d.path, real);
    *out = d;
    return ERR_OK;
}

/* False: the environment does not say. */
static bool usual_place(const char *(*env)(const char *name), char *path, size_t room)
{
    const char *xdg = env("XDG_STATE_HOME"), *home = env("HOME");
    if (xdg && xdg[0] == '/')
        return (size_t)snprintf(path, room, "%s/bakewatch", xdg) < room;
    return home && home[0] == '/' &&
           (size_t)snprintf(path, room, "%s/.local/state/bakewatch", home) < room;
}

enum err_code statedir_find(const char *wanted, const char *(*env)(const char *name),
                            struct statedir *out, struct err *e)
{
    char path[1024];
    struct err why = { 0 };
    struct statedir d;
    if (wanted) { /* what was asked for by name is not replaced by another */
        if (strlen(wanted) >= sizeof path)
            return err_set(e, ERR_LIMIT, 0, "the path of the state folder is too long");
        snprintf(path, sizeof path, "%s", wanted);
        for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';)
            path[--n] = '\0'; /* a closing '/' would follow a link */
        return try(path, out, e);
    }
    if (!usual_place(env, path, sizeof path))
        err_set(&why, ERR_IO, 0, "neither XDG_STATE_HOME nor HOME is an absolute path");
    else if (try(path, &d, &why) == ERR_OK && d.is_read_only)
        err_set(&why, ERR_IO, EROFS, "%s: cannot be written to", path);
    if (why.code) {
        snprintf(path, sizeof path, "/var/tmp/bakewatch-%ld", (long)geteuid());
        enum err_code rc = try(path, &d, e);
        if (rc)
            return rc;
        char short_why[160];
        snprintf(d.notice, sizeof d.notice, "%s is used: %s", path, text_shorten(short_why, sizeof short_why, why.text));
    }
    *out = d;
    return ERR_OK;
}
