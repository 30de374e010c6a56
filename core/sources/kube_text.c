#include "core/sources/kube_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

enum { DIFF_LINES = 3000, LINE_BYTES = 4096, NEST = 64 };

void lines_release(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct lines){ 0 };
}

static void push(struct lines *l, char *s)
{
    if (l->n >= TEXT_LINES) {
        l->dropped++;
        free(s);
        return;
    }
    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->items = x_realloc(l->items, l->room * sizeof *l->items);
    }
    l->items[l->n++] = s;
}

void lines_add(struct lines *l, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    push(l, x_strdup(text));
}

static char *text_of(struct json_span v)
{
    struct buf b = BUF_INIT(64 * 1024);
    if (!json_str_add(v, &b))
        buf_add(&b, v.p, v.n < 256 ? v.n : 256);
    return buf_take(&b);
}

/* A plain scalar may look like another type, or hold what YAML reads as syntax. */
static bool needs_quotes(const char *s)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "~" };
    if (!*s || strchr("-?:,[]{}#&*!|>'\"%@` 0123456789.+=", *s) || s[strlen(s) - 1] == ' ')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_eq_fold(s, words[i]))
            return true;
    }
    for (const char *p = s; *p; p++) {
        if ((unsigned char)*p < 0x20 || (p[0] == ':' && (p[1] == ' ' || !p[1])) ||
            (p[0] == ' ' && p[1] == '#'))
            return true;
    }
    return false;
}

static void yaml(struct lines *out, struct json_span v, int depth, const char *lead);

/* A string of several lines becomes a block, as kubectl prints it. */
static void yaml_string(struct lines *out, struct json_span v, int depth, const char *lead)
{
    char *s = text_of(v);
    char *nl = strchr(s, '\n');
    if (nl && strlen(s) > 1) {
        size_t n = strlen(s);
        bool ends = s[n - 1] == '\n';
        if (ends)
            s[n - 1] = '\0';
        lines_add(out, "%s%s", lead, ends ? "|" : "|-");
        for (char *p = s; p;) {
            char *next = strchr(p, '\n');
            if (next)
                *next++ = '\0';
            lines_add(out, "%*s%s", depth * 2, "", p);
            p = next;
        }
    } else if (needs_quotes(s)) {
        struct buf b = BUF_INIT(512 * 1024);
        json_quote(&b, s);
        lines_add(out, "%s%s", lead, buf_str(&b));
        buf_release(&b);
    } else {
        lines_add(out, "%s%s", lead, s);
    }
    free(s);
}

/* `lead` is what stands on the first line before the value: indentation, "- ", "key: ". */
static void yaml(struct lines *out, struct json_span v, int depth, const char *lead)
{
    enum json_kind kind = json_kind(v);
    struct json_iter it = json_each(v), probe = it;
    bool is_empty = !json_next(&probe);
    if (kind == JSON_STRING) {
        yaml_string(out, v, depth, lead);
    } else if ((kind != JSON_OBJECT && kind != JSON_ARRAY) || is_empty || depth > NEST) {
        lines_add(out, "%s%.*s", lead, (int)(v.n < 256 ? v.n : 256), v.p);
    } else {
        size_t lead_n = strlen(lead);
        bool is_item = lead_n >= 2 && strcmp(lead + lead_n - 2, "- ") == 0;
        if (!is_item && lead_n && strspn(lead, " ") != lead_n)
            lines_add(out, "%.*s", (int)(lead_n - (lead[lead_n - 1] == ' ')), lead);
        char *first = is_item ? x_strdup(lead) : NULL; /* the first member stands on the item's line */
        while (json_next(&it)) {
            if (it.is_object && json_key_is(&it, "managedFields"))
                continue;
            char *pad = first ? first : x_asprintf("%*s", depth * 2, "");
            char *key = it.is_object /* with its quotes: it may hold escapes */
                            ? text_of((struct json_span){ it.key.p - 1, it.key.n + 2 })
                            : NULL;
            char *next = it.is_object ? x_asprintf("%s%s: ", pad, key) : x_asprintf("%s- ", pad);
            yaml(out, it.value, depth + 1, next);
            free(next);
            free(key);
            free(pad);
            first = NULL;
        }
        free(first);
    }
}

