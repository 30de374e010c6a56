/*
 * panels/panels.h - the panels, in the order of their tabs; then the layers.
 *
 * A new panel: a file of its own here, its ops in the table of panels.c, its keys in
 * conf/default.keys, a golden test.
 */
#ifndef PANELS_PANELS_H
#define PANELS_PANELS_H

#include "tui/keymap.h"
#include "tui/panel.h"

extern const struct panel_ops workloads_panel, errors_panel, events_panel, sources_panel, window_panel,
    performance_panel; /* tabs */
extern const struct panel_ops workload_panel, error_panel, evidence_panel, doc_panel, log_panel, help_panel; /* layers */
extern const struct panel_ops *const all_panels[]; /* ends with NULL */

void help_attach(const struct keymap *keys, const struct cmd *global); /* before the first frame */
void help_print(const struct keymap *keys, const struct cmd *global);  /* `bakewatch help keys` */

/* True when what the panel shows is old: it is drawn in the stale role. */
bool panels_are_stale(const struct frame *f);
/* The source of this resource ("events") that has brought nothing yet; NULL = it has. */
const struct source_health *panels_not_loaded(const struct frame *f, const char *resource);
void panels_add_age(const struct frame *f, struct buf *out); /* ", as of 12s ago": of the oldest proof */

#endif
