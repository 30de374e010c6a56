#!/usr/bin/python3
"""A simulator of the tests: bakewatch-sim as a child, its control socket, its API.

  sim.py CONTROL LINE...    says the lines to a control socket: for scenes
"""
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

from common import ask

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SIM = os.environ.get("SIM", str(TOP / "build/plain/bakewatch-sim"))


class Sim:
    """Ends with the test's process at the latest: its stdin is ours."""

    def __init__(self, *args, story="bad-release", seed=1, speed=0, event_log=None):
        self.top = tempfile.TemporaryDirectory(prefix="bakewatch-sim-test-")
        self.dir = pathlib.Path(self.top.name) / "run"
        which = ["--story", story] if "/" in story else ["--scenario", story]
        self.process = subprocess.Popen(
            [SIM, *which, "--seed", str(seed), "--speed", str(speed), "--dir", str(self.dir), "--with-parent",
             *(["--event-log", event_log] if event_log else []), *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("bakewatch-sim: " + self.process.stderr.read())
        self.ready = json.loads(line)
        self.kubeconfig = self.ready["kubeconfig"]
        self.base = self.ready["prometheus"].removesuffix("/prometheus")
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(self.ready["control"])
        self.lines = self.control.makefile("r", encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.end()

    def say(self, line):
        self.control.sendall(line.encode() + b"\n")
        answer = json.loads(self.lines.readline())
        if "error" in answer:
            raise AssertionError(f"{line}: {answer['error']}")
        return answer

    def until(self, t):
        return self.say(f"until {t}")

    def request(self, path, method="GET", body=None, headers=None, base=None):
        """(status, document or text)"""
        request = urllib.request.Request((base or self.base) + path, method=method,
                                         data=body if isinstance(body, bytes) or body is None else json.dumps(body).encode(),
                                         headers=headers or {})
        return ask(request, timeout=30)

    def get(self, path):
        status, doc = self.request(path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {doc}")
        return doc

    def deployment(self, name):
        return self.get(f"/apis/apps/v1/namespaces/shop/deployments/{name}")

    def pods(self, app):
        return self.get(f"/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}")["items"]

    def events(self, reason=None):
        items = self.get("/api/v1/namespaces/shop/events")["items"]
        return [e for e in items if not reason or e["reason"] == reason]

    def rows(self, where="1=1"):
        with sqlite3.connect(f"file:{self.ready['errors_db']}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            return [dict(r) for r in db.execute(f"SELECT * FROM deployment_errors WHERE {where} ORDER BY id")]

    def end(self):
        self.control.close()
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(20)
        said = self.process.stderr.read()
        self.process.stderr.close()
        self.top.cleanup()
        if code or said:
            raise AssertionError(f"bakewatch-sim ended with {code}: {said}")


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(sys.argv[1])
        answers = there.makefile("r", encoding="utf-8")
        for told in sys.argv[2:]:
            there.sendall(told.encode() + b"\n")
            print(answers.readline(), end="")