void kube_text_yaml(struct lines *out, struct json_span v)
{
    yaml(out, v, 0, "");
}

/* ---- describe ---- */

static void field(struct lines *out, const char *label, struct json_span v)
{
    if (!v.p || json_kind(v) == JSON_NULL)
        return;
    char *s = text_of(v);
    lines_add(out, "%-18s %s", label, s);
    free(s);
}

static void pairs(struct lines *out, const char *label, struct json_span object)
{
    struct json_iter it = json_each(object);
    while (json_next(&it)) {
        if (json_key_is(&it, "kubectl.kubernetes.io/last-applied-configuration"))
            continue;
        char *value = text_of(it.value);
        lines_add(out, "%-18s %.*s=%s", label, (int)it.key.n, it.key.p, value);
        free(value);
        label = "";
    }
}

static void age(struct lines *out, const char *label, struct json_span v, int64_t now_ms)
{
    int64_t ms;
    char text[CLOCK_TEXT];
    if (json_kind(v) != JSON_STRING || !clock_parse_rfc3339(v.p + 1, v.n - 2, &ms))
        return;
    lines_add(out, "%-18s %.*s (%s ago)", label, (int)v.n - 2, v.p + 1,
              clock_format_age(now_ms - ms, text));
}

static void conditions(struct lines *out, struct json_span list)
{
    struct json_iter it = json_each(list);
    bool is_first = true;
    while (json_next(&it)) {
        if (is_first) {
            lines_add(out, "%s", "");
            lines_add(out, "%-24s %-8s %-28s %s", "CONDITION", "STATUS", "REASON", "MESSAGE");
        }
        is_first = false;
        char *cells[4];
        static const char *const keys[] = { "type", "status", "reason", "message" };
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct json_span v = json_get(it.value, keys[i]);
            cells[i] = v.p ? text_of(v) : x_strdup("");
        }
        lines_add(out, "%-24s %-8s %-28s %s", cells[0], cells[1], cells[2], cells[3]);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            free(cells[i]);
    }
}

static struct json_span by_name(struct json_span list, struct json_span name)
{
    struct json_iter it = json_each(list);
    while (json_next(&it)) {
        struct json_span n = json_get(it.value, "name");
        if (n.n == name.n && n.p && memcmp(n.p, name.p, n.n) == 0)
            return it.value;
    }
    return (struct json_span){ 0 };
}

/* Of a container: what it runs, what it may use, how it is probed, and what it says of itself. */
static void containers(struct lines *out, const char *title, struct json_span specs,
                       struct json_span statuses)
{
    static const char *const parts[] = { "command", "args", "ports", "resources", "env", "envFrom",
                                         "volumeMounts", "livenessProbe", "readinessProbe",
                                         "startupProbe" };
    struct json_iter it = json_each(specs);
    while (json_next(&it)) {
        struct json_span name = json_get(it.value, "name"), status = by_name(statuses, name);
        char *n = name.p ? text_of(name) : x_strdup("?");
        lines_add(out, "%s", "");
        lines_add(out, "%s %s", title, n);
        free(n);
        field(out, "  Image:", json_get(it.value, "image"));
        field(out, "  Image id:", json_get(status, "imageID"));
        field(out, "  Ready:", json_get(status, "ready"));
        field(out, "  Restarts:", json_get(status, "restartCount"));
        struct json_span states[] = { json_get(status, "state"), json_get(status, "lastState") };
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
            if (json_kind(states[i]) == JSON_OBJECT)
                yaml(out, states[i], 2, i ? "  Last state: " : "  State: ");
        }
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            struct json_span v = json_get(it.value, parts[i]);
            char lead[40];
            snprintf(lead, sizeof lead, "  %s: ", parts[i]);
            if (v.p && v.n > 2)
                yaml(out, v, 2, lead);
        }
    }
}

