/*
 * core/report/deploy.h - the post-deployment report: what was deployed, what the verdict was and why, what
 * happened when, how it performed, which errors came.
 *
 * Shape    Markdown; JSON (schema "bakewatch/report/v1", an interface); HTML, one file without scripts or
 *          anything from elsewhere, with its graphs as SVG
 * Text     everything from outside is cleaned, and quoted for its format
 * Thread   any
 */
#ifndef REPORT_DEPLOY_H
#define REPORT_DEPLOY_H

#include "core/base/buf.h"
#include "core/model/snap.h"

enum report_format { REPORT_MARKDOWN, REPORT_JSON, REPORT_HTML };

/* From the verdict, tracks, errors, ident and sources of a snapshot; what it lacks the report says. */
void report_deploy(struct buf *out, const struct snap *s, int64_t now_ms, enum report_format format);

#endif
