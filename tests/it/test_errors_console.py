#!/usr/bin/python3
"""Errors as a person works them: seen, opened, acknowledged, resolved, in the console and on the command
line, with a real PostgreSQL; and deployment steps whose failures become rows."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import unittest

from common import BAKEWATCH, ROUNDS, TOP, bakewatch, main, scene, wait_for
from postgres import Postgres

NOBODY = str(TOP / "tests/fixtures/refused.kubeconfig")
ROW = ("INSERT INTO deployment_errors(service_name, environment, deployment_stage, error_code, severity, error_message, "
       "stack_trace, user_impact) VALUES (%s, 'prod', 'verify', %s, %s, %s, %s, 'checkout fails') RETURNING id")


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()

    @classmethod
    def tearDownClass(cls):
        cls.pg.end()

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-console-"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.pg.sql("TRUNCATE deployment_errors, deployment_error_steps")

    def add(self, message, service="payments", code="NET-7", severity="CRITICAL", stack="Traceback\n  File \"x\"\nBoom"):
        return self.pg.one(ROW, service, code, severity, message, stack)

    def config(self, **env):
        """An environment "prod" on the refused context, as YAML that is JSON."""
        path = self.dir / "config.yaml"
        path.write_text(json.dumps({"environments": {"prod": {
            "class": "production", "context": "nowhere", "errors": {"db": self.pg.url()}, **env}}}), encoding="utf-8")
        return str(path)

    def play(self, text, *flags, state="state"):
        start = " ".join(["$BAKEWATCH", "--state-dir", str(self.dir / state), *flags])
        return scene(text.replace("START", f"start {start}"), KUBECONFIG=NOBODY, DB=self.pg.url(), XDG_STATE_HOME=str(self.dir))

    def journal(self, state="state", *args):
        code, out, err = bakewatch("journal", "-o", "ndjson", "--state-dir", str(self.dir / state), *args)
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def verify(self, state="state"):
        bakewatch("journal", "verify", "--state-dir", str(self.dir / state), check=0)


class Console(Base):
    def test_seen_opened_and_followed(self):
        first = self.add("connection refused to 10.0.0.1:5432")
        self.add("missing environment variable \"X\"", code="CFG-1", severity="HIGH")
        self.play(f"""
size 30 120
START
keys 2
wait 2 open (1 CRITICAL, 1 HIGH)
wait connection refused to 10.0.0.1:5432
keys j<enter>
wait error {first} payments NET-7
wait stack_trace:
wait   File "x"
wait user_impact: checkout fails
wait nobody has acknowledged it
keys E
wait CFG-1
keys e
wait error {first} payments NET-7
wait stack_trace:
keys <esc>
gone error {first} payments
keys j
sh psql -qX $DB -c "INSERT INTO deployment_errors(service_name, severity, error_message) VALUES ('late','LOW','one more')"
wait 1 new (F follows)
keys F
gone new (F follows)
wait one more
keys m
wait 3 groups
wait <addr>
keys m
keys :severity<space>CRITICAL<enter>
gone one more
keys <esc>
wait one more
keys /refused<enter>
wait /refused/ 1 of 3
keys <esc>
gone /refused/
keys q
exit 0
sane
""", "--errors-db", self.pg.url())

    def test_a_change_is_asked_for(self):
        """Read-only at first; armed for a while; previewed; the name typed; journalled; seen at once."""
        n = self.add("connection refused")
        self.play(f"""
