#include "core/store/journal_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"

enum { PATH_ROOM = 1200, HEAD_ROOM = 128 };

/* prev, then every field as "LENGTH:BYTES": no two different entries give the same bytes. */
void chain_hash(const char prev[ENTRY_HASH], const struct chain_text fields[N_CHAIN_FIELDS],
                char out[ENTRY_HASH])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok =
        c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) && EVP_DigestUpdate(c, prev, ENTRY_HASH - 1);
    for (int i = 0; ok && i < N_CHAIN_FIELDS; i++) {
        char length[24];
        int m = snprintf(length, sizeof length, "%zu:", fields[i].n);
        ok =
            EVP_DigestUpdate(c, length, (size_t)m) && EVP_DigestUpdate(c, fields[i].p, fields[i].n);
    }
    if (!ok || !EVP_DigestFinal_ex(c, sum, &n) || n != 32)
        abort(); /* out of memory, or a libcrypto without SHA-256 */
    EVP_MD_CTX_free(c);
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

void chain_hash_entry(const struct entry *en, char out[ENTRY_HASH])
{
    char seq[24], at[24];
    snprintf(seq, sizeof seq, "%" PRId64, en->seq);
    snprintf(at, sizeof at, "%" PRId64, en->at_ms);
    const char *texts[N_CHAIN_FIELDS] = {
        [CHAIN_SEQ] = seq,           [CHAIN_AT] = at,
        [CHAIN_OP] = en->op,         [CHAIN_STATE] = entry_state_name(en->state),
        [CHAIN_ACTION] = en->action, [CHAIN_TARGET] = en->target,
        [CHAIN_WHO] = en->who,       [CHAIN_WHERE] = en->where,
        [CHAIN_DETAIL] = en->detail,
    };
    struct chain_text fields[N_CHAIN_FIELDS];
    for (int i = 0; i < N_CHAIN_FIELDS; i++)
        fields[i] = (struct chain_text){ texts[i], strlen(texts[i]) };
    chain_hash(en->prev, fields, out);
}

static void path_of(const struct statedir *dir, const char *ending, char *out)
{
    snprintf(out, PATH_ROOM, "%s/journal.head%s", dir->path, ending);
}

static bool parse(const char *s, size_t n, struct chain_head *out)
{
    const char *space = memchr(s, ' ', n);
    size_t digits = space ? (size_t)(space - s) : 0;
    if (!digits || n != digits + 1 + ENTRY_HASH || s[n - 1] != '\n' ||
        !text_to_int(s, digits, 0, INT64_MAX, &out->seq))
        return false;
    memcpy(out->hash, space + 1, ENTRY_HASH - 1);
    out->hash[ENTRY_HASH - 1] = '\0';
    return strspn(out->hash, "0123456789abcdef") == ENTRY_HASH - 1;
}

enum err_code chain_head_read(const struct statedir *dir, struct chain_head *out, struct err *e)
{
    char path[PATH_ROOM], bytes[HEAD_ROOM];
    struct chain_head h;
    path_of(dir, "", path);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "%s: %s", path,
                       strerror(errno));
    ssize_t n = read(fd, bytes, sizeof bytes);
    int saved = errno;
    close(fd);
    if (n < 0)
        return err_set(e, ERR_IO, saved, "%s: %s", path, strerror(saved));
    if (!parse(bytes, (size_t)n, &h))
        return err_set(e, ERR_PARSE, 0, "%s: its bytes are no head of a journal", path);
    *out = h;
    return ERR_OK;
}

/* The folder is not synced: after a power cut the head may be an older one, which hides nothing. */
enum err_code chain_head_write(const struct statedir *dir, const struct chain_head *h,
                               struct err *e)
{
    char path[PATH_ROOM], next[PATH_ROOM], line[HEAD_ROOM];
    path_of(dir, "", path);
    path_of(dir, ".new", next);
    int n = snprintf(line, sizeof line, "%" PRId64 " %s\n", h->seq, h->hash);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_IO, errno, "%s: %s", next, strerror(errno));
    ssize_t done = write(fd, line, (size_t)n);
    int rc = done < 0 ? errno : done < n ? ENOSPC : fsync(fd) ? errno : 0;
    if (close(fd) && !rc)
        rc = errno;
    if (!rc && rename(next, path))
        rc = errno;
    if (rc) {
        unlink(next);
        return err_set(e, ERR_IO, rc, "%s: %s", path, strerror(rc));
    }
    return ERR_OK;
}
