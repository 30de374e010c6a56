#!/usr/bin/python3
"""What is written to an error table in PostgreSQL, what can be in it, and who may do what."""
import json
import os
import subprocess
import time

import psycopg2

from common import TOP, bakewatch, main, wait_for
from errors_pg import Case, Chaos, errors
from postgres import TABLE

CALLS = os.environ.get("CALLS", str(TOP / "build/plain/tests/it/errdb_calls"))


class Changes(Case):
    """What the console writes: guarded, and harmless when it is sent twice."""

    KEY = "0f" * 16

    def setUp(self):
        self.p = self.postgres(timezone="Europe/Berlin")
        self.p.sql("CREATE ROLE watcher LOGIN; GRANT bakewatch TO watcher")
        [self.row] = self.insert(self.p)
        self.db = self.p.url("watcher")

    def call(self, *args, db=None):
        done = subprocess.run([CALLS, db or self.db, *map(str, args)], capture_output=True, text=True, timeout=60,
                              check=True)
        return done.stdout.splitlines()

    def test_resolve_and_reopen(self):
        bob = ("resolve", self.row, "bob", "it's a \\ note")
        [line] = self.call(*bob)
        self.assertRegex(line, r"^applied 0 resolved by bob at 20..-..-..T..:..:..Z$")
        columns = "resolved_by, resolution_notes, abs(extract(epoch FROM resolved_at - localtimestamp)) < 60"
        self.assertEqual(self.p.sql(f"SELECT {columns} FROM deployment_errors"), [("bob", "it's a \\ note", True)])
        self.assertRegex(self.call(*bob)[0], "^applied") # sent twice
        self.assertRegex(self.call("resolve", self.row, "eve", "mine")[0], "^refused 0 resolved by bob at 20")
        self.assertRegex(self.call("resolve", self.row + 1, "eve", "")[0], "^failed 0 no row")
        seen = self.p.one("SELECT floor(extract(epoch FROM resolved_at) * 1000)::bigint FROM deployment_errors")
        self.assertRegex(self.call("reopen", self.row, "eve", "", seen + 1)[0], "^refused 0 resolved by bob")
        again = ("reopen", self.row, "eve", "not yet", seen)
        self.assertRegex(self.call(*again)[0], "^applied")
        self.assertRegex(self.call(*again)[0], "^applied")
        self.assertEqual(self.p.sql("SELECT resolved_at, resolved_by, resolution_notes FROM deployment_errors"),
                         [(None, None, "it's a \\ note\nnot yet")])

    def test_steps(self):
        ann = ("step", self.row, "acknowledged", "ann", "on it")
        self.assertRegex(self.call(*ann)[0], "^applied 0 acknowledged by ann at 20")
        self.assertRegex(self.call(*ann)[0], "^applied")
        self.assertRegex(self.call("step", self.row, "acknowledged", "bob", "")[0], "^refused 0 acknowledged by ann at 20")
        self.assertRegex(self.call("step", self.row + 1, "planned", "bob", "")[0], "^failed 0 no row")
        self.p.sql("DROP TABLE deployment_error_steps")
        self.assertRegex(self.call(*ann)[0], "^failed 0 no table deployment_error_steps")

    def test_a_failure_is_recorded_once(self):
        record = ("record", self.KEY, int(time.time() * 1000), "web", "x" * 3000, "boom\nline")
        lines = [self.call(*record)[0] for _ in range(3)]
        self.assertEqual({line.split()[0] for line in lines}, {"applied"})
        self.assertEqual(len({line.split()[1] for line in lines}), 1)
        [(stack, service, ok)] = self.p.sql("SELECT stack_trace, service_name, abs(extract(epoch FROM timestamp - "
                                            "localtimestamp)) < 60 FROM deployment_errors WHERE service_name = 'web' "
                                            "AND length(error_message) = 3000")
        self.assertEqual((stack, service, ok), (f"bakewatch {self.KEY}\nboom\nline", "web", True))
        many = [subprocess.Popen([CALLS, self.db, "record", "ab" * 16, str(record[2]), "web", "race", "s"],
                                 stdout=subprocess.DEVNULL) for _ in range(8)]
        self.assertEqual([m.wait(60) for m in many], [0] * 8)
        self.assertEqual(self.p.one("SELECT count(*) FROM deployment_errors WHERE error_message = 'race'"), 1)

    def test_recorded_by_two_at_once(self):
        """Who comes second waits for the first, and finds its row."""
        c = self.p.connect(autocommit=False)
        with c.cursor() as cur:
            cur.execute("SELECT pg_advisory_xact_lock(%s)", (int(self.KEY[:16], 16),))
            cur.execute("INSERT INTO deployment_errors(stack_trace) VALUES (%s) RETURNING id", (f"bakewatch {self.KEY}",))
            first = cur.fetchone()[0]
        call = subprocess.Popen([CALLS, self.db, "record", self.KEY, str(int(time.time() * 1000)), "web", "m", "s"],
                                stdout=subprocess.PIPE, text=True)
        wait_for(lambda: self.p.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 10,
                 "it waits")
        c.commit()
        c.close()
        self.assertRegex(call.communicate(timeout=30)[0], f"^applied {first} ")
        self.assertEqual(self.p.one("SELECT count(*) FROM deployment_errors WHERE stack_trace IS NOT NULL"), 1)

    def test_a_lost_answer(self):
        """The link goes while the change waits for a lock: unknown; the same call again settles it."""
        chaos = Chaos(f"127.0.0.1:{self.p.port}")
        self.addCleanup(chaos.end)
        c = self.p.connect(autocommit=False)
        with c.cursor() as cur:
            cur.execute("SELECT FROM deployment_errors WHERE id = %s FOR UPDATE", (self.row,))
        call = subprocess.Popen([CALLS, self.p.url("watcher", port=chaos.port), "resolve", str(self.row), "bob", "n"],
                                stdout=subprocess.PIPE, text=True)
        wait_for(lambda: self.p.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                    "query LIKE '%%UPDATE deployment_errors%%'"), 10, "it waits")
        chaos("rst")
        first = call.stdout.readline()
        c.commit()
        c.close()
        rest = call.communicate(timeout=30)[0]
        self.assertRegex(first, "^unknown")
        self.assertRegex(rest.splitlines()[-1], "^applied 0 resolved by bob")
        self.assertEqual(self.p.one("SELECT resolution_notes FROM deployment_errors"), "n")

    def test_what_stands_in_the_way(self):
        c = self.p.connect(autocommit=False)
        with c.cursor() as cur:
            cur.execute("SELECT FROM deployment_errors WHERE id = %s FOR UPDATE", (self.row,))
        self.assertRegex(self.call("resolve", self.row, "bob", "")[0], "^failed 0 canceling statement due to lock timeout")
        c.rollback()
        c.close()
        self.p.sql("REVOKE UPDATE (resolved_by) ON deployment_errors FROM bakewatch")
        self.assertRegex(self.call("resolve", self.row, "bob", "")[0], "^failed 0 permission denied")
        self.p.sql("ALTER ROLE watcher SET default_transaction_read_only = on")
        self.assertRegex(self.call("resolve", self.row, "bob", "")[0], "^failed 0 cannot execute UPDATE in a read-only")
        self.p.sql("ALTER TABLE deployment_errors DROP COLUMN resolved_at")
        self.assertRegex(self.call("resolve", self.row, "bob", "")[0], "^failed 0 deployment_errors has no column")
        self.p.stop()
        self.assertRegex(self.call("resolve", self.row, "bob", "")[0], "^failed 0 no connection.*refused")

    def test_through_a_pooler(self):
        b = self.bouncer(self.p, pool=1)
        self.assertRegex(self.call("resolve", self.row, "bob", "n", db=b.url("watcher"))[0], "^applied")
        c = b.connect(user="watcher")
        with c.cursor() as cur:
            cur.execute("SELECT current_setting('lock_timeout'), current_setting('datestyle')")
            self.assertEqual(cur.fetchone(), ("0", "ISO, MDY"))
        c.close()


