/*
 * core/sim/rows.h - writes the rows of deployment_errors into an SQLite file or into PostgreSQL.
 *
 * SQLite is made here, as bakewatch makes it (WAL, UTC text), and rows are there when rows_flush
 * returns. PostgreSQL is asked without blocking: rows wait in a queue, and rows_is_idle tells when
 * all are written. The table must be there already, or the role may make it.
 *
 * Limits   ROWS_WAITING rows in the queue; what comes then is dropped and counted
 * Thread   one      Owns   its connection; the file stays when it is released
 */
#ifndef SIM_ROWS_H
#define SIM_ROWS_H

#include <poll.h>

#include "core/sim/world.h"

enum { ROWS_WAITING = 100000 };

struct rows;
MUST_USE enum err_code rows_open_sqlite(const char *path, struct rows **out, struct err *e);
MUST_USE enum err_code rows_open_pg(const char *uri, struct rows **out, struct err *e);
void rows_free(struct rows *r); /* NULL is fine */
void rows_add(struct rows *r, const struct error_row *row);
void rows_flush(struct rows *r);
bool rows_is_idle(const struct rows *r);
const char *rows_error(const struct rows *r);       /* "" = none: the last thing that went wrong */
int rows_want(const struct rows *r, short *events); /* the fd, -1 = none */
void rows_serve(struct rows *r);

#endif
