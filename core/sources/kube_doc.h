/*
 * core/sources/kube_doc.h - one text that somebody asked to see, fetched on demand.
 *
 * RAW       the object as YAML           DESCRIBE  its facts, then its events
 * DIFF      the pod template of a revision against that of the one named `other`
 * LOG       the last DOC_TAIL lines of a container, then followed; `previous` is not followed
 *
 * Thread   the loop's      Limits  those of model/doc.h
 */
#ifndef SOURCES_KUBE_DOC_H
#define SOURCES_KUBE_DOC_H

#include "core/model/cmdq.h"
#include "core/model/doc.h"
#include "core/sources/kube.h"

enum { DOC_TAIL = 1000 };

struct kube_doc;
struct kube_doc *kube_doc_open(struct loop *l, struct kube *k, const struct cmd_msg *m,
                               void (*on_change)(void *ctx), void *ctx);
void kube_doc_free(struct kube_doc *d); /* NULL is fine */
struct doc *kube_doc_section(const struct kube_doc *d); /* a new section: what is there so far */

#endif
