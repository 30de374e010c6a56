"""Starts the proxy and talks to it."""
import os
import pathlib
import socket
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Chaos:
    def __init__(self, upstream, *tls):
        self.path = tempfile.mktemp(prefix="bakewatch-chaos-")
        self.process = subprocess.Popen([str(HERE / "proxy"), "--upstream", upstream, "--control",
                                         self.path, *tls], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __call__(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            with s.makefile("rw") as f:
                f.write(command + "\n")
                f.flush()
                answer = f.readline().strip()
        assert answer.startswith("ok"), answer
        return answer[3:]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
