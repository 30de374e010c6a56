/*
 * core/report/status.h - the workloads section as a table, JSON or names.  Pure.
 *
 * JSON     schema "bakewatch/status/v1": an interface, documented in bakewatch(1); fields are added,
 *          never renamed
 * Limits   all text in tables is cleaned; the output's cap is the buf's
 * Thread   any
 */
#ifndef REPORT_STATUS_H
#define REPORT_STATUS_H

#include "core/base/buf.h"
#include "core/model/workload.h"

struct status_filter { /* [NAMESPACE/][KIND/]NAME, any of them; n = 0: everything */
    const char *const *names;
    size_t n;
};
bool status_matches(const struct status_filter *f, const struct workload *w);
void status_table(struct buf *out, const struct workloads *ws, const struct status_filter *f,
                  bool is_wide, bool headers, int64_t now_ms);
void status_names(struct buf *out, const struct workloads *ws, const struct status_filter *f);
void status_json_workload(struct buf *out, const struct workload *w); /* one of "workloads" */
struct status_age { /* is what is printed current? */
    int64_t stale_ms; /* old since; TIME_NONE = it is current */
    const char *text; /* why, "" = it is */
};
void status_json(struct buf *out, const struct workloads *ws, const struct status_filter *f,
                 const char *context, const struct status_age *age, int64_t now_ms);

#endif
