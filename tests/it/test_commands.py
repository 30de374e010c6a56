#!/usr/bin/python3
"""The commands: what they say on which stream with which code, when all is well and when it is not; and
that nothing which a server, a file or an argument holds reaches a terminal as it is."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from common import BAKEWATCH, ROUNDS, bakewatch, main, scene, together, wait_for
from scripted import Scripted, meta
from test_scripted import deployment, event, pod, replicaset, web

HOSTILE = "\x1b]52;c;cHduZWQ=\x07\x1b]8;;http://evil\x1b\\x\x1bP1$r\x1b\\\x1b_app\x1b\\\x1b[31m\u009b31m\u202ex\u200b\r\t\b\v\f\n\x7f"
RAW = ("\x1b", "\u009b", "\u202e", "\u200b", "\r", "\b", "\v", "\f", "\x7f", "\x07")


class Commands(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-commands-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def server(self, answers=None, name="config"):
        s = Scripted(answers or web())
        self.addCleanup(s.server.shutdown)
        s.config = s.kubeconfig(self.dir / name)
        return s

    def file(self, name, text):
        (self.dir / name).write_text(text)
        return str(self.dir / name)

    def clean(self, *texts):
        for text in texts:
            for raw in RAW:
                self.assertNotIn(raw, text)

    # ---- status ----

    def test_one_list_that_never_comes(self):
        """It says which at once, and gives up after a while: a script must not hang."""
        s = self.server(web() | {("pods", "list"): lambda n: (500, {}, [b'{"kind":"Status","message":"no pods today"}'])})
        code, out, err = bakewatch("status", kubeconfig=s.config)
        self.assertEqual((code, out), (4, ""))
        self.assertIn("pods shop: HTTP 500: no pods today; trying again", err)
        self.assertIn("bakewatch: pods shop: HTTP 500: no pods today\n", err)

    def test_a_name_among_what_is_forbidden(self):
        """A workload that we may not see may be there: that is another code than a wrong name."""
        s = self.server(web() | {("deployments", "list"): lambda n: (403, {}, [b"no"])})
        code, _, err = bakewatch("status", "web", kubeconfig=s.config)
        self.assertEqual(code, 4)
        self.assertIn('no workload "web" here that we may see', err)
        code, _, err = bakewatch("status", "nothing", kubeconfig=self.server().config)
        self.assertEqual(code, 2)

    def follow(self, s, *args):
        out, err = open(self.dir / "out", "w+"), open(self.dir / "err", "w+")
        self.addCleanup(out.close)
        self.addCleanup(err.close)
        p = subprocess.Popen([BAKEWATCH, "status", "-w", *args], env={"KUBECONFIG": s.config, "HOME": "/nonexistent"}, stdout=out, stderr=err)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p, lambda: (self.dir / "out").read_text(), lambda: (self.dir / "err").read_text()

    def test_a_lost_link_while_it_watches(self):
        sick = threading.Event()
        s = self.server(web() | {("livez", "list"): lambda n: (500, {}, [b"[-]etcd failed"]) if sick.is_set() else (200, {}, [b"ok"])})
        _, out, err = self.follow(s)
        wait_for(lambda: "web" in out(), 20, "the table")
        self.assertEqual(err(), "")
        sick.set()
        wait_for(lambda: "what is above is old: not current since 20" in err(), 20, "the word on stderr")
        self.assertIn("the API server is up, but not healthy: etcd", err())
        self.assertNotIn("current again", err())
        sick.clear()
        wait_for(lambda: "current again" in err(), 20, "the end of it")
        self.assertEqual(out().count("web"), 1)  # the table has not changed: it is not printed again

    def test_json_says_since_when_it_is_old(self):
        sick = threading.Event()
        s = self.server(web() | {("livez", "list"): lambda n: (500, {}, [b"[-]etcd failed"]) if sick.is_set() else (200, {}, [b"ok"])})
        _, out, _ = self.follow(s, "-o", "json")

        def docs():
            decoder, text, found = json.JSONDecoder(), out(), []
            while text.strip():
                try:
                    doc, end = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break
                found.append(doc)
                text = text.lstrip()[end:]
            return found
        wait_for(docs, 20, "a document")
        self.assertIsNone(docs()[-1]["staleSince"])
        self.assertEqual(docs()[-1]["staleReason"], "")
        sick.set()
        wait_for(lambda: docs()[-1]["staleSince"], 20, "staleSince")
        self.assertIn("not healthy: etcd", docs()[-1]["staleReason"])

    # ---- text from outside ----

    def test_hostile_text_in_every_output(self):
        bad = deployment(HOSTILE + "name")
        bad["spec"]["template"]["spec"]["containers"][0]["image"] = f"r/{HOSTILE}:{HOSTILE}"
        bad["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": HOSTILE, "message": HOSTILE}]
        p = pod("web-1")
        p["metadata"]["ownerReferences"][0]["uid"] = "rs"
        p["status"] = {"phase": "Pending", "containerStatuses": [{"name": HOSTILE, "state": {"waiting": {"reason": HOSTILE, "message": HOSTILE}}}]}
        rs = replicaset()
        rs["metadata"].update(uid="rs")
        rs["metadata"]["ownerReferences"][0]["uid"] = bad["metadata"]["uid"]
        s = self.server({("deployments", "list"): lambda n: meta([bad]), ("replicasets", "list"): lambda n: meta([rs]),
                         ("pods", "list"): lambda n: meta([p]),
                         ("statefulsets", "list"): lambda n: (403, {}, [json.dumps({"kind": "Status", "message": HOSTILE}).encode()])})
        doc = json.loads(pathlib.Path(s.config).read_text())
        doc["contexts"][0]["name"] = doc["current-context"] = HOSTILE
        doc["users"][0]["name"] = doc["contexts"][0]["context"]["user"] = HOSTILE
        pathlib.Path(s.config).write_text(json.dumps(doc))
        for form in ("table", "wide", "name", "json"):
            code, out, err = bakewatch("status", "-o", form, kubeconfig=s.config)
            self.assertEqual(code, 0, err)
            self.assertIn("name", out)
            self.clean(out, err)
            if form == "json":
                self.assertEqual(json.loads(out)["workloads"][0]["name"], HOSTILE + "name")  # escaped, but whole
            if form == "name":
                self.assertEqual(len(out.splitlines()), 1)
        for form in ("table", "json"):
            _, out, err = bakewatch("doctor", "-o", form, kubeconfig=s.config)
            self.assertIn("rights", out)
            self.clean(out, err)

    def test_hostile_arguments_and_files(self):
        s = self.server()
        x = HOSTILE.replace("\n", "")
        conf = self.file("bad.yaml", json.dumps({"environments": {x: {"class": x, "context": x}}, "theme": x, x: 1}))
        good = self.file("good.yaml", json.dumps({"environments": {x: {"class": "staging", "context": x, "namespaces": ["shop"]}}, "keys": {"x": "faults"},
                                                  "log": {"file": str(self.dir / x.replace("/", ""))}}))
        for args, want in ((["status", "-n", x], 2), (["status", "-o", x], 2), (["status", "--request-timeout", x], 2),
                           (["status", f"--{x}"], 2), ([x], 2), (["help", x], 2), (["status", x], 2), (["--context", x, "status"], 2),
                           (["--cluster", x, "status"], 2), (["--kubeconfig", x, "status"], 2), (["status", "-e", x, "--config", good], None),
                           (["--log-level", x, "status"], 2), (["--log-file", "/" + x, "status"], 2), (["config", x], 2), (["--config", x, "config", "show"], 2),
                           (["config", "validate", "--config", conf], 2), (["config", "show", "--config", good], 0),
                           (["config", "show", "--origin", "--config", good], 0), (["config", "validate", "--config", good], 0),
                           (["status", "--proxy-url", x], 2), (["status", "-s", x], 2), (["status", "--as", "a", "--as-group", x], None)):
            code, out, err = bakewatch(*args, kubeconfig=s.config)
            if want is not None:
                self.assertEqual(code, want, (args, out, err))
            self.assertTrue(out or err or code == 0, args)
            self.clean(out, err)

    # ---- namespaces ----

    def test_namespaces(self):
        """One that stands twice counts once; more than there is room for is an error, not a silence."""
        s = self.server()
        _, out, _ = bakewatch("status", "-o", "name", "-n", "shop,shop", "-n", "shop", kubeconfig=s.config, check=0)
        self.assertEqual(out, "deployment.apps/web\n")
        self.assertEqual(len(s.requests("deployments", "list")), 1)
        code, _, err = bakewatch("status", "-n", ",".join(f"n{i}" for i in range(33)), kubeconfig=s.config)
        self.assertEqual((code, err), (2, "bakewatch: --namespace: at most 32; -A watches all\n"))
        s = self.server({("deployments", "list"): lambda n: meta([])})
        bakewatch("status", "-n", ",".join(f"n{i}" for i in range(32)), kubeconfig=s.config, check=0)
        self.assertEqual(len(s.requests("deployments", "list")), 32)
        conf = self.file("twins.yaml", "environments: {prod: {context: s, namespaces: [shop, shop]}}\n")
        s = self.server()
        bakewatch("status", "--config", conf, kubeconfig=s.config, check=0)
        self.assertEqual(len(s.requests("deployments", "list")), 1)

    # ---- configuration ----

    def test_a_config_that_names_what_is_not_there(self):
        """Every place with its line and column, by validate and by the console alike."""
        conf = self.file("c.yaml", "theme: nosuch\nkeys:\n  x: fault\n  y:   nosuchcommand now\n  v: faults\n")
        code, _, err = bakewatch("config", "validate", "--config", conf)
        self.assertEqual(code, 2)
        for words in (f'{conf}:3:3: key x: no command "fault", did you mean "faults"?', f'{conf}:4:3: key y: no command "nosuchcommand"',
                      f'{conf}:1:1: no theme "nosuch"'):
            self.assertIn(words, err)
        self.assertNotIn(":5:", err)
        s = self.server()
        scene(f"size 30 160\nstart $BAKEWATCH --config {conf}\nwait no command \"nosuchcommand\"\nexit 2\nsane\n", KUBECONFIG=s.config)
        good = self.file("g.yaml", "theme: cvd\nkeys:\n  x: faults\n")
        _, out, _ = bakewatch("config", "validate", "--config", good, check=0)
        self.assertEqual(out, f"{good}: ok\n")

    def test_the_level_of_the_log(self):
        """log.level of the config, and --log-level over it."""
        s = self.server(web() | {("replicasets", "list"): lambda n: (500, {}, [b"x"]) if n == 0 else meta([replicaset()])})
        lines = {}
        for name, level, flags in (("quiet", "error", []), ("plain", "info", []), ("flag", "error", ["--log-level", "info"])):
            s.log.clear()
            log = self.dir / f"{name}.log"
            conf = self.file(f"{name}.yaml", f"log: {{level: {level}, file: '{log}'}}\n")
            bakewatch("status", "--config", conf, *flags, kubeconfig=s.config, check=0)
            lines[name] = log.read_text() if log.exists() else ""
        self.assertNotIn("level=info", lines["quiet"])
        self.assertNotIn("level=warn", lines["quiet"])
        self.assertIn("level=info", lines["plain"])
        self.assertIn("level=info", lines["flag"])

    # ---- surroundings ----

    def test_a_home_of_two_thousand_bytes(self):
        s = self.server()
        deep = self.dir
        for _ in range(9):
            deep = deep / ("d" * 220)
        deep.mkdir(parents=True)
        self.assertGreater(len(str(deep)), 1980)
        start = "size 60 200\nstart env -u XDG_STATE_HOME -u XDG_CONFIG_HOME HOME="
        scene(f"{start}{deep} $BAKEWATCH\nwait all well\nkeys q\nexit 0\nsane\n", KUBECONFIG=s.config)
        scene(f"{start}/{'x' * 2000} $BAKEWATCH\nwait bakewatch: /xxxxx\nexit 2\nsane\n", KUBECONFIG=s.config)

    def test_every_signal_leaves_a_sane_terminal(self):
        """Row 44, by ROUNDS."""
        s = self.server()
        one = ""
        for verb, name, code in (("console", "SEGV", 139), ("console", "ABRT", 134), ("console", "KILL", 137), ("console", "TERM", 143), ("console", "INT", "*"),
                                 ("signal", "TERM", 143), ("signal", "HUP", 129), ("signal", "KILL", 137)):
            one += f"start $BAKEWATCH\nwait all well\n{verb} {name}\nsane within 5000\nexit {code} within 5000\nsane\n"
        scene("size 30 120\n" + one * (2 * ROUNDS), KUBECONFIG=s.config, timeout=3600)

    def test_keys_from_the_first_byte(self):
        """What is typed while it starts is neither lost nor shown by the terminal itself."""
        s = self.server()
        scene("size 30 120\nstart $BAKEWATCH\nkeys ?\nwait WHAT IT DOES\nkeys q\ngone WHAT IT DOES\nkeys q\nexit 0\n", KUBECONFIG=s.config)


if __name__ == "__main__":
    main()