/* The first of these that is there: events of the old and of the new API keep things in other places. */
static struct json_span first_of(struct json_span obj, const char *const paths[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct json_span v = json_path(obj, paths[i]);
        if (v.p && json_kind(v) != JSON_NULL && !(json_kind(v) == JSON_STRING && v.n == 2))
            return v;
    }
    return (struct json_span){ 0 };
}

static void event(struct lines *out, struct json_span obj, int64_t now_ms)
{
    static const char *const counts[] = { "count", "series.count" }, *const firsts[] = { "firstTimestamp", "eventTime" };
    static const char *const lasts[] = { "series.lastObservedTime", "lastTimestamp", "eventTime" };
    static const char *const sources[] = { "source.component", "reportingComponent", "reportingController" };
    static const char *const hosts[] = { "source.host", "reportingInstance" }, *const texts[] = { "message", "note" };
    static const char *const parts[] = { "kind", "namespace", "name" }; /* a node has no namespace */
    struct json_span about = json_get(obj, "involvedObject");
    struct buf b = BUF_INIT(2048);
    field(out, "Type:", json_get(obj, "type"));
    field(out, "Reason:", json_get(obj, "reason"));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t before = b.len;
        if (json_str_add(json_get(about, parts[i]), &b) && b.len > before && i < 2)
            buf_adds(&b, i ? "/" : " ");
    }
    lines_add(out, "%-18s %s", "Object:", buf_str(&b));
    buf_release(&b);
    field(out, "Part:", json_get(about, "fieldPath"));
    field(out, "Count:", first_of(obj, counts, ARRAY_LEN(counts)));
    age(out, "First seen:", first_of(obj, firsts, ARRAY_LEN(firsts)), now_ms);
    age(out, "Last seen:", first_of(obj, lasts, ARRAY_LEN(lasts)), now_ms);
    field(out, "Source:", first_of(obj, sources, ARRAY_LEN(sources)));
    field(out, "On:", first_of(obj, hosts, ARRAY_LEN(hosts)));
    field(out, "Action:", json_get(obj, "action"));
    struct json_span text = first_of(obj, texts, ARRAY_LEN(texts));
    char *all = text.p ? text_of(text) : x_strdup(""), *rest = all;
    const char *label = "Message:";
    for (char *line; (line = strsep(&rest, "\n")); label = "")
        lines_add(out, "%-18s %s", label, line);
    free(all);
    field(out, "Event:", json_path(obj, "metadata.name"));
    pairs(out, "Annotations:", json_path(obj, "metadata.annotations"));
}

