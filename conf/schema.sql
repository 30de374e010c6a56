-- What bakewatch reads and writes in PostgreSQL (13 or later; older ones are read, with less certainty).
-- `bakewatch errors init` prints this file, `bakewatch errors init --apply` carries it out.
--
-- It can be run again at any time: what is there stays as it is.  It changes no row.  Run it as the
-- owner of the table, in the schema where the table is or shall be.  Everything but the table itself is
-- optional: without the trigger bakewatch polls each second, without the steps they stay on the machine
-- of whoever took them, without the role any role that may read the table will do.

-- The table of the deployment process.
CREATE TABLE IF NOT EXISTS deployment_errors (
    id SERIAL PRIMARY KEY,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    service_name VARCHAR(100),
    environment VARCHAR(50),
    deployment_stage VARCHAR(100),
    error_code VARCHAR(50),
    severity VARCHAR(20),
    error_message TEXT,
    stack_trace TEXT,
    user_impact TEXT,
    business_impact TEXT,
    resolution_notes TEXT,
    resolved_at TIMESTAMP,
    resolved_by VARCHAR(100)
);

-- For people's queries ("what came in the last hour", "what is open") and for `bakewatch run`, which
-- looks for its own row near its time before it writes one.  The tail needs the primary key alone.
-- On a large table both take a while and hold up writers: CREATE INDEX CONCURRENTLY by hand instead,
-- under these names, before this file is run.
CREATE INDEX IF NOT EXISTS deployment_errors_timestamp ON deployment_errors (timestamp);
CREATE INDEX IF NOT EXISTS deployment_errors_open ON deployment_errors (id) WHERE resolved_at IS NULL;

-- Steps of the error resolution process, a row each.  The first to take a step is its owner.  There is
-- no foreign key: a TRUNCATE of the errors must not need to know about them.
CREATE TABLE IF NOT EXISTS deployment_error_steps (
    error_id BIGINT NOT NULL,
    step VARCHAR(20) NOT NULL
        CHECK (step IN ('acknowledged', 'investigated', 'planned', 'implemented')),
    by VARCHAR(100) NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (error_id, step)
);

-- A hint that something has changed, so that direct connections need not wait for the next poll.  It
-- carries no data, and nothing is lost when it does not arrive.  One notification a transaction
-- (PostgreSQL drops the repeats); transactions that notify commit one after the other, so leave it out
-- where thousands of transactions a second write to this table:
--     ALTER TABLE deployment_errors DISABLE TRIGGER deployment_errors_notify;
CREATE OR REPLACE FUNCTION deployment_errors_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY deployment_errors;
    RETURN NULL;
END
$$;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'deployment_errors_notify'
                   AND tgrelid = 'deployment_errors'::regclass) THEN
        CREATE TRIGGER deployment_errors_notify
            AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON deployment_errors
            FOR EACH STATEMENT EXECUTE FUNCTION deployment_errors_notify();
    END IF;
END
$$;

-- The least that bakewatch needs.  Give it to people's own roles: GRANT bakewatch TO alice;
-- It may read, record an error, resolve one and take steps; it may not delete, change what an error
-- says, or touch any other table.
DO $$
DECLARE
    sequence text := pg_get_serial_sequence('deployment_errors', 'id');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bakewatch') THEN
        CREATE ROLE bakewatch NOLOGIN;
    END IF;
    GRANT SELECT, INSERT ON deployment_errors TO bakewatch;
    GRANT UPDATE (resolution_notes, resolved_at, resolved_by) ON deployment_errors TO bakewatch;
    GRANT SELECT, INSERT ON deployment_error_steps TO bakewatch;
    IF sequence IS NOT NULL THEN
        EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %s TO bakewatch', sequence);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the role bakewatch was not made or granted to: % (ask an administrator)', SQLERRM;
END
$$;
