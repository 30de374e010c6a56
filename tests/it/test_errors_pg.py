#!/usr/bin/python3
"""The error table in a real PostgreSQL: nothing lost, nothing twice, whatever happens to the server; and
what it costs the server."""
import json
import re
import time

from common import ROUNDS, main, wait_for
from errors_pg import INSERT, Case, Chaos, Writers, errors

SECONDS = 10 if ROUNDS == 1 else 60


class Flood(Case):
    def flood(self, p, db, restarts, connect=None):
        f = self.follow(db)
        first = self.insert(p)
        f.wait_ids(first)
        w = Writers(connect or (lambda: p.connect(autocommit=False)))
        begun, rss = time.monotonic(), []
        for i in range(1, 6):
            w.over.wait(max(0, begun + SECONDS * i / 6 - time.monotonic()))
            if restarts and i in (2, 4):
                p.stop("immediate")
                p.start()
            rss.append(f.rss_kib())
        w.over.wait(max(0, begun + SECONDS - time.monotonic()))
        w.end()
        ended = time.monotonic()
        w.committed.update(first)
        self.check_once(f, p, w)
        print(f"measured flood{' with restarts' if restarts else ''}: {len(w.committed)} rows committed in "
              f"{ended - begun:.0f} s, {len(w.rolled_back)} rolled back, {len(w.unknown)} unknown; all shown "
              f"{time.monotonic() - ended:.1f} s after the last; RSS {rss} KiB", flush=True)
        self.assertGreater(len(w.committed), 100 * SECONDS)
        return f, w, rss

    def test_restarted_twice(self):
        """8 writers, the server killed twice: exactly the committed ids, each once."""
        p = self.postgres()
        self.flood(p, p.url(), True)

    def test_through_a_pooler(self):
        """The same through PgBouncer in transaction mode."""
        p = self.postgres()
        b = self.bouncer(p)
        self.flood(p, b.url(), False, lambda: b.connect(autocommit=False))

    def test_memory_is_flat(self):
        """Rows beyond those that are held cost a byte each."""
        p = self.postgres()
        f = self.follow(p.url())
        sizes = []
        for i in range(4):
            p.sql(INSERT.replace("VALUES ", "") + "SELECT 'web', 'high', repeat('x', 500) FROM generate_series(1, 15000)")
            f.wait(lambda n=i: len(f.events) == 15000 * (n + 1), 60, "rows")
            sizes.append(f.rss_kib())
        print(f"measured RSS after each 15,000 rows: {sizes} KiB", flush=True)
        self.assertLess(sizes[3] - sizes[1], 4096)
        self.assertEqual(len(set(f.ids())), 60000)


