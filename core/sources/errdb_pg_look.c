/* What is there: the server, the table, its columns, and what else was installed with it. */
#include "core/sources/errdb_pg_sql.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { LOOK_RESULTS = 3 };
enum fact {
    F_VERSION, F_PID, F_REPLICA, F_SYSTEM, F_TABLE, F_KIND, F_ROWS, F_NOTIFY, F_STEPS, F_WRITE_STEPS,
    F_SEQUENCE, F_NOW, F_DATABASE, F_TIMELINE, N_FACTS
};

#define T "to_regclass('deployment_errors')"
#define S "to_regclass('deployment_error_steps')"

/* Catalogs only: nothing here fails when the table is missing or may not be read.  The server's
 * TimeZone is asked for before SET LOCAL changes it. */
void pg_sql_look(struct buf *out, const char *zone)
{
    buf_adds(out, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;SELECT ");
    if (*zone)
        pg_sql_literal(out, zone);
    else
        buf_adds(out, "current_setting('TimeZone')");
    buf_adds(out, " AS zone,(extract(epoch FROM (now() AT TIME ZONE ");
    if (*zone)
        pg_sql_literal(out, zone);
    else
        buf_adds(out, "current_setting('TimeZone')");
    buf_adds(out, ")-(now() AT TIME ZONE 'UTC'))*1000)::bigint;ROLLBACK;");
    pg_sql_begin(out, "READ ONLY", false, 0);
    buf_adds(
        out,
        "SELECT current_setting('server_version_num'),pg_backend_pid(),pg_is_in_recovery(),"
        "CASE WHEN has_function_privilege('pg_catalog.pg_control_system()','EXECUTE')"
        " THEN (SELECT system_identifier::text FROM pg_control_system()) END,"
        "c.oid::text,c.relkind::text,"
        "CASE WHEN c.reltuples < 0 THEN pg_relation_size(c.oid)/200 ELSE c.reltuples END::bigint,"
        "EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid=t.tgfoid WHERE t.tgrelid=c.oid"
        " AND p.proname='deployment_errors_notify' AND t.tgenabled<>'D'),"
        "coalesce(has_table_privilege(" S ",'SELECT'),false),"
        "coalesce(has_table_privilege(" S ",'INSERT'),false),"
        "(SELECT CASE WHEN has_sequence_privilege(d.objid,'SELECT,USAGE') AND NOT pg_is_in_recovery()"
        " THEN pg_sequence_last_value(d.objid) END FROM pg_depend d JOIN pg_class q ON q.oid=d.objid"
        " JOIN pg_attribute a ON a.attrelid=d.refobjid AND a.attnum=d.refobjsubid"
        " WHERE d.classid='pg_class'::regclass AND d.refobjid=c.oid AND d.deptype IN ('a','i')"
        " AND q.relkind='S' AND a.attname='id' LIMIT 1),"
        "(extract(epoch FROM clock_timestamp())*1000)::bigint,current_database(),"
        "CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()),8) END"
        " FROM (SELECT " T " AS oid) r LEFT JOIN pg_class c ON c.oid=r.oid;"
        "SELECT a.attname,coalesce(b.typname,t.typname) FROM pg_attribute a JOIN pg_type t ON"
        " t.oid=a.atttypid LEFT JOIN pg_type b ON t.typtype='d' AND b.oid=t.typbasetype"
        " WHERE a.attrelid=" T " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;COMMIT");
}

static bool is_true(const PGresult *r, enum fact f)
{
    return text_eq(PQgetvalue(r, 0, f), "t");
}

static void copy(char *to, size_t room, const PGresult *r, int column)
{
    snprintf(to, room, "%s", PQgetvalue(r, 0, column));
}

static void take_columns(const PGresult *r, struct pg_shape *s)
{
    s->n_columns = (size_t)PQntuples(r);
    s->columns = x_calloc(s->n_columns + 1, sizeof *s->columns);
    for (size_t i = 0; i < s->n_columns; i++) {
        s->columns[i].name = x_strdup(PQgetvalue(r, (int)i, 0));
        snprintf(s->columns[i].type, sizeof s->columns[i].type, "%s", PQgetvalue(r, (int)i, 1));
        for (int c = 0; c < N_COLUMNS; c++) {
            if (text_eq(s->columns[i].name, error_column_names[c]))
                s->types[c] = s->columns[i].type;
        }
    }
    for (int c = 0; c < N_COLUMNS; c++)
        s->missing |= s->types[c] ? 0 : 1u << c;
    const char *id = s->types[COLUMN_ID];
    s->id_most = text_eq(id, "int4") ? INT32_MAX : text_eq(id, "int2") ? INT16_MAX : 0;
}

bool pg_look_decode(const PGresult *const *rows, size_t n, struct pg_shape *out)
{
    struct pg_shape s = { 0 };
    int64_t version, pid, count = 0;
    if (n != LOOK_RESULTS || PQntuples(rows[0]) != 1 || PQnfields(rows[0]) != 2 ||
        PQntuples(rows[1]) != 1 || PQnfields(rows[1]) != N_FACTS || PQnfields(rows[2]) != 2 ||
        PQntuples(rows[2]) > PG_TABLE_COLUMNS)
        return false;
    const PGresult *r = rows[1];
    if (!pg_int(r, 0, F_VERSION, &version) || !pg_int(r, 0, F_PID, &pid) || !pg_int(r, 0, F_NOW, &s.now_ms))
        return false;
    copy(s.zone_name, sizeof s.zone_name, rows[0], 0);
    (void)pg_int(rows[0], 0, 1, &s.zone_name_ms);
    s.version = (int)version;
    s.pid = (int)pid;
    s.is_found = !PQgetisnull(r, 0, F_TABLE);
    s.is_replica = is_true(r, F_REPLICA);
    s.has_notify = is_true(r, F_NOTIFY);
    s.has_steps = is_true(r, F_STEPS);
    s.may_write_steps = is_true(r, F_WRITE_STEPS);
    const char *kind = PQgetvalue(r, 0, F_KIND);
    s.has_xmin = *kind == 'r' || *kind == 'p' || *kind == 'm';
    s.has_watermark = s.has_xmin && s.version >= 130000;
    copy(s.system, sizeof s.system, r, F_SYSTEM);
    copy(s.timeline, sizeof s.timeline, r, F_TIMELINE);
    copy(s.table, sizeof s.table, r, F_TABLE);
    copy(s.database, sizeof s.database, r, F_DATABASE);
    (void)pg_int(r, 0, F_ROWS, &count);
    s.rows = (double)count;
    (void)pg_int(r, 0, F_SEQUENCE, &s.sequence_last);
    take_columns(rows[2], &s);
    *out = s;
    return true;
}

void pg_shape_release(struct pg_shape *s)
{
    for (size_t i = 0; i < s->n_columns; i++)
        free(s->columns[i].name);
    free(s->columns);
    *s = (struct pg_shape){ 0 };
}
