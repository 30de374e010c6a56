#!/usr/bin/python3
"""The proxy itself, against a small server: each command does what its line says."""
import json
import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "it"))
from chaos import Chaos  # noqa: E402
from common import main, wait_for  # noqa: E402


class Proxy(unittest.TestCase):
    def setUp(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        self.chaos = Chaos(f"127.0.0.1:{self.server.getsockname()[1]}")

    def tearDown(self):
        self.chaos.end()
        self.server.close()

    def serve(self):
        while True:
            try:
                c, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(c,), daemon=True).start()

    @staticmethod
    def echo(c):
        with c:
            while True:
                try:
                    data = c.recv(4096)
                    if not data:
                        return
                    c.sendall(data)
                except OSError:
                    return

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.chaos.port))
        s.settimeout(5)
        self.addCleanup(s.close)
        return s

    def test_transparent(self):
        s = self.connect()
        s.sendall(b"hello")
        self.assertEqual(s.recv(10), b"hello")
        wait_for(lambda: json.loads(self.chaos("stats"))["down"] == 5, 5, "what was passed on is counted")

    def test_cut_and_flip(self):
        self.chaos("flip 1")
        s = self.connect()
        s.sendall(b"aaa")
        self.assertEqual(s.recv(10), b"a`a")
        self.chaos("cut 2")
        s = self.connect()
        s.sendall(b"hello")
        self.assertEqual(s.recv(10)[:2], b"hd")
        self.assertEqual(s.recv(10), b"")

    def test_reset_and_refuse(self):
        s = self.connect()
        s.sendall(b"x")
        s.recv(1)
        self.chaos("rst")
        with self.assertRaises(ConnectionResetError):
            s.recv(1)
        self.chaos("refuse on")
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.chaos("refuse off")
        self.connect()

    def test_blackhole(self):
        self.chaos("blackhole on")
        s = self.connect()
        s.sendall(b"x")
        s.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            s.recv(1)
        self.chaos("blackhole off")
        s.settimeout(5)
        self.assertEqual(s.recv(1), b"x")

    def test_unknown_command(self):
        with self.assertRaises(AssertionError):
            self.chaos("dance")
        wait_for(lambda: self.chaos("stats"), 5, "stats")


if __name__ == "__main__":
    main()