class Sharing(Case):
    def test_a_pool_of_one(self):
        """One server connection for us and another application: nothing of ours stays on it."""
        p = self.postgres()
        b = self.bouncer(p, pool=1)
        app = b.connect()
        def write():
            with app.cursor() as cur:
                cur.execute(INSERT + "('app', 'low', 'x') RETURNING id")
                row = cur.fetchone()[0]
                cur.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
                            "current_setting('transaction_read_only'), current_setting('datestyle')")
                self.assertEqual(cur.fetchone(), ("0", "0", "off", "ISO, MDY"))
            return row
        ids = [write()]
        f = self.follow(b.url())
        f.wait_ids(ids)
        ids += [write() for _ in range(20)]
        f.wait_ids(ids)
        p.sql("ALTER TABLE deployment_errors RENAME error_code TO code") # our statements fail
        ids.append(write())
        f.wait_said("error_code")
        ids += [write() for _ in range(20)]
        p.sql("ALTER TABLE deployment_errors RENAME code TO error_code")
        f.wait_ids(ids)
        self.assertEqual(f.end(), 130)
        ids.append(write())
        app.close()

    def test_a_million_rows(self):
        """The first page at once, the tail by the primary key, and one statement a second at rest."""
        p = self.postgres(log_statement="all", log_min_duration_statement="-1")
        p.sql("DROP INDEX deployment_errors_timestamp; DROP INDEX deployment_errors_open;"
              "ALTER TABLE deployment_errors DISABLE TRIGGER deployment_errors_notify;"
              "INSERT INTO deployment_errors(timestamp, service_name, severity, error_message) SELECT "
              "now() - interval '40 days' + n * interval '3 seconds', 'web', 'high', repeat('x', 200) "
              "FROM generate_series(1, 1000000) n; ANALYZE deployment_errors")
        begun = time.monotonic()
        _, out, _ = errors(p.url(), "--since", "1s", "-o", "ndjson", "--timeout", "30s", check=0)
        first_page = time.monotonic() - begun
        f = self.follow(p.url(), "--new")
        f.wait_said("following")
        [row] = self.insert(p)
        f.wait_ids([row])
        before = (p.text().count("statement: BEGIN"), time.monotonic())
        f.wait(lambda: time.monotonic() - before[1] > 15 or None, 30, "15 s at rest")
        n, seconds = p.text().count("statement: BEGIN") - before[0], time.monotonic() - before[1]
        tail = [s for s in re.findall(r"statement: BEGIN[^\n]*?(SELECT [^\n]*);COMMIT", p.text())
                if "LATERAL (SELECT id,xmin" in s and "least(" in s][-1]
        plan = "\n".join(r[0] for r in p.sql("EXPLAIN ANALYZE " + tail))
        took = re.search(r"Execution Time: ([\d.]+)", plan).group(1)
        print(f"measured 1,000,000 rows: first page {first_page * 1000:.0f} ms (whole command), {n} statements in "
              f"{seconds:.0f} s at rest, the tail {took} ms", flush=True)
        self.assertLess(n, seconds + 2)
        self.assertRegex(plan, r"Index Scan using deployment_errors_pkey on deployment_errors(?! e)")
        self.assertNotIn("Seq Scan", plan)
        self.assertEqual(out, "")

    def test_a_notification_is_a_hint(self):
        """With the trigger a row is there at once; without it within a poll.  No LISTEN behind a pooler."""
        p = self.postgres(log_statement="all")
        b = self.bouncer(p)
        f = self.follow(p.url(), "--new")
        wait_for(lambda: "LISTEN deployment_errors" in p.text(), 10, "LISTEN")
        latencies = []
        for _ in range(5):
            f.wait(lambda: time.monotonic() - (f.times or [0])[-1] > 0.3, 5, "a quiet moment")
            begun = time.monotonic()
            f.wait_ids(self.insert(p))
            latencies.append(time.monotonic() - begun)
        print(f"measured insert to line with NOTIFY: {sorted(latencies)[2] * 1000:.0f} ms (median of 5)", flush=True)
        self.assertLess(sorted(latencies)[2], 1)
        n = p.text().count("LISTEN deployment_errors")
        g = self.follow(b.url(), "--new")
        g.wait_said("following")
        p.sql("ALTER TABLE deployment_errors DISABLE TRIGGER deployment_errors_notify")
        ids = self.insert(p)
        g.wait_ids(ids)
        self.assertEqual(p.text().count("LISTEN deployment_errors"), n)


