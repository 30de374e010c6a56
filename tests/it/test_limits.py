#!/usr/bin/python3
"""No memory, few descriptors: the console leaves a sane terminal, or stays and says what it cannot do."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from common import HERE, main, scene
from scripted import Scripted, meta
from test_scripted import deployment


class Limits(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-limits-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.server = Scripted({("deployments", "list"): lambda n: meta([deployment(f"web-{i}") for i in range(50)])})
        self.addCleanup(self.server.server.shutdown)
        self.config = self.server.kubeconfig(self.dir / "config")

    def test_memory_ends_anywhere(self):
        """Steps through the start, the first paint and the first lists."""
        library = self.dir / "failmalloc.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "failmalloc.c")], check=True)
        at, ends = 1, ""
        while True:
            text = (f"size 30 120\nstart env LD_PRELOAD={library} FAIL_AT={at} $BAKEWATCH\n"
                    "exit * within 5000\nsane\ndump\n")
            try:
                ends += scene(text, KUBECONFIG=self.config)
            except AssertionError as e:
                if "it has not ended" in str(e):  # it needs fewer than that in 5 s
                    break
                raise
            at += max(1, at // 4)
        self.assertGreater(at, 2000)
        self.assertIn("out of memory", ends)

    def test_few_descriptors(self):
        """Too few for a screen: one line.  Too few for every source: those that got one are shown."""
        for n in (5, 7, 9):
            out = scene(f"size 30 120\nstart prlimit --nofile={n} $BAKEWATCH\nexit * within 2000\nsane\ndump\n",
                        KUBECONFIG=self.config)
            self.assertIn("Too many open files", out)
        scene("size 30 120\nstart prlimit --nofile=18 $BAKEWATCH\nwait web-1\nkeys 3z\nwait Too many open files\nlatency 10\n"
              "keys q\nexit 0\nsane\n", KUBECONFIG=self.config)


if __name__ == "__main__":
    main()
