#include "panels/panels.h"

const struct panel_ops *const all_panels[] = {
    &workloads_panel, &errors_panel, &events_panel, &sources_panel, &workload_panel, &error_panel,
    &doc_panel, &log_panel, &help_panel, NULL,
};

bool panels_are_stale(const struct frame *f)
{
    const struct sources *s = frame_section(f, SECTION_SOURCES);
    return s && s->oldest_proof_ms != TIME_NONE &&
           (s->lost_ms != TIME_NONE || s->worst == SOURCE_STALE || s->rows[0].state == SOURCE_STALE);
}