size 30 120
START
keys 2
wait 1 open
keys a
wait read-only: :arm 10m
keys :arm<space>10m<enter>
wait ARMED
keys a
wait acknowledged: not yet
wait Type payments and enter to acknowledge
keys <enter>
wait cancelled: nothing was changed
keys a
wait Type payments
keys paymentx<enter>
wait that was something else
paste payments\\n
keys y
keys <bs>
keys payments
keys <enter>
wait done
keys <enter>
gone done
keys <enter>
wait acknowledged by
keys <esc>
gone error {n} payments
keys :resolve<space>restarted<space>the<space>pool<enter>
wait resolved_at: NULL
wait Type payments
keys payments<enter>
wait done
keys <enter>
wait resolved
wait 0 open
keys :disarm<enter>
wait  RO
keys q
exit 0
""", "--config", self.config())
        self.assertEqual(self.pg.sql("SELECT resolution_notes, resolved_at IS NOT NULL FROM deployment_errors WHERE id=%s", n),
                         [("restarted the pool", True)])
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_error_steps WHERE error_id=%s", n), 1)
        states = [(e["action"], e["state"]) for e in self.journal()]
        for action in ("error-acknowledged", "error-resolve"):
            self.assertEqual([s for a, s in states if a == action.replace("acknowledged", "acknowledge")],
                             ["INTENT", "SENT", "APPLIED", "CLOSED"])
        self.assertEqual([a for a, _ in states if "arm" in a], ["arm", "disarm"])
        self.verify()

    def test_a_whole_group(self):
        """From a group's line one row is changed and the dialog says so; the whole group is a plan of its own."""
        ids = [self.add(f"connection refused to 10.0.0.{i}:5432") for i in range(1, 4)]
        self.play(f"""
size 30 120
START
keys 2
wait 3 open
keys m
wait 1 groups
keys :arm<enter>
wait ARMED
keys a
wait error {ids[2]} of payments: 1 of 3 of this group
wait :acknowledge-all does all of them in one plan
wait acknowledge? y does it
keys n
wait cancelled: nothing was changed
keys X
wait :resolve-all #{ids[2]}
keys pool<space>restarted<enter>
wait 3 errors of payments: {ids[2]} {ids[1]} {ids[0]}
wait resolution_notes: pool restarted
wait resolve? y does it
keys y
wait 3 of 3
keys <enter>
wait 0 open
keys :reopen<enter>
wait reopen? y does it
keys y
wait enter or esc closes
keys <enter>
wait 1 open
keys :reopen<enter>
wait error {ids[1]} of payments
wait reopen? y does it
keys n
keys q
exit 0
""", "--errors-db", self.pg.url())
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors WHERE resolution_notes = 'pool restarted'"), 3)
        ops = [e["op"] for e in self.journal() if e["action"] == "error-resolve" and e["state"] == "APPLIED"]
        self.assertEqual(len(set(ops)), 3)
        self.verify()

    def test_a_note_is_not_lost(self):
        """Without a note it is said that one is needed; one that came before the arming comes back after it."""
        n = self.add("connection refused")
        self.play(f"""
size 30 120
START
keys 2
wait 1 open
keys :resolve<space>pool<space>restarted<enter>
wait read-only: :arm 10m allows changes for ten minutes; the note comes back then
keys :arm<enter>
wait :resolve #{n} pool restarted
keys <esc>
gone pool restarted
keys x
wait :resolve #{n}
keys <enter>
wait resolve needs a note
keys q
exit 0
""", "--errors-db", self.pg.url())
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors WHERE resolved_at IS NOT NULL"), 0)

    def test_nothing_without_a_question(self):
        """Pastes and keys typed ahead confirm nothing."""
        self.add("connection refused")
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys :arm<enter>
wait ARMED
paste :resolve x\\ny\\n
keys :resolve<space>x<enter>y
wait resolve? y does it
paste y
paste yes\\n
wait resolve? y does it
keys n
wait cancelled: nothing was changed
keys :resolve<space>x<enter>
wait resolve? y does it
keys <enter>
wait cancelled: nothing was changed
keys q
exit 0
""", "--errors-db", self.pg.url())
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors WHERE resolved_at IS NOT NULL"), 0)
        self.assertEqual([e for e in self.journal() if e["action"] != "arm"], [])

    def test_read_only_is_refused_everywhere(self):
        n = self.add("connection refused")
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys :arm<enter>
wait read-only: --read-only was given
keys x
wait read-only: --read-only was given
keys q
exit 0
""", "--read-only", "--errors-db", self.pg.url())
        state = ["--state-dir", str(self.dir / "state"), "--errors-db", self.pg.url(), "--read-only"]
        for words in (["errors", "resolve", str(n), "--note", "x", "--confirm", str(n)],
                      ["errors", "acknowledge", str(n), "--confirm", str(n)], ["run", "--", "true"]):
            code, _, err = bakewatch(words[0], *state, *words[1:], kubeconfig=NOBODY)
            self.assertNotEqual(code, 0, words)
            self.assertIn("--read-only", err)
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors WHERE resolved_at IS NOT NULL"), 0)
        self.assertFalse((self.dir / "state/journal.db").exists())

    def test_a_paste_across_the_question(self):
        """A paste that began before the question and ends after it is not its answer."""
        n = self.add("connection refused")
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys :arm<enter>
wait ARMED
keys a
raw \\e[200~some text
wait acknowledged: not yet
idle 900 100 100000
raw yes y y
raw y\\e[201~
wait acknowledge? y does it within 8000
keys n
wait cancelled: nothing was changed
keys q
exit 0
""".replace("\\\\", "\\"), "--errors-db", self.pg.url())
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_error_steps WHERE error_id=%s", n), 0)

    def test_the_row_that_was_meant(self):
        """A row that comes while the note is typed does not get the note."""
        n = self.add("connection refused")
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys :arm<enter>
wait ARMED
keys x
wait :resolve #%d
keys pool<space>restarted
sh psql -qX $DB -c "INSERT INTO deployment_errors(service_name, severity, error_message) VALUES ('other','CRITICAL','another')"
wait another
keys <enter>
wait error %d of payments
wait resolve? y does it
keys y
wait done
keys <enter>
keys q
exit 0
""" % (n, n), "--errors-db", self.pg.url())
        self.assertEqual(self.pg.one("SELECT service_name FROM deployment_errors WHERE resolved_at IS NOT NULL"), "payments")

    def test_arming_does_not_travel(self):
        """:ctx to production is read-only, whatever was armed before."""
        self.add("connection refused")
        kube = json.loads(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "dev", "clusters": [
            {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {"token": "tttt"}}],
            "contexts": [{"name": k, "context": {"cluster": "c", "user": "u"}} for k in ("dev", "eks-1")]}))
        path = self.dir / "kubeconfig"
        path.write_text(json.dumps(kube), encoding="utf-8")
        config = self.config(context="eks-1")
        self.play("""
size 30 120
START
keys :arm<enter>
wait ARMED
keys :ctx<space>eks-1<enter>
wait PROD prod
wait  RO
gone ARMED
keys 2
wait 1 open
keys a
wait read-only: :arm
keys q
exit 0
""", "--config", config, "--kubeconfig", str(path))

    def test_rights_are_taken_away(self):
        """What is held is old then, and says so."""
        self.add("connection refused")
        self.pg.sql("DROP ROLE IF EXISTS reader")
        self.pg.sql("CREATE ROLE reader LOGIN; GRANT SELECT ON deployment_errors, deployment_error_steps TO reader")
        self.play("""
size 30 120
START
keys 2z
wait 1 open
sh psql -qX $DB -c "REVOKE SELECT ON deployment_errors FROM reader"
wait STALE since within 20000
wait connection refused
sh psql -qX $DB -c "GRANT SELECT ON deployment_errors TO reader"
gone STALE since within 30000
keys q
exit 0
""", "--errors-db", self.pg.url(user="reader"))

    def test_steps_that_stay_here(self):
        """Without the table of steps they are this console's, also after a restart; the first one stays."""
        n = self.add("connection refused")
        self.pg.sql("ALTER TABLE deployment_error_steps RENAME TO steps_away")
        self.addCleanup(self.pg.sql, "ALTER TABLE steps_away RENAME TO deployment_error_steps")
        words = ("errors", "--state-dir", str(self.dir / "state"), "--errors-db", self.pg.url(), "acknowledge", str(n), "--confirm", str(n))
        bakewatch(*words, kubeconfig=NOBODY, check=0)
        code, _, err = bakewatch(*words, kubeconfig=NOBODY)
        self.assertEqual(code, 1)
        self.assertIn("done already", err)
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys <enter>
wait acknowledged by
wait (only here)
keys q
gone (only here)
keys q
exit 0
""", "--errors-db", self.pg.url())

    def test_the_journal_is_away(self):
        """No journal, no change; looking goes on; and it heals."""
        self.add("connection refused")
        state = self.dir / "state"
        state.mkdir(mode=0o700)
        (state / "journal.db").write_text("this is no journal, and it must stay as it is")
        self.play("""
