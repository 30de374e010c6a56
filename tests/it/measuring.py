"""What the tests of measuring share: the driver that prints samples, a service whose latency and errors can
be turned up, a real Prometheus and Alertmanager on loopback ports, and servers that behave badly."""
import gzip
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

from common import TOP, wait_for

MEASURE = os.environ.get("MEASURE", str(TOP / "build/plain/tests/it/measure_calls"))
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Driver:
    """measure_calls with a configuration; its lines as they come."""

    def __init__(self, config, *targets, pace=1, **env):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.file.write(config)
        self.file.flush()
        self.process = subprocess.Popen([MEASURE, self.file.name, *targets], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, "PACE": str(pace), **env})
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.stdin.close()
        code = self.process.wait(10)
        assert code == 0 or what[0], f"measure_calls ends with {code}"
        self.file.close()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def samples(self, kind, name=None, since=0, how="sample"):
        return [x for x in self.lines[since:] if x.get(how) == kind and (name is None or x["subject"].endswith("/" + name))]

    def wait(self, what, name, seconds=30):
        """what(self) until it is true; what came is in the error."""
        try:
            return wait_for(lambda: what(self), seconds, name)
        except AssertionError as e:
            raise AssertionError(f"{e}\n" + "\n".join(map(str, self.lines[-20:]))) from None

    def wait_health(self, source, state, text=""):
        return self.wait(lambda d: next((x for x in reversed(d.lines) if x.get("health") == source), {}).get("state") == state and
                         text in next(x for x in reversed(d.lines) if x.get("health") == source)["text"], f"{source} {state} {text}")


class Shop:
    """Services with counters as time goes by: `rate` requests a second, of which `errors` fail, each as slow as
    `latency`; /metrics of each at /NAME/metrics, and what /NAME/healthz says.  `pods` play at it in turn."""

    def __init__(self, *names, pods=1):
        self.lock = threading.Lock()
        self.services = {n: {"latency": 0.02, "errors": 0.0, "rate": 100.0, "down": False} for n in names}
        self.pods = {n: [self.pod(1700000000.5 + i) for i in range(pods)] for n in names}
        self.turn = {n: 0 for n in names}
        self.at = time.monotonic()
        self.headers = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                name, _, what = self.path.lstrip("/").partition("/")
                with outer.lock:
                    outer.headers.append({**dict(self.headers), ":path": self.path})
                    status, kind, text = outer.answer(name, what)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def pod(started):
        return {"started": started, "ok": 1000.0 * started % 997, "failed": 0.0, "buckets": [0.0] * (len(BOUNDS) + 1)}

    def turn_up(self, name, **what):
        with self.lock:
            self.go_on()
            self.services[name].update(what)

    def restart(self, name):
        with self.lock:
            self.pods[name] = [self.pod(p["started"] + 100) for p in self.pods[name]]

    def go_on(self):
        now = time.monotonic()
        passed, self.at = now - self.at, now
        for name, s in self.services.items():
            for p in self.pods[name]:
                n = s["rate"] * passed / len(self.pods[name])
                p["ok"] += n * (1 - s["errors"])
                p["failed"] += n * s["errors"]
                for i, bound in enumerate((*BOUNDS, float("inf"))):
                    p["buckets"][i] += n if s["latency"] <= bound else 0

    def answer(self, name, what):
        self.go_on()
        if name not in self.services:
            return 404, "text/plain", "no such service\n"
        s = self.services[name]
        if what == "healthz":
            word = "fail" if s["down"] else "pass"
            return 200, "application/health+json", json.dumps({"status": word, "checks": {"database:pool": [
                {"status": word, "observedValue": 3, "limit": 20, "output": "x"}]}})
        p = self.pods[name][self.turn[name] % len(self.pods[name])]
        self.turn[name] += 1
        lines = [f"process_start_time_seconds {p['started']}", "# TYPE http_requests_total counter",
                 f'http_requests_total{{code="200"}} {int(p["ok"])}', f'http_requests_total{{code="500"}} {int(p["failed"])}']
        for bound, n in zip((*BOUNDS, "+Inf"), p["buckets"]):
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {int(n)}')
        return 200, "text/plain; version=0.0.4", "\n".join(lines) + "\n"


