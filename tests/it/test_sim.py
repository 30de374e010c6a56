#!/usr/bin/python3
"""The simulator by itself: one seed, one log; each story at its minutes; nothing left behind."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse

import common
from common import bakewatch, status, wait_for
from postgres import Postgres
from sim import SIM, Sim

SHOP = {"Deployment/checkout-api", "Deployment/web-frontend", "Deployment/catalog-api", "Deployment/payment-api", "Deployment/mailer",
        "StatefulSet/orders-db", "DaemonSet/log-agent"}
STORIES = ["bad-release", "slow-release", "good-release", "slow-burn", "flaky-probe", "dependency-down", "observer-lost", "noisy-neighbour"]


def log_of(story, seed, until):
    """The event log of a run, and the errors that it wrote."""
    with tempfile.NamedTemporaryFile("r") as f:
        with Sim(story=story, seed=seed, event_log=f.name) as s:
            s.until(until)
            rows = [tuple(r.values()) for r in s.rows()]
        return f.read(), rows


def problems(s):
    return {name: w["problem"] for name, w in status(s.kubeconfig, "-n", "shop").items() if w["problem"]}


class Determinism(unittest.TestCase):
    def test_one_seed_one_log(self):
        log, rows = log_of("bad-release", 7, "T+10:00")
        self.assertGreater(len(log.splitlines()), 300)
        self.assertEqual((log, rows), log_of("bad-release", 7, "T+10:00"))

    def test_another_seed_another_log(self):
        self.assertNotEqual(log_of("bad-release", 1, "T+2:00"), log_of("bad-release", 2, "T+2:00"))

    def test_steps_do_not_matter(self):
        whole, rows = log_of("bad-release", 3, "T+3:00")
        with tempfile.NamedTemporaryFile("r") as f:
            with Sim(seed=3, event_log=f.name) as s:
                for t in ("T+0:01", "T+0:59", "T+1:00", "T+1:17", "T+2:00"):
                    s.until(t)
                    s.pods("checkout-api")  # to look changes nothing
                    s.get("/api/v1/namespaces/shop/services/checkout-api/proxy/healthz")
                for _ in range(20):
                    s.say("step")
                s.until("T+3:00")
                self.assertEqual([tuple(r.values()) for r in s.rows()], rows)
            self.assertEqual(f.read(), whole)


class Stories(unittest.TestCase):
    def test_all_begin_well(self):
        for story in STORIES:
            with self.subTest(story), Sim(story=story) as s:
                s.until("T+0:30")
                found = status(s.kubeconfig, "-n", "shop")
                self.assertEqual(set(found), SHOP)
                self.assertEqual({w["rollout"]["state"] if isinstance(w["rollout"], dict) else w["rollout"] for w in found.values()}, {"complete"})
                self.assertEqual(problems(s), {})
                self.assertTrue(s.say("caption")["caption"])
                self.assertEqual(s.rows("severity = 'CRITICAL'"), [])

    def test_bad_release_and_undo(self):
        with Sim() as s:
            s.until("T+1:02")
            d = s.deployment("checkout-api")
            self.assertEqual((d["metadata"]["annotations"]["deployment.kubernetes.io/revision"], d["metadata"]["generation"]), ("4", 2))
            self.assertLess(d["status"]["updatedReplicas"], 4)
            s.until("T+3:00")
            bad = [p for p in s.pods("checkout-api") if p["status"]["containerStatuses"][0]["restartCount"]]
            self.assertEqual(len(bad), 2)
            self.assertEqual({p["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] for p in bad}, {"OOMKilled"})
            self.assertIn("OOMKilled", problems(s)["Deployment/checkout-api"])
            self.assertGreaterEqual(len(s.rows("error_code = 'DB_POOL_EXHAUSTED' AND severity = 'CRITICAL'")), 3)
            self.assertTrue({"BackOff", "Killing", "ScalingReplicaSet", "SuccessfulCreate", "Pulled", "Scheduled"} <= {e["reason"] for e in s.events()})
            self.assertGreater(max(e["count"] for e in s.events("BackOff")), 1)
            _, log = s.request(f"/api/v1/namespaces/shop/pods/{bad[0]['metadata']['name']}/log?previous=true&tailLines=1")
            self.assertIn("FATAL out of memory", log)
            code, health = s.request("/api/v1/namespaces/shop/services/http:checkout-api:80/proxy/healthz")
            self.assertEqual((code, health["status"], health["checks"]["database:pool"][0]["status"]), (200, "warn", "fail"))
            self.undo(s)

    def undo(self, s):
        old = [r for r in s.get("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dcheckout-api")["items"]
               if r["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"][0]
        template = old["spec"]["template"]
        del template["metadata"]["labels"]["pod-template-hash"]
        code, doc = s.request("/apis/apps/v1/namespaces/shop/deployments/checkout-api", "PATCH",
                              [{"op": "replace", "path": "/spec/template", "value": template}], {"Content-Type": "application/json-patch+json"})
        self.assertEqual(code, 200, doc)
        s.until("T+4:00")
        n = len(s.rows())
        s.until("T+9:00")
        self.assertEqual(problems(s), {})
        self.assertEqual(s.deployment("checkout-api")["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "5")
        self.assertEqual([r["error_code"] for r in s.rows()[n:] if r["service_name"] == "checkout-api"], [])
        self.assertEqual(s.get("/api/v1/namespaces/shop/services/checkout-api/proxy/healthz")["status"], "pass")

    def quiet(self, story, name, until="T+12:00"):
        """The rollout completes, and nothing is written or crashes because of it."""
        with Sim(story=story) as s:
            s.until(until)
            found = status(s.kubeconfig, "-n", "shop")[f"Deployment/{name}"]
            self.assertEqual(found["restarts"], 0)
            self.assertEqual([r for r in s.rows() if r["service_name"] == name], [])
            d = s.deployment(name)
            self.assertEqual(d["status"]["updatedReplicas"], d["spec"]["replicas"])
            return s.get(f"/api/v1/namespaces/shop/services/{name}/proxy/healthz")["status"] if story != "flaky-probe" else "", problems(s)

    def test_slow_release(self):
        self.assertEqual(self.quiet("slow-release", "catalog-api"), ("pass", {}))
        with Sim(story="slow-release") as s:
            p95 = []
            for t in ("T+0:30", "T+6:00"):
                s.until(t)
                query = 'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="catalog-api"}[2m])))'
                p95.append(float(s.get("/prometheus/api/v1/query?" + urllib.parse.urlencode({"query": query}))["data"]["result"][0]["value"][1]))
            self.assertAlmostEqual(p95[1] / p95[0], 1.6, delta=0.1)

    def test_good_release(self):
        self.assertEqual(self.quiet("good-release", "checkout-api"), ("pass", {}))

    def test_flaky_probe(self):
        self.quiet("flaky-probe", "web-frontend")
        with Sim(story="flaky-probe") as s:
            unready = 0
            for minute in range(2, 20):
                for second in range(0, 60, 4):
                    s.until(f"T+{minute}:{second:02d}")
                    unready += s.deployment("web-frontend")["status"].get("readyReplicas", 0) < s.deployment("web-frontend")["spec"]["replicas"]
            self.assertGreater(unready, 0)
            self.assertEqual({e["reason"] for e in s.events() if e["type"] == "Warning"}, {"Unhealthy"})

    def test_slow_burn(self):
        with Sim(story="slow-burn") as s:
            s.until("T+12:00")
            self.assertEqual(s.rows("service_name = 'payment-api'"), [])
            s.until("T+17:00")
            early = len(s.rows("service_name = 'payment-api'"))
            self.assertGreater(early, 0)
            s.until("T+22:00")
            self.assertGreater(len(s.rows("service_name = 'payment-api'")), 2 * early)
            self.assertGreater(len(s.rows("error_code = 'PAYMENT_DECLINED_WRONGLY' AND severity = 'CRITICAL'")), 0)

    def test_dependency_down(self):
        with Sim(story="dependency-down") as s:
            s.until("T+5:00")
            self.assertEqual({r["service_name"] for r in s.rows("severity IN ('CRITICAL', 'HIGH')")}, {"payment-api", "checkout-api"})
            code, health = s.request("/api/v1/namespaces/shop/services/payment-api/proxy/healthz")
            self.assertEqual((code, health["status"], health["checks"]["card-gateway:reachable"][0]["status"]), (503, "fail", "fail"))
            self.assertEqual(s.get("/api/v1/namespaces/shop/services/mailer/proxy/healthz")["status"], "pass")
            s.until("T+17:00")
            self.assertEqual(s.get("/api/v1/namespaces/shop/services/payment-api/proxy/healthz")["status"], "pass")

    def test_observer_lost(self):
        with Sim(story="observer-lost") as s:
            s.until("T+2:59")
            self.assertEqual(s.request("/livez")[0], 200)
            self.assertEqual(s.until("T+3:01")["link"], "down")
            with self.assertRaises(urllib.error.URLError):
                s.request("/livez")
            self.assertEqual(bakewatch("status", "--request-timeout", "2s", kubeconfig=s.kubeconfig)[0], 4)
            self.assertEqual(s.until("T+6:01")["link"], "up")
            self.assertEqual(s.request("/livez")[0], 200)
            self.assertEqual(problems(s), {})

    def test_noisy_neighbour(self):
        with Sim(story="noisy-neighbour") as s:
            s.until("T+0:30")
            before = len(s.rows("service_name = 'mailer' AND severity = 'HIGH'"))
            self.assertGreater(before, 30)
            s.until("T+30:00")
            self.assertAlmostEqual(len(s.rows("service_name = 'mailer' AND severity = 'HIGH'")) / before, 2, delta=0.3)
            self.assertEqual(s.rows("service_name = 'checkout-api'"), [])

    def test_autoscaler(self):
        text = ("platform: platform\nsteps:\n- {at: \"T+1:00\", do: slow, service: web-frontend, factor: 9}\n")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(text)
            f.flush()
            with Sim(story=f.name) as s:
                s.until("T+5:00")
                self.assertGreater(s.deployment("web-frontend")["spec"]["replicas"], 3)
                self.assertTrue(s.events("SuccessfulRescale"))


class Interfaces(unittest.TestCase):
    def test_metrics_move_with_time_alone(self):
        with Sim() as s:
            def total():
                lines = s.request("/api/v1/namespaces/shop/services/checkout-api/proxy/metrics")[1].splitlines()
                return sum(float(line.split()[-1]) for line in lines if line.startswith("http_requests_total"))
            s.until("T+1:00")
            first = total()
            self.assertEqual(total(), first)
            s.until("T+2:00")
            self.assertAlmostEqual(total() - first, 45 * 60, delta=45 * 60 * 0.2)
            usage = s.get("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods")
            self.assertEqual(len(usage["items"]), len(s.get("/api/v1/namespaces/shop/pods")["items"]))

    def test_prometheus_tells_the_same(self):
        def ask(s, query, **more):
            code, doc = s.request("/prometheus/api/v1/query" + ("_range" if more else "") + "?" + urllib.parse.urlencode({"query": query, **more}))
            self.assertEqual(code, 200, doc)
            return doc["data"]["result"]
        p95 = 'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{namespace="shop",service="checkout-api"}[2m])))'
        share = 'sum(rate(http_requests_total{service="checkout-api",code=~"5.."}[2m])) / sum(rate(http_requests_total{service="checkout-api"}[2m]))'
        with Sim() as s:
            before = float(ask(s, p95)[0]["value"][1])
            self.assertAlmostEqual(before, 0.14, delta=0.02)
            self.assertLess(float(ask(s, share)[0]["value"][1]), 0.01)
            s.until("T+6:00")
            self.assertAlmostEqual(float(ask(s, p95)[0]["value"][1]) / before, 2.5, delta=0.4)
            self.assertAlmostEqual(float(ask(s, share)[0]["value"][1]), 0.08, delta=0.02)
            start = s.ready["start_ms"] // 1000
            values = ask(s, p95, start=start - 1740, end=start, step=60)[0]["values"]
            self.assertGreaterEqual(len(values), 28)
            self.assertEqual({r["value"][1] for r in ask(s, "up")}, {"1"})
            self.assertEqual(s.get("/prometheus/api/v1/status/buildinfo")["status"], "success")
            code, doc = s.request("/prometheus/api/v1/query?query=sum(")
            self.assertEqual((code, doc["status"], doc["errorType"]), (400, "error", "bad_data"))
            self.assertEqual(s.request("/prometheus/api/v1/query_range?query=up&start=0&end=2000000000&step=1")[0], 400)

    def test_postgresql_gets_the_same_rows(self):
        p = Postgres(schema=None, timezone="Asia/Tokyo")
        self.addCleanup(p.end)
        with Sim("--errors-db", p.url()) as s, Sim() as other:
            for sim in (s, other):
                sim.until("T+4:00")
            self.assertFalse(os.path.exists(s.kubeconfig.replace("kubeconfig", "errors.db")))
            found = p.sql("SELECT service_name, environment, error_code, severity, error_message, "
                          "to_char(timestamp AT TIME ZONE current_setting('timezone') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') "
                          "FROM deployment_errors ORDER BY id")
            self.assertGreater(len(found), 10)
            self.assertEqual(found, [tuple(r[k] for k in ("service_name", "environment", "error_code", "severity", "error_message", "timestamp"))
                                     for r in other.rows()])
            p.stop("fast")
            self.assertIn("trouble", s.until("T+8:00"))

    def test_logs_are_counted_and_cut(self):
        with Sim() as s:
            path = f"/api/v1/namespaces/shop/pods/{s.pods('mailer')[0]['metadata']['name']}/log"
            self.assertEqual(s.request(path + "?tailLines=3")[1].count("\n"), 3)
            self.assertEqual(len(s.request(path + "?limitBytes=10")[1]), 10)
            self.assertEqual(s.request(path + "?previous=true")[0], 400)
            self.assertEqual(s.request(path + "?tailLines=x")[0], 400)

    def test_control_refuses_what_it_does_not_know(self):
        with Sim() as s:
            for line in ("nonsense", "until yesterday", "until T+0:99", "speed -1", "link sideways", "until T-1:00", "speed nan"):
                with self.subTest(line), self.assertRaises(AssertionError):
                    s.say(line)
            self.assertEqual(s.say("now")["t"], "T+0:00")
            s.control.sendall(b"x" * 1000)
            try:
                self.assertEqual(s.lines.readline(), "")
            except ConnectionResetError:
                pass

    def test_large_and_broken_requests(self):
        with Sim() as s:
            path = "/apis/apps/v1/namespaces/shop/deployments/mailer"
            kind = {"Content-Type": "application/merge-patch+json"}
            self.assertEqual(s.request(path, "PATCH", b"x" * 3000000, kind)[0], 413)
            for body in (b"", b"{", b"[]", b"\x00", b'{"spec": null}', b'{"metadata": 1}', b'{"spec": {"template": {"spec": {"containers": []}}}}',
                         b'{"spec":{"replicas":1e99}}', b'{"spec":{"revisionHistoryLimit":-1}}',
                         b'{"spec":{"minReadySeconds":-1}}', b'{"spec":{"progressDeadlineSeconds":"x"}}', b'{"spec":{"strategy":{"rollingUpdate":{"maxSurge":1e99}}}}',
                         b'{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":-1}}}}', b'{"metadata": {"labels": 5}}', b'{"metadata": {"annotations": {"a": 5}}}', b'{"spec": {"template": null}}', b'{"a":' * 5000, b'{"spec": {"a": 1, "a": 2}}'):
                with self.subTest(body[:40]):
                    self.assertIn(s.request(path, "PATCH", body, kind)[0], (400, 422))
            for op in (b'[{"op":"add"}]', b'[{"op":"move","from":"/spec","path":"/spec/x"}]', b'[{"op":"remove","path":""}]', b"[1]",
                       b'[{"op":"add","path":"/spec/template/spec/containers/7","value":1}]', b'[{"op":"copy","from":"/spec/template","path":"/status"}]'):
                with self.subTest(op):
                    self.assertIn(s.request(path, "PATCH", op, {"Content-Type": "application/json-patch+json"})[0], (200, 400, 422))
            s.until("T+0:05")  # what was taken is worked on
            self.assertEqual(s.request("/" + "a/" * 3000)[0], 400)
            self.assertEqual(s.request("/api/v1/pods?labelSelector=" + "a," * 100)[0], 400)
            self.assertEqual(s.request("/api/v1/pods?limit=-1")[0], 400)
            self.assertEqual(s.deployment("mailer")["spec"]["replicas"], 2)

    def test_only_who_knows_the_token(self):
        with Sim() as s:
            bare = s.base.rsplit("/", 1)[0]
            self.assertEqual(s.request("/livez", base=bare)[0], 200)
            self.assertEqual(s.request("/api/v1/pods", base=bare)[0], 403)
            self.assertEqual(s.request("/api/v1/pods", base=bare, headers={"Authorization": "Bearer nope"})[0], 401)
            self.assertEqual(s.request("/api/v1/pods", base=bare, headers={"Authorization": "Bearer " + s.base.rsplit("/", 1)[1]})[0], 200)
            self.assertEqual(os.stat(s.kubeconfig).st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(s.ready["control"]).st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(s.ready["errors_db"]).st_mode & 0o777, 0o600)

    def test_speed(self):
        with Sim(speed=0) as s:
            s.say("speed 60")
            wait_for(lambda: s.say("now")["now_ms"] > s.ready["start_ms"] + 70000, 30, "a minute in a second")
            s.say("speed 0")
            self.assertEqual(s.say("now")["now_ms"], s.say("now")["now_ms"])

    def test_wrong_words(self):
        for args in (["--scenario", "nope"], ["--story", "/nonexistent"], ["--speed", "x"], ["--listen", "0.0.0.0:0"], ["extra"], ["--nope"]):
            done = subprocess.run([SIM, *args], capture_output=True, text=True, check=False, timeout=20)
            self.assertIn(done.returncode, (1, 2), args)
            self.assertTrue(done.stderr.startswith("bakewatch-sim: "), done.stderr)

    def test_scale(self):
        with Sim("--deployments", "200", "--pods", "5", "--events", "500/s") as s:
            self.assertEqual(len(s.get("/api/v1/namespaces/load/pods")["items"]), 1000)
            before = int(s.say("now")["resourceVersion"])
            s.until("T+0:02")
            self.assertAlmostEqual(int(s.say("now")["resourceVersion"]) - before, 1000, delta=100)


OPEN = """env KUBECONFIG={kubeconfig}
env XDG_STATE_HOME=build/state
size 40 120
start $BAKEWATCH -n shop
wait checkout-api within 20000
"""


class Console(unittest.TestCase):
    """The real console before it, by what a person would see."""

    def play(self, s, text):
        say = f"sh {common.HERE}/sim.py {s.ready['control']} "
        common.scene(OPEN.format(kubeconfig=s.kubeconfig) + "".join(
            line.replace("say ", say, 1) + "\n" if line.startswith("say ") else line + "\n" for line in text.strip().splitlines())
            + "keys q\nexit 0\nsane\n")

    def test_bad_release_is_seen(self):
        with Sim() as s:
            self.play(s, """
