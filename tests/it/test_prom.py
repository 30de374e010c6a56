#!/usr/bin/python3
"""A real Prometheus and a real Alertmanager: what a service does becomes samples and alerts, and what their end does
to them.  The simulator's Prometheus gives the same shapes."""
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from common import TOP, main, wait_for
from postgres import free_port
from sim import Sim

MEASURE = os.environ.get("MEASURE", str(TOP / "build/plain/tests/it/measure_calls"))
RATE = 50  # requests a second
WEB = "deployment.apps/shop/web"
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "+Inf")

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yaml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ["127.0.0.1:{service}"]}}]}}]
"""
RULES = """
groups:
- name: shop
  rules:
  - alert: ManyErrors
    expr: sum by (service, namespace) (rate(http_requests_total{code="500"}[3s])) > 5
    annotations: {summary: "{{ $labels.service }} fails"}
"""


class Service:
    """Counts as if it had RATE requests each second; `errors` of them fail, `slow` of them take 0.4 s and not 0.07."""

    def __init__(self):
        self.errors = self.slow = 0.0
        self.failed = self.slowed = self.count = 0.0
        self.last, self.lock = time.monotonic(), threading.Lock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = service.metrics().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *what):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metrics(self):
        with self.lock:
            now = time.monotonic()
            n, self.last = (now - self.last) * RATE, now
            self.count += n
            self.failed += n * self.errors
            self.slowed += n * self.slow
            out = []
            for name in ("web", "stranger"):
                who = f'service="{name}",namespace="shop"'
                out += [f'http_requests_total{{{who},code="200"}} {self.count - self.failed}',
                        f'http_requests_total{{{who},code="500"}} {self.failed}']
                for le in BOUNDS:
                    up_to = 0 if float(le) < 0.07 else self.count - self.slowed if float(le) < 0.4 else self.count
                    out.append(f'http_request_duration_seconds_bucket{{{who},le="{le}"}} {up_to}')
            return "\n".join(out) + "\n"

    def set(self, errors, slow):
        self.metrics()
        self.errors, self.slow = errors, slow


class Child:
    """A server in a folder; ends with the test's process at the latest."""

    def __init__(self, top, port, ready, *command):
        self.top, self.port, self.ready, self.command, self.process = top, port, ready, command, None
        self.start()

    def start(self):
        with open(self.top / f"{self.command[0]}.log", "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], cwd=self.top,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.is_ready, 60, self.command[0])

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError((self.top / f"{self.command[0]}.log").read_text())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.ready}", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


