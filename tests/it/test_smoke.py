#!/usr/bin/python3
"""Smoke checks against a service with a login: create, read, change, delete, by a token that a step saved; what
fails and how it says so; what may write, and what is journalled of it."""
import http.server
import json
import pathlib
import shutil
import tempfile
import threading
import unittest

from common import bakewatch, main

TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwcm9iZSJ9.x"


class Orders(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_any(self):
        s = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        s.seen.append((self.command, self.path, self.headers.get("Authorization"), body.decode()))
        if self.path == "/login":
            ok = self.command == "POST" and json.loads(body) == {"user": "probe", "password": "pa\"ss"}
            return self.answer(200 if ok else 401, {"token": TOKEN} if ok else {"error": "no"})
        if self.path == "/healthz":
            return self.answer(200, {"status": "pass"})
        if self.path == "/text":
            return self.answer(200, "no object")
        if self.headers.get("Authorization") != "Bearer " + TOKEN:
            return self.answer(401, {"error": "who are you"})
        if self.path == "/orders" and self.command == "POST":
            s.orders["o 1/x"] = json.loads(body)
            return self.answer(201, {"id": "o 1/x", "n": 12345678901234567})
        if self.path == "/orders/o%201%2Fx":
            if self.command == "DELETE":
                s.orders.clear()
                return self.answer(204)
            if s.orders:
                return self.answer(200, {"id": "o 1/x", "state": {"paid": False}, "items": 2})
        return self.answer(404, {"error": "not here"})

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = handle_any

    def log_message(self, *args):
        pass


CHECK = """
environments:
  lab:
    class: staging
    smoke:
    - name: orders
      steps:
      - {name: login, method: POST, url: "URL/login", body: '{"user":"probe","password":"pa\\"ss"}', save: {token: token}}
      - {name: create, method: POST, url: "URL/orders", bearer: "${token}", body: '{"sku":"a"}', expect: 201, json: {n: 12345678901234567}, save: {order: id}}
      - {name: read, url: "URL/orders/${order}", bearer: "${token}", json: {id: "o 1/x", state.paid: false, items: 2}}
      - {name: remove, method: DELETE, url: "URL/orders/${order}", bearer: "${token}", expect: 204}
      - {name: gone, url: "URL/orders/${order}", bearer: "${token}", expect: 404}
    - name: up
      steps:
      - {url: "URL/healthz", json: {status: pass}}
      - {method: HEAD, url: "URL/healthz"}
    - name: wrong-status
      steps: [{url: "URL/nothing"}]
    - name: wrong-field
      steps: [{url: "URL/healthz", json: {status: warn}}]
    - name: no-json
      steps: [{url: "URL/text", json: {a: }}]
    - name: refused
      steps: [{url: "http://127.0.0.1:1/"}]
    - name: unsaved
      steps: [{url: "URL/${nothing}"}]
"""


class Smoke(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-smoke-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Orders)
        self.server.orders, self.server.seen = {}, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.config = self.write(CHECK)

    def write(self, text):
        path = self.dir / "config.yaml"
        path.write_text(text.replace("URL", f"http://127.0.0.1:{self.server.server_port}"))
        return str(path)

    def run_it(self, *args):
        return bakewatch("smoke", "-e", "lab", "--config", self.config, "--state-dir", str(self.dir), *args)

    def lines(self, *args):
        code, out, err = self.run_it("-o", "ndjson", *args)
        return code, [json.loads(line) for line in out.splitlines()], err

    def test_a_whole_round(self):
        code, steps, err = self.lines("--write", "orders")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([(s["step"], s["outcome"], s["status"]) for s in steps],
                         [("login", "ok", 200), ("create", "ok", 201), ("read", "ok", 200), ("remove", "ok", 204), ("gone", "ok", 404)])
        self.assertEqual(self.server.orders, {})

    def test_what_writes_is_asked_for_and_journalled(self):
        code, steps, err = self.lines("orders")
        self.assertEqual((code, len(steps), steps[0]["outcome"]), (3, 1, "not run"))
        self.assertEqual(self.server.seen, [])
        code, steps, err = self.lines("--write", "--read-only", "orders")
        self.assertEqual((code, self.server.seen), (3, []))
        self.assertEqual(self.lines("--write", "orders")[0], 0)
        code, out, err = bakewatch("journal", "-o", "ndjson", "--state-dir", str(self.dir))
        entries = [json.loads(line) for line in out.splitlines()]
        sent = [e for e in entries if e["action"] == "smoke" and e["state"] == "APPLIED"]
        self.assertEqual(len(sent), 3, out)
        self.assertIn("POST http://127.0.0.1", sent[0]["target"])
        for secret in (TOKEN, "pa\\\"ss", "sku"):
            self.assertNotIn(secret, out)

    def test_what_fails_says_how(self):
        want = {"wrong-status": ("status", "answers 401, 200 was expected"), "wrong-field": ("body", "status is not warn"),
                "no-json": ("body", "a is not there"), "refused": ("failed", "refused"), "unsaved": ("failed", "no earlier step has saved it")}
        for name, (reason, text) in want.items():
            with self.subTest(name):
                code, steps, err = self.lines(name)
                self.assertEqual((code, steps[0]["outcome"], steps[0]["reason"]), (1, "FAILED", reason))
                self.assertIn(text, steps[0]["text"])
        code, out, err = self.run_it("up", "wrong-field")
        self.assertEqual((code, len(out.splitlines())), (1, 3))
        self.assertIn("FAILED", out.splitlines()[2])
        self.assertEqual(self.run_it("up")[0], 0)
        self.assertEqual(self.run_it("nothing")[0], 2)

    def test_what_the_file_may_say(self):
        bad = [("every: 1m\n      steps: [{method: POST, url: \"http://x/\"}]", "writes: true"),
               ("every: 1m\n      writes: true\n      steps: [{method: PUT, url: \"http://x/\"}]", "staging or development"),
               ("steps: [{url: \"ftp://x/\"}]", "http://"), ("steps: [{url: \"http://x/\", expect: 99}]", "status of HTTP"),
               ("steps: []", "1 to 20"), ("steps: [{url: \"http://x/\", headers: {a: \"b\\r\\nc: d\"}}]", "line break"),
               ("steps: [{url: \"http://x/\", bearer: a, token_file: b}]", "one of them must go"),
               ("steps: [{urll: \"http://x/\"}]", "did you mean")]
        for text, words in bad:
            with self.subTest(text):
                config = self.write("environments:\n  lab:\n    class: production\n    smoke:\n    - name: a\n      " + text + "\n")
                code, out, err = bakewatch("config", "validate", "--config", config)
                self.assertEqual(code, 2)
                self.assertIn(words, out + err)


if __name__ == "__main__":
    main()
