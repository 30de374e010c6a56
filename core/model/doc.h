/*
 * core/model/doc.h - one text that somebody asked to see: describe, raw, diff, a pod's log, the whole record
 * of an error, or our own journal.
 *
 * Made by  core/gather (core/sources/kube_doc, errdb, core/store/journal) on CMD_DOC_OPEN
 * Limits   DOC_LINES lines and DOC_BYTES bytes; of a log the newest, of anything else the first,
 *          with `dropped` saying how many lines are missing
 */
#ifndef MODEL_DOC_H
#define MODEL_DOC_H

#include "core/base/clock.h"
#include "core/model/snap.h"

enum { DOC_LINES = 5000, DOC_BYTES = 2 * 1024 * 1024 };
enum doc_kind { DOC_DESCRIBE, DOC_RAW, DOC_DIFF, DOC_LOG, DOC_ERROR, DOC_JOURNAL, DOC_SMOKE };
enum doc_state { DOC_LOADING, DOC_READY, DOC_FOLLOWING, DOC_ENDED, DOC_FAILED };

struct doc {
    struct section section;
    uint64_t request; /* the number that CMD_DOC_OPEN carried */
    enum doc_kind kind;
    enum doc_state state;
    const char *title; /* "pod shop/policy-api-7d9f log app" */
    const char *error; /* with DOC_FAILED: what and what to do */
    const char *const *lines; /* raw: cleaned by the canvas; no newline at the end */
    size_t n;
    int64_t dropped;
    int64_t at_ms; /* when the bytes came */
};

#endif