class Monitoring:
    """A real Prometheus that scrapes a Shop each second, and a real Alertmanager."""

    def __init__(self, shop):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-measure-"))
        self.port, self.alerts_port = free_port(), free_port()
        self.url, self.alerts_url = f"http://127.0.0.1:{self.port}/prom", f"http://127.0.0.1:{self.alerts_port}"
        jobs = [{"job_name": name, "metrics_path": f"/{name}/metrics", "static_configs": [
            {"targets": [f"127.0.0.1:{shop.port}"], "labels": {"service": name, "namespace": "shop"}}]} for name in shop.services]
        share = 'sum by (service, namespace) (rate(http_requests_total{code="500"}[5s])) / ' \
                'sum by (service, namespace) (rate(http_requests_total[5s]))'
        (self.dir / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [
            {"alert": "TooManyErrors", "expr": share + " > 0.05", "annotations": {"summary": "of {{ $labels.service }}"}}]}]}))
        (self.dir / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.alerts_port}"]}]}]},
            "scrape_configs": jobs}))
        (self.dir / "alertmanager.yml").write_text(json.dumps({"route": {"receiver": "none"}, "receivers": [{"name": "none"}],
                                                               "global": {"resolve_timeout": "3s"}}))
        self.processes = {}
        self.start("prometheus", "prometheus", "--config.file", "prometheus.yml", "--storage.tsdb.path", "data",
                   "--web.listen-address", f"127.0.0.1:{self.port}", "--web.external-url", self.url)
        self.start("alertmanager", "prometheus-alertmanager", "--config.file", "alertmanager.yml", "--storage.path", "alerts",
                   "--web.listen-address", f"127.0.0.1:{self.alerts_port}", "--cluster.listen-address=")
        self.wait_ready("prometheus", self.url)
        self.wait_ready("alertmanager", self.alerts_url)

    def start(self, name, *argv):
        log = open(self.dir / f"{name}.log", "ab")
        self.processes[name] = (argv, subprocess.Popen(argv, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        log.close()

    def wait_ready(self, name, url):
        def is_ready():
            if self.processes[name][1].poll() is not None:
                raise AssertionError(f"{name}: {(self.dir / f'{name}.log').read_text()}")
            try:
                return urllib.request.urlopen(url + "/-/ready", timeout=5).status == 200
            except OSError:
                return False
        wait_for(is_ready, 60, name)

    def stop(self, name):
        process = self.processes[name][1]
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    def again(self, name, url):
        self.start(name, *self.processes[name][0])
        self.wait_ready(name, url)

    def end(self):
        for _, process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Bad:
    """A server of one bad manner: `act(connection)` for each request, whose head has been read unless it is rash."""

    def __init__(self, act, tls=None, is_rash=False):
        self.heads, self.at, self.act, self.tls, self.is_rash = [], [], act, tls, is_rash
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.at.append(time.monotonic())
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        try:
            with (self.tls.wrap_socket(c, server_side=True) if self.tls else c) as c:
                head = b""
                while b"\r\n\r\n" not in head and not self.is_rash:
                    more = c.recv(4096)
                    if not more:
                        return
                    head += more
                self.heads.append(head.decode())
                self.act(c)
        except OSError:
            pass

    def end(self):
        self.socket.close()


def says(*chunks):
    def act(c):
        for chunk in chunks:
            c.sendall(chunk)
    return act


def for_ever(begin, chunk, pause=0.0):
    def act(c):
        c.sendall(begin)
        wait = threading.Event()
        while True: # ends when the other side goes
            c.sendall(chunk)
            if pause:
                wait.wait(pause)
    return act


def silent(c):
    c.recv(1)


def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BOMB = gzip.compress(bytes(64 * 1024 * 1024))
