/*
 * core/sources/errdb_pg_sql.h - what the table looks like, and the statements that read it.  Pure.
 *
 * Each text is one whole statement group for the simple protocol:
 *   BEGIN READ ONLY; SET LOCAL ...; SELECT ...; COMMIT
 * so that nothing outlives it: behind a pooler a session-level SET lands on other people's connections.
 *
 * Tail     `id > top - ERRDB_WINDOW` by the primary key, and of those the versions that were not yet
 *          visible to the last round (xmin not before its watermark).  top and watermark come from the
 *          same statement, so from the same snapshot
 * Full     the same test over all ids, a chunk of ids at a time
 * Source   reliability.md section 3
 */
#ifndef SOURCES_ERRDB_PG_SQL_H
#define SOURCES_ERRDB_PG_SQL_H

#include <libpq-fe.h>

#include "core/base/buf.h"
#include "core/sources/errdb.h"
#include "core/sources/errdb_decode.h"

enum { PG_TABLE_COLUMNS = 1600, PG_SQL = 4 * 1024 * 1024, PG_STEPS_MOST = 40000 };

enum pg_zone { /* how the zone of zoneless times is known */
    ZONE_SERVER,   /* the server's TimeZone, not proved */
    ZONE_MEASURED, /* from fresh rows */
    ZONE_OFFSET,   /* the config says "+02:00" or "UTC" */
    ZONE_NAME,     /* the config says "Europe/Berlin": the server converts */
};

struct pg_column {
    char *name;
    char type[64];
};

struct pg_shape {
    int version, pid;
    bool is_found; /* there is such a table */
    bool is_replica, has_xmin, has_watermark, has_notify, has_steps, may_write_steps;
    char system[24], table[16];
    char timeline[16]; /* rises with each failover; "" on a standby */
    double rows;           /* estimate */
    int64_t id_most;       /* of a 32-bit id or less; 0 = 64 bits */
    int64_t sequence_last; /* 0 = not known */
    int64_t now_ms;
    char zone_name[64];    /* the server's, or the config's */
    int64_t zone_name_ms;  /* its offset now */
    char database[64];
    struct pg_column *columns;
    size_t n_columns;
    const char *types[N_COLUMNS]; /* borrowed from columns; NULL = the table lacks it */
    unsigned missing;
};
void pg_shape_release(struct pg_shape *s);

struct pg_how { /* of reading, besides the shape */
    const struct pg_shape *shape;
    enum pg_zone zone;
    int64_t zone_ms;
    bool is_raw; /* bytes as they are: SQL_ASCII, or what the server cannot convert */
};
bool pg_is_zoned(const struct pg_how *h); /* the rows' times come as UTC */

void pg_sql_literal(struct buf *out, const char *s); /* quoted; invalid UTF-8 becomes U+FFFD */
void pg_sql_name(struct buf *out, const char *s);    /* quoted */
void pg_sql_column(struct buf *out, enum error_column c);
void pg_sql_time(struct buf *out, const struct pg_how *h, enum error_column c); /* as a row has it */
void pg_sql_begin(struct buf *out, const char *mode, bool is_raw, int statement_ms); /* 0 = 4 s */

/* zone: the config's name, "" = the server's. */
void pg_sql_look(struct buf *out, const char *zone);
/* False: the answer is not of that shape.  *out is owned by the caller then too. */
bool pg_look_decode(const PGresult *const *rows, size_t n, struct pg_shape *out);

/* The answers of these four begin with w, xmax, now, top; `keys` goes on with last, n (of the chunk, or
 * NULL) and id, xmin; `page` with the row; `held` with id, xmin. */
enum { SQL_W, SQL_XMAX, SQL_NOW, SQL_TOP, SQL_HEAD, SQL_LAST = SQL_HEAD, SQL_N, SQL_ID, SQL_VERSION };
struct pg_keys {
    int64_t floor;      /* ids above this one */
    int64_t top_before; /* of the last round: a burst larger than the window is not skipped */
    uint64_t w;         /* versions from there on */
    int64_t chunk;      /* full scan: so many ids; 0 = the tail */
};
void pg_sql_keys(struct buf *out, const struct pg_how *h, const struct pg_keys *k);
void pg_sql_page(struct buf *out, const struct pg_how *h, int64_t before, int n); /* INT64_MAX = the newest */
void pg_sql_held(struct buf *out, const struct pg_how *h, const int64_t *ids, size_t n);
/* Rows by their ids. */
void pg_sql_rows(struct buf *out, const struct pg_how *h, const int64_t *ids, size_t n);
void pg_sql_steps(struct buf *out, const struct pg_how *h, int64_t from_id);
/* A change and what there is after it; `answer` of the caller tells them apart by their order. */
void pg_sql_change(struct buf *out, const struct pg_how *h, const struct errdb_change *c);
/* The whole record, its columns cut only when all of it is over ERRDB_RECORD. */
void pg_sql_record(struct buf *out, const struct pg_how *h, int64_t id);

bool pg_int(const PGresult *r, int row, int column, int64_t *out); /* false: NULL or no number */

#endif