size 30 120
START
keys 2
wait 1 open
keys :arm<enter>
wait the journal cannot be written
keys x
wait the journal cannot be written
wait 1 open
keys q
exit 0
""", "--errors-db", self.pg.url())
        self.assertEqual((state / "journal.db").read_text(), "this is no journal, and it must stay as it is")

    def test_the_database_goes_and_comes(self):
        self.add("connection refused")
        pid = self.pg.process
        self.assertIsNotNone(pid)
        done = threading.Event()

        def restart():
            wait_for(lambda: (self.dir / "live").exists(), 60, "the console")
            self.pg.stop("immediate")
            wait_for(lambda: (self.dir / "gone").exists(), 60, "the console's word")
            self.pg.start()
            done.set()
        t = threading.Thread(target=restart, daemon=True)
        t.start()
        self.play(f"""
size 30 120
START
keys 2z
wait 1 open
sh touch {self.dir}/live
wait STALE since within 20000
wait connection refused
sh touch {self.dir}/gone
gone STALE since within 20000
wait 1 open
keys q
exit 0
""", "--errors-db", self.pg.url())
        t.join()
        self.assertTrue(done.is_set())


class Commands(Base):
    def command(self, *words, state="state", check=None):
        return bakewatch(words[0], "--state-dir", str(self.dir / state), "--errors-db", self.pg.url(), *words[1:],
                         kubeconfig=NOBODY, check=check)

    def test_two_resolve_at_once(self):
        """One wins, the other is told who did; every round."""
        for k in range(5 * ROUNDS):
            n = str(self.add(f"round {k}"))
            both = [subprocess.Popen([BAKEWATCH, "errors", "resolve", n, "--note", f"by {who}", "--confirm", n, "--errors-db",
                                      self.pg.url(), "--state-dir", str(self.dir / who)], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, env={**os.environ, "SUDO_USER": who, "HOME": "/nonexistent",
                                                                             "KUBECONFIG": NOBODY})
                    for who in ("ann", "bob")]
            answers = [p.communicate(timeout=60) for p in both]
            codes = [p.returncode for p in both]
            self.assertEqual(sorted(codes), [0, 1], answers)
            winner = "ann" if codes[0] == 0 else "bob"
            self.assertEqual(self.pg.one("SELECT resolution_notes FROM deployment_errors WHERE id=%s", n), f"by {winner}")
            if os.getuid() == 0:
                self.assertIn(f"resolved by {winner}@", answers[codes.index(1)][1])
        for who in ("ann", "bob"):
            self.verify(who)

    def test_resolve_reopen_and_steps(self):
        n = str(self.add("refused"))
        code, out, err = self.command("errors", "resolve", n, "--note", "done")
        self.assertEqual(code, 2, out + err)
        self.assertIn(f"give --confirm {n}", err)
        self.command("errors", "resolve", n, "--note", "done", "--confirm", "nonsense", check=2)
        self.command("errors", "resolve", n, "--confirm", n, check=2)
        self.command("errors", "resolve", n, "--note", "done", "--confirm", n, check=0)
        code, _, err = self.command("errors", "resolve", n, "--note", "again", "--confirm", n)
        self.assertEqual(code, 1)
        self.assertIn("resolved by", err)
        self.command("errors", "reopen", n, "--confirm", n, check=0)
        self.assertTrue(self.pg.one("SELECT resolved_at IS NULL FROM deployment_errors WHERE id=%s", n))
        for step in ("acknowledge", "investigated", "planned", "implemented"):
            self.command("errors", step, n, "--note", "with a note", "--confirm", n, check=0)
            self.command("errors", step, n, "--confirm", n, check=1)
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_error_steps WHERE error_id=%s AND note='with a note'", n), 4)
        self.command("errors", "resolve", "999999", "--note", "x", "--confirm", "999999", check=2)

    def test_reopen_in_a_named_zone(self):
        n = str(self.add("refused"))
        config = self.config(**{"class": "staging", "errors": {"db": self.pg.url(), "timezone": "Europe/Berlin"}})
        for words in (["resolve", n, "--note", "done"], ["reopen", n]):
            bakewatch("errors", "--config", config, "--state-dir", str(self.dir / "state"), *words, "--confirm", n,
                      kubeconfig=NOBODY, check=0)
        self.assertTrue(self.pg.one("SELECT resolved_at IS NULL FROM deployment_errors WHERE id=%s", n))

    def test_init_is_an_act(self):
        """Refused read-only, and in the journal when it is done."""
        state = ["--state-dir", str(self.dir / "state"), "--errors-db", self.pg.url(db="postgres")]
        code, _, err = bakewatch("errors", *state, "--read-only", "init", "--apply", kubeconfig=NOBODY)
        self.assertNotEqual(code, 0)
        self.assertIn("--read-only", err)
        self.assertIsNone(self.pg.one("SELECT to_regclass('deployment_errors')", db="postgres"))
        bakewatch("errors", *state, "init", "--apply", kubeconfig=NOBODY, check=0)
        self.assertIsNotNone(self.pg.one("SELECT to_regclass('deployment_errors')", db="postgres"))
        self.assertEqual([e["state"] for e in self.journal() if e["action"] == "errors-init"],
                         ["INTENT", "SENT", "APPLIED", "CLOSED"])

    def test_a_file_without_a_server(self):
        """Nothing configured: run makes the team's own file, and everything else reads it."""
        state = ["--state-dir", str(self.dir / "state")]
        code, _, err = bakewatch("errors", *state, kubeconfig=NOBODY)
        self.assertEqual(code, 2)
        self.assertIn("no error database", err)
        code, _, err = bakewatch("run", *state, "--service", "web", "--", "sh", "-c", "exit 9", kubeconfig=NOBODY)
        self.assertEqual((code, err), (9, f"bakewatch: the failure is a row in sqlite {self.dir}/state/errors.db, which was made for it\n"))
        _, out, _ = bakewatch("errors", *state, "-o", "ndjson", kubeconfig=NOBODY, check=0)
        self.assertEqual(json.loads(out)["error_code"], "RUN-EXIT-9")
        bakewatch("errors", *state, "resolve", "1", "--note", "x", "--confirm", "1", kubeconfig=NOBODY, check=0)
        self.assertNotIn("arm", [e["action"] for e in self.journal()])
        _, out, _ = bakewatch("errors", *state, "init", kubeconfig=NOBODY, check=0)
        self.assertIn("SQLite", out)
        with sqlite3.connect(":memory:") as c:
            c.executescript(out)
        self.play("size 30 120\nSTART\nkeys 2z\nwait 0 open\nwait RUN-EXIT-9\nkeys q\nexit 0\n")

    def test_run_says_where_the_row_went(self):
        """Without secrets, on one line; and of the two that wait, the one that is meant."""
        code, _, err = bakewatch("run", "--state-dir", str(self.dir / "state"), "--service", "web", "--errors-db",
                                 self.pg.url() + "?password=hunter2", "--", "false", kubeconfig=NOBODY)
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertRegex(err, "^bakewatch: the failure is a row in postgresql .*ops")
        self.assertNotIn("hunter2", err)
        self.assertNotIn("made for it", err)

    def test_schema_of_the_place(self):
        """init prints what --apply would carry out there."""
        for place, word in ((f"sqlite://{self.dir}/x.db", "SQLite"), ("postgresql://ops@db/ops", "PostgreSQL")):
            _, out, err = bakewatch("errors", "init", "--errors-db", place, "--state-dir", str(self.dir / "state"), check=0)
            self.assertIn(word, out.splitlines()[0])
            self.assertEqual(err, "")
        _, out, err = bakewatch("errors", "init", "--state-dir", str(self.dir / "state"), check=0)
        self.assertIn("PostgreSQL", out.splitlines()[0])
        self.assertIn("no error database is set", err)

    def test_secrets_stay_out(self):
        self.command("run", "--service", "web", "--", "sh", "-c", "PGPASSWORD=hunter2 false")
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors WHERE deployment_errors::text LIKE '%%hunter2%%'"), 0)
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors"), 1)
        self.assertNotIn("hunter2", json.dumps(self.journal()))

    def test_a_failure_that_the_table_refuses(self):
        """It stays, and the next one is not held up."""
        self.pg.sql("ALTER TABLE deployment_errors ADD CONSTRAINT short CHECK (length(service_name) < 5)")
        self.addCleanup(self.pg.sql, "ALTER TABLE deployment_errors DROP CONSTRAINT short")
        self.command("run", "--service", "too-long", "--", "false")
        self.command("run", "--service", "web", "--", "false")
        self.assertEqual(self.pg.sql("SELECT service_name FROM deployment_errors"), [("web",)])
        code, _, err = self.command("errors", "deliver")
        self.assertNotEqual(code, 0)
        self.assertIn("short", err)

    def test_production_wants_the_flag_and_the_name(self):
        n = str(self.add("refused"))
        words = ["errors", "resolve", n, "--note", "x", "--config", self.config(), "--state-dir", str(self.dir / "state")]
        code, _, err = bakewatch(*words, "--confirm", "payments", kubeconfig=NOBODY)
        self.assertEqual(code, 1)
        self.assertIn("give --write", err)
        self.assertEqual(bakewatch(*words, "--write", "--confirm", n, kubeconfig=NOBODY)[0], 2)
        self.assertEqual(bakewatch(*words, "--write", "--confirm", "payments", kubeconfig=NOBODY)[0], 0)

    def test_run_passes_everything_through(self):
        code, out, err = self.command("run", "--service", "web", "--", "sh", "-c", "echo to-out; echo to-err >&2; exit 0")
        self.assertEqual((code, out, err), (0, "to-out\n", "to-err\n"))
        code, out, _ = self.command("run", "--service", "web", "--stage", "migrate", "--env", "prod", "--code", "MIG-1",
                                    "--severity", "CRITICAL", "--impact", "none", "--", "sh", "-c", "echo step; exit 7")
        self.assertEqual((code, out), (7, "step\n"))
        row = self.pg.sql("SELECT service_name, environment, deployment_stage, error_code, severity, user_impact, stack_trace, "
                          "error_message FROM deployment_errors")
        self.assertEqual(row[0][:6], ("web", "prod", "migrate", "MIG-1", "CRITICAL", "none"))
        self.assertIn("step", row[0][6])
        self.assertIn("exit status 7: step", row[0][7])
        self.assertEqual(self.command("run", "--", "no-such-program")[0], 127)
        self.assertEqual(self.command("run", "--", "sh", "-c", "kill -9 $$")[0], 137)
        self.assertEqual(self.command("run", "--", "sh", "-c", "printf '\\000\\033[2J'; printf '\\377' >&1; exit 1")[0], 1)
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors"), 4)
        self.verify()

    def test_a_failure_goes_where_it_was_meant_to(self):
        away, here = self.dir / "away", self.dir / "here.db"
        state = ["--state-dir", str(self.dir / "state")]

        def services(path):
            _, out, _ = bakewatch("errors", "-o", "json", "--errors-db", f"sqlite://{path}", *state, check=0)
            return [r["service_name"] for r in json.loads(out)["errors"]]
        _, _, err = bakewatch("run", "--service", "theirs", "--errors-db", f"sqlite://{away}/x.db", *state, "--", "false", check=1)
        self.assertIn("is kept in", err)
        bakewatch("errors", "init", "--apply", "--errors-db", f"sqlite://{here}", *state, check=0)
        bakewatch("run", "--service", "ours", "--errors-db", f"sqlite://{here}", *state, "--", "false", check=1)
        _, out, err = bakewatch("errors", "deliver", "--errors-db", f"sqlite://{here}", *state, check=0)
        self.assertIn("1 more wait for another error database", err)
        self.assertEqual(services(here), ["ours"])
        away.mkdir()
        bakewatch("errors", "init", "--apply", "--errors-db", f"sqlite://{away}/x.db", *state, check=0)
        _, out, _ = bakewatch("errors", "deliver", "--errors-db", f"sqlite://{away}/x.db", *state, check=0)
        self.assertEqual(out, "1 delivered\n")
        self.assertEqual(services(f"{away}/x.db"), ["theirs"])

    def test_doctor_looks_at_the_table(self):
        def look(*place):
            _, out, _ = bakewatch("doctor", "-o", "json", *place)
            return next((c["grade"], c["text"]) for c in json.loads(out)["checks"] if c["group"] == "errors")
        self.assertEqual(look(), ("skip", "none is set"))
        grade, text = look("--errors-db", self.pg.url())
        self.assertIn(grade, ("ok", "warn"), text)
        self.assertNotIn("no column", text)
        try:
            self.pg.sql("ALTER TABLE deployment_errors RENAME COLUMN user_impact TO impact")
            grade, text = look("--errors-db", self.pg.url())
            self.assertEqual(grade, "warn")
            self.assertIn("the table has no column user_impact", text)
        finally:
            self.pg.sql("ALTER TABLE deployment_errors RENAME COLUMN impact TO user_impact")
        self.assertEqual(look("--errors-db", "postgresql://127.0.0.1:1/ops")[0], "fail")
        self.assertEqual(look("--errors-db", f"sqlite://{self.dir}/none.db")[0], "fail")

    def test_run_while_the_database_is_away(self):
        """The row arrives after it starts, once, also when bakewatch is killed in between."""
        self.pg.stop("fast")
        try:
            code, _, err = self.command("run", "--service", "web", "--", "sh", "-c", "exit 3")
            self.assertEqual(code, 3)
            self.assertIn("is kept in", err)
            killed = subprocess.Popen([BAKEWATCH, "run", "--service", "api", "--state-dir", str(self.dir / "state"), "--errors-db",
                                       self.pg.url(), "--", "sh", "-c", "exit 4"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, env={**os.environ, "KUBECONFIG": NOBODY, "HOME": "/nonexistent"})
            wait_for(lambda: ("failed", "api") in self.spooled(), 20, "the second record")
            killed.kill()
            killed.wait()
            running = subprocess.Popen([BAKEWATCH, "run", "--service", "long", "--state-dir", str(self.dir / "state"), "--errors-db",
                                        self.pg.url(), "--", "sh", "-c", "exec sleep 1000"], start_new_session=True,
                                       env={**os.environ, "KUBECONFIG": NOBODY, "HOME": "/nonexistent"})
            wait_for(lambda: ("running", "long") in self.spooled(), 20, "the third record")
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        finally:
            self.pg.start()
        both = [subprocess.Popen([BAKEWATCH, "errors", "deliver", "--state-dir", str(self.dir / "state"), "--errors-db", self.pg.url()],
                                 env={**os.environ, "KUBECONFIG": NOBODY, "HOME": "/nonexistent"}, stderr=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL) for _ in range(2)]
        for p in both:
            p.wait(60)
        self.command("errors", "deliver", check=0)
        rows = self.pg.sql("SELECT service_name, error_code FROM deployment_errors ORDER BY 1")
        self.assertEqual(rows, [("api", "RUN-EXIT-4"), ("long", "RUN-LOST"), ("web", "RUN-EXIT-3")])
        self.command("errors", "deliver", check=0)
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors"), 3)
        self.assertEqual(self.command("journal", "unfinished", check=0)[1], "")
        self.verify()

    def spooled(self):
        try:
            # rw: a file that is not there must not be made by this look
            with sqlite3.connect(f"file:{self.dir}/state/spool.db?mode=rw", uri=True) as c:
                records = [json.loads(r[0]) for r in c.execute("SELECT json FROM record")]
                return [(r["state"], r["service"]) for r in records]
        except sqlite3.OperationalError:
            return []

    def test_killed_while_it_delivers(self):
        """kill -9 at any moment of a delivery, and again: each failure is one row."""
        for k in range(6 * ROUNDS):
            p = subprocess.Popen([BAKEWATCH, "run", "--service", f"s{k}", "--state-dir", str(self.dir / "state"), "--errors-db",
                                  self.pg.url(), "--", "sh", "-c", "exit 3"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "KUBECONFIG": NOBODY, "HOME": "/nonexistent"})
            wait_for(lambda: p.poll() is not None or ("failed", f"s{k}") in self.spooled(), 20, "the record")
            try:
                p.wait(k * 0.004)  # a moment that differs from round to round: the state is what is checked
            except subprocess.TimeoutExpired:
                p.kill()
            p.wait()
        self.command("errors", "deliver", check=0)
        self.assertEqual(self.pg.sql("SELECT service_name, count(*) FROM deployment_errors GROUP BY 1 HAVING count(*) <> 1"), [])
        self.assertEqual(self.pg.one("SELECT count(*) FROM deployment_errors"), 6 * ROUNDS)
        self.verify()


if __name__ == "__main__":
    main()
