/*
 * core/store/spool.h - failures of `bakewatch run` that the error database has not taken yet, and
 * steps of the error process that have no table: small things that must outlive us.
 *
 * File     STATE/spool.db (0600, SQLite, as durable as the journal)
 * Records  a key (32 hex digits, the same at every try) and one JSON object; put is durable when it
 *          returns.  A record is delivered by whoever holds the spool's lock, and then taken out
 * Limits   SPOOL_RECORDS records, SPOOL_BYTES each
 * Thread   one at a time, blocks
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/model/errors.h"
#include "core/store/statedir.h"

enum { SPOOL_RECORDS = 10000, SPOOL_BYTES = 4 * 1024 * 1024 };

struct spool;
MUST_USE enum err_code spool_open(const struct statedir *dir, struct spool **out, struct err *e);
void spool_close(struct spool *s); /* NULL is fine */
MUST_USE enum err_code spool_put(struct spool *s, const char *key, const char *json, size_t n,
                                 struct err *e);
MUST_USE enum err_code spool_take_out(struct spool *s, const char *key,
                                      struct err *e); /* absent is fine */
/* Oldest first; fn returns false to stop. */
MUST_USE enum err_code
spool_each(struct spool *s, bool (*fn)(void *ctx, const char *key, const char *json, size_t n),
           void *ctx, struct err *e);
/* True: we are the one who delivers, until spool_close. */
bool spool_lock(struct spool *s);

/* Steps without a table (ERR_BUSY: done already), marked "only here".  `source` names the database. */
MUST_USE enum err_code spool_step_put(struct spool *s, const char *source, int64_t id,
                                      enum error_step step, const struct error_done *d,
                                      struct err *e);
MUST_USE enum err_code spool_steps(struct spool *s, const char *source,
                                   void (*fn)(void *ctx, int64_t id, enum error_step step,
                                              const struct error_done *d),
                                   void *ctx, struct err *e);

#endif
