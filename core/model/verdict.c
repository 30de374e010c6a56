#include "core/model/verdict.h"

#include <string.h>

#include "core/base/text.h"

const char *trigger_name(enum trigger_kind t)
{
    static const char *const names[N_TRIGGERS] = { "rollout", "health", "latency", "errors", "rows" };
    return (size_t)t < N_TRIGGERS ? names[t] : "?";
}

const char *trigger_state_name(enum trigger_state s)
{
    static const char *const names[] = { "NO DATA", "OK", "WATCH", "FIRED" };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

const char *verdict_name(enum verdict_word w)
{
    static const char *const names[] = { "NO BAKE", "PASS", "WATCH", "NO DATA", "ROLL BACK" };
    return (size_t)w < ARRAY_LEN(names) ? names[w] : "?";
}

const char *mark_kind_name(enum mark_kind k)
{
    static const char *const names[] = { [MARK_DEPLOY] = "deploy", [MARK_VERDICT] = "verdict", [MARK_TRIGGER] = "trigger",
                                         [MARK_OPERATOR] = "mark", [MARK_ALERT] = "alert", [MARK_LINK] = "link",
                                         [MARK_GAP] = "gap", [MARK_WINDOW_END] = "window-end" };
    return (size_t)k < ARRAY_LEN(names) ? names[k] : "?";
}

const struct bake *verdict_bake(const struct verdict *v, const char *subject)
{
    for (size_t i = 0; v && i < v->n_bakes; i++) {
        if (text_eq(v->bakes[i].subject, subject))
            return &v->bakes[i];
    }
    return NULL;
}

const struct track *tracks_find(const struct tracks *t, const char *subject)
{
    size_t low = 0, high = t ? t->n : 0;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int d = strcmp(t->items[mid].subject, subject);
        if (!d)
            return &t->items[mid];
        if (d < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
