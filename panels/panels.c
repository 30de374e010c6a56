#include "panels/panels.h"

#include <string.h>

const struct panel_ops *const all_panels[] = {
    &workloads_panel, &errors_panel, &events_panel, &sources_panel, &window_panel, &performance_panel,
    &workload_panel, &error_panel, &evidence_panel, &doc_panel, &log_panel, &help_panel, NULL,
};

bool panels_are_stale(const struct frame *f)
{
    const struct sources *s = frame_section(f, SECTION_SOURCES);
    return s && s->oldest_proof_ms != TIME_NONE &&
           (s->lost_ms != TIME_NONE || s->worst == SOURCE_STALE || s->rows[0].state == SOURCE_STALE);
}

const struct source_health *panels_not_loaded(const struct frame *f, const char *resource)
{
    const struct sources *s = frame_section(f, SECTION_SOURCES);
    size_t n = strlen(resource);
    for (size_t i = 0; s && i < s->n; i++) {
        const struct source_health *h = &s->rows[i];
        bool is_it = strncmp(h->name, resource, n) == 0 && (!h->name[n] || h->name[n] == ' ');
        if (is_it && (h->state == SOURCE_WAITING || h->state == SOURCE_FAILED))
            return h;
    }
    return NULL;
}

void panels_add_age(const struct frame *f, struct buf *out)
{
    const struct sources *s = frame_section(f, SECTION_SOURCES);
    char age[CLOCK_TEXT];
    int64_t ms = s ? s->oldest_proof_ms : TIME_NONE;
    buf_addf(out, ", as of %s ago", clock_format_age(ms == TIME_NONE ? ms : f->now_ms - ms, age));
}