class Content(Case):
    def test_nothing_in_it(self):
        """NULL in every column."""
        p = self.postgres()
        p.sql("INSERT INTO deployment_errors(timestamp) VALUES (NULL)")
        _, out, _ = errors(p.url(), "-o", "ndjson", check=0)
        row = json.loads(out)
        columns = ("timestamp", "service_name", "environment", "deployment_stage", "error_code", "severity",
                   "error_message", "stack_trace", "user_impact", "business_impact", "resolution_notes",
                   "resolved_at", "resolved_by")
        self.assertEqual({c: row[c] for c in columns}, {c: None for c in columns})
        errors(p.url(), check=0)

    def test_odd_times(self):
        p = self.postgres()
        p.sql("INSERT INTO deployment_errors(timestamp) VALUES ('infinity'), ('-infinity'), "
              "('294276-12-31 23:59:59'), ('0044-03-15 10:00:00 BC'), ('2026-11-24 10:00:00.123')")
        _, out, _ = errors(p.url(), "-o", "ndjson", "--since", "all", check=0)
        times = {json.loads(line)["id"]: json.loads(line)["timestamp"] for line in out.splitlines()}
        self.assertEqual(times[5], "2026-11-24T10:00:00Z")
        self.assertEqual((times[1], times[2], times[3]), ("unknown",) * 3)

    def test_ten_megabytes(self):
        """A stack trace of 10 MB: 4 KiB in the list, all of it when asked for."""
        p = self.postgres()
        p.sql("INSERT INTO deployment_errors(stack_trace) VALUES (repeat('frame at x.c:1' || chr(10), 699051))")
        _, out, _ = errors(p.url(), "-o", "ndjson", check=0)
        row = json.loads(out)
        self.assertEqual((len(row["stack_trace"]), row["cut"], row["stack_trace_bytes"]), (4096, True, 15 * 699051))
        _, out, _ = errors(p.url(), "show", "1", "-o", "json", check=0)
        self.assertEqual(len(json.loads(out)["stack_trace"]), 15 * 699051)

    def test_bytes_of_any_kind(self):
        """SQL_ASCII: escape sequences and what is no UTF-8 are shown, never obeyed."""
        p = self.postgres(encoding="SQL_ASCII")
        c = p.connect()
        c.set_client_encoding("SQL_ASCII")
        with c.cursor() as cur:
            cur.execute(b"INSERT INTO deployment_errors(service_name, error_message, stack_trace) VALUES "
                        b"(E'caf\\xe9', E'\\x1b]0;pwned\\x07 \\xc3\\xa9 \\xff\\x9b31m', E'a\\x1b[2J\\nb\\r\\x08c')")
        c.close()
        for args in ((), ("-o", "wide"), ("show", "1")):
            _, out, _ = errors(p.url(), *args, check=0)
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
            self.assertIn("caf\ufffd", out)
        _, out, _ = errors(p.url(), "-o", "ndjson", check=0)
        self.assertEqual(json.loads(out)["error_message"], "\x1b]0;pwned\x07 \u00e9 \ufffd\ufffd31m")

    def test_filters_and_zones(self):
        p = self.postgres(timezone="Europe/Berlin")
        p.sql("INSERT INTO deployment_errors(service_name, severity, error_message) VALUES ('web', 'CRITICAL', 'a'), "
              "('web', 'warning', 'b'), ('db', 'fatal', 'c')")
        def messages(*args):
            _, out, _ = errors(p.url(), "-o", "json", *args, check=0)
            return sorted(e["error_message"] for e in json.loads(out)["errors"])
        self.assertEqual(messages("--service", "WEB"), ["a", "b"])
        self.assertEqual(messages("--severity", "high"), ["a", "c"])
        _, out, _ = errors(p.url(), "-o", "json", check=0)
        doc = json.loads(out)
        self.assertIn("Europe/Berlin", doc["zone"])
        at = time.mktime(time.strptime(doc["errors"][0]["timestamp"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        self.assertLess(abs(at - time.time()), 120)


    def test_zones_of_the_config_and_of_columns(self):
        """A name is converted by the server, an offset by us; a column with a zone needs neither."""
        p = self.postgres()
        config = p.dir / "config.yaml"
        p.sql("INSERT INTO deployment_errors(timestamp, resolved_at) VALUES ('2026-07-01 12:00', '2026-07-01 13:00'), "
              "('2026-12-01 12:00', NULL)")

        def look(zone):
            config.write_text(f'errors: {{db: "{p.url()}", timezone: "{zone}"}}\n', encoding="utf-8")
            _, out, _ = bakewatch("errors", "--config", str(config), "-o", "json", "--since", "all", check=0)
            doc = json.loads(out)
            return doc["zone"], [(e["timestamp"], e["resolved_at"]) for e in reversed(doc["errors"])]
        self.assertEqual(look("Europe/Berlin"), ("Europe/Berlin (config)", [
            ("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z"), ("2026-12-01T11:00:00Z", None)]))
        self.assertEqual(look("-03:30"), ("UTC-03:30 (config)", [
            ("2026-07-01T15:30:00Z", "2026-07-01T16:30:00Z"), ("2026-12-01T15:30:00Z", None)]))
        p.sql("ALTER TABLE deployment_errors ALTER resolved_at TYPE timestamptz") # as UTC: the server's zone
        self.assertEqual(look("+02:00")[1][0], ("2026-07-01T10:00:00Z", "2026-07-01T13:00:00Z"))
        self.assertEqual(look("Europe/Berlin")[1][0], ("2026-07-01T10:00:00Z", "2026-07-01T13:00:00Z"))
        p.sql("ALTER TABLE deployment_errors ALTER timestamp TYPE timestamptz")
        self.assertEqual(look("+02:00"), ("UTC (the column has a zone)", [
            ("2026-07-01T12:00:00Z", "2026-07-01T13:00:00Z"), ("2026-12-01T12:00:00Z", None)]))
        p.sql("ALTER TABLE deployment_errors ALTER resolved_at TYPE timestamp")
        self.assertEqual(look("+02:00")[1][0], ("2026-07-01T12:00:00Z", "2026-07-01T11:00:00Z"))
        config.write_text(f'errors: {{db: "{p.url()}", timezone: "No/Where"}}\n', encoding="utf-8")
        code, _, err = bakewatch("errors", "--config", str(config))
        self.assertEqual(code, 4, err)
        self.assertIn("No/Where", err)


class Rights(Case):
    def test_the_least_role(self):
        """It can do what the console does, and nothing more."""
        p = self.postgres()
        [row] = self.insert(p)
        p.sql("CREATE ROLE watcher LOGIN; GRANT bakewatch TO watcher; CREATE TABLE other (n int)")
        me = {"user": "watcher"}
        _, out, _ = errors(p.url(**me), "-o", "ndjson", check=0)
        self.assertEqual(json.loads(out)["id"], row)
        errors(p.url(**me), "show", str(row), check=0)
        p.sql("UPDATE deployment_errors SET resolved_at = now(), resolved_by = 'w', resolution_notes = 'n' "
              "WHERE id = %s AND resolved_at IS NULL RETURNING id", row, **me)
        p.sql("INSERT INTO deployment_error_steps(error_id, step, by) VALUES (%s, 'acknowledged', 'w')", row, **me)
        self.insert(p, **me)
        for denied in ("DELETE FROM deployment_errors", "TRUNCATE deployment_errors", "DROP TABLE deployment_errors",
                       "UPDATE deployment_errors SET error_message = ''", "SELECT * FROM other",
                       "DELETE FROM deployment_error_steps", "UPDATE deployment_error_steps SET by = ''",
                       "ALTER TABLE deployment_errors ADD COLUMN x int", "CREATE TABLE public.mine (n int)"):
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege, msg=denied):
                p.sql(denied, **me)

    def test_init(self):
        """Made, then found; and the text is what is carried out."""
        p = self.postgres(schema=None)
        _, out, _ = bakewatch("errors", "init", check=0)
        self.assertEqual(out, TABLE)
        code, _, err = errors(p.url())
        self.assertEqual(code, 4)
        self.assertIn("errors init", err)
        _, out, _ = errors(p.url(), "init", "--apply", check=0)
        self.assertEqual(out.count("\nmade: "), 7, out)
        _, out, _ = errors(p.url(), "init", "--apply", check=0)
        self.assertEqual(out.count("\nwas there: "), 7, out)
        p.sql("DROP TABLE deployment_errors; CREATE VIEW deployment_errors AS SELECT 1 AS id")
        code, _, err = errors(p.url(), "init", "--apply")
        self.assertEqual(code, 4)
        self.assertIn("cannot create index", err)

    def test_refused_and_unreachable(self):
        p = self.postgres()
        hba = p.dir / "data/pg_hba.conf"
        hba.write_text("local all all trust\nhost ops secret 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n", encoding="utf-8")
        p.sql("CREATE ROLE secret LOGIN PASSWORD 'sEcReT-1'; GRANT bakewatch TO secret; SELECT pg_reload_conf()")
        wait_for(lambda: errors(p.url("secret"))[0] == 4, 10, "the password is asked for")
        errors(p.url("secret:sEcReT-1"), check=0)
        code, out, err = errors(p.url("secret:wrong-pw-1"), "--log-file", str(p.dir / "our.log"), "--log-level", "debug")
        self.assertEqual(code, 4)
        self.assertIn("password authentication failed", err)
        self.assertNotIn("wrong-pw-1", out + err + (p.dir / "our.log").read_text(encoding="utf-8"))
        code, _, err = errors("postgresql://u:p%zzgeheim@h/x")
        self.assertEqual(code, 2)
        self.assertNotIn("geheim", err)
        errors(f"postgresql://postgres@localhost:{p.port}/ops", check=0) # a name: resolved, every address tried
        errors(f"host={p.dir} port={p.port} dbname=ops user=postgres", check=0) # a socket
        code, _, err = errors(f"host=db.example.org hostaddr=127.0.0.1 port={p.port} dbname=ops user=postgres")
        self.assertEqual(code, 4)
        self.assertIn("SSL", err) # not this machine: it must prove itself
        errors(f"host=db.example.org hostaddr=127.0.0.1 port={p.port} dbname=ops user=postgres sslmode=prefer", check=0)
        code, _, err = errors("postgresql://postgres@no..such..name/ops")
        self.assertEqual(code, 4)
        self.assertIn("cannot resolve no..such..name", err)
        p.stop()
        code, _, err = errors(p.url())
        self.assertEqual(code, 4)
        self.assertIn("refused", err)
        self.assertEqual(bakewatch("errors")[0], 2)
        (p.dir / "svc").write_text(f"[ops]\nhost=127.0.0.1\nport={p.port}\ndbname=ops\nuser=postgres\n", encoding="utf-8")
        p.start()
        bakewatch("errors", "--errors-db", "service=ops", env={"PGSERVICEFILE": str(p.dir / "svc")}, check=0)


if __name__ == "__main__":
    main()