gone OOMKilled
say 'until T+1:03'
wait 2.15.0 within 20000
say 'until T+3:00'
wait OOMKilled within 20000
keys 2
wait BackOff within 20000
""")

    def test_a_lost_link_is_seen(self):
        with Sim(story="observer-lost") as s:
            self.play(s, """
say 'until T+3:01'
wait LINK LOST since within 20000
say 'until T+6:01'
gone LINK LOST since
wait 2.14.1 within 20000
""")

    def test_forgotten_versions_are_listed_anew(self):
        with Sim() as s:
            self.play(s, """
say 'link down' 'until T+2:00' forget 'link up'
wait 2.15.0 within 30000
""")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Ends(unittest.TestCase):
    """However it ends, its files are gone."""

    def start(self, *args, stdin=subprocess.DEVNULL):
        self.top = tempfile.mkdtemp()
        p = subprocess.Popen([SIM, "--speed", "0", "--dir", self.top + "/run", *args], stdin=stdin, stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.stdout.close)
        ready = json.loads(p.stdout.readline())
        self.assertTrue(pathlib.Path(ready["kubeconfig"]).exists())
        return p, ready

    def gone(self):
        self.assertEqual(os.listdir(self.top), [])
        os.rmdir(self.top)

    def test_signals(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            p, _ = self.start()
            p.send_signal(sig)
            self.assertEqual(p.wait(20), 0)
            self.gone()

    def test_what_is_there_already_stays(self):
        p, ready = self.start()
        second = subprocess.run([SIM, "--speed", "0", "--dir", self.top + "/run"], capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual((second.returncode, "File exists" in second.stderr), (1, True))
        self.assertEqual(sorted(f for f in os.listdir(self.top + "/run") if "-" not in f), ["config.yaml", "control", "errors.db", "kubeconfig"])
        self.assertEqual(len(status(ready["kubeconfig"], "-n", "shop")), 7)
        p.terminate()
        self.assertEqual(p.wait(20), 0)
        self.gone()

    def test_end_of_stdin(self):
        p, _ = self.start("--with-parent", stdin=subprocess.PIPE)
        p.stdin.close()
        self.assertEqual(p.wait(20), 0)
        self.gone()

    def test_quit_with_a_watch_open(self):
        p, ready = self.start()
        base = ready["prometheus"].removesuffix("/prometheus")
        host, token = base.removeprefix("http://").split("/")
        with socket.create_connection(host.split(":")) as watch:
            watch.sendall(f"GET /{token}/api/v1/pods?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertTrue(watch.recv(100))
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(ready["control"])
                control.sendall(b"quit\n")
                self.assertEqual(p.wait(20), 0)
        self.gone()

    def test_a_killed_parent(self):
        self.top = tempfile.mkdtemp()
        code = ("import subprocess, sys, time\n"
                "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
                "print(p.pid, flush=True)\np.stdout.readline()\nprint('up', flush=True)\ninput()\n")
        parent = subprocess.Popen([sys.executable, "-c", code, SIM, "--with-parent", "--speed", "0", "--dir", self.top + "/run"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(parent.stdout.close)
        self.addCleanup(parent.stdin.close)
        pid = int(parent.stdout.readline())
        self.assertEqual(parent.stdout.readline().strip(), "up")
        parent.kill()
        parent.wait()
        wait_for(lambda: not is_alive(pid), 20, "the end of the simulator")
        self.gone()

    def test_a_reader_that_goes_is_noticed(self):
        p, ready = self.start()
        host, token = ready["prometheus"].removesuffix("/prometheus").removeprefix("http://").split("/")
        fds = f"/proc/{p.pid}/fd"
        before = len(os.listdir(fds))
        for _ in range(20):
            with socket.create_connection(host.split(":")) as watch:
                watch.sendall(f"GET /{token}/api/v1/pods?watch=1&resourceVersion={10**15} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                self.assertTrue(watch.recv(100))
        wait_for(lambda: len(os.listdir(fds)) <= before, 20, "the connections' end")
        p.terminate()
        self.assertEqual(p.wait(20), 0)
        self.gone()

    def test_live_data_within_two_seconds(self):
        begin = time.monotonic()
        with Sim(speed=10) as s:
            self.assertEqual(len(status(s.kubeconfig, "-n", "shop")), 7)
            self.assertLess(time.monotonic() - begin, 10)  # measured: a tenth of a second


if __name__ == "__main__":
    common.main()
