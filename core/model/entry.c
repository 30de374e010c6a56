#include "core/model/entry.h"

#include <stddef.h>
#include <string.h>

static const char *const names[N_ENTRY_STATES] = {
    [ENTRY_INTENT] = "INTENT",         [ENTRY_LOCKED] = "LOCKED",   [ENTRY_REHEARSED] = "REHEARSED",
    [ENTRY_SENT] = "SENT",             [ENTRY_APPLIED] = "APPLIED", [ENTRY_REFUSED] = "REFUSED",
    [ENTRY_UNKNOWN] = "UNKNOWN",       [ENTRY_VERIFIED] = "VERIFIED",
    [ENTRY_UNVERIFIED] = "UNVERIFIED", [ENTRY_CLOSED] = "CLOSED",
};

const char *entry_state_name(enum entry_state s)
{
    return (size_t)s < N_ENTRY_STATES ? names[s] : "unknown";
}

int entry_state_parse(const char *s)
{
    for (int i = 0; i < N_ENTRY_STATES; i++) {
        if (strcmp(names[i], s) == 0)
            return i;
    }
    return -1;
}
