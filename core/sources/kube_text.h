/*
 * core/sources/kube_text.h - objects as lines to read: YAML, a description, a difference.  Pure.
 *
 * Limits   TEXT_LINES lines, then a last one says that more follows
 * Thread   any       Owns  the lines belong to the struct
 */
#ifndef SOURCES_KUBE_TEXT_H
#define SOURCES_KUBE_TEXT_H

#include "core/base/json.h"

enum { TEXT_LINES = 5000 };

struct lines {
    char **items;
    size_t n, room;
    int64_t dropped;
};
void lines_release(struct lines *l);
void lines_add(struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

void kube_text_yaml(struct lines *out, struct json_span v); /* managedFields left out */
void kube_text_describe(struct lines *out, struct json_span obj, int64_t now_ms);
void kube_text_events(struct lines *out, struct json_span list, int64_t now_ms);
/* Two texts to one with "  ", "- " and "+ " before each line. */
void kube_text_diff(struct lines *out, const struct lines *before, const struct lines *after);

#endif
