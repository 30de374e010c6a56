"""What the tests of the error table in PostgreSQL share: `errors -f` whose lines are read as they come,
writers whose transactions commit out of order, and servers that end with the test."""
import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import psycopg2

from common import BAKEWATCH, TOP, bakewatch, wait_for
from postgres import Bouncer, Postgres

sys.path.insert(0, str(TOP / "tests/chaos"))
from chaos import Chaos  # noqa: E402  pylint: disable=wrong-import-position,import-error,unused-import

INSERT = "INSERT INTO deployment_errors(service_name, severity, error_message) VALUES "


def errors(db, *args, check=None):
    return bakewatch("errors", *args, "--errors-db", db, check=check)


class Follower:
    """`errors -f -o ndjson` whose events are read as they come."""

    def __init__(self, db, *args):
        env = {**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
        self.events, self.times, self.words = [], [], []
        self.process = subprocess.Popen([BAKEWATCH, "errors", "-f", "-o", "ndjson", "--errors-db", db, *args],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
        self.threads = [threading.Thread(target=self.read, daemon=True),
                        threading.Thread(target=self.hear, daemon=True)]
        for t in self.threads:
            t.start()

    def read(self):
        for line in self.process.stdout:
            self.times.append(time.monotonic())
            self.events.append(json.loads(line))

    def hear(self):
        for line in self.process.stderr:
            self.words.append(line.strip())

    def ids(self, event="new"):
        return [e["id"] for e in list(self.events) if e["event"] == event]

    def wait(self, what, seconds=20, name="the follower"):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"{name}: it ended: {self.words}")
            return what()
        try:
            return wait_for(look, seconds, name)
        except AssertionError as e:
            raise AssertionError(f"{e}; {len(self.events)} events, the last {self.events[-3:]}, said {self.words}")

    def wait_ids(self, ids, event="new", seconds=20):
        self.wait(lambda: set(ids) <= set(self.ids(event)), seconds, f"{event} {sorted(ids)[:5]}")

    def wait_said(self, words, seconds=20):
        self.wait(lambda: any(words in w for w in self.words), seconds, words)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(10)
        for t in self.threads:
            t.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Writers:
    """Writers whose transactions commit out of order; some are rolled back.  What was acknowledged is in
    `committed`; a commit whose answer was lost is in `unknown`: the table says what became of it."""

    def __init__(self, connect, n=8, rate=2600): # a tenth is rolled back, a tenth waits
        self.connect, self.per_batch = connect, 20
        self.pause = n * self.per_batch / rate
        self.committed, self.rolled_back, self.unknown, self.lock = set(), set(), set(), threading.Lock()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def write(self, number):
        rnd, c, due = random.Random(number), None, time.monotonic()
        while not self.over.is_set():
            ids, done = [], False
            try:
                c = c or self.connect()
                with c.cursor() as cur:
                    cur.execute(INSERT + ",".join(["(%s, 'high', 'boom')"] * self.per_batch) + " RETURNING id",
                                [f"s{number}"] * self.per_batch)
                    ids = [r[0] for r in cur.fetchall()]
                    if rnd.random() < 0.1: # holds its ids back while others go on
                        self.over.wait(rnd.random())
                if rnd.random() < 0.1:
                    c.rollback()
                    self.add(self.rolled_back, ids)
                else:
                    done = True
                    c.commit()
                    self.add(self.committed, ids)
            except psycopg2.Error:
                self.add(self.unknown if done else self.rolled_back, ids)
                c = None
                self.over.wait(0.05)
            due = max(due + self.pause, time.monotonic() - 1) # catches up after a long one, not a restart
            self.over.wait(max(0, due - time.monotonic()))
        if c:
            c.close()

    def add(self, to, ids):
        with self.lock:
            to.update(ids)

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()


class Case(unittest.TestCase):
    def postgres(self, **args):
        p = Postgres(**args)
        self.addCleanup(p.end)
        return p

    def bouncer(self, p, **args):
        b = Bouncer(p, **args)
        self.addCleanup(b.end)
        return b

    def follow(self, db, *args):
        f = Follower(db, *args)
        self.addCleanup(f.end)
        return f

    def insert(self, p, n=1, **where):
        return [r[0] for r in p.sql(INSERT + ",".join(["('web', 'high', 'boom')"] * n) + " RETURNING id", **where)]

    def check_once(self, f, p, w):
        """Exactly what is in the table, each once; and the table has what was acknowledged."""
        there = {r[0] for r in p.sql("SELECT id FROM deployment_errors")}
        self.assertLessEqual(w.committed, there)
        self.assertLessEqual(there, w.committed | w.unknown)
        f.wait_ids(there, seconds=90)
        counts = collections.Counter(f.ids())
        self.assertEqual([i for i, n in counts.items() if n != 1], [])
        self.assertEqual(set(counts), there)
        self.assertEqual((f.ids("update"), f.ids("delete")), ([], []))
