/*
 * core/gather/error_record.h - the whole record of one error, fetched when somebody opens it, as a text.
 *
 * Limits   DOC_LINES, DOC_BYTES; a line is cut at ERROR_TEXT
 * Thread   the loop's      Owns   a call of the database, which must not outlive it: close first
 */
#ifndef GATHER_ERROR_RECORD_H
#define GATHER_ERROR_RECORD_H

#include "core/model/cmdq.h"
#include "core/sources/errdb.h"

struct error_record;
struct error_record *error_record_new(void (*on_doc)(void *ctx), void *ctx);
void error_record_free(struct error_record *r); /* NULL is fine */
void error_record_open(struct error_record *r, struct errdb *db, const struct cmd_msg *m); /* db NULL: says so */
void error_record_close(struct error_record *r);
struct doc *error_record_doc(const struct error_record *r); /* a new section; NULL = none is open */

#endif
