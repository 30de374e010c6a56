#!/usr/bin/python3
"""The journal when the disk fails, fills up or is read-only, and when somebody has changed it: what was
acknowledged is there, the file is sound, and verify names what is wrong."""
import fcntl
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from common import BAKEWATCH, ROUNDS, TOP, bakewatch, main, scene

APPEND = os.environ.get("APPEND", str(TOP / "build/plain/tests/it/append"))
ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # no leak check under ptrace


def report(text):
    """The lines of `append`: sequence numbers that were acknowledged, and failures."""
    lines = text.splitlines()
    return ([int(line.split()[1]) for line in lines if line.startswith("ok ")],
            [line for line in lines if line.startswith("failed ")])


class Journal(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-journal-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.state = self.dir / "state"

    def append(self, *args, inject=None):
        cmd = [APPEND, str(self.state), *map(str, args)]
        if inject:
            cmd = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + inject, *cmd]
        return report(subprocess.run(cmd, capture_output=True, text=True, env=ENV, timeout=120, check=False).stdout)

    def verify(self):
        code, out, err = bakewatch("journal", "verify", "-o", "json", "--state-dir", str(self.state))
        doc = json.loads(out) if out else {"text": err}
        self.assertEqual(code, 0 if doc.get("ok") else 1)
        return doc

    def sql(self, text):
        with sqlite3.connect(self.state / "journal.db") as db:
            db.executescript(text)
        db.close()

    def steps(self, what, count, then=""):
        """An error at the first, second ... call; each time on a journal that has entries already."""
        failures = []
        for at in range(1, count + 1):
            before = self.verify()["entries"]
            acknowledged, failed = self.append(5, inject=f"{what}:when={at}{then}")
            failures += failed
            now = self.verify()
            self.assertTrue(now["ok"], f"{what} {at}: {now['text']}")
            known = before + len(acknowledged)
            self.assertTrue(known <= now["entries"] <= known + len(failed), f"{what} {at}: {now}, {acknowledged}, {failed}")
            if acknowledged:
                self.assertLessEqual(acknowledged[-1], now["entries"])
            self.assertEqual(len(acknowledged) + len(failed), 5, f"{what} {at}")
        acknowledged, failed = self.append(1)
        self.assertEqual((len(acknowledged), failed), (1, []))
        return failures

    def test_sync_fails(self):
        self.append(2)
        failures = self.steps("fdatasync:error=EIO", 8 * ROUNDS)
        self.assertTrue(failures)
        for line in failures:
            self.assertRegex(line, "failed io .*(disk I/O error|Input/output error)")
        failures = self.steps("fdatasync:error=EIO", 3 * ROUNDS, "+")
        self.assertTrue(failures)
        failures = self.steps("fsync:error=EIO", 8 * ROUNDS)
        self.assertTrue(any("journal.head: Input/output error" in line for line in failures), failures)

    def test_a_connection_that_failed_is_not_used_again(self):
        self.append(2)
        log = self.dir / "strace"
        subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=openat,fdatasync", "-e",
                        "inject=fdatasync:error=EIO:when=3", APPEND, self.state, "3"], env=ENV, check=True,
                       capture_output=True, timeout=120)
        _, failed, after = log.read_text().partition("(INJECTED)")
        self.assertTrue(failed)
        self.assertRegex(after, r'openat\(AT_FDCWD, "[^"]*/journal.db", O_RDWR')

    def test_write_fails(self):
        self.append(2)
        failures = self.steps("pwrite64:error=ENOSPC", 12 * ROUNDS)
        self.assertTrue(any("disk is full" in line for line in failures), failures)
        self.steps("pwrite64:error=EIO", 6 * ROUNDS)
        failures = self.steps("rename:error=ENOSPC", 4 * ROUNDS)
        self.assertTrue(failures)

    def in_tmpfs(self, script):
        """sh in a mount namespace, with a tmpfs of 256 KiB for a state folder."""
        self.state.mkdir(mode=0o700)
        text = f"set -e; S={self.state}; mount -t tmpfs -o size=256k,mode=700 none $S\n{script}"
        done = subprocess.run(["unshare", "-rm", "sh", "-c", text], capture_output=True, text=True, timeout=120,
                              env={**ENV, "APPEND": APPEND, "BAKEWATCH": BAKEWATCH}, check=False)
        if "unshare" in done.stderr or "mount:" in done.stderr:
            self.skipTest(done.stderr.strip())
        return done.stdout.split("--\n"), done.stderr

    def test_disk_full(self):
        out, err = self.in_tmpfs("""
            head -c 100000 /dev/zero >$S/other
            $APPEND $S 60 4000; echo --
            $BAKEWATCH journal verify --state-dir $S; echo --
            $BAKEWATCH journal --no-headers --state-dir $S | wc -l; echo --
            rm $S/other
            $APPEND $S 2; echo --
            $BAKEWATCH journal verify --state-dir $S""")
        self.assertEqual(len(out), 5, (out, err))
        acknowledged, failed = report(out[0])
        self.assertGreater(len(acknowledged), 5)
        self.assertGreater(len(failed), 5)
        self.assertRegex(failed[-1], "failed io .*(full|No space left)")
        last = acknowledged[-1]
        found = int(out[1].split()[0])
        self.assertRegex(out[1], "^[0-9]+ entries, all good$")
        self.assertGreaterEqual(found, last)
        self.assertEqual(int(out[2]), found)
        self.assertEqual([len(part) for part in report(out[3])], [2, 0], out)
        self.assertRegex(out[4], f"^{report(out[3])[0][-1]} entries, all good$")

    def test_read_only(self):
        """After an orderly end, and with a WAL that a kill left behind."""
        for end in ("$APPEND $S 3", "$APPEND $S 3; $APPEND $S 100000 >$S/log & while ! grep -qs ok $S/log; do :; done; kill -9 $!; wait $! || :"):
            with self.subTest(end):
                out, err = self.in_tmpfs(f"""
                    {end}; echo --
                    mount -o remount,ro $S
                    $APPEND $S 1 || :; echo --
                    $BAKEWATCH journal verify --state-dir $S || :; echo --
                    $BAKEWATCH journal --no-headers --state-dir $S | wc -l; echo --
                    $BAKEWATCH doctor --pre --state-dir $S || :""")
                self.assertEqual(len(out), 5, (out, err))
                self.assertRegex(out[1], "failed io .*(Read-only file system|cannot be written)")
                self.assertRegex(out[2], "^[0-9]+ entries, all good$")
                self.assertGreaterEqual(int(out[2].split()[0]), 3)
                self.assertEqual(int(out[3]), int(out[2].split()[0]))
                self.assertRegex(out[4], "FAIL +folder +.*cannot be written to")
                self.state.rmdir()

    def test_somebody_changed_it(self):
        self.append(5)
        self.assertEqual(self.verify(), {"schema": "bakewatch/journal-verify/v1", "ok": True, "entries": 5,
                                         "bad": None, "text": ""})
        good = {p.name: p.read_bytes() for p in self.state.iterdir()}
        cases = [
            ("UPDATE entry SET who = 'somebody else' WHERE seq = 4", 4, 3, "entry 4 was changed"),
            ("DELETE FROM entry WHERE seq >= 4", 4, 3, "2 entries are missing"),
            ("DELETE FROM entry WHERE seq = 2", 2, 1, "entry 2 is missing"),
        ]
        for sql, bad, entries, text in cases:
            self.sql(sql)
            doc = self.verify()
            self.assertEqual((doc["ok"], doc["bad"], doc["entries"]), (False, bad, entries), doc)
            self.assertIn(text, doc["text"])
            code, out, _ = bakewatch("journal", "verify", "--state-dir", str(self.state))
            self.assertEqual(code, 1)
            self.assertIn(text, out)
            self.assertIn("Keep journal.db and journal.head", out)
            _, out, _ = bakewatch("doctor", "--pre", "--state-dir", str(self.state))
            self.assertRegex(out, f"FAIL +journal +.*{text}")
            for p in self.state.iterdir():
                p.unlink()
            for name, data in good.items():
                (self.state / name).write_bytes(data)
                (self.state / name).chmod(0o600)
        (self.state / "journal.head").unlink()
        self.assertIn("journal.head is missing", self.verify()["text"])
        acknowledged, failed = self.append(1)
        self.assertFalse(acknowledged)
        self.assertIn("journal.head is missing", failed[0])

    def test_listing(self):
        """Text that somebody put there does nothing to a terminal; JSON is whole."""
        self.append(2)
        self.sql("UPDATE entry SET target = 'a' || char(27) || ']0;title' || char(7, 8238) || 'b' || char(10) || 'c' WHERE seq = 2")
        code, out, _ = bakewatch("journal", "--state-dir", str(self.state))
        self.assertEqual(code, 0)
        lines = out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split(), ["TIME", "STATE", "ACTION", "TARGET", "WHO", "PLACE", "DETAIL"])
        self.assertEqual(lines[1].split(), ["2026-11-25T09:46:40Z", "INTENT", "test", "none", "append", "d" * 10])
        self.assertIn("a\u241b]0;title\u2407\u00b7b\u23cec", lines[2])
        self.assertFalse([c for c in out if ord(c) < 32 and c != "\n"])
        _, out, _ = bakewatch("journal", "-o", "json", "--state-dir", str(self.state), check=0)
        doc = json.loads(out)
        self.assertEqual((doc["schema"], len(doc["entries"])), ("bakewatch/journal/v1", 2))
        _, out, _ = bakewatch("journal", "-o", "ndjson", "--state-dir", str(self.state), check=0)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(rows, doc["entries"])
        self.assertEqual(rows[1]["prev"], rows[0]["hash"])
        self.assertEqual(sorted(rows[0]), sorted(["seq", "time", "op", "state", "action", "target", "who", "where",
                                                  "detail", "prev", "hash", "noKnownEnd"]))

    def test_no_known_end(self):
        """What nobody closed is called that, unless somebody has it in hand."""
        self.append(2)

        def listed(*words):
            code, out, err = bakewatch("journal", *words, "--no-headers", "--state-dir", str(self.state))
            self.assertEqual(code, 0, err)
            return out.splitlines(), err
        lines, err = listed()
        self.assertNotIn("no known end", lines[0])
        self.assertIn("INTENT, no known end", lines[1])
        self.assertIn("1 operation has no known end: `bakewatch journal unfinished`", err)
        self.assertEqual(listed("unfinished")[0], [f"01234567  {line}" for line in lines])
        _, out, _ = bakewatch("journal", "-o", "ndjson", "--state-dir", str(self.state), check=0)
        self.assertEqual([json.loads(line)["noKnownEnd"] for line in out.splitlines()], [False, True])
        _, out, _ = bakewatch("doctor", "--pre", "--state-dir", str(self.state))
        self.assertRegex(out, "(?i)warn +journal +.*1 operation has no known end")
        with open(self.state / "0123456789abcdef0123456789abcdef.held", "w", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            lines, err = listed()
            self.assertNotIn("no known end", "".join(lines) + err)
            lines, err = listed("unfinished")
            self.assertEqual(lines, [])
            self.assertIn("every operation in the journal has its end", err)

    def test_a_long_one_in_the_console(self):
        """The newest are shown, and that there are older ones; rows that somebody took out do no harm."""
        self.append(1100)
        play = (f"size 30 160\nstart $BAKEWATCH --state-dir {self.state}\nwait 1 NO KNOWN END\nkeys :journal<enter>\n"
                "wait journal, 1100 entries, newest first\nwait 01234567  2026\nkeys G\nwait older entries: `bakewatch journal` lists them all\n"
                "keys q\ngone newest first\nkeys q\nexit 0\n")
        scene(play, KUBECONFIG=str(TOP / "tests/fixtures/refused.kubeconfig"))
        self.sql("DELETE FROM entry WHERE seq BETWEEN 400 AND 500")
        scene(play, KUBECONFIG=str(TOP / "tests/fixtures/refused.kubeconfig"))

    def test_closed_by_hand(self):
        """Who has found out what became of it writes that down; nobody closes what has an end or is in hand."""
        self.append(2)
        state = ["--state-dir", str(self.state)]
        _, out, _ = bakewatch("journal", "unfinished", *state, check=0)
        self.assertEqual(out.splitlines()[0].split()[:3], ["OP", "TIME", "STATE"])
        op = out.splitlines()[1].split()[0]
        self.assertEqual(op, "01234567")
        for words in (["close", op], ["close", "01", "--note", "x"], ["close", "ffff", "--note", "x"],
                      ["close", op, "--note", "x", "--read-only"]):
            self.assertEqual(bakewatch("journal", *words, *state)[0], 2, words)
        with open(self.state / "0123456789abcdef0123456789abcdef.held", "w", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.assertEqual(bakewatch("journal", "close", op, "--note", "x", *state)[0], 2)
        _, out, _ = bakewatch("journal", "close", op, "--note", "it was not done", *state, check=0)
        self.assertEqual(out, "closed: test none\n")
        self.assertEqual(bakewatch("journal", "unfinished", *state, check=0)[1], "")
        _, out, _ = bakewatch("journal", "-o", "ndjson", *state, check=0)
        last = json.loads(out.splitlines()[-1])
        self.assertEqual((last["state"], last["detail"], last["noKnownEnd"]), ("CLOSED", "found out by hand: it was not done", False))
        self.assertEqual(bakewatch("journal", "close", op, "--note", "x", *state)[0], 2)
        self.assertTrue(self.verify()["ok"])

    def test_place_and_detail_by_the_room(self):
        """On a terminal they get what it has room for; elsewhere all of it."""
        self.append(1, 300)
        self.sql("UPDATE entry SET place = 'prod (production), context eks-1'")
        for cols, place, detail in ((80, False, False), (132, True, False), (240, True, True)):
            out = scene(f"size 30 {cols}\nstart $BAKEWATCH journal --state-dir {self.state}\nwait append\nexit 0\ndump\n")
            self.assertEqual("prod (prod" in out, place, out)
            self.assertEqual("dddddddddd" in out, detail, out)
        _, out, _ = bakewatch("journal", "--no-headers", "--state-dir", str(self.state), check=0)
        self.assertIn("d" * 300, out)
        self.assertIn("prod (production), context eks-1", out)

    def test_usage(self):
        self.state.mkdir(mode=0o700)
        code, out, err = bakewatch("journal", "--state-dir", str(self.state))
        self.assertEqual((code, out), (0, ""))
        self.assertIn("no journal", err)
        self.assertEqual(list(self.state.iterdir()), [])
        self.assertEqual(bakewatch("journal", "verify", "--state-dir", str(self.state))[1], "0 entries, all good\n")
        self.assertEqual(bakewatch("journal", "burn")[0], 2)
        self.assertEqual(bakewatch("journal", "-o", "yaml")[0], 2)
        self.state.chmod(0o755)
        code, _, err = bakewatch("journal", "--state-dir", str(self.state))
        self.assertEqual(code, 1)
        self.assertIn("open to others", err)


if __name__ == "__main__":
    main()