class Calls:
    """measure_calls, each second; its lines are read by a thread."""

    def __init__(self, prometheus, alertmanager=None, services=("web",), range="15s", more=""):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write("environments:\n  prod:\n    namespaces: [shop]\n"
                         f"    prometheus: {{url: \"{prometheus}\", every: 5s, range: {range}{more}}}\n")
            if alertmanager:
                config.write(f"    alertmanager: {{url: \"{alertmanager}\", every: 5s}}\n")
            config.flush()
            env = {**{k: v for k, v in os.environ.items() if k != "KUBECONFIG"}, "PACE": "5"}
            self.process = subprocess.Popen([MEASURE, config.name, *(f"{name}:8080" for name in services)], env=env,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.lines = []
            self.reader = threading.Thread(target=lambda: [self.lines.append(json.loads(x)) for x in self.process.stdout])
            self.reader.start()
            self.find(lambda x: True)  # it has read its configuration

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(30)
        self.reader.join()
        self.process.stdout.close()
        if code:
            raise AssertionError(f"measure_calls ended with {code}")

    def find(self, good, seconds=60, after=0):
        def look():
            if self.process.poll() is not None:
                raise AssertionError("measure_calls has ended")
            return next((x for x in list(self.lines)[after:] if good(x)), None)
        return wait_for(look, seconds, "the line")

    def health(self, name, state, after=0):
        return self.find(lambda x: x.get("health") == name and x["state"] == state, after=after)

    def kind(self, kind):
        return [x for x in list(self.lines) if x.get("sample") == kind]


def is_sample(kind, good):
    return lambda x: x.get("sample") == kind and good(x)


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        top = tempfile.TemporaryDirectory(prefix="bakewatch-it-prom-")
        cls.addClassCleanup(top.cleanup)
        cls.top, cls.service = pathlib.Path(top.name), Service()
        cls.addClassCleanup(cls.service.server.server_close)
        cls.addClassCleanup(cls.service.server.shutdown)
        ports = free_port(), free_port()
        (cls.top / "prometheus.yaml").write_text(CONFIG.format(service=cls.service.port, alertmanager=ports[1]))
        (cls.top / "rules.yaml").write_text(RULES)
        (cls.top / "alertmanager.yaml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        cls.alertmanager = Child(cls.top, ports[1], "/-/ready", "prometheus-alertmanager", "--config.file=alertmanager.yaml",
                                 "--storage.path=alerts", f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address=")
        cls.addClassCleanup(cls.alertmanager.kill)
        cls.prometheus = Child(cls.top, ports[0], "/-/ready", "prometheus", "--config.file=prometheus.yaml",
                               "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{ports[0]}")
        cls.addClassCleanup(cls.prometheus.kill)
        cls.urls = [f"http://127.0.0.1:{p}" for p in ports]

    def calls(self, *args, **how):
        calls = Calls(*args, **how)
        self.addCleanup(calls.end)
        return calls

    def test_samples_and_alerts_follow(self):
        self.service.set(0, 0)
        calls = self.calls(self.urls[0] + "/", self.urls[1])
        live = calls.health("prometheus", "live")
        self.assertEqual(live["preset"], "http-server")
        calls.health("alertmanager", "live")
        calls.find(is_sample("requests", lambda x: x["subject"] == WEB and x["v"][0] > 0 and x["v"][1] == 0))
        good = calls.find(is_sample("latency", lambda x: sum(x["v"]) > 0))
        self.assertEqual(good["bounds"], [50, 100, 250, 500, 1000])
        self.assertEqual(len(good["v"]), 6)
        self.assertGreater(good["v"][1], 0.99 * sum(good["v"]))
        self.assertEqual(calls.kind("alert"), [])

        self.service.set(0.3, 0.5)
        calls.find(is_sample("requests", lambda x: 0.25 < x["v"][1] / max(x["v"][0], 1) < 0.35))
        calls.find(is_sample("latency", lambda x: 0.45 < x["v"][3] / max(sum(x["v"]), 1) < 0.55))
        fires = calls.find(is_sample("alert", lambda x: x["code"] == 1 and x["subject"] == WEB))
        self.assertEqual((fires["subject"], fires["name"], fires["text"], fires["source"]),
                         (WEB, "ManyErrors", "web fails", "alertmanager"))
        self.service.set(0, 0)
        over = calls.find(is_sample("alert", lambda x: x["code"] == 0 and x["subject"] == WEB), seconds=120)
        self.assertEqual(over["name"], "ManyErrors")
        self.assertEqual({x["subject"] for x in calls.lines if "sample" in x} - {""}, {WEB})  # nothing of the stranger

        # Each request counts about once: a sample speaks for the time since the one before it.
        wait_for(lambda: len(calls.kind("requests")) > 45, 60, "rounds")
        rounds = calls.kind("requests")[20:]  # the server has seen a whole range by then
        for before, x in zip(rounds, rounds[1:]):
            self.assertAlmostEqual(x["at_ms"] - before["at_ms"], x["span_ms"], delta=20)
            self.assertEqual(x["source"], "prometheus")
        seconds = sum(x["span_ms"] for x in rounds) / 1000
        self.assertAlmostEqual(sum(x["v"][0] for x in rounds) / seconds / RATE, 1, delta=0.1)

    def test_killed_and_back(self):
        calls = self.calls(self.urls[0])
        calls.find(is_sample("requests", lambda x: True))
        self.prometheus.kill()
        lost = calls.health("prometheus", "stale")
        self.assertEqual(lost["cause"], "refused")
        self.assertIn("refused", lost["text"])
        after = calls.lines.index(lost)
        calls.say("now")
        self.prometheus.start()
        live = calls.health("prometheus", "live", after)
        first = calls.find(is_sample("requests", lambda x: x["v"][0] > 0), after=after)
        self.assertFalse([x for x in calls.lines[after:calls.lines.index(live)] if "sample" in x and x["at_ms"] < first["at_ms"] - 2000])

    def test_alertmanager_killed_and_back(self):
        calls = self.calls(self.urls[0], self.urls[1])
        calls.health("alertmanager", "live")
        self.service.set(0.3, 0)
        calls.find(is_sample("alert", lambda x: x["code"] == 1 and x["subject"] == WEB))
        self.alertmanager.kill()
        lost = calls.health("alertmanager", "stale")
        after = calls.lines.index(lost)
        self.assertIn("refused", lost["text"])
        self.service.set(0, 0)
        self.assertEqual([x["code"] for x in calls.kind("alert") if x["subject"] == WEB], [1])  # silence resolves nothing
        self.alertmanager.start()
        calls.health("alertmanager", "live", after)
        calls.find(is_sample("alert", lambda x: x["code"] == 0 and x["subject"] == WEB), seconds=120, after=after)

    def test_what_is_no_prometheus(self):
        calls = self.calls(self.urls[0] + "/nothing", f"http://127.0.0.1:{free_port()}")
        self.assertIn("answers 404", calls.health("prometheus", "absent")["text"])
        self.assertIn("refused", calls.health("alertmanager", "failed")["text"])
        self.assertFalse([x for x in calls.lines if "sample" in x])

    def test_a_query_that_is_wrong(self):
        calls = self.calls(self.urls[0], more=', queries: {requests: "sum by ($by) (", errors: "", latency: "", p95: ""}')
        bad = calls.health("prometheus", "failed")
        self.assertIn("parse error", bad["text"])
        self.assertFalse([x for x in calls.lines if "sample" in x])

    def test_the_simulator_has_the_same_shapes(self):
        real = self.calls(self.urls[0])
        with Sim() as sim:
            sim.until("T+2:00")
            names = [d["metadata"]["name"] for d in sim.get("/apis/apps/v1/namespaces/shop/deployments")["items"]]
            simulated = Calls(sim.ready["prometheus"], services=names, range="60s")
            try:
                self.assertEqual(simulated.health("prometheus", "live")["preset"], "http-server")
                for kind in ("requests", "latency"):
                    one = real.find(is_sample(kind, lambda x: sum(x["v"]) > 0))
                    two = simulated.find(is_sample(kind, lambda x: sum(x["v"]) > 0))
                    self.assertEqual((one.keys(), one["name"]), (two.keys(), two["name"]))
                    self.assertTrue(two["subject"].startswith("deployment.apps/shop/"))
                    self.assertEqual(len(two["v"]), len(two["bounds"]) + 1 if kind == "latency" else 2)
                    self.assertEqual(two["bounds"], sorted(two["bounds"]))
            finally:
                simulated.end()


if __name__ == "__main__":
    main()
