#include "core/sources/alerts_decode.h"

#include "core/model/sample.h"

const char *alert_label(const struct alert_row *r, const char *name, struct arena *a)
{
    const char *s = json_str(json_get(r->labels, name), a, SERIES_SUBJECT - 1);
    return s ? s : "";
}

static const char *first_of(struct json_span annotations, struct arena *a)
{
    static const char *const names[] = { "summary", "description", "message" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *s = json_str(json_get(annotations, names[i]), a, SAMPLE_TEXT - 1);
        if (s && s[0])
            return s;
    }
    return "";
}

enum err_code alerts_decode(const char *body, size_t n, struct arena *a, struct alert_rows *out, struct err *e)
{
    struct json_span doc;
    if (json_check(body, n, &doc, e))
        return err_at(e, "no answer of Alertmanager");
    if (json_kind(doc) != JSON_ARRAY)
        return err_set(e, ERR_PARSE, 0, "no answer of Alertmanager: it is no list");
    struct alert_rows found = { .rows = arena_alloc(a, ALERTS_MOST * sizeof *found.rows) };
    struct json_iter it = json_each(doc);
    while (json_next(&it)) {
        struct json_span labels = json_get(it.value, "labels"), state = json_path(it.value, "status.state");
        const char *name = json_str(json_get(labels, "alertname"), a, SERIES_NAME - 1);
        if (!name || !name[0] || (state.p && !json_str_is(state, "active")))
            continue;
        if (found.n == ALERTS_MOST) {
            found.n_left++;
            continue;
        }
        found.rows[found.n++] = (struct alert_row){ name, first_of(json_get(it.value, "annotations"), a), labels };
    }
    *out = found;
    return ERR_OK;
}
