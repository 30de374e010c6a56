#include "core/sources/presets.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/text.h"

#define PROCESS .cpu_s = "process_cpu_seconds_total", .memory_bytes = "process_resident_memory_bytes"
#define POOL .pool_used = "db_pool_connections_in_use", .pool_most = "db_pool_connections_max"

const struct preset presets[] = {
    /* what most client libraries' examples and middlewares make, with `code` or with `status` */
    { .name = "http-server",
      .requests = "http_requests_total",
      .status = "code",
      .buckets = "http_request_duration_seconds_bucket",
      .p95 = "http_request_duration_seconds{quantile=\"0.95\",$in}",
      .also = "",
      .unit_ms = 1000,
      .service_label = "service",
      .namespace_label = "namespace",
      PROCESS,
      POOL },
    { .name = "http-server-status",
      .requests = "http_requests_total",
      .status = "status",
      .buckets = "http_request_duration_seconds_bucket",
      .p95 = "http_request_duration_seconds{quantile=\"0.95\",$in}",
      .also = "",
      .unit_ms = 1000,
      .service_label = "service",
      .namespace_label = "namespace",
      PROCESS,
      POOL },
    /* Spring Boot; the histogram is there when management.metrics.distribution.percentiles-histogram says so */
    { .name = "micrometer",
      .requests = "http_server_requests_seconds_count",
      .status = "status",
      .buckets = "http_server_requests_seconds_bucket",
      .p95 = "http_server_requests_seconds{quantile=\"0.95\",$in}",
      .also = "",
      .unit_ms = 1000,
      .service_label = "service",
      .namespace_label = "namespace",
      .memory_bytes = "jvm_memory_used_bytes",
      .pool_used = "hikaricp_connections_active",
      .pool_most = "hikaricp_connections_max" },
    /* semantic conventions 1.23 and later, as an exporter or collector names them */
    { .name = "opentelemetry",
      .requests = "http_server_request_duration_seconds_count",
      .status = "http_response_status_code",
      .buckets = "http_server_request_duration_seconds_bucket",
      .also = "",
      .unit_ms = 1000,
      .service_label = "service",
      .namespace_label = "namespace" },
    { .name = "istio",
      .requests = "istio_requests_total",
      .status = "response_code",
      .buckets = "istio_request_duration_milliseconds_bucket",
      .also = "reporter=\"destination\",",
      .unit_ms = 1,
      .service_label = "destination_service_name",
      .namespace_label = "destination_service_namespace" },
    { .name = "nginx-ingress",
      .requests = "nginx_ingress_controller_requests",
      .status = "status",
      .buckets = "nginx_ingress_controller_request_duration_seconds_bucket",
      .also = "",
      .unit_ms = 1000,
      .service_label = "exported_service",
      .namespace_label = "exported_namespace" },
    { .name = "traefik",
      .requests = "traefik_service_requests_total",
      .status = "code",
      .buckets = "traefik_service_request_duration_seconds_bucket",
      .also = "",
      .unit_ms = 1000,
      .service_label = "exported_service",
      .namespace_label = "" },
    { .name = NULL },
};

const struct preset *preset_find(const char *name)
{
    for (const struct preset *p = presets; p->name; p++) {
        if (text_eq(p->name, name))
            return p;
    }
    return NULL;
}

bool preset_query(const struct preset *p, enum conf_query q, struct buf *out)
{
    size_t before = out->len;
    if (q == QUERY_REQUESTS)
        buf_addf(out, "sum by ($by) (increase(%s{%s$in}[$range]))", p->requests, p->also);
    else if (q == QUERY_ERRORS)
        buf_addf(out, "sum by ($by) (increase(%s{%s%s=~\"5..\",$in}[$range]))", p->requests, p->also, p->status);
    else if (q == QUERY_LATENCY && p->buckets)
        buf_addf(out, "sum by ($by, le) (increase(%s{%s$in}[$range]))", p->buckets, p->also);
    else if (q == QUERY_P95 && p->p95)
        buf_addf(out, "1000 * max by ($by) (%s)", p->p95);
    else if (q == QUERY_CPU && p->cpu_s)
        buf_addf(out, "1000 * sum by ($by) (rate(%s{$in}[$range]))", p->cpu_s);
    else if (q == QUERY_MEMORY && p->memory_bytes)
        buf_addf(out, "sum by ($by) (%s{$in})", p->memory_bytes);
    else if (q == QUERY_SATURATION && p->pool_used)
        buf_addf(out, "sum by ($by) (%s{$in}) / sum by ($by) (%s{$in})", p->pool_used, p->pool_most);
    return out->len > before;
}

void preset_presence(const struct preset *p, struct buf *out)
{
    buf_addf(out, "count(%s{%s%s!=\"\",$in})", p->requests, p->also, p->status);
}

void preset_fill(const char *query, const char *by, const char *in, int64_t range_ms, struct buf *out)
{
    while (*query) {
        if (text_skip(&query, "$by"))
            buf_adds(out, by);
        else if (text_skip(&query, "$range"))
            buf_addf(out, "%" PRId64 "s", range_ms / 1000);
        else if (text_skip(&query, "$in"))
            buf_adds(out, in);
        else
            buf_addc(out, *query++);
    }
}
