"""What the tests with real servers share: a control plane for each test file, kubectl, bakewatch,
scenes, and a closing line that the runner counts."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BAKEWATCH = os.environ.get("BAKEWATCH", str(TOP / "build/plain/bakewatch"))
SCENE = os.environ.get("SCENE", str(TOP / "build/plain/tests/pty/scene"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))


def wait_for(what, seconds, name):
    """Polls for a state; the limit is generous, the state is what counts."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{name}: not within {seconds} s")
        time.sleep(0.05)


def together(*acts):
    """Runs them side by side: for what is mostly waiting.  The first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(a) for a in acts]:
            done.result()


class Cluster:
    """tests/it/cluster, in a folder of its own; ends with the test's process at the latest."""

    def __init__(self, kubelet=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-it-"))
        self.run("up", "--parent", str(os.getpid()), *([] if kubelet else ["--no-kubelet"]))
        self.admin = str(self.dir / "admin.kubeconfig")

    def run(self, verb, *args):
        subprocess.run([str(HERE / "cluster"), verb, str(self.dir), *args], check=True)

    def config(self, user):
        return str(self.dir / f"{user}.kubeconfig")

    def down(self):
        self.run("down")
        shutil.rmtree(self.dir, ignore_errors=True)

    def kubectl(self, *args, check=True, text=None):
        done = subprocess.run(["kubectl", "--kubeconfig", self.admin, *args], input=text,
                              capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def get(self, kind, name, ns="shop"):
        return json.loads(self.kubectl("-n", ns, "get", kind, name, "-o", "json"))

    def shop(self):
        self.kubectl("apply", "-f", str(HERE / "manifests/shop.yaml"))
        for w in ("deploy/policy-api", "deploy/scrapers", "deploy/web", "sts/db", "ds/node-agent"):
            self.kubectl("-n", "shop", "rollout", "status", w, "--timeout=60s")


def certificates(d):
    """ca.crt, other-ca.crt, and a server's for 127.0.0.1 and kubernetes.test by each: server, other-server."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    (d / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:kubernetes.test\n")
    for ca, server in (("ca", "server"), ("other-ca", "other-server")):
        openssl("req", "-x509", *key, "-keyout", f"{d}/{ca}.key", "-out", f"{d}/{ca}.crt", "-days", "30", "-subj", f"/CN={ca}")
        openssl("req", *key, "-keyout", f"{d}/{server}.key", "-out", f"{d}/{server}.csr", "-subj", f"/CN={server}")
        openssl("x509", "-req", "-in", f"{d}/{server}.csr", "-CA", f"{d}/{ca}.crt", "-CAkey", f"{d}/{ca}.key",
                "-CAcreateserial", "-out", f"{d}/{server}.crt", "-days", "30", "-extfile", f"{d}/names")


def bakewatch(*args, kubeconfig=None, env=None, check=None):
    """Runs a command to its end: (exit code, stdout, stderr)."""
    full = {**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", **(env or {})}
    if kubeconfig:
        full["KUBECONFIG"] = kubeconfig
    done = subprocess.run([BAKEWATCH, *args], capture_output=True, text=True, env=full, timeout=60,
                          check=False, errors="backslashreplace")
    if check is not None and done.returncode != check:
        raise AssertionError(f"bakewatch {' '.join(args)}: exit {done.returncode}: {done.stderr}")
    return done.returncode, done.stdout, done.stderr


def ask(request, **how):
    """(status, document or text) of a request to an API server."""
    try:
        with urllib.request.urlopen(request, **how) as answer:
            code, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        code, text = e.code, e.read().decode()
    try:
        return code, json.loads(text)
    except ValueError:
        return code, text


def status(kubeconfig, *args):
    """workloads[] of `status -o json` by "Kind/name"."""
    _, out, _ = bakewatch("status", "-o", "json", *args, kubeconfig=kubeconfig, check=0)
    doc = json.loads(out)
    assert doc["schema"] == "bakewatch/status/v1"
    return {f"{w['kind']}/{w['name']}": w for w in doc["workloads"]}


def scene(text, timeout=600, **env):
    """Plays a scene given as text; the failing line and the screen are in the error."""
    full = {**os.environ, "BAKEWATCH": BAKEWATCH, "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "XDG_STATE_HOME": tempfile.gettempdir() + "/bakewatch-it-state", **env}
    done = subprocess.run([SCENE, "-"], input=text, capture_output=True, text=True, env=full,
                          timeout=timeout, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("measured"):
            print(line, flush=True)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


class Typed:
    """A console under a scene that is typed as it goes: `SCENE -` reads a line at a time.  `tmp` is its TMPDIR."""

    def __init__(self, begin, **env):
        self.tmp = tempfile.TemporaryDirectory(prefix="bakewatch-typed-")
        self.scene = subprocess.Popen(
            [SCENE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "BAKEWATCH": BAKEWATCH, "TERM": "xterm-256color", "LANG": "C.UTF-8", "TMPDIR": self.tmp.name, **env})
        self.said, self.steps = [], 0
        self.reader = threading.Thread(target=lambda: self.said.extend(self.scene.stdout))
        self.reader.start()
        self.play(begin)

    def play(self, text, seconds=60):
        """Returns when the scene has played it."""
        self.steps += 1
        mark = f"{self.tmp.name}/step-{self.steps}"
        with contextlib.suppress(BrokenPipeError):
            self.scene.stdin.write(f"{text}\nsh touch {mark}\n")
            self.scene.stdin.flush()
        wait_for(lambda: os.path.exists(mark) or self.scene.poll() is not None, seconds, text)
        if not os.path.exists(mark):
            self.reader.join()
            raise AssertionError("".join(self.said))

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.scene.stdin.write("keys :q!<enter>\nexit 0\nsane\n")
            self.scene.stdin.close()
        code = self.scene.wait(300)
        self.reader.join()
        self.scene.stdout.close()
        self.tmp.cleanup()
        assert code == 0, "".join(self.said)


def main():
    """unittest.main with the line that tests/run reads."""
    result = unittest.main(exit=False, verbosity=2, warnings="ignore").result
    bad = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors}) # a test with parts is one
    skipped = len(result.skipped)
    for test, why in result.skipped:
        print(f"skipped {test}: {why}")
    print(f"{max(result.testsRun - bad - skipped, 0)} passed, {bad} failed, {skipped} skipped")
    sys.exit(1 if bad else 0)
