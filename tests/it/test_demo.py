#!/usr/bin/python3
"""The demo as a newcomer meets it: live at once, every story through the console's own eyes (the stream
and the screen), and nothing left behind however it ends."""
import contextlib
import datetime
import difflib
import fcntl
import glob
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

from common import BAKEWATCH, SCENE, TOP, main, scene, wait_for

GOLDEN = TOP / "tests/golden/stories"


class Control:
    """The simulator of a demo in TMPDIR: its socket."""

    def __init__(self, tmp):
        self.socket = wait_for(lambda: self.dial(tmp), 20, "the simulator")
        self.lines = self.socket.makefile("r", encoding="utf-8")

    @staticmethod
    def dial(tmp):
        for path in glob.glob(f"{tmp}/bakewatch-demo-*/control"):
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(path)
                return there
            except OSError: # it is there a moment before anybody listens
                there.close()
        return None

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")
        answer = json.loads(self.lines.readline())
        assert "error" not in answer, answer
        return answer

    def close(self):
        self.lines.close()
        self.socket.close()


class Stream:
    """`demo --headless` in stepped mode: what it has said of each thing last, and all lines."""

    def __init__(self, story):
        self.tmp = tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-")
        self.process = subprocess.Popen(
            [BAKEWATCH, "demo", "--scenario", story, "--seed", "7", "--speed", "0", "--headless", "-o", "ndjson"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.tmp.name})
        self.last, self.lines = {}, []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.control = Control(self.tmp.name)

    def read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            self.lines.append(line)
            key = line["row"]["id"] if line["type"] == "error" else line.get("id")
            self.last[(line["type"], key)] = line

    def of(self, kind, **want):
        """Those that are there now, with these members."""
        return [v for (k, _), v in list(self.last.items())
                if k == kind and "gone" not in v and all(v.get(m) == w for m, w in want.items())]

    def workload(self, name):
        return (self.of("workload", name=name) or [{}])[0]

    def rows(self, service, *severities):
        return [v["row"] for v in self.of("error") if v["row"]["service_name"] == service and
                (not severities or v["row"]["severity"] in severities)]

    def reasons(self, name):
        return {v["reason"] for v in self.of("event") if v["name"].startswith(name)}

    def written(self):
        with contextlib.closing(sqlite3.connect(f"file:{glob.glob(self.tmp.name + '/*/errors.db')[0]}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM deployment_errors").fetchone()[0]

    def until(self, t, what, name):
        """What has been written up to then has been read: that there is no row of something is no accident."""
        self.control.say(f"until {t}")
        wait_for(lambda: len(self.of("error")) == self.written(), 20, f"{t}: all rows")
        wait_for(lambda: what(self), 20, f"{t}: {name}")

    def end(self):
        self.control.close()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self.reader.join()
        said = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        left = os.listdir(self.tmp.name)
        self.tmp.cleanup()
        assert (code, said, left) == (130, "", []), (code, said, left)


def is_well(s, *names):
    return all(s.workload(n).get("health") == "ok" for n in names)


def is_rolled_out(name, tag):
    return lambda s: (s.workload(name).get("image", "").endswith(tag) and is_well(s, name) and
                      s.workload(name)["rollout"]["state"] == "complete")


SHOP = ["web-frontend", "checkout-api", "catalog-api", "payment-api", "mailer", "orders-db", "log-agent"]
BAD = "checkout-api"

# What each story looks like from here, at minutes of its own time; (time, what, in words)
STORIES = {
    "bad-release": [
        ("T+0:30", lambda s: is_well(s, *SHOP) and not s.rows(BAD), "all is well"),
        ("T+1:04", lambda s: s.workload(BAD).get("rollout", {}).get("state") == "progressing" and
         s.workload(BAD)["image"].endswith("2.15.0"), "the rollout"),
        ("T+4:00", lambda s: len([p for p in s.of("pod") if p["problem"].startswith("OOMKilled")]) == 2 and
         s.workload(BAD)["health"] == "fail" and s.workload(BAD)["ready"] < 4, "two pods crash"),
        ("T+4:00", lambda s: len(s.rows(BAD, "CRITICAL")) >= 3 and len(s.rows(BAD, "HIGH")) >= 5 and
         all(v["novelty"] == "NEW" for v in s.of("error") if v["row"]["service_name"] == BAD), "new errors"),
        ("T+4:00", lambda s: "BackOff" in s.reasons(BAD) and len(s.of("caption")) == 1, "events and a caption"),
    ],
    "slow-release": [
        ("T+3:00", is_rolled_out("catalog-api", "3.4.0"), "rolled out"),
        ("T+8:00", lambda s: is_well(s, *SHOP) and not s.rows("catalog-api") and not s.of("pod"), "nothing but time"),
    ],
    "good-release": [
        ("T+3:00", is_rolled_out(BAD, "2.14.1"), "rolled out"),
        ("T+12:00", lambda s: is_well(s, *SHOP) and not s.rows(BAD) and "SuccessfulCreate" in s.reasons(BAD), "good"),
    ],
    "slow-burn": [
        ("T+12:00", lambda s: is_rolled_out("payment-api", "1.10.0")(s) and not s.rows("payment-api"), "green"),
        ("T+18:00", lambda s: len(s.rows("payment-api", "HIGH")) > 0, "the first errors"),
        ("T+24:00", lambda s: len(s.rows("payment-api", "HIGH")) > 10 and s.rows("payment-api", "CRITICAL"), "many"),
    ],
    "flaky-probe": [
        ("T+3:00", is_rolled_out("web-frontend", "5.9.0"), "rolled out"),
        ("T+12:00", lambda s: "Unhealthy" in s.reasons("web-frontend") and not s.rows("web-frontend") and
         s.workload("web-frontend")["restarts"] == 0, "noise alone"),
    ],
    "dependency-down": [
        ("T+2:50", is_rolled_out("mailer", "0.7.2"), "mailer is out"),
        ("T+6:00", lambda s: len(s.rows("payment-api", "CRITICAL")) > 10 and s.rows(BAD, "HIGH") and
         not s.rows("mailer", "CRITICAL", "HIGH"), "red, but not mailer"),
    ],
    "observer-lost": [
        ("T+2:59", is_rolled_out(BAD, "2.14.1"), "rolled out"),
        ("T+4:00", lambda s: all(v["state"] != "live" for v in s.of("source") if v["id"] not in ("errors", "history")), "nothing is live"),
        ("T+6:30", lambda s: all(v["state"] == "live" for v in s.of("source")) and is_well(s, *SHOP), "all is live"),
    ],
    "noisy-neighbour": [
        ("T+0:30", lambda s: len(s.rows("mailer", "HIGH")) > 30, "mailer fails"),
        ("T+6:00", lambda s: is_rolled_out(BAD, "2.14.1")(s) and not s.rows(BAD), "and the deploy is innocent"),
    ],
}

# The screen of each story at one of its minutes: what depends on the pace of the machine is left out.
SCREENS = {"bad-release": ["T+4:00"], "slow-release": ["T+3:00"], "good-release": ["T+3:00"], "slow-burn": ["T+24:00"],
           "flaky-probe": ["T+8:00"], "dependency-down": ["T+6:00"], "observer-lost": ["T+2:59", "T+4:00"],
           "noisy-neighbour": ["T+4:00"]}


def clock_at(t):
    """What the first line shows then: stepped stories begin at 10:00."""
    minutes, seconds = t.removeprefix("T+").split(":")
    return f"10:{int(minutes):02d}:{int(seconds):02d}Z"


def shown(screen):
    """Without figures of the link and without the sources' panel; the verdict needs time that goes on, and has a test
    of its own."""
    lines = screen.split("─ 4 sources")[0].rstrip("\n").split("\n")
    lines[1] = "(the verdict)"
    lines[0] = re.sub(r" +[0-9.]+ req/s", "", re.sub(r"retry in \d+s", "retry in Ns", lines[0]))
    def plain(line): # usage is asked for each 15 s of real time
        line = re.sub(r"since \d\d:\d\d:\d\dZ", "since TIME", re.sub(r"as of \S+ ago", "as of AGE ago", line))
        line = re.sub(r" +CPU +MEM| +(\d+m +\d+(Mi|Gi)|0m +0)(?= |$)", "", line)
        return re.sub(r"[ \u2500]+$", "", line)
    return "\n".join(plain(line) for line in lines) + "\n"


class Demo(unittest.TestCase):
    def test_stories(self):
        for story, steps in STORIES.items():
            with self.subTest(story):
                s = Stream(story)
                try:
                    for t, what, name in steps:
                        s.until(t, what, f"{story}: {name}")
                    self.assertEqual(s.lines[0]["schema"], "bakewatch/stream/v1")
                    self.assertTrue(all({"type", "time", "t"} <= set(line) for line in s.lines[1:]))
                finally:
                    s.end()

    def test_screens(self):
        for story, times in SCREENS.items():
            with self.subTest(story):
                self.look_at(story, times)

    def look_at(self, story, times):
        golden = GOLDEN / f"{story}.txt"
        want = golden.read_text() if golden.exists() else ""
        is_writing = os.environ.get("GOLDEN") == "write"
        with tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
            play = subprocess.Popen([SCENE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                    env={**os.environ, "BAKEWATCH": BAKEWATCH, "TERM": "xterm-256color",
                                         "LANG": "C.UTF-8", "TMPDIR": tmp})
            step = "".join(f"sh {TOP}/tests/it/sim.py {tmp}/bakewatch-demo-*/control 'until {t}' >/dev/null\n"
                           f"wait {clock_at(t)}\n" for t in times[:-1]) + "".join(
                               "wait 2.14.1\nwait all well\n" for _ in times[:-1]) # it has been seen before the link drops
            play.stdin.write(f"size 40 120\nstart $BAKEWATCH demo --scenario {story} --seed 7 --speed 0\n"
                             f"wait workloads 7 within 20000\nwait SMTP_\n{step}"
                             f"sh {TOP}/tests/it/sim.py {tmp}/bakewatch-demo-*/control 'until {times[-1]}' >/dev/null\n"
                             f"wait {clock_at(times[-1])}\n")
            # the screen is asked for until it is what it should be; what is written, a person looks at
            end, found = time.monotonic() + (6 if is_writing else 20), ""
            while (found != want or is_writing) and time.monotonic() < end:
                play.stdin.write("sh true\ndump\n")
                play.stdin.flush()
                found = shown("".join(play.stdout.readline() for _ in range(40)))
            play.stdin.write("keys q\nexit 0\n")
            play.stdin.close()
            rest = play.stdout.read()
            play.stdout.close()
            self.assertEqual(play.wait(30), 0, found + rest)
            self.assertEqual(os.listdir(tmp), [])
        if is_writing:
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(found)
        elif found != want:
            self.fail("\n" + "\n".join(difflib.unified_diff(want.split("\n"), found.split("\n"), "golden", "screen", lineterm="")))

    def left(self, tmp):
        """Processes and files of a demo in this folder."""
        found = []
        for p in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"TMPDIR={tmp}".encode() in p.read_bytes():
                    found.append((p.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass
        return found + os.listdir(tmp)

    def test_nothing_is_left(self):
        """However it ends: q, ctrl-c, a signal, kill -9 of the console or of its keeper, a closed terminal."""
        for end in ("keys q\nexit 0\nsane", "keys :quit<enter>\nexit 0\nsane", "keys <c-c>\nkeys q\nexit 0\nsane", "signal TERM\nexit *\nsane", "signal INT\nexit *\nsane",
                    "console KILL\nexit *\nsane", "signal KILL\nexit *", "hangup\nexit *"):
            with self.subTest(end), tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
                scene(f"size 30 120\nstart $BAKEWATCH demo\nwait RO  live within 10000\n{end}\n", TMPDIR=tmp)
                wait_for(lambda t=tmp: not self.left(t), 10, f"the end after {end}: {self.left(tmp)}")

    def test_nothing_is_left_of_a_stream(self):
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, None):
            with self.subTest(how), tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
                p = subprocess.Popen([BAKEWATCH, "demo", "--headless", "--speed", "100"], stdout=subprocess.PIPE,
                                     env={**os.environ, "TMPDIR": tmp})
                self.assertIn(b"bakewatch/stream/v1", p.stdout.readline())
                if how:
                    p.send_signal(how)
                p.stdout.close() # without a signal: nobody reads any more
                p.wait(20)
                wait_for(lambda t=tmp: not self.left(t), 10, f"the end after {how}: {self.left(tmp)}")

    def test_a_reader_that_is_stopped(self):
        """A signal is heard all the same."""
        with tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
            with subprocess.Popen([BAKEWATCH, "demo", "--headless"], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": tmp}) as p:
                fcntl.fcntl(p.stdout, fcntl.F_SETPIPE_SZ, 8192)

                def is_full(): # the second of two pages is begun: the rest of the first state does not fit
                    waiting = bytearray(4)
                    fcntl.ioctl(p.stdout, termios.FIONREAD, waiting)
                    return int.from_bytes(waiting, sys.byteorder) > 4096
                wait_for(is_full, 20, "a full pipe")
                p.send_signal(signal.SIGTERM)
                self.assertEqual(p.wait(20), 130)
            self.assertEqual(self.left(tmp), [])

    def test_the_config_is_of_another_place(self):
        """What it says of the error table and of the log is not meant for the demo."""
        with tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
            config = pathlib.Path(tmp) / "config.yaml"
            config.write_text(f"errors: {{timezone: '+09:00'}}\nlog: {{file: {tmp}/ours.log}}\n")
            with subprocess.Popen([BAKEWATCH, "demo", "--headless", "--timeout", "20s", "--config", config], stdout=subprocess.PIPE,
                                  text=True, env={**os.environ, "TMPDIR": tmp}) as p:
                row = next(line for line in map(json.loads, p.stdout) if line["type"] == "error")
                p.send_signal(signal.SIGTERM)
                p.communicate(timeout=20)
            written, told = (datetime.datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (row["row"]["timestamp"], row["time"]))
            self.assertLess(abs(told - written), datetime.timedelta(hours=2))
            self.assertEqual(os.listdir(tmp), ["config.yaml"])

    def test_a_long_way_to_the_folder(self):
        """A socket's path has 107 bytes; where TMPDIR leaves no room for ours, /tmp is taken."""
        for n, is_there in ((77, True), (78, False), (200, False)):
            with self.subTest(n), tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-", dir="/tmp") as top:
                tmp = pathlib.Path(top) / ("x" * (n - len(top) - 1))
                tmp.mkdir()
                with subprocess.Popen([BAKEWATCH, "demo", "--headless"], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp)}) as p:
                    self.assertIn(b"bakewatch/stream/v1", p.stdout.readline())
                    self.assertEqual(bool(os.listdir(tmp)), is_there)
                    p.send_signal(signal.SIGTERM)
                    p.communicate(timeout=20)

    def test_a_simulator_that_dies(self):
        """Nothing will come any more: the stream says so and ends, the console stays and says so."""
        with tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
            p = subprocess.Popen([BAKEWATCH, "demo", "--headless"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, "TMPDIR": tmp})
            self.assertIn("bakewatch/stream/v1", p.stdout.readline())
            os.kill(int(pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children").read_text().split()[0]), signal.SIGKILL)
            _, said = p.communicate(timeout=30)
            self.assertEqual((p.returncode, said), (1, "bakewatch: demo: the simulator has ended\n"))
            self.assertEqual(self.left(tmp), [])
        with tempfile.TemporaryDirectory(prefix="bakewatch-test-demo-") as tmp:
            scene("size 30 120\nstart $BAKEWATCH demo\nwait RO  live within 10000\n"
                  f"sh pkill -KILL -f '[-]-dir {tmp}/bakewatch-demo-'\nwait the simulator has ended within 10000\n"
                  "wait LINK LOST since within 20000\nkeys q\nexit 0\nsane\n", TMPDIR=tmp)
            self.assertEqual(self.left(tmp), [])

    def test_at_once(self):
        scene("size 24 80\nstart $BAKEWATCH demo\nmeasure demo-live RO  live\nwait all well\nwait DEMO\nkeys q\nexit 0\nsane\n")

    def test_wrong_words(self):
        for args, words in ((["--scenario", "nope"], "no scenario nope"), (["--speed", "fast"], "fast cannot be"),
                            (["--errors-db", "x"], "a platform of its own"), (["-o", "json"], "-o ndjson, with --headless")):
            done = subprocess.run([BAKEWATCH, "demo", *args], capture_output=True, text=True, check=False, timeout=20)
            self.assertIn(words, done.stderr)
            self.assertNotEqual(done.returncode, 0)
        done = subprocess.run([BAKEWATCH, "demo", "--scenario", "help"], capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines()}, set(STORIES))


if __name__ == "__main__":
    main()
