#!/usr/bin/python3
"""The verdict of every story of the demo, by `watch`: the word, the reason, the minute; and how it is told."""
import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from common import BAKEWATCH, TOP, main, scene, together, wait_for
from sim import Sim

SIM = os.environ.get("SIM", str(TOP / "build/plain/bakewatch-sim"))

SPEED = "60"
DEPLOYED = 60  # every story deploys at T+1:00

# story -> exit code, word, what decides, minutes since T+0 between which ROLL BACK comes first (None: never)
STORIES = {
    "good-release": (0, "PASS", None, None),
    "bad-release": (1, "ROLL BACK", ("rollout", "errors"), (1, 4)),
    "slow-release": (1, "ROLL BACK", ("latency",), (2, 16)),
    "slow-burn": (1, "ROLL BACK", ("errors",), (12, 30)),
    "flaky-probe": (0, "PASS", None, None),
    "noisy-neighbour": (0, "PASS", None, None),
}


def watch(story, *args, env=None, state=None):
    done = subprocess.run([BAKEWATCH, "demo", "--scenario", story, "--seed", "7", "--speed", SPEED, "-o", "ndjson",
                           *(["--state-dir", state] if state else []), "watch", *args],
                          capture_output=True, text=True, timeout=180, check=False, env={**os.environ, **(env or {})})
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines, done.stderr


class Stories(unittest.TestCase):
    def story(self, name, *workloads):
        code, word, decides, minutes = STORIES[name]
        state = tempfile.mkdtemp(prefix="bakewatch-story-")
        self.addCleanup(shutil.rmtree, state)
        got, lines, err = watch(name, *workloads, state=state)
        self.again(name, state, lines)
        said = json.dumps([line for line in lines if line["type"] in ("platform", "word", "end")][-5:])
        self.assertEqual(lines[-1]["type"], "end", err)
        self.assertEqual((lines[-1]["verdict"], got), (word, code), f"{name}: {said}")
        first = [line for line in lines if line["type"] == "verdict" and line["verdict"] == "ROLL BACK" and
                 (not workloads or line["id"].endswith("/" + workloads[0]))]
        self.assertEqual(bool(first), minutes is not None, f"{name}: {first[:1]}")
        if minutes:
            self.assertIn(first[0]["decides"], decides)
            self.assertTrue(minutes[0] * 60 <= first[0]["t"] <= minutes[1] * 60, first[0]["t"])
        else:
            self.assertGreaterEqual(len([line for line in lines if line["type"] == "heartbeat"]), 25)

    def again(self, name, state, lines):
        """The recording, judged again: what was ROLL BACK first is so at the same time for the same reason."""
        done = subprocess.run([BAKEWATCH, "replay", "--state-dir", state, "-o", "json"], capture_output=True, text=True, check=False,
                              timeout=60)
        live = {line["id"]: line["bake"] for line in lines if line["type"] == "verdict"}
        got = {b["id"]: b for b in json.loads(done.stdout)["workloads"]}
        for key in ("deployed", "first_rollback", "window_verdict"):
            self.assertEqual({i: b[key] for i, b in got.items()}, {i: b[key] for i, b in live.items()}, f"{name}: {key}")

    def test_good_release(self):
        self.story("good-release")

    def test_bad_releases(self):
        together(lambda: self.story("bad-release"), lambda: self.story("slow-release"))

    def test_slow_burn(self):
        self.story("slow-burn")

    def test_noise(self):
        together(lambda: self.story("flaky-probe"), lambda: self.story("noisy-neighbour", "checkout-api"))

    def test_the_dependency_is_to_blame(self):
        """Everything is red but the deploy: whatever the word is, mailer is not the one to be taken back."""
        _, lines, _ = watch("dependency-down")
        bad = [line for line in lines if line["type"] == "verdict" and line["verdict"] == "ROLL BACK"]
        self.assertEqual([line["id"] for line in bad if line["id"].endswith("/mailer")], [])

    def test_the_link_drops(self):
        """What was not seen is not green and not red: no ROLL BACK, and the window says how much was watched."""
        code, lines, _ = watch("observer-lost")
        self.assertFalse([line for line in lines if line["type"] == "verdict" and line["verdict"] == "ROLL BACK"])
        self.assertIn(lines[-1]["verdict"], ("PASS", "NO DATA"))
        self.assertTrue([line for line in lines if line["type"] == "platform" and line["verdict"] == "NO DATA"])


