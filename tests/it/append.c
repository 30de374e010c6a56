/*
 * append DIR N [BYTES]: N entries of BYTES of detail into the journal of DIR, for tests that make the disk
 * fail.  A line each: "ok SEQ" once it is durable, or "failed CODE TEXT"; it goes on after a failure.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/store/journal.h"

static const char *env_of(const char *name)
{
    return getenv(name);
}

int main(int argc, char **argv)
{
    static char detail[ENTRY_TEXT + 1];
    struct statedir dir;
    struct journal *j = NULL;
    struct err e = { 0 };
    if (argc < 3)
        return 2;
    memset(detail, 'd', argc > 3 ? strtoul(argv[3], NULL, 10) % sizeof detail : 10);
    if (statedir_find(argv[1], env_of, &dir, &e)) {
        printf("failed %s %s\n", err_name(e.code), e.text);
        return 1;
    }
    for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
        struct entry en = { .op = "0123456789abcdef0123456789abcdef",
                            .at_ms = 1795600000000,
                            .action = "test",
                            .target = "none",
                            .who = "append",
                            .where = "",
                            .detail = detail };
        if ((j || journal_open(&dir, &j, &e) == ERR_OK) && journal_append(j, &en, &e) == ERR_OK)
            printf("ok %" PRId64 "\n", en.seq);
        else
            printf("failed %s %s\n", err_name(e.code), e.text);
        fflush(stdout);
    }
    journal_close(j);
    return 0;
}