class Faults(Case):
    """Rows 29 to 35 of the fault matrix that the flood does not have."""

    def setUp(self):
        self.p = self.postgres()
        self.ids = self.insert(self.p, 3)

    def kill_backends(self):
        return self.p.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bakewatch'")

    def test_terminated_in_the_middle(self):
        """A backend that ends while it answers: the page is repeated, nothing is shown twice."""
        self.p.sql(INSERT.replace("VALUES ", "") + "SELECT 'web', 'high', repeat('x', 2000) FROM generate_series(1, 10000)")
        chaos = Chaos(f"127.0.0.1:{self.p.port}")
        self.addCleanup(chaos.end)
        chaos("cut 1500000") # in the middle of the second page of each connection
        f = self.follow(self.p.url(port=chaos.port), "--since", "all")
        f.wait(lambda: len(f.events) >= 4000, 60, "4000 rows")
        self.assertGreater(json.loads(chaos("stats"))["accepted"], 3)
        chaos("cut -1")
        for n in (5000, 7000, 9000):
            f.wait(lambda n=n: len(f.events) >= n, 60, f"{n} rows")
            self.kill_backends()
        f.wait(lambda: len(set(f.ids())) == 10003, 90, "all rows")
        self.assertEqual(len(f.ids()), 10003)
        self.assertEqual(f.ids("update") + f.ids("delete"), [])

    def test_locked(self):
        f = self.follow(self.p.url())
        f.wait_ids(self.ids)
        c = self.p.connect(autocommit=False)
        with c.cursor() as cur:
            cur.execute("LOCK TABLE deployment_errors")
            begun = time.monotonic()
            f.wait_said("locked")
            print(f"measured locked: said after {time.monotonic() - begun:.1f} s", flush=True)
            cur.execute(INSERT + "('web', 'low', 'x') RETURNING id")
            row = cur.fetchone()[0]
        c.commit()
        c.close()
        f.wait_ids([row])

    def test_dropped_renamed_revoked(self):
        """Said in words, and healed without help."""
        self.p.sql("CREATE ROLE watcher LOGIN; GRANT bakewatch TO watcher")
        f = self.follow(self.p.url(user="watcher"))
        f.wait_ids(self.ids)
        for harm, words, cure in (
                ("ALTER TABLE deployment_errors RENAME error_message TO message", "error_message",
                 "ALTER TABLE deployment_errors RENAME message TO error_message"),
                ("REVOKE SELECT ON deployment_errors FROM bakewatch", "permission denied",
                 "GRANT SELECT ON deployment_errors TO bakewatch"),
                ("ALTER TABLE deployment_errors RENAME TO gone", "no table deployment_errors",
                 "ALTER TABLE gone RENAME TO deployment_errors")):
            f.words.clear()
            self.p.sql(harm)
            if words == "error_message": # the tail's keys do not need it, rows do
                self.p.sql("INSERT INTO deployment_errors(service_name) VALUES ('web')")
            f.wait_said(words)
            self.p.sql(cure)
            f.wait_ids(self.insert(self.p))
        self.assertEqual(f.ids("delete"), [])
        self.assertEqual(len(f.ids()), len(set(f.ids())))

    def test_without_some_columns(self):
        """A table with columns missing, in another order, with strangers among them."""
        self.p.sql("DROP TABLE deployment_errors; CREATE TABLE deployment_errors (extra jsonb, error_message text, "
                   "id bigserial PRIMARY KEY, severity text); INSERT INTO deployment_errors(error_message, extra) "
                   "VALUES ('boom', '{}')")
        _, out, _ = errors(self.p.url(), "-o", "ndjson", check=0)
        row = json.loads(out)
        self.assertEqual((row["error_message"], row["service_name"]), ("boom", None))
        _, out, _ = errors(self.p.url(), "show", "1", "-o", "json", check=0)
        self.assertEqual(json.loads(out), {"extra": "{}", "error_message": "boom", "id": "1", "severity": None})
        self.p.sql("DROP TABLE deployment_errors; CREATE TABLE deployment_errors (id uuid)")
        code, _, err = errors(self.p.url())
        self.assertEqual(code, 4)
        self.assertIn("uuid", err)

    def test_a_view(self):
        """Without xmin it is polled by id, and updates of the newest are seen all the same."""
        self.p.sql("ALTER TABLE deployment_errors RENAME TO base; CREATE VIEW deployment_errors AS SELECT * FROM base")
        f = self.follow(self.p.url())
        f.wait_ids(self.ids)
        f.wait_ids(self.insert(self.p))
        self.p.sql("UPDATE base SET resolved_at = now() WHERE id = %s", self.ids[0])
        f.wait_ids(self.ids[:1], "update")
        self.assertEqual(len(f.ids()), len(set(f.ids())))

    def test_truncated(self):
        """TRUNCATE RESTART IDENTITY: what was is gone, and the same ids are new rows."""
        f = self.follow(self.p.url())
        f.wait_ids(self.ids)
        self.p.sql("TRUNCATE deployment_errors RESTART IDENTITY")
        f.wait_ids(self.ids, "delete", 20) # not by the check of each minute
        again = self.insert(self.p)
        self.assertEqual(again, self.ids[:1])
        f.wait(lambda: f.ids().count(again[0]) == 2, 20, "the id again")

    def test_deleted(self):
        f = self.follow(self.p.url())
        f.wait_ids(self.ids)
        self.p.sql("DELETE FROM deployment_errors WHERE id = %s", self.ids[-1])
        f.wait_ids(self.ids[-1:], "delete", 65)
        self.p.sql("DELETE FROM deployment_errors WHERE id = %s", self.ids[0])
        f.wait_ids(self.ids[:1], "delete", 90)
        self.assertEqual(sorted(f.ids()), sorted(self.ids))

    def test_updates_below_the_window(self):
        """A row that is no longer held, far below the tail's window: found by the full scan."""
        self.p.sql(INSERT.replace("VALUES ", "") + "SELECT 'web', 'high', 'x' FROM generate_series(1, 25000)")
        f = self.follow(self.p.url(), "--since", "all")
        f.wait(lambda: len(f.ids()) == 25003, 60, "all")
        self.p.sql("UPDATE deployment_errors SET resolved_at = now(), resolved_by = 'bob' WHERE id = %s", self.ids[0])
        self.kill_backends() # a reconnect brings the full scan
        f.wait_ids(self.ids[:1], "update")
        [update] = [e for e in f.events if e["event"] == "update"]
        self.assertEqual(update["resolved_by"], "bob")
        self.assertEqual(len(f.ids()), 25003)

    def test_failover(self):
        """A second cluster behind the same address, with the same ids: read anew, and said."""
        other = self.postgres()
        theirs = self.insert(other, 2)
        first = Chaos(f"127.0.0.1:{self.p.port}")
        self.addCleanup(first.end)
        f = self.follow(f"postgresql://postgres@127.0.0.1:{first.port},127.0.0.1:{other.port}/ops")
        f.wait_ids(self.ids)
        first("refuse on")
        first("rst")
        f.wait(lambda: f.ids().count(theirs[0]) == 2, 30, "the other's rows")
        f.wait_ids(self.ids, "delete")
        self.assertEqual(sorted(f.ids()), sorted(self.ids + theirs))

    def test_a_lost_tail(self):
        """A copy from before the last rows (asynchronous failover): those are gone, new ones are seen."""
        self.p.stop("fast")
        copy = self.postgres(copy_of=self.p)
        self.p.start()
        f = self.follow(f"postgresql://postgres@127.0.0.1:{self.p.port},127.0.0.1:{copy.port}/ops")
        lost = self.insert(self.p, 5)
        f.wait_ids(self.ids + lost)
        # the same ids by the same transaction's number, before we come there
        anew = [r[0] for r in copy.sql(INSERT + "('copy', 'high', 'x'), ('copy', 'high', 'y') RETURNING id")]
        self.assertEqual(anew, lost[:2])
        version = "SELECT xmin::text FROM deployment_errors WHERE id = %s"
        self.assertEqual(copy.one(version, anew[0]), self.p.one(version, anew[0]))
        self.p.stop()
        f.wait_ids(lost[2:], "delete", 40)
        f.wait_ids(anew, "update", 40)
        more = self.insert(copy, 2)
        f.wait(lambda: all(f.ids().count(i) == 2 for i in more), 40, "ids given out again")
        self.assertEqual([i for i in self.ids if f.ids().count(i) != 1], [])
        self.assertEqual({e["service_name"] for e in f.events if e["event"] == "update"}, {"copy"})

    def test_black_hole(self):
        """No answer and no end: noticed by our own deadline."""
        chaos = Chaos(f"127.0.0.1:{self.p.port}")
        self.addCleanup(chaos.end)
        f = self.follow(self.p.url(port=chaos.port))
        f.wait_ids(self.ids)
        begun = time.monotonic()
        chaos("blackhole on")
        f.wait_said("stale", 20)
        print(f"measured black hole: said after {time.monotonic() - begun:.1f} s", flush=True)
        chaos("blackhole off")
        chaos("close")
        f.wait_ids(self.insert(self.p))

    def test_a_transaction_that_stays_open(self):
        """The watermark stands still: rows are read again, not shown again."""
        c = self.p.connect(autocommit=False)
        with c.cursor() as cur:
            cur.execute(INSERT + "('slow', 'low', 'x') RETURNING id")
            slow = cur.fetchone()[0]
            f = self.follow(self.p.url())
            f.wait_ids(self.ids)
            for _ in range(5):
                f.wait_ids(self.insert(self.p, 300))
        self.assertNotIn(slow, f.ids())
        c.commit()
        c.close()
        f.wait_ids([slow])
        self.assertEqual(len(f.ids()), len(set(f.ids())))
        self.assertEqual(f.ids("update"), [])


if __name__ == "__main__":
    main()