class Console(unittest.TestCase):
    """The same on the screen: the word, why, and what stands behind it."""

    def play(self, story, *lines):
        scene(f"size 40 120\nstart $BAKEWATCH demo --scenario {story} --seed 7 --speed {SPEED}\nwait workloads 7\n" +
              "\n".join(lines) + "\nkeys :q!<enter>\nexit 0\n", timeout=120)

    def test_bad_release(self):
        self.play("bad-release", "wait X ROLL BACK  shop/checkout-api: within 30000", "wait v shows why", "keys v", "wait rollout  FIRED",
                  "keys /first crash<enter>", "wait T+0:", "keys q", "gone rollout  FIRED")

    def test_slow_release(self):
        self.play("slow-release", "wait X ROLL BACK  shop/catalog-api: p95 within 60000", "keys v", "wait latency  FIRED",
                  "wait baseline")

    def test_good_release(self):
        self.play("good-release", "wait PASS so far within 30000", "wait /24h within 60000", "wait + PASS")


class Replay(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-replay-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def replay(self, *args):
        done = subprocess.run([BAKEWATCH, *args, "--state-dir", str(self.dir)], capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def test_the_same_samples_give_the_same_verdict(self):
        code, lines, _ = watch("slow-release", state=str(self.dir))
        live = [line for line in lines if line["type"] == "verdict"]
        got, out, err = self.replay("replay", "-o", "json")
        self.assertEqual((code, got, err), (1, 1, ""))
        again = json.loads(out)
        self.assertEqual(again["verdict"], "ROLL BACK")
        want = {line["id"]: (line["verdict"], line["decides"], line["bake"]["first_rollback"]) for line in live}
        self.assertEqual({b["id"]: (b["verdict"], b["decides"], b["first_rollback"]) for b in again["workloads"]}, want)
        self.assertEqual(self.replay("replay", "-o", "json")[1], out)
        for form, words in (("markdown", "# Deployment report"), ("html", "<svg"), ("json", '"schema":"bakewatch/report/v1"')):
            got, report, err = self.replay("report", "--format", form)
            self.assertEqual((got, err), (0, ""))
            self.assertIn(words, report)
            self.assertIn("catalog-api", report)

    def test_what_is_no_recording(self):
        self.assertEqual(self.replay("replay")[0], 2)
        for name, data in (("random.db", os.urandom(100000)), ("empty.db", b""), ("text.db", b"no database at all\n" * 100)):
            path = self.dir / name
            path.write_bytes(data)
            code, out, err = self.replay("replay", str(path))
            self.assertNotIn(code, (0, 1, 139, 134), (name, err))
            self.assertTrue(err)


class Killed(unittest.TestCase):
    """A console that is killed in its window goes on where it was."""

    def test_the_window_goes_on(self):
        top = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-killed-"))
        self.addCleanup(shutil.rmtree, top)
        sim = subprocess.Popen([SIM, "--scenario", "good-release", "--speed", "1", "--dir", str(top / "sim")],
                               stdout=subprocess.PIPE, text=True)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.terminate)
        place = json.loads(sim.stdout.readline())
        first = self.bakes(place, top)
        self.assertEqual(len(first), 7)
        second = self.bakes(place, top)
        self.assertEqual({i: b["deployed"] for i, b in second.items()}, {i: b["deployed"] for i, b in first.items()})

    def bakes(self, place, top):
        """Watches until every workload has a verdict and half a minute's samples are kept, and kills the console."""
        p = subprocess.Popen([BAKEWATCH, "watch", "--kubeconfig", place["kubeconfig"], "-n", "shop", "--state-dir", str(top), "-o",
                              "ndjson"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = {}
        for text in p.stdout:
            line = json.loads(text)
            if line["type"] == "verdict" and line["verdict"] == "PASS":
                found[line["id"]] = line["bake"]
            if len(found) == 7:
                break
        wait_for(lambda: self.has_deploys(top), 30, "what was seen is kept")
        p.kill()
        p.stdout.close()
        p.wait()
        return found

    @staticmethod
    def has_deploys(top):
        done = subprocess.run([BAKEWATCH, "replay", "--state-dir", str(top), "-o", "json"], capture_output=True, text=True, check=False)
        return done.stdout and len(json.loads(done.stdout)["workloads"]) == 7


class Told(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-verdict-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def test_reports(self):
        for ending, words in (("md", "# Deployment report"), ("html", "<svg"), ("json", '"schema":"bakewatch/report/v1"')):
            path = self.dir / f"report.{ending}"
            self.assertEqual(watch("bad-release", "--report", str(path))[0], 1)
            text = path.read_text()
            self.assertIn(words, text)
            self.assertIn("ROLL BACK", text)
            self.assertIn("checkout-api", text)

    def test_github_actions(self):
        summary = self.dir / "summary"
        code, _, err = watch("bad-release", env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
        self.assertEqual(code, 1)
        self.assertRegex(err, r"(?m)^::error title=bakewatch ROLL BACK::")
        self.assertTrue(summary.read_text().startswith("# Deployment report"))

    def test_systemd(self):
        path = str(self.dir / "notify")
        got = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(60)
            reader = threading.Thread(target=lambda: [got.append(s.recv(4096).decode()) for _ in iter(lambda: got and got[-1].startswith("STOPPING"), True)])
            reader.start()
            watch("bad-release", env={"NOTIFY_SOCKET": path})
            reader.join()
        self.assertEqual(got[0], "READY=1")
        self.assertIn("WATCHDOG=1", got)
        self.assertEqual(got[-1], "STOPPING=1\nSTATUS=ROLL BACK")

    def test_wrong_words(self):
        for args in (["--fail-on", "never"], ["--window", "0s"], ["--window", "30"], ["--since", "soon"], ["-o", "json"],
                     ["--report", "x.pdf"]):
            done = subprocess.run([BAKEWATCH, "watch", *args], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, args)

    def test_a_name_that_is_nobodys(self):
        code, lines, err = watch("good-release", "nosuch")
        self.assertEqual(code, 2)
        self.assertIn("no workload \"nosuch\" here", err)

    def test_only_who_is_named_has_a_window(self):
        """Before anything was deployed: the one that is meant begins, and no other."""
        with Sim(story="good-release", speed=1) as s:
            p = subprocess.Popen([BAKEWATCH, "watch", "catalog-api", "-n", "shop", "-o", "ndjson", "--state-dir", str(self.dir)],
                                 stdout=subprocess.PIPE, text=True, env={**os.environ, "KUBECONFIG": s.kubeconfig})
            said = []
            for line in p.stdout:
                said.append(json.loads(line))
                if said[-1]["type"] == "word":
                    break
            p.kill()
            p.communicate()
        self.assertEqual({x["id"] for x in said if x["type"] == "verdict"}, {"deployment.apps/shop/catalog-api"})

    def test_a_window_that_is_over_is_judged_at_once(self):
        with Sim(story="good-release", speed=1) as s:
            done = subprocess.run([BAKEWATCH, "watch", "catalog-api", "--since", "5m", "--window", "2m", "-n", "shop", "--state-dir",
                                   str(self.dir)], capture_output=True, text=True, check=False, timeout=60,
                                  env={**os.environ, "KUBECONFIG": s.kubeconfig})
        self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertIn("catalog-api", done.stdout)

    def test_who_is_interrupted_has_a_report(self):
        path = self.dir / "report.md"
        with Sim(story="good-release", speed=1) as s, subprocess.Popen(
                [BAKEWATCH, "watch", "-n", "shop", "--report", str(path), "--state-dir", str(self.dir)], stdout=subprocess.PIPE,
                text=True, env={**os.environ, "KUBECONFIG": s.kubeconfig}) as p:
            p.stdout.readline()
            p.send_signal(signal.SIGINT)
            self.assertEqual(p.wait(20), 130)
        self.assertIn("# Deployment report", path.read_text())


if __name__ == "__main__":
    main()
