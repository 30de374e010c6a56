/*
 * core/sources/alerts.h - the active alerts of an Alertmanager: one SAMPLE_ALERT when one fires, one
 * when it does no more.
 *
 * Alerts of one name and one workload are one.  What is silenced or inhibited does not fire.  While
 * the Alertmanager cannot be asked, nothing changes.
 *
 * Limits   ALERTS_BODY bytes, ALERTS_MOST alerts, the first ones of the answer
 * Thread   the loop's      Owns   the configuration is borrowed and outlives it
 * Source   Alertmanager, API v2; Debian 12's 0.25
 */
#ifndef SOURCES_ALERTS_H
#define SOURCES_ALERTS_H

#include "core/conf/measure.h"
#include "core/loop/loop.h"
#include "core/model/ident.h"
#include "core/model/sample.h"

enum { ALERTS_BODY = 8 * 1024 * 1024, ALERTS_MOST = 1000 };

struct alerts_spec {
    const struct conf_alertmanager *conf;
    int64_t pace;
    struct sample_sink *sink;
    const char *(*subject_of)(void *ctx, const char *service, const char *ns); /* as core/sources/prom.h */
    void (*on_state)(void *ctx); /* may be NULL */
    void *ctx;
};

struct alerts;
struct alerts *alerts_new(struct loop *l, const struct alerts_spec *spec);
void alerts_free(struct alerts *a); /* NULL is fine */
void alerts_now(struct alerts *a);
struct source_health alerts_health(const struct alerts *a); /* objects: alerts that fire */

#endif