void kube_text_describe(struct lines *out, struct json_span obj, int64_t now_ms)
{
    if (json_get(obj, "involvedObject").p) {
        event(out, obj, now_ms);
        return;
    }
    struct json_span meta = json_get(obj, "metadata"), spec = json_get(obj, "spec");
    struct json_span status = json_get(obj, "status");
    struct json_span pod = json_path(spec, "template.spec");
    static const char *const spec_parts[] = { "replicas", "strategy", "updateStrategy", "selector",
                                              "nodeName", "serviceAccountName",
                                              "progressDeadlineSeconds", "minReadySeconds",
                                              "revisionHistoryLimit", "paused", "volumes" };
    static const char *const status_parts[] = { "phase", "reason", "message", "podIP", "qosClass",
                                                "replicas", "updatedReplicas", "readyReplicas",
                                                "availableReplicas", "unavailableReplicas",
                                                "observedGeneration" };
    field(out, "Name:", json_get(meta, "name"));
    field(out, "Namespace:", json_get(meta, "namespace"));
    field(out, "Kind:", json_get(obj, "kind"));
    age(out, "Created:", json_get(meta, "creationTimestamp"), now_ms);
    age(out, "Deleted:", json_get(meta, "deletionTimestamp"), now_ms);
    field(out, "Generation:", json_get(meta, "generation"));
    pairs(out, "Labels:", json_get(meta, "labels"));
    pairs(out, "Annotations:", json_get(meta, "annotations"));
    for (size_t i = 0; i < ARRAY_LEN(spec_parts); i++) {
        struct json_span v = json_get(spec, spec_parts[i]);
        char lead[48];
        snprintf(lead, sizeof lead, "%s: ", spec_parts[i]);
        if (v.p)
            yaml(out, v, 1, lead);
    }
    if (json_kind(status) == JSON_OBJECT)
        lines_add(out, "%s", "");
    for (size_t i = 0; i < ARRAY_LEN(status_parts); i++) {
        char label[40];
        snprintf(label, sizeof label, "status.%s:", status_parts[i]);
        field(out, label, json_get(status, status_parts[i]));
    }
    conditions(out, json_get(status, "conditions"));
    if (json_kind(pod) != JSON_OBJECT)
        pod = spec;
    containers(out, "Init container", json_get(pod, "initContainers"),
               json_get(status, "initContainerStatuses"));
    containers(out, "Container", json_get(pod, "containers"), json_get(status, "containerStatuses"));
}

void kube_text_events(struct lines *out, struct json_span list, int64_t now_ms)
{
    struct json_iter it = json_each(json_get(list, "items"));
    lines_add(out, "%s", "");
    lines_add(out, "%-8s %-8s %-24s %s", "AGE", "TYPE", "REASON", "MESSAGE");
    size_t n = 0;
    while (json_next(&it)) {
        static const char *const keys[] = { "type", "reason", "message" };
        char *cells[3], when[CLOCK_TEXT];
        int64_t ms = TIME_NONE;
        struct json_span last = json_get(it.value, "lastTimestamp");
        if (json_kind(last) == JSON_STRING)
            (void)!clock_parse_rfc3339(last.p + 1, last.n - 2, &ms);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct json_span v = json_get(it.value, keys[i]);
            cells[i] = v.p ? text_of(v) : x_strdup("");
        }
        lines_add(out, "%-8s %-8s %-24s %s",
                  clock_format_age(ms == TIME_NONE ? TIME_NONE : now_ms - ms, when), cells[0],
                  cells[1], cells[2]);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            free(cells[i]);
        n++;
    }
    if (!n)
        lines_add(out, "no events");
}

/* Longest common subsequence; both sides are capped, so the table is bounded. */
void kube_text_diff(struct lines *out, const struct lines *before, const struct lines *after)
{
    size_t n = before->n < DIFF_LINES ? before->n : DIFF_LINES;
    size_t m = after->n < DIFF_LINES ? after->n : DIFF_LINES;
    uint16_t *len = x_calloc((n + 1) * (m + 1), sizeof *len);
#define LEN(i, j) len[(i) * (m + 1) + (j)]
    for (size_t i = n; i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            if (strcmp(before->items[i], after->items[j]) == 0)
                LEN(i, j) = (uint16_t)(LEN(i + 1, j + 1) + 1);
            else
                LEN(i, j) = LEN(i + 1, j) > LEN(i, j + 1) ? LEN(i + 1, j) : LEN(i, j + 1);
        }
    }
    for (size_t i = 0, j = 0; i < n || j < m;) {
        if (i < n && j < m && strcmp(before->items[i], after->items[j]) == 0) {
            lines_add(out, "  %s", before->items[i++]);
            j++;
        } else if (i < n && (j == m || LEN(i + 1, j) >= LEN(i, j + 1))) {
            lines_add(out, "- %s", before->items[i++]);
        } else {
            lines_add(out, "+ %s", after->items[j++]);
        }
    }
#undef LEN
    if (n < before->n || m < after->n)
        lines_add(out, "! longer than %d lines: the rest was not compared", DIFF_LINES);
    free(len);
}
